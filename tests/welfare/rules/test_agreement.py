"""Every execution of a rule gives the same answer: Python, Polars, and SQL on PostgreSQL and on DuckDB.

`script/soak rules` is the same over millions; test_seeded_bugs.py shows that it can fail.
"""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings

from tests.welfare.rules.agreement import Crowd, disagreements, situations, slow
from tests.welfare.rules.engines import Engines

RULES = 300
PEOPLE = 256


@settings(max_examples=RULES, deadline=None, suppress_health_check=slow, derandomize=True)
@given(situation=situations)
def test_python_polars_postgresql_and_duckdb_agree(
    situation: tuple[list[str], date], engines: Engines, crowd_of: dict[date, Crowd]
) -> None:
    """300 × (4 rules and an amount) × 256 people: 384,000 answers, each given four times."""
    texts, on = situation
    assert disagreements(texts, crowd_of[on], engines) == []
