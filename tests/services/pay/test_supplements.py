"""What was paid too little is paid: by an instalment of its own, once, of the month and budget it belongs to."""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from core.clock import BANGKOK
from core.ids import new_id
from core.money import Money
from identity.inbox.service import Inbox
from services.pay.awards import Awards
from services.pay.breaks import BreakOutcome
from services.pay.errors import NothingDue, NotPaidAgain
from services.pay.models import Instalment
from services.pay.rails.contract import EntryKind
from services.pay.recovery.models import Underpayment
from services.pay.recovery.service import Recoveries
from tests.services.pay.test_again import told
from tests.services.pay.test_awards import NOVEMBER, end, reassess
from tests.services.pay.test_awards import overpaid as claims
from tests.services.pay.test_budgets import OLD_AGE, appropriate, standing
from tests.services.pay.test_recovery import DECEMBER, agree, overpaid, owed, pay, propose, recoveries
from tests.services.pay.test_resolving import decide, entry, only_break
from tests.services.pay.test_resolving import told as bank_tells
from tests.services.pay.town import PERIOD, TownHall, jobs_over


@pytest.fixture
def hall(hall: TownHall) -> TownHall:
    hall.awards = Awards(hall.amounts, hall.clock, notices=Inbox(hall.clock))
    hall.jobs = jobs_over(hall.db, hall.clock, hall.jobs.rail, hall.awards)
    return hall


async def due(hall: TownHall, application: UUID, baht: int) -> None:
    """So much is due of November, by a decision."""
    hall.amounts.by_application[application] = Money.baht(baht)
    await reassess(hall, application, NOVEMBER)


async def short(hall: TownHall, baht: int = 900) -> UUID:
    """A payee who was paid 700 baht for November, of which so much was due."""
    application = new_id()
    await hall.grant(application=application)
    await pay(hall, PERIOD)
    await due(hall, application, baht)
    return application


