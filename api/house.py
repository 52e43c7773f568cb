"""Every room, built and joined: the one place that knows which implementation stands behind which protocol.

The server and each command build a house of their own over the same database.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any, Final

import httpx2
from starlette.types import ASGIApp, Receive, Scope, Send

from api import applying, checks, companies, credentials, fees, paying, receiving, shares, standing
from api.accepting import accepting
from api.agency_names import AgencyNames
from api.applying import manifests_of
from api.connections import NOWHERE, agency_of, connections_of
from api.desk_of_applications import furnish_desk
from api.lifecycle import life
from api.listing import ProgrammeEntries, requirements_of
from api.noticing import noticing
from api.once_each import OnceEach
from api.plugin_hosts import hosts_of
from api.populations import Populations, hand_over_bulk_act, populations
from api.privacy import KeepersOfDocuments, stores_of
from api.rate_limits import CallerLimits
from core.attestation.service import Attestor
from core.cache import open_redis
from core.clock import Clock, SystemClock
from core.crypto import KeyRing, load_keys
from core.database import Database
from core.rate_limits import RateLimiter
from core.rooms import Rooms
from core.settings import Settings
from identity.contacts.service import Contacts
from identity.delegation.offers import Offers
from identity.delegation.service import DelegationService
from identity.inbox.changes import Changes
from identity.inbox.service import Inbox
from identity.notices.room import NoticesRoom
from identity.notices.service import Notices
from identity.passkeys.service import Passkeys
from identity.provider.revocations import Revocations
from identity.routes import Identity
from identity.sessions.service import SignIns
from services.apply.acceptance.service import Acceptance
from services.apply.evidence.room import open_evidence
from services.apply.evidence.service import EvidenceDesk
from services.apply.lifecycle import Lifecycle
from services.apply.service import ApplyService
from services.exchange.access_log.sequencer import Sequencer
from services.exchange.catalogue import Catalogue, load_catalogue
from services.exchange.consent.receipts import ConsentReceipts
from services.exchange.consent.service import ConsentService
from services.exchange.consent.texts import load_texts
from services.exchange.corrections.desk import CorrectionDesk
from services.exchange.corrections.service import CorrectionService
from services.exchange.evidence.broker import EvidenceBroker
from services.exchange.evidence.directory import DataDirectory
from services.exchange.evidence.loader import load_requirements
from services.exchange.evidence.published import PublishedCatalogue
from services.exchange.facts import Gate
from services.exchange.gate import ExchangeGate
from services.exchange.privacy.bars import StoppedUses
from services.exchange.privacy.export import Downloads
from services.exchange.privacy.requests import PrivacyRequests
from services.exchange.privacy.room import PrivacyRoom
from services.exchange.ties import RegisterTies
from services.know.entries import ServiceEntries, service_id
from services.know.operating import Answering, Maintenance
from services.know.service import KnowService
from services.pay.awards import Awards
from services.pay.destinations.service import Destinations
from services.pay.fees.reconciliation import FeeDesk
from services.pay.fees.refunds import FeeRefunds
from services.pay.rails.cash.counter import OwnCodes
from services.pay.recovery.service import Recoveries
from services.pay.statements.service import Statements
from services.pay.tasks import PaymentJobs
from services.plugins.asking import Asking
from services.plugins.connections import Connections
from services.plugins.documents.orders import Orders
from services.plugins.documents.service import DocumentDesk
from services.plugins.hosting.supervisor import Hosts
from services.plugins.notices.uses import DeprecatedUses
from services.plugins.operating.figures import Tally
from services.plugins.operating.windows import Windows
from services.plugins.runner import (
    AnswerCache,
    CitizenTokens,
    Runner,
    ServiceKeys,
    sources_of,
)
from services.plugins.runner.egress import AgencyClients, no_cookies
from services.plugins.runner.provisions import provisions_of
from services.plugins.store.stores import Stores
from services.receive.service import Receipts
from welfare.entitlements.room import open_welfare

if TYPE_CHECKING:  # the graph takes as long to load as all the rest, and few commands ask one
    from api.composer import SchemaHolder
    from api.registered import Registered
    from api.schema import SitthiSchema
    from api.services_applied import ServiceTurns
    from services.plugins.registry import Registry

HTTP_TIMEOUT_SECONDS: Final = 10.0


class Doorway:
    """An ASGI app that is set after the client that calls it was made: the server talks to its own sandboxes by it."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class House:
    """One process's rooms. `doorway` answers what is addressed to this very server, without a socket."""

    def __init__(self, settings: Settings, clock: Clock | None = None, doorway: Doorway | None = None) -> None:
        self.settings, self.clock = settings, clock or SystemClock()
        self.keys = load_keys(settings)
        self.db = Database(settings.sqlalchemy_url)
        self.redis = open_redis(settings.redis_url)
        self.limiter = RateLimiter(self.redis, self.clock, self.keys, settings.limit_scale)
        self.limits = CallerLimits(self.limiter)
        self.local = f"http://127.0.0.1:{settings.port}"
        self.http = _client(settings, self.local, doorway)
        self.outside = AgencyClients(loopback=settings.plugins_on_loopback, authorities=_authorities())
        self.attestor = Attestor(self.db, self.keys, self.clock, settings.issuer)
        self.sequencer = Sequencer(self.db, self.attestor, self.clock, settings.issuer)
        self.catalogue: Catalogue = replace(load_catalogue(), named=AgencyNames(lambda: self.registry.plugins))
        self.identity = Identity(
            settings,
            self.db,
            self.clock,
            self.keys,
            self.http,
            limiter=self.limiter,
            client_limits=self.limits,
            redis=self.redis,
        )
        self.delegations = DelegationService(self.clock, self.keys, self.identity.people)
        self.identity.delegations = self.delegations
        self.service_keys = ServiceKeys(self.keys)
        tokens = CitizenTokens(self.service_keys, self.identity.subjects, self.clock, settings.issuer)
        self.stores = Stores(self.db, self.keys, self.clock, settings.data / "plugins")
        kept = AnswerCache(self.redis, self.keys, self.clock)
        self.windows, self.tally = Windows(self.clock), Tally(self.db, self.clock)
        self.deprecated_uses = DeprecatedUses(self.db, self.clock)
        self.runner = Runner(hosts_of(self), kept=kept, tokens=tokens, windows=self.windows, tally=self.tally)
        self.gate = self._gate()
        self.runner.registers = Asking(
            self.db, self.identity.people, self.gate, self.catalogue, self.runner, lambda: self.registry.plugins
        )
        self.identity.facts = self.gate
        self.identity.office.known_facts = self.gate
        self.identity.office.titles = self.catalogue.agency_title
        self.inbox = Inbox(self.clock)
        self.destinations = Destinations(self.clock, self.keys, self.inbox)
        self.receipts = Receipts(self.clock, self.keys, settings.issuer, self.attestor)
        self.consent_receipts = ConsentReceipts(self.catalogue, load_texts(), self.keys, self.attestor)
        self.consents = ConsentService(self.catalogue, self.clock, self.consent_receipts)
        self.corrections = CorrectionService(self.catalogue, self.keys, self.clock)
        self.rooms = Rooms()
        self.welfare = open_welfare(
            self.rooms, database=self.db, clock=self.clock, keys=self.keys, gate=self.gate, catalogue=self.catalogue
        )
        self.awards = Awards(self.welfare.amounts, self.clock, notices=self.inbox, beside=self.welfare.decider.beside)
        directory = DataDirectory(self.catalogue, lambda: provisions_of(self.runner, self.registry.plugins))
        self.evidence = EvidenceBroker(load_requirements(), directory, self._required)
        self.published = PublishedCatalogue(self.catalogue, self.evidence)
        self._furnish(self.rooms)

    def _gate(self) -> ExchangeGate:
        return ExchangeGate(
            database=self.db,
            clock=self.clock,
            keys=self.keys,
            redis=self.redis,
            people=self.identity.people,
            catalogue=self.catalogue,
            sources=OnceEach(lambda: self.registry.plugins, lambda plugins: sources_of(self.runner, plugins)),
            delegations=self.delegations,
            bars=StoppedUses(),
        )

    @cached_property
    def connections(self) -> Connections:
        """The ways to agencies' systems. Raises ConnectionsUnusable."""
        return connections_of(self.settings, self.clock, self.http, self._outside(), _authorities())

    @cached_property
    def populations(self) -> Populations:
        return populations(self)

    @cached_property
    def noticing(self) -> NoticesRoom:
        """How citizens are told outside the inbox."""
        return noticing(self, _authorities())

    @cached_property
    def base(self) -> SitthiSchema:
        """The graph of our own rooms. A command that asks no graph never builds it."""
        from api.schema import base_schema  # noqa: PLC0415 - few commands ask a graph

        return base_schema()

    @cached_property
    def registry(self) -> Registry:
        """The plugins, with our own agencies' in it, and those of installed packages."""
        from api.composer import compose  # noqa: PLC0415 - few commands ask a graph
        from api.packages import add_packages  # noqa: PLC0415 - few commands ask a graph
        from api.schema import registry_of  # noqa: PLC0415 - few commands ask a graph

        registry = registry_of(self.base, self.catalogue)
        self._hosts = add_packages(
            registry, partial(agency_of, self.connections), lambda plugins: compose(self.base, plugins, self.runner)
        )
        return registry

    @property
    def hosts(self) -> Hosts:
        """What keeps the host processes of installed packages running."""
        assert self.registry is not None  # which finds them
        return self._hosts

    @cached_property
    def schemas(self) -> SchemaHolder:
        """The graph with the plugins in it."""
        from api.composer import SchemaHolder  # noqa: PLC0415 - few commands ask a graph

        return SchemaHolder(self.base, self.runner, self.registry.plugins)

    @cached_property
    def registered(self) -> Registered:
        """The services that agencies register: their registry, and the graph that follows it."""
        from api.registered import registered  # noqa: PLC0415 - few commands ask a graph

        return registered(self)

    @cached_property
    def service_turns(self) -> ServiceTurns:
        """What applications ask the registry of services."""
        from api.service_turns import RegistryTurns  # noqa: PLC0415 - no command that pays needs the registry

        return RegistryTurns()

    def correction_desk(self, *, serving: bool = True) -> CorrectionDesk:
        """Where stewards handle corrections. A command beside a server whose cache is in its own process (`serving`
        false, and no Redis) leaves the forgetting to that server."""
        facts = self.gate if serving or self.settings.redis_url is not None else None
        return CorrectionDesk(self.db, self.clock, self.catalogue, self.gate, self.corrections, facts)

    def payments(self) -> PaymentJobs:
        """The jobs of paying out, for the commands of officers."""
        return paying.payments(self, f"{self._outside()}/bank")

    def fee_desk(self) -> FeeDesk:
        """What officers and jobs do about money that comes in."""
        return fees.desk(self, f"{self._outside()}/bank/bills")

    def statements(self) -> Statements:
        """The bank's statements, for the commands of officers."""
        return paying.statements(self, f"{self._outside()}/bank")

    def fee_refunds(self) -> FeeRefunds:
        """Money that goes back by a file, for the commands of officers."""
        return fees.refunds(self, f"{self._outside()}/bank")

    async def close(self) -> None:
        await self.courier.close()
        await self.http.aclose()
        await self.outside.aclose()
        await self.noticing.close()
        await self.connections.aclose()
        await self.redis.aclose()
        await self.stores.close()
        await self.db.close()

    def _furnish(self, rooms: Rooms) -> None:
        rooms.add(Gate, self.gate)  # type: ignore[type-abstract]  # known to some rooms by its protocol alone
        rooms.add(ExchangeGate, self.gate)
        rooms.add(Catalogue, self.catalogue)
        rooms.add(PublishedCatalogue, self.published)
        rooms.add(KeyRing, self.keys)
        rooms.add(CallerLimits, self.limits)
        rooms.add(Attestor, self.attestor)
        rooms.add(Inbox, self.inbox)
        rooms.add(Notices, self.noticing.notices)
        rooms.add(SignIns, self.identity.account.sign_ins)
        rooms.add(Passkeys, self.identity.account.passkeys)
        rooms.add(Contacts, self.identity.account.contacts)
        rooms.add(DelegationService, self.delegations)
        companies.furnish(self, rooms)
        rooms.add(Destinations, self.destinations)
        rooms.add(OwnCodes, OwnCodes(self.clock, self.keys))
        rooms.add(Recoveries, Recoveries(self.clock, self.inbox))
        ties = RegisterTies(self.gate, self.catalogue)
        rooms.add(Offers, Offers(self.db, self.clock, self.identity.people, ties))
        rooms.add(ConsentService, self.consents)
        rooms.add(CorrectionService, self.corrections)
        applications = applying.furnish(self, rooms)
        apply, self.drafts, self.courier = applications.service, applications.drafts, applications.courier
        self.deliveries = self.identity.office.hears_of_numbers = applications.deliveries
        self.life = life(self, apply)
        rooms.add(Lifecycle, self.life.lifecycle)
        rooms.add(ApplyService, apply)
        self.acceptance, self.deciding = accepting(self, apply)
        rooms.add(Acceptance, self.acceptance)
        hand_over_bulk_act(self)
        self.privacy = self._privacy(apply)
        self._keep_files(rooms)
        self.officer_tokens = furnish_desk(self, apply)
        rooms.add(PrivacyRoom, self.privacy)
        rooms.add(PrivacyRequests, self.privacy.requests)
        rooms.add(Downloads, self.privacy.downloads)
        receiving.furnish(self, rooms)
        credentials.furnish(self, rooms)
        standing.furnish(self, rooms)
        shares.furnish(self, rooms)
        checks.furnish(self, rooms)
        fees.furnish(self, rooms)
        rooms.add(Changes, Changes(self.db))
        rooms.add(Revocations, self.identity.revocations)
        services = ServiceEntries(OnceEach(lambda: self.registry.offered, manifests_of))
        programmes = ProgrammeEntries(self.welfare.programmes, self.catalogue)
        rooms.add(KnowService, KnowService([programmes, services]))
        rooms.add(Maintenance, self.windows)  # type: ignore[type-abstract]  # known by its protocol alone
        rooms.add(DeprecatedUses, self.deprecated_uses)
        rooms.add(Answering, self.tally)  # type: ignore[type-abstract]  # as Maintenance is

    def _keep_files(self, rooms: Rooms) -> None:
        db, clock, keys, issuer = self.db, self.clock, self.keys, self.settings.issuer
        documents = DocumentDesk(
            db, clock, keys, self.gate, self.runner, lambda: self.registry.plugins, service_id, issuer
        )
        documents.keepers = KeepersOfDocuments(self.privacy.holds)
        rooms.add(DocumentDesk, documents)
        rooms.add(Orders, Orders(db, clock, keys, documents, lambda: self.registry.plugins, self.inbox))
        evidence = open_evidence(db, clock, keys, self.identity.people, self.settings)
        evidence.keepers = KeepersOfDocuments(self.privacy.holds, "evidence")
        rooms.add(EvidenceDesk, evidence)
        self.drafts.keepers = KeepersOfDocuments(self.privacy.holds, "drafts")

    def _privacy(self, apply: ApplyService) -> PrivacyRoom:
        return PrivacyRoom(
            self.db,
            self.clock,
            self.keys,
            stores=stores_of(self, apply),
            outside=[self.gate],
            gate=self.gate,
            catalogue=self.catalogue,
            attestor=self.attestor,
            inbox=self.inbox,
            issuer=self.settings.issuer,
        )

    def _required(self) -> dict[str, list[str]]:
        manifests = (plugin.manifest for plugin in self.registry.plugins)
        return requirements_of(self.welfare.programmes, manifests)

    def _outside(self) -> str:
        """Where the agencies and the bank are: in the sandbox, or nowhere as long as none are connected."""
        if not self.settings.sandbox and self.settings.sandbox_url is None:
            return NOWHERE
        return (self.settings.sandbox_url or f"{self.local}/sandbox").rstrip("/")


def _client(settings: Settings, local: str, doorway: Doorway | None) -> httpx2.AsyncClient:
    mounts: Mapping[str, Any] = {}
    if doorway is not None and settings.sandbox:
        inside = httpx2.ASGITransport(app=doorway)
        mounts = {local: inside, settings.issuer: inside}
    return httpx2.AsyncClient(
        timeout=HTTP_TIMEOUT_SECONDS,
        # No common bound: agencies that hang would use it up for the others. Each operation's lane has its own.
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100),
        mounts=mounts,
        cookies=no_cookies(),  # one agency's would go out to others under the same parent domain, with others' calls
        follow_redirects=False,
        verify=_authorities(),
    )


@cache
def _authorities() -> ssl.SSLContext:
    """Whom we believe about the names of others. Reading the list takes as long as opening all the rooms."""
    return httpx2.create_ssl_context()
