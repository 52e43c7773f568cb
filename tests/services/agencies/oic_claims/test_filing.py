"""A hospital files: once for a bill, by who it is, in time, and with whoever's policy covered that minute."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest

from services.plugins.contract import Reporter
from services.plugins.records.lines import Line, Schema
from tests.services.agencies.oic.office import POLICY, plugin_of_the_office
from tests.services.agencies.oic_claims.fund import (
    BILL,
    DEATH,
    HEIR,
    HOSPITAL,
    INSURERS_OFFICER,
    OTHER_HOSPITAL,
    REASON,
    VICTIM,
    Fund,
    codes,
)

NUMBER = "C-0000-0000-0000-0000"


def at(minute: str, **more: Any) -> dict[str, Any]:
    return {**BILL, **more, "accident": {"at": minute, "province": "10"}}


async def test_a_claim_is_filed_checked_and_computed_at_once_and_the_victim_sees_it(fund: Fund) -> None:
    told = await fund.files()
    assert (told["state"], told["due"], told["insurer"], told["policy"]) == (
        "COMPUTED", 30_000_00, "SKP", POLICY["number"],
    )  # fmt: skip
    seen = await fund.claim()
    assert [step["state"] for step in seen["steps"]] == ["FILED", "CHECKED", "COMPUTED"]
    assert {step["organisation"] for step in seen["steps"]} == {HOSPITAL.organisation}
    assert sum(line["amount"].satang for line in seen["lines"]) == seen["due"].satang == 30_000_00
    assert (seen["number"], f"{seen['payBy']}", f"{seen['lawSince']}") == (told["claim"], "2026-11-23", "2020-04-01")
    assert await fund.shows("claims", HEIR) == []


async def test_the_same_bill_is_one_claim_however_often_it_comes(fund: Fund) -> None:
    first = await fund.files()
    assert await fund.files() == first
    taken = await fund.sends("claimFilings", BILL, BILL, by=HOSPITAL)
    assert [one.answer["claim"] for one in taken.told] == [first["claim"]] * 2
    same_instant = at("2026-11-10T14:15:00Z")
    assert await fund.files(same_instant) == first
    assert len(await fund.rows("SELECT number FROM claim")) == 1


async def test_the_victim_is_told_of_a_claim_by_its_number_and_the_day_and_of_no_harm(fund: Fund) -> None:
    records = (BILL, {**BILL, "victim": "0000000000002"})
    taken = await fund.sends("claimFilings", *records, by=HOSPITAL, key="one-sending")
    [told] = taken.notices
    assert (told.record, told.pid, told.notice, f"{told.day}") == (0, VICTIM, "filed", "2026-11-10")
    assert told.reference == taken.told[0].answer["claim"]
    again = await fund.sends("claimFilings", BILL, by=HOSPITAL)
    assert again.notices == taken.notices, "under the same reference, of which the host tells once"
    assert await fund.sends("claimFilings", *records, by=HOSPITAL, key="one-sending") == taken
    assert VICTIM not in json.dumps([dict(row) for row in await fund.rows("SELECT * FROM taken_call")], default=str)


async def test_a_call_that_is_made_again_is_answered_as_it_was(fund: Fund) -> None:
    first = await fund.sends("claimFilings", BILL, {**BILL, "victim": "0000000000002"}, by=HOSPITAL, key="one-sending")
    assert (
        await fund.sends("claimFilings", BILL, {**BILL, "victim": "0000000000002"}, by=HOSPITAL, key="one-sending")
        == first
    )
    assert codes(first) == ["PERSON_INVALID"]


async def test_other_content_under_a_bill_and_the_same_under_another_are_refused_with_the_claim_that_is_there(
    fund: Fund,
) -> None:
    first = await fund.files()
    other = {**BILL, "treatment": {"satang": 50_000_00, "days": 3}}
    taken = await fund.sends("claimFilings", other, {**BILL, "bill": "HN-2"}, by=HOSPITAL)
    assert [(one.code, one.other) for one in taken.rejected] == [
        ("BILL_CONFLICT", first["claim"]),
        ("CLAIM_DUPLICATE", first["claim"]),
    ]
    elsewhere = await fund.sends("claimFilings", BILL, by=OTHER_HOSPITAL)  # its own number of its own bill
    assert codes(elsewhere) == []
    assert elsewhere.told[0].answer["claim"] != first["claim"]


async def test_bills_that_come_at_once_are_one_claim_each(fund: Fund) -> None:
    more = {**BILL, "bill": "HN-2", "treatment": {"satang": 1_00, "days": 0}}
    sent = [fund.sends("claimFilings", one, by=HOSPITAL) for one in (BILL, BILL, more, BILL)]
    taken = await asyncio.gather(*sent)
    assert [codes(one) for one in taken] == [[]] * 4
    assert len(await fund.rows("SELECT number FROM claim")) == 2
    assert len({row["accident"] for row in await fund.rows("SELECT accident FROM claim")}) == 1


async def test_one_bill_for_two_victims_at_once_is_one_claim_and_loses_neither_s_word(fund: Fund) -> None:
    other = {**BILL, "victim": HEIR}
    taken = await asyncio.gather(*(fund.sends("claimFilings", one, by=HOSPITAL) for one in (BILL, other) * 3))
    assert sorted({tuple(codes(one)) for one in taken}) == [(), ("BILL_CONFLICT",)]
    assert [codes(one) for one in taken].count([]) == 3
    [claim] = await fund.rows("SELECT victim FROM claim")
    steps = await fund.rows("SELECT event FROM claim_step ORDER BY step")
    assert [one["event"] for one in steps] == ["FILE", "CHECK", "COMPUTE"]
    assert await fund.shows("claims", HEIR if claim["victim"] == fund.host.index(HEIR) else VICTIM) != []


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("minute", "insurer"),
    [
        ("2025-11-16T16:29:59+07:00", None),
        ("2025-11-16T16:30:00+07:00", "SKP"),
        ("2026-11-16T16:29:59+07:00", "SKP"),
        ("2026-11-16T16:30:00+07:00", None),
    ],
)
async def test_the_policy_is_the_one_of_the_accidents_minute_and_without_any_the_fund_pays(
    fund: Fund, minute: str, insurer: str | None
) -> None:
    fund.clock.set(
        datetime.fromisoformat("2025-12-01T10:00:00+07:00" if minute < "2026" else "2026-11-16T17:00:00+07:00")
    )
    told = await fund.files(at(minute, treatment={"satang": 1_00, "days": 0}))
    assert told["insurer"] == insurer


@pytest.mark.in_turn
async def test_a_vehicle_is_found_by_its_chassis_or_its_plate_and_none_is_the_funds(fund: Fund) -> None:
    by_chassis = {**BILL, "bill": "HN-2", "vehicle": {"chassis": "MXC00000000000001"}}
    fled = {name: value for name, value in BILL.items() if name != "vehicle"} | {"bill": "HN-3"}
    other = {**BILL, "bill": "HN-4", "vehicle": {"plate": "9กข 9999", "province": "10"}}
    for record, insurer in ((by_chassis, "SKP"), (fled, None), (other, None)):
        told = await fund.files({**record, "treatment": {"satang": int(record["bill"][-1]), "days": 0}})
        assert told["insurer"] == insurer


@pytest.mark.in_turn
async def test_a_cancellation_after_the_accident_takes_no_cover_away_and_one_before_it_does(fund: Fund) -> None:
    cancelled = {**POLICY, "status": "cancelled"}
    await fund.reports({**cancelled, "reportedAt": "2026-11-12T09:00:00+07:00"})
    assert (await fund.files())["insurer"] == "SKP"
    later = at("2026-11-13T10:00:00+07:00", bill="HN-2", treatment={"satang": 1_00, "days": 0})
    assert (await fund.files(later))["insurer"] is None


@pytest.mark.parametrize(
    "report",
    [
        {"status": "cancelled", "reportedAt": "2026-11-01T09:00:00+07:00"},
        {"status": "cancelled", "cancelledOn": "2025-11-16", "reportedAt": "2026-11-13T09:00:00+07:00"},
        {"end": "2026-11-09", "reportedAt": "2026-11-13T09:00:00+07:00"},
        {"start": "2026-11-12", "reportedAt": "2026-11-13T09:00:00+07:00"},
        {"class": "1", "reportedAt": "2026-11-13T09:00:00+07:00"},
        {"plate": "9กข 9", "chassis": "MXC00000000000009", "reportedAt": "2026-11-13T09:00:00+07:00"},
    ],
    ids=[
        "as if cancelled before",
        "cancelled from the first day",
        "ended before",
        "began later",
        "of another class",
        "of another vehicle",
    ],
)
async def test_no_insurer_is_out_by_what_it_says_after_the_accident(fund: Fund, report: dict[str, Any]) -> None:
    """What counts is when the office heard it, not when the insurer says that it said so."""
    await fund.reports({**POLICY, **report}, at="2026-11-13T09:00:00+07:00")
    told = await fund.files()
    assert (told["insurer"], told["decidedBy"]) == ("SKP", "insurer")


async def test_of_a_policy_that_the_office_did_not_know_then_the_first_report_binds(fund: Fund) -> None:
    late = {**POLICY, "number": "SKP2500000000999", "plate": "2กข 1", "chassis": "MXC00000000000002"}
    await fund.reports(late, at="2026-11-11T09:00:00+07:00")
    await fund.reports({**late, "end": "2026-11-09", "reportedAt": "2026-11-12T09:00:00+07:00"})
    told = await fund.files({**BILL, "vehicle": {"plate": "2กข 1", "province": "10"}})
    assert (told["insurer"], told["policy"]) == ("SKP", late["number"])


@pytest.mark.parametrize(
    "report",
    [
        {"number": "SKP2500000000999", "plate": "2กข 1", "chassis": "MXC00000000000002"},
        {"plate": "2กข 1", "chassis": "MXC00000000000002"},
    ],
    ids=["a policy that nobody knew", "one of another vehicle until then"],
)
async def test_cover_that_was_told_after_the_accident_lets_its_insurer_decide_nothing(
    fund: Fund, report: dict[str, Any]
) -> None:
    await fund.reports({**POLICY, **report, "reportedAt": "2026-11-10T14:15:01Z"})
    told = await fund.files({**BILL, "vehicle": {"plate": "2กข 1", "province": "10"}})
    assert (told["insurer"], told["decidedBy"]) == ("SKP", "office")
    assert "after the accident" in (await fund.claim())["steps"][1]["reasonEn"]
    assert codes(await fund.approves(told["claim"], 30_000_00, by=INSURERS_OFFICER)) == ["CLAIM_UNKNOWN"]
    assert (await fund.sends("claimWork", {}, by=INSURERS_OFFICER)).told[0].answer == {"claims": [], "more": False}
    assert codes(await fund.approves(told["claim"], 30_000_00)) == []


async def test_cover_that_the_office_knew_in_that_very_moment_lets_its_insurer_decide(fund: Fund) -> None:
    new = {**POLICY, "number": "SKP2500000000999", "plate": "2กข 1", "chassis": "MXC00000000000002"}
    await fund.reports({**new, "reportedAt": "2026-11-10T14:15:00Z"})
    assert (await fund.files({**BILL, "vehicle": {"plate": "2กข 1", "province": "10"}}))["decidedBy"] == "insurer"


async def test_what_was_known_then_goes_before_what_begins_earlier_and_was_told_after(fund: Fund) -> None:
    late = {**POLICY, "number": "SKP0000000000001", "start": "2025-06-01", "end": "2026-12-01"}
    await fund.reports({**late, "reportedAt": "2026-11-12T09:00:00+07:00"})
    assert (await fund.files())["policy"] == POLICY["number"]


async def test_a_policy_that_left_the_vehicle_before_the_accident_covers_it_no_more(fund: Fund) -> None:
    sold = {**POLICY, "plate": "2กข 1", "chassis": "MXC00000000000002", "reportedAt": "2026-11-02T09:00:00+07:00"}
    await fund.reports(sold)
    assert (await fund.files())["insurer"] is None


async def test_what_was_cancelled_before_the_accident_and_corrected_after_it_stays_cancelled(fund: Fund) -> None:
    gone = {**POLICY, "status": "cancelled", "cancelledOn": "2026-11-01", "reportedAt": "2026-11-02T09:00:00+07:00"}
    await fund.reports(gone)
    await fund.reports({**gone, "vehicleClass": "2.10", "reportedAt": "2026-11-13T09:00:00+07:00"})
    assert (await fund.files())["insurer"] is None


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (
            {"accident": {"at": "2026-11-16T10:05:00+07:00", "province": "10"}, "treatment": {"satang": 1, "days": 0}},
            None,
        ),
        ({"accident": {"at": "2026-11-16T10:05:01+07:00", "province": "10"}}, "ACCIDENT_IN_FUTURE"),
        ({"accident": {"at": "2026-05-20T00:00:00+07:00", "province": "10"}}, None),
        ({"accident": {"at": "2026-05-19T23:59:59+07:00", "province": "10"}}, "CLAIM_LATE"),
        ({"accident": {"at": "2016-03-31T23:59:59+07:00", "province": "10"}}, "NO_LAW"),
        ({"accident": {"at": "2026-11-10T21:15:00+07:00", "province": "99"}}, "PROVINCE_UNKNOWN"),
        ({"vehicle": {"plate": " - ", "province": "10"}}, "PLATE_INVALID"),
        ({"vehicle": {"plate": "1กข 1", "province": "99"}}, "PROVINCE_UNKNOWN"),
        ({"treatment": {"satang": 1, "days": 7}}, None),
        ({"treatment": {"satang": 1, "days": 8}}, "STAY_TOO_LONG"),
        ({"treatment": {"satang": 0, "days": 0}}, "NOTHING_CLAIMED"),
        ({"documents": [{"kind": "MEDICAL_BILL", "sha256": "a" * 64}]}, "DOCUMENT_MISSING"),
        ({"victim": "0000000000002"}, "PERSON_INVALID"),
        ({"victim": "9000000000002"}, "PERSON_INVALID"),
    ],
)
async def test_a_claim_that_cannot_be_right_is_rejected_with_its_reason(
    fund: Fund, change: dict[str, Any], code: str | None
) -> None:
    taken = await fund.sends("claimFilings", {**BILL, **change}, by=HOSPITAL)
    assert codes(taken) == ([] if code is None else [code])
    assert len(await fund.rows("SELECT number FROM claim")) == (code is None)


async def test_of_who_died_the_heir_is_paid_and_sees_the_claim(fund: Fund) -> None:
    assert codes(await fund.sends("claimFilings", {**DEATH, "heir": VICTIM}, by=HOSPITAL)) == ["PERSON_INVALID"]
    told = await fund.files(DEATH)
    assert told["due"] == 65_000_00
    assert [line["item"] for line in (await fund.claim(HEIR))["lines"]] == ["MEDICAL", "LOSS"]
    taken = await fund.approves(told["claim"], 65_000_00)
    assert codes(taken) == ["PAYEE_OTHER"]
    taken = await fund.approves(told["claim"], 65_000_00, payee=HEIR)
    assert [(one.pid, one.satang) for one in taken.awards] == [(HEIR, 65_000_00)]


@pytest.mark.parametrize("by", [INSURERS_OFFICER, Reporter("0994000000019", "OTHER", "nurse"), None])
async def test_hospitals_alone_file(fund: Fund, by: Reporter | None) -> None:
    assert codes(await fund.sends("claimFilings", BILL, by=by)) == ["NOT_A_HOSPITAL"]
    assert await fund.rows("SELECT number FROM claim") == []


async def test_nobodys_number_and_no_word_on_their_health_is_kept(fund: Fund) -> None:
    told = await fund.files(DEATH)
    await fund.approves(told["claim"], 65_000_00, payee=HEIR)
    await fund.sends("claimTracking", {"claim": told["claim"], "victim": VICTIM}, by=HOSPITAL)
    tables = ("claim", "claim_turn", "claim_step", "claim_award", "claim_look", "taken_call")
    kept = repr([await fund.rows(f"SELECT * FROM {table}") for table in tables])  # noqa: S608 - our own tables
    assert VICTIM not in kept
    assert HEIR not in kept


@pytest.mark.parametrize(
    ("operation", "record", "fits"),
    [
        ("claimFilings", BILL, True),
        ("claimFilings", DEATH, True),
        ("claimFilings", {**BILL, "heir": HEIR}, False),
        ("claimFilings", {**BILL, "outcome": "died"}, False),
        ("claimFilings", {**BILL, "outcome": "organ-lost"}, False),
        ("claimFilings", {**BILL, "outcome": "organ-lost", "organ": "two"}, True),
        ("claimFilings", {**BILL, "organ": "two"}, False),
        ("claimFilings", {**BILL, "vehicle": {}}, False),
        ("claimFilings", {**BILL, "vehicle": {"plate": "1กข 1"}}, False),
        ("claimFilings", {**BILL, "diagnosis": "S72.0"}, False),
        ("claimFilings", {**BILL, "treatment": {"satang": -1, "days": 0}}, False),
        ("claimFilings", {**BILL, "treatment": {"satang": 1.5, "days": 0}}, False),
        ("claimDecisions", {"claim": NUMBER, "act": "approve", "payee": VICTIM, "satang": 1}, True),
        ("claimDecisions", {"claim": NUMBER, "act": "approve", "payee": VICTIM}, False),
        ("claimDecisions", {"claim": NUMBER, "act": "approve", "payee": VICTIM, "satang": 50_400_001}, False),
        ("claimDecisions", {"claim": NUMBER, "act": "reject"}, False),
        ("claimDecisions", {"claim": NUMBER, "act": "reject", "reason": REASON}, True),
        ("claimDecisions", {"claim": NUMBER, "act": "close", "satang": 1}, False),
        ("claimDecisions", {"claim": NUMBER, "act": "pay"}, False),
        ("claimWork", {}, True),
        ("claimTracking", {"claim": NUMBER}, False),
    ],
)
def test_a_record_says_what_it_must_and_nothing_else(operation: str, record: dict[str, Any], fits: bool) -> None:
    spec = plugin_of_the_office().manifest.operations[operation].record
    assert spec is not None
    read = Schema(spec).read(Line(1, json.dumps(record).encode()))
    assert isinstance(read, dict) is fits, read


async def test_markup_in_a_plate_stays_text(fund: Fund) -> None:
    await fund.files({**BILL, "vehicle": {"plate": "<b>1</b>' OR 1=1", "province": "10"}})
    assert (await fund.claim())["insurer"] is None
