"""Standing agreements: reviewed data that the platform's own work rests on (data/agreements.yaml)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Final

from pydantic import Field

from core.text import Text
from services.exchange.agreements.terms import Origin, Quota, Terms
from services.exchange.catalogue.attributes import Slug, Strict
from services.exchange.catalogue.files import CatalogueFile, CatalogueFileError
from services.exchange.catalogue.model import Attribute, RegisteredPurpose

AGREEMENTS: Final = "agreements.yaml"

_Words = Annotated[str, Field(min_length=1, max_length=4000)]


class _Quota(Strict):
    per_day: int = Field(gt=0)
    per_minute: int = Field(gt=0)


class _Confidentiality(Strict):
    th: _Words
    en: _Words


class _Agreement(Strict):
    id: Slug
    steward: Slug
    requesters: list[Slug] = Field(min_length=1)
    purposes: list[Slug] = Field(min_length=1)
    attributes: list[str] = Field(min_length=1)
    quota: _Quota | None = None
    valid_from: date
    valid_until: date | None = None
    law: _Words
    confidentiality: _Confidentiality


def standing_agreements(
    file: CatalogueFile,
    attributes: Mapping[str, Attribute],
    agencies: Mapping[str, Text],
    purposes: Mapping[str, RegisteredPurpose],
) -> tuple[Terms, ...]:
    """In the order of the file, one for each requester. Raises :class:`CatalogueFileError`."""
    terms: dict[str, Terms] = {}
    for place, entry in enumerate(file.of(list[_Agreement])):
        for key, problem, remedy in _problems(entry, attributes, agencies, purposes):
            raise CatalogueFileError(file.name, file.line(place, key), f"`{entry.id}` {problem}", remedy)
        for requester in entry.requesters:
            one = _terms(entry, requester)
            file.must(one.id not in terms, (place, "requesters"), f"`{one.id}` is there twice", "Remove one")
            terms[one.id] = one
    return tuple(terms.values())


def _problems(
    entry: _Agreement,
    attributes: Mapping[str, Attribute],
    agencies: Mapping[str, Text],
    purposes: Mapping[str, RegisteredPurpose],
) -> Iterator[tuple[str, str, str]]:
    """Key, problem and remedy."""
    if not {entry.steward, *entry.requesters} <= set(agencies):
        yield "steward", "names an agency that is not in agencies.yaml", "Name the agency there"
    if entry.steward in entry.requesters:
        yield "requesters", "is between an agency and itself", "Leave the steward out"
    if not set(entry.purposes) <= set(purposes):
        yield "purposes", "names a purpose that is not registered", "Name one of purposes.yaml"
    for name in entry.attributes:
        keeper, colon, _ = name.partition(":")
        if colon:  # records that are not in the catalogue
            is_given = keeper == entry.steward and all(
                purposes[one].records for one in entry.purposes if one in purposes
            )
        else:
            is_given = name in attributes and attributes[name].steward == entry.steward
        if not is_given:
            yield "attributes", f"names `{name}`, which is not the steward's to give", "Leave it to its steward"
    if entry.valid_until is not None and entry.valid_until < entry.valid_from:
        yield "valid_until", "ends before it begins", "Correct the days"


def _terms(entry: _Agreement, requester: str) -> Terms:
    quota = entry.quota
    return Terms(
        id=f"{entry.id}-{requester}",
        version=1,
        origin=Origin.STANDING,
        steward=entry.steward,
        requester=requester,
        attributes=frozenset(entry.attributes),
        purposes=frozenset(entry.purposes),
        quota=Quota(quota.per_day, quota.per_minute) if quota is not None else None,
        valid_from=entry.valid_from,
        valid_until=entry.valid_until,
        law=entry.law,
        confidentiality=Text(th=entry.confidentiality.th, en=entry.confidentiality.en),
    )
