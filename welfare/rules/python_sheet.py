"""The rules of one or many versions as one Python function, called with one citizen's facts.

The function reads and checks every fact once, decides every rule once however many versions have it, and answers each
version by a key: its outcomes, and for each amount the arm, or the satang where a formula gives them. What a key means
(reasons, sums, what is missing) is made by the caller, and remembered by them for a key that holds nothing unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from core.money import Money
from welfare.rules import tree as t
from welfare.rules.attributes import YEAR_MAX, YEAR_MIN, AttributeType, Kind, Value, Vocabulary
from welfare.rules.dates import checked_day
from welfare.rules.errors import UnknownAttribute
from welfare.rules.python_code import ARM_UNKNOWN, UNKNOWN, Day, PythonEmitter

Facts = Mapping[str, Value | None]
Key = tuple[int | None, ...]
DAYS_KEPT: Final = 256
CHILD: Final = "child."


@dataclass(frozen=True, slots=True)
class Amount:
    """Rules in order, and beside each (last: if none holds) the formula that gives the sum, or None for a fixed one."""

    arms: tuple[t.Pred, ...]
    formulas: tuple[t.Term | None, ...]

    @property
    def computes(self) -> bool:
        return any(formula is not None for formula in self.formulas)


@dataclass(frozen=True, slots=True)
class Ruleset:
    """What one version asks. `make` makes the answer for a key, and may keep it where `known` finds it again.

    A key has an outcome for each condition; then for each amount its arm, the number of arms where none holds, or
    ARM_UNKNOWN; and, if any is a formula, its satang, None unless a formula whose facts are known was chosen. `make`
    gets besides the unknown facts that could still change the answer, as bits by `Sheet.facts`. `known` is asked for
    the key, which must hold whatever is unknown, then for the pair of both; None is not found.
    """

    conditions: tuple[t.Pred, ...]
    amounts: tuple[Amount, ...]
    known: Callable[[Key | tuple[Key, int]], Any]
    make: Callable[[Key, int], Any]


class Sheet:
    """Several rulesets over one vocabulary, ready to be asked about any citizen on any day."""

    def __init__(
        self, rulesets: Sequence[Ruleset], vocabulary: Vocabulary, writer: type[PythonEmitter] = PythonEmitter
    ) -> None:
        emitter = writer()
        scope: dict[str, Any] = {"min": min, "max": max, "__builtins__": {}}
        scope |= {"D": date, "I": int, "M": Money, "S": str}
        for number, ruleset in enumerate(rulesets):
            _write(emitter, ruleset, number)
            scope |= {f"g{number}": ruleset.known, f"n{number}": ruleset.make}
        head = ["def sheet(f, c, k):"]
        for name, index in emitter.facts.items():
            attribute = vocabulary.type_of(name)
            if attribute is None:
                raise UnknownAttribute(1, 1, name=name)
            head += _read(name, index, attribute, scope)
        answers = ", ".join(f"r{number}" for number in range(len(rulesets)))
        self.source = "\n".join([*head, emitter.body, f"    return [{answers}]", ""])
        # The source is made of our own literals and of names and codes that the parser has checked; no built-ins.
        exec(compile(self.source, "<rules>", "exec"), scope)  # noqa: S102 - what our own compiler wrote
        self._call: Callable[[Facts, Facts, tuple[date, ...]], list[Any]] = scope["sheet"]
        self.facts = tuple(emitter.facts)
        """In the order of their bits."""
        self._days: tuple[Day, ...] = tuple(emitter.days)
        self._bound: dict[date, tuple[date, ...]] = {}

    def answers(self, facts: Facts, child: Facts, on: date) -> list[Any]:
        """What each ruleset knows or makes. Absent facts and None are unknown. Raises DayOutOfRange or a FactError."""
        bound = self._bound.get(on)
        if bound is None:
            checked_day(on)
            if len(self._bound) >= DAYS_KEPT:  # nearly every call is about today; a lost race costs a computation
                self._bound.clear()
            bound = self._bound[on] = tuple([day.on(on) for day in self._days])
        return self._call(facts, child, bound)


def _write(emitter: PythonEmitter, ruleset: Ruleset, number: int) -> None:
    outcomes = [f"t{emitter.outcome_of(rule)}" for rule in ruleset.conditions]
    arms = [emitter.amount(amount.arms) for amount in ruleset.amounts]
    key = list(outcomes)
    for amount, arm in zip(ruleset.amounts, arms, strict=True):
        key.append(arm)
        if amount.computes:
            key.append(_formula(emitter, amount, arm))
    emitter.line(f"q = ({''.join(part + ', ' for part in key)})")
    emitter.line(f"r{number} = g{number}(q)")
    with emitter.block(f"if r{number} is None:"), emitter.with_masks():
        emitter.line("m = 0")
        for rule, outcome in zip(ruleset.conditions, outcomes, strict=True):
            if _is_single(rule):
                emitter.line(f"if {outcome} == {UNKNOWN}: m |= {emitter.bits(t.fact_names(rule))}")
            else:
                with emitter.block(f"if {outcome} == {UNKNOWN}:"):
                    emitter.line(f"m |= m{emitter.predicate(rule)}")
        for amount, arm in zip(ruleset.amounts, arms, strict=True):
            _missing_of(emitter, amount, arm)
        emitter.line(f"r{number} = g{number}((q, m)) or n{number}(q, m)")


def _is_single(rule: t.Pred) -> bool:
    """Whether every unknown fact that it reads makes it unknown."""
    return _is_single(rule.item) if isinstance(rule, t.Not) else not isinstance(rule, t.And | t.Or | t.Between)


def _formula(emitter: PythonEmitter, amount: Amount, arm: str) -> str:
    """The satang of the formula that the arm chooses."""
    s = f"s{emitter.fresh()}"
    emitter.line(f"{s} = None")
    for index, formula in enumerate(amount.formulas):
        if formula is not None:
            value, names = emitter.term(formula), t.fact_names(formula)
            known = "".join(f" and v{emitter.facts[name]} is not None" for name in names)
            emitter.line(f"if {arm} == {index}{known}: {s} = {value}")
    return s


def _missing_of(emitter: PythonEmitter, amount: Amount, arm: str) -> None:
    """The unknown facts of arms before the first that holds; of the formula chosen, or of all while none is."""
    every = [name for formula in amount.formulas if formula is not None for name in t.fact_names(formula)]
    if amount.arms:
        with emitter.block(f"if {arm} == {ARM_UNKNOWN}:"):
            emitter.line(f"m |= {emitter.amount_mask(amount.arms)}")
            if every:
                emitter.line(f"m |= {emitter.bits(dict.fromkeys(every))}")
    for index, formula in enumerate(amount.formulas):
        if formula is not None and (names := t.fact_names(formula)):
            emitter.line(f"if {arm} == {index}: m |= {emitter.bits(names)}")


def _read(name: str, index: int, attribute: AttributeType, scope: dict[str, Any]) -> list[str]:
    """Lines that read and check a fact; whatever is unusual goes to `AttributeType.plain`, which converts or raises."""
    source, key = ("c", name.removeprefix(CHILD)) if name.startswith(CHILD) else ("f", name)
    v, codes = f"v{index}", f"c{index}"
    lines = [f"    {v} = {source}.get({key!r})"]
    scope[f"b{index}"] = attribute.plain
    match attribute.kind:
        case Kind.BOOL:
            wrong = f"{v} is not True and {v} is not False and {v} is not None"
        case Kind.DATE:
            wrong = f"{v} is not None and ({v}.__class__ is not D or not {YEAR_MIN} <= {v}.year <= {YEAR_MAX})"
        case Kind.CODE:
            wrong = f"{v} is not None and ({v}.__class__ is not S or {v} not in {codes})"
            scope[codes] = frozenset(attribute.codes)
        case _:
            bounds = f"{attribute.minimum} <= {v} <= {attribute.maximum}"
            wrong = f"{v} is not None and ({v}.__class__ is not I or not {bounds})"
            if attribute.kind is Kind.MONEY:
                lines.append(f"    if {v}.__class__ is M: {v} = {v}.satang")
    return [*lines, f"    if {wrong}: {v} = b{index}({name!r}, {v})"]
