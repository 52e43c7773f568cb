"""Whether a reason for asking the citizen is one: that the state cannot know says why only the citizen can."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from services.exchange.catalogue.about import Phrases
from services.exchange.catalogue.wording import thai

WORDS_MIN: Final = 2
"""English words that say something."""
LETTERS_MIN: Final = 8
"""Thai letters that say something."""
_THAI: Final = re.compile(r"[\u0e01-\u0e2e]")


def wrong_with(reason: Any, titles: tuple[str, ...], empty: Phrases) -> str | None:
    """What is wrong with the value of `x-citizen-only`; None when it is a reason in Thai and English.

    `titles` are the property's own words: to say them again is no reason. `empty` are words that say nothing.
    """
    if not isinstance(reason, Mapping) or not all(isinstance(reason.get(language), str) for language in ("th", "en")):
        return "holds no reason in Thai and English"
    if set(reason) != {"th", "en"}:
        return "holds more than `th` and `en`"
    th, en = reason["th"], reason["en"]
    if not _THAI.search(th) or not re.search(r"[A-Za-z]{2}", en) or _THAI.search(en):
        return "holds no reason in Thai and English"
    said = {" ".join(title.split()).casefold() for title in titles}
    if any(" ".join(text.split()).casefold() in said for text in (th, en)):
        return "says the question again"
    words = {word for word in re.findall(r"[a-z]{2,}", en.lower()) if word not in empty.en}
    if len(words) < WORDS_MIN or len(_telling(th, empty.th)) < LETTERS_MIN:
        return "gives no reason why only the citizen can say it"
    return None


def _telling(text: str, empty: tuple[str, ...]) -> str:
    """The Thai letters that are left when the words that say nothing are gone, the longest first."""
    run = thai(text)
    for words in sorted(empty, key=len, reverse=True):
        run = run.replace(words, "")
    return run
