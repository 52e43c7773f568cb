"""What a consent is made of: who gives it, what may happen to it, and how much of it is still good."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import BadInput
from core.text import Text
from services.exchange.catalogue import RegisteredPurpose
from services.exchange.consent.models import Consent
from services.exchange.consent.texts import ConsentTexts

_FOREIGN_ATTRIBUTES: Final = Text(
    th="attributes ต้องเป็นรายการข้อมูลที่วัตถุประสงค์นี้ขอ", en="attributes must be among those that the purpose asks for"
)
RENEWAL_MAX: Final = timedelta(days=30)
"""How long before its end a consent may be renewed; of a short one, in its last quarter."""


class GivenAs(StrEnum):
    """By whom a consent was given (PDPA 2562 s.20)."""

    SELF = "SELF"
    PARENT = "PARENT"
    """Who has parental power over a minor."""
    GUARDIAN = "GUARDIAN"
    """Whom a court appointed."""


class ConsentEvent(StrEnum):
    """What a receipt is about."""

    GRANTED = "GRANTED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    REPLACED = "REPLACED"


class ConsentStatus(StrEnum):
    ACTIVE = "ACTIVE"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    REPLACED = "REPLACED"


@dataclass(frozen=True, slots=True)
class Giver:
    """Who agrees or withdraws: the citizen, if it says nothing."""

    by: UUID | None = None
    given_as: GivenAs = GivenAs.SELF
    minor_until: datetime | None = None
    """Of a minor: the moment of majority, at which a consent that somebody else gave ends."""


def status_of(consent: Consent, now: datetime) -> ConsentStatus:
    if consent.withdrawn_at is not None:
        return ConsentStatus.WITHDRAWN
    if consent.ended_at is not None and consent.ended_at < consent.expires_at:
        return ConsentStatus.REPLACED
    return ConsentStatus.ACTIVE if now < consent.expires_at else ConsentStatus.EXPIRED


def covered(texts: ConsentTexts, consent: Consent, asked: Collection[str], day: date) -> frozenset[str]:
    """The attributes that a consent opens on that day: those it names, the purpose still asks for, and the words in
    force still mean."""
    named = frozenset(consent.attributes) & frozenset(asked)
    return texts.still_means(consent.purpose, consent.text_version, named, day)


def renewable(entry: RegisteredPurpose, consent: Consent, now: datetime) -> bool:
    """Whether its end is near enough to be asked again. What ends with minority is not renewed before."""
    assert entry.consent is not None
    if consent.given_as != GivenAs.SELF and consent.expires_at - consent.granted_at < entry.consent.valid:
        return False
    return now >= consent.expires_at - min(RENEWAL_MAX, entry.consent.valid / 4)


class ConsentEnds(Protocol):
    """Who tells agencies that a consent they had is withdrawn; api/house.py hands it in."""

    async def consent_withdrawn(self, session: AsyncSession, consent: Consent) -> None:
        """Called in the transaction of the withdrawal, of all or a part; a part is told by what remains."""
        ...


def wanted_of(entry: RegisteredPurpose, attributes: Collection[str] | None) -> frozenset[str]:
    """Raises BadInput for none, and for what the purpose does not ask for."""
    assert entry.attributes is not None
    wanted = frozenset(attributes) if attributes is not None else entry.attributes
    if not wanted or not wanted <= entry.attributes:
        raise BadInput(_FOREIGN_ATTRIBUTES, path=("attributes",))
    return wanted
