"""What a manifest says of fees (docs/fees.md)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from services.plugins.contract.titles import Strict, Titles

FEE_SATANG_MAX: Final = 10_000_000_00


class FeeWhen(StrEnum):
    """When the fee of a service is paid."""

    FIRST = "first"
    """Before the application is handed over."""
    AFTERWARDS = "afterwards"
    """Once the agency has approved: what it approved takes effect when the fee is paid."""


class Fee(Strict):
    """What the citizen pays; `satang` is None when it depends on the case, which `text` then explains."""

    satang: int | None = Field(default=None, ge=0)
    text: Titles
    when: Annotated[FeeWhen, Field(strict=False)] = FeeWhen.FIRST
    days: int = Field(default=30, ge=1, le=365)
    """Of one that is paid afterwards: so many calendar days after the approval, the last one included."""


class IssueFee(Strict):
    """What a document of one operation of kind `issue` costs. It is made once that is paid."""

    satang: int = Field(ge=1, le=FEE_SATANG_MAX)
    text: Titles
    """For what, and by which rule."""
    first_free: int = Field(default=0, ge=0, le=100)
    """So many documents of the operation cost a citizen nothing, the first ones."""
    again_days: int = Field(default=0, ge=0, le=365)
    """For so many days after a citizen paid for one, others cost them nothing, once that one is made."""
