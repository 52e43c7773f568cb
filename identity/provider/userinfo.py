"""/oauth/userinfo (OpenID Connect Core §5.3): who a token is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.database import Database
from core.errors import ServiceUnavailable, SitthiError
from identity.provider.client_requests import json_answer, unavailable
from identity.provider.dpop import algorithms
from identity.provider.errors import ScopeMissing
from identity.provider.presented import Presenting, challenge
from identity.provider.sessions import SignInSessions
from identity.provider.tokens import name_claims
from identity.provider.verifier import TokenVerifier

USERINFO: Final = "/oauth/userinfo"


@dataclass(frozen=True, slots=True)
class UserInfo:
    issuer: str
    db: Database
    sessions: SignInSessions
    presenting: Presenting
    verifier: TokenVerifier
    """Of tokens for any resource of ours: all may ask whom they are about."""

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route(USERINFO, self.userinfo, methods=["GET", "POST"], response_model=None)
        return router

    async def userinfo(self, request: Request) -> Response:
        """Errors by RFC 6750 §3 and RFC 9449 §7.1."""
        if "authorization" not in request.headers:
            response = json_answer({}, 401, {"WWW-Authenticate": "Bearer"})
            response.headers.append("WWW-Authenticate", f'DPoP algs="{algorithms()}"')
            return response
        try:
            presented = await self.presenting.of(request.headers, method=request.method, url=self.issuer + USERINFO)
            told = await self.verifier.read(presented.token, jkt=presented.jkt)
            if "openid" not in told.scopes:
                raise ScopeMissing
            name = None
            if "profile" in told.scopes:
                async with self.db.read() as session:
                    name = await self.sessions.name_for_family(session, told.person, told.family)
        except ServiceUnavailable as error:
            return unavailable(error)
        except SitthiError as error:
            headers = challenge(error, with_proof=request.headers["authorization"].lower().startswith("dpop"))
            code = headers["WWW-Authenticate"].partition('error="')[2].partition('"')[0]
            return json_answer({"error": code}, 403 if isinstance(error, ScopeMissing) else 401, headers)
        return json_answer({"sub": told.subject, **name_claims(name)})
