"""Disputes in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from datetime import date, datetime
from typing import Any, Final, Self
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import SitthiError
from core.graph import (
    Delegate,
    Info,
    MoneyAmount,
    Node,
    Nodes,
    Problem,
    global_id,
    mutation,
    work_of,
)
from core.graph.types import Satang
from core.ids import GlobalId, MalformedGlobalId
from core.money import Money
from services.exchange.graph.fields import described
from services.receive.disputes.models import Dispute as DisputeRow
from services.receive.disputes.repository import DisputeRepository
from services.receive.disputes.service import DisputeService
from services.receive.disputes.service import DisputeStep as StepOfDispute
from services.receive.disputes.states import TURNS, DisputeAction, DisputeKind, DisputeStatus, DisputeTurn, Finding

_STEPS: Final = "receive.disputes.steps"
_DISPUTES: Final = "receive.disputes"

strawberry.enum(DisputeKind, description="What the citizen says of a payment.")
strawberry.enum(DisputeStatus, description="Where a dispute stands.")
strawberry.enum(DisputeTurn, description="Whose move it is.")
strawberry.enum(DisputeAction, description="What moved a dispute.")
strawberry.enum(Finding, name="DisputeFinding", description="What the agency found. It moves no money by itself.")


@strawberry.type(description="One step of a dispute, as both sides see it.")
class DisputeStep:
    at: datetime
    action: DisputeAction
    status: DisputeStatus
    finding: Finding | None
    by_agency: bool
    note: str | None = strawberry.field(
        description="What was said: the citizen's words, or the agency's reason. Null for who acts for the citizen "
        "without scope RECEIVE."
    )

    @classmethod
    def of(cls, step: StepOfDispute, *, with_words: bool) -> DisputeStep:
        return cls(
            at=step.at,
            action=step.action,
            status=step.status,
            finding=step.finding,
            by_agency=step.by is not None,
            note=step.note if with_words else None,
        )


@strawberry.type
class Dispute(Node):
    """A citizen's word that a payment did not come, or not in full, before the agency that paid."""

    row: strawberry.Private[DisputeRow]
    kind: DisputeKind
    said: strawberry.Private[MoneyAmount | None]
    status: DisputeStatus
    turn: DisputeTurn
    finding: Finding | None = strawberry.field(description="The agency's last answer.")
    created_at: datetime
    closed_at: datetime | None
    due_on: date | None = strawberry.field(
        description="The last day, in Bangkok, for whose turn it is; null when it is over."
    )

    @classmethod
    def of(cls, row: DisputeRow) -> Dispute:
        status = DisputeStatus(row.status)
        return cls(
            id=global_id("Dispute", row.id),
            row=row,
            kind=DisputeKind(row.kind),
            said=None if row.said is None else MoneyAmount.of(Money(row.said)),
            status=status,
            turn=TURNS[status],
            finding=None if row.finding is None else Finding(row.finding),
            created_at=row.created_at,
            closed_at=row.closed_at,
            due_on=row.due_on if row.closed_at is None else None,
        )

    @described("What came, of a wrong amount. Null for who acts for the citizen without scope RECEIVE.")
    def amount_received(self, info: Info) -> MoneyAmount | None:
        return self.said if _reads_words(info) else None

    @strawberry.field
    async def history(self, info: Info) -> list[DisputeStep]:
        """All that happened to it, oldest first."""

        async def batch(keys: list[tuple[UUID, UUID]]) -> Sequence[Sequence[StepOfDispute]]:
            service, people = info.context.room(DisputeService), {person for person, _ in keys}
            async with info.context.db.read() as session:
                found = {
                    person: await service.steps(session, person, [key for of, key in keys if of == person])
                    for person in people
                }
            return [found[person].get(key, ()) for person, key in keys]

        steps = await info.context.loader(_STEPS, batch).load((self.row.person, self.row.id))
        return [DisputeStep.of(step, with_words=_reads_words(info)) for step in steps]


def _reads_words(info: Info) -> bool:
    """Whether what was said is for the viewer's eyes: the citizen's, and theirs who may dispute in the citizen's name.
    Who may only look sees that there is a dispute, and where it stands."""
    viewer = info.context.viewer
    return viewer is not None and (viewer.acting is None or Delegate.RECEIVE.opened_by(viewer.acting.scopes))


