"""Every committed record gets one place in the tree, in whatever order transactions end and whoever is killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlmodel import SQLModel, col

from core.attestation.service import Attestor
from core.clock import FixedClock
from core.database import Database
from core.database_faults import DatabaseUnavailable
from core.ids import new_id
from core.jobs import Job, repeating
from core.models import SubjectKey
from services.exchange.access_log import sequencer as sequencer_module
from services.exchange.access_log import sequencing
from services.exchange.access_log.commits import Commits
from services.exchange.access_log.models import AccessRecord, LogHead, LogLeaf, LogState
from services.exchange.access_log.records import AccessEntry
from services.exchange.access_log.sequencer import Sequencer
from services.exchange.access_log.sequencer_state import Snapshot
from services.exchange.access_log.sequencing import TURN
from tests.services.exchange.fakes import KEYS, until
from tests.support.sequenced import sequenced

AT = datetime(2026, 11, 16, 3, 0, tzinfo=UTC)
TABLES = SQLModel.metadata.tables


@pytest.fixture
def attestor(database: Database, clock: FixedClock) -> Attestor:
    return Attestor(database, KEYS, clock, "http://localhost")


@pytest.fixture
def sequencer(database: Database, attestor: Attestor, clock: FixedClock) -> Sequencer:
    return Sequencer(database, attestor, clock, "http://localhost")


def entry(subject: UUID | None = None) -> AccessEntry:
    return AccessEntry(
        subject=subject or new_id(), id=new_id(), at=AT, asker_kind="CITIZEN", asker_id="00", asker_agency=None,
        asker_label={"th": "คุณ", "en": "You"}, request=None, caused_by=None, purpose="own-view", basis="OWN",
        consent=None, attributes=["name"], decision="ALLOWED", reason=None, salt=bytes(32),
    )  # fmt: skip


async def append(database: Database, count: int, *, together: int = 1) -> list[UUID]:
    """As many callers with `together` records each; their ids."""
    commits = Commits(database, KEYS)
    records = [[entry() for _ in range(together)] for _ in range(count)]
    await asyncio.gather(*(commits.commit(of_one) for of_one in records))
    return [record.id for of_one in records for record in of_one]


def row(record: AccessEntry, **more: Any) -> dict[str, Any]:
    plain = {"commitment": bytes(32), "payload_sealed": b"", "disclosed_from": None}
    return {"subject": record.subject, "id": record.id, "entry": record.id, "at": record.at, **plain, **more}


@asynccontextmanager
async def slow_append(database: Database) -> AsyncIterator[AccessEntry]:
    """A record whose transaction is open while the block runs, and commits at its end."""
    record = entry()
    async with database.write() as session:
        xid = await session.scalar(text("SELECT pg_current_xact_id()::text::bigint"))
        epoch = await session.scalar(select(col(LogState.epoch))) or 0
        await (await session.connection()).execute(TABLES["access_record"].insert(), row(record, xid=xid, epoch=epoch))
        yield record


async def test_every_record_gets_one_place_and_the_head_says_so(
    database: Database, sequencer: Sequencer, attestor: Attestor
) -> None:
    first = await append(database, 5)
    await until_empty(sequencer)
    second = await append(database, 300)
    await until_empty(sequencer)
    held = await sequenced(database, attestor, acknowledged=[*first, *second])
    assert held.heads[-1] == 305
    assert set(held.order[:5]) == set(first)


async def until_empty(sequencer: Sequencer, limit: int = 20_000) -> int:
    """Rounds until two in a row have nothing to do; answers how many worked."""
    idle, worked = 0, 0
    while idle < 3:
        placed = await sequencer.round(limit)
        idle, worked = (0, worked + 1) if placed else (idle + 1, worked)
    return worked


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_a_round_that_cannot_take_all_leaves_the_rest_to_the_next(
    database: Database, sequencer: Sequencer, limit: int
) -> None:
    await append(database, 3, together=4)
    worked = await until_empty(sequencer, limit)
    again = await append(database, 2, together=2)
    await until_empty(sequencer, limit)
    held = await sequenced(database, acknowledged=again)
    assert (len(held.order), worked) == (16, -(-12 // limit))


async def test_what_is_committed_while_rounds_go_on_is_placed_once(database: Database, sequencer: Sequencer) -> None:
    done = asyncio.Event()

    async def keep_sequencing() -> None:
        while not done.is_set():
            await sequencer.round(13)

    rounds = asyncio.create_task(keep_sequencing())
    given = [key for keys in await asyncio.gather(*(append(database, 20) for _ in range(8))) for key in keys]
    done.set()
    await rounds
    await until_empty(sequencer)
    assert len((await sequenced(database, acknowledged=given)).order) == 160


async def test_nothing_new_makes_no_head(database: Database, sequencer: Sequencer) -> None:
    await append(database, 1)
    await until_empty(sequencer)
    assert await sequencer.run() == 0
    assert (await sequenced(database)).heads == [1]


async def test_the_job_takes_all_there_is(database: Database, sequencer: Sequencer) -> None:
    await append(database, 3)
    await sequencer.run()  # the first ever begins the first epoch
    await sequencer.run()
    await append(database, 3)
    assert await sequencer.run() == 3
    await sequenced(database)


async def test_a_record_is_in_the_tree_within_a_second_of_its_commit(database: Database, sequencer: Sequencer) -> None:
    await until_empty(sequencer)
    job = Job("sequence", sequencer_module.SEQUENCED_EVERY, sequencer.run)
    assert job.every <= timedelta(seconds=1)
    async with repeating([job]):
        [record] = await append(database, 1)

        async def is_placed() -> bool:
            async with database.read() as session:
                placed = await session.scalar(select(func.count()).where(col(LogLeaf.record) == record))
                return placed == 1

        await until(is_placed)


@pytest.mark.postgres_only
async def test_a_transaction_that_ends_late_loses_no_record(database: Database, sequencer: Sequencer) -> None:
    await until_empty(sequencer)
    async with slow_append(database) as slow:
        quick = await append(database, 3)
        await until_empty(sequencer)
        await append(database, 3)
        await until_empty(sequencer)
    await until_empty(sequencer)
    held = await sequenced(database, acknowledged=[*quick, slow.id])
    assert held.order.index(slow.id) == 6


class NaiveSequencer:
    """Remembers the last id taken and asks for later ones: what one writes who has not met two writers at once."""

    def __init__(self, database: Database) -> None:
        self._database, self._last, self.size = database, UUID(int=0), 0

    async def round(self) -> None:
        async with self._database.write() as session:
            query = select(AccessRecord).where(col(AccessRecord.id) > self._last).order_by(col(AccessRecord.id))
            for record in (await session.scalars(query)).all():
                session.add(LogLeaf(leaf_index=self.size, subject=record.subject, record=record.id))
                self.size, self._last = self.size + 1, record.id


@pytest.mark.postgres_only
async def test_a_sequencer_that_asks_for_later_ids_is_caught_losing_a_record(database: Database) -> None:
    naive = NaiveSequencer(database)
    async with slow_append(database):
        await append(database, 3)
        await naive.round()
    await naive.round()
    with pytest.raises(AssertionError, match="1 records have no place"):
        await sequenced(database)


@pytest.mark.postgres_only
async def test_a_transaction_that_is_open_for_long_holds_no_other_up(database: Database, sequencer: Sequencer) -> None:
    await until_empty(sequencer)
    async with database.write() as idle:
        await idle.execute(text("SELECT pg_current_xact_id()"))
        await append(database, 3)
        assert await sequencer.run() == 3
        assert await sequencer.run() == 0


@pytest.mark.postgres_only
async def test_of_two_sequencers_one_works(database: Database, sequencer: Sequencer) -> None:
    await until_empty(sequencer)
    await append(database, 3)
    async with database.write() as other:
        await other.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": TURN})
        assert await sequencer.round() == 0
    assert await sequencer.round() == 3


async def test_sequencers_of_several_processes_place_nothing_twice(
    database: Database, attestor: Attestor, clock: FixedClock
) -> None:
    several = [Sequencer(database, attestor, clock, "http://localhost") for _ in range(4)]
    given = await append(database, 40)
    for _ in range(20):
        await asyncio.gather(*(one.round(5) for one in several))
    await until_empty(several[0])
    await sequenced(database, acknowledged=given)


async def restored(database: Database, **state: Any) -> None:
    async with database.write() as session:
        await session.execute(update(LogState).values(**state))


@pytest.mark.postgres_only
@pytest.mark.parametrize(
    "state",
    [{"cluster": "another"}, {"snapshot": "999999999999:999999999999:"}],
    ids=["a cluster of its own", "numbers that were reached before"],
)
async def test_after_a_restore_where_transactions_count_anew_nothing_is_lost_or_placed_twice(
    database: Database, sequencer: Sequencer, state: dict[str, str]
) -> None:
    before = await append(database, 4)
    await until_empty(sequencer)
    unplaced = await append(database, 3)
    async with database.write() as session:
        await session.execute(text("ALTER TABLE access_record DISABLE TRIGGER access_record_refuses_change"))
        await session.execute(update(AccessRecord).values(xid=col(AccessRecord.xid) + 10**12))
        await session.execute(text("ALTER TABLE access_record ENABLE TRIGGER access_record_refuses_change"))
    await restored(database, **state)
    at_once = await append(database, 3)
    assert await sequencer.round() == 0  # it sees what happened
    later = await append(database, 2)
    await until_empty(sequencer, 4)
    held = await sequenced(database, acknowledged=[*before, *unplaced, *at_once, *later])
    assert len(held.order) == 12
    async with database.read() as session:
        epochs = (await session.execute(select(col(AccessRecord.id), col(AccessRecord.epoch)))).all()
    assert {epoch for record, epoch in epochs if record in later} == {2}


@pytest.mark.postgres_only
async def test_who_appends_while_an_epoch_begins_belongs_to_the_new_one(
    database: Database, sequencer: Sequencer
) -> None:
    """Otherwise their record would be of an epoch that nobody looks at any more."""
    await append(database, 1)
    await until_empty(sequencer)
    async with database.driver() as sequencing:
        deciding = sequencing.transaction()
        await deciding.start()
        await sequencing.execute("LOCK TABLE access_record IN SHARE ROW EXCLUSIVE MODE")
        appending = [asyncio.create_task(append(database, 2)) for _ in range(3)]
        async with database.read() as session:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"

            async def all_wait() -> bool:
                return (await session.scalar(text(waiting)) or 0) >= 3

            await until(all_wait)
        await sequencing.execute("UPDATE log_state SET epoch = 7")
        await deciding.commit()
    await asyncio.gather(*appending)
    async with database.read() as session:
        found = (await session.scalars(select(col(AccessRecord.epoch)))).all()
    assert sorted(found) == [0, 7, 7, 7, 7, 7, 7]


async def test_what_a_former_version_logged_is_placed_first(database: Database, sequencer: Sequencer) -> None:
    former = [entry() for _ in range(5)]
    async with database.write() as session:
        connection = await session.connection()
        await connection.execute(TABLES["access_record"].insert(), [row(one, xid=0, epoch=0) for one in former])
    await append(database, 2)
    await until_empty(sequencer, 3)
    held = await sequenced(database)
    assert set(held.order[:5]) >= {one.id for one in former[:3]}
    assert len(held.order) == 7


async def test_the_tree_verifies_after_a_persons_key_was_destroyed(
    database: Database, sequencer: Sequencer, attestor: Attestor
) -> None:
    await append(database, 20)
    await until_empty(sequencer)
    async with database.write() as session:
        await session.execute(delete(SubjectKey))
    await append(database, 1)
    await until_empty(sequencer)
    assert (await sequenced(database, attestor)).heads[-1] == 21


async def test_a_round_that_fails_at_its_signature_leaves_nothing(
    database: Database, sequencer: Sequencer, attestor: Attestor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until_empty(sequencer)
    given = await append(database, 3)

    async def broken(*_: Any, **__: Any) -> str:
        raise RuntimeError("no key")

    with monkeypatch.context() as patch:
        patch.setattr(attestor, "sign", broken)
        with pytest.raises(RuntimeError, match="no key"):
            await sequencer.round()
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(LogLeaf)) == 0
        assert await session.scalar(select(func.count()).select_from(LogHead)) == 0
    await until_empty(sequencer)
    await sequenced(database, attestor, acknowledged=given)


async def test_how_long_records_wait_is_a_figure(
    database: Database, sequencer: Sequencer, attestor: Attestor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until_empty(sequencer)
    await sequencer.run()
    sequencer._whole_at -= 100
    await append(database, 1)

    async def broken(*_: Any, **__: Any) -> str:
        raise RuntimeError("no key")

    with monkeypatch.context() as patch:
        patch.setattr(attestor, "sign", broken)
        with pytest.raises(RuntimeError, match="no key"):
            await sequencer.run()
    assert sequencer_module.lag()._value.get() >= 100
    assert await sequencer.run() == 1
    assert sequencer_module.lag()._value.get() < 100


async def test_an_outage_does_not_end_the_job(
    database: Database, sequencer: Sequencer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone() -> bool:
        raise DatabaseUnavailable

    monkeypatch.setattr(sequencer_module, "AFTER_OUTAGE_SECONDS", 0)
    monkeypatch.setattr(sequencer._ledger, "has_work", gone)
    assert await sequencer.run() == 0


@pytest.mark.parametrize("written", ["10:10:", "10:14:10,13"])
def test_a_snapshot_reads_as_the_database_writes_it(written: str) -> None:
    assert str(Snapshot.parse(written)) == written


async def test_a_round_does_not_read_again_what_was_placed_before(database: Database, sequencer: Sequencer) -> None:
    for _ in range(2):  # the second finds nothing of a former epoch left
        await sequencer.round()
    await append(database, 40, together=5)
    await sequencer.run()
    await append(database, 1, together=3)
    async with database.read() as session:
        state = sequencing._state((await session.execute(sequencing._LITE_STATE)).mappings().one())
    assert state is not None
    assert state.size == 200
    if database.is_sqlite:
        taking = sequencing._lite_taking(state, 100).compile(database.engine.sync_engine)
        async with database.engine.connect() as lite:
            plan = await lite.exec_driver_sql(f"EXPLAIN QUERY PLAN {taking}", (None,) * len(taking.positiontup or ()))
            assert any("(epoch=? AND xid>?)" in step[-1] for step in plan.all())
        return
    async with database.driver() as connection:
        now = await connection.fetchval("SELECT pg_current_snapshot()::text")
        taking, *values = sequencing._taking(replace(state, target=Snapshot.parse(now)), 100)
        await connection.execute("SET plan_cache_mode = force_generic_plan")  # as after the first five rounds
        under_way = connection.transaction()
        await under_way.start()
        found = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {taking}", *values)
        await under_way.rollback()
        await connection.execute("RESET plan_cache_mode")
    scans = [step for step in steps_of(found[0]["Plan"]) if step.get("Relation Name") == "access_record"]
    assert sum(step["Actual Rows"] * step["Actual Loops"] for step in scans if "Scan" in step["Node Type"]) == 3
    assert sum(step.get("Rows Removed by Filter", 0) for step in scans) == 0


def steps_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from steps_of(below)
