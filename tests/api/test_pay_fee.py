"""A fee from the application to the agency, and what was paid too much back to it, through the whole application."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from api.service_turns import OwedToServices
from core.graph import global_id
from core.ids import GlobalId
from identity.inbox.models import Change, ChangeKind
from services.apply.delivery import repository
from services.know.entries import service_id
from services.pay.ledger.service import trial_balance
from services.pay.recovery.service import Recoveries
from services.pay.recovery.sums import claims_of
from services.plugins.contract import OperationKind
from tests.laws.cases import agreed_recovery, person_of
from tests.services.apply.delivery.office import SLUG, WORDS, Office
from tests.support.app import Served

SERVICE = str(global_id("Service", service_id(f"service:{SLUG}")))
BILL = "bill { id kind status amount { satang } reference qrText qrSvg title receipt { number proof } }"
OF = "query($id: ID!) { node(id: $id) { ... on Bill { status paidAt qrText receipt { number proof qrSvg } } } }"
AT_AGENCY = "atAgency { reference waiting hindrance }"


@pytest.fixture
def office(sitthi: Served) -> Office:
    made = Office(sitthi.clock)
    sitthi.house.registry.add(made.plugin(fee={"satang": 250_00, "text": WORDS}))
    return made


async def applied(sitthi: Served) -> dict[str, Any]:
    made = await sitthi.do(
        "apply", f"application {{ id {AT_AGENCY} }}", "elder", service=SERVICE, answers={"shopName": "ร้านข้าวแกง"}
    )
    assert made["problems"] == []
    application: dict[str, Any] = made["application"]
    return application


async def bill_of(sitthi: Served, **given: Any) -> dict[str, Any]:
    made = await sitthi.do("payFee", BILL, "elder", **given)
    assert made["problems"] == []
    bill: dict[str, Any] = made["bill"]
    return bill


async def scan(sitthi: Served, code: str, fault: str = "") -> list[Any]:
    answer = await sitthi.http.post("/sandbox/bank/bills/scan", json={"qr": code, "fault": fault})
    assert answer.status_code == 200, answer.text
    return [told for one in answer.json()["payments"] for told in one["told"]]


async def carried(sitthi: Served) -> None:
    """All that is due is done: by us, or by the job that is at it."""
    async with sitthi.house.db.write() as session:
        await repository.hurry(session, SLUG, sitthi.clock.now())
    await sitthi.house.courier.tick()
    for task in [*sitthi.house.courier._under_way.values()]:
        await task


async def balances(sitthi: Served, agency: str) -> dict[str, int]:
    async with sitthi.house.db.read() as session:
        return {one.code: one.money.satang for one in await trial_balance(session, agency)}


async def test_an_application_goes_to_its_agency_once_its_fee_is_paid_and_not_before(
    sitthi: Served, office: Office
) -> None:
    application = await applied(sitthi)
    assert application["atAgency"] == {
        "reference": None, "waiting": False,
        "hindrance": "Please pay the fee. It is sent to the agency as soon as that is done.",
    }  # fmt: skip
    await carried(sitthi)
    assert office.asked("takeIt") == []
    bill = await bill_of(sitthi, application=application["id"])
    assert (bill["kind"], bill["status"], bill["amount"]) == ("FEE", "OPEN", {"satang": 250_00})
    assert bill["receipt"] is None
    assert (await bill_of(sitthi, application=application["id"]))["id"] == bill["id"]
    assert await scan(sitthi, bill["qrText"], "TOLD_TWICE") == [{"status": 200, "outcome": "PAID"}] * 2
    await carried(sitthi)
    await carried(sitthi)
    assert [name for name, _ in office.effects] == ["takeIt"]
    assert await balances(sitthi, "oic") == {"BANK": 250_00, "FEES": -250_00}
    paid = (await sitthi.graph(OF, {"id": bill["id"]}, persona="elder"))["node"]
    assert (paid["status"], paid["qrText"]) == ("PAID", None)
    key = GlobalId.parse(bill["id"]).id
    async with sitthi.house.db.read() as session:
        told = list(await session.scalars(select(col(Change.kind)).where(col(Change.subject) == key)))
    assert told == [ChangeKind.BILL.value] * 2


async def test_a_receipt_for_a_fee_proves_itself_and_one_that_was_changed_does_not(
    sitthi: Served, office: Office
) -> None:
    bill = await bill_of(sitthi, application=(await applied(sitthi))["id"])
    await scan(sitthi, bill["qrText"])
    receipt = (await sitthi.graph(OF, {"id": bill["id"]}, persona="elder"))["node"]["receipt"]
    answer = await sitthi.http.post("/verify/fee", json={"receipt": receipt["proof"]})
    told = answer.json()
    assert (answer.status_code, told["valid"], told["stands"]) == (200, True, True)
    assert (told["receipt"]["number"], told["receipt"]["satang"]) == (receipt["number"], 250_00)
    assert not {"person", "name", "pid"} & set(told["receipt"])
    head, body, signature = receipt["proof"].split(".")
    for changed in (f"{head}.{body[:-2]}AA.{signature}", f"{head}.{body}.{signature[:-4]}AAAA", "x", ""):
        assert (await sitthi.http.post("/verify/fee", json={"receipt": changed})).status_code in (400, 422)
    page = await sitthi.http.post(
        "/verify/fee",
        content=f"receipt={receipt['proof']}",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert page.status_code == 200
    assert "250.00" in page.text


async def test_a_withdrawn_application_is_not_sent_by_a_payment_that_goes_back(sitthi: Served, office: Office) -> None:
    application = await applied(sitthi)
    bill = await bill_of(sitthi, application=application["id"])
    assert (await sitthi.do("withdraw", "application { id }", "elder", application=application["id"]))["problems"] == []
    seen = (await sitthi.graph(OF, {"id": bill["id"]}, persona="elder"))["node"]
    assert (seen["status"], seen["qrText"]) == ("CANCELLED", None)
    assert await scan(sitthi, bill["qrText"]) == [{"status": 200, "outcome": "NOT_DUE"}]
    await carried(sitthi)
    assert office.effects == []
    assert await balances(sitthi, "oic") == {"BANK": 250_00, "UNAPPLIED": -250_00}


async def test_an_application_is_either_withdrawn_or_paid_and_sent(sitthi: Served, office: Office) -> None:
    application = await applied(sitthi)
    bill = await bill_of(sitthi, application=application["id"])
    [told], _ = await asyncio.gather(
        scan(sitthi, bill["qrText"]),
        sitthi.do("withdraw", "application { id }", "elder", application=application["id"]),
    )
    seen = (await sitthi.graph(OF, {"id": bill["id"]}, persona="elder"))["node"]
    assert (told["outcome"], seen["status"]) in {("PAID", "PAID"), ("NOT_DUE", "CANCELLED")}
    booked = await balances(sitthi, "oic")
    assert booked.get("FEES", 0) == (-250_00 if told["outcome"] == "PAID" else 0)
    await carried(sitthi)


async def test_an_agency_whose_applicants_have_not_paid_yet_still_owes_them_its_submit(
    sitthi: Served, office: Office
) -> None:
    await applied(sitthi)
    async with sitthi.house.db.write() as session:
        assert OperationKind.SUBMIT in await OwedToServices().owed(session, SLUG)


async def test_of_many_who_pay_one_fee_at_once_the_agency_hears_once(sitthi: Served, office: Office) -> None:
    bill = await bill_of(sitthi, application=(await applied(sitthi))["id"])
    told = await asyncio.gather(*(scan(sitthi, bill["qrText"]) for _ in range(8)))
    outcomes = sorted(one["outcome"] for [one] in told)
    assert outcomes == ["PAID", *["PAID_ALREADY"] * 7]
    await carried(sitthi)
    assert [name for name, _ in office.effects] == ["takeIt"]


async def test_what_the_agency_asks_for_later_is_paid_by_another_bill(sitthi: Served, office: Office) -> None:
    application = await applied(sitthi)
    first = await bill_of(sitthi, application=application["id"])
    await scan(sitthi, first["qrText"])
    office.more = {"payment": {"satang": 99_50, "text": WORDS}}
    await carried(sitthi)
    second = await bill_of(sitthi, application=application["id"])
    assert second["id"] != first["id"]
    assert second["amount"] == {"satang": 99_50}
    assert await scan(sitthi, second["qrText"]) == [{"status": 200, "outcome": "PAID"}]
    again = await sitthi.do("payFee", "bill { id }", "elder", application=application["id"])
    assert [one["code"] for one in again["problems"]] == ["BILL_PAID"]


async def test_a_service_without_a_fee_waits_for_nothing_and_has_no_bill(sitthi: Served) -> None:
    office = Office(sitthi.clock)
    sitthi.house.registry.add(office.plugin())
    application = await applied(sitthi)
    await carried(sitthi)
    assert len(office.asked("takeIt")) == 1
    refused = await sitthi.do("payFee", "bill { id }", "elder", application=application["id"])
    assert [one["code"] for one in refused["problems"]] == ["NOTHING_TO_PAY"]


async def test_nobody_has_a_bill_for_what_another_applied_for(sitthi: Served, office: Office) -> None:
    application = await applied(sitthi)
    refused = await sitthi.do("payFee", "bill { id }", "worker", application=application["id"])
    assert [one["code"] for one in refused["problems"]] == ["NOTHING_TO_PAY"]
    bill = await bill_of(sitthi, application=application["id"])
    assert (await sitthi.graph(OF, {"id": bill["id"]}, persona="worker"))["node"] is None
    mine = "{ viewer { bills { edges { node { id } } } } }"
    assert (await sitthi.graph(mine, persona="worker"))["viewer"]["bills"]["edges"] == []
    [edge] = (await sitthi.graph(mine, persona="elder"))["viewer"]["bills"]["edges"]
    assert edge["node"]["id"] == bill["id"]


@pytest.mark.parametrize("given", [{}, {"application": "x", "recovery": "x"}, {"application": "x"}])
async def test_one_thing_is_paid_at_a_time(sitthi: Served, given: dict[str, str]) -> None:
    refused = await sitthi.do("payFee", "bill { id }", "elder", **given)
    assert refused["bill"] is None
    assert refused["problems"][0]["code"] in ("BAD_INPUT", "MALFORMED_ID")


async def test_what_was_paid_too_much_is_paid_back_by_a_code_once_and_whole(sitthi: Served) -> None:
    plan = await agreed_recovery(sitthi, "elder")
    bill = await bill_of(sitthi, recovery=plan)
    assert (bill["kind"], bill["amount"]) == ("REPAYMENT", {"satang": 100_00})
    assert await scan(sitthi, bill["qrText"], "PAID_TWICE") == [
        {"status": 200, "outcome": "PAID"}, {"status": 200, "outcome": "PAID_ALREADY"}
    ]  # fmt: skip
    person, key = await person_of(sitthi, "elder"), GlobalId.parse(plan).id
    async with sitthi.house.db.read() as session:
        row = await sitthi.house.rooms.get(Recoveries).of(session, person, key)
        assert row is not None
        assert (await sitthi.house.rooms.get(Recoveries).left(session, row)).satang == 0
    booked = await balances(sitthi, "dla")
    assert (booked["BANK"], booked["RECEIVABLE"], booked["UNAPPLIED"]) == (200_00, -100_00, -100_00)
    refused = await sitthi.do("payFee", "bill { id }", "elder", recovery=plan)
    assert [one["code"] for one in refused["problems"]] == ["NOTHING_TO_PAY"]


async def test_where_less_is_owed_by_now_the_payment_goes_back_whole(sitthi: Served) -> None:
    plan = await agreed_recovery(sitthi, "elder")
    bill = await bill_of(sitthi, recovery=plan)
    person, key = await person_of(sitthi, "elder"), GlobalId.parse(plan).id
    async with sitthi.house.db.write() as session:
        row = await sitthi.house.rooms.get(Recoveries).of(session, person, key)
        assert row is not None
        [claim] = await claims_of(session, row)
        await sitthi.house.rooms.get(Recoveries).waive(session, "dla", claim.id)
    assert await scan(sitthi, bill["qrText"]) == [{"status": 200, "outcome": "NOT_DUE"}]
    assert (await balances(sitthi, "dla"))["UNAPPLIED"] == -100_00


async def test_a_lost_notice_is_asked_for_by_a_job(sitthi: Served, office: Office) -> None:
    bill = await bill_of(sitthi, application=(await applied(sitthi))["id"])
    assert await scan(sitthi, bill["qrText"], "NOT_TOLD") == []
    sitthi.clock.advance(timedelta(minutes=6))
    assert await sitthi.house.fee_desk().ask() == 1
    assert (await sitthi.graph(OF, {"id": bill["id"]}, persona="elder"))["node"]["status"] == "PAID"
