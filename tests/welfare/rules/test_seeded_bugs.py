"""Every bug that is put into an emitter is noticed by the comparison that test_agreement.py makes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import duckdb
import polars as pl
import psycopg
import pytest
from hypothesis import Phase, given, settings

from tests.welfare.rules.agreement import (
    SOUND,
    Crowd,
    by_polars,
    by_python,
    by_sql,
    situations,
    slow,
    terms_of,
    trees_of,
    values,
)
from tests.welfare.rules.engines import Engine, Engines
from tests.welfare.rules.seeded_bugs import Emitter, bugs
from welfare.rules.polars_code import PolarsEmitter
from welfare.rules.python_code import PythonEmitter
from welfare.rules.sql_code import SqlEmitter
from welfare.rules.tree import Pred

EXAMPLES: Final = 300
Example = tuple[list[Pred], Crowd, pl.DataFrame]


@pytest.fixture(scope="module")
def examples(crowd_of: dict[date, Crowd]) -> list[Example]:
    """As many rules as the property test tries, with the right answers."""
    found: list[tuple[list[str], date]] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=slow,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
    )
    @given(situations)
    def gather(situation: tuple[list[str], date]) -> None:
        found.append(situation)

    gather()
    told = [(trees_of(texts), crowd_of[on]) for texts, on in found]
    return [(trees, crowd, by_python(trees, crowd)) for trees, crowd in told]


def noticed(broken: Emitter, examples: Sequence[Example], engine: Engine) -> bool:
    """Whether any example shows it. An execution that fails outright shows it too."""
    for trees, crowd, right in examples:
        try:
            if issubclass(broken, PythonEmitter):
                answer = by_python(trees, crowd, broken)
            elif issubclass(broken, PolarsEmitter):
                answer = by_polars(trees, crowd, broken)
            else:
                assert issubclass(broken, SqlEmitter)
                answer = by_sql(trees, crowd, engine, broken)
        except (AssertionError, TypeError, pl.exceptions.PolarsError, psycopg.DataError, duckdb.Error):
            return True
        if not answer.equals(right):
            return True
    return False


@pytest.mark.parametrize(("broken"), [pytest.param(bug, id=name) for name, bug in bugs()])
def test_a_seeded_bug_is_noticed(broken: Emitter, examples: list[Example], engines: Engines) -> None:
    assert noticed(broken, examples, engines[0])


@pytest.mark.parametrize("sound", [PythonEmitter, PolarsEmitter, SqlEmitter])
def test_nothing_is_noticed_of_what_is_sound(sound: Emitter, examples: list[Example], engines: Engines) -> None:
    assert not noticed(sound, examples[::10], engines[0])


OF_A_FORMULA: Final = (
    *("least_is_greatest", "minus_is_plus", "ShareRoundsDown", "ShareTowardsZero", "Wraps32Bits"),
    *("PolarsLeastPassesOver", "SqlLeastPassesOver"),
)


@pytest.mark.parametrize(("name", "broken"), [(n, b) for n, b in bugs() if n.endswith(OF_A_FORMULA)])
def test_a_seeded_bug_is_noticed_in_a_formula_too(
    name: str, broken: Any, engines: Engines, crowd_of: dict[date, Crowd]
) -> None:
    """The sums themselves are compared, so the first handful of formulas shows it."""
    writers: list[Any] = [broken if issubclass(broken, sound) else sound for sound in SOUND]
    texts = ["share(income, :rate)", "LEAST(income, assets)", "GREATEST(assets, :much * 7)", "(income - assets)"]
    try:
        one, many, stored = values(terms_of(texts), crowd_of[date(2025, 10, 1)], engines[0], tuple(writers))
    except (TypeError, psycopg.DataError):
        return
    assert not (one.equals(many) and one.equals(stored)), name
