"""What the desk needs of the rooms around it; `api/desk_of_applications.py` hands it in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol
from uuid import UUID

from core.text import Text


class Subjects(Protocol):
    def of_agency(self, agency: str) -> Mapping[str, Text]:
        """What this agency's officers decide, `programme:<slug>` or `service:<slug>`, each with its title."""
        ...


class Ties(Protocol):
    async def between(self, officer: UUID, people: Collection[UUID]) -> bool:
        """Whether the officer lives with one of them, is their parent, or acts for them, or they for the officer.

        Raises `ServiceUnavailable` while nobody can say.
        """
        ...
