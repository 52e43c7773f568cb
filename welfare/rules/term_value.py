"""The value of a term for one citizen: what the amount of a benefit is where the law gives a formula."""

from __future__ import annotations

from collections.abc import Mapping

from welfare.rules import tree as t
from welfare.rules.attributes import Plain
from welfare.rules.operands import BASIS_POINTS

CHILD = "child."


def term_value(node: t.Term, facts: Mapping[str, Plain], child: Mapping[str, Plain]) -> int | None:
    """An int, or satang; None where any fact that it reads is unknown. The parser has bounded it to 64 bits."""
    for name in t.fact_names(node):
        if (child if name.startswith(CHILD) else facts).get(name.removeprefix(CHILD)) is None:
            return None
    return _value(node, facts, child)


def _value(node: t.Term, facts: Mapping[str, Plain], child: Mapping[str, Plain]) -> int:
    match node:
        case t.Fact(name):
            value = (child if name.startswith(CHILD) else facts)[name.removeprefix(CHILD)]
            assert isinstance(value, int)
            return value
        case t.Number(value) | t.Param(_, _, value):
            return value
        case t.Sum(first, rest):
            total = _value(first, facts, child)
            for added in rest:
                part = _value(added.term, facts, child)
                total = total - part if added.negative else total + part
            return total
        case t.Product(factors):
            product = 1
            for factor in factors:
                product *= _value(factor, facts, child)
            return product
        case t.Least(left, right):
            return min(_value(left, facts, child), _value(right, facts, child))
        case t.Greatest(left, right):
            return max(_value(left, facts, child), _value(right, facts, child))
        case t.Share(money, points):
            return (_value(money, facts, child) * points.value + BASIS_POINTS // 2) // BASIS_POINTS
