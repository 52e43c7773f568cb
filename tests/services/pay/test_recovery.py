"""What was overpaid comes back by what the citizen agreed to, and no satang of it is counted twice or lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlmodel import col

from core.clock import BANGKOK
from core.errors import BadInput
from core.ids import new_id
from core.money import Money
from identity.inbox.service import Inbox
from services.pay.books import Books
from services.pay.errors import NothingDue
from services.pay.ledger.acts import ActKind, TwoOfficers
from services.pay.ledger.service import Account, book, transfer
from services.pay.models import Instalment, Overpayment, PaymentRun
from services.pay.recovery.acts import Waive
from services.pay.recovery.errors import (
    BankEntryBooked,
    NothingToRecover,
    OwnDebt,
    PlanAnswered,
    PlanNotFound,
    PlanOpen,
    TooMuchPaidBack,
)
from services.pay.recovery.models import EntryKind, RecoveryEntry, RecoveryPlan, Underpayment
from services.pay.recovery.service import Recoveries, Terms
from services.pay.recovery.sums import fallen_due, part_of
from tests.services.pay.test_again import BAD, GOOD, told
from tests.services.pay.test_awards import end, reassess
from tests.services.pay.test_destinations import ACCOUNT, say
from tests.services.pay.town import PERIOD, Clerk, TownHall, jobs_over

DECEMBER, JANUARY = date(2026, 12, 1), date(2027, 1, 1)
FLOOR = 20_000


def recoveries(hall: TownHall) -> Recoveries:
    return Recoveries(hall.clock, Inbox(hall.clock))


async def pay(hall: TownHall, period: date, *, comes_back: bool = False) -> PaymentRun:
    run = await hall.jobs.plan(hall.planner, period)
    await hall.jobs.approve(hall.approver, run.id)
    hall.bank.faults = BAD if comes_back else GOOD
    await hall.jobs.send(hall.planner, run.id)
    await hall.jobs.reconcile(hall.planner, run.id)
    hall.bank.faults = GOOD
    return run


async def overpaid(hall: TownHall, baht: int = 300, application: UUID | None = None) -> Overpayment:
    """A payee of 700 baht a month whose November should have been less by so much; it is December by now."""
    application = application or new_id()
    await hall.grant(application=application)
    await pay(hall, PERIOD)
    hall.amounts.by_application[application] = Money.baht(700 - baht)
    await reassess(hall, application, PERIOD)
    hall.amounts.by_application[application] = Money.baht(700)
    hall.clock.set(datetime(2026, 12, 1, 10, tzinfo=BANGKOK))
    return (await owed(hall))[-1]


async def owed(hall: TownHall) -> list[Overpayment]:
    async with hall.db.read() as session:
        return [one.overpayment for one in await recoveries(hall).owed(session, "dla")]


async def left(hall: TownHall) -> int:
    """Satang that are still to come back, by the entries; the ledger says the same."""
    async with hall.db.read() as session:
        found = sum(one.left.satang for one in await recoveries(hall).owed(session, "dla"))
    assert (await hall.balances()).get("RECEIVABLE", 0) == found
    return found


async def propose(hall: TownHall, claims: Sequence[Overpayment], parts: int = 3, **changed: object) -> RecoveryPlan:
    terms = {"parts": parts, "first_month": DECEMBER, "floor": FLOOR, "from_children": False} | changed
    async with hall.db.write() as session:
        return await recoveries(hall).propose(
            session,
            agency="dla",
            officer=hall.planner.person,
            overpayments=[one.id for one in claims],
            terms=Terms(**terms),  # type: ignore[arg-type] # what each test changes is of the right type
            reason="the right was less",
        )


async def agree(hall: TownHall, plan: RecoveryPlan, *, agrees: bool = True) -> RecoveryPlan:
    async with hall.db.write() as session:
        return await recoveries(hall).answer(session, plan.person, plan.id, agrees=agrees)


async def paid(hall: TownHall, period: date) -> list[tuple[int, int, int]]:
    """Gross, withheld and net of the month's payments."""
    return [(one.satang, one.withheld, one.net) for one in await hall.instalments() if one.period == period]


