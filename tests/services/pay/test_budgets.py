"""Budgets hold: whatever is approved at once, no more than was appropriated, and what is not paid gives room back."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from sqlmodel import col

from core.clock import BANGKOK
from core.errors import BadInput, NotFound
from core.ids import new_id
from core.money import Money
from services.pay.books import Books
from services.pay.budget import service
from services.pay.budget.acts import BudgetRaise, BudgetSet
from services.pay.budget.errors import BudgetExceeded, BudgetMissing, BudgetSetAlready
from services.pay.budget.service import Budget, BudgetAccount, Standing, standings
from services.pay.budget.years import buddhist, first_day, fiscal_year, last_day
from services.pay.contents import content_hash
from services.pay.errors import NotAPaymentOfficer, NothingDue, NotYourAgency, SameOfficer
from services.pay.ledger.acts import Act, ActKind, TwoOfficers
from services.pay.ledger.errors import ActDecided, ActNotFound
from services.pay.models import Instalment, PaymentRun
from tests.services.pay.test_again import BAD, GOOD, pay
from tests.services.pay.test_destinations import ACCOUNT, say
from tests.services.pay.town import PERIOD, Clerk, TownHall

OLD_AGE = "programme:dla-old-age"
YEAR = 2027


def books(hall: TownHall) -> Books:
    def payer(subject: str) -> str:
        if not subject.startswith("programme:"):
            raise NotFound
        return hall.amounts.payer(subject)

    acts: list[Act] = [BudgetSet(hall.clock, payer), BudgetRaise(hall.clock, payer)]
    return Books(hall.db, hall.clock, TwoOfficers(hall.clock, acts), [OLD_AGE, "programme:dla-other"])


async def change(hall: TownHall, kind: ActKind, baht: int, year: int = YEAR, subject: str = OLD_AGE) -> None:
    payload = {"subject": subject, "year": year, "satang": baht * 100}
    act = await books(hall).propose(hall.planner, kind, payload, "the budget act")
    await books(hall).confirm(hall.approver, act.id)


async def appropriate(hall: TownHall, baht: int, year: int = YEAR, subject: str = OLD_AGE) -> None:
    await change(hall, ActKind.BUDGET_SET, baht, year, subject)


async def standing(hall: TownHall, year: int = YEAR) -> list[tuple[int, int, int]]:
    """Baht appropriated, taken and left."""
    found = await books(hall).budgets(hall.planner, year)
    await hall.balances()
    return [tuple(money.satang // 100 for money in (one.appropriated, one.taken, one.left)) for one in found]  # type: ignore[misc] # three of them


async def planned(hall: TownHall, people: int = 1) -> PaymentRun:
    for _ in range(people):
        await hall.grant()
    return await hall.jobs.plan(hall.planner, PERIOD)


# What a budget lets through.


@pytest.mark.parametrize(("baht", "holds"), [(1400, True), (1399, False)])
async def test_a_run_is_approved_up_to_the_last_satang_of_the_budget(hall: TownHall, baht: int, holds: bool) -> None:
    await appropriate(hall, baht)
    run = await planned(hall, 2)
    if holds:
        await hall.jobs.approve(hall.approver, run.id)
        assert await standing(hall) == [(1400, 1400, 0)]
    else:
        with pytest.raises(BudgetExceeded) as refused:
            await hall.jobs.approve(hall.approver, run.id)
        assert refused.value.fields == {
            "programme": "dla-old-age", "year": 2570, "left": Money.baht(1399), "needed": Money.baht(1400),
        }  # fmt: skip
        assert await standing(hall) == [(1399, 0, 1399)]
        assert "BENEFITS" not in await hall.balances(), "nothing of the run is approved"


async def test_of_fifty_runs_approved_at_once_the_budget_lets_through_what_fits(hall: TownHall) -> None:
    await appropriate(hall, 7 * 700 + 699)
    runs = []
    for month in range(50):
        period = date(2022 + month // 12, month % 12 + 1, 1)
        await hall.grant()
        runs.append(await plan_one(hall, period))
    tries = await asyncio.gather(*(hall.jobs.approve(hall.approver, run) for run in runs), return_exceptions=True)
    assert sum(isinstance(one, PaymentRun) for one in tries) == 7
    assert sum(isinstance(one, BudgetExceeded) for one in tries) == 43
    assert await standing(hall) == [(5599, 4900, 699)]


async def plan_one(hall: TownHall, period: date) -> UUID:
    """A planned run with one instalment of November 2026, whatever month the run is of: many can be planned at once."""
    award = (await hall.instalments())[-1].award
    async with hall.db.write() as session:
        key = new_id()
        rows = [one for one in await hall.instalments() if one.award == award][:1]
        session.add(
            PaymentRun(
                id=key, agency="dla", period=period, instalments=1, total=70_000, content_hash=content_hash(rows),
                planned_by=hall.planner.person, planned_at=hall.clock.now(),
            )
        )  # fmt: skip
        await session.flush()
        query = update(Instalment).where(col(Instalment.id) == rows[0].id)
        await session.execute(query.values(run=key, status="IN_RUN"))
    return key


async def test_without_a_budget_nothing_is_limited_unless_one_is_required(hall: TownHall) -> None:
    run = await planned(hall)
    hall.jobs.runs._budget_required = True
    with pytest.raises(BudgetMissing):
        await hall.jobs.approve(hall.approver, run.id)
    hall.jobs.runs._budget_required = False
    await hall.jobs.approve(hall.approver, run.id)
    assert await standing(hall) == []
    assert await hall.balances() == {"BENEFITS": 70_000, "PAYABLE": -70_000}


async def test_a_budget_of_another_programme_or_year_limits_nothing(hall: TownHall) -> None:
    await appropriate(hall, 1, year=2026)
    await appropriate(hall, 1, subject="programme:dla-other")
    await hall.jobs.approve(hall.approver, (await planned(hall)).id)
    assert await standing(hall, 2026) == [(1, 0, 1)]


async def test_a_run_over_two_years_takes_from_both_and_from_neither_if_one_is_too_small(hall: TownHall) -> None:
    hall.clock.set(datetime(2026, 10, 2, 10, tzinfo=BANGKOK))
    await appropriate(hall, 700, year=2026)
    await appropriate(hall, 699, year=2027)
    await hall.grant(since=date(2026, 9, 5))
    run = await hall.jobs.plan(hall.planner, date(2026, 10, 1))
    assert run.total == 140_000
    with pytest.raises(BudgetExceeded):
        await hall.jobs.approve(hall.approver, run.id)
    assert await standing(hall, 2026) == [(700, 0, 700)]
    await change(hall, ActKind.BUDGET_RAISE, 1)
    await hall.jobs.approve(hall.approver, run.id)
    assert await standing(hall, 2026) == [(700, 700, 0)]
    assert await standing(hall, 2027) == [(700, 700, 0)]


# What gives room back.


async def test_what_is_owed_again_gives_its_room_back_and_takes_it_anew(hall: TownHall) -> None:
    await appropriate(hall, 700)
    run = await planned(hall)
    await hall.jobs.approve(hall.approver, run.id)
    hall.bank.faults = BAD
    await hall.jobs.send(hall.planner, run.id)
    hall.bank.faults = GOOD
    assert await standing(hall) == [(700, 700, 0)], "it is owed still"
    [first] = await hall.instalments()
    await hall.jobs.pay_again(hall.planner, first.id)
    assert await standing(hall) == [(700, 0, 700)]
    await pay(hall, await hall.jobs.plan(hall.planner, PERIOD))
    assert await standing(hall) == [(700, 700, 0)]


async def test_what_leaves_an_approved_run_gives_its_room_back(hall: TownHall) -> None:
    await appropriate(hall, 1400)
    run = await planned(hall, 2)
    await hall.jobs.approve(hall.approver, run.id)
    await say(hall, (await hall.instalments())[0].person, ACCOUNT)
    await hall.jobs.send(hall.planner, run.id)
    assert await standing(hall) == [(1400, 700, 700)]


@pytest.mark.parametrize(("baht", "fits"), [(1400, True), (1399, False)])
async def test_a_budget_that_is_set_later_counts_what_was_approved_before(
    hall: TownHall, baht: int, fits: bool
) -> None:
    await hall.jobs.approve(hall.approver, (await planned(hall, 2)).id)
    await planned(hall)
    if not fits:
        with pytest.raises(BudgetExceeded):
            await appropriate(hall, baht)
        assert await standing(hall) == []
        return
    await appropriate(hall, baht)
    assert await standing(hall) == [(1400, 1400, 0)]


async def test_what_came_back_before_the_budget_was_set_counts_once(hall: TownHall) -> None:
    run = await planned(hall)
    await hall.jobs.approve(hall.approver, run.id)
    hall.bank.faults = BAD
    await hall.jobs.send(hall.planner, run.id)
    hall.bank.faults = GOOD
    [first] = await hall.instalments()
    await hall.jobs.pay_again(hall.planner, first.id)
    await appropriate(hall, 700)
    assert await standing(hall) == [(700, 0, 700)]
    await pay(hall, await hall.jobs.plan(hall.planner, PERIOD))
    assert await standing(hall) == [(700, 700, 0)]


@given(st.lists(st.sampled_from(["grant", "approve", "again", "raise"]), max_size=12))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_in_any_history_taken_and_left_are_the_budget_and_taken_is_what_is_approved(
    hall: TownHall, steps: list[str]
) -> None:
    subject = f"programme:dla-{new_id().hex[-8:]}"
    hall.jobs.runs._budget_required = False
    await appropriate(hall, 2_000, subject=subject)
    appropriated = 2_000
    for step in steps:
        if step == "grant":
            await hall.grant(subject=subject)
        elif step == "raise":
            await change(hall, ActKind.BUDGET_RAISE, 300, subject=subject)
            appropriated += 300
        elif step == "approve":
            await try_to_pay(hall)
        else:
            for one in await hall.jobs.returned(hall.planner):
                await hall.jobs.pay_again(hall.planner, one.id)
    async with hall.db.read() as session:
        [found] = await standings(session, "dla", [subject], YEAR)
    rows = [one for one in await hall.instalments() if one.subject == subject]
    repeated = {one.repeats for one in rows}
    approved = [one for one in rows if one.status in {"SETTLED", "RETURNED"} and one.id not in repeated]
    assert found == Standing(
        Budget("dla", subject, YEAR), Money.baht(appropriated), Money(sum(one.satang for one in approved))
    )
    assert found.left.satang >= 0
    await hall.balances()
    await change(hall, ActKind.BUDGET_RAISE, 100_000, subject=subject)
    await try_to_pay(hall)  # so that no planned run is left for the next history


async def try_to_pay(hall: TownHall) -> None:
    """Every second run comes back from the bank; one that the budget does not let through stays planned."""
    try:
        run = await hall.jobs.plan(hall.planner, PERIOD)
        await hall.jobs.approve(hall.approver, run.id)
    except (NothingDue, BudgetExceeded):
        return
    hall.bank.faults = BAD if run.id.int % 2 else GOOD
    await hall.jobs.send(hall.planner, run.id)
    await hall.jobs.reconcile(hall.planner, run.id)
    hall.bank.faults = GOOD


# Two officers.


async def test_no_officer_sets_a_budget_alone_and_it_is_set_once(hall: TownHall) -> None:
    payload = {"subject": OLD_AGE, "year": YEAR, "satang": 100}
    act = await books(hall).propose(hall.planner, ActKind.BUDGET_SET, payload, "the budget act")
    for officer, error in (
        (hall.planner, SameOfficer),
        (Clerk(roles=frozenset({"pay.plan"})), NotAPaymentOfficer),
        (Clerk(agency="dcy"), ActNotFound),
    ):
        with pytest.raises(error):
            await books(hall).confirm(officer, act.id)
    assert [one.id for one in await books(hall).waiting(hall.approver)] == [act.id]
    tries = await asyncio.gather(*(books(hall).confirm(Clerk(), act.id) for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(one, ActDecided) for one in tries) == 9
    assert await standing(hall) == [(1, 0, 1)]
    assert await books(hall).waiting(hall.approver) == []
    with pytest.raises(BudgetSetAlready):
        await appropriate(hall, 5)
    [waits] = await books(hall).waiting(hall.approver)
    assert waits.kind == "BUDGET_SET", "what could not be performed stays open"
    assert (await books(hall).refuse(hall.approver, waits.id)).outcome == "REFUSED"


async def test_what_is_refused_or_taken_back_does_nothing(hall: TownHall) -> None:
    payload = {"subject": OLD_AGE, "year": YEAR, "satang": 100}
    for officer, outcome in ((hall.planner, "WITHDRAWN"), (hall.approver, "REFUSED")):
        act = await books(hall).propose(hall.planner, ActKind.BUDGET_SET, payload, "the budget act")
        assert (await books(hall).refuse(officer, act.id)).outcome == outcome
        with pytest.raises(ActDecided):
            await books(hall).confirm(hall.approver, act.id)
    assert await standing(hall) == []


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"year": 2014}, BadInput),
        ({"year": 2101}, BadInput),
        ({"year": True}, BadInput),
        ({"year": "2027"}, BadInput),
        ({"satang": 0}, BadInput),
        ({"satang": -1}, BadInput),
        ({"satang": 1.5}, BadInput),
        ({"satang": float("nan")}, BadInput),
        ({"satang": 10**16 + 1}, BadInput),
        ({"subject": "programme:dcy-child"}, NotYourAgency),
        ({"subject": "nothing"}, NotFound),
    ],
)
async def test_what_is_no_budget_is_refused(hall: TownHall, changed: dict[str, object], error: type[Exception]) -> None:
    payload = {"subject": OLD_AGE, "year": YEAR, "satang": 100} | changed
    with pytest.raises(error):
        await books(hall).propose(hall.planner, ActKind.BUDGET_SET, payload, "the budget act")


async def test_a_budget_that_is_not_set_cannot_be_raised(hall: TownHall) -> None:
    with pytest.raises(BudgetMissing):
        await change(hall, ActKind.BUDGET_RAISE, 1)


@pytest.mark.parametrize(
    ("day", "year"),
    [(date(2026, 9, 30), 2026), (date(2026, 10, 1), 2027), (date(2026, 12, 31), 2027), (date(2027, 1, 1), 2027)],
)
def test_a_fiscal_year_begins_on_the_first_of_october(day: date, year: int) -> None:
    assert fiscal_year(day) == year
    assert first_day(year) <= day <= last_day(year)
    assert buddhist(2027) == 2570


def test_accounts_of_long_names_stay_apart() -> None:
    codes = {BudgetAccount("BUDGET", Budget("dla", f"programme:{'x' * 60}{n}", 2027)).code for n in range(20)}
    assert len(codes) == 20
    assert max(map(len, codes)) <= 40


async def test_a_service_of_a_programmes_slug_has_a_budget_of_its_own(hall: TownHall) -> None:
    of_service, year = "service:dla-old-age", YEAR
    for subject, baht in ((OLD_AGE, 700), (of_service, 500)):
        async with hall.db.write() as session:
            await service.appropriate(
                session, Budget("dla", subject, year), Money.baht(baht), new_id(), hall.clock.now()
            )
    await hall.grant(subject=of_service)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    with pytest.raises(BudgetExceeded):
        await hall.jobs.approve(hall.approver, run.id)
    async with hall.db.read() as session:
        found = await standings(session, "dla", [OLD_AGE, of_service], year)
    assert [(one.budget.subject, one.left) for one in found] == [
        (OLD_AGE, Money.baht(700)),
        (of_service, Money.baht(500)),
    ]


def test_the_accounts_of_programmes_are_called_as_they_always_were() -> None:
    codes = [BudgetAccount("LEFT", Budget("dla", subject, YEAR)).code for subject in (OLD_AGE, "service:dla-old-age")]
    assert codes == ["LEFT:2027:dla-old-age", "LEFT:2027:service:dla-old-age"]
    long = {
        BudgetAccount("LEFT", Budget("dla", f"{kind}:{'x' * 80}{end}", YEAR)).code
        for kind in ("programme", "service") for end in "ab"
    }  # fmt: skip
    assert (len(long), {len(code) for code in long}) == (4, {40})
