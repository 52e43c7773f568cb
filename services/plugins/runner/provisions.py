"""Which facts plugins provide, as the directory of the exchange lists them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from services.exchange.evidence.directory import Provision
from services.plugins.contract import OperationKind
from services.plugins.plugin import Plugin
from services.plugins.runner.runner import Runner
from services.plugins.standing import Standing


def provisions_of(runner: Runner, plugins: Iterable[Plugin]) -> Iterator[Provision]:
    """One for each source operation; those of a service that is suspended or under maintenance, and those that this
    process leaves alone for a moment, do not answer."""
    for plugin in plugins:
        provides = plugin.manifest.provides
        for operation in plugin.manifest.operations_of(OperationKind.SOURCE):
            yield Provision(
                agency=plugin.manifest.agency.slug,
                service=plugin.slug,
                operation=operation,
                attributes=frozenset(name for name, by in provides.items() if by == operation),
                answers=plugin.standing is Standing.OPEN
                and runner.window(plugin, operation) is None
                and not runner.lane(plugin, operation).breaker.is_open,
            )
