"""`sitthi pay fees`: what it prints and refuses, over real books; and refunds, which take two officers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api import books
from api.commands import pay_fee_breaks, pay_fees
from core.errors import BadInput, SitthiError
from services.pay.books import Books
from services.pay.destinations.errors import NotAMobileNumber, NotAnAccountNumber, UnknownBank
from services.pay.errors import BreakNotFound, SameOfficer
from services.pay.fees.acts import FeeRefund
from services.pay.fees.errors import IncomingNotFound
from services.pay.ledger.acts import ActKind, TwoOfficers
from services.pay.ledger.errors import ActDecided
from services.sandbox.bank.bills import ScanFault
from tests.services.pay.fees.till import Till
from tests.services.pay.town import Clerk


def books_over(till: Till) -> Books:
    return Books(till.db, till.clock, TwoOfficers(till.clock, [FeeRefund(till.bills)]), ())


class Terminal:
    """Runs a command, and its job in the test's own loop."""

    def __init__(self, till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
        self.till, self.patch = till, monkeypatch
        monkeypatch.setattr(books, "books_of", lambda _: books_over(till))

    async def job(self, *words: str, by: Clerk | None = None, given: str = "") -> Any:
        """What the command's job answers; `given` is typed in."""
        kept: list[Callable[..., Any]] = []

        def later(_: str | None, job: Callable[..., Any]) -> Any:
            kept.append(job)
            raise KeyboardInterrupt

        for module in (pay_fees, pay_fee_breaks):
            self.patch.setattr(module, "as_officer", later)
        self.run(*words, given=given)
        house = SimpleNamespace(fee_desk=lambda: self.till.desk, fee_refunds=lambda: self.till.refunds)
        return await kept[0](house, by or self.till.officer)

    async def say(self, *words: str) -> Result:
        """What the command prints, given that."""
        answer = await self.job(*words)
        for module in (pay_fees, pay_fee_breaks):
            self.patch.setattr(module, "as_officer", lambda *_: answer)
        return self.run(*words)

    @staticmethod
    def run(*words: str, given: str = "") -> Result:
        return CliRunner().invoke(pay_fees.app, list(words), input=given)


@pytest.fixture
def terminal(till: Till, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(till, monkeypatch)


async def test_a_day_is_reported_and_reconciled_and_a_break_is_the_exit_status(terminal: Terminal) -> None:
    till = terminal.till
    day = till.clock.today().isoformat()
    await till.scan(await till.bill())
    said = await terminal.say("report", day)
    assert said.output.startswith(f"{day}  1 bills paid, 250.00 baht\n")
    await till.scan(await till.bill(), ScanFault.WRONG_AMOUNT)
    till.clock.advance(timedelta(days=1))
    found = await terminal.say("reconcile", day)
    assert found.exit_code == 1
    assert "1 new breaks" in found.output
    listed = await terminal.say("breaks")
    assert "WRONG_AMOUNT" in listed.output
    assert (await terminal.say("reconcile", day)).exit_code == 0


async def test_where_nothing_is_wrong_it_says_so(terminal: Terminal) -> None:
    assert (await terminal.say("breaks")).output == "Nothing differs.\n"
    assert (await terminal.say("back")).output == "Nothing is to go back.\n"


def test_a_day_that_is_none_is_refused(terminal: Terminal) -> None:
    said = terminal.run("report", "16/11/2569")
    assert said.exit_code == 1
    assert "year-month-day" in said.output


async def test_a_refund_is_proposed_by_one_officer_and_booked_by_another_once(terminal: Terminal) -> None:
    till = terminal.till
    await till.scan(await till.bill(), ScanFault.WRONG_AMOUNT)
    [kept] = await till.incoming()
    assert kept.id.hex in (await terminal.say("back")).output
    ending = kept.id.hex[-8:]
    said: str = await terminal.job("refund", ending, "--reference", "R1", "--reason", "paid the wrong amount")
    assert "sitthi pay confirm" in said
    desk, other = books_over(till), Clerk()
    [act] = await desk.waiting(other)
    with pytest.raises(SameOfficer):
        await desk.confirm(till.officer, act.id)
    assert (await till.balances())["UNAPPLIED"] == -251_00
    await desk.confirm(other, act.id)
    assert await till.balances() == {}
    with pytest.raises(ActDecided):
        await desk.confirm(other, act.id)
    with pytest.raises(IncomingNotFound):
        await terminal.job("refund", ending, "--reference", "R2", "--reason", "once more")


async def test_a_refund_that_was_booked_by_another_act_meanwhile_is_not_booked_again(terminal: Terminal) -> None:
    till, desk = terminal.till, books_over(terminal.till)
    await till.scan(await till.bill(), ScanFault.WRONG_AMOUNT)
    [kept] = await till.incoming()
    for reference in ("R1", "R2"):
        given = {"incoming": kept.id.hex, "reference": reference}
        await desk.propose(till.officer, ActKind.FEE_REFUND, given, "paid the wrong amount")
    first, second = await desk.waiting(Clerk())
    await desk.confirm(Clerk(), first.id)
    with pytest.raises(IncomingNotFound):
        await desk.confirm(Clerk(), second.id)
    assert await till.balances() == {}


@pytest.mark.parametrize("reference", ["", "x" * 36, "ก", "a b"])
async def test_a_refund_names_the_entry_of_the_bank(till: Till, reference: str) -> None:
    await till.scan(await till.bill(), ScanFault.WRONG_AMOUNT)
    [kept] = await till.incoming()
    given = {"incoming": kept.id.hex, "reference": reference}
    with pytest.raises(BadInput):
        await books_over(till).propose(till.officer, ActKind.FEE_REFUND, given, "paid the wrong amount")


@pytest.mark.parametrize("key", ["", "x", "01a20000000070008000000000000001"])
async def test_a_refund_of_what_never_came_is_refused(till: Till, key: str) -> None:
    with pytest.raises(IncomingNotFound):
        await books_over(till).propose(
            till.officer, ActKind.FEE_REFUND, {"incoming": key, "reference": "R1"}, "paid the wrong amount"
        )


async def test_a_break_is_resolved_by_two_officers_at_the_terminal_and_the_refund_sent(terminal: Terminal) -> None:
    till, other = terminal.till, Clerk()
    day = till.clock.today().isoformat()
    await till.scan(await till.bill(), ScanFault.WRONG_AMOUNT)
    till.clock.advance(timedelta(days=1))
    await terminal.say("reconcile", day)
    [(found, _)] = await till.desk.breaks(till.officer)
    ending = found.id.hex[-8:]
    said = await terminal.job("resolve", ending, "REFUND", "--reason", "they asked for it", given="081 234 5678\n")
    assert "another officer" in said
    assert "5678" in (await terminal.say("breaks")).output
    assert "1234" not in (await terminal.say("breaks")).output
    with pytest.raises(SameOfficer):
        await terminal.job("resolve", ending, "REFUND")
    assert "pay fees send" in await terminal.job("resolve", ending, "refund", by=other)
    assert (await terminal.say("send")).output == "1 went back, 0 came back, 0 not booked yet\n"
    assert (await terminal.say("breaks")).output == "Nothing differs.\n"
    with pytest.raises(BreakNotFound):
        await terminal.job("resolve", ending, "KEEP", "--reason", "once more")


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ("", NotAMobileNumber),
        ("12345", NotAMobileNumber),
        ("999 1234567890", UnknownBank),
        ("004 12345678901", NotAnAccountNumber),
    ],
)
async def test_a_refund_to_what_is_no_account_is_refused_at_the_terminal(
    terminal: Terminal, given: str, refused: type[SitthiError]
) -> None:
    till = terminal.till
    await till.scan(await till.bill(), ScanFault.WRONG_AMOUNT)
    till.clock.advance(timedelta(days=1))
    await till.desk.reconcile(till.officer, till.clock.today() - timedelta(days=1))
    [(found, _)] = await till.desk.breaks(till.officer)
    with pytest.raises(refused):
        await terminal.job("resolve", found.id.hex, "REFUND", "--reason", "they asked for it", given=f"{given}\n")


def test_an_outcome_that_is_none_is_refused_at_the_terminal(terminal: Terminal) -> None:
    said = terminal.run("resolve", "3f9a21", "GONE_BACK")
    assert said.exit_code == 1
    assert "REFUND, ASSIGN, KEEP" in said.output
