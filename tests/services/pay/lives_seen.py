"""What is stored of a town in which people live, at one moment, and what is always so of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select, text
from sqlmodel import col

from core.database import Database
from services.apply.models import Application, ApplicationEvent, Reassessment
from services.apply.reassessing import Cause
from services.apply.states import GRANTED, TIMERS, TURNS, Status, Turn
from services.pay.ledger.service import trial_balance, unbalanced_transactions
from services.pay.models import Award, HeldMonth, Instalment, Overpayment, PaymentRun
from services.pay.recovery.models import Underpayment
from services.pay.recovery.sums import outstanding
from tests.services.pay.lives import AGENCY, GOES_OUT


@dataclass
class Seen:
    """All that is stored, at one moment."""

    applications: Sequence[Application]
    steps: Mapping[UUID, Sequence[ApplicationEvent]]
    told: Mapping[UUID, Sequence[str]]
    reviewed: frozenset[UUID]
    """Applications of which a look stays owed, because an agency did not answer after the citizen had."""
    awards: Sequence[Award]
    instalments: Sequence[Instalment]
    standing: Mapping[UUID, Overpayment]
    noted: Sequence[Underpayment]
    """What a decision found to be missing, and no payment is made for yet."""
    planned: frozenset[UUID]
    held: frozenset[tuple[UUID, date]]
    unbalanced: Sequence[str]
    balances: Mapping[str, int]
    left: Mapping[UUID, int]


async def look(database: Database) -> Seen:
    async with database.read() as session:
        steps: dict[UUID, list[ApplicationEvent]] = {}
        for event in await session.scalars(select(ApplicationEvent).order_by(col(ApplicationEvent.sequence))):
            steps.setdefault(event.application, []).append(event)
        told: dict[UUID, list[str]] = {}
        for application, status in (
            await session.execute(text("SELECT application, status FROM test_notice"))
        ).tuples():
            told.setdefault(UUID(hex=application), []).append(status)
        payments = list(await session.scalars(select(Instalment).order_by(col(Instalment.id))))
        paying = {one.supplements for one in payments}
        found = col(Underpayment.entry).is_(None), col(Underpayment.annulled_at).is_(None)
        noted = await session.scalars(select(Underpayment).where(*found))
        claims = list(await session.scalars(select(Overpayment)))
        runs = await session.scalars(select(col(PaymentRun.id)).where(col(PaymentRun.status) == "PLANNED"))
        held = await session.scalars(select(HeldMonth).where(col(HeldMonth.released_at).is_(None)))
        owed = col(Reassessment.cause) == Cause.REVIEW, col(Reassessment.done_at).is_(None)
        reviewed = await session.scalars(select(col(Reassessment.application)).where(*owed))
        return Seen(
            applications=list(await session.scalars(select(Application))),
            steps=steps,
            told=told,
            reviewed=frozenset(reviewed),
            awards=list(await session.scalars(select(Award))),
            instalments=payments,
            standing={one.instalment: one for one in claims if one.annulled_at is None},
            noted=[under for under in noted if under.cause != "PAID_AFTER_RETURN" and under.id not in paying],
            planned=frozenset(runs),
            held=frozenset((one.award, one.period) for one in held),
            unbalanced=await unbalanced_transactions(session),
            balances={one.code: one.money.satang for one in await trial_balance(session, AGENCY)},
            left=await outstanding(session, claims),
        )


def turn_and_clock_and_award_are_those_of_the_state(row: Application, *, pays: bool, reviewed: bool) -> None:
    """`reviewed`: whether a look is owed since the citizen has answered."""
    status = Status(row.status)
    assert (row.due_on is not None) == (status in TIMERS), status
    assert row.turn_since is not None
    assert row.overdue_at is None or TURNS[status] is Turn.AGENCY
    assert (row.reopen_until is not None) == (status is Status.LAPSED)
    kept = {Status.UNDER_REVIEW, Status.LAPSED, Status.DECEASED}  # and in what follows when it is opened again
    is_kept = status in kept | {Status.NEEDS_INFORMATION, Status.SUBMITTED}
    assert row.review_since is None or is_kept or (status is Status.APPROVED and reviewed), status
    assert row.review_since is not None or status is not Status.UNDER_REVIEW
    assert bool(row.missing) <= (status not in (Status.APPROVED, Status.WITHDRAWN, Status.DECEASED)), status
    assert pays == (status in GRANTED), status


def paid_and_owed_are_what_was_due(seen: Seen, month: Sequence[Instalment], expected: int) -> None:
    """Of one award and month; `expected`: by the oracle. What was withheld and not owed is no part of it."""
    month = [one for one in month if not one.refunds]
    [award] = {one.award for one in month}
    if any(one.status == "RETURNED" for one in month):  # what is due of it is decided when it is paid again
        return
    keys = {one.id for one in month}
    total = sum(under.satang for under in seen.noted if under.instalment in keys)
    for one in month:
        claim = seen.standing.get(one.id)
        claimed = 0 if claim is None else claim.satang
        if one.status in ("SCHEDULED", "IN_RUN") and (one.run is None or one.run in seen.planned):
            assert claimed == 0
            total += one.satang
        elif one.status in GOES_OUT:
            total += one.satang - claimed
            assert claim is None or claim.released_at is None, "what went out is claimed on the ledger, too"
    if any(one.status != "CANCELLED" for one in month):
        assert total == expected, [(one.status, one.satang, one.supplements) for one in month]
    elif expected > 0:
        [period], [beneficiary] = {one.period for one in month}, {one.beneficiary for one in month}
        others = [i for i in seen.instalments if (i.beneficiary, i.period) == (beneficiary, period)]
        is_paid = any(i.status not in ("CANCELLED", "RETURNED") for i in others)
        ended = any(one.id == award and one.ends_on is not None for one in seen.awards)
        assert ended or is_paid or (award, period) in seen.held, "no month of a running award is forgotten"
