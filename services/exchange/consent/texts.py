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
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from core.text import Text
from services.exchange.catalogue.files import CatalogueFile

FILE: Final = "texts.yaml"
_NEW_VERSION: Final = "Leave what stands as it is, and write another version below"
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
    since: Annotated[date, Field(alias="from")]
    th: Annotated[str, Field(min_length=1, max_length=4000)]
    en: Annotated[str, Field(min_length=1, max_length=4000)]
    sha256: str
    asks_again: list[str] | None = None


@cache
def load_texts() -> ConsentTexts:
    """The words that come with the program. Raises `core.strict_yaml.FileError`."""
    return build_texts(files(__package__).joinpath("data", FILE).read_text("utf-8"))


def build_texts(yaml: str) -> ConsentTexts:
    """Out of the text of a file. Raises `core.strict_yaml.FileError`, of which `CatalogueFileError` is one."""
    file = CatalogueFile(FILE, yaml)
    raw: dict[str, list[_Version]] = file.of(dict[str, list[_Version]])
    return ConsentTexts({purpose: _checked(file, purpose, versions) for purpose, versions in raw.items()})


def _checked(file: CatalogueFile, purpose: str, versions: Sequence[_Version]) -> list[Words]:
    """Every version of one purpose. A meaning is given by its first version, and none comes back after another."""
    found: list[Words] = []
    file.must(bool(versions), (purpose,), f"{purpose} has no version", "Write its words")
    for place, raw in enumerate(versions):
        where, text = (purpose, place, "version"), Text(th=raw.th, en=raw.en)
        digest = words_hash(text)
        file.must(digest == raw.sha256, (purpose, place, "sha256"), f"the words have the hash {digest}", _NEW_VERSION)
        again = frozenset(raw.asks_again) if raw.asks_again is not None else None
        words, last = Words(raw.version, raw.since, text, digest, again), found[-1] if found else None
        file.must(all(one.version != words.version for one in found), where, "it is there twice", _NEW_VERSION)
        later = last is None or words.since > last.since
        file.must(later, (purpose, place, "from"), "it begins no later than the one before", "Give it a later day")
        if words.version == words.meaning:
            unused = all(one.meaning != words.meaning for one in found)
            file.must(unused, where, "this meaning has been there before", "Give it another number")
        else:
            same = last is not None and last.meaning == words.meaning
            file.must(same, where, "the version before has another meaning", "Number it after the one before")
            file.must(again is None, where, "the same meaning asks nobody again", "Remove `asks_again`")
        found.append(words)
    return found
