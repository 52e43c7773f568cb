"""What the sign-in tells the rest of the house."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID


class SignInFacts(Protocol):
    """Takes in what ThaID says of a person at sign-in. The exchange implements it: facts sourced `dopa`."""

    async def record(self, person: UUID, claims: Mapping[str, Any], at: datetime) -> None:
        """`claims` are by ThaID's names (`name`, `name_en`, `birthdate` as BE YYYYMMDD, `gender` …), without pid.

        Called outside any transaction, before the person goes on.
        """
        ...
