"""The statements that append records, one for each database, and the keys that the records are sealed under.

A key that the process remembers is sealed under first and checked after, by the database, in the statement that stores
the record: only if every record's key is still its person's is any of them stored. So an erasure in another process is
respected at once, and no look at the keys comes before the one statement.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC
from functools import cache, partial
from typing import Any, Final, Protocol, TypeAlias
from uuid import UUID

from sqlalchemy import Connection, TextClause, select, text
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import col

from core.crypto import KeyRing
from core.database import Database
from core.database_faults import DatabaseUnavailable, driver_told_as_unavailable
from core.envelope import KeptKey, KeptKeys
from core.models import SubjectKey
from services.exchange.access_log.sealing import Prepared, sealed_payload

LANES: Final = 2
"""Connections that one process appends through. SQLite has one writer."""
ATTEMPTS_MAX: Final = 5
"""How often the keys of a group's persons may change between being read and being used."""

Append: TypeAlias = Callable[[Sequence[Prepared]], Awaitable[None]]
"""Appends the records, all or none. They are in the order of subject and id."""
Keys: TypeAlias = Mapping[UUID, KeptKey]


class Appender(Protocol):
    @property
    def lanes(self) -> int:
        """How many may be connected at once."""
        ...

    def connected(self) -> AbstractAsyncContextManager[Append]:
        """A way to append that keeps its connection. Raises DatabaseUnavailable."""
        ...


def appender_of(database: Database, keys: KeyRing) -> Appender:
    kept = KeptKeys(keys)
    return SqliteAppender(database, kept) if database.is_sqlite else PostgresAppender(database, kept)


class _Sealing:
    """What both databases share: find the keys, seal, store, and do it again with fresh keys if one did not hold."""

    def __init__(self, database: Database, kept: KeptKeys) -> None:
        self._database, self._kept = database, kept

    async def _append(
        self,
        read: Callable[[Collection[UUID]], Awaitable[Sequence[tuple[UUID, bytes]]]],
        store: Callable[[Sequence[Prepared], Keys, Mapping[UUID, KeptKey]], Awaitable[bool]],
        records: Sequence[Prepared],
    ) -> None:
        for _ in range(ATTEMPTS_MAX):
            keys, made = await self._keys_of(read, records)
            if await store(records, keys, made):
                for person, key in made.items():
                    self._kept.keep(person, key)
                return
            for person in keys:
                self._kept.forget(person)
        raise DatabaseUnavailable

    async def _keys_of(
        self, read: Callable[[Collection[UUID]], Awaitable[Sequence[tuple[UUID, bytes]]]], records: Sequence[Prepared]
    ) -> tuple[dict[UUID, KeptKey], dict[UUID, KeptKey]]:
        """By person; and those among them that are new."""
        keys: dict[UUID, KeptKey] = {}
        unknown: list[UUID] = []
        for record in records:
            if record.subject in keys:
                continue
            kept = self._kept.get(record.subject)
            if kept is None:
                unknown.append(record.subject)
            else:
                keys[record.subject] = kept
        if not unknown:
            return keys, {}
        unknown = list(dict.fromkeys(unknown))
        for person, sealed in await read(unknown):
            keys[person] = self._kept.opened(person, sealed)
        made = {person: self._kept.made(person) for person in unknown if person not in keys}
        return keys | made, made


class PostgresAppender(_Sealing):
    """One statement through asyncpg itself, which is a transaction; the plain one when there is one record."""

    lanes = LANES

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Append]:
        async with self._database.driver() as connection:
            yield partial(self._append, partial(_pg_keys, connection), partial(_pg_store, connection))


class SqliteAppender(_Sealing):
    lanes = 1

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Append]:
        yield partial(self._append, self._read, self._store)

    async def _read(self, persons: Collection[UUID]) -> Sequence[tuple[UUID, bytes]]:
        query = select(col(SubjectKey.person), col(SubjectKey.key_sealed)).where(col(SubjectKey.person).in_(persons))
        return [(row.person, row.key_sealed) for row in await self._database.alone(query, {})]

    async def _store(self, records: Sequence[Prepared], keys: Keys, made: Mapping[UUID, KeptKey]) -> bool:
        statement, values = _lite_append(len(records)), _lite_values(records, keys)
        if not made:
            return len(await self._database.alone(statement, values, writes=True)) == len(records)

        def whole(connection: Connection) -> bool:
            new = [{"person": person, "key_sealed": key.sealed} for person, key in made.items()]
            connection.execute(insert(SubjectKey).on_conflict_do_nothing(), new)
            return len(connection.execute(statement, values).all()) == len(records)

        return await self._database.transaction(whole)


_EPOCH: Final = "coalesce((SELECT epoch FROM log_state), 0)"
_COLUMNS: Final = "subject, id, entry, at, commitment, payload_sealed, disclosed_from"

