"""JWTs that clients sign (assertions, DPoP proofs) and the public keys they are checked with (RFC 7515, 7517, 7518).

The signature is PyJWT's to verify. Reading is ours: who sends such a token is not known yet, so a form that any reader
could take in two ways is refused, and the algorithm must be one of three and fit the key.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import jwt

from core.jose import NotVerified, base64url

ALGORITHMS: Final = ("ES256", "EdDSA", "PS256")
"""What FAPI 2.0 Security Profile §5.4.1 allows; all asymmetric. EdDSA is Ed25519 (its §5.4.1, item 3)."""
LENGTH_MAX: Final = 4_096
"""A proof by a 4,096-bit RSA key, the longest there is, takes some 2,400 characters."""
KEYS_MAX: Final = 10
"""A client's key set has one key, or two while it changes keys; what is beyond is not looked at."""
_RSA_BITS: Final = range(2_048, 4_097)
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_MEMBERS: Final = {"EC": ("crv", "x", "y"), "RSA": ("e", "n"), "OKP": ("crv", "x")}
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_FITS: Final = {"ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519"), "PS256": ("RSA", None)}


@dataclass(frozen=True, slots=True, repr=False)
class Unverified:
    """A token in two parts that nobody has vouched for yet."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes

    @classmethod
    def read(cls, token: str) -> Unverified:
        """Of a compact JWS. Raises :class:`NotVerified` for whatever is not plainly one."""
        parts = token.split(".")
        if len(token) > LENGTH_MAX or len(parts) != 3 or not all(_SEGMENT.fullmatch(part) for part in parts):
            raise NotVerified
        header, claims = (_object(_decoded(part)) for part in parts[:2])
        if "crit" in header or header.get("b64", True) is not True:  # we know no extension, so we may ignore none
            raise NotVerified
        return cls(header, claims, ".".join(parts[:2]).encode(), _decoded(parts[2]))

    @property
    def algorithm(self) -> str:
        """One of :data:`ALGORITHMS`. Raises :class:`NotVerified`."""
        found = self.header.get("alg")
        if not isinstance(found, str) or found not in ALGORITHMS:
            raise NotVerified
        return found

    @property
    def type(self) -> str:
        """The media type, in lower case and short (RFC 7515 §4.1.9); empty when it says none."""
        return str(self.header.get("typ", "")).lower().removeprefix("application/")

    def is_signed_by(self, key: jwt.PyJWK) -> bool:
        return key.algorithm_name == self.algorithm and bool(key.Algorithm.verify(self.signed, key.key, self.signature))

    def text(self, name: str, length_max: int) -> str:
        """A claim that must be there. Raises :class:`NotVerified`."""
        value = self.claims.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= length_max:
            raise NotVerified
        return value

    def seconds(self, name: str) -> float | None:
        """A NumericDate (RFC 7519 §2); None when it is not there. Raises :class:`NotVerified`."""
        value = self.claims.get(name)
        if value is None and name not in self.claims:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e11:
            raise NotVerified
        return float(value)


def public_key(document: object, algorithm: str) -> jwt.PyJWK:
    """A JWK as a key for that algorithm. Raises :class:`NotVerified` for one with private parts, of another kind, weak,
    or meant for something else than verifying signatures of this algorithm (`use`, `key_ops`, `alg`)."""
    if not isinstance(document, dict) or _PRIVATE & document.keys() or algorithm not in _FITS:
        raise NotVerified
    kind, curve = _FITS[algorithm]
    names = _MEMBERS[kind]
    operations = document.get("key_ops", ["verify"])
    if (
        document.get("kty") != kind
        or document.get("crv") != curve
        or document.get("use", "sig") != "sig"
        or document.get("alg", algorithm) != algorithm
        or not isinstance(operations, list)
        or "verify" not in operations
        or not all(isinstance(document.get(name), str) and _SEGMENT.fullmatch(document[name]) for name in names)
        or any(len(document[name]) > 1_024 for name in names)
    ):
        raise NotVerified
    return _key(algorithm, kind, tuple((name, document[name]) for name in names))


@lru_cache(maxsize=2_048)
def _key(algorithm: str, kind: str, members: tuple[tuple[str, str], ...]) -> jwt.PyJWK:
    """Remembered, for a phone proves the same key with each request. Raises :class:`NotVerified`."""
    for name, value in members:
        if name != "crv":
            _decoded(value)  # spelt in the one way there is, or one key would have many thumbprints
    try:
        key = jwt.PyJWK({"kty": kind, **dict(members)}, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
        raise NotVerified from None
    if kind == "RSA" and (key.key.key_size not in _RSA_BITS or key.key.public_numbers().e.bit_length() > 32):
        raise NotVerified  # too short to hold, or so long that checking it is work
    return key


def keys_for(jwks: Mapping[str, Any] | None, token: Unverified) -> Sequence[jwt.PyJWK]:
    """The keys of a client's key set that may have signed this token: by its `kid` if it names one, and algorithm.

    Two keys may share a `kid` when their algorithms differ (FAPI 2.0 Security Profile §5.4.3).
    """
    documents = (jwks or {}).get("keys")
    found = []
    for document in documents[:KEYS_MAX] if isinstance(documents, list) else ():
        named = token.header.get("kid")
        if named is not None and (not isinstance(document, dict) or document.get("kid") != named):
            continue
        try:
            found.append(public_key(document, token.algorithm))
        except NotVerified:
            continue
    return found


def thumbprint_of(document: Mapping[str, Any]) -> str:
    """RFC 7638 and RFC 8037 §2, of a public key that :func:`public_key` took."""
    kind = document["kty"]
    members = {name: document[name] for name in ("kty", *_MEMBERS[kind])}
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return base64url(hashlib.sha256(canonical.encode()).digest())


def _decoded(segment: str) -> bytes:
    """Base64url without padding, spelt in the one way there is."""
    try:
        decoded = base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise NotVerified from None
    if base64url(decoded) != segment:
        raise NotVerified
    return decoded


def _object(document: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(document.decode(), object_pairs_hook=_once_each, parse_constant=_refused)
        if b"\\u" in document:
            json.dumps(found, ensure_ascii=False).encode()  # half of a surrogate pair is no text (RFC 8259 §8.2)
    except (ValueError, RecursionError):
        raise NotVerified from None
    if not isinstance(found, dict):
        raise NotVerified
    return found


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name twice is read differently by different readers (RFC 7515 §4, RFC 7519 §4)."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _refused(_constant: str) -> None:
    """NaN and the infinities, which JSON has not."""
    raise ValueError
