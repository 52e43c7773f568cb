"""What a wallet proves when it fetches a credential: that it has the key to which it will be bound (OpenID4VCI 1.0,
appendix F.1), and that it does so now, by a nonce of ours that is used once.

A nonce is no row: it says until when it holds, and is sealed by a keyed hash. Only those that were used are remembered.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hmac import compare_digest
from typing import Any, Final

from core.clock import Clock
from core.crypto import KeyRing
from identity.provider.replay import Replays
from services.receive.credentials import jws
from services.receive.credentials.disclosures import packed, unpacked
from services.receive.credentials.errors import WalletRefused
from services.receive.credentials.verifying import LEEWAY

PROOF_TYPE: Final = "openid4vci-proof+jwt"
NONCE_LIVES: Final = timedelta(minutes=5)
PROOF_FRESH: Final = timedelta(minutes=5)
COPIES_MAX: Final = 10
"""Of one credential, each bound to a key of its own: whoever is shown one cannot tell it is another's twin."""
_RANDOM_BYTES: Final = 16
_TIME_BYTES: Final = 5
_MARK_BYTES: Final = 16


class Spent(StrEnum):
    """What became of a nonce that somebody brought."""

    FIRST = "FIRST"
    """It is ours, still good, and nobody used it before."""
    AGAIN = "AGAIN"
    OVER = "OVER"
    """It was ours, and is too old."""
    FOREIGN = "FOREIGN"


class Nonces:
    """`purpose` keeps nonces of one use from being taken for those of another."""

    def __init__(self, keys: KeyRing, clock: Clock, replays: Replays, purpose: str) -> None:
        self._keys, self._clock, self._replays, self._purpose = keys, clock, replays, purpose

    def make(self) -> str:
        ends = int((self._clock.now() + NONCE_LIVES).timestamp())
        content = os.urandom(_RANDOM_BYTES) + ends.to_bytes(_TIME_BYTES)
        return packed(content + self._mark(content))

    async def use(self, nonce: str) -> bool:
        """Whether it is ours, still good, and was not used; of parallel uses one is the first."""
        return await self.spend(nonce) is Spent.FIRST

    async def spend(self, nonce: str) -> Spent:
        """As :meth:`use`, and why not."""
        try:
            raw = unpacked(nonce)
        except ValueError:
            return Spent.FOREIGN
        content, mark = raw[:-_MARK_BYTES], raw[-_MARK_BYTES:]
        if len(content) != _RANDOM_BYTES + _TIME_BYTES or not compare_digest(mark, self._mark(content)):
            return Spent.FOREIGN
        if int.from_bytes(content[_RANDOM_BYTES:]) <= self._clock.now().timestamp():
            return Spent.OVER
        seconds = int(NONCE_LIVES.total_seconds())
        is_first = await self._replays.is_first(self._purpose, "", nonce, seconds=seconds)
        return Spent.FIRST if is_first else Spent.AGAIN

    def _mark(self, content: bytes) -> bytes:
        return self._keys.blind_index(content.hex(), domain=f"{self._purpose}.nonce")[:_MARK_BYTES]


def proved_keys(proofs: Any, issuer: str, now: datetime) -> tuple[list[dict[str, str]], str]:
    """The holders' keys (JWK) of `proofs`, each another, and the one nonce that all of them bear.

    Raises :class:`WalletRefused` with `invalid_proof`.
    """
    tokens = proofs.get("jwt") if isinstance(proofs, dict) and len(proofs) == 1 else None
    if not isinstance(tokens, list) or not 1 <= len(tokens) <= COPIES_MAX:
        raise _invalid(f"give 1 to {COPIES_MAX} proofs of the type jwt")
    told = [_proved(token, issuer, now) for token in tokens]
    keys = [key for key, _ in told]
    nonces = {nonce for _, nonce in told}
    if len({key["x"] + key["y"] for key in keys}) < len(keys):
        raise _invalid("two proofs are of one key")
    if len(nonces) > 1:
        raise _invalid("all proofs bear one nonce")
    return keys, nonces.pop()


def _proved(token: object, issuer: str, now: datetime) -> tuple[dict[str, str], str]:
    if not isinstance(token, str) or len(token) > 8_192:
        raise _invalid("a proof is no JWT")
    try:
        proof = jws.read(token)
        key = jws.public_key(proof.header.get("jwk"))
        proof.verify(key)
    except jws.NotSigned:
        raise _invalid("a proof is not signed, by ES256, with the key of its header `jwk`") from None
    if proof.typ != PROOF_TYPE or {"kid", "x5c"} & proof.header.keys():
        raise _invalid(f"a proof is of the type {PROOF_TYPE} and names its key by `jwk` alone")
    claims = proof.payload
    if claims.get("aud") != issuer:
        raise _invalid("the audience of a proof is the Credential Issuer")
    if not _is_fresh(claims.get("iat"), now):
        raise _invalid("a proof was made long ago, or in the future")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str):
        raise WalletRefused("invalid_nonce", "a proof bears a nonce of the nonce endpoint")
    return jws.jwk_of(key), nonce


def _is_fresh(seconds: object, now: datetime) -> bool:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return False
    try:
        at = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return False
    return now - PROOF_FRESH <= at <= now + LEEWAY


def _invalid(why: str) -> WalletRefused:
    return WalletRefused("invalid_proof", why)
