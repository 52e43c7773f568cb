"""Signatures of credentials: ES256 (RFC 7515, 7518 §3.4) and nothing else, over JSON as it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from jwt.algorithms import ECAlgorithm

from core.jose import thumbprint
from services.receive.credentials.disclosures import packed, unpacked

ALGORITHM: Final = "ES256"
_HALF_BYTES: Final = 32
_ECDSA: Final = ec.ECDSA(hashes.SHA256())
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})", re.ASCII)


class NotSigned(ValueError):
    """It is no JWS that this module reads, or the signature does not fit."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and its `kid`."""

    kid: str
    private: ec.EllipticCurvePrivateKey = field(repr=False)

    def public_jwk(self) -> dict[str, Any]:
        jwk = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**jwk, "kid": self.kid, "use": "sig", "alg": ALGORITHM}

    @classmethod
    def fresh(cls) -> SigningKey:
        """A new key, named by its thumbprint (RFC 7638)."""
        private = ec.generate_private_key(ec.SECP256R1())
        return cls(thumbprint(ECAlgorithm.to_jwk(private.public_key(), as_dict=True)), private)


@dataclass(frozen=True, slots=True)
class Jws:
    """One that was read, and is not verified yet."""

    header: dict[str, Any]
    payload: dict[str, Any]
    signed: bytes
    signature: bytes

    def verify(self, key: ec.EllipticCurvePublicKey) -> None:
        """Raises :class:`NotSigned`."""
        halves = (self.signature[:_HALF_BYTES], self.signature[_HALF_BYTES:])
        try:
            key.verify(encode_dss_signature(*(int.from_bytes(half) for half in halves)), self.signed, _ECDSA)
        except InvalidSignature:
            raise NotSigned from None

    @property
    def typ(self) -> str:
        """In lower case, without `application/` (RFC 7515 §4.1.9)."""
        return str(self.header.get("typ", "")).lower().removeprefix("application/")


def sign(header: Mapping[str, Any], payload: Mapping[str, Any], key: SigningKey) -> str:
    """A compact JWS; `alg` and `kid` are added to the header."""
    head = packed(orjson.dumps({"alg": ALGORITHM, "kid": key.kid, **header}))
    return sign_prepared(head, packed(orjson.dumps(payload)), key)


def sign_prepared(head: str, body: str, key: SigningKey) -> str:
    """Of a header and a payload that are in base64url already: many credentials have one header."""
    signed = f"{head}.{body}"
    first, second = decode_dss_signature(key.private.sign(signed.encode("ascii"), _ECDSA))
    return f"{signed}.{packed(first.to_bytes(_HALF_BYTES) + second.to_bytes(_HALF_BYTES))}"


def read(text: str) -> Jws:
    """Raises :class:`NotSigned` unless it is a compact JWS of JSON whose header says ES256 and asks for no extension
    (RFC 7515 §4.1.11, RFC 7797)."""
    found = _COMPACT.fullmatch(text)
    if found is None:
        raise NotSigned
    try:
        header, payload = orjson.loads(unpacked(found[1])), orjson.loads(unpacked(found[2]))
        signature = unpacked(found[3])
    except ValueError:
        raise NotSigned from None
    if not isinstance(header, dict) or not isinstance(payload, dict):
        raise NotSigned
    if header.get("alg") != ALGORITHM or "crit" in header or "b64" in header:
        raise WrongAlgorithm
    return Jws(header, payload, f"{found[1]}.{found[2]}".encode("ascii"), signature)


class WrongAlgorithm(NotSigned):
    """The header names another algorithm, none, or an extension."""


def public_key(jwk: object) -> ec.EllipticCurvePublicKey:
    """Raises :class:`NotSigned` for what is no public P-256 key: another kind, or one with its private half in it."""
    if not isinstance(jwk, dict) or jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or "d" in jwk:
        raise NotSigned
    try:
        key = ECAlgorithm.from_jwk(jwk)
    except (jwt.PyJWTError, TypeError, ValueError):
        raise NotSigned from None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise NotSigned
    return key


def bare_jwk(jwk: Mapping[str, Any]) -> dict[str, str]:
    """A public P-256 key as `cnf` holds it: nothing that its holder wrote beside it, which might name them."""
    return {name: str(jwk[name]) for name in ("kty", "crv", "x", "y")}


def jwk_of(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """A public P-256 key as `cnf` holds it, in its one spelling: base64url can be written in many."""
    return bare_jwk(ECAlgorithm.to_jwk(key, as_dict=True))
