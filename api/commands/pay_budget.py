"""`sitthi pay budget` and what else two officers do to their agency's books: `close-period`, `reverse`, `acts`.

One officer (`pay.plan`) proposes with a reason, another (`pay.approve`) confirms.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from api.commands.officer_acts import as_officer
from services.pay.benefits.subjects import KIND

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

    from identity.officers import Officer
    from services.pay.books import Books
    from services.pay.budget.service import Standing
    from services.pay.ledger.models import LedgerAct

T = TypeVar("T")
Job = Callable[["Books", "Officer"], Awaitable[T]]

budget = typer.Typer(no_args_is_help=True)
ENDING_MIN = 6

Profile = Annotated[str | None, typer.Option("--as", help="The name of an officer's sign-in on this machine.")]
Programme = Annotated[str, typer.Argument(help="Slug of the programme, old-age-allowance; or benefit:SERVICE.")]
Year = Annotated[int, typer.Option(help="The fiscal year, CE: 2027 ends on 30 September 2027.")]
Baht = Annotated[str, typer.Option(help="The amount, 1000000 or 1000000.50.")]
Reason = Annotated[str, typer.Option(help="Why, for whoever confirms it and for the record.")]
Which = Annotated[str, typer.Argument(help="The proposal's id, or the end of it: six characters or more.")]


def add_to(app: typer.Typer) -> None:
    """Puts these under `sitthi pay`."""
    app.add_typer(budget, name="budget", help="What may be spent on a programme in a fiscal year.")
    app.command("close-period")(close_period)
    app.command("reverse")(reverse)
    app.command("acts")(acts)
    app.command("confirm")(confirm)
    app.command("refuse")(refuse)


@budget.command("show")
def show(
    year: Annotated[int | None, typer.Option(help="The fiscal year, CE; this one, if left out.")] = None,
    profile: Profile = None,
) -> None:
    """Shows what is appropriated, taken and left."""

    async def job(books: Books, officer: Officer) -> Sequence[Standing]:
        return await books.budgets(officer, year)

    found = _act(profile, job)
    for one in found:
        typer.echo(
            f"{one.budget.programme}  {one.budget.year} (พ.ศ. {one.budget.year + 543})  "
            f"appropriated {one.appropriated}  taken {one.taken}  left {one.left} baht"
        )
    if not found:
        typer.echo("No budgets are set for that year: what is approved has no limit, unless SITTHI_BUDGET_REQUIRED.")


@budget.command("set")
def set_(programme: Programme, year: Year, baht: Baht, reason: Reason, profile: Profile = None) -> None:
    """Proposes the budget of a programme for a fiscal year; what was approved of it already counts."""
    propose(profile, "BUDGET_SET", _budget(programme, year, baht), reason)


@budget.command("raise")
def raise_(programme: Programme, year: Year, baht: Baht, reason: Reason, profile: Profile = None) -> None:
    """Proposes to raise a budget by so much."""
    propose(profile, "BUDGET_RAISE", _budget(programme, year, baht), reason)


def close_period(
    month: Annotated[str, typer.Argument(help="The month, 2026-10. Earlier ones are closed with it.")],
    reason: Reason,
    profile: Profile = None,
) -> None:
    """Proposes to close a month of the books: nothing is booked into it any more."""
    propose(profile, "CLOSE_PERIOD", lambda: {"month": month}, reason)


def reverse(
    key: Annotated[str, typer.Argument(help="The entry's key, approve:<run> for instance.")],
    reason: Reason,
    profile: Profile = None,
) -> None:
    """Proposes the exact counter-entry of a booked entry, in the month that is open."""
    propose(profile, "REVERSE", lambda: {"key": key}, reason)


def acts(profile: Profile = None) -> None:
    """Lists what awaits a second officer, oldest first."""

    async def job(books: Books, officer: Officer) -> tuple[Sequence[LedgerAct], date | None]:
        return await books.waiting(officer), await books.closed_until(officer)

    found, closed = _act(profile, job)
    for one in found:
        typer.echo(_line(one))
    if not found:
        typer.echo("Nothing awaits a second officer.")
    if closed is not None:
        typer.echo(f"The books are closed up to {closed:%Y-%m}.")


def confirm(act: Which, profile: Profile = None) -> None:
    """Confirms and performs what another officer proposed."""

    async def job(books: Books, officer: Officer) -> LedgerAct:
        return await books.confirm(officer, await _find(books, officer, act))

    typer.echo(f"{_line(_act(profile, job))}\nDone.")


def refuse(act: Which, profile: Profile = None) -> None:
    """Refuses what another officer proposed, or takes back one's own."""

    async def job(books: Books, officer: Officer) -> LedgerAct:
        return await books.refuse(officer, await _find(books, officer, act))

    done = _act(profile, job)
    typer.echo(f"{done.id.hex}  {done.kind}  {done.outcome}")


def propose(profile: str | None, kind: str, payload: Callable[[], dict[str, Any]], reason: str) -> None:
    """Proposes an act of that kind, and says how another officer confirms it."""

    async def job(books: Books, officer: Officer) -> LedgerAct:
        from services.pay.ledger.acts import ActKind

        return await books.propose(officer, ActKind(kind), payload(), reason)

    act = _act(profile, job)
    typer.echo(f"{_line(act)}\nNext, another officer: sitthi pay confirm {act.id.hex} --as …")


def _budget(programme: str, year: int, baht: str) -> Callable[[], dict[str, Any]]:
    subject = programme if programme.startswith(KIND) else f"programme:{programme}"
    return lambda: {"subject": subject, "year": year, "satang": satang_of(baht)}


def satang_of(baht: str) -> int:
    """Of `1000000` or `1,000,000.50`. Raises `BadInput` for more than two places, a sign, or anything else."""
    import re

    from core.errors import BadInput
    from core.text import Text

    if not re.fullmatch(r"([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]{1,2})?", baht, re.ASCII) or len(baht) > 24:
        raise BadInput(
            Text(th="จำนวนเงินต้องเป็นบาท ทศนิยมไม่เกินสองตำแหน่ง", en="the amount is in baht, with two places at most"),
            path=("baht",),
        )
    whole, _, part = baht.replace(",", "").partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0") or 0)


def _act(profile: str | None, job: Job[T]) -> T:
    """Runs the job for the officer; whatever goes wrong is one sentence with its code, and exit status 1."""
    from api.books import books_of

    return as_officer(profile, lambda house, officer: job(books_of(house), officer))


async def _find(books: Books, officer: Officer, given: str) -> UUID:
    """An open proposal by its id or its ending. Raises `ActNotFound` for none, and for more than one."""
    from services.pay.ledger.errors import ActNotFound

    wanted = given.strip().lower().replace("-", "")
    fitting = [one.id for one in await books.waiting(officer) if one.id.hex.endswith(wanted)]
    if len(wanted) < ENDING_MIN or len(fitting) != 1:
        raise ActNotFound
    return fitting[0]


def _line(act: LedgerAct) -> str:
    what = "  ".join(f"{name} {_shown(name, value)}" for name, value in sorted(act.payload.items()))
    return f"{act.id.hex}  {act.kind}  {what}  ({act.reason})"


def _shown(name: str, value: object) -> str:
    from core.money import Money

    return f"{Money(value)} baht" if name == "satang" and isinstance(value, int) else str(value)
