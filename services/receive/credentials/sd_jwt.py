"""SD-JWT VC: credentials whose holder chooses what to show (RFC 9901; draft-ietf-oauth-sd-jwt-vc, `dc+sd-jwt`).

Issuing, and what a wallet does: choosing disclosures and proving its key. Verifying is in :mod:`.verifying`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import orjson

from services.receive.credentials import jws
from services.receive.credentials.disclosures import Disclosable, Path, conceal, digest_of, packed, reveal
from services.receive.credentials.errors import CredentialRefused, Why
from services.receive.credentials.jws import SigningKey

TYPE: Final = "dc+sd-jwt"
PROOF_TYPE: Final = "kb+jwt"
MEDIA_TYPE: Final = "application/dc+sd-jwt"
LENGTH_MAX: Final = 512 * 1024
IN_THE_OPEN: Final = frozenset({"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status"})
"""What no disclosure may hold (SD-JWT VC §3.2.2.2)."""


@dataclass(frozen=True, slots=True)
class SdJwt:
    """One as it is written: the signed part, the disclosures, and the key-binding JWT, if there is any."""

    signed: str
    disclosures: tuple[str, ...]
    proof: str | None = None

    @property
    def bare(self) -> str:
        """All before the key-binding JWT, the last `~` included: what `sd_hash` is over (RFC 9901 §4.3.1)."""
        return "~".join((self.signed, *self.disclosures, ""))

    def __str__(self) -> str:
        return self.bare + (self.proof or "")

    @classmethod
    def parse(cls, text: str) -> SdJwt:
        """Raises :class:`CredentialRefused`."""
        if len(text) > LENGTH_MAX:
            raise CredentialRefused(Why.TOO_LARGE)
        signed, *rest = text.split("~")
        if not rest or not text.isascii():
            raise CredentialRefused(Why.MALFORMED)
        *disclosures, proof = rest
        if not all(disclosures):
            raise CredentialRefused(Why.MALFORMED)
        return cls(signed, tuple(disclosures), proof or None)


def issue(claims: Mapping[str, Any], key: SigningKey, *, typ: str = TYPE, decoys: int = 0) -> SdJwt:
    """A credential over the claims, of which those are hidden that are
    :class:`~services.receive.credentials.disclosures.Disclosable`.

    Raises ValueError where one is that must stand in the open, and as :func:`conceal`.
    """
    if any(isinstance(claims.get(name), Disclosable) for name in IN_THE_OPEN):
        raise ValueError("what says whose credential it is stands in the open")
    payload, disclosures = conceal(claims, decoys=decoys)
    return SdJwt(jws.sign_prepared(head_of(key.kid, typ), packed(orjson.dumps(payload)), key), tuple(disclosures))


def present(credential: SdJwt, wanted: Collection[Path]) -> SdJwt:
    """With the disclosures of these claims, and of those within which they stand. Unknown paths raise KeyError.

    A path names an element by its place among all, those included that are hidden.
    """
    paths = places(credential)
    known = set(paths.values())
    if unknown := [path for path in wanted if path not in known]:
        raise KeyError(unknown[0])
    kept = tuple(one for one in credential.disclosures if any(path[: len(paths[one])] == paths[one] for path in wanted))
    return SdJwt(credential.signed, kept)


def places(credential: SdJwt) -> dict[str, Path]:
    """Each disclosure by where it stands. Verifies nothing. Raises :class:`CredentialRefused`."""
    try:
        payload = jws.read(credential.signed).payload
    except jws.NotSigned:
        raise CredentialRefused(Why.MALFORMED) from None
    return reveal(payload, credential.disclosures).paths


def prove(presented: SdJwt, holder: SigningKey, *, audience: str, nonce: str, at: datetime) -> SdJwt:
    """With a key-binding JWT (RFC 9901 §4.3) for one verifier and one asking."""
    claims = {"iat": int(at.timestamp()), "aud": audience, "nonce": nonce, "sd_hash": digest_of(presented.bare)}
    head = packed(orjson.dumps({"alg": jws.ALGORITHM, "typ": PROOF_TYPE}))
    return SdJwt(presented.signed, presented.disclosures, jws.sign_prepared(head, packed(orjson.dumps(claims)), holder))


def disclosable(claims: Mapping[str, Any], patterns: Sequence[tuple[str | None, ...]]) -> dict[str, Any]:
    """The claims, with :class:`Disclosable` wherever a pattern leads; None in one stands for every element of an array.

    Patterns that lead nowhere in these claims are passed over: not every credential has every claim.
    """
    made: Any = dict(claims)
    for pattern in sorted(patterns, key=len, reverse=True):  # from within: what is wrapped is not entered again
        made = _wrapped(made, pattern)
    found: dict[str, Any] = made
    return found


def _wrapped(value: Any, pattern: Sequence[str | None]) -> Any:
    if not pattern:
        return Disclosable(value)
    step, rest = pattern[0], pattern[1:]
    if step is None and isinstance(value, list):
        return [_wrapped(one, rest) for one in value]
    if isinstance(step, str) and isinstance(value, dict) and step in value:
        return {**value, step: _wrapped(value[step], rest)}
    return value


@lru_cache(maxsize=64)
def head_of(kid: str, typ: str) -> str:
    """The header of what that key signs, in base64url."""
    return packed(orjson.dumps({"alg": jws.ALGORITHM, "kid": kid, "typ": typ}))
