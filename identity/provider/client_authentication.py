"""Who a client is: `private_key_jwt` (RFC 7523, OpenID Connect Core §9), or a public client's name alone.

There are no shared secrets. Why keys are registered inline and the audience is the issuer alone: docs/adr/0013.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import cache
from typing import Final

import jwt
import structlog
from authlib.oauth2.rfc6749 import InvalidClientError, OAuth2Error
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from core.clock import Clock
from core.errors import ServiceUnavailable
from core.jose import NotVerified, base64url
from identity.provider.client_keys import Unverified, keys_for, public_key
from identity.provider.clients import RegisteredClient
from identity.provider.known_clients import CLIENT_ID_LENGTH_MAX, KnownClients
from identity.provider.models import Client
from identity.provider.protocol import Parameters
from identity.provider.replay import Replays

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFE_SECONDS_MAX: Final = 300
"""How far ahead the `exp` of an assertion may be, and how long it may live at all."""
CLOCK_SKEW_SECONDS: Final = 30
"""How far a client's clock may be ahead: FAPI 2.0 Security Profile §5.3.2.1 item 13 wants 10, and forbids over 60."""
_TYPES: Final = frozenset({"", "jwt", "client-authentication+jwt"})
_JTI_LENGTH_MAX: Final = 256
_CREDENTIALS: Final = ("client_id", "client_secret", "client_assertion", "client_assertion_type")

log = structlog.get_logger()


class ClientRefused(InvalidClientError):  # type: ignore[misc] # Authlib has no types
    """Not one of ours, or not proven to be: which of the two, nobody is told (RFC 6749 §5.2)."""

    status_code = 401

    def __init__(self, *, is_basic: bool = False) -> None:
        super().__init__()
        self._is_basic = is_basic

    def get_headers(self) -> list[tuple[str, str]]:
        """A challenge only to those who came with an `Authorization` header: no scheme of HTTP stands for ours, and
        `Basic` would make browsers ask people for a password."""
        headers: list[tuple[str, str]] = OAuth2Error.get_headers(self)
        return [*headers, ("WWW-Authenticate", 'Basic realm="sitthi"')] if self._is_basic else headers


class TemporarilyUnavailable(OAuth2Error):  # type: ignore[misc]
    """We cannot know just now whether to believe it. The caller may try again."""

    error = "temporarily_unavailable"
    status_code = 503


class ClientAuthentication:
    """Authenticates clients at the token, PAR, revocation and introspection endpoints. Opens a read of its own: call it
    before any transaction."""

    def __init__(self, issuer: str, clients: KnownClients, clock: Clock, replays: Replays) -> None:
        self._issuer, self._clients, self._clock, self._replays = issuer, clients, clock, replays

    async def authenticate(
        self, parameters: Parameters, headers: Mapping[str, str], *, endpoint: str
    ) -> RegisteredClient:
        """The client that sent this request to `endpoint` (a name for the log).

        A public client only has to be one and to say which. An assertion is spent by this; nothing else is. Raises
        :class:`ClientRefused` (401, whatever was wrong) and :class:`TemporarilyUnavailable` (503).
        """
        is_basic = any(
            name.lower() == "authorization" and value.lower().startswith("basic") for name, value in headers.items()
        )
        try:
            return await self._authenticated(parameters, is_basic=is_basic)
        except NotVerified:
            log.info("client_refused", endpoint=endpoint, asserted="client_assertion" in parameters.data)
            raise ClientRefused(is_basic=is_basic) from None

    async def _authenticated(self, parameters: Parameters, *, is_basic: bool) -> RegisteredClient:
        """Raises :class:`NotVerified`."""
        given = parameters.data
        is_repeated = any(len(parameters.datalist.get(name, ())) > 1 for name in _CREDENTIALS)
        if is_repeated or is_basic or "client_secret" in given:
            raise NotVerified
        if "client_assertion" in given or "client_assertion_type" in given:
            return await self._by_assertion(given)
        return await self._by_name(given.get("client_id", ""))

    async def _by_name(self, client_id: str) -> RegisteredClient:
        found = await self._clients.find(client_id)
        if found is None or not found.is_public or found.row.fapi:
            raise NotVerified
        return found

    async def _by_assertion(self, given: Mapping[str, str]) -> RegisteredClient:
        """Of an unknown client, or one without such a key, the signature is checked as well, with a key of our own."""
        if given.get("client_assertion_type") != ASSERTION_TYPE:
            raise NotVerified
        token = Unverified.read(given.get("client_assertion", ""))
        client_id = token.text("sub", CLIENT_ID_LENGTH_MAX)
        client = await self._clients.find(client_id)
        registered = None if client is None or client.row.auth_method != "private_key_jwt" else client
        keys = keys_for(registered.row.jwks if registered else None, token) or [_decoy(token.algorithm)]
        signed = [token.is_signed_by(key) for key in keys]  # all of them: the time does not tell which key it was
        if not any(signed) or registered is None or not self._is_right(token, registered.row, given.get("client_id")):
            raise NotVerified
        await self._spend(token, client_id)
        return registered

    def _is_right(self, token: Unverified, client: Client, named: str | None) -> bool:
        """RFC 7523 §3, with what FAPI 2.0 Security Profile §5.3.2.1 makes narrower. Raises :class:`NotVerified`."""
        now = self._clock.now().timestamp()
        expires_at, issued_at, not_before = (token.seconds(name) for name in ("exp", "iat", "nbf"))
        audience = token.claims.get("aud")
        is_for_us = audience == self._issuer or (not client.fapi and audience == [self._issuer])
        return (
            token.type in _TYPES
            and token.claims.get("iss") == client.id
            and named in (None, client.id)
            and is_for_us
            and expires_at is not None
            and now < expires_at <= now + LIFE_SECONDS_MAX + CLOCK_SKEW_SECONDS
            and (issued_at is None or expires_at - issued_at <= LIFE_SECONDS_MAX)
            and all(one is None or one <= now + CLOCK_SKEW_SECONDS for one in (issued_at, not_before))
        )

    async def _spend(self, token: Unverified, client_id: str) -> None:
        jti = token.text("jti", _JTI_LENGTH_MAX)
        seconds = LIFE_SECONDS_MAX + 2 * CLOCK_SKEW_SECONDS
        try:
            is_first = await self._replays.is_first("assertion", client_id, jti, seconds=seconds)
        except ServiceUnavailable:
            raise TemporarilyUnavailable from None
        if not is_first:
            raise NotVerified


@cache
def _decoy(algorithm: str) -> jwt.PyJWK:
    """A public key whose private half nobody has."""
    if algorithm == "ES256":
        point = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
        numbers = {"x": base64url(point.x.to_bytes(32, "big")), "y": base64url(point.y.to_bytes(32, "big"))}
        return public_key({"kty": "EC", "crv": "P-256", **numbers}, algorithm)
    if algorithm == "EdDSA":
        raw = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()
        return public_key({"kty": "OKP", "crv": "Ed25519", "x": base64url(raw)}, algorithm)
    modulus = secrets.randbits(2_048) | 1 << 2_047 | 1
    return public_key({"kty": "RSA", "e": "AQAB", "n": base64url(modulus.to_bytes(256, "big"))}, algorithm)
