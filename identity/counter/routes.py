"""Signing in with a code from an officer's counter, on one's own phone or on the counter's kiosk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.errors import ServiceUnavailable, SitthiError
from core.rate_limits import RateLimited
from core.text import Text
from identity.abuse import Devices, Failures
from identity.counter.errors import CounterCodeWrong
from identity.counter.service import AMR, KIOSK_SECONDS, METHOD, OF_COUNTER, Counter
from identity.provider.routes import SESSION_COOKIE
from identity.provider.sessions import SESSION_SECONDS, SignInSessions
from identity.sessions.service import Browser, SignIn, SignIns
from identity.web import Cookies, Forms, Pages, local_path, see_other

PATH: Final = "/signin/counter"
_STATUS: Final = {RateLimited.code: 429, ServiceUnavailable.code: 503, CounterCodeWrong.code: 403}


@dataclass(frozen=True, slots=True)
class CounterRoutes:
    issuer: str
    db: Database
    clock: Clock
    counter: Counter
    sessions: SignInSessions
    sign_ins: SignIns
    cookies: Cookies
    forms: Forms
    pages: Pages
    failures: Failures
    devices: Devices
    titles: Callable[[str], Text]

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route(PATH, self.show, methods=["GET"], response_model=None)
        router.add_api_route(PATH, self.sign_in, methods=["POST"], response_model=None)
        return router

    async def show(self, request: Request) -> Response:
        return self.pages.page(
            request, "counter.html", going_to=local_path(request.query_params.get("return")), error=None
        )

    async def sign_in(self, request: Request) -> Response:
        """What is wrong with a code is never said: unknown, old and used are alike, in words and in work."""
        try:
            fields = await self.forms.read(request)
            ticket = await self.failures.admit(request)
        except SitthiError as error:
            return self._problem(request, error)
        going_to, on_kiosk = local_path(fields.get("return")), fields.get("kiosk") == "yes"
        browser = Browser.of(request, self.cookies)
        try:
            async with self.db.write() as session:
                admitted = await self.counter.redeem(session, fields.get("code", ""))
                who = SignIn(
                    admitted.person,
                    METHOD,
                    OF_COUNTER.acr,
                    AMR,
                    admitted.name,
                    assisted_by=admitted.officer,
                    agency=self.titles(admitted.agency),
                )
                former = self.cookies.read(request, SESSION_COOKIE)
                secret = await self.sign_ins.begin(session, who, browser, for_request=going_to, replaces=former)
                if on_kiosk:
                    await self._shorten(session, secret)
        except CounterCodeWrong as error:
            return self.pages.page(request, "counter.html", status=403, going_to=going_to, error=error.text)
        except ServiceUnavailable as error:
            await self.failures.succeeded(ticket)
            return self._problem(request, error)
        await self.failures.succeeded(ticket)
        response = see_other(self.issuer + going_to)
        self.cookies.write(response, SESSION_COOKIE, secret, KIOSK_SECONDS if on_kiosk else SESSION_SECONDS)
        if not on_kiosk:  # a kiosk is nobody's device
            browser.remember(response, self.cookies)
            self.devices.remember(response, admitted.person)
        return response

    async def _shorten(self, session: AsyncSession, secret: str) -> None:
        """The next in the queue finds nobody signed in."""
        begun = await self.sessions.find(session, secret)
        assert begun is not None, "it was entered just now"
        begun.expires_at = self.clock.now() + timedelta(seconds=KIOSK_SECONDS)
        await session.flush()

    def _problem(self, request: Request, error: SitthiError) -> Response:
        text = error.text.filled(**error.fields)
        status = _STATUS.get(error.code, 400)
        response = self.pages.problem(request, text, status=status, code=error.code, again=PATH)
        if isinstance(error, RateLimited):
            response.headers["Retry-After"] = str(error.retry_after)
        return response
