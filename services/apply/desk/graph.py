"""The officers' desk in the graph, for an officer's own token."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, Self
from uuid import UUID

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from core.errors import BadInput, NotFound, NotSignedIn, SitthiError
from core.graph import (
    Access,
    Connection,
    Delegate,
    Info,
    Problem,
    connection,
    field,
    localized,
    mutation,
    page_size,
    read_cursor,
    work_of,
)
from core.ids import GlobalId, MalformedGlobalId
from core.text import Text
from identity.officers import Officer
from services.apply.desk import acts
from services.apply.desk.acts import Act
from services.apply.desk.case_graph import DeskCase, QueuedCase
from services.apply.desk.queue import Line, Queue, line_of, place_of, written
from services.apply.desk.service import CaseDesk
from services.apply.desk.showing import CaseLooks
from services.apply.states import Status, Turn
from services.exchange.graph.fields import described

OFFICER: Final = "desk.officer"
"""Where the edge puts the officer behind the request (`Context.memo`)."""


def officer_of(info: Info) -> Officer:
    """Raises NotSignedIn for who does not come as an officer."""
    officer: Officer | None = info.context.memo.get(OFFICER)
    if officer is None:
        raise NotSignedIn
    return officer


@strawberry.type(description="The applications that the officer's agency decides.")
class OfficersDesk:
    @described("What is due first comes first; of the agency's turn, unless `status` or `turn` say otherwise.")
    async def queue(
        self,
        info: Info,
        status: list[Status] | None = None,
        turn: Turn | None = None,
        subject: str | None = None,
        due_until: date | None = None,
        mine: bool = False,
        free: bool = False,
        proposed: bool = False,
        first: int | None = None,
        after: str | None = None,
    ) -> Connection[QueuedCase]:
        size, begin = page_size(first), read_cursor(after)
        wanted = Queue(status, turn, subject, due_until, mine=mine, free=free, proposed=proposed)
        desk, officer = info.context.room(CaseDesk), officer_of(info)
        lines = await wanted.read(info.context.db, info.context.clock, desk, officer, place_of(begin), size + 1)
        return connection(Connection[QueuedCase], lines, size, key=written, node=QueuedCase.of)

    @described(
        "One case, for who may look at it; another agency's is null, as what never was. `declaration`: where "
        "TIES_UNKNOWN stands in the way, why you look on your word that it is of nobody near you; it is checked later."
    )
    async def case(self, info: Info, id: strawberry.ID, declaration: str | None = None) -> DeskCase | None:
        officer, key, request = officer_of(info), _application(id), info.context.request_id
        try:
            shown = await info.context.room(CaseLooks).show(officer, key, request=request, declaration=declaration)
        except NotFound:
            return None
        return DeskCase.of(await _line(info, key), shown)


@strawberry.type(description="The officer who asks.")
class OfficerWhoAsks:
    agency: str = strawberry.field(description="Slug.")
    roles: list[str]

    @strawberry.field
    def name(self, info: Info) -> str:
        return localized(info, officer_of(info).name)

    @strawberry.field
    def desk(self) -> OfficersDesk:
        return OfficersDesk()


@strawberry.type
class DeskQuery:
    @field(Access.OFFICER, description="The officer who asks, by a token for `/officer`; null for everybody else.")
    def officer(self, info: Info) -> OfficerWhoAsks | None:
        officer: Officer | None = info.context.memo.get(OFFICER)
        return None if officer is None else OfficerWhoAsks(agency=officer.agency, roles=sorted(officer.roles))


@strawberry.input
class ReferCaseInput:
    to: strawberry.ID = strawberry.field(description="The colleague's key, 32 hex digits.")


@strawberry.input
class NoteOnCaseInput:
    text: str


@strawberry.input
class WantedInput:
    attribute: str
    why: str = strawberry.field(description="In Thai, for the citizen.")
    why_en: str | None = None


@strawberry.input
class AskApplicantInput:
    wanted: list[WantedInput]


@strawberry.input(description="Reason and law for the citizen, Thai first.")
class OfficersDecisionInput:
    reason: str
    law: str
    reason_en: str | None = None
    law_en: str | None = None
    findings: JSON | None = strawberry.field(default=None, description="By attribute: found by evidence.")


@strawberry.input
class CheckProposalInput:
    proposal: strawberry.ID


@strawberry.input
class GiveBackInput:
    proposal: strawberry.ID
    reason: str


@strawberry.input(one_of=True, description="One of them.")
class CaseActInput:
    claim: bool | None = strawberry.field(default=UNSET, description="`true`.")
    release: bool | None = strawberry.field(default=UNSET, description="`true`: back into the queue.")
    refer: ReferCaseInput | None = UNSET
    note: NoteOnCaseInput | None = UNSET
    ask: AskApplicantInput | None = UNSET
    propose: OfficersDecisionInput | None = strawberry.field(
        default=UNSET, description="A grant. One that pays waits for a second officer."
    )
    refuse: OfficersDecisionInput | None = UNSET
    approve: CheckProposalInput | None = UNSET
    give_back: GiveBackInput | None = UNSET


@strawberry.input
class WorkOnCaseInput:
    case: strawberry.ID
    act: CaseActInput
    idempotency_key: str
    version: int | None = strawberry.field(default=None, description="As the officer saw it.")


@strawberry.type
class WorkOnCasePayload:
    case: QueuedCase | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(case=QueuedCase.of(await _line(info, UUID(hex=kept["case"]))))


@strawberry.type
class DeskMutation:
    @mutation(
        WorkOnCasePayload,
        delegate=Delegate.NOTHING,
        access=Access.OFFICER,
        keyed=True,
        description="What an officer does about a case of their agency, by a token for `/officer`.",
    )
    async def work_on_case(self, info: Info, input: WorkOnCaseInput) -> WorkOnCasePayload:
        desk, officer, work = info.context.room(CaseDesk), officer_of(info), work_of(info)
        key, request = _application(input.case), info.context.request_id
        ready = await desk.prepare(officer, key, _act(input.act), seen=input.version, request=request)
        async with work.transaction() as session:
            row = await desk.perform(session, ready)
            work.keep(case=row.id.hex)
        return WorkOnCasePayload(case=QueuedCase.of(await _line(info, key)))


async def _line(info: Info, key: UUID) -> Line:
    return await line_of(info.context.db, info.context.clock, info.context.room(CaseDesk), officer_of(info), key)


def _act(given: CaseActInput) -> Act:
    """Raises BadInput."""
    chosen: Mapping[str, Any] = {name: value for name, value in vars(given).items() if value is not UNSET and value}
    if len(chosen) != 1:
        raise BadInput(Text(th="ระบุการกระทำหนึ่งอย่าง", en="name one act"), path=("act",))
    [(name, value)] = chosen.items()
    match name:
        case "claim":
            return acts.Claim()
        case "release":
            return acts.Release()
        case "refer":
            return acts.Refer(_officer(str(value.to)))
        case "note":
            return acts.note(value.text)
        case "ask":
            wanted = [{"attribute": w.attribute, "why": w.why, "whyEn": w.why_en} for w in value.wanted]
            return acts.ask(wanted)
        case "propose" | "refuse":
            reason, law = (value.reason, value.reason_en), (value.law, value.law_en)
            return acts.decide(name == "propose", reason, law, value.findings)
        case "approve":
            return acts.Approve(_key(value.proposal, "DeskDecision", "proposal"))
        case _:
            return acts.give_back(_key(value.proposal, "DeskDecision", "proposal"), value.reason)


def _application(given: strawberry.ID) -> UUID:
    return _key(given, "Application", "case")


def _key(given: strawberry.ID, kind: str, path: str) -> UUID:
    try:
        return GlobalId.parse(str(given), expected=kind).id
    except SitthiError:
        raise MalformedGlobalId(path=(path,)) from None


def _officer(given: str) -> UUID:
    try:
        return UUID(hex=given)
    except ValueError:
        raise NotFound(path=("refer", "to")) from None
