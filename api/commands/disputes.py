"""`sitthi pay disputes`: what citizens say did not come, for officers of the agency that paid.

A list names nobody. `show` says who a dispute is about; the citizen sees in their access log that it was looked at.
What is said about a person is asked for, or read from standard input: never from the arguments, which all the machine
can see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.officer_acts import As, as_officer
from api.commands.words import one_line, text_of, when

if TYPE_CHECKING:
    from uuid import UUID

    from api.house import House
    from identity.officers import Officer
    from services.receive.disputes.desk import DisputeDesk
    from services.receive.disputes.models import Dispute

app = typer.Typer(no_args_is_help=True)
ENDING_MIN = 6

Which = Annotated[str, typer.Argument(help="The dispute's id, or its last characters.")]


@app.command(name="list")
def list_disputes(
    all_: Annotated[bool, typer.Option("--all", help="Those that are over too.")] = False,
    after: Annotated[str | None, typer.Option(help="The last one of the page before, by its whole id.")] = None,
    profile: As = None,
) -> None:
    """Lists the disputes of what your agency paid, the oldest first, a hundred at a time."""
    from services.receive.disputes.desk import PAGE, PENDING
    from services.receive.disputes.states import DisputeStatus

    async def job(house: House, officer: Officer) -> list[str]:
        statuses = tuple(DisputeStatus) if all_ else PENDING
        rows = await _desk(house).listed(officer, statuses, after=last, limit=PAGE + 1)
        page, today = rows[:PAGE], house.clock.today()
        told = [f"{_line(row)}{' (overdue)' if row.closed_at is None and today > row.due_on else ''}" for row in page]
        if len(rows) > PAGE:
            told.append(f"More: sitthi pay disputes list{' --all' if all_ else ''} --after {page[-1].id.hex}")
        return told

    last = None if after is None else _whole(after)
    lines = as_officer(profile, job)
    for line in lines:
        typer.echo(line)
    if not lines:
        typer.echo("No disputes.")


@app.command()
def show(dispute: Which, profile: As = None) -> None:
    """Shows a dispute: who it is about, what they say, and what has happened."""
    from core.money import Money

    async def job(house: House, officer: Officer) -> list[str]:
        desk = _desk(house)
        case = await desk.show(officer, await _find(desk, officer, dispute))
        payment = case.payment
        told = [
            _line(case.row),
            f"{case.title.th} ({case.title.en}), {payment.period:%Y-%m}",
            f"{Money(payment.net)} baht, {payment.status}",
            f"payment {payment.id.hex}, national ID {case.national_id.digits}",
            f"version {case.row.version}",
        ]
        if case.row.said is not None:
            told.append(f"came, as the citizen says: {Money(case.row.said)} baht")
        for step in case.steps:
            by = "the citizen" if step.by is None else f"officer {step.by.hex}"
            found = f" {step.finding.value}" if step.finding is not None else ""
            told.append(
                f"{when(step.at)} {step.action.value}{found} by {by}{f': {one_line(step.note)}' if step.note else ''}"
            )
        return told

    for line in as_officer(profile, job):
        typer.echo(line)


@app.command()
def answer(
    dispute: Which,
    finding: Annotated[str, typer.Option(help="UPHELD: the citizen is right. PAID: it went out as the receipt says.")],
    seen: Annotated[
        int | None, typer.Option(help="The version that `show` told you, so that you answer no other.")
    ] = None,
    profile: As = None,
) -> None:
    """Answers a dispute. Asks for the reason that the citizen reads: what was found, and what is done about it.

    It moves no money: what is owed is paid with a run, as ever.
    """
    from api.commands.talk import fail
    from services.receive.disputes.states import Finding

    if finding not in set(Finding):
        fail(f"The finding is one of {', '.join(Finding)}.")

    reason = text_of("Reason")

    async def job(house: House, officer: Officer) -> str:
        desk = _desk(house)
        key = await _find(desk, officer, dispute)
        return _line(await desk.answer(officer, key, Finding(finding), reason, seen=seen))

    typer.echo(as_officer(profile, job))


def _desk(house: House) -> DisputeDesk:
    from services.receive.disputes.desk import DisputeDesk

    return house.rooms.get(DisputeDesk)


async def _find(desk: DisputeDesk, officer: Officer, given: str) -> UUID:
    """A dispute by its id or its ending. Raises NotFound for none, or for several."""
    from core.errors import NotFound

    wanted = given.strip().lower().replace("-", "")
    if len(wanted) < ENDING_MIN or not set(wanted) <= set("0123456789abcdef"):
        raise NotFound
    return await desk.ending(officer, wanted)


def _whole(given: str) -> UUID:
    from uuid import UUID

    try:
        return UUID(hex=given.strip())
    except ValueError:
        raise typer.BadParameter("an id has 32 hex digits") from None


def _line(row: Dispute) -> str:
    due = f"due {row.due_on:%Y-%m-%d}" if row.closed_at is None else f"closed {row.closed_at:%Y-%m-%d}"
    return "\t".join((row.id.hex, row.kind, row.status, row.finding or "-", due))
