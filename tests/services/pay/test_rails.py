"""What every rail must do, over each one we have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from core.clock import FixedClock
from core.errors import ServiceUnavailable
from core.ids import new_id
from core.money import Money
from services.pay.errors import BankFileRefused
from services.pay.payers import treasury_account
from services.pay.rails.bank import BankRail
from services.pay.rails.contract import EntryKind, Order, Rail, Transfer, Verdict
from services.pay.rails.limited import LimitedRail
from services.pay.rails.memory import MemoryRail
from services.sandbox.bank import Faults, bank_app
from tests.services.pay.town import national_id


class Bench:
    """A rail, and how to make it reject or return a payment."""

    def __init__(self, rail: Rail, reject: object, send_back: object) -> None:
        self.rail, self._reject, self._send_back = rail, reject, send_back

    def reject(self, key: UUID) -> None:
        self._reject(key)  # type: ignore[operator]

    def send_back(self, key: UUID) -> None:
        self._send_back(key)  # type: ignore[operator]


@pytest.fixture(params=["memory", "bank", "limited"])
async def bench(request: pytest.FixtureRequest, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Bench]:
    if request.param == "memory":
        memory = MemoryRail(clock)
        yield Bench(memory, memory.rejects.add, memory.returns.add)
        return
    app = bank_app(tmp_path / "bank.sqlite", clock)

    def fault(name: str) -> object:
        def switch(key: UUID) -> None:
            app.state.bank.faults = Faults.model_validate({name: [key.hex]})

        return switch

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app)) as client:
        bank: Rail = BankRail(client, "http://bank")
        if request.param == "limited":  # so that the order below is two files
            bank = LimitedRail(BankRail(client, "http://bank"), 2)
        yield Bench(bank, fault("reject"), fault("send_back"))


@pytest.fixture
def order(clock: FixedClock) -> Order:
    transfers = tuple(
        Transfer(new_id(), national_id(n), Money(70_000 + n), date(2026, 11, 16), "old-age 2026-11") for n in range(3)
    )
    return Order(new_id(), clock.now(), treasury_account("dla"), transfers)


async def test_the_same_order_makes_the_same_file(bench: Bench, order: Order) -> None:
    assert bench.rail.write(order) == bench.rail.write(order)


async def test_what_is_taken_is_booked_with_its_amount(bench: Bench, order: Order) -> None:
    answer = await bench.rail.submit(order.message, bench.rail.write(order))
    assert (answer.verdict, answer.rejected) == (Verdict.ACCEPTED, {})
    booked = {(e.end_to_end, e.money, e.kind) for e in await bench.rail.booked(order.message)}
    assert booked == {(t.end_to_end.hex, t.money, EntryKind.PAID) for t in order.transfers}


async def test_the_same_file_again_gets_the_same_answer_and_is_booked_once(bench: Bench, order: Order) -> None:
    file = bench.rail.write(order)
    answers = [await bench.rail.submit(order.message, file) for _ in range(3)]
    assert answers == [answers[0]] * 3
    first = await bench.rail.booked(order.message)
    assert sorted(e.reference for e in first) == sorted(e.reference for e in await bench.rail.booked(order.message))
    assert len(first) == 3


async def test_a_payment_that_came_in_another_file_is_refused_as_a_duplicate(bench: Bench, order: Order) -> None:
    await bench.rail.submit(order.message, bench.rail.write(order))
    fresh = Transfer(new_id(), national_id(9), Money(1), date(2026, 11, 16), "x")
    again = Order(new_id(), order.created_at, order.payer, (order.transfers[0], fresh))
    answer = await bench.rail.submit(again.message, bench.rail.write(again))
    assert (answer.verdict, dict(answer.rejected)) == (Verdict.PARTLY, {order.transfers[0].end_to_end: "AM05"})
    assert len(await bench.rail.booked(again.message)) == 1


async def test_a_rejected_payment_is_named_and_not_booked(bench: Bench, order: Order) -> None:
    bench.reject(order.transfers[0].end_to_end)
    answer = await bench.rail.submit(order.message, bench.rail.write(order))
    assert (answer.verdict, dict(answer.rejected)) == (Verdict.PARTLY, {order.transfers[0].end_to_end: "AC03"})
    assert len(await bench.rail.booked(order.message)) == 2


async def test_a_payment_that_comes_back_says_so(bench: Bench, order: Order) -> None:
    bench.send_back(order.transfers[0].end_to_end)
    await bench.rail.submit(order.message, bench.rail.write(order))
    kinds = {e.end_to_end: (e.kind, e.reason) for e in await bench.rail.booked(order.message)}
    assert kinds[order.transfers[0].end_to_end.hex] == (EntryKind.RETURNED, "AC04")


async def test_of_a_message_that_never_came_nothing_is_booked(bench: Bench) -> None:
    assert await bench.rail.booked(new_id()) == ()


async def test_what_is_no_file_is_refused(bench: Bench, order: Order) -> None:
    with pytest.raises(BankFileRefused):
        await bench.rail.submit(order.message, b"nonsense")


def over(handler: httpx2.MockTransport) -> BankRail:
    return BankRail(httpx2.AsyncClient(transport=handler), "http://bank")


@pytest.mark.parametrize("status", [302, 400, 404, 500, 503, 504])
async def test_any_other_answer_leaves_open_what_became_of_the_file(status: int) -> None:
    rail = over(httpx2.MockTransport(lambda _: httpx2.Response(status)))
    with pytest.raises(ServiceUnavailable):
        await rail.submit(new_id(), b"")


async def test_a_bank_that_cannot_be_reached_is_unavailable() -> None:
    def down(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    rail = over(httpx2.MockTransport(down))
    for attempt in (rail.submit(new_id(), b""), rail.booked(new_id())):
        with pytest.raises(ServiceUnavailable):
            await attempt
