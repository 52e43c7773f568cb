"""`sitthi pay statements`: the bank's statement of a day against what it told before, for officers of the agency."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.officer_acts import As, as_officer
from api.commands.pay_breaks import the_one_that_ends

if TYPE_CHECKING:
    from api.house import House
    from identity.officers import Officer
    from services.pay.statements.models import StatementBreak, StatementResolution
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
        return [_line(found, proposed) for found, proposed in await house.statements().breaks(officer)]

    for line in as_officer(profile, job) or ["Every statement fits."]:
        typer.echo(line)


@app.command()
def explain(
    which: Annotated[str, typer.Argument(metavar="BREAK", help="The break's id, or the end of it: six or more.")],
    reason: Annotated[
        str | None, typer.Option(help="What it is, in 5 to 500 characters; without personal data. Left out: you agree.")
    ] = None,
    profile: As = None,
) -> None:
    """Says what a break is; or, without a reason, agrees to what another officer said, which closes it. Nothing is
    booked by it."""

    async def job(house: House, officer: Officer) -> str:
        statements = house.statements()
        key = the_one_that_ends([found.id for found, _ in await statements.breaks(officer)], which)
        if reason is None:
            closed = await statements.agree(officer, key)
            return f"{key.hex}  closed: {closed.reason}"
        await statements.propose(officer, key, reason)
        return f"{key.hex}  proposed\nNext, another officer: sitthi pay statements explain {key.hex} --as …"

    typer.echo(as_officer(profile, job))


def _line(one: StatementBreak, proposed: StatementResolution | None) -> str:
    said = f"expected {_baht(one.expected)}, found {_baht(one.found)}"
    words = (one.id.hex, str(one.day), one.kind, one.bank_reference, one.end_to_end, said)
    line = "  ".join(word for word in words if word)
    return line if proposed is None or proposed.closed_at is not None else f"{line}\n    proposed: {proposed.reason}"


def _baht(satang: int | None) -> str:
    from core.money import Money

    return "nothing" if satang is None else f"{Money(satang)} baht"
