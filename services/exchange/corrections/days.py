"""How long a correction may take. Days are Bangkok days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

REVIEW_DAYS: Final = 30
"""For the agency, the days in which it waits for the citizen left out (as PDPA 2562 s.30 gives for access; s.36 names
no number)."""
ANSWER_DAYS: Final = 30
"""For the citizen, when the agency asked something."""
_SATURDAY: Final = 5


def due(start: date, days: int) -> date:
    """The last day of a period that begins on the day after `start` (Civil and Commercial Code s.193/3). When it falls
    on a Saturday or Sunday, the next working day counts (s.193/8); public holidays are in no calendar that we have."""
    last = start + timedelta(days=days)
    while last.weekday() >= _SATURDAY:
        last += timedelta(days=1)
    return last
