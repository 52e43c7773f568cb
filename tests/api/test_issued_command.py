"""`sitthi credential` and `sitthi paper` at the terminal: words come by standard input, revoking is proposed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.commands import issued
from core.ids import NationalId, new_id
from core.rooms import Rooms
from services.receive.credentials.status import Status
from services.receive.standing.desk import IssuedDesk
from services.receive.standing.service import Issued
from services.receive.standing.states import IssuedKind, StandingActKind
from services.sandbox.population.personas import persona

NOW = datetime(2026, 11, 22, tzinfo=UTC)
WORDS = "ออกผิดคน\nissued to somebody else\n"
ONE = Issued(new_id(), IssuedKind.PAPER, "mhesi", None, None, "ab" * 32, NOW, Status.VALID)


@dataclass
class Desk:
    """The desk, the proposals and the register of people, as the commands know them."""

    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def ready(self, _: Any, name: str) -> Issued:
        self.asked.append(("ready", name))
        return ONE

    async def act_by(self, _: Any, name: str, act: StandingActKind, reason: Any, key: str) -> Issued:
        assert key.startswith("command:")
        self.asked.append((act.value, name, reason.th, reason.en))
        return ONE

    async def listed_by(self, _: Any, person: UUID) -> list[Issued]:
        assert person == ONE.id
        return [ONE]

    async def propose(self, _session: Any, _officer: Any, kind: Any, given: dict[str, str], why: str) -> UUID:
        self.asked.append((kind.value, *given.values(), why))
        return UUID(int=1)

    async def find(self, _: Any, number: NationalId) -> UUID | None:
        return ONE.id if number.digits == persona("graduate").national_id else None

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        yield None


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made, rooms = Desk(), Rooms()
    rooms.add(IssuedDesk, made)
    identity = SimpleNamespace(people=made, office=SimpleNamespace(proposals=made))
    house = SimpleNamespace(rooms=rooms, identity=identity, db=SimpleNamespace(read=made.session, write=made.session))
    monkeypatch.setattr(issued, "as_officer", lambda _, job: asyncio.run(job(house, None)))
    return made


def run(*arguments: str, said: str = WORDS) -> str:
    told = CliRunner().invoke(app, [*arguments], input=said, catch_exceptions=False)
    assert told.exit_code == 0, told.output
    return told.stdout


@pytest.mark.parametrize("what", ["credential", "paper"])
def test_what_can_be_undone_is_done_with_the_reason_that_was_typed(desk: Desk, what: str) -> None:
    name = ONE.id.hex
    for act in ("suspend", "reinstate"):
        assert name in run(what, act, name)
    words = ("ออกผิดคน", "issued to somebody else")
    assert desk.asked == [("SUSPEND", name, *words), ("REINSTATE", name, *words)]


def test_what_is_for_good_waits_for_another_officer(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "transcript.pdf"
    file.write_bytes(b"%PDF-1.7")
    told = run("paper", "revoke", str(file))
    assert f"sitthi officer approve {UUID(int=1).hex}" in told
    assert desk.asked[0] == ("ready", hashlib.sha256(b"%PDF-1.7").hexdigest())
    assert desk.asked[1][:3] == ("ISSUED_WITHDRAW", ONE.id.hex, "REVOKE")
    run("credential", "reissue", ONE.id.hex.upper())
    assert desk.asked[2] == ("ready", ONE.id.hex)


def test_a_list_asks_whose_and_takes_no_number_as_an_argument(desk: Desk) -> None:
    number = persona("graduate").national_id
    assert ONE.id.hex in run("paper", "list", said=f"{number}\n")
    assert number not in str(desk.asked)
    refused = CliRunner().invoke(app, ["paper", "list", number])
    assert refused.exit_code == 2


def test_what_is_neither_an_id_nor_a_file_is_refused(desk: Desk) -> None:
    refused = CliRunner().invoke(app, ["paper", "suspend", "no-such-file.pdf"], input=WORDS)
    assert refused.exit_code == 2
    assert desk.asked == []
