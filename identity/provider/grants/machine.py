"""The client credentials grant (RFC 6749 §4.4), for agencies' systems that act in their own name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant

from identity.provider.clients import PERSON_SCOPES, RegisteredClient
from identity.provider.grants.issuing import TokenGrant
from identity.provider.tokens import MachineGrant

if TYPE_CHECKING:
    from identity.provider.server import Provider


class MachineCredentialsGrant(TokenGrant, ClientCredentialsGrant):  # type: ignore[misc] # Authlib has no types
    """No refresh token: the client can always prove itself again."""

    server: Provider

    def authenticate_token_endpoint_client(self) -> RegisteredClient:
        client = super().authenticate_token_endpoint_client()
        if client.is_public:
            raise UnauthorizedClientError("A client without a key cannot act in its own name.")
        return client

    def validate_requested_scope(self) -> None:
        """Nothing of what only a person can grant. Raises `InvalidScopeError`."""
        client: RegisteredClient = self.request.client
        allowed = [scope for scope in client.row.scopes if scope not in PERSON_SCOPES]
        wanted = (self.request.payload.scope or "").split() or allowed
        if not wanted or not set(wanted) <= set(allowed):
            raise InvalidScopeError
        self.request.scope = " ".join(dict.fromkeys(wanted))

    def generate_token(self, **_options: Any) -> dict[str, Any]:
        client: RegisteredClient = self.request.client
        return self.server.tokens.machine_response(
            MachineGrant(
                client=client.row.id,
                agency=client.row.agency,
                scope=self.request.scope,
                audiences=client.resources_for(self.request.payload.resources),
                seconds=client.token_seconds,
                jkt=self.request.dpop_jkt,
            )
        )
