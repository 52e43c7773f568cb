"""The refresh token grant (RFC 6749 §6): rotation and reuse detection for public clients (RFC 9700 §4.14.2).

A confidential client keeps its refresh token: it is bound to the client's authentication, and FAPI 2.0 Security Profile
§5.3.2.1 forbids rotation, which loses people their sign-in whenever an answer is lost (docs/adr/0012).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from authlib.oauth2.rfc6749 import InvalidGrantError
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant
from sqlalchemy import bindparam, select, update
from sqlmodel import col

from identity.provider.clients import RegisteredClient
from identity.provider.codes import enter_refresh_token
from identity.provider.endings import EndReason, end_family
from identity.provider.grants.issuing import TokenGrant, is_over
from identity.provider.models import RefreshToken, SignInSession, TokenFamily
from identity.provider.protocol import hash_of
from identity.provider.tokens import Grant

if TYPE_CHECKING:
    from identity.provider.server import Provider

_NAME = select(col(SignInSession.name_sealed)).where(
    col(SignInSession.person) == bindparam("person"), col(SignInSession.id) == bindparam("session")
)

log = structlog.get_logger()


class RefreshGrant(TokenGrant, RefreshTokenGrant):  # type: ignore[misc] # Authlib has no types
    server: Provider

    def authenticate_refresh_token(self, refresh_token: str) -> _RefreshRow | None:
        """One of this client's that may still be used, with its family.

        Only its own client, with its key, can find out, or set off, that it was used before; that comes before whether
        it is over.
        """
        session = self.server.session
        row = session.get(RefreshToken, hash_of(refresh_token))
        if row is None:
            return None
        # Held until the end, so that nobody ends or refreshes the family meanwhile; what was read before may be old.
        family = session.get(TokenFamily, (row.person, row.family), with_for_update=True, populate_existing=True)
        if family is None or family.client != self.request.client.get_client_id():
            return None
        session.refresh(row)
        if row.used_at is not None:
            if family.dpop_jkt in (None, self.request.dpop_jkt):  # without the key it is no use to anybody
                self._note_reuse(family)
            return None
        return None if is_over(family, self.server.now) else _RefreshRow(row, family)

    def authenticate_user(self, token: _RefreshRow) -> UUID:
        return token.family.person

    def issue_token(self, _user: UUID, token: _RefreshRow) -> dict[str, Any]:
        """Nothing that could still fail comes after the token was consumed."""
        client: RegisteredClient = self.request.client
        row, family, jkt = token.row, token.family, self.request.dpop_jkt
        if family.dpop_jkt is not None and family.dpop_jkt != jkt:
            raise InvalidGrantError("The refresh token is bound to another key.")
        scope = self.narrowed_scope(family.scope.split())
        audiences = self.narrowed_resources(family.resources)
        if client.is_public:
            self._consume(row, family)
            family.dpop_jkt = family.dpop_jkt or jkt
        name_sealed = self.server.session.scalar(_NAME, {"person": family.person, "session": family.session})
        answer = self.server.tokens.response(
            Grant(family, scope, audiences, client.token_seconds, jkt, name_sealed=name_sealed)
        )
        if client.is_public:
            answer["refresh_token"], entered = self.new_refresh_token(family)
            enter_refresh_token(self.server.connection, entered)
        return answer

    def revoke_old_credential(self, _token: _RefreshRow) -> None:
        """Nothing: it was consumed before the new one was made."""

    def _consume(self, row: RefreshToken, family: TokenFamily) -> None:
        won = self.server.session.execute(
            update(RefreshToken)
            .where(col(RefreshToken.token_hash) == row.token_hash, col(RefreshToken.used_at).is_(None))
            .values(used_at=self.server.now)
            .returning(col(RefreshToken.token_hash))
            .execution_options(synchronize_session=False)
        ).first()
        if won is None:
            self._note_reuse(family)
            raise InvalidGrantError

    def _note_reuse(self, family: TokenFamily) -> None:
        """Two hold the same token, and which of them stole it cannot be told: neither goes on (RFC 9700 §4.14.2)."""
        log.warning("refresh_token_used_again", client=family.client, family=str(family.id))
        end_family(self.server.session, self.server.now, family.person, family.id, EndReason.REFRESH_REUSED)


class _RefreshRow:
    """A refresh token as Authlib sees it."""

    def __init__(self, row: RefreshToken, family: TokenFamily) -> None:
        self.row, self.family = row, family

    def check_client(self, client: RegisteredClient) -> bool:
        return self.family.client == client.get_client_id()

    def get_scope(self) -> str:
        return self.family.scope
