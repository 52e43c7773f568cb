"""`script/soak rules`: millions of random answers, each by Python, Polars, PostgreSQL and DuckDB, and none may differ.

Random rules over random people, the same rules as sqlglot and the databases read their text, and every version of every
programme over facts beside its boundaries. A case is one rule, amount or column asked about one person on one day.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from random import Random  # noqa: TID251 (made-up facts from a seed)
from typing import Final

import polars as pl
from hypothesis import Phase, given, settings
from hypothesis import seed as seeded

from tests.welfare.programmes import executions
from tests.welfare.programmes.case_files import PROGRAMMES
from tests.welfare.rules.agreement import (
    DAYS,
    RULES,
    VOCABULARY,
    Crowd,
    by_python,
    crowds,
    difference,
    disagreements,
    situations,
    slow,
    trees_of,
)
from tests.welfare.rules.engines import ROW, Engines, on_a_cluster_of_their_own
from tests.welfare.rules.oracle import as_sql
from welfare.programmes import Version

PEOPLE: Final = 512
PROGRAMME_PEOPLE: Final = 2_000
ORACLE_EVERY: Final = 4
"""Reading every text twice takes longer than the rest."""
FAULTS_MAX: Final = 20


class Soak:
    """Counts, and keeps the first faults."""

    def __init__(self, engines: Engines, seed: int) -> None:
        self._engines, self._seed = engines, seed
        self.cases: Counter[str] = Counter()
        self.faults: list[str] = []

    def rules(self, cases: int) -> None:
        """Random rules, at least so many cases."""
        crowd_of = crowds(self._seed, PEOPLE)
        for engine in self._engines:
            for crowd in crowd_of.values():
                engine.make(crowd.table, crowd.frame, VOCABULARY)
        examples = -(-cases // ((RULES + 1) * PEOPLE))

        @seeded(self._seed)
        @settings(
            max_examples=examples,
            deadline=None,
            suppress_health_check=slow,
            database=None,
            phases=[Phase.generate],
        )
        @given(situations)
        def compare(situation: tuple[list[str], date]) -> None:
            texts, on = situation
            self.faults += disagreements(texts, crowd_of[on], self._engines)
            self.cases["random rules"] += (len(texts) + 1) * PEOPLE
            if self.cases["random rules"] // ((len(texts) + 1) * PEOPLE) % ORACLE_EVERY == 0:
                self._oracle(texts, crowd_of[on])

        compare()

    def _oracle(self, texts: list[str], crowd: Crowd) -> None:
        expected = by_python(trees_of(texts), crowd).drop(str(len(texts)))
        for engine, dialect in zip(self._engines, ("postgres", "duckdb"), strict=True):
            columns = ", ".join(as_sql(text, crowd.on, dialect) for text in texts)
            rows = engine.rows(f'SELECT {columns} FROM "{crowd.table}" ORDER BY "{ROW}"')  # noqa: S608 (our own names)
            answer = pl.DataFrame(rows, schema=expected.schema, orient="row", strict=True)
            self.faults += difference(texts, crowd, expected, answer, f"{engine.name} by sqlglot")
        self.cases["the text by sqlglot"] += len(texts) * PEOPLE

    def programmes(self, cases: int) -> None:
        """Every version on days of its own, around and around."""
        dice, versions = Random(self._seed), list(_versions())
        turn = 0
        while self.cases["programmes"] < cases:
            version = versions[turn % len(versions)]
            on = dice.choice([version.starts or date(2026, 10, 1), *DAYS])
            found, answers = executions.disagreements(version, on, self._seed + turn, PROGRAMME_PEOPLE, self._engines)
            self.faults += found
            self.cases["programmes"] += answers.width * answers.height
            turn += 1


def _versions() -> Iterator[Version]:
    for programme in PROGRAMMES:
        yield from (*programme.versions, *programme.proposed)


def main() -> None:
    """The command. Exits with 1 when any two answers differ."""
    parser = argparse.ArgumentParser(prog="script/soak rules", description=__doc__)
    parser.add_argument("--cases", type=int, default=2_000_000, help="half of random rules, half of the programmes")
    parser.add_argument("--seed", type=int, default=1, help="picks rules, people and days")
    given_ = parser.parse_args()
    began = time.monotonic()
    with on_a_cluster_of_their_own() as engines:
        soak = Soak(engines, given_.seed)
        soak.rules(given_.cases // 2)
        soak.programmes(given_.cases - given_.cases // 2)
    told = "; ".join(f"{what} {count:,}" for what, count in soak.cases.items())
    differ = f"{len(soak.faults)} differ" if soak.faults else "none differs"
    sys.stdout.write(
        f"rules, seed {given_.seed}, {time.monotonic() - began:.0f} s: {soak.cases.total():,} cases, each by Python, "
        f"Polars, PostgreSQL and DuckDB ({told}): {differ}\n"
    )
    sys.stdout.writelines(f"  {fault}\n" for fault in soak.faults[:FAULTS_MAX])
    sys.exit(1 if soak.faults else 0)


if __name__ == "__main__":
    main()
