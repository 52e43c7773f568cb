"""Signing in and out: pages and forms that work without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.errors import ServiceUnavailable, SitthiError
from core.rate_limits import RateLimited
from identity.abuse import Devices, Failures
from identity.people import PeopleRegister
from identity.provider.devices import device_of
from identity.provider.routes import SESSION_COOKIE, sign_in_path
from identity.provider.sessions import SESSION_SECONDS, SignInSessions
from identity.upstream.attempt import ATTEMPT_SECONDS, Attempt
from identity.upstream.errors import SignInNotStarted, SignInRefused
from identity.upstream.facts import SignInFacts
from identity.upstream.thaid import ThaID, Vouched
from identity.web import Cookies, Forms, Pages, local_path, see_other

RETURN: Final = "/signin/return"
_ATTEMPT: Final = "signin"
_STATUS: Final = {RateLimited.code: 429, ServiceUnavailable.code: 503, SignInRefused.code: 403}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SignInRoutes:
    issuer: str
    db: Database
    clock: Clock
    keys: KeyRing
    thaid: ThaID
    people: PeopleRegister
    sessions: SignInSessions
    cookies: Cookies
    forms: Forms
    pages: Pages
    failures: Failures
    devices: Devices
    facts: Callable[[], SignInFacts | None]
    """Asked at each sign-in, for the exchange is built after us."""

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        for path, endpoint, methods in (
            ("/signin", self.show, ["GET"]),
            ("/signin", self.begin, ["POST"]),
            (RETURN, self.come_back, ["GET"]),
            ("/signout", self.show_sign_out, ["GET"]),
            ("/signout", self.sign_out, ["POST"]),
        ):
            router.add_api_route(path, endpoint, methods=methods, response_model=None)
        return router

    async def show(self, request: Request) -> Response:
        return self.pages.page(request, "sign_in.html", going_to=local_path(request.query_params.get("return")))

    async def begin(self, request: Request) -> Response:
        """Off to ThaID, with an attempt in this browser's keeping."""
        try:
            fields = await self.forms.read(request)
            attempt = Attempt.begin(local_path(fields.get("return")), self.clock.now())
            address = await self.thaid.address(attempt)
        except SitthiError as error:
            return self._problem(request, error, "/signin")
        response = see_other(address)
        self.cookies.write(response, _ATTEMPT, attempt.sealed(self.keys), ATTEMPT_SECONDS)
        return response

    async def come_back(self, request: Request) -> Response:
        """Back from ThaID: who it vouches for is signed in here. The attempt is over, however it ends."""
        given = request.query_params
        again = "/signin"
        try:
            attempt = Attempt.opened(
                self.cookies.read(request, _ATTEMPT), given.get("state"), self.keys, self.clock.now()
            )
            again = sign_in_path(attempt.going_to)
            if "error" in given or not given.get("code"):
                raise SignInRefused
            vouched = await self._redeemed(request, given["code"], attempt)
        except (SignInNotStarted, RateLimited) as error:
            return self._problem(request, error, again)  # another attempt of this browser may still be under way
        except SitthiError as error:
            response = self._problem(request, error, again)
        else:
            response = await self._signed_in(request, vouched, attempt)
        self.cookies.clear(response, _ATTEMPT)
        return response

    async def _redeemed(self, request: Request, code: str, attempt: Attempt) -> Vouched:
        """Counts as a failure unless ThaID vouches for somebody, or does not answer.

        Raises :class:`RateLimited`, :class:`ServiceUnavailable`, :class:`UpstreamNotBelieved`.
        """
        ticket = await self.failures.admit(request)
        try:
            vouched = await self.thaid.redeem(code, attempt)
        except ServiceUnavailable:
            await self.failures.succeeded(ticket)
            raise
        await self.failures.succeeded(ticket)
        return vouched

    async def show_sign_out(self, request: Request) -> Response:
        return self.pages.page(request, "sign_out.html", done=False)

    async def sign_out(self, request: Request) -> Response:
        try:
            await self.forms.read(request)
        except SitthiError as error:
            return self._problem(request, error, "/signout")
        async with self.db.write() as session:
            await self.sessions.end(session, self.cookies.read(request, SESSION_COOKIE))
        response = self.pages.page(request, "sign_out.html", done=True)
        self.cookies.clear(response, SESSION_COOKIE)
        return response

    async def _signed_in(self, request: Request, vouched: Vouched, attempt: Attempt) -> Response:
        async with self.db.write() as session:
            await self.sessions.end(session, self.cookies.read(request, SESSION_COOKIE))
            known = await self.people.resolve(session, [vouched.national_id])
            person = known[vouched.national_id.digits]
            secret = await self.sessions.begin(
                session,
                person,
                method="thaid",
                acr=vouched.acr,
                amr=("fed",),
                name=vouched.name,
                device=device_of(request.headers.get("user-agent")),
                for_request=attempt.going_to,
            )
        facts = self.facts()
        if facts is not None:
            try:
                await facts.record(person, vouched.claims, self.clock.now())
            except SitthiError as error:  # the gate can ask the source itself; nobody is kept out for it
                log.warning("sign_in_facts_not_recorded", code=error.code)
        response = see_other(self.issuer + attempt.going_to)
        self.cookies.write(response, SESSION_COOKIE, secret, SESSION_SECONDS)
        self.devices.remember(response, person)
        return response

    def _problem(self, request: Request, error: SitthiError, again: str) -> Response:
        text = error.text.filled(**error.fields)
        response = self.pages.problem(request, text, status=_STATUS.get(error.code, 400), code=error.code, again=again)
        if isinstance(error, RateLimited):
            response.headers["Retry-After"] = str(error.retry_after)
        return response
