"""The registry: which plugins there are, none at another's cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from services.plugins.contract import Fault, Manifest, PluginRefused, Rule
from services.plugins.plugin import HostNames, Plugin
from services.plugins.registry.folder import load_folder
from services.plugins.registry.graph_words import FILE as GRAPH
from services.plugins.registry.operation_check import Consents
from services.plugins.standing import Standing


class Registry:
    """Plain object: nothing registers on import, and a test makes its own.

    `host` are the names that no plugin may take; `attributes` is the catalogue, attribute id → slug of its owner, and
    `consents` are its purposes.
    """

    def __init__(self, host: HostNames, attributes: Mapping[str, str], consents: Consents | None = None) -> None:
        self.host, self.attributes, self.consents = host, attributes, consents
        self._plugins: dict[str, Plugin] = {}
        self._in_order: tuple[Plugin, ...] | None = ()
        self._offered: tuple[Plugin, ...] | None = ()

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """In the order of their slugs, so that every worker composes the same graph; one tuple until it changes."""
        if self._in_order is None:
            self._in_order = tuple(self._plugins[slug] for slug in sorted(self._plugins))
        return self._in_order

    @property
    def offered(self) -> tuple[Plugin, ...]:
        """Those that a citizen can use now: neither suspended nor over; one tuple until it changes."""
        if self._offered is None:
            self._offered = tuple(plugin for plugin in self.plugins if plugin.standing is Standing.OPEN)
        return self._offered

    def get(self, slug: str) -> Plugin | None:
        return self._plugins.get(slug)

    def load(self, folder: Path) -> Plugin:
        """Reads, checks and adds the plugin of a folder. Raises :class:`PluginRefused`."""
        return self.add(load_folder(folder, self.host, self.attributes, consents=self.consents))

    def load_all(self, parent: Path) -> tuple[Plugin, ...]:
        """Every folder below `parent` with a manifest. Raises :class:`PluginRefused` at the first broken one."""
        return tuple(self.load(path.parent) for path in sorted(parent.glob("*/manifest.toml")))

    def add(self, plugin: Plugin) -> Plugin:
        """Adds a checked plugin. Raises :class:`PluginRefused` when what it claims is another plugin's."""
        if faults := [*self.clashes(plugin)]:
            raise PluginRefused(plugin.slug, faults)
        self._plugins[plugin.slug] = plugin
        self._changed()
        return plugin

    def remove(self, slug: str) -> None:
        del self._plugins[slug]
        self._changed()

    def swap(self, plugins: Iterable[Plugin]) -> None:
        """From now on there are exactly these, each checked, none at another's cost."""
        self._plugins = {plugin.slug: plugin for plugin in plugins}
        self._changed()

    def _changed(self) -> None:
        self._in_order = self._offered = None

    def clashes(self, plugin: Plugin) -> Iterator[Fault]:
        """What it claims that is the host's or another plugin's."""
        for other in self.plugins:
            yield from clashes_between(Claims.of(plugin.manifest), Claims.of(other.manifest))
        yield from self._host_clashes(plugin)

    def _host_clashes(self, plugin: Plugin) -> Iterator[Fault]:
        prefix = plugin.manifest.prefix
        if prefix and (taken := sorted(name for name in self.host.types if name.startswith(prefix))):
            why = f"the prefix `{prefix}` would claim the host's `{taken[0]}`"
            yield Fault(Rule.PREFIX, why, "Choose another prefix", field="prefix")


@dataclass(frozen=True, slots=True)
class Claims:
    """What a service holds for itself."""

    slug: str
    prefix: str | None
    namespace: str | None
    provides: frozenset[str]

    @classmethod
    def of(cls, manifest: Manifest) -> Claims:
        return cls(manifest.slug, manifest.prefix, manifest.namespace, frozenset(manifest.provides))


def clashes_between(ours: Claims, theirs: Claims) -> Iterator[Fault]:
    """What `ours` claims that is `theirs` already."""
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
    for attribute in sorted(ours.provides & theirs.provides):
        why = f"`{attribute}` has a source already, {theirs.slug}"
        yield Fault(Rule.PROVIDES, why, "A fact has one source; remove it", field=f"provides.{attribute}")
