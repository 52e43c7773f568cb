"""What can be wrong with a correction of a national ID. None carries a number."""

from __future__ import annotations

from core.errors import Conflict, SitthiError
from core.text import Text


class SameNationalId(SitthiError):
    code = "SAME_NATIONAL_ID"
    text = Text(
        th="เลขใหม่ตรงกับเลขเดิม ไม่มีอะไรต้องแก้ไข", en="The new number is the present one: there is nothing to correct."
    )


class NationalIdTaken(Conflict):
    """Two accounts would become one, which no officer decides by correcting a number (docs/officers.md)."""

    code = "NATIONAL_ID_TAKEN"
    text = Text(
        th="เลขประจำตัวนี้มีบัญชีอยู่แล้ว จึงแก้ไขให้อีกบัญชีหนึ่งไม่ได้",
        en="This number has an account already, so another account cannot be corrected to it.",
    )
