"""`sitthi bulk`: an agency's officers look at a whole population, two of them deciding on it. See docs/bulk.md.

Every command acts for the officer who signed in under the profile (`sitthi officer sign-in --as …`), for their agency.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.commands.words import Reason

if TYPE_CHECKING:
    from uuid import UUID

    from api.house import House
    from identity.officers import Officer
    from welfare.determination.service import Progress

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

As = Annotated[str | None, typer.Option("--as", help="The name of an officer's sign-in on this machine.")]
Run = Annotated[str, typer.Argument(help="The run's id, or the end of it: six characters or more.")]
ENDING_MIN: Final = 6


@app.callback()
def bulk() -> None:
    """Looks at whole populations: who is entitled and has not applied, what a rule would do."""


@app.command()
def propose(
    purpose: Annotated[str, typer.Option(help="welfare-register, or welfare-rule-making.")],
    programme: Annotated[list[str], typer.Option(help="Which of your agency's; may be given several times.")],
    keep_days: Annotated[int, typer.Option(help="All that is found out is deleted after so many days.")],
    reason: Reason,
    population: Annotated[str, typer.Option(help="EVERYBODY, or NOT_APPLIED.")] = "EVERYBODY",
    tell: Annotated[bool, typer.Option("--tell", help="People who are newly entitled are told, once.")] = False,
    file: Annotated[
        Path | None, typer.Option(help="The file of the rule that is tried.", exists=True, dir_okay=False)
    ] = None,
    on: Annotated[str | None, typer.Option(help="For which day a rule is tried, YYYY-MM-DD.")] = None,
    proposed: Annotated[bool, typer.Option("--proposed", help="What the file proposes.")] = False,
    profile: As = None,
) -> None:
    """Proposes a look at a whole population; nothing is read before another officer has approved it."""
    from api.commands.officer_acts import as_officer
    from api.commands.talk import fail
    from identity.proposals.acts import ProposalKind

    try:
        text = None if file is None else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        fail(f"{file} cannot be read as text in UTF-8.")
    given: dict[str, Any] = {
        "purpose": purpose,
        "programmes": programme,
        "population": population,
        "keep_days": keep_days,
        "tell": tell,
        "file": text,
        "on": on,
        "proposed": proposed,
    }

    async def job(house: House, officer: Officer) -> UUID:
        async with house.db.write() as session:
            proposals = house.identity.office.proposals
            return await proposals.propose(session, officer, ProposalKind.BULK_RUN, given, reason)

    key = as_officer(profile, job).hex
    typer.echo(f"proposed: {key}\nNext, another officer: sitthi bulk approve {key} --as …")


@app.command()
def approve(
    run: Annotated[str, typer.Argument(help="The proposal's id, or its last characters.")],
    reason: Annotated[str, typer.Option(help="Why, if you want to say.")] = "",
    profile: As = None,
) -> None:
    """Approves it. Whoever proposed it cannot; `sitthi officer show` says what it would read."""
    from api.commands.officer_acts import as_officer, find
    from identity.proposals import edge

    async def job(house: House, officer: Officer) -> str:
        office = house.identity.office
        key = await find(house, officer, run)
        return (await edge.approve(house.db, office.proposals, office.known_facts, officer, key, reason)).told

    key = as_officer(profile, job)
    typer.echo(f"approved\nNext: sitthi bulk run {key}{'' if profile is None else f' --as {profile}'}")


@app.command(name="run")
def run_it(run: Run, profile: As = None) -> None:
    """Reads and decides. If anything stops it, run it again: nobody is done twice, nobody is left out."""
    from api.commands.officer_acts import as_officer
    from welfare.determination.acts import APPROVES, PROPOSES

    async def job(house: House, officer: Officer) -> Progress:
        officer.must_have(APPROVES if APPROVES in officer.roles else PROPOSES)
        key = await _find(house, officer, run)
        await house.populations.determinations.run(key)
        return await house.populations.determinations.show(officer.agency, key)

    _print(as_officer(profile, job))


@app.command()
def show(
    run: Annotated[str | None, typer.Argument(help="A run; all of your agency's, if left out.")] = None,
    profile: As = None,
) -> None:
    """Shows what came of it, in figures alone."""
    from api.commands.officer_acts import as_officer
    from welfare.determination.acts import APPROVES, PROPOSES

    async def job(house: House, officer: Officer) -> list[Progress]:
        officer.must_have(APPROVES if APPROVES in officer.roles else PROPOSES)
        keys = (
            [row.id for row in await house.populations.determinations.of_agency(officer.agency)]
            if run is None
            else [await _find(house, officer, run)]
        )
        return [await house.populations.determinations.show(officer.agency, key) for key in keys]

    for one in as_officer(profile, job):
        _print(one)


@app.command()
def report(run: Run, profile: As = None) -> None:
    """Prints the signed report on a rule that was tried: the file to publish its version with (docs/rules.md)."""
    from api.commands.officer_acts import as_officer
    from welfare.determination.acts import APPROVES, PROPOSES
    from welfare.determination.errors import ReportMissing

    async def job(house: House, officer: Officer) -> str:
        officer.must_have(APPROVES if APPROVES in officer.roles else PROPOSES)
        found = await house.populations.determinations.show(officer.agency, await _find(house, officer, run))
        if found.report is None:
            raise ReportMissing
        return found.report

    typer.echo(as_officer(profile, job))


async def _find(house: House, officer: Officer, given: str) -> UUID:
    """One of the agency's runs. Raises `NotFound` for none, or for several."""
    from core.errors import NotFound

    wanted = given.strip().lower().replace("-", "")
    rows = await house.populations.determinations.of_agency(officer.agency)
    fitting = [row.id for row in rows if len(wanted) >= ENDING_MIN and row.id.hex.endswith(wanted)]
    if len(fitting) != 1:
        raise NotFound
    return fitting[0]


def _print(progress: Progress) -> None:
    from welfare.determination.figures import is_small

    def told(count: int, of: int = 0) -> str:
        """A figure under ten is withheld, and one from which another would follow."""
        return "withheld" if is_small(count) or (of and is_small(of - count)) else f"{count:,}"

    day = "" if progress.decided_on is None else f", as of {progress.decided_on}"
    typer.echo(f"{progress.run.hex}  {progress.state}  {told(progress.people)} people{day}")
    for slug in progress.entitled:
        entitled, unknown = progress.entitled[slug], told(progress.unknown[slug])
        without = told(progress.not_applied[slug], entitled)
        typer.echo(f"  {slug}: {told(entitled)} entitled, {without} of them without an application; {unknown} unknown")
        typer.echo(f"    its rules were put to somebody {progress.evaluated.get(slug, 0):,} times")
    if progress.report is not None:
        typer.echo(f"  the report is written: sitthi bulk report {progress.run.hex}")
    typer.echo(f"  everything is deleted on {progress.keep_until:%Y-%m-%d %H:%M} UTC")
