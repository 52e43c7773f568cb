"""`sitthi pay breaks` and `sitthi pay resolve`: what the bank said that does not fit, and how two officers close it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.officer_acts import As, as_officer

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from api.house import House
    from identity.officers import Officer
    from services.pay.models import BreakResolution, ReconciliationBreak
    from services.pay.resolving import BreakJobs

ENDING_MIN = 6


def breaks(profile: As = None) -> None:
    """Lists what did not match and is not closed, the oldest first, with what an officer proposed."""

    async def job(house: House, officer: Officer) -> list[str]:
        from api.paying import breaks as breaks_of

        return [_line(found, proposed) for found, proposed in await breaks_of(house).listed(officer)]

    lines = as_officer(profile, job)
    for line in lines:
        typer.echo(line)
    if not lines:
        typer.echo("Everything matches.")


def resolve(
    which: Annotated[str, typer.Argument(metavar="BREAK", help="The break's id, or the end of it: six or more.")],
    outcome: Annotated[str, typer.Argument(help="NO_MONEY_MOVED, CLAIMED, OWED_AGAIN or PAID.")],
    reason: Annotated[
        str | None, typer.Option(help="Why, in 5 to 500 characters; without personal data. Left out: you agree.")
    ] = None,
    profile: As = None,
) -> None:
    """Proposes what a break came to, with a reason; or, without one, agrees to what another officer proposed."""
    from api.commands.talk import fail
    from services.pay.breaks import BreakOutcome

    given = outcome.strip().upper()
    if given not in set(BreakOutcome) - {BreakOutcome.BANK_MENDED}:
        fail("The outcome is one of NO_MONEY_MOVED, CLAIMED, OWED_AGAIN, PAID.")

    async def job(house: House, officer: Officer) -> str:
        from api.paying import breaks as breaks_of

        jobs = breaks_of(house)
        key = await _find(jobs, officer, which)
        if reason is None:
            closed = await jobs.agree(officer, key, BreakOutcome(given))
            return f"{key.hex}  closed as {closed.outcome}"
        await jobs.propose(officer, key, BreakOutcome(given), reason)
        return f"{key.hex}  {given} proposed\nNext, another officer: sitthi pay resolve {key.hex} {given} --as …"

    typer.echo(as_officer(profile, job))


async def _find(jobs: BreakJobs, officer: Officer, given: str) -> UUID:
    """An open break by its id or its ending. Raises `BreakNotFound` for none, and for more than one."""
    return the_one_that_ends([found.id for found, _ in await jobs.listed(officer)], given)


def the_one_that_ends(keys: Collection[UUID], given: str) -> UUID:
    """Of those that are open, by its id or its ending. Raises `BreakNotFound` for none, and for more than one."""
    from services.pay.errors import BreakNotFound

    wanted = given.strip().lower().replace("-", "")
    fitting = [key for key in keys if len(wanted) >= ENDING_MIN and key.hex.endswith(wanted)]
    if len(fitting) != 1:
        raise BreakNotFound
    return fitting[0]


def _line(found: ReconciliationBreak, proposed: BreakResolution | None) -> str:
    from core.money import Money

    expected = "nothing" if found.expected is None else str(Money(found.expected))
    said = f"expected {expected}, found {Money(found.found)} {found.currency}"
    line = f"{found.id.hex}  {found.kind}  bank {found.bank_reference}  {found.end_to_end}  {said}"
    return line if proposed is None else f"{line}\n    proposed: {proposed.outcome}, {proposed.reason}"
