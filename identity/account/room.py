"""The account, put together: the services behind its pages and its graph."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from identity.abuse import Devices
from identity.account.routes import AccountRoutes
from identity.contacts.service import Contacts
from identity.inbox import Inbox
from identity.passkeys.routes import PasskeyRoutes
from identity.passkeys.service import Passkeys
from identity.provider.replay import Replays
from identity.provider.sessions import SignInSessions
from identity.provider.subjects import Subjects
from identity.sessions.service import SignIns
from identity.web import Cookies, Forms, Pages


class AccountRoom:
    """`sign_ins` is how a session begins, whichever way the person came; all are for others to use."""

    def __init__(self, db: Database, clock: Clock, keys: KeyRing, subjects: Subjects) -> None:
        self._db, self._clock, self._keys = db, clock, keys
        inbox = Inbox(clock)
        self.sessions = SignInSessions(keys, clock)
        self.sign_ins = SignIns(keys, clock, self.sessions, inbox)
        self.passkeys = Passkeys(keys, clock, subjects, inbox)
        self.contacts = Contacts(keys, clock, inbox)

    def router(self, issuer: str, web: Web) -> APIRouter:
        """`/signin/passkey…` and `/account/…`."""
        passkeys = PasskeyRoutes(
            issuer=issuer,
            db=self._db,
            clock=self._clock,
            keys=self._keys,
            passkeys=self.passkeys,
            sessions=self.sessions,
            sign_ins=self.sign_ins,
            replays=web.replays,
            cookies=web.cookies,
            forms=web.forms,
            devices=web.devices,
        )
        account = AccountRoutes(
            issuer=issuer,
            db=self._db,
            clock=self._clock,
            keys=self._keys,
            passkeys=self.passkeys,
            sessions=self.sessions,
            sign_ins=self.sign_ins,
            cookies=web.cookies,
            forms=web.forms,
            pages=web.pages,
        )
        router = APIRouter()
        router.include_router(passkeys.router())
        router.include_router(account.router())
        return router


@dataclass(frozen=True, slots=True)
class Web:
    """What pages and forms need of the web."""

    cookies: Cookies
    forms: Forms
    pages: Pages
    devices: Devices
    replays: Replays
