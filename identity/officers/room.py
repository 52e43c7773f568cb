"""The officers' room, put together: the register, proposals, the counter, and their pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final

from fastapi import APIRouter

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.rate_limits import RateLimiter
from core.text import Text
from identity.abuse import COUNTER_CODES, Failures
from identity.account.room import AccountRoom, Web
from identity.counter.routes import CounterRoutes
from identity.counter.service import Counter
from identity.delegation.service import DelegationService
from identity.inbox.service import Inbox
from identity.juristic.acts import JuristicAppoint, JuristicClientAdd, JuristicEnd, JuristicSet
from identity.juristic.appointing import Appointing
from identity.juristic.desk import JuristicDesk
from identity.juristic.looks import Looks
from identity.juristic.register import JuristicRegister
from identity.juristic.routes import JuristicRoutes
from identity.juristic.systems import Systems
from identity.officers.door import OfficerDoor
from identity.officers.leaving import Leaving
from identity.officers.register import OfficerRegister
from identity.officers.routes import OfficerRoutes
from identity.officers.trail import Trail
from identity.people import PeopleRegister
from identity.people.correction import Correction, HearsOfNumbers, KnownFacts
from identity.proposals.acts import Act
from identity.proposals.agency_acts import ClientAdd, ClientKeys, OfficerAdd
from identity.proposals.registry_acts import GuardianshipAdd, GuardianshipEnd, IdCorrection
from identity.proposals.service import Proposals

_UNNAMED: Final = Text(th="{slug}", en="{slug}")


class OfficerRoom:
    """`titles` (of agencies), `known_facts` and `hears_of_numbers` may be set later, when those rooms stand."""

    def __init__(self, db: Database, clock: Clock, keys: KeyRing, people: PeopleRegister) -> None:
        self._db, self._clock, self._keys, self._people = db, clock, keys, people
        self._inbox = Inbox(clock)
        self.titles: Callable[[str], Text] | None = None
        self.known_facts: KnownFacts | None = None
        self.hears_of_numbers: HearsOfNumbers | None = None
        self.further_acts: Sequence[Act] = ()
        """Of higher rooms; set before the first proposal."""
        self.officers = OfficerRegister(people, clock)
        self.juristic = JuristicRegister(clock)
        self.appointing = Appointing(self.juristic, self.officers, keys, clock)
        looks = Looks(db, clock, keys, self.juristic, people)
        systems = Systems(self.juristic, clock)
        self.juristic_desk = JuristicDesk(db, keys, self.juristic, self.appointing, people, looks, systems)
        self.leaving = Leaving(self.officers, self._inbox, clock)
        self.counter = Counter(keys, clock, people, self.officers)

    @cached_property
    def proposals(self) -> Proposals:
        delegations = DelegationService(self._clock, self._keys, self._people)
        correction = Correction(self._people, self._inbox, self._clock, lambda: self.hears_of_numbers)
        acts: list[Act] = [
            OfficerAdd(self.officers, self._people),
            IdCorrection(self._people, correction, delegations, self.title_of),
            GuardianshipAdd(self._people, delegations, self._clock),
            GuardianshipEnd(self._people, delegations),
            ClientAdd(Trail(self._clock), self._clock),
            ClientKeys(Trail(self._clock), self._clock),
            JuristicSet(self.juristic, self._people),
            JuristicEnd(self.juristic),
            JuristicAppoint(self.juristic, self.appointing, self._people, self._clock),
            JuristicClientAdd(self.juristic, self._clock),
            *self.further_acts,
        ]
        return Proposals(self._keys, self._clock, self.officers, self._inbox, acts)

    def title_of(self, agency: str) -> Text:
        """The agency's name, or its slug where nobody knows names."""
        return _UNNAMED.filled(slug=agency) if self.titles is None else self.titles(agency)

    def router(self, issuer: str, web: Web, account: AccountRoom, limiter: RateLimiter) -> APIRouter:
        """`/officer…`, `/signin/counter` and `/account/juristic…`."""
        door = OfficerDoor(issuer, self._db, self._clock, web.cookies, web.pages, account.sessions, self.officers)
        desk = OfficerRoutes(
            issuer=issuer,
            db=self._db,
            clock=self._clock,
            door=door,
            forms=web.forms,
            pages=web.pages,
            proposals=self.proposals,
            counter=self.counter,
            titles=self.title_of,
            known_facts=lambda: self.known_facts,
        )
        counter = CounterRoutes(
            issuer=issuer,
            db=self._db,
            clock=self._clock,
            counter=self.counter,
            sessions=account.sessions,
            sign_ins=account.sign_ins,
            cookies=web.cookies,
            forms=web.forms,
            pages=web.pages,
            failures=Failures(COUNTER_CODES, limiter, web.devices),
            devices=web.devices,
            titles=self.title_of,
        )
        juristic = JuristicRoutes(
            issuer=issuer,
            db=self._db,
            clock=self._clock,
            desk=self.juristic_desk,
            sessions=account.sessions,
            cookies=web.cookies,
            forms=web.forms,
            pages=web.pages,
            titles=self.title_of,
        )
        router = APIRouter()
        router.include_router(juristic.router())
        router.include_router(desk.router())
        router.include_router(counter.router())
        return router
