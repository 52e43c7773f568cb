"""Faults on demand: an agency that is down, slow, or answers rubbish. Kept in the memory of the process."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

SLOW_SECONDS: Final = 5.0
RUBBISH: Final = b'<html><body>\xe0\xb8\xa3\xe0\xb8\xb0\xe0\xb8\x9a\xe0\xb8\x9a {"pid": '
"""Half a page, half an object, under the status 200: what a broken gateway sends."""

Mode = Literal["none", "down", "slow", "garbage"]


class FaultOrder(BaseModel):
    """The body of `POST /{agency}/_faults`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    mode: Mode
    share: float = Field(default=1.0, ge=0, le=1)
    """Of all requests, drawn from `seed`."""
    seed: int = 0
    seconds: float = Field(default=SLOW_SECONDS, ge=0, le=120)
    """How much later a slow agency answers."""


@dataclass(slots=True)
class Faults:
    """What is wrong with one agency now."""

    order: FaultOrder = field(default_factory=lambda: FaultOrder(mode="none"))
    _random: Random = field(default_factory=lambda: Random(0))

    def set(self, order: FaultOrder) -> None:
        self.order = order
        self._random = Random(order.seed)

    def next(self) -> Mode:
        """What becomes of the next request."""
        if self.order.mode == "none" or self._random.random() >= self.order.share:
            return "none"
        return self.order.mode
