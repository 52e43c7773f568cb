"""The gate, driven at random against a small model: consents, agreements, delegations, restrictions, time, silent
sources and a full disk in any order, before a request and while it is read.

No fact without its committed entry, no entry without its cause, no fact after an end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from core.cache import open_redis
from core.clock import FixedClock
from core.database import Database
from core.money import Money
from core.settings import Settings
from core.text import Text
from identity.delegation.service import DelegationService, Guardianship
from services.exchange.agreements.models import Agreement
from services.exchange.agreements.service import AGREEMENTS_ACCEPT, AGREEMENTS_PROPOSE
from services.exchange.facts import DELEGATE_VIEW, OWN_VIEW, Asker, AskerKind, Facts, FactState, Purpose
from tests.conftest import NOW
from tests.identity.officers_of_tests import PASSKEY, Office
from tests.services.exchange.agreements.conftest import SERVICE, Desk, agency
from tests.services.exchange.agreements.test_in_the_gate import Stopped, with_bars
from tests.services.exchange.consenting import SCREENING, Citizen
from tests.services.exchange.fakes import KEYS, Exchange, citizen, until
from tests.services.exchange.test_gate import full_disk
from tests.support.databases import Databases, Kind

T = TypeVar("T")
NAMES: Final = ("birth_date", "annual_income")
WHO: Final = ("agency", "lender", "guardian", "oneself", "stranger")
ENDS: Final = ("agreement", "consent", "delegation", "restriction")
_numbers = count()


@dataclass
class World:
    """An exchange in a loop of its own, which outlives each run."""

    runner: asyncio.Runner
    exchange: Exchange
    desk: Desk
    bars: Stopped
    delegations: DelegationService

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)


@dataclass
class Model:
    """What holds, as the test knows."""

    agreements: dict[str, Agreement] = field(default_factory=dict)
    """By steward: in force."""
    suspended: dict[str, Agreement] = field(default_factory=dict)
    consent: UUID | None = None
    delegation: UUID | None = None
    former: UUID | None = None
    """A delegation that has ended: it opens nothing."""
    restricted: bool = False

    def may(self, who: str, name: str) -> bool:
        steward = {"birth_date": "dopa", "annual_income": "rd"}[name]
        return {
            "agency": steward in self.agreements and not self.restricted,
            "lender": self.consent is not None and not self.restricted,
            "guardian": self.delegation is not None,
            "oneself": True,
            "stranger": False,
        }[who]


class Gate(RuleBasedStateMachine):
    world: ClassVar[World]

    @initialize()
    def begins(self) -> None:
        self.model, number = Model(), next(_numbers)
        self.name = f"citizen {number}"
        exchange = self.world.exchange
        exchange.dopa.broken = exchange.rd.broken = None
        self.world.run(
            exchange.person(
                self.name, birth_date=date(1990, 5, 1), annual_income=Money.baht(number), nationality="thai"
            )
        )
        self.key, self.id = exchange.keys[self.name], exchange.ids[self.name]
        self.other = self.world.run(exchange.person(f"guardian {number}", birth_date=date(1980, 1, 1)))
        self.consents = Citizen(exchange, self.name)
        self.disk: str | None = None
        self.world.bars.reasons.clear()

    def teardown(self) -> None:
        for steward in list(getattr(self, "model", Model()).agreements):
            self.world.run(self.end_agreement(steward, "end"))
        for row in getattr(self, "model", Model()).suspended.values():
            self.world.run(self.act("end", row))

    @rule(steward=st.sampled_from(["dopa", "rd"]))
    def agree(self, steward: str) -> None:
        if steward in self.model.agreements or steward in self.model.suspended:
            return
        names = {"dopa": ["birth_date"], "rd": ["annual_income"]}[steward]
        self.model.agreements[steward] = self.world.run(self.make_agreement(steward, names))

    @rule(steward=st.sampled_from(["dopa", "rd"]))
    def resume(self, steward: str) -> None:
        row = self.model.suspended.pop(steward, None)
        if row is not None:
            self.model.agreements[steward] = self.world.run(self.act("resume", row))

    @rule()
    def consent(self) -> None:
        self.model.consent = self.world.run(self.consents.grant()).id

    @rule()
    def delegate(self) -> None:
        if self.model.delegation is None:
            self.model.delegation = self.world.run(self.give_guardian())

    @rule(goes_on=st.booleans())
    def restrict(self, goes_on: bool) -> None:
        self.stop() if not goes_on else self.world.bars.reasons.clear()
        self.model.restricted = not goes_on

    @rule(what=st.sampled_from(ENDS), how=st.sampled_from(["end", "suspend"]))
    def ends(self, what: str, how: str) -> None:
        self.world.run(self.end(what, how))

    @rule(down=st.booleans(), steward=st.sampled_from(["dopa", "rd"]))
    def source(self, down: bool, steward: str) -> None:
        source = getattr(self.world.exchange, steward)
        source.broken = None
        if down:
            source.breaks()

    @rule(seconds=st.sampled_from([1, 60, 3_600, 86_400]))
    def passes(self, seconds: int) -> None:
        self.world.exchange.clock.advance(timedelta(seconds=seconds))

    @rule(
        who=st.sampled_from(WHO),
        names=st.sets(st.sampled_from(NAMES), min_size=1).map(sorted),
        disk=st.sampled_from([None, None, None, "all", "outcomes"]),
    )
    def asks(self, who: str, names: list[str], disk: str | None) -> None:
        self.world.run(self.ask(who, names, disk=disk))

    @rule(who=st.sampled_from(WHO), what=st.sampled_from(ENDS), how=st.sampled_from(["end", "suspend"]))
    def asks_while_it_ends(self, who: str, what: str, how: str) -> None:
        self.world.run(self.ask(who, ["birth_date"], meanwhile=lambda: self.end(what, how)))

    async def ask(
        self,
        who: str,
        names: list[str],
        *,
        disk: str | None = None,
        meanwhile: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        exchange, (asker, why) = self.world.exchange, self.asker(who)
        entries, outcomes = await exchange.entries(self.key), await exchange.outcomes(self.key)
        asked = len(exchange.dopa.asked), len(exchange.rd.asked)
        may = {name: self.model.may(who, name) for name in names}
        facts: Facts | None = None
        if disk is not None:
            async with full_disk(exchange, but_for_decisions=disk == "outcomes"):
                try:
                    facts = await exchange.gate.facts(self.key, names, asker=asker, purpose=why)
                except Exception as error:  # noqa: BLE001 - each database has its own
                    refused = str(error)
                    assert "disk is full" in refused
                else:
                    assert disk == "outcomes"
        elif meanwhile is None:
            facts = await exchange.gate.facts(self.key, names, asker=asker, purpose=why)
        else:
            facts = await self.ask_while(asker, why, names, meanwhile)
        still = {name: may[name] and self.model.may(who, name) for name in names}
        new = (await exchange.entries(self.key))[len(entries) :]
        came = (await exchange.outcomes(self.key))[len(outcomes) :]
        if disk is not None and facts is not None:  # a refusal has no outcome that could fail, nor what was settled
            assert all(one.decision == "DENIED" or one.settled is not None for one in new)
        allowed = {name for one in new if one.decision == "ALLOWED" for name in one.attributes}
        denied = {name for one in new if one.decision == "DENIED" for name in one.attributes}
        assert allowed == ({name for name in names if may[name]} if disk != "all" else set())
        assert denied == ({name for name in names if not may[name]} if disk != "all" else set())
        # No entry without its cause, and no outcome without its entry.
        assert all((one.asker_id, one.purpose, one.request) == (asker.id, why.id, asker.request) for one in new)
        assert {one.entry for one in came} <= {one.id for one in new if one.decision == "ALLOWED"}
        for person, read in (*exchange.dopa.asked[asked[0] :], *exchange.rd.asked[asked[1] :]):
            assert person == self.id
            assert read <= allowed
        self.check(facts, may, still, came)

    def check(self, facts: Facts | None, may: dict[str, bool], still: dict[str, bool], came: list[Any]) -> None:
        told = {name: state for one in came for name, state in one.states.items()}
        for name, fact in (facts or {}).items():
            if fact.known:
                assert still[name], "no fact after an end"
                assert told[name] == fact.state
            elif not still[name]:
                assert fact.state is FactState.DENIED
                assert fact.reason is not None
                assert told.get(name) == ("DENIED" if may[name] else None)
            else:
                assert told[name] == fact.state == FactState.UNAVAILABLE

    async def ask_while(
        self, asker: Asker, why: Purpose, names: list[str], meanwhile: Callable[[], Coroutine[Any, Any, None]]
    ) -> Facts:
        """Something ends while the source is answering, if it comes to be asked."""
        source, exchange = self.world.exchange.dopa, self.world.exchange
        source.gate, before = asyncio.Event(), len(source.asked)
        asking = asyncio.create_task(exchange.gate.facts(self.key, names, asker=asker, purpose=why))
        await until(lambda: asking.done() or len(source.asked) > before)  # it may also end without asking
        if not asking.done():
            await meanwhile()
        source.gate.set()
        facts = await asking
        source.gate = None
        return facts

    def asker(self, who: str) -> tuple[Asker, Purpose]:
        held = self.model.delegation or self.model.former
        return {
            "agency": (agency(), SERVICE),
            "lender": (replace(agency("slf"), id="c2:screening", client="c2"), SCREENING),
            "guardian": (
                Asker(
                    AskerKind.DELEGATE, self.other.hex, None, Text(th="x", en="x"), uuid4(),
                    applicant=self.key, delegation=held or uuid4(),
                ),
                DELEGATE_VIEW,
            ),
            "oneself": (citizen(self.key, uuid4()), OWN_VIEW),
            "stranger": (citizen(self.other, uuid4()), OWN_VIEW),
        }[who]  # fmt: skip

    async def end(self, what: str, how: str) -> None:
        model = self.model
        if what == "agreement":
            for steward in list(model.agreements):
                await self.end_agreement(steward, how)
        elif what == "consent" and model.consent is not None:
            await self.consents.withdraw(model.consent)
            model.consent = None
        elif what == "delegation" and model.delegation is not None:
            async with self.world.exchange.database.write() as session:
                await self.world.delegations.end_guardianship(session, model.delegation, officer=uuid4(), agency="dcy")
            model.former, model.delegation = model.delegation, None
        elif what == "restriction":
            self.stop()
            model.restricted = True

    def stop(self) -> None:
        self.world.bars.reasons[self.key] = "RESTRICTED"

    async def end_agreement(self, steward: str, how: str) -> None:
        row = self.model.agreements.pop(steward)
        await self.act(how, row)
        if how == "suspend":
            self.model.suspended[steward] = row

    async def act(self, what: str, row: Agreement) -> Agreement:
        desk = self.world.desk
        return await desk.act(what, row, desk.office.signed_in(desk.requester, PASSKEY))

    async def make_agreement(self, steward: str, names: list[str]) -> Agreement:
        desk, clock = self.world.desk, self.world.exchange.clock
        maker = desk.office.signed_in(desk.requester, PASSKEY)
        checker = desk.office.signed_in(self.stewards[steward], PASSKEY)
        until = (clock.today() + timedelta(days=365)).isoformat()
        terms: dict[str, Any] = {
            "steward": steward,
            "attributes": names,
            "valid_until": until,
            "valid_from": clock.today().isoformat(),
        }
        row = await desk.propose(maker, **terms, per_day=10_000, per_minute=10_000)
        return await desk.accept(row, checker)

    async def give_guardian(self) -> UUID:
        given = Guardianship(
            self.key, self.other, Text(th="ม", en="m"), Text(th="ผ", en="g"),
            until=self.world.exchange.clock.today() + timedelta(days=365),
        )  # fmt: skip
        async with self.world.exchange.database.write() as session:
            made = await self.world.delegations.register_guardianship(session, given, officer=uuid4(), agency="dcy")
        return made.id

    stewards: ClassVar[dict[str, Any]] = {}


@pytest.fixture
def world(databases: Databases, database_kind: Kind, tmp_path: Path) -> Iterator[World]:
    (tmp_path / "data").mkdir()
    clock = FixedClock(NOW)
    with databases.clone(database_kind, tmp_path) as url, asyncio.Runner() as runner:
        given = Settings(data=tmp_path / "data", database_url=url)
        stack = AsyncExitStack()

        async def begin() -> World:
            database = Database(given.sqlalchemy_url, durable=False)
            stack.push_async_callback(database.close)
            redis = open_redis(None)
            stack.push_async_callback(redis.aclose)
            exchange, bars = Exchange(database, redis, clock), Stopped()
            delegations = exchange.delegations = DelegationService(clock, KEYS, exchange.people)
            exchange.gate = with_bars(exchange, bars)
            office, roles = Office(database, KEYS, clock), (AGREEMENTS_PROPOSE, AGREEMENTS_ACCEPT)
            Gate.stewards = {
                "dopa": await office.officer(1, "dopa", *roles),
                "rd": await office.officer(3, "rd", *roles),
            }
            desk = Desk(exchange, office, Gate.stewards["dopa"], await office.officer(2, "sso", *roles))
            return World(runner, exchange, desk, bars, delegations)

        yield runner.run(begin())
        runner.run(stack.aclose())


def test_no_fact_without_an_entry_no_entry_without_a_cause_no_fact_after_an_end(world: World) -> None:
    machine = type("Lives", (Gate,), {"world": world})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=30, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
