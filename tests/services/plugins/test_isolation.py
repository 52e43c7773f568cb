"""An agency that hangs, floods, dies or lies takes nothing from anybody else: what could be shared is looked at, one by
one. No time is measured here; `script/bench isolation` does that."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
import strawberry
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.composer import compose, host_names
from core.cache import open_redis
from core.clock import FixedClock
from core.database import DRIVERS_KEPT, Database
from core.ids import NationalId
from services.exchange.errors import SourceSilent
from services.exchange.facts import OWN_VIEW
from services.plugins.contract import Call, Host
from services.plugins.contract.keys import SigningKey, verifying_keys
from services.plugins.plugin import Plugin
from services.plugins.registry import load_folder
from services.plugins.runner import LaneLimits, Runner, Wire, remote_functions
from services.plugins.runner.egress import AgencyClients
from tests.services.exchange.fakes import Exchange, citizen, until
from tests.support.hostile import OK, Hostile, Peer, hostile_agency
from tests.support.plugins import AGENCIES, CATALOGUE, LIBRARY
from tests.support.plugins.small_graph import PID, POLICY, World, small_base

LIMITS: Final = LaneLimits(places=5, waiting=5)
CROWD: Final = 30
"""Three times what its lane holds."""
OTHERS: Final = "{ viewer { profile { name } insurance { policies { number } } power { loans { id } } } }"


class _Signer:
    def __init__(self) -> None:
        self.current = SigningKey.of(Ed25519PrivateKey.generate())


@dataclass
class Stand:
    """Two remote agencies, of which the water is hostile, beside one of our own and our own rooms."""

    world: World
    runner: Runner
    clients: AgencyClients
    hostile: Hostile
    honest: Hostile
    water: Plugin
    schema: strawberry.Schema

    async def others_are_well(self) -> None:
        data, errors = await self.world.ask(self.schema, OTHERS)
        assert errors == []
        assert data["viewer"]["insurance"]["policies"] == [{"number": "1"}]
        assert data["viewer"]["power"]["loans"] == [{"id": "L1"}]

    def crowd(self, size: int = CROWD) -> list[asyncio.Task[Any]]:
        """So many citizens look at the water at once."""
        asked = (self.runner.run(self.water, "loans", asker="test", person=PID) for _ in range(size))
        return [asyncio.create_task(_outcome(one)) for one in asked]

    async def ended(self, crowd: list[asyncio.Task[Any]]) -> None:
        for one in crowd:
            one.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)
        lane = self.runner.lane(self.water, "loans")
        assert (lane.running, lane.waiting) == (0, 0)
        assert not self.clients.of("water")._transport._busy  # type: ignore[attr-defined]  # no socket is left


async def _outcome(asked: Any) -> Any:
    try:
        return await asked
    except SourceSilent as silent:
        return silent.reason


async def says(peer: Peer) -> None:
    await peer.say([{"id": "L1", "title": "ก", "due": "2026-11-20", "state": "OUT"}])


async def hangs(peer: Peer) -> None:
    await peer.silence()


async def floods(peer: Peer) -> None:
    await peer.send(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    await peer.for_ever(b"10000\r\n" + b" " * 65_536 + b"\r\n")


async def dies(peer: Peer) -> None:
    peer.writer.transport.abort()


async def lies(peer: Peer) -> None:
    await peer.say([[]] * 40_000)


async def trickles(peer: Peer) -> None:
    await peer.send(peer.head(b"", length=100_000))
    await peer.for_ever(b" ", pause=0.01)


@pytest.fixture(scope="module")
def base() -> strawberry.Schema:
    return small_base()


@pytest.fixture(scope="module")
def library(base: strawberry.Schema) -> Plugin:
    return load_folder(LIBRARY, host_names(base), CATALOGUE)


@pytest.fixture
async def stand(base: strawberry.Schema, library: Plugin, clock: FixedClock) -> AsyncIterator[Stand]:
    async with AsyncExitStack() as stack:
        hostile = await stack.enter_async_context(hostile_agency(clock, says))
        honest = await stack.enter_async_context(hostile_agency(clock, says))
        honest.keeps = True
        world = World(base, clock)
        clients = AgencyClients(loopback=True)
        stack.push_async_callback(clients.aclose)
        water = _remote(library, "water", clients, hostile, clock)
        power = _remote(library, "power", clients, honest, clock)
        oic = world.plugin(AGENCIES / "oic", policies=[POLICY])
        runner = Runner(lambda _: Host(clock, _NoAgency()), LIMITS)
        yield Stand(world, runner, clients, hostile, honest, water, compose(base, [power, oic], runner))


class _NoAgency:
    async def ask(self, path: str, body: Any, *, on_behalf_of: str) -> Any:
        raise AssertionError(path)

    async def send(self, path: str, body: Any, *, on_behalf_of: str, key: str) -> Any:
        raise AssertionError(path)


def _remote(library: Plugin, slug: str, clients: AgencyClients, far: Hostile, clock: FixedClock) -> Plugin:
    operations = dict(library.manifest.operations)
    operations["loans"] = operations["loans"].model_copy(update={"time_limit_seconds": 3_600})
    manifest = library.manifest.model_copy(update={"slug": slug, "operations": operations, "namespace": slug})
    wire = Wire(clients.of(slug), far.url, verifying_keys([far.key.jwk]), _Signer(), clock)
    graph = library.graph if slug == "water" else _with_namespace(library, slug)
    return replace(library, manifest=manifest, functions=remote_functions(manifest, wire), graph=graph)


def _with_namespace(library: Plugin, name: str) -> Any:
    from graphql import parse  # noqa: PLC0415 - here alone

    text = (LIBRARY / "graph.graphql").read_text(encoding="utf-8").replace("library: ", f"{name}: ")
    return replace(library.graph, definitions=parse(text).definitions)


@pytest.mark.parametrize("attack", [hangs, floods, dies, lies, trickles])
async def test_others_are_answered_while_one_fails_for_a_crowd(stand: Stand, attack: Any) -> None:
    stand.hostile.attack = attack
    crowd = stand.crowd()
    await until(lambda: bool(stand.hostile.asked))
    for _ in range(5):
        await stand.others_are_well()
    if attack in (hangs, trickles):
        assert stand.runner.lane(stand.water, "loans").running == LIMITS.places, "and none of the crowd is answered"
    await stand.ended(crowd)


async def test_a_crowd_before_an_agency_that_hangs_has_an_end(stand: Stand) -> None:
    """Places and queue are full: one more is refused at once, and holds no socket and no memory."""
    stand.hostile.attack = hangs
    crowd = stand.crowd()
    await until(lambda: sum(one.done() for one in crowd) == CROWD - LIMITS.places - LIMITS.waiting)
    assert {one.result() for one in crowd if one.done()} == {"SOURCE_BUSY"}
    await until(lambda: stand.hostile.open == LIMITS.places)
    await stand.others_are_well()
    await stand.ended(crowd)


async def test_each_agency_has_sockets_of_its_own(stand: Stand) -> None:
    stand.hostile.attack = hangs
    crowd = stand.crowd()
    await until(lambda: stand.hostile.open == LIMITS.places)
    await stand.others_are_well()
    await stand.others_are_well()
    power: Any = stand.clients.of("power")._transport
    assert (len(power._busy), sum(map(len, power._idle.values()))) == (0, 1)
    assert stand.honest.open == 1
    await stand.ended(crowd)
    await until(lambda: stand.hostile.open == 0)


async def test_no_thread_that_others_wait_for_is_held(stand: Stand) -> None:
    """The event loop's threads look names up, open files and hash for everybody; there are few of them."""
    stand.hostile.attack = hangs
    crowd = stand.crowd()
    await until(lambda: stand.hostile.open == LIMITS.places)
    threads = 6
    everybody = threading.Barrier(threads)
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - here alone

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(threads))
    met = await asyncio.gather(*(asyncio.to_thread(everybody.wait, 10) for _ in range(threads)))
    assert sorted(met) == list(range(threads)), "all of them are free at once"
    await stand.ended(crowd)


