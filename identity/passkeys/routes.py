"""The ceremonies over HTTP: options and answers in JSON, for the script of our own pages (docs/adr/0014).

Every answer that is not 200 is `{"code", "message": {"th", "en"}}`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.ext.asyncio import AsyncSession

from core.assurance import Assurance
from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.errors import BodyTooLarge, NotSignedIn, ServiceUnavailable, SitthiError
from core.text import Text
from identity.abuse import Devices
from identity.passkeys.challenge import CHALLENGE_SECONDS, Ceremony, Challenge
from identity.passkeys.errors import (
    FreshSignInNeeded,
    PasskeyChallengeSpent,
    PasskeyCloned,
    PasskeyNotKnown,
    PasskeyOfAnother,
)
from identity.passkeys.relying_party import RelyingParty, credential_id_of
from identity.passkeys.repository import PasskeyRows
from identity.passkeys.service import IDENTIFYING, Passkeys, Proof, clean_label
from identity.provider.models import SignInSession
from identity.provider.replay import Replays
from identity.provider.routes import SESSION_COOKIE
from identity.provider.sessions import SESSION_SECONDS, SessionNames, SignInSessions
from identity.sessions.repository import WhereSignedIn
from identity.sessions.service import Browser, SignIn, SignIns
from identity.web import NO_STORE, Cookies, Forms, local_path

SCRIPT: Final = "/signin/passkeys.js"
_COOKIE: Final = "passkey"
_STATUS: Final = {
    NotSignedIn.code: 401,
    FreshSignInNeeded.code: 403,
    PasskeyOfAnother.code: 403,
    BodyTooLarge.code: 413,
    ServiceUnavailable.code: 503,
}

Endpoint = Callable[[Request], Awaitable[Response]]


def script_address(issuer: str) -> str:
    """Of the script as it is now: browsers may keep it for ever."""
    return f"{issuer}{SCRIPT}?v={sha256(_script()).hexdigest()[:16]}"


@cache
def _script() -> bytes:
    return (Path(__file__).parent / "passkeys.js").read_bytes()


@dataclass(frozen=True, slots=True)
class PasskeyRoutes:
    issuer: str
    db: Database
    clock: Clock
    keys: KeyRing
    passkeys: Passkeys
    sessions: SignInSessions
    sign_ins: SignIns
    replays: Replays
    cookies: Cookies
    forms: Forms
    devices: Devices

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route(SCRIPT, self.script, methods=["GET"], response_model=None)
        for path, endpoint in (
            ("/signin/passkey/options", self.sign_in_options),
            ("/signin/passkey", self.sign_in),
            ("/signin/passkey/step-up/options", self.step_up_options),
            ("/signin/passkey/step-up", self.step_up),
            ("/account/passkeys/options", self.enrolment_options),
            ("/account/passkeys", self.enrol),
        ):
            router.add_api_route(path, _told(endpoint), methods=["POST"], response_model=None)
        return router

    async def script(self, _request: Request) -> Response:
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
        return Response(_script(), media_type="text/javascript", headers=headers)

    async def sign_in_options(self, request: Request) -> Response:
        """Without a name: the authenticator offers the people it knows."""
        await self.forms.read_json(request)
        challenge = Challenge.make(Ceremony.SIGN_IN, None, self.clock.now())
        return self._begin(challenge, self._party.sign_in(challenge))

    async def sign_in(self, request: Request) -> Response:
        given = await self.forms.read_json(request)
        challenge = self._challenge(request, Ceremony.SIGN_IN, None)
        browser, going_to = Browser.of(request, self.cookies), _path(given)
        proof, secret = await self._proven(
            given,
            challenge,
            lambda session, proof: self._begin_session(session, proof, browser, going_to, request),
        )
        response = self._done(going_to)
        self.cookies.write(response, SESSION_COOKIE, secret, SESSION_SECONDS)
        browser.remember(response, self.cookies)
        self.devices.remember(response, proof.passkey.person)
        return response

    async def step_up_options(self, request: Request) -> Response:
        await self.forms.read_json(request)
        async with self.db.read() as session:
            who = await self._who(session, request)
            known = await PasskeyRows(session).of(who.person)
        if not known:  # an empty list would ask for anybody's
            raise PasskeyNotKnown
        challenge = Challenge.make(Ceremony.STEP_UP, who.id, self.clock.now())
        return self._begin(challenge, self._party.sign_in(challenge, known))

    async def step_up(self, request: Request) -> Response:
        """The session's own person proves anew that it is they: never somebody else."""
        given = await self.forms.read_json(request)
        async with self.db.read() as session:
            who = await self._who(session, request)
        challenge, going_to = self._challenge(request, Ceremony.STEP_UP, who), _path(given)
        _, secret = await self._proven(
            given, challenge, lambda session, proof: self._strengthen(session, who, proof, going_to), who
        )
        response = self._done(going_to)
        self.cookies.write(response, SESSION_COOKIE, secret, SESSION_SECONDS)
        return response

    async def enrolment_options(self, request: Request) -> Response:
        await self.forms.read_json(request)
        async with self.db.read() as session:
            who = await self._who(session, request)
            known = await PasskeyRows(session).of(who.person)
        if not self.passkeys.is_fresh(who):
            raise FreshSignInNeeded
        challenge = Challenge.make(Ceremony.ENROL, who.id, self.clock.now())
        name = SessionNames(self.keys).open(who.name_sealed, who.id)
        return self._begin(
            challenge, self._party.enrolment(challenge, self.passkeys.user_handle(who.person), name, known)
        )

    async def enrol(self, request: Request) -> Response:
        given = await self.forms.read_json(request)
        async with self.db.read() as session:
            who = await self._who(session, request)
        challenge = self._challenge(request, Ceremony.ENROL, who)
        enrolled = self._party.enrolled(given.get("credential"), challenge)
        label = clean_label(given.get("label"))
        await self._use(challenge)
        async with self.db.write() as session:
            who = await self._who(session, request)  # it may have ended since
            await self.passkeys.enrol(session, who, enrolled, label)
        return self._done(_path(given))

    @property
    def _party(self) -> RelyingParty:
        return RelyingParty(self.issuer)

    async def _proven(
        self,
        given: dict[str, Any],
        challenge: Challenge,
        then: Callable[[AsyncSession, Proof], Awaitable[str]],
        of: SignInSession | None = None,
    ) -> tuple[Proof, str]:
        """Who answered the challenge, and what `then` made of it in the transaction that notes the use.

        The challenge is used up once the answer is found good, and by that alone: what fails before costs nothing, and
        of parallel uses of one good answer one goes on. Raises the errors of this room.
        """
        credential = given.get("credential")
        async with self.db.read() as session:
            found = await PasskeyRows(session).by_credential(credential_id_of(credential))
        if found is None:
            raise PasskeyNotKnown
        asserted = self._party.asserted(credential, challenge, found.public_key)
        self.passkeys.check_handle(found, asserted, required=of is None)
        if of is not None and found.person != of.person:
            raise PasskeyOfAnother
        await self._use(challenge)
        async with self.db.write() as session:
            proof = await self.passkeys.used(session, found, asserted)
            made = None if proof is None else await then(session, proof)
        if proof is None or made is None:  # that it is ended, and that its owner is told, is committed
            raise PasskeyCloned
        return proof, made

    async def _begin_session(
        self, session: AsyncSession, proof: Proof, browser: Browser, going_to: str, request: Request
    ) -> str:
        person = proof.passkey.person
        vouched = await WhereSignedIn(session, person).latest_vouched(IDENTIFYING)
        names = SessionNames(self.keys)
        is_newer = vouched is not None and vouched.signed_in_at > proof.passkey.created_at
        name = (
            names.open(vouched.name_sealed, vouched.id)
            if vouched is not None and is_newer
            else self.passkeys.name_of(proof.passkey)
        )
        who = SignIn(person, "passkey", proof.assurance.acr, proof.amr, name, passkey=proof.passkey.id)
        former = self.cookies.read(request, SESSION_COOKIE)
        return await self.sign_ins.begin(session, who, browser, for_request=going_to, replaces=former)

    async def _strengthen(self, session: AsyncSession, who: SignInSession, proof: Proof, going_to: str) -> str:
        """The better of both proofings: they are of one person."""
        ial = Assurance.of(who.acr).ial.or_higher(proof.assurance.ial)
        amr = list(dict.fromkeys([*who.amr, *proof.amr]))
        secret = await self.sessions.strengthen(
            session, who, acr=Assurance(ial, proof.assurance.aal).acr, amr=amr, for_request=going_to
        )
        if secret is None:
            raise NotSignedIn
        return secret

    async def _use(self, challenge: Challenge) -> None:
        if not await self.replays.is_first("passkey", "", challenge.value, seconds=CHALLENGE_SECONDS):
            raise PasskeyChallengeSpent

    async def _who(self, session: AsyncSession, request: Request) -> SignInSession:
        """Raises :class:`NotSignedIn`."""
        who = await self.sessions.find(session, self.cookies.read(request, SESSION_COOKIE))
        if who is None:
            raise NotSignedIn
        return who

    def _challenge(self, request: Request, ceremony: Ceremony, who: SignInSession | None) -> Challenge:
        cookie = self.cookies.read(request, _COOKIE)
        return Challenge.opened(cookie, ceremony, None if who is None else who.id, self.keys, self.clock.now())

    def _begin(self, challenge: Challenge, options: dict[str, Any]) -> Response:
        response = JSONResponse({"publicKey": options}, headers=NO_STORE)
        self.cookies.write(response, _COOKIE, challenge.sealed(self.keys), CHALLENGE_SECONDS)
        return response

    def _done(self, location: str) -> Response:
        response = JSONResponse({"location": location}, headers=NO_STORE)
        self.cookies.clear(response, _COOKIE)
        return response


def _told(endpoint: Endpoint) -> Endpoint:
    """A refusal in the form that the script reads."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except SitthiError as error:
            text: Text = error.text.filled(**error.fields)
            body = {"code": error.code, "message": {"th": text.th, "en": text.en}}
            return JSONResponse(body, _STATUS.get(error.code, 400), NO_STORE)

    return answer


def _path(given: dict[str, Any]) -> str:
    """Where the person goes on to: a path of ours."""
    wanted = given.get("return")
    return local_path(wanted if isinstance(wanted, str) else None)
