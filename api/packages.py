"""Takes the plugins that an operator installed as Python packages into the graph (docs/packages.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from services.plugins.connections import Agency
from services.plugins.contract import Fault, Manifest, PluginRefused, Rule
from services.plugins.hosting.discovery import Package, Unusable, installed
from services.plugins.hosting.pace import Pace
from services.plugins.hosting.supervisor import Hosted, Hosts
from services.plugins.plugin import Origin, Plugin
from services.plugins.registry import Registry, load_folder

log = structlog.get_logger("api.packages")


def add_packages(
    registry: Registry,
    agency_of: Callable[[Manifest], Agency],
    compose: Callable[[Sequence[Plugin]], object],
    *,
    found: Sequence[Package | Unusable] | None = None,
    pace: Pace | None = None,
) -> Hosts:
    """Checks the installed packages, adds them to the registry, and answers what keeps their hosts running.

    One that is refused is left out, and the log says why: a package's mistake keeps no other service from citizens.
    `compose` raises :class:`PluginRefused` where the whole graph does not hold together.
    """
    taken = []
    for package in installed() if found is None else found:
        if isinstance(package, Unusable):
            log.error("package_unusable", entry_point=package.entry_point, why=package.why)
            continue
        try:
            plugin = _checked(package, registry)
            compose([*registry.plugins, plugin])
        except PluginRefused as refused:
            faults = [str(fault) for fault in refused.faults]
            # Its faults are the message; the trace would be of our own checks.
            log.error("package_refused", package=package.distribution, faults=faults)  # noqa: TRY400 - its faults say all
            continue
        hosted = Hosted(package, plugin, agency_of(plugin.manifest), pace)
        registry.add(hosted.plugin)
        taken.append(hosted)
    return Hosts(taken)


def _checked(package: Package, registry: Registry) -> Plugin:
    """The plugin, without functions. Raises :class:`PluginRefused`."""
    plugin = load_folder(
        package.folder, registry.host, registry.attributes, origin=Origin.PACKAGE, consents=registry.consents
    )
    faults = [*registry.clashes(plugin)]
    if plugin.slug != package.slug:
        why = f"the entry point is called `{package.slug}`"
        faults.append(Fault(Rule.MANIFEST_FIELD, why, "Give both the same name", field="slug"))
    if plugin.manifest.endpoint is not None:
        why = "a package runs on this machine and has no endpoint"
        faults.append(Fault(Rule.MANIFEST_FIELD, why, "Remove `endpoint`", field="endpoint"))
    if faults:
        raise PluginRefused(package.slug, faults)
    return plugin
