"""Keys of signatures as JSON Web Keys (RFC 7517): Ed25519 (RFC 8032, RFC 8037) and P-256 (FIPS 186-5)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.plugins.contract.wire import ED25519, ES256

_NUMBER_BYTES: Final = 32
"""Of a coordinate, and of either half of a P-256 signature (RFC 9421 §3.3.4)."""
_KEYID: Final = re.compile(r"[A-Za-z0-9._~:/+=-]{1,100}")
_NAMES: Final = {ED25519: frozenset({"EdDSA", "Ed25519"}), ES256: frozenset({"ES256"})}
"""What `alg` of a JWK may say (RFC 8037, RFC 9864, RFC 7518)."""
_FIELD: Final = 2**255 - 19
_ORDER_EIGHT: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER: Final = frozenset({0, 1, _FIELD - 1, _ORDER_EIGHT, _FIELD - _ORDER_EIGHT})
"""The y of all eight points whose order divides 8."""


class KeyUnusable(ValueError):
    """A key that cannot be one of an agency or of ours; says why, never what the key is."""


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key, by which signatures of its one algorithm are checked."""

    keyid: str
    algorithm: str
    """As RFC 9421 §3.3 names it."""
    _public: Ed25519PublicKey | ec.EllipticCurvePublicKey = field(repr=False)

    @classmethod
    def of(cls, jwk: Mapping[str, Any]) -> Self:
        """Raises :class:`KeyUnusable` for any other kind of key, one for another purpose, one with a private part, and
        one without a usable `kid`."""
        keyid = jwk.get("kid")
        if not isinstance(keyid, str) or not _KEYID.fullmatch(keyid):
            raise KeyUnusable("it needs a `kid` of 1 to 100 letters, digits or . _ ~ : / + = -")
        if "d" in jwk or "k" in jwk:
            raise KeyUnusable("it holds a private key, which is now known to others: make a new one")
        if jwk.get("use", "sig") != "sig" or "verify" not in jwk.get("key_ops", ["verify"]):
            raise KeyUnusable("it is not for signatures")
        algorithm, public = _public_of(jwk)
        if "alg" in jwk and jwk["alg"] not in _NAMES[algorithm]:
            raise KeyUnusable("its `alg` is not the algorithm of its curve")
        return cls(keyid, algorithm, public)

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether the key made the signature over the message."""
        try:
            if isinstance(self._public, Ed25519PublicKey):
                self._public.verify(signature, message)
            else:
                self._public.verify(_der(signature), message, ec.ECDSA(SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return True


class KeysOf(Protocol):
    """Keys by id; a mapping is one, and so is whatever looks for keys it does not know yet."""

    def get(self, keyid: str, /) -> VerifyingKey | None: ...


def verifying_keys(jwks: Iterable[Mapping[str, Any]]) -> dict[str, VerifyingKey]:
    """The keys by id. Raises :class:`KeyUnusable`, also when two have one id."""
    keys: dict[str, VerifyingKey] = {}
    for jwk in jwks:
        key = VerifyingKey.of(jwk)
        if key.keyid in keys:
            raise KeyUnusable("two keys have the same `kid`")
        keys[key.keyid] = key
    return keys


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, and the id under which its public half is published."""

    keyid: str
    _private: Ed25519PrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def of(cls, private: Ed25519PrivateKey | ec.EllipticCurvePrivateKey, keyid: str | None = None) -> Self:
        """Without a `keyid` it is the thumbprint (RFC 7638)."""
        return cls(keyid or _thumbprint(_jwk(private.public_key())), private)

    @property
    def algorithm(self) -> str:
        return ED25519 if isinstance(self._private, Ed25519PrivateKey) else ES256

    @property
    def jwk(self) -> dict[str, str]:
        """The public half, to publish."""
        names = {ED25519: "EdDSA", ES256: "ES256"}
        return {
            **_jwk(self._private.public_key()),
            "kid": self.keyid,
            "use": "sig",
            "alg": names[self.algorithm],
        }

    @property
    def verifying(self) -> VerifyingKey:
        return VerifyingKey(self.keyid, self.algorithm, self._private.public_key())

    def sign(self, message: bytes) -> bytes:
        """64 bytes, of either algorithm."""
        if isinstance(self._private, Ed25519PrivateKey):
            return self._private.sign(message)
        r, s = decode_dss_signature(self._private.sign(message, ec.ECDSA(SHA256())))
        return r.to_bytes(_NUMBER_BYTES, "big") + s.to_bytes(_NUMBER_BYTES, "big")


def _der(signature: bytes) -> bytes:
    if len(signature) != 2 * _NUMBER_BYTES:
        raise ValueError
    numbers = (int.from_bytes(half, "big") for half in (signature[:_NUMBER_BYTES], signature[_NUMBER_BYTES:]))
    return encode_dss_signature(*numbers)


def _public_of(jwk: Mapping[str, Any]) -> tuple[str, Ed25519PublicKey | ec.EllipticCurvePublicKey]:
    kind = (jwk.get("kty"), jwk.get("crv"))
    try:
        if kind == ("OKP", "Ed25519"):
            raw = _number(jwk, "x")
            if _signs_anything(raw):
                raise KeyUnusable("by this key anything counts as signed")
            return ED25519, Ed25519PublicKey.from_public_bytes(raw)
        if kind == ("EC", "P-256"):
            x, y = (int.from_bytes(_number(jwk, name), "big") for name in ("x", "y"))
            return ES256, ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except (binascii.Error, ValueError) as error:
        raise error if isinstance(error, KeyUnusable) else KeyUnusable("its numbers are no key") from None
    raise KeyUnusable("it is neither an Ed25519 nor a P-256 key")


def _signs_anything(raw: bytes) -> bool:
    """Whether the point is of small order (RFC 8032 §5.1): then one signature fits many messages, or all."""
    y = int.from_bytes(raw, "little") & (1 << 255) - 1  # without the sign of x
    return y % _FIELD in _SMALL_ORDER


def _number(jwk: Mapping[str, Any], name: str) -> bytes:
    text = jwk.get(name)
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]{43}", text):
        raise KeyUnusable(f"its `{name}` is not 32 bytes in base64url")
    number = base64.urlsafe_b64decode(text + "=")
    if base64.urlsafe_b64encode(number).decode().rstrip("=") != text:
        raise KeyUnusable(f"its `{name}` is not 32 bytes in base64url")
    return number


def _jwk(public: Ed25519PublicKey | ec.EllipticCurvePublicKey) -> dict[str, str]:
    if isinstance(public, Ed25519PublicKey):
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}
    numbers = public.public_numbers()
    x, y = (_base64url(number.to_bytes(_NUMBER_BYTES, "big")) for number in (numbers.x, numbers.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def _thumbprint(jwk: Mapping[str, str]) -> str:
    """RFC 7638; the members stand in their order already."""
    canonical = "{" + ",".join(f'"{name}":"{value}"' for name, value in jwk.items()) + "}"
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
