"""Agreed parts are withheld from payments when their run is approved, and given back when a payment is not made.

What the bank is told is net; the ledger books PAYABLE to RECEIVABLE for what is withheld, once for each payment in each
run. No payment falls below the plan's floor, and one for a child is reduced only where the citizen agreed to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.ids import new_id
from core.money import Money
from services.pay.claims import claim as book_claim
from services.pay.ledger.service import Account, book, transfer
from services.pay.models import Instalment, Overpayment, PaymentRun
from services.pay.recovery.models import (
    EntryKind,
    PlanStatus,
    RecoveryClaim,
    RecoveryEntry,
    RecoveryPlan,
    Underpayment,
)
from services.pay.recovery.sums import claims_of, fallen_due, outstanding, part_of, withheld_in
from services.pay.recovery.underpaid import PAID_AFTER_RETURN
from services.pay.supplements import fell
from services.pay.writing import insert_new


async def withhold(session: AsyncSession, run: PaymentRun, instalments: Iterable[Instalment], at: datetime) -> int:
    """Satang that are withheld from the run, whose lock the caller holds and which is being approved, after
    :func:`hold_agreements`. Once per run."""
    rows = list(instalments)
    by_person: dict[UUID, list[Instalment]] = {}
    for one in sorted(rows, key=lambda one: one.id):
        by_person.setdefault(one.person, []).append(one)
    total = 0
    for plan in await _agreed(session, run):
        total += await _of_plan(session, run, plan, by_person[plan.person], at)
    run.withheld = total
    await session.flush()
    return total


async def give_back(session: AsyncSession, one: Instalment, at: datetime) -> None:
    """The payment is not made: what was withheld from it is owed to the citizen again, and by them. Once."""
    if one.withheld == 0:
        return
    query = select(RecoveryEntry).where(
        col(RecoveryEntry.person) == one.person,
        col(RecoveryEntry.instalment) == one.id,
        col(RecoveryEntry.run) == one.run,
    )
    given = query.where(col(RecoveryEntry.kind) == EntryKind.GIVEN_BACK.value)
    before = {entry.overpayment for entry in await session.scalars(given)}
    withheld = query.where(col(RecoveryEntry.kind) == EntryKind.WITHHELD.value)
    for entry in (await session.scalars(withheld.order_by(col(RecoveryEntry.id)))).all():
        if entry.overpayment not in before:
            await _give_back(session, one, entry, at)


async def owe_given_back(session: AsyncSession, one: Instalment, at: datetime) -> None:
    """It was paid after all, less what had been withheld and was given back since: that is owed to the citizen."""
    if one.withheld > 0:
        row = {
            "person": one.person,
            "id": new_id(),
            "instalment": one.id,
            "agency": one.agency,
            "period": one.period,
            "satang": one.withheld,
            "cause": PAID_AFTER_RETURN,
            "found_at": at,
        }
        await insert_new(session, Underpayment, [row])


async def _give_back(session: AsyncSession, one: Instalment, entry: RecoveryEntry, at: datetime) -> None:
    given = entry.model_copy(update={"id": new_id(), "kind": EntryKind.GIVEN_BACK.value, "at": at})
    session.add(RecoveryEntry(**given.model_dump()))
    await session.flush()
    await book(
        session,
        key=f"recover:{entry.id.hex}:back",
        agency=one.agency,
        lines=transfer(Account.RECEIVABLE, Account.PAYABLE, Money(entry.satang)),
        at=at,
    )
    claim = await session.get(Overpayment, (entry.person, entry.overpayment), populate_existing=True)
    assert claim is not None, "the entry names it"
    if claim.released_at is not None:  # it fell meanwhile: nothing is claimed of it any more
        await book(
            session,
            key=f"release:{claim.id.hex}:{entry.id.hex}",
            agency=one.agency,
            lines=transfer(Account.BENEFITS, Account.RECEIVABLE, Money(entry.satang)),
            at=at,
        )
        if (out := await fell(session, entry.id, at)) is not None:
            await _claim_supplement(session, out, at)


async def _claim_supplement(session: AsyncSession, out: Instalment, at: datetime) -> None:
    """What was recovered and not owed is paid to the citizen already, and now given back by another payment, too."""
    key = new_id()
    row = {
        "person": out.person,
        "id": key,
        "instalment": out.id,
        "award": out.award,
        "agency": out.agency,
        "period": out.period,
        "paid": out.satang,
        "satang": out.satang,
        "cause": "GIVEN_BACK_TWICE",
        "found_at": at,
    }
    if await insert_new(session, Overpayment, [row]):
        await book_claim(session, key, agency=out.agency, satang=out.satang, at=at)


async def hold_agreements(session: AsyncSession, runs: Sequence[PaymentRun]) -> None:
    """Holds all that withholding from these runs of one agency reads and changes, before any of it is read: the payees'
    agreements, their payments in the runs, and their claims, each in the order of their ids."""
    if session.get_bind().dialect.name == "sqlite" or not runs:
        return
    ids = [run.id for run in runs]
    paid = exists(select(1).where(col(Instalment.run).in_(ids), col(Instalment.person) == col(RecoveryPlan.person)))
    agreed = (
        col(RecoveryPlan.agency) == runs[0].agency, col(RecoveryPlan.status) == PlanStatus.AGREED.value, paid
    )  # fmt: skip
    plans = select(col(RecoveryPlan.id)).where(*agreed).order_by(col(RecoveryPlan.id))
    held = (await session.scalars(plans.with_for_update())).all()
    if not held:
        return
    of_plans = select(col(RecoveryPlan.person)).where(col(RecoveryPlan.id).in_(held))
    payments = select(col(Instalment.id)).where(col(Instalment.run).in_(ids), col(Instalment.person).in_(of_plans))
    await session.execute(payments.order_by(col(Instalment.id)).with_for_update())
    of_claims = select(col(RecoveryClaim.overpayment)).join(
        RecoveryPlan,
        (col(RecoveryPlan.person) == col(RecoveryClaim.person)) & (col(RecoveryPlan.id) == col(RecoveryClaim.plan)),
    )
    claims = select(col(Overpayment.id)).where(col(Overpayment.id).in_(of_claims.where(col(RecoveryPlan.id).in_(held))))
    await session.execute(claims.order_by(col(Overpayment.id)).with_for_update())


async def _agreed(session: AsyncSession, run: PaymentRun) -> Sequence[RecoveryPlan]:
    """Plans of the run's payees with its agency, locked in one order."""
    paid = exists(select(1).where(col(Instalment.run) == run.id, col(Instalment.person) == col(RecoveryPlan.person)))
    query = select(RecoveryPlan).where(
        col(RecoveryPlan.agency) == run.agency, col(RecoveryPlan.status) == PlanStatus.AGREED.value, paid
    )
    query = query.order_by(col(RecoveryPlan.id)).with_for_update()
    return (await session.scalars(query.execution_options(populate_existing=True))).all()


