"""/oauth/revoke (RFC 7009): a client gives a token back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error
from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.clock import Clock
from core.database import Database
from core.errors import ServiceUnavailable
from identity.provider.client_requests import ClientRequests, refused, unavailable
from identity.provider.endings import EndReason, end_family, revoke_token
from identity.provider.token_lookup import TokenLookup
from identity.web import NO_STORE

REVOKE: Final = "/oauth/revoke"


@dataclass(frozen=True, slots=True)
class RevocationEndpoint:
    """An access token ends alone; a refresh token ends its family, and every access token of it with it (§2.1).

    A token that is unknown, over, or another client's is answered like one that was revoked, and nothing happens
    (§2.2): whoever asks learns nothing about it.
    """

    db: Database
    clock: Clock
    requests: ClientRequests
    lookup: TokenLookup

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route(REVOKE, self.revoke, methods=["POST"], response_model=None)
        return router

    async def revoke(self, request: Request) -> Response:
        try:
            parameters = await self.requests.parameters(request)
            client = await self.requests.client(request, parameters, endpoint="revocation")
            token = parameters.data.get("token")
            if not token:
                raise InvalidRequestError("token is missing.")
            await self._end(token, client.get_client_id())
        except OAuth2Error as error:
            return refused(error)
        except ServiceUnavailable as error:
            return unavailable(error)
        return Response(status_code=200, headers=NO_STORE)

    async def _end(self, token: str, client: str) -> None:
        access = await self.lookup.access(token)
        now = self.clock.now()
        if access is not None:
            if access.client == client:
                async with self.db.write() as session:
                    await session.run_sync(lambda sync: revoke_token(sync, now, access.id, access.expires_at))
            return
        async with self.db.write() as session:
            found = await self.lookup.refresh(session, token)
            if found is None or found.family.client != client:
                return
            person, family = found.family.person, found.family.id
            await session.run_sync(lambda sync: end_family(sync, now, person, family, EndReason.REVOKED))
