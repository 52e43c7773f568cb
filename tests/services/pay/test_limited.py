"""An order over a bank that takes so many payments in a file: at the limit, beside it, and killed in between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from uuid import UUID

import httpx2
import orjson
import pytest

from core.clock import FixedClock
from core.errors import ServiceUnavailable
from core.ids import new_id
from core.money import Money
from core.text import Text
from services.pay.accounts import BankAccount
from services.pay.errors import BankFileRefused
from services.pay.iso20022.xml import read
from services.pay.payers import treasury_account
from services.pay.rails.bank import BankRail
from services.pay.rails.contract import Answer, Order, Transfer, Verdict
from services.pay.rails.limited import LimitedRail, file_of
from services.pay.rails.several import RailName, SeveralRails
from services.sandbox.bank.app import Bank, bank_app
from services.sandbox.bank.faults import Faults
from tests.services.pay.town import national_id

LIMIT = 3


@dataclass
class Counter:
    """The bank, with a limit of its own, and what was brought there."""

    bank: Bank
    rail: LimitedRail
    brought: list[bytes] = field(default_factory=list)
    dies_after: int | None = None
    """So many files; then the process is gone."""

    async def through(self, request: httpx2.Request) -> None:
        if request.method == "POST":
            if self.dies_after is not None and len(self.brought) >= self.dies_after:
                raise KeyboardInterrupt
            self.brought.append(await request.aread())


@pytest.fixture
async def counter(clock: FixedClock, tmp_path: Path) -> AsyncIterator[Counter]:
    app = bank_app(tmp_path / "bank.sqlite", clock, payments_max=LIMIT)

    async def through(request: httpx2.Request) -> None:
        await made.through(request)

    transport, hooks = httpx2.ASGITransport(app=app), {"request": [through]}
    async with httpx2.AsyncClient(transport=transport, event_hooks=hooks) as client:
        made = Counter(app.state.bank, LimitedRail(BankRail(client, "http://bank"), LIMIT))
        yield made


def order_of(clock: FixedClock, count: int) -> Order:
    transfers = tuple(
        Transfer(new_id(), national_id(n), Money(70_000 + n), date(2026, 11, 16 + n % 2), "old-age 2026-11")
        for n in range(count)
    )
    return Order(new_id(), clock.now(), treasury_account("dla"), transfers)


def said(file: bytes) -> tuple[int, str, list[str]]:
    """Count and control sum of a file's header, and the end-to-end ids in it."""
    root = read(file, "pain.001.001.09", "CstmrCdtTrfInitn")
    head = root.need("GrpHdr")
    ids = [one.need("PmtId", "EndToEndId").text for block in root.all("PmtInf") for one in block.all("CdtTrfTxInf")]
    return head.need("NbOfTxs").count(), head.need("CtrlSum").text, ids


@pytest.mark.parametrize(
    ("count", "files"),
    [(1, [1]), (LIMIT - 1, [2]), (LIMIT, [3]), (LIMIT + 1, [3, 1]), (2 * LIMIT, [3, 3]), (7, [3, 3, 1])],
)
async def test_a_file_is_never_larger_than_the_limit_and_no_payment_is_left_out(
    counter: Counter, clock: FixedClock, count: int, files: list[int]
) -> None:
    order = order_of(clock, count)
    answer = await counter.rail.submit(order.message, counter.rail.write(order))
    assert (answer.message, answer.verdict) == (order.message, Verdict.ACCEPTED)
    heads = [said(file) for file in counter.brought]
    assert [head[0] for head in heads] == files
    by_id = {one.end_to_end.hex: one.money.satang for one in order.transfers}
    assert sorted(key for _, _, ids in heads for key in ids) == sorted(by_id)
    for _, total, ids in heads:
        assert total == Money(sum(by_id[key] for key in ids)).decimal()
    booked = await counter.rail.booked(order.message)
    assert {(one.end_to_end, one.money.satang) for one in booked} == set(by_id.items())


async def test_a_file_that_the_limit_allows_bears_the_orders_own_message_id(
    counter: Counter, clock: FixedClock
) -> None:
    fits, not_fits = order_of(clock, LIMIT), order_of(clock, LIMIT + 1)
    for order in (fits, not_fits):
        await counter.rail.submit(order.message, counter.rail.write(order))
    ids = [read(one, "pain.001.001.09", "CstmrCdtTrfInitn").need("GrpHdr", "MsgId").hex_id() for one in counter.brought]
    assert ids == [fits.message, file_of(not_fits.message, 1), file_of(not_fits.message, 2)]


@pytest.mark.parametrize("after", [0, 1, 2])
async def test_who_is_killed_between_files_sends_them_again_and_each_payment_is_booked_once(
    counter: Counter, clock: FixedClock, after: int
) -> None:
    order = order_of(clock, 2 * LIMIT + 1)
    file = counter.rail.write(order)
    counter.dies_after = after
    with pytest.raises(KeyboardInterrupt):
        await counter.rail.submit(order.message, file)
    assert len(await counter.rail.booked(order.message)) == after * LIMIT
    counter.dies_after = None
    answer = await counter.rail.submit(order.message, file)
    assert answer.verdict is Verdict.ACCEPTED
    booked = await counter.rail.booked(order.message)
    assert sorted(one.end_to_end for one in booked) == sorted(one.end_to_end.hex for one in order.transfers)
    assert len(counter.bank.books.entries()) == 2 * LIMIT + 1


