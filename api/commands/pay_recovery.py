"""`sitthi pay recovery`: what was paid too much, and how it comes back.

One officer proposes a plan, and the citizen agrees in the app. Giving up a claim, and booking what was paid back, take
a second officer (`sitthi pay confirm`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from api.commands.officer_acts import as_officer
from api.commands.pay_budget import ENDING_MIN, Baht, Profile, Reason, propose, satang_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from core.money import Money
    from identity.officers import Officer
    from services.pay.recovery.desk import RecoveryDesk
    from services.pay.recovery.models import RecoveryPlan, Underpayment
    from services.pay.recovery.service import Owed

T = TypeVar("T")
Job = Callable[["RecoveryDesk", "Officer"], Awaitable[T]]

app = typer.Typer(no_args_is_help=True)
Claim = Annotated[str, typer.Argument(help="The overpayment's id, or the end of it: six characters or more.")]


@app.command()
def owed(profile: Profile = None) -> None:
    """Lists what is still to come back, oldest first."""

    async def job(desk: RecoveryDesk, officer: Officer) -> Sequence[Owed]:
        return await desk.owed(officer)

    found = _act(profile, job)
    for one in found:
        claim = one.overpayment
        typer.echo(f"{claim.id.hex}  {claim.period:%Y-%m}  {claim.cause}  {one.left} baht left")
    if not found:
        typer.echo("Nothing is to come back.")


@app.command()
def underpaid(profile: Profile = None) -> None:
    """Lists what the agency owes beyond what it paid, until it has reached its payee. The next plan pays it."""

    async def job(desk: RecoveryDesk, officer: Officer) -> Sequence[Underpayment]:
        return await desk.underpaid(officer)

    found = _act(profile, job)
    for one in found:
        typer.echo(f"{one.id.hex}  {one.period:%Y-%m}  {one.cause}  {_money(one.satang)} baht")
    if not found:
        typer.echo("Nothing is owed beyond what was paid.")


@app.command()
def plans(profile: Profile = None) -> None:
    """Lists the agency's plans, latest first."""

    async def job(desk: RecoveryDesk, officer: Officer) -> Sequence[tuple[RecoveryPlan, Money]]:
        return await desk.plans(officer)

    found = _act(profile, job)
    for plan, left in found:
        typer.echo(f"{_line(plan)}  {left} baht left")
    if not found:
        typer.echo("No plans yet. Start with: sitthi pay recovery owed")


@app.command("propose")
def propose_plan(
    claims: Annotated[list[str], typer.Argument(help="Overpayments of one citizen, by their ids or ends of them.")],
    parts: Annotated[int, typer.Option(help="Over how many months.")],
    floor: Annotated[str, typer.Option(help="What each payment leaves at least, in baht.")],
    first_month: Annotated[str, typer.Option(help="The month of the first part, 2026-12.")],
    reason: Reason,
    from_children: Annotated[
        bool, typer.Option("--from-children", help="Reduce payments for a child, too, if the citizen agrees to it.")
    ] = False,
    profile: Profile = None,
) -> None:
    """Proposes to a citizen how it comes back. Nothing is withheld unless they agree."""

    async def job(desk: RecoveryDesk, officer: Officer) -> RecoveryPlan:
        from services.pay.ledger.periods import month_of
        from services.pay.recovery.service import Terms

        keys = [await _find(desk, officer, one) for one in claims]
        terms = Terms(parts, month_of(first_month), satang_of(floor), from_children)
        return await desk.propose(officer, keys, terms, reason)

    typer.echo(f"{_line(_act(profile, job))}\nThe citizen is asked in the app.")


@app.command()
def end(
    plan: Annotated[str, typer.Argument(help="The plan's id, or the end of it: six characters or more.")],
    profile: Profile = None,
) -> None:
    """Ends a plan: nothing more is withheld by it. What came back stays."""

    async def job(desk: RecoveryDesk, officer: Officer) -> RecoveryPlan:
        from services.pay.recovery.errors import PlanNotFound

        fitting = [one.id for one, _ in await desk.plans(officer) if one.id.hex.endswith(_wanted(plan))]
        if len(_wanted(plan)) < ENDING_MIN or len(fitting) != 1:
            raise PlanNotFound
        return await desk.end(officer, fitting[0])

    typer.echo(_line(_act(profile, job)))


@app.command()
def waive(claim: Claim, reason: Reason, profile: Profile = None) -> None:
    """Proposes to give up what is left of a claim; another officer confirms."""
    key = _act(profile, lambda desk, officer: _find(desk, officer, claim))
    propose(profile, "WAIVE", lambda: {"overpayment": key.hex}, reason)


@app.command("paid-back")
def paid_back(
    claim: Claim,
    baht: Baht,
    reference: Annotated[str, typer.Option(help="The bank's reference of the entry by which it came.")],
    reason: Reason,
    profile: Profile = None,
) -> None:
    """Proposes to book what a citizen paid back; another officer confirms."""
    key = _act(profile, lambda desk, officer: _find(desk, officer, claim))
    propose(
        profile,
        "PAID_BACK",
        lambda: {"overpayment": key.hex, "satang": satang_of(baht), "reference": reference},
        reason,
    )


def _act(profile: str | None, job: Job[T]) -> T:
    """Runs the job for the officer; whatever goes wrong is one sentence with its code, and exit status 1."""
    from api.books import recovery_of

    return as_officer(profile, lambda house, officer: job(recovery_of(house), officer))


async def _find(desk: RecoveryDesk, officer: Officer, given: str) -> UUID:
    """An open claim by its id or its ending. Raises `NothingToRecover` for none, and for more than one."""
    from services.pay.recovery.errors import NothingToRecover

    wanted = _wanted(given)
    fitting = [one.overpayment.id for one in await desk.owed(officer) if one.overpayment.id.hex.endswith(wanted)]
    if len(wanted) < ENDING_MIN or len(fitting) != 1:
        raise NothingToRecover
    return fitting[0]


def _wanted(given: str) -> str:
    return given.strip().lower().replace("-", "")


def _line(plan: RecoveryPlan) -> str:
    return (
        f"{plan.id.hex}  {plan.status}  {_money(plan.satang)} baht in {plan.parts} parts from {plan.first_month:%Y-%m}"
        f"  each payment leaves {_money(plan.floor)}"
    )


def _money(satang: int) -> str:
    from core.money import Money

    return str(Money(satang))
