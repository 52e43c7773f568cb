"""How a notice leaves the house: what each way out is asked, and how it may fail. One suite tests every way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol


class ChannelKind(StrEnum):
    """Ways to tell a person that the inbox holds something."""

    EMAIL = "EMAIL"
    PUSH = "PUSH"


@dataclass(frozen=True, slots=True)
class Parcel:
    """A notice as it leaves. It holds of a message its title at most, and that where its person asked for it."""

    id: str
    """The same each time that it is tried, 32 hex digits: by it a client drops what comes twice."""
    address: str = field(repr=False)
    """An e-mail address, or a push subscription as JSON."""
    title: str = field(repr=False)
    body: str = field(repr=False)
    language: str
    urgent: bool
    unsubscribe: str | None = field(default=None, repr=False)
    """The address of RFC 8058 that stops notices of its kind; None where they cannot be stopped."""


class NotSent(Exception):
    """The way out did not take it. `why` is for the log: it names no address."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class Gone(NotSent):
    """There is nobody at this address any more: it is not to be written to again."""


class Refused(NotSent):
    """This notice will never be taken; others may."""


class Later(NotSent):
    """Not now: it may have been taken or not."""

    def __init__(self, why: str, after: timedelta | None = None) -> None:
        super().__init__(why)
        self.after = after


class Channel(Protocol):
    """A way out. It keeps nothing, and may be asked by many at once."""

    async def send(self, parcel: Parcel) -> None:
        """Returns once somebody else answers for it. Raises :class:`Gone`, :class:`Refused`, :class:`Later`."""
        ...
