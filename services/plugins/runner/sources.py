"""A plugin's source operations as the exchange sees them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from core.ids import NationalId
from services.exchange.facts import Reading
from services.plugins.contract import Known, OperationKind, PartialDate
from services.plugins.plugin import Plugin
from services.plugins.runner.runner import Runner

ASKER: Final = "sitthi-exchange"
"""The AgentID under which the exchange asks; in whose name it does is in its own access log."""


class PluginSource:
    """One source operation. A plugin with several is several sources: one that fails hides no other's answer.

    Implements `services.exchange.batches.BatchSource`; `batch` is 0 where the manifest declares none, and then
    `read_many` is not called.
    """

    def __init__(self, runner: Runner, plugin: Plugin, operation: str) -> None:
        self._runner, self._plugin, self._operation = runner, plugin, operation
        spec, provides = plugin.manifest.operations[operation], plugin.manifest.provides
        self.batch, self.time_limit_seconds = spec.batch, spec.time_limit_seconds
        self._provides = frozenset(attribute for attribute, by in provides.items() if by == operation)

    @property
    def agency(self) -> str:
        return self._plugin.manifest.agency.slug

    @property
    def provides(self) -> frozenset[str]:
        return self._provides

    async def read(self, person: NationalId, attributes: Collection[str]) -> Mapping[str, Reading]:
        """Raises :class:`services.exchange.errors.SourceSilent` and :class:`AgencyDeclined`."""
        asked = self._asked(attributes)
        told = await self._run(asked, person=person)
        return _readings(told.get(person, {}) if self.batch else told, asked)

    async def read_many(
        self, people: Collection[NationalId], attributes: Collection[str]
    ) -> Mapping[NationalId, Mapping[str, Reading]]:
        """Raises what :meth:`read` raises; a trouble is everybody's."""
        asked = self._asked(attributes)
        told = await self._run(asked, people=tuple(people))
        return {person: _readings(known, asked) for person, known in told.items()}

    def _asked(self, attributes: Collection[str]) -> list[str]:
        return sorted(self._provides.intersection(attributes))

    async def _run(self, asked: list[str], **about: Any) -> Mapping[Any, Any]:
        told: Mapping[Any, Any] = await self._runner.run(
            self._plugin, self._operation, asker=ASKER, arguments={"attributes": asked}, **about
        )
        return told


def _readings(known: Mapping[str, Known], asked: Iterable[str]) -> dict[str, Reading]:
    return {attribute: _reading(known[attribute]) for attribute in asked if attribute in known}


def _reading(known: Known) -> Reading:
    if isinstance(known.value, PartialDate):
        return Reading(known.value.first, known.as_of, known.value.precision)
    return Reading(known.value, known.as_of)


def sources_of(runner: Runner, plugins: Iterable[Plugin]) -> tuple[PluginSource, ...]:
    return tuple(
        PluginSource(runner, plugin, operation)
        for plugin in plugins
        for operation in plugin.manifest.operations_of(OperationKind.SOURCE)
    )
