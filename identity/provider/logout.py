"""/oauth/logout (OpenID Connect RP-Initiated Logout 1.0): a client ends the session of the person in front of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error
from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.errors import SitthiError
from core.jose import NotVerified, key_id, verified_claims
from core.text import Text
from identity.provider.authorize import SESSION_COOKIE
from identity.provider.clients import RegisteredClient
from identity.provider.endings import Endings, EndReason
from identity.provider.errors import TokenInvalid
from identity.provider.models import Client, SignInSession, TokenFamily
from identity.provider.protocol import Parameters
from identity.provider.sessions import SignInSessions
from identity.provider.signing import SigningKeys
from identity.provider.subjects import Subjects
from identity.web import Cookies, Forms, Pages, read_form, see_other

LOGOUT: Final = "/oauth/logout"
_BAD_REQUEST: Final = Text(
    th="แอปที่ส่งคุณมาออกจากระบบส่งคำขอไม่ถูกต้อง คุณยังออกจากระบบได้ที่หน้า /signout",
    en="The app that sent you here to sign out made a mistake. You can still sign out at /signout.",
)
_KEPT: Final = ("client_id", "post_logout_redirect_uri", "state")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A logout request whose client and address are right."""

    client: RegisteredClient | None
    going_to: str | None
    """The client's own page, letter for letter as registered, with its `state`."""
    hinted: tuple[UUID, UUID | None] | None
    """The person and the token family of the ID token that came as a hint."""


@dataclass(frozen=True, slots=True)
class LogoutEndpoint:
    """A hint that is of the very session in this browser ends it at once; else the person is asked.

    Where the browser goes afterwards is the client's registered page or ours, never anything else.
    """

    issuer: str
    db: Database
    clock: Clock
    signing: SigningKeys
    subjects: Subjects
    sessions: SignInSessions
    cookies: Cookies
    forms: Forms
    pages: Pages

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route(LOGOUT, self.logout, methods=["GET"], response_model=None)
        router.add_api_route(LOGOUT, self.logout_by_form, methods=["POST"], response_model=None)
        router.add_api_route(f"{LOGOUT}/confirm", self.confirm, methods=["POST"], response_model=None)
        return router

    async def logout(self, request: Request) -> Response:
        try:
            asked, parameters = await self._asked(request.query_params.multi_items())
        except OAuth2Error as error:
            return self._problem(request, error)
        async with self.db.read() as session:
            who = await self.sessions.find(session, self.cookies.read(request, SESSION_COOKIE))
            is_theirs = who is not None and await self._is_of(session, asked, who)
        if who is None:
            return self._done(request, asked, knows_the_person=asked.hinted is not None)
        if is_theirs:
            return await self._end(request, asked, who)
        kept = {name: value for name, value in parameters.items() if name in _KEPT}
        if asked.client is not None:
            kept["client_id"] = asked.client.get_client_id()
        name = None if asked.client is None else asked.client.name
        return self.pages.page(request, "logout.html", client=name, kept=kept, done=False)

    async def logout_by_form(self, request: Request) -> Response:
        """A request by POST (§2) goes on as one by GET, since it came without our cookies."""
        try:
            pairs = await read_form(request)
        except SitthiError as error:
            return self.pages.problem(request, error.text, status=413, code=error.code)
        return see_other(f"{self.issuer}{LOGOUT}?{urlencode(pairs)}")

    async def confirm(self, request: Request) -> Response:
        """The person's answer."""
        try:
            fields = await self.forms.read(request)
            asked, _ = await self._asked([(name, fields[name]) for name in _KEPT if fields.get(name)])
        except OAuth2Error as error:
            return self._problem(request, error)
        except SitthiError as error:
            return self.pages.problem(request, error.text, code=error.code)
        async with self.db.read() as session:
            who = await self.sessions.find(session, self.cookies.read(request, SESSION_COOKIE))
        if fields.get("answer") != "yes":
            return self.pages.page(request, "logout.html", client=None, kept={}, done="stayed")
        return (
            self._done(request, asked, knows_the_person=True) if who is None else await self._end(request, asked, who)
        )

    async def _asked(self, pairs: Any) -> tuple[_Asked, Mapping[str, str]]:
        """Raises `InvalidRequestError` for whatever is wrong: nobody is sent anywhere then."""
        parameters = Parameters(pairs)
        parameters.check()
        given = parameters.data
        client_id, hint = given.get("client_id"), given.get("id_token_hint")
        hinted: tuple[UUID, UUID | None] | None = None
        if hint is not None:
            client_id, person, family = await self._hint(hint, client_id)
            hinted = person, family
        async with self.db.read() as session:
            row = None if client_id is None else await session.get(Client, client_id)
        if client_id is not None and row is None:
            raise InvalidRequestError("There is no such client.")
        client = None if row is None else RegisteredClient(row, self.issuer)
        uri = given.get("post_logout_redirect_uri")
        if uri is None:
            return _Asked(client, None, hinted), given
        if client is None or client.is_ended or not client.check_post_logout_redirect_uri(uri):
            raise InvalidRequestError("post_logout_redirect_uri is not registered for this client.")
        state = given.get("state")
        return _Asked(client, add_params_to_uri(uri, [("state", state)]) if state else uri, hinted), given

    async def _hint(self, hint: str, client_id: str | None) -> tuple[str, UUID, UUID | None]:
        """Client, person and family of an ID token of ours, however old: it may have expired (§2)."""
        try:
            claims = await self._claims(hint)
            client = str(claims["aud"])
            person = self.subjects.person(str(claims["sub"]), client)
            family = UUID(hex=claims["sid"]) if "sid" in claims else None
        except (NotVerified, TokenInvalid, ValueError, TypeError, AttributeError):
            raise InvalidRequestError("id_token_hint is not an ID token of ours.") from None
        if client_id not in (None, client):
            raise InvalidRequestError("id_token_hint is another client's.")
        return client, person, family

    async def _claims(self, hint: str) -> Mapping[str, Any]:
        key = await self.signing.verifying(key_id(hint))
        if key is None:
            raise NotVerified
        return verified_claims(
            hint,
            key,
            types=("jwt",),
            issuer=self.issuer,
            audiences=None,
            now=self.clock.now(),
            required=("sub", "aud"),
            expired_is_fine=True,
        )

    async def _is_of(self, session: AsyncSession, asked: _Asked, who: SignInSession) -> bool:
        """Whether the hint was made in the very session that this browser has."""
        if asked.hinted is None or asked.hinted[0] != who.person or asked.hinted[1] is None:
            return False
        family = await session.get(TokenFamily, asked.hinted)
        return family is not None and family.session == who.id

    async def _end(self, request: Request, asked: _Asked, who: SignInSession) -> Response:
        async with self.db.write() as session:
            await Endings(self.clock).end_session(session, who.person, who.id, EndReason.SIGNED_OUT)
        response = self._done(request, asked, knows_the_person=True)
        self.cookies.clear(response, SESSION_COOKIE)
        return response

    def _done(self, request: Request, asked: _Asked, *, knows_the_person: bool) -> Response:
        """Back to the client; to a page of ours when nobody asked for more, or just anybody may have made the link."""
        if asked.going_to is not None and knows_the_person:
            return see_other(asked.going_to)
        return self.pages.page(request, "logout.html", client=None, kept={}, done="signed out")

    def _problem(self, request: Request, error: OAuth2Error) -> Response:
        return self.pages.problem(request, _BAD_REQUEST, code=str(error.error))
