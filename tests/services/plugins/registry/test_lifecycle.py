"""What is done to versions, on both databases: each act once, in the trail, and refused by name out of turn."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.errors import Conflict, NotFound
from services.plugins.contract import PluginRefused, Rule
from services.plugins.contract.keys import SigningKey
from services.plugins.registry.documents import Documents
from services.plugins.registry.errors import (
    KeysDropped,
    NothingToRollBackTo,
    ReviewNeeded,
    ServiceHeld,
    ServiceStateConflict,
    VersionNotHigher,
    VersionTaken,
)
from services.plugins.registry.lifecycle import Actor
from services.plugins.registry.repository import Name, ServiceRepository
from tests.support.services import KEY, NAME, REVIEWER, SDL, SYSTEM, Registering, documents_of

WIDER = SDL.replace("  since: Date\n", "  since: Date\n  until: Date\n")
NARROWER = SDL.replace("  since: Date\n", "")
REASON = "ทดสอบการทำงาน"


async def generation(services: Registering) -> int:
    async with services.db.read() as session:
        return await ServiceRepository(session).generation()


async def trail(services: Registering, name: Name = NAME) -> list[str]:
    return [f"{one.version} {one.kind}" for one in await services.desk.events(name)]


async def test_from_the_first_draft_to_the_second_version_and_back(services: Registering) -> None:
    row, made = await services.desk.register(SYSTEM, documents_of())
    assert (row.state, made) == ("DRAFT", True)
    assert (await services.desk.submit(SYSTEM, NAME, "1.0.0")).state == "CHECKING"
    assert await services.checks.run() == 1
    assert await services.state("1.0.0") == "IN_REVIEW", "it went on by itself, and is the first"
    await services.approved(NAME, "1.0.0")
    assert await generation(services) == 1
    await services.desk.register(SYSTEM, documents_of("1.1.0", sdl=WIDER))
    await services.desk.submit(SYSTEM, NAME, "1.1.0")
    await services.checks.run()
    assert (await services.state("1.0.0"), await services.state("1.1.0")) == ("SUPERSEDED", "PUBLISHED")
    await services.desk.roll_back(SYSTEM, NAME, None, REASON)
    assert (await services.state("1.0.0"), await services.state("1.1.0")) == ("PUBLISHED", "SUPERSEDED")
    assert await generation(services) == 3
    assert await trail(services) == [
        *("1.0.0 REGISTER", "1.0.0 CHECK", "1.0.0 PASS", "1.0.0 SUBMIT", "1.0.0 APPROVE"),
        *("1.1.0 REGISTER", "1.1.0 CHECK", "1.1.0 PASS", "1.0.0 SUPERSEDE", "1.1.0 PUBLISH"),
        *("1.1.0 SUPERSEDE", "1.0.0 ROLL_BACK"),
    ]


async def test_the_same_documents_again_are_the_same_version(services: Registering) -> None:
    await services.desk.register(SYSTEM, documents_of())
    row, made = await services.desk.register(SYSTEM, documents_of())
    assert (row.state, made) == ("DRAFT", False)
    await services.published(documents_of())
    row, made = await services.desk.register(SYSTEM, documents_of())
    assert (row.state, made) == ("PUBLISHED", False)


async def test_a_draft_may_be_replaced_and_what_was_submitted_may_not(services: Registering) -> None:
    await services.desk.register(SYSTEM, documents_of())
    row, made = await services.desk.register(SYSTEM, documents_of(sdl=WIDER))
    assert (row.state, made) == ("DRAFT", True)
    await services.checked(documents_of(sdl=WIDER))
    row, _ = await services.desk.register(SYSTEM, documents_of())
    assert row.state == "DRAFT", "what was checked is another thing"
    await services.checked(documents_of())
    await services.desk.submit(SYSTEM, NAME, "1.0.0")
    with pytest.raises(VersionTaken):
        await services.desk.register(SYSTEM, documents_of(sdl=WIDER))


async def test_a_failed_check_leaves_a_draft_and_a_report(services: Registering) -> None:
    services.suite.passed = False
    await services.desk.register(SYSTEM, documents_of())
    await services.desk.submit(SYSTEM, NAME, "1.0.0")
    await services.checks.run()
    assert await services.state("1.0.0") == "DRAFT"
    report = await services.desk.report(NAME, "1.0.0")
    assert (report.passed, report.report["documents"]) == (False, documents_of().digest.hex())
    assert report.attestation.startswith("signed ")


async def test_the_first_version_needs_a_reviewer_and_harmless_ones_after_it_do_not(services: Registering) -> None:
    await services.checked(documents_of())
    with pytest.raises(ReviewNeeded, match="FIRST"):
        await services.desk.publish(SYSTEM, NAME, "1.0.0")
    await services.desk.submit(SYSTEM, NAME, "1.0.0")
    await services.approved(NAME, "1.0.0")
    await services.checked(documents_of("1.0.1", title={"th": "ค่าน้ำ", "en": "Prices of water"}))
    assert (await services.desk.publish(SYSTEM, NAME, "1.0.1")).state == "PUBLISHED"


async def test_what_breaks_clients_is_refused_before_it_is_kept(services: Registering) -> None:
    await services.published(documents_of())
    with pytest.raises(PluginRefused) as refused:
        await services.desk.register(SYSTEM, documents_of("1.1.0", sdl=NARROWER))
    [fault] = refused.value.faults
    assert (fault.rule, fault.file, fault.line, fault.field) == (Rule.BREAKING, "graph.graphql", 9, "WaterPrice")
    assert "WaterPrice.since was removed" in fault.why
    assert "major version" in fault.remedy
    with pytest.raises(NotFound):
        await services.state("1.1.0")


async def test_a_new_major_version_may_break_and_a_reviewer_sees_what(services: Registering) -> None:
    await services.published(documents_of())
    await services.checked(documents_of("2.0.0", sdl=NARROWER))
    assert (await services.desk.submit(SYSTEM, NAME, "2.0.0")).state == "IN_REVIEW"
    shown = await services.desk.shown(NAME, "2.0.0")
    assert shown.review is not None
    assert [one["part"] for one in shown.review.parts] == ["BREAKING"]
    await services.approved(NAME, "2.0.0")
    assert await services.state("2.0.0") == "PUBLISHED"


async def test_what_turned_out_to_break_meanwhile_is_not_published(services: Registering) -> None:
    await services.published(documents_of())
    await services.checked(documents_of("1.1.0"))
    await services.published(documents_of("1.0.1", sdl=WIDER))
    with pytest.raises(PluginRefused, match=r"WaterPrice\.until was removed"):
        await services.desk.publish(SYSTEM, NAME, "1.1.0")


async def test_a_version_below_one_that_was_published_is_refused(services: Registering) -> None:
    await services.published(documents_of("1.2.0"))
    for version in ("1.1.9", "0.9.0"):
        with pytest.raises(VersionNotHigher):
            await services.desk.register(SYSTEM, documents_of(version))


async def test_numbers_are_compared_as_numbers(services: Registering) -> None:
    await services.published(documents_of("1.9.0"))
    await services.published(documents_of("1.10.0"))
    assert await services.state("1.10.0") == "PUBLISHED"
    with pytest.raises(VersionNotHigher):
        await services.desk.register(SYSTEM, documents_of("1.9.5"))


async def test_a_refused_version_goes_back_to_its_agency_with_place_and_remedy(services: Registering) -> None:
    await services.checked(documents_of())
    await services.desk.submit(SYSTEM, NAME, "1.0.0")
    async with services.db.write() as session:
        review = await ServiceRepository(session).open_review(NAME, "1.0.0")
        assert review is not None
        await services.lifecycle.refuse(session, REVIEWER, review, REASON, "manifest.json:3", "ใช้ชื่ออื่น")
    shown = await services.desk.shown(NAME, "1.0.0")
    assert shown.review is not None
    assert (shown.row.state, shown.review.outcome, shown.review.place) == ("DRAFT", "REFUSED", "manifest.json:3")
    row, _ = await services.desk.register(SYSTEM, documents_of(sdl=WIDER))
    assert row.state == "DRAFT", "and it may be mended under its number"


async def test_what_was_withdrawn_is_checked_still(services: Registering) -> None:
    await services.checked(documents_of())
    await services.desk.submit(SYSTEM, NAME, "1.0.0")
    await services.desk.withdraw(SYSTEM, NAME, "1.0.0")
    assert await services.state("1.0.0") == "CHECKED"
    assert (await services.desk.submit(SYSTEM, NAME, "1.0.0")).state == "IN_REVIEW"


async def test_a_suspended_service_is_resumed_and_a_retired_one_is_not(services: Registering) -> None:
    await services.published(documents_of())
    assert (await services.desk.suspend(SYSTEM, NAME, REASON)).state == "SUSPENDED"
    with pytest.raises(ServiceStateConflict):
        await services.desk.suspend(SYSTEM, NAME, REASON)
    assert (await services.desk.resume(SYSTEM, NAME, REASON)).state == "PUBLISHED"
    row = await services.desk.retire(SYSTEM, NAME, REASON)
    assert (row.state, row.retired_at) == ("RETIRED", services.clock.now())
    for act in (services.desk.resume, services.desk.suspend, services.desk.retire):
        with pytest.raises(ServiceStateConflict):
            await act(SYSTEM, NAME, REASON)


async def test_after_its_end_a_service_comes_back_by_a_reviewer_alone(services: Registering) -> None:
    await services.published(documents_of())
    await services.published(documents_of("1.0.1"))
    await services.desk.retire(SYSTEM, NAME, REASON)
    with pytest.raises(ServiceStateConflict):
        await services.desk.roll_back(SYSTEM, NAME, "1.0.0", REASON)
    await services.checked(documents_of("1.0.2"))
    assert (await services.desk.submit(SYSTEM, NAME, "1.0.2")).state == "IN_REVIEW"
    await services.approved(NAME, "1.0.2")
    assert (await services.state("1.0.2"), await services.state("1.0.1")) == ("PUBLISHED", "SUPERSEDED")


async def test_what_the_reviewers_suspended_its_agency_cannot_start_again(services: Registering) -> None:
    await services.published(documents_of())
    await services.published(documents_of("1.0.1"))
    async with services.db.write() as session:
        await services.lifecycle.suspend(session, REVIEWER, NAME, REASON, held=True)
    with pytest.raises(ServiceHeld):
        await services.desk.resume(SYSTEM, NAME, REASON)
    with pytest.raises(ServiceHeld):
        await services.desk.retire(SYSTEM, NAME, REASON)
    with pytest.raises(ServiceHeld):
        await services.desk.roll_back(SYSTEM, NAME, None, REASON)
    await services.checked(documents_of("1.0.2"))
    with pytest.raises(ReviewNeeded, match="HELD"):
        await services.desk.publish(SYSTEM, NAME, "1.0.2")
    async with services.db.write() as session:
        await services.lifecycle.resume(session, REVIEWER, NAME, REASON, reviewing=True)
    assert (await services.desk.suspend(SYSTEM, NAME, REASON)).state == "SUSPENDED"
    assert (await services.desk.resume(SYSTEM, NAME, REASON)).state == "PUBLISHED", "its own suspension it may end"


async def test_nobody_goes_back_to_what_the_reviewers_stopped(services: Registering) -> None:
    for version in ("1.0.0", "1.0.1"):
        await services.published(documents_of(version))
    async with services.db.write() as session:
        await services.lifecycle.suspend(session, REVIEWER, NAME, REASON, held=True)
    await services.published(documents_of("1.0.2"))
    with pytest.raises(ServiceHeld):
        await services.desk.roll_back(SYSTEM, NAME, "1.0.1", REASON)
    assert (await services.desk.roll_back(SYSTEM, NAME, None, REASON)).version == "1.0.0", "it is passed over"


async def test_a_version_that_the_reviewers_resumed_is_a_way_back_again(services: Registering) -> None:
    for version in ("1.0.0", "1.0.1"):
        await services.published(documents_of(version))
    async with services.db.write() as session:
        await services.lifecycle.suspend(session, REVIEWER, NAME, REASON, held=True)
    async with services.db.write() as session:
        await services.lifecycle.resume(session, REVIEWER, NAME, REASON, reviewing=True)
    await services.published(documents_of("1.0.2"))
    assert (await services.desk.roll_back(SYSTEM, NAME, None, REASON)).version == "1.0.1"


async def test_a_service_that_its_agency_suspended_first_can_still_be_held(services: Registering) -> None:
    """It was out of the reviewers' reach then, and open again when its agency liked."""
    await services.published(documents_of())
    await services.desk.suspend(SYSTEM, NAME, REASON)
    async with services.db.write() as session:
        row = await services.lifecycle.suspend(session, REVIEWER, NAME, REASON, held=True)
    assert row.state == "SUSPENDED"
    with pytest.raises(ServiceHeld):
        await services.desk.resume(SYSTEM, NAME, REASON)
    async with services.db.write() as session:
        with pytest.raises(ServiceStateConflict):
            await services.lifecycle.suspend(session, REVIEWER, NAME, REASON, held=True)


