"""What can go wrong with a passkey. None says what the browser sent: it may be an attacker's."""

from __future__ import annotations

from core.errors import SitthiError
from core.text import Text


class PasskeyChallengeSpent(SitthiError):
    """The challenge is too old, was used, or was made for another browser, session or purpose."""

    code = "PASSKEY_CHALLENGE_SPENT"
    text = Text(
        th="การยืนยันครั้งนี้หมดเวลาหรือใช้ไปแล้ว กรุณากดอีกครั้ง",
        en="This took too long or was used before. Please press the button again.",
    )


class PasskeyNotVerified(SitthiError):
    """What the browser sent is no valid response to our challenge: form, origin, signature or user verification."""

    code = "PASSKEY_NOT_VERIFIED"
    text = Text(
        th="ตรวจสอบพาสคีย์ไม่สำเร็จ กรุณาลองใหม่ หรือเข้าสู่ระบบด้วย ThaID",
        en="The passkey could not be verified. Please try again, or sign in with ThaID.",
    )


class PasskeyNotKnown(SitthiError):
    """A passkey that never was one here, or was ended: alike on purpose."""

    code = "PASSKEY_NOT_KNOWN"
    text = Text(
        th="ระบบไม่รู้จักพาสคีย์นี้ กรุณาเข้าสู่ระบบด้วย ThaID แล้วเพิ่มพาสคีย์ใหม่",
        en="This passkey is not known here. Please sign in with ThaID and add a new one.",
    )


class PasskeyCloned(SitthiError):
    """Its counter ran backwards (WebAuthn §6.1.1): there are two of it. It works no more."""

    code = "PASSKEY_CLONED"
    text = Text(
        th="พาสคีย์นี้อาจถูกทำสำเนา เราจึงปิดการใช้งานแล้ว กรุณาเข้าสู่ระบบด้วย ThaID",
        en="This passkey may have been copied, so it works no more. Please sign in with ThaID.",
    )


class PasskeyOfAnother(SitthiError):
    """A good passkey, but not of the person whose session asks."""

    code = "PASSKEY_OF_ANOTHER"
    text = Text(
        th="พาสคีย์นี้เป็นของคนอื่น ไม่ใช่ของผู้ที่เข้าสู่ระบบอยู่",
        en="This passkey belongs to somebody else, not to the person signed in here.",
    )


class PasskeyEnrolledAlready(SitthiError):
    """The credential is somebody's, or once was."""

    code = "PASSKEY_ENROLLED_ALREADY"
    text = Text(th="พาสคีย์นี้เคยเพิ่มไว้แล้ว", en="This passkey was added before.")


class TooManyPasskeys(SitthiError):
    code = "TOO_MANY_PASSKEYS"
    text = Text(
        th="เพิ่มพาสคีย์ได้ไม่เกิน {most} รายการ กรุณาลบรายการที่ไม่ใช้แล้วก่อน",
        en="There can be {most} passkeys at most. Please remove one that you no longer use.",
    )


class FreshSignInNeeded(SitthiError):
    """A passkey is added soon after a sign-in by which the person was identified, and not by a passkey alone."""

    code = "FRESH_SIGN_IN_NEEDED"
    text = Text(
        th="การเพิ่มพาสคีย์ต้องเข้าสู่ระบบด้วย ThaID ใหม่ก่อน",
        en="To add a passkey, please sign in with ThaID again first.",
    )
