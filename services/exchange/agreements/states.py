"""The life of an agreement's version, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from services.exchange.agreements.errors import AgreementStateConflict


class State(StrEnum):
    PROPOSED = "PROPOSED"
    """By an officer of one agency; the other has not accepted it."""
    IN_FORCE = "IN_FORCE"
    """Both agreed. Facts are told under it from its first day to the end of its last."""
    SUSPENDED = "SUSPENDED"
    """One of the two stopped it for the time being."""
    ENDED = "ENDED"
    """For good: ended by either, refused, withdrawn before it began, or superseded by the next version."""


class Act(StrEnum):
    """What an officer does to it; the kinds of :class:`AgreementEvent`, with `PROPOSE` and `SUPERSEDE`."""

    PROPOSE = "PROPOSE"
    ACCEPT = "ACCEPT"
    SUSPEND = "SUSPEND"
    RESUME = "RESUME"
    END = "END"
    SUPERSEDE = "SUPERSEDE"


TRANSITIONS: Final[Mapping[tuple[State, Act], State]] = {
    (State.PROPOSED, Act.ACCEPT): State.IN_FORCE,
    (State.PROPOSED, Act.END): State.ENDED,
    (State.IN_FORCE, Act.SUSPEND): State.SUSPENDED,
    (State.IN_FORCE, Act.END): State.ENDED,
    (State.IN_FORCE, Act.SUPERSEDE): State.ENDED,
    (State.SUSPENDED, Act.RESUME): State.IN_FORCE,
    (State.SUSPENDED, Act.END): State.ENDED,
    (State.SUSPENDED, Act.SUPERSEDE): State.ENDED,
}


def after(state: str, act: Act) -> State:
    """Raises :class:`AgreementStateConflict`."""
    found = TRANSITIONS.get((State(state), act))
    if found is None:
        raise AgreementStateConflict(state=state, act=act)
    return found
