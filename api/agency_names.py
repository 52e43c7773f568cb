"""Names of agencies that only offer services: their plugins' manifests tell them, the catalogue of facts does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.text import Text
from services.plugins.plugin import Plugin


class AgencyNames:
    """The name of an agency by its slug, from the plugins that there are now; None for one without any."""

    def __init__(self, plugins: Callable[[], tuple[Plugin, ...]]) -> None:
        self._plugins = plugins
        self._read: tuple[Plugin, ...] = ()
        self._names: Mapping[str, Text] = {}

    def __call__(self, slug: str) -> Text | None:
        plugins = self._plugins()
        if plugins is not self._read:
            self._names = {one.manifest.agency.slug: one.manifest.agency.title.text for one in plugins}
            self._read = plugins
        return self._names.get(slug)
