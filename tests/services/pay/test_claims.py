"""What was overpaid is a claim on the ledger, for as long as it stands and was paid."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from core.ids import new_id
from core.money import Money
from services.pay.models import PaymentRun
from services.sandbox.bank import Faults
from tests.services.pay.test_awards import DECEMBER, NOVEMBER, end, reassess
from tests.services.pay.town import PERIOD, TownHall


async def approved(hall: TownHall, application: UUID, payee: UUID | None = None) -> PaymentRun:
    await hall.grant(application=application, payee=payee)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    return await hall.jobs.approve(hall.approver, run.id)


async def settle(hall: TownHall, run: PaymentRun) -> None:
    await hall.jobs.send(hall.planner, run.id)
    await hall.jobs.reconcile(hall.planner, run.id)


@pytest.mark.parametrize("settled_first", [True, False])
async def test_what_was_paid_after_the_end_is_claimed_once(hall: TownHall, settled_first: bool) -> None:
    application = new_id()
    run = await approved(hall, application)
    if settled_first:
        await settle(hall, run)
    for _ in range(2):
        await end(hall, application, NOVEMBER)
    await settle(hall, run)
    paid = {"BENEFITS": 0, "PAYABLE": 0, "IN_TRANSIT": 0, "BANK": -70_000, "RECEIVABLE": 70_000}
    assert await hall.balances() == paid


async def test_the_claim_follows_each_later_decision(hall: TownHall) -> None:
    application = new_id()
    await approved(hall, application)
    for baht, claimed in ((600, 10_000), (500, 20_000), (500, 20_000), (700, 0), (650, 5_000)):
        hall.amounts.by_application[application] = Money.baht(baht)
        await reassess(hall, application)
        assert await hall.balances() == {"BENEFITS": 70_000 - claimed, "PAYABLE": -70_000, "RECEIVABLE": claimed}


async def test_an_appeal_that_is_won_releases_it(hall: TownHall) -> None:
    application, payee = new_id(), await hall.person()
    await approved(hall, application, payee)
    await end(hall, application, NOVEMBER)
    await hall.grant(application=application, payee=payee)
    assert await hall.balances() == {"BENEFITS": 70_000, "PAYABLE": -70_000, "RECEIVABLE": 0}


@pytest.mark.parametrize("faults", [Faults(reject=frozenset({"*"})), Faults(send_back=frozenset({"*"}))])
async def test_what_comes_back_is_not_claimed_any_more(hall: TownHall, faults: Faults) -> None:
    application, payee = new_id(), await hall.person()
    run = await approved(hall, application, payee)
    await end(hall, application, NOVEMBER)
    hall.bank.faults = faults
    await settle(hall, run)
    assert await hall.balances() == {"BENEFITS": 70_000, "PAYABLE": -70_000, "IN_TRANSIT": 0, "RECEIVABLE": 0}
    await hall.grant(application=application, payee=payee)
    assert (await hall.balances())["RECEIVABLE"] == 0, "released once"
    await end(hall, application, NOVEMBER)
    assert (await hall.balances())["RECEIVABLE"] == 0, "of what came back nothing is claimed"


async def test_of_a_payment_that_came_back_only_what_was_due_is_paid_again(hall: TownHall) -> None:
    application = new_id()
    run = await approved(hall, application)
    hall.amounts.by_application[application] = Money.baht(600)
    await reassess(hall, application)
    hall.bank.faults = Faults(reject=frozenset({"*"}))
    await settle(hall, run)
    hall.bank.faults = Faults()
    await end(hall, application, DECEMBER)
    [first] = await hall.instalments()
    await hall.jobs.pay_again(hall.planner, first.id)
    again = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, again.id)
    await settle(hall, again)
    paid = {"BENEFITS": 60_000, "PAYABLE": 0, "IN_TRANSIT": 0, "BANK": -60_000, "RECEIVABLE": 0}
    assert await hall.balances() == paid


@pytest.mark.parametrize("faults", [Faults(), Faults(send_back=frozenset({"*"}))])
async def test_an_end_while_the_bank_is_heard_claims_what_is_paid(hall: TownHall, faults: Faults) -> None:
    application = new_id()
    run = await approved(hall, application)
    await hall.jobs.send(hall.planner, run.id)
    hall.bank.faults = faults
    await asyncio.gather(
        *(end(hall, application, NOVEMBER) for _ in range(5)),
        *(hall.jobs.reconcile(hall.planner, run.id) for _ in range(5)),
    )
    [one] = await hall.instalments()
    balances = await hall.balances()
    assert balances.get("RECEIVABLE", 0) == -balances.get("BANK", 0) == (70_000 if one.status == "SETTLED" else 0)
