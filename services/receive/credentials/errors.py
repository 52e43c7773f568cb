"""Why a credential, or what a wallet shows of it, is not believed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from core.errors import NotFound, SitthiError
from core.text import Language, Text


class Why(StrEnum):
    """The reason, stable: it is told to whoever verifies."""

    TOO_LARGE = "TOO_LARGE"
    MALFORMED = "MALFORMED"
    """It is no SD-JWT, or a part of it is not in form."""
    TYPE = "TYPE"
    """Its `typ` is not `dc+sd-jwt`, or its `vct` is none of its issuer's."""
    ALGORITHM = "ALGORITHM"
    """It is not signed by ES256, or hashes by something else than SHA-256."""
    ISSUER_UNKNOWN = "ISSUER_UNKNOWN"
    KEY_UNKNOWN = "KEY_UNKNOWN"
    """The issuer has no such key, or did not sign with it at that time."""
    SIGNATURE = "SIGNATURE"
    DISCLOSURE_MALFORMED = "DISCLOSURE_MALFORMED"
    DISCLOSURE_INVENTED = "DISCLOSURE_INVENTED"
    """No digest names it: it was made up, or altered (RFC 9901 §7.1, 5)."""
    DISCLOSURE_REPEATED = "DISCLOSURE_REPEATED"
    DIGEST_REPEATED = "DIGEST_REPEATED"
    """One digest stands in two places (RFC 9901 §7.1, 4)."""
    CLAIM_NAME = "CLAIM_NAME"
    """A claim is named `_sd` or `...` (RFC 9901 §7.1, 3)."""
    CLAIM_OVERWRITTEN = "CLAIM_OVERWRITTEN"
    """A disclosure has the name of a claim that is there without it."""
    CLAIM_HIDDEN = "CLAIM_HIDDEN"
    """What must stand in the open is disclosed: `iss`, `exp`, `cnf`, `vct`, `status` …"""
    NOT_YET_VALID = "NOT_YET_VALID"
    EXPIRED = "EXPIRED"
    HOLDER_UNPROVEN = "HOLDER_UNPROVEN"
    """It names a holder's key, and nobody has shown that they have it."""
    PROOF_MALFORMED = "PROOF_MALFORMED"
    """The key-binding JWT is not in form, or comes with a credential that names no key."""
    PROOF_SIGNATURE = "PROOF_SIGNATURE"
    PROOF_AUDIENCE = "PROOF_AUDIENCE"
    PROOF_NONCE = "PROOF_NONCE"
    PROOF_HASH = "PROOF_HASH"
    """It was made for other disclosures."""
    PROOF_TIME = "PROOF_TIME"
    REPLAYED = "REPLAYED"
    """It was shown before."""
    REVOKED = "REVOKED"
    SUSPENDED = "SUSPENDED"
    STATUS_UNKNOWN = "STATUS_UNKNOWN"
    """Its status list is not its issuer's, not in form, or too old."""
    STATUS_UNREACHABLE = "STATUS_UNREACHABLE"
    """Its status list cannot be had."""


