"""`sitthi pay budget`, `close-period`, `reverse` and `recovery` at the terminal: one proposes, another confirms."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from api import books
from api.commands import officer_acts, pay_budget, pay_recovery
from core.errors import BadInput
from core.settings import Settings
from identity.inbox.service import Inbox
from services.pay.books import Books
from services.pay.budget.acts import BudgetRaise, BudgetSet
from services.pay.ledger.acts import Act, TwoOfficers
from services.pay.ledger.periods import ClosePeriod, Reverse
from services.pay.recovery.acts import PaidBack, Waive
from services.pay.recovery.desk import OthersDebts, RecoveryDesk
from services.pay.recovery.service import Recoveries
from tests.services.pay.test_command import OFFICERS
from tests.services.pay.test_own_debts import NoTies
from tests.services.pay.test_recovery import overpaid
from tests.services.pay.town import TownHall


class Terminal:
    """Commands over a town hall. They run in a thread: each has a loop of its own, and the hall's does the work."""

    def __init__(self, hall: TownHall) -> None:
        self.hall, self._loop = hall, asyncio.get_running_loop()
        recoveries = Recoveries(hall.clock, Inbox(hall.clock))
        payer = hall.amounts.payer
        acts: list[Act] = [
            BudgetSet(hall.clock, payer), BudgetRaise(hall.clock, payer), ClosePeriod(hall.clock),
            Reverse(hall.clock), Waive(recoveries), PaidBack(recoveries),
        ]  # fmt: skip
        self.books = Books(hall.db, hall.clock, TwoOfficers(hall.clock, acts), ["programme:dla-old-age", "benefit:dla"])
        self.desk = RecoveryDesk(hall.db, recoveries, OthersDebts(hall.db, NoTies()))
        self._app = typer.Typer()
        pay_budget.add_to(self._app)
        self._app.add_typer(pay_recovery.app, name="recovery")

    async def __call__(self, *words: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, self._app, list(words))

    async def act(self, _: Settings, profile: str | None, job: Any) -> Any:
        return await self._in_hall(job(self, OFFICERS[profile or ""]))

    async def _in_hall(self, work: Any) -> Any:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


@pytest.fixture
async def terminal(hall: TownHall, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    terminal = Terminal(hall)
    monkeypatch.setattr(officer_acts, "_with_officer", terminal.act)
    monkeypatch.setattr(books, "books_of", lambda town: town.books)
    monkeypatch.setattr(books, "recovery_of", lambda town: town.desk)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    return terminal


async def test_a_budget_at_the_terminal(terminal: Terminal) -> None:
    assert "No budgets are set" in (await terminal("budget", "show", "--as", "both")).stdout
    words = ("dla-old-age", "--year", "2027", "--reason", "the budget act")
    said = await terminal("budget", "set", *words, "--baht", "1,000.50", "--as", "planner")
    act = said.stdout.split()[0]
    assert f"sitthi pay confirm {act}" in said.stdout
    assert act in (await terminal("acts", "--as", "approver")).stdout
    assert "NOT_A_PAYMENT_OFFICER" in (await terminal("confirm", act, "--as", "planner")).stderr
    assert "Done." in (await terminal("confirm", act[-8:], "--as", "approver")).stdout
    shown = (await terminal("budget", "show", "--year", "2027", "--as", "both")).stdout
    assert "dla-old-age  2027 (พ.ศ. 2570)  appropriated 1,000.50  taken 0.00  left 1,000.50 baht" in shown
    raised = await terminal("budget", "raise", *words, "--baht", "1", "--as", "planner")
    assert "WITHDRAWN" in (await terminal("refuse", raised.stdout.split()[0], "--as", "planner")).stdout
    assert "Nothing awaits" in (await terminal("acts", "--as", "both")).stdout
    assert "ACT_NOT_FOUND" in (await terminal("confirm", "ffffff", "--as", "approver")).stderr


async def test_the_budget_of_what_a_service_awards_at_the_terminal(terminal: Terminal) -> None:
    words = ("benefit:dla", "--year", "2027", "--reason", "the fund's plan", "--baht", "500")
    act = (await terminal("budget", "set", *words, "--as", "planner")).stdout.split()[0]
    assert "Done." in (await terminal("confirm", act, "--as", "approver")).stdout
    shown = (await terminal("budget", "show", "--year", "2027", "--as", "both")).stdout
    assert shown.startswith("benefit:dla  2027 (พ.ศ. 2570)  appropriated 500.00")


async def test_a_month_is_closed_at_the_terminal(terminal: Terminal) -> None:
    said = await terminal("close-period", "2026-10", "--reason", "the month is over", "--as", "planner")
    await terminal("confirm", said.stdout.split()[0], "--as", "approver")
    assert "closed up to 2026-10" in (await terminal("acts", "--as", "both")).stdout
    refused = await terminal("reverse", "nothing", "--reason", "by mistake", "--as", "planner")
    assert (refused.exit_code, "ENTRY_NOT_FOUND" in refused.stderr) == (1, True)


async def test_a_recovery_at_the_terminal(terminal: Terminal) -> None:
    assert "Nothing is to come back." in (await terminal("recovery", "owed", "--as", "both")).stdout
    assert "No plans yet" in (await terminal("recovery", "plans", "--as", "both")).stdout
    assert "Nothing is owed" in (await terminal("recovery", "underpaid", "--as", "both")).stdout
    claim = (await overpaid(terminal.hall)).id.hex
    assert "300.00 baht left" in (await terminal("recovery", "owed", "--as", "both")).stdout
    terms = ("--parts", "3", "--floor", "200", "--first-month", "2026-12", "--reason", "the right was less")
    plan = (await terminal("recovery", "propose", claim[-8:], *terms, "--as", "planner")).stdout
    assert "PROPOSED  300.00 baht in 3 parts from 2026-12  each payment leaves 200.00" in plan
    back = ("--baht", "100", "--reference", "CAMT-1", "--reason", "paid at the bank")
    said = await terminal("recovery", "paid-back", claim, *back, "--as", "planner")
    assert "Done." in (await terminal("confirm", said.stdout.split()[0], "--as", "approver")).stdout
    assert "200.00 baht left" in (await terminal("recovery", "plans", "--as", "both")).stdout
    assert "ENDED" in (await terminal("recovery", "end", plan.split()[0], "--as", "planner")).stdout
    said = await terminal("recovery", "waive", claim, "--reason", "hardship", "--as", "planner")
    await terminal("confirm", said.stdout.split()[0], "--as", "approver")
    assert "Nothing is to come back." in (await terminal("recovery", "owed", "--as", "both")).stdout
    assert "NOTHING_TO_RECOVER" in (await terminal("recovery", "waive", claim, "--reason", "x", "--as", "both")).stderr


@pytest.mark.parametrize(
    ("said", "satang"), [("1", 100), ("1.5", 150), ("1.05", 105), ("1,234,567.89", 123_456_789), ("0.01", 1)]
)
def test_baht_are_read_to_the_satang(said: str, satang: int) -> None:
    assert pay_budget.satang_of(said) == satang


@pytest.mark.parametrize("said", ["-1", "1.005", "1,00", "NaN", "๑", "1e3", "", " 1", "9" * 25])
def test_what_is_no_amount_is_refused(said: str) -> None:
    with pytest.raises(BadInput):
        pay_budget.satang_of(said)
