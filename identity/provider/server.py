"""The authorization code grant with PKCE (RFC 6749 §4.1, RFC 7636, OAuth 2.1) on Authlib's grant core.

Authlib is synchronous: a server is made for one request over the synchronous face of its session, inside
`AsyncSession.run_sync`. What Authlib leaves loose is tied here: PKCE is required and S256 alone; a code is consumed by
one conditional UPDATE after everything else was checked, so that of parallel redemptions one wins, and a wrong one
costs nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    InvalidGrantError,
    InvalidRequestError,
    OAuth2Error,
    OAuth2Payload,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from core.ids import new_id
from identity.provider.clients import SEEDED, RegisteredClient
from identity.provider.models import AuthorizationCode, Client
from identity.provider.tokens import Grant, TokenMaker

CODE_SECONDS: Final = 60
_PARAMETER_LENGTH_MAX: Final = 2_048
_S256_CHALLENGE_LENGTH: Final = 43

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reply:
    """What the protocol answers, before HTTP: a redirect with `location`, or a JSON `body`."""

    status: int
    body: dict[str, Any] | str
    headers: Sequence[tuple[str, str]]

    @property
    def location(self) -> str | None:
        return next((value for name, value in self.headers if name == "Location"), None)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The person who is signed in in the browser, as far as a code needs it."""

    person: UUID
    session: UUID
    acr: str
    amr: Sequence[str]
    auth_time: datetime


class Parameters(OAuth2Payload):  # type: ignore[misc] # Authlib has no types
    """The parameters of a request, each with every value it came with."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._list: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            self._list[name].append(value)

    @property
    def data(self) -> dict[str, str]:
        return {name: values[0] for name, values in self._list.items()}

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return self._list

    def check(self) -> None:
        """Once each, printable ASCII (RFC 6749 §3.1, appendix A). Raises `InvalidRequestError`, never redirecting."""
        for name, values in self._list.items():
            if len(values) > 1:
                raise InvalidRequestError("A parameter is repeated.")
            if not (name.isascii() and values[0].isascii() and values[0].isprintable()):
                raise InvalidRequestError("A parameter has characters that it may not have.")
            if len(values[0]) > _PARAMETER_LENGTH_MAX:
                raise InvalidRequestError("A parameter is too long.")


class Request(OAuth2Request):  # type: ignore[misc]
    """A request to the provider. Its address is built from the issuer: the Host header steers nothing."""

    def __init__(self, method: str, address: str, parameters: Parameters, headers: dict[str, str]) -> None:
        super().__init__(method, address, headers=headers)
        self.payload = parameters

    @property
    def args(self) -> dict[str, str]:
        return self.form

    @property
    def form(self) -> dict[str, str]:
        data: dict[str, str] = self.payload.data
        return data


class S256Only(CodeChallenge):  # type: ignore[misc]
    """PKCE as RFC 9700 §2.1.1 wants it: always, and never `plain`, which is also what a missing method would mean."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012 - Authlib's own attribute

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        given = grant.request.payload.data
        if given.get("code_challenge_method") != "S256":
            raise InvalidRequestError("code_challenge_method must be S256.")
        if len(given.get("code_challenge", "")) != _S256_CHALLENGE_LENGTH:
            raise InvalidRequestError("code_challenge must be a SHA-256 in base64url.")
        super().validate_code_challenge(grant, redirect_uri)

    def get_authorization_code_challenge_method(self, _code: Any) -> str:
        return "S256"


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ["none"]  # noqa: RUF012 - Authlib's own attribute

    server: Provider

    @staticmethod
    def validate_authorization_redirect_uri(request: Request, client: RegisteredClient) -> str:
        uri: str | None = request.payload.redirect_uri
        if uri is None or not client.check_redirect_uri(uri):
            raise InvalidRequestError("redirect_uri is missing or not registered for this client.")
        return uri

    def generate_authorization_code(self) -> str:
        return secrets.token_urlsafe(32)

    def save_authorization_code(self, code: str, request: Request) -> None:
        who: SignedIn = request.user
        now = self.server.now
        self.server.session.add(
            AuthorizationCode(
                code_hash=hash_of(code),
                person=who.person,
                session=who.session,
                client=request.client.get_client_id(),
                redirect_uri=request.payload.redirect_uri,
                scope=request.scope,
                resources=[self.server.issuer + request.client.row.resources[0]],
                code_challenge=request.payload.data["code_challenge"],
                dpop_jkt=None,
                nonce=request.payload.data.get("nonce"),
                acr=who.acr,
                amr=list(who.amr),
                auth_time=who.auth_time,
                expires_at=now + timedelta(seconds=CODE_SECONDS),
            )
        )

    def query_authorization_code(self, code: str, client: RegisteredClient) -> _CodeRow | None:
        """A code of this client that is still good. Used ones are found out here and, for good, by :meth:`_consume`.

        Whether it was used comes before whether it has expired: a late replay says as well that the code leaked.
        """
        row = self.server.session.scalar(
            select(AuthorizationCode).where(
                col(AuthorizationCode.code_hash) == hash_of(code),
                col(AuthorizationCode.client) == client.get_client_id(),
            )
        )
        if row is not None and row.used_at is not None:
            self.server.note_replay(row)
            return None
        if row is None or row.expires_at <= self.server.now:
            return None
        return _CodeRow(row)

    def authenticate_user(self, code: _CodeRow) -> UUID:
        return code.row.person

    def generate_token(self, **_options: Any) -> dict[str, Any]:
        """Consumes the code and makes the tokens: nothing that could still fail comes after."""
        row: AuthorizationCode = self.request.authorization_code.row
        token_id = new_id()
        self._consume(row, token_id)
        client: RegisteredClient = self.request.client
        return self.server.tokens.response(
            Grant(
                person=row.person,
                client=row.client,
                audience=client.row.resources[0],
                seconds=client.row.token_seconds,
                scope=row.scope,
                nonce=row.nonce,
                acr=row.acr,
                auth_time=row.auth_time,
                token_id=token_id,
            ),
            self.server.session,
            row.session,
        )

    def _consume(self, row: AuthorizationCode, token_id: UUID) -> None:
        won = self.server.session.execute(
            update(AuthorizationCode)
            .where(col(AuthorizationCode.code_hash) == row.code_hash, col(AuthorizationCode.used_at).is_(None))
            .values(used_at=self.server.now, family=token_id)
            .returning(col(AuthorizationCode.code_hash))
            .execution_options(synchronize_session=False)
        ).first()
        if won is None:
            self.server.note_replay(row)
            raise InvalidGrantError("Invalid 'code' in request.")

    def delete_authorization_code(self, _code: _CodeRow) -> None:
        """Nothing: it was consumed before the tokens were made, and the used row is kept."""


