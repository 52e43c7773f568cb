"""The shapes of answers, as the OpenAPI document describes them. Tests hold every answer against them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Words(Shape):
    th: str
    en: str


class AgencyNamed(Shape):
    agency: str
    """Slug."""
    title: Words


class Requester(AgencyNamed):
    client: str
    """The `client_id` of the system that asked."""


class AgentNamed(Shape):
    kind: Literal["OFFICER", "SYSTEM"]
    id: str


class PurposeNamed(Shape):
    id: str
    title: Words


class LegalBasis(Shape):
    basis: Literal["PUBLIC_TASK", "CONSENT", "OWN_DATA"]
    law: str
    """The section of the law, in Thai."""


class Subject(Shape):
    national_id: str | None = Field(None, alias="nationalId")
    """As it was sent; missing where the person was named by a reference."""
    reference: str
    """The agency's own reference to this person, for its next request. No other agency's is the same."""


class AgreementNamed(Shape):
    id: str
    version: int
    sha256: str
    """Of its terms in canonical form: two states of a standing agreement have the same version."""


class FactTold(Shape):
    """One attribute. `value` is there only where it was told: null is the steward's word that there is none."""

    attribute: str
    title: Words
    state: Literal["FRESH", "STALE", "UNAVAILABLE", "DENIED"]
    value: Any = None
    """By the type of the attribute: a truth value, a number, a text, a date (ISO 8601, cut to what is known), money as
    `{"satang": …, "currency": "THB"}`, a name or an address by its parts."""
    reason: str | None = None
    """A stable code of why it is not FRESH."""
    source: AgencyNamed
    """Whose word it is."""
    as_of: datetime | None = Field(None, alias="asOf")
    """Since when it is true, or when it was read, as the source says."""
    read_at: datetime | None = Field(None, alias="readAt")
    """When the source was asked."""
    entry: str | None = None
    """Of the access log, in 32 hex digits: what the citizen sees of this look, and what an inclusion proof is of."""
    agreement: AgreementNamed | None = None
    """Between the requester and the source, where one was needed."""
    consent: str | None = None
    """Of the citizen, where that is the legal basis: the id on their receipt."""


class FactsDocument(Shape):
    """What is signed about one person."""

    iss: str
    """Which Sitthi says so."""
    iat: int
    """When it was signed, in seconds since 1970."""
    jti: str
    """Of this answer, in 32 hex digits."""
    version: Literal[1]
    request_id: UUID = Field(alias="requestId")
    requested_at: datetime = Field(alias="requestedAt")
    requester: Requester
    agent: AgentNamed
    purpose: PurposeNamed
    legal_basis: LegalBasis = Field(alias="legalBasis")
    subject: Subject
    facts: list[FactTold]


class FactsAnswer(Shape):
    """About one person."""

    facts: FactsDocument
    """To be read; the same as the payload of the attestation."""
    attestation: str
    """A compact JWS (ES256) of type `sitthi-facts+jwt`. This is what proves something later: keep it as it is."""


class Refusal(Shape):
    code: str
    message: str


class PersonRefused(Shape):
    error: Refusal


class BatchAnswer(Shape):
    request_id: UUID = Field(alias="requestId")
    answers: list[FactsAnswer | PersonRefused]
    """One for each person, in the order of the request."""


class QuotaTold(Shape):
    per_day: int = Field(alias="perDay")
    """People, on a day in Bangkok."""
    per_minute: int = Field(alias="perMinute")


class AgreementTold(Shape):
    """An agreement that holds today, of which the calling agency is a party."""

    id: str
    version: int
    sha256: str
    """Of its terms, as each answer under it repeats."""
    origin: Literal["STANDING", "CONCLUDED"]
    steward: str
    requester: str
    attributes: list[str]
    purposes: list[str]
    quota: QuotaTold | None
    """Null: not counted."""
    valid_from: str = Field(alias="validFrom")
    valid_until: str | None = Field(alias="validUntil")
    law: str
    confidentiality: Words


class AgreementsAnswer(Shape):
    agreements: list[AgreementTold]


class PurposeTold(Shape):
    """A purpose that the calling agency may name, and what it may ask for it today."""

    id: str
    title: Words
    basis: Literal["PUBLIC_TASK", "CONSENT", "OWN_DATA"]
    attributes: list[str]
    """For whatever else it is refused, for want of an agreement or because the purpose does not cover it."""
    bound_key: bool = Field(alias="boundKey")
    """Whether only a token that is bound to a key will do (RFC 9449)."""
    bound_key_if_sensitive: bool = Field(alias="boundKeyIfSensitive")


class PurposesAnswer(Shape):
    purposes: list[PurposeTold]


class ErrorExtensions(BaseModel):
    code: str
    """Stable; docs/errors.md lists them."""


class ErrorTold(BaseModel):
    message: str
    extensions: ErrorExtensions


class ErrorAnswer(BaseModel):
    """The shape of every error, over HTTP as in GraphQL."""

    errors: list[ErrorTold]
