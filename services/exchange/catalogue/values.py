"""The types of facts: what a value of each may be, how a source's answer is read, how a kept one is written down.

A source's value is taken at its word or not at all: a wrong type or a value out of range is :class:`InvalidAnswer`,
which never carries the value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from core.ids import MalformedNationalId, NationalId
from core.money import CURRENCY, SATANG_MAX, AmountOutOfRange, Money
from services.exchange.facts import Value

DATE_FIRST: Final = date(1850, 1, 1)
DATE_LAST: Final = date(2200, 12, 31)
PEOPLE_MAX: Final = 100
TEXT_LENGTH_MAX: Final = 300
_ISO_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_SUBDISTRICT: Final = re.compile(r"[1-9][0-9]{5}", re.ASCII)

NAME_PARTS: Final = tuple(
    f"{part}_{script}" for script in ("th", "en") for part in ("title", "given", "middle", "family")
)
"""All text; a part that a person does not have, or that nobody wrote down in that script, is empty."""
ADDRESS_PARTS: Final = ("house_number", "village", "subdistrict", "text_th", "text_en")
"""`village` (หมู่ที่) is text, empty in a town; `subdistrict` is PPDDSS; the texts are the whole address in one line."""


class Kind(StrEnum):
    BOOL = "bool"
    DATE = "date"
    INT = "int"
    MONEY = "money"
    CODE = "code"
    NAME = "name"
    ADDRESS = "address"
    PEOPLE = "people"
    """Other people by national ID. Only the gate reads it; it never leaves the exchange."""


class InvalidAnswer(Exception):
    """What a source said is not a value of the attribute."""

    code: Final = "INVALID_ANSWER"


@dataclass(frozen=True, slots=True)
class ValueType:
    """`minimum` and `maximum` bound an int or money (in satang), inclusive; `codes` is the closed list of a code."""

    kind: Kind
    minimum: int = -SATANG_MAX
    maximum: int = SATANG_MAX
    codes: tuple[str, ...] = ()

    def accept(self, answer: Any) -> Value:
        """The value in an answer of a source; people come back as a tuple of :class:`NationalId`.

        JSON forms are read too: ISO dates, `{"satang": …, "currency": "THB"}`. `None`, "there is none", is a value of a
        date and an address only: the absence of a card is false, of an income 0. Raises :class:`InvalidAnswer`.
        """
        try:
            return _READERS[self.kind](self, answer)
        except (TypeError, ValueError, AmountOutOfRange, MalformedNationalId):
            raise InvalidAnswer from None

    def dump(self, value: Value) -> Any:
        """The value as plain JSON; people, by now, are keys of the register."""
        if isinstance(value, Money):
            return value.satang
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, tuple):
            return [person.hex for person in value]
        return dict(value) if isinstance(value, Mapping) else value

    def load(self, dumped: Any) -> Value:
        """The inverse of :meth:`dump`. Raises :class:`InvalidAnswer` where the attribute's type has changed since."""
        try:
            if self.kind is Kind.PEOPLE:
                return tuple(UUID(hex=key) for key in dumped)
            if self.kind is Kind.MONEY:
                return self.accept(Money(dumped))
        except (TypeError, ValueError):
            raise InvalidAnswer from None
        return self.accept(dumped)


def _bool(_: ValueType, answer: Any) -> Value:
    if answer is True or answer is False:
        return bool(answer)
    raise TypeError


def _date(_: ValueType, answer: Any) -> Value:
    if answer is None:
        return None
    if isinstance(answer, str) and _ISO_DATE.fullmatch(answer):
        answer = date.fromisoformat(answer)
    if not isinstance(answer, date) or isinstance(answer, datetime):
        raise TypeError
    if not DATE_FIRST <= answer <= DATE_LAST:
        raise ValueError
    return answer


def _int(kind: ValueType, answer: Any) -> Value:
    if isinstance(answer, bool) or not isinstance(answer, int):
        raise TypeError
    if not kind.minimum <= answer <= kind.maximum:
        raise ValueError
    return answer


def _money(kind: ValueType, answer: Any) -> Value:
    if isinstance(answer, Mapping):
        if set(answer) != {"satang", "currency"} or answer["currency"] != CURRENCY:
            raise ValueError
        answer = Money(answer["satang"])
    if not isinstance(answer, Money):  # a bare number could be baht
        raise TypeError
    _int(kind, answer.satang)
    return answer


def _code(kind: ValueType, answer: Any) -> Value:
    if not isinstance(answer, str):
        raise TypeError
    if answer not in kind.codes:
        raise ValueError
    return answer


def _texts(answer: Any, parts: tuple[str, ...]) -> dict[str, str]:
    if not isinstance(answer, Mapping):
        raise TypeError
    if not set(answer) <= set(parts):
        raise ValueError
    texts = {part: answer.get(part, "") for part in parts}
    for text in texts.values():
        if not isinstance(text, str):
            raise TypeError
        if len(text) > TEXT_LENGTH_MAX or not (text.isprintable() or not text):
            raise ValueError
    return texts


def _name(_: ValueType, answer: Any) -> Value:
    name = _texts(answer, NAME_PARTS)
    if not (name["given_th"] or name["given_en"]):
        raise ValueError
    return name


def _address(_: ValueType, answer: Any) -> Value:
    if answer is None:
        return None
    address = _texts(answer, ADDRESS_PARTS)
    if not _SUBDISTRICT.fullmatch(address["subdistrict"]):
        raise ValueError
    return address


def _people(_: ValueType, answer: Any) -> Value:
    if not isinstance(answer, list | tuple):
        raise TypeError
    if len(answer) > PEOPLE_MAX:
        raise ValueError
    people = tuple(person if isinstance(person, NationalId) else NationalId(str(person)) for person in answer)
    if len(set(people)) != len(people):
        raise ValueError
    return people


_READERS: Final = {
    Kind.BOOL: _bool,
    Kind.DATE: _date,
    Kind.INT: _int,
    Kind.MONEY: _money,
    Kind.CODE: _code,
    Kind.NAME: _name,
    Kind.ADDRESS: _address,
    Kind.PEOPLE: _people,
}