_PG_KEYS: Final = "SELECT person, key_sealed FROM subject_key WHERE person = ANY($1::uuid[])"
_PG_ONE: Final = f"""
INSERT INTO access_record ({_COLUMNS}, epoch, xid)
SELECT $1::uuid, $2::uuid, $3::uuid, $4::timestamptz, $5::bytea, $6::bytea, $7::timestamptz,
       {_EPOCH}, pg_current_xact_id()::text::bigint
  FROM subject_key WHERE person = $1 AND key_sealed = $8::bytea
"""  # noqa: S608 - our own words
_PG_GROUP: Final = f"""
INSERT INTO access_record ({_COLUMNS}, epoch, xid)
SELECT {_COLUMNS}, {_EPOCH}, pg_current_xact_id()::text::bigint
  FROM valid WHERE (SELECT count(*) FROM valid) = cardinality($1)
"""  # noqa: S608 - our own words
_PG_GIVEN: Final = f"""
unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::bytea[], $6::bytea[], $7::timestamptz[], $8::bytea[])
    AS given({_COLUMNS}, key)
"""
_PG_MANY: Final = f"""
WITH valid AS MATERIALIZED (
    SELECT given.* FROM {_PG_GIVEN} JOIN subject_key ON person = subject AND key_sealed = key
) {_PG_GROUP}
"""  # noqa: S608 - our own words
_PG_MANY_WITH_NEW: Final = f"""
WITH made AS (
    INSERT INTO subject_key (person, key_sealed) SELECT * FROM unnest($9::uuid[], $10::bytea[])
        ON CONFLICT DO NOTHING RETURNING person, key_sealed
), held AS MATERIALIZED (
    SELECT person, key_sealed FROM subject_key WHERE person = ANY($1)
), valid AS MATERIALIZED (
    SELECT given.* FROM {_PG_GIVEN}
      JOIN (SELECT * FROM held UNION ALL SELECT * FROM made) AS keys ON person = subject AND key_sealed = key
) {_PG_GROUP}
"""  # noqa: S608 - our own words
"""A statement does not see what it inserts itself: the new keys come from what the insertion returned."""


async def _pg_keys(connection: Any, persons: Collection[UUID]) -> Sequence[tuple[UUID, bytes]]:
    with driver_told_as_unavailable():
        return [(row[0], row[1]) for row in await connection.fetch(_PG_KEYS, persons)]


async def _pg_store(connection: Any, records: Sequence[Prepared], keys: Keys, made: Mapping[UUID, KeptKey]) -> bool:
    rows = [_row(record, keys[record.subject]) for record in records]
    with driver_told_as_unavailable():
        if made:
            new = (list(made), [key.sealed for key in made.values()])
            done = await connection.execute(_PG_MANY_WITH_NEW, *zip(*rows, strict=True), *new)
        elif len(rows) == 1:
            done = await connection.execute(_PG_ONE, *rows[0])
        else:
            done = await connection.execute(_PG_MANY, *zip(*rows, strict=True))
    return bool(done == f"INSERT 0 {len(rows)}")


def _row(record: Prepared, key: KeptKey) -> tuple[Any, ...]:
    payload = sealed_payload(record, key.key)
    return (
        record.subject,
        record.id,
        record.entry,
        record.at,
        record.commitment,
        payload,
        record.disclosed_from,
        key.sealed,
    )


@cache
def _lite_append(rows: int) -> TextClause:
    """Its numbers are of the program's own making: SQLite's one writer counts its transactions."""
    given = ", ".join("(" + ", ".join(f":{name}{n}" for name in "abcdefgh") + ")" for n in range(rows))
    return text(f"""
        WITH given({_COLUMNS}, key) AS (VALUES {given}),
             valid AS MATERIALIZED (SELECT given.* FROM given JOIN subject_key ON person = subject AND key_sealed = key)
        INSERT INTO access_record ({_COLUMNS}, epoch, xid)
        SELECT {_COLUMNS}, {_EPOCH}, (SELECT coalesce(max(xid), 0) + 1 FROM access_record WHERE epoch = {_EPOCH})
          FROM valid WHERE (SELECT count(*) FROM valid) = {rows}
        RETURNING 1
    """)  # noqa: S608 - our own words


def _lite_values(records: Sequence[Prepared], keys: Keys) -> dict[str, Any]:
    """As SQLAlchemy's types for SQLite write them."""
    values: dict[str, Any] = {}
    for n, record in enumerate(records):
        row = _row(record, keys[record.subject])
        for name, value in zip("abcdefgh", row, strict=True):
            values[f"{name}{n}"] = _plain(value)
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return value.hex
    if value is None or isinstance(value, bytes):
        return value
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
