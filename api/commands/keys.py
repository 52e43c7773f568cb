"""`sitthi keys`: the keys that seal what is stored, and the keys that sign tokens. See docs/keys.md."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from api.commands.words import when
from core.settings import Settings

if TYPE_CHECKING:
    from core.resealing import Resealed
    from core.rotation import Rotation
    from identity.provider.signing import KeyState, SigningKeys

    Job = Callable[["Opened"], Awaitable["T"]]

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

HOW_TO: str = """\
These keys are not in a file of ours to write, so a new one comes in by your hand, in two steps, and every row is
sealed anew by a third. Nothing stops serving meanwhile.

1. Under “keys” in {place}, beside the others, add one with a new id:
       "{new}": "<what `openssl rand -base64 32` prints>"
   and leave “current” as it is. Wait until every server has it{known}.
2. Set “current” to "{new}", and wait again.
3. Run `sitthi keys rotate` once more: it seals every row under "{new}".

Then `sitthi keys rotate --retire {old}` says whether the old key may go."""
HOW_ON: str = """\
The key {new} is there and not in use yet. When every server has it{known}, set “current” to "{new}" in
{place}, wait again, and run this command once more: it seals every row under "{new}"."""


class Opened:
    """What a command about keys works on."""

    def __init__(self, settings: Settings) -> None:
        from core.clock import SystemClock
        from core.crypto import key_file, load_keys
        from core.database import Database
        from core.rotation import Rotation
        from identity.provider.signing import Schedule, SigningKeys

        self.settings = settings
        self.ring = load_keys(settings)
        self.db = Database(settings.sqlalchemy_url)
        is_ours = settings.secret_keys is None and settings.secret_keys_file is None
        self.rotation: Rotation = Rotation(self.db, self.ring, key_file(settings) if is_ours else None)
        self.is_ours = is_ours
        self.clock = SystemClock()
        self.signing: SigningKeys = SigningKeys(self.db, self.ring, self.clock, Schedule.of(settings))


@app.command(name="list")
def list_keys() -> None:
    """Lists the sealing keys with the rows sealed under each, and the signing keys with what each is for now."""
    _run(_list)


@app.command()
def rotate(
    retire: Annotated[
        str | None, typer.Option(metavar="KEY", help="Take this old key out, if nothing is sealed under it.")
    ] = None,
    signing: Annotated[bool, typer.Option("--signing", help="The key that signs tokens, not those that seal.")] = False,
    now: Annotated[
        bool, typer.Option("--now", help="With --signing, after a compromise: no token signed so far is valid.")
    ] = False,
) -> None:
    """Brings in a new sealing key and seals every row under it, while servers serve; stopped, it is started again."""
    from api.commands.talk import fail

    if (now and not signing) or (signing and retire is not None):
        fail("--now goes with --signing, and --retire with neither.")
    if retire is not None:
        _run(lambda opened: _retire(opened, retire))
    elif signing:
        _run(_withdraw if now else _rotate_signing)
    else:
        _run(_rotate)


def _run(job: Job[None]) -> None:
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


async def _list(opened: Opened) -> None:
    from core.resealing import count, declared

    current, ids = opened.ring.current, sorted(opened.ring.keys)
    typer.echo("Sealing keys, and the rows under each:")
    counted = {column.name: await count(opened.db, column, ids) for column in declared() if not column.binding.subject}
    for key_id in ids:
        rows = {name: counts.by_key[key_id] for name, counts in counted.items()}
        note = "  current" if key_id == current else ""
        typer.echo(f"  {key_id}\t{sum(rows.values())}{note}")
        for name, number in rows.items():
            if number:
                typer.echo(f"    {name}\t{number}")
    lost = {name: counts.other for name, counts in counted.items() if counts.other}
    for name, number in lost.items():
        typer.echo(f"  {name}: {number} under a key that is not here")
    typer.echo("Signing keys:")
    for key in await opened.signing.all():
        typer.echo(f"  {key.kid}  {_of_signing(key)}")


async def _rotate(opened: Opened) -> None:
    from api.commands.talk import fail

    if not opened.is_ours:
        await _reseal_or_explain(opened)
        return
    rotated = await opened.rotation.rotate(_told)
    begun = " (begun earlier)" if rotated.resumed else ""
    if not rotated.done:
        fail("Some process still seals under an old key. Restart it, and run this command again.")
    typer.echo(f"The key is now {rotated.current}{begun}; everything is sealed under it.")
    _tell_of_broken(rotated.columns)


async def _reseal_or_explain(opened: Opened) -> None:
    """Keys that others manage: seals what is to be sealed anew, or, when there is nothing, says how to begin."""
    from api.commands.talk import fail
    from core.key_document import following_id, waiting_id

    columns = await opened.rotation.reseal(_told)
    if not all(column.done for column in columns.values()):
        fail("Some process still seals under an old key. Give it the new one, and run this command again.")
    _tell_of_broken(columns)
    current = opened.ring.current
    if any(column.rows for column in columns.values()):
        typer.echo(f"Everything is sealed under {current}.")
        return
    file = opened.settings.secret_keys_file
    by_file = "SITTHI_SECRET_KEYS_FILE", " (a second after the file is there)"
    by_environment = "SITTHI_SECRET_KEYS", " (restart them one by one)"
    place, known = by_file if file is not None else by_environment
    typer.echo(f"Everything is sealed under {current} already.\n")
    if (waiting := waiting_id(opened.ring.keys, current)) is not None:
        fail(HOW_ON.format(place=place, known=known, new=waiting))
    new = following_id(opened.ring.keys)
    fail(HOW_TO.format(place=place, known=known, new=new, old=current))


async def _retire(opened: Opened, key_id: str) -> None:
    if opened.is_ours:
        await opened.rotation.retire(key_id)
        typer.echo(f"The key {key_id} is gone. Nothing was sealed under it.")
        return
    await opened.rotation.refuse_in_use(key_id)
    typer.echo(f"Nothing is sealed under {key_id}: it may be taken out of the keys of every server.")


async def _rotate_signing(opened: Opened) -> None:
    following = await opened.signing.rotate()
    typer.echo(f"{following.kid} is published, and signs from {when(following.signs_at)}.")


async def _withdraw(opened: Opened) -> None:
    key = await opened.signing.withdraw()
    typer.echo(
        f"{key.kid} signs from now on. No token signed before is valid: apps refresh theirs, or people sign in again."
    )


def _told(name: str, column: Resealed) -> None:
    typer.echo(f"  {name}\t{column.rows}")


def _tell_of_broken(columns: dict[str, Resealed]) -> None:
    for name, column in columns.items():
        if column.broken:
            typer.echo(f"{name}: {column.broken} rows were left as they are, for no key here opens them.", err=True)


def _of_signing(key: KeyState) -> str:
    if key.withdrawn_at is not None:
        return f"withdrawn {when(key.withdrawn_at)}"
    until = "" if key.retired_at is None else f" until {when(key.retired_at)}"
    return f"signs from {when(key.signs_at)}{until}"
