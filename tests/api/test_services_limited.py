"""Limits, discarding and checks that expired, as an agency's system meets them over HTTP."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from api.desk import plugin_of
from api.registered import limits_of
from core.settings import Settings
from services.plugins.contract import PluginRefused
from services.plugins.registry.limits import Limits
from services.plugins.registry.routes import PREFIX
from tests.api.test_agency_services import ACT, FIRST, ONE, PRICE, REASON, WHY, Waterworks, fits, published, reviewer
from tests.services.plugins.registry.test_limits import RIVER
from tests.support.agency import code_of
from tests.support.app import Served
from tests.support.services import SDL, documents_of, far_side, written

ACTS: Final = f"{PREFIX}/{{slug}}"
VERSION: Final = f"{ACTS}/versions/{{version}}"


@pytest.fixture
async def waterworks(sitthi: Served) -> Waterworks:
    system = await Waterworks.at(sitthi)
    far_side(sitthi.house, documents_of(), PRICE)
    return system


def limit(sitthi: Served, **given: int) -> None:
    """From now on, in this house."""
    sitthi.house.registered.desk._lifecycle._warden.limits = Limits(**given)


async def test_a_service_that_comes_and_goes_too_often_is_told_when_it_may_again(
    sitthi: Served, waterworks: Waterworks
) -> None:
    await published(sitthi, waterworks)
    limit(sitthi, service_changes=1)
    for act in ("suspend", "resume", "suspend"):
        assert (await waterworks.post(f"{ONE}/{act}", WHY)).status_code == 200
    answer = await waterworks.post(f"{ONE}/resume", WHY)
    fits(answer, f"{ACTS}/resume", "post")
    assert code_of(answer) == (429, "SERVICE_ACTS_LIMITED")
    seconds = int(answer.headers["retry-after"])
    again = datetime.fromisoformat(answer.json()["errors"][0]["message"].rpartition("from ")[2].split()[0])
    assert again == sitthi.clock.now() + timedelta(seconds=seconds)
    row = await sitthi.house.registered.reviews.suspend(await reviewer(sitthi, 2), "waterworks", REASON)
    assert row.state == "SUSPENDED", "an officer's act is never limited"
    sitthi.clock.advance(timedelta(seconds=seconds))
    waterworks._token = None  # it lives for minutes
    assert code_of(await waterworks.post(f"{ONE}/resume", WHY)) == (403, "SERVICE_HELD")


async def test_what_is_full_says_what_may_be_discarded_and_discarding_makes_room(
    sitthi: Served, waterworks: Waterworks
) -> None:
    limit(sitthi, service_drafts=1)
    assert (await waterworks.send(documents_of())).status_code == 201
    full = await waterworks.send(documents_of("1.0.1"))
    assert code_of(full) == (409, "SERVICE_DRAFTS_FULL")
    assert "waterworks 1.0.0" in fits(full, PREFIX, "post")["errors"][0]["message"]
    gone = await waterworks.post(f"{FIRST}/discard", ACT)
    assert gone.status_code == 200
    assert fits(gone, f"{VERSION}/discard", "post")["version"] == "1.0.0"
    assert code_of(await waterworks.get(FIRST)) == (404, "NOT_FOUND")
    again = await waterworks.post(f"{FIRST}/discard", ACT)
    fits(again, f"{VERSION}/discard", "post")
    assert code_of(again) == (404, "NOT_FOUND")
    assert (await waterworks.send(documents_of("1.0.1"))).status_code == 201
    events = fits(await waterworks.get(f"{ONE}/events"), f"{ACTS}/events", "get")["events"]
    assert [(one["version"], one["act"]) for one in events] == [
        ("1.0.0", "REGISTER"), ("1.0.0", "DISCARD"), ("1.0.1", "REGISTER")
    ]  # fmt: skip


@pytest.mark.sqlite_only  # how it is counted, other tests put to both
async def test_an_agency_that_used_as_many_names_as_it_may_is_told_which_it_may_use_again(
    sitthi: Served, waterworks: Waterworks
) -> None:
    limit(sitthi, agency_names=1)
    assert (await waterworks.send(documents_of())).status_code == 201
    assert (await waterworks.post(f"{FIRST}/discard", ACT)).status_code == 200
    full = await waterworks.send(documents_of(slug="river", **RIVER))
    assert code_of(full) == (409, "SERVICE_NAMES_FULL")
    assert fits(full, PREFIX, "post")["errors"][0]["message"].endswith(": waterworks")


async def test_a_check_that_is_too_old_says_how_to_get_another(sitthi: Served, waterworks: Waterworks) -> None:
    await published(sitthi, waterworks)
    await waterworks.send(documents_of("1.0.1", sdl=SDL.replace("  LARGE\n", "  LARGE\n  HUGE\n")))
    path = f"{ONE}/versions/1.0.1"
    await waterworks.post(f"{path}/check", ACT)
    await waterworks.until("CHECKED", path)
    sitthi.clock.advance(timedelta(days=31))
    waterworks._token = None
    old = await waterworks.post(f"{path}/publish", ACT)
    assert code_of(old) == (409, "SERVICE_CHECK_EXPIRED")
    assert "Submit it" in fits(old, f"{VERSION}/publish", "post")["errors"][0]["message"]


CONSENT: Final = {
    "attribute": "birth_date",
    "basis": "consent",
    "purpose": {"th": "ตรวจสอบอายุ", "en": "To check the age"},
}


async def test_a_need_by_consent_without_a_registered_purpose_is_refused_at_every_door(
    sitthi: Served, waterworks: Waterworks, tmp_path: Path
) -> None:
    documents = documents_of(needs=[CONSENT])
    answer = await waterworks.send(documents)
    [fault] = fits(answer, PREFIX, "post")["errors"][0]["extensions"]["faults"]
    line = documents.files["manifest.json"].splitlines()[fault["line"] - 1]
    assert (answer.status_code, fault["rule"], '"basis"' in line) == (422, "NEEDS", True)
    with pytest.raises(PluginRefused, match="no purpose of the catalogue"):
        plugin_of(Path(written(documents, tmp_path)))
    assert sitthi.house.registry.consents is not None, "so are packages and our own"


BODIES: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    (f"{ONE}/suspend", {**WHY, "reason": "because\0of this"}),
    (f"{ONE}/rollback", {**WHY, "version": "1.0.0\0"}),
    (PREFIX, {**ACT, "files": {"manifest.json": "{}\0"}}),
    (PREFIX, {**ACT, "files": {"manifest.json\0": "{}"}}),
    (PREFIX, {**ACT, "files": {**documents_of().files, "examples/a.json": '{"operation": "price", "answer": "\0"}'}}),
    (PREFIX, {**ACT, "files": {**documents_of().files, "graph.graphql": SDL + "# \0"}}),
    (PREFIX, {"agent": {"kind": "SYSTEM", "id": "a\0"}, "files": dict(documents_of().files)}),
)


async def test_a_nul_in_a_body_is_refused_by_name_on_every_database(sitthi: Served, waterworks: Waterworks) -> None:
    await published(sitthi, waterworks)
    for path, body in BODIES:
        answer = await waterworks.post(path, body)
        assert 400 <= answer.status_code < 500, (path, answer.status_code, answer.text)
        assert code_of(answer)[1] in {"BAD_INPUT", "MANIFEST_INVALID", "PLUGIN_REFUSED"}, (path, answer.text)


HOURLY: Final = ("changes", "checks", "sendings")


def test_the_settings_are_the_limits() -> None:
    assert limits_of(Settings()) == Limits()
    named = {name: number for number, name in enumerate(Limits.__dataclass_fields__, start=2)}
    settings = {
        f"{name}_per_hour" if name.endswith(HOURLY) else name.replace("check_days", "service_check_days"): value
        for name, value in named.items()
    }
    assert limits_of(Settings(**settings)) == Limits(**named)  # type: ignore[arg-type]  # numbers, all of them
