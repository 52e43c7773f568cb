"""Bugs that somebody could write into an emitter, each for all three: Python, Polars and SQL.

Those that show in the tree are put into it just before an emitter reads it; the rest are in an emitter's own words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import polars as pl

from welfare.rules import tree as t
from welfare.rules.dates import cut, resolved
from welfare.rules.polars_code import PolarsEmitter
from welfare.rules.python_code import ARM_UNKNOWN, Day, PythonEmitter
from welfare.rules.sql_code import SqlEmitter

Emitter = type[PythonEmitter] | type[PolarsEmitter] | type[SqlEmitter]
Mutation = Callable[[Any], Any]


def _op(old: t.Cmp, new: t.Cmp) -> Mutation:
    def mutate(node: Any) -> Any:
        is_compared = isinstance(node, t.Compare | t.AgeOn | t.DateCompare) and node.op is old
        return replace(node, op=new) if is_compared else node

    return mutate


def _at(change: Callable[[t.DateConst], t.DateConst], *kinds: type[Any]) -> Mutation:
    def mutate(node: Any) -> Any:
        return replace(node, at=change(node.at)) if isinstance(node, kinds or (t.AgeOn, t.DateCompare)) else node

    return mutate


def _shift(amount: int, unit: t.Unit) -> Callable[[t.DateConst], t.DateConst]:
    return lambda at: replace(at, shifts=(*at.shifts, t.Shift(amount, unit)))


def _of_fiscal_year(change: Callable[[t.DateConst], t.DateConst]) -> Callable[[t.DateConst], t.DateConst]:
    return lambda at: change(at) if at.base == "fiscal_year_start" else at


def _without_its_end(node: Any) -> Any:
    if not isinstance(node, t.Between):
        return node
    both = t.And((t.Compare(node.term, t.Cmp.GE, node.low), t.Compare(node.term, t.Cmp.LT, node.high)))
    return t.Not(both) if node.negated else both


def _and_is_or(node: Any) -> Any:
    return t.Or(node.items) if isinstance(node, t.And) else node


def _least_is_greatest(node: Any) -> Any:
    return t.Greatest(node.left, node.right) if isinstance(node, t.Least) else node


def _minus_is_plus(node: Any) -> Any:
    return replace(node, rest=tuple(replace(r, negative=False) for r in node.rest)) if isinstance(node, t.Sum) else node


def _forgets_not(node: Any) -> Any:
    return replace(node, negated=False) if isinstance(node, t.Between | t.CodeIn) else node


def _forgets_the_last_code(node: Any) -> Any:
    return replace(node, codes=node.codes[:1]) if isinstance(node, t.CodeIn) else node


IN_THE_TREE: Final[dict[str, Mutation]] = {
    "at_least_becomes_more_than": _op(t.Cmp.GE, t.Cmp.GT),
    "at_most_becomes_less_than": _op(t.Cmp.LE, t.Cmp.LT),
    "less_than_becomes_at_most": _op(t.Cmp.LT, t.Cmp.LE),
    "equal_becomes_at_least": _op(t.Cmp.EQ, t.Cmp.GE),
    "cut_a_day_early": _at(_shift(-1, t.Unit.DAYS), t.AgeOn),
    "cut_a_day_late": _at(_shift(1, t.Unit.DAYS), t.AgeOn),
    "day_of_the_law_a_day_late": _at(_shift(1, t.Unit.DAYS), t.DateCompare),
    "buddhist_year": _at(_shift(543, t.Unit.YEARS)),
    "fiscal_year_from_january": _at(_of_fiscal_year(_shift(-9, t.Unit.MONTHS))),
    "fiscal_year_is_today": _at(_of_fiscal_year(lambda at: replace(at, base="assessment_date"))),
    "interval_forgotten": _at(lambda at: replace(at, shifts=())),
    "between_without_its_end": _without_its_end,
    "not_forgotten": _forgets_not,
    "last_code_forgotten": _forgets_the_last_code,
    "and_is_or": _and_is_or,
    "least_is_greatest": _least_is_greatest,
    "minus_is_plus": _minus_is_plus,
}


def in_the_tree(emitter: Emitter, mutate: Mutation) -> Emitter:
    def predicate(self: Any, node: t.Pred) -> Any:
        return emitter.predicate(self, mutate(node))

    def term(self: Any, node: t.Term) -> Any:
        return emitter.term(self, mutate(node))

    return type("Broken", (emitter,), {"predicate": predicate, "term": term})


# --- Python


@dataclass(frozen=True, slots=True)
class LeapDay(Day):
    """As if 29 February came of age on the 28th."""

    def on(self, assessment: date) -> date:
        day = Day.on(self, assessment)
        return _to_the_29th(day) if self.years is not None else day


def _to_the_29th(day: date) -> date:
    return date(day.year, 2, 29) if (day.month, day.day) == (2, 28) and day.year % 4 == 0 else day


class PythonLeapDay(PythonEmitter):
    def day(self, at: t.DateConst, years: int | None) -> str:
        return f"k[{self.days.setdefault(LeapDay(at, years), len(self.days))}]"


class PythonUnknownIsFalse(PythonEmitter):
    def outcome(self, unknown: str, known: str) -> str:
        return f"0 if {unknown} else (2 if {known} else 0)"


class PythonUnknownTakesAll(PythonEmitter):
    def chain(self, items: tuple[t.Pred, ...], stop: int, sign: str) -> int:
        found = [self.predicate(item) for item in items]
        n, of = self.fresh(), ", ".join(f"t{one}" for one in found)
        self.line(f"t{n} = 1 if 1 in ({of}) else {'min' if sign == '<' else 'max'}({of})")
        self.line(f"m{n} = (t{n} == 1) * 1")
        return n


class PythonLeastPassesOver(PythonEmitter):
    def unknown(self, variables: Sequence[str], node: t.Pred) -> str:
        is_pair = isinstance(node, t.Compare) and any(isinstance(n, t.Least | t.Greatest) for n in t.walk(node))
        return "False" if is_pair else super().unknown(variables, node)

    def term(self, node: t.Term) -> str:
        if isinstance(node, t.Least | t.Greatest):
            left, right = self.term(node.left), self.term(node.right)
            if left.startswith("v") and right.startswith("v"):
                return f"({right} if {left} is None else {left} if {right} is None else {super().term(node)})"
        return super().term(node)


class PythonUnknownIsInNoList(PythonEmitter):
    def unknown(self, variables: Sequence[str], node: t.Pred) -> str:
        return "False" if isinstance(node, t.CodeIn) else super().unknown(variables, node)


class PythonShareRoundsDown(PythonEmitter):
    def share(self, money: str, basis_points: int) -> str:
        return f"({money} * {basis_points} // 10000)"


class PythonShareTowardsZero(PythonEmitter):
    def share(self, money: str, basis_points: int) -> str:
        raised = f"({money} * {basis_points} + 5000)"
        return f"(max({raised}, 0) // 10000 - max(-{raised}, 0) // 10000)"


class PythonUnknownArmIsSkipped(PythonEmitter):
    def amount(self, arms: Sequence[t.Pred]) -> str:
        found = [self.predicate(arm) for arm in arms]
        a = f"a{self.fresh()}"
        self.line(f"{a} = {len(arms)}")
        for index in reversed(range(len(arms))):
            self.line(f"if t{found[index]} == 2: {a} = {index}")
        return a


class PythonOtherwiseIsTheLastArm(PythonEmitter):
    def amount(self, arms: Sequence[t.Pred]) -> str:
        a = super().amount(arms)
        self.line(f"if {a} == {len(arms)}: {a} = {len(arms) - 1}")
        return a


class PythonLastArmWins(PythonEmitter):
    def amount(self, arms: Sequence[t.Pred]) -> str:
        found = [self.predicate(arm) for arm in arms]
        a = f"a{self.fresh()}"
        self.line(f"{a} = {len(arms)}")
        for index in range(len(arms)):
            self.line(f"if t{found[index]} == 2: {a} = {index}")
            self.line(f"elif t{found[index]} == 1: {a} = {ARM_UNKNOWN}")
        return a


class PythonWraps32Bits(PythonEmitter):
    def term(self, node: t.Term) -> str:
        found = super().term(node)
        return f"(({found} + {2**31}) % {2**32} - {2**31})" if isinstance(node, t.Sum | t.Product) else found


# --- Polars


class PolarsLeapDay(PolarsEmitter):
    def cut(self, node: t.AgeOn, years: int) -> pl.Expr:
        return pl.lit(_to_the_29th(cut(resolved(node.at, self.on), years)))


class PolarsUnknownIsFalse(PolarsEmitter):
    def predicate(self, node: t.Pred) -> pl.Expr:
        return super().predicate(node).fill_null(value=False)


class PolarsUnknownTakesAll(PolarsEmitter):
    def predicate(self, node: t.Pred) -> pl.Expr:
        found = super().predicate(node)
        if not isinstance(node, t.And | t.Or):
            return found
        known = pl.all_horizontal([self.predicate(item).is_not_null() for item in node.items])
        return pl.when(known).then(found).otherwise(pl.lit(None, dtype=pl.Boolean))


class PolarsLeastPassesOver(PolarsEmitter):
    def where_known(self, value: pl.Expr, names: Iterable[str]) -> pl.Expr:
        return value


class PolarsUnknownIsInNoList(PolarsEmitter):
    def code_in(self, fact: t.Fact, codes: tuple[str, ...], negated: bool) -> pl.Expr:
        return super().code_in(fact, codes, negated).fill_null(value=negated)


class PolarsShareRoundsDown(PolarsEmitter):
    def share(self, money: pl.Expr, basis_points: int) -> pl.Expr:
        return (money * basis_points) // 10_000


class PolarsShareTowardsZero(PolarsEmitter):
    def share(self, money: pl.Expr, basis_points: int) -> pl.Expr:
        raised = money * basis_points + 5_000
        return pl.when(raised < 0).then(-(-raised // 10_000)).otherwise(raised // 10_000)


class PolarsUnknownArmIsSkipped(PolarsEmitter):
    def first_match(self, arm: pl.Expr, value: pl.Expr, otherwise: pl.Expr) -> pl.Expr:
        return pl.when(arm).then(value).otherwise(otherwise)


class PolarsOtherwiseIsTheLastArm(PolarsEmitter):
    def amount(self, arms: Sequence[t.Pred], satang: Sequence[int]) -> pl.Expr:
        return super().amount(arms, [*satang[:-1], satang[-2]])


class PolarsLastArmWins(PolarsEmitter):
    def amount(self, arms: Sequence[t.Pred], satang: Sequence[int]) -> pl.Expr:
        return super().amount(arms[::-1], [*satang[:-1][::-1], satang[-1]])


class PolarsWraps32Bits(PolarsEmitter):
    def term(self, node: t.Term) -> pl.Expr:
        found = super().term(node)
        is_computed = isinstance(node, t.Sum | t.Product)
        return found.cast(pl.Int32, wrap_numerical=True).cast(pl.Int64) if is_computed else found


# --- SQL


class SqlLeapDay(SqlEmitter):
    def cut(self, node: t.AgeOn, years: int) -> str:
        return self.day(_to_the_29th(cut(resolved(node.at, self.on), years)))


class SqlUnknownIsFalse(SqlEmitter):
    def predicate(self, node: t.Pred) -> str:
        return f"COALESCE({super().predicate(node)}, FALSE)"


class SqlUnknownTakesAll(SqlEmitter):
    def chain(self, items: Sequence[t.Pred], word: str) -> str:
        known = " AND ".join(f"{self.predicate(item)} IS NOT NULL" for item in items)
        return f"(CASE WHEN {known} THEN {super().chain(items, word)} END)"


class SqlLeastPassesOver(SqlEmitter):
    def where_known(self, compared: str, names: Iterable[str]) -> str:
        return compared


class SqlUnknownIsInNoList(SqlEmitter):
    def code_in(self, fact: t.Fact, codes: Sequence[str], negated: bool) -> str:
        return f"COALESCE({super().code_in(fact, codes, negated)}, {negated})"


class SqlShareRoundsDown(SqlEmitter):
    def share(self, money: str, basis_points: int) -> str:
        return f"CAST(FLOOR({money} * {basis_points} * 0.0001) AS bigint)"


class SqlShareTowardsZero(SqlEmitter):
    def share(self, money: str, basis_points: int) -> str:
        return f"(({money} * {basis_points} + 5000) / 10000)"


class SqlUnknownArmIsSkipped(SqlEmitter):
    def first_match(self, arm: str, value: str, otherwise: str) -> str:
        return f"(CASE WHEN {arm} THEN {value} ELSE {otherwise} END)"


class SqlOtherwiseIsTheLastArm(SqlEmitter):
    def amount(self, arms: Sequence[t.Pred], values: Sequence[str]) -> str:
        return super().amount(arms, [*values[:-1], values[-2]])


class SqlLastArmWins(SqlEmitter):
    def amount(self, arms: Sequence[t.Pred], values: Sequence[str]) -> str:
        return super().amount(arms[::-1], [*values[:-1][::-1], values[-1]])


class SqlWraps32Bits(SqlEmitter):
    """PostgreSQL refuses instead of wrapping: a run that fails is noticed too."""

    def term(self, node: t.Term) -> str:
        found = super().term(node)
        return f"CAST({found} AS integer)" if isinstance(node, t.Sum | t.Product) else found


class SqlSmallConstants(SqlEmitter):
    """A constant of 32 bits: the product of two leaves them before a fact of 64 comes to it."""

    def number(self, value: int) -> str:
        return str(value)


OF_THEIR_OWN: Final[Sequence[Emitter]] = (
    PythonLeapDay, PythonUnknownIsFalse, PythonUnknownTakesAll, PythonLeastPassesOver, PythonUnknownIsInNoList,
    PythonShareRoundsDown, PythonShareTowardsZero, PythonUnknownArmIsSkipped, PythonOtherwiseIsTheLastArm,
    PythonLastArmWins, PythonWraps32Bits,
    PolarsLeapDay, PolarsUnknownIsFalse, PolarsUnknownTakesAll, PolarsLeastPassesOver, PolarsUnknownIsInNoList,
    PolarsShareRoundsDown, PolarsShareTowardsZero, PolarsUnknownArmIsSkipped, PolarsOtherwiseIsTheLastArm,
    PolarsLastArmWins, PolarsWraps32Bits,
    SqlLeapDay, SqlUnknownIsFalse, SqlUnknownTakesAll, SqlLeastPassesOver, SqlUnknownIsInNoList,
    SqlShareRoundsDown, SqlShareTowardsZero, SqlUnknownArmIsSkipped, SqlOtherwiseIsTheLastArm,
    SqlLastArmWins, SqlWraps32Bits, SqlSmallConstants,
)  # fmt: skip


def bugs() -> Iterator[tuple[str, Emitter]]:
    """Every bug by name, in each emitter."""
    for emitter in (PythonEmitter, PolarsEmitter, SqlEmitter):
        for name, mutate in IN_THE_TREE.items():
            yield f"{emitter.__name__}-{name}", in_the_tree(emitter, mutate)
    for broken in OF_THEIR_OWN:
        yield broken.__name__, broken
