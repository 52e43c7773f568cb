"""What a rule costs in a fiscal year, to the satang: each month's law put to each person on the first of that month, as
awards are (welfare.entitlements.amounts). What is paid by the day of a claim, or once, has no sum of a year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import polars as pl

from welfare.determination.figures import is_small
from welfare.programmes import Cadence, ForEach, Per, Programme, Version
from welfare.programmes.frames import MET
from welfare.programmes.model import Benefit
from welfare.programmes.population import Families, determine_population
from welfare.rules.dates import fiscal_year_start

ERA: Final = 543
QUARTERS: Final = (10, 1, 4, 7)
YEARS: Final = 2
"""The fiscal year of the day on which the rule is compared, and the one after."""


@dataclass(frozen=True, slots=True)
class YearCost:
    """Satang under both laws, of those of whom every month is known under both; how many people make them up."""

    before: int = 0
    after: int = 0
    paid_before: int = 0
    paid_after: int = 0
    otherwise: int = 0
    """To how many another sum would be paid in this year."""
    unknown: int = 0

    def __add__(self, other: YearCost) -> YearCost:
        return YearCost(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def is_safe(self) -> bool:
        """Whether no figure of it tells of fewer than ten people."""
        return not any(is_small(one) for one in (self.paid_before, self.paid_after, self.otherwise, self.unknown))

    def plain(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__slots__}

    def told(self) -> dict[str, int | None]:
        """Null is withheld."""
        shown = {"before": self.before, "after": self.after, "difference": self.after - self.before}
        return dict(shown) if self.is_safe else dict.fromkeys(shown)


def fiscal_years(on: date) -> Iterator[tuple[str, tuple[date, ...]]]:
    """By the year of the Buddhist era in which it ends, the firsts of its months."""
    first = fiscal_year_start(on).year
    for year in range(first, first + YEARS):
        months = tuple(date(year + (month < 10), month, 1) for month in (10, 11, 12, *range(1, 10)))
        yield str(year + 1 + ERA), months


def year_costs(
    programme: Programme | None, after: Version, on: date, families: Families, houses: Sequence[int | None]
) -> Mapping[str, YearCost]:
    """`after` in the place of what the programme says, from its first day on, or from `on` where it names none.

    The frames have a column for each fact that any of the versions reads. `houses` are of whom the versions are about,
    in the order of their keys; None is a house of one's own. Raises what `determine_population` raises.
    """
    found: dict[str, YearCost] = {}
    for label, months in fiscal_years(on):
        old = [_sums(law, families, houses, day) for day in months for law in [_law(programme, day)]]
        new = [_sums(_law_to_be(programme, after, on, day), families, houses, day) for day in months]
        found[label] = _cost(_whole_year(old), _whole_year(new))
    return found


def _law(programme: Programme | None, day: date) -> Version | None:
    return None if programme is None else programme.version_on(day)


def _law_to_be(programme: Programme | None, after: Version, on: date, day: date) -> Version | None:
    starts = after.starts or on
    in_force = starts <= day and (after.until is None or day <= after.until)
    return after if in_force else _law(programme, day)


def _sums(law: Version | None, families: Families, houses: Sequence[int | None], day: date) -> list[int | None]:
    """Satang of that month, one by one; None is unknown."""
    benefits = [] if law is None else [one for one in law.sums if _is_due(one.cadence, day)]
    if law is None or not benefits:
        return [0] * len(houses)
    answers = determine_population([law], families, day)
    frame = answers.persons if law.for_each is ForEach.PERSON else answers.children
    frame = frame.sort(families.key)
    met = frame.get_column(f"{law.programme}.{MET}")
    own = _added(frame, law, met, [one for one in benefits if one.per is not Per.HOUSEHOLD])
    home = _added(frame, law, met, [one for one in benefits if one.per is Per.HOUSEHOLD])
    paid = _once_a_house(home, houses)
    return [None if a is None or b is None else a + b for a, b in zip(own, paid, strict=True)]


def _added(frame: pl.DataFrame, law: Version, met: pl.Series, benefits: Sequence[Benefit]) -> list[int | None]:
    columns: Any = [frame.get_column(f"{law.programme}.benefit.{one.kind}") for one in benefits]
    sums: list[int | None] = []
    for is_met, *amounts in zip(met, *columns, strict=True):
        known = [amount for amount in amounts if amount is not None]
        if is_met is False:
            sums.append(0)
        else:
            sums.append(sum(known) if is_met and len(known) == len(amounts) else None)
    return sums


def _once_a_house(home: Sequence[int | None], houses: Sequence[int | None]) -> list[int | None]:
    """What is for a household goes to the member to whom most is due, the first of several."""
    best: dict[int, int] = {}
    for place, (amount, house) in enumerate(zip(home, houses, strict=True)):
        if house is not None and amount is not None and amount > (home[best[house]] or 0 if house in best else -1):
            best[house] = place
    return [
        0 if amount is not None and house is not None and best[house] != place else amount
        for place, (amount, house) in enumerate(zip(home, houses, strict=True))
    ]


def _is_due(cadence: Cadence, day: date) -> bool:
    return cadence is Cadence.MONTH or (cadence is Cadence.QUARTER and day.month in QUARTERS)


def _whole_year(months: list[list[int | None]]) -> list[int | None]:
    whole = []
    for of_person in zip(*months, strict=True):
        known = [one for one in of_person if one is not None]
        whole.append(sum(known) if len(known) == len(of_person) else None)
    return whole


def _cost(old: list[int | None], new: list[int | None]) -> YearCost:
    cost = YearCost()
    for before, after in zip(old, new, strict=True):
        if before is None or after is None:
            cost += YearCost(unknown=1)
        else:
            cost += YearCost(before, after, int(before > 0), int(after > 0), int(before != after))
    return cost
