"""An impact over a population that is looked at some people at a time: figures that add up, kept between the times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Any, Final
from uuid import UUID

import polars as pl

from services.exchange.facts import ChildOf, Unused
from welfare.determination.deciding import Pair, facts_frame, families_of, kinds_of
from welfare.determination.figures import NOBODY, Cell, Cost, Figures, Rate
from welfare.determination.impact import HOUSEHOLD, Impact, impact
from welfare.determination.purposes import BORN, PROVINCE
from welfare.determination.years import YearCost, fiscal_years, year_costs
from welfare.programmes import Per, Programme, Version
from welfare.programmes.determiner import vocabulary_of
from welfare.programmes.frames import MET
from welfare.programmes.population import Families, determine_population
from welfare.rules import Kind

_NO_CHILDREN: Final[Mapping[str, Any]] = {
    "id": pl.Int64, "applicant": pl.Int64, BORN: pl.Date, PROVINCE: pl.String, HOUSEHOLD: pl.Int64,
}  # fmt: skip
_RANKS: Final = {True: 2, None: 1, False: 0}


@dataclass(frozen=True, slots=True)
class Trial:
    """A rule beside the one that is in force on `on`, None where none is."""

    programme: Programme | None
    after: Version
    on: date

    @property
    def before(self) -> Version | None:
        return None if self.programme is None else self.programme.version_on(self.on)

    @property
    def versions(self) -> tuple[Version, ...]:
        """Every law that a month of the years in question is decided by."""
        days = [self.on, *(month for _, months in fiscal_years(self.on) for month in months)]
        older = [] if self.programme is None else [self.programme.version_on(day) for day in days]
        return (*(one for n, one in enumerate(older) if one is not None and one not in older[:n]), self.after)

    @property
    def is_of_houses(self) -> bool:
        """Whether something of it is paid once in each house."""
        return any(benefit.per is Per.HOUSEHOLD for version in self.versions for benefit in version.benefits)

    @property
    def reads(self) -> frozenset[str]:
        return frozenset(name for version in self.versions for name in version.needs)


@dataclass(frozen=True, slots=True)
class Tally:
    by_age: Mapping[str, Figures]
    by_province: Mapping[str, Figures]
    silent: frozenset[str]
    """Facts that were unknown of everybody so far."""
    years: Mapping[str, YearCost]

    @property
    def impact(self) -> Impact:
        whole = reduce(Figures.__add__, self.by_age.values(), NOBODY)
        return Impact(whole, self.by_age, self.by_province, tuple(sorted(self.silent)))

    def plain(self) -> dict[str, Any]:
        return {
            "by_age": {label: _plain(one) for label, one in self.by_age.items()},
            "by_province": {label: _plain(one) for label, one in self.by_province.items()},
            "silent": sorted(self.silent),
            "years": {label: one.plain() for label, one in self.years.items()},
        }

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Tally:
        return cls(
            {label: _read(one) for label, one in plain["by_age"].items()},
            {label: _read(one) for label, one in plain["by_province"].items()},
            frozenset(plain["silent"]),
            {label: YearCost(**one) for label, one in plain["years"].items()},
        )

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            _together(self.by_age, other.by_age, NOBODY),
            _together(self.by_province, other.by_province, NOBODY),
            self.silent & other.silent,
            _together(self.years, other.years, YearCost()),
        )


def tally(trial: Trial, people: Sequence[Unused]) -> Tally:
    """What a rule for persons would do to these people; of each house in question all that are in the run, where
    something is paid once in it. Raises what `impact` raises."""
    kinds = kinds_of(sorted(trial.reads), vocabulary_of(trial.versions))
    facts = facts_frame(people, {**kinds, BORN: Kind.DATE, PROVINCE: Kind.CODE})
    houses = _houses(people)
    persons = facts.with_columns(
        pl.int_range(facts.height, dtype=pl.Int64).alias("id"), pl.Series(HOUSEHOLD, houses, dtype=pl.Int64)
    )
    return _tally(trial, Families(persons, pl.DataFrame(schema=_NO_CHILDREN)), houses)


def tally_of_children(trial: Trial, children: Sequence[ChildOf]) -> Tally:
    """What a rule for children would do to these: each once, beside that of its parents by whom most is due to it. Of
    whom nobody could say whom they have counts as one child of whom nothing is known. Raises what `impact` raises."""
    pairs = _best(trial, [[Pair(one, child.child) for one in child.parents] for child in children if child.parents])
    families = families_of(pairs, trial.versions, {BORN: Kind.DATE, PROVINCE: Kind.CODE})
    houses = _houses([one.parent for one in pairs])
    of_children = families.children.with_columns(pl.Series(HOUSEHOLD, houses, dtype=pl.Int64))
    return _tally(trial, Families(families.persons, of_children), houses)


def _tally(trial: Trial, families: Families, houses: Sequence[int | None]) -> Tally:
    found = impact(trial.before, trial.after, families, trial.on)
    years = year_costs(trial.programme, trial.after, trial.on, families, houses)
    return Tally(found.by_age, found.by_province, frozenset(found.told_of_nobody), years)


def _best(trial: Trial, children: Sequence[Sequence[Pair]]) -> list[Pair]:
    """Of each child one of the pairs: that of which both rules say yes, else one of which they say most."""
    pairs = [pair for of_child in children for pair in of_child]
    laws = [law for law in (trial.before, trial.after) if law is not None]
    ranks = [0] * len(pairs)
    families = families_of(pairs, laws)
    for law in laws:
        answers = determine_population([law], families, trial.on).children.sort(families.key)
        for place, met in enumerate(answers.get_column(f"{law.programme}.{MET}")):
            ranks[place] += _RANKS[met]
    chosen, place = [], 0
    for of_child in children:
        ranked = ranks[place : place + len(of_child)]
        chosen.append(of_child[ranked.index(max(ranked))])
        place += len(of_child)
    return chosen


def _houses(people: Sequence[Unused]) -> list[int | None]:
    """The same number for those who stand in one house register; None where nobody could say."""
    numbers: dict[UUID, int] = {}
    return [None if one.house is None else numbers.setdefault(min(one.house), len(numbers)) for one in people]


def _together(one: Mapping[str, Any], other: Mapping[str, Any], nothing: Any) -> dict[str, Any]:
    return {label: one.get(label, nothing) + other.get(label, nothing) for label in {**one, **other}}


def _plain(figures: Figures) -> dict[str, Any]:
    def cost(one: Cost) -> dict[str, Any]:
        return {
            "satang": {rate.value: one.satang[rate] for rate in Rate},
            "payments": {rate.value: one.payments[rate] for rate in Rate},
        }

    cells = {cell.value: figures.cells[cell] for cell in Cell}
    return {"cells": cells, "before": cost(figures.before), "after": cost(figures.after)}


def _read(plain: Mapping[str, Any]) -> Figures:
    def cost(one: Mapping[str, Any]) -> Cost:
        return Cost(
            {rate: one["satang"][rate.value] for rate in Rate}, {rate: one["payments"][rate.value] for rate in Rate}
        )

    cells = {cell: plain["cells"][cell.value] for cell in Cell}
    return Figures(cells, cost(plain["before"]), cost(plain["after"]))
