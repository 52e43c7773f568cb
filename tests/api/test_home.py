"""The home screen of each persona."""

from pathlib import Path
from typing import Any

import pytest

from api.pages import routes
from tests.support.app import Served

HOME = (Path(routes.__file__).parent / "home.graphql").read_text()


def statuses(viewer: dict[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in viewer["entitlements"]:
        found.setdefault(one["programme"]["slug"], []).append(one["status"])
    return found


async def home(sitthi: Served, persona: str) -> dict[str, Any]:
    viewer: dict[str, Any] = (await sitthi.graph(HOME, persona=persona))["viewer"]
    return viewer


async def test_the_elder_is_entitled_to_the_old_age_allowance_and_learns_why(sitthi: Served) -> None:
    viewer = await home(sitthi, "elder")
    [allowance] = [e for e in viewer["entitlements"] if e["programme"]["slug"] == "old-age-allowance"]
    assert allowance["status"] == "ENTITLED"
    assert allowance["benefits"] == [
        {"kind": "allowance", "amount": {"satang": 60_000, "currency": "THB"}, "cadence": "MONTH", "per": "PERSON"}
    ]
    assert {reason["outcome"] for reason in allowance["reasons"]} == {"MET"}
    assert all(reason["law"] for reason in allowance["reasons"])
    assert viewer["profile"]["birthDate"]["source"]["slug"] == "dopa"


async def test_the_mother_of_twins_is_entitled_once_for_each(sitthi: Served) -> None:
    viewer = await home(sitthi, "newborn-parent")
    assert statuses(viewer)["child-support-grant"] == ["ENTITLED", "ENTITLED"]
    grants = [e for e in viewer["entitlements"] if e["programme"]["slug"] == "child-support-grant"]
    assert len({grant["beneficiary"]["id"] for grant in grants}) == 2
    assert len({grant["id"] for grant in grants}) == 2


async def test_the_official_is_entitled_to_nothing(sitthi: Served) -> None:
    viewer = await home(sitthi, "official")
    assert {status for each in statuses(viewer).values() for status in each} == {"NOT_ENTITLED"}


async def test_the_worker_is_entitled_to_the_child_allowance_of_social_security_for_the_child_under_six(
    sitthi: Served,
) -> None:
    viewer = await home(sitthi, "worker")
    assert sorted(statuses(viewer)["section-33-child-allowance"]) == ["ENTITLED", "NOT_ENTITLED"]
    [allowance] = [
        e
        for e in viewer["entitlements"]
        if e["programme"]["slug"] == "section-33-child-allowance" and e["status"] == "ENTITLED"
    ]
    assert [b["amount"]["satang"] for b in allowance["benefits"]] == [100_000]
    assert statuses(viewer)["universal-coverage"] == ["NOT_ENTITLED"], "social security pays for the worker's care"


async def test_health_coverage_is_a_right_and_no_sum_and_a_secret_is_asked_of_nobody(sitthi: Served) -> None:
    viewer = await home(sitthi, "elder")
    [care] = [e for e in viewer["entitlements"] if e["programme"]["slug"] == "universal-coverage"]
    assert (care["status"], [b["amount"] for b in care["benefits"]]) == ("ENTITLED", [None])
    assert "aids-allowance" not in statuses(viewer)
    document = "{ viewer { accessLog(first: 50) { nodes { attributes { id } } } } }"
    log = (await sitthi.graph(document, persona="elder"))["viewer"]["accessLog"]["nodes"]
    asked = {one["id"] for entry in log for one in entry["attributes"]}
    assert "health_scheme" in asked
    assert asked.isdisjoint({"aids_certified", "without_support"})


async def test_the_disabled_adult_is_entitled_to_the_disability_allowance(sitthi: Served) -> None:
    assert statuses(await home(sitthi, "disabled-adult"))["disability-allowance"] == ["ENTITLED"]


async def test_the_parent_of_a_disabled_child_sees_the_childs_entitlement(sitthi: Served) -> None:
    viewer = await home(sitthi, "disabled-child-parent")
    entitled = [
        e
        for e in viewer["entitlements"]
        if e["programme"]["slug"] == "disability-allowance" and e["status"] == "ENTITLED"
    ]
    assert [e["benefits"][0]["amount"]["satang"] for e in entitled] == [100_000]


async def test_the_graduate_sees_two_degrees_with_their_courses(sitthi: Served) -> None:
    degrees = (await home(sitthi, "graduate"))["transcripts"]["degrees"]
    assert len(degrees) == 2
    assert all(degree["courses"] for degree in degrees)


async def test_the_worker_sees_what_is_insured(sitthi: Served) -> None:
    assert (await home(sitthi, "worker"))["insurance"]["policies"] != []


@pytest.mark.parametrize("language", ["th", "en"])
async def test_the_home_screen_speaks_the_language_of_the_request(sitthi: Served, language: str) -> None:
    data = await sitthi.graph("{ programmes { title } }", language=language)
    thai = any("\u0e00" <= letter <= "\u0e7f" for letter in data["programmes"][0]["title"])
    assert thai is (language == "th")


async def test_one_look_is_one_entry_in_the_access_log(sitthi: Served) -> None:
    await home(sitthi, "official")
    log = await sitthi.graph(
        "{ viewer { accessLog(first: 50) { nodes { asker { kind } decision purpose { id } attributes { id } } } } }",
        persona="official",
    )
    entries = log["viewer"]["accessLog"]["nodes"]
    own = [entry for entry in entries if entry["asker"]["kind"] == "CITIZEN"]
    assert len(own) == 1
    assert {entry["decision"] for entry in entries} == {"ALLOWED"}


async def test_signed_out_there_is_no_viewer_and_the_public_fields_answer(sitthi: Served) -> None:
    data = await sitthi.graph("{ viewer { id } programmes { slug } }")
    assert data["viewer"] is None
    assert len(data["programmes"]) == 14
