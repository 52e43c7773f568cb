"""Fees that an agency asks for: it hears that they are paid, the turn moves, and what nobody pays for lapses."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from core.graph import global_id
from identity.inbox.models import Message
from services.apply.delivery.unpaid import UnpaidFees
from services.know.entries import service_id
from services.plugins.contract import State
from tests.api.test_pay_fee import balances, bill_of, carried, scan
from tests.services.apply.delivery.office import OPERATIONS, SLUG, WORDS, Office
from tests.support.app import Served

SERVICE = str(global_id("Service", service_id(f"service:{SLUG}")))
HEARS = {
    **OPERATIONS,
    "hear": {"kind": "notify", "time_limit_seconds": 2, "events": ["fee.paid", "fee.lapsed", "application.withdrawn"]},
}
ASKED = {"payment": {"satang": 99_50, "text": WORDS}}
SEEN = "query($id: ID!) { node(id: $id) { ... on Application { status turn atAgency { state payBy hindrance } } } }"


def office_of(sitthi: Served, **fee: Any) -> Office:
    made = Office(sitthi.clock)
    more = {"fee": {"satang": 250_00, "text": WORDS, "when": "afterwards", **fee}} if fee else {}
    sitthi.house.registry.add(made.plugin(operations=HEARS, **more))
    return made


async def applied(sitthi: Served) -> str:
    made = await sitthi.do("apply", "application { id }", "elder", service=SERVICE, answers={"shopName": "ร้านข้าวแกง"})
    assert made["problems"] == []
    key: str = made["application"]["id"]
    return key


async def seen(sitthi: Served, application: str) -> dict[str, Any]:
    found: dict[str, Any] = (await sitthi.graph(SEEN, {"id": application}, persona="elder"))["node"]
    return found


async def stands(sitthi: Served, application: str) -> tuple[str, str]:
    found = await seen(sitthi, application)
    return found["status"], found["turn"]


def heard(office: Office) -> list[dict[str, Any]]:
    """What the agency heard, each event once."""
    events = [call.arguments["event"] for call in office.asked("hear")]
    return list({one["id"]: one for one in events}.values())


def later(sitthi: Served, **time: int) -> None:
    sitthi.clock.advance(timedelta(**time))
    sitthi.forget_tokens()


async def messages(sitthi: Served) -> list[str]:
    async with sitthi.house.db.read() as session:
        return list(await session.scalars(select(col(Message.template)).order_by(col(Message.id))))


async def asked_for(sitthi: Served) -> tuple[Office, str]:
    """An application at an agency that asks for 99.50 while it works."""
    office = office_of(sitthi)
    application = await applied(sitthi)
    office.more = ASKED
    await carried(sitthi)
    return office, application


async def approved(sitthi: Served, **fee: Any) -> tuple[Office, str]:
    office = office_of(sitthi, **(fee or {"days": 30}))
    application = await applied(sitthi)
    await carried(sitthi)
    office.state = State.APPROVED
    await carried(sitthi)
    return office, application


async def test_what_an_agency_asks_for_is_the_citizens_turn_until_it_is_paid_and_then_the_agencys(
    sitthi: Served,
) -> None:
    office, application = await asked_for(sitthi)
    assert await stands(sitthi, application) == ("NEEDS_INFORMATION", "CITIZEN")
    await carried(sitthi)
    assert await stands(sitthi, application) == ("NEEDS_INFORMATION", "CITIZEN")
    bill = await bill_of(sitthi, application=application)
    await scan(sitthi, bill["qrText"])
    assert await stands(sitthi, application) == ("SUBMITTED", "AGENCY")
    await carried(sitthi)  # it asks for the same still: that is paid
    assert await stands(sitthi, application) == ("SUBMITTED", "AGENCY")
    office.more, office.state = {}, State.APPROVED
    await carried(sitthi)
    assert (await stands(sitthi, application))[0] == "APPROVED"


async def test_the_agency_hears_of_a_payment_once_however_often_it_is_told(sitthi: Served) -> None:
    office, application = await asked_for(sitthi)
    bill = await bill_of(sitthi, application=application)
    await asyncio.gather(*(scan(sitthi, bill["qrText"], "TOLD_TWICE") for _ in range(3)))
    await carried(sitthi)
    await carried(sitthi)
    [event] = heard(office)
    assert (event["kind"], event["reference"], event["satang"]) == ("fee.paid", "M-1", 99_50)
    assert [name for name, _ in office.effects].count("hear") == 1
    assert (await balances(sitthi, "oic"))["FEES"] == -99_50


async def test_an_agency_that_is_down_hears_of_the_payment_once_it_is_up(sitthi: Served) -> None:
    office, application = await asked_for(sitthi)
    bill = await bill_of(sitthi, application=application)
    office.fail = ConnectionError()
    await scan(sitthi, bill["qrText"])
    await carried(sitthi)
    assert [name for name, _ in office.effects].count("hear") == 0
    office.fail, office.lose = None, ConnectionError()  # it has heard, and its answer is lost
    later(sitthi, minutes=5)
    await carried(sitthi)
    office.lose = None
    later(sitthi, minutes=5)
    await carried(sitthi)
    assert [name for name, _ in office.effects].count("hear") == 1
    assert len({call.arguments["event"]["id"] for call in office.asked("hear")}) == 1


async def test_a_second_amount_is_another_fee_and_another_event(sitthi: Served) -> None:
    office, application = await asked_for(sitthi)
    await scan(sitthi, (await bill_of(sitthi, application=application))["qrText"])
    office.more = {"payment": {"satang": 5_00, "text": WORDS}}
    await carried(sitthi)
    assert await stands(sitthi, application) == ("NEEDS_INFORMATION", "CITIZEN")
    await scan(sitthi, (await bill_of(sitthi, application=application))["qrText"])
    await carried(sitthi)
    assert sorted(one["satang"] for one in heard(office)) == [5_00, 99_50]


async def test_the_same_amount_asked_for_again_is_another_fee_and_another_event(sitthi: Served) -> None:
    office, application = await asked_for(sitthi)
    first = await bill_of(sitthi, application=application)
    await scan(sitthi, first["qrText"])
    await carried(sitthi)  # it is told of the payment, and still says what it asked for
    assert await stands(sitthi, application) == ("SUBMITTED", "AGENCY")
    asked = office.more
    for more in ({}, asked, asked):
        office.more = more
        later(sitthi, days=2)
        await carried(sitthi)
    assert await stands(sitthi, application) == ("NEEDS_INFORMATION", "CITIZEN")
    second = await bill_of(sitthi, application=application)
    assert (second["id"] == first["id"], second["amount"]) == (False, first["amount"])
    await scan(sitthi, second["qrText"])
    assert await stands(sitthi, application) == ("SUBMITTED", "AGENCY")
    await carried(sitthi)
    assert [one["satang"] for one in heard(office)] == [99_50, 99_50]
    assert await stands(sitthi, application) == ("SUBMITTED", "AGENCY")


async def test_a_payment_of_what_was_asked_for_before_leaves_the_turn_with_what_is_asked_for_now(
    sitthi: Served,
) -> None:
    office, application = await asked_for(sitthi)
    former = await bill_of(sitthi, application=application)
    office.more = {"payment": {"satang": 5_00, "text": WORDS}}
    await carried(sitthi)
    await scan(sitthi, former["qrText"])
    await carried(sitthi)
    assert [one["satang"] for one in heard(office)] == [99_50]
    assert await stands(sitthi, application) == ("NEEDS_INFORMATION", "CITIZEN")
    await scan(sitthi, (await bill_of(sitthi, application=application))["qrText"])
    assert await stands(sitthi, application) == ("SUBMITTED", "AGENCY")


async def test_what_the_agency_asks_for_no_more_is_not_waited_for(sitthi: Served) -> None:
    office, application = await asked_for(sitthi)
    office.more = {}
    await carried(sitthi)
    assert await stands(sitthi, application) == ("SUBMITTED", "AGENCY")


async def test_what_is_approved_waits_for_its_fee_and_takes_effect_when_it_is_paid(sitthi: Served) -> None:
    office, application = await approved(sitthi)
    found = await seen(sitthi, application)
    assert (found["status"], found["turn"]) == ("NEEDS_INFORMATION", "CITIZEN")
    assert found["atAgency"]["state"] == "APPROVED"
    assert found["atAgency"]["payBy"] is not None
    assert found["atAgency"]["hindrance"].startswith("The agency has approved it")
    bill = await bill_of(sitthi, application=application)
    assert bill["amount"] == {"satang": 250_00}
    assert await scan(sitthi, bill["qrText"], "TOLD_TWICE") == [{"status": 200, "outcome": "PAID"}] * 2
    found = await seen(sitthi, application)
    assert (found["status"], found["turn"]) == ("APPROVED", "DONE")
    assert found["atAgency"]["payBy"] is found["atAgency"]["hindrance"] is None
    await carried(sitthi)
    assert [one["kind"] for one in heard(office)] == ["fee.paid"]
    told = await messages(sitthi)
    assert [told.count(f"apply.service-fee-{what}") for what in ("due", "reminded", "lapsed")] == [1, 0, 0]
    assert "apply.service-payment" not in told
    again = await sitthi.do("payFee", "bill { id }", "elder", application=application)
    assert again["bill"] is None


async def test_the_agency_may_say_how_much_the_fee_of_what_it_approves_is(sitthi: Served) -> None:
    office = office_of(sitthi, satang=None)
    application = await applied(sitthi)
    await carried(sitthi)
    office.state, office.more = State.APPROVED, ASKED
    await carried(sitthi)
    bill = await bill_of(sitthi, application=application)
    assert bill["amount"] == {"satang": 99_50}
    await scan(sitthi, bill["qrText"])
    assert (await stands(sitthi, application))[0] == "APPROVED"


async def test_without_an_amount_what_is_approved_takes_effect_at_once(sitthi: Served) -> None:
    _, application = await approved(sitthi, satang=None)
    assert (await stands(sitthi, application))[0] == "APPROVED"


async def test_what_is_rejected_has_no_fee_afterwards(sitthi: Served) -> None:
    office = office_of(sitthi, days=30)
    application = await applied(sitthi)
    await carried(sitthi)
    office.state, office.more = State.REJECTED, {"note": WORDS}
    await carried(sitthi)
    assert (await stands(sitthi, application))[0] == "REJECTED"
    refused = await sitthi.do("payFee", "bill { id }", "elder", application=application)
    assert [one["code"] for one in refused["problems"]] == ["NOTHING_TO_PAY"]


async def test_the_citizen_is_reminded_once_and_what_is_not_paid_lapses_after_its_last_day(sitthi: Served) -> None:
    office, application = await approved(sitthi, days=10)
    job, once = sitthi.house.rooms.get(UnpaidFees), ([1, 0], [0, 1])
    assert await job.run() == 0
    later(sitthi, days=6)
    assert list(await asyncio.gather(job.run(), job.run())) in once
    assert (await messages(sitthi)).count("apply.service-fee-reminded") == 1
    last = await bill_of(sitthi, application=application)
    later(sitthi, days=5)  # the eleventh day: told late, it may have been paid in time
    assert await job.run() == 0
    refused = await sitthi.do("payFee", "bill { id }", "elder", application=application)
    assert [one["code"] for one in refused["problems"]] == ["NOTHING_TO_PAY"]
    later(sitthi, days=1)
    assert list(await asyncio.gather(job.run(), job.run())) in once
    assert (await stands(sitthi, application))[0] == "LAPSED"
    assert (await messages(sitthi)).count("apply.service-fee-lapsed") == 1
    await carried(sitthi)
    assert [one["kind"] for one in heard(office)] == ["fee.lapsed"]
    assert await scan(sitthi, last["qrText"]) == [{"status": 200, "outcome": "NOT_DUE"}]
    assert (await stands(sitthi, application))[0] == "LAPSED"
    again = await sitthi.do("reopen", "application { id }", "elder", application=application)
    assert [one["code"] for one in again["problems"]] == ["NOT_REOPENABLE"]
    assert await job.run() == 0


async def test_what_was_paid_on_the_last_day_and_told_the_day_after_counts(sitthi: Served) -> None:
    _, application = await approved(sitthi, days=1)
    later(sitthi, days=1)
    bill = await bill_of(sitthi, application=application)
    assert await scan(sitthi, bill["qrText"], "NOT_TOLD") == []
    later(sitthi, days=1)
    assert await sitthi.house.rooms.get(UnpaidFees).run() <= 1  # a reminder, if any
    assert await sitthi.house.fee_desk().ask() == 1
    assert (await stands(sitthi, application))[0] == "APPROVED"


async def test_an_application_is_either_paid_for_or_lapses(sitthi: Served) -> None:
    _, application = await approved(sitthi, days=1)
    later(sitthi, days=1)
    bill = await bill_of(sitthi, application=application)
    await scan(sitthi, bill["qrText"], "NOT_TOLD")
    later(sitthi, days=2)
    await asyncio.gather(sitthi.house.rooms.get(UnpaidFees).run(), sitthi.house.fee_desk().ask())
    status = (await stands(sitthi, application))[0]
    booked = await balances(sitthi, "oic")
    assert (status, booked.get("FEES", 0)) in {("APPROVED", -250_00), ("LAPSED", 0)}


@pytest.mark.parametrize(("days", "fits"), [(0, False), (1, True), (365, True), (366, False)])
def test_the_manifest_says_how_long_a_fee_may_be_paid(sitthi: Served, days: int, fits: bool) -> None:
    made = Office(sitthi.clock)
    fee = {"satang": 1, "text": WORDS, "when": "afterwards", "days": days}
    if fits:
        assert made.plugin(fee=fee).manifest.fee is not None
    else:
        with pytest.raises(Exception, match="days"):
            made.plugin(fee=fee)
