"""What a citizen sees of their own policies, and what anybody may ask about a vehicle."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from services.agencies.oic.plugin import CHECK
from services.agencies.oic.vehicles import chassis_key, plate_key
from tests.services.agencies.oic.office import HOLDER, OTHER, POLICY, Office

FIRST = datetime.fromisoformat("2025-11-16T16:30:00+07:00")
LAST = datetime.fromisoformat("2026-11-16T16:30:00+07:00")


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("at", "covered", "status"),
    [
        ("2025-11-16T16:29:59.999999+07:00", False, "UPCOMING"),
        ("2025-11-16T16:30:00+07:00", True, "ACTIVE"),
        ("2026-11-16T16:29:59.999999+07:00", True, "ACTIVE"),
        ("2026-11-16T16:30:00+07:00", False, "EXPIRED"),
    ],
)
async def test_cover_begins_and_ends_at_half_past_four(office: Office, at: str, covered: bool, status: str) -> None:
    await office.takes("reports", POLICY)
    office.clock.set(datetime.fromisoformat(at))
    [policy] = await office.shows("policies")
    assert (policy["covered"], policy["status"], policy["start"], policy["end"]) == (covered, status, FIRST, LAST)
    assert await office.shows("policies", covered=not covered) == []
    assert await office.says("check", chassis=POLICY["chassis"]) == {"covered": covered}


async def test_voluntary_policies_stand_apart_and_cover_nothing_compulsory(office: Office) -> None:
    classes = ["1", "2", "2+", "3", "3+"]
    await office.takes("reports", *({**POLICY, "number": f"SKPV{n}", "class": one} for n, one in enumerate(classes)))
    assert await office.shows("policies") == []
    shown = [policy["class"] for policy in await office.shows("voluntary", covered=True)]
    assert shown == ["CLASS_1", "CLASS_2", "CLASS_2_PLUS", "CLASS_3", "CLASS_3_PLUS"]
    assert await office.says("check", chassis=POLICY["chassis"]) == {"covered": False}


async def test_nobody_sees_anothers_policies(office: Office) -> None:
    await office.takes("reports", POLICY)
    assert (len(await office.shows("policies", HOLDER)), await office.shows("policies", OTHER)) == (1, [])


@pytest.mark.in_turn
@pytest.mark.parametrize(
    "asked",
    [
        {"plate": "1กข 1234", "province": "10"},
        {"plate": "๑กข-๑๒๓๔", "province": "๑๐"},
        {"plate": " 1 ก ข\u200b1234 ", "province": "10"},
        {"chassis": "mxc-0000 0000000001"},
    ],
)
async def test_a_vehicle_is_found_however_its_plate_is_written(office: Office, asked: dict[str, Any]) -> None:
    await office.takes("reports", POLICY)
    assert await office.says("check", **asked) == {"covered": True}


async def test_unknown_uninsured_cancelled_and_impossible_are_told_apart_by_nothing(office: Office) -> None:
    gone = {**POLICY, "number": "SKP-GONE", "chassis": "MXC00000000000002", "plate": "2กข 1", "status": "cancelled"}
    await office.takes("reports", POLICY, gone)
    questions: list[dict[str, Any]] = [
        {"chassis": "MXC00000000000002"},
        {"plate": "2กข 1", "province": "10"},
        {"chassis": "MXC00000000000003"},
        {"plate": "1กข 1234", "province": "11"},
        {"plate": "1กข 1234"},
        {"plate": "", "province": "", "chassis": ""},
        {"plate": "'; --", "province": "%", "chassis": "_" * 40},
        {},
    ]
    assert [await office.says("check", **one) for one in questions] == [{"covered": False}] * len(questions)


async def test_of_plate_and_chassis_number_both_count_so_that_neither_makes_a_new_question_of_the_other(
    office: Office,
) -> None:
    await office.takes("reports", POLICY)
    chassis, plate = {"chassis": POLICY["chassis"]}, {"plate": POLICY["plate"], "province": POLICY["province"]}
    assert await office.says("check", **plate, **chassis) == {"covered": True}
    for junk in (
        {**plate, "chassis": "MXC00000000000009"},
        {**chassis, "plate": "9ฮ 9"},
        {**chassis, "province": "77"},
        {"chassis": f"{POLICY['chassis']}ก"},
        {"chassis": f"{POLICY['chassis']}ı"},
    ):
        assert await office.says("check", **junk) == {"covered": False}


def test_plates_and_chassis_numbers_are_compared_by_what_is_read() -> None:
    assert plate_key("๑กข ๑๒๓๔") == plate_key("1กข-1234") == "1กข1234"
    assert chassis_key("mxc 01-2") == "MXC012"


@pytest.mark.sqlite_only
async def test_a_check_looks_at_no_row_so_that_none_is_felt(office: Office, tmp_path: Path) -> None:
    values = {"chassis": POLICY["chassis"], "plate": "1กข1234", "province": "10", "now": "2026-01-01T00:00:00Z"}
    with sqlite3.connect(str(tmp_path / "oic.db")) as file:
        plan = [row[3] for row in file.execute(f"EXPLAIN QUERY PLAN {CHECK}", values)]
    looks = [step for step in plan if "policy" in step]
    assert len(looks) == 2
    assert all("COVERING INDEX policy_cover" in step for step in looks)


async def test_a_question_of_any_length_is_answered_like_every_other(office: Office) -> None:
    for long in ("x" * 100_000, "๑" * 100_000, "\u200b" * 100_000, "\u0e33" * 50_000):
        assert await office.says("check", plate=long, province=long, chassis=long) == {"covered": False}
