"""Token exchange (RFC 8693), with which a person acts for another under a delegation.

The subject token is the delegation's id, the actor token the delegate's own access token of the same client. The answer
is an access token about who is acted for, with the delegate as `act`. There is no refresh token: whoever goes on acting
exchanges again, and the delegation is asked about again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import UUID

from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError, UnsupportedGrantTypeError
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin
from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import GlobalId, MalformedGlobalId, new_id
from core.viewer import Acting
from identity.provider.clients import CITIZEN_SCOPE, EXCHANGE_GRANT, RegisteredClient
from identity.provider.delegated import Delegations
from identity.provider.endings import live_session
from identity.provider.errors import TokenExpired, TokenInvalid
from identity.provider.grants.issuing import TokenGrant, is_over
from identity.provider.models import TokenFamily
from identity.provider.protocol import Exchange, InvalidTargetError, Request
from identity.provider.tokens import Grant
from identity.provider.verifier import VerifiedToken

if TYPE_CHECKING:
    from identity.provider.server import Provider

DELEGATION_TYPE: Final = "urn:sitthi:params:oauth:token-type:delegation"
ACCESS_TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name (RFC 8693 §3)
_NODE_TYPE: Final = "Delegation"


class ReadsTokens(Protocol):
    async def inspect(self, token: str) -> VerifiedToken:
        """Raises :class:`TokenExpired`, :class:`TokenInvalid`."""
        ...


class Exchanges:
    """What an exchange needs to know before the synchronous grant takes over. Nothing is consumed here."""

    def __init__(self, tokens: ReadsTokens, delegations: Callable[[], Delegations | None]) -> None:
        self._tokens, self._delegations = tokens, delegations

    async def actor(self, request: Request) -> VerifiedToken:
        """The actor token, verified. Raises `InvalidRequestError`, whatever is wrong (RFC 8693 §2.2.2)."""
        given = request.payload.data
        if given.get("subject_token_type") != DELEGATION_TYPE or not given.get("subject_token"):
            raise InvalidRequestError("subject_token must be a delegation.")
        if given.get("actor_token_type") != ACCESS_TOKEN_TYPE or not given.get("actor_token"):
            raise InvalidRequestError("actor_token must be an access token.")
        if given.get("requested_token_type", ACCESS_TOKEN_TYPE) != ACCESS_TOKEN_TYPE:
            raise InvalidRequestError("There are access tokens only.")
        try:
            actor = await self._tokens.inspect(given["actor_token"])
        except (TokenExpired, TokenInvalid):
            raise InvalidRequestError("actor_token is not valid.") from None
        client = request.client_authenticated
        is_theirs = client is not None and actor.client == client.get_client_id() and actor.act is None
        if not is_theirs or actor.jkt not in (None, request.dpop_jkt) or CITIZEN_SCOPE not in actor.scopes:
            raise InvalidRequestError("actor_token is not one that may act.")
        return actor

    async def exchange(self, session: AsyncSession, request: Request, actor: VerifiedToken) -> Exchange:
        """The delegation, held until the transaction of `session` is over. Raises `InvalidRequestError`."""
        rooms = self._delegations()
        if rooms is None:
            raise UnsupportedGrantTypeError(EXCHANGE_GRANT)
        delegation = _delegation_id(request.payload.data["subject_token"])
        found = None if delegation is None else await rooms.live(session, delegation, actor.person)
        if found is None or delegation is None:
            raise InvalidRequestError("subject_token is not a delegation that holds now for who acts.")
        return Exchange(delegation, actor, found)


class ExchangeGrant(TokenGrant, BaseGrant, TokenEndpointMixin):  # type: ignore[misc] # Authlib has no types
    GRANT_TYPE = EXCHANGE_GRANT
    server: Provider

    def validate_token_request(self) -> None:
        """Who acts must still be signed in. Raises `InvalidRequestError`, `InvalidTargetError`, `InvalidScopeError`."""
        self.request.client = self.authenticate_token_endpoint_client()
        if "audience" in self.request.payload.data:
            raise InvalidTargetError("Name a resource instead of an audience.")
        if not set((self.request.payload.scope or CITIZEN_SCOPE).split()) <= {CITIZEN_SCOPE}:
            raise InvalidScopeError
        assert self.request.exchange is not None, "it was looked up before the grant"
        actor, session = self.request.exchange.actor, self.server.session
        theirs = session.get(TokenFamily, (actor.person, actor.family))
        # The session is held before the family, as by whoever ends it: else each could wait for the other.
        if theirs is None or theirs.session is None or not live_session(session, actor.person, theirs.session):
            raise InvalidRequestError("actor_token is not valid.")
        session.refresh(theirs, with_for_update={"read": True})
        if is_over(theirs, self.server.now):
            raise InvalidRequestError("actor_token is not valid.")
        self._theirs = theirs

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        client: RegisteredClient = self.request.client
        exchange, theirs, jkt, now = self.request.exchange, self._theirs, self.request.dpop_jkt, self.server.now
        assert exchange is not None
        scope = self.narrowed_scope([CITIZEN_SCOPE])
        # Not all that was granted: the token may be in the hands of a resource that it was narrowed for.
        audiences = self.narrowed_resources(exchange.actor.audiences)
        ends_at = min(now + timedelta(seconds=client.token_seconds), exchange.delegated.ends_at, theirs.expires_at)
        if ends_at <= now:
            raise InvalidRequestError("subject_token is not a delegation that holds now for who acts.")
        family = TokenFamily(
            person=exchange.delegated.person,
            id=new_id(),
            client=client.row.id,
            session=theirs.session,
            scope=scope,
            resources=list(audiences),
            acr=theirs.acr,
            amr=theirs.amr,
            auth_time=theirs.auth_time,
            dpop_jkt=jkt,
            delegation=exchange.delegation,
            actor=exchange.actor.person,
            created_at=now,
            expires_at=ends_at,
        )
        self.server.session.add(family)
        acting = Acting(exchange.actor.person, exchange.delegation, exchange.delegated.scopes)
        grant = Grant(family, scope, audiences, client.token_seconds, jkt, acting=acting)
        answer = self.server.tokens.response(grant)
        answer["issued_token_type"] = ACCESS_TOKEN_TYPE
        return 200, answer, self.TOKEN_RESPONSE_HEADER


def _delegation_id(given: str) -> UUID | None:
    """As the graph names it, or the bare key."""
    try:
        return GlobalId.parse(given, _NODE_TYPE).id
    except MalformedGlobalId:
        pass
    try:
        return UUID(given)
    except ValueError:
        return None
