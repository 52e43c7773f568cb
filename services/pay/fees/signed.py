"""The bank's signature under its notices: HTTP Message Signatures (RFC 9421) by a shared secret, `hmac-sha256`, in one
profile, and Content-Digest (RFC 9530). Nothing is left to the signer's choice.

    Content-Digest: sha-256=:<base64>:
    Signature-Input: bank=("@method" "@path" "content-digest");created=<seconds>;keyid="bank";alg="hmac-sha256"
    Signature: bank=:<base64>:
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from services.pay.fees.errors import NoticeNotSigned

FRESH_SECONDS: Final = 300
_INPUT: Final = re.compile(
    r'bank=(\("@method" "@path" "content-digest"\);created=([1-9][0-9]{9});keyid="bank";alg="hmac-sha256")', re.ASCII
)
_SIGNATURE: Final = re.compile(r"bank=:([A-Za-z0-9+/]{43}=):", re.ASCII)


def check_signature(
    secret: bytes | None, *, method: str, path: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> None:
    """Raises :class:`NoticeNotSigned`. Without a secret nobody is believed."""
    given = _INPUT.fullmatch(headers.get("signature-input", ""))
    signature = _SIGNATURE.fullmatch(headers.get("signature", ""))
    digest = headers.get("content-digest", "")
    if secret is None or given is None or signature is None:
        raise NoticeNotSigned
    if not hmac.compare_digest(digest.encode(), content_digest(body).encode()):
        raise NoticeNotSigned
    if abs(now.timestamp() - int(given[2])) > FRESH_SECONDS:
        raise NoticeNotSigned
    base = f'"@method": {method}\n"@path": {path}\n"content-digest": {digest}\n"@signature-params": {given[1]}'
    wanted = base64.b64encode(hmac.digest(secret, base.encode(), "sha256"))
    if not hmac.compare_digest(wanted, signature[1].encode()):
        raise NoticeNotSigned


def content_digest(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
