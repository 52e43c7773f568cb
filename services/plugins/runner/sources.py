"""A plugin's source operations as the exchange sees them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from core.ids import NationalId
from services.exchange.facts import Reading
from services.plugins.contract import OperationKind
from services.plugins.plugin import Plugin
from services.plugins.runner.runner import Runner

ASKER: Final = "sitthi-exchange"
"""The AgentID under which the exchange asks; in whose name it does is in its own access log."""


class PluginSource:
    """One source operation. A plugin with several is several sources: one that fails hides no other's answer."""

    def __init__(self, runner: Runner, plugin: Plugin, operation: str) -> None:
        self._runner, self._plugin, self._operation = runner, plugin, operation
        provides = plugin.manifest.provides
        self._provides = frozenset(attribute for attribute, by in provides.items() if by == operation)

    @property
    def agency(self) -> str:
        return self._plugin.manifest.agency.slug

    @property
    def provides(self) -> frozenset[str]:
        return self._provides

    async def read(self, person: NationalId, attributes: Collection[str]) -> Mapping[str, Reading]:
        """Raises :class:`core.errors.ServiceUnavailable` and :class:`AgencyDeclined`."""
        asked = sorted(self._provides.intersection(attributes))
        known = await self._runner.run(
            self._plugin, self._operation, asker=ASKER, person=person, arguments={"attributes": asked}
        )
        return {
            attribute: Reading(known[attribute].value, known[attribute].as_of)
            for attribute in asked
            if attribute in known
        }


def sources_of(runner: Runner, plugins: Iterable[Plugin]) -> tuple[PluginSource, ...]:
    return tuple(
        PluginSource(runner, plugin, operation)
        for plugin in plugins
        for operation in plugin.manifest.operations_of(OperationKind.SOURCE)
    )
