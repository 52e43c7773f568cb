"""`sitthi desk`: the applications that your agency decides, for its officers.

A list names nobody. `show` says who a case is about and on which facts; the citizen sees in their access log that it
was looked at. What is said about a person is asked for, or read from standard input: never from the arguments, which
all the machine can see.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.officer_acts import As, as_officer
from api.commands.words import one_line, text_of, when

if TYPE_CHECKING:
    from uuid import UUID

    from api.house import House
    from identity.officers import Officer
    from services.apply.desk.acts import Act
    from services.apply.desk.queue import Line
    from services.apply.desk.showing import Shown

app = typer.Typer(no_args_is_help=True)
ENDING_MIN = 6

Which = Annotated[str, typer.Argument(help="The application's id, or its last characters, six or more.")]
Find = Annotated[
    list[str] | None, typer.Option(help="A fact that evidence shows, as NAME=VALUE; may be given several times.")
]


@app.command(name="list")
def list_cases(
    mine: Annotated[bool, typer.Option("--mine", help="Those that you have.")] = False,
    free: Annotated[bool, typer.Option("--free", help="Those that nobody has.")] = False,
    proposed: Annotated[bool, typer.Option("--proposed", help="Those that wait for a second officer.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Whoever's turn it is.")] = False,
    profile: As = None,
) -> None:
    """Lists what waits for your agency, what is due first before the others."""

    async def job(house: House, officer: Officer) -> list[str]:
        from services.apply.desk.queue import Queue
        from services.apply.desk.service import CaseDesk
        from services.apply.states import Status

        queue = Queue(list(Status) if all_ else None, mine=mine, free=free, proposed=proposed)
        desk = house.rooms.get(CaseDesk)
        return [_line(one) for one in await queue.read(house.db, house.clock, desk, officer, None, 1_000)]

    for line in as_officer(profile, job):
        typer.echo(line)


@app.command()
def show(
    application: Which,
    declare: Annotated[
        bool, typer.Option("--declare", help="Asks why you look on your word that it is of nobody near you.")
    ] = False,
    profile: As = None,
) -> None:
    """Shows one case: who, the facts with source and day, what the law says of them, and what happened."""
    declaration = text_of("Why") if declare else None

    async def job(house: House, officer: Officer) -> list[str]:
        from services.apply.desk.showing import CaseLooks

        key = await _find(house, officer, application)
        shown = await house.rooms.get(CaseLooks).show(officer, key, declaration=declaration)
        return [_line(await _line_of(house, officer, key)), *_told(shown)]

    for line in as_officer(profile, job):
        typer.echo(line)


@app.command()
def claim(application: Which, profile: As = None) -> None:
    """Takes a case into your hands."""
    from services.apply.desk import acts

    _do(profile, application, acts.Claim())


@app.command()
def release(application: Which, profile: As = None) -> None:
    """Puts a case back into the queue."""
    from services.apply.desk import acts

    _do(profile, application, acts.Release())


@app.command()
def refer(
    application: Which, to: Annotated[str, typer.Option(help="The colleague's key.")], profile: As = None
) -> None:
    """Hands a case to a colleague."""
    from services.apply.desk import acts

    _do(profile, application, acts.Refer(_uuid(to)))


@app.command()
def note(application: Which, profile: As = None) -> None:
    """Writes a note for colleagues. Asks for the text, or reads it. The citizen has it in the copy of their data."""
    from services.apply.desk import acts

    _do(profile, application, _read(lambda: acts.note(text_of("Note"))))


@app.command()
def ask(
    application: Which,
    attribute: Annotated[str, typer.Option(help="The fact that is missing, birth_date for instance.")],
    profile: As = None,
) -> None:
    """Asks the citizen for more. Asks for the reason in Thai and, if you like, in English: a line each."""
    from services.apply.desk import acts

    th, en = _lines("Why (Thai)", "Why (English)")
    _do(profile, application, _read(lambda: acts.ask([{"attribute": attribute, "why": th, "whyEn": en or None}])))


@app.command()
def propose(application: Which, find: Find = None, profile: As = None) -> None:
    """Grants it; what pays waits for a second officer. Asks for reason and law: Thai, then English, a line each."""
    _decide(profile, application, find, grants=True)


@app.command()
def refuse(application: Which, find: Find = None, profile: As = None) -> None:
    """Refuses it. Asks for reason and law: Thai, then English, a line each."""
    _decide(profile, application, find, grants=False)


@app.command()
def approve(application: Which, profile: As = None) -> None:
    """Approves what a colleague proposes. Takes a sign-in by passkey of the last minutes (officer sign-in --strong)."""
    _do(profile, application, None)


@app.command(name="give-back")
def give_back(application: Which, profile: As = None) -> None:
    """Gives a proposal back to its maker. Asks for the reason, which becomes a note."""
    _do(profile, application, None, back=text_of("Why"))


def _decide(profile: str | None, application: str, find: list[str] | None, *, grants: bool) -> None:
    from services.apply.desk import acts

    reason, reason_en, law, law_en = _lines("Reason (Thai)", "Reason (English)", "Law (Thai)", "Law (English)")
    findings = dict(_finding(one) for one in find or ())
    act = _read(lambda: acts.decide(grants, (reason, reason_en or None), (law, law_en or None), findings))
    _do(profile, application, act)


def _do(profile: str | None, application: str, act: Act | None, *, back: str | None = None) -> None:
    """Without an act it is about the proposal that waits: approved, or given `back`."""

    async def job(house: House, officer: Officer) -> str:
        from core.errors import NotFound
        from services.apply.desk import acts
        from services.apply.desk.service import CaseDesk

        desk, key = house.rooms.get(CaseDesk), await _find(house, officer, application)
        doing = act
        if doing is None:
            proposal = (await _line_of(house, officer, key)).proposal
            if proposal is None:
                raise NotFound(path=("proposal",))
            doing = acts.Approve(proposal) if back is None else acts.give_back(proposal, back)
        ready = await desk.prepare(officer, key, doing)
        async with house.db.write() as session:
            await desk.perform(session, ready)
        return _line(await _line_of(house, officer, key))

    typer.echo(as_officer(profile, job))


async def _find(house: House, officer: Officer, given: str) -> UUID:
    """By its id or the end of it. Raises NotFound for none of the agency's, and for several."""
    from core.errors import NotFound
    from services.apply import repository
    from services.apply.desk.service import CaseDesk

    wanted = given.strip().lower().replace("-", "")
    if len(wanted) < ENDING_MIN or not set(wanted) <= set("0123456789abcdef"):
        raise NotFound
    subjects = tuple(house.rooms.get(CaseDesk).subjects(officer))
    async with house.db.read() as session:
        found = await repository.ending(session, subjects, wanted)
    if len(found) != 1:
        raise NotFound
    return found[0].id


