"""The two executions agree, and the test that says so can fail."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis.errors import NoSuchExample

from tests.welfare.rules.agreement import disagreements, situations
from welfare.rules import tree as t
from welfare.rules.dates import cut, resolved
from welfare.rules.polars_code import PolarsEmitter

Situation = tuple[list[str], date, list[dict[str, Any]]]
EXAMPLES = 600
slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=slow, derandomize=True)
@given(situations())
def test_python_and_polars_agree(situation: Situation) -> None:
    """600 × 4 rules × 64 people: 153,600 conditions and 38,400 amounts a run."""
    assert disagreements(*situation) == []


class BetweenWithoutItsEnd(PolarsEmitter):
    def between(self, node: t.Between) -> t.Pred:
        both = t.And((t.Compare(node.term, t.Cmp.GE, node.low), t.Compare(node.term, t.Cmp.LT, node.high)))
        return t.Not(both) if node.negated else both


class BetweenForgetsNot(PolarsEmitter):
    def between(self, node: t.Between) -> t.Pred:
        return t.And((t.Compare(node.term, t.Cmp.GE, node.low), t.Compare(node.term, t.Cmp.LE, node.high)))


class NullIsFalse(PolarsEmitter):
    def predicate(self, node: t.Pred) -> pl.Expr:
        return super().predicate(node).fill_null(value=False)


class LeastIgnoresNull(PolarsEmitter):
    def where_known(self, compared: pl.Expr, names: Any) -> pl.Expr:
        return compared


class LeapDayOnThe28th(PolarsEmitter):
    def cut(self, node: t.AgeOn, years: int) -> pl.Expr:
        day = cut(resolved(node.at, self.on), years)
        late = day.month == 2 and day.day == 28
        return pl.lit(date(day.year, 2, 29) if late and day.year % 4 == 0 else day)


class CutADayEarly(PolarsEmitter):
    def cut(self, node: t.AgeOn, years: int) -> pl.Expr:
        return super().cut(node, years).dt.offset_by("-1d")


class AgeIgnoresTheFiscalYear(PolarsEmitter):
    def cut(self, node: t.AgeOn, years: int) -> pl.Expr:
        base = "assessment_date" if node.at.base == "fiscal_year_start" else node.at.base
        return pl.lit(cut(resolved(t.DateConst(base, node.at.shifts), self.on), years))


class StrictBecomesLoose(PolarsEmitter):
    def compared(self, left: pl.Expr, op: t.Cmp, right: pl.Expr) -> pl.Expr:
        return super().compared(left, t.Cmp.LE if op is t.Cmp.LT else op, right)


class ShareRoundsDown(PolarsEmitter):
    def share(self, money: pl.Expr, basis_points: int) -> pl.Expr:
        return (money * basis_points) // 10_000


class CodeListForgetsItsLast(PolarsEmitter):
    def code_in(self, fact: t.Fact, codes: tuple[str, ...], negated: bool) -> pl.Expr:
        return super().code_in(fact, codes[:1], negated)


class UnknownArmIsSkipped(PolarsEmitter):
    def first_match(self, arm: pl.Expr, value: pl.Expr, otherwise: pl.Expr) -> pl.Expr:
        return pl.when(arm).then(value).otherwise(otherwise)


class Wraps32Bits(PolarsEmitter):
    def term(self, node: t.Term) -> pl.Expr:
        found = super().term(node)
        return (
            found.cast(pl.Int32, wrap_numerical=True).cast(pl.Int64) if isinstance(node, t.Sum | t.Product) else found
        )


class LeastIsGreatest(PolarsEmitter):
    def term(self, node: t.Term) -> pl.Expr:
        return super().term(t.Greatest(node.left, node.right) if isinstance(node, t.Least) else node)


BUGS = [
    BetweenWithoutItsEnd, BetweenForgetsNot, NullIsFalse, LeastIgnoresNull, LeapDayOnThe28th, CutADayEarly,
    AgeIgnoresTheFiscalYear, StrictBecomesLoose, ShareRoundsDown, CodeListForgetsItsLast, UnknownArmIsSkipped,
    Wraps32Bits, LeastIsGreatest,
]  # fmt: skip


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_seeded_bug_is_caught(bug: type[PolarsEmitter]) -> None:
    def caught(situation: Situation) -> bool:
        return bool(disagreements(*situation, emitter=bug))

    # Without shrinking: it only has to be found, with as many examples as the property test above takes.
    once = settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=slow,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
    )
    try:
        find(situations(), caught, settings=once)
    except NoSuchExample:
        pytest.fail(f"{bug.__name__} was not noticed")
