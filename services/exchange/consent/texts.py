"""The words of consents: every version there ever was, and what a change of them means for who agreed to earlier ones.

Reviewed data (data/texts.yaml). A version is never changed; its hash is in the file and in every receipt.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from core.strict_yaml import read_any
from core.text import Text
from services.exchange.catalogue.files import CatalogueFileError

FILE: Final = "texts.yaml"
_VERSION: Final = re.compile(r"(2[0-9]{3}-[0-9]{1,3})(\.[0-9]{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Words:
    """One version of what a citizen is asked to agree to."""

    version: str
    since: date
    """The first day, in Bangkok, on which it is asked with."""
    text: Text
    sha256: str
    asks_again: frozenset[str] | None = None
    """Of a version with a new meaning: about which attributes; None: about all."""

    @property
    def meaning(self) -> str:
        """Versions of one meaning differ in their words alone."""
        return self.version.partition(".")[0]


class ConsentTexts:
    """`versions` by purpose, each list in the order of its days."""

    def __init__(self, versions: Mapping[str, Sequence[Words]]) -> None:
        self._versions = {purpose: tuple(words) for purpose, words in versions.items()}

    @property
    def purposes(self) -> frozenset[str]:
        return frozenset(self._versions)

    def until(self, purpose: str, day: date) -> Sequence[Words]:
        """All versions that were in force by that day, the one in force last."""
        return [words for words in self._versions.get(purpose, ()) if words.since <= day]

    def in_force(self, purpose: str, day: date) -> Words | None:
        """None where nobody may be asked yet."""
        known = self.until(purpose, day)
        return known[-1] if known else None

    def find(self, purpose: str, version: str) -> Words | None:
        return next((one for one in self._versions.get(purpose, ()) if one.version == version), None)

    def still_means(self, purpose: str, version: str, attributes: frozenset[str], day: date) -> frozenset[str]:
        """Of what was agreed to in that version: the attributes that the words in force on that day say the same of."""
        agreed = self.find(purpose, version)
        if agreed is None:
            return frozenset()
        meaning = agreed.meaning
        for words in self.until(purpose, day):
            if words.since <= agreed.since or words.meaning == meaning:
                continue
            meaning = words.meaning
            attributes = attributes - words.asks_again if words.asks_again is not None else frozenset()
        return attributes


def words_hash(text: Text) -> str:
    """SHA-256, in hexadecimal, of the Thai words, a zero byte and the English words, in UTF-8."""
    return hashlib.sha256(text.th.encode() + b"\x00" + text.en.encode()).hexdigest()


class _Version(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    version: Annotated[str, Field(pattern=rf"^{_VERSION.pattern}$")]
    since: Annotated[str, Field(alias="from", pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    th: Annotated[str, Field(min_length=1, max_length=4000)]
    en: Annotated[str, Field(min_length=1, max_length=4000)]
    sha256: str
    asks_again: list[str] | None = None


@cache
def load_texts() -> ConsentTexts:
    """The words that come with the program. Raises :class:`CatalogueFileError`."""
    return build_texts(files(__package__).joinpath("data", FILE).read_text("utf-8"))


def build_texts(yaml: str) -> ConsentTexts:
    """Out of the text of a file. Raises :class:`CatalogueFileError`."""
    try:
        raw: Any = TypeAdapter(dict[str, list[_Version]]).validate_python(read_any(yaml, FILE))
    except ValidationError as error:
        first = error.errors()[0]
        raise _wrong(f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}") from error
    return ConsentTexts({purpose: _checked(purpose, versions) for purpose, versions in raw.items()})


def _checked(purpose: str, versions: Sequence[_Version]) -> list[Words]:
    found: list[Words] = []
    for raw in versions:
        where = f"{purpose} {raw.version}"
        try:
            since = date.fromisoformat(raw.since)
        except ValueError:
            raise _wrong(f"{where}: `from` is no day") from None
        text = Text(th=raw.th, en=raw.en)
        if words_hash(text) != raw.sha256:
            raise _wrong(f"{where}: these are not the words of that hash, but of {words_hash(text)}")
        again = frozenset(raw.asks_again) if raw.asks_again is not None else None
        words = Words(raw.version, since, text, raw.sha256, again)
        _check_order(where, found, words)
        found.append(words)
    if not found:
        raise _wrong(f"{purpose} has no version")
    return found


def _check_order(where: str, earlier: Sequence[Words], words: Words) -> None:
    """A meaning is given by its first version, and none comes back after another."""
    if any(one.version == words.version for one in earlier):
        raise _wrong(f"{where} is there twice")
    if earlier and words.since <= earlier[-1].since:
        raise _wrong(f"{where}: a later version is in force from a later day")
    if words.version != words.meaning and not (earlier and earlier[-1].meaning == words.meaning):
        raise _wrong(f"{where}: other words for a meaning that is not the one before")
    if words.version == words.meaning and any(one.meaning == words.meaning for one in earlier):
        raise _wrong(f"{where}: this meaning has been there before")
    if words.asks_again is not None and words.version != words.meaning:
        raise _wrong(f"{where}: the same meaning asks nobody again")


def _wrong(problem: str) -> CatalogueFileError:
    return CatalogueFileError(FILE, 1, problem)
