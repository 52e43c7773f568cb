"""Millions of citizens: the same rules as Polars expressions over a frame, null meaning unknown.

A frame has one column an attribute, named as in the rule (`annual_income`, `child.birth_date`). Traps closed here:
Polars wraps 64-bit integers silently (so facts are checked against their ranges first, and the parser bounds what is
computed), its horizontal minimum ignores nulls, and `when` takes a null for false.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import reduce
from typing import Final

import polars as pl

from welfare.rules import tree as t
from welfare.rules.attributes import YEAR_MAX, YEAR_MIN, AttributeType, Kind, Vocabulary
from welfare.rules.dates import checked_day, cut, resolved
from welfare.rules.errors import FactColumnMissing, FactOutOfRange, FactUnknownCode, FactWrongType, UnknownAttribute
from welfare.rules.operands import BASIS_POINTS
from welfare.rules.python_code import lowered

_DTYPES: Final[Mapping[Kind, pl.DataType]] = {
    Kind.BOOL: pl.Boolean(),
    Kind.DATE: pl.Date(),
    Kind.INT: pl.Int64(),
    Kind.MONEY: pl.Int64(),
}


class PolarsEmitter:
    """Expressions for one assessment day. Predicates are nullable booleans, terms nullable 64-bit integers.

    `known` are facts that are unknown of nobody in the frame; knowing that spares work and changes no answer.
    """

    def __init__(self, on: date, known: Collection[str] = frozenset()) -> None:
        self.on = checked_day(on)
        self._known = frozenset(known)

    def is_known(self, node: t.Node) -> bool:
        """Whether it is unknown of nobody."""
        return bool(self._known) and self._known.issuperset(t.fact_names(node))

    def predicate(self, node: t.Pred) -> pl.Expr:  # noqa: PLR0911 (one return a kind of node)
        match node:
            case t.Flag(fact):
                return pl.col(fact.name)
            case t.Compare():
                return self.compare(node)
            case t.Between():
                return self.predicate(self.between(node))
            case t.CodeIn(fact, codes, negated):
                return self.code_in(fact, codes, negated)
            case t.AgeOn():
                return self.age(node)
            case t.DateCompare(fact, op, at):
                return self.compared(pl.col(fact.name), op, pl.lit(resolved(at, self.on)))
            case t.Not(item):
                return ~self.predicate(item)
            case t.And(items):
                return reduce(lambda a, b: a & b, map(self.predicate, items))
            case t.Or(items):
                return reduce(lambda a, b: a | b, map(self.predicate, items))

    def between(self, node: t.Between) -> t.Pred:
        return lowered(node)

    def code_in(self, fact: t.Fact, codes: tuple[str, ...], negated: bool) -> pl.Expr:
        column = pl.col(fact.name)
        found = reduce(lambda a, b: a | b, (column == code for code in codes))
        return ~found if negated else found

    def cut(self, node: t.AgeOn, years: int) -> pl.Expr:
        return pl.lit(cut(resolved(node.at, self.on), years))

    def age(self, node: t.AgeOn) -> pl.Expr:
        birth, years = pl.col(node.birth.name), node.years.value
        match node.op:
            case t.Cmp.GE:
                return birth <= self.cut(node, years)
            case t.Cmp.LT:
                return birth > self.cut(node, years)
            case t.Cmp.GT:
                return birth <= self.cut(node, years + 1)
            case t.Cmp.LE:
                return birth > self.cut(node, years + 1)
            case t.Cmp.EQ:
                return (birth <= self.cut(node, years)) & (birth > self.cut(node, years + 1))
            case t.Cmp.NE:
                return (birth > self.cut(node, years)) | (birth <= self.cut(node, years + 1))

    def compare(self, node: t.Compare) -> pl.Expr:
        compared = self.compared(self.term(node.left), node.op, self.term(node.right))
        if any(isinstance(n, t.Least | t.Greatest) for n in t.walk(node)):
            return self.where_known(compared, t.fact_names(node))
        return compared

    def where_known(self, value: pl.Expr, names: Iterable[str]) -> pl.Expr:
        """Null where any of the facts is: a horizontal minimum or maximum would pass over it."""
        open_facts = [name for name in names if name not in self._known]
        if not open_facts:
            return value
        known = pl.all_horizontal([pl.col(name).is_not_null() for name in open_facts])
        return pl.when(known).then(value).otherwise(None)

    def known_term(self, node: t.Term) -> pl.Expr:
        """A term that stands alone: null where any of its facts is."""
        return self.where_known(self.term(node), t.fact_names(node))

    def compared(self, left: pl.Expr, op: t.Cmp, right: pl.Expr) -> pl.Expr:
        match op:
            case t.Cmp.LT:
                return left < right
            case t.Cmp.LE:
                return left <= right
            case t.Cmp.EQ:
                return left == right
            case t.Cmp.NE:
                return left != right
            case t.Cmp.GE:
                return left >= right
            case t.Cmp.GT:
                return left > right

    def term(self, node: t.Term) -> pl.Expr:
        match node:
            case t.Fact(name):
                return pl.col(name)
            case t.Number(value) | t.Param(_, _, value):
                return pl.lit(value, dtype=pl.Int64)
            case t.Sum(first, rest):
                return reduce(
                    lambda a, r: a - self.term(r.term) if r.negative else a + self.term(r.term), rest, self.term(first)
                )
            case t.Product(factors):
                return reduce(lambda a, b: a * b, map(self.term, factors))
            case t.Least(left, right):
                return pl.min_horizontal(self.term(left), self.term(right))
            case t.Greatest(left, right):
                return pl.max_horizontal(self.term(left), self.term(right))
            case t.Share(money, points):
                return self.share(self.term(money), points.value)

    def share(self, money: pl.Expr, basis_points: int) -> pl.Expr:
        return (money * pl.lit(basis_points, dtype=pl.Int64) + BASIS_POINTS // 2) // BASIS_POINTS

    def amount(self, arms: Sequence[t.Pred], satang: Sequence[int]) -> pl.Expr:
        """The satang of the first true arm, the last entry where none is true, null where an arm before is unknown."""
        chosen = pl.lit(satang[len(arms)], dtype=pl.Int64)
        for arm, value in reversed(list(zip(arms, satang, strict=False))):
            chosen = self.chosen(arm, pl.lit(value, dtype=pl.Int64), chosen)
        return chosen

    def chosen(self, arm: t.Pred, value: pl.Expr, otherwise: pl.Expr) -> pl.Expr:
        """One arm before those that `otherwise` holds."""
        if self.is_known(arm):
            return pl.when(self.predicate(arm)).then(value).otherwise(otherwise)
        return self.first_match(self.predicate(arm), value, otherwise)

    def first_match(self, arm: pl.Expr, value: pl.Expr, otherwise: pl.Expr) -> pl.Expr:
        """Of the type that both values have."""
        return pl.when(arm.is_null()).then(pl.lit(None)).when(arm).then(value).otherwise(otherwise)


def checked_frame(frame: pl.DataFrame, names: Iterable[str], vocabulary: Vocabulary) -> pl.DataFrame:
    """The columns `names`, cast to the types that rules read.

    Raises FactColumnMissing, FactWrongType, FactOutOfRange or FactUnknownCode; never wraps or nulls a value.
    """
    typed, beyond = typed_frame(frame, names, vocabulary)
    refuse_beyond(typed.select(**beyond), beyond)
    return typed


def typed_frame(
    frame: pl.DataFrame, names: Iterable[str], vocabulary: Vocabulary
) -> tuple[pl.DataFrame, dict[str, pl.Expr]]:
    """As :func:`checked_frame`, and what is still to be asked of it: expressions that are true where a value is beyond
    its range. Whoever reads the columns anyway asks in the same pass, since most of the time is fetching them from
    memory, and hands the answers to :func:`refuse_beyond` before anybody sees a result.

    Raises FactColumnMissing, FactWrongType or FactUnknownCode; FactOutOfRange where a cast could change a value.
    """
    columns: list[pl.Series] = []
    beyond: dict[str, pl.Expr] = {}
    for name in names:
        attribute = vocabulary.type_of(name)
        if attribute is None:
            raise UnknownAttribute(1, 1, name=name)
        if name not in frame.columns:
            raise FactColumnMissing(name)
        column = frame.get_column(name)
        if attribute.kind is Kind.CODE:
            columns.append(_checked_codes(column, name, attribute))
            continue
        wanted = _DTYPES[attribute.kind]
        if column.dtype != pl.Null:
            _check_type(column, name, attribute)
            outside = None if attribute.kind is Kind.BOOL else _outside(column, attribute)
            if outside is not None and column.dtype == wanted:
                beyond[name] = outside
            elif outside is not None:  # cast only then: an unsigned or 128-bit value may not fit
                refuse_beyond(column.to_frame().select(outside), [name])
        columns.append(column.cast(wanted))
    return (pl.DataFrame(columns) if columns else frame.select([])), beyond


def refuse_beyond(found: pl.DataFrame, names: Iterable[str]) -> None:
    """Raises FactOutOfRange for the first of the columns that is true of anybody."""
    for name in names:
        if found.get_column(name).any():
            raise FactOutOfRange(name)


def _outside(column: pl.Series, attribute: AttributeType) -> pl.Expr:
    """True where a value is beyond; asking so takes half as long as looking for the greatest."""
    value = pl.col(column.name)
    if attribute.kind is Kind.DATE:
        return (value < pl.lit(date(YEAR_MIN, 1, 1))) | (value > pl.lit(date(YEAR_MAX, 12, 31)))
    if attribute.minimum == 0 and column.dtype == pl.Int64:
        # Read as unsigned, a negative number is greater than all others: one look at each instead of two.
        return value.reinterpret(signed=False) > attribute.maximum
    return (value < attribute.minimum) | (value > attribute.maximum)


def _check_type(column: pl.Series, name: str, attribute: AttributeType) -> None:
    is_number = attribute.kind in (Kind.INT, Kind.MONEY)
    if not (column.dtype.is_integer() if is_number else column.dtype == _DTYPES[attribute.kind]):
        raise FactWrongType(name)


def _checked_codes(column: pl.Series, name: str, attribute: AttributeType) -> pl.Series:
    """As an enumeration of the closed list: compared as small numbers, and a code that is not in it cannot be cast."""
    wanted = pl.Enum(attribute.codes)
    if column.dtype == wanted:
        return column
    if column.dtype not in (pl.Null, pl.String, pl.Categorical, pl.Enum):
        raise FactWrongType(name)
    try:
        return (column if column.dtype == pl.Null else column.cast(pl.String)).cast(wanted)
    except pl.exceptions.InvalidOperationError:
        raise FactUnknownCode(name) from None
