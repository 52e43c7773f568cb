"""`sitthi apply`: applications, for officers of the agency that decides them.

A list names nobody. What an officer has decided again, or opens again, is in the application's history and in the trail
of officers, with the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.officer_acts import As, as_officer
from api.commands.words import Reason

if TYPE_CHECKING:
    from datetime import date

    from api.house import House
    from identity.officers import Officer

app = typer.Typer(no_args_is_help=True)

Which = Annotated[str, typer.Argument(help="The application's id, or its last characters, six or more.")]


@app.command()
def overdue(profile: As = None) -> None:
    """Lists what your agency should have decided by now, the longest overdue first; then its programmes whose law is
    over soon, with none after it."""

    async def job(house: House, officer: Officer) -> list[str]:
        rows = await house.life.overdue(officer)
        late = [f"{row.due_on}\t{row.id.hex}\t{row.status}\t{row.subject}" for row in rows]
        ending = house.life.laws_ending(officer.agency)
        return [
            *late,
            *(f"{until}\tthe law of {slug} is over then, with none after it" for slug, until in ending.items()),
        ]

    for line in as_officer(profile, job):
        typer.echo(line)


@app.command()
def reconsider(
    application: Which,
    reason: Reason,
    since: Annotated[
        str | None, typer.Option(help="Of what was granted: from which day it counts, YYYY-MM-DD; today by default.")
    ] = None,
    profile: As = None,
) -> None:
    """Has an application decided again on the facts as they are now: one that waits, is appealed, or was granted."""
    day = _day(since)

    async def job(house: House, officer: Officer) -> str:
        found = await house.life.find(officer, application)
        return f"{found.id.hex}: {found.status} → {await house.life.reconsider(officer, found, reason, day)}"

    typer.echo(as_officer(profile, job))


@app.command()
def reopen(application: Which, reason: Reason, profile: As = None) -> None:
    """Opens again what lapsed, or what was closed for a death that was none."""

    async def job(house: House, officer: Officer) -> str:
        found = await house.life.find(officer, application)
        return f"{found.id.hex}: {found.status} → {await house.life.reopen(officer, found, reason)}"

    typer.echo(as_officer(profile, job))


def _day(given: str | None) -> date | None:
    from datetime import date

    from api.commands.talk import fail

    try:
        return None if given is None else date.fromisoformat(given)
    except ValueError:
        fail(f"{given!r} is not a day; write it as 2026-11-16.")
