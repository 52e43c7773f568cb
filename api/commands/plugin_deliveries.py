"""`sitthi plugin deliveries`: what is owed to agencies' services and does not get there (docs/applying.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from api.commands.words import when

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.apply.delivery.repository import Owed

STUCK: Final = 3
"""Exit status where something is stuck, for a job that watches."""


def deliveries(
    retry: Annotated[
        str, typer.Option(help="Have all that is owed to this service tried now, by its slug; what was given up too.")
    ] = "",
) -> None:
    """What is owed to agencies' services: applications, withdrawals, events. Fails where something is stuck."""
    import asyncio

    from api.commands.talk import told
    from core.settings import Settings

    settings = Settings()
    with told(settings):
        hurried, owed = asyncio.run(_looked(settings.sqlalchemy_url, retry))
    if retry:
        typer.echo(f"{hurried} of {retry} are tried now.")
    for one in owed:
        given_up = f", {one.failed} of them given up" if one.failed else ""
        counts = f"{one.count} owed, {one.stuck} stuck{given_up}, since {when(one.oldest)}"
        typer.echo("  ".join((one.plugin, one.step, counts, one.trouble or "no trouble yet")))
    if not owed:
        typer.echo("Nothing is owed.")
    if any(one.stuck for one in owed) and not retry:
        raise typer.Exit(STUCK)


async def _looked(url: str, retry: str) -> tuple[int, Sequence[Owed]]:
    from core.clock import SystemClock
    from core.database import Database
    from services.apply.delivery import repository

    database, now = Database(url), SystemClock().now()
    try:
        hurried = 0
        if retry:
            async with database.write() as session:
                hurried = await repository.hurry(session, retry, now)
        async with database.read() as session:
            return hurried, await repository.owed(session, now)
    finally:
        await database.close()
