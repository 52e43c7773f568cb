"""The life of a correction. The table is the documentation.

| in         | take      | ask        | correct   | refuse  | supplement | withdraw  | turn    |
|------------|-----------|------------|-----------|---------|------------|-----------|---------|
| OPEN       | IN_REVIEW |            |           |         | OPEN       | WITHDRAWN | AGENCY  |
| IN_REVIEW  | IN_REVIEW | NEEDS_MORE | CORRECTED | REFUSED | IN_REVIEW  | WITHDRAWN | AGENCY  |
| NEEDS_MORE |           |            |           | REFUSED | IN_REVIEW  | WITHDRAWN | CITIZEN |
| CORRECTED  |           |            |           |         |            |           | DONE    |
| REFUSED    |           |            |           |         |            |           | DONE    |
| WITHDRAWN  |           |            |           |         |            |           | DONE    |

Taking what is in review hands it over to another officer. What waits for the citizen is refused only when the citizen's
days are over. Nothing follows a decision: who does not agree opens another case, or complains (PDPA 2562 s.73).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from core.errors import SitthiError
from services.exchange.corrections.errors import CorrectionClosed, CorrectionNotTaken, NotTheAgencysTurn


class CorrectionStatus(StrEnum):
    OPEN = "OPEN"
    """With the agency; nobody there has taken it yet."""
    IN_REVIEW = "IN_REVIEW"
    NEEDS_MORE = "NEEDS_MORE"
    """The agency asked the citizen something."""
    CORRECTED = "CORRECTED"
    """Put right at the source."""
    REFUSED = "REFUSED"
    """The agency stands by its record, and says why (PDPA s.36)."""
    WITHDRAWN = "WITHDRAWN"


class CorrectionTurn(StrEnum):
    """Whose move it is."""

    AGENCY = "AGENCY"
    CITIZEN = "CITIZEN"
    DONE = "DONE"


class CorrectionAction(StrEnum):
    REQUEST = "REQUEST"
    """Its beginning: leads to OPEN from nowhere."""
    TAKE = "TAKE"
    ASK = "ASK"
    CORRECT = "CORRECT"
    REFUSE = "REFUSE"
    SUPPLEMENT = "SUPPLEMENT"
    WITHDRAW = "WITHDRAW"


S, A = CorrectionStatus, CorrectionAction

TRANSITIONS: Final[Mapping[tuple[CorrectionStatus, CorrectionAction], CorrectionStatus]] = MappingProxyType(
    {
        (S.OPEN, A.TAKE): S.IN_REVIEW,
        (S.OPEN, A.SUPPLEMENT): S.OPEN,
        (S.OPEN, A.WITHDRAW): S.WITHDRAWN,
        (S.IN_REVIEW, A.TAKE): S.IN_REVIEW,
        (S.IN_REVIEW, A.ASK): S.NEEDS_MORE,
        (S.IN_REVIEW, A.CORRECT): S.CORRECTED,
        (S.IN_REVIEW, A.REFUSE): S.REFUSED,
        (S.IN_REVIEW, A.SUPPLEMENT): S.IN_REVIEW,
        (S.IN_REVIEW, A.WITHDRAW): S.WITHDRAWN,
        (S.NEEDS_MORE, A.REFUSE): S.REFUSED,
        (S.NEEDS_MORE, A.SUPPLEMENT): S.IN_REVIEW,
        (S.NEEDS_MORE, A.WITHDRAW): S.WITHDRAWN,
    }
)

TURNS: Final[Mapping[CorrectionStatus, CorrectionTurn]] = MappingProxyType(
    {
        S.OPEN: CorrectionTurn.AGENCY,
        S.IN_REVIEW: CorrectionTurn.AGENCY,
        S.NEEDS_MORE: CorrectionTurn.CITIZEN,
        S.CORRECTED: CorrectionTurn.DONE,
        S.REFUSED: CorrectionTurn.DONE,
        S.WITHDRAWN: CorrectionTurn.DONE,
    }
)

OF_THE_AGENCY: Final = frozenset({A.TAKE, A.ASK, A.CORRECT, A.REFUSE})
PENDING: Final = frozenset(status for status, turn in TURNS.items() if turn is not CorrectionTurn.DONE)


def after(status: CorrectionStatus, action: CorrectionAction) -> CorrectionStatus:
    """The status after `action`. Raises CorrectionClosed, CorrectionNotTaken or NotTheAgencysTurn where there is no
    such move."""
    moved = TRANSITIONS.get((status, action))
    if moved is None:
        raise _refusal(status)
    return moved


def _refusal(status: CorrectionStatus) -> SitthiError:
    if TURNS[status] is CorrectionTurn.DONE:
        return CorrectionClosed()
    return NotTheAgencysTurn() if status is S.NEEDS_MORE else CorrectionNotTaken()
