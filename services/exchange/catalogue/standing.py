"""Standing agreements: reviewed data that the platform's own work rests on (data/agreements.yaml)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from core.text import Text
from services.exchange.agreements.terms import Origin, Quota, Terms
from services.exchange.catalogue.model import Attribute, RegisteredPurpose
from services.exchange.catalogue.strict_yaml import CatalogueFileError, read_yaml

AGREEMENTS: Final = "agreements.yaml"

_Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
_Words = Annotated[str, Field(min_length=1, max_length=4000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Quota(_Strict):
    per_day: int = Field(gt=0)
    per_minute: int = Field(gt=0)


class _Confidentiality(_Strict):
    th: _Words
    en: _Words


class _Agreement(_Strict):
    id: _Slug
    steward: _Slug
    requesters: list[_Slug] = Field(min_length=1)
    purposes: list[_Slug] = Field(min_length=1)
    attributes: list[str] = Field(min_length=1)
    quota: _Quota | None = None
    valid_from: date
    valid_until: date | None = None
    law: _Words
    confidentiality: _Confidentiality


def standing_agreements(
    text: str,
    attributes: Mapping[str, Attribute],
    agencies: Mapping[str, Text],
    purposes: Mapping[str, RegisteredPurpose],
) -> tuple[Terms, ...]:
    """In the order of the file, one for each requester. Raises :class:`CatalogueFileError`."""
    try:
        entries = TypeAdapter(list[_Agreement]).validate_python(read_yaml(text, AGREEMENTS))
    except ValidationError as error:
        first = error.errors()[0]
        raise CatalogueFileError(AGREEMENTS, 1, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    terms: dict[str, Terms] = {}
    for entry in entries:
        for problem in _problems(entry, attributes, agencies, purposes):
            raise CatalogueFileError(AGREEMENTS, 1, f"`{entry.id}` {problem}")
        for requester in entry.requesters:
            one = _terms(entry, requester)
            if one.id in terms:
                raise CatalogueFileError(AGREEMENTS, 1, f"`{one.id}` is there twice")
            terms[one.id] = one
    return tuple(terms.values())


def _problems(
    entry: _Agreement,
    attributes: Mapping[str, Attribute],
    agencies: Mapping[str, Text],
    purposes: Mapping[str, RegisteredPurpose],
) -> Iterator[str]:
    if not {entry.steward, *entry.requesters} <= set(agencies):
        yield "names an agency that is not in agencies.yaml"
    if entry.steward in entry.requesters:
        yield "is between an agency and itself"
    if not set(entry.purposes) <= set(purposes):
        yield "names a purpose that is not registered"
    for name in entry.attributes:
        if name not in attributes or attributes[name].steward != entry.steward:
            yield f"names `{name}`, which is not the steward's to give"
    if entry.valid_until is not None and entry.valid_until < entry.valid_from:
        yield "ends before it begins"


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
