"""What people are told, as data: each room's `messages.toml`, judged when it is read, and all of them in one catalogue.

One table for each kind of message, by its key::

    ["pay.settled"]
    about = "PAYMENTS"                               # a NoticeTopic
    places = { amount = "money", title = "text" }    # every {place} in the words, by its kind
    title.th = "เงินเข้าแล้ว {amount} บาท"
    title.en = "You have been paid {amount} baht"
    body.th = "…"
    body.en = "…"

The room's `messages.py` reads it, and names what the room sends; `api/messages.py` puts the rooms together.
"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from core.ids import NationalId
from core.money import Money
from core.text import Text
from identity.notices.topics import NoticeTopic

TITLE_LENGTH_MAX: Final = 80
"""Letters of a title, its places apart: a telephone shows no more."""
BODY_LENGTH_MAX: Final = 600
FILE: Final = "messages.toml"
_KEY: Final = re.compile(r"[a-z]+\.[a-z]+(?:[-_][a-z]+)*", re.ASCII)
_PLACE: Final = re.compile(r"[a-z]+(?:_[a-z]+)*", re.ASCII)
_THAI: Final = re.compile("[\u0e01-\u0e5b]")
_PARTS: Final = ("title", "body")
_LANGUAGES: Final = ("th", "en")
_MEMBERS: Final = frozenset({"about", "places", *_PARTS})


class Place(StrEnum):
    """What a place in the words is filled with."""

    TEXT = "text"
    """In the reader's language: the title of a programme, an agency, a sentence."""
    WORD = "word"
    """Alike in both languages: a name, what a person calls their device."""
    NUMBER = "number"
    MONEY = "money"
    DAY = "day"


_FITS: Final[Mapping[Place, Callable[[Any], bool]]] = {
    Place.TEXT: lambda value: isinstance(value, Text),
    Place.WORD: lambda value: isinstance(value, str) and not isinstance(value, NationalId),
    Place.NUMBER: lambda value: isinstance(value, int) and not isinstance(value, bool),
    Place.MONEY: lambda value: isinstance(value, Money),
    Place.DAY: lambda value: isinstance(value, date) and not isinstance(value, datetime),
}


class TemplateFault(ValueError):
    """A file of messages that cannot be used. Says the file and the key."""

    def __init__(self, where: str, key: str, flaw: str) -> None:
        super().__init__(f"{where}: {key}: {flaw}" if key else f"{where}: {flaw}")


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """A kind of message. It belongs to the room that sends it; its `{named}` places are filled when it is sent."""

    id: str
    """Stable, `<room>.<name>`."""
    title: Text
    body: Text
    about: NoticeTopic = NoticeTopic.APPLICATIONS
    """Under which topic its person is told of it outside the inbox, or does not want to be."""
    places: Mapping[str, Place] = field(default_factory=lambda: MappingProxyType({}))

    def filled(self, values: Mapping[str, Any]) -> tuple[Text, Text]:
        """Title and body. Raises ValueError, which repeats no value, unless every place and nothing else is given, each
        of its kind."""
        if values.keys() != self.places.keys():
            raise ValueError(f"a message {self.id} is filled with {sorted(self.places)}, not {sorted(values)}")
        for name, value in values.items():
            if not _FITS[self.places[name]](value):
                raise ValueError(
                    f"a message {self.id} takes a {self.places[name]} as {name}, not {type(value).__name__}"
                )
        return self.title.filled(**values), self.body.filled(**values)


def messages_beside(module: str) -> Mapping[str, MessageTemplate]:
    """The room's templates by their keys, out of the file beside that module (its `__file__`).

    Raises :class:`TemplateFault`.
    """
    path = Path(module).with_name(FILE)
    return read_templates(path.read_text("utf-8"), f"{path.parent.name}/{FILE}")


