"""The four executions of a version, each as a frame: `met`, `condition.<id>` and `benefit.<kind>`."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from tests.welfare.programmes.boundary_facts import Row, boundary_facts, frame_of, split
from tests.welfare.rules.engines import ROW, Engine
from welfare.programmes import ForEach, Outcome, Version, evaluate
from welfare.programmes.frames import determine_frame
from welfare.programmes.queries import Facts, determine_query

MET_BY = {Outcome.MET: True, Outcome.UNMET: False, Outcome.UNKNOWN: None}


def columns_of(version: Version) -> dict[str, Any]:
    conditions = {f"condition.{c.id}": pl.Boolean for c in version.conditions}
    return {"met": pl.Boolean, **conditions, **{f"benefit.{b.kind}": pl.Int64 for b in version.sums}}


def by_python(version: Version, rows: list[Row], on: date) -> pl.DataFrame:
    answers = []
    for row in rows:
        own, child = split(row)
        found = evaluate(version, own, child if version.for_each is ForEach.CHILD else None, on)
        paid: dict[str, int | None] = {b.kind: 0 for b in version.sums}
        paid |= {b.kind: None if b.amount is None else b.amount.satang for b in found.benefits if not b.is_right}
        answers.append([MET_BY[found.outcome], *(MET_BY[c.outcome] for c in found.conditions), *paid.values()])
    return pl.DataFrame(answers, schema=columns_of(version), orient="row", strict=True)


def by_sql(version: Version, table: str, on: date, engine: Engine) -> pl.DataFrame:
    query = determine_query(version, Facts(table, (ROW,)), on)
    rows = engine.rows(f'SELECT * FROM ({query}) AS answers ORDER BY "{ROW}"')  # noqa: S608 (our own names)
    return pl.DataFrame([row[1:] for row in rows], schema=columns_of(version), orient="row", strict=True)


def disagreements(
    version: Version, on: date, seed: int, size: int, engines: tuple[Engine, ...]
) -> tuple[list[str], pl.DataFrame]:
    """Where another execution answers otherwise than Python, and Python's answers."""
    rows = boundary_facts(version, on, seed, size)
    frame, found = frame_of(version, rows), []
    expected = by_python(version, rows, on)
    table = f"facts {seed} {on}"
    others = {"polars": determine_frame(version, frame, on)}
    for engine in engines:
        engine.make(table, frame, version.vocabulary)
        others[engine.name] = by_sql(version, table, on, engine)
        engine.run(f'DROP TABLE "{table}"')
    for name, other in others.items():
        if not expected.equals(other):
            for row, one, two in zip(rows, expected.rows(named=True), other.rows(named=True), strict=True):
                if one != two:
                    found.append(f"{version.programme} on {on}, {name}: {two}, Python: {one}, facts: {row}")
                    break
    return found, expected
