"""`sitthi pay`: an agency's officers plan, approve, send and reconcile payment runs.

Every command acts for the officer who signed in under the profile (`sitthi officer sign-in --as …`), for their agency.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeAlias, TypeVar

import typer

from api.commands import disputes, pay_breaks, pay_counter, pay_statements
from api.commands.officer_acts import as_officer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

    from identity.officers import Officer
    from services.pay.ledger.service import Balance
    from services.pay.models import Instalment, PaymentRun, ReconciliationBreak
    from services.pay.paydays import Whole
    from services.pay.tasks import PaymentJobs

    Planned: TypeAlias = tuple[PaymentRun, Whole]

T = TypeVar("T")
Job = Callable[["PaymentJobs", "Officer"], Awaitable[T]]

app = typer.Typer(no_args_is_help=True)
app.add_typer(pay_counter.app, name="counter", help="Cash at a counter: list, choose, code, pay, close.")
app.command()(pay_breaks.breaks)
app.command()(pay_breaks.resolve)
app.add_typer(pay_statements.app, name="statements", help="The bank's statements of days: take, breaks, explain.")
app.add_typer(disputes.app, name="disputes", help="What citizens say did not come: list, show, answer.")

Profile = Annotated[str | None, typer.Option("--as", help="The name of an officer's sign-in on this machine.")]
Run = Annotated[str, typer.Argument(help="The run's id, or the end of it: six characters or more.")]
RUN_ENDING_MIN = 6


def _as(profile: str | None) -> str:
    """What the next command has to be given to act for the same officer."""
    return f" --as {profile}" if profile else ""


@app.command()
def plan(
    period: Annotated[str, typer.Option(help="The month to pay, 2026-11, or this-month.")],
    agency: Annotated[str | None, typer.Option(help="Slug of the agency that pays; the officer's own.")] = None,
    profile: Profile = None,
) -> None:
    """Puts every instalment of the month that is in no run yet into one, for another officer to approve."""

    async def job(jobs: PaymentJobs, officer: Officer) -> Planned:
        return await _whole(jobs, officer, await jobs.plan(officer, _month(period, jobs.runs.today()), agency=agency))

    run, whole = _act(profile, job)
    typer.echo(f"{_line(run, whole)}\nNext, another officer: sitthi pay approve {run.id.hex} --as …")


@app.command()
def approve(run: Run, profile: Profile = None) -> None:
    """Approves a planned run. Whoever planned it cannot."""

    async def job(jobs: PaymentJobs, officer: Officer) -> Planned:
        return await _whole(jobs, officer, await jobs.approve(officer, await _find(jobs, officer, run)))

    approved, whole = _act(profile, job)
    typer.echo(f"{_line(approved, whole)}\nNext: sitthi pay send {approved.id.hex}{_as(profile)}")


@app.command()
def send(run: Run, profile: Profile = None) -> None:
    """Brings an approved run to the bank. If anything stops it, run it again: nobody is paid twice."""

    async def job(jobs: PaymentJobs, officer: Officer) -> Planned:
        return await _whole(jobs, officer, await jobs.send(officer, await _find(jobs, officer, run)))

    sent, whole = _act(profile, job)
    typer.echo(f"{_line(sent, whole)}\nNext: sitthi pay reconcile {sent.id.hex}{_as(profile)}")


@app.command()
def reconcile(
    run: Annotated[str | None, typer.Argument(help="A run; all that are with the bank, if left out.")] = None,
    profile: Profile = None,
) -> None:
    """Takes in what the bank has booked: settles, returns, and names what does not match."""

    async def job(jobs: PaymentJobs, officer: Officer) -> tuple[str, Sequence[ReconciliationBreak]]:
        outcome = await jobs.reconcile(officer, None if run is None else await _find(jobs, officer, run))
        said = f"{outcome.settled} settled, {outcome.returned} returned, {_counted(outcome.breaks, 'new break')}"
        return said, await jobs.breaks(officer)

    said, breaks = _act(profile, job)
    typer.echo(said)
    for one in breaks:
        typer.echo(f"  {one.kind}  bank {one.bank_reference}  {one.end_to_end}  {_breadth(one)}")


@app.command()
def returned(profile: Profile = None) -> None:
    """Lists what came back from the bank and is not paid again yet, oldest first."""

    async def job(jobs: PaymentJobs, officer: Officer) -> Sequence[Instalment]:
        return await jobs.returned(officer)

    found = _act(profile, job)
    for one in found:
        typer.echo(f"{one.id.hex}  {one.period:%Y-%m}  {one.reason or '-'}  {_baht(one.satang)} baht")
    if not found:
        typer.echo("Nothing has come back that is not paid again.")


@app.command()
def again(
    instalment: Annotated[str, typer.Argument(help="The instalment's id, of `sitthi pay returned`.")],
    profile: Profile = None,
) -> None:
    """Owes again what came back. Where the payee says where they are paid, the next plan does so by itself."""

    async def job(jobs: PaymentJobs, officer: Officer) -> Instalment:
        return await jobs.pay_again(officer, _instalment(instalment))

    owed = _act(profile, job)
    typer.echo(
        f"{owed.id.hex}  {owed.period:%Y-%m}  {_baht(owed.satang)} baht\n"
        f"Next: sitthi pay plan --period this-month{_as(profile)}"
    )


@app.command()
def runs(profile: Profile = None) -> None:
    """Lists the agency's payment runs, latest first."""

    async def job(jobs: PaymentJobs, officer: Officer) -> Sequence[Planned]:
        return [await _whole(jobs, officer, run) for run in await jobs.listed(officer)]

    found = _act(profile, job)
    for run, whole in found:
        typer.echo(_line(run, whole))
    if not found:
        typer.echo("No payment runs yet. Start with: sitthi pay plan --period this-month")


