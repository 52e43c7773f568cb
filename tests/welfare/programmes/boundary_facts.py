"""Random facts for a version, most of them on or beside what its rules compare with: for comparing executions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random  # noqa: TID251 (made-up facts from a seed)
from typing import Any, Final

import polars as pl

from welfare.programmes import Outcome, Version, evaluate
from welfare.rules import AttributeType, Kind
from welfare.rules.dates import cut, resolved
from welfare.rules.tree import AgeOn, DateCompare, Number, Param, walk

KNOWN: Final = 0.9
"""Of each fact of some people; of the others all are known."""
DTYPES: Final[dict[Kind, Any]] = {Kind.BOOL: pl.Boolean, Kind.DATE: pl.Date, Kind.CODE: pl.String}
LEAP_DAYS: Final = tuple(date(year, 2, 29) for year in (1932, 1936, 1960, 2004, 2008, 2020, 2024))
Row = dict[str, Any]


def boundary_facts(version: Version, on: date, seed: int, size: int) -> list[Row]:
    """So many rows of the facts that the version reads, by their full names; None is unknown.

    Half of them at random; half with a few facts other than somebody's who meets every condition.
    """
    dice = Random(seed)
    choices = {name: list(_values(version, name, on)) for name in version.needs}
    entitled = _entitled(version, on, choices, dice)
    rows = []
    for number in range(size):
        changed = 1.0 if number % 2 else dice.choice((0.05, 0.2))
        known = dice.choice((KNOWN, 1.0))
        rows.append({name: _drawn(dice, entitled[name], values, changed, known) for name, values in choices.items()})
    return rows


def _drawn(dice: Random, usual: Any, values: list[Any], changed: float, known: float) -> Any:
    if dice.random() >= known:
        return None
    return dice.choice(values) if dice.random() < changed else usual


def _entitled(version: Version, on: date, choices: dict[str, list[Any]], dice: Random) -> Row:
    """Facts that meet as many conditions as changing one after the other finds."""
    row = {name: dice.choice(values) for name, values in choices.items()}
    for _ in range(2):
        for name, values in choices.items():
            row[name] = max(values, key=lambda value: _met(version, {**row, name: value}, on))
    return row


def _met(version: Version, row: Row, on: date) -> int:
    own, child = split(row)
    found = evaluate(version, own, child, on)
    return sum(condition.outcome is Outcome.MET for condition in found.conditions)


def frame_of(version: Version, rows: list[Row]) -> pl.DataFrame:
    columns = []
    for name in version.needs:
        attribute = _type(version, name)
        columns.append(pl.Series(name, [row[name] for row in rows], dtype=DTYPES.get(attribute.kind, pl.Int64)))
    return pl.DataFrame(columns)


def split(row: Row) -> tuple[Row, Row]:
    """The person's own facts and the child's."""
    own = {name: value for name, value in row.items() if not name.startswith("child.")}
    return own, {name[6:]: value for name, value in row.items() if name.startswith("child.")}


def _type(version: Version, name: str) -> AttributeType:
    attribute = version.vocabulary.type_of(name)
    assert attribute is not None
    return attribute


def _values(version: Version, name: str, on: date) -> Iterator[Any]:
    attribute = _type(version, name)
    if attribute.kind is Kind.BOOL:
        yield from (True, False)
    elif attribute.kind is Kind.CODE:
        yield from attribute.codes
    elif attribute.kind is Kind.DATE:
        yield from LEAP_DAYS
        yield from (date(1800, 1, 1), date(2400, 12, 31))
        for day in _days(version, on):
            yield from (day + timedelta(days=n) for n in (-1, 0, 1))
    else:
        constants = {n.value for n in _nodes(version) if isinstance(n, Number | Param)}
        near = {constant * times + n for constant in constants for times in (1, 2, 3, 5) for n in (-1, 0, 1)}
        near |= {attribute.minimum, attribute.maximum, 0, 1, 2, 3, 5, 7}
        yield from sorted(value for value in near if attribute.minimum <= value <= attribute.maximum)


def _days(version: Version, on: date) -> Iterator[date]:
    for node in _nodes(version):
        if isinstance(node, AgeOn):
            yield cut(resolved(node.at, on), node.years.value)
            yield cut(resolved(node.at, on), node.years.value + 1)
        elif isinstance(node, DateCompare):
            yield resolved(node.at, on)


def _nodes(version: Version) -> Iterator[Any]:
    formulas = (formula for benefit in version.benefits for formula in benefit.formulas)
    for tree in (*version.trees, *formulas):
        yield from walk(tree)