async def underpaid(hall: TownHall) -> list[tuple[int, str]]:
    async with hall.db.read() as session:
        return [(one.satang, one.cause) for one in await recoveries(hall).underpaid(session, "dla")]


# A plan.


async def test_an_agreed_part_is_withheld_and_the_bank_is_told_what_is_left(hall: TownHall) -> None:
    plan = await propose(hall, [await overpaid(hall)])
    await agree(hall, plan)
    run = await pay(hall, DECEMBER)
    assert await paid(hall, DECEMBER) == [(70_000, 10_000, 60_000)]
    assert await left(hall) == 20_000
    balances = await hall.balances()
    assert balances == {
        "BENEFITS": 110_000, "PAYABLE": 0, "IN_TRANSIT": 0, "BANK": -130_000, "RECEIVABLE": 20_000,
    }  # fmt: skip
    async with hall.db.read() as session:
        kept = await session.get(PaymentRun, run.id)
        assert kept is not None
        assert b">600.00<" in await hall.jobs.runs.file(session, kept)
    assert [entry.satang for entry in hall.bank.books.entries()][-1] == 60_000


async def test_the_parts_are_withheld_month_by_month_until_nothing_is_left(hall: TownHall) -> None:
    await agree(hall, await propose(hall, [await overpaid(hall, baht=100)], parts=3))
    for month, withheld in ((12, 3_333), (1, 3_333), (2, 3_334), (3, 0)):
        period = date(2026 if month == 12 else 2027, month, 1)
        hall.clock.set(datetime(period.year, month, 2, tzinfo=BANGKOK))
        await pay(hall, period)
        assert await paid(hall, period) == [(70_000, withheld, 70_000 - withheld)]
    assert await left(hall) == 0


@pytest.mark.parametrize("agrees", [None, False])
async def test_without_the_citizens_word_nothing_is_withheld(hall: TownHall, agrees: bool | None) -> None:
    plan = await propose(hall, [await overpaid(hall)])
    if agrees is not None:
        await agree(hall, plan, agrees=agrees)
    await pay(hall, DECEMBER)
    assert await paid(hall, DECEMBER) == [(70_000, 0, 70_000)]
    assert await left(hall) == 30_000
    [(thai, english)] = await told(hall, "pay.recovery-proposed")
    assert "300.00 baht too much" in english
    assert "จะหักเมื่อคุณตกลงเท่านั้น" in thai


@pytest.mark.parametrize(("floor", "withheld"), [(60_000, 10_000), (60_001, 9_999), (70_000, 0), (80_000, 0)])
async def test_no_payment_falls_below_the_floor(hall: TownHall, floor: int, withheld: int) -> None:
    await agree(hall, await propose(hall, [await overpaid(hall)], floor=floor))
    await pay(hall, DECEMBER)
    assert await paid(hall, DECEMBER) == [(70_000, withheld, 70_000 - withheld)]


@pytest.mark.parametrize(("agreed", "withheld"), [(False, 0), (True, 10_000)])
async def test_a_childs_payment_is_reduced_only_where_that_was_agreed(
    hall: TownHall, agreed: bool, withheld: int
) -> None:
    application = new_id()
    claim = await overpaid(hall, application=application)
    await end(hall, application, DECEMBER)
    child = await hall.person()
    await hall.grant(payee=claim.person, beneficiary=child, subject="programme:dla-child")
    await agree(hall, await propose(hall, [claim], from_children=agreed))
    await pay(hall, DECEMBER)
    assert [one[1] for one in await paid(hall, DECEMBER) if one[0] == 70_000] == [withheld]


