"""Who may ask what, about whom, for which purpose. Pure: what it needs to know is handed in.

All that is not allowed here is refused. The table itself is data: catalogue/data/purposes.yaml.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from uuid import UUID

from core.assurance import LEAST
from services.exchange.agreements.terms import Terms
from services.exchange.catalogue import AskerRole, Attribute, Catalogue, Least, RegisteredPurpose
from services.exchange.facts import SERVICE_ASKER, Asker, AskerKind, Basis, Purpose

CITIZEN: Final = "citizen"
"""The steward of what nobody in the state holds."""
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
NO_AGREEMENT: Final = "NO_AGREEMENT"
"""Between the agency that asks and the steward no agreement is in force that names the attribute and the purpose."""
QUOTA_EXCEEDED: Final = "QUOTA_EXCEEDED"
"""The agreement's quota of the day or the minute is used up; nothing of the batch that rests on it is told."""
QUOTA_UNKNOWN: Final = "SERVICE_UNAVAILABLE"
"""Nobody can count: then nothing is told that has to be counted."""
ASSURANCE_TOO_LOW: Final = "ASSURANCE_TOO_LOW"
"""The purpose demands more of the asker than the edge knows of it."""
RESTRICTED: Final = "RESTRICTED"
"""The citizen has had the use of their data restricted (PDPA s.34)."""
OBJECTED: Final = "OBJECTED"
"""The citizen objected (PDPA s.32)."""
BARRED: Final = "BARRED"
"""Stopped for another reason."""
BARS: Final = frozenset({RESTRICTED, OBJECTED, BARRED})


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
    agreements: Mapping[str, Terms] = field(default_factory=dict)
    """Of each allowed attribute that needs one: what it is told under."""

    @property
    def rests_on(self) -> frozenset[str]:
        """The agreements, `<id>:<version>` each, as the access log names them."""
        return frozenset(f"{terms.id}:{terms.version}" for terms in self.agreements.values())

    def without(self, names: Collection[str], reason: str) -> Verdict:
        """The same with these attributes refused."""
        gone = self.allowed & set(names)
        allowed = self.allowed - gone
        return Verdict(
            allowed,
            {**self.refused, **dict.fromkeys(sorted(gone), reason)},
            self.consent if allowed else None,
            {name: terms for name, terms in self.agreements.items() if name in allowed},
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known at this moment of an asker and one subject, beside what they say themselves."""

    acts_for: UUID | None = None
    """Of a delegate: whom they may act for, as a delegation that holds now says."""
    consented: Consented | None = None
    barred: str | None = None
    """Why nothing of the subject may be told for the purpose: one of :data:`BARS`."""
    agreements: Sequence[Terms] = ()
    """In force and valid now, of the asker's agency as requester."""


NOTHING_KNOWN: Final = Standing()


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
    if asker.client is not None:
        return (AskerRole.AGENCY,) if asker.agency is not None else ()
    if asker.kind is AskerKind.OFFICER:
        return (AskerRole.OFFICER,) if asker.agency in entry.officers_of else ()
    if asker.id.startswith(SERVICE_ASKER):
        return (AskerRole.SERVICE,) if asker.agency is not None and asker.applicant == subject else ()
    return (AskerRole.SYSTEM,)


def judge(
    entry: RegisteredPurpose | None,
    attributes: Collection[Attribute],
    subject: UUID,
    asker: Asker,
    standing: Standing = NOTHING_KNOWN,
) -> Verdict:
    """The verdict but for a tie that :func:`parent_to_prove` asks to be proved, and for quotas."""
    if entry is None:
        return refuse(attributes, UNKNOWN_PURPOSE)
    role = role_of(entry, subject, asker, standing.acts_for)
    if role is None:
        return refuse(attributes, why_not(asker, standing.acts_for))
    whole = _stands_in_the_way(entry, asker, standing)
    if whole is not None:
        return refuse(attributes, whole)
    consented = standing.consented if entry.purpose.basis is Basis.CONSENT else None
    refused: dict[str, str] = {}
    agreements: dict[str, Terms] = {}
    for attribute in attributes:
        reason = _reason(entry, attribute, asker, consented)
        if reason is None and needs_agreement(asker, attribute.steward):
            terms = agreement_for(standing.agreements, attribute.steward, attribute.id, entry.purpose)
            if terms is None:
                reason = NO_AGREEMENT
            else:
                agreements[attribute.id] = terms
        if reason is not None:
            refused[attribute.id] = reason
    allowed = frozenset(attribute.id for attribute in attributes if attribute.id not in refused)
    return Verdict(allowed, refused, consented.id if consented is not None and allowed else None, agreements)


def judge_records(
    entry: RegisteredPurpose | None, what: str, agency: str, subject: UUID, asker: Asker, standing: Standing
) -> Verdict:
    """The verdict on a look at records that are not in the catalogue; `what` is `<agency>:<operation>`.

    Nobody has ties proved for such a look: a parent sees a child's facts, not the records an agency keeps.
    """

    def refused(reason: str) -> Verdict:
        return Verdict(refused={what: reason})

    if entry is None:
        return refused(UNKNOWN_PURPOSE)
    role = role_of(entry, subject, asker, standing.acts_for)
    if role is None or not entry.records or parent_to_prove(entry, subject, asker):
        return refused(why_not(asker, standing.acts_for))
    whole = _stands_in_the_way(entry, asker, standing)
    if whole is not None:
        return refused(whole)
    if not needs_agreement(asker, agency):
        return Verdict(frozenset({what}))
    terms = agreement_for(standing.agreements, agency, what, entry.purpose)
    return refused(NO_AGREEMENT) if terms is None else Verdict(frozenset({what}), agreements={what: terms})


def asks_for_an_agency(asker: Asker) -> bool:
    return asker.kind in (AskerKind.SYSTEM, AskerKind.OFFICER)


def needs_agreement(asker: Asker, steward: str) -> bool:
    """Whoever asks for an agency needs one with every other agency whose word it wants; but not for a citizen's."""
    return asks_for_an_agency(asker) and steward not in (asker.agency, CITIZEN)


def agreement_for(agreements: Sequence[Terms], steward: str, name: str, purpose: Purpose) -> Terms | None:
    """The first that covers it; the caller's order decides which of several is counted."""
    return next((one for one in agreements if one.covers(steward, name, purpose.id)), None)


def _stands_in_the_way(entry: RegisteredPurpose, asker: Asker, standing: Standing) -> str | None:
    """Why nothing at all may be told, whatever the attribute."""
    if standing.barred is not None:
        return standing.barred
    if not _assured(entry.least, asker):
        return ASSURANCE_TOO_LOW
    if entry.purpose.basis is Basis.CONSENT and standing.consented is None:
        return NO_CONSENT
    return None


def _reason(entry: RegisteredPurpose, attribute: Attribute, asker: Asker, consented: Consented | None) -> str | None:
    if not entry.covers(attribute):
        return NOT_FOR_THIS_PURPOSE
    if entry.purpose.basis is Basis.CONSENT and (consented is None or attribute.id not in consented.attributes):
        return NO_CONSENT
    if attribute.sensitive and not _assured(entry.least_if_sensitive, asker):
        return ASSURANCE_TOO_LOW
    return None


def _assured(least: Least, asker: Asker) -> bool:
    known = asker.assurance
    if asker.client is not None:  # whom it names as asking, the agency has let in, not we
        return not least.bound_key or (known is not None and known.bound_key)
    if least.sign_in is None or asker.kind is AskerKind.SYSTEM:
        return True
    return ((known.sign_in if known is not None else None) or LEAST).meets(least.sign_in)


def why_not(asker: Asker, acts_for: UUID | None) -> str:
    """The reason for refusing an asker who has no role."""
    return NOT_DELEGATED if asker.kind is AskerKind.DELEGATE and acts_for is None else NOT_THIS_ASKER


def refuse(attributes: Collection[Attribute], reason: str) -> Verdict:
    return Verdict(refused={attribute.id: reason for attribute in attributes})


def is_minor(birth_date: date, today: date) -> bool:
    """Whether the person is under the age of majority. Born on 29 February, one comes of age on 1 March."""
    born = (birth_date.year + AGE_OF_MAJORITY, birth_date.month, birth_date.day)
    return (today.year, today.month, today.day) < born
