"""`sitthi bulk` at the terminal, over a whole house: proposed by one officer, approved by another, run, shown."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.commands import bulk, officer_acts, rules
from api.house import House
from core.settings import Settings
from core.text import Text
from identity.officers.register import SignIn
from tests.identity.officers_of_tests import PASSKEY, number

PROFILES = {"one": 1, "two": 2, "three": 3}
ROLES = {1: ("bulk.propose",), 2: ("bulk.approve",), 3: ("pay.plan",)}
REGISTER = (
    *("propose", "--purpose", "welfare-register", "--programme", "old-age-allowance", "--keep-days", "30"),
    *("--reason", "as the file of today says"),
)


class Terminal:
    """Each command opens a house anew, as a process does."""

    def __init__(self) -> None:
        self.settings = Settings()

    def __call__(self, *words: str, ok: bool = True) -> str:
        done: Result = CliRunner().invoke(bulk.app, list(words))
        assert (done.exit_code == 0) is ok, done.output
        return done.output

    async def act(self, settings: Settings, profile: str | None, job: Any) -> Any:
        house = House(settings)
        try:
            running = PROFILES[profile or "one"]
            async with house.db.write() as session:
                added = await house.identity.office.officers.add(
                    session,
                    number(running),
                    agency="dla",
                    roles=ROLES[running],
                    name=Text(th=f"เจ้าหน้าที่ {running}", en=f"Officer {running}"),
                    by="command line: tester",
                )
            return await job(house, replace(added, sign_in=SignIn(PASSKEY, house.clock.now())))
        finally:
            await house.close()


@pytest.fixture
def terminal(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("SITTHI_DATABASE_URL", database_url)
    monkeypatch.setenv("SITTHI_DATA", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    terminal = Terminal()
    monkeypatch.setattr(officer_acts, "_with_officer", terminal.act)
    return terminal


def test_a_register_is_proposed_approved_run_and_shown(terminal: Terminal) -> None:
    found = re.search(r"proposed: ([0-9a-f]{32})", terminal(*REGISTER, "--as", "one"))
    assert found is not None
    key = found[1]
    assert "NOT_FOUND" in terminal("run", key, "--as", "one", ok=False)  # nobody has approved it
    assert "ROLE_MISSING" in terminal("approve", key, "--as", "one", ok=False)
    assert f"sitthi bulk run {key}" in terminal("approve", key, "--as", "two")
    ran = terminal("run", key[-8:], "--as", "one")
    assert "DECIDED" in ran
    assert "old-age-allowance: 0 entitled" in ran
    assert "withheld unknown" in ran  # two officers are in the population, and no agency answers
    assert terminal("show", "--as", "two") in ran
    assert "BULK_NO_REPORT" in terminal("report", key, "--as", "one", ok=False)
    assert "ROLE_MISSING" in terminal("show", "--as", "three", ok=False)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--purpose", "welfare-decision"), "BAD_INPUT"),
        (("--programme", "aids-allowance", "--programme", "child-support-grant"), "BULK_NOT_FOR_EVERYBODY"),
        (("--programme", "aids-allowance"), "BULK_NOT_FOR_EVERYBODY"),
        (("--programme", "state-welfare-card"), "BULK_NOT_YOUR_PROGRAMME"),
        (("--keep-days", "91"), "BAD_INPUT"),
    ],
)
def test_what_may_not_be_is_a_sentence_with_its_code(terminal: Terminal, words: tuple[str, ...], code: str) -> None:
    assert code in terminal(*REGISTER, *words, "--as", "one", ok=False)


@pytest.mark.sqlite_only
def test_the_jobs_of_a_house_run_where_there_is_nothing_to_do(terminal: Terminal) -> None:
    async def all_of_them() -> list[Any]:
        house = House(terminal.settings)
        try:
            return [await job.run() for job in house.populations.jobs]
        finally:
            await house.close()

    assert asyncio.run(all_of_them()) == [0, 0, 0]


def test_the_tree_is_published_with_its_reports() -> None:
    done = CliRunner().invoke(rules.app, ["published"])
    assert (done.exit_code, done.output) == (0, "Every version was there before, or has its report.\n")


def test_a_version_without_its_report_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "welfare.determination.published.without_report", lambda _: ["old-age-allowance from 2030-01-01"]
    )
    done = CliRunner().invoke(rules.app, ["published"])
    assert done.exit_code == 1
    assert "old-age-allowance from 2030-01-01. (RULES_WITHOUT_REPORT)" in done.output
    assert "status: proposed" in done.output, "whoever meets it is told what to do"
