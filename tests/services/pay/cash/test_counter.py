"""Cash at a counter: paid out once, to the payee, by another officer than made the code, and reconciled by the day."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, time, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from core.clock import BANGKOK
from core.errors import NotFound, SitthiError
from core.ids import new_id
from core.money import Money
from core.viewer import Viewer
from identity.people import PeopleRegister
from services.exchange.catalogue import load_catalogue
from services.exchange.gate import ExchangeGate
from services.pay.accounts import BankAccount
from services.pay.destinations.service import COUNTER, Destinations
from services.pay.errors import BankFileRefused
from services.pay.iso20022.pain001 import Product
from services.pay.models import PaymentRun
from services.pay.needs import NoNotices
from services.pay.overdue import BANK_DAYS_MAX
from services.pay.rails.bank import BankRail
from services.pay.rails.cash.counter import Counter, OwnCodes
from services.pay.rails.cash.day import Told, _balance, report_day, take_counters
from services.pay.rails.cash.errors import (
    DayBalanced,
    DayNotOver,
    NoMoreCodes,
    NotACounterOfficer,
    NotThisOfficer,
    SlipLocked,
    SlipNotFound,
    SlipNotOpen,
    SlipRefused,
)
from services.pay.rails.cash.models import CODES_MAX, TRIES_MAX, CashDay, CashSlip
from services.pay.rails.cash.rail import COLLECTED_WITHIN_DAYS, CashRail
from services.pay.rails.contract import Order, Transfer, Verdict
from services.pay.rails.several import RailName, SeveralRails
from tests.services.pay.town import KEYS, PERIOD, Clerk, TownHall, jobs_over, national_id
from tests.support import access_log

CASHIER = Clerk(roles=frozenset({COUNTER}))


class Desk:
    """A town hall whose payees are paid in cash, and its counter."""

    def __init__(self, hall: TownHall, redis: object) -> None:
        self.hall = hall
        gate = ExchangeGate(
            database=hall.db,
            clock=hall.clock,
            keys=KEYS,
            redis=redis,  # type: ignore[arg-type] # of the fixture
            people=PeopleRegister(KEYS, hall.clock),
            catalogue=load_catalogue(),
            sources=lambda: (),
        )
        self.counter = Counter(hall.db, hall.clock, KEYS, gate)
        bank = "http://bank"
        rails = SeveralRails(
            {
                RailName.PROMPTPAY: BankRail(hall.client, bank, Product.PROMPTPAY),
                RailName.ACCOUNT: BankRail(hall.client, bank, Product.SMART),
                RailName.CASH: CashRail(hall.db, hall.clock),
            }
        )
        self.rails = rails
        self.jobs = jobs_over(hall.db, hall.clock, rails, hall.awards)
        self.destinations = Destinations(hall.clock, KEYS, NoNotices())

    async def payee(self) -> None:
        person = await self.hall.person()
        async with self.hall.db.write() as session:
            await self.destinations.choose_cash(session, CASHIER, person)
        await self.hall.grant(payee=person)

    async def sent(self, people: int = 1) -> PaymentRun:
        for _ in range(people):
            await self.payee()
        run = await self.jobs.plan(self.hall.planner, PERIOD)
        await self.jobs.approve(self.hall.approver, run.id)
        return await self.jobs.send(self.hall.approver, run.id)

    async def slips(self) -> list[CashSlip]:
        async with self.hall.db.read() as session:
            return list(await session.scalars(select(CashSlip).order_by(col(CashSlip.id))))

    async def with_code(self) -> tuple[str, str]:
        """The first slip's number, and a code for it."""
        [slip, *_] = await self.slips()
        return slip.number, (await self.counter.code_for(self.hall.planner, slip.number))[1]

    async def report(self, day: date, *lines: Told) -> CashDay:
        async with self.hall.db.write() as session:
            return await report_day(session, self.hall.clock, CASHIER, day, lines)


@pytest.fixture
def desk(hall: TownHall, redis: object) -> Desk:
    return Desk(hall, redis)


pytestmark = pytest.mark.fakeredis_only


