"""What of the counts may be published, so that no figure under ten can be read or worked out.

A table is a list of cells (the provinces of one programme, or the programmes of the country) with a total, and each
cell has two figures: who is satisfied, and who is not. A figure from 1 to 9 is small; nought tells of nobody. A cell
with a small figure is left out whole, because one figure bounds the other.

What is left out could be worked out as the total less the rest. So what is left out together must itself be two cells
or more, of no small figure, and of ten ratings more than it has cells (ten cells of ten ratings would be one each).
Until it is, another cell is left out as well (complementary suppression). Where all cells together are small, the total
is left out too. Nobody but Sitthi knows the figures of a cell, so that nobody has a part of the rest to subtract: that
is where this differs from services/exchange/usage, whose agencies do.

Which other cell it is, is by a number that was drawn when the cell was first counted in, and that nobody is told. By a
rule that anybody can follow (the smallest one, say) some tables would give a figure away: who sees 0 and 4 left over by
two cells, and knows that a third one of 3 would have been left out in the place of another 3, knows that both are 2. A
test tries every small table against somebody who knows all of this page. A table of a month is the same each time it is
read, since two versions of one would tell what one of them left out; so a month that was told before there were draws
keeps the rule of then (the smallest other cell; 0 is drawn everywhere). Months are told alone, in no sums of theirs;
and provinces are not summed over programmes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

SMALL: Final = 10
TOGETHER_MIN: Final = 2
WHOLE: Final = 10_000
"""Basis points of one."""
_Z: Final = Decimal("1.96")
"""Of 95 % of a normal distribution."""


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
        return None if self.ratings == 0 else self.satisfied * WHOLE // self.ratings

    @property
    def interval(self) -> tuple[int, int] | None:
        """Between which shares, in basis points, chance alone would move it (Wilson 1927, 95 %); None without ratings.

        It knows nothing of those who did not rate.
        """
        n, s = Decimal(self.ratings), Decimal(self.satisfied)
        if not n:
            return None
        half = _Z * (s * (n - s) / n + _Z * _Z / 4).sqrt()
        low, high = (WHOLE * (s + _Z * _Z / 2 + way * half) / (n + _Z * _Z) for way in (-1, 1))
        return (
            max(0, int(low.to_integral_value(ROUND_FLOOR))),
            min(WHOLE, int(high.to_integral_value(ROUND_CEILING))),
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """What was counted in one cell, and its place in the order in which cells cover for others."""

    counts: Counts
    draw: int = field(repr=False)

    def __add__(self, more: Cell) -> Cell:
        """Of several together the smallest draw counts: as random as any of them."""
        return Cell(self.counts + more.counts, min(self.draw, more.draw))


NO_CELL: Final = Cell(Counts(), 1 << 62)


@dataclass(frozen=True, slots=True)
class Told:
    """A table as the public sees it. A cell that is not in `cells` was left out; so was a `total` of None."""

    cells: Mapping[str, Counts]
    left_out: frozenset[str]
    total: Counts | None


def told(table: Mapping[str, Cell]) -> Told:
    """The table as it may be shown."""
    cells = {name: cell.counts for name, cell in table.items()}
    hidden = {name for name, counts in cells.items() if counts.is_small}
    covers = [name for name in cells if name not in hidden and cells[name].ratings]
    covers.sort(key=lambda name: (table[name].draw, cells[name].ratings, name), reverse=True)
    while hidden and not _hides(cells, hidden):
        if not covers:  # all of it is too little to tell
            return Told({}, frozenset(cells), None)
        hidden.add(covers.pop())
    shown = {name: counts for name, counts in sorted(cells.items()) if name not in hidden}
    return Told(shown, frozenset(hidden), _sum(cells.values()))


def _hides(cells: Mapping[str, Counts], hidden: set[str]) -> bool:
    together = _sum(cells[name] for name in hidden)
    is_enough = len(hidden) >= TOGETHER_MIN and together.ratings >= len(hidden) + SMALL
    return is_enough and not together.is_small


def _sum(counts: Iterable[Counts]) -> Counts:
    return sum(counts, Counts())
