"""What a citizen can mend when the bank sent their money back, by the reason that it gave."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from core.text import Text

_NUMBER: Final = Text(
    th="เลขบัญชีหรือพร้อมเพย์ไม่ถูกต้อง กรุณาแก้ช่องทางรับเงิน",
    en="The account number or PromptPay is not right: please correct where you are paid.",
)
_CLOSED: Final = Text(
    th="บัญชีปิดแล้ว กรุณาเปลี่ยนช่องทางรับเงิน",
    en="The account is closed: please choose another place to be paid.",
)
_BLOCKED: Final = Text(
    th="บัญชีถูกระงับหรือรับเงินโอนไม่ได้ กรุณาติดต่อธนาคารของคุณ หรือเปลี่ยนช่องทางรับเงิน",
    en="The account is blocked or takes no transfers: please ask your bank, or choose another place to be paid.",
)
_OTHER: Final = Text(
    th="กรุณาตรวจสอบช่องทางรับเงินกับธนาคารของคุณ แล้วแจ้งอีกครั้ง",
    en="Please check with your bank where you are paid, and say it again.",
)
_NOT_COLLECTED: Final = Text(
    th="ไม่มีผู้มารับเงินสดภายในกำหนด กรุณาเลือกช่องทางรับเงินอีกครั้ง",
    en="The cash was not collected in time: please choose again where you are paid.",
)
NOT_COLLECTED: Final = "UNCL"
"""Ours, and no ISO code: cash that nobody came for."""
_BY_REASON: Final = MappingProxyType(
    {
        "AC01": _NUMBER,
        "AC03": _NUMBER,
        "AC04": _CLOSED,
        "AC06": _BLOCKED,
        "AC07": _CLOSED,
        "AC14": _BLOCKED,
        "AG01": _BLOCKED,
        "BE01": _NUMBER,
        "RC01": _NUMBER,
        "RC04": _NUMBER,
        NOT_COLLECTED: _NOT_COLLECTED,
    }
)
"""ISO 20022's external status and return reason codes, those that a payee can do something about."""


def what_to_mend(reason: str | None) -> Text:
    """For any code, also one that nobody has met yet."""
    return _BY_REASON.get(reason or "", _OTHER)


def is_known(reason: str) -> bool:
    """Whether the reason says something about the payee's account, and not only that the money came back."""
    return reason in _BY_REASON
