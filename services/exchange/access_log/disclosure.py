"""When a person may see an entry about themself: at once, or later by its class (docs/adr/0019).

The classes are data (catalogue/data/disclosure.yaml). An entry keeps the instant that its class gave it, in
`disclosed_from`; until then nothing tells the person that it is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Final

from core.clock import BANGKOK
from core.strict_yaml import Reader, read_list
from core.text import Text

HOUSEHOLD: Final = "household"
"""Of entries about other members of a household: shown as one a month, without what would tell who did what, when."""
INVESTIGATION: Final = "investigation"
FILE: Final = "disclosure.yaml"
DAYS_MAX: Final = 3_660
NEXT_MONTH: Final = "next-month"


@dataclass(frozen=True, slots=True)
class DisclosureClass:
    id: str
    text: Text
    law: str
    delay: timedelta | None
    """None: until the next month begins in Bangkok."""
    longest: timedelta
    """From the entry's making; a prolongation cannot reach beyond."""
    proof_after: timedelta
    """From the entry's making: its place in the tree tells when that was."""
    purposes: frozenset[str] = frozenset()
    """Whatever is asked for these is of this class, whoever asks and whether it is allowed or refused."""

    def disclosed_from(self, at: datetime) -> datetime:
        """From when on an entry made at that moment is shown."""
        return next_month(at) if self.delay is None else at + self.delay

    def latest(self, at: datetime) -> datetime:
        """The last moment at which it may begin to be shown."""
        return max(at + self.longest, self.disclosed_from(at))

    def proof_from(self, at: datetime) -> datetime:
        return at + self.proof_after


def next_month(at: datetime) -> datetime:
    """The first moment of the month after, by Bangkok's calendar."""
    day = at.astimezone(BANGKOK).date()
    first = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return datetime(first.year, first.month, first.day, tzinfo=BANGKOK)


@cache
def disclosure_classes() -> Mapping[str, DisclosureClass]:
    """By id. Raises :class:`core.strict_yaml.FileError` for a file that says something else than it may."""
    text = (files("services.exchange.catalogue") / "data" / FILE).read_text(encoding="utf-8")
    return read_classes(text, FILE)


def read_classes(text: str, file: str) -> Mapping[str, DisclosureClass]:
    """See :func:`disclosure_classes`."""
    classes: dict[str, DisclosureClass] = {}
    for reader in read_list(text, file):
        one = _class(reader)
        if one.id in classes:
            raise reader.wrong("id", "given once")
        classes[one.id] = one
    return classes


def class_of(purpose: str, classes: Mapping[str, DisclosureClass]) -> str | None:
    """The class that a purpose's entries have by the data; None: they are shown at once."""
    return next((one.id for one in classes.values() if purpose in one.purposes), None)


def _class(reader: Reader) -> DisclosureClass:
    name = reader.slug("id")
    delay = None if reader.any("days") == NEXT_MONTH else timedelta(days=reader.number("days", 1, DAYS_MAX))
    least = 31 if delay is None else delay.days
    made = DisclosureClass(
        id=name,
        text=Text(th=reader.word("th"), en=reader.word("en")),
        law=reader.word("law"),
        delay=delay,
        longest=timedelta(days=reader.number("days_max", least, DAYS_MAX)),
        proof_after=timedelta(days=reader.number("proof_days", least, DAYS_MAX)),
        purposes=frozenset(reader.words("purposes")) if reader.has("purposes") else frozenset(),
    )
    reader.done()
    return made
