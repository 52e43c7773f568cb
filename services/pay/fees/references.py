"""The two references of a bill: digits alone, with check digits, and nothing of a person.

A bank's terminal takes them typed as well as scanned. The first finds the bill; the second binds it to its biller, its
amount and its last day, so that a bank can refuse a wrong one without asking (as Thai bills do; the sum is our own).
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Final

from core.clock import BANGKOK

FIRST: Final = re.compile(r"[0-9]{18}", re.ASCII)
SECOND: Final = re.compile(r"[0-9]{14}", re.ASCII)
_RANDOM_DIGITS: Final = 16
_DUE: Final = "%Y%m%d%H%M"


def check_digits(digits: str) -> str:
    """The two that make `digits` and them leave 1 when divided by 97 (ISO/IEC 7064, MOD 97-10): any wrong digit and any
    two swapped neighbours are found."""
    return f"{98 - int(digits + '00') % 97:02d}"


def new_reference() -> str:
    """18 digits, at random: who knows one bill's knows no other's."""
    digits = f"{secrets.randbelow(9 * 10 ** (_RANDOM_DIGITS - 1)) + 10 ** (_RANDOM_DIGITS - 1)}"
    return digits + check_digits(digits)


def second_reference(biller: str, reference: str, satang: int, due_at: datetime) -> str:
    """14 digits: the minute (Bangkok, CE) until which the bill is good, and check digits over all that it says."""
    due = f"{due_at.astimezone(BANGKOK):{_DUE}}"
    return due + check_digits(f"{biller}{reference}{satang}{due}")


def is_sound(reference: str) -> bool:
    """Whether it has the form of a first reference, check digits included."""
    return FIRST.fullmatch(reference) is not None and int(reference) % 97 == 1
