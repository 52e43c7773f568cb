"""Runs one operation of a plugin."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, Protocol

import structlog

from core.ids import NationalId
from core.viewer import Viewer
from services.exchange.errors import SourceSilent
from services.plugins.contract import (
    Access,
    AgencyError,
    Call,
    Host,
    Known,
    Manifest,
    OperationKind,
    OperationSpec,
    Registers,
    Reporter,
)
from services.plugins.contract.kinds import ANSWERS, EFFECTS, read_answer
from services.plugins.contract.wire import KEY_PATTERN, LIVE, TEST
from services.plugins.operating.errors import MAINTENANCE, UnderMaintenance
from services.plugins.operating.windows import Window, Windows
from services.plugins.plugin import Plugin, PluginGraph
from services.plugins.runner.answers import answer_check, schema_check
from services.plugins.runner.client import HttpAgencyClient
from services.plugins.runner.errors import AgencyDeclined, MalformedAnswer, Trouble, WrongSubject, trouble_of
from services.plugins.runner.figures import ABANDONED, DECLINED, WELL, Counting, LaneHealth, Watch, figures
from services.plugins.runner.guards import Lane, LaneClosed, LaneFull, LaneLimits
from services.plugins.runner.kept import AnswerCache
from services.plugins.runner.subjects import SubjectClient
from services.plugins.standing import must_be_open

_IS_KEY: Final = re.compile(KEY_PATTERN)

log = structlog.get_logger(__name__)


class Forwarding(Protocol):
    """Makes the token of a citizen who is there, for the agency of one plugin and nobody else."""

    def token(self, manifest: Manifest, viewer: Viewer) -> str: ...


class RegistersOf(Protocol):
    """Other agencies' registers, as a plugin may ask them about one citizen."""

    def of(self, manifest: Manifest, person: NationalId) -> Registers: ...