async def test_a_missed_part_is_withheld_later_one_a_month(hall: TownHall) -> None:
    await agree(hall, await propose(hall, [await overpaid(hall)], parts=3))
    hall.clock.set(datetime(2027, 2, 2, tzinfo=BANGKOK))
    await pay(hall, date(2027, 2, 1))
    withheld = [one.withheld for one in await hall.instalments() if one.period >= DECEMBER]
    assert sum(withheld) == 10_000, "one part from what is paid in one month"


async def test_one_part_a_month_is_withheld_in_however_many_files(hall: TownHall) -> None:
    claim = await overpaid(hall)
    await agree(hall, await propose(hall, [claim]))
    hall.jobs = jobs_over(hall.db, hall.clock, hall.jobs.rail, hall.awards, part_max=1)
    february = date(2027, 2, 1)
    hall.clock.set(datetime(2027, 2, 1, 10, tzinfo=BANGKOK))
    await hall.grant(payee=claim.person, subject="programme:dla-other")
    run = await hall.jobs.plan(hall.planner, february)
    await hall.jobs.approve(hall.approver, run.id)
    assert sorted(one[1] for one in await paid(hall, february)) == [0, 10_000]


async def test_another_agency_withholds_nothing(hall: TownHall) -> None:
    claim = await overpaid(hall)
    await agree(hall, await propose(hall, [claim]))
    await hall.grant(agency="dcy", payee=claim.person)
    assert all(one.withheld == 0 for one in await hall.instalments() if one.agency == "dcy")
    with pytest.raises(NothingToRecover):
        async with hall.db.write() as session:
            await recoveries(hall).propose(
                session, agency="dcy", officer=new_id(), overpayments=[claim.id],
                terms=Terms(1, DECEMBER, FLOOR), reason="not theirs",
            )  # fmt: skip


# Payments that are not made.


async def test_what_comes_back_gives_the_withholding_back_and_takes_it_again(hall: TownHall) -> None:
    await agree(hall, await propose(hall, [await overpaid(hall)]))
    await pay(hall, DECEMBER, comes_back=True)
    assert await left(hall) == 30_000
    assert (await hall.balances())["PAYABLE"] == -70_000
    [first] = [one for one in await hall.instalments() if one.period == DECEMBER]
    await hall.jobs.pay_again(hall.planner, first.id)
    await pay(hall, DECEMBER)
    assert await paid(hall, DECEMBER) == [(70_000, 10_000, 60_000)] * 2
    assert await left(hall) == 20_000
    assert (await hall.balances())["PAYABLE"] == 0


async def test_who_leaves_an_approved_run_has_the_withholding_back_and_pays_it_with_the_next(hall: TownHall) -> None:
    claim = await overpaid(hall)
    await agree(hall, await propose(hall, [claim]))
    run = await hall.jobs.plan(hall.planner, DECEMBER)
    await hall.jobs.approve(hall.approver, run.id)
    assert await left(hall) == 20_000
    await say(hall, claim.person, ACCOUNT)
    await hall.jobs.send(hall.planner, run.id)
    assert await left(hall) == 30_000
    assert (await hall.balances())["PAYABLE"] == 0
    await pay(hall, DECEMBER)
    assert await paid(hall, DECEMBER) == [(70_000, 10_000, 60_000)]
    assert await left(hall) == 20_000


async def test_a_claim_that_falls_after_part_came_back_is_owed_to_the_citizen(hall: TownHall) -> None:
    application = new_id()
    claim = await overpaid(hall, application=application)
    await agree(hall, await propose(hall, [claim]))
    await pay(hall, DECEMBER)
    await reassess(hall, application, PERIOD)
    assert await left(hall) == 0
    assert await underpaid(hall) == [(10_000, "RECOVERED_TOO_MUCH")]
    balances = await hall.balances()
    assert balances["BENEFITS"] == -balances["BANK"] == 130_000, "140,000 are due, and 10,000 of it is owed still"


