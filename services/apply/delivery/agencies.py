"""What taking applications to agencies needs of the rooms around it; api/services_applied.py hands it in.

This room asks the gate for facts and nobody else (tests/laws/test_once_only.py): who is behind a person's key, what a
citizen has consented to, and the plugins themselves are behind these protocols.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import NationalId
from core.text import Text
from services.exchange.catalogue import RegisteredPurpose
from services.exchange.errors import SourceSilent
from services.plugins.contract import Manifest


class BillsOfApplications(Protocol):
    """What citizens pay before an application is handed over."""

    async def withdrawn(self, session: AsyncSession, application: UUID) -> None:
        """It will not be handed over: its fee is not due."""
        ...


class Declined(Exception):
    """The agency answered with an error that its manifest declares, in these words."""

    def __init__(self, words: Text) -> None:
        super().__init__(words.en)
        self.words = words


class Agencies(Protocol):
    """The services of this moment, and the way to them."""

    def manifests(self) -> Iterable[Manifest]:
        """Of all in the registry, whatever their standing."""
        ...

    def manifest(self, slug: str) -> Manifest | None:
        """Suspended and retired ones too; None for one that nobody knows any more."""
        ...

    def goes_on(self, slug: str) -> bool:
        """Whether it may be asked about what was applied for: it is not suspended. One that is over goes on to the end
        of what it has."""
        ...

    def must_be_open(self, slug: str) -> None:
        """Raises `ServiceSuspended`, `ServiceRetired`."""
        ...

    async def stands_still(self, session: AsyncSession, slug: str) -> bool:
        """Until the transaction ends no version is put in force that drops an operation. False where a version is in
        force that this process does not know yet: what it says of the operations may be wrong."""
        ...

    def service_id(self, subject: str) -> UUID:
        """Of an entry in the catalogue of services."""
        ...

    async def call(
        self, slug: str, operation: str, person: NationalId, arguments: Mapping[str, Any], *, key: str
    ) -> Any:
        """Raises :class:`Declined`, and `SourceSilent` where no answer can be had or used."""
        ...

    def may_have(self, slug: str, error: SourceSilent) -> bool:
        """Whether anything of the call that ended so may have left for the agency."""
        ...


class Numbers(Protocol):
    async def number_of(self, session: AsyncSession, person: UUID) -> NationalId:
        """Raises :class:`core.errors.NotFound`."""
        ...


class Consents(Protocol):
    async def agreed(self, session: AsyncSession, person: UUID, entry: RegisteredPurpose) -> frozenset[str]:
        """The attributes that a consent of the person to this purpose opens at this moment."""
        ...

    async def requesters(self, session: AsyncSession, person: UUID) -> frozenset[str]:
        """Slugs of the agencies that ever had a consent of the person."""
        ...


class Withdrawn(Protocol):
    """A consent that was withdrawn."""

    id: UUID
    person: UUID
    requester: str