async def test_nobody_goes_back_to_a_key_that_was_given_up(services: Registering) -> None:
    """It may be given up because it was stolen; whoever stole it may have the client, too."""
    url, new = "https://water.example", SigningKey.of(Ed25519PrivateKey.generate())
    for version, keys in (("1.0.0", [KEY]), ("1.0.1", [KEY, new]), ("1.0.2", [new]), ("1.0.3", [new])):
        await services.published(documents_of(version, endpoint={"url": url, "keys": [key.jwk for key in keys]}))
    for version in ("1.0.0", "1.0.1"):
        with pytest.raises(KeysDropped):
            await services.desk.roll_back(SYSTEM, NAME, version, REASON)
    assert (await services.desk.roll_back(SYSTEM, NAME, None, REASON)).version == "1.0.2"


async def test_there_is_nothing_to_go_back_to_before_the_second_version(services: Registering) -> None:
    await services.published(documents_of())
    with pytest.raises(NothingToRollBackTo):
        await services.desk.roll_back(SYSTEM, NAME, None, REASON)


async def test_going_back_twice_goes_back_two_versions(services: Registering) -> None:
    for version in ("1.0.0", "1.0.1", "1.0.2"):
        await services.published(documents_of(version))
    assert (await services.desk.roll_back(SYSTEM, NAME, None, REASON)).version == "1.0.1"
    assert (await services.desk.roll_back(SYSTEM, NAME, None, REASON)).version == "1.0.0"
    assert (await services.desk.roll_back(SYSTEM, NAME, "1.0.2", REASON)).version == "1.0.2"


