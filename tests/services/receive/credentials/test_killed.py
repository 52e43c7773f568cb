"""Processes that issue are killed: what they told is there, and no place is given twice."""

from __future__ import annotations

import asyncio
import random  # noqa: TID251 - a seeded schedule of kills, so that one that fails can be repeated
import sys
from pathlib import Path
from typing import Final

from sqlalchemy import select

from core.database import Database
from core.sealed import bound_to
from services.receive.credentials import repository
from services.receive.credentials.models import CredentialStatus, StatusList, WalletCredential
from services.receive.credentials.status import Status, drawn_place
from tests.services.receive.credentials.issuing_process import AGENCY, KEYS, PERSON, PLACES, lists_of

ROOT: Final = Path(__file__).parents[4]
SEED: Final = 20_261_122
ROUNDS: Final = 3


async def killed_after(url: str, lines: int) -> list[tuple[str, int, int]]:
    """What a process told of before it was killed, in the middle of whatever it did then."""
    module = "tests.services.receive.credentials.issuing_process"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "-m", module, url, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    told = [await process.stdout.readline() for _ in range(lines)]
    process.kill()
    told += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    whole = [line.decode().split() for line in told if line.endswith(b"\n")]
    return [(what, int(number), int(place)) for what, number, place in whole]


async def test_what_was_told_is_there_and_no_place_is_given_twice(database: Database, database_url: str) -> None:
    random_, told = random.Random(SEED), list[tuple[str, int, int]]()
    at_once = 1 if database.is_sqlite else 2
    for _ in range(ROUNDS):
        lines = [random_.randrange(5, 60) for _ in range(at_once)]
        for some in await asyncio.gather(*(killed_after(database_url, one) for one in lines)):
            told += some
    issued = [(number, place) for what, number, place in told if what == "issued"]
    revoked = {(number, place) for what, number, place in told if what == "revoked"}
    assert len(set(issued)) == len(issued), f"a place was given twice (seed {SEED})"
    async with database.read() as session:
        kept = {(row.list, row.place) for row in (await session.scalars(select(WalletCredential))).all()}
        statuses = await session.scalars(select(CredentialStatus))
        gone = {(row.list, row.place) for row in statuses.all() if row.status == Status.INVALID}
        lists = {row.number: row for row in (await session.scalars(select(StatusList))).all()}
    assert set(issued) <= kept
    assert revoked <= gone <= kept
    for number, row in lists.items():
        seed = KEYS.open(row.seed_sealed, bound_to=bound_to(StatusList.seed_sealed, AGENCY, number))
        drawn = {(number, drawn_place(seed, count)) for count in range(row.given)}
        assert {one for one in kept if one[0] == number} == drawn, "what was begun and not committed gave none away"
        assert row.given <= PLACES
    async with database.write() as session:
        following = await lists_of(database).give(session, AGENCY, PLACES // 2)
        assert not {(one.list, one.place) for one in following} & kept
    async with database.read() as session:
        assert len(await repository.page(session, PERSON, len(kept) + 1, None)) == len(kept)
