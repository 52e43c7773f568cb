"""What an idempotency key stands for is agreed by all processes, before any of them asks an agency."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from core.clock import FixedClock
from core.database import Database
from core.settings import Settings
from services.plugins.documents import repository

pytestmark = pytest.mark.in_turn


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Database]:
    """Another process's way to the same database."""
    made = Database(Settings(database_url=database_url).sqlalchemy_url, durable=False)
    yield made
    await made.close()


async def test_of_wishes_that_come_at_once_to_two_processes_one_is_what_the_key_stands_for(
    database: Database, other: Database, clock: FixedClock
) -> None:
    person, wishes = uuid4(), [bytes([number]) * 32 for number in range(10)]

    async def claim(where: Database, wish: bytes, key: bytes = b"k") -> bytes:
        async with where.write() as session:
            return await repository.claim(session, person, key, wish, clock.now())

    said = await asyncio.gather(*(claim((database, other)[n % 2], wish) for n, wish in enumerate(wishes)))
    assert len(set(said)) == 1
    assert said[0] in wishes
    assert await claim(other, wishes[0], b"another") == wishes[0]
