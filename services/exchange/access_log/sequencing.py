"""The statements of the sequencer, on either database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import Connection, insert, text
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlmodel import SQLModel, col, or_, select, tuple_

from core.database import Database
from core.database_faults import driver_told_as_unavailable
from services.exchange.access_log.canonical import leaf_hash
from services.exchange.access_log.growing import Grown, edge_of, grown
from services.exchange.access_log.merkle import HASH_BYTES, Tile
from services.exchange.access_log.models import AccessRecord, LogLeaf, LogTile
from services.exchange.access_log.sequencer_state import (
    Head,
    Sign,
    Snapshot,
    State,
    Taken,
    after,
)

TURN: Final = 0x5172_6C6F
"""Advisory lock: whoever holds it sequences."""
FIRST_EPOCH: Final = 1
"""Records of epoch 0 were there before there was a sequencer."""
STATE: Final = 1
"""The one row's id."""


class Ledger(Protocol):
    """The database's part in a round."""

    async def has_work(self) -> bool:
        """One small statement; may say yes where there is none."""
        ...

    async def round(self, sign: Sign, limit: int) -> int:
        """Gives up to `limit` records their places; answers how many."""
        ...


def ledger_of(database: Database) -> Ledger:
    return SqliteLedger(database) if database.is_sqlite else PostgresLedger(database)


class PostgresLedger:
    """One transaction under an advisory lock, through asyncpg itself."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def has_work(self) -> bool:
        async with self._database.driver() as connection:
            with driver_told_as_unavailable():
                return bool(await connection.fetchval(_HAS_WORK))

    async def round(self, sign: Sign, limit: int) -> int:
        async with self._database.driver() as connection:
            with driver_told_as_unavailable():
                async with connection.transaction():
                    if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", TURN):
                        return 0
                    return await self._round(connection, sign, limit)

    async def _round(self, connection: Any, sign: Sign, limit: int) -> int:
        now = await connection.fetchrow(_NOW)
        state = _state(now)
        if (
            state is None
            or state.cluster != now["cluster_now"]
            or Snapshot.parse(now["now"]).xmax < state.snapshot.xmax
        ):
            await self._begin_epoch(connection, state)
            return 0
        if state.target is None and not state.backlog:
            state = replace(state, target=Snapshot.parse(now["now"]))
        row = await connection.fetchrow(*_taking(state, limit))
        taken = _taken(row["hashes"] or b"", row["xid"], row["id"])
        if not taken.leaves:
            if state.backlog or state.cursor is not None:
                await self._store(connection, after(state, taken, limit), None, None)
            return 0
        edge = {Tile(row["level"], row["number"]): row["hashes"] for row in await connection.fetch(_EDGE, state.size)}
        tree = grown(state.size, edge, taken.leaves)
        await self._store(connection, after(state, taken, limit), tree, await sign(tree.size, tree.root))
        return len(taken.leaves)

    async def _begin_epoch(self, connection: Any, state: State | None) -> None:
        """Numbers of transactions mean nothing any more: a restored cluster counts anew.

        Nobody appends while this is decided, so a record of a former epoch is there now or will never be; each that
        is not in the tree is found by that.
        """
        await connection.execute("LOCK TABLE access_record IN SHARE ROW EXCLUSIVE MODE")
        now = await connection.fetchrow(_NOW)
        newest = await connection.fetchval("SELECT coalesce(max(epoch), 0) FROM access_record")
        fresh = State(
            size=state.size if state is not None else 0,
            epoch=max(newest, state.epoch if state is not None else 0) + 1,
            cluster=now["cluster_now"],
            snapshot=Snapshot.parse(now["now"]),
            target=None,
            cursor=None,
            backlog=True,
        )
        await self._store(connection, fresh, None, None)

    @staticmethod
    async def _store(connection: Any, state: State, tree: Grown | None, head: Head | None) -> None:
        tiles = [(*tile, hashes) for tile, hashes in tree.tiles.items()] if tree is not None else []
        await connection.execute(
            _STORE,
            *_columns(tiles, 3),
            *(head if head is not None else (None, None, None, None)),
            STATE,
            *_row(state).values(),
        )


class SqliteLedger:
    """The writer's lock is the sequence: what has a higher number was committed later.

    It reads and signs before it takes that lock, so that nobody who writes waits for a signature, and writes only if
    nobody sequenced meanwhile.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def has_work(self) -> bool:
        [(found,)] = await self._database.alone(_LITE_HAS_WORK, {})
        return bool(found)

    async def round(self, sign: Sign, limit: int) -> int:
        async with self._database.read() as session:
            state = _state((await session.execute(_LITE_STATE)).mappings().first())
            rows: Sequence[Any] = ()
            edge: dict[Tile, bytes] = {}
            if state is not None:
                rows = (await session.execute(_lite_taking(state, limit))).all()
                query = select(LogTile).where(tuple_(col(LogTile.level), col(LogTile.number)).in_(edge_of(state.size)))
                edge = {Tile(one.level, one.number): one.hashes for one in await session.scalars(query)}
        if state is None:
            fresh = State(0, FIRST_EPOCH, "", Snapshot(0, 0, ()), None, None, backlog=True)
            await self._database.transaction(lambda connection: _lite_store(connection, None, fresh, (), None))
            return 0
        if not rows and not state.backlog:
            return 0
        leaves = [leaf_hash(row.id, row.at, row.commitment) for row in rows]
        then = _lite_after(state, rows, limit)
        tree = grown(state.size, edge, leaves) if rows else None
        made = (tree, await sign(tree.size, tree.root)) if tree is not None else None
        stored = await self._database.transaction(lambda connection: _lite_store(connection, state, then, rows, made))
        return len(rows) if stored else 0