async def disputes_of(info: Info, person: UUID, instalment: UUID) -> list[Dispute]:
    """Of one payment, the newest first."""

    async def batch(keys: list[UUID]) -> Sequence[Sequence[DisputeRow]]:
        async with info.context.db.read() as session:
            found = await DisputeRepository(session).of_payments(person, keys)
        return [found.get(key, ()) for key in keys]

    return [Dispute.of(row) for row in await info.context.loader(_DISPUTES, batch).load(instalment)]


@strawberry.type
class _Payload:
    dispute: Dispute | None = None
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(dispute=await dispute_node(info, UUID(hex=kept["dispute"])))


@strawberry.type
class DisputePayload(_Payload):
    pass


@strawberry.type
class ContestDisputePayload(_Payload):
    pass


@strawberry.type
class CloseDisputePayload(_Payload):
    pass


@strawberry.input
class DisputeInput:
    payment: strawberry.ID
    kind: DisputeKind
    statement: str = strawberry.field(description="What happened, in up to 2,000 characters; sealed.")
    idempotency_key: str
    amount_received: Satang | None = strawberry.field(
        default=None, description="In satang: what came, where the amount is wrong."
    )


@strawberry.input
class ContestDisputeInput:
    dispute: strawberry.ID
    statement: str = strawberry.field(description="Why the answer is not right, in up to 2,000 characters; sealed.")
    idempotency_key: str


@strawberry.input
class CloseDisputeInput:
    dispute: strawberry.ID
    idempotency_key: str


@strawberry.type
class DisputeMutation:
    @mutation(
        DisputePayload,
        delegate=Delegate.RECEIVE,
        description="The citizen says that a payment did not come, or not in full. The agency that paid answers.",
    )
    async def dispute(self, info: Info, input: DisputeInput) -> DisputePayload:
        payment, work = _id_of(input.payment, "Payment", "payment"), work_of(info)
        said = None if input.amount_received is None else Money(input.amount_received)
        async with work.transaction() as session:
            row = await info.context.room(DisputeService).begin(
                session, work.viewer.person, payment, input.kind, input.statement, said
            )
            work.keep(dispute=row.id.hex)
        return DisputePayload(dispute=_changed(info, row))

    @mutation(
        ContestDisputePayload,
        delegate=Delegate.RECEIVE,
        description="The citizen does not agree with the agency's answer; it is the agency's turn again.",
    )
    async def contest_dispute(self, info: Info, input: ContestDisputeInput) -> ContestDisputePayload:
        async def act(service: DisputeService, session: AsyncSession, person: UUID, key: UUID) -> DisputeRow:
            return await service.contest(session, person, key, input.statement)

        return ContestDisputePayload(dispute=await _acted(info, input.dispute, act))

    @mutation(
        CloseDisputePayload,
        delegate=Delegate.RECEIVE,
        description="The citizen is content with the answer, or takes the dispute back.",
    )
    async def close_dispute(self, info: Info, input: CloseDisputeInput) -> CloseDisputePayload:
        async def act(service: DisputeService, session: AsyncSession, person: UUID, key: UUID) -> DisputeRow:
            return await service.close(session, person, key)

        return CloseDisputePayload(dispute=await _acted(info, input.dispute, act))


async def dispute_node(info: Info, key: UUID) -> Dispute | None:
    """The viewer's; foreign and unknown are alike."""
    viewer = info.context.viewer
    if viewer is None:
        return None
    async with info.context.db.read() as session:
        row = await DisputeRepository(session).get(viewer.person, key)
    return None if row is None else Dispute.of(row)


async def _acted(info: Info, dispute: strawberry.ID, act: Any) -> Dispute:
    work, key = work_of(info), _id_of(dispute, "Dispute", "dispute")
    async with work.transaction() as session:
        row = await act(info.context.room(DisputeService), session, work.viewer.person, key)
        work.keep(dispute=row.id.hex)
    return _changed(info, row)


def _changed(info: Info, row: DisputeRow) -> Dispute:
    """The dispute after a mutation: what an earlier field of the request has loaded is outdated."""
    for name in (_STEPS, _DISPUTES):
        info.context.loaders.pop(name, None)
    return Dispute.of(row)


def _id_of(given: strawberry.ID, kind: str, name: str) -> UUID:
    try:
        return GlobalId.parse(str(given), expected=kind).id
    except SitthiError:
        raise MalformedGlobalId(path=(name,)) from None


NODES: Nodes = {"Dispute": dispute_node}
