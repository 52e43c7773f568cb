"""`sitthi agency show|check|stand-in`: where agencies' own systems are, and whether they answer
(docs/agency-connections.md)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.settings import Settings

if TYPE_CHECKING:
    from services.plugins.connections import Connection, Named
    from services.plugins.plugin import Plugin
    from services.sandbox.agencies.front import Front

app = typer.Typer(no_args_is_help=True)
Slug = Annotated[str, typer.Argument(help="The agency, by its slug.")]
HERE = "127.0.0.1"


@app.command()
def show(slug: Annotated[str, typer.Argument(help="One agency; by default all that the file names.")] = "") -> None:
    """Shows where agencies' systems are and how Sitthi signs in there. Never a secret: where each is, and whether."""
    from api.commands.talk import told
    from api.connections import named_by

    settings = Settings()
    with told(settings):
        named = named_by(settings)
        if not named.connections and not slug:
            typer.echo(_nobody(settings))
        for one in [slug] if slug else sorted(named.connections):
            for line in _lines(settings, named, one):
                typer.echo(line)


@app.command()
def check(slug: Slug) -> None:
    """Signs in at an agency's system, as a plugin's first question would. Exit status 1 where that does not work."""
    import asyncio

    from api.commands.talk import told
    from api.house import House

    settings = Settings()

    async def run() -> bool:
        house = House(settings)
        try:
            agency = house.connections.agency(slug)
            probe = await house.connections.probe(slug)
        finally:
            await house.close()
        stands_in = "" if slug in house.connections.named.connections else " (the sandbox)"
        typer.echo(f"{slug}\t{agency.base_url}{stands_in}")
        mark = "✓" if probe.answers else "✗"
        typer.echo(f"  {mark} {probe.why}, after {probe.seconds:.2f} s")
        return probe.answers

    with told(settings):
        if not asyncio.run(run()):
            sys.exit(1)


@app.command(name="stand-in")
def stand_in(
    path: Annotated[Path, typer.Argument(help="A plugin's folder, or the project of a package.")],
    port: Annotated[int, typer.Option(help="Where it listens on this machine.", min=1, max=65_535)] = 8400,
    persona: Annotated[
        str, typer.Option(help="Somebody of the sandbox who is given the records of the examples' first person.")
    ] = "",
) -> None:
    """Serves an agency's system that answers what the plugin's examples say, behind tokens as a real one's. Never in
    production."""
    import uvicorn

    from api.commands.talk import fail, known_persona, refuse_in_production
    from api.desk import plugin_of
    from core.text import Language
    from services.plugins.contract import PluginRefused

    refuse_in_production(Settings())
    try:
        plugin = plugin_of(path.resolve()).plugin
    except PluginRefused as refused:
        fail(refused.message(Language.EN))
    front = front_of(plugin, known_persona(persona).national_id if persona else "", f"http://{HERE}:{port}")
    typer.echo(f"{plugin.manifest.agency.slug} is at http://{HERE}:{port}. Stop it with Ctrl-C.")
    uvicorn.run(front.app, host=HERE, port=port, log_level="warning", lifespan="off", server_header=False)


def front_of(plugin: Plugin, number: str, url: str) -> Front:
    """A front before what the plugin's examples say. `number` is the sandbox's for the examples' first person."""
    from services.sandbox.agencies.front import Front
    from services.sandbox.agencies.recorded import Recorded, RecordedSystem

    recorded = [
        Recorded(one.path, one.request, one.status, one.answer) for example in plugin.examples for one in example.agency
    ]
    first = next((one.person for one in plugin.examples if one.person is not None and one.error is None), None)
    people = {number: first} if number and first is not None else {}
    return Front(RecordedSystem(recorded, people), audience=f"{url}/oauth/token")


def _nobody(settings: Settings) -> str:
    if settings.agencies_file is None:
        return (
            "No agency is connected: SITTHI_AGENCIES_FILE is not set. While developing, the sandbox stands in for all."
        )
    return f"No agency is connected: {settings.agencies_file} names none."


def _lines(settings: Settings, named: Named, slug: str) -> Iterator[str]:
    from services.plugins.connections import NotConnected

    connection = named.connections.get(slug)
    if connection is not None:
        yield f"{slug}\t{connection.base_url}"
        yield from _sign_in(named, slug, connection)
        limits = connection.limits
        yield f"  limits: {limits.connect_seconds:g} s to connect, {limits.answer_seconds:g} s without a word"
    elif settings.sandbox or settings.sandbox_url is not None:
        yield f"{slug}\tthe sandbox stands in for it"
    else:
        raise NotConnected(agency=slug)


def _sign_in(named: Named, slug: str, connection: Connection) -> Iterator[str]:
    from core.text import Language
    from services.plugins.connections import SecretUnusable
    from services.plugins.connections.document import ConsumerSecret, NoSignIn

    sign_in = connection.sign_in
    if isinstance(sign_in, NoSignIn):
        yield "  signs in: not at all; it asks for no token"
        return
    who = (
        f"consumer key {sign_in.consumer_key}" if isinstance(sign_in, ConsumerSecret) else f"client {sign_in.client_id}"
    )
    yield f"  signs in: {sign_in.way}, {who}, at {sign_in.token_url or connection.base_url + '/oauth/token'}"
    try:
        named.way_of(slug)
    except SecretUnusable as unusable:
        yield f"  secret: {sign_in.secret.where}: {unusable.fields['why'].in_language(Language.EN)}"
    else:
        yield f"  secret: {sign_in.secret.where}: there"
