"""What two agencies agree on: the terms of a memorandum of understanding on the exchange of data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

import orjson

from core.text import Text


@dataclass(frozen=True, slots=True)
class Quota:
    """How many people an agency may ask about; each person counts once in each request that asks about them."""

    per_day: int
    """Of a day in Bangkok."""
    per_minute: int


class Origin(StrEnum):
    """Where an agreement comes from."""

    STANDING = "STANDING"
    """Reviewed data: what the platform's own work rests on (catalogue/data/agreements.yaml)."""
    CONCLUDED = "CONCLUDED"
    """By two officers, one of each agency."""


@dataclass(frozen=True, slots=True)
class Terms:
    """One version of an agreement, as the gate applies it."""

    id: str
    """Of the agreement, whatever its version: 32 hex digits, or the slug of a standing one."""
    version: int
    origin: Origin
    steward: str
    """Slug of the agency whose word the facts are."""
    requester: str
    """Slug of the agency that asks."""
    attributes: frozenset[str]
    """Attribute ids; for records that are not in the catalogue `<agency>:<operation>`."""
    purposes: frozenset[str]
    quota: Quota | None
    """None: not counted. Only a standing agreement may go without."""
    valid_from: date
    """The first day, from midnight in Bangkok."""
    valid_until: date | None
    """The last day, to its end in Bangkok; None, for standing ones alone: until it is changed."""
    law: str
    confidentiality: Text

    @property
    def digest(self) -> str:
        """SHA-256 of the terms in canonical form (RFC 8785; all keys are ASCII), in hexadecimal.

        Of a concluded agreement it is what both officers agreed to. A standing one has one version for ever, and this
        tells two states of its file apart.
        """
        return _digest(self)

    def holds_on(self, day: date) -> bool:
        """Whether that day in Bangkok lies within the validity; the state is somebody else's business."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)

    def covers(self, steward: str, attribute: str, purpose: str) -> bool:
        return steward == self.steward and purpose in self.purposes and attribute in self.attributes


@lru_cache(maxsize=1024)
def _digest(terms: Terms) -> str:
    quota = terms.quota
    said = {
        "steward": terms.steward,
        "requester": terms.requester,
        "purposes": sorted(terms.purposes),
        "attributes": sorted(terms.attributes),
        "per_day": quota.per_day if quota is not None else None,
        "per_minute": quota.per_minute if quota is not None else None,
        "valid_from": terms.valid_from,
        "valid_until": terms.valid_until,
        "law": terms.law,
        "confidentiality_th": terms.confidentiality.th,
        "confidentiality_en": terms.confidentiality.en,
    }
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
