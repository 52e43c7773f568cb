"""What comes of reading a fact: a value with its age, or a stable code of why there is none (docs/exchange.md)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.errors import SitthiError
from core.thai_dates import Precision
from services.exchange.catalogue import Attribute, InvalidAnswer
from services.exchange.errors import SourceSilent
from services.exchange.facts import Fact, FactState, Reading, Value

NO_SOURCE: Final = "NO_SOURCE"
"""No agency that is connected is the authority for it."""
NOT_KNOWN: Final = "NOT_KNOWN"
"""The source answered, and does not know this person's value."""
TIMEOUT: Final = "TIMEOUT"
SOURCE_FAILED: Final = "SERVICE_UNAVAILABLE"
INVALID_ANSWER: Final = InvalidAnswer.code
WRONG_SUBJECT: Final = "WRONG_SUBJECT"
"""The answer speaks of somebody who was not asked about: nothing of it is believed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of reading one attribute. `error` is a stable code where something went wrong, STALE included."""

    value: Value
    as_of: datetime | None
    state: FactState
    error: str | None = None
    read_at: datetime | None = None
    """When the source was asked: the age of what is STALE."""
    precision: Precision = Precision.DAY

    @property
    def known(self) -> bool:
        return self.state in (FactState.FRESH, FactState.STALE)

    def as_fact(self, attribute: Attribute) -> Fact:
        return Fact(
            attribute.id,
            self.value,
            attribute.steward,
            self.as_of,
            self.state,
            self.error,
            read_at=self.read_at,
            precision=self.precision,
        )


def unavailable(error: str) -> Answer:
    return Answer(None, None, FactState.UNAVAILABLE, error)


def reason_of(error: SitthiError) -> str:
    """The stable code that the access log keeps of an error: the source's own reason where it has one."""
    return error.reason if isinstance(error, SourceSilent) else error.code


def accept(attribute: Attribute, reading: object) -> Reading:
    """Raises :class:`InvalidAnswer` for a wrong value, and for an instant without a zone."""
    if not isinstance(reading, Reading) or reading.as_of.tzinfo is None:
        raise InvalidAnswer
    return Reading(attribute.type.accept(reading.value), reading.as_of, reading.precision)
