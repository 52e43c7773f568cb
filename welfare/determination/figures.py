"""Counts and sums over a population, and which of them may be told so that no figure under ten can be worked out.

Everybody is in exactly one cell, so that every count that is told is a sum of cells. Rows with a cell from 1 to 9 are
told together, as the rest, and further rows with them until the rest has none either: so rows and rest add up to the
whole, and subtracting gives nothing new. Nought tells of nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from typing import Final

SMALL: Final = 10


class Cell(StrEnum):
    """What the new rule is to somebody, beside the old one."""

    NEWLY = "newly"
    """Entitled now, and not before."""
    MORE = "more"
    """Of what is paid by the year, once or by the day, one is more and none less."""
    NO_LONGER = "noLonger"
    LESS = "less"
    MIXED = "mixed"
    """One is more and another less."""
    SAME = "same"
    NEVER = "never"
    """Entitled by neither."""
    UNKNOWN = "unknown"
    """A fact that nobody told decides one of the two answers, or an amount of it. Never counted as anything else."""


class Rate(StrEnum):
    """For what a sum is. A payment by the day of a claim has no sum of a year."""

    YEAR = "perYear"
    ONCE = "once"
    DAY = "perDay"


@dataclass(frozen=True, slots=True)
class Cost:
    """Satang by rate, as if everybody drew it who is entitled; `payments` is how many make up each of the sums."""

    satang: Mapping[Rate, int]
    payments: Mapping[Rate, int]

    def __add__(self, other: Cost) -> Cost:
        return Cost(_added(self.satang, other.satang), _added(self.payments, other.payments))


def _added(one: Mapping[Rate, int], other: Mapping[Rate, int]) -> Mapping[Rate, int]:
    return {rate: one[rate] + other[rate] for rate in Rate}


NOTHING: Final = Cost(dict.fromkeys(Rate, 0), dict.fromkeys(Rate, 0))


@dataclass(frozen=True, slots=True)
class Figures:
    """Of some people: how many are in each cell, and of the known the cost under the old and the new rule."""

    cells: Mapping[Cell, int]
    before: Cost = NOTHING
    after: Cost = NOTHING

    def __add__(self, other: Figures) -> Figures:
        cells = {cell: self.cells[cell] + other.cells[cell] for cell in Cell}
        return Figures(cells, self.before + other.before, self.after + other.after)

    @property
    def people(self) -> int:
        return sum(self.cells.values())

    @property
    def money_is_safe(self) -> bool:
        counts = (*self.cells.values(), *self.before.payments.values(), *self.after.payments.values())
        return not any(is_small(count) for count in counts)


NOBODY: Final = Figures(dict.fromkeys(Cell, 0))


def is_small(count: int) -> bool:
    return 0 < count < SMALL


@dataclass(frozen=True, slots=True)
class Told:
    """Figures as they may leave; None is withheld."""

    people: int | None
    cells: Mapping[Cell, int | None]
    before: Mapping[Rate, int] | None
    after: Mapping[Rate, int] | None


def told(figures: Figures) -> Told:
    """The whole: a small cell is withheld together with the smallest others, until those withheld are ten people or
    more, so two cells at least; and the sums with them, which could be divided by a rate that everybody knows."""
    withheld = {cell for cell, count in figures.cells.items() if is_small(count)}
    others = sorted(
        (cell for cell, count in figures.cells.items() if count >= SMALL), key=lambda cell: (figures.cells[cell], cell)
    )
    for cell in others if withheld else ():
        if sum(figures.cells[one] for one in withheld) >= SMALL:
            break
        withheld.add(cell)
    money = figures.money_is_safe
    return Told(
        None if is_small(figures.people) else figures.people,
        {cell: None if cell in withheld else count for cell, count in figures.cells.items()},
        dict(figures.before.satang) if money else None,
        dict(figures.after.satang) if money else None,
    )


@dataclass(frozen=True, slots=True)
class Table:
    """The rows that may be told, and all others as one."""

    rows: Mapping[str, Figures]
    rest: Figures | None
    rest_of: int
    """How many rows are in the rest."""


def table(rows: Mapping[str, Figures]) -> Table | None:
    """None where nothing of it may be told: the rest would be everybody."""
    kept = {label: row for label, row in sorted(rows.items()) if row.money_is_safe}
    rest = [row for row in rows.values() if not row.money_is_safe]
    together = reduce(Figures.__add__, rest, NOBODY)
    while kept and not together.money_is_safe:
        # The smallest row that hides them at once; where none does, the smallest.
        hiding = [label for label, row in kept.items() if (together + row).money_is_safe] or list(kept)
        rest.append(kept.pop(min(hiding, key=lambda label: (kept[label].people, label))))
        together += rest[-1]
    if not kept:
        return None
    return Table(kept, together if rest else None, len(rest))