def read_templates(document: str, where: str) -> Mapping[str, MessageTemplate]:
    """Raises :class:`TemplateFault` for the first flaw. `where` is what it calls the document."""
    try:
        tables = tomllib.loads(document)
    except tomllib.TOMLDecodeError as error:
        raise TemplateFault(where, "", str(error)) from None
    return MappingProxyType({key: _Reader(where, key, table).template() for key, table in tables.items()})


def catalogue_of(rooms: Iterable[Mapping[str, MessageTemplate]]) -> Mapping[str, MessageTemplate]:
    """All of them in one, by key. Raises :class:`TemplateFault` for a key that two rooms have."""
    found: dict[str, MessageTemplate] = {}
    for room in rooms:
        for key, template in room.items():
            if found.setdefault(key, template) is not template:
                raise TemplateFault("the catalogue", key, "two rooms have it")
    return MappingProxyType(found)


class _Reader:
    """One table of a document."""

    def __init__(self, where: str, key: str, table: Any) -> None:
        self._where, self._key, self._table = where, key, table

    def template(self) -> MessageTemplate:
        if not _KEY.fullmatch(self._key):
            raise self._fault("a key is written room.name, in quotes")
        if not isinstance(self._table, dict) or not self._table.keys() <= _MEMBERS:
            raise self._fault(f"it has {', '.join(sorted(_MEMBERS))}, and nothing else")
        title, body = self._text("title", TITLE_LENGTH_MAX), self._text("body", BODY_LENGTH_MAX)
        return MessageTemplate(self._key, title, body, self._about(), self._places(title, body))

    def _about(self) -> NoticeTopic:
        try:
            return NoticeTopic(self._table.get("about"))
        except ValueError:
            raise self._fault(f"about is one of {', '.join(NoticeTopic)}") from None

    def _text(self, part: str, length_max: int) -> Text:
        said = self._table.get(part)
        if not isinstance(said, dict) or said.keys() != set(_LANGUAGES):
            raise self._fault(f"{part} is said in th and in en, and in nothing else")
        for language, words in said.items():
            if not isinstance(words, str) or not words.strip():
                raise self._fault(f"{part}.{language} says nothing")
            if bool(_THAI.search(words)) is not (language == "th"):
                raise self._fault(f"{part}.{language} is written in another language")
            literal = "".join(parts[0] for parts in self._parsed(words, part))
            if len(literal) > length_max:
                raise self._fault(f"{part}.{language} has {len(literal)} letters, and {length_max} is the most")
        text = Text(th=said["th"], en=said["en"])
        if self._names(text.th, part) != self._names(text.en, part):
            raise self._fault(f"{part} has other places in Thai than in English")
        return text

    def _places(self, *texts: Text) -> Mapping[str, Place]:
        said = self._table.get("places", {})
        used = frozenset[str]().union(*(self._names(text.th, "") for text in texts))
        if not isinstance(said, dict) or said.keys() != used:
            raise self._fault(f"places names what stands in its words: {', '.join(sorted(used)) or 'nothing'}")
        try:
            return MappingProxyType({name: Place(kind) for name, kind in said.items()})
        except ValueError:
            raise self._fault(f"a place is one of {', '.join(Place)}") from None

    def _names(self, words: str, part: str) -> frozenset[str]:
        return frozenset(name for _, name in self._parsed(words, part) if name is not None)

    def _parsed(self, words: str, part: str) -> list[tuple[str, str | None]]:
        """Words and the place after them. A place is a name and no more: no form, no attribute of what fills it."""
        try:
            parsed = list(string.Formatter().parse(words))
        except ValueError:
            raise self._fault(f"{part} has a bracket too many, or too few") from None
        for _, name, form, conversion in parsed:
            if name is not None and (form or conversion or not _PLACE.fullmatch(name)):
                raise self._fault(f"{part} has a place that is no name: {name!r}")
        return [(literal, name) for literal, name, _, _ in parsed]

    def _fault(self, flaw: str) -> TemplateFault:
        return TemplateFault(self._where, self._key, flaw)
