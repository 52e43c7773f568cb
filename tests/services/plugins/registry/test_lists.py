"""What an agency keeps with us is listed without reading it, and without asking for each of its services."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from services.plugins.registry.models import ServiceEvent
from services.plugins.registry.repository import ServiceRepository
from tests.services.plugins.registry.test_limits import OTHER, REASON, RIVER
from tests.support.services import NAME, REVIEWER, SYSTEM, Registering, documents_of


@pytest.mark.sqlite_only  # one query, which other tests put to both
async def test_a_list_of_versions_does_not_read_their_files(services: Registering) -> None:
    """An agency may keep 5,000 versions of 200,000 bytes: whoever lists them would read a gigabyte."""
    await services.published(documents_of())
    await services.desk.register(SYSTEM, documents_of("1.1.0"))
    async with services.db.read() as session:
        rows = await ServiceRepository(session).versions(NAME)
        assert (await ServiceRepository(session).version(NAME, "1.1.0")).files  # type: ignore[union-attr]  # it is there
    listed = [*rows, *(await services.desk.one(NAME)).versions, *(await services.desk.listed(NAME.agency))[0].versions]
    assert [one.version for one in listed] == ["1.0.0", "1.1.0"] * 3
    assert ["files" in one.__dict__ for one in listed] == [False, True, *[False] * 4]


@pytest.mark.sqlite_only
async def test_a_list_of_services_asks_as_often_for_many_as_for_one(services: Registering) -> None:
    """Names of discarded drafts stay, with their trail: an agency may come to have very many."""
    asked: list[str] = []
    engine = services.db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    await services.desk.register(SYSTEM, documents_of())
    asked.clear()
    await services.desk.listed(NAME.agency)
    once = len(asked)
    await services.desk.register(SYSTEM, documents_of("1.1.0"))
    await services.desk.register(SYSTEM, documents_of(slug="river", **RIVER))
    await services.desk.discard(SYSTEM, OTHER, "1.0.0")
    asked.clear()
    listed = await services.desk.listed(NAME.agency)
    assert [(one.service.slug, [row.version for row in one.versions]) for one in listed] == [
        ("river", []),
        ("waterworks", ["1.0.0", "1.1.0"]),
    ]
    assert len(asked) == once


async def test_a_way_back_does_not_read_the_trail(services: Registering) -> None:
    """An agency may send, discard, suspend and resume for years."""
    for version in ("1.0.0", "1.0.1"):
        await services.published(documents_of(version))
    loaded: list[object] = []

    def note(target: object, _: object) -> None:
        loaded.append(target)

    event.listen(ServiceEvent, "load", note)
    try:
        assert (await services.desk.roll_back(SYSTEM, NAME, None, REASON)).version == "1.0.0"
    finally:
        event.remove(ServiceEvent, "load", note)
    assert loaded == []


async def test_what_a_reviewer_stopped_stays_stopped_until_that_very_version_is_resumed(services: Registering) -> None:
    async def stopped() -> set[str]:
        async with services.db.read() as session:
            return {*await ServiceRepository(session).stopped(NAME)}

    async def held() -> None:
        async with services.db.write() as session:
            await services.lifecycle.suspend(session, REVIEWER, NAME, REASON, held=True)

    await services.published(documents_of())
    await services.desk.suspend(SYSTEM, NAME, REASON)
    assert await stopped() == set(), "by its agency"
    await held()
    assert await stopped() == {"1.0.0"}
    await services.published(documents_of("1.0.1"))
    await held()
    async with services.db.write() as session:
        await services.lifecycle.resume(session, REVIEWER, NAME, REASON, reviewing=True)
    assert await stopped() == {"1.0.0"}
    await held()
    assert await stopped() == {"1.0.0", "1.0.1"}
