"""The token endpoint (RFC 6749 §3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error
from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from core.clock import Clock
from core.database import Database
from core.errors import ServiceUnavailable
from identity.provider.client_requests import ClientRequests, json_answer, refused, unavailable
from identity.provider.clients import EXCHANGE_GRANT
from identity.provider.dpop import DPoP
from identity.provider.grants.exchange import Exchanges
from identity.provider.protocol import Reply
from identity.provider.protocol import Request as OAuthRequest
from identity.provider.server import Provider
from identity.provider.sessions import SessionNames
from identity.provider.signing import SigningKeys
from identity.provider.subjects import Subjects
from identity.provider.tokens import TokenMaker
from identity.provider.verifier import VerifiedToken

TOKEN: Final = "/oauth/token"  # noqa: S105 - a path


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """First everything that can be known without writing, then one transaction in which the grant is made."""

    issuer: str
    db: Database
    clock: Clock
    signing: SigningKeys
    subjects: Subjects
    names: SessionNames
    requests: ClientRequests
    dpop: DPoP
    exchanges: Exchanges

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route(TOKEN, self.token, methods=["POST"], response_model=None)
        return router

    async def token(self, request: Request) -> Response:
        try:
            oauth = await self._asked(request)
            actor = await self._actor(oauth)
            maker = TokenMaker(self.issuer, await self.signing.signer(), self.subjects, self.names, self.clock.now())
            reply = await self._granted(oauth, actor, maker)
        except OAuth2Error as error:
            return refused(error)
        except ServiceUnavailable as error:
            return unavailable(error)
        assert isinstance(reply.body, dict)
        return json_answer(reply.body, reply.status, dict(reply.headers))

    async def _asked(self, request: Request) -> OAuthRequest:
        """The request with who asks and which key is theirs. Raises `OAuth2Error`, `ServiceUnavailable`."""
        parameters = await self.requests.parameters(request)
        if not parameters.grant_type:
            raise InvalidRequestError("grant_type is missing.")
        address = self.issuer + TOKEN
        oauth = OAuthRequest("POST", address, parameters, dict(request.headers))
        # The proof first: whoever has to repeat it with a nonce has not spent its client's assertion.
        oauth.dpop_jkt = await self.dpop.proof(request.headers, method="POST", url=address)
        oauth.client_authenticated = await self.requests.client(request, parameters, endpoint="token")
        return oauth

    async def _actor(self, oauth: OAuthRequest) -> VerifiedToken | None:
        """Of a token exchange, who acts. Raises `OAuth2Error`, `ServiceUnavailable`."""
        client = oauth.client_authenticated
        assert client is not None
        is_exchange = oauth.payload.grant_type == EXCHANGE_GRANT and client.check_grant_type(EXCHANGE_GRANT)
        return await self.exchanges.actor(oauth) if is_exchange else None

    async def _granted(self, oauth: OAuthRequest, actor: VerifiedToken | None, maker: TokenMaker) -> Reply:
        """An answer, an error included: nothing of a grant is raised, or what it noted would be undone.

        Raises `OAuth2Error` for an exchange whose delegation does not hold, before anything is written.
        """

        def grant(connection: Connection) -> Reply:
            return Provider(self.issuer, self.clock.now(), connection=connection, tokens=maker).token(oauth)

        if actor is None:
            return await self.db.transaction(grant)
        async with self.db.write() as session:
            oauth.exchange = await self.exchanges.exchange(session, oauth, actor)
            return await (await session.connection()).run_sync(grant)
