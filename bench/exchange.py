"""Facts through the gate, and what the access log adds to them: in this process, on its CPU clock and the database's.

Each way is measured in turn within every round, so that what else the machine does meets them alike. The gate without
its log is the same gate with a log that writes nothing: nobody runs that, it is the floor.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import UUID

from core import migrations
from core.attestation.service import Attestor
from core.cache import open_redis
from core.clock import SystemClock
from core.crypto import KeyRing
from core.database import Database
from core.ids import NationalId, check_digit
from core.settings import Settings
from core.text import Text
from identity.people import PeopleRegister
from services.exchange.access_log.commits import Commits
from services.exchange.access_log.sequencer import SEQUENCED_EVERY, Sequencer
from services.exchange.catalogue import Attribute, Catalogue, load_catalogue
from services.exchange.catalogue.values import Kind
from services.exchange.facts import Asker, AskerKind, Reading
from services.exchange.gate import ExchangeGate
from tests.support.postgres import Postgres
from tests.support.valkey import Valkey

KEYS: Final = KeyRing("bench", {"bench": bytes(range(32))}, bytes(range(32, 64)))
ISSUER: Final = "http://localhost:8000"
FACTS: Final = 20
PURPOSE: Final = "welfare-decision"
PEOPLE: Final = 200
IN_FLIGHT: Final = (1, 16)
AS_OF: Final = datetime(2026, 11, 1, tzinfo=UTC)
WITHOUT, WRITTEN, SEQUENCED = "without the log", "log", "log, sequenced"
_PER_TICK: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ExchangeSize:
    rounds: int
    batches: int
    """Of each way, in each round, with 16 in flight; alone, a quarter."""
    records: int
    """That wait for a sequencer at once."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one batch: CPU milliseconds of this process and of the database's, and how many in a second."""

    own_ms: float
    database_ms: float
    per_second: float


class Steward:
    """Answers at once: what an agency takes is not ours."""

    def __init__(self, agency: str, attributes: Sequence[Attribute]) -> None:
        self.agency, self.provides = agency, frozenset(one.id for one in attributes)
        self._file = {one.id: Reading(_value(one), AS_OF) for one in attributes}

    async def read(self, _person: NationalId, attributes: Collection[str]) -> Mapping[str, Reading]:
        return {name: self._file[name] for name in attributes}


class NoCommits(Commits):
    """Writes nothing."""

    async def commit(self, records: object) -> None:
        """Done."""


class NoCache:
    """Knows nothing, so that every fact comes from its source."""

    async def get_many(self, people: Collection[UUID], *_wanted: object) -> dict[UUID, dict[str, Any]]:
        return {person: {} for person in people}

    async def put_many(self, *_kept: object) -> None:
        """Forgotten."""


async def bench(folder: Path, footings: Sequence[str], size: ExchangeSize, *, say: Callable[[str], None]) -> None:
    """Measures and prints."""
    for footing in footings:
        with _database(folder, footing) as (url, cluster), Valkey.running() as valkey:
            migrations.upgrade(url, keys=lambda: KEYS)
            database, redis = Database(Settings(database_url=url).sqlalchemy_url), open_redis(valkey.url)
            try:
                runs = _Runs(database, redis, cluster, size)
                await runs.prepare()
                for cached in (True, False):
                    for in_flight in IN_FLIGHT:
                        how = "from the cache" if cached else "from their sources"
                        say(f"{footing}: facts {how}, {in_flight} in flight")
                        await runs.measure(f"{footing}, {how}", in_flight, cached=cached)
                say(f"{footing}: {size.records:,} records are sequenced")
                await runs.sequence(footing)
            finally:
                await redis.aclose()
                await database.close()


