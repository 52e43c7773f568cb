"""Reading the token of a citizen (`Sitthi-Token`) on the far side."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any, Final

from services.plugins.contract.keys import KeysOf
from services.plugins.contract.wire import ED25519, FRESH_SECONDS, TOKEN_SECONDS, TOKEN_TYPE
from services.plugins.strict_json import read_json

TOKEN_LENGTH_MAX: Final = 4_096


class TokenRefused(Exception):
    """Not a token of a citizen for this agency, now."""


def read_token(token: str, keys: KeysOf, *, issuer: str, audience: str, now: datetime) -> dict[str, Any]:
    """The claims: `sub` is the agency's own name for the citizen, `acr` the assurance of their sign-in, `act` who acts
    for them, if somebody does. Raises :class:`TokenRefused`. Whether `jti` is new, the caller sees to; the call that
    brought the token is taken once in any case.
    """
    try:
        signed, _, signature = token.rpartition(".")
        head, _, body = signed.partition(".")
        header, claims = read_json(_unpacked(head)), read_json(_unpacked(body))
        if len(token) > TOKEN_LENGTH_MAX or header["typ"] != TOKEN_TYPE or header["alg"] != "EdDSA":
            raise TokenRefused
        key = keys.get(header["kid"])
        if key is None or key.algorithm != ED25519 or not key.verify(_unpacked(signature), signed.encode()):
            raise TokenRefused
        is_ours = claims["iss"] == issuer and claims["aud"] == audience
        ahead, lives = claims["iat"] - now.timestamp(), claims["exp"] - claims["iat"]
        is_fresh = ahead <= FRESH_SECONDS and now.timestamp() < claims["exp"] + FRESH_SECONDS and lives <= TOKEN_SECONDS
    except (binascii.Error, KeyError, TypeError, ValueError):
        raise TokenRefused from None
    if not (is_ours and is_fresh and isinstance(claims.get("sub"), str)):
        raise TokenRefused
    return dict(claims)


def _unpacked(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
