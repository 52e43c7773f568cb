"""The authorization code grant with PKCE (RFC 6749 §4.1, RFC 7636, OAuth 2.1).

What Authlib leaves loose is tied here: PKCE is required and S256 alone; a code is consumed by one conditional UPDATE
after everything else was checked, so that of parallel redemptions one wins, and a wrong one costs nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import structlog
from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge

from core.ids import new_id
from identity.provider.clients import RegisteredClient
from identity.provider.codes import Code, find_code, note_replay, redeem
from identity.provider.endings import EndReason, end_family
from identity.provider.grants.issuing import TokenGrant
from identity.provider.models import TokenFamily
from identity.provider.protocol import Request, SignedIn, hash_of
from identity.provider.tokens import Grant

if TYPE_CHECKING:
    from identity.provider.server import Provider

CODE_SECONDS: Final = 60
_S256_CHALLENGE_LENGTH: Final = 43

log = structlog.get_logger()


class S256Only(CodeChallenge):  # type: ignore[misc] # Authlib has no types
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


class CodeGrant(TokenGrant, AuthorizationCodeGrant):  # type: ignore[misc]
    server: Provider

    @staticmethod
    def validate_authorization_redirect_uri(request: Request, client: RegisteredClient) -> str:
        uri: str | None = request.payload.redirect_uri
        if uri is None or not client.check_redirect_uri(uri):
            raise InvalidRequestError("redirect_uri is missing or not registered for this client.")
        return uri

    def validate_requested_scope(self) -> None:
        """At authorize: the resources. Of scopes, the client decides (:meth:`RegisteredClient.get_allowed_scope`).

        Raises :class:`InvalidTargetError`.
        """
        self.request.resources = self.request.client.resources_for(self.request.payload.resources)

    def generate_authorization_code(self) -> str:
        return secrets.token_urlsafe(32)

    def save_authorization_code(self, code: str, request: Request) -> None:
        who: SignedIn = request.user
        given = request.payload.data
        self.server.code = {
            "code_hash": hash_of(code),
            "person": who.person,
            "session": who.session,
            "client": request.client.get_client_id(),
            "redirect_uri": request.payload.redirect_uri,
            "scope": request.scope,
            "resources": request.resources,
            "code_challenge": given["code_challenge"],
            "dpop_jkt": request.dpop_jkt,
            "nonce": given.get("nonce"),
            "acr": who.acr,
            "amr": list(who.amr),
            "auth_time": who.auth_time,
            "expires_at": self.server.now + timedelta(seconds=CODE_SECONDS),
        }

    def query_authorization_code(self, code: str, client: RegisteredClient) -> _FoundCode | None:
        """A code of this client that is still good, or was used. What else it came with is looked at first: who has no
        more than a code, out of some log or history, could never have redeemed it, and ends nothing by it."""
        found = find_code(self.server.connection, code, client.get_client_id())
        if found is None or (found.used_at is None and found.expires_at <= self.server.now):
            return None
        return _FoundCode(found)

    def authenticate_user(self, found: _FoundCode) -> UUID:
        return found.code.person

    def generate_token(self, **_options: Any) -> dict[str, Any]:
        """Makes the tokens and consumes the code, which nothing that could still fail comes after.

        Whether it was used does not depend on whether it has expired: a late replay says as well that it was stolen.
        """
        code: Code = self.request.authorization_code.code
        if code.used_at is not None:
            self._note_replay(code)
            raise InvalidGrantError("Invalid 'code' in request.")
        jkt = self.request.dpop_jkt
        if code.dpop_jkt is not None and code.dpop_jkt != jkt:
            raise InvalidGrantError("The code is bound to another key.")
        audiences = self.narrowed_resources(code.resources)
        if code.session_ended_at is not None:
            raise InvalidGrantError("The sign-in has ended.")
        row = self._family(code, jkt)
        family = TokenFamily(**row)
        client: RegisteredClient = self.request.client
        grant = Grant(family, code.scope, audiences, client.token_seconds, jkt, code.nonce, code.name_sealed)
        answer = self.server.tokens.response(grant)
        refresh_token = None
        if _may_refresh(client):
            answer["refresh_token"], refresh_token = self.new_refresh_token(family)
        self._consume(code, row, refresh_token)
        return answer

    def _family(self, code: Code, jkt: str | None) -> dict[str, Any]:
        """A public client's is bound to the key it proves, if it proves one (RFC 9449 §5); a confidential client's, to
        the client's own authentication, so that the key may change."""
        client: RegisteredClient = self.request.client
        now = self.server.now
        expires_at = now + timedelta(seconds=client.token_seconds)
        if _may_refresh(client):
            expires_at = max(expires_at, code.auth_time + timedelta(seconds=client.row.refresh_seconds))
        return {
            "person": code.person,
            "id": new_id(),
            "client": code.client,
            "session": code.session,
            "scope": code.scope,
            "resources": code.resources,
            "acr": code.acr,
            "amr": code.amr,
            "auth_time": code.auth_time,
            "dpop_jkt": jkt if client.is_public else None,
            "created_at": now,
            "expires_at": expires_at,
        }

    def _consume(self, code: Code, family: Mapping[str, Any], refresh_token: Mapping[str, Any] | None) -> None:
        if not redeem(self.server.connection, code, family, refresh_token, self.server.now):
            winner = find_code(self.server.connection, self.request.payload.data["code"], code.client)
            if winner is not None:
                self._note_replay(winner)
            raise InvalidGrantError("Invalid 'code' in request.")

    def _note_replay(self, code: Code) -> None:
        """Somebody has a code that was used, and its verifier: what it was redeemed for ends (RFC 6749 §4.1.2)."""
        log.warning("authorization_code_used_again", client=code.client, family=str(code.family))
        now = self.server.now
        note_replay(self.server.connection, code, now)
        if code.family is not None:
            end_family(self.server.session, now, code.person, code.family, EndReason.CODE_REPLAYED)

    def delete_authorization_code(self, _found: _FoundCode) -> None:
        """Nothing: it was consumed with the tokens' making, and the used row is kept."""


class _FoundCode:
    """A code as Authlib sees it."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.code_challenge = code.code_challenge

    def get_redirect_uri(self) -> str:
        return self.code.redirect_uri

    def get_scope(self) -> str:
        return self.code.scope


def _may_refresh(client: RegisteredClient) -> bool:
    return client.check_grant_type("refresh_token") and client.row.refresh_seconds > 0