REASONS: Final[Mapping[Why, Text]] = {
    Why.TOO_LARGE: Text(th="เอกสารรับรองนี้ใหญ่หรือซ้อนกันลึกเกินไป", en="This credential is too large, or nested too deeply."),
    Why.MALFORMED: Text(
        th="ข้อความนี้ไม่ใช่เอกสารรับรองแบบ SD-JWT", en="This is no SD-JWT credential, or a part of it is broken."
    ),
    Why.TYPE: Text(
        th="เอกสารนี้เป็นชนิดอื่น ไม่ใช่เอกสารรับรอง (dc+sd-jwt)", en="This is of another type than a credential (dc+sd-jwt)."
    ),
    Why.ALGORITHM: Text(
        th="ลายมือชื่อใช้วิธีที่ไม่รับ รับเฉพาะ ES256 และ SHA-256",
        en="It is signed in a way that is not accepted: only ES256 with SHA-256 is.",
    ),
    Why.ISSUER_UNKNOWN: Text(
        th="ผู้ออกเอกสารไม่อยู่ในบัญชีที่เชื่อถือ", en="Whoever issued it is not on the list of issuers that are trusted."
    ),
    Why.KEY_UNKNOWN: Text(
        th="ผู้ออกเอกสารไม่มีกุญแจนี้ หรือไม่ได้ใช้กุญแจนี้ในเวลาที่ออก",
        en="The issuer has no such key, or did not sign with it at that time.",
    ),
    Why.SIGNATURE: Text(
        th="ลายมือชื่อไม่ถูกต้อง เอกสารถูกปลอมหรือถูกแก้ไข", en="The signature does not fit: it was forged or changed."
    ),
    Why.DISCLOSURE_MALFORMED: Text(th="ข้อมูลที่เปิดเผยส่วนหนึ่งผิดรูปแบบ", en="Something that is disclosed is not in form."),
    Why.DISCLOSURE_INVENTED: Text(
        th="มีข้อมูลที่ผู้ออกเอกสารไม่เคยรับรอง: ถูกแต่งขึ้นหรือถูกแก้ไข",
        en="It discloses something that its issuer never signed: made up, or altered.",
    ),
    Why.DISCLOSURE_REPEATED: Text(th="ข้อมูลเดียวกันถูกเปิดเผยสองครั้ง", en="The same is disclosed twice."),
    Why.DIGEST_REPEATED: Text(
        th="ข้อมูลเดียวถูกอ้างถึงสองแห่ง จึงบอกไม่ได้ว่าอยู่ที่ใด",
        en="One disclosure is named in two places: where it belongs is not known.",
    ),
    Why.CLAIM_NAME: Text(
        th="มีข้อมูลที่ใช้ชื่อสงวน (_sd หรือ ...)", en="It has a claim by a name that is reserved (_sd or ...)."
    ),
    Why.CLAIM_OVERWRITTEN: Text(
        th="ข้อมูลที่เปิดเผยมีชื่อซ้ำกับข้อมูลที่มีอยู่แล้ว", en="Something disclosed has the name of a claim that is there already."
    ),
    Why.CLAIM_HIDDEN: Text(
        th="ข้อมูลที่ต้องเปิดเผยเสมอถูกซ่อนไว้ เช่น ผู้ออกหรือวันหมดอายุ",
        en="What must stand in the open is hidden in it, such as its issuer or its end.",
    ),
    Why.NOT_YET_VALID: Text(th="เอกสารนี้ยังไม่ถึงวันที่เริ่มใช้ได้", en="It is not valid yet."),
    Why.EXPIRED: Text(th="เอกสารนี้หมดอายุแล้ว", en="It has expired."),
    Why.HOLDER_UNPROVEN: Text(
        th="ไม่ได้พิสูจน์ว่าผู้แสดงเป็นเจ้าของเอกสาร", en="Whoever shows it has not proved that it is theirs."
    ),
    Why.PROOF_MALFORMED: Text(th="หลักฐานของผู้ถือผิดรูปแบบ", en="The holder's proof is not in form."),
    Why.PROOF_SIGNATURE: Text(
        th="หลักฐานของผู้ถือลงลายมือชื่อด้วยกุญแจอื่น ผู้แสดงไม่ใช่เจ้าของ",
        en="The holder's proof is by another key: it is shown by somebody else.",
    ),
    Why.PROOF_AUDIENCE: Text(
        th="หลักฐานของผู้ถือทำไว้ให้ผู้ตรวจสอบรายอื่น", en="The holder's proof was made for somebody else who verifies."
    ),
    Why.PROOF_NONCE: Text(
        th="หลักฐานของผู้ถือไม่ได้ทำตามรหัสที่ผู้ตรวจสอบขอในครั้งนี้",
        en="The holder's proof does not bear the nonce that was asked for this time.",
    ),
    Why.PROOF_HASH: Text(
        th="หลักฐานของผู้ถือทำไว้สำหรับข้อมูลชุดอื่น", en="The holder's proof was made for another choice of what is disclosed."
    ),
    Why.PROOF_TIME: Text(
        th="หลักฐานของผู้ถือเก่าเกินไป กรุณาขอให้แสดงใหม่", en="The holder's proof is too old: have it shown once more."
    ),
    Why.REPLAYED: Text(
        th="การแสดงครั้งนี้ถูกใช้ไปแล้ว อาจมีผู้นำมาใช้ซ้ำ",
        en="This was shown before; somebody may have copied it. Have it shown once more.",
    ),
    Why.REVOKED: Text(th="เอกสารนี้ถูกเพิกถอนแล้ว", en="It was taken back for good."),
    Why.SUSPENDED: Text(th="เอกสารนี้ถูกระงับไว้ชั่วคราว", en="It is suspended for now."),
    Why.STATUS_UNKNOWN: Text(
        th="บัญชีสถานะของเอกสารใช้ไม่ได้ จึงไม่รู้ว่าถูกเพิกถอนหรือไม่",
        en="The list that tells its status is not good, so nobody knows whether it was taken back.",
    ),
    Why.STATUS_UNREACHABLE: Text(
        th="ขณะนี้ขอบัญชีสถานะของเอกสารไม่ได้ จึงไม่รู้ว่าถูกเพิกถอนหรือไม่",
        en="The list that tells its status cannot be had, so nobody knows whether it was taken back.",
    ),
}
"""What whoever verifies reads."""


