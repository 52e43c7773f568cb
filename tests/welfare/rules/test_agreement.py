"""Every execution of a rule gives the same answer: Python, Polars, and SQL on PostgreSQL and on DuckDB.

`script/soak rules` is the same over millions; test_seeded_bugs.py shows that it can fail.
"""

from __future__ import annotations

from datetime import date

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.welfare.rules.agreement import (
    ASSESSED,
    Crowd,
    by_python,
    difference,
    disagreements,
    formulas,
    situations,
    slow,
    terms_of,
    trees_of,
    values,
)
from tests.welfare.rules.engines import ROW, Engines
from tests.welfare.rules.oracle import as_sql

RULES = 300
ORACLE_RULES = 100
FORMULAS = 80
PEOPLE = 256


@settings(max_examples=RULES, deadline=None, suppress_health_check=slow, derandomize=True)
@given(situation=situations)
def test_python_polars_postgresql_and_duckdb_agree(
    situation: tuple[list[str], date], engines: Engines, crowd_of: dict[date, Crowd]
) -> None:
    """300 × (4 rules and an amount) × 256 people: 384,000 answers, each given four times."""
    texts, on = situation
    assert disagreements(texts, crowd_of[on], engines) == []


@settings(max_examples=ORACLE_RULES, deadline=None, suppress_health_check=slow, derandomize=True)
@given(situation=situations)
def test_a_rule_means_what_sqlglot_and_a_database_read_in_its_text(
    situation: tuple[list[str], date], engines: Engines, crowd_of: dict[date, Crowd]
) -> None:
    """100 × 4 rules × 256 people, by neither our parser nor our emitters: 102,400 answers of each database."""
    texts, on = situation
    expected = by_python(trees_of(texts), crowd_of[on]).drop(str(len(texts)))
    for engine, dialect in zip(engines, ("postgres", "duckdb"), strict=True):
        columns = ", ".join(as_sql(text, on, dialect) for text in texts)
        rows = engine.rows(f'SELECT {columns} FROM "{crowd_of[on].table}" ORDER BY "{ROW}"')  # noqa: S608 (our own)
        answer = pl.DataFrame(rows, schema=expected.schema, orient="row", strict=True)
        assert difference(texts, crowd_of[on], expected, answer, engine.name) == []


@settings(max_examples=FORMULAS, deadline=None, suppress_health_check=slow, derandomize=True)
@given(texts=formulas, on=st.sampled_from(ASSESSED))
def test_a_formula_gives_the_same_sum_everywhere(
    texts: list[str], on: date, engines: Engines, crowd_of: dict[date, Crowd]
) -> None:
    """80 × 4 formulas × 256 people: 81,920 sums, each given four times."""
    terms = terms_of(texts)
    for engine in engines:
        one, many, stored = values(terms, crowd_of[on], engine)
        assert one.equals(many)
        assert one.equals(stored)