def _lite_after(state: State, rows: Sequence[Any], limit: int) -> State:
    """No transaction is in flight behind the last record taken: it is all there is to remember."""
    size = state.size + len(rows)
    if state.backlog:
        return replace(state, size=size, backlog=len(rows) == limit)
    return replace(state, size=size, cursor=(rows[-1].xid, rows[-1].id))


def _lite_taking(state: State, limit: int) -> Any:
    record = AccessRecord
    query = select(*(col(getattr(record, name)) for name in ("subject", "id", "at", "commitment", "xid")))
    if state.backlog:
        placed = select(col(LogLeaf.record)).where(col(LogLeaf.record) == col(record.id))
        query = query.where(col(record.epoch) < state.epoch, ~placed.exists())
    else:
        query = query.where(col(record.epoch) == state.epoch)
        if state.cursor is not None:
            xid, last = state.cursor
            # The first of the two is what the index begins from; the other alone has it read the whole epoch.
            query = query.where(col(record.xid) >= xid, or_(col(record.xid) > xid, col(record.id) > last))
    return query.order_by(col(record.epoch), col(record.xid), col(record.id)).limit(limit)


def _lite_store(
    connection: Connection, before: State | None, then: State, rows: Sequence[Any], made: tuple[Grown, Head] | None
) -> bool:
    """False when another process was faster."""
    tables = SQLModel.metadata.tables
    if _state(connection.execute(_LITE_STATE).mappings().first()) != before:
        return False
    if made is not None and before is not None:
        tree, head = made
        places = enumerate(rows, start=before.size)
        leaves = [{"leaf_index": n, "subject": row.subject, "record": row.id} for n, row in places]
        connection.execute(insert(tables["log_leaf"]), leaves)
        tiles = [{"level": tile.level, "number": tile.number, "hashes": hashes} for tile, hashes in tree.tiles.items()]
        put = upsert(tables["log_tile"])
        connection.execute(
            put.on_conflict_do_update(index_elements=["level", "number"], set_={"hashes": put.excluded.hashes}), tiles
        )
        connection.execute(insert(tables["log_head"]), head._asdict())
    state, row = upsert(tables["log_state"]), _row(then)
    connection.execute(
        state.on_conflict_do_update(index_elements=["id"], set_={name: state.excluded[name] for name in row}),
        {"id": STATE, **row},
    )
    return True


def _taken(hashes: bytes, xid: int | None, record: UUID | None) -> Taken:
    leaves = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    return Taken(leaves, (xid, record) if xid is not None and record is not None else None)


def _state(row: Any) -> State | None:
    if row is None or row["size"] is None:
        return None
    return State(
        size=row["size"],
        epoch=row["epoch"],
        cluster=row["cluster"],
        snapshot=Snapshot.parse(row["snapshot"]),
        target=Snapshot.parse(row["target"]) if row["target"] is not None else None,
        cursor=(row["cursor_xid"], row["cursor_id"]) if row["cursor_xid"] is not None else None,
        backlog=row["backlog"],
    )


def _row(state: State) -> dict[str, Any]:
    return {
        "size": state.size,
        "epoch": state.epoch,
        "cluster": state.cluster,
        "snapshot": str(state.snapshot),
        "target": str(state.target) if state.target is not None else None,
        "cursor_xid": state.cursor[0] if state.cursor is not None else None,
        "cursor_id": state.cursor[1] if state.cursor is not None else None,
        "backlog": state.backlog,
    }


def _columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    return [[row[n] for row in rows] for n in range(width)]


def _taking(state: State, limit: int) -> tuple[Any, ...]:
    """The statement that places the next records, with its values; it answers their leaves, and which was the last."""
    if state.backlog:
        return _TAKE_BACKLOG, state.size, limit, state.epoch
    assert state.target is not None
    xid, record = state.cursor or (-1, UUID(int=0))
    of_last = (state.snapshot.xmax, list(state.snapshot.xip))
    of_target = (state.target.xmax, list(state.target.xip))
    return _TAKE, state.size, limit, state.epoch, *of_last, *of_target, xid, record