class _CodeRow:
    """A row of codes as Authlib sees it."""

    def __init__(self, row: AuthorizationCode) -> None:
        self.row = row
        self.code_challenge = row.code_challenge

    def get_redirect_uri(self) -> str:
        return self.row.redirect_uri

    def get_scope(self) -> str:
        return self.row.scope


class Provider(AuthorizationServer):  # type: ignore[misc]
    """The authorization server during one request."""

    def __init__(self, session: Session, issuer: str, now: datetime, tokens: TokenMaker | None = None) -> None:
        super().__init__(scopes_supported=sorted({scope for entry in SEEDED for scope in entry.scopes}))
        self.session, self.issuer, self.now = session, issuer, now
        self._tokens = tokens
        self.register_grant(CodeGrant, [S256Only(required=True)])

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

    def authorize(self, request: Request, grant: CodeGrant, who: SignedIn | None) -> Reply:
        """A redirect with a code; with `access_denied` when the person said no (`who` is None)."""
        reply: Reply = self.create_authorization_response(request, grant_user=who, grant=grant)
        return self.with_issuer(reply)

    def token(self, request: Request) -> Reply:
        """The answer of the token endpoint, an error included: nothing is raised that would undo what was noted."""
        try:
            request.payload.check()
            if not request.payload.grant_type:
                raise InvalidRequestError("grant_type is missing.")
        except OAuth2Error as error:
            refused: Reply = self.handle_error_response(request, error)
            return refused
        reply: Reply = self.create_token_response(request)
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

    def note_replay(self, row: AuthorizationCode) -> None:
        log.warning("authorization_code_used_again", client=row.client, family=str(row.family))
        self.session.execute(
            update(AuthorizationCode)
            .where(col(AuthorizationCode.code_hash) == row.code_hash, col(AuthorizationCode.replayed_at).is_(None))
            .values(replayed_at=self.now)
            .execution_options(synchronize_session=False)
        )

    # What Authlib asks of an integration.

    def query_client(self, client_id: str) -> RegisteredClient | None:
        row = self.session.get(Client, client_id)
        return None if row is None else RegisteredClient(row, self.issuer)

    def save_token(self, token: dict[str, Any], request: Request) -> None:
        """Nothing: access tokens are not stored; the code's row remembers which it was redeemed for."""

    def create_oauth2_request(self, request: Request) -> Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Sequence[tuple[str, str]]) -> Reply:
        return Reply(status, body, headers)

    def send_signal(self, _name: str, *_args: Any, **_kwargs: Any) -> None:
        """Nobody listens."""


def hash_of(secret: str) -> bytes:
    """Of a random secret with 256 bits: a plain hash is enough to keep a leaked table useless."""
    return hashlib.sha256(secret.encode()).digest()
