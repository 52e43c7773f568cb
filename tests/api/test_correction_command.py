"""`sitthi correction` at the terminal: what an officer of the steward sees and does there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from api.commands import correction, officer_acts
from api.house import House
from core.ids import NationalId
from core.settings import Settings
from core.text import Text
from identity.officers import Officer
from services.exchange.corrections.roles import DECIDE
from tests.services.exchange.fakes import national_id

OFFICERS = {
    "desk": Officer(UUID(int=1), "dopa", frozenset({DECIDE}), Text(th="ก", en="A")),
    "clerk": Officer(UUID(int=2), "dopa", frozenset({"pay.plan"}), Text(th="ข", en="B")),
    "tax": Officer(UUID(int=3), "rd", frozenset({DECIDE}), Text(th="ค", en="C")),
}


class Terminal:
    """Each command opens the house anew, as a process does; profiles are officers who signed in just now."""

    def __call__(self, *words: str, as_: str = "desk", ok: bool = True) -> str:
        done: Result = CliRunner().invoke(correction.app, [*words, "--as", as_])
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

    def opened(self, number: NationalId, attribute: str = "birth_date", statement: str = "ปีเกิดผิดไป") -> str:
        async def open_(house: House) -> str:
            async with house.db.write() as session:
                person = (await house.identity.people.resolve(session, [number]))[number.digits]
                row = await house.corrections.request(session, person, attribute=attribute, statement=statement)
            return row.id.hex

        key: str = self.within(open_)
        return key

    def log_of(self, number: NationalId) -> list[Any]:
        from tests.support import access_log  # noqa: PLC0415 - it loads the graph

        async def read(house: House) -> list[Any]:
            async with house.db.read() as session:
                person = await house.identity.people.find(session, number)
            return list(await access_log.entries(house.db, house.keys, person))

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


def test_a_case_is_listed_without_a_name_taken_and_decided(terminal: Terminal) -> None:
    number = national_id(77)
    case = terminal.opened(number)
    listed = terminal("list")
    assert case in listed
    assert "OPEN" in listed
    assert number.digits not in listed
    assert "IN_REVIEW" in terminal("take", case[-8:])
    asked = terminal("decide", case, "--outcome", "NEEDS_MORE", "--note", "ขอสูติบัตร")
    assert "NEEDS_MORE" in asked
    refused = terminal("decide", case, "--outcome", "REFUSED", "--note", "x", ok=False)
    assert "NOT_THE_AGENCYS_TURN" in refused
    assert terminal("list", as_="tax") == ""


def test_who_shows_a_case_stands_in_the_citizens_log(terminal: Terminal) -> None:
    number = national_id(78)
    case = terminal.opened(number)
    assert terminal.log_of(number) == []
    shown = terminal("show", case)
    assert number.digits in shown
    assert "ปีเกิดผิดไป" in shown
    [entry] = terminal.log_of(number)
    assert (entry.asker_agency, entry.purpose, entry.decision) == ("dopa", "correction", "ALLOWED")


def test_what_was_corrected_is_closed_and_listed_only_when_asked_for(terminal: Terminal) -> None:
    case = terminal.opened(national_id(79))
    terminal("take", case)
    assert "CORRECTED" in terminal("decide", case, "--outcome", "CORRECTED")
    assert terminal("list") == ""
    assert case in terminal("list", "--all")


@pytest.mark.parametrize(
    ("words", "who", "says"),
    [
        (("list",), "clerk", "ROLE_MISSING"),
        (("show", "CASE"), "tax", "NOT_FOUND"),
        (("take", "CASE"), "tax", "NOT_FOUND"),
        (("take", "x"), "desk", "NOT_FOUND"),
        (("take", "z" * 32), "desk", "NOT_FOUND"),
        (("decide", "CASE", "--outcome", "MAYBE"), "desk", "CORRECTED"),
        (("decide", "CASE", "--outcome", "REFUSED"), "desk", "BAD_INPUT"),
        (("decide", "CASE", "--outcome", "REFUSED", "--note", "x"), "desk", "CORRECTION_NOT_TAKEN"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(terminal: Terminal, words: tuple[str, ...], who: str, says: str) -> None:
    case = terminal.opened(national_id(80))
    told = terminal(*(case if word == "CASE" else word for word in words), as_=who, ok=False)
    assert says in told
    assert "Traceback" not in told
