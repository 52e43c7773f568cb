"""Reads the purposes (data/purposes.yaml): why a fact may be asked for, by whom, on which basis."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Literal

from pydantic import Field

from core.assurance import Assurance
from core.text import Text
from services.exchange.catalogue.attributes import Id, Slug, Strict, Words
from services.exchange.catalogue.files import CatalogueFile
from services.exchange.catalogue.model import (
    AskerRole,
    Attribute,
    ConsentTerms,
    Least,
    RegisteredPurpose,
    Subject,
)
from services.exchange.facts import Basis, Purpose

PURPOSES: Final = "purposes.yaml"


class _Consent(Strict):
    days: int = Field(gt=0, le=3660)


class _Least(Strict):
    sign_in: str | None = None
    bound_key: bool = False


class _Sensitive(Strict):
    attribute: Id
    th: Words
    en: Words


class _Purpose(Strict):
    id: Slug
    basis: Literal["OWN_DATA", "PUBLIC_TASK", "CONSENT"]
    th: Words
    en: Words
    askers: list[Literal["SELF", "PARENT", "DELEGATE", "SYSTEM", "SERVICE", "OFFICER", "AGENCY"]] = Field(min_length=1)
    subjects: list[Literal["person", "household", "child"]] = Field(min_length=1)
    attributes: list[Id] | None = None
    officers_of: list[Slug] = Field(default_factory=list)
    records: bool = False
    requester: Slug | None = None
    consent: _Consent | None = None
    least: _Least = _Least()
    least_if_sensitive: _Least = _Least()
    bulk: bool = False
    sensitive: list[_Sensitive] = Field(default_factory=list)


def read_purposes(
    file: CatalogueFile, attributes: Mapping[str, Attribute], agencies: Mapping[str, Text]
) -> dict[str, RegisteredPurpose]:
    """Every purpose by its id. Raises :class:`CatalogueFileError` for the first thing that cannot be so."""
    found: dict[str, RegisteredPurpose] = {}
    for place, raw in enumerate(file.of(list[_Purpose])):
        file.must(raw.id not in found, (place, "id"), f"purpose `{raw.id}` is there twice", "Give it another id")
        _check(raw, file, place, attributes, agencies)
        found[raw.id] = _purpose(raw)
    return found


def _check(
    raw: _Purpose, file: CatalogueFile, place: int, attributes: Mapping[str, Attribute], agencies: Mapping[str, Text]
) -> None:
    def must(condition: bool, key: str, problem: str, remedy: str) -> None:
        file.must(condition, (place, key), f"`{raw.id}`: {problem}", remedy)

    known = all(name in attributes for name in raw.attributes or ())
    must(known, "attributes", "it names an attribute that is not in the catalogue", "Name one that is")
    of_agencies = all(slug in agencies for slug in raw.officers_of)
    must(of_agencies, "officers_of", "it names an agency that is not in agencies.yaml", "Name the agency there")
    requester = raw.requester is None or raw.requester in agencies
    must(requester, "requester", "it names an agency that is not in agencies.yaml", "Name the agency there")
    must(
        ("OFFICER" in raw.askers) == bool(raw.officers_of), "askers", "officers belong to agencies", "Add `officers_of`"
    )
    consented, terms = raw.basis == "CONSENT", (raw.requester is not None, raw.consent is not None)
    must(
        terms == (consented, consented) and (not consented or raw.askers == ["AGENCY"]),
        "basis",
        "consent has a requester and terms, and is the only basis that has",
        "Add them, or take another basis",
    )
    own = raw.basis == "OWN_DATA" and "AGENCY" in raw.askers
    must(not own, "askers", "an agency owns no citizen's data", "Take another basis")
    must(not raw.bulk or "SYSTEM" in raw.askers, "bulk", "only a system asks about a whole population", "Remove it")
    named = sorted(one.attribute for one in raw.sensitive)
    needed = sorted(name for name in raw.attributes or () if attributes[name].sensitive) if raw.bulk else []
    must(named == needed, "sensitive", "of a whole population each sensitive attribute has its law", "Name it, once")
    # One person's consent cannot open what belongs to others.
    personal = not consented or raw.subjects == ["person"]
    must(personal, "subjects", "consent covers the citizen's own facts only", "Leave `person` alone")
    must(not consented or bool(raw.attributes), "attributes", "consent names its attributes", "Name them")
    for key, least in (("least", raw.least), ("least_if_sensitive", raw.least_if_sensitive)):
        level = least.sign_in is None or Assurance.wanted(least.sign_in) is not None
        must(level, key, "there is no such level of assurance", "Name one of docs/sign-in.md")


def _purpose(raw: _Purpose) -> RegisteredPurpose:
    return RegisteredPurpose(
        purpose=Purpose(raw.id, Basis(raw.basis), Text(th=raw.th, en=raw.en)),
        askers=frozenset(AskerRole(asker) for asker in raw.askers),
        subjects=frozenset(Subject(subject) for subject in raw.subjects),
        attributes=frozenset(raw.attributes) if raw.attributes is not None else None,
        officers_of=frozenset(raw.officers_of),
        records=raw.records,
        requester=raw.requester,
        consent=_terms(raw.consent) if raw.consent is not None else None,
        least=_least(raw.least),
        least_if_sensitive=_least(raw.least_if_sensitive),
        bulk=raw.bulk,
        sensitive={one.attribute: Text(th=one.th, en=one.en) for one in raw.sensitive},
    )


def _least(raw: _Least) -> Least:
    return Least(Assurance.wanted(raw.sign_in) if raw.sign_in is not None else None, raw.bound_key)


def _terms(raw: _Consent) -> ConsentTerms:
    return ConsentTerms(timedelta(days=raw.days))
