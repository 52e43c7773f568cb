"""Why a file is refused, between the process that looks through it and the one that tells the citizen."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    WRONG_TYPE = "WRONG_TYPE"
    """It is no PDF, JPEG or PNG by what it begins with."""
    BROKEN = "BROKEN"
    """It ends too early, or cannot be read through."""
    MORE_BEHIND = "MORE_BEHIND"
    """Something follows after its end."""
    TWO_FORMATS = "TWO_FORMATS"
    """Another program would take it for something else: an archive, a page, a PDF."""
    ACTIVE = "ACTIVE"
    """It does something by itself when it is opened: scripts, programs, forms that send."""
    ATTACHMENTS = "ATTACHMENTS"
    """Other files lie in it."""
    LOCKED = "LOCKED"
    """It is encrypted."""
    TOO_MUCH_INSIDE = "TOO_MUCH_INSIDE"
    """Unpacked it is larger, or has more parts, than anything a person would send."""


class Refused(Exception):
    """The file is refused. Never leaves this room: :func:`services.apply.evidence.errors.error_of` translates it."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
