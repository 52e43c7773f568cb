"""National IDs of people who do not exist.

Digits 2 to 5 of a real ID are the registry office that gave it, whose number within the province is never 00. Ours is
always 00: the checksum holds, and no living person has the number.
"""

from __future__ import annotations

from math import gcd
from typing import Final

from core.ids import check_digit

RUNNING_NUMBERS: Final = 10_000_000
RESERVED: Final = 1_000
"""Running numbers below this belong to the named personas and their families, whatever the seed."""
CITIZENS_MAX: Final = RUNNING_NUMBERS - RESERVED


def national_id(person_type: int, province: str, running: int) -> str:
    """Thirteen digits: person type (0-8), province, office 00, a running number of seven digits, check digit."""
    first_twelve = f"{person_type}{province}00{running:07d}"
    return first_twelve + str(check_digit(first_twelve))


class RunningNumbers:
    """Hands out each running number once, in an order that looks like none and depends on the seed alone."""

    def __init__(self, seed: int) -> None:
        step = 6_180_339 + 2 * (seed % 1_000_003)
        while gcd(step, CITIZENS_MAX) != 1:
            step += 1
        self._step = step % CITIZENS_MAX
        self._start = seed * 7_919 % CITIZENS_MAX

    def number(self, serial: int) -> int:
        """The number of the `serial`-th person; different for each serial below `CITIZENS_MAX`."""
        return RESERVED + (self._start + serial * self._step) % CITIZENS_MAX