_CLUSTER: Final = "(SELECT system_identifier::text FROM pg_control_system())"
_NOW: Final = f"""
SELECT log_state.*, pg_current_snapshot()::text AS now, {_CLUSTER} AS cluster_now
  FROM (SELECT) AS always LEFT JOIN log_state ON true
"""  # noqa: S608 - our own words
_HAS_WORK: Final = """
SELECT coalesce((
    SELECT backlog OR target IS NOT NULL
        OR EXISTS (SELECT FROM access_record AS r
                    WHERE r.epoch = s.epoch AND r.xid >= pg_snapshot_xmax(s.snapshot::pg_snapshot)::text::bigint)
        OR EXISTS (SELECT FROM access_record AS r
                    WHERE r.epoch = s.epoch
                      AND r.xid = ANY (ARRAY(SELECT pg_snapshot_xip(s.snapshot::pg_snapshot)::text::bigint)))
        OR pg_snapshot_xmax(pg_current_snapshot()) < pg_snapshot_xmax(s.snapshot::pg_snapshot)
        OR EXISTS (SELECT FROM pg_control_system() WHERE system_identifier::text <> s.cluster)
      FROM log_state AS s), true)
"""
_PLACING: Final = """
), placed AS MATERIALIZED (
    SELECT *, $1 + row_number() OVER (ORDER BY epoch, xid, id) - 1 AS leaf_index FROM taken
), leaves AS (
    INSERT INTO log_leaf (leaf_index, subject, record) SELECT leaf_index, subject, id FROM placed
)
SELECT string_agg(sha256('\\x00'::bytea || uuid_send(id) || int8send((extract(epoch FROM at) * 1000000)::bigint)
                         || commitment), ''::bytea ORDER BY leaf_index) AS hashes,
       (SELECT xid FROM placed ORDER BY leaf_index DESC LIMIT 1) AS xid,
       (SELECT id FROM placed ORDER BY leaf_index DESC LIMIT 1) AS id
  FROM placed
"""
"""The hashes are `canonical.leaf_hash`, and come as one value: a row each would be most of the work of a round."""
_FIELDS: Final = "subject, id, at, commitment, epoch, xid"
_SHOWN: Final = """
xid < $6 AND xid <> ALL ($7::bigint[]) AND (xid, id) > ($8, $9) ORDER BY epoch, xid, id LIMIT $2
"""
_TAKE: Final = f"""
WITH taken AS (
    SELECT * FROM (
        (SELECT {_FIELDS} FROM access_record WHERE epoch = $3 AND xid >= $4 AND {_SHOWN})
        UNION ALL
        (SELECT {_FIELDS} FROM access_record WHERE epoch = $3 AND xid = ANY ($5::bigint[]) AND {_SHOWN})
    ) AS new ORDER BY epoch, xid, id LIMIT $2
{_PLACING}
"""  # noqa: S608 - our own words
"""What the target shows and the last snapshot did not: the transactions from its xmax on, and those then in flight, all
of which come before. Two questions, because an index answers each; for both in one (`xid >= xmax OR xid = ANY (xip)`)
PostgreSQL reads the whole epoch in every round. However long some transaction takes, what was taken before is not
looked at again."""
_TAKE_BACKLOG: Final = f"""
WITH taken AS (
    SELECT {_FIELDS} FROM access_record AS r
     WHERE epoch < $3 AND NOT EXISTS (SELECT FROM log_leaf WHERE record = r.id)
     ORDER BY epoch, xid, id LIMIT $2
{_PLACING}
"""  # noqa: S608 - our own words
_EDGE: Final = """
SELECT level, number, hashes FROM generate_series(0, 5) AS of_level
  JOIN log_tile ON level = of_level AND number = $1::bigint >> 8 * (of_level + 1)
"""
"""`growing.edge_of`: where a level's last tile is full, the next is not there. Without an array, which PostgreSQL would
plan for anew each time."""
_STATE_NAMES: Final = "size, epoch, cluster, snapshot, target, cursor_xid, cursor_id, backlog"
_STORE: Final = f"""
WITH tiles AS (
    INSERT INTO log_tile (level, number, hashes) SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bytea[])
        ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes
), head AS (
    INSERT INTO log_head (size, at, root, signed)
    SELECT $4::bigint, $5::timestamptz, $6::bytea, $7::text WHERE $4 IS NOT NULL
)
INSERT INTO log_state (id, {_STATE_NAMES}) VALUES ($8, $9, $10, $11, $12, $13, $14, $15, $16)
    ON CONFLICT (id) DO UPDATE SET ({_STATE_NAMES}) = ROW ($9, $10, $11, $12, $13, $14, $15, $16)
"""  # noqa: S608 - our own words
_LITE_HAS_WORK: Final = text("""
SELECT coalesce((
    SELECT backlog OR EXISTS (SELECT 1 FROM access_record AS r
                               WHERE r.epoch = s.epoch AND r.xid >= coalesce(s.cursor_xid, 0)
                                 AND (s.cursor_xid IS NULL OR r.xid > s.cursor_xid OR r.id > s.cursor_id))
      FROM log_state AS s), 1)
""")
_LITE_STATE: Final = select(*SQLModel.metadata.tables["log_state"].columns)
