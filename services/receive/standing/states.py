"""Where what was issued stands, and which act leads where. The table is the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from services.receive.credentials.status import Status


class StandingActKind(StrEnum):
    """What an agency does."""

    SUSPEND = "SUSPEND"
    """Nobody believes it for now."""
    REINSTATE = "REINSTATE"
    REVOKE = "REVOKE"
    """For good."""
    REISSUE = "REISSUE"
    """For good, and the citizen is asked to fetch what stands in its place."""


class IssuedKind(StrEnum):
    """What was issued."""

    CREDENTIAL = "CREDENTIAL"
    """With all copies that a wallet fetched together."""
    PAPER = "PAPER"


NEXT: Final[Mapping[tuple[Status, StandingActKind], Status]] = {
    (Status.VALID, StandingActKind.SUSPEND): Status.SUSPENDED,
    (Status.VALID, StandingActKind.REVOKE): Status.INVALID,
    (Status.VALID, StandingActKind.REISSUE): Status.INVALID,
    (Status.SUSPENDED, StandingActKind.REINSTATE): Status.VALID,
    (Status.SUSPENDED, StandingActKind.REVOKE): Status.INVALID,
    (Status.SUSPENDED, StandingActKind.REISSUE): Status.INVALID,
}
TARGETS: Final[Mapping[StandingActKind, Status]] = {act: status for (_, act), status in NEXT.items()}
FOR_GOOD: Final = frozenset({StandingActKind.REVOKE, StandingActKind.REISSUE})
"""What cannot be undone takes two officers."""
