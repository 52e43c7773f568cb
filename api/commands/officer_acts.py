"""What officers do on the command line, as whoever is signed in there: propose, decide, end.

National IDs and names are asked for, or read from standard input, a line each: never from the arguments, which all the
machine can see.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from api.commands.words import Reason
from core.settings import Settings
from core.text import Language

if TYPE_CHECKING:
    from uuid import UUID

    from api.house import House
    from identity.officers import Officer
    from identity.proposals.service import Shown

T = TypeVar("T")
Job = Callable[["House", "Officer"], Awaitable[T]]
ENDING_MIN: Final = 6
"""Characters of the end of a proposal's id that are enough to name it."""

As = Annotated[str | None, typer.Option("--as", help="Which sign-in of this machine acts.")]
Which = Annotated[str, typer.Argument(help="The proposal's id, or its last characters.")]


def propose_add(
    role: Annotated[list[str], typer.Option(help="What the officer may do; may be given several times.")],
    reason: Reason,
    persona: Annotated[str | None, typer.Option(help="A persona of the sandbox (development only).")] = None,
    profile: As = None,
) -> None:
    """Proposes an officer of your agency, or other roles for one. Asks for national ID and name."""
    from api.commands.officer import asked_for, persona_of
    from api.commands.talk import refuse_in_production

    if persona is not None:
        refuse_in_production(Settings())
    number, name = persona_of(persona) if persona is not None else asked_for()
    given = {"national_id": number.digits, "name_th": name.th, "name_en": name.en, "roles": role}
    propose(profile, "OFFICER_ADD", given, reason)


def propose_correction(reason: Reason, profile: As = None) -> None:
    """Proposes that a person's national ID was wrong. Asks for the former number and the right one."""
    former, corrected = lines_of("Former national ID", "Right national ID")
    propose(profile, "ID_CORRECTION", {"former": former, "corrected": corrected}, reason)


def propose_guardian(
    reason: Reason,
    born: Annotated[str | None, typer.Option(help="Birthday of a minor, YYYY-MM-DD.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, YYYY-MM-DD; for an adult there must be one.")] = None,
    profile: As = None,
) -> None:
    """Proposes a guardian named by a court. Asks for both numbers and names: of the ward, then of the guardian."""
    ward, ward_th, ward_en, guardian, guardian_th, guardian_en = lines_of(
        "Ward's national ID", "Ward's name (Thai)", "Ward's name (English)",
        "Guardian's national ID", "Guardian's name (Thai)", "Guardian's name (English)",
    )  # fmt: skip
    given = {
        "ward": ward, "ward_name_th": ward_th, "ward_name_en": ward_en,
        "guardian": guardian, "guardian_name_th": guardian_th, "guardian_name_en": guardian_en,
        "born": born, "until": until,
    }  # fmt: skip
    propose(profile, "GUARDIANSHIP", given, reason)


def propose_guardian_end(reason: Reason, profile: As = None) -> None:
    """Proposes to end a guardianship by order of a court. Asks for both numbers: of the ward, then of the guardian."""
    ward, guardian = lines_of("Ward's national ID", "Guardian's national ID")
    propose(profile, "GUARDIANSHIP_END", {"ward": ward, "guardian": guardian}, reason)


def propose_client(
    name_th: Annotated[str, typer.Option(help="The system's name in Thai.")],
    name_en: Annotated[str, typer.Option(help="The same in English.")],
    jwks: Annotated[Path, typer.Option(help="A file with its public keys (RFC 7517).")],
    scope: Annotated[list[str], typer.Option(help="agency.facts, agency.services; may be given several times.")],
    reason: Reason,
    profile: As = None,
) -> None:
    """Proposes a system of your agency as a client."""
    given = {"name_th": name_th, "name_en": name_en, "scopes": scope, "jwks": json_of(jwks)}
    propose(profile, "CLIENT_ADD", given, reason)


