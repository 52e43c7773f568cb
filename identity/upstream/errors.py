"""What can go wrong between us and ThaID. None carries what ThaID sent: it is personal data."""

from __future__ import annotations

from core.errors import SitthiError
from core.text import Text


class SignInNotStarted(SitthiError):
    """Whoever comes back is not the browser that was sent: a changed or foreign `state`, or it took too long."""

    code = "SIGN_IN_NOT_STARTED"
    text = Text(
        th="การเข้าสู่ระบบครั้งนี้หมดเวลา หรือไม่ได้เริ่มจากเบราว์เซอร์นี้ กรุณาเริ่มใหม่",
        en="This sign-in took too long or was not begun in this browser. Please start again.",
    )


class SignInRefused(SitthiError):
    """The person said no at ThaID, or ThaID said no to the person."""

    code = "SIGN_IN_REFUSED"
    text = Text(th="การเข้าสู่ระบบถูกยกเลิก", en="The sign-in was cancelled.")


class UpstreamNotBelieved(SitthiError):
    """What came is not signed by ThaID, not for us, not for this sign-in, or does not name one person."""

    code = "UPSTREAM_NOT_BELIEVED"
    text = Text(th="ยืนยันคำตอบจาก ThaID ไม่ได้ กรุณาลองใหม่", en="ThaID's answer could not be verified. Please try again.")


class ProofingTooWeak(SitthiError):
    """ThaID vouches for the person, but not as well as we need: below IAL 2.3."""

    code = "IAL_TOO_LOW"
    text = Text(
        th="ThaID ยังยืนยันตัวตนของคุณไม่ถึงระดับ {wanted} ที่บริการนี้ต้องการ โปรดลงทะเบียน ThaID ต่อหน้าเจ้าหน้าที่"
        "ที่สำนักทะเบียน หรือขอรหัสเข้าสู่ระบบที่เคาน์เตอร์ (/signin/counter)",
        en="ThaID has not proofed your identity up to the level {wanted} that this needs. Please register ThaID in "
        "person at a district office, or ask for a sign-in code at a counter (/signin/counter).",
    )
