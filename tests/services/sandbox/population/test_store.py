from __future__ import annotations

import re
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from core.thai_dates import parse_be_yyyymmdd
from services.sandbox.folders import stand_ins
from services.sandbox.population.commands import keep_demo, make_demo
from services.sandbox.population.errors import PopulationSizeNotPossible
from services.sandbox.population.generator import GENERATOR_VERSION, generate
from services.sandbox.population.personas import HOLDS_DAYS, PEOPLE_WITH_PERSONAS, PERSONAS
from services.sandbox.population.store import Made, agency_file, ensure, folder, stored

DAY = date(2026, 11, 16)


def quiet(_: str) -> None:
    pass


def contents(data_dir: Path) -> dict[str, bytes]:
    return {agency: agency_file(data_dir, agency).read_bytes() for agency in stand_ins()}


def count(data_dir: Path, agency: str, table: str) -> int:
    with closing(sqlite3.connect(agency_file(data_dir, agency))) as file:
        return int(file.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own


def test_the_first_time_makes_a_file_for_each_agency(tmp_path: Path) -> None:
    assert ensure(tmp_path, 200, 1, DAY) is True
    assert stored(tmp_path) == Made(200, 1, DAY, GENERATOR_VERSION)
    assert count(tmp_path, "dopa", "person") == 200 + PEOPLE_WITH_PERSONAS
    assert count(tmp_path, "oic", "policy") > 0
    assert not (folder(tmp_path) / ".population.new").exists()


def test_the_same_arguments_write_the_same_bytes(tmp_path: Path) -> None:
    ensure(tmp_path / "one", 300, 7, DAY)
    ensure(tmp_path / "two", 300, 7, DAY)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize(
    ("citizens", "seed", "later", "made"),
    [
        (200, 1, 0, False),
        (200, 1, HOLDS_DAYS, False),
        (200, 1, HOLDS_DAYS + 1, True),
        (200, 1, -1, True),
        (201, 1, 0, True),
        (200, 2, 0, True),
    ],
)
def test_a_population_is_made_again_only_where_it_no_longer_fits(
    tmp_path: Path, citizens: int, seed: int, later: int, made: bool
) -> None:
    ensure(tmp_path, 200, 1, DAY)
    assert ensure(tmp_path, citizens, seed, DAY + timedelta(days=later)) is made


def test_a_population_of_an_older_generator_is_made_again(tmp_path: Path) -> None:
    ensure(tmp_path, 200, 1, DAY)
    for agency in stand_ins():
        with closing(sqlite3.connect(agency_file(tmp_path, agency))) as file, file:
            file.execute("UPDATE meta SET version = version - 1")
    assert ensure(tmp_path, 200, 1, DAY) is True


@pytest.mark.parametrize("broken", [b"", b"not a database at all"])
def test_a_broken_file_is_made_again(tmp_path: Path, broken: bytes) -> None:
    ensure(tmp_path, 200, 1, DAY)
    agency_file(tmp_path, "rd").write_bytes(broken)
    assert stored(tmp_path) is None
    assert ensure(tmp_path, 200, 1, DAY) is True
    assert count(tmp_path, "rd", "income") > 0


def test_files_of_two_populations_side_by_side_are_made_again(tmp_path: Path) -> None:
    ensure(tmp_path / "other", 200, 2, DAY)
    ensure(tmp_path, 200, 1, DAY)
    agency_file(tmp_path / "other", "sso").replace(agency_file(tmp_path, "sso"))
    assert stored(tmp_path) is None
    assert ensure(tmp_path, 200, 1, DAY) is True


def test_a_making_that_dies_leaves_the_old_population_whole(tmp_path: Path) -> None:
    ensure(tmp_path, 200, 1, DAY)
    before = contents(tmp_path)

    def die(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure(tmp_path, 300, 1, DAY, die)
    assert contents(tmp_path) == before
    assert not (folder(tmp_path) / ".population.new").exists()


def test_of_two_that_start_at_once_one_makes_it_and_the_other_finds_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda _: ensure(tmp_path, 400, 1, DAY), range(2)))
    assert sorted(made) == [False, True]


def test_a_refused_size_touches_nothing(tmp_path: Path) -> None:
    with pytest.raises(PopulationSizeNotPossible):
        ensure(tmp_path, -1, 1, DAY)
    assert not folder(tmp_path).exists()


def test_a_demo_says_how_far_it_is_in_numbers_only(tmp_path: Path) -> None:
    said: list[str] = []
    assert make_demo(tmp_path, 200, 1, DAY, said.append) is True
    assert said == [f"{200 + PEOPLE_WITH_PERSONAS} / {200 + PEOPLE_WITH_PERSONAS}"]
    assert make_demo(tmp_path, 200, 1, DAY, said.append) is False


def test_a_demo_of_another_day_is_made_even_where_the_old_one_would_hold(tmp_path: Path) -> None:
    make_demo(tmp_path, 200, 1, DAY, quiet)
    assert make_demo(tmp_path, 200, 1, DAY + timedelta(days=1), quiet) is True
    made = stored(tmp_path)
    assert made is not None
    assert made.as_of == DAY + timedelta(days=1)


def test_a_server_keeps_the_size_and_seed_it_finds_and_renews_the_day(tmp_path: Path) -> None:
    make_demo(tmp_path, 200, 9, DAY, quiet)
    assert keep_demo(tmp_path, 100, 1, DAY + timedelta(days=3), quiet) == Made(200, 9, DAY, GENERATOR_VERSION)
    late = DAY + timedelta(days=400)
    assert keep_demo(tmp_path, 100, 1, late, quiet) == Made(200, 9, late, GENERATOR_VERSION)


def test_a_server_on_an_empty_disk_makes_what_it_is_told(tmp_path: Path) -> None:
    assert keep_demo(tmp_path, 0, 1, DAY, quiet) == Made(0, 1, DAY, GENERATOR_VERSION)
    assert count(tmp_path, "dopa", "person") == PEOPLE_WITH_PERSONAS


def test_ten_thousand_citizens_are_there_in_seconds(tmp_path: Path) -> None:
    """Measured at 0.7 s on two cores; the bound only catches a step that is no longer linear."""
    start = time.process_time()
    ensure(tmp_path, 10_000, 1, DAY)
    assert time.process_time() - start < 10


def test_dopa_writes_every_birth_in_the_calendar_of_its_time(tmp_path: Path) -> None:
    ensure(tmp_path, 3_000, 1, DAY)
    born = {person.national_id: person.born for person in generate(3_000, 1, DAY).people()}
    with closing(sqlite3.connect(agency_file(tmp_path, "dopa"))) as file:
        written = dict(file.execute("SELECT pid, birth_be FROM person"))
    assert {pid: parse_be_yyyymmdd(text) for pid, text in written.items()} == born
    assert any(day.year < 1941 for day in born.values())
    assert any(text.endswith("0000") for text in written.values())


def test_every_lookup_is_one_by_index(tmp_path: Path) -> None:
    ensure(tmp_path, 200, 1, DAY)
    for agency, stand_in in stand_ins().items():
        with closing(sqlite3.connect(agency_file(tmp_path, agency))) as file:
            for table in stand_in.sandbox.tables:
                column = table.indexes[0].split(",")[0]
                sql = f"EXPLAIN QUERY PLAN SELECT * FROM {table.name} WHERE {column} = ?"  # noqa: S608 - our own
                plan = file.execute(sql, (PERSONAS[0].national_id,)).fetchall()
                assert re.search("^SEARCH .* USING (COVERING )?INDEX ", plan[0][3])
