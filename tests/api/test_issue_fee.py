"""A document that costs something: ordered, paid by a code, and made once, through the whole application."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from services.pay.fees.models import IncomingPayment
from services.pay.fees.service import GOOD_FOR
from services.plugins.contract import AgencyError
from services.plugins.documents.models import DocumentOrder, IssuedDocument
from services.plugins.documents.order_rows import KEPT
from services.plugins.documents.orders import MADE_WITHIN, ORDERS_MAX, PAYABLE_FOR, TURN, Orders
from services.plugins.documents.service import DocumentDesk
from tests.api.test_issue_document import download
from tests.api.test_pay_fee import balances, bill_of, scan
from tests.services.exchange.privacy.world import left, ran
from tests.services.plugins.documents.office import CONTENT, OPERATION, SERVICE, Office
from tests.support import node
from tests.support.acting import act, delegated, signed_in_with
from tests.support.app import Served

ORDER = "order { id status amount { satang } payBy title fee refusal document { id url } } document { id }"
MINE = "{ viewer { documentOrders { nodes { id status refusal document { id url } } } } }"
OF = "query($id: ID!) { node(id: $id) { ... on Bill { status receipt { number } } } }"
INBOX = "{ viewer { inbox { nodes { title } } } }"
GIVES = """query($id: ID!) { node(id: $id) { ... on Service {
  documents { operation title fee { satang text firstFree againDays } } } } }"""
SATANG = 100_00
TEXT = {"th": "ค่าธรรมเนียมใบรับรอง", "en": "For a certificate"}
SECOND = timedelta(seconds=1)


def costs(sitthi: Served, *, title: dict[str, str] | None = None, **fee: Any) -> Office:
    office = Office()
    spec = {"kind": "issue", "time_limit_seconds": 5, "title": title, "fee": {"satang": SATANG, "text": TEXT, **fee}}
    sitthi.house.registry.add(office.plugin(operations={OPERATION: spec}))
    return office


async def ordered(sitthi: Served, persona: str = "elder", **given: Any) -> dict[str, Any]:
    wish = {"service": SERVICE, "operation": OPERATION, "arguments": {"year": 2569}, **given}
    payload = await sitthi.do("issueDocument", ORDER, persona, **wish)
    assert (payload["problems"], payload["document"]) == ([], None)
    order: dict[str, Any] = payload["order"]
    return order


async def mine(sitthi: Served, persona: str = "elder") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await sitthi.graph(MINE, persona=persona))["viewer"]["documentOrders"]["nodes"]
    return found


def passed(sitthi: Served, time: timedelta) -> None:
    sitthi.clock.advance(time)
    sitthi.forget_tokens()


async def make(sitthi: Served) -> int:
    return await sitthi.house.rooms.get(Orders).make()


async def documents(sitthi: Served) -> int:
    async with sitthi.house.db.read() as session:
        return int(await session.scalar(select(func.count()).select_from(IssuedDocument)) or 0)


async def refused(sitthi: Served, field: str, shown: str, persona: str = "elder", **given: Any) -> list[str]:
    payload = await sitthi.do(field, shown, persona, **given)
    return [problem["code"] for problem in payload["problems"]]


async def test_a_document_is_made_once_its_fee_is_paid_and_not_before(sitthi: Served) -> None:
    office = costs(sitthi)
    order = await ordered(sitthi)
    assert (order["status"], order["amount"], order["document"]) == ("OWED", {"satang": SATANG}, None)
    assert (order["title"], order["fee"]) == ("Certificates", "For a certificate")
    assert await make(sitthi) == 0
    bill = await bill_of(sitthi, order=order["id"])
    assert (bill["kind"], bill["amount"]) == ("FEE", {"satang": SATANG})
    assert (await bill_of(sitthi, order=order["id"]))["id"] == bill["id"]
    assert office.calls == []
    await scan(sitthi, bill["qrText"], "TOLD_TWICE")
    assert [one["status"] for one in await mine(sitthi)] == ["PAID"]
    assert sorted(await asyncio.gather(*(make(sitthi) for _ in range(4)))) == [0, 0, 0, 1]
    [found] = await mine(sitthi)
    assert found["status"] == "MADE"
    assert (await download(sitthi, found["document"]["url"])).content == CONTENT
    [call] = office.calls
    assert call.arguments == {"year": 2569}
    assert await balances(sitthi, "oic") == {"BANK": SATANG, "FEES": -SATANG}
    paid = (await sitthi.graph(OF, {"id": bill["id"]}, persona="elder"))["node"]
    assert (paid["status"], paid["receipt"] is not None) == ("PAID", True)
    titles = [one["title"] for one in (await sitthi.graph(INBOX, persona="elder"))["viewer"]["inbox"]["nodes"]]
    assert "Your document is ready: A certificate" in titles


async def test_an_order_its_bill_and_a_refusal_are_called_as_the_document_is_and_not_as_the_service(
    sitthi: Served,
) -> None:
    office = costs(sitthi, title={"th": "หนังสือรับรองปี", "en": "Certificate of a year"})
    shown = await sitthi.graph(GIVES, {"id": SERVICE})
    assert shown["node"]["documents"] == [
        {
            "operation": OPERATION,
            "title": "Certificate of a year",
            "fee": {"satang": SATANG, "text": TEXT["en"], "firstFree": 0, "againDays": 0},
        }
    ]
    order = await ordered(sitthi)
    assert order["title"] == "Certificate of a year"
    bill = await bill_of(sitthi, order=order["id"])
    bills = (await sitthi.graph("{ viewer { bills { nodes { title } } } }", persona="elder"))["viewer"]["bills"]
    [listed] = bills["nodes"]
    assert listed["title"] == "Certificate of a year"
    office.fail = AgencyError("NOT_READY")
    await scan(sitthi, bill["qrText"])
    await make(sitthi)
    titles = [one["title"] for one in (await sitthi.graph(INBOX, persona="elder"))["viewer"]["inbox"]["nodes"]]
    assert "Your document could not be issued, and what was paid goes back: Certificate of a year" in titles


async def test_another_reader_finds_biller_references_and_amount_in_the_code(sitthi: Served) -> None:
    costs(sitthi)
    bill = await bill_of(sitthi, order=(await ordered(sitthi))["id"])
    async with node.program("promptpay.mjs") as library:
        read = await library.ask("read", text=bill["qrText"])
    assert (read["30"]["00"], read["30"]["02"]) == ("A000000677010112", bill["reference"])
    assert (read["53"], read["54"], read["58"]) == ("764", "100.00", "TH")


async def test_what_was_paid_twice_is_made_once_and_goes_back(sitthi: Served) -> None:
    office = costs(sitthi)
    bill = await bill_of(sitthi, order=(await ordered(sitthi))["id"])
    await scan(sitthi, bill["qrText"])
    assert await make(sitthi) == 1
    assert await scan(sitthi, bill["qrText"]) == [{"status": 200, "outcome": "PAID_ALREADY"}]
    assert await make(sitthi) == 0
    assert (len(office.calls), await documents(sitthi)) == (1, 1)
    assert await balances(sitthi, "oic") == {"BANK": 2 * SATANG, "FEES": -SATANG, "UNAPPLIED": -SATANG}


async def test_of_two_orders_at_once_one_is_the_first_that_is_free(sitthi: Served) -> None:
    office = costs(sitthi, first_free=1)
    await sitthi.token("elder")
    made = await asyncio.gather(*(ordered(sitthi) for _ in range(3)))
    assert sorted(one["status"] for one in made) == ["OWED", "OWED", "PAID"]
    assert sorted(one["amount"]["satang"] for one in made) == [0, SATANG, SATANG]
    assert await make(sitthi) == 1
    assert len(office.calls) == 1
    [free] = [one for one in made if one["status"] == "PAID"]
    assert await refused(sitthi, "payFee", "bill { id }", order=free["id"]) == ["NOTHING_TO_PAY"]
    assert (await ordered(sitthi, "graduate"))["amount"] == {"satang": 0}


async def test_a_free_one_that_the_agency_declined_was_none_of_those(sitthi: Served) -> None:
    office = costs(sitthi, first_free=1)
    office.fail = AgencyError("NOT_READY")
    await ordered(sitthi)
    await make(sitthi)
    [order] = await mine(sitthi)
    assert (order["status"], order["refusal"]) == ("REFUSED", "It is not ready yet")
    assert (await ordered(sitthi))["status"] == "PAID"
    assert await balances(sitthi, "oic") == {}


async def test_repeats_are_free_for_some_days_after_one_was_paid_for(sitthi: Served) -> None:
    costs(sitthi, again_days=30)
    bill = await bill_of(sitthi, order=(await ordered(sitthi))["id"])
    await scan(sitthi, bill["qrText"])
    await make(sitthi)
    passed(sitthi, timedelta(days=30) - SECOND)
    assert (await ordered(sitthi))["amount"] == {"satang": 0}
    assert (await ordered(sitthi, "graduate"))["amount"] == {"satang": SATANG}
    passed(sitthi, SECOND)
    assert (await ordered(sitthi))["amount"] == {"satang": SATANG}


async def test_nothing_is_a_free_repeat_of_what_was_not_made_and_may_go_back(sitthi: Served) -> None:
    """Else whoever pays for one that the agency will decline has others for nothing, and their money back."""
    office = costs(sitthi, again_days=30)
    bill = await bill_of(sitthi, order=(await ordered(sitthi))["id"])
    await scan(sitthi, bill["qrText"])
    assert (await ordered(sitthi))["amount"] == {"satang": SATANG}
    office.fail = AgencyError("NOT_READY")
    await make(sitthi)
    office.fail = None
    assert (await ordered(sitthi))["amount"] == {"satang": SATANG}
    assert await make(sitthi) == 0


async def test_a_bill_that_expired_is_followed_by_another_until_the_order_is_over(sitthi: Served) -> None:
    office = costs(sitthi)
    order = await ordered(sitthi)
    first = await bill_of(sitthi, order=order["id"])
    passed(sitthi, GOOD_FOR)
    assert await scan(sitthi, first["qrText"]) == [{"status": 200, "outcome": "LATE"}]
    assert (await bill_of(sitthi, order=order["id"]))["id"] != first["id"]
    passed(sitthi, PAYABLE_FOR - GOOD_FOR)
    assert [one["status"] for one in await mine(sitthi)] == ["EXPIRED"]
    assert await refused(sitthi, "payFee", "bill { id }", order=order["id"]) == ["NOTHING_TO_PAY"]
    await sitthi.house.rooms.get(Orders).expire()
    assert [one["status"] for one in await mine(sitthi)] == ["EXPIRED"]
    assert await make(sitthi) == 0
    assert office.calls == []


async def test_what_was_paid_in_time_and_told_after_the_order_ended_is_made(sitthi: Served) -> None:
    costs(sitthi)
    order = await ordered(sitthi)
    passed(sitthi, PAYABLE_FOR - timedelta(hours=1))
    bill = await bill_of(sitthi, order=order["id"])
    await scan(sitthi, bill["qrText"], "NOT_TOLD")
    passed(sitthi, timedelta(hours=2))
    await sitthi.house.rooms.get(Orders).expire()
    await sitthi.house.fee_desk().ask()
    assert [one["status"] for one in await mine(sitthi)] == ["PAID"]
    assert await make(sitthi) == 1


async def test_what_the_agency_declines_after_it_was_paid_goes_back_whole(sitthi: Served) -> None:
    office = costs(sitthi)
    office.fail = AgencyError("NOT_READY")
    bill = await bill_of(sitthi, order=(await ordered(sitthi))["id"])
    await scan(sitthi, bill["qrText"])
    assert await make(sitthi) == 0
    [order] = await mine(sitthi)
    assert (order["status"], order["refusal"]) == ("REFUSED", "It is not ready yet")
    assert await balances(sitthi, "oic") == {"BANK": SATANG, "FEES": 0, "UNAPPLIED": -SATANG}
    gone = (await sitthi.graph(OF, {"id": bill["id"]}, persona="elder"))["node"]
    assert gone == {"status": "CANCELLED", "receipt": None}
    async with sitthi.house.db.read() as session:
        [incoming] = (await session.scalars(select(IncomingPayment))).all()
    assert (incoming.verdict, incoming.refunded_at) == ("NOT_DUE", None)
    assert await make(sitthi) == 0
    assert await scan(sitthi, bill["qrText"]) == [{"status": 200, "outcome": "NOT_DUE"}]


async def test_an_agency_that_is_silent_is_asked_again_and_given_up_in_the_end(sitthi: Served) -> None:
    office = costs(sitthi)
    office.fail = TimeoutError()
    bill = await bill_of(sitthi, order=(await ordered(sitthi))["id"])
    await scan(sitthi, bill["qrText"])
    assert await make(sitthi) == 0
    assert await make(sitthi) == 0
    assert len(office.calls) == 1, "not at once"
    passed(sitthi, MADE_WITHIN - SECOND)
    await make(sitthi)
    assert [one["status"] for one in await mine(sitthi)] == ["PAID"]
    passed(sitthi, timedelta(hours=2))
    await make(sitthi)
    [order] = await mine(sitthi)
    assert (order["status"], order["refusal"]) == ("REFUSED", "The agency did not issue the document in time.")
    assert await balances(sitthi, "oic") == {"BANK": SATANG, "FEES": 0, "UNAPPLIED": -SATANG}


async def test_what_breaks_here_each_time_is_given_up_as_silence_is(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody's money waits for a mistake of ours, or for a service that is another by now."""
    costs(sitthi)
    bill = await bill_of(sitthi, order=(await ordered(sitthi))["id"])
    await scan(sitthi, bill["qrText"])

    async def broken(*_: Any, **__: Any) -> None:
        raise ValueError("a mistake of ours")

    monkeypatch.setattr(DocumentDesk, "told", broken)
    await make(sitthi)
    passed(sitthi, MADE_WITHIN)
    await make(sitthi)
    [order] = await mine(sitthi)
    assert order["status"] == "REFUSED"
    assert await balances(sitthi, "oic") == {"BANK": SATANG, "FEES": 0, "UNAPPLIED": -SATANG}


