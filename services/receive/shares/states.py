"""Kinds and states of a share."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from services.receive.shares.models import Share


class Kind(StrEnum):
    PAPER = "PAPER"
    """A PDF that an agency signed, whole."""
    CLAIMS = "CLAIMS"
    """What the citizen chose of a credential, signed for this share."""


class State(StrEnum):
    PREPARED = "PREPARED"
    """The citizen has not chosen yet what is shown."""
    OPEN = "OPEN"
    USED_UP = "USED_UP"
    """Opened as often as it may be."""
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


def state_of(row: Share, now: datetime) -> State:
    if row.revoked_at is not None:
        return State.REVOKED
    if row.code is None:
        return State.PREPARED if now < row.expires_at else State.EXPIRED
    if row.opened >= row.openings_max:
        return State.USED_UP
    return State.OPEN if now < row.expires_at else State.EXPIRED
