"""What another issuer's token says, in our terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from core.assurance import LEAST
from core.ids import MalformedNationalId, NationalId
from core.issuers import TrustedIssuer

_CLIENT_LENGTH_MAX: Final = 200
_OF_ID_TOKENS: Final = ("nonce", "at_hash", "c_hash", "s_hash")
"""Claims of ID tokens alone (OpenID Connect Core §2, §3.3.2.11): one that is `typ: jwt` is told by them."""


def claim(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of that name; with a slash in front, at that place (RFC 6901). None where there is nothing."""
    if not name.startswith("/"):
        return claims.get(name)
    found: Any = claims
    for step in name[1:].split("/"):
        if not isinstance(found, Mapping):
            return None
        found = found.get(step.replace("~1", "/").replace("~0", "~"))
    return found


def national_id(claims: Mapping[str, Any], trusted: TrustedIssuer) -> NationalId | None:
    """None for a token that names nobody, or nobody who can be."""
    given = claim(claims, trusted.national_id)
    try:
        return NationalId.parse(given) if isinstance(given, str) else None
    except MalformedNationalId:
        return None


def scopes(claims: Mapping[str, Any], trusted: TrustedIssuer) -> frozenset[str]:
    """Of ours, those that its scopes and roles give."""
    theirs = {one for name in trusted.scope_claims for one in _words(claim(claims, name))}
    return frozenset(ours for one in theirs for ours in trusted.scopes.get(one, ()))


def acr(claims: Mapping[str, Any], trusted: TrustedIssuer) -> str:
    """The level of ours that its class is worth; the least for one that was never agreed on."""
    given = claims.get("acr")
    return trusted.acr.get(given, LEAST.acr) if isinstance(given, str) else LEAST.acr


def client(claims: Mapping[str, Any], trusted: TrustedIssuer) -> str | None:
    """As we know it: no client of theirs passes for one of ours."""
    given = claim(claims, trusted.client)
    is_a_name = isinstance(given, str) and 0 < len(given) <= _CLIENT_LENGTH_MAX and given.isprintable()
    return f"{trusted.name}/{given}" if is_a_name else None


def thumbprint(claims: Mapping[str, Any]) -> str | None:
    """Of the key that the token is bound to (RFC 9449 §6.1); None for a bearer token.

    Raises ValueError for a token that is bound by anything else, which we could not check.
    """
    if "cnf" not in claims:
        return None
    bound = claims["cnf"]
    if not isinstance(bound, dict) or set(bound) != {"jkt"} or not isinstance(bound["jkt"], str):
        raise ValueError("bound by something else")
    return bound["jkt"]


def is_id_token(claims: Mapping[str, Any]) -> bool:
    return any(name in claims for name in _OF_ID_TOKENS) or claims.get("typ") == "ID"


def _words(given: object) -> Iterator[str]:
    if isinstance(given, str):
        yield from given.split()
    elif isinstance(given, list):
        yield from (one for one in given if isinstance(one, str))
