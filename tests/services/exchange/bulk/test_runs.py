"""A whole population read under one decision: everybody finds it in their log, and the snapshot goes on its day."""

from __future__ import annotations

import ast
import asyncio
import contextlib
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func
from sqlmodel import col, select

from core.errors import NotFound
from core.ids import NationalId, new_id
from services.exchange.access_log.models import AccessRecord
from services.exchange.bulk.errors import BulkBusy, BulkRefused, SnapshotGone
from services.exchange.bulk.models import BulkMember, BulkRun
from services.exchange.bulk.runs import HELD, KEPT_MAX
from services.exchange.facts import WELFARE_DECISION, Facts, FactState, Population, Purpose, Reading
from services.exchange.gate import ExchangeGate
from tests.services.exchange.agreements.conftest import agency
from tests.services.exchange.agreements.test_in_the_gate import Stopped, with_bars
from tests.services.exchange.fakes import AS_OF, Exchange, FakeSource, citizen, national_id, officer, purpose, system

pytestmark = pytest.mark.fakeredis_only

ROOT = Path(__file__).parents[4]
REGISTER = purpose("welfare-register")
WEEK = timedelta(days=7)
EVERYBODY = "everybody in the house"


class Batches(FakeSource):
    """DOPA, asked about many people in a call; it stops at a batch, as the test says."""

    batch = 500

    def __init__(self) -> None:
        super().__init__("dopa", ["birth_date", "nationality", "deceased", "household_registered"])
        self.calls: list[int] = []
        self.stops_at: int | None = None
        self.stopped = asyncio.Event()

    async def read_many(
        self, people: Collection[NationalId], attributes: Collection[str]
    ) -> Mapping[NationalId, Mapping[str, Reading]]:
        self.calls.append(len(people))
        if self.stops_at is not None and len(self.calls) > self.stops_at:
            self.stopped.set()
            await asyncio.Event().wait()
        return {one: {name: Reading("thai", AS_OF) for name in attributes} for one in people}


async def declare(exchange: Exchange, people: Collection[UUID], *names: str, **other: Any) -> UUID:
    given: dict[str, Any] = {"asker": system(), "purpose": REGISTER, "delete_at": exchange.clock.now() + WEEK} | other
    population = Population(EVERYBODY, list(people))
    return await exchange.gate.bulk.declare(population, names or ("nationality",), **given)


async def snapshot(exchange: Exchange, run: UUID) -> dict[UUID, Facts]:
    return {person: facts async for person, facts in exchange.gate.bulk.snapshot(run)}


async def rows(exchange: Exchange, run: UUID) -> tuple[BulkRun, list[BulkMember]]:
    async with exchange.database.read() as session:
        row = await session.get(BulkRun, run)
        members = (await session.scalars(select(BulkMember).where(col(BulkMember.run) == run))).all()
    assert row is not None
    return row, list(members)


async def test_a_household_is_read_and_each_finds_an_entry(exchange: Exchange) -> None:
    run = await declare(exchange, exchange.keys.values(), "nationality", "annual_income")
    assert exchange.dopa.asked == []
    await exchange.gate.bulk.read(run)
    told = await snapshot(exchange, run)
    assert {person: facts["nationality"].value for person, facts in told.items()} == {
        exchange.keys[name]: "other" if name == "lodger" else "thai"
        for name in ("mother", "elder", "younger", "lodger")
    }
    for person in exchange.keys.values():
        [entry] = await exchange.entries(person)
        assert (entry.decision, entry.purpose, entry.request) == ("ALLOWED", "welfare-register", run)
        assert entry.attributes == ["annual_income", "nationality"]
        [outcome] = await exchange.outcomes(person)
        assert outcome.states == {"annual_income": "FRESH", "nationality": "FRESH"}


ROOMS = ("api", "services", "welfare", "identity")


def _calls(*names: str) -> set[tuple[str, str]]:
    """Who calls a method of these names of what is called `bulk` or `_bulk`."""
    return {
        (path.relative_to(ROOT).as_posix(), node.attr)
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in names and _is_bulk(node.value)
    }