async def test_a_draft_of_another_agency_blocks_nobody_and_what_is_published_does(services: Registering) -> None:
    other = Actor("riverworks", "registrar", "riverworks-client")
    agency = {"slug": "riverworks", "title": {"th": "การประปาแม่น้ำ", "en": "Riverworks"}}
    squatting = documents_of(agency=agency)
    await services.checked(squatting, other)
    await services.published(documents_of())
    theirs = Name("riverworks", "waterworks")
    with pytest.raises(PluginRefused) as refused:
        await services.desk.submit(other, theirs, "1.0.0")
    assert {fault.rule for fault in refused.value.faults} == {Rule.OWNERSHIP, Rule.PREFIX, Rule.NAMESPACE}
    assert all(fault.file == "manifest.json" and fault.line for fault in refused.value.faults)
    assert await services.state("1.0.0", theirs) == "CHECKED"


async def test_an_agency_registers_its_own_services_alone(services: Registering) -> None:
    with pytest.raises(PluginRefused) as refused:
        await services.desk.register(Actor("riverworks", "x", "y"), documents_of())
    assert [(f.rule, f.field, f.line is not None) for f in refused.value.faults] == [
        (Rule.OWNERSHIP, "agency.slug", True)
    ]


async def test_a_service_that_ended_during_the_check_comes_back_by_a_reviewer_alone(services: Registering) -> None:
    await services.published(documents_of())
    await services.desk.register(SYSTEM, documents_of("1.1.0"))
    await services.desk.submit(SYSTEM, NAME, "1.1.0")

    async def it_ends() -> None:
        services.suite.meanwhile = None
        await services.desk.retire(SYSTEM, NAME, REASON)

    services.suite.meanwhile = it_ends
    await services.checks.run()
    assert await services.state("1.1.0") == "IN_REVIEW"


