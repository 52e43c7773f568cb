"""Words that many commands use: options that they take, and how they write an instant."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated

import typer

from core.clock import BANGKOK


def _said(reason: str) -> str:
    """Before anything is sent or signed in for: what is too short is told at once."""
    from core.errors import BadInput
    from core.text import Language
    from identity.officers.reasons import checked_reason

    try:
        return checked_reason(reason)
    except BadInput as bad:
        raise typer.BadParameter(bad.fields["what"].in_language(Language.EN)) from None


Reason = Annotated[
    str,
    typer.Option(help="Why, in 5 to 500 characters; it stays in the trail. No national IDs.", callback=_said),
]


def text_of(question: str) -> str:
    """What is said about a person: asked for at a terminal, or all of standard input. Arguments stay in the shell's
    history, and everybody on the machine sees them."""
    return str(typer.prompt(question)) if sys.stdin.isatty() else sys.stdin.read()


def when(at: datetime | str) -> str:
    """An instant as people here read a clock, with the zone beside it: `2026-11-22 21:01+07:00`."""
    instant = datetime.fromisoformat(at) if isinstance(at, str) else at
    return instant.astimezone(BANGKOK).isoformat(sep=" ", timespec="minutes")


def one_line(said: str) -> str:
    """What somebody wrote, for a terminal: on one line, and without what would move its cursor, colour it, turn its
    direction or hide a part of it."""
    return "".join(one if one.isprintable() else " " if one.isspace() else "\ufffd" for one in said)
