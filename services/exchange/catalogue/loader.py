"""Reads the catalogue's files, and refuses whatever it does not understand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from core.text import Text
from services.exchange.catalogue.model import (
    BIRTH_DATE,
    CHILDREN,
    HOUSEHOLD_MEMBERS,
    AskerRole,
    Attribute,
    Catalogue,
    ConsentTerms,
    Derivation,
    How,
    RegisteredPurpose,
    Subject,
)
from services.exchange.catalogue.strict_yaml import CatalogueFileError, read_yaml
from services.exchange.catalogue.values import Kind, ValueType
from services.exchange.facts import Basis, Purpose

ATTRIBUTE_FILES: Final = ("attributes.yaml", "profile.yaml")
_INT64: Final = 2**63

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=60)]
Words = Annotated[str, Field(min_length=1, max_length=2000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Range(_Strict):
    min: int = Field(ge=-_INT64, lt=_INT64)
    max: int = Field(ge=-_INT64, lt=_INT64)


class _Derived(_Strict):
    how: Literal["sum", "count", "includes"]
    over: Id
    of: Id | None = None


class _Attribute(_Strict):
    id: Id
    th: Words
    en: Words
    type: Literal["bool", "date", "int", "money", "code", "name", "address", "people"]
    range: _Range | None = None
    codes: list[Id] = []
    steward: Slug
    subject: Literal["person", "household", "child"]
    sensitive: bool
    freshness_seconds: int = Field(gt=0, le=10 * 366 * 86_400)
    stale_seconds: int = Field(0, ge=0, le=10 * 366 * 86_400)
    derived: _Derived | None = None


class _Agency(_Strict):
    th: Words
    en: Words


class _Consent(_Strict):
    version: str = Field(min_length=1, max_length=20)
    days: int = Field(gt=0, le=3660)
    th: Words
    en: Words


class _Purpose(_Strict):
    id: Slug
    basis: Literal["OWN_DATA", "PUBLIC_TASK", "CONSENT"]
    th: Words
    en: Words
    askers: list[Literal["SELF", "PARENT", "DELEGATE", "SYSTEM", "OFFICER", "AGENCY"]] = Field(min_length=1)
    subjects: list[Literal["person", "household", "child"]] = Field(min_length=1)
    attributes: list[Id] | None = None
    officers_of: list[Slug] = []
    records: bool = False
    requester: Slug | None = None
    consent: _Consent | None = None


@cache
def load_catalogue() -> Catalogue:
    """The catalogue that comes with the program, read once. Raises :class:`CatalogueFileError`."""
    folder = files(__package__).joinpath("data")
    names = (*ATTRIBUTE_FILES, "agencies.yaml", "purposes.yaml")
    return build_catalogue({name: folder.joinpath(name).read_text("utf-8") for name in names})


def build_catalogue(texts: Mapping[str, str]) -> Catalogue:
    """A catalogue out of the texts of its files by name. Raises :class:`CatalogueFileError`."""
    agencies = {
        slug: Text(th=agency.th, en=agency.en)
        for slug, agency in _read(texts, "agencies.yaml", dict[Slug, _Agency]).items()
    }
    attributes: dict[str, Attribute] = {}
    for file in ATTRIBUTE_FILES:
        for raw in _read(texts, file, list[_Attribute]):
            _must(raw.id not in attributes, file, f"attribute `{raw.id}` is there twice")
            _must(raw.steward in agencies, file, f"`{raw.id}` has a steward that agencies.yaml does not name")
            attributes[raw.id] = _attribute(raw, file)
    _check_ties(attributes)
    purposes: dict[str, RegisteredPurpose] = {}
    for entry in _read(texts, "purposes.yaml", list[_Purpose]):
        _must(entry.id not in purposes, "purposes.yaml", f"purpose `{entry.id}` is there twice")
        purposes[entry.id] = _purpose(entry, attributes, agencies)
    return Catalogue(attributes, agencies, purposes)


def _read(texts: Mapping[str, str], file: str, kind: Any) -> Any:
    try:
        return TypeAdapter(kind).validate_python(read_yaml(texts[file], file))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise CatalogueFileError(file, 1, f"{where}: {first['msg']}") from error


def _must(condition: bool, file: str, problem: str) -> None:
    if not condition:
        raise CatalogueFileError(file, 1, problem)


def _attribute(raw: _Attribute, file: str) -> Attribute:
    kind = Kind(raw.type)
    ranged = kind in (Kind.INT, Kind.MONEY)
    _must(ranged == (raw.range is not None), file, f"`{raw.id}`: numbers and money have a range, and nothing else has")
    _must((kind is Kind.CODE) == bool(raw.codes), file, f"`{raw.id}`: a code has a list of codes, and nothing else has")
    _must(len(set(raw.codes)) == len(raw.codes), file, f"`{raw.id}`: a code is there twice")
    if raw.range is None:
        type_ = ValueType(kind, codes=tuple(raw.codes))
    else:
        _must(raw.range.min <= raw.range.max, file, f"`{raw.id}`: the range is empty")
        type_ = ValueType(kind, raw.range.min, raw.range.max)
    _must((raw.subject == "household") <= (raw.derived is not None), file, f"`{raw.id}`: a household's fact is derived")
    return Attribute(
        id=raw.id,
        title=Text(th=raw.th, en=raw.en),
        type=type_,
        steward=raw.steward,
        sensitive=raw.sensitive,
        freshness=timedelta(seconds=raw.freshness_seconds),
        stale=timedelta(seconds=raw.stale_seconds),
        subject=Subject(raw.subject),
        derived=Derivation(How(raw.derived.how), raw.derived.over, raw.derived.of) if raw.derived else None,
    )


def _check_ties(attributes: Mapping[str, Attribute]) -> None:
    for name in (CHILDREN, HOUSEHOLD_MEMBERS):
        _must(name in attributes and attributes[name].is_tie, "profile.yaml", f"`{name}` is a tie that the gate needs")
    birth = attributes.get(BIRTH_DATE)
    _must(
        birth is not None and birth.type.kind is Kind.DATE, "attributes.yaml", "`birth_date` is a date the gate needs"
    )
    for attribute in attributes.values():
        if attribute.derived is not None:
            _must(_derivable(attribute, attributes), "attributes.yaml", f"`{attribute.id}` cannot be derived so")


def _derivable(attribute: Attribute, attributes: Mapping[str, Attribute]) -> bool:
    derived = attribute.derived
    assert derived is not None
    over = attributes.get(derived.over)
    if over is None or not over.is_tie:
        return False
    if derived.how is How.SUM:
        of = attributes.get(derived.of or "")
        summed = of is not None and of.derived is None and of.type.kind is attribute.type.kind
        return summed and attribute.type.kind in (Kind.MONEY, Kind.INT) and attribute.subject is Subject.HOUSEHOLD
    if derived.how is How.COUNT:
        return derived.of is None and attribute.type.kind is Kind.INT and attribute.subject is Subject.HOUSEHOLD
    return derived.of is None and attribute.type.kind is Kind.BOOL and attribute.subject is Subject.CHILD


def _purpose(raw: _Purpose, attributes: Mapping[str, Attribute], agencies: Mapping[str, Text]) -> RegisteredPurpose:
    file = "purposes.yaml"
    named: Iterable[str] = raw.attributes or ()
    _must(
        all(name in attributes for name in named), file, f"`{raw.id}` names an attribute that is not in the catalogue"
    )
    slugs = [*raw.officers_of, *([raw.requester] if raw.requester else [])]
    _must(all(slug in agencies for slug in slugs), file, f"`{raw.id}` names an agency that is not in agencies.yaml")
    _must(("OFFICER" in raw.askers) == bool(raw.officers_of), file, f"`{raw.id}`: officers belong to agencies")
    consented = raw.basis == "CONSENT"
    _must(
        consented == ("AGENCY" in raw.askers) == (raw.requester is not None) == (raw.consent is not None),
        file,
        f"`{raw.id}`: consent has a requester and terms, and is the only basis that has",
    )
    # One person's consent cannot open what belongs to others.
    _must(not consented or raw.subjects == ["person"], file, f"`{raw.id}`: consent covers the citizen's own facts only")
    _must(not consented or bool(raw.attributes), file, f"`{raw.id}`: consent names its attributes")
    return RegisteredPurpose(
        purpose=Purpose(raw.id, Basis(raw.basis), Text(th=raw.th, en=raw.en)),
        askers=frozenset(AskerRole(asker) for asker in raw.askers),
        subjects=frozenset(Subject(subject) for subject in raw.subjects),
        attributes=frozenset(raw.attributes) if raw.attributes is not None else None,
        officers_of=frozenset(raw.officers_of),
        records=raw.records,
        requester=raw.requester,
        consent=_terms(raw.consent) if raw.consent is not None else None,
    )


def _terms(raw: _Consent) -> ConsentTerms:
    return ConsentTerms(raw.version, Text(th=raw.th, en=raw.en), timedelta(days=raw.days))
