"""Finding Thai and English words in each other.

Thai is written without spaces, and one word in several ways: a vowel and a tone mark typed in either order, `ำ` as one
sign or two, Thai or Arabic digits, with or without the dots of an abbreviation. :func:`plain` brings these to one form.
:func:`toneless` then forgets tone marks as well, which are what is most often mistyped; such a match counts for less. A
phrase that stands nowhere as it is written still matches by its trigrams.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

_SARA_AM: Final = "\u0e33"
_SARA_AM_IN_TWO: Final = "\u0e4d\u0e32"
_MARKS_AFTER_SARA_AM: Final = re.compile("\u0e4d\u0e32([\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]+)")
_MARKS: Final = re.compile("[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]{2,}")
_VOWELS: Final = frozenset("\u0e31\u0e34\u0e35\u0e36\u0e37\u0e38\u0e39\u0e3a\u0e47")
_NIKHAHIT: Final = "\u0e4d"
_FORGOTTEN: Final = re.compile("[\u0e47-\u0e4c]")
"""Tone marks, mai taikhu and thanthakhat."""
_DOTS: Final = re.compile(r"[.\u200b-\u200d\u2060\ufeff]")
_NOT_A_WORD: Final = re.compile(r"[^\w\u0e00-\u0e7f]+")
_THAI_DIGITS: Final = str.maketrans("๐๑๒๓๔๕๖๗๘๙", "0123456789")
GRAM: Final = 3
GRAMS_MIN: Final = 5
"""A shorter word shares its few trigrams with too many others."""
GRAMS_MIN_PER_CENT: Final = 50
"""How much of a phrase's trigrams must be found for it to count as found."""


def plain(text: str) -> str:
    """One way of writing: canonical Unicode, lower case, Arabic digits, single spaces, no dots or signs."""
    text = _NOT_A_WORD.sub(" ", _DOTS.sub("", unicodedata.normalize("NFC", text)))
    text = text.casefold().translate(_THAI_DIGITS).replace("เเ", "แ").replace(_SARA_AM, _SARA_AM_IN_TWO)
    text = _MARKS_AFTER_SARA_AM.sub(f"\\1{_SARA_AM_IN_TWO}", text)
    text = _MARKS.sub(_in_order, text).replace(_SARA_AM_IN_TWO, _SARA_AM)
    return " ".join(text.split())


def _in_order(marks: re.Match[str]) -> str:
    """Vowels, then tone marks and the like, then nikhahit, which belongs to the sara am that may follow."""
    return "".join(sorted(marks[0], key=lambda mark: (mark == _NIKHAHIT, mark not in _VOWELS, mark)))


def toneless(text: str) -> str:
    """Of a plain text: without tone marks and the like."""
    return _FORGOTTEN.sub("", text)


class Weight(IntEnum):
    """What a word found in a field counts for."""

    TITLE = 50
    KEYWORD = 40
    AGENCY = 20
    DESCRIPTION = 10


EXACT: Final = 3
"""A field that is the word counts so many times a field that holds it; one that begins with it, twice."""
PREFIX: Final = 2


@dataclass(frozen=True, slots=True)
class _Field:
    weight: Weight
    plain: str
    toneless: str
    grams: frozenset[str]


class Searchable:
    """The texts of one entry, made ready."""

    def __init__(self, texts: Iterable[tuple[Weight, str]]) -> None:
        self._fields = tuple(
            _Field(weight, (p := plain(text)), (t := toneless(p)), _grams(t)) for weight, text in texts if plain(text)
        )

    def score(self, terms: tuple[str, ...]) -> int:
        """How well the terms (plain) are found: 0 unless each of them is, somewhere."""
        scores = [max((_score(field, term) for field in self._fields), default=0) for term in terms]
        return 0 if 0 in scores else sum(scores)


def terms_of(search: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(plain(search).split()))


def _score(field: _Field, term: str) -> int:
    """In quarters of a weight: as written 4, but for tones 3, by trigrams 1."""
    if found := _found(field.plain, term):
        return 4 * found * field.weight
    loose = toneless(term)
    if loose and (found := _found(field.toneless, loose)):
        return 3 * found * field.weight
    wanted = _grams(loose)
    if len(wanted) >= GRAMS_MIN and 100 * len(wanted & field.grams) >= GRAMS_MIN_PER_CENT * len(wanted):
        return int(field.weight)
    return 0


def _found(text: str, term: str) -> int:
    if text == term:
        return EXACT
    if text.startswith(term):
        return PREFIX
    return 1 if term in text else 0


def _grams(text: str) -> frozenset[str]:
    joined = text.replace(" ", "")
    return frozenset(joined[at : at + GRAM] for at in range(len(joined) - GRAM + 1))
