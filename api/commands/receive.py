"""`sitthi receive`: what is known of how payments are received."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.receive.satisfaction.figures import Month
    from services.receive.satisfaction.suppression import Counts

app = typer.Typer(no_args_is_help=True)


@app.callback()
def several() -> None:
    """More commands than one."""


@app.command()
def satisfaction() -> None:
    """Prints how satisfied people are, by month, programme and province; small figures are left out."""
    from api.commands.talk import told

    settings = Settings()
    with told(settings):
        found = asyncio.run(_months(settings))
    for line in (line for month in found for line in _lines(month)):
        typer.echo(line)
    if not found:
        typer.echo("Nobody has rated anything in a month that is over.")


async def _months(settings: Settings) -> Sequence[Month]:
    from api.house import House
    from services.receive.satisfaction.figures import months

    house = House(settings)
    try:
        return await months(house.db, house.clock)
    finally:
        await house.close()


def _lines(month: Month) -> Iterator[str]:
    from services.receive.satisfaction.routes import name_of

    for subject, counts in month.programmes.cells.items():
        yield _line(month, subject, "all provinces", counts)
        for code, cell in month.provinces[subject].cells.items():
            yield _line(month, subject, name_of(code).en, cell)
        left_out = len(month.provinces[subject].left_out)
        if left_out:
            yield f"{month.name}\t{subject}\t{left_out} left out"
    total = month.programmes.total
    yield f"{month.name}\ttoo few to tell" if total is None else _line(month, "all", "all provinces", total)


def _line(month: Month, subject: str, province: str, counts: Counts) -> str:
    from services.receive.satisfaction.figures import goal_of

    points, interval = counts.basis_points, counts.interval
    if points is None or interval is None:
        return f"{month.name}\t{subject}\t{province}\tnobody rated"
    share, low, high = (f"{one // 100}.{one % 100:02d} %" for one in (points, *interval))
    goal = goal_of(counts).value.lower()
    told = f"{counts.satisfied} of {counts.ratings}\t{share} ({low} to {high}, goal {goal})"
    return f"{month.name}\t{subject}\t{province}\t{told}"
