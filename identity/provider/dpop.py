"""DPoP (RFC 9449): a client proves with each request that it holds the key its tokens are bound to."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

from authlib.oauth2.rfc6749 import OAuth2Error

from core.clock import Clock
from core.crypto import KeyRing
from core.jose import NotVerified, base64url
from identity.provider.client_keys import ALGORITHMS, LENGTH_MAX, Unverified, public_key, thumbprint_of
from identity.provider.htu import normalised
from identity.provider.replay import Replays

PROOF_TYPE: Final = "dpop+jwt"
IAT_SECONDS: Final = 60
"""How far a proof's `iat` may be from our clock, either way, when it carries no nonce of ours."""
NONCE_SECONDS: Final = 120
"""How often the nonce changes; each works until the next but one is there."""
_REMEMBERED_SECONDS: Final = 300
"""Longer than any proof is good for: two nonces' lives, or `iat` from a minute ahead to a minute ago."""
_JTI_LENGTH_MAX: Final = 256


class InvalidDPoPProof(OAuth2Error):  # type: ignore[misc] # Authlib has no types
    """The proof is not one, not for this request, or not the first with its `jti` (RFC 9449 §5)."""

    error = "invalid_dpop_proof"


class UseDPoPNonce(OAuth2Error):  # type: ignore[misc]
    """The proof is good but for its time: it is to be made again with this nonce (RFC 9449 §8)."""

    error = "use_dpop_nonce"

    def __init__(self, nonce: str) -> None:
        super().__init__("The clock of the client differs: repeat the request with this nonce.")
        self.nonce = nonce

    def get_headers(self) -> list[tuple[str, str]]:
        return [*super().get_headers(), ("DPoP-Nonce", self.nonce)]


class DPoP:
    """Checks proofs. Addresses are ours by setting; what a request says of its host steers nothing."""

    def __init__(self, clock: Clock, keys: KeyRing, replays: Replays) -> None:
        self._clock, self._keys, self._replays = clock, keys, replays

    async def proof(
        self, headers: Mapping[str, str], *, method: str, url: str, access_token: str | None = None
    ) -> str | None:
        """The thumbprint (RFC 7638, `jkt`) of the key proven; None when there is no `DPoP` header.

        `url` is the address of the endpoint below the issuer. `headers` are best handed in as Starlette's, which know
        when one came twice. Raises :class:`InvalidDPoPProof`, :class:`UseDPoPNonce`, and `ServiceUnavailable` when it
        cannot be known whether the proof was used before.
        """
        given = _values(headers, "dpop")
        if not given:
            return None
        if len(given) > 1:
            raise InvalidDPoPProof("There is more than one proof.")
        return await self.check(given[0], method=method, url=url, access_token=access_token)

    async def check(self, proof: str, *, method: str, url: str, access_token: str | None = None) -> str:
        """The same of the proof itself, for where it comes in no header."""
        try:
            token, jkt, jti = _verified(proof)
            is_for_this = (
                token.text("htm", 16) == method
                and _is_same(token.text("htu", LENGTH_MAX), url)
                and (access_token is None or _names(token.claims.get("ath"), access_token))
            )
            issued_at = token.seconds("iat")
        except (NotVerified, ValueError):
            raise InvalidDPoPProof("The proof is not well-formed, or its signature is wrong.") from None
        if not is_for_this or issued_at is None:
            raise InvalidDPoPProof("The proof is not for this request.")
        self._check_time(issued_at, token.claims)
        if not await self._replays.is_first("dpop", jkt, jti, seconds=_REMEMBERED_SECONDS):
            raise InvalidDPoPProof("The proof was used before.")
        return jkt

    def nonce(self) -> str:
        """The nonce of now. Nothing is stored: it is a keyed hash of its time, the same in every process."""
        return self._nonce_of(self._slot())

    def _check_time(self, issued_at: float, claims: Mapping[str, Any]) -> None:
        """By the nonce if there is one, for phones have wrong clocks; else by `iat` (RFC 9449 §4.3, item 11)."""
        given = claims.get("nonce")
        if given is None:
            if abs(issued_at - self._clock.now().timestamp()) > IAT_SECONDS:
                raise UseDPoPNonce(self.nonce())
            return
        slot = self._slot()
        good = [self._nonce_of(one) for one in (slot, slot - 1)]
        if not isinstance(given, str) or not any(hmac.compare_digest(one.encode(), given.encode()) for one in good):
            raise UseDPoPNonce(self.nonce())

    def _slot(self) -> int:
        return int(self._clock.now().timestamp()) // NONCE_SECONDS

    def _nonce_of(self, slot: int) -> str:
        return base64url(self._keys.blind_index(str(slot), domain="dpop-nonce")[:18])


def is_thumbprint(value: str) -> bool:
    """Whether it looks like a SHA-256 in base64url: what `dpop_jkt` must be (RFC 9449 §10)."""
    return len(value) == 43 and value.isascii() and value.replace("-", "").replace("_", "").isalnum()


def ath_of(access_token: str) -> str:
    """RFC 9449 §4.2."""
    return base64url(hashlib.sha256(access_token.encode()).digest())


def algorithms() -> str:
    """As a challenge names them (RFC 9449 §7.1)."""
    return " ".join(ALGORITHMS)


def _verified(proof: str) -> tuple[Unverified, str, str]:
    """The proof, its key's thumbprint and its `jti`. Raises :class:`NotVerified`."""
    token = Unverified.read(proof)
    if token.type != PROOF_TYPE:
        raise NotVerified
    document = token.header.get("jwk")
    key = public_key(document, token.algorithm)
    if not token.is_signed_by(key):
        raise NotVerified
    assert isinstance(document, dict)
    return token, thumbprint_of(document), token.text("jti", _JTI_LENGTH_MAX)


def _is_same(htu: str, url: str) -> bool:
    """Raises ValueError for what is no address."""
    return htu == url or normalised(htu) == normalised(url)


def _names(ath: object, access_token: str) -> bool:
    return isinstance(ath, str) and hmac.compare_digest(ath.encode(), ath_of(access_token).encode())


def _values(headers: Mapping[str, str], name: str) -> Sequence[str]:
    """Every value of a header; a plain mapping has one at most."""
    of = getattr(headers, "getlist", None)
    if of is not None:
        return list(of(name))
    return [value for given, value in headers.items() if given.lower() == name]
