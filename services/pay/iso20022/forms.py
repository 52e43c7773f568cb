"""Of what a message definition is made: elements, in which order, how often, of which form; and whether one fits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from core.text import Text
from services.pay.iso20022.xml import BAD_VALUE, MISSING, REPEATED, Element

NOT_THERE: Final = Text(th="มีส่วนที่ไม่มีในข้อความชนิดนี้ หรืออยู่ผิดลำดับ", en="an element is unknown, or not in its place")
MANY: Final = 10**9


@dataclass(frozen=True, slots=True)
class Form:
    """A simple type, by the form that its text must have."""

    pattern: re.Pattern[str]
    currency: bool = False
    length_max: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A child: its name, what it holds (None: not looked into), how often it may be there."""

    name: str
    holds: Form | Sequence | Choice | None = None
    least: int = 1
    most: int = 1


@dataclass(frozen=True, slots=True)
class Sequence:
    """Children in this order."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Exactly one of these."""

    parts: tuple[Part, ...]


Holds: TypeAlias = Form | Sequence | Choice | None


def check(element: Element, holds: Holds) -> None:
    """Raises :class:`services.pay.errors.BankFileRefused`, with the line and the element."""
    match holds:
        case Form():
            if element.children or not holds.pattern.fullmatch(element.text):
                raise element.refused(BAD_VALUE)
            if holds.currency and not _CURRENCY.fullmatch(element.attributes.get("Ccy", "")):
                raise element.refused(BAD_VALUE, "@Ccy")
        case Sequence():
            _check_sequence(element, holds)
        case Choice():
            _check_choice(element, holds)
        case None:
            pass


def _check_sequence(element: Element, holds: Sequence) -> None:
    children, here = element.children, 0
    for part in holds.parts:
        count = 0
        while here < len(children) and children[here].name == part.name:
            if count == part.most:
                raise children[here].refused(REPEATED)
            check(children[here], part.holds)
            here, count = here + 1, count + 1
        if count < part.least:
            known = any(child.name == part.name for child in children)
            raise element.refused(NOT_THERE if known else MISSING, part.name)
    if here < len(children):
        raise children[here].refused(NOT_THERE)


def _check_choice(element: Element, holds: Choice) -> None:
    if len(element.children) != 1:
        raise element.refused(REPEATED if element.children else MISSING)
    child = element.children[0]
    part = next((one for one in holds.parts if one.name == child.name), None)
    if part is None:
        raise child.refused(NOT_THERE)
    check(child, part.holds)


_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
