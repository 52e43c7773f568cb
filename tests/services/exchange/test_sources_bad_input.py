"""Everything that a source can do wrong, over HTTP: refused with a stable code, logged, and nothing of it kept."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import httpx2
import pytest
import structlog

from core.ids import NationalId
from core.money import Money
from services.exchange.facts import OWN_VIEW, Fact, FactState
from services.plugins.contract.manifest import TIME_LIMIT_SECONDS_MAX
from services.plugins.runner import LaneLimits
from services.sandbox.population.personas import persona
from services.sandbox.population.store import ensure
from tests.services.exchange.fakes import Exchange, citizen, until
from tests.support.agencies import Agencies, serving

pytestmark = [pytest.mark.in_turn, pytest.mark.valkey_only]

DAY = date(2026, 11, 16)
SECONDS = 1.5
"""Time enough for an honest answer on a busy machine."""
NUMBERS = re.compile(r"[0-9]{13}")


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data = tmp_path_factory.mktemp("agencies")
    ensure(data, 50, 1, DAY)
    with serving(data) as url:
        yield url


@dataclass
class Stand:
    exchange: Exchange
    agencies: Agencies
    person: UUID

    async def ask(self, attribute: str) -> Fact:
        asker = citizen(self.person)
        facts = await self.exchange.gate.facts(self.person, [attribute], asker=asker, purpose=OWN_VIEW)
        return facts[attribute]

    async def kept(self) -> list[bytes]:
        return [key async for key in self.exchange.redis.scan_iter("exchange:fact:*")]

    async def reason(self, attribute: str) -> str | None:
        """As the access log has it."""
        return (await self.exchange.outcomes(self.person))[-1].errors.get(attribute)

    async def enter(self, who: str) -> UUID:
        number = NationalId(persona(who).national_id)
        async with self.exchange.database.write() as session:
            return (await self.exchange.people.resolve(session, [number]))[number.digits]

    def connect(self, agencies: Agencies) -> None:
        exchange: Any = self.exchange
        exchange.dopa, exchange.rd, *exchange.others = agencies.sources
        self.agencies = agencies


@pytest.fixture
async def stand(exchange: Exchange, base_url: str) -> AsyncIterator[Stand]:
    async with httpx2.AsyncClient(trust_env=False) as http:
        agencies = Agencies(http, base_url, exchange.clock, time_limit_seconds=SECONDS)
        stand = Stand(exchange, agencies, UUID(int=0))
        stand.connect(agencies)
        stand.person = await stand.enter("elder")
        yield stand
        for slug in ("rd", "dopa", "cgd"):
            await agencies.http.post(f"{base_url}/{slug}/_faults", json={"mode": "none"})


WRONG = [
    ("down", "SOURCE_ERROR"),
    ("error", "SOURCE_ERROR"),
    ("missing", "SOURCE_REFUSED"),
    ("limited", "SOURCE_LIMITED"),
    ("slow", "TIMEOUT"),
    ("drip", "TIMEOUT"),
    ("truncated", "SOURCE_BROKE_OFF"),
    ("redirect", "ANSWER_UNREADABLE"),
    ("page", "ANSWER_UNREADABLE"),
    ("tis620", "ANSWER_UNREADABLE"),
    ("garbage", "ANSWER_UNREADABLE"),
    ("encoding", "ANSWER_UNREADABLE"),
    ("deep", "ANSWER_UNREADABLE"),
    ("twice", "ANSWER_UNREADABLE"),
    ("nan", "ANSWER_UNREADABLE"),
    ("huge", "ANSWER_UNREADABLE"),
    ("oversized", "ANSWER_TOO_LARGE"),
    ("hollow", "ANSWER_MALFORMED"),
    ("types", "ANSWER_MALFORMED"),
    ("range", "INVALID_ANSWER"),
    ("stranger", "WRONG_SUBJECT"),
    ("nameless", "WRONG_SUBJECT"),
    ("extra", "WRONG_SUBJECT"),
    ("contradiction", "ANSWER_MALFORMED"),
]


@pytest.mark.parametrize(("mode", "reason"), WRONG)
async def test_what_a_source_does_wrong_has_a_code_and_leaves_nothing(stand: Stand, mode: str, reason: str) -> None:
    await stand.agencies.fault("rd", mode, path="income", seconds=0 if mode == "limited" else 30)
    with structlog.testing.capture_logs() as entries:
        fact = await stand.ask("annual_income")
    assert (fact.value, fact.state, fact.reason) == (None, FactState.UNAVAILABLE, reason)
    assert await stand.reason("annual_income") == reason
    assert await stand.kept() == []
    assert entries
    assert not NUMBERS.search(str(entries))
    await stand.agencies.fault("rd", "none")
    honest = await stand.ask("annual_income")
    assert (honest.state, honest.value) == (FactState.FRESH, Money(3_600_000))


@pytest.mark.parametrize("mode", ["stranger", "nameless"])
async def test_an_answer_about_one_person_names_them_or_is_refused(stand: Stand, mode: str) -> None:
    await stand.agencies.fault("dopa", mode, path="children")
    assert await stand.exchange.gate.children(stand.person, asker=citizen(stand.person), purpose=OWN_VIEW) is None
    assert await stand.reason("children") == "WRONG_SUBJECT"
    assert await stand.kept() == []
    await stand.agencies.fault("dopa", "none")
    assert await stand.exchange.gate.children(stand.person, asker=citizen(stand.person), purpose=OWN_VIEW) == ()


async def test_a_code_outside_the_closed_list_is_refused_and_the_rest_of_the_answer_is_not(stand: Stand) -> None:
    await stand.agencies.fault("cgd", "codes", path="benefits")
    facts = await stand.exchange.gate.facts(
        stand.person, ["state_role", "state_benefit"], asker=citizen(stand.person), purpose=OWN_VIEW
    )
    assert (facts["state_role"].state, facts["state_role"].reason) == (FactState.UNAVAILABLE, "INVALID_ANSWER")
    assert facts["state_benefit"].state is FactState.FRESH
    assert [key.decode().rpartition(":")[2] for key in await stand.kept()] == ["state_benefit"]


async def test_a_day_that_no_calendar_had_is_refused(stand: Stand) -> None:
    await stand.agencies.fault("dopa", "range", path="person")
    assert (await stand.ask("birth_date")).reason == "ANSWER_MALFORMED"


async def test_the_same_answer_twice_is_harmless(stand: Stand) -> None:
    await stand.agencies.fault("rd", "repeated", path="income")
    assert (await stand.ask("annual_income")).value == Money(3_600_000)


async def test_nobody_at_the_agencys_door_is_unreachable(stand: Stand) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    await refused_at(stand, f"http://127.0.0.1:{port}", "SOURCE_UNREACHABLE")


async def test_who_speaks_no_tls_is_unreachable(stand: Stand) -> None:
    async with hanging_up(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        await refused_at(stand, f"https://127.0.0.1:{port}", "SOURCE_UNREACHABLE")


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 O", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
async def test_who_hangs_up_has_said_nothing(stand: Stand, said: bytes) -> None:
    async with hanging_up(said) as port:
        await refused_at(stand, f"http://127.0.0.1:{port}", "SOURCE_BROKE_OFF")


async def test_a_batch_that_holds_one_stranger_is_nobodys_answer(stand: Stand) -> None:
    people = [await stand.enter(who) for who in ("elder", "worker", "official")]
    reader = stand.exchange.gate._reader
    income = stand.exchange.catalogue.attribute("annual_income")
    await stand.agencies.fault("rd", "stranger", path="income")
    told = await reader.read_many(people, [income])
    assert {of["annual_income"].error for of in told.values()} == {"WRONG_SUBJECT"}
    assert await stand.kept() == []
    await stand.agencies.fault("rd", "none")
    stand.agencies.asked.clear()
    told = await reader.read_many(people, [income])
    assert all(of["annual_income"].state is FactState.FRESH for of in told.values())
    [(path, body)] = stand.agencies.asked
    assert path == "/income"
    assert body == {"pids": [persona(who).national_id for who in ("elder", "worker", "official")]}


async def test_an_operation_that_hangs_takes_no_place_from_another_of_the_same_agency(stand: Stand) -> None:
    limits = LaneLimits(places=2, waiting=1)
    stand.connect(Agencies(stand.agencies.http, stand.agencies.base_url, stand.exchange.clock, limits))
    await stand.agencies.fault("dopa", "slow", path="parents", seconds=60)
    people = [await stand.enter(who) for who in ("elder", "worker", "official", "graduate")]
    reader, attribute = stand.exchange.gate._reader, stand.exchange.catalogue.attribute

    hanging = [asyncio.create_task(reader.read(person, [attribute("parent_is_thai")])) for person in people[:3]]
    lane = stand.agencies.runner.lane(stand.agencies.plugin("dopa"), "parents")
    await until(lambda: (lane.running, lane.waiting) == (2, 1))
    crowd = await reader.read(people[3], [attribute("parent_is_thai")])
    assert crowd["parent_is_thai"].error == "SOURCE_BUSY"
    told = [await reader.read(person, [attribute("birth_date")]) for person in people]
    assert [of["birth_date"].state for of in told] == [FactState.FRESH] * 4
    assert not any(task.done() for task in hanging), "all of that while the other operation hung"
    assert {of["parent_is_thai"].error for of in await asyncio.gather(*hanging)} == {"TIMEOUT"}


async def test_a_source_in_trouble_is_left_alone_and_asked_again_later(stand: Stand) -> None:
    seconds = 0.0
    agencies = Agencies(stand.agencies.http, stand.agencies.base_url, stand.exchange.clock)
    agencies.runner._seconds = lambda: seconds
    agencies.runner._limits = LaneLimits(failures_max=2, open_seconds=10)
    stand.connect(agencies)
    await agencies.fault("rd", "error", path="income")
    assert [(await stand.ask("annual_income")).reason for _ in range(3)] == ["SOURCE_ERROR"] * 2 + ["SOURCE_PAUSED"]
    assert len(agencies.asked) == 2
    await agencies.fault("rd", "none")
    assert (await stand.ask("annual_income")).reason == "SOURCE_PAUSED"
    seconds = 10.0
    assert (await stand.ask("annual_income")).state is FactState.FRESH


async def test_an_agency_that_asks_to_be_left_alone_is(stand: Stand) -> None:
    seconds = 0.0
    agencies = Agencies(stand.agencies.http, stand.agencies.base_url, stand.exchange.clock)
    agencies.runner._seconds = lambda: seconds
    stand.connect(agencies)
    await agencies.fault("rd", "limited", path="income", seconds=30)
    assert (await stand.ask("annual_income")).reason == "SOURCE_LIMITED"
    await agencies.fault("rd", "none")
    seconds = 29.9
    assert (await stand.ask("annual_income")).reason == "SOURCE_PAUSED"
    seconds = 30.0
    assert (await stand.ask("annual_income")).state is FactState.FRESH


async def refused_at(stand: Stand, base_url: str, reason: str) -> None:
    with structlog.testing.capture_logs() as entries:
        limits = LaneLimits(failures_max=1_000)
        # none of these hangs, so a busy machine may take its time: as long as any operation may
        seconds = TIME_LIMIT_SECONDS_MAX
        stand.connect(Agencies(stand.agencies.http, base_url, stand.exchange.clock, limits, time_limit_seconds=seconds))
        assert (await stand.ask("annual_income")).reason == reason
    assert not NUMBERS.search(str(entries))
    assert await stand.kept() == []


class hanging_up:  # noqa: N801 - used like a function
    """A server that reads a little, says this, and hangs up; its port."""

    def __init__(self, said: bytes) -> None:
        self._said = said

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10_000)
        writer.write(self._said)
        writer.close()
