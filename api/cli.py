"""The command `sitthi`. Each command imports what it needs when it runs: a help text should not load the world."""

from __future__ import annotations

import socket
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from api.commands import (
    agency,
    agreement,
    apply,
    bulk,
    client,
    correction,
    credential_batch,
    decision,
    desk,
    issued,
    juristic,
    keys,
    log,
    officer,
    pay,
    pay_budget,
    pay_fees,
    pay_recovery,
    plugin,
    privacy,
    receive,
    rules,
    session,
    verify,
)
from core.clock import SystemClock
from core.log import configure
from core.settings import Environment, Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(client.app, name="client", help="Programs that sign people in, and systems of agencies.")
app.add_typer(agreement.app, name="agreement", help="Agreements between agencies: list, propose, accept, suspend, end.")
app.add_typer(agency.app, name="agency", help="Agencies' own systems: where they are, and whether they answer.")
app.add_typer(
    apply.app, name="apply", help="Applications, for officers of the agency that decides: overdue, reconsider, reopen."
)
app.add_typer(bulk.app, name="bulk", help="Whole populations, by two officers: propose, approve, run, show, report.")
app.add_typer(officer.app, name="officer", help="Officers of agencies: add, sign in, list.")
app.add_typer(
    desk.app,
    name="desk",
    help="Cases that your agency decides: list, show, claim, ask, note, propose, approve, refuse.",
)
app.add_typer(correction.app, name="correction", help="Citizens' requests to correct a fact: list, show, take, decide.")
app.add_typer(decision.app, name="decision", help="Decisions on applications: taken again, years later.")
app.add_typer(
    juristic.app,
    name="juristic",
    help="Juristic persons and who acts for them, for officers of the agency: list, show, propose, end.",
)
app.add_typer(keys.app, name="keys", help="The keys that seal what is stored and sign tokens: list, rotate.")
app.add_typer(log.app, name="log", help="The access log: its newest head, and whether nobody changed it.")
pay_budget.add_to(pay.app)
pay.app.add_typer(pay_fees.app, name="fees", help="Money that comes in: report, reconcile, breaks, back, refund.")
pay.app.command()(pay_fees.scan)
pay.app.add_typer(pay_recovery.app, name="recovery", help="What was paid too much, and how it comes back.")
app.add_typer(pay.app, name="pay", help="Payment runs: plan, approve, send, reconcile.")
app.add_typer(
    plugin.app, name="plugin", help="Plugins of agencies: new, check, register, review, publish, suspend, roll back."
)
app.add_typer(privacy.app, name="privacy", help="People's requests about their data, legal holds, retention.")
app.add_typer(receive.app, name="receive", help="How payments are received: satisfaction.")
issued.credential.add_typer(
    credential_batch.app, name="batch", help="Credentials for many at once, before they ask: start, list, discard."
)
app.add_typer(issued.credential, name="credential", help="Credentials of your agency: list, suspend, revoke, reissue.")
app.add_typer(issued.paper, name="paper", help="Papers that your agency signed: list, suspend, revoke, reissue.")
app.add_typer(rules.app, name="rules", help="Programmes' files, before they are published: who gains, who loses.")
app.command(name="sign-in")(session.sign_in)
app.command()(verify.verify)


@app.callback(help="Sitthi: the services of the state behind one graph. `script/server` starts everything.")
def before_any_command() -> None:
    """What a command logs is beside its output, and shows nobody's data: not in the trace of an error either."""
    configure(Settings(), beside_output=True)


Check = Annotated[bool, typer.Option("--check", help="Write nothing; fail when it is not up to date.")]
SCHEMA_FILE = Path(__file__).parents[1] / "schema.graphql"


@app.command()
def serve(
    workers: Annotated[int, typer.Option(help="Processes that serve; more than one needs PostgreSQL and Redis.")] = 1,
) -> None:
    """Brings the database up to date, makes the sandboxes' population where it is missing, and serves."""
    import uvicorn

    from api.commands.talk import told
    from api.limits import BODY_BYTES_MAX

    settings = Settings()
    if workers > 1 and (settings.database_url is None or settings.redis_url is None):
        _fail(
            "several processes need SITTHI_DATABASE_URL (PostgreSQL) and SITTHI_REDIS_URL, because the embedded "
            "database takes one writer and the embedded cache lives in one process"
        )
    _check_port(settings)
    with told(settings):
        prepare(settings)
    typer.echo(f"Sitthi is at {settings.issuer}")
    uvicorn.run(
        "api.serving:create_serving_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=workers,
        loop="uvloop",
        http="api.front:FrontDoor",
        lifespan="on",  # by default a start that fails is taken for an application that has none, and it serves
        log_config=None,  # its lines go the way of all others (core/log.py)
        access_log=False,  # addresses of the graph say nothing, and traffic logs have a law of their own
        proxy_headers=False,
        server_header=False,
        ws_max_size=BODY_BYTES_MAX,  # a message is a request, and no larger
    )


