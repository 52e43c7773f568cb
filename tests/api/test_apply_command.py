"""`sitthi apply` at the terminal: what an officer of the agency that decides sees and does there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select, update
from sqlmodel import col
from typer.testing import CliRunner, Result

from api.commands import apply, officer_acts
from api.house import House
from core.clock import BANGKOK, FixedClock
from core.ids import NationalId, check_digit, new_id
from core.settings import Settings
from core.text import Text
from identity.inbox.models import Message
from identity.officers import Officer
from identity.officers.models import OfficerAct
from services.apply import repository
from services.apply.deciding import Holder, Missing, Outcome, Prepared, Request
from services.apply.models import Application, Reassessment
from services.apply.roles import DECIDE, SUPERVISE
from services.apply.service import ApplyService, Submission

OFFICERS = {
    "desk": Officer(UUID(int=1), "dla", frozenset({DECIDE}), Text(th="ก", en="A")),
    "head": Officer(UUID(int=2), "dla", frozenset({SUPERVISE}), Text(th="ข", en="B")),
    "clerk": Officer(UUID(int=3), "dla", frozenset({"pay.plan"}), Text(th="ค", en="C")),
    "dcy": Officer(UUID(int=4), "dcy", frozenset({DECIDE, SUPERVISE}), Text(th="ง", en="D")),
}
TITLE = Text(th="เบี้ยยังชีพผู้สูงอายุ", en="Old-age allowance")
REASON = ("--reason", "the register was put right")
CARD = Missing("birth_date", Text(th="วันเกิด", en="birth date"), Holder.AGENCY, "dopa")


class Terminal:
    """Each command opens the house anew, as a process does; profiles are officers who signed in just now."""

    def __call__(self, *words: str, as_: str = "desk", ok: bool = True) -> str:
        done: Result = CliRunner().invoke(apply.app, [*words, "--as", as_])
        assert (done.exit_code == 0) is ok, done.output
        return done.output

    async def act(self, _: Settings, profile: str | None, job: Any) -> Any:
        return await self._within(lambda house: job(house, OFFICERS[profile or "desk"]))

    def within(self, do: Callable[[House], Awaitable[Any]]) -> Any:
        return asyncio.run(self._within(do))

    async def _within(self, do: Callable[[House], Awaitable[Any]]) -> Any:
        house = House(Settings())
        try:
            return await do(house)
        finally:
            await house.close()

    def application(self, outcome: Outcome, *, late: bool = False, person: UUID | None = None) -> UUID:
        async def made(house: House) -> UUID:
            who = person or new_id()
            missing = (CARD,) if outcome is Outcome.NEEDS_INFORMATION else ()
            prepared = Prepared(outcome, TITLE, {"programme": "old-age-allowance"}, (), missing)
            room = house.rooms.get(ApplyService)
            await room.ready_to_decide()
            async with house.db.write() as session:
                request = Request(who, who, "programme:old-age-allowance")
                row = await room.apply(session, Submission(request, prepared))
                if late:
                    due_on = house.clock.today() - timedelta(days=1)
                    await session.execute(
                        update(Application)
                        .where(col(Application.id) == row.id)
                        .values(due_on=due_on, turn_since=house.clock.now() - timedelta(days=60))
                    )
            return row.id

        key: UUID = self.within(made)
        return key

    def rows(self, model: Any) -> list[Any]:
        async def read(house: House) -> list[Any]:
            async with house.db.read() as session:
                return list(await session.scalars(select(model)))

        found: list[Any] = self.within(read)
        return found


@pytest.fixture
def terminal(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("SITTHI_DATABASE_URL", database_url)
    monkeypatch.setenv("SITTHI_DATA", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    terminal = Terminal()
    monkeypatch.setattr(officer_acts, "_with_officer", terminal.act)
    return terminal


def test_what_is_overdue_is_listed_without_a_name_for_the_agency_that_decides(terminal: Terminal) -> None:
    late = terminal.application(Outcome.NEEDS_INFORMATION, late=True)
    in_time = terminal.application(Outcome.NEEDS_INFORMATION)
    [line] = terminal("overdue", as_="head").splitlines()
    assert late.hex in line
    assert in_time.hex not in line
    assert "programme:old-age-allowance" in line
    assert terminal("overdue", as_="dcy") == ""
    assert "ROLE_MISSING" in terminal("overdue", as_="clerk", ok=False)


def test_an_officer_has_it_decided_again_and_the_reason_stays(terminal: Terminal) -> None:
    waiting = terminal.application(Outcome.NEEDS_INFORMATION)
    said = terminal("reconsider", waiting.hex[-8:], *REASON)
    assert "SUBMITTED → SUBMITTED" in said, "the registers do not answer here"
    [act] = terminal.rows(OfficerAct)
    assert (act.kind, act.by, act.subject) == ("APPLICATION_RECONSIDERED", UUID(int=1).hex, waiting)
    assert act.note == "the register was put right"


def test_what_was_granted_is_owed_a_second_look_while_the_registers_are_silent(terminal: Terminal) -> None:
    granted = terminal.application(Outcome.GRANTED)
    day = "2026-01-05"
    assert "APPROVED → APPROVED" in terminal("reconsider", granted.hex, *REASON, "--since", day)
    [row] = terminal.rows(Reassessment)
    assert (row.cause, row.officer, row.since.isoformat(), row.done_at) == ("OFFICER", UUID(int=1), day, None)


@pytest.mark.parametrize(
    ("profile", "code"), [("clerk", "ROLE_MISSING"), ("head", "ROLE_MISSING"), ("dcy", "NOT_FOUND"), ("desk", None)]
)
def test_nobody_else_moves_it(terminal: Terminal, profile: str, code: str | None) -> None:
    waiting = terminal.application(Outcome.NEEDS_INFORMATION)
    said = terminal("reconsider", waiting.hex, *REASON, as_=profile, ok=code is None)
    assert code is None or code in said
    assert len(terminal.rows(OfficerAct)) == (code is None)


def test_nobody_decides_their_own(terminal: Terminal) -> None:
    own = terminal.application(Outcome.NEEDS_INFORMATION, person=UUID(int=1))
    assert "NOT_YOURS_TO_DECIDE" in terminal("reconsider", own.hex, *REASON, ok=False)


@pytest.mark.parametrize(
    "words",
    [
        ("--reason", "why"),
        ("--reason", "it is 1112034563562 whose fact was wrong"),
        (*REASON, "--since", "2999-01-01"),
        (*REASON, "--since", "1999-01-01"),
        (*REASON, "--since", "yesterday"),
    ],
)
def test_a_reason_and_a_day_that_cannot_be_are_refused(terminal: Terminal, words: tuple[str, ...]) -> None:
    granted = terminal.application(Outcome.GRANTED)
    terminal("reconsider", granted.hex, *words, ok=False)
    assert terminal.rows(OfficerAct) == []
    assert terminal.rows(Reassessment) == []


def test_the_end_of_an_id_names_one_or_none(terminal: Terminal) -> None:
    terminal.application(Outcome.NEEDS_INFORMATION)
    for given in ("abc", "zzzzzz", "0" * 32, "%%%%%%"):
        assert "NOT_FOUND" in terminal("reconsider", given, *REASON, ok=False)


def test_what_a_death_closed_by_mistake_is_opened_again(terminal: Terminal) -> None:
    waiting, person = terminal.application(Outcome.NEEDS_INFORMATION, person=UUID(int=9)), UUID(int=9)
    assert "NOT_REOPENABLE" in terminal("reopen", waiting.hex, *REASON, ok=False)

    async def die(house: House) -> None:
        async with house.db.write() as session:
            await house.life.lifecycle.die(session, person, waiting, died=person, on=None, near=[UUID(int=8)])

    terminal.within(die)
    [message] = [one for one in terminal.rows(Message) if one.template == "apply.bereaved"]
    assert message.person == UUID(int=8)
    assert "allowance" not in message.body_en, "what it was that ended is nobody's business"
    assert "DECEASED → SUBMITTED" in terminal("reopen", waiting.hex, *REASON)

    async def steps(house: House) -> list[tuple[str, UUID | None]]:
        async with house.db.read() as session:
            found = await repository.events(session, person, [waiting])
        return [(one.action, one.officer) for one in found[waiting]]

    assert terminal.within(steps)[-1] == ("REOPEN", UUID(int=1))
    assert [act.kind for act in terminal.rows(OfficerAct)] == ["APPLICATION_REOPENED"]


def test_supervisors_and_the_citizen_hear_of_what_is_late_once(terminal: Terminal) -> None:
    person = UUID(int=7)
    late = terminal.application(Outcome.NEEDS_INFORMATION, late=True, person=person)

    async def follow(house: House) -> None:
        async with house.db.write() as session:
            for seed, role in ((1, SUPERVISE), (2, DECIDE)):
                digits = f"0{seed:011d}"
                await house.identity.office.officers.add(
                    session,
                    NationalId(f"{digits}{check_digit(digits)}"),
                    agency="dla",
                    roles=[role],
                    name=TITLE,
                    by="t",
                )
        await house.life.follow_clocks()
        await house.life.follow_clocks()

    terminal.within(follow)
    messages = [one for one in terminal.rows(Message) if one.template in {"apply.overdue", "apply.escalated"}]
    assert sorted(one.template for one in messages) == ["apply.escalated", "apply.overdue"]
    [escalated] = [one for one in messages if one.template == "apply.escalated"]
    assert late.hex[-6:] in escalated.body_en
    assert [one.person for one in messages if one.template == "apply.overdue"] == [person]


async def test_the_holidays_of_a_year_that_is_near_are_missed(settings: Settings) -> None:
    house = House(settings, FixedClock(datetime(2027, 10, 1, tzinfo=BANGKOK)))
    assert await house.life.miss_holidays() == (2028,)
    assert REGISTRY.get_sample_value("sitthi_working_days_years_missing") == 1
    await house.close()