async def test_a_breaker_that_opened_is_one_operations(stand: Stand) -> None:
    stand.hostile.attack = dies
    for _ in range(2 * LIMITS.failures_max):
        await asyncio.gather(*stand.crowd(1))
    assert stand.runner.lane(stand.water, "loans").breaker.is_open
    assert not stand.runner.lane(stand.water, "searchShelves").breaker.is_open
    await stand.others_are_well()


async def test_whoever_goes_away_takes_their_call_along(stand: Stand) -> None:
    """A citizen's app that gives up leaves no call behind that would run to its limit."""
    stand.hostile.attack = hangs
    crowd = stand.crowd(LIMITS.places)
    await until(lambda: stand.hostile.open == LIMITS.places)
    await stand.ended(crowd)
    await until(lambda: stand.hostile.open == 0)


# What lies behind the gate


@pytest.fixture
async def exchange(database: Database, clock: FixedClock) -> AsyncIterator[Exchange]:
    redis = open_redis(None)
    made = Exchange(database, redis, clock)
    made.timeout_seconds = 3_600
    made.gate = made.new_gate()
    yield made
    await redis.aclose()


@pytest.mark.in_turn
@pytest.mark.parametrize("way", ["look", "facts"])
async def test_nobody_waits_for_an_agency_with_a_connection_to_the_database_in_hand(
    exchange: Exchange, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are twenty, and an agency may take ten seconds: twenty citizens of one agency would stop all others."""
    crowd, inside, go = 40, 0, asyncio.Event()

    async def waits(*_: Any) -> Any:
        nonlocal inside
        inside += 1
        await go.wait()
        return {}

    monkeypatch.setattr(exchange.dopa, "read", waits)
    people = [await exchange.person(f"citizen {n}") for n in range(crowd)]
    asked = [asyncio.create_task(_asking(exchange, way, person, waits)) for person in people]
    await until(lambda: inside == crowd)
    pool: Any = exchange.database.engine.pool
    assert pool.checkedout() <= DRIVERS_KEPT, "of them the database itself keeps a few, however many citizens there are"
    async with exchange.database.write(), exchange.database.read():
        pass  # and whoever comes gets theirs
    go.set()
    await asyncio.gather(*asked)


def _asking(exchange: Exchange, way: str, person: Any, read: Callable[[NationalId], Any]) -> Any:
    asker = citizen(person)
    if way == "look":
        return exchange.gate.look(person, "water:loans", "water", read, asker=asker, purpose=OWN_VIEW)
    return exchange.gate.facts(person, ["birth_date"], asker=asker, purpose=OWN_VIEW)


def test_a_call_knows_nothing_of_the_database() -> None:
    """Of what a function gets, nothing leads to a session."""
    assert not {"db", "session", "database"} & {*Call.__slots__, *Host.__slots__}