async def test_cash_goes_from_the_plan_to_the_payees_hand(desk: Desk) -> None:
    run = await desk.sent()
    assert (await desk.jobs.reconcile(desk.hall.approver, run.id)).settled == 0
    number, code = await desk.with_code()
    paid = await desk.counter.pay_out(CASHIER, number.lower(), code, national_id(1))
    assert (paid.paid_by, paid.paid_at is not None) == (CASHIER.person, True)
    assert (await desk.jobs.reconcile(desk.hall.approver, run.id)).settled == 1
    [one] = await desk.hall.instalments()
    assert (one.status, one.bank_reference) == ("SETTLED", f"CP{number}")
    assert await desk.hall.balances() == {"BENEFITS": 70_000, "PAYABLE": 0, "IN_TRANSIT": 0, "CASH": -70_000}
    assert desk.hall.bank.books.entries() == [], "no bank had to do with it"


async def test_the_look_at_the_card_is_in_the_payees_access_log_also_when_it_is_refused(desk: Desk) -> None:
    await desk.sent()
    number, code = await desk.with_code()
    with pytest.raises(SlipRefused):
        await desk.counter.pay_out(CASHIER, number, code, national_id(99))
    [entry] = await access_log.entries(desk.hall.db, KEYS)
    assert (entry.subject, entry.purpose) == ((await desk.hall.instalments())[0].person, "payment")
    assert national_id(1).digits not in str(entry)


async def test_of_fifty_counters_at_once_one_pays_out(desk: Desk) -> None:
    run = await desk.sent()
    number, code = await desk.with_code()
    tries = await asyncio.gather(
        *(desk.counter.pay_out(Clerk(roles=frozenset({COUNTER})), number, code, national_id(1)) for _ in range(50)),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in tries) == ["CashSlip"] + ["SlipNotOpen"] * 49
    assert (await desk.jobs.reconcile(desk.hall.approver, run.id)).settled == 1


async def test_a_slip_ends_or_is_paid_out_and_never_both(desk: Desk) -> None:
    run = await desk.sent(6)
    codes = [(s.number, (await desk.counter.code_for(desk.hall.planner, s.number))[1]) for s in await desk.slips()]
    slips = await desk.slips()
    desk.hall.clock.advance(slips[0].expires_on - desk.hall.clock.today())

    async def late(number: str, code: str, card: int) -> None:
        await desk.counter.pay_out(CASHIER, number, code, national_id(card))

    async def ends() -> None:
        desk.hall.clock.advance(timedelta(days=1))
        await desk.jobs.reconcile(desk.hall.approver, run.id)

    await asyncio.gather(
        *(late(number, code, card) for (number, code), card in zip(codes, range(1, 7), strict=True)),
        ends(),
        return_exceptions=True,
    )
    await desk.jobs.reconcile(desk.hall.approver, run.id)
    kept = await desk.slips()
    assert all((slip.paid_at is None) != (slip.returned_at is None) for slip in kept)
    settled = sum(i.status == "SETTLED" for i in await desk.hall.instalments())
    assert settled == sum(slip.paid_at is not None for slip in kept)
    balances = await desk.hall.balances()
    assert balances.get("CASH", 0) == -70_000 * settled
    assert balances["PAYABLE"] == -70_000 * (6 - settled)


@pytest.mark.parametrize(("code_is_wrong", "card"), [(True, 1), (False, 2)])
async def test_after_five_wrong_tries_a_slip_is_locked_until_it_has_another_code(
    desk: Desk, code_is_wrong: bool, card: int
) -> None:
    await desk.sent()
    number, code = await desk.with_code()
    given = "00000-00000" if code_is_wrong else code
    for left in range(TRIES_MAX - 1, -1, -1):
        with pytest.raises(SlipRefused) as refused:
            await desk.counter.pay_out(CASHIER, number, given, national_id(card))
        assert refused.value.fields["left"] == left
    with pytest.raises(SlipLocked):
        await desk.counter.pay_out(CASHIER, number, code, national_id(1))
    _, another = await desk.with_code()
    await desk.counter.pay_out(CASHIER, number, another, national_id(1))


