"""The reports that the public may read: kept ones of registered services; of our own agencies, made when asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import structlog

from api.desk import AGENCIES, folder_hash
from core.attestation.service import Attestor
from core.clock import Clock, SystemClock
from core.errors import NotFound, ServiceUnavailable
from services.plugins.conformance import Suite, signed
from services.plugins.conformance.line import Line
from services.plugins.conformance.replayed import ReplayedAgency, client_of
from services.plugins.conformance.routes import KeptReport
from services.plugins.connections import Agency
from services.plugins.hosting.supervisor import Hosts
from services.plugins.plugin import Origin, Plugin
from services.plugins.registry import Registry
from services.plugins.registry.desk import ServiceDesk

if TYPE_CHECKING:
    from api.house import House

WAIT_SECONDS: Final = 20.0
"""For a report that is being made; after that whoever asks comes again."""
CALLS_A_SECOND: Final = 200.0
"""Nobody's system is behind the check of a package."""
AGAIN_SECONDS: Final = 60.0
"""Before a package whose check broke is checked again, if somebody asks: all may, and each check starts a process.
Doubled with each that breaks in a row."""
AGAIN_SECONDS_MAX: Final = 3600.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Broken:
    in_a_row: int
    until: float
    """By the steady clock: nothing is tried before."""


@dataclass(frozen=True, slots=True)
class OwnReport:
    report: Mapping[str, Any]
    attestation: str
    at: datetime


class PublicReports:
    """Implements `services.plugins.conformance.routes.Reports`.

    Our own agencies' plugins are part of this program and change with it alone, so each is checked once in a process.
    `hash_of` is that of a plugin's documents; `seconds` is a steady clock.
    """

    def __init__(
        self,
        registry: Callable[[], Registry],
        desk: Callable[[], ServiceDesk],
        attestor: Attestor,
        clock: Clock,
        hash_of: Callable[[Plugin], str],
        hosts: Callable[[], Hosts],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry, self._desk, self._attestor, self._hosts = registry, desk, attestor, hosts
        self._suite, self._clock, self._hash_of = Suite(clock), clock, hash_of
        self._own: dict[str, OwnReport] = {}
        self._of_packages: dict[str, asyncio.Task[OwnReport]] = {}
        self._broken: dict[str, _Broken] = {}
        self._seconds = seconds
        # One at a time of each sort: nobody waits for our own while a package takes long.
        self._checking, self._checking_package = asyncio.Lock(), asyncio.Lock()

    async def newest(self, slug: str) -> KeptReport:
        plugin = self._registry().get(slug)
        if plugin is None:
            raise NotFound
        return await self.of_version(slug, plugin.manifest.version)

    async def of_version(self, slug: str, version: str) -> KeptReport:
        plugin = self._registry().get(slug)
        if plugin is None or plugin.origin is Origin.REMOTE:
            return await self._desk().public_report(slug, version)
        if plugin.manifest.version != version:
            raise NotFound
        if plugin.origin is Origin.PACKAGE:
            return await self._report_of_package(plugin)
        return await self._own_report(plugin)

    async def _report_of_package(self, plugin: Plugin) -> OwnReport:
        """Made once in a process, when it is first asked for: that takes a while, and whoever asks meanwhile is told to
        come again. One that broke is not tried again soon, however many ask. Raises `ServiceUnavailable`."""
        making, broken = self._of_packages.get(plugin.slug), self._broken.get(plugin.slug)
        if making is None or (making.done() and making.exception() is not None):
            if broken is not None and self._seconds() < broken.until:
                raise ServiceUnavailable(plugin.manifest.title.text)
            making = self._of_packages[plugin.slug] = asyncio.create_task(self._check_package(plugin))
        done, _ = await asyncio.wait({making}, timeout=WAIT_SECONDS)
        if not done or making.exception() is not None:
            raise ServiceUnavailable(plugin.manifest.title.text)
        return making.result()

    async def _check_package(self, plugin: Plugin) -> OwnReport:
        """Over the wire, as a stranger's endpoint: its code runs in a host process of the check's own, whose agency is
        that of its examples. Real people and the agency's system have no part in it."""
        hosted = self._hosts()[plugin.slug]

        @asynccontextmanager
        async def line_of(_: Plugin) -> AsyncIterator[Line]:
            async with (
                ReplayedAgency(plugin.examples).served() as url,
                hosted.apart(Agency(url)) as ends,
                client_of(ends.socket) as http,
            ):
                yield Line(ends.url, http, ends.key, ends.keys, calls_a_second=CALLS_A_SECOND, replayed=True)

        # The system's clock: the host process has no other.
        async with self._checking_package:
            try:
                hash_ = await asyncio.to_thread(folder_hash, hosted.folder)
                report = await Suite(SystemClock(), line_of).check(plugin, documents_hash=hash_)
            except Exception:
                again = self._broke(plugin.slug)
                log.exception("package_not_checked", plugin=plugin.slug, again_in_seconds=again)
                raise
        return OwnReport(report.document, await signed(report, self._attestor), self._clock.now())

    def _broke(self, slug: str) -> float:
        """How long nobody tries again."""
        last = self._broken.get(slug)
        in_a_row = 1 if last is None else last.in_a_row + 1
        wait: float = min(AGAIN_SECONDS * 2 ** min(in_a_row - 1, 30), AGAIN_SECONDS_MAX)
        self._broken[slug] = _Broken(in_a_row, self._seconds() + wait)
        return wait

    async def close(self) -> None:
        """Gives up what is under way, as the end of a server's loop does."""
        for making in self._of_packages.values():
            making.cancel()
        await asyncio.gather(*self._of_packages.values(), return_exceptions=True)

    async def _own_report(self, plugin: Plugin) -> OwnReport:
        async with self._checking:  # one at a time: whoever asks for all of them keeps nobody else waiting long
            if plugin.slug not in self._own:
                report = await self._suite.check(plugin, documents_hash=self._hash_of(plugin))
                self._own[plugin.slug] = OwnReport(
                    report.document, await signed(report, self._attestor), self._clock.now()
                )
            return self._own[plugin.slug]


def public_reports(house: House) -> PublicReports:
    """Nothing of the registry is built before a report is asked for."""
    return PublicReports(
        lambda: house.registry,
        lambda: house.registered.desk,
        house.attestor,
        house.clock,
        lambda plugin: folder_hash(AGENCIES / plugin.slug),
        lambda: house.hosts,
    )
