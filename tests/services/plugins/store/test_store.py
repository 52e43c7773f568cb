"""A plugin's own tables: made in order, once, out of whose reach everything else is."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from core.clock import FixedClock
from core.database import Database, load_models
from core.ids import NationalId
from services.plugins.conformance import Suite
from services.plugins.contract import Host, NoStore, PluginRefused
from services.plugins.plugin import Origin, Plugin
from services.plugins.records.lines import lines_of
from services.plugins.records.service import RecordDesk, Sending
from services.plugins.registry import load_folder
from services.plugins.runner import Runner, run_example
from services.plugins.store.migrations import Migration
from services.plugins.store.store import LEDGER, ROWS_MAX, StoreUnusable
from services.plugins.store.stores import Stores
from services.plugins.store.temporary import temporary_store
from tests.services.plugins.records.register import ndjson
from tests.support.plugins import HOST
from tests.support.plugins.far_side import NoAgency, key_ring

FOLDER: Final = Path(__file__).parents[3] / "support" / "plugins" / "policies"
ELDER, OTHER = "0000000000001", "0000000000019"
ALL: Final = "SELECT * FROM "
DELETE: Final = "DELETE FROM "
POLICY: Final = "INSERT INTO policy VALUES (:number, :holder, '2027-01-01')"


@pytest.fixture(scope="module")
def plugin() -> Plugin:
    return load_folder(FOLDER, HOST, {})


@pytest.fixture
async def stores(database: Database, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Stores]:
    stores = Stores(database, key_ring(), clock, tmp_path / "plugins")
    yield stores
    await stores.close()


def renamed(plugin: Plugin, slug: str, *migrations: Migration) -> Plugin:
    return replace(plugin, manifest=plugin.manifest.model_copy(update={"slug": slug}), migrations=migrations)


async def count(store: Any) -> int:
    async with store.transaction() as tx:
        [row] = await tx.fetch("SELECT count(*) AS n FROM policy")
    return int(row["n"])


async def test_a_register_takes_what_it_is_sent_and_answers_from_it(
    database: Database, clock: FixedClock, stores: Stores, plugin: Plugin
) -> None:
    host = Host(clock, NoAgency(), store=stores.of(plugin))
    runner = Runner(lambda _: host)
    desk = RecordDesk(database, clock, key_ring(), runner, lambda: [plugin])
    body = ndjson(
        {"number": "P-1", "holder": ELDER, "until": "2027-01-01"},
        {"number": "P-2", "holder": ELDER, "until": "2027-02-01"},
        {"number": "P-1", "holder": OTHER, "until": "2029-01-01"},
    )
    outcome = await desk.take(Sending(plugin, "arrivals", "client", "night-0001", body, lines_of(body)))
    assert (outcome.taken, [(one.line, one.code, one.path) for one in outcome.rejected]) == (
        2,
        [(3, "POLICY_OF_ANOTHER", "/holder")],
    )
    told = await runner.run(plugin, "mine", asker="citizen", person=NationalId(ELDER))
    assert told == [
        {"number": "P-1", "until": date(2027, 1, 1)},
        {"number": "P-2", "until": date(2027, 2, 1)},
    ]
    assert await runner.run(plugin, "mine", asker="citizen", person=NationalId(OTHER)) == []


async def test_a_transaction_is_whole_or_never_was(stores: Stores, plugin: Plugin) -> None:
    store = stores.of(plugin)
    row = {"number": "P-1", "holder": ELDER}

    async def twice() -> None:
        async with store.transaction() as tx:
            assert await tx.execute(POLICY, row) == 1
            await tx.execute(POLICY, row)

    with pytest.raises(IntegrityError):
        await twice()
    assert await count(store) == 0


async def test_no_table_of_ours_can_be_reached(stores: Stores, plugin: Plugin, database: Database) -> None:
    store = stores.of(plugin)
    tables = sorted(load_models().tables)
    schemas = ["", "main."] if database.is_sqlite else ["", "public."]
    assert len(tables) > 50
    assert "person" in tables
    for table in tables if database.is_sqlite else [*tables, "alembic_version"]:
        for schema in schemas:
            for statement in (ALL + schema + table, DELETE + schema + table):
                with pytest.raises(DBAPIError, match="permission denied" if schema == "public." else "no"):
                    async with store.transaction() as tx:
                        await tx.execute(statement)
    assert await count(store) == 0


@pytest.mark.sqlite_only
async def test_no_other_file_can_be_attached_nor_a_setting_changed(
    stores: Stores, plugin: Plugin, database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    store, ours = stores.of(plugin), database.engine.url.database
    for statement in (f"ATTACH DATABASE '{ours}' AS ours", "PRAGMA writable_schema = 1", "VACUUM INTO '/tmp/copy'"):
        with pytest.raises(ValueError, match="a statement is a SELECT"):
            async with store.transaction() as tx:
                await tx.execute(statement)
        bad = renamed(plugin, "bad", _step(1, statement + ";\n"))
        with pytest.raises(DBAPIError, match=r"not authorized|within a transaction"):
            await Stores(database, key_ring(), clock, tmp_path / "bad").open([bad])
    for statement in ("SELECT * FROM pragma_table_info('policy')", "SELECT load_extension('x')"):
        with pytest.raises(DBAPIError):
            async with store.transaction() as tx:
                await tx.fetch(statement)


@pytest.mark.postgres_only
async def test_its_role_has_no_way_back_to_ours(stores: Stores, plugin: Plugin, database: Database) -> None:
    store, ours = stores.of(plugin), database.engine.url.username
    for statement in (
        f"SELECT set_config('role', '{ours}', false)",
        f"SELECT set_config('session_authorization', '{ours}', false)",
        "SELECT pg_read_file('/etc/hostname')",
        "SELECT query_to_xml('SELECT * FROM public.person', true, false, '')",
        "SELECT rolpassword FROM pg_authid",
    ):
        with pytest.raises(DBAPIError):
            async with store.transaction() as tx:
                await tx.fetch(statement)
    async with store.transaction() as tx:
        [row] = await tx.fetch("SELECT current_schema() AS here, current_user AS who, session_user AS session")
    assert row["here"] == "plugin_policies"
    assert row["who"] == row["session"] != ours
    async with database.read() as session:
        assert await session.scalar(text("SELECT to_regclass('public.policy')")) is None
        rights = "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = :who"
        assert await session.scalar(text(rights), {"who": row["who"]}) is False


async def test_another_plugins_tables_are_as_far_away(stores: Stores, plugin: Plugin) -> None:
    await stores.open([plugin])
    other = stores.of(renamed(plugin, "other", _step(1, "CREATE TABLE mine (n INTEGER);\n")))
    for table in ("policy", "plugin_policies.policy", LEDGER + "x"):
        with pytest.raises(DBAPIError):
            async with other.transaction() as tx:
                await tx.fetch(ALL + table)


async def test_it_holds_no_connection_of_ours(stores: Stores, plugin: Plugin, database: Database) -> None:
    store, goes_on = stores.of(plugin), asyncio.Event()
    await stores.open([plugin])
    inside = asyncio.Semaphore(0)

    async def hold() -> None:
        async with store.transaction():
            inside.release()
            await goes_on.wait()

    held = [asyncio.create_task(hold()) for _ in range(30)]
    await inside.acquire()
    pool: Any = database.engine.sync_engine.pool
    assert pool.checkedout() == 0
    async with database.write() as session:
        assert await session.scalar(text("SELECT 1")) == 1
    goes_on.set()
    await asyncio.gather(*held)


async def test_who_only_reads_waits_for_nobody_who_writes(stores: Stores, plugin: Plugin) -> None:
    store = stores.of(plugin)
    async with store.transaction() as tx:
        await tx.execute(POLICY, {"number": "P-1", "holder": ELDER})

    async def numbers() -> list[str]:
        async with store.reading() as look:
            return [row["number"] for row in await look.fetch("SELECT number FROM policy ORDER BY number")]

    goes_on, inside = asyncio.Event(), asyncio.Event()

    async def write(number: str) -> None:
        async with store.transaction() as tx:
            await tx.execute(POLICY, {"number": number, "holder": ELDER})
            inside.set()
            await goes_on.wait()

    # one writes, and as many wait to write as there are places but one
    writers = [asyncio.create_task(write(f"P-{n}")) for n in range(2, 5)]
    await inside.wait()
    assert await asyncio.gather(*(numbers() for _ in range(40))) == [["P-1"]] * 40
    goes_on.set()
    await asyncio.gather(*writers)
    assert await numbers() == ["P-1", "P-2", "P-3", "P-4"]


@pytest.mark.sqlite_only
async def test_readers_have_places_though_all_of_those_who_write_are_taken(stores: Stores, plugin: Plugin) -> None:
    store, goes_on = stores.of(plugin), asyncio.Event()
    await stores.open([plugin])
    inside = asyncio.Event()

    async def hold() -> None:
        async with store.transaction():
            inside.set()
            await goes_on.wait()

    held = [asyncio.create_task(hold()) for _ in range(30)]
    await inside.wait()
    async with store.reading() as look:
        assert await look.fetch("SELECT number FROM policy") == []
    goes_on.set()
    await asyncio.gather(*held)


async def test_a_reading_changes_nothing(stores: Stores, plugin: Plugin) -> None:
    store = stores.of(plugin)
    async with store.reading() as look:
        assert not hasattr(look, "execute")
        for statement in ("DELETE FROM policy", "INSERT INTO policy VALUES ('P-1', 'x', '2027-01-01')"):
            with pytest.raises(ValueError, match="a statement is a SELECT, WITH or VALUES"):
                await look.fetch(statement)
    smuggled = [
        f"WITH one AS (SELECT 1) {POLICY} RETURNING 1",
        "WITH one AS (INSERT INTO policy VALUES (:number, :holder, '2027-01-01') RETURNING 1) SELECT * FROM one",
        "WITH one AS (SELECT 1) delete /* now */ FROM policy RETURNING 1",
        "SELECT * INTO copied FROM policy",
        "SELECT * FROM policy FOR UPDATE",
    ]
    async with store.reading() as look:
        for statement in smuggled:
            with pytest.raises(ValueError, match="a reading changes nothing"):
                await look.fetch(statement, {"number": "P-1", "holder": ELDER})
        [row] = await look.fetch("SELECT 'INSERT INTO' AS \"update\"")
        assert row == {"update": "INSERT INTO"}
        with pytest.raises(ValueError, match="rows"):
            await look.fetch(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= :last) SELECT i FROM n",
                {"last": ROWS_MAX},
            )
    assert await count(store) == 0


async def test_migrations_run_once_though_all_come_at_once(
    database: Database, clock: FixedClock, tmp_path: Path, plugin: Plugin
) -> None:
    many = [Stores(database, key_ring(), clock, tmp_path / "plugins") for _ in range(3)]
    await asyncio.gather(*(stores.open([plugin]) for stores in many))
    async with many[0].of(plugin).transaction() as tx:
        rows = await tx.fetch(ALL + LEDGER + " ORDER BY number")
    assert [(row["number"], row["name"]) for row in rows] == [(1, "policies"), (2, "holders")]
    assert {datetime.fromisoformat(row["applied_at"]).astimezone(UTC) for row in rows} == {clock.now()}
    for stores in many:
        await stores.close()


async def test_what_ran_is_added_to_and_never_changed(
    database: Database, clock: FixedClock, tmp_path: Path, plugin: Plugin
) -> None:
    async def opened(*migrations: Migration) -> None:
        stores = Stores(database, key_ring(), clock, tmp_path / "plugins")
        try:
            await stores.open([replace(plugin, migrations=migrations)])
        finally:
            await stores.close()

    first, second = plugin.migrations
    third = _step(3, "ALTER TABLE policy ADD COLUMN satang INTEGER;\nUPDATE policy SET satang = 0;\n")
    await opened(first)
    await opened(first, second)
    for changed in (
        (_step(1, "CREATE TABLE policy (n INTEGER);\n"), second),
        (first, _step(2, "SELECT 1;\n")),
        (first,),
    ):
        with pytest.raises(StoreUnusable):
            await opened(*changed)
    with pytest.raises(DBAPIError):
        await opened(first, second, _step(3, "CREATE TABLE half (n INTEGER);\nCREATE TABLE policy (n INTEGER);\n"))
    await opened(first, second, third)
    stores = Stores(database, key_ring(), clock, tmp_path / "plugins")
    async with stores.of(replace(plugin, migrations=(first, second, third))).transaction() as tx:
        assert await tx.fetch("SELECT satang FROM policy") == []
        with pytest.raises(DBAPIError):
            await tx.fetch("SELECT * FROM half")
    await stores.close()


@pytest.mark.parametrize(
    "sql", ["DROP TABLE policy", "SET ROLE x", "", "/* */ SELECT 1", "BEGIN", "COMMIT", "SELECT " + "1," * 6_000 + "1"]
)
async def test_only_statements_about_rows_are_taken(clock: FixedClock, plugin: Plugin, sql: str) -> None:
    async with temporary_store(plugin, clock) as store, store.transaction() as tx:
        with pytest.raises(ValueError, match="statement"):
            await tx.execute(sql)


async def test_values_are_plain_and_rows_are_bounded(clock: FixedClock, plugin: Plugin) -> None:
    async with temporary_store(plugin, clock) as store, store.transaction() as tx:
        bad: Any = {"number": 1.5}
        with pytest.raises(ValueError, match=":number is not plain"):
            await tx.fetch("SELECT :number", bad)
        hostile = "'); DROP TABLE policy; --"
        await tx.execute(POLICY, {"number": hostile, "holder": ELDER})
        assert [row["number"] for row in await tx.fetch("SELECT number FROM policy")] == [hostile]
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :last) SELECT i FROM n"
        assert len(await tx.fetch(numbers, {"last": ROWS_MAX})) == ROWS_MAX
        with pytest.raises(ValueError, match="rows"):
            await tx.fetch(numbers, {"last": ROWS_MAX + 1})


async def test_its_examples_and_the_conformance_suite_run_on_a_store_that_is_gone_afterwards(
    clock: FixedClock, plugin: Plugin
) -> None:
    for example in plugin.examples:
        await run_example(plugin, example)
    report = await Suite(clock).check(plugin, documents_hash="0" * 64)
    assert report.passed, report.document


async def test_who_has_no_migrations_has_no_store(stores: Stores, plugin: Plugin) -> None:
    assert isinstance(stores.of(None), NoStore)
    assert isinstance(stores.of(replace(plugin, migrations=())), NoStore)
    with pytest.raises(LookupError):
        NoStore().transaction()


def _step(number: int, sql: str) -> Migration:
    return Migration(number, "step", {"sqlite": sql, "postgresql": sql})


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "it holds no migration"),
        ({"1_x.sql": ""}, "it is no migration"),
        ({"0001_x.py": ""}, "it is no migration"),
        ({"0002_x.sql": ""}, "there is no 0001"),
        ({"0001_x.sql": "", "0001_y.sql": ""}, "another has its number"),
        ({"0001_x.sql": "", "0001_x.sqlite.sql": ""}, "another has its number"),
        ({"0001_x.sqlite.sql": ""}, "there is none for postgresql"),
        ({"0001_x.sql": " " * 100_001}, "larger than"),
    ],
)
def test_a_store_that_is_not_in_form_is_refused(tmp_path: Path, files: dict[str, str], why: str) -> None:
    folder = tmp_path / "policies"
    shutil.copytree(FOLDER, folder)
    shutil.rmtree(folder / "store")
    (folder / "store").mkdir()
    for name, sql in files.items():
        (folder / "store" / name).write_text(sql, encoding="utf-8")
    with pytest.raises(PluginRefused, match=f"STORE.*{why}"):
        load_folder(folder, HOST, {})


def test_a_package_has_no_store() -> None:
    with pytest.raises(PluginRefused, match="a package has no store"):
        load_folder(FOLDER, HOST, {}, origin=Origin.PACKAGE)


def test_each_database_may_have_its_own_sql(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    shutil.copytree(FOLDER, folder)
    for dialect in ("sqlite", "postgresql"):
        (folder / "store" / f"0003_more.{dialect}.sql").write_text(f"-- {dialect};\nSELECT ';';\nSELECT 2", "utf-8")
    third = load_folder(folder, HOST, {}).migrations[2]
    assert [*third.statements("sqlite")] == ["-- sqlite;\nSELECT ';';", "SELECT 2"]
    assert third.checksum("sqlite") != third.checksum("postgresql")