def _is_bulk(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.lstrip("_") == "bulk"


def test_nobody_starts_a_run_from_outside() -> None:
    """Only what works on the runs that two officers decided."""
    assert {path for path, _ in _calls("declare", "again", "read", "snapshot", "unused", "children", "concerned")} == {
        "welfare/determination/service.py"
    }


def test_a_run_to_work_on_is_made_by_the_act_of_two_officers_alone() -> None:
    made = {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "DeterminationRun"
    }
    assert made == {"welfare/determination/acts.py"}


async def test_nothing_in_the_snapshot_can_be_read_without_the_key(exchange: Exchange) -> None:
    run = await declare(exchange, exchange.keys.values())
    await exchange.gate.bulk.read(run)
    row, members = await rows(exchange, run)
    assert (row.people, row.state, row.predicate) == (4, "READ", EVERYBODY)
    assert all(one.snapshot_sealed is not None and b"thai" not in one.snapshot_sealed for one in members)


async def test_a_run_that_is_killed_goes_on_where_it_was_and_reads_everybody_once(exchange: Exchange) -> None:
    source, count = Batches(), 10_000
    exchange.dopa = source
    ids = [national_id(n) for n in range(100, 100 + count)]
    people: list[UUID] = []
    for at in range(0, count, 1_000):
        async with exchange.database.write() as session:
            found = await exchange.people.resolve(session, ids[at : at + 1_000])
        people += [found[one.digits] for one in ids[at : at + 1_000]]
    run = await declare(exchange, people)
    source.stops_at = 7
    working = asyncio.create_task(exchange.gate.bulk.read(run))
    await source.stopped.wait()
    working.cancel()  # as a kill: nothing after the decision of this batch was written
    with contextlib.suppress(asyncio.CancelledError):
        await working
    row, members = await rows(exchange, run)
    assert row.state == "DECLARED"
    done = sum(1 for one in members if one.read_at is not None)
    assert 0 < done < count
    with pytest.raises(SnapshotGone):
        await snapshot(exchange, run)
    exchange.gate = exchange.new_gate()  # another process
    with pytest.raises(BulkBusy):
        await exchange.gate.bulk.read(run)
    exchange.clock.advance(HELD + timedelta(seconds=1))
    source.stops_at = None
    await exchange.gate.bulk.read(run)
    told = await snapshot(exchange, run)
    assert len(told) == count
    assert {facts["nationality"].value for facts in told.values()} == {"thai"}
    assert max(source.calls) == 500
    entries, outcomes = await _counted(exchange)
    assert outcomes == count
    assert count < entries <= count + 500  # the batch that was under way was entered again


async def test_two_workers_do_not_read_a_run_at_once(exchange: Exchange) -> None:
    run = await declare(exchange, exchange.keys.values())
    gates = [exchange.gate, exchange.new_gate()]
    done = await asyncio.gather(*(gate.bulk.read(run) for gate in gates), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) in (["BulkBusy", "NoneType"], ["NoneType", "SnapshotGone"])
    for person in exchange.keys.values():
        assert len(await exchange.entries(person)) == 1


@pytest.mark.parametrize("read", [True, False])
async def test_a_snapshot_is_deleted_on_its_day_and_not_before(exchange: Exchange, read: bool) -> None:
    run = await declare(exchange, exchange.keys.values())
    if read:
        await exchange.gate.bulk.read(run)
    exchange.clock.advance(WEEK - timedelta(microseconds=1))
    assert await exchange.gate.bulk.delete_due() == 0
    if read:
        assert len(await snapshot(exchange, run)) == 4
    exchange.clock.advance(timedelta(microseconds=1))
    with pytest.raises(SnapshotGone):  # also before the job came round
        await snapshot(exchange, run)
    with pytest.raises(SnapshotGone):
        await exchange.gate.bulk.read(run)
    assert await exchange.gate.bulk.delete_due() == 4
    row, members = await rows(exchange, run)
    assert (row.state, row.people, members) == ("DELETED", 4, [])
    assert await exchange.gate.bulk.delete_due() == 0


async def test_who_had_it_stopped_is_not_read_and_finds_a_refusal(exchange: Exchange) -> None:
    bars = Stopped()
    exchange.gate = with_bars(exchange, bars)
    mother = exchange.keys["mother"]
    bars.reasons[mother] = "OBJECTED"
    run = await declare(exchange, exchange.keys.values())
    await exchange.gate.bulk.read(run)
    fact = (await snapshot(exchange, run))[mother]["nationality"]
    assert (fact.state, fact.reason, fact.value) == (FactState.DENIED, "OBJECTED", None)
    assert exchange.ids["mother"] not in {person for person, _ in exchange.dopa.asked}
    [entry] = await exchange.entries(mother)
    assert (entry.decision, entry.reason) == ("DENIED", "OBJECTED")


async def test_a_silent_source_is_a_state_in_the_snapshot(exchange: Exchange) -> None:
    exchange.rd.breaks()
    run = await declare(exchange, exchange.keys.values(), "annual_income")
    await exchange.gate.bulk.read(run)
    assert {facts["annual_income"].state for facts in (await snapshot(exchange, run)).values()} == {
        FactState.UNAVAILABLE
    }


@pytest.mark.parametrize(
    ("names", "other", "reason"),
    [
        (("nationality",), {"purpose": WELFARE_DECISION}, "NOT_IN_BULK"),
        (("nationality",), {"purpose": Purpose("none", REGISTER.basis, REGISTER.text)}, "UNKNOWN_PURPOSE"),
        (("aids_certified",), {}, "NOT_IN_BULK"),
        (("child.nationality",), {}, "NOT_IN_BULK"),
        (("name",), {}, "NOT_FOR_THIS_PURPOSE"),
        (("nationality",), {"asker": officer("dla")}, "NOT_IN_BULK"),
        (("nationality",), {"asker": agency("dla")}, "NOT_IN_BULK"),
        (("nationality",), {"asker": citizen(new_id())}, "NOT_IN_BULK"),
        (("nationality",), {"asker": system().__class__(system().kind, "x", "oic", system().label)}, "NO_AGREEMENT"),
    ],
)
async def test_what_is_not_for_whole_populations_is_refused(
    exchange: Exchange, names: tuple[str, ...], other: dict[str, Any], reason: str
) -> None:
    with pytest.raises(BulkRefused) as caught:
        await declare(exchange, exchange.keys.values(), *names, **other)
    assert caught.value.fields["reason"] == reason
    assert exchange.dopa.asked == []


@pytest.mark.parametrize("kept", [timedelta(0), KEPT_MAX + timedelta(seconds=1)])
async def test_a_snapshot_is_kept_for_some_days(exchange: Exchange, kept: timedelta) -> None:
    with pytest.raises(ValueError, match="some days"):
        await declare(exchange, exchange.keys.values(), delete_at=exchange.clock.now() + kept)


async def test_nobody_and_nothing_are_no_population(exchange: Exchange) -> None:
    with pytest.raises(ValueError, match="has people"):
        await declare(exchange, [])
    with pytest.raises(NotFound):
        await exchange.gate.bulk.read(new_id())


async def test_a_right_that_ends_meanwhile_stops_the_run(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await declare(exchange, exchange.keys.values())
    monkeypatch.setattr(
        exchange,
        "catalogue",
        exchange.catalogue.__class__(
            exchange.catalogue.attributes, exchange.catalogue.agencies, exchange.catalogue.purposes, ()
        ),
    )
    gate: ExchangeGate = exchange.new_gate()
    with pytest.raises(BulkRefused) as caught:
        await gate.bulk.read(run)
    assert caught.value.fields["reason"] == "NO_AGREEMENT"
    assert exchange.dopa.asked == []


async def _counted(exchange: Exchange) -> tuple[int, int]:
    """Decisions and outcomes in the log."""
    async with exchange.database.read() as session:
        all_ = (await session.scalars(select(func.count()).select_from(AccessRecord))).one()
        decisions = select(func.count()).where(col(AccessRecord.entry) == col(AccessRecord.id))
        made = (await session.scalars(decisions)).one()
    return made, all_ - made
