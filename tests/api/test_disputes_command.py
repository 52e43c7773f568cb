"""`sitthi pay disputes` at the terminal: words come by standard input, and a long list goes on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from api.commands import disputes
from core.clock import FixedClock
from core.ids import new_id
from core.rooms import Rooms
from services.receive.disputes.desk import PAGE, DisputeDesk
from services.receive.disputes.models import Dispute

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass
class Desk:
    """The desk as the command knows it."""

    rows: list[Dispute] = field(default_factory=list)
    answers: list[tuple[UUID, str, str]] = field(default_factory=list)

    async def listed(self, _: Any, statuses: Any, *, after: UUID | None, limit: int) -> list[Dispute]:
        assert statuses
        return [row for row in self.rows if after is None or row.id > after][:limit]

    async def ending(self, _: Any, ending: str) -> UUID:
        return next(row.id for row in self.rows if row.id.hex.endswith(ending))

    async def answer(self, _: Any, key: UUID, finding: Any, reason: str, *, seen: int | None) -> Dispute:
        assert seen is None
        self.answers.append((key, finding.value, reason))
        return next(row for row in self.rows if row.id == key)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made, rooms = Desk(), Rooms()
    rooms.add(DisputeDesk, made)
    house = SimpleNamespace(rooms=rooms, clock=FixedClock(NOW))
    monkeypatch.setattr(disputes, "as_officer", lambda _, job: asyncio.run(job(house, None)))
    return made


def dispute() -> Dispute:
    return Dispute(
        person=new_id(), id=new_id(), instalment=new_id(), agency="dla", kind="NOT_RECEIVED", status="OPEN",
        created_at=NOW, updated_at=NOW, due_on=date(2026, 12, 7),
    )  # fmt: skip


def run(*words: str, said: str = "") -> tuple[int, str]:
    done = CliRunner().invoke(disputes.app, list(words), input=said)
    return done.exit_code, done.output


def test_what_the_citizen_is_told_is_read_from_standard_input(desk: Desk) -> None:
    desk.rows = [dispute()]
    key = desk.rows[0].id
    code, out = run("answer", key.hex[-8:], "--finding", "PAID", said="โอนเข้าพร้อมเพย์แล้ว\nตามสลิป\n")
    assert (code, out.split("\t")[0]) == (0, key.hex)
    assert desk.answers == [(key, "PAID", "โอนเข้าพร้อมเพย์แล้ว\nตามสลิป\n")]


def test_no_argument_takes_words_about_a_person(desk: Desk) -> None:
    desk.rows = [dispute()]
    code, _ = run("answer", desk.rows[0].id.hex, "--finding", "PAID", "--reason", "โอนแล้ว")
    assert (code, desk.answers) == (2, [])


def test_a_list_that_goes_on_says_how(desk: Desk) -> None:
    desk.rows = sorted((dispute() for _ in range(PAGE + 5)), key=lambda row: row.id)
    code, out = run("list")
    *lines, more = out.splitlines()
    assert (code, len(lines)) == (0, PAGE)
    last = desk.rows[PAGE - 1].id.hex
    assert more == f"More: sitthi pay disputes list --after {last}"
    assert len(run("list", "--after", last)[1].splitlines()) == 5
    assert run("list", "--after", "nonsense")[0] == 2