@app.command()
def ledger(profile: Profile = None) -> None:
    """Prints the agency's trial balance, which sums to zero."""

    async def job(jobs: PaymentJobs, officer: Officer) -> Sequence[Balance]:
        return await jobs.trial_balance(officer)

    balances = _act(profile, job)
    for balance in balances:
        typer.echo(f"{balance.code:<42}{balance.kind.value:<12}{balance.money!s:>20}")
    total = sum(balance.money.satang for balance in balances)
    typer.echo(f"{'sum':<54}{_baht(total):>20}")
    if total != 0:
        raise typer.Exit(1)


def _act(profile: str | None, job: Job[T]) -> T:
    """Runs the job for the officer; whatever goes wrong is one sentence with its code, and exit status 1."""
    return as_officer(profile, lambda house, officer: job(house.payments(), officer))


async def _find(jobs: PaymentJobs, officer: Officer, given: str) -> UUID:
    """A run by its id or its ending. Raises `RunNotFound` for none, and for more than one."""
    from services.pay.errors import RunNotFound

    wanted = given.strip().lower().replace("-", "")
    if not (re.fullmatch("[0-9a-f]{1,32}", wanted) and len(wanted) >= RUN_ENDING_MIN):
        raise RunNotFound
    fitting = [run.id for run in await jobs.listed(officer) if run.id.hex.endswith(wanted)]
    if len(fitting) != 1:
        raise RunNotFound
    return fitting[0]


def _instalment(given: str) -> UUID:
    """Raises `InstalmentNotFound`."""
    from uuid import UUID

    from services.pay.errors import InstalmentNotFound

    try:
        return UUID(hex=given.strip())
    except ValueError:
        raise InstalmentNotFound from None


def _month(text: str, today: date) -> date:
    """First day of the month that is meant. Raises `BadInput`."""
    from datetime import date

    from core.errors import BadInput
    from core.text import Text

    if text == "this-month":
        return today.replace(day=1)
    if re.fullmatch(r"[1-9][0-9]{3}-(0[1-9]|1[0-2])", text, re.ASCII):
        return date.fromisoformat(f"{text}-01")
    raise BadInput(
        Text(
            th="งวดต้องเป็น ปี-เดือน (ค.ศ.) เช่น 2026-11 หรือ this-month", en="the period is a month, 2026-11, or this-month"
        )
    )


async def _whole(jobs: PaymentJobs, officer: Officer, run: PaymentRun) -> Planned:
    return run, await jobs.whole(officer, run)


def _line(run: PaymentRun, whole: Whole) -> str:
    paid = f"{_counted(whole.instalments, 'instalment')}, {_baht(whole.satang)} baht"
    if whole.files > 1:
        paid = f"{paid}, {_counted(whole.files, 'file')}"
    return f"{run.id.hex}  {run.agency}  {run.period:%Y-%m}  {run.status}  {paid}"


def _breadth(one: ReconciliationBreak) -> str:
    expected = "nothing" if one.expected is None else _baht(one.expected)
    return f"expected {expected}, found {_baht(one.found)} {one.currency}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _baht(satang: int) -> str:
    from core.money import Money

    return str(Money(satang))
