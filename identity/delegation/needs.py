"""What delegation needs of the rooms above: the state's word on who somebody is, and whose child."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from uuid import UUID

from core.text import Text


@dataclass(frozen=True, slots=True, repr=False)
class Standing:
    """What the state knows of somebody, as far as a delegation depends on it."""

    name: Text
    born: date


class FamilyTies(Protocol):
    """Handed in by `api/house.py`: the exchange asks the registers, and logs each look (ADR 0005).

    Called outside any transaction. Every method raises `ServiceUnavailable` when the register cannot say.
    """

    async def standing(self, person: UUID, *, request: UUID) -> Standing:
        """Of the person who asks, about themself."""
        ...

    async def has_disability(self, person: UUID, *, request: UUID) -> bool:
        """Whether the person who asks holds a valid disability card. Asked only where it decides (PDPA s.26)."""
        ...

    async def minor_children(self, parent: UUID, *, request: UUID) -> Collection[UUID]:
        """Living minor children of the person who asks; the register of people knows them afterwards."""
        ...

    async def child(self, parent: UUID, child: UUID, *, request: UUID) -> Standing | None:
        """Of a minor child of the person who asks; None when the register says that it is none."""
        ...
