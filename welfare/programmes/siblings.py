"""At most so many of one applicant's children, in lawful order: the eldest first, of twins the one listed first.

What a law says of several children at once cannot be asked of one, so it is applied after each was decided alone. A
child whose day of birth is unknown may stand before any other, and any other before it; so unknown is never a no.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from welfare.programmes.answer import Outcome


@dataclass(frozen=True, slots=True)
class AtMost:
    """How many children of one applicant at the same time."""

    children: int

    def __post_init__(self) -> None:
        if self.children < 1:
            raise ValueError("a limit of children is 1 or more")

    def among(self, outcomes: Sequence[Outcome], born: Sequence[date | None]) -> tuple[Outcome, ...]:
        """The outcomes of one applicant's children together, given each one's alone and in the order of their list."""
        listed = list(zip(born, range(len(born)), outcomes, strict=True))
        return tuple(self._of(mine, listed) for mine in listed)

    def _of(
        self, mine: tuple[date | None, int, Outcome], listed: Sequence[tuple[date | None, int, Outcome]]
    ) -> Outcome:
        day, place, alone = mine
        if alone is Outcome.UNMET:
            return alone
        surely = maybe = 0
        for other_day, other_place, outcome in listed:
            if outcome is Outcome.UNMET or other_place == place:
                continue
            if day is None or other_day is None:
                maybe += 1
            elif (other_day, other_place) < (day, place):
                maybe += 1
                surely += outcome is Outcome.MET
        if surely >= self.children:
            return Outcome.UNMET
        return Outcome.UNKNOWN if maybe >= self.children else alone
