"""`sitthi rules`: what a programme's file would do, before it is published. See docs/rules.md."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.settings import Settings
from core.text import Language

if TYPE_CHECKING:
    from datetime import date

    from core.clock import Clock
    from welfare.determination.report import Report

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def rules() -> None:
    """Programmes' files, before they are published."""


@app.command()
def impact(
    file: Annotated[
        Path, typer.Argument(help="A programme's file, named as its programme.", exists=True, dir_okay=False)
    ],
    on: Annotated[
        str | None,
        typer.Option(help="For which day, YYYY-MM-DD; by default the first on which the file decides otherwise."),
    ] = None,
    proposed: Annotated[
        bool, typer.Option("--proposed", help="What the file proposes, in the place of what it says to be in force.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object; sums are satang.")] = False,
) -> None:
    """Says who would gain, who would lose and what it would cost, beside what is in force.

    Counts and sums over the sandboxes' made-up population, by age and province; figures under ten are withheld. What
    nobody knows is counted as unknown, never as a yes or a no.
    """
    import json

    from api.commands.talk import fail, told
    from core.clock import SystemClock

    settings = Settings()
    if not settings.sandbox:
        fail(
            "A rule is tried on the sandboxes' population, and there are no sandboxes here. On everybody's facts two "
            "officers try it: sitthi bulk propose --purpose welfare-rule-making --file …"
        )
    with told(settings):
        report = _report(settings, file, _day(on), SystemClock(), proposed=proposed)
    typer.echo(json.dumps(report.written(), ensure_ascii=False) if as_json else "\n".join(report.lines()))


_WITHOUT_REPORT = """\
Until it has one, write `status: proposed` in the version: it is shown, and nobody is paid by it. Two officers of the
agency that pays make the report with `sitthi bulk propose --purpose welfare-rule-making`. What `sitthi bulk report`
prints goes into welfare/programmes/impact/<digest>.jwt (the digest stands in brackets above), and their
installation's key into keys.json beside it. A programme that is put to nobody who did not ask (docs/bulk.md) has a
line in unmeasured.txt there instead: the digest, and why. docs/rules.md says more under "Who gains, who loses"."""


@app.command()
def published() -> None:
    """Looks for a signed report beside every version of every programme; fails where one is missing (docs/rules.md).

    Versions that were there before the rule need none. `script/lint` asks for it.
    """
    from api.commands.talk import fail
    from services.exchange.catalogue import load_catalogue
    from welfare.determination.errors import Unpublishable
    from welfare.determination.published import without_report
    from welfare.entitlements.room import programmes_over

    missing = without_report(programmes_over(load_catalogue()))
    if missing:
        error = Unpublishable(versions=", ".join(missing))
        fail(f"{error.message(Language.EN)} ({error.code})\n{_WITHOUT_REPORT}")
    typer.echo("Every version was there before, or has its report.")


def _report(settings: Settings, file: Path, on: date | None, clock: Clock, *, proposed: bool) -> Report:
    import asyncio

    from api.commands.talk import fail
    from api.sandbox_facts import told_by_stand_ins
    from api.sandbox_families import families_of, province_names, sandbox_population
    from services.exchange.catalogue import load_catalogue
    from welfare.determination.impact import first_difference, impact, law_in_force, law_to_be
    from welfare.determination.report import Report
    from welfare.entitlements.room import programmes_over, vocabulary_of
    from welfare.programmes import load_programme

    catalogue, today = load_catalogue(), clock.today()
    vocabulary = vocabulary_of(catalogue)
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        fail(f"{file.name} cannot be read as text in UTF-8.")
    written = load_programme(text, file.name, vocabulary)
    known = programmes_over(catalogue).get(written.slug)
    day = on or first_difference(known, written, today, proposed=proposed)
    before, after = law_in_force(known, day), law_to_be(written, day, proposed=proposed)
    if proposed and after is None:
        fail(f"{file.name} proposes nothing for {day}.")
    population = sandbox_population(settings.data, settings.demo_citizens, settings.demo_seed, today)
    needs = {name.removeprefix("child.") for law in (before, after) if law is not None for name in law.needs}
    told = asyncio.run(told_by_stand_ins(population, needs, clock))
    found = impact(before, after, families_of(population, vocabulary, told), day)
    return Report(written.slug, day, before, after, found, province_names())


def _day(given: str | None) -> date | None:
    from datetime import date

    from api.commands.talk import fail

    try:
        return None if given is None else date.fromisoformat(given)
    except ValueError:
        fail(f"{given!r} is not a day; write it as 2026-11-16.")
