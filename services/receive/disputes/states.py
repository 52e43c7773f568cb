"""The life of a dispute. The table is the documentation.

| in       | answer   | contest | close  | lapse  | turn    |
|----------|----------|---------|--------|--------|---------|
| OPEN     | ANSWERED |         | CLOSED |        | AGENCY  |
| ANSWERED |          | OPEN    | CLOSED | CLOSED | CITIZEN |
| CLOSED   |          |         |        |        | DONE    |

The agency answers; the citizen contests an answer or closes the dispute, at any time. What the citizen leaves alone
after an answer lapses when their days are over.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from services.receive.disputes.errors import DisputeClosed, NotYourTurn


class DisputeKind(StrEnum):
    NOT_RECEIVED = "NOT_RECEIVED"
    WRONG_AMOUNT = "WRONG_AMOUNT"


class DisputeStatus(StrEnum):
    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    CLOSED = "CLOSED"


class DisputeTurn(StrEnum):
    """Whose move it is."""

    AGENCY = "AGENCY"
    CITIZEN = "CITIZEN"
    DONE = "DONE"


class DisputeAction(StrEnum):
    BEGIN = "BEGIN"
    """Its beginning: leads to OPEN from nowhere."""
    ANSWER = "ANSWER"
    CONTEST = "CONTEST"
    CLOSE = "CLOSE"
    LAPSE = "LAPSE"


class Finding(StrEnum):
    """What the agency found. It moves no money: what is owed is paid as any other payment is."""

    UPHELD = "UPHELD"
    """The citizen is right; the reason says what is done about it."""
    PAID = "PAID"
    """It went out as the receipt says; the reason says where to."""


S, A = DisputeStatus, DisputeAction

TRANSITIONS: Final[Mapping[tuple[DisputeStatus, DisputeAction], DisputeStatus]] = MappingProxyType(
    {
        (S.OPEN, A.ANSWER): S.ANSWERED,
        (S.OPEN, A.CLOSE): S.CLOSED,
        (S.ANSWERED, A.CONTEST): S.OPEN,
        (S.ANSWERED, A.CLOSE): S.CLOSED,
        (S.ANSWERED, A.LAPSE): S.CLOSED,
    }
)
TURNS: Final[Mapping[DisputeStatus, DisputeTurn]] = MappingProxyType(
    {S.OPEN: DisputeTurn.AGENCY, S.ANSWERED: DisputeTurn.CITIZEN, S.CLOSED: DisputeTurn.DONE}
)


def after(status: DisputeStatus, action: DisputeAction) -> DisputeStatus:
    """The status after `action`. Raises DisputeClosed, NotYourTurn where there is no such move."""
    moved = TRANSITIONS.get((status, action))
    if moved is None:
        raise DisputeClosed if status is S.CLOSED else NotYourTurn
    return moved