async def test_thirty_wrong_tries_at_once_are_five(desk: Desk) -> None:
    await desk.sent()
    number, _ = await desk.with_code()
    tries = await asyncio.gather(
        *(desk.counter.pay_out(CASHIER, number, "wrong", national_id(1)) for _ in range(30)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in tries) == ["SlipLocked"] * 25 + ["SlipRefused"] * 5


async def test_a_new_code_voids_the_last_and_there_are_five_of_them(desk: Desk) -> None:
    await desk.sent()
    number, first = await desk.with_code()
    *_, (_, last) = [await desk.with_code() for _ in range(CODES_MAX - 1)]
    with pytest.raises(NoMoreCodes):
        await desk.with_code()
    with pytest.raises(SlipRefused):
        await desk.counter.pay_out(CASHIER, number, first, national_id(1))
    await desk.counter.pay_out(CASHIER, number, last, national_id(1))


async def test_a_code_that_the_payee_asked_for_is_as_good_as_one_on_paper_and_voids_it(desk: Desk) -> None:
    await desk.sent()
    number, printed = await desk.with_code()
    [slip] = await desk.slips()
    own = OwnCodes(desk.hall.clock, KEYS)
    async with desk.hall.db.write() as session:
        row, code = await own.make(session, slip.person, slip.id)
    assert (row.codes, own.again(row, 2), own.again(row, 1)) == (2, code, None)
    with pytest.raises(SlipRefused):
        await desk.counter.pay_out(CASHIER, number, printed, national_id(1))
    with pytest.raises(SlipRefused):
        await desk.counter.pay_out(CASHIER, number, code, national_id(2))
    await desk.counter.pay_out(CASHIER, number, code, national_id(1))
    with pytest.raises(SlipNotOpen):
        async with desk.hall.db.write() as session:
            await own.make(session, slip.person, slip.id)


async def test_nobody_makes_a_code_of_anothers_slip_nor_more_than_five(desk: Desk) -> None:
    await desk.sent(2)
    first, second = await desk.slips()
    own = OwnCodes(desk.hall.clock, KEYS)

    async def make(person: UUID, payment: UUID) -> str:
        async with desk.hall.db.write() as session:
            return (await own.make(session, person, payment))[1]

    for person, payment in ((new_id(), first.id), (second.person, first.id), (first.person, new_id())):
        with pytest.raises(NotFound):
            await make(person, payment)
    made = await asyncio.gather(*(make(first.person, first.id) for _ in range(9)), return_exceptions=True)
    codes = [one for one in made if isinstance(one, str)]
    assert (len(codes), len(set(codes))) == (CODES_MAX, CODES_MAX)
    assert [type(one) for one in made if not isinstance(one, str)] == [NoMoreCodes] * 4
    assert await make(second.person, second.id) not in codes


async def test_a_slip_that_nobody_came_for_in_time_has_no_more_codes(desk: Desk) -> None:
    await desk.sent()
    [slip] = await desk.slips()
    desk.hall.clock.advance(slip.expires_on - desk.hall.clock.today())
    own = OwnCodes(desk.hall.clock, KEYS)
    async with desk.hall.db.write() as session:
        await own.make(session, slip.person, slip.id)
    desk.hall.clock.advance(timedelta(days=1))
    with pytest.raises(SlipNotOpen):
        async with desk.hall.db.write() as session:
            await own.make(session, slip.person, slip.id)


async def test_a_slip_without_a_code_is_not_paid_out(desk: Desk) -> None:
    await desk.sent()
    [slip] = await desk.slips()
    with pytest.raises(SlipLocked):
        await desk.counter.pay_out(CASHIER, slip.number, "", national_id(1))


async def test_a_code_is_kept_as_a_hash_and_is_good_for_its_own_slip_alone(desk: Desk) -> None:
    await desk.sent(2)
    number, code = await desk.with_code()
    slips = await desk.slips()
    other = next(slip.number for slip in slips if slip.number != number)
    await desk.counter.code_for(desk.hall.planner, other)
    assert not any(code.replace("-", "").encode() in (slip.code_hash or b"") for slip in slips)
    for card in (1, 2):
        with pytest.raises(SlipRefused):
            await desk.counter.pay_out(CASHIER, other, code, national_id(card))


async def test_who_made_the_code_does_not_pay_out_nor_to_themselves(desk: Desk) -> None:
    await desk.sent()
    [slip] = await desk.slips()
    both = Clerk(roles=frozenset({COUNTER, "pay.plan"}))
    _, code = await desk.counter.code_for(both, slip.number)
    payee = Clerk(person=slip.person, roles=frozenset({COUNTER}))
    for clerk in (both, payee):
        with pytest.raises(NotThisOfficer):
            await desk.counter.pay_out(clerk, slip.number, code, national_id(1))
    for values in ({"paid_by": both.person}, {"paid_by": slip.person}):
        with pytest.raises(IntegrityError, match=r"four_eyes|not_to_oneself"):
            async with desk.hall.db.write() as session:
                await session.execute(update(CashSlip).values(paid_at=desk.hall.clock.now(), **values))


async def test_each_act_needs_its_role_and_another_agencys_slip_is_unknown(desk: Desk) -> None:
    await desk.sent()
    number, code = await desk.with_code()
    attempts: list[tuple[object, type[SitthiError]]] = [
        (desk.counter.pay_out(desk.hall.planner, number, code, national_id(1)), NotACounterOfficer),
        (desk.counter.code_for(CASHIER, number), NotACounterOfficer),
        (desk.counter.open_slips(Clerk(roles=frozenset({"apply.decide"}))), NotACounterOfficer),
        (desk.counter.code_for(Clerk(agency="dcy"), number), SlipNotFound),
        (desk.counter.pay_out(Clerk("dcy", new_id(), CASHIER.roles), number, code, national_id(1)), SlipNotFound),
        (desk.counter.pay_out(CASHIER, "0000000000", code, national_id(1)), SlipNotFound),
        (desk.counter.pay_out(CASHIER, "?", code, national_id(1)), SlipNotFound),
    ]
    for attempt, error in attempts:
        with pytest.raises(error):
            await attempt  # type: ignore[misc] # each is a coroutine
    assert [slip.number for slip in await desk.counter.open_slips(CASHIER)] == [number]
    with pytest.raises(NotACounterOfficer):
        async with desk.hall.db.write() as session:
            await desk.destinations.choose_cash(session, desk.hall.planner, new_id())
    with pytest.raises(NotThisOfficer):
        async with desk.hall.db.write() as session:
            await desk.destinations.choose_cash(session, CASHIER, CASHIER.person)


async def test_both_sides_of_the_days_on_which_a_slip_is_good(desk: Desk) -> None:
    desk.hall.clock.set(desk.hall.clock.now().replace(day=2))
    await desk.sent(2)  # due on the 10th
    number, code = await desk.with_code()
    [first, _] = await desk.slips()
    assert (first.expires_on - first.payable_from).days == COLLECTED_WITHIN_DAYS
    desk.hall.clock.advance(first.payable_from - desk.hall.clock.today() - timedelta(days=1))
    with pytest.raises(SlipNotOpen):
        await desk.counter.pay_out(CASHIER, number, code, national_id(1))
    desk.hall.clock.advance(first.expires_on - desk.hall.clock.today() + timedelta(days=1))
    with pytest.raises(SlipNotOpen):
        await desk.counter.pay_out(CASHIER, number, code, national_id(1))
    with pytest.raises(SlipNotOpen):
        await desk.with_code()
    desk.hall.clock.advance(timedelta(days=-1))
    await desk.counter.pay_out(CASHIER, number, code, national_id(1))


async def test_what_nobody_collects_is_owed_again_and_its_payee_is_told(desk: Desk) -> None:
    run = await desk.sent()
    desk.hall.clock.advance(timedelta(days=COLLECTED_WITHIN_DAYS + 1))
    assert (await desk.jobs.reconcile(desk.hall.approver, run.id)).returned == 1
    assert await desk.jobs.breaks(desk.hall.approver) == []
    [one] = await desk.hall.instalments()
    assert (one.status, one.reason) == ("RETURNED", "UNCL")
    assert await desk.hall.balances() == {"BENEFITS": 70_000, "PAYABLE": -70_000, "IN_TRANSIT": 0}
    with pytest.raises(SlipNotOpen):
        await desk.with_code()


async def test_cash_that_waits_is_no_payment_that_the_bank_forgot(desk: Desk) -> None:
    run = await desk.sent()
    desk.hall.clock.advance(timedelta(days=3 * BANK_DAYS_MAX))
    assert (await desk.jobs.reconcile(desk.hall.approver, run.id)).breaks == 0


async def test_a_run_over_three_rails_is_three_files_and_settles_as_one(desk: Desk) -> None:
    people = [await desk.hall.person() for _ in range(3)]
    for person, account in zip(people, (None, BankAccount("006", "1234567890"), "cash"), strict=True):
        await desk.hall.grant(payee=person)
        if isinstance(account, BankAccount):
            async with desk.hall.db.write() as session:
                viewer = Viewer(person, "demo-app", frozenset(), "x", desk.hall.clock.now() + timedelta(hours=1))
                await desk.destinations.change(session, viewer, account)
        elif account == "cash":
            async with desk.hall.db.write() as session:
                await desk.destinations.choose_cash(session, CASHIER, person)
    run = await desk.jobs.plan(desk.hall.planner, PERIOD)
    await desk.jobs.approve(desk.hall.approver, run.id)
    for _ in range(2):
        await desk.jobs.send(desk.hall.approver, run.id)
    assert (await desk.jobs.reconcile(desk.hall.approver, run.id)).settled == 2
    messages = {entry.message for entry in desk.hall.bank.books.entries()}
    assert (len(messages), run.id.hex in messages) == (2, True), "a message of its own for each rail of the bank"
    number, code = await desk.with_code()
    await desk.counter.pay_out(CASHIER, number, code, national_id(3))
    assert (await desk.jobs.reconcile(desk.hall.approver, run.id)).settled == 1
    balances = await desk.hall.balances()
    assert (balances["BANK"], balances["CASH"], balances["IN_TRANSIT"]) == (-140_000, -70_000, 0)


async def test_a_day_that_balances_fills_the_till_from_the_bank_once(desk: Desk) -> None:
    run = await desk.sent()
    number, code = await desk.with_code()
    await desk.counter.pay_out(CASHIER, number, code, national_id(1))
    await desk.jobs.reconcile(desk.hall.approver, run.id)
    day = desk.hall.clock.today()
    with pytest.raises(DayNotOver):
        await desk.report(day, Told(number, Money(70_000)))
    desk.hall.clock.advance(timedelta(days=1))
    kept = await desk.report(day, Told(number, Money(70_000)))
    assert (kept.slips, kept.satang, kept.told, kept.differences) == (1, 70_000, 70_000, [])
    balances = await desk.hall.balances()
    assert (balances["CASH"], balances["BANK"]) == (0, -70_000)
    with pytest.raises(DayBalanced):
        await desk.report(day, Told(number, Money(70_000)))


MIDNIGHT = datetime(2026, 11, 17, tzinfo=BANGKOK)
BEFORE_MIDNIGHT = MIDNIGHT - timedelta(microseconds=1)


@pytest.mark.parametrize(("at", "day"), [(BEFORE_MIDNIGHT, date(2026, 11, 16)), (MIDNIGHT, date(2026, 11, 17))])
async def test_cash_counts_for_the_bangkok_day_on_which_it_was_handed_over(desk: Desk, at: datetime, day: date) -> None:
    run = await desk.sent()
    number, code = await desk.with_code()
    desk.hall.clock.set(at)
    await desk.counter.pay_out(CASHIER, number, code, national_id(1))
    desk.hall.clock.set(MIDNIGHT + timedelta(days=2))
    await desk.jobs.reconcile(desk.hall.approver, run.id)
    [one] = await desk.hall.instalments()
    assert (one.period, one.settled_at) == (PERIOD, at), "of the month that was due, on the day that it was"
    kept = {other: await desk.report(other) for other in (date(2026, 11, 16), date(2026, 11, 17))}
    assert {other: row.slips for other, row in kept.items()} == {other: int(other == day) for other in kept}
    await desk.report(day, Told(number, Money(70_000)))
    assert (await desk.hall.balances())["CASH"] == 0


async def test_both_midnights_of_a_slips_days(desk: Desk) -> None:
    desk.hall.clock.set(datetime(2026, 11, 2, 10, tzinfo=BANGKOK))
    run = await desk.sent(2)
    slips = await desk.slips()
    codes = [(await desk.counter.code_for(desk.hall.planner, slip.number))[1] for slip in slips]
    opens = datetime.combine(slips[0].payable_from, time(), BANGKOK)
    ends = datetime.combine(slips[0].expires_on + timedelta(days=1), time(), BANGKOK)
    tick = timedelta(microseconds=1)
    for card, (slip, code, shut, good) in enumerate(
        [(slips[0], codes[0], opens - tick, opens), (slips[1], codes[1], ends, ends - tick)], 1
    ):
        desk.hall.clock.set(shut)
        with pytest.raises(SlipNotOpen):
            await desk.counter.pay_out(CASHIER, slip.number, code, national_id(card))
        desk.hall.clock.set(good)
        assert await desk.jobs.rail.booked(run.id) == () or card == 2
        await desk.counter.pay_out(CASHIER, slip.number, code, national_id(card))
    desk.hall.clock.set(ends)
    assert (await desk.jobs.reconcile(desk.hall.approver, run.id)).settled == 2


async def test_a_day_is_counted_after_whoever_was_still_paying_out_in_it(desk: Desk) -> None:
    """Its payment is written while midnight passes: the count waits for it, instead of balancing without it."""
    await desk.sent()
    [slip] = await desk.slips()
    day, started = desk.hall.clock.today(), asyncio.Event()

    async def hand_over() -> None:
        async with desk.hall.db.write() as session:
            await take_counters(session, slip.agency)
            values = {"paid_at": desk.hall.clock.now(), "paid_by": CASHIER.person}
            await session.execute(update(CashSlip).where(col(CashSlip.id) == slip.id).values(**values))
            desk.hall.clock.advance(timedelta(days=1))
            started.set()
            await asyncio.sleep(0.2)  # the counting has begun, and is not done before this ends

    async def count() -> CashDay:
        await started.wait()
        return await desk.report(day)

    _, kept = await asyncio.gather(hand_over(), count())
    assert (kept.slips, kept.balanced_at) == (1, None)


async def test_two_agencies_with_long_names_of_one_beginning_have_a_till_each(desk: Desk) -> None:
    names = [f"{'x' * 99}{end}" for end in "ab"]
    for agency in names:
        for day in (16, 17):
            kept = CashDay(
                agency=agency, day=date(2026, 11, day), slips=1, satang=70_000 + day, told=70_000 + day,
                differences=[], reported_by=CASHIER.person, reported_at=desk.hall.clock.now(),
            )  # fmt: skip
            async with desk.hall.db.write() as session:
                await _balance(session, kept, desk.hall.clock.now())
    for agency in names:
        assert (await desk.hall.balances(agency))["CASH"] == 140_033


async def test_what_differs_is_named_by_slip_and_the_day_can_be_reported_again(desk: Desk) -> None:
    await desk.sent(4)
    numbers = []
    for card, slip in enumerate(await desk.slips(), 1):
        _, code = await desk.counter.code_for(desk.hall.planner, slip.number)
        await desk.counter.pay_out(CASHIER, slip.number, code, national_id(card))
        numbers.append(slip.number)
    day = desk.hall.clock.today()
    desk.hall.clock.advance(timedelta(days=1))
    right, wrong, twice, _ = (Told(number, Money(70_000)) for number in numbers)
    kept = await desk.report(day, right, Told(wrong.number, Money(69_999)), twice, twice, Told("ZZZZZZZZZZ", Money(1)))
    assert {one["number"]: one["kind"] for one in kept.differences} == {
        wrong.number: "WRONG_AMOUNT",
        twice.number: "BOOKED_TWICE",
        numbers[3]: "NOT_BOOKED",
        "ZZZZZZZZZZ": "UNKNOWN_REFERENCE",
    }
    assert "CASH" not in await desk.hall.balances(), "nothing is filled up for a day that does not balance"
    mended = await desk.report(day, *(Told(number, Money(70_000)) for number in numbers))
    assert (mended.differences, mended.balanced_at is not None) == ([], True)


async def test_the_same_file_makes_the_same_slips_and_a_strange_one_none(desk: Desk) -> None:
    await desk.payee()
    run = await desk.jobs.plan(desk.hall.planner, PERIOD)
    rail, [one] = CashRail(desk.hall.db, desk.hall.clock), await desk.hall.instalments()
    payees = await desk.jobs.payees.reveal({(one.person, one.destination)}, officer=desk.hall.planner, run=run.id)
    async with desk.hall.db.read() as session:
        order = await desk.jobs.runs.order(session, run, payees)
    for _ in range(2):
        assert (await rail.submit(order.message, rail.write(order))).verdict is Verdict.ACCEPTED
    assert len(await desk.slips()) == 1
    again = Order(new_id(), order.created_at, order.payer, order.transfers)
    assert dict((await rail.submit(again.message, rail.write(again))).rejected) == {one.id: "AM05"}
    strange = Order(new_id(), order.created_at, order.payer, (_of(new_id(), order.transfers[0]),))
    assert (await rail.submit(strange.message, rail.write(strange))).verdict is Verdict.REJECTED
    for file in (b"nonsense", b"{}", rail.write(again)):
        with pytest.raises(BankFileRefused):
            await rail.submit(order.message, file)
    with pytest.raises(ValueError, match="not cash"):
        rail.write(Order(new_id(), order.created_at, order.payer, (_to_bank(order.transfers[0]),)))
    assert len(await desk.slips()) == 1


def _of(key: object, transfer: Transfer) -> Transfer:
    assert hasattr(key, "hex")
    return Transfer(key, transfer.payee, transfer.money, transfer.pay_on, transfer.remittance)  # type: ignore[arg-type]


def _to_bank(transfer: Transfer) -> Transfer:
    return Transfer(transfer.end_to_end, national_id(1), transfer.money, transfer.pay_on, transfer.remittance)
