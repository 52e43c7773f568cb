"""Where money can be sent to. None of them prints its number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from core.ids import NationalId

_MOBILE: Final = re.compile(r"\+66[689][0-9]{8}", re.ASCII)
SHOWN_DIGITS: Final = 4


class Method(StrEnum):
    """How a payee is paid."""

    PROMPTPAY_NATIONAL_ID = "PROMPTPAY_NATIONAL_ID"
    PROMPTPAY_MOBILE = "PROMPTPAY_MOBILE"
    BANK_ACCOUNT = "BANK_ACCOUNT"
    CASH = "CASH"
    """At a counter of the agency that pays, for those without an account."""


@dataclass(frozen=True, slots=True, repr=False)
class Mobile:
    """A Thai mobile number that PromptPay knows, in E.164 form. Raises ValueError for another."""

    number: str

    def __post_init__(self) -> None:
        if not _MOBILE.fullmatch(self.number):
            raise ValueError("not a Thai mobile number")

    @classmethod
    def parse(cls, text: str) -> Mobile:
        """Takes `081 234 5678` as well as `+66812345678`. Raises ValueError."""
        digits = text.strip().replace("-", "").replace(" ", "")
        return cls(f"+66{digits[1:]}" if digits.startswith("0") else digits)

    @property
    def proxy(self) -> str:
        """As PromptPay writes it: 0066812345678."""
        return f"00{self.number[1:]}"

    def __repr__(self) -> str:
        return "Mobile(…)"


@dataclass(frozen=True, slots=True, repr=False)
class BankAccount:
    """An account at a Thai bank; whether the bank has such numbers, `destinations.banks` knows."""

    bank: str
    """The Bank of Thailand's three-digit code."""
    number: str
    """Digits alone."""

    def __repr__(self) -> str:
        return "BankAccount(…)"


@dataclass(frozen=True, slots=True)
class Cash:
    """No account: the payee collects the money at a counter, with a slip."""


CreditorAccount: TypeAlias = NationalId | Mobile | BankAccount | Cash
"""A national ID stands for the account that PromptPay has for it."""
Said: TypeAlias = Mobile | BankAccount | Cash | None
"""Where a payee said that they are paid; None for PromptPay on the national ID."""


def masked(account: Mobile | BankAccount) -> str:
    """As its owner recognises it: the last four digits."""
    return f"••• {account.number[-SHOWN_DIGITS:]}"
