"""Applications to agencies' services, put together: the desk, the courier and what citizens are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.ids import NationalId
from core.jobs import Job
from core.money import Money
from core.rooms import Rooms
from core.text import Language, Text
from identity.inbox.models import ChangeKind
from identity.inbox.service import Inbox
from identity.inbox.templates import MessageTemplate
from identity.people import PeopleRegister
from services.apply.delivery.agencies import Declined
from services.apply.delivery.courier import Courier
from services.apply.delivery.decider import ServiceDecider, Services
from services.apply.delivery.desk import DeliveryDesk
from services.apply.delivery.hearing import Hearing
from services.apply.delivery.needs import Needs, StandingGate
from services.apply.delivery.states import GONE, Hindrance
from services.apply.delivery.unpaid import UnpaidFees
from services.apply.forms import Forms
from services.apply.messages import MESSAGES
from services.apply.service import ApplyService
from services.apply.states import Status
from services.exchange.catalogue import Catalogue, RegisteredPurpose
from services.exchange.consent.models import Consent
from services.exchange.consent.service import ConsentService
from services.exchange.errors import SourceSilent
from services.know.entries import service_id
from services.plugins.contract import Manifest
from services.plugins.plugin import Origin, Plugin
from services.plugins.runner import AgencyDeclined, Runner, Trouble
from services.plugins.standing import Standing, must_be_open

ASKER: Final = "sitthi-apply"
"""The AgentID under which applications are taken to agencies."""
CARRIED_EVERY: Final = timedelta(seconds=2)
TIDIED_EVERY: Final = timedelta(seconds=30)
_NOT_ASKED: Final = frozenset({GONE, Trouble.BUSY, Trouble.PAUSED})
_NOT_CONNECTED: Final = frozenset({Trouble.UNREACHABLE, Trouble.ADDRESS_REFUSED})
"""Of a plugin that is asked by one call. A function of our own may have made another before the one that failed."""

_AT_SERVICE: Final[Mapping[Status, MessageTemplate]] = {
    Status.APPROVED: MESSAGES["apply.service-approved"],
    Status.REJECTED: MESSAGES["apply.service-rejected"],
    Status.NEEDS_INFORMATION: MESSAGES["apply.service-needs-information"],
    Status.WITHDRAWN: MESSAGES["apply.service-withdrawn"],
    Status.LAPSED: MESSAGES["apply.lapsed"],
}
_HINDERED: Final[Mapping[Hindrance, MessageTemplate]] = {
    Hindrance.FAILED: MESSAGES["apply.service-not-delivered"],
    Hindrance.NOT_TAKEN_BACK: MESSAGES["apply.service-not-taken-back"],
    Hindrance.STOPPED: MESSAGES["apply.service-stopped"],
    Hindrance.WITHOUT_FACTS: MESSAGES["apply.service-without-facts"],
}
_PAYMENT: Final = MESSAGES["apply.service-payment"]
_FEE_DUE: Final = MESSAGES["apply.service-fee-due"]
_FEE_REMINDED: Final = MESSAGES["apply.service-fee-reminded"]
_FEE_LAPSED: Final = MESSAGES["apply.service-fee-lapsed"]


class ServiceNotices:
    """Fulfils `services.apply.deciding.Notices` and `services.apply.delivery.hearing.HindranceNotices`."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def application_changed(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, status: Status
    ) -> None:
        """A message where the status is news to the citizen, and word to their devices in any case."""
        if (template := _AT_SERVICE.get(status)) is not None:
            await self._inbox.send(session, person, template, title=title)
        await self._inbox.announce(session, person, ChangeKind.APPLICATION, application)

    async def payment_requested(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, amount: Money
    ) -> None:
        await self._inbox.send(session, person, _PAYMENT, title=title, amount=amount)
        await self._inbox.announce(session, person, ChangeKind.APPLICATION, application)

    async def fee_due(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, amount: Money, day: date
    ) -> None:
        await self._inbox.send(session, person, _FEE_DUE, title=title, amount=amount, day=day)
        await self._inbox.announce(session, person, ChangeKind.APPLICATION, application)

    async def fee_reminded(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, amount: Money, day: date
    ) -> None:
        await self._inbox.send(session, person, _FEE_REMINDED, title=title, amount=amount, day=day)
        await self._inbox.announce(session, person, ChangeKind.APPLICATION, application)

    async def fee_lapsed(self, session: AsyncSession, *, person: UUID, application: UUID, title: Text) -> None:
        await self._inbox.send(session, person, _FEE_LAPSED, title=title)
        await self._inbox.announce(session, person, ChangeKind.APPLICATION, application)

    async def hindered(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, hindrance: Hindrance
    ) -> None:
        await self._inbox.send(session, person, _HINDERED[hindrance], title=title)
        await self._inbox.announce(session, person, ChangeKind.APPLICATION, application)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the rooms around it give."""

    database: Database
    clock: Clock
    keys: KeyRing
    people: PeopleRegister
    gate: StandingGate
    catalogue: Catalogue
    consents: ConsentService
    runner: Runner
    inbox: Inbox
    forms: Forms
    plugins: Callable[[], Iterable[Plugin]]
    """Those in the registry, whatever their standing."""
    turns: Callable[[], ServiceTurns]
    """Asked for with the first application to a service: no command that pays needs the registry."""


class ServiceTurns(Protocol):
    """What the registry of services says, as far as applications ask it; see `api.service_turns.RegistryTurns`."""

    async def turn_of_operations(self, session: AsyncSession, slug: str, *, shared: bool = False) -> None:
        """Until the transaction ends nobody makes applications wait for the service's operations (all who do share a
        turn), or nobody drops one."""
        ...

    async def current_version(self, session: AsyncSession, agency: str, slug: str) -> str | None:
        """None for what was never published here."""
        ...


class PluginAgencies:
    """Fulfils `services.apply.delivery.agencies.Agencies`: the plugins of the registry, behind the runner."""

    def __init__(
        self, runner: Runner, plugins: Callable[[], Iterable[Plugin]], turns: Callable[[], ServiceTurns]
    ) -> None:
        self._runner, self._plugins, self._turns = runner, plugins, turns

    def manifests(self) -> Iterable[Manifest]:
        return (plugin.manifest for plugin in self._plugins())

    def manifest(self, slug: str) -> Manifest | None:
        found = self._find(slug)
        return found.manifest if found is not None else None

    def goes_on(self, slug: str) -> bool:
        found = self._find(slug)
        return found is not None and found.standing is not Standing.SUSPENDED

    def must_be_open(self, slug: str) -> None:
        if (found := self._find(slug)) is not None:
            must_be_open(found.standing, found.manifest.title.text)

    async def stands_still(self, session: AsyncSession, slug: str) -> bool:
        turns = self._turns()
        await turns.turn_of_operations(session, slug, shared=True)
        plugin = self._find(slug)  # of now, when nobody drops anything any more
        if plugin is None or plugin.origin is not Origin.REMOTE:
            return True
        current = await turns.current_version(session, plugin.manifest.agency.slug, slug)
        return current in (None, plugin.manifest.version)

    def service_id(self, subject: str) -> UUID:
        return service_id(subject)

    async def call(
        self, slug: str, operation: str, person: NationalId, arguments: Mapping[str, Any], *, key: str
    ) -> Any:
        plugin = self._find(slug)
        if plugin is None or not self.goes_on(slug) or operation not in plugin.manifest.operations:
            raise SourceSilent(slug, GONE)  # a moment ago it was there
        running = replace(plugin, standing=Standing.OPEN)  # for what it has; new applications are refused before
        try:
            return await self._runner.run(running, operation, asker=ASKER, person=person, arguments=arguments, key=key)
        except AgencyDeclined as error:
            words = Text(th=error.message(Language.TH), en=error.message(Language.EN))
            raise Declined(words) from None

    def may_have(self, slug: str, error: SourceSilent) -> bool:
        plugin = self._find(slug)
        by_one_call = plugin is not None and plugin.origin is not Origin.TREE
        return error.reason not in _NOT_ASKED and not (by_one_call and error.reason in _NOT_CONNECTED)

    def _find(self, slug: str) -> Plugin | None:
        return next((one for one in self._plugins() if one.slug == slug), None)


class NumbersOfPeople:
    """Fulfils `services.apply.delivery.agencies.Numbers`."""

    def __init__(self, people: PeopleRegister) -> None:
        self._people = people

    async def number_of(self, session: AsyncSession, person: UUID) -> NationalId:
        return await self._people.reveal(session, person)


class ConsentsOfPeople:
    """Fulfils `services.apply.delivery.agencies.Consents`."""

    def __init__(self, consents: ConsentService) -> None:
        self._consents = consents

    async def agreed(self, session: AsyncSession, person: UUID, entry: RegisteredPurpose) -> frozenset[str]:
        found = await self._consents.active(session, person, entry)
        return found.attributes if found is not None else frozenset()

    async def requesters(self, session: AsyncSession, person: UUID) -> frozenset[str]:
        query = select(col(Consent.requester)).where(col(Consent.person) == person).distinct()
        return frozenset(await session.scalars(query))


class ServiceApplications:
    """`decider`, `desk` and `notices` are for the room of applications; with it, the rest is built."""

    def __init__(self, outlook: Outlook) -> None:
        self._outlook = outlook
        self.agencies = PluginAgencies(outlook.runner, outlook.plugins, outlook.turns)
        self.numbers = NumbersOfPeople(outlook.people)
        consents = ConsentsOfPeople(outlook.consents)
        self.needs = Needs(outlook.database, outlook.gate, outlook.catalogue, consents)
        self.decider = ServiceDecider(self.agencies, outlook.forms, self.needs)
        self.desk = DeliveryDesk(outlook.keys, outlook.clock, self.agencies, self.numbers, consents)
        self.notices = ServiceNotices(outlook.inbox)

    def furnish(self, rooms: Rooms, apply: ApplyService) -> Courier:
        """Builds what hears agencies, and tells the rooms of it."""
        given = self._outlook
        hearing = Hearing(given.keys, given.clock, apply, self.desk, self.notices)
        courier = Courier(
            given.database,
            given.clock,
            given.keys,
            agencies=self.agencies,
            numbers=self.numbers,
            needs=self.needs,
            hearing=hearing,
        )
        rooms.add(Services, Services(self.agencies))
        rooms.add(Hearing, hearing)
        rooms.add(Courier, courier)
        rooms.add(UnpaidFees, UnpaidFees(given.database, given.clock, hearing))
        given.consents.ended = self.desk
        return courier


def jobs_of_deliveries(courier: Courier) -> list[Job]:
    return [
        Job("take to agencies what they are owed", CARRIED_EVERY, courier.tick),
        Job("drop what no agency took, and count", TIDIED_EVERY, courier.tidy),
    ]
