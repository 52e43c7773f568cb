"""`sitthi pay counter`: cash for those without an account.

One officer has the slip's code printed (`pay.plan` or `pay.approve`), another pays out (`pay.counter`). National IDs
and codes are asked for, or read from standard input, a line each: never from the arguments, which all can see.
"""

from __future__ import annotations

import re
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from api.commands.officer_acts import As, as_officer

if TYPE_CHECKING:
    from api.house import House
    from identity.officers import Officer
    from services.pay.rails.cash.day import Told
    from services.pay.rails.cash.models import CashSlip

app = typer.Typer(no_args_is_help=True)
_REPORTED: Final = re.compile(r"([0-9A-Za-z]{10})\s*,\s*([0-9]{1,15})(?:\.([0-9]{1,2}))?", re.ASCII)

Number = Annotated[str, typer.Argument(metavar="SLIP", help="The slip's number, of ten characters.")]


@app.command(name="list")
def list_slips(profile: As = None) -> None:
    """Lists the slips that wait at your agency's counters, the first to end first. It names nobody."""

    async def job(house: House, officer: Officer) -> list[str]:
        from api.paying import counter

        return [_line(slip) for slip in await counter(house).open_slips(officer)]

    lines = as_officer(profile, job)
    for line in lines:
        typer.echo(line)
    if not lines:
        typer.echo("No slips wait.")


@app.command()
def choose(profile: As = None) -> None:
    """Notes that the person in front of you is paid in cash from now on. Asks for their national ID."""
    [number] = _asked("National ID")

    async def job(house: House, officer: Officer) -> str:
        from core.errors import NotFound
        from core.ids import NationalId

        async with house.db.write() as session:
            person = await house.identity.people.find(session, NationalId.parse(number))
            if person is None:
                raise NotFound
            await house.destinations.choose_cash(session, officer, person)
        return "Noted. They are told in their inbox; what is planned from now on waits at your counter."

    typer.echo(as_officer(profile, job))


@app.command()
def code(slip: Number, profile: As = None) -> None:
    """Makes the code to be printed on a slip, once; the code before it is void."""

    async def job(house: House, officer: Officer) -> str:
        from api.paying import counter

        kept, made = await counter(house).code_for(officer, slip)
        return (
            f"{_line(kept)}\ncode {made}\nNext, an officer of the counter: sitthi pay counter pay {kept.number} --as …"
        )

    typer.echo(as_officer(profile, job))


@app.command()
def pay(slip: Number, profile: As = None) -> None:
    """Pays out, once. Asks for the code on the slip and the national ID on the payee's card."""
    given, number = _asked("Code on the slip", "National ID on the card")

    async def job(house: House, officer: Officer) -> str:
        from api.paying import counter
        from core.ids import NationalId

        paid = await counter(house).pay_out(officer, slip, given, NationalId.parse(number))
        return f"Hand over {_baht(paid.satang)} baht. {paid.number} is paid out."

    typer.echo(as_officer(profile, job))


@app.command()
def close(
    day: Annotated[str, typer.Option(help="The day, 2026-11-16; it has to be over.")],
    report: Annotated[Path, typer.Argument(help="The desk's own list: a line each, slip number, comma, amount.")],
    profile: As = None,
) -> None:
    """Reconciles a day of the counters: what the desk says it paid out, against the books."""
    from api.commands.talk import fail

    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        fail("The day is year-month-day (CE), such as 2026-11-16.")
    lines = _report(report)

    async def job(house: House, officer: Officer) -> list[str]:
        from services.pay.rails.cash.day import report_day

        async with house.db.write() as session:
            kept = await report_day(session, house.clock, officer, wanted, lines)
        said = f"{kept.day}  {kept.slips} slips, {_baht(kept.satang)} baht by the books, {_baht(kept.told)} by the desk"
        return [said, *(_difference(one) for one in kept.differences)]

    found = as_officer(profile, job)
    for line in found:
        typer.echo(line)
    if len(found) > 1:
        raise typer.Exit(1)


def _report(path: Path) -> list[Told]:
    """Refuses the whole file for one line that does not hold, and says which."""
    from api.commands.talk import fail
    from core.money import AmountOutOfRange, Money
    from services.pay.rails.cash.day import Told

    found: list[Told] = []
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        fail("The report cannot be read.")
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        parts = _REPORTED.fullmatch(line.strip())
        try:
            satang = -1 if parts is None else int(parts[2]) * 100 + int((parts[3] or "").ljust(2, "0"))
            told = Told(parts[1].upper(), Money(satang)) if parts is not None else None
        except AmountOutOfRange:
            told = None
        if told is None:
            fail(f"Line {number} of the report is not a slip's number, a comma and an amount. Nothing was taken in.")
        found.append(told)
    return found


def _difference(one: dict[str, object]) -> str:
    expected, found = (("nothing" if v is None else f"{_baht(v)} baht") for v in (one["expected"], one["found"]))
    return f"  {one['kind']}  {one['number']}  expected {expected}, found {found}"


def _asked(*names: str) -> list[str]:
    if sys.stdin.isatty():
        return [typer.prompt(name, hide_input=True) for name in names]
    return [sys.stdin.readline().strip() for _ in names]


def _line(slip: CashSlip) -> str:
    return (
        f"{slip.number}  {_baht(slip.satang)} baht  from {slip.payable_from} to {slip.expires_on}  {slip.tries} tries"
    )


def _baht(satang: object) -> str:
    from core.money import Money

    assert isinstance(satang, int), "satang"
    return str(Money(satang))
