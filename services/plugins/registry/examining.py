"""Reads a version's documents and holds them against all there is, outside any transaction."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence

from core.clock import Clock
from core.database import Database
from services.exchange.agreements.repository import AgreementRepository
from services.exchange.catalogue import Catalogue
from services.plugins.contract import Fault, Manifest, NeedBasis, PluginRefused, Rule
from services.plugins.notices.history import standing_notices
from services.plugins.plugin import Origin, Plugin
from services.plugins.registry.diff import breaking_changes, dangerous_changes
from services.plugins.registry.documents import MANIFEST, Documents, Ground, load_documents, published_plugin
from services.plugins.registry.examined import Examined
from services.plugins.registry.registry import Claims, Registry, clashes_between
from services.plugins.registry.repository import Name, ServiceRepository

CITIZEN = "citizen"
"""The steward of what only the citizen says."""


class Examiner:
    """`registry` is this process's; of it, what is not registered by agencies counts. `fits` composes the graph with
    a plugin and throws it away; it raises PluginRefused."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        catalogue: Catalogue,
        registry: Callable[[], Registry],
        ground: Callable[[], Ground],
        fits: Callable[[Plugin], Awaitable[None]],
    ) -> None:
        self._db, self._clock, self._catalogue = db, clock, catalogue
        self._registry, self._ground, self._fits = registry, ground, fits
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def examine(self, name: Name, documents: Documents, *, composing: bool = False) -> Examined:
        """Raises PluginRefused with every fault; `composing` also tries the graph with it, which takes a while.

        One at a time for each agency: it takes a thread, and there are few that all share.
        """
        async with self._turns[name.agency]:
            return await self._examined(name, documents, composing=composing)

    async def _examined(self, name: Name, documents: Documents, *, composing: bool) -> Examined:
        plugin = await asyncio.to_thread(load_documents, documents, self._ground())
        faults = [*self._faults_of_name(plugin, name), *self._faults_of_ours(plugin)]
        async with self._db.read() as session:
            repository = ServiceRepository(session)
            claims, current = await repository.claims(), await repository.current(name)
            notices = (await standing_notices(session, name.slug)).get(name.slug, {})
        ours = Claims.of(plugin.manifest)
        faults += [fault for other, theirs in claims if other != name for fault in clashes_between(ours, theirs)]
        if faults:
            raise PluginRefused(plugin.slug, [*_with_lines(documents, faults)])
        if composing:
            await self._fits(plugin)
        if current is None:
            return Examined(documents, plugin, None, None)
        former = await asyncio.to_thread(published_plugin, Documents(current.files), self._ground())
        today = self._clock.today()
        breaks = await asyncio.to_thread(breaking_changes, former, plugin, documents, notices, today)
        dangers = await asyncio.to_thread(dangerous_changes, former, plugin, notices, today)
        return Examined(documents, plugin, former.manifest, current.digest, breaks, dangers, former.graph, notices)

    async def warnings(self, examined: Examined) -> Sequence[Fault]:
        """What need not be mended, and will be noticed: facts without an agreement, changes that may surprise."""
        manifest = examined.plugin.manifest
        today = self._clock.today()
        async with self._db.read() as session:
            concluded = await AgreementRepository(session).in_force(manifest.agency.slug, today)
        standing = [one for one in self._catalogue.standing if one.holds_on(today)]
        held = [one for one in (*standing, *concluded) if one.requester == manifest.agency.slug]
        told = {(one.steward, attribute) for one in held for attribute in one.attributes}
        return [*self._unagreed(manifest, examined.documents, told), *examined.dangers]

    def _unagreed(self, manifest: Manifest, documents: Documents, told: set[tuple[str, str]]) -> Iterable[Fault]:
        lines = documents.lines(MANIFEST)
        for place, need in enumerate(manifest.needs):
            steward = self._catalogue.attributes[need.attribute].steward
            if need.basis is NeedBasis.CONSENT or steward in (manifest.agency.slug, CITIZEN):
                continue
            if (steward, need.attribute) not in told:
                why = f"no agreement with {steward} lets {manifest.agency.slug} be told `{need.attribute}`"
                remedy = "Conclude one (docs/agreements.md); until then the fact stays unknown"
                line = lines.of(("needs", place, "attribute"))
                yield Fault(Rule.NEEDS, why, remedy, MANIFEST, line, f"needs.{place}.attribute")

    def _faults_of_name(self, plugin: Plugin, name: Name) -> Iterable[Fault]:
        if plugin.manifest.agency.slug != name.agency:
            why = f"the agency is {plugin.manifest.agency.slug}, and the caller is {name.agency}'s"
            yield Fault(Rule.OWNERSHIP, why, "Register your own agency's services", MANIFEST, field="agency.slug")
        if plugin.slug != name.slug:
            why = f"the manifest is of `{plugin.slug}`, and `{name.slug}` was addressed"
            yield Fault(Rule.OWNERSHIP, why, "Send it to its own address", MANIFEST, field="slug")

    def _faults_of_ours(self, plugin: Plugin) -> Iterable[Fault]:
        """What it claims of the host's, and of the plugins that came with this installation."""
        registry = self._registry()
        others = Registry(registry.host, registry.attributes)
        others.swap(one for one in registry.plugins if one.origin is not Origin.REMOTE)
        yield from others.clashes(plugin)


def _with_lines(documents: Documents, faults: Iterable[Fault]) -> Iterable[Fault]:
    lines = documents.lines(MANIFEST)
    for fault in faults:
        path = tuple((fault.field or "").split("."))
        line = fault.line or lines.of(path)
        yield Fault(fault.rule, fault.why, fault.remedy, MANIFEST, line, fault.field)
