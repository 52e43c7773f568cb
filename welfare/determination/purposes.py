"""For what whole populations may be looked at, and what may be kept of it for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from core.text import Text

REGISTER: Final = "welfare-register"
RULE_MAKING: Final = "welfare-rule-making"
DECEASED: Final = "deceased"
BORN: Final = "birth_date"
PROVINCE: Final = "province"
HOUSEHOLD_SIZE: Final = "household_size"
"""Read where something is paid once in each house, so that it is known who is in which."""


class Kind(StrEnum):
    REGISTER = "REGISTER"
    """Who is entitled and has not applied."""
    IMPACT = "IMPACT"
    """What a rule would do, in figures."""


class Whom(StrEnum):
    EVERYBODY = "EVERYBODY"
    NOT_APPLIED = "NOT_APPLIED"
    """Without those who have an application for each of the programmes: nothing is to be found out about them."""


WHOM: Final[Mapping[Whom, Text]] = {
    Whom.EVERYBODY: Text(th="ทุกคนที่อยู่ในระบบนี้", en="everybody whom this Sitthi knows"),
    Whom.NOT_APPLIED: Text(
        th="ทุกคนที่อยู่ในระบบนี้ ซึ่งยังไม่ได้ยื่นคำขอทุกโครงการเหล่านี้",
        en="everybody whom this Sitthi knows and who has not applied for all of these programmes",
    ),
}


@dataclass(frozen=True, slots=True)
class PurposeRule:
    kind: Kind
    days_max: int
    """So long may the officers have the snapshot and what was found out kept. Of a rule that is tried the snapshot is
    deleted as soon as the report is written."""
    reads: frozenset[str]
    """Facts that it reads beside those of the rules."""


PURPOSES: Final[Mapping[str, PurposeRule]] = {
    REGISTER: PurposeRule(Kind.REGISTER, 90, frozenset({DECEASED})),
    RULE_MAKING: PurposeRule(Kind.IMPACT, 7, frozenset({DECEASED, BORN, PROVINCE})),
}
