"""Who may ask what, about whom, for which purpose. Pure: what it needs to know is handed in.

All that is not allowed here is refused. The table itself is data: catalogue/data/purposes.yaml.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from uuid import UUID

from services.exchange.catalogue import AskerRole, Attribute, Catalogue, RegisteredPurpose
from services.exchange.facts import Asker, AskerKind, Basis, Purpose

AGE_OF_MAJORITY: Final = 20
"""Civil and Commercial Code s.19. (Majority by marriage, s.20, is not in the register of this exchange.)"""

UNKNOWN_PURPOSE: Final = "UNKNOWN_PURPOSE"
NOT_THIS_ASKER: Final = "NOT_THIS_ASKER"
NOT_FOR_THIS_PURPOSE: Final = "NOT_FOR_THIS_PURPOSE"
NO_CONSENT: Final = "NO_CONSENT"
NOT_A_CHILD: Final = "NOT_A_CHILD"
NOT_A_MINOR: Final = "NOT_A_MINOR"
NOT_DELEGATED: Final = "NOT_DELEGATED"
"""No delegation that holds lets this asker see, or not this person."""
TIE_UNKNOWN: Final = "TIE_UNKNOWN"
"""The register did not say whether this is the asker's child: nothing is shown, and nobody says no."""


@dataclass(frozen=True, slots=True)
class Consented:
    """An active consent: its id and the attributes it covers."""

    id: UUID
    attributes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which attributes may be read, and why the others may not."""

    allowed: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    consent: UUID | None = None


def registered(catalogue: Catalogue, purpose: Purpose) -> RegisteredPurpose | None:
    """The registered purpose, if this is it: a purpose with another basis than the registered one is none."""
    found = catalogue.purposes.get(purpose.id)
    return found if found is not None and found.purpose.basis == purpose.basis else None


def parent_to_prove(entry: RegisteredPurpose, subject: UUID, asker: Asker) -> UUID | None:
    """Whose minor child the subject must be for the look to be lawful; None when that does not matter."""
    if asker.kind is AskerKind.CITIZEN:
        parent_may = AskerRole.PARENT in entry.askers and asker.id != subject.hex
        return UUID(hex=asker.id) if parent_may else None
    return asker.applicant if asker.applicant not in (None, subject) else None


def role_of(entry: RegisteredPurpose, subject: UUID, asker: Asker, acts_for: UUID | None = None) -> AskerRole | None:
    """What the asker is to the subject, if the purpose is for such an asker; a parent's tie is yet to be proved.

    `acts_for` is whom a delegate may act for, as a delegation that holds now says.
    """
    for role in _possible_roles(entry, subject, asker, acts_for):
        if role in entry.askers:
            return role
    return None


def _possible_roles(
    entry: RegisteredPurpose, subject: UUID, asker: Asker, acts_for: UUID | None
) -> Collection[AskerRole]:
    if asker.kind is AskerKind.CITIZEN:
        return (AskerRole.SELF,) if asker.id == subject.hex else (AskerRole.PARENT,)
    if asker.kind is AskerKind.DELEGATE:
        if acts_for is None or acts_for != asker.applicant or AskerRole.DELEGATE not in entry.askers:
            return ()
        return (AskerRole.DELEGATE,) if subject == acts_for else (AskerRole.PARENT,)
    if entry.purpose.basis is Basis.CONSENT:
        return (AskerRole.AGENCY,) if asker.agency == entry.requester else ()
    if asker.kind is AskerKind.OFFICER:
        return (AskerRole.OFFICER,) if asker.agency in entry.officers_of else ()
    return (AskerRole.SYSTEM,)


def judge(
    entry: RegisteredPurpose | None,
    attributes: Collection[Attribute],
    subject: UUID,
    asker: Asker,
    *,
    consented: Consented | None,
    acts_for: UUID | None = None,
) -> Verdict:
    """The verdict but for a tie that :func:`parent_to_prove` asks to be proved."""
    if entry is None:
        return refuse(attributes, UNKNOWN_PURPOSE)
    role = role_of(entry, subject, asker, acts_for)
    if role is None:
        return refuse(attributes, why_not(asker, acts_for))
    if role is AskerRole.AGENCY and consented is None:
        return refuse(attributes, NO_CONSENT)
    refused: dict[str, str] = {}
    for attribute in attributes:
        if not entry.covers(attribute):
            refused[attribute.id] = NOT_FOR_THIS_PURPOSE
        elif role is AskerRole.AGENCY and consented is not None and attribute.id not in consented.attributes:
            refused[attribute.id] = NO_CONSENT
    allowed = frozenset(attribute.id for attribute in attributes if attribute.id not in refused)
    return Verdict(allowed, refused, consented.id if consented is not None and allowed else None)


def why_not(asker: Asker, acts_for: UUID | None) -> str:
    """The reason for refusing an asker who has no role."""
    return NOT_DELEGATED if asker.kind is AskerKind.DELEGATE and acts_for is None else NOT_THIS_ASKER


def refuse(attributes: Collection[Attribute], reason: str) -> Verdict:
    return Verdict(refused={attribute.id: reason for attribute in attributes})


def is_minor(birth_date: date, today: date) -> bool:
    """Whether the person is under the age of majority. Born on 29 February, one comes of age on 1 March."""
    born = (birth_date.year + AGE_OF_MAJORITY, birth_date.month, birth_date.day)
    return (today.year, today.month, today.day) < born
