"""What a question says, however it is spelt: English word by word, Thai without spaces, both without what adds nothing.

Thai is written without spaces between words, or with them; digits come in two forms; invisible characters and marks in
another order look alike. Two spellings that a reader would take for the same become the same here.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD: Final = re.compile(r"[a-z]+|[0-9]+")
_BREAK: Final = re.compile(r"</?(?:br|p|div|li|ul|ol|tr|td|th|hr|h[1-6])\b[^<>]*>", re.IGNORECASE)
"""Of markup that a reader sees as a space."""
_TAG: Final = re.compile(r"</?[A-Za-z][^<>]*>|<!--[^>]*-->")
"""Of markup, which a reader does not see."""
_ENCLOSED: Final = {
    first + letter: chr(ord("A") + letter) for first in (0x1F150, 0x1F170, 0x1F1E6) for letter in range(26)
}
"""Letters in circles and squares, and those of flags: Unicode does not call them letters, and a reader reads them."""
_APOSTROPHE: Final = re.compile(r"(?<=[A-Za-z])['\u2019](?=[A-Za-z])")
_THAI: Final = re.compile(r"[\u0e00-\u0e7f0-9]+")
_TONES_FIRST: Final = re.compile(r"([\u0e48-\u0e4c]+)([\u0e31\u0e34-\u0e3a\u0e47\u0e4d\u0e4e]+)")
_THAI_DIGITS: Final = {0x0E50 + digit: str(digit) for digit in range(10)}
_SARA_AM: Final = re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32")
_DROPPED: Final = {ord("ฯ"): None, ord("ๆ"): None}
_REPEATED_MARK: Final = re.compile(r"([\u0e31\u0e34-\u0e3a\u0e47-\u0e4e])\1+")


def folded(text: str) -> str:
    """The text as it is read, in one form: without markup, compatibility characters, digits, invisible characters,
    order of Thai marks."""
    text = _TAG.sub("", _BREAK.sub(" ", html.unescape(text).translate(_ENCLOSED)))
    text = _SARA_AM.sub("\\1\u0e33", unicodedata.normalize("NFKC", text))  # which takes ำ apart
    text = "".join(c for c in text if c.isspace() or not _is_invisible(c))
    text = text.translate(_THAI_DIGITS).translate(_DROPPED).replace("\u0e40\u0e40", "\u0e41")  # เ twice looks like แ
    return _REPEATED_MARK.sub(r"\1", _TONES_FIRST.sub(r"\2\1", text))


def foreign_letter(text: str) -> str | None:
    """The first letter that is neither of the Latin alphabet nor Thai: others pass for ours to the eye alone."""
    for character in _plain_latin(unicodedata.normalize("NFKC", html.unescape(text))):
        if character.isalpha() and not character.isascii() and not "\u0e01" <= character <= "\u0e4e":
            return character
    return None


def _is_invisible(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind in ("Cf", "Cc") or (kind == "Mn" and not "\u0e31" <= character <= "\u0e4e")


def _plain_latin(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(c for c in decomposed if not ("\u0300" <= c <= "\u036f"))


def english(text: str) -> tuple[str, ...]:
    """The words and numbers in Latin letters, in lower case; a name in camelCase or snake_case is its words."""
    latin = _APOSTROPHE.sub("", folded(_plain_latin(text)))
    words = _WORD.findall(" ".join(_CAMEL.split(latin)).lower())
    return tuple(_spelt_out(words))


def _spelt_out(words: list[str]) -> Iterator[str]:
    """Letters one by one are one word: D.O.B."""
    letters = ""
    for word in words:
        if len(word) == 1 and word.isalpha():
            letters += word
            continue
        if letters:
            yield letters
        letters = ""
        yield word
    if letters:
        yield letters


def thai(text: str) -> str:
    """The Thai letters and digits, run together. Empty where there is no Thai letter at all."""
    run = "".join(_THAI.findall(folded(text)))
    return run if re.search(r"[\u0e01-\u0e2e]", run) else ""


def singular(word: str) -> str:
    """Of an English word; what is no plural but ends as one does is cut alike wherever it stands."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def without(words: Iterable[str], fillers: frozenset[str]) -> tuple[str, ...]:
    """English words without those that add nothing and without numbers, each in the singular."""
    return tuple(singular(word) for word in words if word not in fillers and not word.isdigit())


def stripped(run: str, fillers: tuple[str, ...]) -> str:
    """A Thai run without the polite words at its ends. `fillers` are the longest first."""
    while run:
        for filler in fillers:
            if run != filler and run.startswith(filler):
                run = run[len(filler) :]
                break
            if run != filler and run.endswith(filler):
                run = run[: -len(filler)]
                break
        else:
            return run.strip("0123456789") or run
    return run


def places(needle: tuple[str, ...], words: tuple[str, ...]) -> Iterator[int]:
    """Where `needle` stands in `words`, word by word."""
    size = len(needle)
    return (at for at in range(len(words) - size + 1) if words[at : at + size] == needle)
