"""The authorization endpoint (RFC 6749 §3.1): a browser brings a request, and goes back with a code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749 import OAuth2Error
from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.database import Database
from core.errors import SitthiError
from core.text import Text
from identity.provider.authorization_request import (
    AUTHORIZE,
    Asked,
    AuthorizationRequests,
    Pairs,
    Question,
    canonical,
)
from identity.provider.codes import ENTER_CODE
from identity.provider.hints import IdTokenHints
from identity.provider.models import SignInSession
from identity.provider.protocol import Parameters, SignedIn
from identity.provider.pushed import URN, PushedRequests
from identity.provider.sessions import SessionNames, SignInSessions
from identity.web import Cookies, Forms, Pages, local_path, read_form, see_other

SESSION_COOKIE: Final = "session"
_BAD_REQUEST: Final = Text(
    th="แอปที่ส่งคุณมาที่นี่ส่งคำขอไม่ถูกต้อง จึงพาคุณกลับไปยังแอปนั้นไม่ได้",
    en="The app that sent you here made a mistake, so you cannot be sent back to it.",
)


def sign_in_path(going_to: str, acr: str | None = None) -> str:
    """The page to sign in at; `acr` is what the sign-in must be worth (core/assurance.py)."""
    return f"/signin?{urlencode({'return': going_to, **({'acr': acr} if acr else {})})}"


@dataclass(frozen=True, slots=True)
class _Brought:
    """What a browser brought, before it is known to be right."""

    pairs: Pairs
    here: str
    request_uri: str | None = None
    dpop_jkt: str | None = None
    hinted: UUID | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationEndpoint:
    issuer: str
    db: Database
    requests: AuthorizationRequests
    pushed: PushedRequests
    hints: IdTokenHints
    sessions: SignInSessions
    names: SessionNames
    cookies: Cookies
    forms: Forms
    pages: Pages

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        for path, endpoint, methods in (
            (AUTHORIZE, self.authorize, ["GET"]),
            (AUTHORIZE, self.authorize_by_form, ["POST"]),
            (f"{AUTHORIZE}/confirm", self.confirm, ["POST"]),
        ):
            router.add_api_route(path, endpoint, methods=methods, response_model=None)
        return router

    async def authorize_by_form(self, request: Request) -> Response:
        """A request by POST (OpenID Connect Core §3.1.2.1) goes on as one by GET, since it came without our cookies."""
        try:
            pairs = await read_form(request)
        except SitthiError as error:
            return self.pages.problem(request, error.text, status=413, code=error.code)
        return see_other(self.issuer + canonical(pairs))

    async def authorize(self, request: Request) -> Response:
        try:
            brought = await self._brought(parse_qsl(request.url.query, keep_blank_values=True))
            asked = await self._asked(brought)
            who = await self._who(request)
            question = self.requests.question(asked, who)
        except OAuth2Error as error:
            return self._refuse(request, error)
        if question is Question.SIGN_IN or who is None:
            return see_other(self.issuer + sign_in_path(asked.here, asked.sign_in_acr))
        if question is Question.GO_ON:
            name = self.names.open(who.name_sealed, who.id)
            client = asked.grant.client.name
            return self.pages.page(request, "confirm.html", client=client, name=name, request_query=asked.here)
        return await self._answer(request, asked, brought.request_uri, who, agreed=True)

    async def confirm(self, request: Request) -> Response:
        """The person's answer to "go on as …?"."""
        try:
            fields = await self.forms.read(request)
        except SitthiError as error:
            return self.pages.problem(request, error.text, code=error.code)
        here, answer = local_path(fields.get("request")), fields.get("answer")
        who = await self._who(request)
        if who is None or answer == "other":
            async with self.db.write() as session:
                await self.sessions.end(session, self.cookies.read(request, SESSION_COOKIE))
            return see_other(self.issuer + sign_in_path(here))
        agreed = answer == "yes"
        try:
            brought = await self._brought(parse_qsl(here.partition("?")[2], keep_blank_values=True))
            asked = await self._asked(brought)
            if agreed and self.requests.question(asked, who) is Question.SIGN_IN:  # too old a sign-in meanwhile
                return see_other(self.issuer + sign_in_path(asked.here, asked.sign_in_acr))
        except OAuth2Error as error:
            return self._refuse(request, error)
        return await self._answer(request, asked, brought.request_uri, who, agreed=agreed)

    async def _brought(self, pairs: Pairs) -> _Brought:
        """The request itself or, for a `request_uri` of ours, the one that was pushed: then nothing else that stands
        beside it counts (RFC 9126 §4, RFC 9101 §6.3). Raises :class:`OAuth2Error`."""
        parameters = Parameters(pairs)
        given = parameters.data
        uri = given.get("request_uri", "")
        if not uri.startswith(URN):
            return _Brought(pairs, canonical(pairs), hinted=await self._hinted(given))
        parameters.check()
        client = given.get("client_id", "")
        async with self.db.read() as session:
            pushed = await self.pushed.find(session, uri, client)
        here = canonical([("client_id", client), ("request_uri", uri)])
        return _Brought(pushed.pairs, here, uri, pushed.dpop_jkt, await self._hinted(dict(pushed.pairs)))

    async def _hinted(self, given: dict[str, str]) -> UUID | None:
        hint = given.get("id_token_hint")
        return None if hint is None else await self.hints.person(hint, given.get("client_id", ""))

    async def _asked(self, brought: _Brought) -> Asked:
        """Raises :class:`OAuth2Error`."""
        is_pushed = brought.request_uri is not None
        oauth = self.requests.oauth(brought.pairs)
        asked = await self.requests.read(oauth, brought.here, pushed=is_pushed, hinted=brought.hinted)
        if is_pushed:
            oauth.dpop_jkt = brought.dpop_jkt
        return asked

    async def _who(self, request: Request) -> SignInSession | None:
        secret = self.cookies.read(request, SESSION_COOKIE)
        return await self.sessions.look(self.db, secret)

    async def _answer(
        self, request: Request, asked: Asked, request_uri: str | None, who: SignInSession, *, agreed: bool
    ) -> Response:
        """A code, or `access_denied` when the person said no; either uses up what was pushed.

        If their sign-in ends in this very moment, the code is worth nothing: its redemption looks, and holds it.
        """
        try:
            reply, code = asked.answered(_signed_in(who) if agreed else None)
            if request_uri is not None or self.sessions.is_to_be_noted(who):
                async with self.db.write() as session:
                    if request_uri is not None:
                        await self.pushed.answer(session, request_uri)
                    await self.sessions.answered(session, who)
                    if code is not None:
                        await session.execute(ENTER_CODE, code)
            elif code is not None:
                await self.db.alone(ENTER_CODE, code, writes=True)
        except OAuth2Error as error:
            return self._refuse(request, error)
        assert reply.location is not None, "whom we know is always sent back"
        return see_other(reply.location)

    def _refuse(self, request: Request, error: OAuth2Error) -> Response:
        """By redirect once client and address were found to be right, with who answers (RFC 9207); else on a page."""
        if not error.redirect_uri:
            return self.pages.problem(request, _BAD_REQUEST, code=str(error.error))
        return see_other(add_params_to_uri(error.redirect_uri, [*error.get_body(), ("iss", self.issuer)]))


def _signed_in(who: SignInSession) -> SignedIn:
    return SignedIn(who.person, who.id, who.acr, who.amr, who.authenticated_at)
