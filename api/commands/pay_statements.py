"""`sitthi pay statements`: the bank's statement of a day against what it told before, for officers of the agency."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.officer_acts import As, as_officer

if TYPE_CHECKING:
    from api.house import House
    from identity.officers import Officer
    from services.pay.statements.models import StatementBreak
    from services.pay.statements.service import Taken

app = typer.Typer(no_args_is_help=True)


@app.command()
def take(day: Annotated[str, typer.Argument(help="A day that is over, 2026-11-16.")], profile: As = None) -> None:
    """Takes in the bank's statement of a day and compares it. Exit status 1 if something new does not fit."""
    from api.commands.talk import fail

    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        fail("The day is year-month-day (CE), such as 2026-11-16.")

    async def job(house: House, officer: Officer) -> Taken:
        return await house.statements().take(officer, wanted)

    taken = as_officer(profile, job)
    kept = taken.statement
    typer.echo(f"{kept.day}  {kept.entries} entries, {_baht(kept.opening)} to {_baht(kept.closing)}")
    if taken.closed:
        typer.echo(f"{taken.closed} breaks fit now.")
    if taken.new:
        typer.echo(f"{taken.new} new breaks. Next: sitthi pay statements breaks")
        raise typer.Exit(1)


@app.command()
def breaks(profile: As = None) -> None:
    """Lists what of the bank's statements does not fit, the oldest day first."""

    async def job(house: House, officer: Officer) -> list[str]:
        return [_line(one) for one in await house.statements().breaks(officer)]

    for line in as_officer(profile, job) or ["Every statement fits."]:
        typer.echo(line)


def _line(one: StatementBreak) -> str:
    said = f"expected {_baht(one.expected)}, found {_baht(one.found)}"
    return f"{one.day}  {one.kind}  {one.bank_reference}  {said}"


def _baht(satang: int | None) -> str:
    from core.money import Money

    return "nothing" if satang is None else f"{Money(satang)} baht"
