"""A welfare programme as dated data: versions of conditions, amounts and their law. Immutable once loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Final

from core.errors import NotFound
from core.money import Money
from core.text import Text
from welfare.programmes.answer import BenefitAmount, Cadence, ConditionOutcome, Outcome, Per
from welfare.programmes.determiner import Determiner
from welfare.rules import FALSE, TRUE, UNKNOWN, Pred, Term, Vocabulary, fact_names
from welfare.rules.tree import AgeOn, DateCompare, walk

OUTCOMES: Final = {FALSE: Outcome.UNMET, UNKNOWN: Outcome.UNKNOWN, TRUE: Outcome.MET}


class Status(StrEnum):
    """`PROPOSED` is announced but not in force: it can be shown and calculated, and never pays."""

    IN_FORCE = "in_force"
    PROPOSED = "proposed"


class ForEach(StrEnum):
    """Whom a determination is about: the citizen, or one child of the citizen's."""

    PERSON = "person"
    CHILD = "child"


class Unit(StrEnum):
    """Of whom there is one active application: each beneficiary, or each household of the house register."""

    PERSON = "person"
    HOUSEHOLD = "household"


class Channel(StrEnum):
    """Where one applies."""

    HERE = "here"
    """Sitthi takes the application and decides it."""
    PAYER = "payer"
    """With the agency that pays, since what is paid hangs on a claim that it examines."""
    NONE = "none"
    """Nowhere: who fulfils the conditions has it."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Of two programmes that nobody may have together: the other one, why, and the place in the law."""

    programme: str
    text: Text
    law: Text


@dataclass(frozen=True, slots=True)
class Condition:
    """One requirement of the law; `tree` is the rule with its parameters bound."""

    id: str
    text: Text
    law: Text
    tree: Pred
    requirement: str | None = field(default=None, compare=False)
    """What it asks for, as the exchange's broker of evidence names it; no part of the law, nor of a stored decision."""

    def outcomes(self) -> tuple[ConditionOutcome, ConditionOutcome, ConditionOutcome]:
        """The reason it gives when FALSE, UNKNOWN and TRUE."""
        used = fact_names(self.tree)
        false, unknown, true = (
            ConditionOutcome(self.id, self.text, OUTCOMES[outcome], self.law, used)
            for outcome in (FALSE, UNKNOWN, TRUE)
        )
        return false, unknown, true


@dataclass(frozen=True, slots=True)
class Formula:
    """A sum that the law computes from facts: `tree` is a term of money, never below 0."""

    tree: Term


Amount = Money | Formula


@dataclass(frozen=True, slots=True)
class Arm:
    """The amount is `amount` if `tree` holds and no arm before it did."""

    tree: Pred
    amount: Amount


@dataclass(frozen=True, slots=True)
class Benefit:
    """What is paid. First true arm, else `otherwise`; an unknown arm makes the amount unknown; zero is not paid.
    A benefit that is a right (cadence STANDING) has no arms, and no amount.

    `payday` is the day of the month (the last day of a shorter month). What is given `in_kind` (an allowance for goods,
    a discount) never becomes a payment to the citizen.
    """

    kind: str
    text: Text
    cadence: Cadence
    per: Per
    payday: int
    in_kind: bool
    arms: tuple[Arm, ...]
    otherwise: Amount

    @property
    def is_right(self) -> bool:
        return self.cadence is Cadence.STANDING

    @property
    def amounts(self) -> tuple[Amount, ...]:
        """By arm, then `otherwise`."""
        return (*(arm.amount for arm in self.arms), self.otherwise)

    @property
    def formula_by_arm(self) -> tuple[Term | None, ...]:
        """The formula of each of its amounts; None where it is a fixed sum."""
        return tuple(amount.tree if isinstance(amount, Formula) else None for amount in self.amounts)

    @property
    def formulas(self) -> tuple[Term, ...]:
        """Those among its amounts, in order."""
        return tuple(formula for formula in self.formula_by_arm if formula is not None)

    @property
    def fixed(self) -> tuple[BenefitAmount | None, ...]:
        """What is given by arm, then otherwise; None is nothing, or by a formula. Of a right it is the right."""
        if self.is_right:
            return (self.of(None),)
        return tuple(
            self.of(amount) if isinstance(amount, Money) and amount.satang else None for amount in self.amounts
        )

    def of(self, money: Money | None) -> BenefitAmount:
        return BenefitAmount(self.kind, self.text, money, self.cadence, self.per, self.payday, self.in_kind)


