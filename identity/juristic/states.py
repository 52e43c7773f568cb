"""Where an appointment to act for a juristic person stands."""

from __future__ import annotations

from enum import Enum

from identity.juristic.appointing import Appointing
from identity.juristic.models import JuristicOfficer
from identity.juristic.register import JuristicRegister


class Status(Enum):
    PROPOSED = "PROPOSED"
    """It waits for another director."""
    OFFERED = "OFFERED"
    """It waits for who is appointed."""
    ACTIVE = "ACTIVE"
    COMING = "COMING"
    """Its first day is yet to come."""
    ENDED = "ENDED"
    """Somebody ended it, its last day has passed, or nobody answered in time."""


def status_of(appointing: Appointing, register: JuristicRegister, row: JuristicOfficer) -> Status:
    if appointing.is_open(row):
        return Status.PROPOSED
    if appointing.is_offered(row):
        return Status.OFFERED
    if register.holds(row):
        return Status.ACTIVE
    return Status.COMING if appointing.is_coming(row) else Status.ENDED
