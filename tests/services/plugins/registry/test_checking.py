"""A check is taken by one process, survives its end, and is signed as what it was about."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core.clock import FixedClock
from core.errors import NotFound
from core.ids import new_id
from services.plugins.contract import Fault, PluginRefused, Rule
from services.plugins.plugin import Plugin
from services.plugins.registry.checking import ATTEMPTS_MAX, LEASE
from services.plugins.registry.lifecycle import Actor
from services.plugins.registry.repository import Name, ServiceRepository
from tests.support.services import NAME, SDL, SYSTEM, Registering, Suite, documents_of

_AGENCY = {"slug": "waterworks", "title": {"th": "การประปาตัวอย่าง", "en": "Example Waterworks"}}
WIDER = SDL.replace("  since: Date\n", "  since: Date\n  until: Date\n")


@pytest.fixture
async def waiting(services: Registering) -> Registering:
    await services.desk.register(SYSTEM, documents_of())
    await services.desk.check(SYSTEM, NAME, "1.0.0")
    return services


async def test_of_several_workers_one_checks(waiting: Registering) -> None:
    done = await asyncio.gather(*(waiting.checks_with(waiting.suite).run() for _ in range(5)))
    assert sum(done) == 1
    assert waiting.suite.checked == ["waterworks 1.0.0"]
    assert await waiting.state("1.0.0") == "CHECKED"


async def test_a_check_whose_process_was_killed_is_taken_up_again(waiting: Registering, clock: FixedClock) -> None:
    began = asyncio.Event()

    class Killed(Suite):
        async def check(self, plugin: Plugin, *, documents_hash: str) -> Any:
            began.set()
            await asyncio.Event().wait()

    killed = asyncio.create_task(waiting.checks_with(Killed()).run())
    await began.wait()
    killed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await killed
    assert await waiting.checks.run() == 0, "it may be under way"
    clock.advance(LEASE - timedelta(seconds=1))
    assert await waiting.checks.run() == 0
    clock.advance(timedelta(seconds=1))
    assert await waiting.checks.run() == 1
    assert await waiting.state("1.0.0") == "CHECKED"


async def test_a_long_check_is_nobody_elses_while_its_process_lives(waiting: Registering, clock: FixedClock) -> None:
    checks = waiting.checks_with(waiting.suite, prolong_seconds=0.01)

    async def long() -> None:
        for _ in range(3):
            clock.advance(LEASE / 2)
            before = await lease_until()
            async with asyncio.timeout(30):
                while await lease_until() == before:  # noqa: ASYNC110 - it is prolonged by a task of its own
                    await asyncio.sleep(0.01)
            assert await waiting.checks_with(Suite()).run() == 0

    async def lease_until() -> Any:
        async with waiting.db.read() as session:
            row = await ServiceRepository(session).version(NAME, "1.0.0")
            assert row is not None
            return row.lease_until

    waiting.suite.meanwhile = long
    assert await checks.run() == 1


async def test_whoever_lost_the_lease_stops(waiting: Registering, clock: FixedClock) -> None:
    async def lost() -> None:
        clock.advance(LEASE)
        async with waiting.db.write() as session:
            now = clock.now()
            assert await ServiceRepository(session).take(NAME, "1.0.0", new_id(), now, now + LEASE)
        await asyncio.Event().wait()

    waiting.suite.meanwhile = lost
    assert await waiting.checks_with(waiting.suite, prolong_seconds=0.01).run() == 0
    assert await waiting.state("1.0.0") == "CHECKING", "the other's"


async def test_a_check_that_fails_by_itself_is_made_again(waiting: Registering, clock: FixedClock) -> None:
    async def broken() -> None:
        raise RuntimeError("the suite broke")

    waiting.suite.meanwhile = broken
    assert await waiting.checks.run() == 0
    waiting.suite.meanwhile = None
    clock.advance(LEASE)
    assert await waiting.checks.run() == 1


async def test_a_check_that_always_fails_by_itself_ends_and_its_agency_is_told(
    waiting: Registering, clock: FixedClock
) -> None:
    async def broken() -> None:
        raise RuntimeError("the suite broke")

    waiting.suite.meanwhile = broken
    for begun in range(1, ATTEMPTS_MAX + 1):
        assert await waiting.state("1.0.0") == "CHECKING"
        assert await waiting.checks.run() == 0
        assert len(waiting.suite.checked) == begun
        clock.advance(LEASE)
    assert await waiting.state("1.0.0") == "DRAFT"
    last = (await waiting.desk.events(NAME))[-1]
    assert (last.kind, last.reason.partition(":")[0]) == ("FAIL", "SERVICE_CHECK_BROKEN")
    with pytest.raises(NotFound):
        await waiting.desk.report(NAME, "1.0.0")
    waiting.suite.meanwhile = None
    await waiting.desk.check(SYSTEM, NAME, "1.0.0")
    assert await waiting.checks.run() == 1, "asked again, it gets as many attempts again"
    assert await waiting.state("1.0.0") == "CHECKED"


async def test_a_check_that_ends_every_process_ends_too(waiting: Registering, clock: FixedClock) -> None:
    for _ in range(ATTEMPTS_MAX):
        async with waiting.db.write() as session:
            now = clock.now()
            assert await ServiceRepository(session).take(NAME, "1.0.0", new_id(), now, now + LEASE)
        clock.advance(LEASE)
    assert await waiting.checks.run() == 0
    assert waiting.suite.checked == []
    assert await waiting.state("1.0.0") == "DRAFT"


async def test_an_agency_with_many_drafts_keeps_nobody_waiting(services: Registering) -> None:
    """Its endpoints dawdle: each of its checks takes as long as one may."""
    for slug in ("water-a", "water-b", "water-c", "water-d", "water-e"):
        await services.desk.register(SYSTEM, documents_of(slug=slug, agency=_AGENCY))
        await services.desk.check(SYSTEM, Name("waterworks", slug), "1.0.0")
        services.clock.advance(timedelta(seconds=1))  # type: ignore[attr-defined]  # the test's clock
    other = Actor("riverworks", "registrar", "riverworks-client")
    theirs = documents_of(slug="river", agency={**_AGENCY, "slug": "riverworks"})
    await services.desk.register(other, theirs)
    await services.desk.check(other, Name("riverworks", "river"), "1.0.0")
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def dawdle() -> None:
        begun.set()
        await go_on.wait()

    slow = Suite(meanwhile=dawdle)
    dawdling = asyncio.create_task(services.checks_with(slow).run())
    await begun.wait()
    assert slow.checked == ["water-a 1.0.0"]
    assert await services.checks.run() == 1
    assert services.suite.checked == ["river 1.0.0"], "though all the others were sent before"
    assert await services.checks.run() == 0
    go_on.set()
    assert await dawdling == 1
    assert await services.checks.run() == 1
    assert services.suite.checked[1:] == ["water-b 1.0.0"]


@pytest.mark.parametrize("ending", ["withdrawn", "failed"])
async def test_what_was_taken_back_or_failed_is_published_by_another_word_alone(
    services: Registering, ending: str
) -> None:
    await services.published(documents_of())
    services.suite.passed = ending != "failed"
    moved = {"email": "desk@waterworks.example"}
    await services.desk.register(SYSTEM, documents_of("1.0.1", contact=moved))
    await services.desk.submit(SYSTEM, NAME, "1.0.1")
    await services.checks.run()
    if ending == "withdrawn":
        await services.desk.withdraw(SYSTEM, NAME, "1.0.1")
    services.suite.passed = True
    await services.desk.check(SYSTEM, NAME, "1.0.1")
    await services.checks.run()
    assert await services.state("1.0.1") == "CHECKED", "a check was asked for, and nothing else"


async def test_what_does_not_go_with_the_graph_is_told_with_the_reason(waiting: Registering) -> None:
    async def refuses(_: Plugin) -> None:
        raise PluginRefused("waterworks", [Fault(Rule.COMPOSITION, "it does not hold together", "Correct the SDL")])

    waiting.examiner._fits = refuses
    assert await waiting.checks.run() == 1
    assert await waiting.state("1.0.0") == "DRAFT"
    last = (await waiting.desk.events(NAME))[-1]
    assert (last.kind, "it does not hold together" in last.reason) == ("FAIL", True)
    assert waiting.suite.checked == []


async def test_a_published_version_follows_the_check_without_another_word(services: Registering) -> None:
    await services.published(documents_of())
    await services.desk.register(SYSTEM, documents_of("1.1.0", sdl=WIDER))
    assert (await services.desk.submit(SYSTEM, NAME, "1.1.0")).state == "CHECKING"
    await services.checks.run()
    assert await services.state("1.1.0") == "PUBLISHED"
    last = (await services.desk.events(NAME))[-1]
    assert (last.kind, last.by, last.client) == ("PUBLISH", SYSTEM.by, SYSTEM.client)
    report = await services.desk.public_report("waterworks", "1.1.0")
    assert report.digest == documents_of("1.1.0", sdl=WIDER).digest
