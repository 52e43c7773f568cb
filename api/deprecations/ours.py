"""The committed list of names of our own that go away, or went. What agencies register has its own history."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from core.clock import start_of_bangkok_day
from services.plugins.notices.terms import REASON_LENGTH_MAX, Notice, Reason, year_after

OURS: Final = "SITTHI"
"""Under which our own names stand beside services: no slug, so that no agency's service can be called so."""
FILE: Final = Path(__file__).with_name("ours.toml")
_MEMBERS: Final = {"since": date, "sunset": date, "th": str, "en": str}


@dataclass(frozen=True, slots=True)
class OurNames:
    standing: Mapping[str, Notice]
    """By coordinate: deprecated, and still there."""
    removed: Mapping[str, date]
    """By coordinate: the day on which it went."""


@cache
def our_names() -> OurNames:
    return read_names(FILE.read_text(encoding="utf-8"))


def read_names(text: str) -> OurNames:
    """Raises `ValueError` naming the entry, for what breaks the year rule too. It is a mistake of ours."""
    standing: dict[str, Notice] = {}
    removed: dict[str, date] = {}
    for coordinate, entry in tomllib.loads(text).items():
        notice, gone = _read(coordinate, entry)
        if gone is None:
            standing[coordinate] = notice
        else:
            removed[coordinate] = gone
    return OurNames(standing, removed)


def _read(coordinate: str, entry: Any) -> tuple[Notice, date | None]:
    def must(holds: bool, why: str) -> None:
        if not holds:
            raise ValueError(f"{coordinate}: {why}")

    must(isinstance(entry, dict), "an entry is a table")
    must(_MEMBERS.keys() <= entry.keys() <= {*_MEMBERS, "removed"}, "since, sunset, th, en, and removed")
    for name, kind in _MEMBERS.items():
        must(type(entry[name]) is kind, f"{name} is a {kind.__name__}")
    gone = entry.get("removed")
    must(gone is None or type(gone) is date, "removed is a date")
    must(entry["sunset"] >= year_after(entry["since"]), "a name stays for a year after it was deprecated")
    must(gone is None or gone >= entry["sunset"], "it went before the day that clients were told")
    must(all(0 < len(entry[one]) <= REASON_LENGTH_MAX for one in ("th", "en")), "say what to ask for instead, briefly")
    since: datetime = start_of_bangkok_day(entry["since"])
    return Notice(coordinate, OURS, since, entry["sunset"], Reason(entry["en"], entry["th"])), gone
