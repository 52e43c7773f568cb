"""Tables of facts: families in two tables, at most so many children of one applicant, and what a table refuses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from random import Random  # noqa: TID251 (made-up children from a seed)
from typing import Any, Final

import polars as pl
import psycopg
import pytest

from tests.support.databases import Databases, Kind
from tests.welfare.programmes.boundary_facts import Row, boundary_facts, frame_of, split
from tests.welfare.programmes.case_files import PROGRAMMES, VOCABULARY
from tests.welfare.rules.engines import Engines, engines_on
from welfare.programmes import Outcome, Version, evaluate
from welfare.programmes.frames import MET, determine_frame, met_among_siblings
from welfare.programmes.queries import Families, determine_query, facts_table
from welfare.programmes.siblings import AtMost
from welfare.rules import AttributeType, Vocabulary
from welfare.rules import Kind as FactKind
from welfare.rules.errors import NameTooLong
from welfare.rules.sql_code import identifier

ON: Final = date(2026, 11, 16)
APPLICANTS: Final = 150
CHILDREN: Final = 600
LIMIT: Final = AtMost(2)
MET_BY: Final = {Outcome.MET: True, Outcome.UNMET: False, Outcome.UNKNOWN: None}
SOURCE: Final = Families("persons", "children")


@pytest.fixture(scope="module")
def version() -> Version:
    found = PROGRAMMES["child-support-grant"].version_on(ON)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def engines(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    folder = tmp_path_factory.mktemp("queries")
    with databases.clone(Kind.POSTGRESQL, folder, empty=True) as url, engines_on(url) as both:
        yield both


@pytest.fixture(scope="module")
def families(version: Version, engines: Engines) -> list[tuple[int, Row, Row]]:
    """Children with their applicant's number; they differ in little else than their day of birth, often unknown."""
    rows = boundary_facts(version, ON, 3, CHILDREN)
    parents = [split(row)[0] for row in rows[:APPLICANTS]]
    children, dice = [], Random(5)
    for number, row in enumerate(rows):
        child = split(row)[1] | {"nationality": "thai", "deceased": False, "person_status": "normal"}
        child |= {"lives_with_applicant": True, "parent_is_thai": dice.choice((True, True, True, None, False))}
        if dice.random() < 0.5:
            child |= {"birth_date": dice.choice((None, date(2024, 5, 5), date(2023, 5, 5)))}
        children.append((number % APPLICANTS, {**parents[number % APPLICANTS], "household_size": 4}, child))
    own = Vocabulary(version.vocabulary.person)
    childs = Vocabulary(version.vocabulary.child)
    for engine in engines:
        for table, vocabulary, keys in (("persons", own, ["id"]), ("children", childs, ["id", "applicant"])):
            engine.run(facts_table(table, vocabulary.person, vocabulary, [f"{key} bigint" for key in keys]))
        for number in range(APPLICANTS):
            engine.run(_insert("persons", {"id": number, **children[number][1]}, own, ["id"]))
        for number, (applicant, _, child) in enumerate(children):
            row = {"id": number, "applicant": applicant, **child}
            engine.run(_insert("children", row, childs, ["id", "applicant"]))
    return children


def _insert(table: str, row: Row, vocabulary: Vocabulary, keys: Sequence[str]) -> str:
    columns = [*keys, *vocabulary.person]
    values = ", ".join("NULL" if row[c] is None else str(row[c]) if c in keys else f"'{row[c]}'" for c in columns)
    return f"INSERT INTO {table} ({', '.join(map(identifier, columns))}) VALUES ({values})"  # noqa: S608 (made up here)


def by_python(version: Version, families: list[tuple[int, Row, Row]], limit: AtMost | None) -> list[bool | None]:
    alone = [evaluate(version, own, child, ON).outcome for _, own, child in families]
    together = list(alone)
    of: dict[int, list[int]] = defaultdict(list)
    for number, (applicant, _, _) in enumerate(families):
        of[applicant].append(number)
    for numbers in of.values() if limit else ():
        found = limit.among([alone[n] for n in numbers], [families[n][2]["birth_date"] for n in numbers])  # type: ignore[union-attr] # not None here
        for number, outcome in zip(numbers, found, strict=True):
            together[number] = outcome
    return [MET_BY[outcome] for outcome in together]


def by_polars(version: Version, families: list[tuple[int, Row, Row]], limit: AtMost) -> list[bool | None]:
    rows = [own | {f"child.{name}": value for name, value in child.items()} for _, own, child in families]
    facts = frame_of(version, rows)
    decided = determine_frame(version, facts, ON).with_columns(
        facts["child.birth_date"], pl.Series("applicant", [a for a, _, _ in families])
    )
    placed = decided.with_row_index("id").select(met_among_siblings(limit, MET, "child.birth_date", "applicant", "id"))
    return placed.to_series().to_list()


