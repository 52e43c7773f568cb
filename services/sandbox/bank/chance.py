"""What goes wrong with which payment, by a seed: the same seed, the same faults, whoever asks and however often."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final


class Mishap(StrEnum):
    LATE = "LATE"
    """Booked days after it was accepted."""
    PARTIAL = "PARTIAL"
    """Booked a day after the rest of its file."""
    DUPLICATED = "DUPLICATED"
    """Told twice under one reference."""
    TOLD_ANEW = "TOLD_ANEW"
    """Told a second time under another reference, as if it had been booked twice. The books have it once."""
    UNKNOWN_REFERENCE = "UNKNOWN_REFERENCE"
    """Told under an end-to-end id that nobody sent."""
    WRONG_AMOUNT = "WRONG_AMOUNT"
    """Told as one satang more than was booked."""
    REVERSAL = "REVERSAL"
    """Booked and told, and taken back afterwards."""
    SENT_BACK = "SENT_BACK"
    """Returned in place of being booked."""


class FileMishap(StrEnum):
    TIMEOUT = "TIMEOUT"
    """Accepted, and answered with 504 the first time."""
    FOREIGN_ENTRY = "FOREIGN_ENTRY"
    """Its notification holds an entry of somebody else's."""
    REORDERED = "REORDERED"
    """Its entries are told in another order."""


DELAYS: Final = {Mishap.LATE: timedelta(days=8), Mishap.PARTIAL: timedelta(days=1)}
"""After the file came. Eight days are more than three bank days, holidays included."""
_SPAN: Final = 2**32


@dataclass(frozen=True, slots=True)
class Chance:
    seed: int
    rate: float
    """Of payments, and of files, to which something happens: 0 to 1."""

    def of_payment(self, end_to_end: str) -> Mishap | None:
        hit, which = self._draw("payment", end_to_end)
        return list(Mishap)[which % len(Mishap)] if hit else None

    def of_file(self, message: str, mishap: FileMishap) -> bool:
        return self._draw(mishap.value, message)[0]

    def _draw(self, what: str, key: str) -> tuple[bool, int]:
        digest = hashlib.sha256(f"{self.seed}\x00{what}\x00{key}".encode()).digest()
        hit, which = int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")
        return hit < self.rate * _SPAN, which
