"""The shapes of the public catalogue over HTTP, as its OpenAPI document describes them. None is of a person."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from core.text import Text


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, populate_by_name=True)


class Words(Shape):
    th: str
    en: str

    @classmethod
    def of(cls, text: Text) -> Words:
        return cls(th=text.th, en=text.en)


class Agency(Shape):
    slug: str
    title: Words


class Range(Shape):
    minimum: int
    maximum: int


class Derived(Shape):
    how: Literal["sum", "count", "includes"]
    over: str
    of: str | None = None


class Deprecated(Shape):
    since: date
    replaced_by: str = Field(alias="replacedBy")
    why: Words


class Synonyms(Shape):
    th: tuple[str, ...]
    en: tuple[str, ...]


class Provider(Shape):
    """An evidence provider (EU OOTS): who holds a fact, and by which operation it is read."""

    attribute: str
    agency: Agency
    service: str | None
    """Slug of the service whose operation answers; null where none is connected."""
    operation: str | None
    freshness_seconds: int = Field(alias="freshnessSeconds")
    """How long what was read counts as fresh."""
    stale_seconds: int = Field(alias="staleSeconds")
    """How much longer the last known value may be told while the provider is silent."""
    availability: Literal["AVAILABLE", "INTERRUPTED", "PLANNED", "NOT_CONNECTED"]


class AttributeShape(Shape):
    id: str
    title: Words
    description: Words
    type: Literal["bool", "date", "int", "money", "code", "name", "address", "people"]
    range: Range | None
    """Of a number, and of money in satang; both bounds belong to it."""
    codes: tuple[str, ...]
    unit: str | None
    """What a number counts."""
    pattern: str | None
    """Of the text that stands for a date, or for the subdistrict of an address."""
    steward: Agency
    """Whose word it is, and where it is corrected."""
    subject: Literal["person", "household", "child"]
    sensitive: bool
    """PDPA s.26."""
    askable: bool
    """False for the ties between people, which the exchange alone reads."""
    freshness_seconds: int = Field(alias="freshnessSeconds")
    stale_seconds: int = Field(alias="staleSeconds")
    derived: Derived | None
    synonyms: Synonyms
    """What people call it; no form may ask for it by these words."""
    since: date
    deprecated: Deprecated | None
    planned: Words | None
    """Why nobody provides it yet."""
    purposes: tuple[str, ...]
    """For which purposes it may lawfully be asked for; ids of `/purposes`."""
    proves: tuple[str, ...]
    """Ids of the requirements that it is evidence of."""
    providers: tuple[Provider, ...]


class EvidenceShape(Shape):
    """An evidence type (CCCEV): facts in the place of a document."""

    id: str
    title: Words
    attributes: tuple[str, ...]
    replaces: tuple[str, ...]
    """Documents of the state that nobody has to bring any more."""
    provable: bool
    """Whether every one of its facts has a provider that is connected."""
    providers: tuple[Provider, ...]


class RequirementShape(Shape):
    """A requirement (CCCEV). Any one list of `evidenceTypeLists` proves it, all evidence of the list together."""

    id: str
    kind: Literal["CRITERION", "INFORMATION"]
    title: Words
    open: Words | None
    """What whoever requires it says themselves, such as the limit."""
    provable: bool
    evidence_type_lists: tuple[tuple[EvidenceShape, ...], ...] = Field(alias="evidenceTypeLists")
    used_by: tuple[str, ...] = Field(alias="usedBy")
    """`programme:<slug>` of who requires it."""


class PurposeShape(Shape):
    id: str
    title: Words
    basis: Literal["OWN_DATA", "PUBLIC_TASK", "CONSENT"]
    """PDPA s.30, s.24(4), s.19."""
    askers: tuple[str, ...]
    officers_of: tuple[str, ...] = Field(alias="officersOf")
    requester: Agency | None
    """Who asks with consent."""
    subjects: tuple[str, ...]
    attributes: tuple[str, ...]
    """Every attribute that it may be used for."""


class Attributes(Shape):
    attributes: tuple[AttributeShape, ...]


class RequirementList(Shape):
    requirements: tuple[RequirementShape, ...]


class Purposes(Shape):
    purposes: tuple[PurposeShape, ...]


class ErrorShape(Shape):
    errors: list[dict[str, object]]
