"""What was paid too much, and how it comes back, in the graph. Nobody answers for the citizen."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final, Self
from uuid import UUID

import strawberry

from core.assurance import Aal, Assurance, Demand, Ial
from core.graph import (
    Delegate,
    Info,
    MoneyAmount,
    Node,
    Nodes,
    Problem,
    citizen_field,
    global_id,
    mutation,
    work_of,
)
from core.ids import GlobalId
from core.money import Money
from services.exchange.graph.fields import described
from services.pay.recovery.models import PlanStatus, RecoveryPlan
from services.pay.recovery.service import Recoveries
from services.pay.recovery.sums import part_of

FRESH: Final = Demand(Assurance(Ial.IAL_2_3, Aal.AAL_2_1), age_seconds_max=900)
"""Who agrees to be paid less has just shown that it is they."""

strawberry.enum(PlanStatus, name="RecoveryStatus", description="Where a proposal to pay back stands.")


@strawberry.type(description="One part of what is paid back: withheld from what is paid in that month.")
class RecoveryPart:
    month: date = strawberry.field(description="By its first day.")
    amount: MoneyAmount


@strawberry.type(description="An agency's proposal on how money that was paid too much comes back.")
class Recovery(Node):
    row: strawberry.Private[RecoveryPlan]
    agency: str = strawberry.field(description="Slug of the agency that paid.")
    amount: MoneyAmount
    status: PlanStatus
    floor: MoneyAmount = strawberry.field(description="What each payment leaves at least.")
    from_children: bool = strawberry.field(description="Whether payments for a child are reduced, too.")
    reason: str = strawberry.field(description="The agency's, in its words.")
    proposed_at: datetime
    answered_at: datetime | None

    @classmethod
    def of(cls, row: RecoveryPlan) -> Recovery:
        return cls(
            id=global_id("Recovery", row.id),
            row=row,
            agency=row.agency,
            amount=MoneyAmount.of(Money(row.satang)),
            status=PlanStatus(row.status),
            floor=MoneyAmount.of(Money(row.floor)),
            from_children=row.from_children,
            reason=row.reason,
            proposed_at=row.proposed_at,
            answered_at=row.answered_at,
        )

    @described("What is still to come back.")
    async def outstanding(self, info: Info) -> MoneyAmount:
        async with info.context.db.read() as session:
            return MoneyAmount.of(await info.context.room(Recoveries).left(session, self.row))

    @described("Month by month; the last takes what does not divide. A part that could not be withheld follows later.")
    def parts(self) -> list[RecoveryPart]:
        first = self.row.first_month.year * 12 + self.row.first_month.month - 1
        return [
            RecoveryPart(
                month=date((first + number) // 12, (first + number) % 12 + 1, 1),
                amount=MoneyAmount.of(Money(part_of(self.row, number + 1))),
            )
            for number in range(self.row.parts)
        ]


@strawberry.type
class RecoverOfCitizen:
    """What this room adds to `Citizen`."""

    person: strawberry.Private[UUID]

    @citizen_field(
        Delegate.NOTHING,
        description="Proposals of agencies on how money that was paid too much comes back, latest first.",
    )
    async def recoveries(self, info: Info) -> list[Recovery] | None:
        async with info.context.db.read() as session:
            return [Recovery.of(row) for row in await info.context.room(Recoveries).plans(session, self.person)]

    @citizen_field(Delegate.NOTHING, description="What is owed to the citizen beyond what was paid, oldest first.")
    async def underpayments(self, info: Info) -> list[Underpaid] | None:
        async with info.context.db.read() as session:
            rows = await info.context.room(Recoveries).underpaid_of(session, self.person)
        return [
            Underpaid(period=row.period, amount=MoneyAmount.of(Money(row.satang)), found_at=row.found_at)
            for row in rows
        ]


@strawberry.type(description="A month of which too little was paid, or of which too much was recovered.")
class Underpaid:
    period: date = strawberry.field(description="The month, by its first day.")
    amount: MoneyAmount
    found_at: datetime


@strawberry.input(description="The citizen's answer to a proposal. Without `agrees: true` nothing is withheld.")
class AnswerRecoveryInput:
    recovery: strawberry.ID
    agrees: bool
    idempotency_key: str


@strawberry.type
class AnswerRecoveryPayload:
    recovery: Recovery | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        async with info.context.db.read() as session:
            row = await info.context.room(Recoveries).of(
                session, info.context.signed_in().person, UUID(hex=kept["recovery"])
            )
            return cls(recovery=None if row is None else Recovery.of(row))


@strawberry.type
class RecoverMutation:
    @mutation(
        AnswerRecoveryPayload,
        delegate=Delegate.NOTHING,
        demand=FRESH,
        keyed=True,
        description="Agrees to, or declines, an agency's proposal to take back what was paid too much. Once.",
    )
    async def answer_recovery(self, info: Info, input: AnswerRecoveryInput) -> AnswerRecoveryPayload:
        key, work = GlobalId.parse(input.recovery, "Recovery").id, work_of(info)
        async with work.transaction() as session:
            row = await info.context.room(Recoveries).answer(session, work.viewer.person, key, agrees=input.agrees)
            work.keep(recovery=row.id.hex)
        return AnswerRecoveryPayload(recovery=Recovery.of(row))


async def _node(info: Info, key: UUID) -> Recovery | None:
    if info.context.viewer is None:
        return None
    async with info.context.db.read() as session:
        row = await info.context.room(Recoveries).of(session, info.context.viewer.person, key)
    return None if row is None else Recovery.of(row)


NODES: Final[Nodes] = {"Recovery": _node}
