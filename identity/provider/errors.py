"""What can be wrong with an access token. None says more than its code: the caller may be an attacker."""

from __future__ import annotations

from core.errors import NotAllowed, SitthiError
from core.text import Text


class TokenExpired(SitthiError):
    code = "TOKEN_EXPIRED"
    text = Text(th="การเข้าสู่ระบบหมดอายุแล้ว กรุณาเข้าสู่ระบบใหม่", en="Your sign-in has expired. Please sign in again.")


class TokenInvalid(SitthiError):
    """Not made by us, not for this resource, changed, or not a token at all: alike on purpose."""

    code = "TOKEN_INVALID"
    text = Text(th="โทเคนเข้าใช้งานไม่ถูกต้อง กรุณาเข้าสู่ระบบใหม่", en="This access token is not valid. Please sign in again.")


class ScopeMissing(NotAllowed):
    """The token is good, but its program did not ask for what it now does (RFC 6750 §3.1, insufficient_scope)."""

    code = "SCOPE_MISSING"
    text = Text(
        th="แอปนี้ไม่ได้ขอสิทธิ์ใช้ข้อมูลของคุณไว้ตอนเข้าสู่ระบบ",
        en="This app did not ask for access to your data when you signed in.",
    )


class DPoPProofInvalid(SitthiError):
    """The token is bound to a key, and the request does not prove to hold it (RFC 9449 §7.1, invalid_dpop_proof)."""

    code = "DPOP_PROOF_INVALID"
    text = Text(
        th="แอปนี้ไม่ได้พิสูจน์ว่าเป็นเจ้าของโทเคน กรุณาลองใหม่",
        en="This app did not prove that the access token is its own. Please try again.",
    )


class DPoPNonceNeeded(SitthiError):
    """The proof is to be made again with our nonce, which is in `fields` and the header `DPoP-Nonce` (RFC 9449 §9)."""

    code = "DPOP_NONCE_NEEDED"
    text = Text(th="นาฬิกาของแอปนี้คลาดเคลื่อน กรุณาลองใหม่", en="The clock of this app differs from ours. Please try again.")