async def test_what_stands_in_the_way_after_a_passed_check_is_in_the_trail(services: Registering) -> None:
    for version in ("1.0.0", "1.0.1"):
        await services.published(documents_of(version))
    await services.desk.register(SYSTEM, documents_of("1.1.0"))
    await services.desk.submit(SYSTEM, NAME, "1.1.0")

    async def another_version_is_current() -> None:
        services.suite.meanwhile = None
        await services.desk.roll_back(SYSTEM, NAME, None, REASON)

    services.suite.meanwhile = another_version_is_current
    assert await services.checks.run() == 1
    assert await services.state("1.1.0") == "CHECKED"
    last = (await services.desk.events(NAME))[-1]
    assert (last.kind, last.version, last.reason[:9]) == ("PASS", "1.1.0", "CONFLICT:")
    assert (await services.desk.report(NAME, "1.1.0")).passed
    assert (await services.desk.submit(SYSTEM, NAME, "1.1.0")).state == "PUBLISHED", "and by another word it goes on"


PARALLEL = 6


@pytest.mark.parametrize("act", ["publish", "suspend", "roll_back", "check"])
async def test_of_parallel_acts_exactly_one_wins(services: Registering, act: str) -> None:
    await services.published(documents_of())
    await services.published(documents_of("1.0.1"))
    await services.checked(documents_of("1.0.2"))
    before = await generation(services)
    acts: dict[str, Any] = {
        "publish": lambda: services.desk.publish(SYSTEM, NAME, "1.0.2"),
        "suspend": lambda: services.desk.suspend(SYSTEM, NAME, REASON),
        "roll_back": lambda: services.desk.roll_back(SYSTEM, NAME, "1.0.0", REASON),
        "check": lambda: services.desk.check(SYSTEM, NAME, "1.0.2"),
    }
    outcomes = await asyncio.gather(*(acts[act]() for _ in range(PARALLEL)), return_exceptions=True)
    refused = [one for one in outcomes if isinstance(one, Conflict)]
    assert len(refused) == PARALLEL - 1, outcomes
    assert await generation(services) == before + (act != "check")


