"""What can be wrong with the ways to tell a person something. None carries an address."""

from __future__ import annotations

from core.errors import SitthiError
from core.text import Text


class ChannelNotOffered(SitthiError):
    """This installation has no way out of that kind, or the person no address to try."""

    code = "NOTICE_CHANNEL_NOT_OFFERED"
    text = Text(
        th="ยังแจ้งเตือนทางนี้ไม่ได้ กรุณาบันทึกอีเมลก่อน หรือเลือกทางอื่น",
        en="Notices cannot go there: save an email address first, or choose another way.",
    )


class PushSubscriptionInvalid(SitthiError):
    code = "PUSH_SUBSCRIPTION_INVALID"
    text = Text(
        th="การสมัครรับการแจ้งเตือนของอุปกรณ์นี้ใช้ไม่ได้", en="This is not a push subscription of a service that we know."
    )


class CodeWrong(SitthiError):
    """Wrong, too late, or tried too often: the three are alike."""

    code = "NOTICE_CODE_WRONG"
    text = Text(th="รหัสไม่ถูกต้องหรือหมดอายุแล้ว กรุณาขอรหัสใหม่", en="The code is wrong or over. Please ask for another one.")


class TooManyCodes(SitthiError):
    code = "TOO_MANY_NOTICE_CODES"
    text = Text(th="ขอรหัสบ่อยเกินไป กรุณาลองใหม่พรุ่งนี้", en="Too many codes were asked for. Please try again tomorrow.")


class TooManyChannels(SitthiError):
    code = "TOO_MANY_NOTICE_CHANNELS"
    text = Text(
        th="มีอุปกรณ์ที่รับการแจ้งเตือนมากเกินไป กรุณาลบออกก่อน", en="Too many devices get notices. Please remove one first."
    )


class AlwaysTold(SitthiError):
    code = "NOTICE_ALWAYS_TOLD"
    text = Text(
        th="ปิดการแจ้งเตือนความปลอดภัยไม่ได้ แต่ลบช่องทางได้",
        en="Notices of security cannot be switched off; the way they come can be removed.",
    )
