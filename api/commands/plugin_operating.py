"""`sitthi plugin maintenance …`: an agency says beforehand when its service will not answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from api.commands.agency_options import By, acts, looks
from api.commands.plugin_registry import Slug
from api.commands.words import when

app = typer.Typer(no_args_is_help=True)


@app.command()
@acts
def announce(
    slug: Slug,
    begins: Annotated[str, typer.Option("--from", help="When it begins, with its zone: 2026-12-01T22:00:00+07:00.")],
    until: Annotated[str, typer.Option(help="When it answers again, with its zone; at most 7 days later.")],
    th: Annotated[str, typer.Option(help="Why, for citizens, in Thai; 1 to 500 characters.")],
    en: Annotated[str, typer.Option(help="The same in English.")],
    by: By,
    operation: Annotated[list[str] | None, typer.Option(help="Only this operation; may be repeated.")] = None,
) -> None:
    """Announces maintenance. Citizens see it before they try, and your systems are not asked meanwhile."""
    body = {"from": _instant(begins), "until": _instant(until), "texts": {"th": th, "en": en}}
    some = {"operations": operation} if operation else {}
    typer.echo(_line(by.asks("POST", f"/{slug}/maintenance", {**body, **some})))


@app.command(name="list")
@looks
def list_(slug: Slug, by: By) -> None:
    """Shows the maintenance that is on or to come."""
    for one in by.asks("GET", f"/{slug}/maintenance")["maintenance"]:
        typer.echo(_line(one))


@app.command()
@acts
def cancel(slug: Slug, window: Annotated[str, typer.Argument(help="Its id, as the list shows it.")], by: By) -> None:
    """Takes announced maintenance back; what is on ends at once."""
    typer.echo(_line(by.asks("POST", f"/{slug}/maintenance/{window}/cancel", {})))


def _instant(given: str) -> str:
    try:
        instant = datetime.fromisoformat(given)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise typer.BadParameter(f"{given} is no instant with a zone, as 2026-12-01T22:00:00+07:00 is")
    return instant.isoformat()


def _line(told: Mapping[str, Any]) -> str:
    what = ", ".join(told["operations"]) or "all of it"
    state = "\tcancelled" if told["cancelledAt"] else ""
    return f"{told['id']}\t{when(told['from'])}\t{when(told['until'])}\t{what}\t{told['texts']['en']}{state}"
