"""What every test can ask for. `pytest --help` lists the options; each fixture says what it gives.

A test that asks for `database`, `database_url` or `empty_database_url` runs on SQLite and on PostgreSQL; one that asks
for `redis` or `redis_url`, on the in-process stand-in and on Valkey. Markers narrow that, where the test has a reason.
A quick run takes most tests on one of them, always the same one (tests/support/turns.py); `--thorough` all on all.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from core.cache import open_redis
from core.clock import BANGKOK, FixedClock
from core.database import Database
from core.settings import Settings
from tests.support import examples, network, programs, turns
from tests.support.browser import open_page
from tests.support.databases import Databases, Kind, Schema
from tests.support.patience import patient_cache
from tests.support.prepared import NURSERY
from tests.support.rundir import RunDirectory
from tests.support.server import prepare_processes
from tests.support.valkey import Valkey

if TYPE_CHECKING:
    from playwright.async_api import Page
    from redis.asyncio import Redis

NOW: Final = datetime(2026, 11, 16, 10, 0, tzinfo=BANGKOK)
"""A Monday morning in the first quarter of fiscal year 2570."""

_RUN: Final = pytest.StashKey[RunDirectory]()
COLLECTED: Final = pytest.StashKey[list[pytest.Item]]()
"""Every test that was found, those among them that this run leaves out too."""
_MARKERS: Final = {
    "sqlite_only": "this test is about SQLite itself",
    "postgres_only": "this test is about PostgreSQL itself, or needs writers that run at once",
    "fakeredis_only": "this test is about the in-process stand-in",
    "valkey_only": "this test needs a server that several processes share",
    "in_turn": "slow: takes the databases in turn even in a room where each test meets both (tests/support/turns.py)",
    "thorough": "long, and tells little more than a quick test beside it: only --thorough takes it",
    "needs(*programs)": "skips by name where a program (chromium, pdftotext) is missing; fails under CI=true",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--schema",
        choices=[*Schema],
        default=Schema.MIGRATIONS,
        help="what fills the database of a test: the committed migrations, or (while you change them) the models",
    )

    parser.addoption(
        "--thorough",
        action="store_true",
        help="every test, each on both databases; without it most take them in turn (tests/support/turns.py)",
    )


def pytest_configure(config: pytest.Config) -> None:
    for marker, meaning in _MARKERS.items():
        config.addinivalue_line("markers", f"{marker}: {meaning}")
    given = getattr(config, "workerinput", {}).get("run")
    config.stash[_RUN] = RunDirectory.attach(Path(given)) if given else RunDirectory.create()
    prepare_processes(wanted=not config.getoption("--thorough"))
    gc.disable()  # until all tests are found: what is made up to there stays, and looking through it took a quarter


def pytest_collection_finish() -> None:
    """Tests make and drop whole applications, of 300,000 objects each. At its usual pace Python's collector looks
    through all that is there after every few of them, which took a quarter of the time that such tests take."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(10_000, 10, 100)


def run_directory(config: pytest.Config) -> RunDirectory:
    """Where this run, with all its workers, keeps what is made once."""
    return config.stash[_RUN]


def pytest_unconfigure(config: pytest.Config) -> None:
    NURSERY.stop()
    gc.unfreeze()  # libraries look at the end whether everything was given back
    if run := config.stash.get(_RUN, None):
        run.close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells a worker of pytest-xdist where the run is, so that all share one cluster and its template."""
    node.workerinput["run"] = str(node.config.stash[_RUN].path)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    def choose(fixture: str, choices: dict[str, str]) -> None:
        if fixture in metafunc.fixturenames:
            only = [value for marker, value in choices.items() if metafunc.definition.get_closest_marker(marker)]
            metafunc.parametrize(fixture, only or list(choices.values()), indirect=True)

    choose("database_kind", {"sqlite_only": Kind.SQLITE, "postgres_only": Kind.POSTGRESQL})
    choose("redis_kind", {"fakeredis_only": "fakeredis", "valkey_only": "valkey"})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.stash[COLLECTED] = list(items)
    if config.getoption("--thorough"):
        return
    for item in items:
        examples.fewer(item)
    spared = turns.spared(items)
    if spared:
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in spared])
        items[:] = [item for item in items if item.nodeid not in spared]


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        programs.require(*marker.args)


@pytest.fixture(scope="session", autouse=True)
def _closed_network() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        network.close(patch.setattr)
        yield


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer's shell sets for a server must not steer a test."""
    for name in Settings.model_fields:
        for variable in (f"SITTHI_{name.upper()}", *(["HOST", "PORT"] if name == "host" else [])):
            monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def clock() -> FixedClock:
    """Stands at 10:00 in Bangkok on 16 November 2026 until the test moves it."""
    return FixedClock(NOW)


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings with a data folder of the test's own, and with its database and Redis if it asks for those too."""
    # By their environment names: what a setting is called there is the contract, the attribute an alias.
    given: dict[str, Any] = {"data": tmp_path / "data"}
    for fixture in ("database_url", "redis_url"):
        if fixture in request.fixturenames:
            given[fixture] = request.getfixturevalue(fixture)
    given["data"].mkdir()
    return Settings(**given)


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> Kind:
    return Kind(request.param)


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Databases:
    """For tests that need several databases, or one at another moment: `with databases.clone(kind, folder) as url`."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    return Databases(request.config.stash[_RUN], Schema(request.config.getoption("schema")), worker)


@pytest.fixture
def database_url(databases: Databases, database_kind: Kind, tmp_path: Path) -> Iterator[str]:
    """A migrated database of the test's own, as one would set it in SITTHI_DATABASE_URL."""
    with databases.clone(database_kind, tmp_path) as url:
        yield url


@pytest.fixture
def empty_database_url(databases: Databases, database_kind: Kind, tmp_path: Path) -> Iterator[str]:
    """The same without a table."""
    with databases.clone(database_kind, tmp_path, empty=True) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The migrated database, open; what the test writes is committed and nobody else's."""
    database = Database(Settings(database_url=database_url).sqlalchemy_url, durable=False)
    yield database
    await database.close()


@pytest.fixture
def redis_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def _valkey(request: pytest.FixtureRequest) -> Iterator[Valkey]:
    run = request.config.stash[_RUN]
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    server = Valkey(run.path / f"valkey-{worker}")
    with run.turn("valkey"):
        server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(request: pytest.FixtureRequest, redis_kind: str) -> str | None:
    """An empty Valkey, or None for the in-process stand-in; as one would set it in SITTHI_REDIS_URL."""
    if redis_kind == "fakeredis":
        return None
    server: Valkey = request.getfixturevalue("_valkey")
    server.clear()
    return server.url


@pytest.fixture
async def redis(redis_url: str | None) -> AsyncIterator[Redis]:
    """A client of an empty Redis; answers are bytes."""
    with patient_cache():
        client = open_redis(redis_url)
    yield client
    await client.flushall()
    await client.aclose()


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """An empty browser page in Thai. The test skips without Chromium, and fails then under CI=true."""
    async with open_page() as page:
        yield page
