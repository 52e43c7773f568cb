"""Building typed terms: what may be added, multiplied and compared, and whether the result stays within 64 bits.

Python's integers grow, Polars' wrap, SQL's raise. Because every attribute has a range, the parser can bound every
intermediate result and refuse a rule that could leave 64 bits; then none of the three ever does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from welfare.rules import errors
from welfare.rules import tree as t
from welfare.rules.attributes import INT64_MAX, INT64_MIN, AttributeType, Kind
from welfare.rules.tokens import Token

BASIS_POINTS = 10_000


class Sort(StrEnum):
    """What an operand is while it is being read."""

    PREDICATE = "predicate"
    INT = "int"
    MONEY = "money"
    CODE = "code"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Operand:
    """A node with its sort, the bounds of its value (numbers only) and the token where it began."""

    node: t.Term | t.Pred
    sort: Sort
    token: Token
    low: int = 0
    high: int = 0
    attribute: AttributeType | None = None

    @property
    def predicate(self) -> t.Pred:
        if self.sort is not Sort.PREDICATE:
            raise wrong_type(self, "predicate")
        return cast("t.Pred", self.node)

    @property
    def term(self) -> t.Term:
        if self.sort not in (Sort.INT, Sort.MONEY):
            raise wrong_type(self, "int or money")
        return cast("t.Term", self.node)

    @property
    def fact(self) -> t.Fact:
        """The fact of a code or date operand."""
        return cast("t.Fact", self.node)


def wrong_type(operand: Operand, expected: str) -> errors.WrongType:
    return errors.WrongType(operand.token.line, operand.token.column, found=operand.sort.value, expected=expected)


def fact_operand(name: str, attribute: AttributeType, token: Token) -> Operand:
    fact = t.Fact(name, attribute.kind)
    if attribute.kind is Kind.BOOL:
        return Operand(t.Flag(fact), Sort.PREDICATE, token, attribute=attribute)
    return Operand(fact, Sort(attribute.kind.value), token, attribute.minimum, attribute.maximum, attribute)


def same_sort(left: Operand, right: Operand) -> Sort:
    """The sort two numbers share. A bare number is never money: a sum of money has a name and a currency in `with`."""
    _ = left.term, right.term
    if left.sort is not right.sort:
        raise wrong_type(right, left.sort.value)
    return left.sort


def product(factors: list[Operand]) -> Operand:
    if len(factors) == 1:
        return factors[0]
    result = factors[0]
    for factor in factors[1:]:
        _ = result.term, factor.term
        if result.sort is Sort.MONEY and factor.sort is Sort.MONEY:
            raise wrong_type(factor, "int")
        corners = [a * b for a in (result.low, result.high) for b in (factor.low, factor.high)]
        sort = Sort.MONEY if Sort.MONEY in (result.sort, factor.sort) else Sort.INT
        result = bounded(result.node, sort, result.token, min(corners), max(corners))
    return bounded(t.Product(tuple(f.term for f in factors)), result.sort, result.token, result.low, result.high)


def total(first: Operand, rest: list[tuple[bool, Operand]]) -> Operand:
    """A sum from left to right; every partial sum is bounded, since that is how it is computed."""
    if not rest:
        return first
    low, high = first.low, first.high
    for negative, operand in rest:
        same_sort(first, operand)
        low, high = (low - operand.high, high - operand.low) if negative else (low + operand.low, high + operand.high)
        bounded(first.node, first.sort, operand.token, low, high)
    added = tuple(t.Added(negative, operand.term) for negative, operand in rest)
    return bounded(t.Sum(first.term, added), first.sort, first.token, low, high)


def least(left: Operand, right: Operand) -> Operand:
    sort = same_sort(left, right)
    return bounded(
        t.Least(left.term, right.term), sort, left.token, min(left.low, right.low), min(left.high, right.high)
    )


def greatest(left: Operand, right: Operand) -> Operand:
    sort = same_sort(left, right)
    return bounded(
        t.Greatest(left.term, right.term), sort, left.token, max(left.low, right.low), max(left.high, right.high)
    )


def share(money: Operand, points: Operand) -> Operand:
    if money.sort is not Sort.MONEY:
        raise wrong_type(money, "money")
    if not isinstance(points.node, t.Param) or points.sort is not Sort.INT:
        raise wrong_type(points, "an int parameter")
    rate = points.node.value
    if not 0 <= rate <= BASIS_POINTS:
        raise errors.ShareOutOfRange(points.token.line, points.token.column)
    half = BASIS_POINTS // 2
    bounded(money.node, Sort.MONEY, money.token, money.low * rate, money.high * rate + half)
    low, high = ((bound * rate + half) // BASIS_POINTS for bound in (money.low, money.high))
    return bounded(t.Share(money.term, points.node), Sort.MONEY, money.token, low, high)


def bounded(node: t.Term | t.Pred, sort: Sort, token: Token, low: int, high: int) -> Operand:
    if low < INT64_MIN or high > INT64_MAX:
        raise errors.ArithmeticOutOfRange(token.line, token.column)
    return Operand(node, sort, token, low, high)
