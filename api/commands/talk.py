"""How commands speak to people: one sentence when something goes wrong, never a stack trace."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import httpx2
import typer

from core.errors import SitthiError
from core.settings import Environment, Settings
from core.text import Language

if TYPE_CHECKING:
    from services.sandbox.population.personas import Persona


@contextmanager
def told(settings: Settings) -> Iterator[None]:
    """Turns a domain error, and a server that does not answer, into a sentence and exit status 1."""
    try:
        yield
    except SitthiError as error:
        fail(f"{error.message(_language())} ({error.code})")
    except httpx2.TransportError:
        fail(
            f"No server answers at {settings.issuer}. Start it with script/server, and give this command the same "
            "PORT or SITTHI_PUBLIC_URL."
        )


def fail(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    sys.exit(1)


def known_persona(slug: str) -> Persona:
    """The persona of that slug; one that the sandboxes do not have ends the command with a list of those there are."""
    from services.sandbox.population.personas import PERSONAS

    found = next((one for one in PERSONAS if one.slug == slug), None)
    if found is None:
        fail(f"There is no persona “{slug}”. There are: {', '.join(one.slug for one in PERSONAS)}.")
    return found


def refuse_in_production(settings: Settings) -> None:
    if settings.environment is Environment.PRODUCTION:
        fail("Personas belong to the sandboxes, which never start in production.")


def _language() -> Language:
    """Thai where the terminal speaks Thai; a terminal's language is not a setting of ours."""
    spoken = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return Language.TH if spoken.lower().startswith("th") else Language.EN
