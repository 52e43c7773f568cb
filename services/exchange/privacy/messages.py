"""What a person is told about their requests."""

from __future__ import annotations

from typing import Final

from core.text import Text
from identity.inbox.service import MessageTemplate

EXPORT_READY: Final = MessageTemplate(
    id="privacy.export_ready",
    title=Text(th="สำเนาข้อมูลของคุณพร้อมแล้ว", en="The copy of your data is ready"),
    body=Text(
        th="ดาวน์โหลดได้ถึงวันที่ {until} โดยต้องยืนยันตัวตนด้วยพาสคีย์อีกครั้ง หลังจากนั้นไฟล์จะถูกลบ",
        en="You can download it until {until}, with your passkey. After that it is deleted.",
    ),
)
ERASURE_ASKED: Final = MessageTemplate(
    id="privacy.erasure_asked",
    title=Text(th="ได้รับคำขอลบข้อมูลของคุณแล้ว", en="You asked for your data to be erased"),
    body=Text(
        th="จะเริ่มลบในวันที่ {day} ยกเลิกได้ก่อนเวลานั้น หากคุณไม่ได้ขอ ให้ยกเลิกและเปลี่ยนวิธีเข้าสู่ระบบทันที",
        en="It begins on {day}; until then you can take it back. If it was not you, cancel it and look at your "
        "sign-ins at once.",
    ),
)
ERASED: Final = MessageTemplate(
    id="privacy.erased",
    title=Text(th="ลบข้อมูลที่คุณขอแล้ว", en="What you asked for was erased"),
    body=Text(th="ลบข้อมูลตามคำขอวันที่ {day} แล้ว", en="What you asked for on {day} was erased."),
)
