"""More changes at once than a statement has parameters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from core.ids import new_id
from services.exchange.bulk import repository
from services.exchange.bulk.repository import HOUSE, BulkRepository
from tests.services.exchange.bulk.test_runs import declare
from tests.services.exchange.fakes import Exchange

pytestmark = pytest.mark.fakeredis_only

MOST = 8
"""Two keys at a time and what else a statement asks by."""


@contextmanager
def parameters(exchange: Exchange) -> Iterator[list[int]]:
    """How many each statement had."""
    counted: list[int] = []

    def count(_connection: Any, _cursor: Any, _statement: str, given: Any, *_: Any) -> None:
        counted.append(len(given))

    engine = exchange.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", count)
    try:
        yield counted
    finally:
        event.remove(engine, "before_cursor_execute", count)


async def test_changes_of_a_whole_country_are_looked_for_some_at_a_time(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "KEYS_AT_ONCE", 2, raising=False)
    people = list(exchange.keys.values())
    run = await declare(exchange, people)
    await exchange.gate.bulk.read(run)
    strangers = [new_id() for _ in range(9)]
    async with exchange.database.write() as session:
        bulk = BulkRepository(session)
        for other, one in enumerate(people):
            await bulk.tie(run, [{"person": one, "other": strangers[2 * other], "kind": HOUSE}])
    asked = [*strangers, *people]
    with parameters(exchange) as counted:
        async with exchange.database.write() as session:
            bulk = BulkRepository(session)
            assert await bulk.among(run, asked) == set(people)
            assert await bulk.tied_to(run, asked, HOUSE) == set(people)
            assert await bulk.among(run, []) == await bulk.tied_to(run, [], HOUSE) == set()
        assert await exchange.gate.bulk.again(run, [*asked, *people]) == len(people), "each counted once"
    assert max(counted) <= MOST
    assert await exchange.gate.bulk.waits(run)
