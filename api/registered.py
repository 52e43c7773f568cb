"""The services that agencies register, put together: registry, checks, reviews, and the graph that follows them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from api.composer.follower import FOLLOW_EVERY, Follower
from api.composer.holder import SchemaHolder
from api.service_turns import OwedToServices
from core.jobs import Job
from core.settings import Settings
from identity.officers.register import OfficerRegister
from services.plugins.conformance import REPORT_TYPE, Suite
from services.plugins.conformance.line import Line
from services.plugins.conformance.rules import SUITE_VERSION
from services.plugins.contract import Call, Host, Manifest, Operation
from services.plugins.contract.keys import verifying_keys
from services.plugins.notices.uses import DeprecatedUses
from services.plugins.operating.figures import Tally
from services.plugins.operating.maintenance import MaintenanceDesk
from services.plugins.plugin import Plugin
from services.plugins.registry import Registry
from services.plugins.registry.checking import AT_ONCE, CHECK_EVERY, Checks
from services.plugins.registry.desk import ReviewDesk, ServiceDesk
from services.plugins.registry.documents import Ground
from services.plugins.registry.examining import Examiner
from services.plugins.registry.lifecycle import Lifecycle
from services.plugins.registry.limits import Limits
from services.plugins.registry.repository import ServiceRepository
from services.plugins.runner.egress import endpoint_faults
from services.plugins.runner.remote import Wire

if TYPE_CHECKING:
    from api.house import House

WRITTEN_EVERY: Final = timedelta(minutes=1)
READ_EVERY: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Registered:
    """What the house has of registered services."""

    desk: ServiceDesk
    reviews: ReviewDesk
    checks: Checks
    follower: Follower
    maintenance: MaintenanceDesk
    tally: Tally
    deprecated_uses: DeprecatedUses

    @property
    def jobs(self) -> list[Job]:
        """What a serving process repeats."""
        return [
            Job("follow what services are published", FOLLOW_EVERY, self.follower.run),
            *(Job("check services that wait for it", CHECK_EVERY, self.checks.run) for _ in range(AT_ONCE)),
            Job("write down how services answer", WRITTEN_EVERY, self.tally.write),
            Job("read how services answer", READ_EVERY, self.tally.read),
            Job("write down who uses what goes", WRITTEN_EVERY, self.deprecated_uses.write),
            Job("forget who used what goes", timedelta(hours=1), self.deprecated_uses.forget),
        ]


def registered(house: House) -> Registered:
    """Nothing of the graph is built before it is asked for."""

    def registry() -> Registry:
        return house.registry

    def holder() -> SchemaHolder:
        return house.schemas

    ground = ground_of(house)
    follower = Follower(house.db, house.clock, registry, holder, ground, house.windows)
    lifecycle = Lifecycle(house.clock, limits_of(house.settings), suite=SUITE_VERSION, owing=OwedToServices())
    examiner = Examiner(house.db, house.clock, house.catalogue, registry, ground, follower.fits)
    officers: OfficerRegister = house.identity.office.officers
    return Registered(
        ServiceDesk(house.db, examiner, lifecycle),
        ReviewDesk(house.db, house.clock, officers, examiner, lifecycle),
        Checks(house.db, house.clock, lifecycle, examiner, suite_of(house), partial(_signed, house)),
        follower,
        MaintenanceDesk(house.db, house.clock, lambda slug: registry().get(slug), tell_workers),
        house.tally,
        house.deprecated_uses,
    )


def limits_of(settings: Settings) -> Limits:
    """What an agency may do in an hour, and keep."""
    return Limits(
        service_changes=settings.service_changes_per_hour,
        agency_changes=settings.agency_changes_per_hour,
        service_checks=settings.service_checks_per_hour,
        agency_checks=settings.agency_checks_per_hour,
        service_sendings=settings.service_sendings_per_hour,
        agency_sendings=settings.agency_sendings_per_hour,
        service_drafts=settings.service_drafts,
        agency_drafts=settings.agency_drafts,
        agency_names=settings.agency_names,
        service_versions=settings.service_versions,
        agency_versions=settings.agency_versions,
        check_days=settings.service_check_days,
    )


async def tell_workers(session: AsyncSession) -> None:
    await ServiceRepository(session).bump()


def ground_of(house: House) -> Callable[[], Ground]:
    """What the documents of strangers are held against in this house."""

    def faults(url: str) -> Iterable[Any]:
        return endpoint_faults(url, loopback=house.settings.plugins_on_loopback)

    def ground() -> Ground:
        registry = house.registry
        return Ground(registry.host, registry.attributes, faults, partial(remote_of, house), registry.consents)

    return ground


def suite_of(house: House) -> Suite:
    """The conformance suite, with the way to agencies' endpoints that this house has."""

    @asynccontextmanager
    async def line_of(plugin: Plugin) -> AsyncIterator[Line]:
        endpoint = plugin.manifest.endpoint
        assert endpoint is not None, "a remote plugin answers somewhere"
        http = house.outside.of(plugin.slug)
        yield Line(endpoint.url, http, house.service_keys.current, verifying_keys(endpoint.keys))

    return Suite(house.clock, line_of)


def remote_of(house: House, manifest: Manifest) -> Mapping[str, Operation]:
    """Functions that ask the agency. The way to it is made at the first question: most drafts are never asked any."""
    ways: list[Wire] = []

    async def ask(_: Host, call: Call) -> Any:
        if not ways:
            endpoint = manifest.endpoint
            assert endpoint is not None, "a remote plugin answers somewhere"
            keys, http = verifying_keys(endpoint.keys), house.outside.of(manifest.slug)
            ways.append(Wire(http, endpoint.url, keys, house.service_keys, house.clock))
        return await ways[0].ask(manifest, call)

    return dict.fromkeys(manifest.operations, ask)


async def _signed(house: House, document: Mapping[str, Any]) -> str:
    return await house.attestor.sign(document, typ=REPORT_TYPE)
