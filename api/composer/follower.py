"""Every worker follows what is published: within a second, without a request failing or being answered less.

A counter in the database grows with each publication, suspension, end and return. Each worker looks at it several
times a second, and when it has grown reads what is new, composes the graph off the event loop, and swaps graph and
registry in one step of the loop. An operation that is under way finishes on the graph it began with; the next one of
the same WebSocket runs on the new one (`api/sockets.py`). A subscription that is under way stays on its own until it
ends: what a change tells (`Change`) is the host's alone, and holds no field of a plugin.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

import structlog
from prometheus_client import Gauge
from strawberry import Schema

from api.composer.holder import SchemaHolder
from api.composer.quiet import quiet
from core.clock import Clock, bangkok_day
from core.database import Database
from core.errors import ServiceUnavailable
from services.plugins.contract import PluginRefused
from services.plugins.notices.history import LEADING, standing_notices
from services.plugins.notices.terms import Notice, year_after
from services.plugins.operating.maintenance import standing_windows
from services.plugins.operating.windows import Window, Windows
from services.plugins.plugin import Origin, Plugin
from services.plugins.registry import Registry
from services.plugins.registry.documents import Documents, Ground, published_plugin
from services.plugins.registry.registry import Claims, clashes_between
from services.plugins.registry.repository import GENERATION, Current, Name, ServiceRepository
from services.plugins.registry.states import State
from services.plugins.standing import Standing

FOLLOW_EVERY: Final = timedelta(milliseconds=300)
WHY_LENGTH_MAX: Final = 2_000
_STANDING: Final[Mapping[State, Standing]] = {
    State.PUBLISHED: Standing.OPEN,
    State.SUSPENDED: Standing.SUSPENDED,
    State.RETIRED: Standing.RETIRED,
}

_generation = Gauge("sitthi_services_generation", "Of the services that this process has in its graph.")
_skipped = Gauge("sitthi_services_skipped", "Published services that this process could not put into its graph.")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Loaded:
    version: str
    digest: bytes
    plugin: Plugin


@dataclass(frozen=True, slots=True)
class _Now:
    """What the database says, at one look."""

    current: Sequence[Current]
    files: Mapping[Name, Mapping[str, str]]
    notices: Mapping[str, Mapping[str, Notice]]
    """By service and coordinate."""
    windows: Sequence[Window]
    ends: date | None
    """The next day on which names go by themselves."""


@dataclass(slots=True)
class _Round:
    """What one look at the database leads to."""

    plugins: dict[Name, _Loaded] = field(default_factory=dict)
    """Those that go into the graph, as they stand now."""
    skipped: dict[Name, tuple[str, str]] = field(default_factory=dict)
    """Version, and why it does not."""

    def skip(self, name: Name, version: str, error: Exception) -> None:
        self.plugins.pop(name, None)
        why = str(error) if isinstance(error, PluginRefused) else f"{type(error).__name__}: {error}"
        self.skipped[name] = version, why[:WHY_LENGTH_MAX]


class Follower:
    """One per process. `holder` and `registry` are the house's, which are made when they are first asked for."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        registry: Callable[[], Registry],
        holder: Callable[[], SchemaHolder],
        ground: Callable[[], Ground],
        windows: Windows | None = None,
    ) -> None:
        self._db, self._clock, self._windows = db, clock, windows
        self._registry, self._holder, self._ground = registry, holder, ground
        self._loaded: dict[Name, _Loaded] = {}
        self._following = asyncio.Lock()
        self._unreachable = False
        self._ends: date | None = None
        """The next day on which names leave the graph though nobody publishes anything."""
        self.generation = -1
        """Of what is in the graph; -1 before the first look."""

    async def run(self) -> None:
        """The job: follows, and bears with a database that is away for a moment."""
        try:
            await self.follow()
        except ServiceUnavailable as error:
            if not self._unreachable:
                log.warning("services_not_followed", code=error.code)
            self._unreachable = True
        else:
            self._unreachable = False

    async def follow(self) -> bool:
        """Brings graph and registry to what is published now; answers whether they changed.

        Raises what the database raises; whatever is wrong with a service skips that one.
        """
        rows = await self._db.alone(GENERATION, {})
        seen = int(rows[0][0]) if rows else 0
        if seen == self.generation and not self._is_time():
            return False
        async with self._following:
            if seen == self.generation and not self._is_time():
                return False
            with quiet():  # from the first service's reading on, until what was read is put aside
                await self._bring(seen)
            return True

    def _is_time(self) -> bool:
        return self._ends is not None and self._clock.today() >= self._ends

    async def fits(self, plugin: Plugin) -> None:
        """Composes the graph as it would be with this one, and throws it away. Raises PluginRefused."""
        others = [one for one in self._registry().plugins if one.slug != plugin.slug]
        await self._holder().composed([*others, plugin])

    async def _bring(self, seen: int) -> None:
        now = await self._read()
        ours = [one for one in self._registry().plugins if one.origin is not Origin.REMOTE]
        found = await asyncio.to_thread(self._parsed, now, ours)
        if not self._is_as_before(found):
            schema = await self._composed(ours, found)
            # No await between these two: who asks the graph and who asks the registry see the same services.
            self._registry().swap([*ours, *(one.plugin for one in found.plugins.values())])
            self._holder().swap(schema)
        if self._windows is not None:
            self._windows.swap(now.windows)
        self._loaded, self.generation, self._ends = found.plugins, seen, now.ends
        _generation.set(seen)
        _skipped.set(len(found.skipped))
        if seen:
            log.info("services_followed", generation=seen, services=len(found.plugins), skipped=len(found.skipped))
        await self._mark(found)

    def _is_as_before(self, found: _Round) -> bool:
        """Whether what this process has in its graph is what would go there again: maintenance changes no graph."""
        loaded = self._loaded
        same = found.plugins.keys() == loaded.keys() and all(found.plugins[name] is loaded[name] for name in loaded)
        return same and self.generation >= 0

    async def _read(self) -> _Now:
        """What is current, the files of what this process has not read yet, notices, and announced maintenance."""
        today = self._clock.today()
        async with self._db.read() as session:
            repository = ServiceRepository(session)
            there = await repository.all_current()
            notices = await standing_notices(session)
            ending = [(one, names_go_on(one, notices.get(one.name.slug, {}))) for one in there]
            current = [one for one, end in ending if end is None or end > today]
            new = [one for one in current if self._known(one) is None]
            files = await repository.files([(one.name, one.version) for one in new])
            windows = await standing_windows(session, self._clock.now())
        ends = min((end for _, end in ending if end is not None and end > today), default=None)
        return _Now(current, files, notices, windows, ends)

    def _known(self, one: Current) -> _Loaded | None:
        known = self._loaded.get(one.name)
        return known if known is not None and (known.version, known.digest) == (one.version, one.digest) else None

    def _parsed(self, now: _Now, ours: Sequence[Plugin]) -> _Round:
        """In a thread: a thousand services take a while."""
        found, ground = _Round(), self._ground()
        for one in now.current:
            known = self._known(one)
            try:
                if known is None:
                    if one.name not in now.files:
                        continue  # another version became current in this very moment: the counter will tell
                    plugin = published_plugin(Documents(now.files[one.name]), ground)
                    _must_not_clash(plugin, ours)
                    known = _Loaded(one.version, one.digest, plugin)
                standing, notices = _STANDING[one.state], now.notices.get(one.name.slug, {})
                if known.plugin.standing is not standing or known.plugin.notices != notices:
                    known = replace(known, plugin=replace(known.plugin, standing=standing, notices=notices))
                found.plugins[one.name] = known
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one service is not the others' trouble
                found.skip(one.name, one.version, error)
        return found

    async def _composed(self, ours: Sequence[Plugin], found: _Round) -> Schema:
        """The graph with as many of them as go together; what does not is moved to the skipped."""
        while True:
            try:
                return await self._holder().composed([*ours, *(one.plugin for one in found.plugins.values())])
            except Exception as error:
                slug = error.plugin if isinstance(error, PluginRefused) else None
                blamed = [name for name in found.plugins if name.slug == slug]
                # Where nobody can be blamed, it is what is new here; and if nothing is, ours do not hold together.
                if not blamed:
                    blamed = [name for name, one in found.plugins.items() if self._loaded.get(name) != one]
                if not blamed:
                    blamed = list(found.plugins)
                if not blamed:
                    raise
                for name in blamed:
                    found.skip(name, found.plugins[name].version, error)

    async def _mark(self, found: _Round) -> None:
        """Tells operators, in the log and in the service's row; and takes back what is mended."""
        for name, (version, why) in found.skipped.items():
            log.error("service_skipped", service=name.slug, agency=name.agency, version=version, why=why)
        now = self._clock.now()
        async with self._db.read() as session:
            marked = await ServiceRepository(session).marked()
        mended = [(name, found.plugins[name].version) for name in marked if name in found.plugins]
        if not mended and not found.skipped:
            return
        async with self._db.write() as session:
            repository = ServiceRepository(session)
            for name, (version, why) in sorted(found.skipped.items()):
                await repository.skip(name, version, why, now)
            for name, version in sorted(mended):
                await repository.skip(name, version, None, now)


def _must_not_clash(plugin: Plugin, ours: Sequence[Plugin]) -> None:
    """Raises PluginRefused. Registered ones were compared with each other when they were published; what came with
    this installation may be newer than that."""
    claims = Claims.of(plugin.manifest)
    if faults := [fault for other in ours for fault in clashes_between(claims, Claims.of(other.manifest))]:
        raise PluginRefused(plugin.slug, faults)


def names_go_on(one: Current, notices: Mapping[str, Notice]) -> date | None:
    """The Bangkok day on which the names of a service that is over leave the graph; None for one that is not.

    A year after its end, and not before the day that clients were told of the fields that lead to it.
    """
    if one.state is not State.RETIRED or one.retired_at is None:
        return None
    told = (notice.sunset for coordinate, notice in notices.items() if coordinate.startswith(LEADING))
    return max([year_after(bangkok_day(one.retired_at)), *told])
