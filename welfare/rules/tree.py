"""The syntax tree of a rule: typed, frozen, and with its parameters bound, so that it can be stored and replayed alone.

The text of a rule may change its spelling; the tree is what was decided with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum

from welfare.rules.attributes import Kind


class Cmp(StrEnum):
    LT = "<"
    LE = "<="
    EQ = "="
    NE = "<>"
    GE = ">="
    GT = ">"


class Unit(StrEnum):
    DAYS = "days"
    MONTHS = "months"
    YEARS = "years"


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact by its full name: `annual_income` or `child.birth_date`."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Number:
    value: int


@dataclass(frozen=True, slots=True)
class Param:
    """A number that the version sets by name; `value` in satang where `kind` is money."""

    name: str
    kind: Kind
    value: int


@dataclass(frozen=True, slots=True)
class Added:
    """One further operand of a sum, with its sign."""

    negative: bool
    term: Term


@dataclass(frozen=True, slots=True)
class Sum:
    first: Term
    rest: tuple[Added, ...]


@dataclass(frozen=True, slots=True)
class Product:
    factors: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Least:
    left: Term
    right: Term


@dataclass(frozen=True, slots=True)
class Greatest:
    left: Term
    right: Term


@dataclass(frozen=True, slots=True)
class Share:
    """`money × basis points / 10000`, rounded half up to a whole satang."""

    money: Term
    basis_points: Param


Term = Fact | Number | Param | Sum | Product | Least | Greatest | Share


@dataclass(frozen=True, slots=True)
class Shift:
    """An interval added to a date constant; `amount` is negative where it is taken away."""

    amount: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class DateConst:
    """`base` is `assessment_date`, `fiscal_year_start` or an ISO date."""

    base: str
    shifts: tuple[Shift, ...] = ()


@dataclass(frozen=True, slots=True)
class Flag:
    """A yes-or-no fact, as a predicate."""

    fact: Fact


@dataclass(frozen=True, slots=True)
class Compare:
    left: Term
    op: Cmp
    right: Term


@dataclass(frozen=True, slots=True)
class Between:
    """Both ends included; with an unknown end it is what `>= AND <=` would be."""

    term: Term
    low: Term
    high: Term
    negated: bool


@dataclass(frozen=True, slots=True)
class CodeIn:
    fact: Fact
    codes: tuple[str, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class AgeOn:
    """Completed years of age on a day, compared with a number."""

    birth: Fact
    at: DateConst
    op: Cmp
    years: Number | Param


@dataclass(frozen=True, slots=True)
class DateCompare:
    fact: Fact
    op: Cmp
    at: DateConst


@dataclass(frozen=True, slots=True)
class Not:
    item: Pred


@dataclass(frozen=True, slots=True)
class And:
    items: tuple[Pred, ...]


@dataclass(frozen=True, slots=True)
class Or:
    items: tuple[Pred, ...]


Pred = Flag | Compare | Between | CodeIn | AgeOn | DateCompare | Not | And | Or
Node = Term | Added | Shift | DateConst | Pred

NODES: tuple[type[Node], ...] = (
    Fact, Number, Param, Added, Sum, Product, Least, Greatest, Share, Shift, DateConst,
    Flag, Compare, Between, CodeIn, AgeOn, DateCompare, Not, And, Or,
)  # fmt: skip


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, in the order of the text."""
    yield node
    for field in fields(node):
        value = getattr(node, field.name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, NODES):
                yield from walk(item)


def fact_names(node: Node) -> tuple[str, ...]:
    """The facts that the node reads, each once, in the order of the text."""
    return tuple(dict.fromkeys(n.name for n in walk(node) if isinstance(n, Fact)))
