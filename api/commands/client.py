"""`sitthi client`: register a program that signs people in, or a system that asks in its own name; list, end them; and
say what a program still uses that goes away."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.settings import Environment, Settings

if TYPE_CHECKING:
    from identity.provider.registration import ClientSpec

app = typer.Typer(no_args_is_help=True)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="What people read when the program asks to act for them (Thai).")],
    name_en: Annotated[str | None, typer.Option(help="The same in English; the Thai name by default.")] = None,
    redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Where people come back to, letter for letter; may be given several times.")
    ] = None,
    loopback: Annotated[
        bool, typer.Option("--loopback", help="Also on this machine, any port: http://127.0.0.1:PORT/…")
    ] = False,
    post_logout_redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Where people may go after signing out.")
    ] = None,
    dpop: Annotated[bool, typer.Option("--dpop", help="Its tokens are always bound to a key of the device.")] = False,
    fapi: Annotated[
        bool, typer.Option("--fapi", help="Held to FAPI 2.0: a server with a key, pushed requests, bound tokens.")
    ] = False,
    agency: Annotated[
        str | None, typer.Option(help="An agency's own system, which asks in nobody's name; development only.")
    ] = None,
    scope: Annotated[list[str] | None, typer.Option(help="What it may ask for; may be given several times.")] = None,
    jwks: Annotated[
        Path | None, typer.Option(help="A file with its public keys (JWKS). Without it, a key is made.")
    ] = None,
    key: Annotated[Path, typer.Option(help="Where a key that is made here is written.")] = Path("client-key.json"),
) -> None:
    """Registers a client and prints what its developer needs. It is kept who did it."""
    from api.commands.talk import fail, told
    from core.errors import BadInput

    settings = Settings()
    if agency is not None and settings.environment is Environment.PRODUCTION:
        fail("An agency's system is registered by two of its officers: sitthi officer propose-client.")
    if fapi and agency is not None:
        fail("Say either --fapi or --agency: an agency's system signs nobody in.")
    with told(settings):
        public = _keys(jwks, key) if fapi or agency is not None else None
        spec = _spec(
            names=(name, name_en or name),
            redirect_uris=redirect_uri or [],
            post_logout_redirect_uris=post_logout_redirect_uri or [],
            scopes=scope,
            loopback=loopback,
            dpop=dpop,
            fapi=fapi,
            agency=agency,
            jwks=public,
        )
        made = key if public is not None and jwks is None else None
        try:
            client = asyncio.run(_register(settings, spec))
        except BadInput:
            if made is not None:  # nobody's: it would only be in the way of the next attempt
                made.unlink(missing_ok=True)
            raise
    _print(settings, client, spec, made)


@app.command(name="list")
def list_clients() -> None:
    """Lists the clients there are."""
    from api.commands.talk import told

    settings = Settings()
    with told(settings):
        asyncio.run(_list(settings))


@app.command()
def end(client: Annotated[str, typer.Argument(help="The client_id.")]) -> None:
    """Ends a client: it gets nothing any more, and its tokens stop working within a second."""
    from api.commands.talk import told

    settings = Settings()
    with told(settings):
        asyncio.run(_end(settings, client))
    typer.echo(f"{client} is ended")


@app.command()
def notices(
    client: Annotated[str, typer.Argument(help='The client_id; "-" for all who asked without a token.')],
) -> None:
    """Says which names of the graph the client used that go away: how often, last when, and from when they may go."""
    from api.commands.talk import told

    settings = Settings()
    with told(settings):
        asyncio.run(_notices(settings, client))


def _spec(
    *,
    names: tuple[str, str],
    redirect_uris: Sequence[str],
    post_logout_redirect_uris: Sequence[str],
    scopes: Sequence[str] | None,
    loopback: bool,
    dpop: bool,
    fapi: bool,
    agency: str | None,
    jwks: Mapping[str, Any] | None,
) -> ClientSpec:
    from core.text import Text
    from identity.provider.clients import CITIZEN_SCOPE
    from identity.provider.registration import app_client, machine_client

    name = Text(th=names[0], en=names[1])
    if agency is not None:
        assert jwks is not None
        return machine_client(agency, name, jwks, scopes or ["agency.facts"])
    return app_client(
        name,
        redirect_uris,
        loopback=loopback,
        scopes=scopes or ("openid", "profile", CITIZEN_SCOPE),
        post_logout_redirect_uris=post_logout_redirect_uris,
        dpop_bound=dpop or fapi,
        refresh_seconds=_REFRESH_SECONDS,
        fapi_keys=jwks if fapi else None,
    )


_REFRESH_SECONDS = 30 * 86_400


async def _register(settings: Settings, spec: ClientSpec) -> str:
    from core.clock import SystemClock
    from core.database import Database
    from identity.provider.registration import register_client

    db, clock = Database(settings.sqlalchemy_url), SystemClock()
    try:
        async with db.write() as session:
            return await register_client(
                session,
                spec,
                created_by=f"command line: {getpass.getuser()}",
                clock=clock,
                development=settings.environment is Environment.DEVELOPMENT,
            )
    finally:
        await db.close()


async def _list(settings: Settings) -> None:
    from core.database import Database
    from identity.provider.registration import all_clients

    db = Database(settings.sqlalchemy_url)
    try:
        async with db.read() as session:
            found = await all_clients(session)
    finally:
        await db.close()
    for row in found:
        state = "" if row.ended_at is None else "\tended"
        typer.echo(f"{row.id}\t{row.name_th} ({row.name_en})\t{' '.join(row.scopes)}\t{row.created_by}{state}")


async def _notices(settings: Settings, client: str) -> None:
    from core.database import Database
    from core.errors import NotFound
    from identity.provider.registration import all_clients
    from services.plugins.notices.history import standing_notices
    from services.plugins.notices.uses import uses_of

    db = Database(settings.sqlalchemy_url)
    try:
        async with db.read() as session:
            if client != "-" and client not in {row.id for row in await all_clients(session)}:
                raise NotFound
            used = await uses_of(session, "" if client == "-" else client)
            standing = {name: one for of in (await standing_notices(session)).values() for name, one in of.items()}
    finally:
        await db.close()
    for use in used:
        notice = standing.get(use.coordinate)
        until = "no longer deprecated, or gone" if notice is None else f"until {notice.sunset}\t{notice.reason}"
        typer.echo(f"{use.coordinate}\t{use.service}\tused {use.uses}\tlast {use.last_day}\t{until}")


async def _end(settings: Settings, client: str) -> None:
    from core.clock import SystemClock
    from core.database import Database
    from core.errors import NotFound
    from identity.provider.endings import Endings

    db, clock = Database(settings.sqlalchemy_url), SystemClock()
    try:
        async with db.write() as session:
            if not await Endings(clock).end_client(session, client):
                raise NotFound
    finally:
        await db.close()


def _keys(given: Path | None, made: Path) -> Any:
    """The public keys: as the developer brought them, or of a pair made here, whose private half is theirs alone."""
    from api.commands.talk import fail

    try:
        if given is not None:
            return json.loads(given.read_text())
        pair = _new_key()
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(pair, file, indent=2)
    except FileExistsError:
        fail(f"{made} is there already; name another file with --key.")
    except (OSError, ValueError) as error:
        fail(f"The key file cannot be used: {getattr(error, 'strerror', None) or error}.")
    return {"keys": [{name: value for name, value in pair.items() if name not in ("d", "key_ops")}]}


def _new_key() -> dict[str, Any]:
    """A key pair for ES256 as a JWK (RFC 7517), `d` its private part."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from jwt.algorithms import ECAlgorithm

    from core.jose import thumbprint

    pair: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1())))
    return {**pair, "kid": thumbprint(pair), "use": "sig", "alg": "ES256"}


def _print(settings: Settings, client: str, spec: ClientSpec, key: Path | None) -> None:
    lines = {"issuer": settings.issuer, "client_id": client, "scope": " ".join(spec.scopes)}
    if spec.redirect_uris:
        lines["redirect_uri"] = " ".join(spec.redirect_uris)
    if spec.loopback:
        lines["loopback"] = "http://127.0.0.1:PORT/…"
    if key is not None:
        lines["private key"] = f"{key} (keep it to yourself: it is nowhere else)"
    for label, value in lines.items():
        typer.echo(f"{label:<13} {value}")
