"""`sitthi agreement` at the terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from api.commands import agreement, officer_acts
from core.clock import SystemClock
from core.crypto import load_keys
from core.database import Database
from core.settings import Settings
from core.text import Text
from identity.officers.register import OfficerRegister, SignIn
from identity.people import PeopleRegister
from services.exchange.agreements.service import AGREEMENTS_ACCEPT, AGREEMENTS_PROPOSE
from tests.identity.officers_of_tests import BY, PASSKEY, THAID, number
from tests.services.exchange.agreements.conftest import TERMS
from tests.services.exchange.fakes import CATALOGUE

REASON = ("--reason", "memorandum of today")
OFFICERS = {
    "one": (1, "sso", PASSKEY),
    "two": (2, "dopa", PASSKEY),
    "tired": (2, "dopa", THAID),
    "third": (3, "rd", PASSKEY),
}


class Terminal:
    """Each command opens the database anew, as a process does."""

    def __init__(self) -> None:
        self.settings, self.clock = Settings(), SystemClock()
        self.keys = load_keys(self.settings)
        self.officers = OfficerRegister(PeopleRegister(self.keys, self.clock), self.clock)

    def __call__(self, *words: str, ok: bool = True) -> str:
        done = CliRunner().invoke(agreement.app, list(words))
        assert (done.exit_code == 0) is ok, done.output
        return done.output

    async def act(self, _: Settings, profile: str | None, job: Any) -> Any:
        running, agency, acr = OFFICERS[profile or ""]
        db = Database(self.settings.sqlalchemy_url)
        try:
            async with db.write() as session:
                added = await self.officers.add(
                    session, number(running), agency=agency, roles=[AGREEMENTS_PROPOSE, AGREEMENTS_ACCEPT],
                    name=Text(th="เจ้าหน้าที่", en="Officer"), by=BY,
                )  # fmt: skip
            signed_in = type(added)(added.person, agency, added.roles, added.name, SignIn(acr, self.clock.now()))
            office = SimpleNamespace(officers=self.officers)
            identity = SimpleNamespace(office=office)
            house = SimpleNamespace(db=db, clock=self.clock, catalogue=CATALOGUE, identity=identity)
            return await job(house, signed_in)
        finally:
            await db.close()


@pytest.fixture
def terminal(settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("SITTHI_DATA", str(settings.data))
    monkeypatch.setenv("SITTHI_DATABASE_URL", database_url)
    made = Terminal()
    monkeypatch.setattr(officer_acts, "_with_officer", made.act)
    return made


def terms(tmp_path: Path, **changed: Any) -> str:
    today = SystemClock().today()
    days = {"valid_from": today.isoformat(), "valid_until": today.replace(year=today.year + 1, day=1).isoformat()}
    file = tmp_path / "terms.json"
    file.write_text(json.dumps({**TERMS, **days, **changed}))
    return str(file)


def test_two_officers_make_an_agreement_and_end_it(terminal: Terminal, tmp_path: Path) -> None:
    said = terminal("propose", terms(tmp_path), *REASON, "--as", "one")
    found = re.search(r"[0-9a-f]{32}/1", said)
    assert found is not None
    name = found.group()
    assert "PROPOSED" in terminal("list", "--as", "two")
    assert "birth_date, nationality" in terminal("show", name, "--as", "two")
    assert "STEP_UP_REQUIRED" in terminal("accept", name, "--as", "tired", ok=False)
    assert "NOT_A_PARTY" in terminal("accept", name, "--as", "one", ok=False)
    assert "IN_FORCE" in terminal("accept", name, "--as", "two")
    assert "AGREEMENT_STATE_CONFLICT" in terminal("accept", name, "--as", "two", ok=False)
    assert "SUSPENDED" in terminal("suspend", name, *REASON, "--as", "two")
    assert "IN_FORCE" in terminal("resume", name, *REASON, "--as", "two")
    assert "PROPOSED" in terminal(
        "propose", terms(tmp_path, per_day=50), *REASON, "--replaces", name[:32], "--as", "one"
    )
    assert "IN_FORCE" in terminal("accept", f"{name[:32]}/2", "--as", "two")
    assert "ENDED" in terminal("end", f"{name[:32]}/2", *REASON, "--as", "one")
    shown = terminal("show", f"{name[:32]}/2", "--as", "one")
    assert [word for word in ("ACCEPT", "SUSPEND", "RESUME", "SUPERSEDE", "END") if word in shown] == [
        "ACCEPT", "SUSPEND", "RESUME", "SUPERSEDE", "END",
    ]  # fmt: skip


def test_what_is_wrong_is_told_in_a_sentence_with_its_code(terminal: Terminal, tmp_path: Path) -> None:
    assert "BAD_INPUT" in terminal("propose", terms(tmp_path, attributes=["x"]), *REASON, "--as", "one", ok=False)
    assert "NOT_A_PARTY" in terminal("propose", terms(tmp_path), *REASON, "--as", "third", ok=False)
    (tmp_path / "none.json").write_text("[")
    assert "JSON" in terminal("propose", str(tmp_path / "none.json"), *REASON, "--as", "one", ok=False)
    for name in ("x", "x/1", f"{'0' * 32}/1", f"{'0' * 32}/x", f"{'0' * 32}/"):
        assert "NOT_FOUND" in terminal("show", name, "--as", "one", ok=False)
