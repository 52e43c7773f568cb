"""`sitthi log`: the access log as an operator or an auditor sees it. See docs/access-log.md."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands import log_disclosure
from core.settings import Settings

if TYPE_CHECKING:
    from services.exchange.access_log.contents import Contents
    from services.exchange.access_log.verify import Finding, Report

    Job = Callable[["Opened"], Awaitable[None]]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(log_disclosure.app, name="disclosure", help="Puts off when a person learns of an inquiry into them.")
TOLD_MAX = 20
"""Findings that are printed; of the others, how many there are."""


class Opened:
    """What a command about the log works on."""

    def __init__(self, settings: Settings) -> None:
        from core.attestation.service import Attestor
        from core.clock import SystemClock
        from core.crypto import load_keys
        from core.database import Database

        self.settings, self.ring = settings, load_keys(settings)
        self.db = Database(settings.sqlalchemy_url)
        self.attestor = Attestor(self.db, self.ring, SystemClock(), settings.issuer)


@app.command()
def head() -> None:
    """Prints the newest signed tree head. Keep it where this machine cannot reach, for `verify --from-head`."""
    _run(_head)


@app.command()
def verify(
    from_head: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="What `sitthi log head` printed earlier. Repeatable."),
    ] = None,
    contents: Annotated[
        bool, typer.Option("--contents", help="Open every record too, with the keys. Takes much longer.")
    ] = False,
    processes: Annotated[int | None, typer.Option(min=1, help="All cores by default.")] = None,
) -> None:
    """Walks the whole log. Exit status 1 when a record was changed, removed, moved, put in or cut off."""
    from api.commands.talk import fail

    try:
        kept = [path.read_text("ascii").strip() for path in from_head or ()]
    except (OSError, UnicodeError) as error:
        fail(f"a kept head cannot be read: {error}")
    _run(lambda opened: _verify(opened, kept, contents=contents, processes=processes))


def _run(job: Job) -> None:
    from api.commands.talk import told

    settings = Settings()
    with told(settings):
        opened = Opened(settings)

        async def run() -> None:
            try:
                await job(opened)
            finally:
                await opened.db.close()

        asyncio.run(run())


async def _head(opened: Opened) -> None:
    from api.commands.talk import fail
    from services.exchange.access_log.proofs import TreeReader

    found = await TreeReader(opened.db).head()
    if found is None:
        fail("There is no record in the log yet, and so no head.")
    typer.echo(found.signed)


async def _verify(opened: Opened, kept: list[str], *, contents: bool, processes: int | None) -> None:
    from core.envelope import SubjectKeys
    from services.exchange.access_log.contents import verify_contents
    from services.exchange.access_log.verify import verify_log
    from services.exchange.privacy.trail import key_destroyed_at

    report = await verify_log(opened.db, opened.attestor, kept=kept, processes=processes)
    inside = await verify_contents(opened.db, SubjectKeys(opened.ring), key_destroyed_at) if contents else None
    _tell(report, inside, kept=len(kept))


def _tell(report: Report, inside: Contents | None, *, kept: int) -> None:
    heads = f"{report.heads} signed heads" + (f", {kept} kept elsewhere" if kept else "")
    waiting = f", {report.waiting} more wait for their place" if report.waiting else ""
    typer.echo(f"{report.size} records, {heads}{waiting}.")
    if inside is not None:
        typer.echo(f"{inside.opened} records opened, {inside.erased} are of people who were erased.")
    findings = [*report.findings, *(inside.findings if inside is not None else ())]
    if not findings:
        typer.echo("The log is whole: nothing was changed, removed, moved, put in or cut off.")
        return
    indexes = [one.index for one in findings if one.index is not None]
    where = f" The first is at record {min(indexes)}." if indexes else ""
    typer.echo(f"The log is NOT whole: {len(findings)} findings.{where}", err=True)
    for one in findings[:TOLD_MAX]:
        typer.echo(_line(one), err=True)
    if len(findings) > TOLD_MAX:
        typer.echo(f"  … and {len(findings) - TOLD_MAX} more", err=True)
    raise typer.Exit(1)


def _line(one: Finding) -> str:
    return f"  {one.code}: {one.sentence}"
