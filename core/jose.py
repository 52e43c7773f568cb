"""JSON Web Keys and tokens (RFC 7515, 7517, 7519) with everything pinned that a token must not choose for itself.

PyJWT's algorithms check signatures. The rest is here: its own reader looks at every character in Python (90 µs of a
token that is read three times, more than the signature takes), asks the machine for the time, and ignores what a key is
for. So the form, the claims, the times, and `use`, `key_ops`, `alg` of a key are checked here.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import jwt
import orjson

from core.errors import SitthiError

TOKEN_LENGTH_MAX: Final = 8_192
_COMPACT: Final = re.compile(r"([\w-]+)\.([\w-]+)\.([\w-]+)", re.ASCII)
"""RFC 7515 §7.1; a signature that is empty is none."""


class NotVerified(SitthiError):
    """Never reaches a caller as such: whoever verifies says what it means."""

    code = "NOT_VERIFIED"


class Expired(NotVerified):
    code = "EXPIRED"


def usable_keys(jwks: Mapping[str, Any], algorithms: Collection[str]) -> dict[str, jwt.PyJWK]:
    """The keys of a key set that are meant for verifying signatures of these (asymmetric) algorithms, by `kid`."""
    found = {}
    for document in jwks.get("keys", ()):
        if not isinstance(document, dict) or not isinstance(document.get("kid"), str):
            continue
        try:
            is_for_signatures = document.get("use", "sig") == "sig" and "verify" in document.get("key_ops", ["verify"])
            if not is_for_signatures or document.get("kty") not in ("EC", "RSA"):
                continue
            key = jwt.PyJWK(document)
        except (jwt.PyJWTError, TypeError, ValueError):  # one that is malformed takes no other with it (RFC 7517 §5)
            continue
        if key.algorithm_name in algorithms:
            found[document["kid"]] = key
    return found


def key_id(token: str) -> str:
    """The `kid` a token names, unverified. Raises :class:`NotVerified`."""
    kid = _header(_segments(token)[0]).kid
    if kid is None:
        raise NotVerified
    return kid


def verified_claims(
    token: str,
    key: jwt.PyJWK,
    *,
    types: Collection[str],
    issuer: str,
    audiences: Collection[str] | None,
    now: datetime,
    required: Collection[str],
    leeway: timedelta = timedelta(0),
    ahead: timedelta = timedelta(0),
    expired_is_fine: bool = False,
) -> dict[str, Any]:
    """The claims of a token that is ours to believe now.

    `types` are the accepted `typ` headers in lower case. The algorithm is the key's, whatever the token says. `exp` is
    required, though with `expired_is_fine` it may be past, for a token that is a mere hint; without `audiences` the
    caller checks `aud`. `leeway` is for a clock of others, either way; `ahead` for having been made after now by it.
    Raises :class:`Expired` when nothing but the time is wrong, else :class:`NotVerified`.
    """
    head, body, mark = _segments(token)
    header = _header(head)
    if header.typ not in types or header.alg != key.algorithm_name:
        raise NotVerified
    try:
        is_signed = key.Algorithm.verify(f"{head}.{body}".encode(), key.key, _decoded(mark))
        claims = orjson.loads(_decoded(body)) if is_signed else None
        if not isinstance(claims, dict) or not _is_for(claims, issuer, audiences, ("exp", *required)):
            raise NotVerified
        instants = {name: _instant(claims[name]) for name in ("exp", "iat", "nbf", "auth_time") if name in claims}
    except (jwt.PyJWTError, TypeError, ValueError, OverflowError, OSError):  # the last: a year no machine has
        raise NotVerified from None
    if any(name in instants and instants[name] > now + leeway + ahead for name in ("iat", "nbf")):
        raise NotVerified
    if instants["exp"] <= now - leeway and not expired_is_fine:
        raise Expired
    return claims


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """RFC 7638, of an elliptic-curve or RSA key."""
    names = ("crv", "kty", "x", "y") if jwk["kty"] == "EC" else ("e", "kty", "n")
    canonical = "{" + ",".join(f'"{name}":"{jwk[name]}"' for name in names) + "}"
    return base64url(hashlib.sha256(canonical.encode()).digest())


def half_hash(value: str) -> str:
    """`at_hash` of OpenID Connect Core §3.1.3.6, for algorithms over SHA-256."""
    return base64url(hashlib.sha256(value.encode("ascii")).digest()[:16])


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class _Header:
    """What is asked of a token's header."""

    alg: str
    kid: str | None
    typ: str
    """In lower case, without `application/`."""


def _segments(token: str) -> tuple[str, str, str]:
    found = _COMPACT.fullmatch(token) if len(token) <= TOKEN_LENGTH_MAX else None
    if found is None:
        raise NotVerified
    return found[1], found[2], found[3]


@lru_cache(maxsize=64)
def _header(segment: str) -> _Header:
    """Remembered: that of all tokens by one key is the same."""
    try:
        found = orjson.loads(_decoded(segment))
    except ValueError:
        raise NotVerified from None
    # We know no extension, so we may ignore none (RFC 7515 §4.1.11, RFC 7797).
    if not isinstance(found, dict) or "crit" in found or found.get("b64", True) is not True:
        raise NotVerified
    alg, kid = found.get("alg"), found.get("kid")
    if not isinstance(alg, str) or not isinstance(kid, str | None):
        raise NotVerified
    return _Header(alg, kid, str(found.get("typ", "")).lower().removeprefix("application/"))


def _is_for(
    claims: Mapping[str, Any], issuer: str, audiences: Collection[str] | None, required: Collection[str]
) -> bool:
    """Whether it has what is required, is the issuer's, and for one of these audiences."""
    if any(claims.get(name) is None for name in required) or claims.get("iss") != issuer:
        return False
    if any(name in claims and not isinstance(claims[name], str) for name in ("sub", "jti")):
        return False
    if audiences is None:
        return True
    given = claims.get("aud")
    named = given if isinstance(given, list) else [given]
    return all(isinstance(one, str) for one in named) and any(one in audiences for one in named)


def _decoded(segment: str) -> bytes:
    """Base64url without padding, spelt in the one way there is. Raises ValueError."""
    decoded = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    if base64url(decoded) != segment:
        raise ValueError("not canonical")
    return decoded


def _instant(seconds: object) -> datetime:
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise NotVerified
    return datetime.fromtimestamp(seconds, UTC)
