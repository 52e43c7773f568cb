"""Several rails as one: each payment by its own, a file and a message for each, and one answer."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from core.clock import FixedClock
from core.errors import ServiceUnavailable
from core.ids import new_id
from core.money import Money
from core.text import Text
from services.pay.accounts import BankAccount, Cash, CreditorAccount, Mobile
from services.pay.errors import BankFileRefused
from services.pay.payers import treasury_account
from services.pay.rails.contract import Answer, Entry, EntryKind, Order, Rail, Transfer, Verdict
from services.pay.rails.memory import MemoryRail
from services.pay.rails.several import RailName, SeveralRails, message_of, rail_of
from tests.services.pay.town import national_id

PAYEES: tuple[CreditorAccount, ...] = (
    national_id(1),
    Mobile("+66812345678"),
    BankAccount("006", "1234567890"),
    Cash(),
)


class Silent(MemoryRail):
    """Takes the file, and does not answer."""

    async def submit(self, order: UUID, file: bytes) -> Answer:
        await super().submit(order, file)
        raise ServiceUnavailable(Text(th="ธนาคาร", en="The bank"))


class Knows(MemoryRail):
    async def submit(self, order: UUID, file: bytes) -> Answer:
        return Answer(order, Verdict.DUPLICATE)


class Refuses(MemoryRail):
    async def submit(self, order: UUID, file: bytes) -> Answer:
        return Answer(order, Verdict.REJECTED, "FF01")


class Meddles(MemoryRail):
    """Speaks of a payment that another rail has."""

    of: UUID

    async def submit(self, order: UUID, file: bytes) -> Answer:
        return Answer(order, Verdict.PARTLY, "", {self.of: "AC04"})


def order_of(clock: FixedClock, *payees: CreditorAccount) -> Order:
    transfers = tuple(Transfer(new_id(), payee, Money(70_000), date(2026, 11, 16), "x") for payee in payees)
    return Order(new_id(), clock.now(), treasury_account("dla"), transfers)


def rails(clock: FixedClock, **others: Rail) -> tuple[SeveralRails, dict[RailName, Rail]]:
    made: dict[RailName, Rail] = {name: others.get(name.value, MemoryRail(clock)) for name in RailName}
    return SeveralRails(made), made


def test_each_payee_has_a_rail() -> None:
    assert [rail_of(payee) for payee in PAYEES] == [
        RailName.PROMPTPAY,
        RailName.PROMPTPAY,
        RailName.ACCOUNT,
        RailName.CASH,
    ]


def test_message_ids_are_the_same_each_time_and_one_for_each_rail() -> None:
    run = new_id()
    assert message_of(run, RailName.PROMPTPAY) == run
    assert len({message_of(of, rail) for of in (run, new_id()) for rail in RailName}) == 6
    assert message_of(run, RailName.CASH) == message_of(run, RailName.CASH)


async def test_each_payment_is_booked_by_its_own_rail(clock: FixedClock) -> None:
    several, made = rails(clock)
    order = order_of(clock, *PAYEES)
    file = several.write(order)
    assert file == several.write(order)
    assert (await several.submit(order.message, file)).verdict is Verdict.ACCEPTED
    assert {(e.end_to_end, e.kind) for e in await several.booked(order.message)} == {
        (t.end_to_end.hex, EntryKind.PAID) for t in order.transfers
    }
    counts = {name: len(await rail.booked(message_of(order.message, name))) for name, rail in made.items()}
    assert counts == {RailName.PROMPTPAY: 2, RailName.ACCOUNT: 1, RailName.CASH: 1}


async def test_a_run_by_promptpay_alone_is_that_rails_file(clock: FixedClock) -> None:
    several, made = rails(clock)
    order = order_of(clock, *PAYEES[:2])
    assert several.write(order) == made[RailName.PROMPTPAY].write(order)
    assert (await several.submit(order.message, several.write(order))).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("payees", [PAYEES[2:3], PAYEES[3:], PAYEES[:3]])
async def test_a_run_by_any_rails_is_paid(clock: FixedClock, payees: tuple[CreditorAccount, ...]) -> None:
    several, _ = rails(clock)
    order = order_of(clock, *payees)
    await several.submit(order.message, several.write(order))
    assert len(await several.booked(order.message)) == len(payees)


async def test_what_one_rail_has_taken_is_taken_once_though_the_next_does_not_answer(clock: FixedClock) -> None:
    silent = Silent(clock)
    several, made = rails(clock, ACCOUNT=silent)
    order = order_of(clock, *PAYEES)
    file = several.write(order)
    for _ in range(2):
        with pytest.raises(ServiceUnavailable):
            await several.submit(order.message, file)
    assert len(await made[RailName.PROMPTPAY].booked(order.message)) == 2
    well = SeveralRails({**made, RailName.ACCOUNT: MemoryRail(clock)})
    assert (await well.submit(order.message, file)).verdict is Verdict.ACCEPTED
    assert len(await well.booked(order.message)) == 4


async def test_a_rail_that_knows_its_file_leaves_the_whole_open(clock: FixedClock) -> None:
    several, _ = rails(clock, CASH=Knows(clock))
    order = order_of(clock, *PAYEES)
    assert (await several.submit(order.message, several.write(order))).verdict is Verdict.DUPLICATE


async def test_a_rail_that_refuses_its_file_rejects_what_is_in_it_and_nothing_else(clock: FixedClock) -> None:
    several, _ = rails(clock, ACCOUNT=Refuses(clock))
    order = order_of(clock, *PAYEES)
    answer = await several.submit(order.message, several.write(order))
    assert (answer.verdict, dict(answer.rejected)) == (Verdict.PARTLY, {order.transfers[2].end_to_end: "FF01"})


async def test_rails_that_all_refuse_reject_everything(clock: FixedClock) -> None:
    several, _ = rails(clock, **{name.value: Refuses(clock) for name in RailName})
    order = order_of(clock, *PAYEES)
    answer = await several.submit(order.message, several.write(order))
    assert (answer.verdict, set(answer.rejected)) == (Verdict.REJECTED, {t.end_to_end for t in order.transfers})


async def test_one_payment_that_is_rejected_is_named(clock: FixedClock) -> None:
    picky = MemoryRail(clock)
    several, _ = rails(clock, PROMPTPAY=picky)
    order = order_of(clock, *PAYEES)
    picky.rejects.add(order.transfers[0].end_to_end)
    answer = await several.submit(order.message, several.write(order))
    assert (answer.verdict, dict(answer.rejected)) == (Verdict.PARTLY, {order.transfers[0].end_to_end: "AC03"})


@pytest.mark.parametrize(
    "file",
    [
        b'{"rails":',
        b'{"rails":[]}',
        b'{"rails":{"BOAT":["x",[]]}}',
        b'{"rails":{"CASH":["x"]}}',
        b'{"rails":{"CASH":[1,["x"]]}}',
    ],
)
async def test_a_stored_object_that_does_not_hold_is_refused(clock: FixedClock, file: bytes) -> None:
    several, _ = rails(clock)
    with pytest.raises(BankFileRefused):
        await several.submit(new_id(), file)


def test_a_payee_whose_rail_there_is_not_cannot_be_written(clock: FixedClock) -> None:
    with pytest.raises(KeyError):
        SeveralRails({RailName.PROMPTPAY: MemoryRail(clock)}).write(order_of(clock, Cash()))


def test_an_entry_is_paid_from_the_bank_unless_it_says_otherwise(clock: FixedClock) -> None:
    assert Entry(EntryKind.PAID, "r", "e", Money(1), "THB", clock.now()).paid_from == "BANK"


async def test_a_rail_that_rejects_what_another_has_is_not_believed(clock: FixedClock) -> None:
    meddler = Meddles(clock)
    several, _ = rails(clock, ACCOUNT=meddler)
    order = order_of(clock, *PAYEES)
    meddler.of = order.transfers[0].end_to_end
    with pytest.raises(BankFileRefused):
        await several.submit(order.message, several.write(order))
