"""`sitthi decision`: decisions on applications, years later. See docs/applying.md."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from core.settings import Settings

if TYPE_CHECKING:
    from welfare.entitlements.replay import Replay

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
TAMPERED = 1
ERASED = 3
UNKNOWN = 4

_MEANINGS = {
    "SAME": "The same law put to the same facts gives the same answer.",
    "DIFFERENT": "Nothing stored was changed, and yet this program answers otherwise.",
    "NOT_POSSIBLE": "It cannot be taken again.",
    "BY_AN_OFFICER": "The same law and facts leave it open, as they did; an officer refused it, with a reason.",
    "HOUSEHOLD_HAS_ONE": "The same law and the same facts; the household had another application, and has one alone.",
    "OF_AN_AGENCY": "An agency decided, by rules of its own; what it said is kept.",
}


@app.callback()
def decisions() -> None:
    """Decisions on applications: taken again from what is stored."""


@app.command()
def replay(
    decision: Annotated[str, typer.Argument(help="The decision's id: 32 hex digits, or as the graph gives it.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object; no fact is in it.")] = False,
) -> None:
    """Takes a decision again, and says of facts, tree, outcome and signature whether each is as it was.

    Exit status 0: the same answer. 1: something was tampered with, or the answer differs. 3: the citizen was lawfully
    erased; what is left was not tampered with. 4: there is no such decision.
    """
    import orjson

    from api.commands.talk import told
    from core.errors import NotFound

    settings = Settings()
    with told(settings):
        try:
            found = asyncio.run(_replay(settings, _key(decision)))
        except NotFound:
            typer.echo("There is no decision of that id.", err=True)
            raise typer.Exit(UNKNOWN) from None
    if as_json:
        typer.echo(orjson.dumps(found.written()).decode())
    else:
        _tell(found)
    if found.tampered or found.answer == "DIFFERENT":
        raise typer.Exit(TAMPERED)
    if found.is_erased:
        raise typer.Exit(ERASED)


async def _replay(settings: Settings, decision: UUID) -> Replay:
    from core.attestation.service import Attestor
    from core.clock import SystemClock
    from core.crypto import load_keys
    from core.database import Database
    from services.apply.decisions.examining import Examiner
    from services.exchange.privacy.trail import key_destroyed_at
    from welfare.entitlements.replay import replay as replayed

    ring, db = load_keys(settings), Database(settings.sqlalchemy_url)
    try:
        attestor = Attestor(db, ring, SystemClock(), settings.issuer)
        return await replayed(Examiner(db, ring, attestor, key_destroyed_at), decision)
    finally:
        await db.close()


def _key(given: str) -> UUID:
    from core.errors import NotFound, SitthiError
    from core.ids import GlobalId

    try:
        return UUID(hex=given)
    except ValueError:
        pass
    try:
        return GlobalId.parse(given, expected="Decision").id
    except SitthiError:
        raise NotFound from None


def _tell(found: Replay) -> None:
    row = found.seen.row
    typer.echo(f"Decision {row.id.hex} of {row.at:%Y-%m-%d %H:%M}Z: {row.outcome}.")
    for member, one in found.seen.found.items():
        why = f" ({one.why})" if one.why else ""
        typer.echo(f"  {member.value}: {one.state.value}{why}", err=one.state == "TAMPERED")
    if found.seen.erased_at is not None:
        typer.echo(f"The citizen's data were erased on {found.seen.erased_at:%Y-%m-%d}, and the facts with them.")
    typer.echo(_MEANINGS[found.answer])
