"""/oauth/introspect (RFC 7662): a resource server asks whether a token works, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error
from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.clock import Clock
from core.database import Database
from core.errors import ServiceUnavailable
from identity.provider.client_authentication import ClientRefused
from identity.provider.client_requests import ClientRequests, json_answer, refused, unavailable
from identity.provider.clients import RegisteredClient
from identity.provider.subjects import Subjects
from identity.provider.token_lookup import Refreshable, TokenLookup
from identity.provider.verifier import MachineToken, VerifiedToken

INTROSPECT: Final = "/oauth/introspect"
_INACTIVE: Final[dict[str, Any]] = {"active": False}


@dataclass(frozen=True, slots=True)
class IntrospectionEndpoint:
    """Only a client with a key may ask, and only about its own tokens and those for its own resource (§4, against
    scanning). About all others the answer is that of a token that never was."""

    issuer: str
    db: Database
    clock: Clock
    subjects: Subjects
    requests: ClientRequests
    lookup: TokenLookup

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route(INTROSPECT, self.introspect, methods=["POST"], response_model=None)
        return router

    async def introspect(self, request: Request) -> Response:
        try:
            parameters = await self.requests.parameters(request)
            client = await self.requests.client(request, parameters, endpoint="introspection")
            if client.is_public:
                raise ClientRefused
            token = parameters.data.get("token")
            if not token:
                raise InvalidRequestError("token is missing.")
            return json_answer(await self._told(token, client))
        except OAuth2Error as error:
            return refused(error)
        except ServiceUnavailable as error:
            return unavailable(error)

    async def _told(self, token: str, client: RegisteredClient) -> dict[str, Any]:
        access = await self.lookup.access(token)
        if access is not None:
            may_ask = access.client == client.get_client_id() or client.own_resource in access.audiences
            return self._access(access) if may_ask else _INACTIVE
        async with self.db.read() as session:
            found = await self.lookup.refresh(session, token)
        if found is None or found.family.client != client.get_client_id() or not found.is_active(self.clock.now()):
            return _INACTIVE
        return self._refresh(found)

    def _access(self, told: VerifiedToken | MachineToken) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "active": True,
            "iss": self.issuer,
            "token_type": "Bearer" if told.jkt is None else "DPoP",
            "client_id": told.client,
            "scope": " ".join(sorted(told.scopes)),
            "aud": told.audience if len(told.audiences) == 1 else list(told.audiences),
            "jti": told.id.hex,
            "iat": _seconds(told.issued_at),
            "exp": _seconds(told.expires_at),
        }
        if told.jkt is not None:
            answer["cnf"] = {"jkt": told.jkt}
        if isinstance(told, MachineToken):
            return answer | {"sub": told.client} | ({"agency": told.agency} if told.agency else {})
        answer |= {
            "sub": told.subject,
            "acr": told.acr,
            "amr": list(told.amr),
            "auth_time": _seconds(told.authenticated_at),
        }
        if told.act is not None:
            answer["act"] = {"sub": self.subjects.of(told.act.person, told.client)}
            answer["delegation"] = {"id": told.act.delegation.hex, "scopes": sorted(told.act.scopes)}
        return answer

    def _refresh(self, found: Refreshable) -> dict[str, Any]:
        family = found.family
        return {
            "active": True,
            "iss": self.issuer,
            "token_type": "refresh_token",
            "client_id": family.client,
            "sub": self.subjects.of(family.person, family.client),
            "scope": family.scope,
            "aud": list(family.resources),
            "iat": _seconds(found.row.issued_at),
            "exp": _seconds(found.row.expires_at),
        } | ({"cnf": {"jkt": family.dpop_jkt}} if family.dpop_jkt else {})


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
