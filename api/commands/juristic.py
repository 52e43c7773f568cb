"""`sitthi juristic`: juristic persons in the register of an agency, as an officer of it who is signed in here.

What changes who acts for whom is proposed, and decided with `sitthi officer approve`. National IDs are asked for, or
read from standard input, a line each: never from the arguments, which all the machine can see.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from api.commands.officer_acts import As, as_officer, json_of, lines_of, propose
from api.commands.words import Reason

if TYPE_CHECKING:
    from api.house import House
    from identity.officers import Officer

app = typer.Typer(no_args_is_help=True)
_DAY: Final = ["%Y-%m-%d"]

Number = Annotated[str, typer.Argument(help="The 13-digit number of the juristic person.")]


@app.command(name="propose")
def propose_person(
    number: Number,
    kind: Annotated[str, typer.Option(help="INSURER, BROKER, HOSPITAL, GARAGE, UNIVERSITY or OTHER.")],
    title_th: Annotated[str, typer.Option(help="Its name in Thai.")],
    title_en: Annotated[str, typer.Option(help="The same in English.")],
    reason: Reason,
    directors: Annotated[int, typer.Option(help="How many directors it has; asks for their national IDs.")] = 0,
    profile: As = None,
) -> None:
    """Proposes to enter a juristic person with its directors, or to change what is entered."""
    given = {
        "number": number,
        "kind": kind,
        "title_th": title_th,
        "title_en": title_en,
        "directors": lines_of(*(f"National ID of director {place}" for place in range(1, directors + 1))),
    }
    propose(profile, "JURISTIC_SET", given, reason)


@app.command(name="propose-end")
def propose_end(number: Number, reason: Reason, profile: As = None) -> None:
    """Proposes to strike a juristic person off: nobody acts for it any more, and none of its systems."""
    propose(profile, "JURISTIC_END", {"number": number}, reason)


@app.command(name="propose-officer")
def propose_officer(
    number: Number,
    power: Annotated[list[str], typer.Option(help="report:policies for instance; may be given several times.")],
    until: Annotated[datetime, typer.Option(formats=_DAY, help="The last day, YYYY-MM-DD.")],
    reason: Reason,
    since: Annotated[datetime | None, typer.Option(formats=_DAY, help="The first day; today if left out.")] = None,
    profile: As = None,
) -> None:
    """Proposes who acts for a juristic person. Asks for national ID and name.

    Approving it prints the appointment's key, by which the juristic person's system names its officer.
    """
    national_id, name_th, name_en = lines_of("National ID", "Name (Thai)", "Name (English)")
    given = {
        "number": number,
        "national_id": national_id,
        "name_th": name_th,
        "name_en": name_en,
        "powers": power,
        "since": None if since is None else since.date().isoformat(),
        "until": until.date().isoformat(),
    }
    propose(profile, "JURISTIC_OFFICER", given, reason)


@app.command(name="propose-client")
def propose_client(
    number: Number,
    name_th: Annotated[str, typer.Option(help="The system's name in Thai.")],
    name_en: Annotated[str, typer.Option(help="The same in English.")],
    jwks: Annotated[Path, typer.Option(help="A file with its public keys (RFC 7517).")],
    reason: Reason,
    profile: As = None,
) -> None:
    """Proposes a system of a juristic person as a client."""
    given = {"number": number, "name_th": name_th, "name_en": name_en, "jwks": json_of(jwks)}
    propose(profile, "JURISTIC_CLIENT", given, reason)


@app.command(name="list")
def list_all(profile: As = None) -> None:
    """Lists your agency's juristic persons, those struck off too."""

    async def job(house: House, officer: Officer) -> list[str]:
        async with house.db.read() as session:
            rows = await house.identity.office.juristic.all(session, officer.agency)
        return [f"{one.number}\t{one.kind}\t{'' if one.active else 'struck off'}\t{one.title_en}" for one in rows]

    for line in as_officer(profile, job):
        typer.echo(line)


@app.command()
def show(number: Number, profile: As = None) -> None:
    """Shows who acts for a juristic person, its systems, and what was done last. Names nobody but by a key."""

    async def job(house: House, officer: Officer) -> list[str]:
        from core.errors import NotFound
        from identity.juristic.numbers import JuristicNumber

        register, told = house.identity.office.juristic, list[str]()
        async with house.db.read() as session:
            row = await register.find(session, officer.agency, JuristicNumber.parse(number))
            if row is None:
                raise NotFound
            for held in await register.appointments(session, row.id):
                state = held.end_reason or ("holds" if register.holds(held) else "does not hold")
                days = f"{held.starts_on} to before {held.ends_on}"
                told.append(f"officer\t{held.id.hex}\t{state}\t{days}\t{' '.join(held.powers)}")
            for client in await register.clients(session, row.id):
                told.append(f"system\t{client.id}\t{'ended' if client.ended_at else ''}\t{client.name_en}")
            for event in await register.events(session, row.id):
                told.append(f"event\t{event.at:%Y-%m-%dT%H:%M:%SZ}\t{event.kind}\t{event.by}\t{event.note}")
        return told

    for line in as_officer(profile, job):
        typer.echo(line)


@app.command(name="end-officer")
def end_officer(
    appointment: Annotated[str, typer.Argument(help="The appointment's key, from `show`.")],
    reason: Reason,
    profile: As = None,
) -> None:
    """Ends an appointment at once. One officer is enough."""

    async def job(house: House, officer: Officer) -> None:
        from api.commands.officer_acts import uuid_of

        key = uuid_of(appointment)
        async with house.db.write() as session:
            await house.identity.office.appointing.end_by_agency(session, officer, key, reason)

    as_officer(profile, job)
    typer.echo(f"ended: {appointment}")


@app.command(name="end-client")
def end_client(
    client: Annotated[str, typer.Argument(help="The system's client id, from `show`.")],
    reason: Reason,
    profile: As = None,
) -> None:
    """Ends a system of a juristic person at once. One officer is enough."""

    async def job(house: House, officer: Officer) -> None:
        async with house.db.write() as session:
            await house.identity.office.appointing.end_client(session, officer, client, reason)

    as_officer(profile, job)
    typer.echo(f"ended: {client}")


@app.command()
def look(number: Number, profile: As = None) -> None:
    """Asks the register of companies who directs a juristic person, and follows it. Says how many direct it here."""

    async def job(house: House, officer: Officer) -> str:
        from core.errors import NotFound
        from identity.juristic.numbers import JuristicNumber

        office = house.identity.office
        async with house.db.read() as session:
            row = await office.juristic.find(session, officer.agency, JuristicNumber.parse(number))
        if row is None or not row.active:
            raise NotFound
        await office.juristic_desk.looks.look(row.id)
        async with house.db.read() as session:
            found = await office.juristic.find(session, officer.agency, JuristicNumber.parse(number))
            count = len(await office.juristic.directors(session, row.id))
        assert found is not None, "an entry stays"
        if not found.active:
            return "dissolved, and struck off"
        as_of = "not known there" if found.looked_at is None else f"as of {found.looked_at:%Y-%m-%dT%H:%M:%SZ}"
        return f"{count} directors are here; {found.signatures} sign together; {as_of}"

    typer.echo(as_officer(profile, job))
