"""What was logged in clear is carried over by migration 0007: sealed, with the leaves it always had."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import Connection, MetaData, Table, create_engine, inspect, select, text

from core import migrations
from core.crypto import KeyRing, SealBroken
from core.database import Database, synchronous
from core.envelope import SubjectKeys
from core.ids import new_id
from core.settings import Settings
from services.exchange.access_log.canonical import canonical, commitment
from services.exchange.access_log.models import AccessRecord
from services.exchange.access_log.records import AccessEntry, AccessOutcome, Record
from services.exchange.access_log.repository import AccessLogReader
from tests.services.exchange.fakes import KEYS
from tests.support import access_log
from tests.support.log_process import sequencer_of
from tests.support.sequenced import sequenced

BEFORE: Final = "0006"
AT: Final = datetime(2026, 11, 16, 3, 0, 0, 5, tzinfo=UTC)
SUBJECTS: Final = [UUID(int=n) for n in range(1, 8)]


def entry(number: int) -> AccessEntry:
    return AccessEntry(
        subject=SUBJECTS[number % 7], id=new_id(), at=AT, asker_kind="OFFICER", asker_id="00ff", asker_agency="dla",
        asker_label={"th": "เจ้าหน้าที่", "en": "An officer"}, request=new_id() if number % 2 else None,
        caused_by=new_id() if number % 3 else None, purpose="payment", basis="PUBLIC_TASK",
        consent=new_id() if number % 5 else None, attributes=["birth_date", "name"], decision="ALLOWED", reason=None,
        salt=number.to_bytes(32, "big"),
    )  # fmt: skip


def outcome(of: AccessEntry) -> AccessOutcome:
    return AccessOutcome(
        subject=of.subject, entry=of.id, id=new_id(), at=AT, purpose="payment",
        states={"name": "FRESH", "birth_date": "STALE"},
        errors={"birth_date": "TIMEOUT"}, salt=of.salt[::-1],
    )  # fmt: skip


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = create_engine(synchronous(url))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def fill(url: str, records: list[Record]) -> None:
    """As the version before wrote them."""
    with connected(url) as connection:
        tables = MetaData()
        for kind, name in ((AccessEntry, "access_entry"), (AccessOutcome, "access_outcome")):
            table = Table(name, tables, autoload_with=connection)
            rows = [
                {c.name: stored(url, getattr(one, c.name)) for c in table.columns}
                for one in records
                if isinstance(one, kind)
            ]
            if rows:
                connection.execute(table.insert(), rows)


def stored(url: str, value: Any) -> Any:
    if isinstance(value, UUID) and url.startswith("sqlite"):
        return value.hex
    return value


async def carried_over(url: str) -> list[Record]:
    """What is in the log now; it is in the tree too."""
    database = Database(Settings(database_url=url).sqlalchemy_url)
    try:
        sequencer = sequencer_of(database)
        for _ in range(6):
            await sequencer.round(1_000)
        await sequenced(database)
        async with database.read() as session:
            for row in await session.scalars(select(AccessRecord)):
                found = await AccessLogReader(session, SubjectKeys(KEYS)).opened(row.subject, row.id)
                assert found is not None
                assert row.commitment == commitment(found.salt, found.canonical) == commitment_of(found.record)
        return await access_log.records(database, KEYS)
    finally:
        await database.close()


def commitment_of(record: Record) -> bytes:
    return commitment(record.salt, canonical(record))


async def test_every_record_is_carried_over_with_the_leaf_it_had(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url, BEFORE)
    entries = [entry(number) for number in range(1_100)]
    given: list[Record] = [*entries, *(outcome(one) for one in entries[:700])]
    fill(empty_database_url, given)
    migrations.upgrade(empty_database_url, keys=lambda: KEYS)
    assert {one.id: one for one in await carried_over(empty_database_url)} == {one.id: one for one in given}
    with connected(empty_database_url) as connection:
        assert {"access_entry", "access_outcome"} & set(inspect(connection).get_table_names()) == set()


async def test_a_person_who_has_a_key_keeps_it(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url, BEFORE)
    one = entry(0)
    database = Database(Settings(database_url=empty_database_url).sqlalchemy_url)
    async with database.write() as session:
        sealed = (await SubjectKeys(KEYS).for_sealing(session, one.subject)).seal(b"a decision", bound_to="r")
    await database.close()
    fill(empty_database_url, [one])
    migrations.upgrade(empty_database_url, keys=lambda: KEYS)
    assert await carried_over(empty_database_url) == [one]
    database = Database(Settings(database_url=empty_database_url).sqlalchemy_url)
    async with database.read() as session:
        assert await SubjectKeys(KEYS).open(session, one.subject, sealed, bound_to="r") == b"a decision"
    await database.close()


def test_with_keys_that_do_not_open_what_is_there_nothing_is_changed(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url, BEFORE)
    one = entry(0)
    fill(empty_database_url, [one])
    with connected(empty_database_url) as connection:
        person = stored(empty_database_url, one.subject)
        connection.execute(
            text("INSERT INTO subject_key (person, key_sealed) VALUES (:person, :sealed)"),
            {"person": person, "sealed": b"\x02sealed by somebody else"},
        )
    with pytest.raises(SealBroken):
        migrations.upgrade(empty_database_url, keys=lambda: KEYS)
    with connected(empty_database_url) as connection:
        assert connection.scalar(text("SELECT count(*) FROM access_entry")) == 1


def test_without_a_record_no_key_is_asked_for(empty_database_url: str) -> None:
    def no_keys() -> KeyRing:
        raise AssertionError("nothing is to be sealed")

    migrations.upgrade(empty_database_url, keys=no_keys)


async def test_a_log_with_records_is_not_taken_back(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url, BEFORE)
    fill(empty_database_url, [entry(0)])
    migrations.upgrade(empty_database_url, "0007", keys=lambda: KEYS)
    with pytest.raises(RuntimeError, match="not thrown away"):
        migrations.downgrade(empty_database_url, BEFORE)
