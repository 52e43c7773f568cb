"""The OpenID provider over HTTP: discovery, keys, /oauth/authorize, /oauth/token, /oauth/userinfo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.errors import SitthiError
from core.text import Text
from identity.provider.clients import SEEDED, is_loopback
from identity.provider.errors import TokenExpired, TokenInvalid
from identity.provider.models import SignInSession
from identity.provider.server import CodeGrant, Parameters, Provider, Reply, SignedIn
from identity.provider.server import Request as OAuthRequest
from identity.provider.sessions import SessionNames, SignInSessions
from identity.provider.signing import ALGORITHM, SigningKeys
from identity.provider.subjects import Subjects
from identity.provider.tokens import TokenMaker, name_claims
from identity.provider.verifier import TokenVerifier
from identity.web import NO_STORE, Cookies, Forms, Pages, local_path, read_form, see_other

AUTHORIZE: Final = "/oauth/authorize"
TOKEN: Final = "/oauth/token"  # noqa: S105 - a path
USERINFO: Final = "/oauth/userinfo"
JWKS: Final = "/oauth/jwks"
SESSION_COOKIE: Final = "session"
_QUERY_LENGTH_MAX: Final = 2_000
"""An authorization request travels in a cookie while its person is at ThaID; browsers keep 4,096 bytes of one."""
_WAY_BACK_SECONDS: Final = 60
_BAD_REQUEST: Final = Text(
    th="แอปที่ส่งคุณมาที่นี่ส่งคำขอไม่ถูกต้อง จึงพาคุณกลับไปยังแอปนั้นไม่ได้",
    en="The app that sent you here made a mistake, so you cannot be sent back to it.",
)

Pairs = Sequence[tuple[str, str]]


def sign_in_path(going_to: str) -> str:
    return f"/signin?{urlencode({'return': going_to})}"


@dataclass(frozen=True, slots=True)
class ProviderRoutes:
    issuer: str
    db: Database
    clock: Clock
    signing: SigningKeys
    subjects: Subjects
    sessions: SignInSessions
    names: SessionNames
    verifier: TokenVerifier
    """Of tokens for any resource of ours: all may ask userinfo who they are about."""
    cookies: Cookies
    forms: Forms
    pages: Pages

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        for path, endpoint, methods in (
            ("/.well-known/openid-configuration", self.discovery, ["GET"]),
            ("/.well-known/oauth-authorization-server", self.discovery, ["GET"]),
            (JWKS, self.jwks, ["GET"]),
            (AUTHORIZE, self.authorize, ["GET"]),
            (AUTHORIZE, self.authorize_by_form, ["POST"]),
            (f"{AUTHORIZE}/confirm", self.confirm, ["POST"]),
            (TOKEN, self.token, ["POST"]),
            (USERINFO, self.userinfo, ["GET", "POST"]),
        ):
            router.add_api_route(path, endpoint, methods=methods, response_model=None)
        return router

    async def discovery(self) -> Response:
        """OpenID Connect Discovery 1.0 §3 and RFC 8414 §2; every address is below the issuer."""
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": self.issuer + AUTHORIZE,
                "token_endpoint": self.issuer + TOKEN,
                "userinfo_endpoint": self.issuer + USERINFO,
                "jwks_uri": self.issuer + JWKS,
                "scopes_supported": sorted({scope for entry in SEEDED for scope in entry.scopes}),
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "token_endpoint_auth_methods_supported": ["none"],
                "code_challenge_methods_supported": ["S256"],
                "prompt_values_supported": ["none", "login", "select_account"],
                "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "at_hash", "name"],
                "ui_locales_supported": ["th", "en"],
                "authorization_response_iss_parameter_supported": True,
                "request_parameter_supported": False,
                "request_uri_parameter_supported": False,
            }
        )

    async def jwks(self) -> Response:
        return JSONResponse(await self.signing.public(), media_type="application/jwk-set+json")

    async def authorize_by_form(self, request: Request) -> Response:
        """A request by POST (OpenID Connect Core §3.1.2.1) goes on as one by GET, since it came without our cookies."""
        try:
            pairs = await read_form(request)
        except SitthiError as error:
            return self.pages.problem(request, error.text, status=413, code=error.code)
        return see_other(f"{self.issuer}{AUTHORIZE}?{urlencode(pairs)}")

    async def authorize(self, request: Request) -> Response:
        pairs = parse_qsl(request.url.query, keep_blank_values=True)
        oauth = self._request(pairs)
        try:
            async with self.db.read() as session:
                grant = await self._consent(session, oauth)
                who = await self.sessions.find(session, self.cookies.read(request, SESSION_COOKIE))
            question = self._question(oauth, grant, who)
        except OAuth2Error as error:
            return await self._refuse(request, oauth, error)
        here = _canonical(pairs)
        if question == "login_required" or who is None:
            return see_other(self.issuer + sign_in_path(here))
        if question == "consent_required":
            name = self.names.open(who.name_sealed, who.id)
            return self.pages.page(request, "confirm.html", client=grant.client.name, name=name, request_query=here)
        return await self._grant(request, oauth, who)

    async def confirm(self, request: Request) -> Response:
        """The person's answer to "go on as …?"."""
        try:
            fields = await self.forms.read(request)
        except SitthiError as error:
            return self.pages.problem(request, error.text, code=error.code)
        here = local_path(fields.get("request"))
        oauth = self._request(parse_qsl(here.partition("?")[2], keep_blank_values=True))
        secret = self.cookies.read(request, SESSION_COOKIE)
        async with self.db.read() as session:
            who = await self.sessions.find(session, secret)
        if who is None or fields.get("answer") == "other":
            async with self.db.write() as session:
                await self.sessions.end(session, secret)
            return see_other(self.issuer + sign_in_path(here))
        return await self._grant(request, oauth, who if fields.get("answer") == "yes" else None)

    async def token(self, request: Request) -> Response:
        try:
            pairs = await read_form(request)
        except SitthiError:
            return JSONResponse({"error": "invalid_request"}, 413, NO_STORE)
        oauth = OAuthRequest("POST", self.issuer + TOKEN, Parameters(pairs), dict(request.headers))
        maker = TokenMaker(self.issuer, await self.signing.signer(), self.subjects, self.names, self.clock.now())
        async with self.db.write() as session:
            reply = await session.run_sync(
                lambda sync: Provider(sync, self.issuer, self.clock.now(), maker).token(oauth)
            )
        return JSONResponse(reply.body, reply.status, {**dict(reply.headers), **NO_STORE})

    async def userinfo(self, request: Request) -> Response:
        """OpenID Connect Core §5.3, errors by RFC 6750 §3."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return Response(status_code=401, headers={**NO_STORE, "WWW-Authenticate": "Bearer"})
        try:
            told = await self.verifier.read(token)
        except (TokenExpired, TokenInvalid):
            return _bearer_error("invalid_token", 401)
        if "openid" not in told.scopes:
            return _bearer_error("insufficient_scope", 403)
        name = None
        if "profile" in told.scopes:
            async with self.db.read() as session:
                name = await self.sessions.name_for_token(session, told.id)
        return JSONResponse({"sub": told.subject, **name_claims(name)}, headers=NO_STORE)

    def _request(self, pairs: Pairs) -> OAuthRequest:
        return OAuthRequest("GET", self.issuer + AUTHORIZE, Parameters(pairs), {})

    async def _consent(self, session: AsyncSession, oauth: OAuthRequest) -> CodeGrant:
        """Raises :class:`OAuth2Error`."""
        if len(urlencode(oauth.payload.data)) > _QUERY_LENGTH_MAX:
            raise InvalidRequestError("The request is too long.")
        return await session.run_sync(lambda sync: Provider(sync, self.issuer, self.clock.now()).consent(oauth))

    def _question(self, oauth: OAuthRequest, grant: CodeGrant, who: SignInSession | None) -> str | None:
        """What has to be asked of the person first: to sign in, or whether to go on as who they are.

        A program on this machine cannot prove who it is (RFC 8252 §8.6), so it gets no code without a person's act in
        this very request. Raises :class:`OAuth2Error`, also where the client forbids questions (`prompt=none`).
        """
        given: dict[str, str] = oauth.payload.data
        for unsupported in ("request", "request_uri"):
            if unsupported in given:
                raise _redirected(f"{unsupported}_not_supported", grant, oauth)
        if given.get("response_mode", "query") != "query" or not given.get("max_age", "0").isdigit():
            raise _redirected("invalid_request", grant, oauth)
        prompts = set(given.get("prompt", "").split())
        question = None
        just_for_this = who is not None and who.for_request == self.sessions.request_hash(_canonical_of(oauth))
        if (
            who is None
            or prompts & {"login", "select_account"}
            or self._is_too_old(who, given.get("max_age"), on_the_way=just_for_this)
        ):
            question = "login_required"
        elif is_loopback(grant.redirect_uri) and not just_for_this:
            question = "consent_required"
        if question is not None and "none" in prompts:
            raise _redirected(question, grant, oauth)
        return question

    def _is_too_old(self, who: SignInSession, max_age: str | None, *, on_the_way: bool) -> bool:
        """Coming back from the sign-in that this request asked for takes a moment; else it would be asked for ever."""
        if max_age is None:
            return False
        age_seconds = (self.clock.now() - who.authenticated_at).total_seconds()
        return age_seconds > max(int(max_age), _WAY_BACK_SECONDS if on_the_way else 0)

    async def _grant(self, request: Request, oauth: OAuthRequest, who: SignInSession | None) -> Response:
        signed_in = None if who is None else SignedIn(who.person, who.id, who.acr, who.amr, who.authenticated_at)
        try:
            async with self.db.write() as session:
                grant = await self._consent(session, oauth)
                reply = await session.run_sync(lambda _: grant.server.authorize(oauth, grant, signed_in))
                if who is not None:
                    await self.sessions.answered(session, who)
        except OAuth2Error as error:
            return await self._refuse(request, oauth, error)
        return self._answer(request, reply)

    async def _refuse(self, request: Request, oauth: OAuthRequest, error: OAuth2Error) -> Response:
        async with self.db.read() as session:
            reply = await session.run_sync(
                lambda sync: Provider(sync, self.issuer, self.clock.now()).refusal(oauth, error)
            )
        return self._answer(request, reply)

    def _answer(self, request: Request, reply: Reply) -> Response:
        if reply.location is not None:
            return see_other(reply.location)
        body: dict[str, Any] = reply.body if isinstance(reply.body, dict) else {}
        return self.pages.problem(request, _BAD_REQUEST, code=str(body.get("error", "invalid_request")))


def _redirected(error: str, grant: CodeGrant, oauth: OAuthRequest) -> OAuth2Error:
    return OAuth2Error(error=error, redirect_uri=grant.redirect_uri, state=oauth.payload.state)


def _canonical(pairs: Pairs) -> str:
    """The path that asks for the same again, without the prompt, which a new sign-in has answered."""
    return f"{AUTHORIZE}?{urlencode([(name, value) for name, value in pairs if name != 'prompt'])}"


def _canonical_of(oauth: OAuthRequest) -> str:
    return _canonical(list(oauth.payload.data.items()))


def _bearer_error(error: str, status: int) -> Response:
    headers = {**NO_STORE, "WWW-Authenticate": f'Bearer error="{error}"'}
    return JSONResponse({"error": error}, status, headers)
