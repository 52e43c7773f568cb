"""What insurers report: taken once, corrected in order, refused by the line."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.plugins.contract import Reporter
from tests.services.agencies.oic.office import INSURER, OTHER, POLICY, Office

LATER = "2025-12-01T00:00:00+07:00"


async def test_the_same_content_again_is_taken_and_changes_nothing(office: Office) -> None:
    assert await office.takes("reports", POLICY) == []
    assert await office.takes("reports", POLICY, POLICY) == []
    same_instant = {**POLICY, "reportedAt": "2025-11-17T17:00:00Z"}
    assert await office.takes("reports", same_instant) == []
    assert await office.takes("reports", {**POLICY, "reportedAt": "2025-11-17T00:00:00+07:00"}) == []
    assert [row["revision"] for row in await office.rows("SELECT revision FROM policy_revision")] == [1]


async def test_other_content_is_a_revision_when_it_is_later_and_a_conflict_when_it_is_not(office: Office) -> None:
    await office.takes("reports", POLICY)
    other = {**POLICY, "holder": OTHER}
    assert await office.takes("reports", other) == [(0, "POLICY_CONFLICT")]
    assert await office.takes("reports", {**other, "reportedAt": "2025-11-17T00:00:00Z"}) == [(0, "POLICY_CONFLICT")]
    assert len(await office.shows("policies")) == 1
    assert await office.takes("reports", {**other, "reportedAt": LATER}) == []
    assert (await office.shows("policies"), len(await office.shows("policies", OTHER))) == ([], 1)
    assert len(await office.rows("SELECT * FROM policy_revision")) == 2


async def test_an_old_file_that_comes_again_after_a_correction_changes_nothing(office: Office) -> None:
    await office.takes("reports", POLICY)
    await office.takes("reports", {**POLICY, "status": "cancelled", "reportedAt": LATER})
    assert await office.takes("reports", POLICY) == []
    assert [policy["status"] for policy in await office.shows("policies")] == ["CANCELLED"]


async def test_what_was_put_back_by_a_later_report_holds(office: Office) -> None:
    await office.takes("reports", POLICY)
    await office.takes("reports", {**POLICY, "status": "cancelled", "reportedAt": LATER})
    assert await office.takes("reports", {**POLICY, "reportedAt": "2025-12-02T00:00:00+07:00"}) == []
    assert [policy["status"] for policy in await office.shows("policies")] == ["ACTIVE"]


async def test_a_call_that_is_made_again_is_answered_as_it_was(office: Office) -> None:
    future = {**POLICY, "reportedAt": "2026-11-16T10:05:01+07:00"}
    at_the_edge = {**POLICY, "number": "SKP2", "reportedAt": "2026-11-16T10:05:00+07:00"}
    assert await office.takes("reports", future, at_the_edge, key="one-sending") == [(0, "REPORT_IN_FUTURE")]
    office.clock.advance(timedelta(hours=1))
    assert await office.takes("reports", future, at_the_edge, key="one-sending") == [(0, "REPORT_IN_FUTURE")]
    assert await office.takes("reports", future, at_the_edge, key="the-next-sending") == []


async def test_two_insurers_may_use_one_number_and_two_policies_may_overlap_on_one_vehicle(office: Office) -> None:
    await office.takes("insurers", {**INSURER, "code": "RMI"})
    assert await office.takes("reports", POLICY, {**POLICY, "insurer": "RMI"}) == []
    assert len(await office.shows("policies", covered=True)) == 2


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"insurer": "XXX"}, "INSURER_UNKNOWN"),
        ({"province": "99"}, "PROVINCE_UNKNOWN"),
        ({"holder": "0000000000002"}, "HOLDER_INVALID"),
        ({"chassis": "MXO00000000000001"}, "CHASSIS_INVALID"),
        ({"chassis": "-----"}, "CHASSIS_INVALID"),
        ({"chassis": "OLD-16-SIGNS-IOQ"}, None),
        ({"plate": " - "}, "PLATE_INVALID"),
        ({"end": "2025-11-16"}, "POLICY_DATES"),
        ({"end": "2025-11-17"}, None),
        ({"end": "2028-11-18"}, None),
        ({"end": "2028-11-19"}, "POLICY_DATES"),
    ],
)
async def test_a_line_that_cannot_be_right_is_refused_and_the_others_are_taken(
    office: Office, change: dict[str, Any], code: str | None
) -> None:
    rejected = await office.takes("reports", {**POLICY, **change}, {**POLICY, "number": "SKP-GOOD-1"})
    assert rejected == ([] if code is None else [(0, code)])
    assert len(await office.rows("SELECT number FROM policy")) == (2 if code is None else 1)


async def test_reports_at_once_of_one_policy_leave_the_latest_and_no_revision_twice(office: Office) -> None:
    told = [{**POLICY, "holder": who, "reportedAt": f"2025-12-0{day}T00:00:00Z"} for day in (1, 2) for who in (OTHER,)]
    told += [{**POLICY, "reportedAt": "2025-12-03T00:00:00Z"}]
    await asyncio.gather(*(office.takes("reports", one) for one in told), return_exceptions=True)
    for one in told:  # whoever was refused for the sake of another comes again
        await office.takes("reports", one)
    assert len(await office.shows("policies")) == 1
    rows = await office.rows("SELECT revision FROM policy_revision ORDER BY revision")
    assert [row["revision"] for row in rows] == list(range(1, len(rows) + 1))


async def test_an_insurer_reports_its_own_policies_and_nobody_elses(office: Office) -> None:
    mine = {**INSURER, "organisation": "0105500000011", "reportedAt": LATER}
    await office.takes("insurers", mine, {**INSURER, "code": "RMI", "organisation": "0105500000020"})
    await office.takes("insurers", {**INSURER, "code": "NGI"})  # whom the office reports for
    told = [{**POLICY, "insurer": insurer} for insurer in ("SKP", "RMI", "NGI")]
    reporter = Reporter("0105500000011", "INSURER", "an officer")
    assert await office.takes("reports", *told, reporter=reporter) == [
        (1, "INSURER_OF_ANOTHER"),
        (2, "INSURER_OF_ANOTHER"),
    ]
    assert await office.takes("reports", *told) == []


async def test_nothing_in_the_tables_reads_as_anybodys_number(office: Office) -> None:
    assert await office.takes("reports", {**POLICY, "holder": OTHER}) == []
    kept = [await office.rows(f"SELECT * FROM {table}") for table in ("policy", "policy_revision", "taken_call")]  # noqa: S608 - our own tables
    assert all(kept)
    assert OTHER not in repr(kept)


async def test_a_conflict_names_the_report_that_holds(office: Office) -> None:
    await office.takes("reports", POLICY)
    await office.takes("reports", {**POLICY, "holder": OTHER, "reportedAt": LATER})
    [refused] = (await office.told("reports", POLICY | {"plate": "9กก 9"})).rejected
    assert (refused.code, refused.other) == ("POLICY_CONFLICT", "SKP#2 2025-11-30T17:00Z")


async def test_whoever_reports_is_told_of_cover_for_the_same_minutes_by_another(office: Office) -> None:
    mine, others = Reporter("0105500000020", "INSURER", "an officer"), {**POLICY, "insurer": "RMI"}
    await office.takes("insurers", {**INSURER, "code": "RMI", "organisation": "0105500000020"})
    assert (await office.told("reports", POLICY)).told == []
    days = {"start": "2025-11-16", "end": "2026-11-16"}
    [told] = (await office.told("reports", others, reporter=mine)).told
    # an insurer is not told the number of another's policy, the office is
    assert (told.record, told.answer) == (0, {"overlaps": [{"insurer": "SKP", **days}], "more": False})
    [told] = (await office.told("reports", {**POLICY, "number": "SKP2", "plate": "2กข 2"})).told
    assert [one["number"] for one in told.answer["overlaps"]] == [POLICY["number"], POLICY["number"]]
    assert {one["insurer"] for one in told.answer["overlaps"]} == {"SKP", "RMI"}
    # the same content again changes nothing and tells nothing
    assert (await office.told("reports", POLICY)).told == []


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("other", "overlaps"),
    [
        ({"start": "2026-11-16", "end": "2027-11-16"}, False),
        ({"start": "2026-11-15", "end": "2027-11-16"}, True),
        ({"start": "2024-11-16", "end": "2025-11-16"}, False),
        ({"start": "2024-11-16", "end": "2025-11-17"}, True),
        ({"chassis": "MXC00000000000002"}, False),
        ({"class": "1"}, False),
        ({"status": "cancelled"}, False),
        ({"status": "cancelled", "cancelledOn": "2025-11-17"}, True),
        ({"status": "cancelled", "cancelledOn": "2025-11-16"}, False),
    ],
)
async def test_policies_overlap_by_the_minutes_in_which_both_cover(
    office: Office, other: dict[str, Any], overlaps: bool
) -> None:
    await office.takes("reports", POLICY)
    told = (await office.told("reports", {**POLICY, "number": "SKP2", **other})).told
    assert bool(told) is overlaps


async def test_two_in_one_sending_are_told_of_each_other_and_a_vehicle_of_many_is_cut_short(office: Office) -> None:
    many = [{**POLICY, "number": f"SKP-{n}"} for n in range(8)]
    told = (await office.told("reports", *many)).told
    assert [one.record for one in told] == list(range(8))
    assert all(len(one.answer["overlaps"]) == 5 and one.answer["more"] for one in told)


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"cancelledOn": "2026-01-01"}, "CANCELLATION_DATE"),
        ({"status": "cancelled", "cancelledOn": "2025-11-15"}, "CANCELLATION_DATE"),
        ({"status": "cancelled", "cancelledOn": "2026-11-17"}, "CANCELLATION_DATE"),
        ({"status": "cancelled", "cancelledOn": "2025-11-16"}, None),
        ({"status": "cancelled", "cancelledOn": "2026-11-16"}, None),
    ],
)
async def test_the_day_of_a_cancellation_lies_within_a_cancelled_policy(
    office: Office, change: dict[str, Any], code: str | None
) -> None:
    assert await office.takes("reports", {**POLICY, **change}) == ([] if code is None else [(0, code)])


async def test_cover_ends_at_half_past_four_on_the_day_of_its_cancellation(office: Office) -> None:
    await office.takes("reports", POLICY)
    cancelled = {**POLICY, "status": "cancelled", "cancelledOn": "2026-03-01", "reportedAt": "2026-02-01T00:00:00Z"}
    assert await office.takes("reports", cancelled) == []
    last = datetime.fromisoformat("2026-03-01T16:30:00+07:00")
    seen = []
    for at in (last - timedelta(microseconds=1), last):
        office.clock.set(at)
        [policy] = await office.shows("policies")
        seen.append((policy["status"], policy["covered"], await office.says("check", chassis=POLICY["chassis"])))
        assert policy["coveredUntil"] == last
    assert seen == [("ACTIVE", True, {"covered": True}), ("CANCELLED", False, {"covered": False})]


async def test_an_insurer_of_a_number_that_nobody_can_bear_is_refused(office: Office) -> None:
    """Else it would be told of each of its reports that it is another's."""
    wrong = {**INSURER, "code": "NEW", "organisation": "0105500000012"}
    assert await office.takes("insurers", wrong, {**wrong, "organisation": "0105500000011"}) == [
        (0, "ORGANISATION_INVALID")
    ]
