"""Numbers of juristic persons, and powers that their officers may have."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Self

from core.errors import BadInput, SitthiError
from core.ids import check_digit
from core.text import Text

POWERS_MAX: Final = 20
_POWER: Final = re.compile(r"[a-z]{2,20}:[a-z]+(-[a-z]+)*", re.ASCII)
_POWER_LENGTH_MAX: Final = 60
_POWERS: Final = Text(
    th="ต้องระบุอำนาจ 1 ถึง 20 รายการ เช่น report:policies", en="name 1 to 20 powers, report:policies for instance"
)


class MalformedJuristicNumber(SitthiError):
    code = "MALFORMED_JURISTIC_NUMBER"
    text = Text(th="เลขทะเบียนนิติบุคคลไม่ถูกต้อง", en="This is not a valid number of a juristic person.")


@dataclass(frozen=True, slots=True)
class JuristicNumber:
    """A 13-digit registration number: it begins with 0, and its last digit checks the others as a national ID's does.

    It is public. As people that are made up for tests have numbers with 0 in front too, the two are kept apart by type.
    """

    digits: str

    def __post_init__(self) -> None:
        d = self.digits
        if len(d) != 13 or not (d.isascii() and d.isdigit()) or d[0] != "0" or check_digit(d[:12]) != int(d[12]):
            raise MalformedJuristicNumber

    @classmethod
    def parse(cls, text: str) -> Self:
        """Takes it with hyphens and spaces as well. Raises :class:`MalformedJuristicNumber`."""
        return cls(text.strip().replace("-", "").replace(" ", ""))


def checked_powers(powers: Collection[str]) -> list[str]:
    """The powers, each once, in order. Raises :class:`BadInput` for none, too many, and one of another form."""
    wanted = sorted(set(powers))
    if not 1 <= len(wanted) <= POWERS_MAX or not all(
        _POWER.fullmatch(one) and len(one) <= _POWER_LENGTH_MAX for one in wanted
    ):
        raise BadInput(_POWERS, path=("powers",))
    return wanted
