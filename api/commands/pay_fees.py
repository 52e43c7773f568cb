"""`sitthi pay fees` and `sitthi pay scan`: money that comes in, for officers of the agency that is paid."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.commands import pay_fee_breaks
from api.commands.officer_acts import As, as_officer
from api.commands.pay_fee_breaks import baht

if TYPE_CHECKING:
    from uuid import UUID

    from api.house import House
    from core.settings import Settings
    from identity.officers import Officer
    from services.pay.fees.reconciliation import DayReport

app = typer.Typer(no_args_is_help=True)
app.command()(pay_fee_breaks.breaks)
app.command()(pay_fee_breaks.resolve)
app.command()(pay_fee_breaks.send)
app.command()(pay_fee_breaks.unclaimed)
ENDING_MIN: Final = 6
Day = Annotated[str, typer.Argument(help="A day, 2026-11-16.")]


@app.command()
def report(day: Day, profile: As = None) -> None:
    """Prints what your agency took in on a day, by the bank's clock."""
    wanted = _day(day)

    async def job(house: House, officer: Officer) -> list[str]:
        return _lines(await house.fee_desk().report(officer, wanted))

    _print(as_officer(profile, job))


@app.command()
def reconcile(day: Day, profile: As = None) -> None:
    """Compares a day that is over with the bank's list. Exit status 1 if something new does not match."""
    wanted = _day(day)

    async def job(house: House, officer: Officer) -> DayReport:
        return await house.fee_desk().reconcile(officer, wanted)

    found = as_officer(profile, job)
    _print(_lines(found))
    if found.breaks:
        typer.echo(f"{found.breaks} new breaks. Next: sitthi pay fees breaks")
        raise typer.Exit(1)


@app.command()
def back(profile: As = None) -> None:
    """Lists what paid no bill and is to go back."""

    async def job(house: House, officer: Officer) -> list[str]:
        return [
            f"{one.id.hex}  {one.paid_at:%Y-%m-%d}  {one.verdict}  {baht(one.satang)}  {one.bank_transaction}"
            for one in await house.fee_desk().to_go_back(officer)
        ]

    _print(as_officer(profile, job) or ["Nothing is to go back."])


@app.command()
def refund(
    payment: Annotated[str, typer.Argument(help="Its id as `back` lists it, or the end: six characters or more.")],
    reference: Annotated[str, typer.Option(help="The bank's reference of the entry by which it went back.")],
    reason: Annotated[str, typer.Option(help="Why, for the second officer and the books.")],
    profile: As = None,
) -> None:
    """Proposes to book that it went back; another officer confirms (`sitthi pay confirm`)."""

    async def job(house: House, officer: Officer) -> str:
        from api.books import books_of
        from services.pay.ledger.acts import ActKind

        key = await _find(house, officer, payment)
        given = {"incoming": key.hex, "reference": reference}
        act = await books_of(house).propose(officer, ActKind.FEE_REFUND, given, reason)
        return f"{act.id.hex}  {act.kind}\nNext, another officer: sitthi pay confirm {act.id.hex} --as …"

    typer.echo(as_officer(profile, job))


def scan(
    code: Annotated[str, typer.Argument(metavar="QR", help="What the code holds, as `qrText` of the bill has it.")],
    fault: Annotated[
        str, typer.Option(help="NOT_TOLD, TOLD_TWICE, PAID_TWICE, WRONG_AMOUNT, UNKNOWN_REFERENCE, LATE, FORGED.")
    ] = "",
) -> None:
    """Pays a bill at the sandbox bank, as a person with a bank's app would. Development only."""
    from api.commands.talk import fail, refuse_in_production, told
    from core.settings import Settings

    settings = Settings()
    refuse_in_production(settings)
    with told(settings):
        status, answer = asyncio.run(_scan(settings, code, fault))
    if status != 200:
        fail(f"The bank refuses: {answer}")
    for one in answer["payments"]:
        typer.echo(f"{one['payment']['transaction']}  {one['payment']['amount']} baht")
        for said in one["told"]:
            typer.echo(f"  told: {said.get('outcome') or said}")


async def _scan(settings: Settings, code: str, fault: str) -> tuple[int, Any]:
    import httpx2

    base = (settings.sandbox_url or f"http://127.0.0.1:{settings.port}/sandbox").rstrip("/")
    async with httpx2.AsyncClient(timeout=30) as http:
        answer = await http.post(f"{base}/bank/bills/scan", json={"qr": code, "fault": fault})
    return answer.status_code, answer.json() if answer.status_code == 200 else answer.text


async def _find(house: House, officer: Officer, given: str) -> UUID:
    from services.pay.fees.errors import IncomingNotFound

    wanted = given.strip().lower().replace("-", "")
    desk = house.fee_desk()
    there = [*await desk.to_go_back(officer), *await desk.kept(officer)]
    fitting = [one.id for one in there if one.id.hex.endswith(wanted)]
    if len(wanted) < ENDING_MIN or len(fitting) != 1:
        raise IncomingNotFound
    return fitting[0]


def _day(given: str) -> date:
    from api.commands.talk import fail

    try:
        return date.fromisoformat(given)
    except ValueError:
        fail("The day is year-month-day (CE), such as 2026-11-16.")


def _lines(found: DayReport) -> list[str]:
    later = [f"  in a later month's books: {found.later} baht"] if found.later.satang else []
    return [
        f"{found.day}  {found.paid} bills paid, {found.money} baht",
        f"  set apart: {found.set_apart}, of which {found.to_go_back} baht to go back, {found.refunded} baht gone back",
        *later,
    ]


def _print(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)
