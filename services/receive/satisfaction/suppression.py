"""What of the counts may be published, so that no figure under ten can be read or worked out.

A table is a list of cells (the provinces of one programme, or the programmes of the country) with a total, and each
cell has two figures: who is satisfied, and who is not. A figure from 1 to 9 is small; nought tells of nobody. A cell
with a small figure is left out whole, because one figure bounds the other.

What is left out could be worked out as the total less the rest. So what is left out together must itself be two cells
or more, of no small figure; until it is, the next smallest cell is left out as well (complementary suppression). Where
all cells together are small, the total is left out too. Nobody but Sitthi knows the figures of a cell, so that nobody
has a part of the rest to subtract: that is where this differs from services/exchange/usage, whose agencies do.

A cell that is told is told of by its own figures or as a neighbour's cover. That the rule is public tells of a cover
that it is the smallest of those that are not small: no figure of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

SMALL: Final = 10
TOGETHER_MIN: Final = 2


@dataclass(frozen=True, slots=True)
class Counts:
    satisfied: int = 0
    others: int = 0

    def __add__(self, more: Counts) -> Counts:
        return Counts(self.satisfied + more.satisfied, self.others + more.others)

    @property
    def ratings(self) -> int:
        return self.satisfied + self.others

    @property
    def is_small(self) -> bool:
        return 0 < self.satisfied < SMALL or 0 < self.others < SMALL

    @property
    def basis_points(self) -> int | None:
        """Share of the satisfied in hundredths of a per cent, rounded down; None where nobody rated."""
        return None if self.ratings == 0 else self.satisfied * 10_000 // self.ratings


@dataclass(frozen=True, slots=True)
class Told:
    """A table as the public sees it. A cell that is not in `cells` was left out; so was a `total` of None."""

    cells: Mapping[str, Counts]
    left_out: frozenset[str]
    total: Counts | None


def told(cells: Mapping[str, Counts]) -> Told:
    """The table as it may be shown."""
    hidden = {name for name, counts in cells.items() if counts.is_small}
    smallest_first = sorted(cells, key=lambda name: (cells[name].ratings, name))
    while hidden and not _hides(cells, hidden):
        cover = next((name for name in smallest_first if name not in hidden and cells[name].ratings), None)
        if cover is None:  # all of it is too little to tell
            return Told({}, frozenset(cells), None)
        hidden.add(cover)
    shown = {name: counts for name, counts in sorted(cells.items()) if name not in hidden}
    return Told(shown, frozenset(hidden), _sum(cells.values()))


def _hides(cells: Mapping[str, Counts], hidden: set[str]) -> bool:
    return len(hidden) >= TOGETHER_MIN and not _sum(cells[name] for name in hidden).is_small


def _sum(counts: Iterable[Counts]) -> Counts:
    return sum(counts, Counts())
