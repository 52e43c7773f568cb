"""Deciding welfare programmes: one citizen at a time, and a million at once beside openfisca-core and PostgreSQL.

One citizen on the CPU's clock, in microseconds, since a call is too short for the kernel's ticks to be fair on a shared
machine: all programmes in force with their reasons, the same as JSON with texts, law and facts, and the next day on
which any answer changes; then what a client gets of it over the graph, by our executor and by the library's. A million
citizens with their children, six programmes: Polars from frames to frames and from Parquet files to Parquet files, the
same rules by openfisca-core (bench/rules_openfisca.py, in an environment of its own that is made at the first run), and
the emitted SQL on PostgreSQL. Every sum of every column must be the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import polars as pl
import psycopg

from bench.rules_facts import (
    APPLICANT,
    CHILDREN,
    COMPRESSION,
    KEY,
    OF_A_HOUSEHOLD,
    OF_CHILDREN,
    OF_PERSONS,
    ON,
    PERSONS,
    write_facts,
)
from bench.rules_graph import over_the_graph
from core.money import Money
from core.text import Language, Text
from tests.support.postgres import Postgres
from welfare.programmes import ForEach, ProgrammeCatalogue, Version, changes_on, load_programmes, read_vocabulary
from welfare.programmes.determiner import Determiner
from welfare.programmes.population import Families, determine_population
from welfare.programmes.queries import Facts, determine_query, facts_table
from welfare.programmes.queries import Families as Tables
from welfare.programmes.rendering import Renderer
from welfare.rules import Kind, Vocabulary
from welfare.rules.sql_code import identifier

ROOT: Final = Path(__file__).parents[1]
ENVIRONMENT: Final = ROOT / "var" / "bench-openfisca"
OPENFISCA: Final = ("openfisca-core==46.0.1", "pyarrow")
PEOPLE: Final = 400
OVER_THE_GRAPH: Final = 50
"""Of these people, since it takes a hundred times as long."""
UNKNOWN_EVERY: Final = 10
MICROSECONDS: Final = 1e6
CHILD: Final = "child."
Clocks = tuple[float, float]
"""Seconds on the wall, and of the CPU."""


@dataclass(frozen=True, slots=True)
class RulesSize:
    """`repeats` of asking all people; `citizens` of the bulk, decided in so many `rounds`."""

    repeats: int
    citizens: int
    rounds: int


@dataclass(frozen=True, slots=True)
class House:
    """The catalogue as it is committed."""

    vocabulary: Vocabulary
    programmes: ProgrammeCatalogue

    @classmethod
    def open(cls) -> House:
        vocabulary = read_vocabulary(ROOT / "services/exchange/catalogue/data/attributes.yaml")
        return cls(vocabulary, load_programmes(ROOT / "welfare/programmes/data", vocabulary))

    def versions(self, slugs: Sequence[str] | None = None) -> list[Version]:
        """Those in force; of a programme that has ended, the last."""
        chosen = [programme for programme in self.programmes if slugs is None or programme.slug in slugs]
        return [programme.version_on(ON) or programme.versions[-1] for programme in chosen]


def bench(folder: Path, size: RulesSize, *, say: Callable[[str], None]) -> None:
    """Measures and prints."""
    house = House.open()
    say("one citizen")
    _one_citizen(folder, house, size.repeats)
    _many(folder, house, size, say)


# --- one citizen


def _one_citizen(folder: Path, house: House, repeats: int) -> None:
    versions = house.versions()
    persons = [version for version in versions if version.for_each is ForEach.PERSON]
    childs = [version for version in versions if version.for_each is ForEach.CHILD]
    people = _people(folder, house, versions)
    some_unknown = [({**own, **_forgotten(own, n)}, child) for n, (own, child) in enumerate(people)]
    determiners = Determiner(persons), Determiner(childs)
    titles = {name: Text(th=f"ข้อเท็จจริง {name}", en=name) for version in versions for name in version.needs}
    renderers = [Renderer(some, titles, Language.TH) for some in (persons, childs)]

    def decide(own: Any, child: Any) -> None:
        determiners[0].determine(own, None, ON)
        determiners[1].determine(own, child, ON)

    def render(own: Any, child: Any) -> None:
        renderers[0].render(own, None, ON)
        renderers[1].render(own, child, ON)

    def change(own: Any, child: Any) -> None:
        for programme in house.programmes:
            changes_on(programme, own, child if programme.for_each is ForEach.CHILD else None, ON)

    conditions = sum(len(version.conditions) for version in versions)
    print(
        f"\none citizen with a child, {len(versions)} programmes, {conditions} conditions; {len(people)} people in turn"
    )
    print("CPU µs a citizen, median (least–most) of the rounds")
    for what, ask, asked, times in (
        ("outcomes with reasons, all known", decide, people, repeats),
        ("the same, some facts unknown", decide, some_unknown, repeats),
        ("as JSON with texts, law and facts", render, people, max(repeats // 4, 2)),
        ("the same, some facts unknown", render, some_unknown, max(repeats // 4, 2)),
        ("changesOn of every programme", change, people, max(repeats // 10, 2)),
    ):
        _tell(what, list(_microseconds(ask, asked, times)))
    for what, told in over_the_graph(house.programmes, people[:OVER_THE_GRAPH], max(repeats // 10, 2)).items():
        _tell(what, told)


def _tell(what: str, told: Sequence[float]) -> None:
    print(f"  {what:<38}{median(told):8.1f} ({min(told):.1f}–{max(told):.1f})", flush=True)


def _microseconds(ask: Callable[[Any, Any], None], people: Sequence[tuple[Any, Any]], rounds: int) -> Iterator[float]:
    for number in range(rounds + 1):
        began = time.process_time()
        for own, child in people:
            ask(own, child)
        if number:  # the first makes what is remembered
            yield (time.process_time() - began) / len(people) * MICROSECONDS


def _people(folder: Path, house: House, versions: Sequence[Version]) -> list[tuple[Any, Any]]:
    """Each an applicant with a child, as the exchange would tell their facts."""
    own, childs = _needs(versions)
    folder.mkdir()
    write_facts(folder, PEOPLE * OF_A_HOUSEHOLD, house.vocabulary, own, childs)
    applicants = pl.read_parquet(folder / PERSONS).filter(pl.col(KEY) % OF_A_HOUSEHOLD == 0)
    children = pl.read_parquet(folder / CHILDREN)
    return [
        (_told(person, house.vocabulary.person), _told(child, house.vocabulary.child))
        for person, child in zip(applicants.iter_rows(named=True), children.iter_rows(named=True), strict=True)
    ]


def _told(row: Mapping[str, Any], types: Mapping[str, Any]) -> dict[str, Any]:
    return {n: Money(v) if types[n].kind is Kind.MONEY else v for n, v in row.items() if n not in (KEY, APPLICANT)}


def _forgotten(own: Mapping[str, Any], number: int) -> dict[str, None]:
    return {name: None for place, name in enumerate(own) if (place + number) % UNKNOWN_EVERY == 0}


def _needs(versions: Sequence[Version]) -> tuple[list[str], list[str]]:
    needs = list(dict.fromkeys(name for version in versions for name in version.needs))
    return [n for n in needs if not n.startswith(CHILD)], [n[6:] for n in needs if n.startswith(CHILD)]


# --- a million


def _many(folder: Path, house: House, size: RulesSize, say: Callable[[str], None]) -> None:
    versions = house.versions(OF_PERSONS + OF_CHILDREN)
    facts = folder / "million"
    facts.mkdir()
    say(f"facts of {size.citizens:,} citizens")
    write_facts(facts, size.citizens, house.vocabulary, *_needs(versions))
    say("Polars")
    memory, files, sums = _by_polars(facts, versions, size.rounds)
    rows = {"Polars, frames to frames": memory, "Polars, Parquet to Parquet": files}
    theirs = _by_openfisca(facts, size.rounds, say)
    if theirs is not None:
        rows |= {
            "openfisca-core, arrays to arrays": theirs["memory"],
            "  of it building the simulation": theirs["build"],
            "openfisca-core, Parquet to Parquet": theirs["files"],
        }
        _same("openfisca-core", sums, theirs["sums"])
    say("PostgreSQL")
    rows["SQL on PostgreSQL, table to sums"], in_sql = _by_postgresql(facts, house, versions, size.rounds)
    _same("PostgreSQL", sums, in_sql)
    print(f"\n{size.citizens:,} citizens, a quarter of them children: {len(versions)} programmes, {len(sums)} columns;")
    print("seconds on the wall, and of the CPU, median of the rounds; every sum is the same")
    for name, clocks in rows.items():
        wall, cpu = (median(clock[i] for clock in clocks) for i in (0, 1))
        print(f"  {name:<38}{wall:8.3f}" + (f"{cpu:8.3f}" if cpu else ""))
    if theirs is not None:
        for name, ours, other in (
            ("in memory", memory, theirs["memory"]),
            ("in memory, their building left out", memory, _without(theirs["memory"], theirs["build"])),
            ("Parquet to Parquet", files, theirs["files"]),
        ):
            wall, cpu = (median(c[i] for c in other) / median(c[i] for c in ours) for i in (0, 1))
            print(f"  Polars over openfisca-core, {name}: ×{wall:.1f} on the wall, ×{cpu:.1f} of the CPU", flush=True)


def _without(whole: Sequence[Clocks], part: Sequence[Clocks]) -> list[Clocks]:
    return [(w[0] - p[0], w[1] - p[1]) for w, p in zip(whole, part, strict=True)]


def _same(name: str, ours: Mapping[str, int], theirs: Mapping[str, int]) -> None:
    """Exits when an answer differs: a figure beside a wrong answer says nothing."""
    wrong = {column for column in ours.keys() | theirs.keys() if ours.get(column) != theirs.get(column)}
    if wrong:
        sys.exit(f"{name} answers otherwise: {', '.join(sorted(wrong))}")


@contextmanager
def _clock(told: list[Clocks]) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    told.append((time.perf_counter() - wall, time.process_time() - cpu))


def _by_polars(
    folder: Path, versions: Sequence[Version], rounds: int
) -> tuple[list[Clocks], list[Clocks], dict[str, int]]:
    memory: list[Clocks] = []
    files: list[Clocks] = []
    families = Families(pl.read_parquet(folder / PERSONS), pl.read_parquet(folder / CHILDREN))
    answers = determine_population(versions, families, ON)
    for _ in range(rounds):
        with _clock(memory):
            determine_population(versions, families, ON)
    for _ in range(rounds):
        with _clock(files):
            families = Families(pl.read_parquet(folder / PERSONS), pl.read_parquet(folder / CHILDREN))
            answers = determine_population(versions, families, ON)
            answers.persons.write_parquet(folder / "answers.parquet", compression=COMPRESSION)
            answers.children.write_parquet(folder / "child_answers.parquet", compression=COMPRESSION)
    sums = {
        _neutral(column): answers.total(column)
        for frame in (answers.persons, answers.children)
        for column in frame.columns
        if "." in column
    }
    return memory, files, sums


def _neutral(column: str) -> str:
    """A column's name as all three can have it."""
    slug, _, rest = column.partition(".")
    return f"{slug.replace('-', '_')}__{rest.replace('.', '_')}"


