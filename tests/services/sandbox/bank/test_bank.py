"""The bank keeps its promises whoever asks: a file is taken once, a payment booked once, faults end when told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from core.clock import BANGKOK, FixedClock
from core.ids import new_id
from core.money import Money
from services.pay.iso20022 import camt054, pain001, pain002
from services.pay.payers import treasury_account
from services.pay.rails.contract import Order, Transfer, Verdict
from services.sandbox.bank import bank_app
from tests.services.pay.town import national_id

NOW = datetime(2026, 11, 16, 10, 0, tzinfo=BANGKOK)


@pytest.fixture
def order() -> Order:
    transfers = tuple(
        Transfer(new_id(), national_id(n), Money(70_000), date(2026, 11, 16), "old-age 2026-11") for n in range(2)
    )
    return Order(new_id(), NOW, treasury_account("dla"), transfers)


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    app = bank_app(tmp_path / "bank.sqlite", FixedClock(NOW))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://bank") as client:
        yield client


async def submit(bank: httpx2.AsyncClient, order: Order) -> httpx2.Response:
    return await bank.post("/pain.001", content=pain001.write(order))


async def booked(bank: httpx2.AsyncClient, order: Order) -> list[str]:
    answer = await bank.get(f"/camt.054/{order.message.hex}")
    return [entry.end_to_end for entry in camt054.read_entries(answer.content)]


async def test_it_answers_in_iso_20022(bank: httpx2.AsyncClient, order: Order) -> None:
    answer = await submit(bank, order)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml")
    assert pain002.read_answer(answer.content, order.message).verdict is Verdict.ACCEPTED


async def test_its_books_outlive_the_process(bank: httpx2.AsyncClient, order: Order, tmp_path: Path) -> None:
    first = await submit(bank, order)
    again = bank_app(tmp_path / "bank.sqlite", FixedClock(NOW + timedelta(days=1)))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=again), base_url="http://bank") as restarted:
        assert (await submit(restarted, order)).content == first.content
        assert len(await booked(restarted, order)) == 2


async def test_thirty_copies_of_a_file_at_once_are_taken_once(bank: httpx2.AsyncClient, order: Order) -> None:
    answers = await asyncio.gather(*(submit(bank, order) for _ in range(30)))
    assert len({answer.content for answer in answers}) == 1
    assert len(await booked(bank, order)) == 2


async def test_thirty_questions_at_once_book_once(bank: httpx2.AsyncClient, order: Order) -> None:
    await submit(bank, order)
    answers = await asyncio.gather(*(booked(bank, order) for _ in range(30)))
    assert {tuple(sorted(answer)) for answer in answers} == {tuple(sorted(t.end_to_end.hex for t in order.transfers))}


async def test_another_file_under_the_same_id_is_refused(bank: httpx2.AsyncClient, order: Order) -> None:
    await submit(bank, order)
    other = Order(order.message, order.created_at, order.payer, order.transfers[:1])
    answer = pain002.read_answer((await submit(bank, other)).content, order.message)
    assert answer.verdict is Verdict.DUPLICATE
    assert len(await booked(bank, order)) == 2


@pytest.mark.parametrize(("old", "new"), [("<CtrlSum>1400.00", "<CtrlSum>1400.01"), ("<NbOfTxs>2", "<NbOfTxs>3")])
async def test_sums_that_do_not_hold_reject_the_file(
    bank: httpx2.AsyncClient, order: Order, old: str, new: str
) -> None:
    file = pain001.write(order).decode().replace(old, new, 1)
    answer = pain002.read_answer((await bank.post("/pain.001", content=file.encode())).content, order.message)
    assert (answer.verdict, answer.reason) == (Verdict.REJECTED, "AM10")
    assert (await bank.get(f"/camt.054/{order.message.hex}")).status_code == 404


async def test_a_proxy_that_is_no_national_id_is_rejected(bank: httpx2.AsyncClient, order: Order) -> None:
    file = pain001.write(order).decode().replace(national_id(1).digits, "1234567890123")
    answer = pain002.read_answer((await bank.post("/pain.001", content=file.encode())).content, order.message)
    assert dict(answer.rejected) == {order.transfers[1].end_to_end: "AC01"}


async def test_what_is_no_pain_001_is_refused_with_its_line_and_without_its_content(bank: httpx2.AsyncClient) -> None:
    answer = await bank.post("/pain.001", content=b"<a>1112034563562</b>")
    assert b"<GrpSts>RJCT</GrpSts>" in answer.content
    assert b"FF01" in answer.content
    assert b"line 1" in answer.content
    assert b"1112034563562" not in answer.content


async def test_all_entries_since_a_moment(bank: httpx2.AsyncClient, order: Order) -> None:
    await submit(bank, order)
    for since, entries in ((NOW, 2), (NOW + timedelta(seconds=1), 0)):
        answer = await bank.get("/camt.054", params={"since": since.isoformat()})
        assert len(camt054.read_entries(answer.content)) == entries
    for bad in ({}, {"since": "yesterday"}, {"since": "2026-11-16T10:00:00"}):
        assert (await bank.get("/camt.054", params=bad)).status_code == 400


async def test_a_bank_that_holds_books_later(bank: httpx2.AsyncClient, order: Order) -> None:
    await bank.post("/_faults", json={"settles": "HELD"})
    await submit(bank, order)
    assert await booked(bank, order) == []
    await bank.post("/_faults", json={})
    assert len(await booked(bank, order)) == 2


async def test_one_that_settles_at_once_has_booked_before_it_is_asked(bank: httpx2.AsyncClient, order: Order) -> None:
    await bank.post("/_faults", json={"settles": "AT_ONCE"})
    await submit(bank, order)
    await bank.post("/_faults", json={"settles": "HELD"})
    assert len(await booked(bank, order)) == 2


async def test_a_timeout_comes_after_acceptance(bank: httpx2.AsyncClient, order: Order) -> None:
    await bank.post("/_faults", json={"timeouts": 1})
    assert (await submit(bank, order)).status_code == 504
    assert (await submit(bank, order)).status_code == 200
    assert len(await booked(bank, order)) == 2


async def test_the_same_seed_makes_the_same_order(bank: httpx2.AsyncClient, order: Order) -> None:
    await submit(bank, order)
    await bank.post("/_faults", json={"duplicate": True, "reorder": 5})
    first = await booked(bank, order)
    assert (len(first), await booked(bank, order)) == (4, first)


@pytest.mark.parametrize(
    "body",
    ["", "{", '{"what": 1}', '{"timeouts": -1}', '{"settles": "NEVER"}', '{"seed": 1, "rate": 1.1}', '{"rate": -0.1}'],
)
async def test_a_switch_that_does_not_exist_is_refused(bank: httpx2.AsyncClient, body: str) -> None:
    assert (await bank.post("/_faults", content=body)).status_code == 400


async def told_kinds(bank: httpx2.AsyncClient, order: Order) -> list[tuple[str, str]]:
    answer = await bank.get(f"/camt.054/{order.message.hex}")
    return sorted((entry.end_to_end, entry.kind.value) for entry in camt054.read_entries(answer.content))


async def test_what_it_takes_back_it_told_before_and_takes_back_once(bank: httpx2.AsyncClient, order: Order) -> None:
    first = order.transfers[0].end_to_end.hex
    await submit(bank, order)
    await bank.post("/_faults", json={"take_back": [first]})
    assert [kind for _, kind in await told_kinds(bank, order)] == ["PAID", "PAID"]
    for _ in range(2):
        told = await told_kinds(bank, order)
        assert [kind for key, kind in told if key == first] == ["PAID", "RETURNED"]
        assert len(told) == 3


async def test_a_seed_that_strikes_everyone_strikes_alike_each_time(bank: httpx2.AsyncClient, order: Order) -> None:
    assert (await bank.post("/_faults", json={"seed": 7, "rate": 1})).status_code == 204
    statuses = [(await submit(bank, order)).status_code for _ in range(2)]
    assert statuses == [504, 200]
    await booked(bank, order)
    first = (await bank.get(f"/camt.054/{order.message.hex}")).content
    assert (await bank.get(f"/camt.054/{order.message.hex}")).content == first
    await bank.post("/_faults", json={})
    assert {key for key, _ in await told_kinds(bank, order)} == {t.end_to_end.hex for t in order.transfers}