async def test_of_two_services_that_claim_one_name_at_once_one_is_published(services: Registering) -> None:
    other = Actor("riverworks", "registrar", "riverworks-client")
    agency = {"slug": "riverworks", "title": {"th": "การประปาแม่น้ำ", "en": "Riverworks"}}
    theirs = Name("riverworks", "river")
    await services.checked(documents_of())
    await services.checked(documents_of(slug="river", agency=agency), other)
    await services.desk.submit(SYSTEM, NAME, "1.0.0")
    await services.desk.submit(other, theirs, "1.0.0")
    outcomes = await asyncio.gather(
        services.approved(NAME, "1.0.0"), services.approved(theirs, "1.0.0"), return_exceptions=True
    )
    assert len([one for one in outcomes if isinstance(one, PluginRefused)]) == 1, outcomes
    assert {await services.state("1.0.0"), await services.state("1.0.0", theirs)} == {"PUBLISHED", "IN_REVIEW"}


@pytest.mark.parametrize(("slug", "version"), [("a\0b", "1.0.0"), ("waterworks", "1\0")])
async def test_a_name_that_nothing_can_have_is_unknown(services: Registering, slug: str, version: str) -> None:
    """Anybody may write one into the path of a report."""
    await services.published(documents_of())
    name = Name("waterworks", slug)
    looks: list[Any] = [services.desk.public_report(slug, version), services.desk.report(name, version)]
    looks += [services.desk.shown(name, version), services.desk.check(SYSTEM, name, version)]
    for look in looks:
        with pytest.raises(NotFound):
            await look


async def test_of_one_agency_one_graph_is_composed_at_a_time(services: Registering) -> None:
    """Composing takes a thread, of which all that serves citizens has a few."""
    at_once = most = 0

    async def slow(_: Any) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1

    await services.published(documents_of())
    await services.checked(documents_of("1.0.1"))
    services.examiner._fits = slow
    acts = (services.desk.publish(SYSTEM, NAME, "1.0.1") for _ in range(PARALLEL))
    await asyncio.gather(*acts, return_exceptions=True)
    assert most == 1


async def test_nothing_is_composed_for_what_cannot_be_published(services: Registering) -> None:
    async def never(_: Any) -> None:
        raise AssertionError("a graph was composed")

    services.examiner._fits = never
    await services.desk.register(SYSTEM, documents_of())
    for act in (
        services.desk.publish(SYSTEM, NAME, "1.0.0"),
        services.desk.roll_back(SYSTEM, NAME, "1.0.0", REASON),
    ):
        with pytest.raises(ServiceStateConflict):
            await act


async def test_first_drafts_sent_at_once_are_one(services: Registering) -> None:
    documents = documents_of()
    made = await asyncio.gather(*(services.desk.register(SYSTEM, documents) for _ in range(PARALLEL)))
    assert sum(new for _, new in made) == 1


async def test_a_submission_about_documents_that_were_replaced_is_refused(services: Registering) -> None:
    await services.checked(documents_of())
    examined = await services.examiner.examine(NAME, Documents(documents_of(sdl=WIDER).files))
    async with services.db.write() as session:
        with pytest.raises(Conflict):
            await services.lifecycle.submit(session, SYSTEM, NAME, "1.0.0", examined)
