"""A version's documents, read, and compared with the version that was current then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.plugins.contract import Fault, Manifest, PluginRefused
from services.plugins.notices.terms import Notice
from services.plugins.plugin import Plugin, PluginGraph
from services.plugins.registry.diff import is_next_major
from services.plugins.registry.documents import Documents
from services.plugins.registry.registry import Claims, clashes_between
from services.plugins.registry.repository import Name
from services.plugins.registry.sensitive import Sensitive, sensitive_parts


@dataclass(frozen=True, slots=True)
class Examined:
    documents: Documents
    plugin: Plugin
    former: Manifest | None
    against: bytes | None
    """Digest of the version that it was compared with; None when there was none."""
    breaks: tuple[Fault, ...] = ()
    dangers: tuple[Fault, ...] = ()
    former_graph: PluginGraph | None = None
    notices: Mapping[str, Notice] = field(default_factory=dict)
    """What clients were told then of the current version's names, by coordinate."""

    @property
    def version(self) -> str:
        return self.plugin.manifest.version

    def must_not_break(self) -> None:
        """Raises :class:`PluginRefused` for what breaks somebody without a new major version."""
        if self.breaks and self.former is not None and not is_next_major(self.former, self.plugin.manifest):
            raise PluginRefused(self.plugin.slug, self.breaks)

    def parts(self, *, held: bool) -> tuple[Sensitive, ...]:
        """What a reviewer has to look at."""
        return sensitive_parts(self.former, self.plugin.manifest, self.documents, self.breaks, held=held)

    def must_not_clash(self, claimed: Iterable[tuple[Name, Claims]]) -> None:
        """Raises :class:`PluginRefused` for names and facts that are another published service's."""
        manifest = self.plugin.manifest
        ours, name = Claims.of(manifest), Name(manifest.agency.slug, manifest.slug)
        faults = [fault for other, theirs in claimed if other != name for fault in clashes_between(ours, theirs)]
        if faults:
            raise PluginRefused(self.plugin.slug, faults)
