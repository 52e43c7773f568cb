"""Runs one operation of a plugin."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from core.errors import ServiceUnavailable
from core.ids import NationalId
from services.plugins.contract import (
    Access,
    AgencyError,
    Call,
    Host,
    Known,
    Manifest,
    OperationKind,
    OperationSpec,
)
from services.plugins.plugin import Plugin
from services.plugins.runner.answers import MalformedAnswer, check_answer
from services.plugins.runner.errors import AgencyDeclined
from services.plugins.runner.guards import Lane, LaneLimits

log = structlog.get_logger(__name__)


class Runner:
    """`host_of` gives a plugin what it may use: its agency's client, the clock, its own configuration.

    A plugin has one lane, shared by all its versions, because they speak to one agency.
    """

    def __init__(
        self,
        host_of: Callable[[Manifest], Host],
        limits: LaneLimits | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host_of, self._limits, self._seconds = host_of, limits or LaneLimits(), seconds
        self._hosts: dict[str, Host] = {}
        self._lanes: dict[str, Lane] = {}

    async def run(
        self,
        plugin: Plugin,
        operation: str,
        *,
        asker: str,
        person: NationalId | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> Any:
        """The operation's answer, checked.

        Raises :class:`ServiceUnavailable` when the agency does not answer, not in time, or not as it promised, and
        :class:`AgencyDeclined` for an error that the manifest declares.
        """
        spec = plugin.manifest.operations[operation]
        if (spec.access is Access.CITIZEN) != (person is not None):
            raise ValueError(f"{plugin.slug}:{operation} is {spec.access}")
        call = Call(operation, person, arguments or {}, asker)
        try:
            async with self.lane(plugin).enter(spec.time_limit_seconds):
                outcome = await self._outcome(plugin, spec, call)
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises is the agency's trouble, not the citizen's
            raise self._unavailable(plugin, operation, error) from None
        if isinstance(outcome, AgencyDeclined):
            raise outcome
        return outcome

    async def _outcome(self, plugin: Plugin, spec: OperationSpec, call: Call) -> Any:
        """The answer, or the declared error; both mean that the agency is well."""
        try:
            answer = await plugin.functions[call.operation](self._host(plugin), call)
        except AgencyError as error:
            words = plugin.manifest.errors.get(error.code)
            if words is None:
                raise
            return AgencyDeclined(plugin.manifest.agency.slug, error.code, words.text)
        if spec.kind is OperationKind.SOURCE:
            return _known(answer, plugin.manifest, call.operation)
        node = plugin.graph.answer_type(call.operation)
        return answer if node is None else check_answer(answer, node, plugin.graph)

    def lane(self, plugin: Plugin) -> Lane:
        if plugin.slug not in self._lanes:
            self._lanes[plugin.slug] = Lane(self._limits, self._seconds)
        return self._lanes[plugin.slug]

    def _host(self, plugin: Plugin) -> Host:
        if plugin.slug not in self._hosts:
            self._hosts[plugin.slug] = self._host_of(plugin.manifest)
        return self._hosts[plugin.slug]

    def _unavailable(self, plugin: Plugin, operation: str, error: BaseException) -> ServiceUnavailable:
        # By type alone: the text of an agency's or a plugin's error may hold what the citizen's file says.
        place = ".".join(map(str, error.path)) if isinstance(error, MalformedAnswer) else None
        log.warning(
            "agency_unavailable", plugin=plugin.slug, operation=operation, error=type(error).__name__, place=place
        )
        return ServiceUnavailable(plugin.manifest.agency.title.text)


def _known(answer: Any, manifest: Manifest, operation: str) -> dict[str, Known]:
    """Only what the plugin is the source of. What it says of others' attributes is nobody's word."""
    if not isinstance(answer, Mapping):
        raise MalformedAnswer((), "a source answers a dict of attribute → Known")
    known: dict[str, Known] = {}
    for attribute, reading in answer.items():
        if manifest.provides.get(attribute) != operation:
            raise MalformedAnswer((str(attribute),), "the manifest does not provide it by this operation")
        if not isinstance(reading, Known) or reading.as_of.tzinfo is None:
            raise MalformedAnswer((attribute,), "it is not Known as of an aware instant")
        known[attribute] = reading
    return known