class Runner:
    """`host_of` gives a plugin what it may use: its agency's client, the clock, its own configuration.

    An operation has one lane in a process, shared by all versions of its plugin, because they speak to one system; a
    system that hangs takes no place from another. Without `kept` every query asks its agency. With `mode` `test` every
    call is one. `tokens` makes what is forwarded to agencies that ask for it. While one of `windows` is on, what it
    covers is not asked. `tally` sums up how operations answer.
    """

    def __init__(
        self,
        host_of: Callable[[Manifest], Host],
        limits: LaneLimits | None = None,
        seconds: Callable[[], float] = time.monotonic,
        kept: AnswerCache | None = None,
        *,
        mode: str = LIVE,
        tokens: Forwarding | None = None,
        windows: Windows | None = None,
        tally: Counting | None = None,
    ) -> None:
        self._mode, self._tokens, self._windows, self._tally = mode, tokens, windows, tally
        self._host_of, self._limits, self._seconds = host_of, limits or LaneLimits(), seconds
        self._kept = kept
        self._hosts: dict[str, Host] = {}
        self._watched: dict[tuple[str, str], Watch] = {}
        self.registers: RegistersOf | None = None
        """Set when the exchange stands; without it nobody is asked."""
        self._checks: dict[tuple[str, str], tuple[PluginGraph, Callable[[Any], Any] | None]] = {}

    async def run(
        self,
        plugin: Plugin,
        operation: str,
        *,
        asker: str,
        person: NationalId | None = None,
        people: Sequence[NationalId] = (),
        arguments: Mapping[str, Any] | None = None,
        key: str = "",
        viewer: Viewer | None = None,
        reporter: Reporter | None = None,
    ) -> Any:
        """The operation's answer, checked. `key` is the idempotency key, which a call with an effect must have and no
        other may. `viewer` is who is there and asks; without one no token is forwarded. `reporter` is
        the juristic person that sends, of an `ingest`.

        A source answers attribute → :class:`Known`, the kinds of `contract.kinds.ANSWERS` their model, a query as its
        SDL says.
        An operation with a `batch` is asked about `people` (or `person` alone) and answers by person; whoever is left
        out is not known. Raises :class:`SourceSilent`, a `ServiceUnavailable` with a :class:`Trouble` as its reason,
        when the agency does not answer, not in time, or not as it promised, and :class:`AgencyDeclined` for an error
        that the manifest declares. A service that is suspended or over is not asked: `ServiceSuspended`,
        `ServiceRetired`. Nor is what is under announced maintenance: :class:`UnderMaintenance`, a `SourceSilent`; what
        is kept of a query is answered all the same.
        """
        must_be_open(plugin.standing, plugin.manifest.title.text)
        spec = plugin.manifest.operations[operation]
        call = self._call(plugin, operation, person, people, arguments or {}, asker, key, viewer)
        call = call if reporter is None else replace(call, reporter=reporter)
        if spec.kind is not OperationKind.QUERY or not spec.cache_seconds or self._kept is None or call.token:
            return await self._ask(plugin, spec, call)
        watch = self._watch(plugin, operation)
        kept = await self._kept.get(plugin, call, spec.cache_seconds)
        check = self._check(plugin, operation)
        if kept is not None and check is not None:
            watch.spared()
            return check(kept.answer)
        asked_at = self._host(plugin).clock.now()
        answer = await self._ask(plugin, spec, call)
        await self._kept.put(plugin, call, answer, spec.cache_seconds, asked_at=asked_at)
        return answer

    @property
    def health(self) -> tuple[LaneHealth, ...]:
        """Every operation that this process has asked since it started, for operators."""
        for watch in self._watched.values():
            watch.tell()
        return tuple(watch.health for _, watch in sorted(self._watched.items()))

    def lane(self, plugin: Plugin, operation: str) -> Lane:
        return self._watch(plugin, operation).lane

    def window(self, plugin: Plugin, operation: str) -> Window | None:
        """The maintenance because of which it is not asked now."""
        return None if self._windows is None else self._windows.on(plugin.slug, operation)

    async def _ask(self, plugin: Plugin, spec: OperationSpec, call: Call) -> Any:
        watch = self._watch(plugin, call.operation)
        if (window := self.window(plugin, call.operation)) is not None:
            watch.spared(MAINTENANCE)
            raise UnderMaintenance(plugin.manifest.title.text, window)
        with self._timed(watch) as ended:
            try:
                places = spec.places if "places" in spec.model_fields_set else None
                async with watch.lane.enter(spec.time_limit_seconds, places):
                    outcome = await self._outcome(plugin, spec, call)
            except Exception as error:  # noqa: BLE001 - whatever a plugin raises is the agency's trouble, not the citizen's
                trouble = _trouble_of(error)
                ended.append(trouble)
                if (seconds := getattr(error, "retry_after_seconds", None)) is not None:
                    watch.lane.breaker.hold(seconds)
                raise self._unavailable(plugin, call.operation, error, trouble) from None
            ended.append(DECLINED if isinstance(outcome, AgencyDeclined) else WELL)
        if isinstance(outcome, AgencyDeclined):
            raise outcome
        return outcome

    async def _outcome(self, plugin: Plugin, spec: OperationSpec, call: Call) -> Any:
        """The answer, or the declared error; both mean that the agency is well."""
        host, is_source = self._host(plugin), spec.kind is OperationKind.SOURCE
        if "answer_bytes_max" in spec.model_fields_set and isinstance(host.agency, HttpAgencyClient):
            host = replace(host, agency=host.agency.within(spec.answer_bytes_max))
        if spec.access is not Access.PUBLIC:
            host = replace(host, agency=SubjectClient(host.agency, required=is_source))
        if plugin.manifest.asks and self.registers is not None and call.person is not None:
            host = replace(host, registers=self.registers.of(plugin.manifest, call.person))
        try:
            answer = await plugin.functions[call.operation](host, call)
        except AgencyError as error:
            words = plugin.manifest.errors.get(error.code)
            if words is None:
                raise
            return AgencyDeclined(plugin.manifest.agency.slug, error.code, words.text)
        if is_source:
            if spec.batch:
                return _known_of_each(answer, plugin.manifest, call)
            return _known(answer, plugin.manifest, call.operation)
        if spec.kind in ANSWERS:
            return read_answer(spec.kind, answer)
        check = self._check(plugin, call.operation)
        return answer if check is None else check(answer)

    def _check(self, plugin: Plugin, operation: str) -> Callable[[Any], Any] | None:
        """Of answers that the graph shows or another agency gets; made once for each version of a plugin."""
        made = self._checks.get((plugin.slug, operation))
        if made is None or made[0] is not plugin.graph:
            node, schema = plugin.graph.answer_type(operation), plugin.manifest.operations[operation].answer
            check = None if node is None else answer_check(node, plugin.graph)
            made = plugin.graph, check if schema is None else schema_check(schema)
            self._checks[plugin.slug, operation] = made
        return made[1]

    def _call(
        self,
        plugin: Plugin,
        operation: str,
        person: NationalId | None,
        people: Sequence[NationalId],
        arguments: Mapping[str, Any],
        asker: str,
        key: str,
        viewer: Viewer | None,
    ) -> Call:
        spec = plugin.manifest.operations[operation]
        about = tuple(people) if person is None else (person,)
        is_batch = spec.kind is OperationKind.SOURCE and spec.batch > 0
        if (spec.access is Access.PUBLIC) == bool(about):
            raise ValueError(f"{plugin.slug}:{operation} is {spec.access}")
        at_once = spec.batch if is_batch else 1
        if len(about) > at_once:
            raise ValueError(f"{plugin.slug}:{operation} is asked about {at_once} at once and no more")
        if (spec.kind in EFFECTS) != bool(key) or (key and not _IS_KEY.fullmatch(key)):
            raise ValueError(f"{plugin.slug}:{operation} needs a key of 8 to 128 characters, or must have none")
        token = ""
        if spec.forwards_token and viewer is not None and self._tokens is not None:
            token = self._tokens.token(plugin.manifest, viewer)
        only = about[0] if len(about) == 1 else None
        return Call(operation, only, arguments, asker, about if is_batch else (), key, self._mode == TEST, token)

    @contextmanager
    def _timed(self, watch: Watch) -> Iterator[list[str]]:
        """Tells the figures how it ended, which the block says; a block that says nothing was abandoned."""
        began, said = self._seconds(), list[str]()
        try:
            yield said
        finally:
            watch.ended(said[0] if said else ABANDONED, self._seconds() - began)

    def _watch(self, plugin: Plugin, operation: str) -> Watch:
        slug = plugin.slug
        watch = self._watched.get((slug, operation))
        if watch is None:
            lane = Lane(self._limits, self._seconds)
            watch = self._watched[slug, operation] = Watch(slug, operation, lane, tally=self._tally)
            figures().of_agency.labels(plugin.manifest.agency.slug, slug).set(1)
        return watch

    def _host(self, plugin: Plugin) -> Host:
        if plugin.slug not in self._hosts:
            self._hosts[plugin.slug] = self._host_of(plugin.manifest)
        return self._hosts[plugin.slug]

    def _unavailable(self, plugin: Plugin, operation: str, error: Exception, trouble: Trouble) -> SourceSilent:
        # By type alone: the text of an agency's or a plugin's error may hold what the citizen's file says.
        place = ".".join(map(str, error.path)) if isinstance(error, MalformedAnswer) else None
        log.warning(
            "agency_unavailable",
            plugin=plugin.slug,
            operation=operation,
            trouble=str(trouble),
            error=type(error).__name__,
            place=place,
        )
        return SourceSilent(plugin.manifest.agency.title.text, trouble)


