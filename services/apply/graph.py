"""Applications in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Final, Self
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry.scalars import JSON

from core.assurance import Aal, Assurance, Demand, Ial
from core.errors import BadInput, SitthiError
from core.graph import (
    Connection,
    Delegate,
    Info,
    Node,
    Nodes,
    Problem,
    connection,
    global_id,
    localized,
    mutation,
    page_size,
    read_cursor,
    rights,
    work_of,
)
from core.graph.mutations import problem_of
from core.ids import GlobalId, MalformedGlobalId
from core.text import Text
from services.apply import models, repository
from services.apply.acceptance.service import Acceptance
from services.apply.applied_for import ApplyInput, asked_for, subject_of_programme
from services.apply.deciding import Holder, Missing
from services.apply.decisions.graph import DECISIONS, WithDecisions
from services.apply.delivery.graph import CASES, OfService
from services.apply.drafts.errors import DraftChanged
from services.apply.drafts.graph import NODES as DRAFTS
from services.apply.drafts.graph import (
    DraftConflict,
    DraftMutation,
    DraftsOfCitizen,
    draft_conflict,
    seen_of,
)
from services.apply.errors import AlreadyApplied
from services.apply.evidence import graph as evidence
from services.apply.form_graph import FormQuery
from services.apply.forms import QuestionCounter
from services.apply.life_graph import EVENTS, LifeOfApplication
from services.apply.service import ApplyService
from services.apply.states import TURNS, Status, Turn
from services.exchange.facts import Lack
from services.exchange.graph import Person
from services.exchange.graph.fields import described

PROVED: Final = Demand(Assurance(Ial.IAL_2_3, Aal.AAL_1))
"""Whose right it is must be certain: an identity proofed as ThaID or a counter proofs it."""
_DECISIONS: Final = "application.decision"

strawberry.enum(Turn, name="ApplicationTurn", description="Whose move it is.")
strawberry.enum(Holder, name="FactHolder", description="Who can supply what is missing.")
strawberry.enum(
    Lack,
    name="FactLack",
    description="SILENT: a source does not answer at this moment. NOT_KNOWN: it has answered, and has none. NO_SOURCE: "
    "no agency that is connected holds such values.",
)


@strawberry.enum(description="Whether a condition of the law is met; UNKNOWN is never a no.")
class ReasonOutcome(Enum):
    MET = "MET"
    UNMET = "UNMET"
    UNKNOWN = "UNKNOWN"


@strawberry.type(description="What is still to be supplied, and by whom.")
class MissingFact:
    attribute: str = strawberry.field(description="Its id, as an answer's key names it.")
    title: str
    held_by: Holder
    agency: str | None = strawberry.field(description="Slug of the agency that holds it.")
    why: Lack | None = strawberry.field(
        description="Why nobody could say it; null of what the citizen is to say. Of a house it is not said of whom."
    )

    @classmethod
    def of(cls, info: Info, missing: Missing) -> MissingFact:
        return cls(
            attribute=missing.attribute,
            title=localized(info, missing.title),
            held_by=missing.held_by,
            agency=missing.agency,
            why=missing.why,
        )


@strawberry.type(description="One condition of the decision, without the facts it was judged by.")
class DecisionReason:
    text: str
    outcome: ReasonOutcome
    law: str


@strawberry.type(description="An application of the viewer.")
class Application(Node, LifeOfApplication, OfService, WithDecisions, evidence.EvidenceOfApplication):
    subject: str = strawberry.field(description="What is applied for: `programme:<slug>` or `service:<slug>`.")
    status: Status
    turn: Turn
    submitted_at: datetime
    decided_at: datetime | None

    @classmethod
    def of(cls, row: models.Application) -> Application:
        status = Status(row.status)
        return cls(
            id=global_id("Application", row.id),
            row=row,
            subject=row.subject,
            status=status,
            turn=TURNS[status],
            submitted_at=row.created_at,
            decided_at=row.decided_at,
        )

    @strawberry.field
    def title(self, info: Info) -> str:
        return localized(info, Text(**self.row.title))

    @described("The viewer, or the child that it is for.")
    def beneficiary(self) -> Person:
        return Person.of(self.row.beneficiary)

    @described("What nobody has said yet; empty unless the application waits.")
    def missing(self, info: Info) -> list[MissingFact]:
        return [MissingFact.of(info, Missing.read(one)) for one in self.row.missing]

    @described("Why the last decision came out as it did; empty before there is one.")
    async def reasons(self, info: Info) -> list[DecisionReason]:
        async def batch(keys: list[UUID]) -> Sequence[models.Decision | None]:
            async with info.context.db.read() as session:
                found = await repository.last_decisions(session, info.context.signed_in().person, keys)
            return [found.get(key) for key in keys]

        decision = await info.context.loader(_DECISIONS, batch).load(self.row.id)
        return [] if decision is None else [_reason(info, reason) for reason in decision.reasons]


def _reason(info: Info, reason: dict[str, Any]) -> DecisionReason:
    return DecisionReason(
        text=localized(info, Text(th=reason["th"], en=reason["en"])),
        outcome=ReasonOutcome(reason["outcome"]),
        law=localized(info, Text(**reason["law"])),
    )


@strawberry.type
class ApplyOfCitizen(DraftsOfCitizen):
    """What this room adds to `Citizen`."""

    person: strawberry.Private[UUID]

    @described("Newest first.", **rights(Delegate.VIEW))
    async def applications(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[Application] | None:
        size, before = page_size(first), _cursor(after)
        async with info.context.db.read() as session:
            rows = await repository.page(session, self.person, size + 1, before)
        return connection(Connection[Application], rows, size, key=lambda row: row.id.hex, node=Application.of)


@strawberry.input
class SupplementInput:
    application: strawberry.ID
    answers: JSON
    idempotency_key: str
    evidence: list[strawberry.ID] | None = strawberry.field(default=None, description="Ids of `Evidence`.")


@strawberry.input
class WithdrawInput:
    application: strawberry.ID
    idempotency_key: str


@strawberry.input
class AppealInput:
    application: strawberry.ID
    grounds: str = strawberry.field(description="Why the decision is wrong, in the citizen's own words.")
    idempotency_key: str


@strawberry.type
class ApplicationPayload:
    application: Application | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(application=await application_node(info, UUID(hex=kept["application"])))


@strawberry.type
class ApplyPayload(ApplicationPayload):
    existing: Application | None = strawberry.field(
        default=None, description="With ALREADY_APPLIED: the viewer's own application that stands in the way."
    )
    conflict: DraftConflict | None = strawberry.field(default=None, description="With DRAFT_CHANGED.")


@strawberry.type
class SupplementPayload(ApplicationPayload):
    pass


@strawberry.type
class WithdrawPayload(ApplicationPayload):
    pass


@strawberry.type
class AppealPayload(ApplicationPayload):
    pass


@strawberry.type
class ApplyMutation(DraftMutation):
    """Each gathers what is far away first, then opens its one transaction."""

    @mutation(
        ApplyPayload,
        delegate=Delegate.APPLY,
        demand=PROVED,
        description="Applies for a programme, for the viewer or a child of theirs, or to an agency's service.",
    )
    async def apply(self, info: Info, input: ApplyInput) -> ApplyPayload:
        row = await _accepted(info, input)
        if row is not None:
            return ApplyPayload(application=_changed(info, row))
        with info.context.room(Acceptance).deciding():
            return await _decided_now(info, input)

    @mutation(
        SupplementPayload,
        delegate=Delegate.APPLY,
        description="Answers what an application waits for; it is then decided again.",
    )
    async def supplement(self, info: Info, input: SupplementInput) -> SupplementPayload:
        service, work = info.context.room(ApplyService), work_of(info)
        again = await service.prepare_supplement(
            work.viewer.person,
            _application(input.application),
            input.answers,
            request=info.context.request_id,
            acted_by=work.acted_by,
        )
        async with work.transaction() as session:
            row = await service.supplement(session, again)
            await evidence.submit(info, session, row, input.evidence)
            work.keep(application=row.id.hex)
        return SupplementPayload(application=_changed(info, row))

    @mutation(
        WithdrawPayload,
        delegate=Delegate.APPLY,
        description="Takes an application back; an award that came of it ends.",
    )
    async def withdraw(self, info: Info, input: WithdrawInput) -> WithdrawPayload:
        async def act(session: AsyncSession, person: UUID, application: UUID) -> models.Application:
            acted_by = work_of(info).acted_by
            return await info.context.room(ApplyService).withdraw(session, person, application, acted_by=acted_by)

        return WithdrawPayload(application=await acted(info, input.application, act))

    @mutation(AppealPayload, delegate=Delegate.APPLY, description="Objects to a rejection.")
    async def appeal(self, info: Info, input: AppealInput) -> AppealPayload:
        async def act(session: AsyncSession, person: UUID, application: UUID) -> models.Application:
            room, acted_by = info.context.room(ApplyService), work_of(info).acted_by
            return await room.appeal(session, person, application, input.grounds, acted_by=acted_by)

        return AppealPayload(application=await acted(info, input.application, act))


async def _decided_now(info: Info, given: ApplyInput) -> ApplyPayload:
    service, work = info.context.room(ApplyService), work_of(info)
    seen = seen_of(given.draft, given.draft_revision)
    try:
        subject, beneficiary, answers = await asked_for(info, given, seen)
        submission = await service.prepare(
            work.viewer.person,
            beneficiary,
            subject,
            answers,
            request=info.context.request_id,
            acted_by=work.acted_by,
            draft=seen,
        )
        async with work.transaction() as session:
            row = await service.apply(session, submission)
            await evidence.submit(info, session, row, given.evidence)
            work.keep(application=row.id.hex)
    except AlreadyApplied as error:
        return await _already_applied(info, error)
    except DraftChanged as error:
        assert seen is not None, "only a draft that was seen can have changed"
        return ApplyPayload(conflict=await draft_conflict(info, seen), problems=[problem_of(error, info.context)])
    if (form := service.form(row.subject)) is not None:
        info.context.room(QuestionCounter).form_submitted(form)  # type: ignore[type-abstract]  # by its protocol
    return ApplyPayload(application=_changed(info, row))


async def _accepted(info: Info, given: ApplyInput) -> models.Application | None:
    """The application, accepted without being decided, where that is wanted and may be (docs/adr/0043)."""
    acceptance, work = info.context.room(Acceptance), work_of(info)
    if work.acted_by is not None or not given.is_plain or not acceptance.is_soon(given.decide):
        return None
    subject = subject_of_programme(given.programme or "")
    made = await acceptance.accept(work.claim, subject, given.answers, asked=given.decide is not None)
    if made is None:
        return None
    if (form := acceptance.form(subject)) is not None:
        info.context.room(QuestionCounter).form_submitted(form)  # type: ignore[type-abstract]  # by its protocol
    return made.row()


async def acted(info: Info, application: strawberry.ID, act: Any) -> Application:
    work, key = work_of(info), _application(application)
    async with work.transaction() as session:
        row = await act(session, work.viewer.person, key)
        work.keep(application=row.id.hex)
    return _changed(info, row)


def _changed(info: Info, row: models.Application) -> Application:
    """The application after a mutation: what an earlier field of the request has loaded of it is outdated."""
    for name in (_DECISIONS, DECISIONS, EVENTS, CASES, evidence.EVIDENCE):
        info.context.loaders.pop(name, None)
    return Application.of(row)


async def _already_applied(info: Info, error: AlreadyApplied) -> ApplyPayload:
    """The transaction is rolled back by now; the answer is a problem that also points to what is there."""
    existing = None if error.application is None else await application_node(info, error.application)
    return ApplyPayload(existing=existing, problems=[problem_of(error, info.context)])


def _application(given: strawberry.ID) -> UUID:
    try:
        return GlobalId.parse(str(given), expected="Application").id
    except SitthiError:
        raise MalformedGlobalId(path=("application",)) from None


def _cursor(after: str | None) -> UUID | None:
    key = read_cursor(after)
    try:
        return None if key is None else UUID(hex=key)
    except ValueError:
        raise BadInput(Text(th="cursor ไม่ถูกต้อง", en="the cursor is not one of ours"), path=("after",)) from None


async def application_node(info: Info, key: UUID) -> Application | None:
    """The viewer's application; foreign and unknown are alike."""
    viewer = info.context.viewer
    if viewer is None:
        return None
    async with info.context.db.read() as session:
        row = await repository.own(session, viewer.person, key)
    return None if row is None else Application.of(row)


@strawberry.type
class ApplyQuery(FormQuery):
    """What this room adds to the roots."""


NODES: Nodes = {"Application": application_node, **evidence.NODES, **DRAFTS}
