"""`script/bench accept`: how many applications are taken durably over HTTP and the graph, and what each costs.

Sitthi on PostgreSQL (with its own defaults for the disk) and Valkey, agencies in another process, the load generator in
one more (bench/flood.py); all of them on the same processors, and the CPU of each is told apart. People of the made-up
population, each with a token of their own and a fresh key for each application, apply for programmes one after the
other; for the first of them the server meets their tokens for the first time. Only answers that say SUBMITTED (or, of
those that are decided at once, that name no problem) count, and after each run the rows are counted.

What is compared, in one run: `decide: NOW`; SOON as the graph executes it; SOON on the quick way. And apart from HTTP,
in one process: the group beside the same rows written by the ORM, one transaction for each application.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import UUID, uuid4

import httpx2
import orjson
import psycopg

from bench.citizens import grown_ups
from bench.load import Request, family_cpu_seconds
from bench.processes import Site, System, systems
from core import migrations
from core.cache import open_redis
from core.clock import SystemClock
from core.crypto import load_keys
from core.database import Database
from core.group_commit import GroupCommit
from core.idempotency import Claim
from core.ids import NationalId, new_id
from core.models import IdempotencyRecord
from core.settings import Settings
from core.text import Text
from identity.provider.clients import DEMO_APP, GRAPH_AUDIENCE
from identity.provider.verifier import ACCESS_TOKEN_TYPE
from identity.routes import Identity
from services.apply.acceptance.kind import Acceptances, Accepted
from services.apply.models import ApplicationEvent
from services.apply.states import Action, Status
from tests.services.exchange.fakes import KEYS

PROGRAMMES: Final = ("state-welfare-card", "disability-allowance", "aids-allowance", "section-33-maternity")
APPLY: Final = """
mutation Apply($input: ApplyInput!) {
  apply(input: $input) { application { id status dueOn title } problems { code message } }
}
"""
CONNECTIONS: Final = 64
_TOKEN_SECONDS: Final = 3_600
_SUBMITTED, _NO_PROBLEM = '"status":"SUBMITTED"', '"problems":[]'


@dataclass(frozen=True, slots=True)
class AcceptSize:
    people: int
    """Who apply, for four programmes each."""
    now: int
    """How many of them are decided at once."""
    rate: int
    """Applications a second that are due by the clock."""
    rows: int
    """Of each measure without HTTP."""
    workers: int = 2


async def bench(folder: Path, size: AcceptSize, *, say: Callable[[str], None]) -> None:
    """Measures and prints."""
    site = Site(folder, size.people * 3, SystemClock().today())
    with systems(site, ["postgresql"], workers=size.workers, SITTHI_RATE_LIMIT_SCALE="100000") as [system]:
        say("people get their tokens")
        tokens = await _tokens(system, grown_ups(site.population, size.people))
        print(f"\napplications over HTTP, {size.workers} workers, {CONNECTIONS} connections, PostgreSQL and Valkey:")
        few = tokens[: size.now]
        await _measured(system, folder, "decided now", few, PROGRAMMES[:1], decide="NOW", sign=_NO_PROBLEM)
        _empty(system)
        await _measured(system, folder, "SOON, executed", few, PROGRAMMES[:2], decide="SOON", path="/graphql?executed")
        _empty(system)
        say("the quick way")
        await _measured(system, folder, "SOON, quick, new tokens", tokens, PROGRAMMES[:1], decide="SOON")
        await _measured(system, folder, "SOON, quick", tokens, PROGRAMMES[1:3], decide="SOON")
        await _measured(
            system,
            folder,
            f"SOON, quick, {size.rate:,} a second",
            tokens,
            PROGRAMMES[3:],
            decide="SOON",
            rate=size.rate,
        )
        _empty(system)
        assert system.postgres is not None
        url = system.postgres.create("rows")  # where no server is that would decide them
        await asyncio.to_thread(migrations.upgrade, url, keys=lambda: KEYS)
        await _rows(Settings(database_url=url).sqlalchemy_url, size.rows, say)


async def _measured(
    system: System,
    folder: Path,
    name: str,
    tokens: Sequence[str],
    programmes: Sequence[str],
    *,
    decide: str,
    path: str = "/graphql",
    rate: float = 0,
    sign: str = _SUBMITTED,
) -> Mapping[str, float]:
    wires: list[list[str]] = [[] for _ in range(CONNECTIONS)]
    for programme in programmes:
        for number, token in enumerate(tokens):
            given = {"programme": programme, "idempotencyKey": uuid4().hex, "decide": decide}
            body = orjson.dumps({"query": APPLY, "operationName": "Apply", "variables": {"input": given}})
            wires[number % CONNECTIONS].append(Request.post(path, body, token=token).wire.hex())
    file = folder / f"wires-{uuid4().hex}"
    file.write_text("\n".join(" ".join(some) for some in wires))
    await _known(system)
    there = _count(system)
    clocks = {"Sitthi": lambda: family_cpu_seconds(system.process.pid), **system.helpers}
    before = {one: read() for one, read in clocks.items()}
    words = [sys.executable, "-m", "bench.flood", str(file), str(system.process.port), str(rate), sign]
    done = await asyncio.to_thread(subprocess.run, words, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    total = found["requests"]
    spent = {one: (read() - before[one]) * 1000 / total for one, read in clocks.items()}
    stored = _count(system) - there
    if found["wrong"] or stored != total:
        raise RuntimeError(f"{name}: {found['wrong']} of {total} were wrong, {stored} stored: {found['first_wrong']}")
    cpu = ", ".join(f"{one} {each:.3f}" for one, each in spent.items())
    print(
        f"  {name:<36}{found['rate']:>8,.0f} a second, p50 {found['p50_ms']:.1f} p99 {found['p99_ms']:.1f} max "
        f"{found['max_ms']:.0f} ms; CPU ms each: {cpu}, generator {found['cpu_ms']:.3f} ({total:,} applications)",
        flush=True,
    )
    return {"rate": found["rate"], "p99_ms": found["p99_ms"], **spent}


async def _known(system: System) -> None:
    """Each worker meets the document before it is measured: nobody is signed in, and nothing is stored."""
    body = {"query": APPLY, "operationName": "Apply", "variables": {"input": {"idempotencyKey": "x" * 8}}}
    for _ in range(40):
        async with httpx2.AsyncClient(base_url=system.process.url, trust_env=False) as http:
            await http.post("/graphql", json=body)


def _count(system: System) -> int:
    assert system.postgres is not None
    with closing(psycopg.connect(system.postgres.url("sitthi"))) as connection:
        row = connection.execute("SELECT count(*) FROM application WHERE status <> 'WITHDRAWN'").fetchone()
    return 0 if row is None else int(row[0])


def _empty(system: System) -> None:
    """What was applied for does not stand in the way of the next measure, nor is it decided beside it."""
    assert system.postgres is not None
    with psycopg.connect(system.postgres.url("sitthi")) as connection:
        connection.execute("UPDATE application SET status = 'WITHDRAWN', decide_at = NULL")


async def _tokens(system: System, people: Sequence[NationalId]) -> list[str]:
    """As the token endpoint makes them, of people whom the register knows from now on."""
    environment = system.process.environment
    settings = Settings(
        data=Path(environment["SITTHI_DATA"]), port=system.process.port, database_url=environment["SITTHI_DATABASE_URL"]
    )
    clock, keys, redis = SystemClock(), load_keys(settings), open_redis(None)
    db = Database(settings.sqlalchemy_url)
    async with httpx2.AsyncClient() as http:
        identity = Identity(settings, db, clock, keys, http, redis=redis)
        signer = await identity.signing.signer()
        made: list[str] = []
        for start in range(0, len(people), 500):
            async with db.write() as session:
                known = await identity.people.resolve(session, people[start : start + 500])
            for person in known.values():
                now = int(clock.now().timestamp())
                claims = {
                    "iss": settings.issuer,
                    "sub": identity.subjects.of(person, DEMO_APP),
                    "aud": settings.issuer + GRAPH_AUDIENCE,
                    "client_id": DEMO_APP,
                    "scope": "openid profile citizen",
                    "iat": now,
                    "exp": now + _TOKEN_SECONDS,
                    "auth_time": now,
                    "acr": "ial2.3-aal2.1",
                    "jti": new_id().hex,
                    "family": new_id().hex,
                }
                made.append(signer.sign(claims, typ=ACCESS_TOKEN_TYPE))
    await redis.aclose()
    await db.close()
    return made


async def _rows(url: str, rows: int, say: Callable[[str], None]) -> None:
    """The same rows in one process: CPU of that process alone, that is without PostgreSQL's own."""
    db = Database(url, pool_size=CONNECTIONS)
    group = GroupCommit(Acceptances(db))
    ways: dict[str, Callable[[Accepted], Any]] = {"group": group.submit, "ORM": lambda one: _by_orm(db, one)}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(3):
        say(f"without HTTP, round {number + 1} of 3")
        for name, way in ways.items():
            some = [_made(new_id()) for _ in range(rows if name == "group" else rows // 10)]
            wall, cpu = time.perf_counter(), time.process_time()
            await _waiting(way, some)
            spent = time.process_time() - cpu, time.perf_counter() - wall
            found[name].append((len(some) / spent[1], spent[0] * 1000 / len(some)))
    await db.close()
    print(f"\nthe same rows in one process without HTTP, {CONNECTIONS} waiting:")
    cpu_of = {}
    for name, rounds in found.items():
        cpu_of[name] = median(cpu for _, cpu in rounds)
        print(f"  {name:<8}{median(rate for rate, _ in rounds):>8,.0f} a second, {cpu_of[name]:.3f} ms of CPU each")
    print(f"  ORM ×{cpu_of['ORM'] / cpu_of['group']:.1f} the CPU of the group", flush=True)


async def _waiting(way: Callable[[Accepted], Any], some: Sequence[Accepted]) -> None:
    turn = iter(some)

    async def one() -> None:
        for each in turn:
            await way(each)

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))


def _made(person: UUID) -> Accepted:
    claim = Claim(person, DEMO_APP, "apply", uuid4().hex, b"h" * 32)
    return Accepted(
        claim, new_id(), "programme:bench", Text(th="ทดสอบ", en="test"), b"s" * 60, SystemClock().now(), None
    )


async def _by_orm(db: Database, one: Accepted) -> None:
    async with db.write() as session:
        kept = {"application": one.id.hex}
        session.add(
            IdempotencyRecord(
                citizen=one.person,
                client=one.claim.client,
                field=one.claim.field,
                key=one.claim.key,
                input_hash=one.claim.input_hash,
                kept=kept,
                created_at=one.at,
            )
        )
        session.add(one.row())
        await session.flush()
        step: dict[str, Any] = {"sequence": 1, "at": one.at, "action": Action.SUBMIT, "status": Status.SUBMITTED}
        session.add(ApplicationEvent(person=one.person, application=one.id, **step))
