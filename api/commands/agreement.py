"""`sitthi agreement`: officers of two agencies agree on what one may be told by the other (docs/agreements.md)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.officer_acts import As, as_officer
from api.commands.words import Reason, when

if TYPE_CHECKING:
    from uuid import UUID

    from api.house import House
    from identity.officers import Officer
    from services.exchange.agreements.models import Agreement
    from services.exchange.agreements.service import Agreements

app = typer.Typer(no_args_is_help=True)

Which = Annotated[str, typer.Argument(metavar="AGREEMENT", help="Id and version, as `list` shows them: ID/VERSION.")]


@app.command(name="list")
def list_agreements(profile: As = None) -> None:
    """Lists the agreements of your agency, in every state."""

    async def job(house: House, officer: Officer) -> Sequence[Agreement]:
        async with house.db.read() as session:
            return await _agreements(house).of(session, officer)

    for row in as_officer(profile, job):
        typer.echo(_line(row))


@app.command()
def propose(
    terms: Annotated[Path, typer.Argument(help="A file with the terms as JSON.")],
    reason: Reason,
    replaces: Annotated[str | None, typer.Option(help="Id of the agreement of which this is the next version.")] = None,
    profile: As = None,
) -> None:
    """Proposes terms to the other agency."""

    async def job(house: House, officer: Officer) -> Agreement:
        key = _uuid(replaces) if replaces is not None else None
        async with house.db.write() as session:
            return await _agreements(house).propose(session, officer, _terms(terms), reason, agreement=key)

    row = as_officer(profile, job)
    typer.echo(f"{_line(row)}\nNext, an officer of the other agency: sitthi agreement accept {_name(row)} --as …")


@app.command()
def show(agreement: Which, profile: As = None) -> None:
    """Shows the terms of a version, and what was done to the agreement."""
    from services.exchange.agreements.repository import AgreementRepository

    async def job(house: House, officer: Officer) -> list[str]:
        from core.errors import NotFound

        key, version = _key(agreement)
        async with house.db.read() as session:
            rows = await _agreements(house).of(session, officer)
            row = next((one for one in rows if (one.agreement, one.version) == (key, version)), None)
            if row is None:
                raise NotFound
            events = await AgreementRepository(session).events(key)
        said = [f"  {name}: {value}" for name, value in _shown(row).items()]
        done = [f"  {when(one.at)} {one.kind} version {one.version} {one.agency} {one.reason}" for one in events]
        return [_line(row), *said, *done]

    typer.echo("\n".join(as_officer(profile, job)))


@app.command()
def accept(agreement: Which, profile: As = None) -> None:
    """Puts what the other agency proposed in force. Takes a sign-in by passkey of the last minutes (--strong)."""

    async def job(house: House, officer: Officer) -> Agreement:
        key, version = _key(agreement)
        async with house.db.write() as session:
            return await _agreements(house).accept(session, officer, key, version)

    typer.echo(_line(as_officer(profile, job)))


@app.command()
def suspend(agreement: Which, reason: Reason, profile: As = None) -> None:
    """Stops an agreement for the time being, at once. One officer of either agency is enough."""
    _stop("suspend", agreement, reason, profile)


@app.command()
def resume(agreement: Which, reason: Reason, profile: As = None) -> None:
    """Puts back in force what your agency suspended."""
    _stop("resume", agreement, reason, profile)


@app.command()
def end(agreement: Which, reason: Reason, profile: As = None) -> None:
    """Ends an agreement for good, or refuses or withdraws a proposal. One officer of either agency is enough."""
    _stop("end", agreement, reason, profile)


def _stop(act: str, agreement: str, reason: str, profile: str | None) -> None:
    async def job(house: House, officer: Officer) -> Agreement:
        key, version = _key(agreement)
        agreements = _agreements(house)
        do = {"suspend": agreements.suspend, "resume": agreements.resume, "end": agreements.end}[act]
        async with house.db.write() as session:
            return await do(session, officer, key, version, reason)

    typer.echo(_line(as_officer(profile, job)))


def _agreements(house: House) -> Agreements:
    from services.exchange.agreements.service import Agreements

    return Agreements(house.clock, house.catalogue, house.identity.office.officers)


def _key(given: str) -> tuple[UUID, int]:
    """Raises NotFound."""
    from core.errors import NotFound

    key, _, version = given.partition("/")
    if not version.isascii() or not version.isdigit() or len(version) > 6:
        raise NotFound
    return _uuid(key), int(version)


def _uuid(given: str) -> UUID:
    """Raises NotFound."""
    from uuid import UUID

    from core.errors import NotFound

    try:
        return UUID(hex=given.strip())
    except ValueError:
        raise NotFound from None


def _terms(file: Path) -> dict[str, Any]:
    from api.commands.talk import fail

    try:
        given = json.loads(file.read_text())
    except (OSError, ValueError):
        fail(f"{file} cannot be read as JSON.")
    if not isinstance(given, dict):
        fail(f"{file} must hold one object.")
    return given


def _shown(row: Agreement) -> dict[str, str]:
    return {
        "attributes": ", ".join(row.attributes),
        "purposes": ", ".join(row.purposes),
        "quota": f"{row.per_day} people a day, {row.per_minute} a minute",
        "law": row.law,
        "confidentiality": f"{row.confidentiality_th} / {row.confidentiality_en}",
        "digest": row.digest.hex(),
    }


def _name(row: Agreement) -> str:
    return f"{row.agreement.hex}/{row.version}"


def _line(row: Agreement) -> str:
    days = f"{row.valid_from} to {row.valid_until}"
    return f"{_name(row)}\t{row.state}\t{row.steward} tells {row.requester}\t{days}"
