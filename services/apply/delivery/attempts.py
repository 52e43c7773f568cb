"""How one attempt to reach an agency ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from core.text import Text
from services.plugins.contract import ApplicationState


@dataclass(frozen=True, slots=True, repr=False)
class Ended:
    """How an attempt ended: an answer, the words of a declared error, or a trouble."""

    outcome: str
    milliseconds: int
    said: ApplicationState | None = None
    words: Text | None = None
    until: datetime | None = None
    """Announced maintenance, until then: nobody was asked, and it counts as no attempt."""
    asked: bool = True
    """Whether anything of it may have left for the agency."""
    barred: bool = False
    """The citizen has had the use of their data stopped: nobody was asked, and it counts as no attempt."""


class Barred(Exception):
    """`reason` is one of `services.exchange.policy.BARS`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def state_of(told: Any, reference: str | None) -> ApplicationState | None:
    """What the agency said, if it is what the contract asks for, about this application, and can be kept."""
    try:
        said = ApplicationState.model_validate(told)
        orjson.dumps(said.model_dump(mode="json"))
    except (ValueError, TypeError):  # pydantic's own error is a ValueError; half a letter is a TypeError of orjson
        return None
    return said if reference in (None, said.reference) else None
