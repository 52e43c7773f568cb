"""Granting and withdrawing consent. Works in the session of the edge's transaction."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.errors import BadInput, Conflict, NotFound
from core.ids import new_id
from core.text import Text
from services.exchange.catalogue import Catalogue, RegisteredPurpose
from services.exchange.consent.errors import ConsentNotNeeded, ConsentTextChanged
from services.exchange.consent.models import Consent
from services.exchange.consent.repository import ConsentRepository
from services.exchange.errors import UnknownPurpose
from services.exchange.policy import Consented

_FOREIGN_ATTRIBUTES = Text(
    th="attributes ต้องเป็นรายการข้อมูลที่วัตถุประสงค์นี้ขอ", en="attributes must be among those that the purpose asks for"
)


class ConsentStatus(StrEnum):
    ACTIVE = "ACTIVE"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    REPLACED = "REPLACED"


class ConsentService:
    def __init__(self, catalogue: Catalogue, clock: Clock) -> None:
        self._catalogue, self._clock = catalogue, clock

    def checked(
        self, purpose: str, text_version: str, attributes: Collection[str] | None
    ) -> tuple[RegisteredPurpose, list[str]]:
        """What would be consented to. Raises UnknownPurpose, ConsentNotNeeded, ConsentTextChanged, BadInput."""
        entry = self._purpose(purpose)
        assert entry.consent is not None
        if text_version != entry.consent.version:
            raise ConsentTextChanged(path=("textVersion",))
        return entry, _wanted(entry, attributes)

    async def grant(
        self,
        session: AsyncSession,
        person: UUID,
        *,
        purpose: str,
        text_version: str,
        attributes: Collection[str] | None,
    ) -> Consent:
        """The citizen's consent to a purpose, for all that it asks for or only some attributes.

        Nobody agrees to the same thing twice: an active consent to the same words and attributes is answered as it is,
        another one is replaced. That the citizen is of age is for the caller to know.

        Raises UnknownPurpose, ConsentNotNeeded, ConsentTextChanged, BadInput, Conflict.
        """
        entry, wanted = self.checked(purpose, text_version, attributes)
        assert entry.consent is not None
        assert entry.requester is not None
        now = self._clock.now()
        repository = ConsentRepository(session)
        current = await repository.open(person, entry.requester, purpose, lock=True)
        if current is not None:
            if now < current.expires_at and (current.text_version, current.attributes) == (text_version, wanted):
                return current
            current.ended_at = min(now, current.expires_at)
            await session.flush()
        row = {
            "person": person,
            "id": new_id(),
            "requester": entry.requester,
            "purpose": purpose,
            "attributes": wanted,
            "text_version": text_version,
            "granted_at": now,
            "expires_at": now + entry.consent.valid,
        }
        await repository.insert_first(row)
        granted = await repository.open(person, entry.requester, purpose)
        if granted is None or granted.attributes != wanted:  # someone else's grant won, for other attributes
            raise Conflict
        return granted

    async def withdraw(self, session: AsyncSession, person: UUID, consent: UUID) -> Consent:
        """Ends it at once. Withdrawing again changes nothing. Raises NotFound, for a foreign one too."""
        found = await ConsentRepository(session).get(person, consent, lock=True)
        if found is None:
            raise NotFound
        if found.ended_at is None:
            now = self._clock.now()
            found.withdrawn_at = found.ended_at = now
            await session.flush()
        return found

    async def active(self, session: AsyncSession, person: UUID, entry: RegisteredPurpose) -> Consented | None:
        """What the gate may rely on at this moment."""
        assert entry.requester is not None
        found = await ConsentRepository(session).active(person, entry.requester, entry.purpose.id, self._clock.now())
        return Consented(found.id, frozenset(found.attributes)) if found is not None else None

    def status(self, consent: Consent) -> ConsentStatus:
        if consent.withdrawn_at is not None:
            return ConsentStatus.WITHDRAWN
        if consent.expires_at <= self._clock.now():
            return ConsentStatus.EXPIRED
        return ConsentStatus.ACTIVE if consent.ended_at is None else ConsentStatus.REPLACED

    def _purpose(self, purpose: str) -> RegisteredPurpose:
        entry = self._catalogue.purposes.get(purpose)
        if entry is None:
            raise UnknownPurpose(path=("purpose",))
        if entry.consent is None:
            raise ConsentNotNeeded(path=("purpose",))
        return entry


def _wanted(entry: RegisteredPurpose, attributes: Collection[str] | None) -> list[str]:
    assert entry.attributes is not None
    wanted = frozenset(attributes) if attributes is not None else entry.attributes
    if not wanted or not wanted <= entry.attributes:
        raise BadInput(_FOREIGN_ATTRIBUTES, path=("attributes",))
    return sorted(wanted)
