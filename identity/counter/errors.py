"""What can be wrong at a counter."""

from __future__ import annotations

from core.errors import NotAllowed, SitthiError
from core.text import Text


class CounterCodeWrong(SitthiError):
    """Never given, too old, used, or replaced by another: alike on purpose."""

    code = "COUNTER_CODE_WRONG"
    text = Text(
        th="รหัสนี้ใช้ไม่ได้ อาจพิมพ์ผิด หมดเวลา 10 นาที หรือใช้ไปแล้ว กรุณาขอรหัสใหม่จากเจ้าหน้าที่",
        en="This code does not work: mistyped, older than 10 minutes, or used already. Please ask the officer for "
        "another.",
    )


class NotSeen(SitthiError):
    """The officer did not say that they saw the person and the document."""

    code = "NOT_SEEN"
    text = Text(
        th="เจ้าหน้าที่ต้องยืนยันว่าได้พบบุคคลและตรวจเอกสารตัวจริงแล้ว",
        en="Confirm that you saw the person, and the original of their document.",
    )


class NotForYourself(NotAllowed):
    code = "COUNTER_NOT_FOR_YOURSELF"
    text = Text(th="เจ้าหน้าที่ออกรหัสให้ตนเองไม่ได้", en="You cannot give a code to yourself.")


class NotForAnOfficer(NotAllowed):
    """Whoever could come in as a colleague would be two officers."""

    code = "COUNTER_NOT_FOR_OFFICERS"
    text = Text(
        th="บุคคลนี้เป็นเจ้าหน้าที่ ต้องเข้าสู่ระบบด้วย ThaID หรือพาสคีย์เท่านั้น",
        en="This person is an officer, and signs in with ThaID or a passkey alone.",
    )
