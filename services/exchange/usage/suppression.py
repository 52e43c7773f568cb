"""What of a month may be published, so that no figure under ten can be read or worked out.

A month is a table of agencies with a total, and each row has two parts: what was **asked** (requests, people) and what
**came** of it (facts told, denied, unavailable). A part is published whole or not at all: its figures bound each other
(who was asked about got at least one fact), so that one left out could be narrowed down from the others.

*Primary*: a part with a figure from 1 to 9 is left out; where what was asked is, so is what came of it. Nought tells of
nobody and may be published. *Complementary*: where the total is published, parts of further agencies are left out, the
smallest first, until at least two agencies are and subtraction leaves nought or ten and more. A total that is
small itself is left out; then there is nothing to subtract from.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from services.exchange.usage.repository import Sums

SMALL: Final = 10


class Part(Enum):
    """The figures that are published together."""

    ASKED = ("requests", "people")
    CAME = ("told", "denied", "unavailable")


@dataclass(frozen=True, slots=True)
class Published:
    """A row as the public sees it; None: left out."""

    requests: int | None
    people: int | None
    told: int | None
    denied: int | None
    unavailable: int | None


@dataclass(frozen=True, slots=True)
class Table:
    """A month, by agency."""

    rows: Mapping[str, Published]
    total: Published


def published(rows: Mapping[str, Sums]) -> Table:
    """The table as it may be shown."""
    total = _sum(rows, rows)
    asked = _hidden(rows, {agency for agency, sums in rows.items() if _is_small(sums, Part.ASKED)}, Part.ASKED)
    came = {agency for agency, sums in rows.items() if _is_small(sums, Part.CAME)} | asked
    came = _hidden(rows, came, Part.CAME)
    return Table(
        {agency: _shown(sums, agency not in asked, agency not in came) for agency, sums in sorted(rows.items())},
        _shown(total, _leaves_nothing(rows, asked, Part.ASKED), _leaves_nothing(rows, came, Part.CAME)),
    )


def _hidden(rows: Mapping[str, Sums], small: Collection[str], part: Part) -> set[str]:
    """The agencies whose part is left out, so that the total may be told; where it may not, the small ones alone."""
    hidden = set(small)
    others = sorted(rows.keys() - hidden, key=lambda agency: (rows[agency].people, agency))
    while others and not _leaves_nothing(rows, hidden, part):
        hidden.add(others.pop(0))
    return hidden if _leaves_nothing(rows, hidden, part) else set(small)


def _leaves_nothing(rows: Mapping[str, Sums], hidden: Collection[str], part: Part) -> bool:
    """Whether the total may be told: it is not small, and neither is what it leaves when all shown is subtracted."""
    if _is_small(_sum(rows, rows), part):
        return False
    return not hidden or (len(hidden) > 1 and not _is_small(_sum(rows, hidden), part))


def _is_small(sums: Sums, part: Part) -> bool:
    return any(0 < getattr(sums, name) < SMALL for name in part.value)


def _sum(rows: Mapping[str, Sums], agencies: Collection[str]) -> Sums:
    names = [name for part in Part for name in part.value]
    return Sums(**{name: sum(getattr(rows[agency], name) for agency in agencies) for name in names})


def _shown(sums: Sums, asked: bool, came: bool) -> Published:
    told = {Part.ASKED: asked, Part.CAME: came}
    return Published(**{name: getattr(sums, name) if told[part] else None for part in Part for name in part.value})
