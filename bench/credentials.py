"""What it takes to issue and to verify a credential, beside bare ES256 and the reference library, in one run.

`script/bench credentials`, or `python -m bench.credentials [--credentials N]`. CPU time of one process
(`process_time`), so that a busy machine changes little; what counts are the ratios. The credential is a transcript of
one degree with three courses: fourteen disclosures, decoys, a holder's key, and a place in a status list. In a batch
the claims are one student's each; asking their agency, and writing down who has what, is not in it. Beside it stands
the job that issues batches, with all that it writes (bench/credential_batches.py), for a twentieth of them.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from jwcrypto.jwk import JWK
from jwt.algorithms import ECAlgorithm
from sd_jwt.common import SDObj
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

from bench.credential_batches import job
from core.clock import SystemClock
from services.receive.credentials.disclosures import Disclosable
from services.receive.credentials.issuing import Filling, Mould
from services.receive.credentials.jws import SigningKey, bare_jwk
from services.receive.credentials.sd_jwt import TYPE, disclosable, issue, prove
from services.receive.credentials.verifying import Asked, verify

ISSUER: Final = "https://sitthi.example/issuers/mhesi"
AUDIENCE: Final = "https://employer.example"
NONCE: Final = "n-0123456789"
BATCH: Final = 100_000
GOAL: Final = 0.5
"""Of the rate of bare signatures, in a batch."""
CHUNK: Final = 500
_FEW: Final = 2_000
_COMMON: Final = ("iss", "iat", "exp", "vct")
_OPEN: Final = ("cnf", "status")
_CLAIMS: Final = ("name", "degrees", "gpax_at_least_3_00")
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
    bench(parser.parse_args(given).credentials)


def bench(batch: int) -> None:
    """Measures, and prints."""
    key, wallet, now = SigningKey.fresh(), SigningKey.fresh(), SystemClock().now().astimezone(UTC)
    holder, message = bare_jwk(wallet.public_jwk()), bytes(1_000)
    signature, public = key.private.sign(message, _ECDSA), key.private.public_key()
    claims = disclosable(transcript(0, holder, now), PATTERNS)
    shown = str(prove(issue(claims, key, decoys=3), wallet, audience=AUDIENCE, nonce=NONCE, at=now))
    asked, trust = Asked(AUDIENCE, NONCE), _Trusted(key)

    def one(number: int) -> None:
        issue(disclosable(transcript(number, holder, now), PATTERNS), key, decoys=3)

    bare, issues = _batch(batch, key, holder, now)
    singly = rate(one, _FEW)
    verifies_bare = rate(lambda _: public.verify(signature, message, _ECDSA), _FEW)
    verifies = rate(lambda _: verify(shown, trust, now, asked=asked), _FEW)
    print(f"bare ES256: {bare:,.0f} signatures and {verifies_bare:,.0f} verifications a second of CPU")
    print(
        f"a batch of {batch:,} credentials: {issues:,.0f} a second, {issues / bare:.2f} of bare signing (goal {GOAL})"
    )
    print(f"of a credential {1e6 / bare:.0f} µs are the signature, and {1e6 / issues - 1e6 / bare:.0f} µs all else")
    with tempfile.TemporaryDirectory(prefix="sitthi-bench-") as folder:
        claims = {name: value for name, value in transcript(0, holder, now).items() if name in _CLAIMS}
        jobs = asyncio.run(job(Path(folder), max(batch // 20, 200), PATTERNS, claims))
    print(f"the job, with all that it writes: {jobs:,.0f} a second, {jobs / bare:.3f} of bare signing")
    print(f"one by one: {singly:,.0f} a second, {singly / bare:.2f} of bare signing")
    print(f"verifying a presentation with its proof (two signatures): {verifies:,.0f} a second")
    _reference(claims, key, shown)


def _batch(wanted: int, key: SigningKey, holder: dict[str, str], now: datetime) -> tuple[float, float]:
    """How many bare signatures a second of CPU, and credentials: by turns, so that both meet the same machine."""
    mould, signed, taken, signatures = Mould(PATTERNS, decoys=3), 0.0, 0.0, 0
    message = bytes(1_000)
    for first in range(0, wanted, CHUNK):
        each = [transcript(number, holder, now) for number in range(first, min(first + CHUNK, wanted))]
        common = {name: each[0][name] for name in _COMMON}
        fillings = [Filling({name: one[name] for name in _CLAIMS}, {name: one[name] for name in _OPEN}) for one in each]
        began = time.process_time()
        for _ in mould.cast(common, fillings, key):
            pass
        taken += time.process_time() - began
        began = time.process_time()
        for _ in range(CHUNK // 4):
            key.private.sign(message, _ECDSA)
        signed += time.process_time() - began
        signatures += CHUNK // 4
    return signatures / signed, wanted / taken


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
