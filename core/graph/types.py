"""Types that several rooms' graphs share."""

from __future__ import annotations

from typing import NewType

import strawberry

from core.money import CURRENCY, Money

Satang = NewType("Satang", int)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("satang are a whole number")
    return value


SATANG_SCALAR = strawberry.scalar(
    name="Satang",
    description="A whole number of satang (1 baht = 100 satang), up to 64 bits; a JSON number without a fraction.",
    serialize=_whole,
    parse_value=_whole,
)
"""Handed to the schema's `scalar_map` under :data:`Satang`: GraphQL's own `Int` ends at 21 million baht."""


@strawberry.type(name="Money")
class MoneyAmount:
    """An amount of money."""

    satang: Satang
    currency: str

    @classmethod
    def of(cls, money: Money) -> MoneyAmount:
        return cls(satang=Satang(money.satang), currency=CURRENCY)
