"""Signing in and out: pages and forms that work without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.assurance import OF_THAID, Assurance
from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.errors import ServiceUnavailable, SitthiError
from core.rate_limits import RateLimited
from identity.abuse import Devices, Failures
from identity.passkeys.models import Passkey
from identity.passkeys.repository import PasskeyRows
from identity.passkeys.routes import script_address
from identity.passkeys.service import AAL, Passkeys, aal_when_added, assurance_of
from identity.people import PeopleRegister
from identity.provider.models import SignInSession
from identity.provider.routes import SESSION_COOKIE, sign_in_path
from identity.provider.sessions import SESSION_SECONDS, SignInSessions
from identity.sessions.service import Browser, SignIn, SignIns
from identity.upstream.attempt import ATTEMPT_SECONDS, ATTEMPTS_MAX, Attempt, cookie_of
from identity.upstream.errors import ProofingTooWeak, SignInNotStarted, SignInRefused
from identity.upstream.facts import SignInFacts
from identity.upstream.thaid import ThaID, Vouched
from identity.web import Cookies, Forms, Pages, local_path, see_other

RETURN: Final = "/signin/return"
CONTINUE_COOKIE: Final = "continue"
"""Where a person goes on to who must add a passkey first: a path of ours, for the page "Security"."""
_CONTINUE_LENGTH_MAX: Final = 3_500
_STATUS: Final = {
    RateLimited.code: 429, ServiceUnavailable.code: 503, SignInRefused.code: 403, ProofingTooWeak.code: 403
}  # fmt: skip

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
    sign_ins: SignIns
    passkeys: Passkeys
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
        """The sign-in page; or, for somebody signed in of whom `acr` asks more, what would meet it (RFC 9470)."""
        going_to = local_path(request.query_params.get("return"))
        wanted = Assurance.wanted(request.query_params.get("acr", ""))
        if wanted is not None:
            async with self.db.read() as session:
                who = await self.sessions.find(session, self.cookies.read(request, SESSION_COOKIE))
                passkeys = [] if who is None else await PasskeyRows(session).of(who.person)
            if who is not None:
                return self._step_up(request, who, passkeys, wanted, going_to)
        return self.pages.page(request, "sign_in.html", script=script_address(self.issuer), going_to=going_to)

    async def begin(self, request: Request) -> Response:
        """Off to ThaID, with an attempt in this browser's keeping."""
        try:
            fields = await self.forms.read(request)
            attempt = Attempt.begin(local_path(fields.get("return")), self.clock.now())
            address = await self.thaid.address(attempt)
        except SitthiError as error:
            return self._problem(request, error, "/signin")
        response = see_other(address)
        self._make_room(request, response)
        self.cookies.write(response, attempt.cookie, attempt.sealed(self.keys), ATTEMPT_SECONDS)
        return response

    def _make_room(self, request: Request, response: Response) -> None:
        """Attempts of this browser that were never finished go when there are too many; each tab begins one."""
        begun = [name for name in self.cookies.purposes(request) if name.startswith("signin_")]
        for name in begun if len(begun) >= ATTEMPTS_MAX else ():
            self.cookies.clear(response, name)

    async def come_back(self, request: Request) -> Response:
        """Back from ThaID: who it vouches for is signed in here. The attempt is over, however it ends."""
        given, now = request.query_params, self.clock.now()
        state = given.get("state")
        try:
            attempt = Attempt.opened(self.cookies.read(request, cookie_of(state)), state, self.keys, now)
        except SignInNotStarted as error:
            return self._problem(request, error, "/signin")  # another attempt of this browser may still be under way
        again = sign_in_path(attempt.going_to)
        try:
            if "error" in given or not given.get("code"):
                raise SignInRefused
            vouched = await self._redeemed(request, given["code"], attempt)
        except RateLimited as error:
            return self._problem(request, error, again)
        except SitthiError as error:
            response = self._problem(request, error, again)
        else:
            response = await self._signed_in(request, vouched, attempt)
        self.cookies.clear(response, attempt.cookie)
        return response

    async def _redeemed(self, request: Request, code: str, attempt: Attempt) -> Vouched:
        """Counts as a failure unless ThaID vouches for somebody, or does not answer.

        Raises :class:`RateLimited`, :class:`ServiceUnavailable`, :class:`UpstreamNotBelieved`,
        :class:`ProofingTooWeak`.
        """
        ticket = await self.failures.admit(request)
        try:
            vouched = await self.thaid.redeem(code, attempt)
        except (ServiceUnavailable, ProofingTooWeak):
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
            await self.sign_ins.sign_out(session, self.cookies.read(request, SESSION_COOKIE))
        response = self.pages.page(request, "sign_out.html", done=True)
        self.cookies.clear(response, SESSION_COOKIE)
        return response

    def _step_up(
        self, request: Request, who: SignInSession, passkeys: Sequence[Passkey], wanted: Assurance, going_to: str
    ) -> Response:
        """A passkey that does not reach `wanted` is not offered, and adding one only where one added now would."""
        ial, now = Assurance.of(who.acr).ial, self.clock.now()
        worth = [assurance_of(one, now) for one in passkeys]
        by_passkey = any(Assurance(ial.or_higher(one.ial), one.aal).meets(wanted) for one in worth)
        helps = not by_passkey and Assurance(OF_THAID.ial, AAL).meets(wanted)
        is_fresh = self.passkeys.is_fresh(who) and Assurance(ial, aal_when_added(who.method)).meets(wanted)
        response = self.pages.page(
            request,
            "step_up.html",
            script=script_address(self.issuer),
            going_to=going_to,
            by_passkey=by_passkey,
            by_thaid=OF_THAID.meets(wanted),
            may_enrol=helps and is_fresh,
            must_sign_in=helps and not is_fresh,
        )
        back = f"/signin?{urlencode({'return': going_to, 'acr': wanted.acr})}"
        if helps and len(back) <= _CONTINUE_LENGTH_MAX:
            self.cookies.write(response, CONTINUE_COOKIE, back, ATTEMPT_SECONDS)
        return response

    async def _signed_in(self, request: Request, vouched: Vouched, attempt: Attempt) -> Response:
        browser = Browser.of(request, self.cookies)
        async with self.db.write() as session:
            known = await self.people.resolve(session, [vouched.national_id])
            person = known[vouched.national_id.digits]
            who = SignIn(person, "thaid", vouched.acr, ("fed",), vouched.name)
            former = self.cookies.read(request, SESSION_COOKIE)
            secret = await self.sign_ins.begin(session, who, browser, for_request=attempt.going_to, replaces=former)
        facts = self.facts()
        if facts is not None:
            try:
                await facts.record(person, vouched.claims, self.clock.now())
            except SitthiError as error:  # the gate can ask the source itself; nobody is kept out for it
                log.warning("sign_in_facts_not_recorded", code=error.code)
        response = see_other(self.issuer + attempt.going_to)
        self.cookies.write(response, SESSION_COOKIE, secret, SESSION_SECONDS)
        browser.remember(response, self.cookies)
        self.devices.remember(response, person)
        return response

    def _problem(self, request: Request, error: SitthiError, again: str) -> Response:
        text, status = error.text.filled(**error.fields), _STATUS.get(error.code, 400)
        if isinstance(error, (ServiceUnavailable, ProofingTooWeak)):  # there are other ways in
            return self.pages.page(request, "other_ways.html", status=status, text=text, code=error.code, again=again)
        response = self.pages.problem(request, text, status=status, code=error.code, again=again)
        if isinstance(error, RateLimited):
            response.headers["Retry-After"] = str(error.retry_after)
        return response
