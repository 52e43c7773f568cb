"""`sitthi credential` and `sitthi paper`: what your agency issued, for its officers: list, suspend, reinstate, revoke.

Whose it is, and why, is asked for, or read from standard input, a line each: never from the arguments, which all the
machine can see. What is for good is proposed, and done when another officer has approved it (`sitthi officer approve`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from api.commands.officer_acts import As, as_officer, lines_of

if TYPE_CHECKING:
    from api.house import House
    from core.text import Text
    from identity.officers import Officer
    from services.receive.standing.service import Issued

credential = typer.Typer(no_args_is_help=True)
paper = typer.Typer(no_args_is_help=True)
Which = Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it; of a paper also its file, or SHA-256.")]
_ID_DIGITS: Final = (32, 64)


@credential.command(name="list")
@paper.command(name="list")
def list_issued(profile: As = None) -> None:
    """Lists what your agency issued to a person, who sees in their log that you looked. Asks for the national ID."""
    [number] = lines_of("National ID")

    async def job(house: House, officer: Officer) -> list[str]:
        from core.errors import NotFound
        from core.ids import NationalId
        from services.receive.standing.desk import IssuedDesk

        async with house.db.read() as session:
            person = await house.identity.people.find(session, NationalId.parse(number))
        if person is None:
            raise NotFound
        return [_line(one) for one in await house.rooms.get(IssuedDesk).listed_by(officer, person)]

    lines = as_officer(profile, job)
    for line in lines:
        typer.echo(line)
    if not lines:
        typer.echo("Your agency has issued nothing to them that is still known.")


@credential.command()
@paper.command()
def suspend(issued: Which, profile: As = None) -> None:
    """Suspends it: nobody believes it until it is reinstated. Asks for the reason, in Thai and in English."""
    _act(issued, "SUSPEND", profile)


@credential.command()
@paper.command()
def reinstate(issued: Which, profile: As = None) -> None:
    """Makes what was suspended good again. Asks for the reason, in Thai and in English."""
    _act(issued, "REINSTATE", profile)


@credential.command()
@paper.command()
def revoke(issued: Which, profile: As = None) -> None:
    """Proposes to take it back for good; another officer approves. Asks for the reason, in Thai and in English."""
    _propose(issued, "REVOKE", profile)


@credential.command()
@paper.command()
def reissue(issued: Which, profile: As = None) -> None:
    """As revoke; the citizen is asked to fetch the new one. Asks for the reason, in Thai and in English."""
    _propose(issued, "REISSUE", profile)


def _act(given: str, act: str, profile: str | None) -> None:
    name, reason = _name(given), _reason()

    async def job(house: House, officer: Officer) -> str:
        from core.ids import new_id
        from services.receive.standing.desk import IssuedDesk
        from services.receive.standing.states import StandingActKind

        desk, key = house.rooms.get(IssuedDesk), f"command:{new_id().hex}"
        return _line(await desk.act_by(officer, name, StandingActKind(act), reason, key))

    typer.echo(as_officer(profile, job))


def _propose(given: str, act: str, profile: str | None) -> None:
    name, reason = _name(given), _reason()

    async def job(house: House, officer: Officer) -> str:
        from identity.proposals.acts import ProposalKind
        from services.receive.standing.desk import IssuedDesk

        found = await house.rooms.get(IssuedDesk).ready(officer, name)
        asked = {"issued": found.id.hex, "act": act, "reason_th": reason.th, "reason_en": reason.en}
        async with house.db.write() as session:
            proposals, why = house.identity.office.proposals, f"{act} {found.id.hex}"
            return (await proposals.propose(session, officer, ProposalKind.ISSUED_WITHDRAW, asked, why)).hex

    key = as_officer(profile, job)
    typer.echo(f"proposed: {key}\nNext, another officer: sitthi officer approve {key} --as …")


def _name(given: str) -> str:
    """An id, or the SHA-256 of a file that is here."""
    import hashlib

    file, plain = Path(given), given.strip().lower().replace("-", "")
    if len(plain) in _ID_DIGITS and set(plain) <= set("0123456789abcdef"):
        return plain
    if not file.is_file():
        raise typer.BadParameter("an id has 32 hexadecimal digits, a SHA-256 64; and there is no such file")
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _reason() -> Text:
    from core.text import Text

    th, en = lines_of("Reason for the citizen (Thai)", "Reason for the citizen (English)")
    return Text(th=th, en=en)


def _line(one: Issued) -> str:
    what = one.configuration or one.sha256 or "-"
    return "\t".join((one.id.hex, one.kind.value, what, one.status.name, f"{one.at:%Y-%m-%d}"))
