"""A server whose database or cache goes away says so in a typed error, and serves again when they are back."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.commands.walk import sign_in
from core import migrations
from core.clock import SystemClock
from core.settings import Settings
from tests.conftest import run_directory
from tests.support.population import furnish
from tests.support.postgres import Postgres
from tests.support.server import Process, free_port, running
from tests.support.valkey import Valkey

HOME = "{ viewer { entitlements { status programme { slug } } payments(first: 5) { nodes { status } } } }"
APPLY = "mutation($input: ApplyInput!) { apply(input: $input) { application { id status } problems { code } } }"
GIVEN = {"input": {"programme": "old-age-allowance", "idempotencyKey": "through-the-outage"}}


@pytest.fixture
def cluster() -> Iterator[Postgres]:
    with Postgres.running(durable=True) as cluster:
        yield cluster


@pytest.fixture
def cache() -> Iterator[Valkey]:
    with Valkey.running() as cache:
        yield cache


@pytest.fixture
def server(request: pytest.FixtureRequest, cluster: Postgres, cache: Valkey, tmp_path: Path) -> Iterator[Process]:
    data = tmp_path / "data"
    data.mkdir()
    furnish(run_directory(request.config), data, SystemClock().today())
    url = cluster.create("sitthi")
    migrations.upgrade(url)
    with running(data, SITTHI_DATABASE_URL=url, SITTHI_REDIS_URL=cache.url) as process:
        yield process


class Elder:
    """The elder, signed in."""

    def __init__(self, server: Process) -> None:
        settings = Settings(port=server.port, data=Path(server.environment["SITTHI_DATA"]))
        token = asyncio.run(sign_in(settings, "elder"))["access_token"]
        self._http = httpx2.Client(
            base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=30,
            headers={"Authorization": f"Bearer {token}", "Accept-Language": "en"},
        )  # fmt: skip

    def close(self) -> None:
        self._http.close()

    def ask(self, query: str, given: Any = None) -> Any:
        return self._http.post("/graphql", json={"query": query, "variables": given or {}}).json()

    def ready(self) -> int:
        return self._http.get("/health/ready").status_code


@pytest.fixture
def elder(server: Process) -> Iterator[Elder]:
    elder = Elder(server)
    yield elder
    elder.close()


def codes(answer: Any) -> set[str]:
    data = answer.get("data") or {}
    problems = (data.get("apply") or {}).get("problems", [])
    return {error["extensions"]["code"] for error in answer.get("errors", [])} | {p["code"] for p in problems}


def test_a_server_outlives_a_restart_of_its_database(server: Process, elder: Elder, cluster: Postgres) -> None:
    before = elder.ask(HOME)
    assert codes(before) == set()
    cluster.stop(signal.SIGQUIT)
    try:
        for query, given in ((HOME, None), (APPLY, GIVEN)):
            answer = elder.ask(query, given)
            assert codes(answer) == {"SERVICE_UNAVAILABLE"}, answer
            assert "Traceback" not in str(answer)
        assert elder.ready() == 503
        for command in (["officer", "list"], ["migrate"], ["serve"]):
            elsewhere = replace(server, environment={**server.environment, "PORT": str(free_port())})
            said = elsewhere.command(*command, ok=False)
            assert "The database cannot be reached" in said
            assert "Traceback" not in said
    finally:
        cluster.start()
    assert codes(elder.ask(APPLY, GIVEN)) == set()
    assert elder.ready() == 200
    after = elder.ask(HOME)
    assert {e["status"] for e in after["data"]["viewer"]["entitlements"]} >= {"RECEIVING"}


def test_a_server_outlives_a_restart_of_its_cache(elder: Elder, cache: Valkey) -> None:
    before = elder.ask(HOME)
    cache.stop()
    assert elder.ask(HOME) == before, "facts come from their sources"
    assert elder.ready() == 503
    shutil.rmtree(cache.folder)
    cache.start()
    assert elder.ask(HOME) == before
    assert elder.ready() == 200


def test_a_cache_that_hangs_leaves_the_home_screen_whole(elder: Elder, cache: Valkey) -> None:
    before, pid = elder.ask(HOME), int((cache.folder / "valkey.pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    started = time.monotonic()
    try:
        assert elder.ask(HOME) == before
    finally:
        os.kill(pid, signal.SIGCONT)
    assert time.monotonic() - started < 10