def _trouble_of(error: Exception) -> Trouble:
    if isinstance(error, LaneFull):
        return Trouble.BUSY
    return Trouble.PAUSED if isinstance(error, LaneClosed) else trouble_of(error)


def _known_of_each(answer: Any, manifest: Manifest, call: Call) -> dict[NationalId, dict[str, Known]]:
    if not isinstance(answer, Mapping):
        raise MalformedAnswer((), "a source with a batch answers a dict of person → attribute → Known")
    if not set(answer) <= set(call.people):
        raise WrongSubject
    return {person: _known(told, manifest, call.operation) for person, told in answer.items()}


def _known(answer: Any, manifest: Manifest, operation: str) -> dict[str, Known]:
    """Only what the plugin is the source of. What it says of others' attributes is nobody's word."""
    if not isinstance(answer, Mapping):
        raise MalformedAnswer((), "a source answers a dict of attribute → Known")
    known: dict[str, Known] = {}
    for attribute, reading in answer.items():
        if manifest.provides.get(attribute) != operation:
            # Without the name: it is the agency's, may be a person's number, and the place is logged.
            raise MalformedAnswer((), "it holds what the manifest does not provide by this operation")
        if not isinstance(reading, Known) or reading.as_of.tzinfo is None:
            raise MalformedAnswer((attribute,), "it is not Known as of an aware instant")
        known[attribute] = reading
    return known
