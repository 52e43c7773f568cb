"""Records of the access log that are committed together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.database import Database
from core.ids import new_id
from services.exchange.access_log.commits import GROUP_MAX, Commits
from services.exchange.access_log.models import AccessEntry, AccessOutcome

AT = datetime(2026, 11, 16, 3, 0, tzinfo=UTC)


@pytest.fixture
def transactions(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One item for each transaction that was begun."""
    begun: list[int] = []
    write = database.write

    @asynccontextmanager
    async def counted() -> AsyncIterator[AsyncSession]:
        begun.append(1)
        async with write() as session:
            yield session

    monkeypatch.setattr(database, "write", counted)
    return begun


def entry(key: UUID | None = None) -> AccessEntry:
    return AccessEntry(
        subject=UUID(int=1), id=key or new_id(), at=AT, asker_kind="CITIZEN", asker_id="00", asker_agency=None,
        asker_label={"th": "คุณ", "en": "You"}, request=None, caused_by=None, purpose="own-view", basis="OWN",
        consent=None, attributes=["name"], decision="ALLOWED", reason=None, salt=bytes(32),
    )  # fmt: skip


def outcome(of: AccessEntry) -> AccessOutcome:
    return AccessOutcome(
        subject=of.subject, entry=of.id, id=new_id(), at=AT, purpose="own-view", states={}, errors={}, salt=bytes(32)
    )


async def entries(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(AccessEntry)) or 0


async def test_what_is_appended_at_once_is_committed_in_one_transaction(
    database: Database, transactions: list[int]
) -> None:
    commits = Commits(database)
    await asyncio.gather(*(commits.commit([entry()]) for _ in range(10)))
    assert await entries(database) == 10
    assert len(transactions) == 1


async def test_a_group_has_an_end(database: Database, transactions: list[int]) -> None:
    commits = Commits(database)
    await asyncio.gather(*(commits.commit([entry()]) for _ in range(GROUP_MAX + 1)))
    assert await entries(database) == GROUP_MAX + 1
    assert len(transactions) == 2


async def test_an_entry_stands_before_its_outcome(database: Database) -> None:
    one = entry()
    await Commits(database).commit([outcome(one), one])
    assert await entries(database) == 1


async def test_nobody_is_refused_for_what_another_appends(database: Database) -> None:
    commits, orphan = Commits(database), outcome(entry())
    told = await asyncio.gather(
        commits.commit([entry()]), commits.commit([orphan]), commits.commit([entry()]), return_exceptions=True
    )
    assert isinstance(told[1], IntegrityError)
    assert told[0] is told[2] is None
    assert await entries(database) == 2


async def test_records_of_one_call_are_committed_all_or_none(database: Database) -> None:
    with pytest.raises(IntegrityError):
        await Commits(database).commit([entry(), outcome(entry())])
    assert await entries(database) == 0


async def test_a_caller_who_goes_away_does_not_take_the_others_along(database: Database) -> None:
    commits = Commits(database)
    first, second = (asyncio.create_task(commits.commit([entry()])) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert first.cancelled()
    assert await entries(database) >= 1


async def test_after_a_failure_the_next_caller_is_served(database: Database) -> None:
    commits, key = Commits(database), new_id()
    await commits.commit([entry(key)])
    with pytest.raises(IntegrityError):
        await commits.commit([entry(key)])
    await commits.commit([entry()])
    assert await entries(database) == 2


async def test_nothing_to_commit_opens_no_transaction(database: Database, transactions: list[int]) -> None:
    await Commits(database).commit([])
    assert transactions == []


async def test_a_loop_that_ends_leaves_no_caller_waiting(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def stuck() -> AsyncIterator[AsyncSession]:
        await asyncio.Event().wait()
        yield AsyncSession()

    monkeypatch.setattr(database, "write", stuck)
    commits = Commits(database)
    caller = asyncio.create_task(commits.commit([entry()]))
    await asyncio.sleep(0.01)
    assert commits._work is not None
    commits._work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