async def test_a_payment_that_comes_back_after_its_claim_fell_owes_nothing_twice(hall: TownHall) -> None:
    application = new_id()
    claim = await overpaid(hall, application=application)
    await agree(hall, await propose(hall, [claim]))
    run = await hall.jobs.plan(hall.planner, DECEMBER)
    await hall.jobs.approve(hall.approver, run.id)
    await reassess(hall, application, PERIOD)
    hall.bank.faults = BAD
    await hall.jobs.send(hall.planner, run.id)
    assert await left(hall) == 0
    assert await underpaid(hall) == []
    assert await hall.balances() == {
        "BENEFITS": 140_000, "PAYABLE": -70_000, "IN_TRANSIT": 0, "BANK": -70_000, "RECEIVABLE": 0,
    }  # fmt: skip


# What the citizen and officers do.


async def test_a_proposal_is_answered_once_and_by_whose_it_is(hall: TownHall) -> None:
    plan = await propose(hall, [await overpaid(hall)])
    with pytest.raises(PlanNotFound):
        async with hall.db.write() as session:
            await recoveries(hall).answer(session, new_id(), plan.id, agrees=True)
    tries = await asyncio.gather(
        *(agree(hall, plan, agrees=bool(number % 2)) for number in range(10)), return_exceptions=True
    )
    assert sum(isinstance(one, PlanAnswered) for one in tries) == 9


