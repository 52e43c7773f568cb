"""`sitthi decision replay` at the terminal: its words, its JSON and its exit statuses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update
from typer.testing import CliRunner, Result

from api.cli import app
from core.attestation.service import Attestor
from core.clock import SystemClock
from core.crypto import load_keys
from core.database import Database
from core.graph import global_id
from core.ids import new_id
from core.settings import Settings
from services.apply.models import Decision
from services.apply.service import ApplyService
from services.exchange.catalogue import load_catalogue
from services.exchange.privacy.states import Step
from services.exchange.privacy.trail import Trail
from tests.welfare.entitlements.conftest import TableGate
from tests.welfare.entitlements.support import NoAward, NoNotice
from welfare.entitlements.decider import ProgrammeDecider
from welfare.entitlements.room import programmes_over

pytestmark = pytest.mark.sqlite_only  # what is done to the tables is tried on both in tests/welfare/entitlements


@pytest.fixture(autouse=True)
def _settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITTHI_DATABASE_URL", database_url)
    monkeypatch.setenv("SITTHI_DATA", str(tmp_path))


def within(do: Callable[[Database, Settings], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        settings = Settings()
        database = Database(settings.sqlalchemy_url)
        try:
            return await do(database, settings)
        finally:
            await database.close()

    return asyncio.run(whole())


async def decide(database: Database, settings: Settings) -> Decision:
    keys, clock, catalogue = load_keys(settings), SystemClock(), load_catalogue()
    gate = TableGate(catalogue, clock)  # type: ignore[arg-type]  # any clock will do
    decider = ProgrammeDecider(gate, clock, catalogue, programmes_over(catalogue))
    service = ApplyService(
        database, keys, clock, deciders={"programme": decider}, awarder=NoAward(), notices=NoNotice(),
        attestor=Attestor(database, keys, clock, settings.issuer),
    )  # fmt: skip
    person = gate.add(birth_date=date(1955, 3, 1))
    submission = await service.prepare(person, person, "programme:old-age-allowance")
    async with database.write() as session:
        await service.apply(session, submission)
    async with database.read() as session:
        return (await session.scalars(select(Decision))).one()


@pytest.fixture
def row() -> Decision:
    found: Decision = within(decide)
    return found


def replay(*words: str) -> Result:
    return CliRunner().invoke(app, ["decision", "replay", *words])


def test_an_unchanged_decision_is_the_same_answer_and_status_0(row: Decision) -> None:
    for key in (row.id.hex, str(row.id), str(global_id("Decision", row.id))):
        done = replay(key)
        assert (done.exit_code, "gives the same answer" in done.output) == (0, True), done.output
        assert done.output.count("INTACT") == 4
        assert "1955" not in done.output


def test_json_is_one_object_without_a_fact(row: Decision) -> None:
    done = replay(row.id.hex, "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 0
    assert (found["decision"], found["answer"], found["outcome"]) == (row.id.hex, "SAME", "GRANTED")
    assert found["members"]["tree"] == {"state": "INTACT", "why": None}
    assert "1955" not in done.stdout


def test_what_was_tampered_with_is_named_with_status_1(row: Decision) -> None:
    async def tamper(database: Database, _: Settings) -> None:
        async with database.write() as session:
            await session.execute(text("DROP TRIGGER decision_refuses_update"))
            await session.execute(update(Decision).values(outcome="REFUSED"))

    within(tamper)
    done = replay(row.id.hex)
    assert done.exit_code == 1
    assert "outcome: TAMPERED" in done.output
    found = json.loads(replay(row.id.hex, "--json").stdout)
    assert [name for name, member in found["members"].items() if member["state"] == "TAMPERED"] == ["outcome"]


def test_who_was_erased_is_status_3(row: Decision) -> None:
    async def erase(database: Database, _: Settings) -> None:
        async with database.write() as session:
            await session.execute(text("DELETE FROM subject_key"))
            trail = Trail(SystemClock())
            await trail.note(session, Step.KEY_DESTROYED, person=row.person, subject=new_id(), by="system")

    within(erase)
    done = replay(row.id.hex)
    assert done.exit_code == 3
    assert "were erased on" in done.output
    assert "signature: INTACT" in done.output


def test_one_that_is_not_there_is_status_4() -> None:
    for key in (new_id().hex, new_id().hex[:-1], "nonsense", str(global_id("Application", new_id()))):
        done = replay(key)
        assert (done.exit_code, "no decision of that id" in done.output) == (4, True)
