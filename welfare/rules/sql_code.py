"""The database's own execution: the same rules as SQL for PostgreSQL, NULL meaning unknown.

One column an attribute, named as in the rule (`annual_income`, `child.birth_date`). What is written is portable enough
for DuckDB to run it too, which the tests use as a second opinion. Traps closed here: LEAST and GREATEST pass over
NULL; a division of integers goes towards zero; a number is a 32-bit integer until it is told otherwise; a name is cut
at 63 bytes. Every day is computed here, by the functions that the other executions use, so no database does arithmetic
on dates. Constants are written into the text: whole numbers, ISO dates, and quoted words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from welfare.rules import tree as t
from welfare.rules.attributes import YEAR_MAX, YEAR_MIN, AttributeType, Kind, Vocabulary
from welfare.rules.dates import checked_day, cut, resolved
from welfare.rules.errors import NameTooLong, UnknownAttribute
from welfare.rules.operands import BASIS_POINTS
from welfare.rules.python_code import lowered

NAME_BYTES_MAX: Final = 63
"""PostgreSQL cuts a longer name silently, and two of them may become one."""
_TYPES: Final[Mapping[Kind, str]] = {
    Kind.BOOL: "boolean",
    Kind.DATE: "date",
    Kind.INT: "bigint",
    Kind.MONEY: "bigint",
    Kind.CODE: "text",
}


def identifier(name: str) -> str:
    """A name in quotes. Raises NameTooLong."""
    if len(name.encode()) > NAME_BYTES_MAX or "\x00" in name:
        raise NameTooLong(name=name[:NAME_BYTES_MAX].replace("\x00", ""), limit=NAME_BYTES_MAX)
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A word in quotes; `standard_conforming_strings` is on by default and nothing here needs an escape."""
    return "'" + value.replace("'", "''") + "'"


