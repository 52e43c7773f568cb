"""What a person is told of their passkeys."""

from __future__ import annotations

from typing import Final

from core.text import Text
from identity.inbox import MessageTemplate

ADDED: Final = MessageTemplate(
    "passkeys.added",
    title=Text(th="เพิ่มพาสคีย์แล้ว: {label}", en="Passkey added: {label}"),
    body=Text(
        th="มีการเพิ่มพาสคีย์สำหรับเข้าสู่ระบบในชื่อของคุณ หากไม่ใช่คุณ ให้ลบพาสคีย์นี้และออกจากระบบทุกอุปกรณ์ที่หน้า “ความปลอดภัย”",
        en="A passkey that signs in as you was added. If it was not you, remove it and sign out everywhere, on the page"
        " “Security”.",
    ),
)
REMOVED: Final = MessageTemplate(
    "passkeys.removed",
    title=Text(th="ลบพาสคีย์แล้ว: {label}", en="Passkey removed: {label}"),
    body=Text(
        th="พาสคีย์นี้ใช้เข้าสู่ระบบไม่ได้อีก หากคุณไม่ได้ลบเอง ให้เข้าสู่ระบบด้วย ThaID และตรวจสอบอุปกรณ์ที่หน้า “ความปลอดภัย”",
        en="This passkey signs in no more. If you did not remove it, sign in with ThaID and look at your devices on the"
        " page “Security”.",
    ),
)
CLONED: Final = MessageTemplate(
    "passkeys.cloned",
    title=Text(th="ปิดการใช้งานพาสคีย์: {label}", en="Passkey switched off: {label}"),
    body=Text(
        th="พาสคีย์นี้อาจถูกทำสำเนา เราจึงไม่รับอีกต่อไป กรุณาตรวจสอบอุปกรณ์ที่เข้าสู่ระบบอยู่ที่หน้า “ความปลอดภัย”"
        " แล้วเพิ่มพาสคีย์ใหม่หลังเข้าสู่ระบบด้วย ThaID",
        en="This passkey may have been copied, so we take it no more. Please look at the devices that are signed in, on"
        " the page “Security”, and add a new passkey after signing in with ThaID.",
    ),
)
