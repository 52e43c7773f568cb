"""What of a month may be published, so that no figure under ten can be read or worked out.

A month is a table of agencies with a total, and each row has two parts: what was **asked** (requests, people) and what
**came** of it (facts told, denied, unavailable). A part is published whole or not at all: its figures bound each other
(who was asked about got at least one fact), so that one left out could be narrowed down from the others.

A part with a figure from 1 to 9 is left out; where what was asked is, so is what came of it. Nought tells of nobody and
may be published. The total of a part is told where the part of every agency is. Otherwise it would be a sum over those
left out: to hide further agencies beside the small ones does not mend that, because an agency knows its own figures and
can subtract them too, and because this rule is public: whom it would have hidden otherwise narrows down what is hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    """The table as it may be shown. What is told of an agency follows from its own figures alone."""
    asked = {agency for agency, sums in rows.items() if not _is_small(sums, Part.ASKED)}
    came = {agency for agency in asked if not _is_small(rows[agency], Part.CAME)}
    return Table(
        {agency: _shown(sums, agency in asked, agency in came) for agency, sums in sorted(rows.items())},
        _shown(_sum(rows), len(asked) == len(rows), len(came) == len(rows)),
    )


def _is_small(sums: Sums, part: Part) -> bool:
    return any(0 < getattr(sums, name) < SMALL for name in part.value)


def _sum(rows: Mapping[str, Sums]) -> Sums:
    names = [name for part in Part for name in part.value]
    return Sums(**{name: sum(getattr(sums, name) for sums in rows.values()) for name in names})


def _shown(sums: Sums, asked: bool, came: bool) -> Published:
    told = {Part.ASKED: asked, Part.CAME: came}
    return Published(**{name: getattr(sums, name) if told[part] else None for part in Part for name in part.value})
