"""The registry: which plugins there are, none at another's cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from services.plugins.contract import Fault, PluginRefused, Rule
from services.plugins.plugin import HostNames, Plugin
from services.plugins.registry.folder import load_folder
from services.plugins.registry.graph_check import FILE as GRAPH


class Registry:
    """Plain object: nothing registers on import, and a test makes its own.

    `host` are the names that no plugin may take; `attributes` is the catalogue, attribute id → slug of its owner.
    """

    def __init__(self, host: HostNames, attributes: Mapping[str, str]) -> None:
        self._host, self._attributes = host, attributes
        self._plugins: dict[str, Plugin] = {}

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """In the order of their slugs, so that every worker composes the same graph."""
        return tuple(self._plugins[slug] for slug in sorted(self._plugins))

    def get(self, slug: str) -> Plugin | None:
        return self._plugins.get(slug)

    def load(self, folder: Path) -> Plugin:
        """Reads, checks and adds the plugin of a folder. Raises :class:`PluginRefused`."""
        return self.add(load_folder(folder, self._host, self._attributes))

    def load_all(self, parent: Path) -> tuple[Plugin, ...]:
        """Every folder below `parent` with a manifest. Raises :class:`PluginRefused` at the first broken one."""
        return tuple(self.load(path.parent) for path in sorted(parent.glob("*/manifest.toml")))

    def add(self, plugin: Plugin) -> Plugin:
        """Adds a checked plugin. Raises :class:`PluginRefused` when what it claims is another plugin's."""
        if faults := [fault for other in self.plugins for fault in _clashes(plugin, other)] + [
            *self._host_clashes(plugin)
        ]:
            raise PluginRefused(plugin.slug, faults)
        self._plugins[plugin.slug] = plugin
        return plugin

    def remove(self, slug: str) -> None:
        del self._plugins[slug]

    def _host_clashes(self, plugin: Plugin) -> Iterator[Fault]:
        prefix = plugin.manifest.prefix
        if prefix and (taken := sorted(name for name in self._host.types if name.startswith(prefix))):
            why = f"the prefix `{prefix}` would claim the host's `{taken[0]}`"
            yield Fault(Rule.PREFIX, why, "Choose another prefix", field="prefix")


def _clashes(plugin: Plugin, other: Plugin) -> Iterator[Fault]:
    ours, theirs = plugin.manifest, other.manifest
    if ours.slug == theirs.slug:
        yield Fault(Rule.OWNERSHIP, f"there is a plugin `{theirs.slug}` already", "Choose another slug", field="slug")
    if (
        ours.prefix
        and theirs.prefix
        and (ours.prefix.startswith(theirs.prefix) or theirs.prefix.startswith(ours.prefix))
    ):
        why = f"the prefix `{ours.prefix}` cannot be told from {theirs.slug}'s `{theirs.prefix}`"
        yield Fault(Rule.PREFIX, why, "Choose another prefix", field="prefix")
    if ours.namespace is not None and ours.namespace == theirs.namespace:
        yield Fault(
            Rule.NAMESPACE,
            f"the namespace `{ours.namespace}` is {theirs.slug}'s",
            "Choose another",
            GRAPH,
            field="namespace",
        )
    for attribute in sorted(ours.provides.keys() & theirs.provides.keys()):
        why = f"`{attribute}` has a source already, {theirs.slug}"
        yield Fault(Rule.PROVIDES, why, "A fact has one source; remove it", field=f"provides.{attribute}")
