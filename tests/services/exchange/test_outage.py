"""The database stops while the gate works: no fact leaves that is not in the log, and it works on when it is back."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Collection, Iterator, Mapping

import pytest
from redis.asyncio import Redis

from core import migrations
from core.cache import open_redis
from core.clock import FixedClock
from core.database import Database
from core.database_faults import DatabaseUnavailable
from core.ids import NationalId
from core.settings import Settings
from services.exchange.facts import FactState, Reading
from tests.services.exchange.fakes import Exchange, FakeSource, citizen, of_steward, purpose
from tests.support.postgres import Postgres

LOOK = purpose("own-view")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    """One of our own, because it is stopped."""
    with Postgres.running(durable=True) as cluster:
        yield cluster


class StopsTheDatabase(FakeSource):
    """Answers, and meanwhile the database has gone."""

    cluster: Postgres | None = None

    async def read(self, person: NationalId, attributes: Collection[str]) -> Mapping[str, Reading]:
        answer = await super().read(person, attributes)
        if self.cluster is not None:
            self.cluster.stop(signal.SIGQUIT)
        return answer


@pytest.fixture
async def exchange(cluster: Postgres, clock: FixedClock) -> AsyncIterator[Exchange]:
    with cluster.administer() as connection:
        connection.execute("DROP DATABASE IF EXISTS log WITH (FORCE)")
    url = cluster.create("log")
    migrations.upgrade(url)
    database, redis = Database(Settings(database_url=url).sqlalchemy_url), open_redis(None)
    await empty(redis)
    made = Exchange(database, redis, clock, dopa=StopsTheDatabase("dopa", of_steward("dopa").provides))
    await made.family()
    yield made
    await database.close()
    await redis.aclose()


async def empty(redis: Redis) -> None:
    await redis.flushall()


async def test_a_database_that_stops_between_decision_and_outcome_lets_no_answer_leave(
    exchange: Exchange, cluster: Postgres
) -> None:
    mother, dopa = exchange.keys["mother"], exchange.dopa
    assert isinstance(dopa, StopsTheDatabase)
    dopa.cluster = cluster
    try:
        with pytest.raises(DatabaseUnavailable):
            await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=LOOK)
    finally:
        dopa.cluster = None
        if not answers(cluster):
            cluster.start()
    [entry] = await exchange.entries(mother)
    assert (entry.decision, entry.attributes) == ("ALLOWED", ["birth_date"])
    assert dopa.asked, "it was read on the strength of that entry"
    assert await exchange.outcomes(mother) == []

    facts = await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=LOOK)
    assert facts["birth_date"].state is FactState.FRESH
    assert len(await exchange.entries(mother)) == 2
    assert len(await exchange.outcomes(mother)) == 1


async def test_a_database_that_is_down_lets_nothing_be_read(exchange: Exchange, cluster: Postgres) -> None:
    mother = exchange.keys["mother"]
    cluster.stop(signal.SIGQUIT)
    try:
        with pytest.raises(DatabaseUnavailable):
            await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=LOOK)
        assert exchange.dopa.asked == []
    finally:
        cluster.start()
    assert await exchange.entries(mother) == []


def answers(cluster: Postgres) -> bool:
    try:
        with cluster.administer():
            return True
    except Exception:  # noqa: BLE001 - whatever it is, it does not
        return False
