"""One citizen: the rules of a version compiled to two plain Python functions.

`decide` gives an outcome for every condition and an arm for every amount; `missing` gives, for the same facts, which
unknown ones could still change them. Both come out of one emitter, so that they cannot disagree about the logic.

Kleene's three values are 0 (false), 1 (unknown), 2 (true): AND is the least, OR the greatest, NOT is 2 − x. A
comparison is unknown where any fact it reads is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from welfare.rules import tree as t
from welfare.rules.attributes import Plain
from welfare.rules.dates import checked_day, cut, resolved
from welfare.rules.operands import BASIS_POINTS

FALSE: Final = 0
UNKNOWN: Final = 1
TRUE: Final = 2
ARM_UNKNOWN: Final = -1
"""The amount cannot be told: an arm is unknown before any is true."""

Facts = Mapping[str, Plain | None]
_OPERATORS: Final = {t.Cmp.LT: "<", t.Cmp.LE: "<=", t.Cmp.EQ: "==", t.Cmp.NE: "!=", t.Cmp.GE: ">=", t.Cmp.GT: ">"}


@dataclass(frozen=True, slots=True)
class Day:
    """A day that a rule compares a date with: a date constant, or the latest birth date of that age on it."""

    at: t.DateConst
    years: int | None

    def on(self, assessment: date) -> date:
        day = resolved(self.at, assessment)
        return day if self.years is None else cut(day, self.years)


def lowered(node: t.Between) -> t.Pred:
    """`BETWEEN` in terms of comparisons, as SQL defines it."""
    both = t.And((t.Compare(node.term, t.Cmp.GE, node.low), t.Compare(node.term, t.Cmp.LE, node.high)))
    return t.Not(both) if node.negated else both


class PythonEmitter:
    """Writes the body of one function. `masks` adds to each outcome the set of unknown facts behind it, as bits."""

    def __init__(self, masks: bool) -> None:
        self.masks = masks
        self.facts: dict[str, int] = {}
        self.days: dict[Day, int] = {}
        self._lines: list[str] = []
        self._indent = 1
        self._count = 0

    # --- lines and names

    def line(self, text: str) -> None:
        self._lines.append("    " * self._indent + text)

    def fresh(self) -> int:
        self._count += 1
        return self._count

    def variable(self, fact: t.Fact) -> str:
        return f"v{self.facts.setdefault(fact.name, len(self.facts))}"

    def day(self, at: t.DateConst, years: int | None) -> str:
        return f"k[{self.days.setdefault(Day(at, years), len(self.days))}]"

    def function(self, results: Sequence[str]) -> str:
        """The whole source: facts are read once, in order of their bits."""
        head = ["def rule(f, c, k):"]
        for name, index in self.facts.items():
            source, key = ("c", name[6:]) if name.startswith("child.") else ("f", name)
            head.append(f"    v{index} = {source}.get({key!r})")
        return "\n".join([*head, *self._lines, f"    return ({''.join(r + ', ' for r in results)})", ""])

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
            bits = " | ".join(
                f"({1 << self.facts[name]} if {v} is None else 0)" for name, v in zip(names, variables, strict=True)
            )
            self.line(f"m{n} = {bits}")
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

    # --- amounts: the index of the first true arm, the number of arms where none is, or ARM_UNKNOWN

    def amount(self, arms: Sequence[t.Pred]) -> str:
        a = f"a{self.fresh()}"
        if self.masks:
            return self._amount_mask(arms, a)
        self.line(f"{a} = {len(arms)}")
        start = self._indent
        for index, arm in enumerate(arms):
            n = self.predicate(arm)
            self.line(f"if t{n} == 2: {a} = {index}")
            self.line(f"elif t{n} == 1: {a} = {ARM_UNKNOWN}")
            if index + 1 < len(arms):
                self.line("else:")
                self._indent += 1
        self._indent = start
        return a

    def _amount_mask(self, arms: Sequence[t.Pred], a: str) -> str:
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


@dataclass(frozen=True, slots=True)
class Function:
    """One compiled function with what it needs to be called."""

    call: Callable[[Facts, Facts, tuple[date, ...]], tuple[int, ...]]
    facts: tuple[str, ...]
    days: tuple[Day, ...]
    source: str


def compile_rules(
    conditions: Sequence[t.Pred],
    amounts: Sequence[Sequence[t.Pred]],
    *,
    masks: bool = False,
    writer: type[PythonEmitter] = PythonEmitter,
) -> Function:
    """One function for all: its answer is an outcome (or mask) a condition, then an arm (or mask) an amount."""
    emitter = writer(masks)
    prefix = "m" if masks else "t"
    results = [f"{prefix}{emitter.predicate(c)}" for c in conditions] + [emitter.amount(arms) for arms in amounts]
    source = emitter.function(results)
    scope: dict[str, Any] = {"min": min, "max": max, "__builtins__": {}}
    # The source is made of our own literals and of names and codes that the parser has checked; it has no built-ins.
    exec(compile(source, "<rule>", "exec"), scope)  # noqa: S102
    return Function(scope["rule"], tuple(emitter.facts), tuple(emitter.days), source)


class Compiled:
    """The rules of one version, ready to be asked about any citizen on any day.

    `facts` and `child` map attribute ids to plain values (see AttributeType.plain); absent and None are unknown.
    """

    def __init__(self, conditions: Sequence[t.Pred], amounts: Sequence[Sequence[t.Pred]]) -> None:
        self._decide = compile_rules(conditions, amounts)
        self._missing = compile_rules(conditions, amounts, masks=True)
        self._bound: tuple[date, tuple[date, ...], tuple[date, ...]] | None = None

    def decide(self, facts: Facts, child: Facts, on: date) -> tuple[int, ...]:
        """FALSE, UNKNOWN or TRUE a condition; then for each amount an arm, the number of arms, or ARM_UNKNOWN."""
        return self._decide.call(facts, child, self._days(on)[1])

    def missing(self, facts: Facts, child: Facts, on: date) -> tuple[str, ...]:
        """The unknown facts that could still change a condition or an amount, in the order of the rules."""
        mask = 0
        for bits in self._missing.call(facts, child, self._days(on)[2]):
            mask |= bits
        return tuple(name for index, name in enumerate(self._missing.facts) if mask >> index & 1)

    def _days(self, on: date) -> tuple[date, tuple[date, ...], tuple[date, ...]]:
        # One slot, replaced whole: nearly every call is about today, and a lost race costs a recomputation.
        bound = self._bound
        if bound is None or bound[0] != on:
            checked_day(on)
            bound = (on, tuple(d.on(on) for d in self._decide.days), tuple(d.on(on) for d in self._missing.days))
            self._bound = bound
        return bound
