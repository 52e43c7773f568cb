"""The reports that the public may read: kept ones of registered services; of our own agencies, made when asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from api.desk import AGENCIES, folder_hash
from core.attestation.service import Attestor
from core.clock import Clock
from core.errors import NotFound
from services.plugins.conformance import Suite, signed
from services.plugins.conformance.routes import KeptReport
from services.plugins.plugin import Origin, Plugin
from services.plugins.registry import Registry
from services.plugins.registry.desk import ServiceDesk

if TYPE_CHECKING:
    from api.house import House


@dataclass(frozen=True, slots=True)
class OwnReport:
    report: Mapping[str, Any]
    attestation: str
    at: datetime


class PublicReports:
    """Implements `services.plugins.conformance.routes.Reports`.

    Our own agencies' plugins are part of this program and change with it alone, so each is checked once in a process.
    `hash_of` is that of a plugin's documents.
    """

    def __init__(
        self,
        registry: Callable[[], Registry],
        desk: Callable[[], ServiceDesk],
        attestor: Attestor,
        clock: Clock,
        hash_of: Callable[[Plugin], str],
    ) -> None:
        self._registry, self._desk, self._attestor = registry, desk, attestor
        self._suite, self._clock, self._hash_of = Suite(clock), clock, hash_of
        self._own: dict[str, OwnReport] = {}
        self._checking = asyncio.Lock()

    async def newest(self, slug: str) -> KeptReport:
        plugin = self._registry().get(slug)
        if plugin is None:
            raise NotFound
        return await self.of_version(slug, plugin.manifest.version)

    async def of_version(self, slug: str, version: str) -> KeptReport:
        plugin = self._registry().get(slug)
        if plugin is None or plugin.origin is Origin.REMOTE:
            return await self._desk().public_report(slug, version)
        if plugin.origin is not Origin.TREE or plugin.manifest.version != version:
            raise NotFound
        return await self._own_report(plugin)

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
    )
