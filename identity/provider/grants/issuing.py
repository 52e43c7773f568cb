"""What the grants share: who asks, what for, and with which key."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidScopeError, OAuth2Error, UnauthorizedClientError

from identity.provider.clients import RegisteredClient
from identity.provider.models import TokenFamily
from identity.provider.protocol import InvalidTargetError, Request, hash_of

if TYPE_CHECKING:
    from identity.provider.server import Provider

REFRESH_TOKEN_PREFIX: Final = "srt_"  # noqa: S105 - by which scanners of leaked secrets may know one
_INVALID_DPOP_PROOF: Final = "invalid_dpop_proof"


class TokenGrant:
    """Mixed into Authlib's grants. The client was authenticated, and the key proven, before the transaction began."""

    server: Provider
    request: Request
    GRANT_TYPE: str

    def authenticate_token_endpoint_client(self) -> RegisteredClient:
        """Raises `InvalidClientError`, and `UnauthorizedClientError` for a grant that the client does not have."""
        client = self.request.client_authenticated
        if client is None or client.is_ended:
            raise InvalidClientError
        self.request.auth_method = client.row.auth_method
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("The client may not use this grant.")
        if client.needs_dpop and self.request.dpop_jkt is None:
            raise OAuth2Error("This client proves a key with each request.", error=_INVALID_DPOP_PROOF)
        return client

    def narrowed_resources(self, granted: Sequence[str]) -> Sequence[str]:
        """What the request names of what was granted, all of it when it names nothing. Raises `InvalidTargetError`."""
        wanted = self.request.payload.resources
        if not set(wanted) <= set(granted):
            raise InvalidTargetError("That resource was not granted.")
        client: RegisteredClient = self.request.client
        return client.resources_for(list(wanted) or list(granted))

    def narrowed_scope(self, granted: Collection[str]) -> str:
        """The same of scopes, without what the client may no longer have. Raises `InvalidScopeError`."""
        wanted = (self.request.payload.scope or "").split()
        if not set(wanted) <= set(granted):
            raise InvalidScopeError
        client: RegisteredClient = self.request.client
        scope = " ".join(one for one in dict.fromkeys(wanted or granted) if one in client.row.scopes)
        if not scope:
            raise InvalidScopeError
        return scope

    def new_refresh_token(self, family: TokenFamily) -> tuple[str, dict[str, Any]]:
        """A refresh token, and the row to be entered for it."""
        token = REFRESH_TOKEN_PREFIX + secrets.token_urlsafe(32)
        row = {
            "token_hash": hash_of(token),
            "person": family.person,
            "family": family.id,
            "issued_at": self.server.now,
            "expires_at": family.expires_at,
        }
        return token, row

    def save_token(self, _token: dict[str, Any]) -> None:
        """Nothing: access tokens are not stored, and their family is entered when it begins."""


def is_over(family: TokenFamily, now: datetime) -> bool:
    return family.ended_at is not None or family.expires_at <= now
