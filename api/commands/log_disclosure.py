"""`sitthi log disclosure`: putting off when a person learns of an inquiry into them. See docs/access-log.md.

For the officer who signed in under the profile (`sitthi officer sign-in --as …`). Two of the inquiring agency do it:
one asks (role `disclosure.propose`), another approves (`disclosure.approve`, with a passkey just now).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID

import typer

from api.commands.officer_acts import as_officer
from api.commands.words import when

if TYPE_CHECKING:
    from api.house import House
    from identity.officers import Officer
    from services.exchange.access_log.prolonging import Prolonging

T = TypeVar("T")
Job = Callable[["Prolonging", "Officer", UUID], Awaitable[T]]

app = typer.Typer(no_args_is_help=True)

Entry = Annotated[str, typer.Argument(help="The `entry` that the answer to the inquiry named.")]
Profile = Annotated[str | None, typer.Option("--as", help="The name of an officer's sign-in on this machine.")]


@app.command()
def prolong(
    entry: Entry,
    until: Annotated[str, typer.Option(help="The first day on which it is shown, in Bangkok: 2026-11-30.")],
    law: Annotated[str, typer.Option(help="By which law. The person reads it afterwards.")],
    profile: Profile = None,
) -> None:
    """Asks that an entry be shown later than its class says. Asks for the person's national ID."""
    from api.commands.privacy import _day

    async def job(prolonging: Prolonging, officer: Officer, person: UUID) -> None:
        await prolonging.propose(officer, person, _key(entry), _day(until), law)

    _act(profile, job)
    typer.echo("Asked for: it has no effect before another officer of your agency approves it.")


@app.command()
def approve(entry: Entry, profile: Profile = None) -> None:
    """Approves what another officer asked for last. Asks for the person's national ID."""

    async def job(prolonging: Prolonging, officer: Officer, person: UUID) -> datetime:
        return await prolonging.approve(officer, person, _key(entry))

    typer.echo(f"Approved: shown from {when(_act(profile, job))} on.")


def _key(given: str) -> UUID:
    from core.errors import NotFound

    try:
        return UUID(hex=given)
    except ValueError:
        raise NotFound from None


def _act(profile: str | None, job: Job[T]) -> T:
    """Runs the job for the officer; whatever goes wrong is one sentence with its code, and exit status 1."""
    # Not an option: what is typed after a command stays in the shell's history.
    number = typer.prompt("National ID", hide_input=True)

    async def whole(house: House, officer: Officer) -> T:
        from core.envelope import SubjectKeys
        from core.errors import NotFound
        from core.ids import NationalId
        from services.exchange.access_log.log import AccessLog
        from services.exchange.access_log.prolonging import Prolonging

        async with house.db.read() as session:
            person = await house.identity.people.find(session, NationalId.parse(number))
        if person is None:
            raise NotFound
        log, keys = AccessLog(house.db, house.clock, house.keys), SubjectKeys(house.keys)
        prolonging = Prolonging(house.db, house.clock, keys, log, house.identity.office.officers)
        return await job(prolonging, officer, person)

    return as_officer(profile, whole)
