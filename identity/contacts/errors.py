"""What can be wrong with contact data. None carries the data: it is personal."""

from __future__ import annotations

from core.errors import SitthiError
from core.text import Text


class MalformedMobile(SitthiError):
    code = "MALFORMED_MOBILE"
    text = Text(
        th="หมายเลขโทรศัพท์มือถือไม่ถูกต้อง ตัวอย่างที่ถูกต้อง: 081 234 5678",
        en="This is not a mobile number. For example: 081 234 5678, or +66 81 234 5678.",
    )


class MalformedEmail(SitthiError):
    code = "MALFORMED_EMAIL"
    text = Text(th="อีเมลไม่ถูกต้อง", en="This is not an email address.")
