"""Texts for people: Thai first, English beside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Language(StrEnum):
    """The two languages every citizen-facing text exists in (BCP 47 primary subtags)."""

    TH = "th"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Text:
    """One text in both languages. May carry `{named}` places, filled by :meth:`filled`."""

    th: str
    en: str

    def in_language(self, language: Language) -> str:
        return self.th if language is Language.TH else self.en

    def filled(self, **values: Any) -> Text:
        """The same text with its `{named}` places filled; a `Text` value is filled in its own language."""

        def values_in(language: Language) -> dict[str, Any]:
            return {k: v.in_language(language) if isinstance(v, Text) else v for k, v in values.items()}

        return Text(th=self.th.format(**values_in(Language.TH)), en=self.en.format(**values_in(Language.EN)))


def preferred_language(accept_language: str | None) -> Language:
    """The language a request asks for by `Accept-Language` (RFC 9110 §12.5.4); Thai when it says nothing we speak."""
    best, best_quality = Language.TH, 0.0
    for tag, quality in _ranges(accept_language or ""):
        primary = tag.split("-")[0]
        if primary in ("th", "en") and quality > best_quality:
            best, best_quality = Language(primary), quality
    return best


def _ranges(header: str) -> Iterable[tuple[str, float]]:
    for part in header.split(",")[:20]:
        tag, _, parameter = part.strip().lower().partition(";")
        quality = 1.0
        if parameter.strip().startswith("q="):
            try:
                quality = float(parameter.strip()[2:])
            except ValueError:
                continue
        if tag:
            yield tag, quality
