"""Reasons that officers give, and their names. They stay readable for ever, so they hold no national ID."""

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


_NAME: Final = Text(th="ชื่อเจ้าหน้าที่ต้องไม่มีเลขประจำตัวประชาชน", en="the name of an officer has no national ID in it")
_UNSAID: Final = Text(th="เจ้าหน้าที่", en="an officer")


def checked_name(name: Text) -> Text:
    """Raises :class:`BadInput` for one with what could be a national ID in it."""
    if holds_national_id(name.th) or holds_national_id(name.en):
        raise BadInput(_NAME, path=("name",))
    return name


def sayable(name: Text) -> Text:
    """The name as a message can tell it; no word of it where one of before says more than it may."""
    return _UNSAID if holds_national_id(name.th) or holds_national_id(name.en) else name
