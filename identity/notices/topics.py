"""What messages are about: the grain in which a person says what they want to be told outside the inbox."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from core.text import Text


class NoticeTopic(StrEnum):
    """Kinds of messages. The first is told at any hour, and cannot be switched off."""

    SECURITY = "SECURITY"
    APPLICATIONS = "APPLICATIONS"
    PAYMENTS = "PAYMENTS"
    ENTITLEMENTS = "ENTITLEMENTS"
    PRIVACY = "PRIVACY"
    OFFICE = "OFFICE"


CODE: Final = "notices.code"
"""Of what carries the code that tries an address. No message of the inbox has this template."""
LEFT: Final = "notices.left"
"""Of what tells an e-mail address that it is its person's no more. Nor has any this."""
TITLES: Final[Mapping[NoticeTopic, Text]] = {
    NoticeTopic.SECURITY: Text(th="แจ้งเตือนความปลอดภัยของบัญชี", en="About the security of your account"),
    NoticeTopic.APPLICATIONS: Text(th="มีข้อความใหม่ถึงคุณ", en="There is a new message for you"),
    NoticeTopic.PAYMENTS: Text(th="มีข้อความใหม่ถึงคุณ", en="There is a new message for you"),
    NoticeTopic.ENTITLEMENTS: Text(th="มีข้อความใหม่ถึงคุณ", en="There is a new message for you"),
    NoticeTopic.PRIVACY: Text(th="มีข้อความใหม่ถึงคุณ", en="There is a new message for you"),
    NoticeTopic.OFFICE: Text(th="มีข้อความใหม่ถึงคุณ", en="There is a new message for you"),
}
"""What a notice says as long as the person has not asked for more: all but the first read alike."""
OPEN: Final = Text(th="เปิดแอปเพื่ออ่าน", en="Open the app to read it.")
MANY: Final = Text(th="มีข้อความใหม่ {count} ข้อความ", en="You have {count} new messages")
CODE_TITLE: Final = Text(th="รหัสยืนยันการแจ้งเตือน", en="Code to confirm notices")
CODE_BODY: Final = Text(
    th="รหัสของคุณคือ {code} ใช้ได้ 15 นาที หากคุณไม่ได้ขอ ไม่ต้องทำอะไร",
    en="Your code is {code}. It is good for 15 minutes. If you did not ask for it, there is nothing to do.",
)
LEFT_BODY: Final = Text(
    th="ที่อยู่อีเมลนี้ไม่ได้อยู่ในบัญชีของคุณแล้ว และจะไม่ได้รับการแจ้งเตือนอีก หากคุณไม่ได้เปลี่ยนหรือลบเอง "
    "ให้เข้าสู่ระบบด้วย ThaID แล้วออกจากระบบทุกอุปกรณ์ที่หน้า “ความปลอดภัย”",
    en="This e-mail address is no longer in your account, and gets no more notices. If you did not change or remove it "
    "yourself, sign in with ThaID and sign out everywhere, on the page “Security”.",
)


def is_urgent(topic: NoticeTopic) -> bool:
    """Whether it waits for nothing: what may be an attack, and codes."""
    return topic is NoticeTopic.SECURITY


def choice(topic: NoticeTopic, kind: str) -> str:
    return f"{topic.value}:{kind}"
