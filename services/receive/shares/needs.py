"""What shares need of other rooms; `api/shares.py` hands it in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.assurance import Demand
from core.text import Text


@dataclass(frozen=True, slots=True)
class IssuedPaper:
    """A document that an agency issued to the citizen, as it is kept."""

    agency: str
    operation: str
    title: Text
    demand: Demand
    """What the citizen's sign-in must be like to open it."""
    expires_at: datetime
    content: bytes


class Documents(Protocol):
    """The documents that citizens have."""

    async def find(self, person: UUID, document: UUID) -> IssuedPaper | None:
        """The person's, while it is kept; foreign, unknown and expired are alike."""
        ...


@dataclass(frozen=True, slots=True)
class Registered:
    """A juristic person."""

    number: str
    """Its 13 digits."""
    title: Text


class Registers(Protocol):
    """The registers of juristic persons that agencies keep."""

    async def find(self, agency: str, number: str) -> Registered | None:
        """One that stands in the agency's register now. Raises `MalformedJuristicNumber`."""
        ...


class Keepers(Protocol):
    """How long what is shared is kept, and whether its person is still there."""

    async def held(self, session: AsyncSession) -> Collection[UUID | None]: ...

    async def must_be_there(self, session: AsyncSession, person: UUID, since: datetime) -> None:
        """Raises :class:`NotFound` for who left, or was erased, since then; nor do they before `session` ends."""
        ...
