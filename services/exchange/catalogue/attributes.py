"""Reads the attributes: what they are (three files), and what people call them (words.yaml)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.text import Text
from services.exchange.catalogue.about import About, Deprecation, Phrases
from services.exchange.catalogue.files import CatalogueFile
from services.exchange.catalogue.model import (
    BIRTH_DATE,
    CHILDREN,
    HOUSEHOLD_MEMBERS,
    Attribute,
    Derivation,
    How,
    Subject,
)
from services.exchange.catalogue.values import Kind, ValueType

ATTRIBUTE_FILES: Final = ("attributes.yaml", "profile.yaml", "services.yaml")
WORDS: Final = "words.yaml"
_INT64: Final = 2**63
_THAI: Final = re.compile(r"[\u0e01-\u0e2e]")

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=60)]
Words = Annotated[str, Field(min_length=1, max_length=2000)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Titles(Strict):
    th: Words
    en: Words

    @property
    def text(self) -> Text:
        return Text(th=self.th, en=self.en)


class RawPhrases(Strict):
    th: list[Words] = []
    en: list[Words] = []

    @property
    def phrases(self) -> Phrases:
        return Phrases(tuple(self.th), tuple(self.en))


class _Range(Strict):
    min: int = Field(ge=-_INT64, lt=_INT64)
    max: int = Field(ge=-_INT64, lt=_INT64)


class _Derived(Strict):
    how: Literal["sum", "count", "includes"]
    over: Id
    of: Id | None = None


class _Deprecated(Strict):
    since: date
    use: Id
    th: Words
    en: Words


class _Attribute(Strict):
    id: Id
    th: Words
    en: Words
    type: Literal["bool", "date", "int", "money", "code", "name", "address", "people"]
    range: _Range | None = None
    codes: list[Id] = []
    unit: Literal["person", "month", "year", "square_centimetre"] | None = None
    steward: Slug
    subject: Literal["person", "household", "child"]
    sensitive: bool
    freshness_seconds: int = Field(gt=0, le=10 * 366 * 86_400)
    stale_seconds: int = Field(0, ge=0, le=10 * 366 * 86_400)
    derived: _Derived | None = None
    since: date
    deprecated: _Deprecated | None = None
    planned: Titles | None = None


class _Words(Strict):
    description: Titles
    synonyms: RawPhrases
    alone: RawPhrases
    unless: RawPhrases = RawPhrases()


def read_attributes(files: Mapping[str, CatalogueFile], agencies: Collection[str]) -> dict[str, Attribute]:
    """Every attribute by its id. Raises :class:`CatalogueFileError` for the first thing that cannot be so."""
    words: dict[str, _Words] = files[WORDS].of(dict[Id, _Words])
    found: dict[str, Attribute] = {}
    places: dict[str, tuple[CatalogueFile, int]] = {}
    for name in ATTRIBUTE_FILES:
        file = files[name]
        for place, raw in enumerate(file.of(list[_Attribute])):
            file.must(raw.id not in found, (place, "id"), f"attribute `{raw.id}` is there twice", "Give it another id")
            _check(raw, file, place, agencies)
            file.must(raw.id in words, (place, "id"), f"`{raw.id}` has no words", f"Describe it in {WORDS}")
            found[raw.id] = _attribute(raw, words[raw.id])
            places[raw.id] = (file, place)
    for name, said in words.items():
        files[WORDS].must(name in found, (name,), f"there is no attribute `{name}`", "Remove it, or add the attribute")
        _check_words(name, said, files[WORDS])
    _check_ties(found, files)
    for attribute in found.values():
        file, place = places[attribute.id]
        derivable = attribute.derived is None or _derivable(attribute, found)
        file.must(derivable, (place, "derived"), f"`{attribute.id}` cannot be derived so", "See docs/exchange.md")
        _check_replacement(attribute, found, file, place)
    return found


def _check(raw: _Attribute, file: CatalogueFile, place: int, agencies: Collection[str]) -> None:
    """What one entry may not say of itself."""

    def must(condition: bool, key: str, problem: str, remedy: str) -> None:
        file.must(condition, (place, key), f"`{raw.id}`: {problem}", remedy)

    kind, ranged = Kind(raw.type), Kind(raw.type) in (Kind.INT, Kind.MONEY)
    steward = "it has a steward that agencies.yaml does not name"
    must(raw.steward in agencies, "steward", steward, "Name the agency there")
    must(ranged or raw.range is None, "range", "only numbers and money have a range", "Remove `range`")
    must(not ranged or raw.range is not None, "type", "numbers and money have a range", "Add `range`")
    must((kind is Kind.CODE) == bool(raw.codes), "codes", "a code, and nothing else, has a list of codes", "Correct it")
    must(len(set(raw.codes)) == len(raw.codes), "codes", "a code is there twice", "Remove one")
    must(
        (kind is Kind.INT) == (raw.unit is not None), "unit", "a number, and nothing else, counts a unit", "Correct it"
    )
    must(raw.range is None or raw.range.min <= raw.range.max, "range", "the range is empty", "Put min before max")
    of_a_household = raw.subject == "household"
    must(not of_a_household or raw.derived is not None, "subject", "a household's fact is derived", "Add `derived`")
    must(raw.planned is None or raw.derived is None, "planned", "what is derived is there already", "Remove `planned`")
    must(
        raw.stale_seconds == 0 or not raw.sensitive,
        "stale_seconds",
        "what is sensitive is never told stale",
        "Remove it",
    )
    for key, text in (("th", raw.th), *([("planned", raw.planned.th)] if raw.planned else [])):
        must(bool(_THAI.search(text)), key, "its Thai holds no Thai letter", "Write it in Thai")


def _check_words(name: str, said: _Words, file: CatalogueFile) -> None:
    for key in ("synonyms", "alone", "unless"):
        phrases: RawPhrases = getattr(said, key)
        for language, words in (("th", phrases.th), ("en", phrases.en)):
            at = (name, key, language)
            file.must(len(set(words)) == len(words), at, f"`{name}`: a word is there twice", "Remove one")
            right = all(bool(_THAI.search(word)) == (language == "th") for word in words)
            file.must(right, at, f"`{name}`: a word stands under the wrong language", "Move it")
    enough = bool(said.synonyms.th or said.alone.th) and bool(said.synonyms.en or said.alone.en)
    file.must(enough, (name, "synonyms"), f"`{name}` has no words in one language", "Add what people call it")


def _check_ties(attributes: Mapping[str, Attribute], files: Mapping[str, CatalogueFile]) -> None:
    for name in (CHILDREN, HOUSEHOLD_MEMBERS):
        there = name in attributes and attributes[name].is_tie
        files["profile.yaml"].must(there, (), f"`{name}` is a tie that the gate needs", "Put it back")
    birth = attributes.get(BIRTH_DATE)
    there = birth is not None and birth.type.kind is Kind.DATE
    files["attributes.yaml"].must(there, (), "`birth_date` is a date the gate needs", "Put it back")


def _check_replacement(
    attribute: Attribute, attributes: Mapping[str, Attribute], file: CatalogueFile, place: int
) -> None:
    deprecated = attribute.about.deprecated
    if deprecated is None:
        return
    other = attributes.get(deprecated.replaced_by)
    lasting = other is not None and other is not attribute and other.about.deprecated is None
    at = (place, "deprecated", "use")
    file.must(lasting, at, f"`{attribute.id}` is replaced by what is not there to stay", "Name one that is")
    since = attribute.about.since
    ordered = since is not None and since <= deprecated.since
    file.must(ordered, (place, "deprecated"), f"`{attribute.id}` ended before it began", "Correct the days")


def _attribute(raw: _Attribute, words: _Words) -> Attribute:
    kind = Kind(raw.type)
    old = raw.deprecated
    return Attribute(
        id=raw.id,
        title=Text(th=raw.th, en=raw.en),
        type=_type(kind, raw),
        steward=raw.steward,
        sensitive=raw.sensitive,
        freshness=timedelta(seconds=raw.freshness_seconds),
        stale=timedelta(seconds=raw.stale_seconds),
        subject=Subject(raw.subject),
        derived=Derivation(How(raw.derived.how), raw.derived.over, raw.derived.of) if raw.derived else None,
        about=About(
            description=words.description.text,
            synonyms=words.synonyms.phrases,
            alone=words.alone.phrases,
            unless=words.unless.phrases,
            unit="satang" if kind is Kind.MONEY else raw.unit,
            pattern=_PATTERNS.get(kind),
            since=raw.since,
            deprecated=Deprecation(old.since, old.use, Text(th=old.th, en=old.en)) if old is not None else None,
            planned=raw.planned.text if raw.planned is not None else None,
        ),
    )


def _type(kind: Kind, raw: _Attribute) -> ValueType:
    if raw.range is None:
        return ValueType(kind, codes=tuple(raw.codes))
    return ValueType(kind, raw.range.min, raw.range.max)


_PATTERNS: Final = {Kind.DATE: r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", Kind.ADDRESS: r"^[1-9][0-9]{5}$"}
"""Of a date, and of the code of an address's subdistrict (PPDDSS)."""


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
