"""What it costs to take a motor policy and to check a vehicle, beside what nobody can do without.

The plugin `oic` in this process, over SQLite, as a server runs it: sendings through the desk of records, checks through
the runner. Beside the intake stand reading the lines as JSON, and writing bare rows into a table with the same indexes;
beside the check, and beside what the Department of Land Transport asks of one vehicle (without the exchange before it),
the bare query on a table of the same rows.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from core import migrations
from core.clock import SystemClock
from core.crypto import load_keys
from core.database import Database
from core.ids import NationalId
from core.settings import Settings
from services.agencies.oic.vehicles import plate_key
from services.exchange.catalogue import load_catalogue
from services.plugins.contract import Host
from services.plugins.plugin import HostNames, Plugin
from services.plugins.records.lines import lines_of
from services.plugins.records.service import RecordDesk, Sending
from services.plugins.registry import Registry
from services.plugins.runner import Runner
from services.plugins.store.stores import Stores
from services.sandbox.folders import AGENCIES
from tests.support.plugins.far_side import NoAgency

LINES_A_SENDING: Final = 5_000
READ, ROWS, INTAKE = "read a line as JSON", "write a bare row", "take a policy"
QUERY, CHECK, COVER = "a bare query", "check a vehicle", "ask for road tax"
FLOORS: Final = {READ: ROWS, INTAKE: ROWS, CHECK: QUERY, COVER: QUERY}
OWNER: Final = NationalId("0000000000001")
_LETTERS: Final = "กขคฆงจฉชซ"


@dataclass(frozen=True, slots=True)
class InsuranceSize:
    rounds: int
    policies: int
    """Of each round."""
    checks: int


@dataclass(frozen=True)
class Office:
    plugin: Plugin
    desk: RecordDesk
    runner: Runner

    async def send(self, operation: str, key: str, body: bytes) -> None:
        outcome = await self.desk.take(Sending(self.plugin, operation, "bench", key, body, lines_of(body)))
        assert not outcome.rejected
        assert outcome.interrupted is None


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Office]:
    settings, clock = Settings(data=folder), SystemClock()
    migrations.upgrade(settings.sqlalchemy_url)
    database, keys = Database(settings.sqlalchemy_url), load_keys(settings)
    owned = {one.id: one.steward for one in load_catalogue().attributes.values() if one.derived is None}
    plugin = Registry(HostNames(frozenset(), frozenset(), frozenset()), owned).load(AGENCIES / "oic")
    stores = Stores(database, keys, clock, folder / "plugins")
    runner = Runner(lambda _: Host(clock, NoAgency(), store=stores.of(plugin)))
    office = Office(plugin, RecordDesk(database, clock, keys, runner, lambda: [plugin]), runner)
    insurer = {"code": "SKP", "nameTh": "ศุภกร", "nameEn": "Suphakon", "reportedAt": "2000-01-01T00:00:00Z"}
    await office.send("insurers", "the-insurers", json.dumps(insurer).encode())
    yield office
    await stores.close()
    await database.close()


def policy(number: int) -> dict[str, Any]:
    start = SystemClock().today().replace(day=1)
    letters = _LETTERS[number // 9_999 % 9] + _LETTERS[number // 89_991 % 9]
    return {
        "number": f"SKP{number:012d}",
        "insurer": "SKP",
        "class": "compulsory",
        "vehicleClass": "1.10",
        "holder": "0000000000001",
        "chassis": f"MXC{number:014d}",
        "plate": f"{1 + number // 809_919}{letters} {1 + number % 9_999}",
        "province": "10",
        "start": f"{start}",
        "end": f"{start.replace(year=start.year + 1)}",
        "status": "active",
        "reportedAt": f"{start}T00:00:00+07:00",
    }


def bare(path: Path) -> sqlite3.Connection:
    """A table with what a check looks at, and its three indexes."""
    file = sqlite3.connect(path)
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("CREATE TABLE policy (number TEXT PRIMARY KEY, chassis TEXT, plate TEXT, province TEXT, until TEXT)")
    file.execute("CREATE INDEX by_chassis ON policy (chassis)")
    file.execute("CREATE INDEX by_plate ON policy (plate, province)")
    return file


async def measure(office: Office, file: sqlite3.Connection, size: InsuranceSize, turn: int) -> Mapping[str, float]:
    """One round: CPU microseconds each, by what was done. Odd numbers of policies are never sent: half of the checks
    are about vehicles that nobody knows."""
    numbers = range(turn * size.policies * 2, (turn + 1) * size.policies * 2, 2)
    rows = [policy(number) for number in numbers]
    lines = [json.dumps(row, ensure_ascii=False).encode() for row in rows]
    found: dict[str, float] = {}
    with _timed(found, READ, len(lines)):
        for line in lines:
            json.loads(line)
    with _timed(found, ROWS, len(rows)), file:
        file.executemany(
            "INSERT INTO policy VALUES (?, ?, ?, ?, ?)",
            [(row["number"], row["chassis"], plate_key(row["plate"]), row["province"], row["end"]) for row in rows],
        )
    bodies = [b"\n".join(lines[at : at + LINES_A_SENDING]) for at in range(0, len(lines), LINES_A_SENDING)]
    with _timed(found, INTAKE, len(rows)):
        for place, body in enumerate(bodies):
            await office.send("reports", f"sending-{turn}-{place}", body)
    asked = [policy(numbers[n % len(numbers)] + n % 2) for n in range(size.checks)]
    with _timed(found, QUERY, len(asked)):
        known = [
            file.execute(
                "SELECT 1 FROM policy WHERE plate = ? AND province = ? AND until > ? LIMIT 1",
                (plate_key(one["plate"]), one["province"], one["start"]),
            ).fetchone()
            is not None
            for one in asked
        ]
    with _timed(found, CHECK, len(asked)):
        told = [
            await office.runner.run(
                office.plugin, "check", asker="bench", arguments={"plate": one["plate"], "province": one["province"]}
            )
            for one in asked
        ]
    assert [one["covered"] for one in told] == known
    with _timed(found, COVER, len(asked)):
        covers = [
            await office.runner.run(
                office.plugin, "vehicleCover", asker="bench", person=OWNER, arguments={"chassis": [one["chassis"]]}
            )
            for one in asked
        ]
    assert [one["vehicles"][0]["covered"] for one in covers] == known
    assert any(known)
    return found


async def bench(folder: Path, size: InsuranceSize, say: Callable[[str], None]) -> dict[str, list[float]]:
    """Measures and prints; answers CPU microseconds of each round, by what was done."""
    found: dict[str, list[float]] = defaultdict(list)
    async with opened(folder) as office:
        with closing(bare(folder / "bare.sqlite")) as file:
            for turn in range(size.rounds):
                say(f"insurance, round {turn + 1} of {size.rounds}")
                for name, each in (await measure(office, file, size, turn)).items():
                    found[name].append(each)
    print(f"\ninsurance on SQLite, {size.rounds} rounds of {size.policies:,} policies and {size.checks:,} checks;")
    print("CPU µs each: median (least–most), how many a second of one core, ratio to the floor")
    for name, rounds in found.items():
        each = median(rounds)
        ratio = f"  ×{each / median(found[FLOORS[name]]):.1f} {FLOORS[name]}" if name in FLOORS else ""
        print(f"  {name:<22}{each:>9.1f} ({min(rounds):.1f}–{max(rounds):.1f}){1e6 / each:>12,.0f}/s{ratio}")
    return found


@contextmanager
def _timed(found: dict[str, float], name: str, times: int) -> Iterator[None]:
    """Adds what the block took of this process's CPU, for each."""
    began = time.process_time()
    yield
    found[name] = (time.process_time() - began) / times * 1e6
