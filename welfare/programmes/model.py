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
from welfare.rules import FALSE, TRUE, UNKNOWN, Compiled, Pred, Vocabulary, fact_names

OUTCOMES: Final = {FALSE: Outcome.UNMET, UNKNOWN: Outcome.UNKNOWN, TRUE: Outcome.MET}


class Status(StrEnum):
    """`PROPOSED` is announced but not in force: it can be shown and calculated, and never pays."""

    IN_FORCE = "in_force"
    PROPOSED = "proposed"


class ForEach(StrEnum):
    """Whom a determination is about: the citizen, or one child of the citizen's."""

    PERSON = "person"
    CHILD = "child"


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
class Arm:
    """The amount is `amount` if `tree` holds and no arm before it did."""

    tree: Pred
    amount: Money


@dataclass(frozen=True, slots=True)
class Benefit:
    """What is paid. First true arm, else `otherwise`; an unknown arm makes the amount unknown; zero is not paid.

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
    otherwise: Money

    def amounts(self) -> tuple[BenefitAmount | None, ...]:
        """By arm; then `otherwise`; last the unknown amount, which ARM_UNKNOWN (-1) picks. None is nothing to pay."""
        known = [*(arm.amount for arm in self.arms), self.otherwise]
        return (*(self._amount(money) if money.satang else None for money in known), self._amount(None))

    def _amount(self, money: Money | None) -> BenefitAmount:
        return BenefitAmount(self.kind, self.text, money, self.cadence, self.per, self.payday, self.in_kind)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Every object an answer can be made of, made once: by condition and outcome, and by benefit and arm."""

    conditions: tuple[tuple[ConditionOutcome, ConditionOutcome, ConditionOutcome], ...]
    benefits: tuple[tuple[BenefitAmount | None, ...], ...]


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
    def compiled(self) -> Compiled:
        trees = [condition.tree for condition in self.conditions]
        return Compiled(trees, [[arm.tree for arm in benefit.arms] for benefit in self.benefits])

    @cached_property
    def prepared(self) -> Prepared:
        return Prepared(tuple(c.outcomes() for c in self.conditions), tuple(b.amounts() for b in self.benefits))

    @cached_property
    def trees(self) -> tuple[Pred, ...]:
        """Every rule of the version: conditions, then arms."""
        arms = tuple(arm.tree for benefit in self.benefits for arm in benefit.arms)
        return tuple(condition.tree for condition in self.conditions) + arms

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """The facts the version reads, `child.` before those of the child, in the order of its rules."""
        return tuple(dict.fromkeys(name for tree in self.trees for name in fact_names(tree)))

    def covers(self, day: date) -> bool:
        return self.starts is not None and self.starts <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True)
class Programme:
    """`versions` are those in force, in order and without overlap; `proposed` those announced."""

    slug: str
    title: Text
    payer: str
    for_each: ForEach
    back_pay: bool
    versions: tuple[Version, ...]
    proposed: tuple[Version, ...] = ()
    source: str = ""
    unverified: tuple[Text, ...] = ()

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

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_slug", {programme.slug: programme for programme in self.programmes})

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

    def needs_on(self, day: date) -> tuple[str, ...]:
        """Every fact that any programme in force on that day reads: what to ask the exchange for, in one batch."""
        return tuple(dict.fromkeys(name for programme in self for name in programme.needs_on(day)))