class SqlEmitter:
    """Expressions for one assessment day. Predicates are nullable booleans, terms nullable 64-bit integers."""

    def __init__(self, on: date) -> None:
        self.on = checked_day(on)

    def predicate(self, node: t.Pred) -> str:  # noqa: PLR0911 (one return a kind of node)
        match node:
            case t.Flag(fact):
                return self.column(fact)
            case t.Compare():
                return self.compare(node)
            case t.Between():
                return self.predicate(self.between(node))
            case t.CodeIn(fact, codes, negated):
                return self.code_in(fact, codes, negated)
            case t.AgeOn():
                return self.age(node)
            case t.DateCompare(fact, op, at):
                return self.compared(self.column(fact), op, self.day(resolved(at, self.on)))
            case t.Not(item):
                return f"(NOT {self.predicate(item)})"
            case t.And(items):
                return self.chain(items, "AND")
            case t.Or(items):
                return self.chain(items, "OR")

    def column(self, fact: t.Fact) -> str:
        return identifier(fact.name)

    def chain(self, items: Sequence[t.Pred], word: str) -> str:
        return f"({f' {word} '.join(map(self.predicate, items))})"

    def between(self, node: t.Between) -> t.Pred:
        return lowered(node)

    def code_in(self, fact: t.Fact, codes: Sequence[str], negated: bool) -> str:
        return f"({self.column(fact)} {'NOT IN' if negated else 'IN'} ({', '.join(map(text, codes))}))"

    def day(self, day: date) -> str:
        return f"DATE '{day.isoformat()}'"

    def cut(self, node: t.AgeOn, years: int) -> str:
        return self.day(cut(resolved(node.at, self.on), years))

    def age(self, node: t.AgeOn) -> str:
        birth, years = self.column(node.birth), node.years.value
        match node.op:
            case t.Cmp.GE:
                return f"({birth} <= {self.cut(node, years)})"
            case t.Cmp.LT:
                return f"({birth} > {self.cut(node, years)})"
            case t.Cmp.GT:
                return f"({birth} <= {self.cut(node, years + 1)})"
            case t.Cmp.LE:
                return f"({birth} > {self.cut(node, years + 1)})"
            case t.Cmp.EQ:
                return f"({birth} <= {self.cut(node, years)} AND {birth} > {self.cut(node, years + 1)})"
            case t.Cmp.NE:
                return f"({birth} > {self.cut(node, years)} OR {birth} <= {self.cut(node, years + 1)})"

    def compare(self, node: t.Compare) -> str:
        compared = self.compared(self.term(node.left), node.op, self.term(node.right))
        if any(isinstance(n, t.Least | t.Greatest) for n in t.walk(node)):
            return self.where_known(compared, t.fact_names(node))
        return compared

    def where_known(self, compared: str, names: Iterable[str]) -> str:
        """NULL where any of the facts is: LEAST and GREATEST would pass over it."""
        known = " AND ".join(f"{identifier(name)} IS NOT NULL" for name in names)
        return f"(CASE WHEN {known} THEN {compared} END)"

    def compared(self, left: str, op: t.Cmp, right: str) -> str:
        return f"({left} {op.value} {right})"

    def term(self, node: t.Term) -> str:
        match node:
            case t.Fact():
                return self.column(node)
            case t.Number(value) | t.Param(_, _, value):
                return self.number(value)
            case t.Sum(first, rest):
                added = "".join(f" {'-' if r.negative else '+'} {self.term(r.term)}" for r in rest)
                return f"({self.term(first)}{added})"
            case t.Product(factors):
                return f"({' * '.join(map(self.term, factors))})"
            case t.Least(left, right):
                return f"LEAST({self.term(left)}, {self.term(right)})"
            case t.Greatest(left, right):
                return f"GREATEST({self.term(left)}, {self.term(right)})"
            case t.Share(money, points):
                return self.share(self.term(money), points.value)

    def number(self, value: int) -> str:
        """64 bits from the start: a product of two small constants would be computed in 32."""
        return f"CAST({value} AS bigint)"

    def share(self, money: str, basis_points: int) -> str:
        # Exact decimals and FLOOR, because a division of negative integers would round up.
        raised = f"({money} * {self.number(basis_points)} + {BASIS_POINTS // 2})"
        return f"CAST(FLOOR({raised} * 0.0001) AS bigint)"

    def known_term(self, node: t.Term) -> str:
        """A term that stands alone: NULL where any of its facts is."""
        value, names = self.term(node), t.fact_names(node)
        return self.where_known(value, names) if names else value

    def amount(self, arms: Sequence[t.Pred], values: Sequence[str]) -> str:
        """The value of the first true arm, the last where none is true, NULL where an arm before is unknown."""
        chosen = values[len(arms)]
        for arm, value in reversed(list(zip(arms, values, strict=False))):
            chosen = self.first_match(self.predicate(arm), value, chosen)
        return chosen

    def first_match(self, arm: str, value: str, otherwise: str) -> str:
        """Neither WHEN holds of an unknown arm, so it gives NULL."""
        return f"(CASE {arm} WHEN TRUE THEN {value} WHEN FALSE THEN {otherwise} END)"


def facts_columns(names: Iterable[str], vocabulary: Vocabulary) -> list[tuple[str, str, str]]:
    """Name, type and check of each column that a table of facts has: what `checked_frame` is to a frame.

    A check holds of NULL. The year's bounds also keep PostgreSQL's `infinity` out. Raises UnknownAttribute.
    """
    found = []
    for name in names:
        attribute = vocabulary.type_of(name)
        if attribute is None:
            raise UnknownAttribute(1, 1, name=name)
        found.append((identifier(name), _TYPES[attribute.kind], _check(identifier(name), attribute)))
    return found


def _check(column: str, attribute: AttributeType) -> str:
    match attribute.kind:
        case Kind.BOOL:
            return ""
        case Kind.DATE:
            return f"{column} BETWEEN DATE '{YEAR_MIN}-01-01' AND DATE '{YEAR_MAX}-12-31'"
        case Kind.CODE:
            return f"{column} IN ({', '.join(map(text, attribute.codes))})"
        case Kind.INT | Kind.MONEY:
            return f"{column} BETWEEN {attribute.minimum} AND {attribute.maximum}"
