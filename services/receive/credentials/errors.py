"""Why a credential, or what a wallet shows of it, is not believed."""

from __future__ import annotations

from enum import StrEnum

from core.errors import NotFound, SitthiError
from core.text import Text


class Why(StrEnum):
    """The reason, stable: it is told to whoever verifies."""

    TOO_LARGE = "TOO_LARGE"
    MALFORMED = "MALFORMED"
    """It is no SD-JWT, or a part of it is not in form."""
    TYPE = "TYPE"
    """Its `typ` is not `dc+sd-jwt`, or it has no `vct`."""
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
    """Its status list cannot be had, or is not in form."""


class CredentialRefused(SitthiError):
    """What was shown is not believed; `why` says in one word of :class:`Why` what is wrong, and nothing of what it
    holds."""

    code = "CREDENTIAL_REFUSED"
    text = Text(
        th="ไม่รับเอกสารรับรองนี้: ปลอม ถูกแก้ไข หมดอายุ ถูกเพิกถอน หรือพิสูจน์ผู้ถือไม่ได้ ({why})",
        en="This credential is not accepted: forged, changed, expired, taken back, or not shown by its holder ({why}).",
    )

    def __init__(self, why: Why) -> None:
        super().__init__(why=why.value)
        self.why = why


class CredentialNotFound(NotFound):
    code = "CREDENTIAL_NOT_FOUND"
    text = Text(th="ไม่พบเอกสารรับรองนี้", en="There is no such credential of yours.")


class CredentialNotOffered(SitthiError):
    """There is no such service, or it gives no such credential."""

    code = "CREDENTIAL_NOT_OFFERED"
    text = Text(th="บริการนี้ไม่มีเอกสารรับรองที่ขอ", en="This service gives no such credential.")


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
