"""`sitthi officer` at the terminal: what officers do there, and what it refuses in a sentence."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from typer.testing import CliRunner, Result

from api.commands import officer, officer_acts
from core.clock import SystemClock
from core.crypto import load_keys
from core.database import Database
from core.ids import NationalId
from core.settings import Settings
from identity.officers.errors import OfficerNotSignedIn
from identity.officers.register import OfficerRegister, SignIn
from identity.officers.room import OfficerRoom
from identity.people import PeopleRegister
from tests.identity.officers_of_tests import PASSKEY, THAID, number

ROLES = ("officers.propose", "officers.approve", "clients.propose", "clients.approve")
REASON = ("--reason", "as the file of today says")
SIGNED_IN = {
    "one": (1, THAID),
    "two": (2, PASSKEY),
    "tired": (2, THAID),
    "registrar": (3, THAID),
    "other": (4, PASSKEY),
}


class Terminal:
    """Each command opens the database anew, as a process does; profiles are officers who signed in just now."""

    def __init__(self) -> None:
        self.settings, self.clock = Settings(), SystemClock()
        self.keys = load_keys(self.settings)
        self.people = PeopleRegister(self.keys, self.clock)
        self.forgotten: list[Any] = []

    def __call__(self, *words: str, given: str | None = None, ok: bool = True) -> str:
        done: Result = CliRunner().invoke(officer.app, list(words), input=given)
        assert (done.exit_code == 0) is ok, done.output
        return done.output

    def add(self, running: int, agency: str, *roles: str, ok: bool = True, glass: str | None = None) -> str:
        words = ["add", "--national-id", "--agency", agency, *(word for role in roles for word in ("--role", role))]
        words += [] if glass is None else ["--break-glass", glass]
        return self(*words, given=f"{number(running).digits}\nเจ้าหน้าที่ {running}\nOfficer {running}\n", ok=ok)

    async def act(self, _: Settings, profile: str | None, job: Any) -> Any:
        if profile not in SIGNED_IN:
            raise OfficerNotSignedIn(profile=profile or "default")
        running, acr = SIGNED_IN[profile]

        async def as_officer(house: Any) -> Any:
            async with house.db.read() as session:
                person = await self.people.find(session, number(running))
                assert person is not None
                found = await OfficerRegister(self.people, self.clock).find(session, person)
            assert found is not None
            object.__setattr__(found, "sign_in", SignIn(acr, self.clock.now()))
            return await job(house, found)

        return await self.within(as_officer)

    async def within(self, do: Callable[[Any], Awaitable[Any]]) -> Any:
        db = Database(self.settings.sqlalchemy_url, durable=False)
        office = OfficerRoom(db, self.clock, self.keys, self.people)
        office.known_facts = self
        house = SimpleNamespace(
            db=db, clock=self.clock, settings=self.settings, identity=SimpleNamespace(office=office)
        )
        try:
            return await do(house)
        finally:
            await db.close()

    async def forget(self, person: Any) -> None:
        self.forgotten.append(person)

    def key_of(self, running: int) -> str:
        line = next(line for line in self("list").splitlines() if f"Officer {running})" in line)
        return line.split("\t")[-1]

    def known(self, national_id: NationalId) -> Any:
        async def find(house: Any) -> Any:
            async with house.db.read() as session:
                return await self.people.find(session, national_id)

        return asyncio.run(self.within(find))

    def enter(self, national_id: NationalId) -> None:
        async def resolve(house: Any) -> None:
            async with house.db.write() as session:
                await self.people.resolve(session, [national_id])

        asyncio.run(self.within(resolve))


@pytest.fixture
def terminal(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("SITTHI_DATABASE_URL", database_url)
    monkeypatch.setenv("SITTHI_DATA", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    terminal = Terminal()
    monkeypatch.setattr(officer_acts, "_with_officer", terminal.act)
    terminal.add(1, "oic", *ROLES)
    terminal.add(2, "oic", *ROLES)
    return terminal


def proposed(output: str) -> str:
    found = re.search(r"proposed: ([0-9a-f]{32})", output)
    assert found is not None, output
    return found[1]


def propose_add(terminal: Terminal, running: int = 50, profile: str = "one") -> str:
    given = f"{number(running).digits}\nใหม่\nNew\n"
    return proposed(terminal("propose-add", "--role", "pay.plan", *REASON, "--as", profile, given=given))


def test_an_officer_is_proposed_shown_and_approved(terminal: Terminal) -> None:
    key = propose_add(terminal)
    assert key in terminal("proposals", "--as", "two")
    shown = terminal("show", key[-8:], "--as", "two")
    assert "add an officer" in shown
    assert number(50).digits not in shown
    assert f"…{number(50).digits[-4:]}" in shown
    assert "OFFICER_ADD" in terminal("approve", key[-8:], "--as", "two")
    assert "New" in terminal("list")
    assert terminal("proposals", "--as", "two") == ""


def test_the_maker_cannot_approve_and_a_weak_sign_in_neither(terminal: Terminal) -> None:
    key = propose_add(terminal, profile="two")
    assert "MAKER_IS_CHECKER" in terminal("approve", key, "--as", "two", ok=False)
    key = propose_add(terminal, 51)
    assert "STEP_UP_REQUIRED" in terminal("approve", key, "--as", "tired", ok=False)
    assert "OFFICER_NOT_SIGNED_IN" in terminal("approve", key, "--as", "nobody", ok=False)


def test_refusing_and_withdrawing_take_a_reason(terminal: Terminal) -> None:
    first, second = propose_add(terminal), propose_add(terminal, 51)
    assert "give a reason of 5" in terminal("refuse", first, "--reason", "", "--as", "two", ok=False)
    assert "refused" in terminal("refuse", first, *REASON, "--as", "two")
    assert "PROPOSAL_DECIDED" in terminal("approve", first, "--as", "two", ok=False)
    assert "NOT_THE_MAKER" in terminal("withdraw", second, *REASON, "--as", "two", ok=False)
    assert "withdrawn" in terminal("withdraw", second, *REASON, "--as", "one")


@pytest.mark.parametrize("given", ["x", "abcde", "0" * 32, "z" * 32])
def test_what_names_no_proposal_is_not_found(terminal: Terminal, given: str) -> None:
    propose_add(terminal)
    assert "NOT_FOUND" in terminal("refuse", given, *REASON, "--as", "two", ok=False)


def test_the_server_adds_no_more_officers_than_it_must(terminal: Terminal) -> None:
    assert "AGENCY_GOVERNS_ITSELF" in terminal.add(5, "oic", "pay.plan", ok=False)
    terminal.add(5, "oic", "pay.plan", glass="both keepers are ill")
    assert "Officer 5" in terminal("list")


def test_an_officer_is_ended_by_one(terminal: Terminal) -> None:
    terminal.add(5, "oic", "pay.plan", glass="for the test of ending")
    key = terminal.key_of(5)
    assert "NOT_FOUND" in terminal("end", "x", *REASON, "--as", "one", ok=False)
    assert "Officer 5 is no officer" in terminal("end", key, *REASON, "--as", "one")
    assert "Officer 5" not in terminal("list")


def key_file(folder: Path, kid: str) -> Path:
    public = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))
    file = folder / f"{kid}.json"
    file.write_text(json.dumps({"keys": [{**public, "kid": kid}]}))
    return file


def test_a_system_is_registered_given_other_keys_and_ended(terminal: Terminal, tmp_path: Path) -> None:
    words = ("--name-th", "ระบบ", "--name-en", "CMIS", "--scope", "agency.facts", *REASON, "--as", "one")
    key = proposed(terminal("propose-client", "--jwks", str(key_file(tmp_path, "a")), *words))
    client = terminal("approve", key, "--as", "two").split()[-1]
    assert client.startswith("oic-")
    assert f"{client}\tCMIS\tagency.facts\tin use" in terminal("clients", "--as", "two")
    other = ("--client", client, "--jwks", str(key_file(tmp_path, "b")), *REASON, "--as", "one")
    terminal("approve", proposed(terminal("propose-keys", *other)), "--as", "two")
    terminal("end-client", client, *REASON, "--as", "one")
    assert "ended" in terminal("clients", "--as", "two")
    assert "NOT_FOUND" in terminal("end-client", client, *REASON, "--as", "one", ok=False)


def test_a_file_that_is_no_key_set_is_said_so(terminal: Terminal, tmp_path: Path) -> None:
    words = ("--name-th", "ระบบ", "--name-en", "CMIS", "--scope", "agency.facts", *REASON, "--as", "one")
    assert "cannot be read" in terminal("propose-client", "--jwks", str(tmp_path / "none"), *words, ok=False)
    (tmp_path / "empty.json").write_text("{}")
    assert "BAD_INPUT" in terminal("propose-client", "--jwks", str(tmp_path / "empty.json"), *words, ok=False)


@pytest.fixture
def registry(terminal: Terminal) -> Terminal:
    terminal.add(3, "dopa", "identity.propose")
    terminal.add(4, "dopa", "identity.approve")
    return terminal


def test_a_number_is_corrected_and_what_was_known_is_forgotten(
    registry: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.enter(number(70))
    person = registry.known(number(70))
    given = f"{number(70).digits}\n{number(71).digits}\n"
    key = proposed(registry("propose-correction", *REASON, "--as", "registrar", given=given))
    assert "/officer" in registry("approve", key, "--as", "other", ok=False), "no Redis: the server's cache is its own"
    assert registry.known(number(70)) == person
    monkeypatch.setenv("SITTHI_REDIS_URL", "redis://localhost:1")
    registry.settings = Settings()
    registry("approve", key, "--as", "other")
    assert registry.known(number(71)) == person
    assert registry.forgotten == [person, person], "before and after"


def test_a_guardian_is_entered_and_ended(registry: Terminal) -> None:
    lines = [number(70).digits, "เด็ก", "Child", number(71).digits, "ผู้ปกครอง", "Guardian"]
    words = ("propose-guardian", "--born", "2020-05-01", *REASON, "--as", "registrar")
    registry("approve", proposed(registry(*words, given="\n".join(lines))), "--as", "other")
    both = f"{number(70).digits}\n{number(71).digits}\n"
    end = proposed(registry("propose-guardian-end", *REASON, "--as", "registrar", given=both))
    assert "GUARDIANSHIP_END" in registry("approve", end, "--as", "other")


def test_missing_lines_are_missing_fields(registry: Terminal) -> None:
    assert "MALFORMED_NATIONAL_ID" in registry("propose-correction", *REASON, "--as", "registrar", given="", ok=False)
