"""Whoever is killed, at whatever moment, loses no acknowledged record and gives none two places."""

from __future__ import annotations

import pytest

from core import migrations
from tests.support.log_fire import under_fire
from tests.support.postgres import Postgres

KILLS = 20


async def test_twenty_kills_of_writers_sequencers_and_the_database_lose_nothing() -> None:
    with Postgres.running(durable=True) as cluster:
        url = cluster.create("log")
        migrations.upgrade(url)
        survived = await under_fire(url, kills=KILLS, seed=20261122, cluster=cluster)
    assert sum(survived.kills.values()) == KILLS
    assert all(survived.kills.values()), "each kind was killed"
    assert survived.acknowledged > KILLS


@pytest.mark.sqlite_only
async def test_kills_of_the_one_process_on_sqlite_lose_nothing(database_url: str) -> None:
    survived = await under_fire(database_url, kills=5, seed=20261122)
    assert survived.kills == {"process": 5}
    assert survived.acknowledged > 5
