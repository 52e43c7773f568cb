"""`sitthi pay` at the terminal: what it prints, and what it refuses in a sentence."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner, Result

from api.commands import officer_acts, pay
from core.clock import BANGKOK, FixedClock
from core.database import Database
from core.settings import Settings
from identity.officers.errors import OfficerNotSignedIn
from services.pay.rails.bank import BankRail
from services.sandbox.bank import Faults, bank_app
from tests.services.pay.town import Clerk, TownHall, jobs_over

OFFICERS = {
    "planner": Clerk(roles=frozenset({"pay.plan"})),
    "approver": Clerk(roles=frozenset({"pay.approve"})),
    "both": Clerk(),
    "stranger": Clerk(agency="dcy"),
}


class Terminal:
    """Each command opens the database and the bank anew, as a process does."""

    def __init__(self, url: str, bank: Path) -> None:
        self._url, self._clock = url, FixedClock(datetime(2026, 11, 16, 10, 0, tzinfo=BANGKOK))
        self._bank = bank_app(bank, self._clock)

    def fault(self, faults: Faults) -> None:
        self._bank.state.bank.faults = faults

    def __call__(self, *words: str) -> Result:
        return CliRunner().invoke(pay.app, list(words))

    async def act(self, _: Settings, profile: str | None, job: Any) -> Any:
        if profile not in OFFICERS:
            raise OfficerNotSignedIn(profile=profile or "default")

        async def as_officer(hall: TownHall) -> Any:
            rail = BankRail(hall.client, "http://bank")
            jobs = jobs_over(hall.db, self._clock, rail, hall.awards)
            return await job(SimpleNamespace(payments=lambda: jobs), OFFICERS[profile])

        return await self._in_town(as_officer)

    def grant(self) -> None:
        asyncio.run(self._in_town(lambda hall: hall.grant()))

    async def _in_town(self, do: Any) -> Any:
        database = Database(Settings(database_url=self._url).sqlalchemy_url, durable=False)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self._bank)) as client:
            try:
                return await do(TownHall(database, self._clock, self._bank.state.bank, client))
            finally:
                await database.close()


@pytest.fixture
def terminal(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    terminal = Terminal(database_url, tmp_path / "bank.sqlite")
    monkeypatch.setattr(officer_acts, "_with_officer", terminal.act)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    return terminal


def planned(terminal: Terminal) -> str:
    terminal.grant()
    return terminal("plan", "--period", "this-month", "--as", "planner").stdout.split()[0]


def test_a_payday_at_the_terminal(terminal: Terminal) -> None:
    assert "No payment runs yet" in terminal("runs", "--as", "both").stdout
    terminal.grant()
    plan = terminal("plan", "--period", "2026-11", "--agency", "dla", "--as", "planner")
    assert (plan.exit_code, "PLANNED  1 instalment, 700.00 baht" in plan.stdout) == (0, True)
    run = plan.stdout.split()[0]
    assert f"sitthi pay approve {run}" in plan.stdout
    assert "APPROVED" in terminal("approve", run, "--as", "approver").stdout
    assert "SUBMITTED" in terminal("send", run[-8:], "--as", "planner").stdout
    assert "1 settled, 0 returned, 0 new breaks" in terminal("reconcile", "--as", "planner").stdout
    assert "SETTLED" in terminal("runs", "--as", "approver").stdout
    ledger = terminal("ledger", "--as", "approver")
    assert (ledger.exit_code, ledger.stdout.splitlines()[-1].split()) == (0, ["sum", "0.00"])
    assert "-700.00" in ledger.stdout


def test_breaks_are_listed_by_name(terminal: Terminal) -> None:
    run = planned(terminal)
    terminal("approve", run, "--as", "approver")
    terminal("send", run, "--as", "approver")
    terminal.fault(Faults(wrong_amount=frozenset({"*"})))
    said = terminal("reconcile", run, "--as", "approver").stdout
    assert "1 new break" in said
    assert "WRONG_AMOUNT" in said
    assert "expected 700.00, found 700.01 THB" in said


def test_what_came_back_is_listed_and_owed_again(terminal: Terminal) -> None:
    run = planned(terminal)
    assert "Nothing has come back" in terminal("returned", "--as", "approver").stdout
    terminal("approve", run, "--as", "approver")
    terminal.fault(Faults(reject=frozenset({"*"})))
    terminal("send", run, "--as", "approver")
    terminal.fault(Faults())
    [line] = terminal("returned", "--as", "approver").stdout.splitlines()
    instalment, *rest = line.split()
    assert rest == ["2026-11", "AC03", "700.00", "baht"]
    owed = terminal("again", instalment, "--as", "planner")
    assert (owed.exit_code, "sitthi pay plan --period this-month --as planner" in owed.stdout) == (0, True)
    assert "NOT_PAID_AGAIN" in terminal("again", instalment, "--as", "planner").stderr
    assert "1 instalment, 700.00 baht" in terminal("plan", "--period", "this-month", "--as", "planner").stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("plan", "--period", "this-month", "--as", "nobody"), "OFFICER_NOT_SIGNED_IN"),
        (("plan", "--period", "this-month"), "OFFICER_NOT_SIGNED_IN"),
        (("plan", "--period", "this-month", "--as", "approver"), "NOT_A_PAYMENT_OFFICER"),
        (("plan", "--period", "this-month", "--agency", "dla", "--as", "stranger"), "NOT_YOUR_AGENCY"),
        (("plan", "--period", "this-month", "--as", "stranger"), "NOTHING_DUE"),
        (("plan", "--period", "2027-01", "--as", "planner"), "PERIOD_NOT_OPEN"),
        *(
            (("plan", "--period", bad, "--as", "planner"), "BAD_INPUT")
            for bad in ("", "2026", "2026-13", "2026-00", "2026-1", "0000-01", "๒๕๖๙-๑๑", "2026-11-01")
        ),
        (("approve", "ffffff", "--as", "approver"), "RUN_NOT_FOUND"),
        (("send", "../../etc", "--as", "approver"), "RUN_NOT_FOUND"),
        (("send", "0", "--as", "approver"), "RUN_NOT_FOUND"),
        (("reconcile", "ffffff", "--as", "approver"), "RUN_NOT_FOUND"),
        (("again", "../../etc", "--as", "planner"), "INSTALMENT_NOT_FOUND"),
        (("again", "0" * 32, "--as", "planner"), "INSTALMENT_NOT_FOUND"),
        (("again", "0" * 32, "--as", "approver"), "NOT_A_PAYMENT_OFFICER"),
    ],
)
def test_a_refusal_is_one_sentence_with_its_code(terminal: Terminal, words: tuple[str, ...], code: str) -> None:
    refused = terminal(*words)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.count("\n") == 1
    assert f"({code})" in refused.stderr


def test_the_officer_who_planned_cannot_approve_at_the_terminal(terminal: Terminal) -> None:
    terminal.grant()
    run = terminal("plan", "--period", "this-month", "--as", "both").stdout.split()[0]
    assert "(SAME_OFFICER)" in terminal("approve", run, "--as", "both").stderr
    assert "(PAYMENT_WRONG_STATE)" in terminal("send", run, "--as", "both").stderr


def test_a_bank_that_does_not_answer_is_said_so_and_the_next_send_brings_it_through(terminal: Terminal) -> None:
    run = planned(terminal)
    terminal("approve", run, "--as", "approver")
    terminal.fault(Faults(timeouts=1))
    failed = terminal("send", run, "--as", "approver")
    assert (failed.exit_code, "(SERVICE_UNAVAILABLE)" in failed.stderr) == (1, True)
    assert terminal("send", run, "--as", "approver").exit_code == 0