def propose_keys(
    client: Annotated[str, typer.Option(help="The system's client id.")],
    jwks: Annotated[Path, typer.Option(help="A file with all its public keys from then on (RFC 7517).")],
    reason: Reason,
    profile: As = None,
) -> None:
    """Proposes other keys for a system of your agency."""
    propose(profile, "CLIENT_KEYS", {"client": client, "jwks": json_of(jwks)}, reason)


def proposals(profile: As = None) -> None:
    """Lists your agency's proposals that await a decision."""

    async def job(house: House, officer: Officer) -> Sequence[Shown]:
        async with house.db.read() as session:
            return await house.identity.office.proposals.open(session, officer)

    for one in as_officer(profile, job):
        typer.echo(f"{one.id.hex}\t{one.kind}\t{one.maker_name.en}\t{one.made_at:%Y-%m-%d}\t{one.reason}")


def show(proposal: Which, profile: As = None) -> None:
    """Shows what a proposal would do. National IDs are masked here; the officers' page shows them in full."""

    async def job(house: House, officer: Officer) -> Shown:
        async with house.db.read() as session:
            key = await find(house, officer, proposal)
            return await house.identity.office.proposals.show(session, officer, key)

    shown = as_officer(profile, job)
    typer.echo(f"{shown.title.en} ({shown.kind}), proposed by {shown.maker_name.en}: {shown.reason}")
    for label, value in shown.lines:
        typer.echo(f"  {label.en}: {_masked(value)}")


def approve(
    proposal: Which,
    reason: Annotated[str, typer.Option(help="Why, if you want to say.")] = "",
    profile: As = None,
) -> None:
    """Approves another officer's proposal. Takes a sign-in by passkey of the last minutes (sign-in --strong)."""
    from identity.proposals import edge

    async def job(house: House, officer: Officer) -> tuple[str, str]:
        office = house.identity.office
        key = await find(house, officer, proposal)
        await _refuse_where_the_cache_cannot_be_told(house, key)
        done = await edge.approve(house.db, office.proposals, office.known_facts, officer, key, reason)
        return done.kind, done.told

    kind, told = as_officer(profile, job)
    typer.echo(f"approved: {kind}" + (f", client_id {told}" if told else ""))


def refuse(proposal: Which, reason: Reason, profile: As = None) -> None:
    """Refuses another officer's proposal."""

    async def job(house: House, officer: Officer) -> None:
        key = await find(house, officer, proposal)
        async with house.db.write() as session:
            await house.identity.office.proposals.refuse(session, officer, key, reason)

    as_officer(profile, job)
    typer.echo("refused")


def withdraw(proposal: Which, reason: Reason, profile: As = None) -> None:
    """Withdraws what you proposed."""

    async def job(house: House, officer: Officer) -> None:
        key = await find(house, officer, proposal)
        async with house.db.write() as session:
            await house.identity.office.proposals.withdraw(session, officer, key, reason)

    as_officer(profile, job)
    typer.echo("withdrawn")


def end(
    officer_key: Annotated[str, typer.Argument(metavar="OFFICER", help="The officer's key, as `list` shows it.")],
    reason: Reason,
    profile: As = None,
) -> None:
    """Ends an officer's service at your agency, or your own, at once. One officer is enough."""

    async def job(house: House, officer: Officer) -> str:
        async with house.db.write() as session:
            key = uuid_of(officer_key)
            return (await house.identity.office.leaving.end(session, officer, key, reason)).name.en

    typer.echo(f"{as_officer(profile, job)} is no officer any more")


def clients(profile: As = None) -> None:
    """Lists your agency's systems."""
    from identity.provider.registration import clients_of

    async def job(house: House, officer: Officer) -> list[str]:
        async with house.db.read() as session:
            return [
                "\t".join((row.id, row.name_en, " ".join(row.scopes), "ended" if row.ended_at else "in use"))
                for row in await clients_of(session, officer.agency)
            ]

    for line in as_officer(profile, job):
        typer.echo(line)


def end_client(
    client: Annotated[str, typer.Argument(help="The system's client id.")], reason: Reason, profile: As = None
) -> None:
    """Ends a system of your agency at once: its tokens work no more. One officer is enough."""
    from identity.proposals.agency_acts import end_system

    async def job(house: House, officer: Officer) -> None:
        async with house.db.write() as session:
            await end_system(session, house.identity.office.officers, officer, client, reason, house.clock)

    as_officer(profile, job)
    typer.echo(f"{client} has ended")


