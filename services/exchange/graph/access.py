"""The access log as the citizen sees it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from core.crypto import KeyRing
from core.envelope import SubjectKeys
from core.errors import BadInput
from core.graph import Connection, Info, Node, connection, global_id, localized, page_size, read_cursor
from core.text import Text
from identity.delegation.graph import Delegation
from identity.delegation.models import Delegation as DelegationRow
from identity.delegation.repository import DelegationRepository
from services.exchange.access_log.households import PURPOSE as HOUSEHOLD_PURPOSE
from services.exchange.access_log.households import month_of
from services.exchange.access_log.log import ASKED, Decision
from services.exchange.access_log.records import AccessEntry as EntryRow
from services.exchange.access_log.records import AccessOutcome as OutcomeRow
from services.exchange.access_log.repository import AccessLogReader
from services.exchange.catalogue import Catalogue
from services.exchange.facts import AskerKind, Basis, FactState
from services.exchange.graph.facts import Source, source_of
from services.exchange.graph.fields import described
from services.exchange.graph.proofs import LogProof, proofs
from services.exchange.handing.giving import PURPOSES as HANDED_ON

strawberry.enum(AskerKind, description="What kind of asker it was.")
strawberry.enum(Basis, name="LegalBasis", description="The lawful basis (PDPA 2562 s.19, s.24(4), s.30).")
strawberry.enum(Decision, name="AccessDecision")


@strawberry.type(description="An attribute of the catalogue, or an agency's records as `<agency>:<operation>`.")
class AttributeName:
    id: str
    title: str


@strawberry.type(name="Purpose", description="A registered purpose.")
class PurposeName:
    id: str
    title: str


@strawberry.type(description="Who asked, as it may be told to the person it was about.")
class AccessAsker:
    row: strawberry.Private[EntryRow]
    kind: AskerKind
    label: str

    @described("Under which somebody looked who acts for the viewer; it says who that is.")
    async def delegation(self, info: Info) -> Delegation | None:
        viewer, row = info.context.signed_in().person, self.row
        if row.asker_kind != AskerKind.DELEGATE or row.subject != viewer:
            return None

        async def batch(keys: list[str]) -> Sequence[Sequence[DelegationRow]]:
            async with info.context.db.read() as session:
                return [await DelegationRepository(session).accepted(viewer, UUID(hex=key)) for key in keys]

        for one in await info.context.loader("exchange.delegations", batch).load(row.asker_id):
            if one.accepted_at is not None and one.accepted_at <= row.at <= (one.ended_at or row.at):
                return Delegation.of(one, viewer)
        return None


@strawberry.type(description="What was answered for one attribute.")
class AccessState:
    attribute: AttributeName
    state: FactState
    error: str | None = strawberry.field(description="A stable code, where something went wrong.")


@strawberry.type(description="An agreement between agencies under which the decision was made.")
class AccessAgreement:
    id: str = strawberry.field(description="As at `/open/agreements.json`.")
    version: int

    @classmethod
    def of(cls, rests_on: str) -> AccessAgreement:
        name, _, version = rests_on.rpartition(":")
        return cls(id=name, version=int(version))


@strawberry.type(description="What came of a decision.")
class AccessOutcome:
    at: datetime
    purpose: PurposeName
    states: list[AccessState]


@strawberry.type(
    description="A decision about who may see what of the citizen; made durable before anybody outside was asked, and "
    "before anything was told."
)
class AccessEntry(Node):
    row: strawberry.Private[EntryRow]
    at: datetime
    decision: Decision
    basis: Basis
    reason: str | None = strawberry.field(description="Why it was denied, a stable code.")
    month_only: bool = strawberry.field(
        description="Whether it stands for all that a household's calculations used of the citizen in one month, of "
        "which `at` is the first moment. More would tell what others in the household did."
    )
    disclosed_from: datetime | None = strawberry.field(
        description="From when on the citizen could see it, where that was later than `at`."
    )

    @classmethod
    def of(cls, row: EntryRow) -> AccessEntry:
        return cls(
            id=global_id("AccessEntry", row.id),
            row=row,
            at=row.at,
            decision=Decision(row.decision),
            basis=Basis(row.basis),
            reason=row.reason,
            month_only=month_of(row.id) is not None,
            disclosed_from=row.disclosed_from,
        )

    @strawberry.field
    def asker(self, info: Info) -> AccessAsker:
        return AccessAsker(
            row=self.row, kind=AskerKind(self.row.asker_kind), label=localized(info, Text(**self.row.asker_label))
        )

    @described("The agency for which it was asked; null for a citizen's own look.")
    def agency(self, info: Info) -> Source | None:
        return source_of(info, self.row.asker_agency) if self.row.asker_agency else None

    @strawberry.field
    def purpose(self, info: Info) -> PurposeName:
        return purpose_name(info, self.row.purpose)

    @described("All that was asked for.")
    async def attributes(self, info: Info) -> list[AttributeName]:
        outcomes = await _outcomes(info, self.row)
        later = {name for outcome in outcomes for name in outcome.states}
        return [attribute_name(info, name) for name in sorted(later.union(self.row.attributes))]

    @described(
        "Between the agencies, that it rests on; empty where none was needed, or the entry is from before it said."
    )
    def agreements(self) -> list[AccessAgreement]:
        return [AccessAgreement.of(one) for one in self.row.agreements or ()]

    @described("Of every record behind it, to be checked without us: see docs/access-log.md.")
    async def proofs(self, info: Info) -> list[LogProof]:
        return list(await proofs(info, self.row.subject, self.row.id))

    @described("Empty when it was denied, when nothing could be answered any more, and of a household's month.")
    async def outcomes(self, info: Info) -> list[AccessOutcome]:
        return [
            AccessOutcome(
                at=outcome.at, purpose=purpose_name(info, outcome.purpose), states=list(_states(info, outcome))
            )
            for outcome in await _outcomes(info, self.row)
            if ASKED not in outcome.states.values()
        ]


def _states(info: Info, outcome: OutcomeRow) -> Sequence[AccessState]:
    return [
        AccessState(attribute=attribute_name(info, name), state=FactState(state), error=outcome.errors.get(name))
        for name, state in sorted(outcome.states.items())
    ]


async def _outcomes(info: Info, row: EntryRow) -> Sequence[OutcomeRow]:
    db = info.context.db

    async def batch(keys: list[tuple[UUID, UUID]]) -> Sequence[Sequence[OutcomeRow]]:
        async with db.read() as session:
            log, now = _reader(info, session), info.context.clock.now()
            found = {
                subject: await log.outcomes(subject, [entry for of, entry in keys if of == subject], at=now)
                for subject in {subject for subject, _ in keys}
            }
        return [found[subject].get(entry, ()) for subject, entry in keys]

    return await info.context.loader("exchange.outcomes", batch).load((row.subject, row.id))


async def access_log(info: Info, person: UUID, first: int | None, after: str | None) -> Connection[AccessEntry]:
    """The newest first."""
    size = page_size(first)
    before, wanted = cursor_key(after), size + 1
    rows: list[EntryRow] = []
    async with info.context.db.read() as session:
        log, now = _reader(info, session), info.context.clock.now()
        while len(rows) < wanted:  # what cannot be read is passed over, and hides nothing that is older
            found = await log.page(person, size=wanted, before=before, at=now)
            rows += [row for row in found if isinstance(row, EntryRow)]
            if len(found) < wanted:
                break
            before = found[-1].id
    del rows[wanted:]
    return connection(Connection[AccessEntry], rows, size, key=lambda row: row.id.hex, node=AccessEntry.of)


async def access_entry_node(info: Info, key: UUID) -> AccessEntry | None:
    viewer = info.context.viewer
    if viewer is None:
        return None
    async with info.context.db.read() as session:
        row = await _reader(info, session).get(viewer.person, key, at=info.context.clock.now())
    return AccessEntry.of(row) if isinstance(row, EntryRow) else None


def _reader(info: Info, session: AsyncSession) -> AccessLogReader:
    return AccessLogReader(session, SubjectKeys(info.context.room(KeyRing)))


def attribute_name(info: Info, name: str) -> AttributeName:
    return AttributeName(id=name, title=localized(info, info.context.room(Catalogue).title(name)))


def purpose_name(info: Info, purpose: str) -> PurposeName:
    if purpose == HOUSEHOLD_PURPOSE.id:
        return PurposeName(id=purpose, title=localized(info, HOUSEHOLD_PURPOSE.text))
    if purpose in HANDED_ON:
        return PurposeName(id=purpose, title=localized(info, HANDED_ON[purpose].text))
    entry = info.context.room(Catalogue).purposes.get(purpose)
    text = entry.purpose.text if entry is not None else Text(th=purpose, en=purpose)
    return PurposeName(id=purpose, title=localized(info, text))


def cursor_key(after: str | None) -> UUID | None:
    """Raises BadInput for a cursor that is not one of a list ordered by row key."""
    key = read_cursor(after)
    try:
        return UUID(hex=key) if key is not None else None
    except ValueError:
        raise BadInput(Text(th="cursor ไม่ถูกต้อง", en="the cursor is not one of ours"), path=("after",)) from None
