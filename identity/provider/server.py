"""The authorization server on Authlib's core: one object for one request.

Authlib is synchronous. At the token endpoint it runs inside a transaction of the database, over the synchronous face
of its connection; at the others it asks no database. What needs the outside (who the client is, which key it proves,
whose tokens it brings) is found out before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749 import AuthorizationServer, InvalidRequestError, OAuth2Error
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from identity.provider.clients import RegisteredClient
from identity.provider.grants import CodeGrant, ExchangeGrant, MachineCredentialsGrant, RefreshGrant, S256Only
from identity.provider.grants.code import CODE_SECONDS
from identity.provider.protocol import InvalidTargetError, Parameters, Reply, Request, SignedIn, hash_of
from identity.provider.tokens import TokenMaker

__all__ = [
    "CODE_SECONDS",
    "CodeGrant",
    "InvalidTargetError",
    "Parameters",
    "Provider",
    "Reply",
    "Request",
    "SignedIn",
    "hash_of",
]


class Provider(AuthorizationServer):  # type: ignore[misc] # Authlib has no types
    """The authorization server during one request."""

    def __init__(
        self,
        issuer: str,
        now: datetime,
        *,
        client: RegisteredClient | None = None,
        connection: Connection | None = None,
        tokens: TokenMaker | None = None,
    ) -> None:
        """`client` is whom an authorization request names; the token endpoint brings `connection` and `tokens`."""
        super().__init__()
        self.issuer, self.now = issuer, now
        self._client, self._connection, self._tokens = client, connection, tokens
        self.code: Mapping[str, Any] | None = None
        """The row of the code that was made, to be entered."""
        self.register_grant(CodeGrant, [S256Only(required=True)])
        for grant in (RefreshGrant, MachineCredentialsGrant, ExchangeGrant):
            self.register_grant(grant)

    @property
    def connection(self) -> Connection:
        assert self._connection is not None, "only the token endpoint writes by itself"
        return self._connection

    @cached_property
    def session(self) -> Session:
        """For what goes by objects; a code's redemption does not need one. What is in it is written at the end."""
        return Session(self.connection, expire_on_commit=False)

    @property
    def tokens(self) -> TokenMaker:
        assert self._tokens is not None, "tokens are made at the token endpoint alone"
        return self._tokens

    def consent(self, request: Request) -> CodeGrant:
        """The grant of a valid authorization request. Raises :class:`OAuth2Error`."""
        request.payload.check()
        if not (request.payload.response_type or "").replace("_", "").isalpha():
            raise InvalidRequestError("response_type is missing or malformed.")
        grant: CodeGrant = self.get_consent_grant(request)
        return grant

    def authorize(
        self, request: Request, grant: CodeGrant, who: SignedIn | None
    ) -> tuple[Reply, Mapping[str, Any] | None]:
        """A redirect with a code, and the row to be entered for it; with `access_denied` when the person said no (`who`
        is None), and no row."""
        reply: Reply = self.create_authorization_response(request, grant_user=who, grant=grant)
        return self.with_issuer(reply), self.code

    def token(self, request: Request) -> Reply:
        """The answer of the token endpoint, an error included: nothing is raised that would undo what was noted."""
        reply: Reply = self.create_token_response(request)
        if "session" in self.__dict__:
            self.session.flush()
            self.session.close()
        return reply

    def refusal(self, request: Request, error: OAuth2Error) -> Reply:
        """The error by redirect, if the client and its redirect URI were found to be right; else in the body."""
        reply: Reply = self.handle_error_response(request, error)
        return self.with_issuer(reply)

    def with_issuer(self, reply: Reply) -> Reply:
        """RFC 9207: every authorization response names who made it, against mix-up."""
        if reply.location is None:
            return reply
        location = add_params_to_uri(reply.location, [("iss", self.issuer)])
        return Reply(303, "", [("Location", location)])

    # What Authlib asks of an integration.

    def query_client(self, client_id: str) -> RegisteredClient | None:
        found = self._client
        return found if found is not None and found.get_client_id() == client_id else None

    def create_oauth2_request(self, request: Request) -> Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Sequence[tuple[str, str]]) -> Reply:
        return Reply(status, body, headers)

    def send_signal(self, _name: str, *_args: Any, **_kwargs: Any) -> None:
        """Nobody listens."""
