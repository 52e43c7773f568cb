"""`sitthi desk` at the terminal: words come by standard input, a list names nobody, and two people grant what pays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from api.commands import desk, officer_acts
from api.commands.words import one_line
from api.desk_of_applications import OfficerTies
from api.house import House
from core.ids import NationalId, check_digit, new_id
from core.settings import Settings
from core.text import Text
from identity.officers import Officer
from identity.officers.models import Officer as OfficerRow
from identity.officers.models import OfficerAct
from identity.officers.register import SignIn
from services.apply.deciding import Holder, Missing, Outcome, Prepared, Request
from services.apply.decisions.examining import Examiner
from services.apply.desk.models import DeskDecision
from services.apply.models import Application, Decision
from services.apply.roles import CHECK, DECIDE
from services.apply.service import ApplyService, Submission
from services.exchange.answers import NOT_KNOWN, unavailable
from services.exchange.sources import Reader
from services.pay.models import Award
from welfare.entitlements.replay import Answer, replay

TITLE = Text(th="เบี้ยยังชีพผู้สูงอายุ", en="Old-age allowance")
CARD = Missing("birth_date", Text(th="วันเกิด", en="birth date"), Holder.AGENCY, "dopa")
ROLES = {"maker": (DECIDE,), "checker": (CHECK,), "clerk": ("pay.plan",)}
WORDS = "หลักฐานไม่พอตามระเบียบ\n\nระเบียบ มท. 2566 ข้อ 6\n\n"


async def never(_: Any, __: UUID) -> None:
    """Nobody was erased."""


class Terminal:
    """Each command opens the house anew, as a process does; profiles are officers who signed in by passkey just now."""

    def __init__(self) -> None:
        self.officers: dict[str, Officer] = {}

    def __call__(self, *words: str, as_: str = "maker", ok: bool = True, said: str = "") -> str:
        done: Result = CliRunner().invoke(desk.app, [*words, "--as", as_], input=said)
        assert (done.exit_code == 0) is ok, done.output
        return done.output

    async def act(self, _: Settings, profile: str | None, job: Any) -> Any:
        async def signed_in(house: House) -> Any:
            officer = self.officers[profile or "maker"]
            return await job(house, replace(officer, sign_in=SignIn("ial2.3-aal2.2", house.clock.now())))

        return await self._within(signed_in)

    def within(self, do: Callable[[House], Awaitable[Any]]) -> Any:
        return asyncio.run(self._within(do))

    async def _within(self, do: Callable[[House], Awaitable[Any]]) -> Any:
        house = House(Settings())
        try:
            return await do(house)
        finally:
            await house.close()

    async def serve(self, house: House) -> None:
        for name, roles in ROLES.items():
            key = new_id()
            async with house.db.write() as session:
                session.add(
                    OfficerRow(
                        person=key, agency="dla", roles=list(roles), name_th="ก", name_en=name, active=True,
                        updated_at=house.clock.now(),
                    )
                )  # fmt: skip
            self.officers[name] = Officer(key, "dla", frozenset(roles), Text(th="ก", en=name))

    def application(self) -> UUID:
        async def made(house: House) -> UUID:
            digits = "010000000001"
            async with house.db.write() as session:
                number = NationalId(digits + str(check_digit(digits)))
                person = (await house.identity.people.resolve(session, [number]))[number.digits]
            prepared = Prepared(Outcome.NEEDS_INFORMATION, TITLE, {}, (), (CARD,), pays=True)
            async with house.db.write() as session:
                request = Request(person, person, "programme:old-age-allowance")
                row = await house.rooms.get(ApplyService).apply(session, Submission(request, prepared))
            return row.id

        key: UUID = self.within(made)
        return key

    def replayed(self) -> Answer:
        """What comes of the one decision when it is taken again."""

        async def again(house: House) -> Answer:
            async with house.db.read() as session:
                decision = (await session.scalars(select(Decision))).one()
            examiner = Examiner(house.db, house.keys, house.attestor, never)
            done = await replay(examiner, decision.id)
            assert done.tampered == ()
            return done.answer

        answer: Answer = self.within(again)
        return answer

    def rows(self, model: Any) -> list[Any]:
        async def read(house: House) -> list[Any]:
            async with house.db.read() as session:
                return list(await session.scalars(select(model)))

        found: list[Any] = self.within(read)
        return found


@pytest.fixture
def terminal(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    async def nobody(_: OfficerTies, officer: UUID, people: Collection[UUID]) -> bool:
        return officer in people

    async def knows_nothing(_: Reader, part: Any) -> Any:
        return part.all_are(unavailable(NOT_KNOWN))

    monkeypatch.setattr(Reader, "_fetch", knows_nothing)
    monkeypatch.setenv("SITTHI_DATABASE_URL", database_url)
    monkeypatch.setenv("SITTHI_DATA", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setattr(OfficerTies, "between", nobody)
    terminal = Terminal()
    monkeypatch.setattr(officer_acts, "_with_officer", terminal.act)
    terminal.within(terminal.serve)
    return terminal


def test_a_case_is_listed_taken_shown_noted_and_put_back(terminal: Terminal) -> None:
    key = terminal.application()
    assert f"{key.hex}\tSUBMITTED" in terminal("list")
    assert "yours" in terminal("claim", key.hex[-8:])
    terminal("note", key.hex[-8:], said="โทรมาถามความคืบหน้า\n")
    shown = terminal("show", key.hex)
    assert "maker notes: โทรมาถามความคืบหน้า" in shown
    assert "national ID …" in shown
    assert "0100000000" not in shown
    assert "free" in terminal("release", key.hex)
    assert [act.kind for act in terminal.rows(OfficerAct)] == ["CASE_CLAIMED", "CASE_NOTED", "CASE_RELEASED"]


def test_no_words_of_anybody_move_an_officers_terminal(terminal: Terminal) -> None:
    assert one_line("ก\x1b[2Jข\n\u202eค\u200b") == "ก\ufffd[2Jข \ufffdค\ufffd"
    key = terminal.application()
    terminal("claim", key.hex)
    terminal("note", key.hex, said="โทรมา\nnational ID …1234, version 9\n")
    assert "notes: โทรมา national ID" in terminal("show", key.hex)


def test_an_officer_refuses_with_words_that_no_argument_holds(terminal: Terminal) -> None:
    key = terminal.application()
    terminal("claim", key.hex)
    assert "REJECTED" in terminal("refuse", key.hex, said=WORDS)
    assert terminal.replayed() == Answer.BY_AN_OFFICER
    [row] = terminal.rows(Application)
    [made] = terminal.rows(DeskDecision)
    assert (row.status, made.result, made.checker) == ("REJECTED", "DONE", None)


def test_what_is_proposed_another_approves_and_the_decision_replays(terminal: Terminal) -> None:
    key = terminal.application()
    terminal("claim", key.hex)
    facts = [
        "birth_date=1950-01-01", "nationality=thai", "household_registered=true", "state_benefit=false",
        "deceased=false", "old_age_registered=false",
    ]  # fmt: skip
    short = terminal("propose", key.hex, "--find", facts[0], said=WORDS, ok=False)
    assert "NOT_WHAT_THE_LAW_GIVES" in short
    found = [word for one in facts for word in ("--find", one)]
    assert "proposed" in terminal("propose", key.hex, *found, said=WORDS)
    assert "ROLE_MISSING" in terminal("approve", key.hex, ok=False)
    assert "APPROVED" in terminal("approve", key.hex, as_="checker")
    [made] = terminal.rows(DeskDecision)
    assert (made.maker, made.checker) == (terminal.officers["maker"].person, terminal.officers["checker"].person)
    assert terminal.replayed() == Answer.SAME
    [award] = terminal.rows(Award)
    assert award.application == key


def test_what_is_missing_is_asked_with_a_reason_and_one_that_is_too_short_is_told(terminal: Terminal) -> None:
    key = terminal.application()
    terminal("claim", key.hex)
    assert "BAD_INPUT" in terminal("ask", key.hex, "--attribute", "birth_date", said="ขอ\n", ok=False)
    assert "NEEDS_INFORMATION" in terminal(
        "ask", key.hex, "--attribute", "birth_date", said="ทะเบียนไม่มีวันเกิด กรุณาส่งหลักฐาน\n"
    )


def test_while_no_register_answers_nothing_is_found_asked_or_refused(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(_: Reader, part: Any) -> Any:
        return part.all_are(unavailable("SOURCE_UNREACHABLE"))

    monkeypatch.setattr(Reader, "_fetch", silent)
    key = terminal.application()
    terminal("claim", key.hex)
    for words in (("propose", "--find", "birth_date=1950-01-01"), ("refuse",)):
        assert "SERVICE_UNAVAILABLE" in terminal(words[0], key.hex, *words[1:], said=WORDS, ok=False)
    asked = ("ask", key.hex, "--attribute", "birth_date")
    assert "SERVICE_UNAVAILABLE" in terminal(*asked, said="ทะเบียนไม่มีวันเกิด กรุณาส่งหลักฐาน\n", ok=False)
    assert terminal.rows(Decision) == terminal.rows(DeskDecision) == []


@pytest.mark.parametrize("words", [("claim", "zzzzzz"), ("claim", "abc"), ("show", "0" * 32)])
def test_what_is_not_there_is_told_in_a_sentence(terminal: Terminal, words: tuple[str, ...]) -> None:
    assert "NOT_FOUND" in terminal(*words, ok=False)


def test_who_has_no_task_at_the_desk_is_told_which_role_it_takes(terminal: Terminal) -> None:
    assert "apply.read" in terminal("list", as_="clerk", ok=False)


def test_nothing_is_approved_that_nobody_proposed(terminal: Terminal) -> None:
    key = terminal.application()
    assert "NOT_FOUND" in terminal("approve", key.hex, as_="checker", ok=False)
    assert "NOT_FOUND" in terminal("give-back", key.hex, as_="checker", said="ยังอ่านหลักฐานไม่ออก\n", ok=False)