async def _line_of(house: House, officer: Officer, key: UUID) -> Line:
    from services.apply.desk.queue import line_of
    from services.apply.desk.service import CaseDesk

    return await line_of(house.db, house.clock, house.rooms.get(CaseDesk), officer, key)


def _line(one: Line) -> str:
    due = "no last day" if one.due_on is None else f"due {one.due_on}{' (overdue)' if one.overdue else ''}"
    hands = "yours" if one.mine else "taken" if one.claimed_until is not None else "free"
    waits = "\tproposed" if one.proposal is not None else ""
    return f"{one.id.hex}\t{one.status}\t{due}\t{hands}\t{one.subject}{waits}"


def _told(shown: Shown) -> list[str]:
    told = [f"national ID …{shown.national_id.digits[-4:]}, version {shown.row.version}"]
    told += [
        f"  {one.name} = {'unknown' if one.value is None else one_line(str(one.value))}"
        f" ({', '.join(filter(None, (one.source, one.as_of, one.state)))})"
        for one in shown.facts
    ]
    if shown.law_says is not None:
        told.append(f"the law says {shown.law_says}")
    if shown.unread is not None:
        told.append(f"the facts could not be read: {shown.unread}")
    told += [
        f"  missing: {one.attribute}, held by {one.agency or 'the citizen'}{f' ({one.why.value})' if one.why else ''}"
        for one in shown.missing
    ]
    told += [f"  {one['outcome']}: {one['en']} ({one['law']['en']})" for one in shown.reasons]
    if shown.grounds is not None:
        told.append(f"appeals: {one_line(shown.grounds)}")
    told += [f"evidence {one.id.hex}: {one.media_type}, {one.size} bytes" for one in shown.evidence]
    told += [f"{when(one.at)} {one.action} → {one.status}" for one in shown.history]
    told += [
        f"{when(one.row.asked_at)} asked for {', '.join(item['attribute'] for item in one.row.wanted)}: "
        f"{'answered' if one.row.answered_at is not None else 'waits'}"
        for one in shown.questions
    ]
    told += [
        f"{when(one.row.made_at)} {shown.names[one.row.maker].en}: {one.row.outcome}, {one.row.result or 'proposed'}"
        for one in shown.decisions
    ]
    return told + [
        f"{when(row.at)} {shown.names[row.officer].en} notes: {one_line(said or '')}" for row, said in shown.notes
    ]


def _finding(given: str) -> tuple[str, Any]:
    """A whole number and true or false are read as such; what else, as text."""
    name, equals, value = given.partition("=")
    if not equals:
        raise typer.BadParameter(f"{given!r} is not NAME=VALUE")
    if value in ("true", "false"):
        return name, value == "true"
    return name, int(value) if value.lstrip("-").isdecimal() and value.isascii() else value


def _read(make: Any) -> Act:
    from api.commands.talk import fail
    from core.errors import BadInput
    from core.text import Language

    try:
        act: Act = make()
    except BadInput as error:
        fail(f"{error.message(Language.EN)} ({error.code})")
    return act


def _lines(*questions: str) -> Sequence[str]:
    """An answer to each question, from the terminal or from standard input, a line each."""
    if sys.stdin.isatty():
        return [str(typer.prompt(one, default="", show_default=False)) for one in questions]
    lines = [line.strip() for line in sys.stdin.read().splitlines()]
    return (lines + [""] * len(questions))[: len(questions)]


def _uuid(given: str) -> UUID:
    from uuid import UUID

    try:
        return UUID(hex=given)
    except ValueError:
        raise typer.BadParameter("a key has 32 hex digits") from None
