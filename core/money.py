"""Money: Thai baht in integer satang."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.errors import SitthiError
from core.text import Text

CURRENCY: Final = "THB"
SATANG_MAX: Final = 2**63 - 1
"""What a 64-bit column of either database holds."""


class AmountOutOfRange(SitthiError):
    code = "AMOUNT_OUT_OF_RANGE"
    text = Text(th="จำนวนเงินอยู่นอกช่วงที่รองรับ", en="The amount is outside the supported range.")


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in satang (1 baht = 100 satang). Never a float; never beyond 64 bits."""

    satang: int

    def __post_init__(self) -> None:
        if isinstance(self.satang, bool) or not isinstance(self.satang, int):
            raise TypeError("money is a whole number of satang")
        if abs(self.satang) > SATANG_MAX:
            raise AmountOutOfRange

    @classmethod
    def baht(cls, baht: int, satang: int = 0) -> Money:
        return cls(baht * 100 + satang)

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return CURRENCY

    def __add__(self, other: Money) -> Money:
        return Money(self.satang + other.satang)

    def __sub__(self, other: Money) -> Money:
        return Money(self.satang - other.satang)

    def __neg__(self) -> Money:
        return Money(-self.satang)

    def decimal(self) -> str:
        """`1234.50`: the form of ISO 20022's ActiveCurrencyAndAmount."""
        sign, whole = ("-", -self.satang) if self.satang < 0 else ("", self.satang)
        return f"{sign}{whole // 100}.{whole % 100:02d}"

    def __str__(self) -> str:
        sign, whole = ("-", -self.satang) if self.satang < 0 else ("", self.satang)
        return f"{sign}{whole // 100:,}.{whole % 100:02d}"
