"""The lives of requests under the PDPA. The table is the documentation.

| kind                   | in        | event    | becomes   |
|------------------------|-----------|----------|-----------|
| ACCESS, PORTABILITY    | RECEIVED  | BEGIN    | PREPARING |
|                        | PREPARING | BEGIN *  | PREPARING |
|                        | PREPARING | FINISH   | READY     |
|                        | READY     | EXPIRE   | EXPIRED   |
|                        | RECEIVED  | EXPIRE † | EXPIRED   |
|                        | PREPARING | EXPIRE † | EXPIRED   |
| ERASURE, EXIT          | COOLING   | CANCEL   | CANCELLED |
|                        | COOLING   | BEGIN    | ERASING   |
|                        | ERASING   | BEGIN *  | ERASING   |
|                        | ERASING   | HOLD     | HELD      |
|                        | ERASING   | FINISH   | DONE      |
|                        | HELD      | HOLD     | HELD      |
|                        | HELD      | FINISH   | DONE      |
| RESTRICTION, OBJECTION | ACTIVE    | LIFT     | LIFTED    |
* by another worker, when the first one's lease is over
† where the person is erased meanwhile
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from services.exchange.privacy.errors import WrongState


class Kind(StrEnum):
    ACCESS = "ACCESS"
    """A copy of one's data to read (s.30)."""
    PORTABILITY = "PORTABILITY"
    """The same, to take elsewhere (s.31): both make both documents."""
    ERASURE = "ERASURE"
    """Of chosen stores (s.33)."""
    EXIT = "EXIT"
    """Of everything, with the account."""
    RESTRICTION = "RESTRICTION"
    """Of use (s.34)."""
    OBJECTION = "OBJECTION"
    """To collection, use and disclosure (s.32)."""


class Status(StrEnum):
    RECEIVED = "RECEIVED"
    PREPARING = "PREPARING"
    READY = "READY"
    EXPIRED = "EXPIRED"
    COOLING = "COOLING"
    """The person may still take it back."""
    CANCELLED = "CANCELLED"
    ERASING = "ERASING"
    HELD = "HELD"
    """Erased, but for what a law keeps until a day."""
    DONE = "DONE"
    ACTIVE = "ACTIVE"
    LIFTED = "LIFTED"


class Event(StrEnum):
    BEGIN = "BEGIN"
    FINISH = "FINISH"
    EXPIRE = "EXPIRE"
    CANCEL = "CANCEL"
    HOLD = "HOLD"
    LIFT = "LIFT"


class Ground(StrEnum):
    """Why use is to be restricted (s.34), or what the person objects to (s.32)."""

    ACCURACY = "ACCURACY"
    """s.34(1): it is being checked whether the data are right."""
    UNLAWFUL = "UNLAWFUL"
    """s.34(2): they should be erased, and the person wants them kept unused instead."""
    CLAIMS = "CLAIMS"
    """s.34(3): the person needs them for a legal claim, and nobody else needs them."""
    OBJECTION_CHECKED = "OBJECTION_CHECKED"
    """s.34(4): an objection is being looked at."""
    PUBLIC_TASK = "PUBLIC_TASK"
    """s.32(1)."""
    MARKETING = "MARKETING"
    """s.32(2)."""
    RESEARCH = "RESEARCH"
    """s.32(3)."""


RESTRICTING: Final = frozenset({Ground.ACCURACY, Ground.UNLAWFUL, Ground.CLAIMS, Ground.OBJECTION_CHECKED})
OBJECTING: Final = frozenset({Ground.PUBLIC_TASK, Ground.MARKETING, Ground.RESEARCH})


class Step(StrEnum):
    """Kinds of :class:`services.exchange.privacy.models.PrivacyEvent`."""

    REQUESTED = "REQUESTED"
    CANCELLED = "CANCELLED"
    BEGUN = "BEGUN"
    STORE_ERASED = "STORE_ERASED"
    KEY_DESTROYED = "KEY_DESTROYED"
    HELD = "HELD"
    DONE = "DONE"
    EXPORTED = "EXPORTED"
    DOWNLOADED = "DOWNLOADED"
    EXPIRED = "EXPIRED"
    LIFTED = "LIFTED"
    HOLD_PLACED = "HOLD_PLACED"
    HOLD_RELEASE_ASKED = "HOLD_RELEASE_ASKED"
    """By one officer; it ends when a second one agrees."""
    HOLD_RELEASED = "HOLD_RELEASED"
    RETENTION = "RETENTION"


COPY_UNDER_WAY: Final = frozenset({Status.RECEIVED, Status.PREPARING})
"""Of a copy of one's data; it expires where its person is erased meanwhile."""
TRANSITIONS: Final[Mapping[tuple[Status, Event], Status]] = {
    (Status.RECEIVED, Event.BEGIN): Status.PREPARING,
    (Status.PREPARING, Event.BEGIN): Status.PREPARING,
    (Status.PREPARING, Event.FINISH): Status.READY,
    (Status.READY, Event.EXPIRE): Status.EXPIRED,
    **{(one, Event.EXPIRE): Status.EXPIRED for one in COPY_UNDER_WAY},
    (Status.COOLING, Event.CANCEL): Status.CANCELLED,
    (Status.COOLING, Event.BEGIN): Status.ERASING,
    (Status.ERASING, Event.BEGIN): Status.ERASING,
    (Status.ERASING, Event.HOLD): Status.HELD,
    (Status.ERASING, Event.FINISH): Status.DONE,
    (Status.HELD, Event.HOLD): Status.HELD,
    (Status.HELD, Event.FINISH): Status.DONE,
    (Status.ACTIVE, Event.LIFT): Status.LIFTED,
}
FIRST: Final[Mapping[Kind, Status]] = {
    Kind.ACCESS: Status.RECEIVED,
    Kind.PORTABILITY: Status.RECEIVED,
    Kind.ERASURE: Status.COOLING,
    Kind.EXIT: Status.COOLING,
    Kind.RESTRICTION: Status.ACTIVE,
    Kind.OBJECTION: Status.ACTIVE,
}
OPEN: Final = frozenset({Status.RECEIVED, Status.PREPARING, Status.COOLING, Status.ERASING, Status.ACTIVE})
"""While a request is in one of these, another of its kind is refused."""


def after(status: Status, event: Event) -> Status:
    """Raises :class:`WrongState`."""
    found = TRANSITIONS.get((status, event))
    if found is None:
        raise WrongState(status=status.value)
    return found
