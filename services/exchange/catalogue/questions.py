"""What no form may ask for although it is no fact, and the words by which questions are understood."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from core.text import Text
from services.exchange.catalogue.about import Phrases
from services.exchange.catalogue.attributes import Id, RawPhrases, Strict, Titles, Words
from services.exchange.catalogue.files import CatalogueFile

QUESTIONS: Final = "questions.yaml"


@dataclass(frozen=True, slots=True)
class HostKnows:
    """What the host knows of whoever is signed in."""

    id: str
    title: Text
    instead: Text
    synonyms: Phrases
    alone: Phrases
    digits: int | None = None
    """A text of exactly so many digits is one of these, unless it is about somebody or something else."""


@dataclass(frozen=True, slots=True)
class StateDocument:
    """A document that the state issued; nobody may ask for a copy of it (Cabinet, 2 October 2561)."""

    id: str
    words: Phrases
    attribute: str | None
    """The fact that it is mostly asked for."""


@dataclass(frozen=True, slots=True)
class Questions:
    """The words of questions.yaml, by their part in a question; the file explains each."""

    host: tuple[HostKnows, ...]
    documents: tuple[StateDocument, ...]
    copies: Phrases
    others: Phrases
    wishes: Phrases
    own: Phrases
    asking: Phrases
    passing: Phrases
    politeness: Phrases
    empty: Phrases


class _Host(Strict):
    id: Id
    title: Titles
    instead: Titles
    synonyms: RawPhrases
    alone: RawPhrases
    digits: int | None = None


class _Document(Strict):
    id: Id
    use: Id | None = None
    th: list[Words]
    en: list[Words]


class _Questions(Strict):
    host: list[_Host]
    documents: list[_Document]
    copies: RawPhrases
    others: RawPhrases
    wishes: RawPhrases
    own: RawPhrases
    asking: RawPhrases
    passing: RawPhrases
    politeness: RawPhrases
    empty: RawPhrases


def read_questions(file: CatalogueFile, attributes: Collection[str]) -> Questions:
    """Raises :class:`CatalogueFileError`."""
    raw: _Questions = file.of(_Questions)
    seen: set[str] = set(attributes)
    for place, host in enumerate(raw.host):
        at = ("host", place, "id")
        file.must(host.id not in seen, at, f"`{host.id}` is there twice, or is an attribute", "Give it another id")
        seen.add(host.id)
    for place, document in enumerate(raw.documents):
        known = document.use is None or document.use in attributes
        at = ("documents", place, "use")
        file.must(known, at, f"there is no attribute `{document.use}`", "Name one of the catalogue, or remove it")
    return Questions(
        host=tuple(
            HostKnows(h.id, h.title.text, h.instead.text, h.synonyms.phrases, h.alone.phrases, h.digits)
            for h in raw.host
        ),
        documents=tuple(StateDocument(d.id, Phrases(tuple(d.th), tuple(d.en)), d.use) for d in raw.documents),
        copies=raw.copies.phrases,
        others=raw.others.phrases,
        wishes=raw.wishes.phrases,
        own=raw.own.phrases,
        asking=raw.asking.phrases,
        passing=raw.passing.phrases,
        politeness=raw.politeness.phrases,
        empty=raw.empty.phrases,
    )
