"""Verifying what a wallet shows: each rule of RFC 9901 §7 and of SD-JWT VC §3.4, and a named reason for each refusal.

Nothing here asks anybody: keys come from a :class:`Trust`, which may be a downloaded list, and the time is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.asymmetric import ec

from services.receive.credentials import jws
from services.receive.credentials.disclosures import Path, digest_of, reveal
from services.receive.credentials.errors import CredentialRefused, Why
from services.receive.credentials.sd_jwt import IN_THE_OPEN, PROOF_TYPE, TYPE, SdJwt

PROOF_FRESH: Final = timedelta(minutes=5)
LEEWAY: Final = timedelta(seconds=60)
"""For clocks of wallets and of other issuers."""


class Trust(Protocol):
    """Whose credentials are believed."""

    def key(self, issuer: str, kid: str | None, at: datetime | None) -> ec.EllipticCurvePublicKey:
        """The key by which that issuer signed at that time (`iat`; None where the credential does not say).

        Raises :class:`CredentialRefused` with ISSUER_UNKNOWN or KEY_UNKNOWN.
        """
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What the holder was asked to sign: for whom, and a nonce that is used once."""

    audience: str
    nonce: str


@dataclass(frozen=True, slots=True)
class StatusReference:
    """Where it stands whether the credential is still good."""

    uri: str
    index: int


@dataclass(frozen=True, slots=True)
class Verified:
    """What is believed. Its status is not looked at yet."""

    issuer: str
    type: str
    claims: dict[str, Any]
    """With what was disclosed in its place, without `_sd` and `_sd_alg`."""
    disclosed: tuple[Path, ...]
    holder: dict[str, Any] | None
    """The public key (JWK) of whoever showed it, who proved that they have it; None where that was not asked for."""
    status: StatusReference | None
    expires_at: datetime | None


def verify(
    text: str, trust: Trust, now: datetime, *, asked: Asked | None = None, unproven: bool = False, typ: str = TYPE
) -> Verified:
    """What a credential or a presentation of it says. Raises :class:`CredentialRefused`.

    One that names a holder's key (`cnf`) is believed only with a proof of that key for what was `asked`; `unproven`
    lets it pass without, for whoever looks at their own or keeps one for later. Whether the nonce of `asked` is new,
    and whether the credential was taken back, the caller sees to.
    """
    shown = SdJwt.parse(text)
    issuer, signed = _signed(shown, trust, typ)
    revealed = reveal(signed.payload, shown.disclosures)
    claims = revealed.claims
    if any(path[0] in IN_THE_OPEN for path in revealed.paths.values()):
        raise CredentialRefused(Why.CLAIM_HIDDEN)
    vct = claims.get("vct")
    if not isinstance(vct, str) or not vct:
        raise CredentialRefused(Why.TYPE)
    expires_at = _in_its_time(claims, now)
    holder = _holder(shown, claims, asked, now, unproven=unproven)
    paths = tuple(revealed.paths.values())
    return Verified(issuer, vct, claims, paths, holder, _status(claims), expires_at)


def _signed(shown: SdJwt, trust: Trust, typ: str) -> tuple[str, jws.Jws]:
    try:
        signed = jws.read(shown.signed)
    except jws.WrongAlgorithm:
        raise CredentialRefused(Why.ALGORITHM) from None
    except jws.NotSigned:
        raise CredentialRefused(Why.MALFORMED) from None
    if signed.typ != typ:
        raise CredentialRefused(Why.TYPE)
    issuer, kid = signed.payload.get("iss"), signed.header.get("kid")
    if not isinstance(issuer, str) or not isinstance(kid, str | None):
        raise CredentialRefused(Why.MALFORMED)
    at = _instant(signed.payload, "iat")
    try:
        signed.verify(trust.key(issuer, kid, at))
    except jws.NotSigned:
        raise CredentialRefused(Why.SIGNATURE) from None
    return issuer, signed


def _in_its_time(claims: Mapping[str, Any], now: datetime) -> datetime | None:
    begins, issued, ends = (_instant(claims, name) for name in ("nbf", "iat", "exp"))
    if any(at is not None and at > now + LEEWAY for at in (begins, issued)):
        raise CredentialRefused(Why.NOT_YET_VALID)
    if ends is not None and ends <= now:
        raise CredentialRefused(Why.EXPIRED)
    return ends


def _holder(
    shown: SdJwt, claims: Mapping[str, Any], asked: Asked | None, now: datetime, *, unproven: bool
) -> dict[str, Any] | None:
    if "cnf" not in claims:
        if shown.proof is not None:
            raise CredentialRefused(Why.PROOF_MALFORMED)
        return None
    confirmation = claims["cnf"]
    jwk = confirmation.get("jwk") if isinstance(confirmation, dict) else None
    if shown.proof is None or asked is None:
        # A proof that nobody asked for proves nothing: it may be one that was made for somebody else.
        if not unproven:
            raise CredentialRefused(Why.HOLDER_UNPROVEN)
        return None
    try:
        proof = jws.read(shown.proof)
        key = jws.public_key(jwk)
    except jws.NotSigned:
        raise CredentialRefused(Why.PROOF_MALFORMED) from None
    if proof.typ != PROOF_TYPE:
        raise CredentialRefused(Why.PROOF_MALFORMED)
    try:
        proof.verify(key)
    except jws.NotSigned:
        raise CredentialRefused(Why.PROOF_SIGNATURE) from None
    _proves(proof.payload, shown, asked, now)
    assert isinstance(jwk, dict), "it was read as a key"
    return jwk


def _proves(told: Mapping[str, Any], shown: SdJwt, asked: Asked, now: datetime) -> None:
    if told.get("aud") != asked.audience:
        raise CredentialRefused(Why.PROOF_AUDIENCE)
    if not _same(told.get("nonce"), asked.nonce):
        raise CredentialRefused(Why.PROOF_NONCE)
    if not _same(told.get("sd_hash"), digest_of(shown.bare)):
        raise CredentialRefused(Why.PROOF_HASH)
    at = _instant(told, "iat")
    if at is None or at > now + LEEWAY or at < now - PROOF_FRESH:
        raise CredentialRefused(Why.PROOF_TIME)


def _same(told: object, expected: str) -> bool:
    return isinstance(told, str) and compare_digest(told.encode(), expected.encode())


def _status(claims: Mapping[str, Any]) -> StatusReference | None:
    """Of `status.status_list` (Token Status List §6.2). A status of which we understand nothing is no good status."""
    if "status" not in claims:
        return None
    status = claims["status"]
    named = status.get("status_list") if isinstance(status, dict) else None
    if not isinstance(named, dict):
        raise CredentialRefused(Why.STATUS_UNKNOWN)
    uri, index = named.get("uri"), named.get("idx")
    if not isinstance(uri, str) or isinstance(index, bool) or not isinstance(index, int) or index < 0:
        raise CredentialRefused(Why.STATUS_UNKNOWN)
    return StatusReference(uri, index)


def _instant(claims: Mapping[str, Any], name: str) -> datetime | None:
    """A NumericDate (RFC 7519 §2). Raises :class:`CredentialRefused`."""
    if name not in claims:
        return None
    seconds = claims[name]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise CredentialRefused(Why.MALFORMED)
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise CredentialRefused(Why.MALFORMED) from None