class Killed(BaseException):
    """What no code catches: the process is gone."""


@pytest.mark.parametrize("where", ["told", "keep"])
async def test_whoever_dies_between_the_booking_and_the_making_has_it_made_once(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Before the agency was asked, or after it answered: all that is known is in the order's row."""
    office = costs(sitthi)
    bill = await bill_of(sitthi, order=(await ordered(sitthi))["id"])
    await scan(sitthi, bill["qrText"])

    async def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(DocumentDesk, where, die)
        with pytest.raises(Killed):
            await make(sitthi)
    assert await make(sitthi) == 0, "whoever has its turn may live"
    passed(sitthi, TURN)
    assert await make(sitthi) == 1
    assert await make(sitthi) == 0
    assert await documents(sitthi) == 1
    assert len({call.key for call in office.calls}) == 1
    assert len(office.issued) == 1


async def test_one_key_is_one_order(sitthi: Served) -> None:
    costs(sitthi)
    await sitthi.token("elder")
    key = "key-of-this-test"
    made = await asyncio.gather(*(ordered(sitthi, idempotencyKey=key) for _ in range(3)))
    assert len({one["id"] for one in made}) == 1
    shown = "order { id } document { id }"
    given: dict[str, Any] = {"service": SERVICE, "operation": OPERATION, "idempotencyKey": key, "arguments": {}}
    assert await refused(sitthi, "issueDocument", shown, **given) == ["IDEMPOTENCY_CONFLICT"]


async def test_an_order_is_its_citizens_alone(sitthi: Served) -> None:
    costs(sitthi)
    order = await ordered(sitthi)
    assert await refused(sitthi, "payFee", "bill { id }", "graduate", order=order["id"]) == ["NOTHING_TO_PAY"]
    assert await mine(sitthi, "graduate") == []
    query = "query($id: ID!) { node(id: $id) { id } }"
    assert (await sitthi.graph(query, {"id": order["id"]}, persona="graduate"))["node"] is None
    assert (await sitthi.graph(query, {"id": order["id"]}, persona="elder"))["node"] == {"id": order["id"]}


async def test_whoever_acts_for_a_citizen_orders_nothing_that_costs_something(sitthi: Served) -> None:
    costs(sitthi)
    carer = await act(sitthi, "worker", await delegated(sitthi, "elder", "worker", "VIEW", "APPLY"))
    given = {"service": SERVICE, "operation": OPERATION}
    assert await refused(sitthi, "issueDocument", "order { id } document { id }", carer, **given) == ["NOT_DELEGATED"]


async def test_so_many_orders_wait_and_no_more(sitthi: Served) -> None:
    costs(sitthi)
    for _ in range(ORDERS_MAX):
        await ordered(sitthi)
    given = {"service": SERVICE, "operation": OPERATION}
    assert await refused(sitthi, "issueDocument", "order { id } document { id }", **given) == ["TOO_MANY_ORDERS"]


async def test_of_who_left_no_order_stays_and_nothing_is_made(sitthi: Served) -> None:
    office = costs(sitthi, first_free=1)
    await ordered(sitthi)
    signed_in_with(sitthi)
    await left(sitthi)
    await ran(sitthi)
    assert await make(sitthi) == 0
    assert office.calls == []
    async with sitthi.house.db.read() as session:
        assert await session.scalar(select(func.count()).select_from(DocumentOrder)) == 0


async def test_of_who_left_before_it_was_made_what_was_paid_goes_back(sitthi: Served) -> None:
    office = costs(sitthi)
    office.fail = TimeoutError()
    bill = await bill_of(sitthi, order=(await ordered(sitthi))["id"])
    await scan(sitthi, bill["qrText"])
    await make(sitthi)
    signed_in_with(sitthi)
    await left(sitthi)
    await ran(sitthi)
    await ran(sitthi)
    assert await balances(sitthi, "oic") == {"BANK": SATANG, "FEES": 0, "UNAPPLIED": -SATANG}
    async with sitthi.house.db.read() as session:
        assert await session.scalar(select(func.count()).select_from(DocumentOrder)) == 0


async def test_what_is_over_is_forgotten_but_for_what_was_free(sitthi: Served) -> None:
    costs(sitthi, first_free=1)
    await ordered(sitthi)
    await ordered(sitthi)
    await make(sitthi)
    orders = sitthi.house.rooms.get(Orders)
    passed(sitthi, PAYABLE_FOR + KEPT)
    await orders.expire()
    async with sitthi.house.db.read() as session:
        assert (await session.scalars(select(col(DocumentOrder.free_place)))).all() == [1]
