"""Errors of attestations."""

from __future__ import annotations

from core.errors import SitthiError
from core.text import Text


class AttestationInvalid(SitthiError):
    """Forged, changed, of another kind, or signed by a key that did not sign at that time."""

    code = "ATTESTATION_INVALID"
    text = Text(
        th="เอกสารนี้ไม่ได้ลงลายมือชื่อโดยระบบ หรือถูกแก้ไขหลังลงลายมือชื่อ",
        en="This was not signed by us, or was changed after it was signed.",
    )
