"""Whatever happens in whatever order, an application and its case agree, and each call has its effect once."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.cache import open_redis
from core.clock import FixedClock
from core.database import Database
from core.settings import Settings
from services.apply import repository as applications
from services.apply.delivery import repository
from services.apply.delivery.states import Step
from services.apply.errors import ApplyError
from services.apply.states import Status
from services.plugins.contract import AgencyError, State
from tests.conftest import NOW
from tests.services.apply.delivery.conftest import Market, Worker
from tests.services.apply.delivery.office import Office, earlier
from tests.services.apply.delivery.test_courier import Killed
from tests.services.exchange.fakes import Exchange, national_id

CLOSED = frozenset({Status.APPROVED, Status.REJECTED, Status.WITHDRAWN})
FAULTS: dict[str, tuple[str, BaseException]] = {
    "down": ("fail", ConnectionError()),
    "lost": ("lose", ConnectionError()),
    "killed before": ("fail", Killed()),
    "killed after": ("lose", Killed()),
    "full": ("fail", AgencyError("MARKET_FULL")),
    "unknown code": ("fail", AgencyError("NOBODY_DECLARED_IT")),
}
STEPS = st.one_of(
    st.sampled_from(["apply", "withdraw", "run", "two at once", "nonsense", "gone", *FAULTS]),
    st.tuples(st.sampled_from(State), st.booleans()),
    st.sampled_from([1, 60, 3600, 86_400]),
)


PEOPLE = itertools.count()


class Life:
    """A citizen who applies and withdraws, an agency that says anything, two workers."""

    def __init__(self, workers: tuple[Worker, Worker], citizen: UUID) -> None:
        self.workers, self.citizen = workers, citizen
        self.worker, self.office = workers[0], workers[0].market.office
        self.made: list[UUID] = []
        self.ends: dict[UUID, str] = {}

    async def step(self, step: Any) -> None:
        match step:
            case int():
                self.worker.clock.advance(timedelta(seconds=step))
            case (state, late):
                self.office.state, self.office.more = state, earlier(self.worker.clock) if late else {}
            case "apply":
                self.made.append(await self.worker.apply(self.citizen))
            case "withdraw" if self.made:
                await self.worker.withdraw(self.citizen, self.made[-1])
            case "run":
                await self.worker.courier.run()
            case "two at once":
                await asyncio.gather(*(one.courier.run() for one in self.workers))
            case "nonsense":
                self.office.says = {"reference": "M-1", "state": "NONSENSE"}
                await self.worker.courier.run()
            case "gone":
                plugins, self.worker.market.plugins = self.worker.market.plugins, []
                await self.worker.courier.run()
                self.worker.market.plugins = plugins
            case _ if step in FAULTS:
                name, error = FAULTS[step]
                setattr(self.office, name, error)
                with contextlib.suppress(Killed):
                    await self.worker.courier.run()
        self.office.fail = self.office.lose = self.office.says = None

    async def check(self) -> None:
        async with self.worker.database.read() as session:
            rows = {row.id: row for row in await applications.page(session, self.citizen, 100, None)}
            events = await applications.events(session, self.citizen, rows)
            cases = await repository.cases(session, self.citizen, rows)
        assert set(rows) == set(cases) == set(self.made)
        assert sum(row.status not in CLOSED for row in rows.values()) <= 1
        for key, row in rows.items():
            case = cases[key]
            assert (events[key][-1].status, row.version) == (row.status, len(events[key]))
            assert (case.due_at is None) == (case.step == Step.DONE)
            assert (case.document_sealed is not None) == (case.step == Step.SUBMIT)
            assert (case.reference is None) or case.sent_at is not None
            if key in self.ends:
                assert row.status == self.ends[key], "an end is an end"
            if row.status in CLOSED:
                self.ends[key] = row.status
        once = Counter(self.office.effects)
        assert set(once.values()) <= {1}
        assert len({call.key for call in self.office.asked("takeIt")}) >= len(self.office.files)

    async def settle(self) -> None:
        """The agency is well from now on, and decides."""
        self.office.state, self.office.more = State.APPROVED, {}
        for _ in range(6):
            await self.worker.later(hours=7)
        await self.check()
        async with self.worker.database.read() as session:
            cases = await repository.cases(session, self.citizen, self.made)
        effects = set(self.office.effects)
        for key in self.made:
            case, status = cases[key], (await self.worker.application(self.citizen, key)).status
            assert case.step == Step.DONE, "nothing is owed for ever"
            assert status in CLOSED
            taken, back = ("takeIt", key.hex) in effects, self.office.took_back(key.hex)
            if status == Status.APPROVED:
                assert (taken, back) == (True, False), "lost"
            if status == Status.WITHDRAWN and taken and case.state != State.REJECTED:
                refused = self.worker.hearing.told(case).get("note") is not None
                assert back or refused or State(case.state or "").is_final
        assert await self.worker.events() == []


@pytest.mark.sqlite_only  # the order of steps is what varies here; races have tests of their own on both
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=1, max_size=12))
@example(steps=["apply", "run", "withdraw", "full"])
def test_rows_agree_and_effects_are_single_after_any_steps(database_url: str, steps: list[Any]) -> None:
    async def live() -> None:
        url = Settings(database_url=database_url).sqlalchemy_url
        databases = [Database(url, durable=False) for _ in range(2)]
        redis, clock = open_redis(None), FixedClock(NOW)
        market = Market(Office(clock))
        market.publish()
        exchange = Exchange(databases[0], redis, clock)
        try:
            first, second = (Worker(database, clock, exchange, market) for database in databases)
            exchange.ids |= {f"somebody {n}": national_id(n) for n in range(next(PEOPLE))}  # the database stays
            await go(Life((first, second), await exchange.person("citizen")))
        finally:
            await redis.aclose()
            for database in databases:
                await database.close()

    async def go(life: Life) -> None:
        for step in steps:
            with contextlib.suppress(ApplyError):
                await life.step(step)
            await life.check()
        await life.settle()

    asyncio.run(live())
