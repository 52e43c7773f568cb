"""Finds the plugins that an operator installed as Python packages, without running any of their code.

A distribution names its plugin by an entry point of the group `sitthi.plugins`::

    [project.entry-points."sitthi.plugins"]
    waterworks = "sitthi_waterworks"

The name is the plugin's slug, the value the package that holds `manifest.toml`, `graph.graphql`, `plugin.py` and
`examples/`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Final

GROUP: Final = "sitthi.plugins"
_PACKAGE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Package:
    """A plugin of an installed distribution; nothing of it is checked yet."""

    slug: str
    """As the entry point says; the manifest must say the same."""
    module: str
    """The package, dotted."""
    folder: Path
    distribution: str
    """Name and version, for operators."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """An entry point that leads to no plugin, and why; for operators."""

    entry_point: str
    why: str


def installed(path: list[str] | None = None) -> tuple[Package | Unusable, ...]:
    """In the order of their slugs. `path` is where to look, as `sys.path`, the default; there it looks once."""
    return _on_the_path(tuple(sys.path)) if path is None else _installed(path)


@cache
def _on_the_path(_: tuple[str, ...]) -> tuple[Package | Unusable, ...]:
    return _installed(None)


def _installed(path: list[str] | None) -> tuple[Package | Unusable, ...]:
    every = distributions() if path is None else distributions(path=path)
    named = {dist.name: dist for dist in reversed(list(every))}  # of two versions on the path, the first is imported
    points = [point for dist in named.values() for point in dist.entry_points.select(group=GROUP)]
    points.sort(key=lambda point: (point.name, point.value))
    return tuple(_package(point, points, path) for point in points)


def _package(point: EntryPoint, among: Iterable[EntryPoint], path: list[str] | None) -> Package | Unusable:
    if sum(other.name == point.name for other in among) > 1:
        return Unusable(point.name, "several distributions name it; uninstall all but one")
    if not _PACKAGE.fullmatch(point.value):
        return Unusable(point.name, f"{point.value!r} is no package; write its dotted name alone")
    folder = _folder(point.value, path)
    if folder is None:
        return Unusable(point.name, f"there is no package {point.value!r}")
    dist = point.dist
    return Package(point.name, point.value, folder, "" if dist is None else f"{dist.name} {dist.version}")


def _folder(module: str, path: list[str] | None) -> Path | None:
    """Where the package lies. Looked up part by part: the usual way would import, and run, the packages above it."""
    top, *below = module.split(".")
    found = find_spec(top) if path is None else PathFinder.find_spec(top, path)
    for part in below:
        found = None if found is None else PathFinder.find_spec(part, found.submodule_search_locations or [])
    folders = [] if found is None else list(found.submodule_search_locations or ())
    return Path(folders[0]) if folders else None
