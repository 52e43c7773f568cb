"""`sitthi privacy`: the desk of the data protection officer, and the jobs that answer people's requests.

What looks at people's requests acts for the officer who signed in under the profile (`sitthi officer sign-in --as …`)
and has the role `privacy.officer`. `run` and `retention` are what every server does by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from api.commands.officer_acts import as_officer
from api.commands.words import when
from core.settings import Settings

if TYPE_CHECKING:
    from datetime import datetime

    from api.house import House
    from identity.officers import Officer
    from services.exchange.privacy.desk import Desk
    from services.exchange.privacy.models import PrivacyRequest
    from services.exchange.privacy.retention import Over

T = TypeVar("T")
Job = Callable[["Desk", "Officer"], Awaitable[T]]

app = typer.Typer(no_args_is_help=True)

Profile = Annotated[str | None, typer.Option("--as", help="The name of an officer's sign-in on this machine.")]
Ending = Annotated[str, typer.Argument(help="The id, or the end of it: six characters or more.")]
Day = Annotated[str, typer.Option(help="A day in Bangkok, 2026-11-30.")]


@app.command(name="list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are done.")] = False,
    profile: Profile = None,
) -> None:
    """Lists people's requests, what is due first at the top, and the legal holds that stand."""

    async def job(desk: Desk, officer: Officer) -> tuple[list[str], list[str]]:
        requests = [_line(row) for row in await desk.requests(officer, everything=everything)]
        holds = [
            f"{row.id.hex}  {row.store}  {'one person' if row.person else 'everybody'}  until {row.until:%Y-%m-%d}  "
            f"{row.law}: {reason}"
            for row, reason in await desk.holds(officer)
        ]
        return requests, holds

    requests, holds = _act(profile, job)
    for line in requests or ["No requests are open."]:
        typer.echo(line)
    if holds:
        typer.echo("\nLegal holds:")
        for line in holds:
            typer.echo(f"  {line}")


@app.command()
def show(request: Ending, profile: Profile = None) -> None:
    """Shows one request: what is kept and why, and all that was done."""

    async def job(desk: Desk, officer: Officer) -> list[str]:
        row, events = await desk.show(officer, request)
        kept = [f"  keeps {one['store']} ({one['hold']}, {one['law']['en']}) until {one['until']}" for one in row.stays]
        done = [f"  {when(event.at)}  {event.kind}  {event.by}  {event.detail}" for event in events]
        return [_line(row), *kept, *done]

    for line in _act(profile, job):
        typer.echo(line)


@app.command()
def hold(
    store: Annotated[str, typer.Option(help="A store of docs/records-of-processing.md, or * for all.")],
    law: Annotated[str, typer.Option(help="By which law.")],
    reason: Annotated[str, typer.Option(help="Why; never with a national ID in it.")],
    until: Day,
    everybody: Annotated[bool, typer.Option("--everybody", help="Of all people, not of one.")] = False,
    profile: Profile = None,
) -> None:
    """Keeps data from erasure and retention. Asks for the person's national ID, unless it is for everybody."""
    from core.ids import NationalId
    from services.exchange.privacy.desk import HoldOrder

    # Not an option: what is typed after a command stays in the shell's history.
    number = None if everybody else typer.prompt("National ID", hide_input=True)

    async def job(desk: Desk, officer: Officer) -> str:
        person = None if number is None else NationalId.parse(number)
        row = await desk.hold(officer, HoldOrder(store, person, law, reason, _day(until, after=True)))
        return row.id.hex

    typer.echo(f"Held: {_act(profile, job)}")


@app.command()
def release(hold_id: Ending, profile: Profile = None) -> None:
    """Ends a legal hold once a second officer says so too; what it alone kept is erased at the next run."""

    async def job(desk: Desk, officer: Officer) -> str:
        row = await desk.release(officer, hold_id)
        if row.released_at is None:
            return f"Asked for, it still stands: another officer has to release {row.id.hex} too, within 30 days"
        return f"Released: {row.id.hex}"

    typer.echo(_act(profile, job))


@app.command()
def affected(
    since: Day,
    until: Day,
    agency: Annotated[str | None, typer.Option(help="Slug of the agency that asked.")] = None,
    asker: Annotated[str | None, typer.Option(help="Id of the officer or system that asked.")] = None,
    profile: Profile = None,
) -> None:
    """Counts whose data an agency, an officer or a system was told: for the notice of a breach (72 hours)."""
    from services.exchange.privacy.affected import Question

    async def job(desk: Desk, officer: Officer) -> list[str]:
        found = await desk.affected(officer, Question(_day(since), _day(until, after=True), agency, asker))
        seen = [f"  {name}: {count}" for name, count in sorted(found.attributes.items())]
        lost = (
            [f"{found.unreadable} entries are of people who have left and cannot be read."] if found.unreadable else []
        )
        return [f"{len(found.people)} people, {found.entries} looks", *seen, *lost]

    for line in _act(profile, job):
        typer.echo(line)


@app.command()
def run() -> None:
    """Prepares copies, carries out erasures that are due and deletes what is over, as every server does by itself."""

    async def job(house: House) -> str:
        done = await house.privacy.run()
        return "\n".join([f"{done.exports} copies, {done.erasures} erasures", *map(_over, done.over)])

    typer.echo(_in_house(job))


@app.command()
def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Delete nothing; only say what would be.")] = False,
) -> None:
    """Deletes what is kept long enough, by class."""

    async def job(house: House) -> str:
        found = await house.privacy.retention.run(dry=dry_run)
        return "\n".join(map(_over, found)) or "Nothing is over."

    typer.echo(_in_house(job))


def _act(profile: str | None, job: Job[T]) -> T:
    """Runs the job for the officer; whatever goes wrong is one sentence with its code, and exit status 1."""

    async def acting(house: House, officer: Officer) -> T:
        from services.exchange.privacy.desk import Desk

        return await job(Desk(house.db, house.clock, house.keys, house.privacy.holds, house.identity.people), officer)

    return as_officer(profile, acting)


def _in_house(job: Callable[[House], Awaitable[T]]) -> T:
    from api.commands.talk import told

    settings = Settings()

    async def whole() -> T:
        from api.house import House

        house = House(settings)
        try:
            return await job(house)
        finally:
            await house.close()

    with told(settings):
        return asyncio.run(whole())


def _day(given: str, *, after: bool = False) -> datetime:
    """When that day begins, or the next one. Raises `BadInput`."""
    from datetime import date, timedelta

    from core.clock import start_of_bangkok_day
    from core.errors import BadInput
    from core.text import Text

    try:
        day = date.fromisoformat(given) + timedelta(days=1 if after else 0)
    except (ValueError, OverflowError):
        raise BadInput(Text(th="วันที่ต้องเป็น ปี-เดือน-วัน เช่น 2026-11-30", en="a day is 2026-11-30, for instance")) from None
    return start_of_bangkok_day(day)


def _line(row: PrivacyRequest) -> str:
    what = ", ".join(row.stores) or row.purpose or "everything"
    failed = f"  failed: {row.failure}" if row.failure else ""
    return f"{row.id.hex}  {row.kind}  {row.status}  due {row.due_at:%Y-%m-%d}  {what}{failed}"


def _over(one: Over) -> str:
    return f"  {one.retention}: {one.table}, {one.rows} rows, {one.do}"
