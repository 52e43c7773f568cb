"""What an agency is told: a document per person, signed, that says all a court will ask about it.

The document stands beside its signature as JSON to be read; what counts is what was signed. It repeats whom it is about
exactly as the agency named them: the agency can tie it to its file, and learns no number that it did not have.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import orjson

from core.money import Money
from core.text import Text
from core.thai_dates import Precision
from services.exchange.catalogue import Catalogue, RegisteredPurpose
from services.exchange.facts import Basis, Fact, Facts, FactState, Value
from services.exchange.rest.auth import Caller
from services.exchange.rest.requests import Agent
from services.exchange.usage.repository import Came

ANSWER_TYPE: Final = "sitthi-facts+jwt"
VERSION: Final = 1
LAW: Final[Mapping[Basis, str]] = {
    Basis.PUBLIC_TASK: "พระราชบัญญัติคุ้มครองข้อมูลส่วนบุคคล พ.ศ. 2562 มาตรา 24 (4)",
    Basis.CONSENT: "พระราชบัญญัติคุ้มครองข้อมูลส่วนบุคคล พ.ศ. 2562 มาตรา 19",
}
_LENGTHS: Final = {Precision.DAY: 10, Precision.MONTH: 7, Precision.YEAR: 4}


@dataclass(frozen=True, slots=True)
class Named:
    """A person as the agency named them, and as it may name them the next time."""

    person: UUID
    reference: str
    """The agency's own: no other agency's refers to the same person by the same."""
    national_id: str | None
    """13 digits, if that is how the agency named them."""


@dataclass(frozen=True, slots=True)
class Look:
    """One request, as every answer of it repeats it."""

    id: UUID
    caller: Caller
    agent: Agent
    purpose: RegisteredPurpose
    at: datetime


def document(answer: UUID, look: Look, named: Named, facts: Facts, catalogue: Catalogue) -> dict[str, Any]:
    """The claims that are signed; `iss` and `iat` come with the signature."""
    purpose = look.purpose.purpose
    subject = {"reference": named.reference}
    if named.national_id is not None:
        subject["nationalId"] = named.national_id
    return {
        "version": VERSION,
        "jti": answer.hex,
        "requestId": str(look.id),
        "requestedAt": instant(look.at),
        "requester": {"agency": look.caller.agency, "title": both(look.caller.title), "client": look.caller.client},
        "agent": {"kind": look.agent.kind.value, "id": look.agent.id},
        "purpose": {"id": purpose.id, "title": both(purpose.text)},
        "legalBasis": {"basis": purpose.basis.value, "law": LAW.get(purpose.basis, "")},
        "subject": subject,
        "facts": [_fact(fact, catalogue) for fact in facts.values()],
    }


def as_json(attestation: str) -> dict[str, Any]:
    """An answer: what was signed, to be read, and the signature over it."""
    payload = attestation.split(".")[1]
    return {"facts": orjson.loads(base64.urlsafe_b64decode(payload + "==")), "attestation": attestation}


def came_of(answers: Mapping[UUID, Facts]) -> dict[str, Came]:
    """What came of all of them, by the agency whose word the facts are."""
    found: dict[str, Came] = {}
    for facts in answers.values():
        for fact in facts.values():
            one = Came(
                told=int(fact.known),
                denied=int(fact.state is FactState.DENIED),
                unavailable=int(fact.state is FactState.UNAVAILABLE),
            )
            found[fact.source] = found.get(fact.source, Came()) + one
    return found


def both(text: Text) -> dict[str, str]:
    return {"th": text.th, "en": text.en}


def instant(at: datetime) -> str:
    """RFC 3339, in UTC."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain(value: Value, precision: Precision = Precision.DAY) -> Any:
    """A value as JSON: dates after ISO 8601, cut to `1995-04` or `1995` where no more is known, money in satang
    with its currency, names and addresses by their parts."""
    if isinstance(value, Money):
        return {"satang": value.satang, "currency": value.currency}
    if isinstance(value, date):
        return value.isoformat()[: _LENGTHS[precision]]
    return dict(value) if isinstance(value, Mapping) else value


def _fact(fact: Fact, catalogue: Catalogue) -> dict[str, Any]:
    """Without a value where none was told: null is the steward's word that there is none."""
    attribute = catalogue.attribute(fact.attribute)
    said: dict[str, Any] = {"attribute": fact.attribute, "title": both(attribute.title), "state": fact.state.value}
    if fact.known:
        said["value"] = plain(fact.value, fact.precision)
    if fact.reason is not None:
        said["reason"] = fact.reason
    said["source"] = {"agency": fact.source, "title": both(catalogue.agency_title(fact.source))}
    for name, at in (("asOf", fact.as_of), ("readAt", fact.read_at)):
        if at is not None:
            said[name] = instant(at)
    return said | _ground(fact)


def _ground(fact: Fact) -> dict[str, Any]:
    """Under what it was told or refused, and the entry of the access log that says so to the citizen."""
    ground = fact.ground
    if ground is None:
        return {}
    said: dict[str, Any] = {"entry": ground.entry.hex}
    if ground.agreement is not None:
        agreement, version, digest = ground.agreement
        said["agreement"] = {"id": agreement, "version": version, "sha256": digest}
    if ground.consent is not None:
        said["consent"] = ground.consent.hex
    return said
