"""Kills workers, sequencers and PostgreSQL with SIGKILL, starts them again, and then asks whether anything was lost.

`script/soak` runs it for long; tests/soak/test_kills.py for a moment.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random  # noqa: TID251 (moments and victims from a seed)
from typing import Any, Final
from uuid import UUID

from core import migrations
from core.attestation.service import Attestor
from core.clock import SystemClock
from core.database import Database
from core.settings import Settings
from services.exchange.access_log.records import AccessEntry, AccessOutcome
from services.exchange.access_log.sequencer import Sequencer
from tests.services.exchange.fakes import KEYS
from tests.soak.frame import DATABASE, Cast, command
from tests.soak.processes import ISSUER, family_of, sequence, verified, work
from tests.support import access_log
from tests.support.sequenced import sequenced

WORKERS: Final = 2
SEQUENCERS: Final = 2
"""Of which one works at a time."""
HOUSEHOLD: Final = "exchange.household"
KEPT_MAX: Final = 200
"""Kept heads that the log is held against, from all of its life."""


@dataclass(slots=True)
class Outcome:
    """What happened, and what was found wrong afterwards: nothing, it is hoped."""

    kills: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    answered: int = 0
    entries: int = 0
    settled: int = 0
    """Entries that were answered at once, and have no outcome of their own."""
    records: int = 0
    heads: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        kills = ", ".join(f"{count} of a {name}" for name, count in sorted(self.kills.items()))
        return (
            f"{sum(self.kills.values())} kills ({kills}): {self.asked:,} questions, {self.answered:,} answers, "
            f"{self.entries:,} entries ({self.settled:,} settled at once), "
            f"{self.records:,} records under {self.heads:,} heads, {len(self.faults)} faults"
        )


def soak(
    url: str, folder: Path, *, kills: int, seed: int, crash: Callable[[], None] | None, say: Callable[[str], None]
) -> Outcome:
    """`crash` kills the database and brings it back; None for one that has no process of its own."""
    chance, outcome = Random(seed), Outcome()
    migrations.upgrade(url, keys=lambda: KEYS)
    driven = Settings(database_url=url).sqlalchemy_url
    asyncio.run(_prepare(driven))

    def part(kind: str, number: int, journal: Path) -> tuple[Callable[..., None], tuple[Any, ...]]:
        if kind == "worker":
            return work, (driven, journal, f"w{number}", chance.randrange(1 << 30))
        return sequence, (driven, journal)

    cast = Cast(folder, chance, "tests.soak.processes", part)
    for kind in ["worker"] * WORKERS + ["sequencer"] * SEQUENCERS:
        cast.start(kind)
    weights = {"worker": 4, "sequencer": 4, DATABASE: 2}
    outcome.kills = cast.play(weights, kills=kills, wait_seconds_max=0.4, crash=crash, say=say)
    asyncio.run(_judge(driven, list(cast.journals()), outcome))
    return outcome


async def _prepare(url: str) -> None:
    database = Database(url)
    await family_of(database)
    await database.close()


async def _judge(url: str, journals: list[list[str]], outcome: Outcome) -> None:
    """No fact without its entry and outcome, no entry without its cause, and nothing lost, doubled or moved."""
    asked = {line[1]: line for line in journals if line[0] == "asked" and len(line) == 4}
    answered = {line[1]: line[2] for line in journals if line[0] == "answered" and len(line) == 3}
    heads = list(dict.fromkeys(line[1] for line in journals if line[0] == "head" and len(line) == 2))
    database = Database(url)
    try:
        await _drain(database)
        entries = {one.id: one for one in await access_log.entries(database, KEYS)}
        outcomes = await access_log.outcomes(database, KEYS)
        await sequenced(database, acknowledged=[*entries, *(one.id for one in outcomes)])
    finally:
        await database.close()
    outcome.faults += _faults(asked, answered, list(entries.values()), outcomes)
    outcome.faults += await verified(url, heads[:: max(1, len(heads) // KEPT_MAX)])
    outcome.asked, outcome.answered = len(asked), len(answered)
    outcome.entries, outcome.heads = len(entries), len(heads)
    outcome.settled = sum(one.settled is not None for one in entries.values())
    outcome.records = len(entries.keys() | {one.id for one in outcomes})


def _faults(
    asked: Mapping[str, list[str]],
    answered: Mapping[str, str],
    entries: Sequence[AccessEntry],
    outcomes: Sequence[AccessOutcome],
) -> Iterator[str]:
    """`asked` has the words of each question's line, `answered` the states that it was told."""
    by_id = {one.id: one for one in entries}
    by_question = {one.asker_id: one for one in entries if one.asker_id != HOUSEHOLD}
    told: dict[UUID, set[str]] = {}
    for outcome in outcomes:
        told.setdefault(outcome.entry, set()).update(outcome.states)
        if outcome.entry not in by_id:
            yield f"the outcome {outcome.id} has no decision"
    for question, states in answered.items():
        yield from _of_answer(question, states, by_question.get(question), told)
    for entry in entries:
        if entry.asker_id == HOUSEHOLD:
            if entry.caused_by not in by_id:
                yield f"the entry {entry.id} about a household names a cause that is not there"
            if entry.settled is not None:
                yield f"the entry {entry.id} about a household says what came of it before anything was read"
        elif entry.asker_id not in asked:
            yield f"the entry {entry.id} is of a question that nobody asked"
        elif entry.subject.hex != asked[entry.asker_id][2]:
            yield f"{entry.asker_id} is entered about another person"
    if len(by_question) != sum(1 for one in entries if one.asker_id != HOUSEHOLD):
        yield "a question has two entries"


def _of_answer(question: str, states: str, entry: AccessEntry | None, told: Mapping[UUID, set[str]]) -> Iterator[str]:
    names = {part.partition("=")[0] for part in states.split(",")}
    if entry is None:
        yield f"{question} was answered, and has no entry"
    elif not names <= set(entry.attributes):
        yield f"{question} was told of what its entry does not name"
    elif entry.decision == "ALLOWED" and not names <= told.get(entry.id, set()):
        yield f"{question} was told what no outcome names"
    elif entry.decision != "ALLOWED" and states.count("=DENIED") != len(names):
        yield f"{question} was refused, and told"


async def _drain(database: Database) -> None:
    """Until rounds find nothing, thrice: the first after a crash may only look around."""
    attestor = Attestor(database, KEYS, SystemClock(), ISSUER)
    sequencer, idle = Sequencer(database, attestor, SystemClock(), ISSUER), 0
    while idle < 3:
        idle = 0 if await sequencer.round() else idle + 1


if __name__ == "__main__":
    command(soak, "script/soak", __doc__)
