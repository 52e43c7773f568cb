"""What is killed: a worker that asks the gate for facts, and a sequencer. Each writes down what it did as it does it.

A journal is a file that is appended to by one `write` each: what was written there, a killed process did before.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random  # noqa: TID251 (questions from a seed)
from typing import Any, Final
from uuid import UUID

from core.attestation.service import Attestor
from core.cache import open_redis
from core.clock import SystemClock
from core.database import Database
from core.jobs import Job, repeating
from core.text import Text
from services.exchange.access_log.sequencer import Sequencer
from services.exchange.access_log.verify import verify_log
from services.exchange.facts import WELFARE_CHECK, WELFARE_DECISION, Asker, AskerKind, Purpose
from tests.services.exchange.fakes import KEYS, Exchange

ISSUER: Final = "http://localhost:8000"
ATTRIBUTES: Final = (["birth_date"], ["birth_date", "nationality"], ["household_income"], ["annual_income"])
TOGETHER: Final = 6
"""Questions that a worker has under way."""
REFUSED: Final = 0.1
"""Of all questions: for a purpose that is not for systems."""
LABEL: Final = Text(th="ระบบสวัสดิการ", en="The welfare platform")


async def family_of(database: Database) -> Exchange:
    """The gate over sources that know one family; the same people in every process."""
    made = Exchange(database, open_redis(None), SystemClock())  # type: ignore[arg-type]
    await made.family()
    return made


def work(url: str, journal: Path, name: str, seed: int) -> None:
    """Asks for facts for ever: `asked <question>` before, `answered <question> <attributes>` when it is told."""
    _for_ever(_work(url, journal, name, seed))


async def _work(url: str, journal: Path, name: str, seed: int) -> None:
    database = Database(url)
    exchange = await _until_there(lambda: family_of(database))
    subjects = sorted(exchange.keys.values())

    async def one(lane: int) -> None:
        chance, number = Random(seed * TOGETHER + lane), 0
        while True:
            number += 1
            question = f"{name}-{lane}-{number}"
            purpose = WELFARE_CHECK if chance.random() < REFUSED else WELFARE_DECISION
            await _ask(exchange, journal, question, chance.choice(subjects), chance.choice(ATTRIBUTES), purpose)
            if chance.random() < 0.2:
                await exchange.redis.flushall()
            await asyncio.sleep(0)

    with journal.open("ab", buffering=0) as file:
        file.write(b"begun\n")
    await asyncio.gather(*(one(lane) for lane in range(TOGETHER)))


async def _ask(
    exchange: Exchange, journal: Path, question: str, subject: UUID, attributes: Sequence[str], purpose: Purpose
) -> None:
    asker = Asker(AskerKind.SYSTEM, question, "dla", LABEL)
    with journal.open("ab", buffering=0) as file:
        file.write(f"asked {question} {subject.hex} {','.join(attributes)}\n".encode())
        try:
            facts = await exchange.gate.facts(subject, attributes, asker=asker, purpose=purpose)
        except Exception:  # noqa: BLE001 - whatever a crash makes of a question, it was not answered
            await asyncio.sleep(0.05)
            return
        states = ",".join(f"{name}={fact.state}" for name, fact in sorted(facts.items()))
        file.write(f"answered {question} {states}\n".encode())


def sequence(url: str, journal: Path) -> None:
    """Rounds for ever, as a server does them; every head that it sees afterwards is kept in the journal."""
    _for_ever(_sequence(url, journal))


async def _sequence(url: str, journal: Path) -> None:
    database = Database(url)
    clock = SystemClock()
    attestor = Attestor(database, KEYS, clock, ISSUER)
    sequencer = Sequencer(database, attestor, clock, ISSUER)
    with journal.open("ab", buffering=0) as file:
        file.write(b"begun\n")
        async with repeating([Job("sequence", timedelta(milliseconds=20), sequencer.run)]):
            while True:
                await asyncio.sleep(0.1)
                head = await _newest(database)
                if head is not None:
                    file.write(f"head {head}\n".encode())


async def _newest(database: Database) -> str | None:
    from services.exchange.access_log.proofs import TreeReader  # noqa: PLC0415 - beside what it is for

    try:
        head = await TreeReader(database).head()
    except Exception:  # noqa: BLE001 - the database is away
        return None
    return head.signed if head is not None else None


async def _until_there(make: Any) -> Exchange:
    while True:
        try:
            made: Exchange = await make()
        except Exception:  # noqa: BLE001 - the database is away
            await asyncio.sleep(0.05)
        else:
            return made


def _for_ever(work: Coroutine[Any, Any, None]) -> None:
    os.setpgid(0, 0)
    asyncio.run(work)


async def verified(url: str, kept: Sequence[str]) -> list[str]:
    """What is wrong with the log, held against these heads."""
    database = Database(url)
    try:
        report = await verify_log(database, Attestor(database, KEYS, SystemClock(), ISSUER), kept=kept, processes=1)
    finally:
        await database.close()
    return [f"{one.code}: {one.sentence}" for one in report.findings] + (
        [f"{report.waiting} records have no place"] if report.waiting else []
    )