@dataclass(frozen=True)
class Version:
    """One state of the law, from `starts` to `until` (both included; None is open).

    `vocabulary` holds the types of exactly the facts that the version reads. `starts` is None only where a proposal
    names no day.
    """

    programme: str
    for_each: ForEach
    starts: date | None
    until: date | None
    status: Status
    law: Text
    conditions: tuple[Condition, ...]
    benefits: tuple[Benefit, ...]
    vocabulary: Vocabulary
    source: str = ""
    unverified: tuple[Text, ...] = ()

    @cached_property
    def determiner(self) -> Determiner:
        """Decides it for one citizen."""
        return Determiner((self,))

    @cached_property
    def trees(self) -> tuple[Pred, ...]:
        """Every rule of the version: conditions, then arms."""
        arms = tuple(arm.tree for benefit in self.benefits for arm in benefit.arms)
        return tuple(condition.tree for condition in self.conditions) + arms

    @cached_property
    def dated(self) -> tuple[AgeOn | DateCompare, ...]:
        """Every comparison of a date that stands in its rules, each once."""
        nodes = (node for tree in self.trees for node in walk(tree))
        return tuple(dict.fromkeys(node for node in nodes if isinstance(node, AgeOn | DateCompare)))

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """The facts the version reads, `child.` before those of the child, in the order of its rules."""
        formulas = (formula for benefit in self.benefits for formula in benefit.formulas)
        return tuple(dict.fromkeys(name for tree in (*self.trees, *formulas) for name in fact_names(tree)))

    @property
    def sums(self) -> tuple[Benefit, ...]:
        """The benefits that are money's worth: all but rights."""
        return tuple(benefit for benefit in self.benefits if not benefit.is_right)

    def covers(self, day: date) -> bool:
        return self.starts is not None and self.starts <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True)
class Programme:
    """`versions` are those in force, in order and without overlap; `proposed` those announced.

    `on_request`: it is put to nobody who did not ask for it, because already the question tells a secret
    (docs/adr/0031). `excludes` says what its own file says; the catalogue knows both directions.
    """

    slug: str
    title: Text
    payer: str
    for_each: ForEach
    back_pay: bool
    versions: tuple[Version, ...]
    proposed: tuple[Version, ...] = ()
    source: str = ""
    unverified: tuple[Text, ...] = ()
    channel: Channel = Channel.HERE
    on_request: bool = False
    excludes: tuple[Exclusion, ...] = ()
    once_for: str | None = None
    """The fact of the person by which what is given once may be given again: another birth, for instance."""
    unit: Unit = Unit.PERSON

    def version_on(self, day: date) -> Version | None:
        """The version in force on a day. A proposed one is never in force."""
        return next((version for version in self.versions if version.covers(day)), None)

    def needs_on(self, day: date) -> tuple[str, ...]:
        """The facts a decision on that day reads; empty where no version is in force."""
        version = self.version_on(day)
        return version.needs if version else ()


class ProgrammeUnknown(NotFound):
    code = "PROGRAMME_UNKNOWN"
    text = Text(th="ไม่มีโครงการนี้", en="There is no such programme.")


@dataclass(frozen=True)
class ProgrammeCatalogue:
    """All programmes, by slug, in the order of their slugs."""

    programmes: tuple[Programme, ...]
    _by_slug: Mapping[str, Programme] = field(init=False, repr=False, compare=False)
    _excluded: Mapping[str, tuple[Exclusion, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_slug", {programme.slug: programme for programme in self.programmes})
        excluded: dict[str, tuple[Exclusion, ...]] = {}
        for programme in self.programmes:
            for one in programme.excludes:
                back = Exclusion(programme.slug, one.text, one.law)
                excluded[programme.slug] = (*excluded.get(programme.slug, ()), one)
                excluded[one.programme] = (*excluded.get(one.programme, ()), back)
        object.__setattr__(self, "_excluded", excluded)

    def __iter__(self) -> Iterator[Programme]:
        return iter(self.programmes)

    def __len__(self) -> int:
        return len(self.programmes)

    def get(self, slug: str) -> Programme | None:
        return self._by_slug.get(slug)

    def __getitem__(self, slug: str) -> Programme:
        """Raises ProgrammeUnknown."""
        programme = self._by_slug.get(slug)
        if programme is None:
            raise ProgrammeUnknown
        return programme

    def exclusions(self, slug: str) -> tuple[Exclusion, ...]:
        """The programmes that nobody may have beside this one, whichever of the two files says so."""
        return self._excluded.get(slug, ())

    def put_to_everyone(self) -> Iterator[Programme]:
        """Without those that are put only to whoever asks for them."""
        return (programme for programme in self.programmes if not programme.on_request)

    def needs_on(self, day: date) -> tuple[str, ...]:
        """Every fact that the programmes in force on that day read which are put to everyone: what to ask the exchange
        for, in one batch."""
        everyones = self.put_to_everyone()
        return tuple(dict.fromkeys(name for programme in everyones for name in programme.needs_on(day)))
