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

OF_ROOM: Final[Mapping[str, NoticeTopic]] = {
    "apply": NoticeTopic.APPLICATIONS,
    "contacts": NoticeTopic.SECURITY,
    "corrections": NoticeTopic.PRIVACY,
    "delegation": NoticeTopic.SECURITY,
    "identity": NoticeTopic.OFFICE,
    "notices": NoticeTopic.SECURITY,
    "passkeys": NoticeTopic.SECURITY,
    "pay": NoticeTopic.PAYMENTS,
    "privacy": NoticeTopic.PRIVACY,
    "receive": NoticeTopic.PAYMENTS,
    "sessions": NoticeTopic.SECURITY,
    "welfare": NoticeTopic.ENTITLEMENTS,
}
"""What a room's messages are about, by the first word of their templates' ids."""
_UNLIKE_ITS_ROOM: Final[Mapping[str, NoticeTopic]] = {
    "apply.escalated": NoticeTopic.OFFICE,
    "identity.id_corrected": NoticeTopic.SECURITY,
    "pay.destination-changed": NoticeTopic.SECURITY,
    "privacy.erasure_asked": NoticeTopic.SECURITY,
    "privacy.export_ready": NoticeTopic.SECURITY,
}
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


def topic_of(template: str) -> NoticeTopic:
    """By the template's id. One that nobody gave a topic (tests see to it that none is) is told as an application's."""
    own = _UNLIKE_ITS_ROOM.get(template)
    return own or OF_ROOM.get(template.partition(".")[0], NoticeTopic.APPLICATIONS)


def is_urgent(template: str) -> bool:
    """Whether it waits for nothing: what may be an attack, and codes."""
    return topic_of(template) is NoticeTopic.SECURITY


def choice(topic: NoticeTopic, kind: str) -> str:
    return f"{topic.value}:{kind}"