class CredentialRefused(SitthiError):
    """What was shown is not believed; `why` says in one word of :class:`Why` what is wrong, and nothing of what it
    holds."""

    code = "CREDENTIAL_REFUSED"
    text = Text(
        th="ไม่รับเอกสารรับรองนี้: ปลอม ถูกแก้ไข หมดอายุ ถูกเพิกถอน หรือพิสูจน์ผู้ถือไม่ได้ ({why})",
        en="This credential is not accepted: forged, changed, expired, taken back, or not shown by its holder ({why}).",
    )

    def __init__(self, why: Why) -> None:
        self.why = why
        super().__init__(why=why.value)

    @property
    def reason(self) -> Text:
        return REASONS[self.why]

    def message(self, language: Language) -> str:
        return self.reason.in_language(language)


class CredentialNotFound(NotFound):
    code = "CREDENTIAL_NOT_FOUND"
    text = Text(th="ไม่พบเอกสารรับรองนี้", en="There is no such credential of yours.")


class CredentialNotOffered(SitthiError):
    """There is no such service, or it gives no such credential."""

    code = "CREDENTIAL_NOT_OFFERED"
    text = Text(th="บริการนี้ไม่มีเอกสารรับรองที่ขอ", en="This service gives no such credential.")


class CredentialNamesAKey(SitthiError):
    """It names the key of the wallet that shows it, so nothing can be signed before that wallet asks."""

    code = "CREDENTIAL_NAMES_A_KEY"
    text = Text(
        th="เอกสารรับรองชนิดนี้ผูกกับกุญแจของกระเป๋าดิจิทัล จึงออกล่วงหน้าไม่ได้",
        en="This credential names its wallet's key: it is signed when the wallet asks, and not before.",
    )


class BatchNotFound(NotFound):
    code = "BATCH_NOT_FOUND"
    text = Text(th="ไม่พบชุดเอกสารรับรองนี้ของหน่วยงาน", en="Your agency has no such batch of credentials.")


class TooManyOffers(SitthiError):
    """So many offers of the citizen wait for a wallet that there are no more until some end."""

    code = "TOO_MANY_OFFERS"
    text = Text(
        th="คุณขอเอกสารรับรองไว้หลายครั้งแล้ว กรุณารอ 5 นาทีแล้วลองใหม่",
        en="You have asked for many credentials just now. Please try again in 5 minutes.",
    )


class WalletRefused(Exception):
    """What a wallet is answered: an error of OpenID4VCI 1.0 or OAuth 2.0, with its HTTP status."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.error, self.description, self.status = error, description, status
