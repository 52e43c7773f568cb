"""`sitthi officer`: an agency's first officers, added on the server; signing in as one; the list. What officers do then
is in officer_acts.py."""

from __future__ import annotations

import asyncio
import getpass
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.officer_acts import COMMANDS
from core.settings import Settings

if TYPE_CHECKING:
    from core.ids import NationalId
    from core.text import Text

app = typer.Typer(no_args_is_help=True)
for _name, _command in COMMANDS.items():
    app.command(name=_name)(_command)

_SCOPE = "openid profile officer"


@app.command()
def add(
    agency: Annotated[str, typer.Option(help="Slug of the agency, dla for instance.")],
    role: Annotated[list[str], typer.Option(help="What the officer may do; may be given several times.")],
    persona: Annotated[str | None, typer.Option(help="A persona of the sandbox (development only).")] = None,
    national_id: Annotated[
        bool, typer.Option("--national-id", help="Ask for the national ID and name (or read them, a line each).")
    ] = False,
    break_glass: Annotated[
        str | None, typer.Option(help="Why it must be done here although two officers of the agency could do it.")
    ] = None,
) -> None:
    """Enters an officer of an agency that has no two who could.

    Whoever may run this on the server may make officers: it is logged with their account, and breaking glass is told to
    every officer of the agency.
    """
    from api.commands.talk import fail, refuse_in_production, told

    settings = Settings()
    if (persona is None) is not national_id:
        fail("Say who: either --persona SLUG or --national-id.")
    if persona is not None:
        refuse_in_production(settings)
    with told(settings):
        number, name = asked_for() if persona is None else persona_of(persona)
        asyncio.run(_add(settings, number, name, agency, role, break_glass))
    typer.echo(f"{name.th} ({name.en}) is an officer of {agency}: {', '.join(sorted(set(role)))}")


@app.command(name="sign-in")
def sign_in(
    profile: Annotated[str | None, typer.Option("--as", help="A name for this sign-in on this machine.")] = None,
    persona: Annotated[str | None, typer.Option(help="Sign in as a persona without a browser (development).")] = None,
    browser: Annotated[bool, typer.Option(help="Try to open a browser.")] = True,
    strong: Annotated[
        bool, typer.Option(help="By passkey, as approving asks for; good for that for 15 minutes.")
    ] = False,
) -> None:
    """Signs an officer in, in the browser, and keeps the access token for the other commands."""
    from api.commands.talk import fail, known_persona, refuse_in_production, told

    settings = Settings()
    if persona is not None:
        refuse_in_production(settings)
        known_persona(persona)
        if strong:
            fail("A persona signs in without a passkey. Leave out --persona: the browser opens and takes one.")
    with told(settings):
        asyncio.run(_sign_in(settings, profile or persona, persona, browser=browser, strong=strong))


@app.command(name="list")
def list_officers() -> None:
    """Lists the officers in service."""
    from api.commands.talk import told

    settings = Settings()
    with told(settings):
        asyncio.run(_list(settings))


async def _add(
    settings: Settings, number: NationalId, name: Text, agency: str, roles: list[str], break_glass: str | None
) -> None:
    from core.clock import SystemClock
    from core.crypto import load_keys
    from core.database import Database
    from identity.inbox.service import Inbox
    from identity.officers import OfficerRegister
    from identity.officers.leaving import Leaving
    from identity.people import PeopleRegister

    db, clock = Database(settings.sqlalchemy_url), SystemClock()
    register = OfficerRegister(PeopleRegister(load_keys(settings), clock), clock)
    leaving = Leaving(register, Inbox(clock), clock)
    try:
        async with db.write() as session:
            by = f"command line: {getpass.getuser()}"
            await leaving.bootstrap(
                session, number, agency=agency, roles=roles, name=name, by=by, break_glass=break_glass
            )
    finally:
        await db.close()


async def _sign_in(
    settings: Settings, profile: str | None, persona: str | None, *, browser: bool, strong: bool
) -> None:
    from api.commands.walk import sign_in as walk_in
    from core.database import Database
    from identity.officers import current_officer
    from identity.officers.profiles import DEFAULT_PROFILE, Profiles
    from identity.provider.clients import OFFICER_CLIENT

    name = profile or DEFAULT_PROFILE
    Profiles(settings.data).check(name)  # before a person goes all the way for it
    if persona is None:
        answer = await _sign_in_by_browser(settings, browser=browser, strong=strong)
    else:
        answer = await walk_in(settings, persona, client=OFFICER_CLIENT, scope=_SCOPE)
    Profiles(settings.data).write(name, answer["access_token"])
    db = Database(settings.sqlalchemy_url)
    try:
        officer = await current_officer(settings, db, name)
    finally:
        await db.close()
    typer.echo(f"{officer.name.th} ({officer.name.en}), {officer.agency}: signed in as “{name}”")


async def _sign_in_by_browser(settings: Settings, *, browser: bool, strong: bool) -> dict[str, str]:
    """RFC 8252 §7.3: the browser comes back to a port that we listen on."""
    import webbrowser

    import httpx2

    from api.commands.code_flow import CodeFlow, Listener
    from identity.officers.demands import APPROVAL_SECONDS, TO_APPROVE
    from identity.provider.clients import OFFICER_CLIENT

    async with Listener.open() as listener, httpx2.AsyncClient(trust_env=False) as http:
        await http.get(f"{settings.issuer}/.well-known/openid-configuration")  # else nobody would ever come back
        wanted = {"acr_values": TO_APPROVE.assurance.acr, "max_age": str(APPROVAL_SECONDS)} if strong else {}
        flow = CodeFlow(settings.issuer, OFFICER_CLIENT, _SCOPE, listener.redirect_uri, **wanted)
        listener.expect(flow)
        typer.echo(f"Sign in here:\n{flow.address}")
        if browser:
            await asyncio.to_thread(webbrowser.open, flow.address)
        return await flow.redeem(http, await listener.callback())


async def _list(settings: Settings) -> None:
    from core.clock import SystemClock
    from core.crypto import load_keys
    from core.database import Database
    from identity.officers import OfficerRegister
    from identity.people import PeopleRegister

    db, clock = Database(settings.sqlalchemy_url), SystemClock()
    try:
        async with db.read() as session:
            officers = await OfficerRegister(PeopleRegister(load_keys(settings), clock), clock).all(session)
    finally:
        await db.close()
    for officer in officers:
        roles = ", ".join(sorted(officer.roles))
        typer.echo(f"{officer.agency}\t{officer.name.th} ({officer.name.en})\t{roles}\t{officer.person.hex}")


def persona_of(slug: str) -> tuple[NationalId, Text]:
    from api.commands.talk import known_persona
    from core.ids import NationalId

    found = known_persona(slug)
    return NationalId(found.national_id), found.name


def asked_for() -> tuple[NationalId, Text]:
    """From the terminal without echo, or standard input; never from the arguments, which all the machine can see."""
    from core.ids import NationalId
    from core.text import Text

    if sys.stdin.isatty():
        number = getpass.getpass("National ID: ")
        th, en = typer.prompt("Name (Thai)"), typer.prompt("Name (English)")
    else:
        lines = [line.strip() for line in sys.stdin.read().splitlines()]
        number, th, en = (*lines, "", "", "")[:3]
    return NationalId.parse(number), Text(th=th, en=en or th)
