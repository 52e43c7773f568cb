"""`sitthi sign-in`: an access token of a persona, for use with curl. Development only."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from core.settings import Settings


def sign_in(
    persona: Annotated[str, typer.Option(help="Who signs in: elder, worker, … as the sandbox of ThaID lists them.")],
) -> None:
    """Signs a persona in by the same forms a person would see, and prints an access token of demo-app."""
    from api.commands.talk import known_persona, refuse_in_production, told
    from api.commands.walk import sign_in as walk_in

    settings = Settings()
    refuse_in_production(settings)
    known_persona(persona)
    with told(settings):
        answer = asyncio.run(walk_in(settings, persona))
    typer.echo(answer["access_token"])
