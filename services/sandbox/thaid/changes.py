"""What befell a person since the population was made: another name, a weaker proofing, a blocked app.

Ordered while the stand-in runs, to see what Sitthi makes of it; kept in the memory of the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from core.ids import NationalId


class Barred(Exception):
    """ThaID lets this person in no more: they died, or their app was blocked."""


class ChangeOrder(BaseModel):
    """The body of `POST _changes`. The last order about a person counts; an empty one takes it back."""

    model_config = ConfigDict(extra="forbid", strict=True)

    pid: str
    blocked: bool = False
    claims: dict[str, str | None] = Field(default_factory=dict)
    """By claim name: what ThaID says from now on, `null` for nothing. Never `pid`: a person keeps theirs."""


class Changes:
    def __init__(self) -> None:
        self._orders: dict[str, ChangeOrder] = {}

    def set(self, order: ChangeOrder) -> None:
        """Raises `core.ids.MalformedNationalId`, ValueError for a change of the number itself."""
        if "pid" in order.claims:
            raise ValueError("a person keeps their number")
        self._orders[NationalId.parse(order.pid).digits] = order

    def applied(self, national_id: NationalId, claims: Mapping[str, Any]) -> dict[str, Any]:
        """Raises :class:`Barred`."""
        order = self._orders.get(national_id.digits)
        if order is None:
            return dict(claims)
        if order.blocked:
            raise Barred
        changed = {**claims, **order.claims}
        return {name: value for name, value in changed.items() if value is not None}
