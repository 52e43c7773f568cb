"""One citizen: the words of Python for the rules of a version. `welfare.rules.python_sheet` makes a function of them.

Each rule can be written twice: for its outcome alone, and with the unknown facts that could still change it. Both come
out of one emitter, so that they cannot disagree about the logic.

Kleene's three values are 0 (false), 1 (unknown), 2 (true): AND is the least, OR the greatest, NOT is 2 − x. A
comparison is unknown where any fact it reads is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Final

from welfare.rules import tree as t
from welfare.rules.dates import cut, resolved
from welfare.rules.operands import BASIS_POINTS

FALSE: Final = 0
UNKNOWN: Final = 1
TRUE: Final = 2
ARM_UNKNOWN: Final = -1
"""The amount cannot be told: an arm is unknown before any is true."""

_OPERATORS: Final = {t.Cmp.LT: "<", t.Cmp.LE: "<=", t.Cmp.EQ: "==", t.Cmp.NE: "!=", t.Cmp.GE: ">=", t.Cmp.GT: ">"}


_TODAY: Final = t.DateConst("assessment_date")


@dataclass(frozen=True, slots=True)
class Day:
    """A day that a rule compares a date with: a date constant, or the latest birth date of that age on it."""

    at: t.DateConst
    years: int | None

    def on(self, assessment: date) -> date:
        day = assessment if self.at == _TODAY else resolved(self.at, assessment)
        return day if self.years is None else cut(day, self.years)


def lowered(node: t.Between) -> t.Pred:
    """`BETWEEN` in terms of comparisons, as SQL defines it."""
    both = t.And((t.Compare(node.term, t.Cmp.GE, node.low), t.Compare(node.term, t.Cmp.LE, node.high)))
    return t.Not(both) if node.negated else both


class PythonEmitter:
    """Writes the body of one function. `masks` adds to each outcome the set of unknown facts behind it, as bits.

    A rule that stands twice is computed once.
    """

    def __init__(self) -> None:
        self.masks = False
        self.facts: dict[str, int] = {}
        self.days: dict[Day, int] = {}
        self._shared: dict[t.Pred, int] = {}
        self._lines: list[str] = []
        self._indent = 1
        self._count = 0

    # --- lines and names

    def line(self, text: str) -> None:
        self._lines.append("    " * self._indent + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Lines under a line such as `if …:`."""
        self.line(head)
        self._indent += 1
        yield
        self._indent -= 1

    @contextmanager
    def with_masks(self) -> Iterator[None]:
        self.masks = True
        yield
        self.masks = False

    @property
    def body(self) -> str:
        return "\n".join(self._lines)

    def fresh(self) -> int:
        self._count += 1
        return self._count

    def variable(self, fact: t.Fact) -> str:
        return f"v{self.facts.setdefault(fact.name, len(self.facts))}"

    def bits(self, names: Iterable[str]) -> str:
        """Those of these facts that are unknown, as bits."""
        return " | ".join(f"({1 << self.facts[name]} if v{self.facts[name]} is None else 0)" for name in names)

    def day(self, at: t.DateConst, years: int | None) -> str:
        return f"k[{self.days.setdefault(Day(at, years), len(self.days))}]"

    # --- predicates: each returns the number of its outcome `t…` and, with masks, its mask `m…`

    def predicate(self, node: t.Pred) -> int:  # noqa: PLR0911 (one return a kind of node)
        match node:
            case t.Flag(fact):
                return self.leaf(node, self.variable(fact))
            case t.Compare(left, op, right):
                return self.leaf(node, self.compared(self.term(left), op, self.term(right)))
            case t.Between():
                return self.predicate(self.between(node))
            case t.CodeIn(fact, codes, negated):
                return self.leaf(node, self.code_in(fact, codes, negated))
            case t.AgeOn():
                return self.leaf(node, self.age(node))
            case t.DateCompare(fact, op, at):
                return self.leaf(node, self.compared(self.variable(fact), op, self.day(at, None)))
            case t.Not(item):
                return self.negation(item)
            case t.And(items):
                return self.chain(items, stop=FALSE, sign="<")
            case t.Or(items):
                return self.chain(items, stop=TRUE, sign=">")

    def between(self, node: t.Between) -> t.Pred:
        return lowered(node)

    def code_in(self, fact: t.Fact, codes: tuple[str, ...], negated: bool) -> str:
        return f"{self.variable(fact)} {'not in' if negated else 'in'} {codes!r}"

    def compared(self, left: str, op: t.Cmp, right: str) -> str:
        return f"{left} {_OPERATORS[op]} {right}"

    def age(self, node: t.AgeOn) -> str:
        """No arithmetic on the fact: n years are completed exactly when the birth date is not after the cut."""
        birth, years = self.variable(node.birth), node.years.value
        at_least, more = self.day(node.at, years), self.day(node.at, years + 1)
        match node.op:
            case t.Cmp.GE:
                return f"{birth} <= {at_least}"
            case t.Cmp.LT:
                return f"{birth} > {at_least}"
            case t.Cmp.GT:
                return f"{birth} <= {more}"
            case t.Cmp.LE:
                return f"{birth} > {more}"
            case t.Cmp.EQ:
                return f"{more} < {birth} <= {at_least}"
            case t.Cmp.NE:
                return f"not ({more} < {birth} <= {at_least})"

    def leaf(self, node: t.Pred, known: str) -> int:
        """A predicate that is unknown exactly where a fact of it is."""
        names = t.fact_names(node)
        variables = [f"v{self.facts[name]}" for name in names]
        n = self.fresh()
        self.line(f"t{n} = {self.outcome(self.unknown(variables, node), known)}")
        if self.masks:
            self.line(f"m{n} = {self.bits(names)}")
        return n

    def unknown(self, variables: Sequence[str], node: t.Pred) -> str:  # noqa: ARG002 (a seeded bug looks at the node)
        return " or ".join(f"{v} is None" for v in variables)

    def outcome(self, unknown: str, known: str) -> str:
        return f"1 if {unknown} else (2 if {known} else 0)"

    def negation(self, item: t.Pred) -> int:
        inner, n = self.predicate(item), self.fresh()
        self.line(f"t{n} = 2 - t{inner}")
        if self.masks:
            self.line(f"m{n} = m{inner}")
        return n

    def chain(self, items: tuple[t.Pred, ...], stop: int, sign: str) -> int:
        """Short-circuits at `stop`; with masks it reads on, to collect every unknown fact that still matters."""
        first, n = self.predicate(items[0]), self.fresh()
        self.line(f"t{n} = t{first}")
        if self.masks:
            self.line(f"m{n} = m{first}")
        for item in items[1:]:
            if not self.masks:
                self.line(f"if t{n} != {stop}:")
                self._indent += 1
            other = self.predicate(item)
            self.line(f"if t{other} {sign} t{n}: t{n} = t{other}")
            if self.masks:
                self.line(f"m{n} |= m{other}")
            else:
                self._indent -= 1
        if self.masks:
            self.line(f"if t{n} != 1: m{n} = 0")
        return n

    def outcome_of(self, rule: t.Pred) -> int:
        """The number of a rule's outcome, which may stand in another rule too."""
        found = self._shared.get(rule)
        if found is None:
            found = self.predicate(rule)
            if self._indent == 1:
                self._shared[rule] = found
        return found

    # --- amounts: the index of the first true arm, the number of arms where none is, or ARM_UNKNOWN

    def amount(self, arms: Sequence[t.Pred]) -> str:
        a = f"a{self.fresh()}"
        self.line(f"{a} = {len(arms)}")
        start = self._indent
        for index, arm in enumerate(arms):
            n = self.outcome_of(arm)
            self.line(f"if t{n} == 2: {a} = {index}")
            self.line(f"elif t{n} == 1: {a} = {ARM_UNKNOWN}")
            if index + 1 < len(arms):
                self.line("else:")
                self._indent += 1
        self._indent = start
        return a

    def amount_mask(self, arms: Sequence[t.Pred]) -> str:
        a = f"a{self.fresh()}"
        self.line(f"{a} = 0; done = False")
        for arm in arms:
            n = self.predicate(arm)
            self.line(f"if not done: {a} |= m{n}; done = t{n} == 2")
        return a

    # --- terms

    def term(self, node: t.Term) -> str:
        match node:
            case t.Fact():
                return self.variable(node)
            case t.Number(value) | t.Param(_, _, value):
                return repr(value) if value >= 0 else f"({value!r})"
            case t.Sum(first, rest):
                return (
                    "("
                    + self.term(first)
                    + "".join(f" {'-' if r.negative else '+'} {self.term(r.term)}" for r in rest)
                    + ")"
                )
            case t.Product(factors):
                return " * ".join(self.term(f) for f in factors)
            case t.Least(left, right):
                return f"min({self.term(left)}, {self.term(right)})"
            case t.Greatest(left, right):
                return f"max({self.term(left)}, {self.term(right)})"
            case t.Share(money, points):
                return self.share(self.term(money), points.value)

    def share(self, money: str, basis_points: int) -> str:
        return f"(({money} * {basis_points} + {BASIS_POINTS // 2}) // {BASIS_POINTS})"
