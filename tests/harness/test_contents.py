"""What two moments are compared by (tests/laws/tables.py) sees every change, and shows what is stored."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from core.database import Database, load_models
from core.models import IdempotencyRecord
from tests.conftest import NOW
from tests.laws.tables import COUNTED, KEPT_BY_THE_GATE, contents

WORD = "0-needle-1"
TABLE = "idempotency_record"


async def kept(database: Database, **changed: Any) -> None:
    given = {"citizen": UUID(int=1), "client": "c", "field": "f", "key": "k", "input_hash": b"\x00", "kept": {"a": 1}}
    async with database.write() as session:
        session.add(IdempotencyRecord(**{**given, "created_at": NOW, **changed}))


async def changed(database: Database, **values: Any) -> None:
    async with database.write() as session:
        await session.execute(update(IdempotencyRecord).values(values))


async def test_every_table_is_there_but_those_of_the_gate_and_what_counts_by_itself(database: Database) -> None:
    assert set(await contents(database)) == set(load_models().tables) - KEPT_BY_THE_GATE - COUNTED
    assert (await contents(database))[TABLE] == []
    await kept(database)
    await kept(database, key="another")
    assert len((await contents(database))[TABLE]) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"client": "C"},
        {"client": "c, 'f'"},
        {"key": "ก"},
        {"citizen": UUID(int=2)},
        {"input_hash": b""},
        {"input_hash": b"\x00\x00"},
        {"input_hash": b"\xff\xfe"},
        {"kept": {"a": "1"}},
        {"kept": {"a": 2}},
        {"created_at": NOW + timedelta(microseconds=1)},
    ],
    ids=str,
)
async def test_a_change_of_one_value_is_seen(database: Database, change: dict[str, Any]) -> None:
    await kept(database)
    before = await contents(database)
    await changed(database, **change)
    after = await contents(database)
    assert after != before
    assert {name: rows for name, rows in after.items() if name != TABLE} == {
        name: rows for name, rows in before.items() if name != TABLE
    }


async def test_what_is_in_text_json_or_bytes_can_be_looked_for(database: Database) -> None:
    await kept(database, key=WORD, input_hash=b"\x00" + WORD.encode() + b"\xff", kept={"b": WORD})
    [row] = (await contents(database))[TABLE]
    assert row.count(WORD) == 3
