"""`sitthi credential batch`: credentials for many at once, as an officer of the agency whose service gives them.

National IDs are read from standard input, a line each: never from the arguments, which all the machine can see. Nothing
that is printed names anybody.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from api.commands.officer_acts import As, as_officer

if TYPE_CHECKING:
    from uuid import UUID

    from api.house import House
    from identity.officers import Officer

app = typer.Typer(no_args_is_help=True)
ROLE: Final = "credentials.issue"
LISTED: Final = 50
PEOPLE_MAX: Final = 200_000

Which = Annotated[str, typer.Argument(help="The batch's whole id.")]


@app.command()
def start(
    service: Annotated[str, typer.Argument(help="The service's slug.")],
    credential: Annotated[str, typer.Argument(help="As its manifest names it.")],
    profile: As = None,
) -> None:
    """Has a credential made for each of the people whose national IDs come in, before they ask. A server does it."""
    from core.errors import BadInput, NotFound
    from core.ids import NationalId
    from core.text import Text
    from services.receive.credentials.batches import Batches
    from services.receive.credentials.service import Credentials

    given = [line.strip() for line in sys.stdin if line.strip()]

    async def job(house: House, officer: Officer) -> str:
        officer.must_have(ROLE)
        offered = [one for one in house.rooms.get(Credentials).offerings.of(officer.agency) if one.service == service]
        wanted = next((one for one in offered if one.name == credential), None)
        if wanted is None:
            raise NotFound
        if not 0 < len(given) <= PEOPLE_MAX:
            raise BadInput(Text(th="ต้องมี 1 ถึง 200,000 คน", en="give 1 to 200,000 national IDs, a line each"))
        people = [NationalId(line) for line in given]
        batches = house.rooms.get(Batches)
        async with house.db.write() as session:
            made = await batches.start(session, wanted, people, officer.person)
        return f"{made.batch}: {made.people} people"

    typer.echo(as_officer(profile, job))


@app.command(name="list")
def list_batches(profile: As = None) -> None:
    """Lists your agency's batches, the latest first: how many credentials are made, and what came of the others."""
    from services.receive.credentials import batch_rows

    async def job(house: House, officer: Officer) -> list[str]:
        officer.must_have(ROLE)
        async with house.db.read() as session:
            rows = await batch_rows.of_agency(session, officer.agency, LISTED)
        return [
            f"{row.id}\t{row.configuration}\t{row.started_at:%Y-%m-%d %H:%M}\t{row.ready} of {row.people} made, "
            f"{row.declined} declined, {row.failed} failed{'' if row.ended_at else ', goes on'}"
            for row in rows
        ]

    for line in as_officer(profile, job) or ["No batches."]:
        typer.echo(line)


@app.command()
def discard(which: Which, profile: As = None) -> None:
    """Ends a batch and takes away what nobody has fetched of it. What wallets have is taken back by its own acts."""
    from services.receive.credentials.batches import Batches

    async def job(house: House, officer: Officer) -> str:
        officer.must_have(ROLE)
        async with house.db.write() as session:
            gone = await house.rooms.get(Batches).discard(session, officer.agency, _id(which))
        return f"{gone} credentials that nobody had fetched are gone."

    typer.echo(as_officer(profile, job))


def _id(given: str) -> UUID:
    from uuid import UUID

    from services.receive.credentials.errors import BatchNotFound

    try:
        return UUID(given.strip())
    except ValueError:
        raise BatchNotFound from None