class _Runs:
    def __init__(self, database: Database, redis: Any, cluster: Postgres | None, size: ExchangeSize) -> None:
        self._database, self._redis, self._cluster, self._size = database, redis, cluster, size
        self._clock, self._catalogue = SystemClock(), load_catalogue()
        self._attributes = _chosen(self._catalogue)
        stewards = {one.steward for one in self._attributes}
        self._sources = [Steward(s, [one for one in self._attributes if one.steward == s]) for s in sorted(stewards)]
        self._people: list[UUID] = []
        self._sequencer = Sequencer(database, Attestor(database, KEYS, self._clock, ISSUER), self._clock, ISSUER)

    async def prepare(self) -> None:
        """People whose facts are in the cache, and who have keys."""
        register = PeopleRegister(KEYS, self._clock)
        numbers = [f"1{number:011d}" for number in range(PEOPLE)]
        ids = [NationalId(twelve + str(check_digit(twelve))) for twelve in numbers]
        async with self._database.write() as session:
            found = await register.resolve(session, ids)
        self._people = [found[one.digits] for one in ids]
        await self._batches(self._gate(cached=True, logged=True), 2 * PEOPLE, 16)
        for _ in range(3):
            await self._sequencer.run()

    async def measure(self, name: str, in_flight: int, *, cached: bool) -> None:
        gates = {way: self._gate(cached=cached, logged=way is not WITHOUT) for way in (WITHOUT, WRITTEN, SEQUENCED)}
        count = self._size.batches if in_flight > 1 else self._size.batches // 4
        costs: dict[str, list[Cost]] = defaultdict(list)
        for _ in range(self._size.rounds):
            for way, gate in gates.items():
                async with self._sequencing(way is SEQUENCED):
                    costs[way].append(await self._cost(gate, count, in_flight))
        print(f"\n{name}, {in_flight} in flight, batches of {FACTS} facts: median (least–most) of {self._size.rounds}")
        for way, of_way in costs.items():
            facts = median(one.per_second for one in of_way) * FACTS
            print(
                f"  {way:<16} {_spread([one.own_ms for one in of_way])} CPU ms a batch, "
                f"{_spread([one.database_ms for one in of_way])} of the database's; {facts:,.0f} facts a second",
            )
        for way in (WRITTEN, SEQUENCED):
            own, of_database = (
                median(
                    getattr(mine, part) - getattr(floor, part)
                    for mine, floor in zip(costs[way], costs[WITHOUT], strict=True)
                )
                for part in ("own_ms", "database_ms")
            )
            print(f"  {way} adds      {own:.3f} CPU ms a batch, {of_database:.3f} of the database's", flush=True)

    async def sequence(self, name: str) -> None:
        """How fast what waits gets its places."""
        await self._sequencer.run()
        gate = self._gate(cached=True, logged=True)
        await self._batches(gate, self._size.records // 2, 64)
        began, worked = time.perf_counter(), self._cpu()
        placed = await self._sequencer.run()
        seconds, (own, of_database) = time.perf_counter() - began, self._cpu()
        own, of_database = own - worked[0], of_database - worked[1]
        print(
            f"\n{name}: {placed:,} records sequenced in {seconds:.2f} s, {placed / seconds:,.0f} a second; "
            f"{own / placed * 1e6:.1f} CPU µs each, {of_database / placed * 1e6:.1f} of the database's",
            flush=True,
        )

    def _gate(self, *, cached: bool, logged: bool) -> ExchangeGate:
        gate = ExchangeGate(
            database=self._database,
            clock=self._clock,
            keys=KEYS,
            redis=self._redis,
            people=PeopleRegister(KEYS, self._clock),
            catalogue=self._catalogue,
            sources=lambda: self._sources,
        )
        if not cached:
            gate._reader._cache = NoCache()  # type: ignore[assignment]  # noqa: SLF001 - the gate has no such switch
        if not logged:
            gate._log._commits = NoCommits(self._database, KEYS)  # noqa: SLF001 - nor this
        return gate

    async def _cost(self, gate: ExchangeGate, count: int, in_flight: int) -> Cost:
        began, worked = time.perf_counter(), self._cpu()
        await self._batches(gate, count, in_flight)
        seconds, (own, of_database) = time.perf_counter() - began, self._cpu()
        return Cost((own - worked[0]) / count * 1000, (of_database - worked[1]) / count * 1000, count / seconds)

    async def _batches(self, gate: ExchangeGate, count: int, in_flight: int) -> None:
        names, purpose = [one.id for one in self._attributes], self._catalogue.purposes[PURPOSE].purpose
        numbers = iter(range(count))

        async def one_after_the_other() -> None:
            for number in numbers:
                person = self._people[number % PEOPLE]
                label = Text(th="ระบบสวัสดิการ", en="The welfare platform")
                asker = Asker(AskerKind.SYSTEM, "welfare", "dla", label, applicant=person)
                facts = await gate.facts(person, names, asker=asker, purpose=purpose)
                assert all(fact.known for fact in facts.values()), facts

        await asyncio.gather(*(one_after_the_other() for _ in range(in_flight)))

    @asynccontextmanager
    async def _sequencing(self, wanted: bool) -> AsyncIterator[None]:
        async def over_and_over() -> None:
            while True:
                await asyncio.sleep(SEQUENCED_EVERY.total_seconds())
                await self._sequencer.run()

        task = asyncio.create_task(over_and_over()) if wanted else None
        yield
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._sequencer.run()

    def _cpu(self) -> tuple[float, float]:
        """Seconds of this process, and of the database's processes."""
        return time.process_time(), _seconds_of(self._cluster) if self._cluster is not None else 0.0


@contextmanager
def _database(folder: Path, footing: str) -> Iterator[tuple[str, Postgres | None]]:
    with ExitStack() as stack:
        if footing == "sqlite":
            file = folder / "exchange.sqlite"
            yield f"sqlite:///{file}", None
        else:
            cluster = stack.enter_context(Postgres.running(durable=True))
            yield cluster.create("exchange"), cluster


def _seconds_of(cluster: Postgres) -> float:
    """What its processes have used; none of them ends while it is measured."""
    leader = (cluster.data / "postmaster.pid").read_text().split()[0]
    ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if leader in (process.name, after_name[1]):
            ticks += int(after_name[11]) + int(after_name[12])
    return ticks / _PER_TICK


def _chosen(catalogue: Catalogue) -> list[Attribute]:
    purpose = catalogue.purposes[PURPOSE]
    askable = [one for one in catalogue.attributes.values() if one.derived is None and not one.is_tie]
    plain = [one for one in askable if purpose.covers(one)]
    kinds = (Kind.BOOL, Kind.DATE, Kind.INT, Kind.MONEY, Kind.CODE)
    return [one for one in plain if one.type.kind in kinds and one.subject == "person"][:FACTS]


def _value(attribute: Attribute) -> Any:
    kind = attribute.type
    match kind.kind:
        case Kind.BOOL:
            return True
        case Kind.DATE:
            return date(1990, 5, 1)
        case Kind.CODE:
            return kind.codes[0]
        case Kind.MONEY:
            return {"satang": max(kind.minimum, 0), "currency": "THB"}
        case _:
            return max(kind.minimum, 1)


def _spread(figures: Sequence[float]) -> str:
    return f"{median(figures):.3f} ({min(figures):.3f}–{max(figures):.3f})"
