"""What a process does that appends to the access log, or sequences it, until it is killed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Final
from uuid import UUID

import structlog

from core.attestation.service import Attestor
from core.clock import SystemClock
from core.crypto import KeyRing
from core.database import Database
from core.database_faults import DatabaseUnavailable
from core.ids import new_id
from core.jobs import Job, repeating
from services.exchange.access_log.commits import Commits
from services.exchange.access_log.records import AccessEntry
from services.exchange.access_log.sequencer import SEQUENCED_EVERY, Sequencer

KEYS: Final = KeyRing("k1", {"k1": bytes(range(32))}, bytes(range(32, 64)))
ISSUER: Final = "http://localhost"
WRITERS: Final = 25
SUBJECTS: Final = 40
"""Few, so that writers meet on them."""
_AT: Final = datetime(2026, 11, 16, 3, 0, tzinfo=UTC)


def sequencer_of(database: Database) -> Sequencer:
    clock = SystemClock()
    return Sequencer(database, Attestor(database, KEYS, clock, ISSUER), clock, ISSUER)


def entry(subject: UUID) -> AccessEntry:
    return AccessEntry(
        subject=subject, id=new_id(), at=_AT, asker_kind="SYSTEM", asker_id="welfare", asker_agency="dla",
        asker_label={"th": "ระบบ", "en": "A system"}, request=None, caused_by=None, purpose="welfare-check",
        basis="PUBLIC_TASK", consent=None, attributes=["name"], decision="ALLOWED", reason=None, salt=bytes(32),
    )  # fmt: skip


async def write(commits: Commits, number: int, acknowledged: Connection) -> None:
    turn = 0
    while True:
        turn += 1
        records = [entry(UUID(int=(number + turn * step) % SUBJECTS + 1)) for step in range(1 + turn % 3)]
        try:
            await commits.commit(records)
        except DatabaseUnavailable:
            await asyncio.sleep(0.05)
            continue
        acknowledged.send_bytes(b"".join(record.id.bytes for record in records))


async def work(url: str, writers: int, acknowledged: Connection, *, sequences: bool) -> None:
    """Sends the ids of records, 16 bytes each, once they are acknowledged."""
    database = Database(url)
    jobs = [Job("sequence", SEQUENCED_EVERY, sequencer_of(database).run)] if sequences else []
    async with repeating(jobs):
        commits = Commits(database, KEYS)
        await asyncio.gather(
            *(write(commits, number, acknowledged) for number in range(writers)), asyncio.Event().wait()
        )


def begin(url: str, writers: int, acknowledged: Connection, sequences: bool) -> None:
    """The process's own main."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    asyncio.run(work(url, writers, acknowledged, sequences=sequences))
