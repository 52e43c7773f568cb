"""Signing in, with word of it to the person; and ending what is signed in. The edge commits.

A browser is known again by a long-lived random cookie. Of it, each session keeps a keyed hash that holds the person
too: two people who share a computer are not joined by it, and a leaked table tells no cookie.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.crypto import KeyRing
from core.errors import NotFound
from core.text import Text
from identity.inbox import Inbox
from identity.provider.devices import device_of, shown
from identity.provider.endings import Endings, EndReason
from identity.provider.models import SignInSession, TokenFamily
from identity.provider.sessions import SignInSessions
from identity.sessions import alerts
from identity.sessions.repository import WhereSignedIn
from identity.web import Cookies

BROWSER_COOKIE: Final = "browser"
BROWSER_COOKIE_SECONDS: Final = 400 * 86_400
"""As long as browsers keep one (RFC 6265bis §5.5)."""
KNOWN_FOR: Final = timedelta(days=90)
"""A device that was not used for so long is new again."""
_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{32}")


@dataclass(frozen=True, slots=True, repr=False)
class Browser:
    """The browser of a request: what its owner calls it, and the random value by which we know it again."""

    label: str
    value: str

    @classmethod
    def of(cls, request: Request, cookies: Cookies) -> Browser:
        given = cookies.read(request, BROWSER_COOKIE) or ""
        value = given if _VALUE.fullmatch(given) else secrets.token_urlsafe(24)
        return cls(device_of(request.headers.get("user-agent")), value)

    def remember(self, response: Response, cookies: Cookies) -> None:
        cookies.write(response, BROWSER_COOKIE, self.value, BROWSER_COOKIE_SECONDS)


@dataclass(frozen=True, slots=True)
class SignIn:
    """Somebody proved who they are."""

    person: UUID
    method: str
    """`thaid`, `passkey` or `counter`."""
    acr: str
    amr: Sequence[str]
    name: Text
    assisted_by: UUID | None = None
    """The officer at the counter."""
    agency: Text | None = None
    """Of that officer."""
    passkey: UUID | None = None
    """The one they came by."""


class SignIns:
    """Sessions begin and end here; `identity.provider.sessions` keeps the rows."""

    def __init__(self, keys: KeyRing, clock: Clock, sessions: SignInSessions, inbox: Inbox) -> None:
        self._keys, self._clock, self._sessions, self._inbox = keys, clock, sessions, inbox
        self._endings = Endings(clock)

    async def begin(
        self, session: AsyncSession, who: SignIn, browser: Browser, *, for_request: str, replaces: str | None
    ) -> str:
        """Enters the session and answers its secret. The person is told when the device is new, or an officer helped.

        `replaces` is the secret of the browser's session so far, which ends. If it was the same person's, the apps they
        signed in to go on under the new one; if another's, their apps in this browser are signed out with them.
        """
        device_hash = self._keys.blind_index(f"{who.person.hex}:{browser.value}", domain="sign-in-device")
        await self._tell(session, who, browser.label, device_hash)
        former = await self._sessions.find(session, replaces)
        secret = await self._sessions.begin(
            session,
            who.person,
            method=who.method,
            acr=who.acr,
            amr=who.amr,
            name=who.name,
            device=browser.label,
            device_hash=device_hash,
            for_request=for_request,
            assisted_by=who.assisted_by,
            passkey=who.passkey,
        )
        if former is not None:
            if former.person == who.person:
                begun = await self._sessions.find(session, secret)
                assert begun is not None, "it was entered just now"
                await self._hand_over(session, former, begun)
            await self._endings.end_session(session, former.person, former.id, EndReason.SIGNED_OUT)
        return secret

    async def sign_out(self, session: AsyncSession, secret: str | None) -> None:
        """Ends the browser's session, and what apps were granted in it."""
        who = await self._sessions.find(session, secret)
        if who is not None:
            await self._endings.end_session(session, who.person, who.id, EndReason.SIGNED_OUT)

    async def end(self, session: AsyncSession, person: UUID, key: UUID) -> SignInSession:
        """Ends one session, with its tokens. Raises :class:`NotFound`: unknown, another's, or ended before."""
        if not await self._endings.end_session(session, person, key, EndReason.SESSION_ENDED):
            raise NotFound
        [ended] = await WhereSignedIn(session, person).own([key])
        return ended

    async def end_all(self, session: AsyncSession, person: UUID, *, but: UUID | None = None) -> Sequence[UUID]:
        """Ends every session of the person except `but`, with their tokens, and tells them. Answers which."""
        ended = await self._endings.end_sessions(session, person, EndReason.SESSION_ENDED, but=but)
        if ended:
            await self._inbox.send(session, person, alerts.ALL_ENDED if but is None else alerts.OTHERS_ENDED)
        return ended

    async def _tell(self, session: AsyncSession, who: SignIn, device: str, device_hash: bytes) -> None:
        """At a person's very first sign-in there is no device that another could be told from, and nothing to guard."""
        if who.agency is not None:
            await self._inbox.send(session, who.person, alerts.AT_COUNTER, agency=who.agency)
            return
        places = WhereSignedIn(session, who.person)
        if await places.knows_device(device_hash, self._clock.now() - KNOWN_FOR):
            return
        if await places.was_ever_signed_in():
            method = alerts.METHODS[who.method]
            await self._inbox.send(session, who.person, alerts.NEW_DEVICE, device=shown(device), method=method)

    async def _hand_over(self, session: AsyncSession, former: SignInSession, begun: SignInSession) -> None:
        """Holds the session before what was granted in it, as whoever redeems a code in it or ends it does."""
        is_former = (col(SignInSession.person) == former.person, col(SignInSession.id) == former.id)
        held = select(col(SignInSession.id)).where(*is_former, col(SignInSession.ended_at).is_(None)).with_for_update()
        if await session.scalar(held) is None:
            return
        theirs = or_(col(TokenFamily.person) == former.person, col(TokenFamily.actor) == former.person)
        await session.execute(
            update(TokenFamily)
            .where(col(TokenFamily.session) == former.id, theirs, col(TokenFamily.ended_at).is_(None))
            .values(session=begun.id)
        )
