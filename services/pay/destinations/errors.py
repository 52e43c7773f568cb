"""What is wrong with a destination. None of it repeats the number."""

from __future__ import annotations

from core.errors import SitthiError
from core.text import Text


class NotAMobileNumber(SitthiError):
    code = "NOT_A_MOBILE_NUMBER"
    text = Text(
        th="หมายเลขโทรศัพท์เคลื่อนที่ไม่ถูกต้อง ตัวอย่าง +66812345678",
        en="This is not a Thai mobile number, such as +66812345678.",
    )


class UnknownBank(SitthiError):
    code = "UNKNOWN_BANK"
    text = Text(th="ไม่รู้จักรหัสธนาคารนี้", en="There is no bank of this code to which we can pay.")


class NotAnAccountNumber(SitthiError):
    code = "NOT_AN_ACCOUNT_NUMBER"
    text = Text(th="เลขที่บัญชีของ{bank}ไม่ถูกต้อง", en="{bank} has no account numbers of this form.")