async def _of_plan(
    session: AsyncSession, run: PaymentRun, plan: RecoveryPlan, payments: Sequence[Instalment], at: datetime
) -> int:
    claims = await claims_of(session, plan, lock=True)
    left = await outstanding(session, claims)
    remaining = sum(left.values())
    came = plan.satang - remaining
    of_month = await withheld_in(session, plan, run.period)  # by other files of the payday, or a payday before
    want = min(remaining, fallen_due(plan, run.period) - came, part_of(plan, plan.parts) - of_month)
    taken = 0
    for one in payments:
        if one.beneficiary != plan.person and not plan.from_children:
            continue
        take = min(want - taken, one.satang - plan.floor)
        if take <= 0:
            continue
        one.withheld = take
        taken += take
        await session.flush()
        await _allocate(session, run, plan, one, claims, left, at)
    return taken


async def _allocate(
    session: AsyncSession,
    run: PaymentRun,
    plan: RecoveryPlan,
    one: Instalment,
    claims: Sequence[Overpayment],
    left: dict[UUID, int],
    at: datetime,
) -> None:
    """To the claims of the plan, the oldest month first; `left` goes down with it."""
    rest = one.withheld
    for claim in claims:
        satang = min(rest, left[claim.id])
        if satang <= 0:
            continue
        entry = RecoveryEntry(
            person=plan.person,
            id=new_id(),
            overpayment=claim.id,
            plan=plan.id,
            instalment=one.id,
            run=run.id,
            kind=EntryKind.WITHHELD.value,
            satang=satang,
            at=at,
        )
        session.add(entry)
        await session.flush()
        await book(
            session,
            key=f"recover:{entry.id.hex}",
            agency=run.agency,
            lines=transfer(Account.PAYABLE, Account.RECEIVABLE, Money(satang)),
            at=at,
        )
        left[claim.id] -= satang
        rest -= satang
    assert rest == 0, "no more is withheld than is owed"