async def test_a_timeout_in_the_middle_is_sent_again_as_the_same_bytes(counter: Counter, clock: FixedClock) -> None:
    order = order_of(clock, LIMIT + 1)
    file = counter.rail.write(order)
    assert file == counter.rail.write(order)
    counter.bank.faults = Faults(timeouts=1)
    with pytest.raises(ServiceUnavailable):
        await counter.rail.submit(order.message, file)
    assert (await counter.rail.submit(order.message, file)).verdict is Verdict.ACCEPTED
    assert len(counter.bank.books.entries()) == 0
    assert len(await counter.rail.booked(order.message)) == LIMIT + 1


async def test_a_bank_refuses_a_file_over_its_limit_whole_and_takes_one_at_it(
    counter: Counter, clock: FixedClock
) -> None:
    too_large = LimitedRail(counter.rail._rail, LIMIT + 1)
    order = order_of(clock, LIMIT + 1)
    answer = await too_large.submit(order.message, too_large.write(order))
    assert (answer.verdict, answer.reason) == (Verdict.REJECTED, "AM18")
    assert await too_large.booked(order.message) == ()
    fits = order_of(clock, LIMIT)
    assert (await too_large.submit(fits.message, too_large.write(fits))).verdict is Verdict.ACCEPTED


async def test_after_a_file_that_is_refused_whole_none_follows_and_all_that_was_not_sent_comes_back(
    counter: Counter, clock: FixedClock
) -> None:
    too_large = LimitedRail(counter.rail._rail, LIMIT + 1)
    order = order_of(clock, 2 * LIMIT + 3)
    answer = await too_large.submit(order.message, too_large.write(order))
    assert answer.verdict is Verdict.REJECTED
    assert dict(answer.rejected) == {one.end_to_end: "AM18" for one in order.transfers}
    assert len(counter.brought) == 1


async def test_a_payment_that_is_rejected_in_one_file_leaves_the_others_paid(
    counter: Counter, clock: FixedClock
) -> None:
    order = order_of(clock, 2 * LIMIT)
    wrong = sorted(order.transfers, key=lambda one: (one.pay_on, one.end_to_end.hex))[:LIMIT]
    counter.bank.faults = Faults(reject=frozenset(one.end_to_end.hex for one in wrong))  # the whole of the first file
    answer = await counter.rail.submit(order.message, counter.rail.write(order))
    assert (answer.verdict, set(answer.rejected)) == (Verdict.PARTLY, {one.end_to_end for one in wrong})
    assert len(await counter.rail.booked(order.message)) == LIMIT


@pytest.mark.parametrize("among", [False, True])
async def test_what_the_bank_rejects_beside_a_file_that_it_has_had_before_is_told_with_that(
    counter: Counter, clock: FixedClock, *, among: bool
) -> None:
    order = order_of(clock, 2 * LIMIT)
    wrong = sorted(order.transfers, key=lambda one: (one.pay_on, one.end_to_end.hex))[LIMIT].end_to_end
    counter.bank.faults = Faults(reject=frozenset({wrong.hex}))
    counter.bank.books.take(file_of(order.message, 1).hex, b"other", b"<answer/>", [], clock.now(), account="0")
    several = SeveralRails({RailName.PROMPTPAY: counter.rail, RailName.ACCOUNT: counter.rail})
    if among:
        there = Transfer(new_id(), BankAccount("004", "1234567890"), Money(100), date(2026, 11, 16), "x")
        order = Order(order.message, order.created_at, order.payer, (*order.transfers, there))
    answer = await several.submit(order.message, several.write(order))
    assert (answer.verdict, dict(answer.rejected)) == (Verdict.DUPLICATE, {wrong: "AC03"})


async def test_files_of_a_limited_rail_go_beside_those_of_other_rails(counter: Counter, clock: FixedClock) -> None:
    several = SeveralRails({RailName.PROMPTPAY: counter.rail, RailName.ACCOUNT: counter.rail})
    there = tuple(
        Transfer(new_id(), BankAccount("004", f"123456789{n}"), Money(100), date(2026, 11, 16), "x") for n in range(4)
    )
    order = order_of(clock, 4)
    both = Order(order.message, order.created_at, order.payer, (*order.transfers, *there))
    file = several.write(both)
    assert (await several.submit(both.message, file)).verdict is Verdict.ACCEPTED
    assert len(counter.brought) == 4
    booked = await several.booked(both.message)
    assert sorted({one.end_to_end for one in booked}) == sorted(one.end_to_end.hex for one in both.transfers)


class Meddles:
    """Speaks of a payment that is in another file."""

    def __init__(self, of: UUID) -> None:
        self._of = of

    def write(self, order: Order) -> bytes:
        return b"{}"

    async def submit(self, order: UUID, file: bytes) -> Answer:
        return Answer(order, Verdict.PARTLY, "", {self._of: "AC04"})

    async def booked(self, order: UUID) -> tuple[()]:
        return ()

    async def told(self, order: UUID) -> None:
        raise ServiceUnavailable(Text(th="ธนาคาร", en="The bank"))


async def test_an_answer_about_another_files_payment_is_refused(clock: FixedClock) -> None:
    order = order_of(clock, 4)
    rail = LimitedRail(Meddles(new_id()), 2)
    with pytest.raises(BankFileRefused):
        await rail.submit(order.message, rail.write(order))
    with pytest.raises(ServiceUnavailable):
        await rail.booked(order.message)


@pytest.mark.parametrize("file", [b'{"files":', b'{"files":[1]}', orjson.dumps({"files": [["x", ["y"]]]})])
async def test_a_file_that_is_not_whole_is_not_sent(counter: Counter, file: bytes) -> None:
    with pytest.raises(BankFileRefused):
        await counter.rail.submit(new_id(), file)
    assert counter.brought == []
