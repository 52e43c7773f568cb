"""JSON Web Keys and tokens (RFC 7515, 7517, 7519) with everything pinned that a token must not choose for itself.

PyJWT checks signatures, issuer and audience. It asks the machine for the time and ignores what a key is for, so the
times and `use`, `key_ops`, `alg` are checked here.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt

from core.errors import SitthiError

TOKEN_LENGTH_MAX: Final = 8_192


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
    kid = _header(token).get("kid")
    if not isinstance(kid, str):
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
    if str(_header(token).get("typ", "")).lower().removeprefix("application/") not in types:
        raise NotVerified
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            issuer=issuer,
            audience=None if audiences is None else list(audiences),
            options={
                "require": ["exp", *required],
                "verify_aud": audiences is not None,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        instants = {name: _instant(claims[name]) for name in ("exp", "iat", "nbf", "auth_time") if name in claims}
    except (jwt.PyJWTError, NotVerified, TypeError, ValueError, OverflowError):
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


def _header(token: str) -> dict[str, Any]:
    if len(token) > TOKEN_LENGTH_MAX or not token.isascii():
        raise NotVerified
    try:
        return jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise NotVerified from None


def _instant(seconds: object) -> datetime:
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise NotVerified
    return datetime.fromtimestamp(seconds, UTC)