def _by_openfisca(folder: Path, rounds: int, say: Callable[[str], None]) -> dict[str, Any] | None:
    """None, and why, where it cannot be installed."""
    python = ENVIRONMENT / "bin" / "python"
    try:
        if not python.exists():
            say("openfisca-core is installed, once")
            subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *OPENFISCA], check=True)
        say("openfisca-core")
        script = Path(__file__).with_name("rules_openfisca.py")
        done = subprocess.run([python, script, folder, str(rounds)], check=True, stdout=subprocess.PIPE)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"openfisca-core was not measured: {error}")
        return None
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _by_postgresql(
    folder: Path, house: House, versions: Sequence[Version], rounds: int
) -> tuple[list[Clocks], dict[str, int]]:
    """One statement a programme over its tables, every column added up. The CPU is the server's, and not counted."""
    own, childs = _needs(versions)
    told: list[Clocks] = []
    sums: dict[str, int] = {}
    options = {"shared_buffers": "1GB", "work_mem": "64MB", "max_parallel_workers_per_gather": str(os.cpu_count() or 1)}
    with Postgres.running(options=options) as cluster, psycopg.connect(cluster.url("postgres"), autocommit=True) as db:
        for file, names, types, keys in (
            (PERSONS, own, house.vocabulary.person, [f"{KEY} bigint PRIMARY KEY"]),
            (CHILDREN, childs, house.vocabulary.child, [f"{KEY} bigint PRIMARY KEY", f"{APPLICANT} bigint"]),
        ):
            table = file.removesuffix(".parquet")
            db.execute(facts_table(table, names, Vocabulary(types), keys).encode())
            with db.cursor().copy(f"COPY {identifier(table)} FROM STDIN WITH (FORMAT csv, HEADER)".encode()) as copy:
                copy.write(pl.read_parquet(folder / file).write_csv().encode())
            db.execute(f"VACUUM ANALYZE {identifier(table)}".encode())
        for _ in range(rounds):
            began = time.perf_counter()
            for version in versions:
                sums |= _added_up(db, version)
            told.append((time.perf_counter() - began, 0.0))
    return told, sums


def _added_up(db: psycopg.Connection[Any], version: Version) -> dict[str, int]:
    of_child = version.for_each is ForEach.CHILD
    source = Tables("persons", "children", KEY, APPLICANT) if of_child else Facts("persons", (KEY,))
    flags = ["met", *(f"condition.{condition.id}" for condition in version.conditions)]
    amounts = [f"benefit.{benefit.kind}" for benefit in version.sums]
    wanted = [f"count(*) FILTER (WHERE {identifier(flag)})" for flag in flags]
    wanted += [f"sum({identifier(amount)})::bigint" for amount in amounts]
    query = f"SELECT {', '.join(wanted)} FROM ({determine_query(version, source, ON)}) AS answers"  # noqa: S608 (names are quoted)
    row = db.execute(query.encode()).fetchone()
    assert row is not None
    return {_neutral(f"{version.programme}.{c}"): value for c, value in zip([*flags, *amounts], row, strict=True)}
