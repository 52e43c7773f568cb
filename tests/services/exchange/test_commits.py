"""Records of the access log that are committed together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, update
from sqlmodel import col

from core.crypto import SealBroken
from core.database import Database
from core.database_faults import DatabaseUnavailable
from core.envelope import SubjectKeys
from core.ids import new_id
from core.models import SubjectKey
from services.exchange.access_log import commits as commits_module
from services.exchange.access_log.appending import PostgresAppender, SqliteAppender, _Sealing
from services.exchange.access_log.commits import GROUP_MAX, Commits
from services.exchange.access_log.models import AccessRecord
from services.exchange.access_log.records import AccessEntry, AccessOutcome, ErasedRecord
from services.exchange.access_log.repository import AccessLogReader
from services.exchange.access_log.sealing import Prepared
from tests.services.exchange.fakes import KEYS, until
from tests.support import access_log

AT = datetime(2026, 11, 16, 3, 0, tzinfo=UTC)
SOMEBODY = UUID(int=1)


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[list[UUID]]:
    """The ids of each group that went to the database, whatever became of it."""
    sent: list[list[UUID]] = []
    append = _Sealing._append

    async def noting(self: _Sealing, read: Any, store: Any, records: Sequence[Prepared]) -> None:
        sent.append([record.id for record in records])
        await append(self, read, store, records)

    monkeypatch.setattr(_Sealing, "_append", noting)
    return sent


def entry(key: UUID | None = None, subject: UUID = SOMEBODY, **changes: Any) -> AccessEntry:
    fields: dict[str, Any] = {
        "subject": subject, "id": key or new_id(), "at": AT, "asker_kind": "CITIZEN", "asker_id": "00",
        "asker_agency": None, "asker_label": {"th": "คุณ", "en": "You"}, "request": None, "caused_by": None,
        "purpose": "own-view", "basis": "OWN", "consent": None, "attributes": ["name"], "decision": "ALLOWED",
        "reason": None, "salt": bytes(32),
    }  # fmt: skip
    return AccessEntry(**(fields | changes))


def outcome(of: AccessEntry) -> AccessOutcome:
    return AccessOutcome(
        subject=of.subject, entry=of.id, id=new_id(), at=AT, purpose="own-view", states={}, errors={}, salt=bytes(32)
    )


async def stored(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(AccessRecord)) or 0


async def key_of(database: Database, person: UUID) -> bytes | None:
    async with database.read() as session:
        found: bytes | None = await session.scalar(
            select(col(SubjectKey.key_sealed)).where(col(SubjectKey.person) == person)
        )
        return found


async def destroy_key(database: Database, person: UUID) -> None:
    async with database.write() as session:
        await session.execute(delete(SubjectKey).where(col(SubjectKey.person) == person))


async def test_what_is_appended_at_once_is_committed_in_one_statement(
    database: Database, groups: list[list[UUID]]
) -> None:
    commits = Commits(database, KEYS)
    await asyncio.gather(*(commits.commit([entry(subject=new_id())]) for _ in range(10)))
    assert await stored(database) == 10
    assert [len(group) for group in groups] == [10]


async def test_a_group_has_an_end(database: Database, groups: list[list[UUID]]) -> None:
    commits = Commits(database, KEYS)
    await asyncio.gather(*(commits.commit([entry()]) for _ in range(GROUP_MAX + 1)))
    assert await stored(database) == GROUP_MAX + 1
    assert [len(group) for group in groups] == [GROUP_MAX, 1]


async def test_who_is_on_the_way_shares_the_commit_of_who_is_there(
    database: Database, groups: list[list[UUID]]
) -> None:
    commits, there = Commits(database, KEYS), asyncio.Event()

    async def late() -> None:
        with commits.coming():
            await there.wait()
        await commits.commit([entry(subject=new_id())])

    coming = asyncio.create_task(late())
    await asyncio.sleep(0)
    first = asyncio.create_task(commits.commit([entry(subject=new_id())]))
    for _ in range(10):
        await asyncio.sleep(0)
    there.set()
    await asyncio.gather(coming, first)
    assert [len(group) for group in groups] == [2]


async def test_who_said_to_come_and_does_not_holds_nobody_up_for_long(
    database: Database, groups: list[list[UUID]]
) -> None:
    commits = Commits(database, KEYS)
    with commits.coming():
        async with asyncio.timeout(60):
            await commits.commit([entry()])
    with pytest.raises(RuntimeError), commits.coming():  # refused on the way, say
        raise RuntimeError
    await commits.commit([entry()])
    assert [len(group) for group in groups] == [1, 1]


async def test_what_comes_while_one_group_is_under_way_is_committed_too(database: Database) -> None:
    commits = Commits(database, KEYS)

    async def caller(number: int) -> None:
        for turn in range(10):
            await commits.commit([entry(subject=UUID(int=number))])
            await asyncio.sleep(0 if turn % 2 else number / 10_000)

    async with asyncio.timeout(60):
        await asyncio.gather(*(caller(number) for number in range(8)))
    assert await stored(database) == 80


async def test_a_record_is_read_back_as_it_was_appended(database: Database) -> None:
    one = entry(request=new_id(), caused_by=new_id(), consent=new_id(), reason="WHY", asker_agency="dla")
    later = entry(disclosed_from=AT)
    came_of_it = outcome(one)
    await Commits(database, KEYS).commit([came_of_it, one, later])
    assert await access_log.entries(database, KEYS) == [one, later]
    assert await access_log.outcomes(database, KEYS) == [came_of_it]


async def test_nobody_is_refused_for_what_another_appends(database: Database) -> None:
    commits, key = Commits(database, KEYS), new_id()
    await commits.commit([entry(key)])
    told = await asyncio.gather(
        commits.commit([entry()]), commits.commit([entry(key)]), commits.commit([entry()]), return_exceptions=True
    )
    assert isinstance(told[1], Exception)
    assert told[0] is told[2] is None
    assert await stored(database) == 3


async def test_a_record_that_has_no_canonical_form_is_its_callers_alone(database: Database) -> None:
    commits = Commits(database, KEYS)
    told = await asyncio.gather(
        commits.commit([entry()]),
        commits.commit([entry(purpose="\ud800")]),
        commits.commit([entry(purpose="a\u0000b")]),
        return_exceptions=True,
    )
    assert told[0] is told[2] is None
    assert isinstance(told[1], TypeError)
    assert [one.purpose for one in await access_log.entries(database, KEYS)] == ["own-view", "a\u0000b"]


async def test_a_person_whose_key_cannot_be_opened_holds_nobody_up(database: Database) -> None:
    broken = new_id()
    async with database.write() as session:
        session.add(SubjectKey(person=broken, key_sealed=b"\x02nonsense"))
    commits = Commits(database, KEYS)
    told = await asyncio.gather(
        commits.commit([entry(subject=new_id())]), commits.commit([entry(subject=broken)]), return_exceptions=True
    )
    assert told[0] is None
    assert isinstance(told[1], SealBroken)
    assert await stored(database) == 1


async def test_records_of_one_call_are_committed_all_or_none(database: Database) -> None:
    commits, key = Commits(database, KEYS), new_id()
    await commits.commit([entry(key)])
    with pytest.raises(Exception, match=r"append-only|duplicate key"):
        await commits.commit([entry(), entry(key)])
    assert await stored(database) == 1


async def test_a_caller_who_goes_away_does_not_take_the_others_along(database: Database) -> None:
    commits = Commits(database, KEYS)
    first, second = (asyncio.create_task(commits.commit([entry()])) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert first.cancelled()
    assert await stored(database) >= 1


async def test_after_a_failure_the_next_caller_is_served(database: Database) -> None:
    commits, key = Commits(database, KEYS), new_id()
    await commits.commit([entry(key)])
    with pytest.raises(Exception, match=r"append-only|duplicate key"):
        await commits.commit([entry(key)])
    await commits.commit([entry()])
    assert await stored(database) == 2


async def test_nothing_to_commit_asks_nothing_of_the_database(database: Database, groups: list[list[UUID]]) -> None:
    await Commits(database, KEYS).commit([])
    assert groups == []


async def test_without_a_database_all_who_wait_are_told_so(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: object) -> Any:
        raise DatabaseUnavailable

    for kind in (PostgresAppender, SqliteAppender):
        monkeypatch.setattr(kind, "connected", gone)
    commits = Commits(database, KEYS)
    async with asyncio.timeout(60):
        told = await asyncio.gather(*(commits.commit([entry()]) for _ in range(GROUP_MAX * 2)), return_exceptions=True)
    assert {type(one) for one in told} == {DatabaseUnavailable}


@pytest.mark.postgres_only
async def test_a_connection_that_was_lost_is_told_once_and_the_next_caller_gets_another(database: Database) -> None:
    commits = Commits(database, KEYS)
    await commits.commit([entry()])
    async with database.driver() as mine:
        await mine.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    [told] = await asyncio.gather(commits.commit([entry()]), return_exceptions=True)
    assert told is None or isinstance(told, DatabaseUnavailable)
    await commits.commit([entry()])


async def test_a_loop_that_ends_leaves_no_caller_waiting(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stuck(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(commits_module, "_commit_group", stuck)
    commits = Commits(database, KEYS)
    caller = asyncio.create_task(commits.commit([entry()]))
    await until(lambda: bool(commits._lanes) and not commits._begins)
    for lane in commits._lanes:
        assert lane is not None
        lane.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_a_persons_first_record_makes_their_key_and_all_processes_use_the_same(database: Database) -> None:
    processes = [Commits(database, KEYS) for _ in range(8)]
    await asyncio.gather(*(process.commit([entry()]) for process in processes for _ in range(3)))
    assert len(await access_log.entries(database, KEYS)) == 24  # all are opened by the one key


async def test_a_key_that_another_process_destroyed_is_sealed_under_no_more(database: Database) -> None:
    commits, other = Commits(database, KEYS), new_id()
    before = entry(subject=other)
    await commits.commit([before])
    await destroy_key(database, other)
    after = entry(subject=other)
    await commits.commit([after, entry()])
    assert await key_of(database, other) is not None
    async with database.read() as session:
        log = AccessLogReader(session, SubjectKeys(KEYS))
        newest, eldest = await log.page(other, size=9, before=None, at=AT)
        assert await log.get(other, before.id, at=AT) == eldest
    assert newest == after
    assert eldest == ErasedRecord(subject=other, id=before.id, entry=before.id, at=AT, disclosed_from=None)


async def test_of_an_erased_person_the_log_tells_when_and_no_more(database: Database) -> None:
    one = entry()
    await Commits(database, KEYS).commit([one, outcome(one)])
    await destroy_key(database, SOMEBODY)
    async with database.read() as session:
        log = AccessLogReader(session, SubjectKeys(KEYS))
        [told] = await log.page(SOMEBODY, size=9, before=None, at=AT)
        assert isinstance(told, ErasedRecord)
        assert await log.outcomes(SOMEBODY, [one.id], at=AT) == {}
        assert await log.opened(SOMEBODY, one.id) is None


async def test_a_key_that_was_resealed_by_a_rotation_is_read_again(database: Database) -> None:
    commits = Commits(database, KEYS)
    await commits.commit([entry()])
    async with database.write() as session:
        key = await session.scalar(select(col(SubjectKey.key_sealed)).where(col(SubjectKey.person) == SOMEBODY))
        assert key is not None
        bound_to = f"subject_key.key:{SOMEBODY.hex}"
        anew = KEYS.seal(KEYS.open(key, bound_to=bound_to), bound_to=bound_to)
        await session.execute(update(SubjectKey).values(key_sealed=anew))
    await commits.commit([entry()])
    assert len(await access_log.entries(database, KEYS)) == 2


async def test_an_entry_that_may_not_be_disclosed_yet_is_not_there(database: Database) -> None:
    one = entry(disclosed_from=AT.replace(year=2027))
    await Commits(database, KEYS).commit([one])
    async with database.read() as session:
        log = AccessLogReader(session, SubjectKeys(KEYS))
        assert await log.page(SOMEBODY, size=9, before=None, at=AT) == []
        assert await log.get(SOMEBODY, one.id, at=AT) is None
        assert await log.get(SOMEBODY, one.id, at=AT.replace(year=2027)) == one
        assert await log.page(SOMEBODY, size=9, before=None, at=AT.replace(year=2027)) == [one]
