"""What it costs to believe an access token, first and again, as a bearer token and with DPoP.

Everything runs in this process, on its CPU clock, beside the floor: an ES256 signature verified by `cryptography` and
nothing else. Proofs are remembered in Valkey, whose own time is not counted, as of every request's.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import uuid4

import httpx2
import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jwt.algorithms import ECAlgorithm

from core import migrations
from core.cache import open_redis
from core.clock import SystemClock
from core.crypto import load_keys
from core.database import Database
from core.ids import new_id
from core.jose import thumbprint
from core.settings import Settings
from identity.provider.clients import DEMO_APP, GRAPH_AUDIENCE
from identity.provider.dpop import PROOF_TYPE, ath_of
from identity.provider.signing import Signer
from identity.provider.verifier import ACCESS_TOKEN_TYPE
from identity.routes import Identity
from tests.support.valkey import Valkey

RAW: Final = "raw ES256"
FIRST, AGAIN = "bearer, first", "bearer, again"
FIRST_PROVEN, AGAIN_PROVEN = "DPoP, first", "DPoP, again"
_TOKEN_SECONDS: Final = 3_600


@dataclass(frozen=True)
class Bench:
    """An identity room of its own, and a client's key."""

    identity: Identity
    signer: Signer
    key: ec.EllipticCurvePrivateKey

    @property
    def jwk(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(self.key.public_key()))
        return document

    @property
    def url(self) -> str:
        return self.identity.settings.issuer + GRAPH_AUDIENCE

    def token(self, *, bound: bool) -> str:
        """As the token endpoint makes them, of another person each time."""
        identity, now = self.identity, int(self.identity.clock.now().timestamp())
        claims = {
            "iss": identity.settings.issuer,
            "sub": identity.subjects.of(new_id(), DEMO_APP),
            "aud": self.url,
            "client_id": DEMO_APP,
            "scope": "openid profile citizen",
            "iat": now,
            "exp": now + _TOKEN_SECONDS,
            "auth_time": now,
            "acr": "ial2.3-aal2.1",
            "jti": new_id().hex,
            "family": new_id().hex,
            **({"cnf": {"jkt": thumbprint(self.jwk)}} if bound else {}),
        }
        return self.signer.sign(claims, typ=ACCESS_TOKEN_TYPE)

    def proof(self, token: str) -> str:
        now = int(self.identity.clock.now().timestamp())
        claims = {"jti": uuid4().hex, "htm": "POST", "htu": self.url, "iat": now, "ath": ath_of(token)}
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"typ": PROOF_TYPE, "jwk": self.jwk})

    async def proven(self, token: str, proof: str) -> None:
        jkt = await self.identity.dpop.check(proof, method="POST", url=self.url, access_token=token)
        await self.identity.verifier.verify(token, jkt=jkt)


@asynccontextmanager
async def opened(folder: Path, redis_url: str | None) -> AsyncIterator[Bench]:
    """Over SQLite in that folder; verifying asks it for its keys and for what was revoked alone."""
    settings = Settings(data=folder)
    migrations.upgrade(settings.sqlalchemy_url)
    clock, keys, redis = SystemClock(), load_keys(settings), open_redis(redis_url)
    db = Database(settings.sqlalchemy_url)
    async with httpx2.AsyncClient() as http:
        identity = Identity(settings, db, clock, keys, http, redis=redis)
        async with identity.revocations.watching():
            yield Bench(identity, await identity.signing.signer(), ec.generate_private_key(ec.SECP256R1()))
    await redis.aclose()
    await db.close()


async def measure(bench: Bench, *, firsts: int, agains: int) -> dict[str, float]:
    """One round: CPU microseconds each, by what was done. What is needed for it is made before the clock starts."""
    verify = bench.identity.verifier.verify
    found = {RAW: _raw(bench, firsts)}

    async def timed(name: str, times: int, act: Callable[[int], Awaitable[Any]]) -> None:
        began = time.process_time()
        for number in range(times):
            await act(number)
        found[name] = (time.process_time() - began) / times * 1e6

    bearer = [bench.token(bound=False) for _ in range(firsts)]
    await timed(FIRST, firsts, lambda number: verify(bearer[number]))
    found[AGAIN] = await _again(verify, bearer[0], agains)
    bound = [bench.token(bound=True) for _ in range(firsts)]
    pairs = [(token, bench.proof(token)) for token in bound]
    await timed(FIRST_PROVEN, firsts, lambda number: bench.proven(*pairs[number]))
    pairs = [(bound[0], bench.proof(bound[0])) for _ in range(firsts)]
    await timed(AGAIN_PROVEN, firsts, lambda number: bench.proven(*pairs[number]))
    return found


async def bench(folder: Path, *, rounds: int, firsts: int, agains: int) -> dict[str, list[float]]:
    """Measures and prints; a list of rounds for each."""
    found: dict[str, list[float]] = defaultdict(list)
    with Valkey.running() as valkey:
        async with opened(folder, valkey.url) as room:
            await measure(room, firsts=firsts // 4, agains=agains // 4)  # warms it up
            for _ in range(rounds):
                for name, microseconds in (await measure(room, firsts=firsts, agains=agains)).items():
                    found[name].append(microseconds)
    print(f"\nbelieving an access token, {rounds} rounds; CPU microseconds, median (least–most) ×ratio to raw ES256")
    print("\n".join(lines(found)))
    return found


def lines(found: dict[str, list[float]]) -> list[str]:
    floor = median(found[RAW])
    return [
        f"  {name:<14}{median(rounds):>9.2f} ({min(rounds):.2f}–{max(rounds):.2f})  ×{median(rounds) / floor:.3f}"
        for name, rounds in found.items()
    ]


def _raw(bench: Bench, times: int) -> float:
    """The signature of a token, with the key and the digest's input at hand."""
    token = bench.token(bound=False)
    signed, _, signature = token.rpartition(".")
    raw = jwt.utils.base64url_decode(signature)
    encoded = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public, data, algorithm = bench.signer.key.public_key(), signed.encode(), ec.ECDSA(hashes.SHA256())
    began = time.process_time()
    for _ in range(times):
        public.verify(encoded, data, algorithm)
    return (time.process_time() - began) / times * 1e6


async def _again(verify: Callable[[str], Awaitable[Any]], token: str, times: int) -> float:
    """So little that a call around it would show."""
    began = time.process_time()
    for _ in range(times):
        await verify(token)
    return (time.process_time() - began) / times * 1e6
