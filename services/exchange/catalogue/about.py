"""What the catalogue tells of an attribute besides what the gate needs: its meaning, its words, its form, its age."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from core.text import Text


@dataclass(frozen=True, slots=True)
class Phrases:
    """Words and phrases in both languages."""

    th: tuple[str, ...] = ()
    en: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deprecation:
    """An attribute that nobody should ask for any more; it stays readable for a year."""

    since: date
    replaced_by: str
    """Id of the attribute to use instead."""
    why: Text


@dataclass(frozen=True, slots=True)
class About:
    description: Text = field(default_factory=lambda: Text(th="", en=""))
    synonyms: Phrases = Phrases()
    """Mean the attribute wherever they stand."""
    alone: Phrases = Phrases()
    """Mean it only when nothing else is said."""
    unless: Phrases = Phrases()
    """Beside a synonym, these make it another question."""
    unit: str | None = None
    """Of a number: what is counted. Money is in satang."""
    pattern: str | None = None
    """Regular expression of the text that stands for a value in JSON; None where the type says it all."""
    since: date | None = None
    """The first day on which it could be asked for."""
    deprecated: Deprecation | None = None
    planned: Text | None = None
    """Why nobody provides it yet; None when somebody does, or the exchange derives it."""
