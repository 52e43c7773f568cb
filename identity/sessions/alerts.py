"""What a person is told of sign-ins in their name."""

from __future__ import annotations

from typing import Final

from core.text import Text
from identity.inbox import MessageTemplate

NEW_DEVICE: Final = MessageTemplate(
    "sessions.new-device",
    title=Text(th="มีการเข้าสู่ระบบจากอุปกรณ์ใหม่: {device}", en="Sign-in from a new device: {device}"),
    body=Text(
        th="มีการเข้าสู่ระบบในชื่อของคุณด้วย{method} หากไม่ใช่คุณ ให้ออกจากระบบทุกอุปกรณ์ที่หน้า “ความปลอดภัย” ทันที",
        en="Somebody signed in as you with {method}. If it was not you, sign out everywhere at once, on the page"
        " “Security”.",
    ),
)
AT_COUNTER: Final = MessageTemplate(
    "sessions.at-counter",
    title=Text(th="เจ้าหน้าที่ช่วยเข้าสู่ระบบให้คุณ: {agency}", en="An officer signed you in: {agency}"),
    body=Text(
        th="เจ้าหน้าที่ของ{agency}ตรวจตัวตนของคุณที่เคาน์เตอร์และเปิดการใช้งานให้"
        " หากคุณไม่ได้ไปที่นั่น ให้ออกจากระบบทุกอุปกรณ์ที่หน้า “ความปลอดภัย” ทันที",
        en="An officer of {agency} checked who you are at a counter and let you in. If you were not there, sign out"
        " everywhere at once, on the page “Security”.",
    ),
)
ALL_ENDED: Final = MessageTemplate(
    "sessions.all-ended",
    title=Text(th="ออกจากระบบทุกอุปกรณ์แล้ว", en="Signed out everywhere"),
    body=Text(
        th="อุปกรณ์และแอปที่เข้าสู่ระบบในชื่อของคุณถูกออกจากระบบแล้ว",
        en="The devices and apps that were signed in as you are signed out.",
    ),
)
OTHERS_ENDED: Final = MessageTemplate(
    "sessions.others-ended",
    title=Text(th="ออกจากระบบอุปกรณ์อื่นทั้งหมดแล้ว", en="Signed out on all other devices"),
    body=Text(
        th="อุปกรณ์และแอปอื่นที่เข้าสู่ระบบในชื่อของคุณถูกออกจากระบบแล้ว เหลือเฉพาะเครื่องที่คุณสั่ง",
        en="The other devices and apps that were signed in as you are signed out; only the one you did it on is not.",
    ),
)
METHODS: Final = {
    "thaid": Text(th=" ThaID ", en="ThaID"),
    "passkey": Text(th="พาสคีย์ ", en="a passkey"),
    "counter": Text(th="ความช่วยเหลือของเจ้าหน้าที่ ", en="an officer's help"),
}
"""Ways in, as people call them."""