@app.command()
def migrate() -> None:
    """Brings the database up to date, and nothing else."""
    from api.commands.talk import told
    from core import migrations

    settings = Settings()
    _make_data_folder(settings)
    with told(settings):
        migrations.upgrade(settings.sqlalchemy_url)


@app.command()
def demo(
    citizens: Annotated[int | None, typer.Option(min=0, help="How many, the personas apart.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed makes the same people.")] = None,
    as_of: Annotated[str | None, typer.Option(help="The day their ages are for, YYYY-MM-DD; today by default.")] = None,
) -> None:
    """Makes the population of the sandboxes anew: citizens, households, incomes, cards, vehicles, degrees."""
    from services.sandbox.population.commands import make_demo

    settings = Settings()
    _refuse_in_production(settings)
    try:
        day = SystemClock().today() if as_of is None else date.fromisoformat(as_of)
    except ValueError:
        _fail(f"{as_of!r} is not a day; write it as 2026-11-16")
    made = make_demo(
        settings.data,
        settings.demo_citizens if citizens is None else citizens,
        settings.demo_seed if seed is None else seed,
        day,
        _making_citizens,
    )
    typer.echo("The population is made." if made else "That population is there already.")


@app.command()
def schema(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when it is not up to date.")] = False,
    published: Annotated[
        bool, typer.Option("--published", help="At a release: these names are published now, and stay for a year.")
    ] = False,
) -> None:
    """Writes schema.graphql, the whole graph with every agency's plugin in it, from the code."""
    from api.schema import printed_schema

    sdl = printed_schema()
    files = {SCHEMA_FILE: sdl}
    if published:
        from api.deprecations.ours import our_names
        from api.deprecations.published import FILE, breaking, without_words

        if broken := list(breaking(FILE.read_text(), sdl, our_names(), SystemClock().today())):
            _fail("clients would lose what they were promised: " + " ".join(broken).rstrip("."))
        files[FILE] = without_words(sdl)
    _write_or_check(files, check=check, remedy="script/schema")


@app.command()
def reference(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when one is not up to date.")] = False,
) -> None:
    """Writes the pages of docs/ that are made from the code: error codes and settings."""
    from api.reference import pages

    _write_or_check(pages(), check=check, remedy=".venv/bin/sitthi reference")


def prepare(settings: Settings) -> None:
    """What must be there before the first request: folder, keys, tables, clients, and in development a population."""
    from api.connections import named_by
    from core import migrations
    from core.crypto import load_keys

    _make_data_folder(settings)
    keys = load_keys(settings)  # here a key that cannot be used is a sentence
    named_by(settings).must_hold()  # and so is a secret of an agency's that is not there
    migrations.upgrade(settings.sqlalchemy_url, keys=lambda: keys)
    if settings.sandbox:
        from services.sandbox.population.commands import keep_demo

        today = SystemClock().today()
        keep_demo(settings.data, settings.demo_citizens, settings.demo_seed, today, _making_citizens)


def main() -> None:
    """The console script. A setting that cannot be is a sentence too."""
    from pydantic import ValidationError

    try:
        app(prog_name="sitthi")
    except ValidationError as error:
        _fail("; ".join(f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors()))


def _check_port(settings: Settings) -> None:
    """Before anything is made: somebody else may be listening there, another Sitthi for instance."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            why = error.strerror or str(error)
            _fail(f"port {settings.port} of {settings.host} cannot be used ({why}); choose another with PORT=…")


def _make_data_folder(settings: Settings) -> None:
    try:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=settings.data):
            pass
    except OSError as error:
        why = error.strerror or str(error)
        _fail(f"the data folder {settings.data} cannot be used ({why}); choose another with SITTHI_DATA=…")


def _making_citizens(progress: str) -> None:
    typer.echo(f"making made-up citizens: {progress}")


def _write_or_check(pages: dict[Path, str], *, check: bool, remedy: str) -> None:
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text() != text]
    if check and stale:
        _fail(f"not up to date: {', '.join(path.name for path in stale)}; run {remedy} and commit the result")
    for path in stale:
        path.write_text(pages[path])


def _refuse_in_production(settings: Settings) -> None:
    if settings.environment is Environment.PRODUCTION:
        _fail("the sandboxes never start in production")


def _fail(sentence: str) -> NoReturn:
    typer.echo(sentence[0].upper() + sentence[1:] + ".", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
