"""`sitthi plugin maintenance …`: an agency says beforehand when its service will not answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.plugin_registry import Client, Issuer, Key, Officer, Slug, System, acting, with_line

if TYPE_CHECKING:
    from api.commands.agency_line import AgencyLine

app = typer.Typer(no_args_is_help=True)


@app.command()
def announce(
    slug: Slug,
    begins: Annotated[str, typer.Option("--from", help="When it begins, with its zone: 2026-12-01T22:00:00+07:00.")],
    until: Annotated[str, typer.Option(help="When it answers again, with its zone; at most 7 days later.")],
    th: Annotated[str, typer.Option(help="Why, for citizens, in Thai.")],
    en: Annotated[str, typer.Option(help="The same in English.")],
    client: Client,
    key: Key,
    operation: Annotated[list[str] | None, typer.Option(help="Only this operation; may be repeated.")] = None,
    issuer: Issuer = "",
    system: System = "sitthi-plugin",
    officer: Officer = "",
) -> None:
    """Announces maintenance. Citizens see it before they try, and your systems are not asked meanwhile."""
    body = {"from": _instant(begins), "until": _instant(until), "texts": {"th": th, "en": en}}
    some = {"operations": operation} if operation else {}

    async def job(line: AgencyLine) -> Mapping[str, Any]:
        told: Mapping[str, Any] = await line.ask(
            "POST", f"/{slug}/maintenance", {**acting(system, officer), **body, **some}
        )
        return told

    typer.echo(_line(with_line(client, key, issuer, job)))


@app.command(name="list")
def list_(slug: Slug, client: Client, key: Key, issuer: Issuer = "") -> None:
    """Shows the maintenance that is on or to come."""

    async def job(line: AgencyLine) -> Any:
        return (await line.ask("GET", f"/{slug}/maintenance"))["maintenance"]

    for one in with_line(client, key, issuer, job):
        typer.echo(_line(one))


@app.command()
def cancel(
    slug: Slug,
    window: Annotated[str, typer.Argument(help="Its id, as the list shows it.")],
    client: Client,
    key: Key,
    issuer: Issuer = "",
    system: System = "sitthi-plugin",
    officer: Officer = "",
) -> None:
    """Takes announced maintenance back; what is on ends at once."""

    async def job(line: AgencyLine) -> Mapping[str, Any]:
        told: Mapping[str, Any] = await line.ask(
            "POST", f"/{slug}/maintenance/{window}/cancel", acting(system, officer)
        )
        return told

    typer.echo(_line(with_line(client, key, issuer, job)))


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
    return f"{told['id']}\t{told['from']}\t{told['until']}\t{what}\t{told['texts']['en']}{state}"
