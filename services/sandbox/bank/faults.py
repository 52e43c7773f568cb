"""What can go wrong at a bank, switched on per process by `POST /_faults`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.sandbox.bank.chance import Chance

Ids = Annotated[frozenset[str], Field(max_length=100_000)]
"""End-to-end ids (32 hexadecimal digits), or `*` for every one."""


class Settles(StrEnum):
    AT_ONCE = "AT_ONCE"
    WHEN_ASKED = "WHEN_ASKED"
    """Books what it accepted when the next notification is asked for."""
    HELD = "HELD"
    """Books nothing for now."""


class Faults(BaseModel):
    """Faults of taking a file are for good; faults of telling leave the books right, and end when switched off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    settles: Settles = Settles.WHEN_ASKED
    reject: Ids = frozenset()
    """Rejected on arrival (AC03)."""
    send_back: Ids = frozenset()
    """Accepted, then returned (AC04)."""
    wrong_amount: Ids = frozenset()
    """Told as one satang more than was booked."""
    unknown_reference: Ids = frozenset()
    """Told under an end-to-end id that nobody sent."""
    duplicate: bool = False
    """Every entry is told twice."""
    reorder: int | None = None
    """Entries are told in an order that this seed makes."""
    timeouts: int = Field(default=0, ge=0)
    """So many files are accepted and then answered with 504, as if the answer came too late."""
    take_back: Ids = frozenset()
    """Booked, told, and taken back (AC04) by the next notification."""
    statement_omits: Ids = frozenset()
    """References of entries that statements leave out; their balances stay those of the books."""
    statement_alters: Ids = frozenset()
    """References of entries that statements list with one satang more."""
    statement_repeats: Ids = frozenset()
    """References of entries that statements list twice."""
    statement_adds: int | None = None
    """Satang of an entry that statements list and nobody made."""
    statement_opens: int = 0
    """So many satang more in both balances of statements than in the books."""
    seed: int | None = None
    """Besides, all that :mod:`services.sandbox.bank.chance` has, for whom this seed says."""
    rate: Annotated[float, Field(ge=0, le=1)] = 0.3
    """How many of all payments, and of all files, the seed strikes."""

    @property
    def chance(self) -> Chance | None:
        return None if self.seed is None else Chance(self.seed, self.rate)

    @staticmethod
    def hits(ids: frozenset[str], end_to_end: str) -> bool:
        return "*" in ids or end_to_end in ids
