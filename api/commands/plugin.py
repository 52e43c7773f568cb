"""`sitthi plugin`: an agency's plugin from its first line to its last citizen (docs/plugins.md)."""

from __future__ import annotations

import typer

from api.commands import (
    plugin_check,
    plugin_deliveries,
    plugin_new,
    plugin_operating,
    plugin_registry,
    plugin_review,
    plugin_usage,
)

app = typer.Typer(no_args_is_help=True)
app.command(name="new")(plugin_new.new)
app.command(name="check")(plugin_check.check)
app.command(name="deliveries")(plugin_deliveries.deliveries)
app.command(name="usage")(plugin_usage.usage)
for command in plugin_registry.COMMANDS:
    app.command()(command)
app.add_typer(
    plugin_review.app, name="review", help="Reviewing what agencies want to publish: list, show, approve, refuse."
)
app.add_typer(
    plugin_operating.app, name="maintenance", help="Announcing when a service will not answer: announce, list, cancel."
)
