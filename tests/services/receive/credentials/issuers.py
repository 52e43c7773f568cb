"""Issuers and wallets of made-up credentials, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from services.receive.credentials.disclosures import Disclosable
from services.receive.credentials.errors import CredentialRefused, Why
from services.receive.credentials.jws import SigningKey, bare_jwk

NOW: Final = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ISSUER: Final = "https://sitthi.example/issuers/mhesi"
VCT: Final = "https://sitthi.example/credentials/mhesi/transcript"
AUDIENCE: Final = "https://employer.example"
NONCE: Final = "n-0123456789"
AGENCY: Final = SigningKey.fresh()
WALLET: Final = SigningKey.fresh()


class Trusted:
    """Issuers by their keys."""

    def __init__(self, *keys: SigningKey, issuer: str = ISSUER) -> None:
        self._issuer, self._keys = issuer, {key.kid: key.private.public_key() for key in keys or (AGENCY,)}

    def key(self, issuer: str, kid: str | None, _: datetime | None) -> ec.EllipticCurvePublicKey:
        if issuer != self._issuer:
            raise CredentialRefused(Why.ISSUER_UNKNOWN)
        if kid not in self._keys:
            raise CredentialRefused(Why.KEY_UNKNOWN)
        return self._keys[kid]


def transcript(**more: Any) -> dict[str, Any]:
    """Two courses of one degree, each of which can be shown alone, and two ranges of the grade average."""
    course = {"code": Disclosable("MA101"), "title": "Calculus", "grade": "B+"}
    return {
        "iss": ISSUER,
        "iat": int(NOW.timestamp()),
        "exp": int((NOW + timedelta(days=365)).timestamp()),
        "vct": VCT,
        "cnf": {"jwk": bare_jwk(WALLET.public_jwk())},
        "given_name": Disclosable("สมหญิง"),
        "family_name": Disclosable("ใจดี"),
        "degrees": Disclosable(
            [
                Disclosable(
                    {
                        "title": "Bachelor of Science",
                        "courses": [Disclosable(course), Disclosable({"code": "PH102", "grade": "A"})],
                    }
                )
            ]
        ),
        "gpax": {"at_least_2_00": Disclosable(True), "at_least_3_00": Disclosable(True)},  # noqa: FBT003 - claims
        **more,
    }


def plain(value: Any) -> Any:
    """The same claims with everything shown."""
    if isinstance(value, Disclosable):
        return plain(value.value)
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value
