"""A check is taken by one process, survives its end, and is signed as what it was about."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core.clock import FixedClock
from core.ids import new_id
from services.plugins.contract import Fault, PluginRefused, Rule
from services.plugins.plugin import Plugin
from services.plugins.registry.checking import LEASE
from services.plugins.registry.repository import ServiceRepository
from tests.support.services import NAME, SDL, SYSTEM, Registering, Suite, documents_of

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
