"""Reasons that officers give. They stay readable for ever, so they hold no national ID."""

from __future__ import annotations

from typing import Final

from core.errors import BadInput
from core.text import Text
from identity.inbox.service import holds_national_id

REASON_LENGTH: Final = range(5, 501)
_REASON: Final = Text(
    th="ต้องมีเหตุผล 5 ถึง 500 ตัวอักษร โดยไม่มีเลขประจำตัวประชาชน",
    en="give a reason of 5 to 500 characters, without a national ID in it",
)


def checked_reason(reason: str) -> str:
    """The reason in one line. Raises :class:`BadInput` for none, and for one with what could be a national ID in it."""
    said = " ".join(reason.split())
    if len(said) not in REASON_LENGTH or not said.isprintable() or holds_national_id(said):
        raise BadInput(_REASON, path=("reason",))
    return said
