"""The types of facts that a rule may read. The table is handed in; this room knows no attribute by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from core.money import Money
from welfare.rules.errors import FactOutOfRange, FactUnknownCode, FactWrongType

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1
YEAR_MIN: Final = 1800
YEAR_MAX: Final = 2400
"""Of every day that rules know, so that no shift or anniversary leaves the calendar."""

Value = bool | date | int | Money | str
"""A known fact. Money may also come as an int of satang. `None` in a mapping of facts, or no entry, means unknown."""

Plain = bool | date | int | str
"""A fact as the compiled rule reads it: money is an int of satang."""


class Kind(StrEnum):
    BOOL = "bool"
    DATE = "date"
    INT = "int"
    MONEY = "money"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class AttributeType:
    """One attribute's type: `minimum` and `maximum` (satang for money) bound numbers; `codes` is the closed list."""

    kind: Kind
    minimum: int = INT64_MIN
    maximum: int = INT64_MAX
    codes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not INT64_MIN <= self.minimum <= self.maximum <= INT64_MAX:
            raise ValueError("the range of an attribute lies within 64 bits")
        if (self.kind is Kind.CODE) != bool(self.codes) or not all(
            c.isascii() and c.isidentifier() for c in self.codes
        ):
            raise ValueError("a code attribute, and no other, has a closed list of ASCII codes")

    def plain(self, name: str, value: object) -> Plain:
        """The value as rules read it.

        Raises FactWrongType, FactOutOfRange or FactUnknownCode; they name the attribute, never the value.
        """
        kind = self.kind
        if kind is Kind.BOOL:
            if value is True or value is False:
                return bool(value)
        elif kind is Kind.DATE:
            if isinstance(value, date) and not isinstance(value, datetime):
                if not YEAR_MIN <= value.year <= YEAR_MAX:
                    raise FactOutOfRange(name)
                return value
        elif kind is Kind.CODE:
            if isinstance(value, str):
                if value not in self.codes:
                    raise FactUnknownCode(name)
                return value
        else:
            number = value.satang if kind is Kind.MONEY and isinstance(value, Money) else value
            if isinstance(number, int) and not isinstance(number, bool):
                if not self.minimum <= number <= self.maximum:
                    raise FactOutOfRange(name)
                return number
        raise FactWrongType(name)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a rule may read: `person` by plain name, `child` as `child.name` (empty where no child is concerned)."""

    person: Mapping[str, AttributeType]
    child: Mapping[str, AttributeType] = field(default_factory=dict)

    def type_of(self, name: str) -> AttributeType | None:
        """The type behind `name` or `child.name`; None when there is no such attribute."""
        return self.child.get(name[6:]) if name.startswith("child.") else self.person.get(name)

    def without_child(self) -> Vocabulary:
        return Vocabulary(self.person)