def by_sql(query: str, engine: Any) -> list[bool | None]:
    return [row[2] for row in engine.rows(f"SELECT * FROM ({query}) AS answers ORDER BY id")]  # noqa: S608 (our own)


def test_an_applicants_table_beside_the_childrens_gives_what_one_row_does(
    version: Version, families: list[tuple[int, Row, Row]], engines: Engines
) -> None:
    expected = by_python(version, families, None)
    assert {*expected} == {True, False, None}
    for engine in engines:
        assert by_sql(determine_query(version, SOURCE, ON), engine) == expected


def test_at_most_two_children_in_lawful_order_is_alike_everywhere(
    version: Version, families: list[tuple[int, Row, Row]], engines: Engines
) -> None:
    expected = by_python(version, families, LIMIT)
    assert expected != by_python(version, families, None)
    assert by_polars(version, families, LIMIT) == expected
    for engine in engines:
        assert by_sql(determine_query(version, SOURCE, ON, at_most=LIMIT), engine) == expected


SQL_BUGS: Final[dict[str, Callable[[str], str]]] = {
    "one_more": lambda query: query.replace(">= 2 THEN FALSE", "> 2 THEN FALSE"),
    "youngest_first": lambda query: query.replace('ORDER BY "child.birth_date"', 'ORDER BY "child.birth_date" DESC'),
    "twins_both": lambda query: query.replace(', "id" ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING', ""),
    "of_all_families": lambda query: query.replace('PARTITION BY "applicant"', ""),
    "unplaced_forgotten": lambda query: query.replace("maybe_before + maybe_unplaced", "maybe_before"),
    "unknown_is_no": lambda query: query.replace('"met_alone" IS NOT FALSE', '"met_alone"'),
    "twins_by_the_higher_key": lambda query: query.replace('"child.birth_date", "id"', '"child.birth_date", "id" DESC'),
}


@pytest.mark.parametrize("bug", SQL_BUGS)
def test_a_seeded_bug_of_the_limit_in_sql_is_noticed(
    bug: str, version: Version, families: list[tuple[int, Row, Row]], engines: Engines
) -> None:
    query = determine_query(version, SOURCE, ON, at_most=LIMIT)
    broken = SQL_BUGS[bug](query)
    assert broken != query
    assert by_sql(broken, engines[0]) != by_python(version, families, LIMIT)


@pytest.mark.parametrize("execution", [by_python, by_polars])
def test_a_seeded_bug_of_the_limit_elsewhere_is_noticed(
    execution: Callable[..., list[bool | None]],
    version: Version,
    families: list[tuple[int, Row, Row]],
    engines: Engines,
) -> None:
    """One child more, and the order of the list instead of the law's."""
    right = by_sql(determine_query(version, SOURCE, ON, at_most=LIMIT), engines[0])
    assert execution(version, families, AtMost(3)) != right
    unordered = [
        (a, own, child | {"birth_date": child["birth_date"] and date(2024, 1, 1)}) for a, own, child in families
    ]
    assert execution(version, unordered, LIMIT) != right


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("annual_income", -1), ("annual_income", 2**62), ("birth_date", "'infinity'"), ("birth_date", "'1799-12-31'"),
        ("birth_date", "'2401-01-01'"), ("person_status", "'saint'"),
    ],
)  # fmt: skip
def test_a_table_of_facts_refuses_what_no_rule_may_read(fact: str, value: object, engines: Engines) -> None:
    postgres = engines[0]
    table = f"refusing {fact} {value}"
    postgres.run(facts_table(table, [fact], VOCABULARY))
    with pytest.raises(psycopg.errors.CheckViolation):
        postgres.run(f'INSERT INTO "{table}" VALUES ({value})')  # noqa: S608 (made up here)
    postgres.run(f'INSERT INTO "{table}" VALUES (NULL)')  # noqa: S608 (made up here)


def test_a_name_that_a_database_would_cut_is_refused() -> None:
    assert identifier("ก" * 21) == '"' + "ก" * 21 + '"'
    with pytest.raises(NameTooLong):
        identifier("ก" * 21 + "a")
    with pytest.raises(NameTooLong):
        facts_table("facts", ["a" * 64], Vocabulary({"a" * 64: AttributeType(FactKind.BOOL)}))


def test_a_name_or_a_code_cannot_end_its_quotes(engines: Engines) -> None:
    sly = 'a"; DROP TABLE x; --'
    vocabulary = Vocabulary({sly: AttributeType(FactKind.BOOL)})
    for engine in engines:
        engine.run(facts_table("sly", [sly], vocabulary))
        assert engine.rows(f"SELECT {identifier(sly)} FROM sly") == []  # noqa: S608 (what the test is about)
