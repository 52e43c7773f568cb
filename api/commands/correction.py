"""`sitthi correction`: citizens' requests to correct a fact, for officers of the agency that owns it.

A list names nobody. `show` says who a case is about; the citizen sees in their access log that it was looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.officer_acts import As, as_officer
from api.commands.words import when
from services.exchange.corrections.roles import DECIDE

if TYPE_CHECKING:
    from uuid import UUID

    from api.house import House
    from identity.officers import Officer
    from services.exchange.corrections.desk import CorrectionDesk
    from services.exchange.corrections.models import Correction
    from services.exchange.corrections.service import Handler

app = typer.Typer(no_args_is_help=True)
ENDING_MIN = 6

Which = Annotated[str, typer.Argument(help="The case's id, or its last characters.")]
Note = Annotated[str, typer.Option(help="For the citizen to read: the reason, or the question.")]


@app.command(name="list")
def list_corrections(
    all_: Annotated[bool, typer.Option("--all", help="Those that are over too.")] = False, profile: As = None
) -> None:
    """Lists the cases about what your agency owns, the oldest first."""
    from services.exchange.corrections.service import is_overdue
    from services.exchange.corrections.states import CorrectionStatus

    async def job(house: House, officer: Officer) -> list[str]:
        desk, handler = _desk(house, officer)
        rows = await desk.listed(handler, tuple(CorrectionStatus) if all_ else (), limit=1000)
        today = house.clock.today()
        return [f"{_line(row)}{' (overdue)' if is_overdue(row, today) else ''}" for row in rows]

    for line in as_officer(profile, job):
        typer.echo(line)


@app.command()
def show(correction: Which, profile: As = None) -> None:
    """Shows a case: who it is about, what they say, and what has happened."""
    from core.text import Text
    from services.exchange.facts import Asker, AskerKind, Assured

    async def job(house: House, officer: Officer) -> list[str]:
        from core.assurance import Assurance

        desk, handler = _desk(house, officer)
        label = Text(th="เจ้าหน้าที่ของ{agency}", en="An officer of the {agency}")
        asker = Asker(
            AskerKind.OFFICER,
            officer.person.hex,
            officer.agency,
            label.filled(agency=house.catalogue.agency_title(officer.agency)),
            assurance=Assured(Assurance.of(officer.sign_in.acr)) if officer.sign_in is not None else None,
        )
        case = await desk.show(handler, asker, await _find(desk, handler, correction))
        told = [_line(case.row), f"{case.title.th} ({case.title.en})", f"national ID {case.national_id.digits}"]
        told += [f"version {case.row.version}", f"says: {case.statement}"]
        for step in case.steps:
            note = f": {step.note}" if step.note else ""
            told.append(f"{when(step.at)} {step.action.value} by {step.by or 'the citizen'}{note}")
        return told

    for line in as_officer(profile, job):
        typer.echo(line)


@app.command()
def take(correction: Which, profile: As = None) -> None:
    """Takes a case into your own hands, from another officer too."""

    async def job(house: House, officer: Officer) -> str:
        desk, handler = _desk(house, officer)
        return _line(await desk.take(handler, await _find(desk, handler, correction)))

    typer.echo(as_officer(profile, job))


@app.command()
def decide(
    correction: Which,
    outcome: Annotated[str, typer.Option(help="CORRECTED, REFUSED or NEEDS_MORE.")],
    note: Note = "",
    seen: Annotated[
        int | None, typer.Option(help="The version that `show` told you, so that you decide on no other.")
    ] = None,
    profile: As = None,
) -> None:
    """Says what becomes of a case that you or a colleague took. CORRECTED: it is put right in your register already."""
    from api.commands.talk import fail
    from services.exchange.corrections.service import Outcome

    if outcome not in set(Outcome):
        fail(f"The outcome is one of {', '.join(Outcome)}.")

    async def job(house: House, officer: Officer) -> str:
        desk, handler = _desk(house, officer)
        key = await _find(desk, handler, correction)
        return _line(await desk.decide(handler, key, Outcome(outcome), note, seen=seen))

    typer.echo(as_officer(profile, job))


def _desk(house: House, officer: Officer) -> tuple[CorrectionDesk, Handler]:
    """Raises RoleMissing."""
    from services.exchange.corrections.service import Handler

    officer.must_have(DECIDE)
    return house.correction_desk(serving=False), Handler(officer.agency, officer.person.hex)


async def _find(desk: CorrectionDesk, handler: Handler, given: str) -> UUID:
    """A case by its id, or one that is not over by its ending. Raises NotFound for none, or for several."""
    from uuid import UUID

    from core.errors import NotFound

    wanted = given.strip().lower().replace("-", "")
    try:
        if len(wanted) == 32:
            return UUID(hex=wanted)
    except ValueError:
        raise NotFound from None
    rows = await desk.listed(handler, limit=1000)
    fitting = [row.id for row in rows if len(wanted) >= ENDING_MIN and row.id.hex.endswith(wanted)]
    if len(fitting) != 1:
        raise NotFound
    return fitting[0]


def _line(row: Correction) -> str:
    due = f"due {row.due_on:%Y-%m-%d}" if row.closed_at is None else f"closed {row.closed_at:%Y-%m-%d}"
    return "\t".join((row.id.hex, row.attribute, row.status, due, row.handler or "-"))
