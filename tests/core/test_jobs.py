import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from core.clock import FixedClock
from core.database import Database
from core.ids import new_id
from core.jobs import IDEMPOTENCY_KEPT, Job, forget_old_keys, repeating
from core.models import IdempotencyRecord


async def test_a_key_is_kept_for_thirty_days_to_the_moment_and_no_longer(database: Database, clock: FixedClock) -> None:
    for key, age in (("at the boundary", IDEMPOTENCY_KEPT), ("past it", IDEMPOTENCY_KEPT + timedelta(microseconds=1))):
        async with database.write() as session:
            made = clock.now() - age
            session.add(
                IdempotencyRecord(
                    citizen=new_id(), client="c", field="f", key=key, input_hash=b"", kept={}, created_at=made
                )
            )
    assert await forget_old_keys(database, clock) == 1
    async with database.read() as session:
        assert (await session.scalars(select(col(IdempotencyRecord.key)))).all() == ["at the boundary"]


async def test_a_job_that_fails_is_tried_again_and_others_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    turns = {"bad": 0, "good": 0}
    enough = asyncio.Event()

    async def bad() -> None:
        turns["bad"] += 1
        raise RuntimeError("broken")

    async def good() -> None:
        turns["good"] += 1
        if min(turns.values()) >= 3:
            enough.set()

    soon = timedelta(milliseconds=1)
    async with repeating([Job("bad", soon, bad), Job("good", soon, good)]):
        await asyncio.wait_for(enough.wait(), 10)
    after = dict(turns)
    await asyncio.sleep(0.02)
    assert turns == after
    assert "bad" in capsys.readouterr().out
