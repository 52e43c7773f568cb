"""What a rule can come to while some numbers are only known to lie within bounds: interval arithmetic over the tree.

Sound for every tree: what a rule comes to for any numbers within the bounds lies within the answer. Exact once each
number is one number, for then it is what the compiled rule says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from welfare.rules import tree as t
from welfare.rules.attributes import Plain
from welfare.rules.dates import cut, resolved
from welfare.rules.operands import BASIS_POINTS
from welfare.rules.python_code import FALSE, TRUE, UNKNOWN, lowered


@dataclass(frozen=True, slots=True)
class Span:
    """The whole numbers from `low` to `high`, both included."""

    low: int
    high: int


Facts = Mapping[str, Plain | Span | None]
"""By full name (`child.` before a child's); absent and None are unknown."""
Outcomes = tuple[int, int]
"""The least and the greatest outcome of FALSE, UNKNOWN and TRUE."""

_EITHER: Outcomes = (FALSE, TRUE)
_NEVER: Outcomes = (FALSE, FALSE)
_ALWAYS: Outcomes = (TRUE, TRUE)
_UNKNOWN: Outcomes = (UNKNOWN, UNKNOWN)


def outcomes(node: t.Pred, facts: Facts, on: date) -> Outcomes:  # noqa: PLR0911 (one return a kind of node)
    """For facts of the types that their attributes have, on a day."""
    match node:
        case t.Flag(fact):
            value = facts.get(fact.name)
            return _UNKNOWN if value is None else _certain(holds=bool(value))
        case t.Compare(left, op, right):
            one, other = _span(left, facts), _span(right, facts)
            return _UNKNOWN if one is None or other is None else _compared(one, op, other)
        case t.Between():
            return outcomes(lowered(node), facts, on)
        case t.CodeIn(fact, codes, negated):
            value = facts.get(fact.name)
            return _UNKNOWN if value is None else _certain(holds=(value in codes) is not negated)
        case t.AgeOn(birth, at, op, years):
            born = facts.get(birth.name)
            return _aged(born, op, years.value, resolved(at, on)) if isinstance(born, date) else _UNKNOWN
        case t.DateCompare(fact, op, at):
            day = facts.get(fact.name)
            return _compared(_day(day), op, _day(resolved(at, on))) if isinstance(day, date) else _UNKNOWN
        case t.Not(item):
            low, high = outcomes(item, facts, on)
            return TRUE - high, TRUE - low
        case t.And(items):
            each = [outcomes(item, facts, on) for item in items]
            return min(low for low, _ in each), min(high for _, high in each)
        case t.Or(items):
            each = [outcomes(item, facts, on) for item in items]
            return max(low for low, _ in each), max(high for _, high in each)


def _certain(*, holds: bool) -> Outcomes:
    return _ALWAYS if holds else _NEVER


def _day(day: date) -> Span:
    return Span(day.toordinal(), day.toordinal())


def _aged(born: date, op: t.Cmp, years: int, day: date) -> Outcomes:
    """As the compiled rule has it: n years are completed exactly when the birth date is not after the cut."""
    at_least, more = born <= cut(day, years), born <= cut(day, years + 1)
    holds = {
        t.Cmp.GE: at_least,
        t.Cmp.LT: not at_least,
        t.Cmp.GT: more,
        t.Cmp.LE: not more,
        t.Cmp.EQ: at_least and not more,
        t.Cmp.NE: more or not at_least,
    }
    return _certain(holds=holds[op])


def _compared(one: Span, op: t.Cmp, other: Span) -> Outcomes:
    match op:
        case t.Cmp.LT:
            return _either(always=one.high < other.low, never=one.low >= other.high)
        case t.Cmp.LE:
            return _either(always=one.high <= other.low, never=one.low > other.high)
        case t.Cmp.GT:
            return _compared(other, t.Cmp.LT, one)
        case t.Cmp.GE:
            return _compared(other, t.Cmp.LE, one)
        case t.Cmp.EQ:
            apart = one.high < other.low or one.low > other.high
            return _either(always=one.low == one.high == other.low == other.high, never=apart)
        case t.Cmp.NE:
            low, high = _compared(one, t.Cmp.EQ, other)
            return TRUE - high, TRUE - low


def _either(*, always: bool, never: bool) -> Outcomes:
    return _ALWAYS if always else _NEVER if never else _EITHER


def _span(term: t.Term, facts: Facts) -> Span | None:  # noqa: PLR0911 (one return a kind of term)
    """None where a fact of it is unknown."""
    match term:
        case t.Fact(name):
            value = facts.get(name)
            if value is None or isinstance(value, Span):
                return value
            assert isinstance(value, int), "numbers are of numeric facts"
            return Span(value, value)
        case t.Number(value):
            return Span(value, value)
        case t.Param(_, _, value):
            return Span(value, value)
        case t.Sum(first, rest):
            return _sum(first, rest, facts)
        case t.Product(factors):
            return _product(factors, facts)
        case t.Least(left, right):
            one, other = _span(left, facts), _span(right, facts)
            return one and other and Span(min(one.low, other.low), min(one.high, other.high))
        case t.Greatest(left, right):
            one, other = _span(left, facts), _span(right, facts)
            return one and other and Span(max(one.low, other.low), max(one.high, other.high))
        case t.Share(money, points):
            whole = _span(money, facts)
            return whole and Span(_share(whole.low, points.value), _share(whole.high, points.value))


def _share(satang: int, basis_points: int) -> int:
    return (satang * basis_points + BASIS_POINTS // 2) // BASIS_POINTS


def _sum(first: t.Term, rest: tuple[t.Added, ...], facts: Facts) -> Span | None:
    total = _span(first, facts)
    for added in rest:
        part = _span(added.term, facts)
        if total is None or part is None:
            return None
        if added.negative:
            total = Span(total.low - part.high, total.high - part.low)
        else:
            total = Span(total.low + part.low, total.high + part.high)
    return total


def _product(factors: tuple[t.Term, ...], facts: Facts) -> Span | None:
    total = Span(1, 1)
    for factor in factors:
        part = _span(factor, facts)
        if part is None:
            return None
        corners = [a * b for a in (total.low, total.high) for b in (part.low, part.high)]
        total = Span(min(corners), max(corners))
    return total
