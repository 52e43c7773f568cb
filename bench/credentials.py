"""What it takes to issue and to verify a credential, beside bare ES256 and the reference library, in one run.

`python -m bench.credentials [--credentials N]`. CPU time of one process (`process_time`), so that a busy machine
changes little; what counts are the ratios. The credential is a transcript of one degree with three courses: fourteen
disclosures, decoys, a holder's key, and a place in a status list. In a batch the claims are one student's each; reading
them from a database, and writing down who has what, is not in it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from jwcrypto.jwk import JWK
from jwt.algorithms import ECAlgorithm
from sd_jwt.common import SDObj
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

from core.clock import SystemClock
from services.receive.credentials.disclosures import Disclosable, conceal
from services.receive.credentials.jws import SigningKey, bare_jwk
from services.receive.credentials.sd_jwt import TYPE, disclosable, issue, prove
from services.receive.credentials.verifying import Asked, verify

ISSUER: Final = "https://sitthi.example/issuers/mhesi"
AUDIENCE: Final = "https://employer.example"
NONCE: Final = "n-0123456789"
BATCH: Final = 100_000
GOAL: Final = 0.5
"""Of the rate of bare signatures, in a batch."""
_FEW: Final = 2_000
_ECDSA: Final = ec.ECDSA(hashes.SHA256())
_DEGREE: Final = ("institution", "number", "level", "title", "awarded_on", "gpax")
PATTERNS: Final = (
    ("name",),
    ("degrees",),
    ("degrees", None),
    *(("degrees", None, name) for name in _DEGREE),
    ("degrees", None, "courses"),
    ("degrees", None, "courses", None),
    ("gpax_at_least_3_00",),
)


class _Trusted:
    def __init__(self, key: SigningKey) -> None:
        self._key = key.private.public_key()

    def key(self, _issuer: str, _kid: str | None, _at: datetime | None) -> ec.EllipticCurvePublicKey:
        return self._key


def transcript(number: int, holder: dict[str, str], now: datetime) -> dict[str, Any]:
    """Of a student that does not exist."""
    courses = [{"code": f"CS{at}", "title": "รายวิชา", "credits": 3, "grade": "B+"} for at in range(3)]
    degree = {name: f"{name} {number}" for name in _DEGREE}
    return {
        "iss": ISSUER,
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(days=365)).timestamp()),
        "vct": f"{ISSUER}/types/mhesi.transcript.1",
        "cnf": {"jwk": holder},
        "status": {"status_list": {"idx": number, "uri": f"{ISSUER}/status/1"}},
        "name": f"นักศึกษา {number}",
        "degrees": [{**degree, "courses": courses}],
        "gpax_at_least_3_00": True,
    }


def rate(what: Callable[[int], object], times: int) -> float:
    """So many a second of CPU."""
    began = time.process_time()
    for number in range(times):
        what(number)
    return times / (time.process_time() - began)


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--credentials", type=int, default=BATCH, help="how many the batch issues")
    batch = parser.parse_args(given).credentials
    key, wallet, now = SigningKey.fresh(), SigningKey.fresh(), SystemClock().now().astimezone(UTC)
    holder, message = bare_jwk(wallet.public_jwk()), bytes(1_000)
    signature, public = key.private.sign(message, _ECDSA), key.private.public_key()
    claims = disclosable(transcript(0, holder, now), PATTERNS)
    shown = str(prove(issue(claims, key, decoys=3), wallet, audience=AUDIENCE, nonce=NONCE, at=now))
    asked, trust = Asked(AUDIENCE, NONCE), _Trusted(key)

    def one(number: int) -> None:
        issue(disclosable(transcript(number, holder, now), PATTERNS), key, decoys=3)

    signs = rate(lambda _: key.private.sign(message, _ECDSA), _FEW)
    issues = rate(one, batch)
    signs_after = rate(lambda _: key.private.sign(message, _ECDSA), _FEW)
    bare = (signs + signs_after) / 2
    verifies_bare = rate(lambda _: public.verify(signature, message, _ECDSA), _FEW)
    verifies = rate(lambda _: verify(shown, trust, now, asked=asked), _FEW)
    without = rate(lambda _: _hidden(transcript(0, holder, now)), _FEW)
    print(f"bare ES256: {bare:,.0f} signatures and {verifies_bare:,.0f} verifications a second of CPU")
    print(
        f"a batch of {batch:,} credentials: {issues:,.0f} a second, {issues / bare:.2f} of bare signing (goal {GOAL})"
    )
    print(f"the rest is {1e6 / issues - 1e6 / bare:.0f} µs each: disclosures and digests {1e6 / without:.0f} µs of it")
    print(f"verifying a presentation with its proof (two signatures): {verifies:,.0f} a second")
    _reference(claims, key, shown)


def _hidden(claims: dict[str, Any]) -> None:
    conceal(disclosable(claims, PATTERNS), decoys=3)


def _reference(claims: dict[str, Any], key: SigningKey, shown: str) -> None:
    """The same by the library `sd-jwt`, which is for development alone."""

    def jwk(one: SigningKey) -> Any:
        return JWK(**{**ECAlgorithm.to_jwk(one.private, as_dict=True), "kid": one.kid})

    def marked(value: Any) -> Any:
        if isinstance(value, dict):
            hidden = {name: isinstance(inner, Disclosable) for name, inner in value.items()}
            told = {name: inner.value if hidden[name] else inner for name, inner in value.items()}
            return {SDObj(name) if hidden[name] else name: marked(inner) for name, inner in told.items()}
        if isinstance(value, list):
            return [SDObj(marked(one.value)) if isinstance(one, Disclosable) else marked(one) for one in value]
        return value

    issuer, header = jwk(key), {"typ": TYPE, "kid": key.kid}
    times = _FEW // 4
    issues = rate(
        lambda _: SDJWTIssuer(marked(claims), issuer, add_decoy_claims=True, extra_header_parameters=header), times
    )
    verifies = rate(lambda _: SDJWTVerifier(shown, lambda *_: issuer, AUDIENCE, NONCE).get_verified_payload(), times)
    print(f"the reference library sd-jwt: {issues:,.0f} issued and {verifies:,.0f} verified a second")


if __name__ == "__main__":
    main()