async def november(hall: TownHall) -> list[tuple[int, str]]:
    rows = sorted(await hall.instalments(), key=lambda one: (one.supplements is not None, one.id))
    return [(one.satang // 100, one.status) for one in rows if one.period == NOVEMBER]


async def still_owed(hall: TownHall) -> list[int]:
    async with hall.db.read() as session:
        payee = (await hall.instalments())[0].person
        of_agency = await Recoveries(hall.clock, Inbox(hall.clock)).underpaid(session, "dla")
        rows = await recoveries(hall).underpaid_of(session, payee)
        assert [one.id for one in of_agency] == [one.id for one in rows]
        return [one.satang // 100 for one in rows]


async def test_it_goes_from_the_decision_to_the_payee_by_two_officers(hall: TownHall) -> None:
    await short(hall)
    assert (await november(hall), await still_owed(hall)) == ([(700, "SETTLED")], [200])
    run = await pay(hall, PERIOD)
    assert await november(hall) == [(700, "SETTLED"), (200, "SETTLED")]
    first, second = await hall.instalments()
    assert (second.id != first.id, second.due_on, run.total) == (True, first.due_on, 20_000)
    assert await hall.balances() == {"BENEFITS": 90_000, "PAYABLE": 0, "IN_TRANSIT": 0, "BANK": -90_000}
    assert await still_owed(hall) == []
    [(_, noted)] = await told(hall, "pay.underpaid")
    [(thai, english)] = await told(hall, "pay.supplement")
    assert "200.00 baht too little" in noted
    assert "200.00 baht is in the next run" in english
    assert "รอบจ่ายถัดไป" in thai
    with pytest.raises(NothingDue):
        await hall.jobs.plan(hall.planner, PERIOD)


async def test_it_goes_with_the_next_month_and_takes_from_the_budget_of_its_own(hall: TownHall) -> None:
    hall.clock.set(datetime(2026, 9, 5, tzinfo=BANGKOK))
    september = hall.clock.today().replace(day=1)
    for year, baht in ((2026, 900), (2027, 700)):
        await appropriate(hall, baht, year, OLD_AGE)
    application = new_id()
    await hall.grant(application=application)
    await pay(hall, september)
    hall.amounts.by_application[application] = Money.baht(900)
    await reassess(hall, application, september)
    hall.amounts.by_application[application] = Money.baht(700)
    hall.clock.set(datetime(2026, 10, 5, tzinfo=BANGKOK))
    run = await pay(hall, hall.clock.today().replace(day=1))
    assert run.instalments == 2
    assert (await standing(hall, 2026), await standing(hall, 2027)) == ([(900, 900, 0)], [(700, 700, 0)])


async def test_of_many_planners_at_once_it_is_planned_once(hall: TownHall) -> None:
    await short(hall)
    await asyncio.gather(*(hall.jobs.plan(hall.planner, PERIOD) for _ in range(10)))
    assert await november(hall) == [(700, "SETTLED"), (200, "IN_RUN")]


async def test_the_table_lets_nobody_pay_it_twice(hall: TownHall) -> None:
    await short(hall)
    await hall.jobs.plan(hall.planner, PERIOD)
    [one] = [i for i in await hall.instalments() if i.supplements is not None]
    for more in ({}, {"repeats": new_id()}):
        twin = Instalment(**(one.model_dump() | {"id": new_id(), "status": "SCHEDULED", "run": None} | more))
        with pytest.raises(IntegrityError):
            async with hall.db.write() as session:
                session.add(twin)


@pytest.mark.parametrize("planned", [False, True])
async def test_what_is_not_missing_after_all_is_not_paid(hall: TownHall, planned: bool) -> None:
    application = await short(hall)
    if planned:
        await hall.jobs.plan(hall.planner, PERIOD)
    await due(hall, application, 700)
    assert (await november(hall), await still_owed(hall)) == ([(700, "SETTLED"), (200, "CANCELLED")][: 1 + planned], [])
    with pytest.raises(NothingDue):
        await hall.jobs.plan(hall.planner, PERIOD)


@pytest.mark.parametrize("planned", [False, True])
async def test_what_is_missing_follows_each_later_decision_until_it_is_approved(hall: TownHall, planned: bool) -> None:
    application = await short(hall)
    if planned:
        await hall.jobs.plan(hall.planner, PERIOD)
    for baht in (1000, 1000, 800):
        await due(hall, application, baht)
    run = await pay(hall, PERIOD)
    assert (run.total, (await hall.balances())["BANK"]) == (10_000, -80_000)
    assert len(await told(hall, "pay.underpaid")) == 3, "of the same, nobody is told twice"


async def test_what_is_missing_beside_a_supplement_that_went_out_is_another(hall: TownHall) -> None:
    application = await short(hall)
    await pay(hall, PERIOD)
    await due(hall, application, 1000)
    await pay(hall, PERIOD)
    assert await november(hall) == [(700, "SETTLED"), (200, "SETTLED"), (100, "SETTLED")]
    assert (await hall.balances())["BENEFITS"] == 100_000


async def test_what_was_too_much_by_then_is_claimed_from_the_supplement_first(hall: TownHall) -> None:
    application = await short(hall)
    await pay(hall, PERIOD)
    for baht, expected in ((800, [100]), (600, [100, 200]), (850, [50])):
        await due(hall, application, baht)
        assert sorted(satang // 100 for _, satang, stands in await claims(hall) if stands) == expected
        assert (await hall.balances())["RECEIVABLE"] == sum(expected) * 100
    assert (await hall.balances())["BENEFITS"] == 85_000


async def test_a_supplement_that_comes_back_is_paid_again_once_while_it_is_missing(hall: TownHall) -> None:
    application = await short(hall)
    await pay(hall, PERIOD, comes_back=True)
    [back] = [one for one in await hall.instalments() if one.status == "RETURNED"]
    assert await still_owed(hall) == [200]
    again = await hall.jobs.pay_again(hall.planner, back.id)
    assert (again.satang, again.supplements, again.repeats) == (20_000, back.supplements, back.id)
    with pytest.raises(NotPaidAgain):
        await hall.jobs.pay_again(hall.planner, back.id)
    await pay(hall, PERIOD)
    assert (await hall.balances())["BENEFITS"] == 90_000
    assert (await hall.balances())["BANK"] == -90_000
    await due(hall, application, 900)
    assert await still_owed(hall) == []


async def test_what_came_back_and_is_not_missing_any_more_is_not_paid_again(hall: TownHall) -> None:
    application = await short(hall)
    await pay(hall, PERIOD, comes_back=True)
    await due(hall, application, 700)
    [back] = [one for one in await hall.instalments() if one.status == "RETURNED"]
    with pytest.raises(NotPaidAgain):
        await hall.jobs.pay_again(hall.planner, back.id)


@pytest.mark.parametrize("first", [0, 1])
async def test_both_come_back_and_the_month_is_paid_once_in_either_order(hall: TownHall, first: int) -> None:
    await short(hall)
    await pay(hall, PERIOD)
    for one, reference in zip(await hall.instalments(), ("T1", "T2"), strict=True):
        run = await hall.jobs.listed(hall.planner)
        [of] = [r for r in run if r.id == one.run]
        await bank_tells(hall, of, entry(hall, one.id, EntryKind.RETURNED, reference, money=Money(one.satang)))
    back = [one.id for one in await hall.instalments()]
    for key in (back[first], back[1 - first]):
        await hall.jobs.pay_again(hall.planner, key)
    await pay(hall, PERIOD)
    assert sum(baht for baht, status in await november(hall) if status == "SETTLED") == 900
    assert (await hall.balances())["BANK"] == -90_000


async def test_a_withdrawal_leaves_what_was_missing_of_months_that_were_paid(hall: TownHall) -> None:
    application = await short(hall)
    await hall.jobs.plan(hall.planner, PERIOD)
    async with hall.db.write() as session:
        await hall.awards.end(session, application=application)
    assert await november(hall) == [(700, "SETTLED"), (200, "IN_RUN")]


@pytest.mark.parametrize("planned", [False, True])
async def test_an_award_that_ends_before_that_month_pays_nothing_more_of_it(hall: TownHall, planned: bool) -> None:
    application = await short(hall)
    if planned:
        await hall.jobs.plan(hall.planner, PERIOD)
    await end(hall, application, NOVEMBER)
    assert await still_owed(hall) == []
    assert [satang for _, satang, stands in await claims(hall) if stands] == [70_000]
    with pytest.raises(NothingDue):
        await hall.jobs.plan(hall.planner, PERIOD)
    payee = (await hall.instalments())[0].person
    await hall.grant(application=application, payee=payee)
    assert (await still_owed(hall), await owed(hall)) == ([200], []), "it goes on: the month is due again, and whole"


async def test_an_award_that_ends_after_that_month_still_pays_it(hall: TownHall) -> None:
    application = await short(hall)
    await end(hall, application, DECEMBER)
    await pay(hall, PERIOD)
    assert await november(hall) == [(700, "SETTLED"), (200, "SETTLED")]


async def test_what_was_recovered_and_not_owed_is_paid_back(hall: TownHall) -> None:
    application = new_id()
    claim = await overpaid(hall, application=application)
    await agree(hall, await propose(hall, [claim]))
    await pay(hall, DECEMBER)
    await reassess(hall, application, NOVEMBER)
    assert (await owed(hall), await still_owed(hall)) == ([], [100])
    run = await pay(hall, DECEMBER)
    assert (run.total, await still_owed(hall)) == (10_000, [])
    balances = await hall.balances()
    assert (balances["BENEFITS"], balances["RECEIVABLE"], balances["BANK"]) == (140_000, 0, -140_000)
    await due(hall, application, 600)
    found = {one.period: one.satang for one in await owed(hall)}
    assert found == {NOVEMBER: 10_000, DECEMBER: 10_000}, "what was paid back is no part of the month"


@pytest.mark.parametrize("out", [False, True])
async def test_what_was_recovered_and_given_back_meanwhile_is_not_paid_twice(hall: TownHall, out: bool) -> None:
    application = new_id()
    claim = await overpaid(hall, application=application)
    await agree(hall, await propose(hall, [claim]))
    december = await pay(hall, DECEMBER)
    await reassess(hall, application, NOVEMBER)
    if out:
        await pay(hall, DECEMBER)
    [one] = [i for i in await hall.instalments() if i.run == december.id]
    back = entry(hall, one.id, EntryKind.RETURNED, "T1", money=Money(one.net))
    await bank_tells(hall, december, back)
    await hall.jobs.pay_again(hall.planner, one.id)
    await pay(hall, DECEMBER)
    balances = await hall.balances()
    assert (balances["BANK"], balances["RECEIVABLE"]) == (-150_000 if out else -140_000, 10_000 if out else 0)
    assert balances["BENEFITS"] == 140_000
    async with hall.db.read() as session:
        rows = (await session.scalars(select(Underpayment))).all()
    assert [row.annulled_at is None for row in rows] == [out]


@pytest.mark.parametrize(("baht", "missing", "over"), [(900, [200], []), (700, [], []), (500, [], [20_000])])
async def test_what_had_come_back_and_was_paid_after_all_is_brought_to_what_is_due(
    hall: TownHall, baht: int, missing: list[int], over: list[int]
) -> None:
    application = new_id()
    await hall.grant(application=application)
    run = await pay(hall, PERIOD, comes_back=True)
    [one] = await hall.instalments()
    await hall.jobs.pay_again(hall.planner, one.id)
    await due(hall, application, baht)
    await bank_tells(hall, run, entry(hall, one.id, EntryKind.PAID, "R9", money=Money(one.net)))
    await decide(hall, await only_break(hall), BreakOutcome.PAID)
    assert (await still_owed(hall), [claim.satang for claim in await owed(hall)]) == (missing, over)
    if missing:
        await pay(hall, PERIOD)
    assert (await hall.balances())["BENEFITS"] == baht * 100