COMMANDS: Final[Mapping[str, Callable[..., None]]] = {
    "propose-add": propose_add,
    "propose-correction": propose_correction,
    "propose-guardian": propose_guardian,
    "propose-guardian-end": propose_guardian_end,
    "propose-client": propose_client,
    "propose-keys": propose_keys,
    "proposals": proposals,
    "show": show,
    "approve": approve,
    "refuse": refuse,
    "withdraw": withdraw,
    "end": end,
    "clients": clients,
    "end-client": end_client,
}
"""By name, below `sitthi officer`."""


def propose(profile: str | None, kind: str, given: dict[str, Any], reason: str) -> None:
    from identity.proposals.acts import ProposalKind

    async def job(house: House, officer: Officer) -> UUID:
        async with house.db.write() as session:
            return await house.identity.office.proposals.propose(session, officer, ProposalKind(kind), given, reason)

    typer.echo(f"proposed: {as_officer(profile, job).hex}")


def as_officer(profile: str | None, job: Job[T]) -> T:
    """Runs the job for the officer; whatever goes wrong is one sentence with its code, and exit status 1."""
    from api.commands.talk import fail, told
    from core.assurance import StepUpRequired

    settings = Settings()
    with told(settings):
        try:
            return asyncio.run(_with_officer(settings, profile, job))
        except StepUpRequired as error:
            name = f" --as {profile}" if profile else ""
            fail(f"{error.message(Language.EN)} Use: sitthi officer sign-in --strong{name} ({error.code})")


async def _with_officer(settings: Settings, profile: str | None, job: Job[T]) -> T:
    from api.house import House
    from identity.officers import current_officer

    house = House(settings)
    try:
        officer = await current_officer(settings, house.db, profile, keys=house.keys, clock=house.clock)
        return await job(house, officer)
    finally:
        await house.close()


async def find(house: House, officer: Officer, given: str) -> UUID:
    """A proposal of the agency by its id, or an open one by its ending. Raises `NotFound` for none, or for several."""
    from core.errors import NotFound

    wanted = given.strip().lower().replace("-", "")
    if len(wanted) == 32:
        return uuid_of(wanted)
    async with house.db.read() as session:
        listed = await house.identity.office.proposals.open(session, officer)
    fitting = [one.id for one in listed if len(wanted) >= ENDING_MIN and one.id.hex.endswith(wanted)]
    if len(fitting) != 1:
        raise NotFound
    return fitting[0]


async def _refuse_where_the_cache_cannot_be_told(house: House, proposal: UUID) -> None:
    """Without Redis the server's cache lives in its own process, where this command cannot reach it."""
    from api.commands.talk import fail

    async with house.db.read() as session:
        person = await house.identity.office.proposals.person_corrected_by(session, proposal)
    if person is not None and house.settings.redis_url is None:
        fail(f"Without SITTHI_REDIS_URL a number is corrected on the officers' page: {house.settings.issuer}/officer")


def uuid_of(given: str) -> UUID:
    from uuid import UUID

    from core.errors import NotFound

    try:
        return UUID(hex=given)
    except ValueError:
        raise NotFound from None


def lines_of(*questions: str) -> list[str]:
    """An answer to each question, from the terminal (numbers without echo) or from standard input, a line each."""
    if sys.stdin.isatty():
        return [getpass.getpass(f"{one}: ") if "ID" in one else str(typer.prompt(one)) for one in questions]
    lines = [line.strip() for line in sys.stdin.read().splitlines()]
    return (lines + [""] * len(questions))[: len(questions)]


def json_of(file: Path) -> Any:
    from api.commands.talk import fail

    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        fail(f"{file} cannot be read as JSON.")


def _masked(value: str) -> str:
    """Of a national ID its last four digits: enough to tell it from another."""
    return f"…{value[-4:]}" if len(value) == 13 and value.isdigit() else value
