"""What is signed of a receipt, so that whoever is shown it can check it without us and without a network.

A compact JWS (ES256) by the keys that attest, in the fragment of the address that the QR code holds: a phone opens the
page of the receipt, and no browser sends a fragment to anybody; a program that has a copy of the keys reads the rest.
"""

from __future__ import annotations

import base64
from typing import Any, Final
from uuid import UUID

from core.attestation.errors import AttestationInvalid
from core.clock import bangkok_day
from core.crypto import KeyRing
from services.receive.models import Receipt

RECEIPT_TYPE: Final = "sitthi-receipt+jwt"
VERSION: Final = 1
"""Of the claims; they may grow, and never change their meaning."""
_HOLDER_BYTES: Final = 16


def holder(keys: KeyRing, person: UUID, agency: str) -> str:
    """Whose receipt it is: the same in all that one agency paid one person, and in no other agency's.

    It leads back to nobody without the keys of Sitthi, which can tell in a dispute whether two papers are one person's.
    22 characters, base64url.
    """
    index = keys.blind_index(person.hex, domain=f"receipt.holder:{agency}")
    return base64.urlsafe_b64encode(index[:_HOLDER_BYTES]).decode().rstrip("=")


def receipt_claims(receipt: Receipt, keys: KeyRing) -> dict[str, Any]:
    """As short as they can be and still be read by a person: each character makes the QR code denser."""
    return {
        "v": VERSION,
        "number": receipt.number,
        "satang": receipt.satang,
        "for": receipt.subject,
        "period": f"{receipt.period:%Y-%m}",
        "settled": bangkok_day(receipt.settled_at).isoformat(),
        "agency": receipt.agency,
        "sub": holder(keys, receipt.person, receipt.agency),
    }


def token_of(given: str) -> str:
    """The JWS of what was scanned or pasted: it alone, or the address that ends with it.

    Raises :class:`AttestationInvalid` for one that is not written as it was signed: base64url leaves bits over at the
    end of a part, and who flips those has another text that means the same.
    """
    token = given.strip().rpartition("#")[2]
    if not all(_is_canonical(part) for part in token.split(".")):
        raise AttestationInvalid
    return token


def checked(claims: dict[str, Any]) -> dict[str, Any]:
    """The claims, if they are of a version that this program reads. Raises :class:`AttestationInvalid`."""
    if claims.get("v") != VERSION:
        raise AttestationInvalid
    return claims


def _is_canonical(part: str) -> bool:
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return False
    return base64.urlsafe_b64encode(raw).decode().rstrip("=") == part