async def test_there_is_one_open_plan_and_the_next_comes_when_nothing_is_left(hall: TownHall) -> None:
    claim = await overpaid(hall)
    tries = await asyncio.gather(*(propose(hall, [claim]) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(one, PlanOpen) for one in tries) == 4
    async with hall.db.write() as session:
        [plan] = await recoveries(hall).plans(session, claim.person)
        await recoveries(hall).end(session, "dla", plan.id)
    with pytest.raises(PlanAnswered):
        await agree(hall, plan)
    assert (await propose(hall, [claim], parts=1)).parts == 1


@pytest.mark.parametrize(
    "changed", [{"parts": 0}, {"parts": 121}, {"floor": 0}, {"first_month": PERIOD}, {"first_month": date(2026, 12, 2)}]
)
async def test_terms_that_are_none_are_refused(hall: TownHall, changed: dict[str, object]) -> None:
    claim = await overpaid(hall)
    with pytest.raises(BadInput):
        await propose(hall, [claim], **changed)  # type: ignore[arg-type] # of the right type each


async def pay_back(hall: TownHall, claim: Overpayment, baht: int, reference: str = "CAMT-1") -> int:
    async with hall.db.write() as session:
        return await recoveries(hall).pay_back(
            session, agency="dla", overpayments=[claim.id], money=Money.baht(baht), reference=reference
        )


async def test_what_is_paid_back_counts_once_per_entry_of_the_bank(hall: TownHall) -> None:
    claim = await overpaid(hall)
    await agree(hall, await propose(hall, [claim]))
    tries = await asyncio.gather(*(pay_back(hall, claim, 100) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(one, BankEntryBooked) for one in tries) == 4
    assert await left(hall) == 20_000
    with pytest.raises(TooMuchPaidBack):
        await pay_back(hall, claim, 201, "CAMT-2")
    await pay(hall, DECEMBER)
    assert await paid(hall, DECEMBER) == [(70_000, 0, 70_000)], "the part of December came back already"
    await pay_back(hall, claim, 200, "CAMT-3")
    assert await left(hall) == 0
    assert (await hall.balances())["BANK"] == -140_000 + 30_000


@pytest.mark.parametrize(("baht", "reference"), [(0, "R"), (-1, "R"), (1, ""), (1, "x" * 36), (1, "ก"), (1, "a\n")])
async def test_what_is_no_entry_of_the_bank_is_refused(hall: TownHall, baht: int, reference: str) -> None:
    claim = await overpaid(hall)
    with pytest.raises(BadInput):
        await pay_back(hall, claim, baht, reference)


@pytest.mark.parametrize("proposes", [True, False])
async def test_no_officer_gives_up_what_they_owe_themselves(hall: TownHall, proposes: bool) -> None:
    claim = await overpaid(hall)
    officers = TwoOfficers(hall.clock, [Waive(recoveries(hall))])
    debtor, other = Clerk(person=claim.person), Clerk()
    first, second = (debtor, other) if proposes else (other, debtor)
    async with hall.db.write() as session:
        act = await officers.propose(session, first, ActKind.WAIVE, {"overpayment": claim.id.hex}, "cannot pay")
    with pytest.raises(OwnDebt):
        async with hall.db.write() as session:
            await officers.confirm(session, second, act.id)
    assert await left(hall) == 30_000


async def test_two_officers_give_up_what_is_left(hall: TownHall) -> None:
    claim = await overpaid(hall)
    await pay_back(hall, claim, 100)
    books = Books(hall.db, hall.clock, TwoOfficers(hall.clock, [Waive(recoveries(hall))]), [])
    acts = [
        await books.propose(hall.planner, ActKind.WAIVE, {"overpayment": claim.id.hex}, "hardship") for _ in range(3)
    ]
    tries = await asyncio.gather(*(books.confirm(hall.approver, act.id) for act in acts), return_exceptions=True)
    assert sum(isinstance(one, NothingToRecover) for one in tries) == 2
    assert await left(hall) == 0
    assert (await hall.balances())["WAIVED"] == 20_000
    assert len(await told(hall, "pay.recovery-waived")) == 1
    with pytest.raises(NothingToRecover):
        await books.propose(hall.planner, ActKind.WAIVE, {"overpayment": "nothing"}, "hardship")


async def test_long_names_of_one_beginning_are_two_agencies_and_what_was_booked_stays_so(hall: TownHall) -> None:
    names = [f"{'x' * 50}{end}" for end in ("a", "b")]
    claims = []
    for agency in names:
        payee, key = await hall.person(), new_id()
        await hall.grant(agency=agency, payee=payee)
        one = (await hall.instalments())[-1]
        claims.append(Overpayment(
            person=payee, id=key, instalment=one.id, award=one.award, agency=agency, period=PERIOD, paid=70_000,
            satang=70_000, cause="DEATH", found_at=hall.clock.now(),
        ))  # fmt: skip
    async with hall.db.write() as session:
        session.add_all(claims)
        await session.flush()
        lines = transfer(Account.BANK, Account.RECEIVABLE, Money(1))
        await book(session, key=f"paid-back:{'x' * 50}:OLD-1", agency=names[0], lines=lines, at=hall.clock.now())

    async def came_in(claim: Overpayment, reference: str) -> int:
        async with hall.db.write() as session:
            return await recoveries(hall).pay_back(
                session, agency=claim.agency, overpayments=[claim.id], money=Money(100), reference=reference
            )

    for claim in claims:
        assert await came_in(claim, "CAMT-1") == 1
        with pytest.raises(BankEntryBooked):
            await came_in(claim, "CAMT-1")
    with pytest.raises(BankEntryBooked):
        await came_in(claims[0], "OLD-1")
    assert await came_in(claims[1], "OLD-1") == 1


# In any history.


@given(
    st.lists(
        st.sampled_from(["approve", "comes back", "again", "pay back", "waive", "less", "more", "plan"]), max_size=14
    )
)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_claims_are_what_came_back_what_fell_and_what_is_left(hall: TownHall, steps: list[str]) -> None:
    hall.clock.set(datetime(2026, 11, 5, 10, tzinfo=BANGKOK))
    application = new_id()
    claim = await overpaid(hall, application=application)
    period = DECEMBER
    for step in steps:
        if step in {"approve", "comes back"}:
            hall.clock.set(datetime(period.year, period.month, 3, tzinfo=BANGKOK))
            await try_to_pay(hall, period, comes_back=step == "comes back")
            period = date(period.year + period.month // 12, period.month % 12 + 1, 1)
        else:
            await _step(hall, step, application, claim)
        await hold(hall)


async def try_to_pay(hall: TownHall, period: date, *, comes_back: bool) -> None:
    try:
        await pay(hall, period, comes_back=comes_back)
    except NothingDue:
        return


async def _step(hall: TownHall, step: str, application: UUID, claim: Overpayment) -> None:
    if step == "again":
        for one in await hall.jobs.returned(hall.planner):
            await hall.jobs.pay_again(hall.planner, one.id)
    elif step in {"less", "more"}:
        hall.amounts.by_application[application] = Money.baht(500 if step == "less" else 650)
        await reassess(hall, application, PERIOD)
        hall.amounts.by_application[application] = Money.baht(700)
    else:
        mine = [one for one in await owed(hall) if one.person == claim.person]
        try:
            if step == "plan":
                first = hall.clock.today().replace(day=1)
                await agree(hall, await propose(hall, mine, parts=2, first_month=first))
            elif step == "pay back":
                await pay_back(hall, mine[0], 37, new_id().hex)
            else:
                async with hall.db.write() as session:
                    await recoveries(hall).waive(session, "dla", mine[0].id)
        except (NothingToRecover, PlanOpen, TooMuchPaidBack, IndexError):
            return


async def hold(hall: TownHall) -> None:
    """claim = recovered + waived + released + outstanding, the ledger agrees, and no payment is below the floor."""
    still = await left(hall)
    async with hall.db.read() as session:
        claims = (await session.scalars(select(Overpayment))).all()
        entries = (await session.scalars(select(RecoveryEntry))).all()
        rows = (await session.scalars(select(Instalment).where(col(Instalment.withheld) > 0))).all()
        refunds = (await session.scalars(select(Underpayment).where(col(Underpayment.annulled_at).is_(None)))).all()
    sums = {kind: sum(one.satang for one in entries if one.kind == kind) for kind in EntryKind}
    back = sums[EntryKind.WITHHELD] - sums[EntryKind.GIVEN_BACK] + sums[EntryKind.PAID_BACK] + sums[EntryKind.WAIVED]
    of_fallen = {one.id for one in claims if one.released_at is not None}
    back_of_fallen = sum(
        -one.satang if one.kind == EntryKind.GIVEN_BACK else one.satang
        for one in entries
        if one.overpayment in of_fallen
    )
    released = sum(one.satang for one in claims if one.id in of_fallen) - back_of_fallen
    assert sum(one.satang for one in claims) == back + released + still
    waived_of_fallen = sum(
        one.satang for one in entries if one.overpayment in of_fallen and one.kind == EntryKind.WAIVED
    )
    assert sum(one.satang for one in refunds if one.entry is not None) == back_of_fallen - waived_of_fallen
    assert all(one.net >= FLOOR for one in rows)
    assert still >= 0


@given(st.integers(1, 10**9), st.integers(1, 120), st.integers(0, 130))
def test_parts_sum_to_the_whole_and_differ_by_the_rest_alone(satang: int, parts: int, months: int) -> None:
    parts = min(parts, satang)
    plan = RecoveryPlan(
        person=new_id(), id=new_id(), agency="dla", satang=satang, parts=parts, first_month=DECEMBER, floor=1,
        from_children=False, status="AGREED", reason="", proposed_by=new_id(), proposed_at=datetime.now(BANGKOK),  # noqa: TID251 - nothing reads it
    )  # fmt: skip
    every = [part_of(plan, number) for number in range(1, parts + 1)]
    assert sum(every) == satang
    assert min(every) >= 1
    assert len(set(every[:-1])) <= 1
    number = DECEMBER.year * 12 + DECEMBER.month - 1 + months - 1
    assert fallen_due(plan, date(number // 12, number % 12 + 1, 1)) == sum(every[:months])
