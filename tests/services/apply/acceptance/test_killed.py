"""Whoever was told that their application is accepted has it, whatever is killed; and nobody has two."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from random import Random  # noqa: TID251 (moments from a seed)

from sqlalchemy import select

from core.models import IdempotencyRecord
from services.apply.models import Application, ApplicationEvent
from tests.services.apply.conftest import Room

ROOT = Path(__file__).parents[4]
KILLS = 5


async def told_until_killed(url: str, seed: int, after: int) -> list[list[str]]:
    """What a process said that was killed once it had told `after` people."""
    words = ["-m", "tests.services.apply.acceptance.crowd", url, str(seed)]
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=PIPE, cwd=ROOT)
    assert process.stdout is not None
    said: list[str] = []
    while sum(line.startswith("told") for line in said) < after:
        line = await process.stdout.readline()
        assert line, "it ended by itself"
        said.append(line.decode())
    process.kill()
    said += (await process.stdout.read()).decode().splitlines(keepends=True)
    await process.wait()
    return [line.split() for line in said if line.endswith("\n")]


async def test_what_was_told_is_there_once_and_whole_however_often_it_is_killed(room: Room, database_url: str) -> None:
    chance, told, asked = Random(7), dict[str, str](), set[str]()
    for _ in range(KILLS):
        for line in await told_until_killed(database_url, 1, chance.randint(1, 60)):  # the same people each time
            asked.add(line[2])
            if line[0] == "told":
                assert line[2] not in told, "of one who was told, nothing is accepted once more"
                told[line[2]] = line[3]
    async with room.database.read() as session:
        rows = (await session.scalars(select(Application))).all()
        events = (await session.scalars(select(ApplicationEvent))).all()
        keys = (await session.scalars(select(IdempotencyRecord))).all()
    stored = {row.person.hex: row.id.hex for row in rows}
    assert told.items() <= stored.items()
    assert stored.keys() <= asked, "what is there beside was asked for, and nobody could be told"
    assert len(stored) == len(rows)
    assert all(row.decide_at == row.created_at and row.status == "SUBMITTED" for row in rows)
    assert sorted(event.application.hex for event in events) == sorted(stored.values())
    assert sorted(key.kept["application"] for key in keys) == sorted(stored.values())
