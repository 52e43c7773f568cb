"""What the catalogue holds: attributes, agencies, purposes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from core.assurance import Assurance
from core.text import Text
from services.exchange.agreements.terms import Terms
from services.exchange.catalogue.about import About
from services.exchange.catalogue.values import Kind, ValueType
from services.exchange.errors import UnknownAttribute
from services.exchange.facts import Purpose

CHILDREN: Final = "children"
HOUSEHOLD_MEMBERS: Final = "household_members"
BIRTH_DATE: Final = "birth_date"
"""The attributes that the gate itself reads: the first two are ties between people."""
_LIKE_AN_ID: Final = re.compile(r"[a-z]+(_[a-z]+)*")
"""Only such a name is said again in an error: anything else may be a person's name or number."""


class Subject(StrEnum):
    PERSON = "person"
    HOUSEHOLD = "household"
    CHILD = "child"


class How(StrEnum):
    """How the exchange derives a fact from what the steward and other sources say."""

    SUM = "sum"
    """Of attribute `of` over all people of the relation `over`."""
    COUNT = "count"
    """Of the people of the relation `over`."""
    INCLUDES = "includes"
    """Whether the relation `over` of the applicant holds the child asked about."""


@dataclass(frozen=True, slots=True)
class Derivation:
    how: How
    over: str
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    """One entry of the catalogue. Its id never changes its meaning."""

    id: str
    title: Text
    type: ValueType
    steward: str
    """Slug of the agency whose word it is: the only authority for it, and where it is corrected."""
    sensitive: bool
    """PDPA s.26."""
    freshness: timedelta
    stale: timedelta
    """How long after that the last known value may still be told; zero means never."""
    subject: Subject
    derived: Derivation | None = None
    about: About = field(default_factory=About)

    @property
    def is_tie(self) -> bool:
        return self.type.kind is Kind.PEOPLE


class AskerRole(StrEnum):
    """What an asker is to the subject, for a purpose; described in data/purposes.yaml."""

    SELF = "SELF"
    PARENT = "PARENT"
    DELEGATE = "DELEGATE"
    SYSTEM = "SYSTEM"
    SERVICE = "SERVICE"
    OFFICER = "OFFICER"
    AGENCY = "AGENCY"


@dataclass(frozen=True, slots=True)
class ConsentTerms:
    """How a citizen's consent to a purpose stands; its words are services/exchange/consent's."""

    valid: timedelta


@dataclass(frozen=True, slots=True)
class Least:
    """The least that is asked of whoever asks. Parts of Sitthi are let in by no edge, and nothing is asked of them."""

    sign_in: Assurance | None = None
    """Of a citizen, a delegate or an officer; None: any."""
    bound_key: bool = False
    """Of an agency's client: a token that is bound to its key."""


@dataclass(frozen=True, slots=True)
class RegisteredPurpose:
    purpose: Purpose
    askers: frozenset[AskerRole]
    subjects: frozenset[Subject]
    attributes: frozenset[str] | None
    """The only attributes it may be used for; None: all."""
    officers_of: frozenset[str] = frozenset()
    records: bool = False
    requester: str | None = None
    consent: ConsentTerms | None = None
    least: Least = Least()
    least_if_sensitive: Least = Least()
    """For attributes that are sensitive (PDPA s.26), on top."""
    bulk: bool = False
    """Whether a whole population may be asked about in one run."""
    sensitive: Mapping[str, Text] = field(default_factory=dict)
    """Of such a purpose the sensitive attributes, and by which law each may be read of everybody (PDPA s.26)."""

    def covers(self, attribute: Attribute) -> bool:
        return attribute.subject in self.subjects and (self.attributes is None or attribute.id in self.attributes)


def _nobody(_: str) -> Text | None:
    return None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Reviewed data, loaded once at start by :func:`services.exchange.catalogue.load_catalogue`."""

    attributes: Mapping[str, Attribute]
    agencies: Mapping[str, Text]
    purposes: Mapping[str, RegisteredPurpose]
    standing: tuple[Terms, ...] = ()
    """Agreements that come with the program."""
    named: Callable[[str], Text | None] = _nobody
    """Names of agencies that have a part in no fact, and so are not in `agencies`: they offer services alone."""

    def attribute(self, name: str) -> Attribute:
        """Raises :class:`UnknownAttribute`."""
        found = self.attributes.get(name)
        if found is None:
            raise UnknownAttribute(attribute=name if _LIKE_AN_ID.fullmatch(name) else "?")
        return found

    def askable(self, name: str) -> Attribute:
        """An attribute that may be an answer. Raises :class:`UnknownAttribute`, for the ties between people too."""
        found = self.attribute(name)
        if found.is_tie:
            raise UnknownAttribute(attribute=name)
        return found

    def agency_title(self, slug: str) -> Text:
        """The agency's name; for one that nobody knows, its slug."""
        return self.agencies.get(slug) or self.named(slug) or Text(th=slug, en=slug)

    def title(self, what: str) -> Text:
        """Title of an attribute, or of `<agency>:<operation>`, as the access log shows it."""
        if what in self.attributes:
            return self.attributes[what].title
        return _RECORDS.filled(agency=self.agency_title(what.partition(":")[0]))

    def attribute_types(self) -> Mapping[str, tuple[Subject, ValueType]]:
        """What a rule may read: every attribute of the types bool, date, int, money and code."""
        plain = {Kind.BOOL, Kind.DATE, Kind.INT, Kind.MONEY, Kind.CODE}
        return {a.id: (a.subject, a.type) for a in self.attributes.values() if a.type.kind in plain}


_RECORDS: Final = Text(th="ข้อมูลทะเบียนของ{agency}", en="Records of the {agency}")
