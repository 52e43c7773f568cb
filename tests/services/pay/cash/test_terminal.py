"""`sitthi pay breaks`, `resolve` and `counter` at the terminal: what they print, ask for and refuse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from api import paying
from api.commands import pay, pay_breaks, pay_counter
from core.clock import FixedClock
from core.database import Database
from core.errors import SitthiError
from core.ids import new_id
from core.money import Money
from services.pay.breaks import BreakOutcome
from services.pay.models import BreakResolution, ReconciliationBreak
from services.pay.rails.cash.models import CashSlip
from tests.services.pay.town import Clerk, national_id


class Breaks:
    """Stands for the jobs: what is asked of them is what is looked at."""

    def __init__(self, clock: FixedClock) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.found = ReconciliationBreak(
            id=new_id(),
            run=new_id(),
            kind="WRONG_AMOUNT",
            bank_reference="SB1",
            end_to_end="a" * 32,
            expected=70_000,
            found=70_001,
            currency="THB",
            found_at=clock.now(),
        )
        self.proposed: BreakResolution | None = None

    async def listed(self, officer: Clerk) -> list[tuple[ReconciliationBreak, BreakResolution | None]]:
        return [(self.found, self.proposed)]

    async def propose(self, officer: Clerk, key: UUID, outcome: BreakOutcome, reason: str) -> BreakResolution:
        self.asked.append((officer.person, key, outcome, reason))
        self.proposed = BreakResolution(
            break_id=key,
            outcome=outcome.value,
            reason=reason,
            proposed_by=officer.person,
            proposed_at=self.found.found_at,
        )
        return self.proposed

    async def agree(self, officer: Clerk, key: UUID, outcome: BreakOutcome) -> BreakResolution:
        self.asked.append((officer.person, key, outcome))
        assert self.proposed is not None
        return self.proposed


class Slips:
    def __init__(self, clock: FixedClock) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.slip = CashSlip(
            person=new_id(),
            id=new_id(),
            number="7K3QX9FZ2M",
            message=new_id(),
            agency="dla",
            satang=70_000,
            payable_from=date(2026, 11, 16),
            expires_on=date(2026, 12, 16),
            created_at=clock.now(),
        )

    async def open_slips(self, officer: Clerk) -> list[CashSlip]:
        return [self.slip]

    async def code_for(self, officer: Clerk, number: str) -> tuple[CashSlip, str]:
        return self.slip, "ABCDE-FGHJK"

    async def pay_out(self, officer: Clerk, number: str, code: str, card: object) -> CashSlip:
        self.asked.append((number, code, card))
        return self.slip


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, clock: FixedClock) -> SimpleNamespace:
    clerk, breaks, slips = Clerk(), Breaks(clock), Slips(clock)
    house = SimpleNamespace(clock=clock)
    monkeypatch.setattr(paying, "breaks", lambda _house: breaks)
    monkeypatch.setattr(paying, "counter", lambda _house: slips)

    def as_officer(_profile: str | None, job: Callable[..., Any]) -> Any:
        coroutine = job(house, clerk)
        try:
            coroutine.send(None)
        except StopIteration as done:
            return done.value
        except SitthiError as error:
            raise SystemExit(f"{error} ({error.code})") from None
        raise AssertionError("nothing here waits")

    for module in (pay_breaks, pay_counter):
        monkeypatch.setattr(module, "as_officer", as_officer)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    return SimpleNamespace(breaks=breaks, slips=slips, house=house, clerk=clerk)


def run(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(pay.app, list(words), input=typed)


def test_breaks_are_listed_with_what_is_proposed(stage: SimpleNamespace) -> None:
    key = stage.breaks.found.id.hex
    assert run("breaks").stdout.startswith(f"{key}  WRONG_AMOUNT  bank SB1")
    proposed = run("resolve", key[-8:], "claimed", "--reason", "The bank's letter of today")
    assert f"another officer: sitthi pay resolve {key} CLAIMED" in proposed.stdout
    assert "proposed: CLAIMED, The bank's letter of today" in run("breaks").stdout
    assert "closed as CLAIMED" in run("resolve", key, "CLAIMED").stdout
    assert [one[2] for one in stage.breaks.asked] == [BreakOutcome.CLAIMED] * 2


@pytest.mark.parametrize("words", [("ffffffff", "CLAIMED"), ("abc", "CLAIMED")])
def test_a_break_that_is_not_there_is_refused(stage: SimpleNamespace, words: tuple[str, ...]) -> None:
    assert "BREAK_NOT_FOUND" in str(run("resolve", *words).exception)


@pytest.mark.parametrize("outcome", ["BANK_MENDED", "WHAT", ""])
def test_an_outcome_that_no_officer_decides_is_refused(stage: SimpleNamespace, outcome: str) -> None:
    result = run("resolve", stage.breaks.found.id.hex, outcome)
    assert (result.exit_code, "The outcome is one of" in result.stderr) == (1, True)


def test_the_code_and_the_card_are_asked_for_and_not_arguments(stage: SimpleNamespace) -> None:
    assert "7K3QX9FZ2M  700.00 baht" in run("counter", "list").stdout
    assert "code ABCDE-FGHJK" in run("counter", "code", "7K3QX9FZ2M").stdout
    paid = run("counter", "pay", "7K3QX9FZ2M", typed=f"ABCDE-FGHJK\n{national_id(1).digits}\n")
    assert "Hand over 700.00 baht" in paid.stdout
    assert stage.slips.asked == [("7K3QX9FZ2M", "ABCDE-FGHJK", national_id(1))]
    assert national_id(1).digits not in paid.stdout
    assert "MALFORMED_NATIONAL_ID" in str(run("counter", "pay", "7K3QX9FZ2M", typed="x\n123\n").exception)


@pytest.mark.parametrize(
    "line",
    [
        *("7K3QX9FZ2M", "7K3QX9FZ2M,", "7K3QX9FZ2M,1.005", "7K3QX9FZ2M,-1", "7K3QX9FZ2M,๗๐๐", "short,1"),
        *("7K3QX9FZ2M,1e3", "7K3QX9FZ2M,999999999999999999"),
    ],
)
def test_a_report_with_a_bad_line_is_refused_whole_with_the_line(
    stage: SimpleNamespace, tmp_path: Path, line: str
) -> None:
    report = tmp_path / "desk.csv"
    report.write_text(f"7K3QX9FZ2M,700.00\n\n{line}\n", encoding="utf-8")
    result = run("counter", "close", "--day", "2026-11-15", str(report))
    assert (result.exit_code, "Line 3" in result.stderr) == (1, True)


@pytest.mark.parametrize(("day", "path"), [("yesterday", "x"), ("2026-11-15", "nowhere.csv")])
def test_a_day_or_a_report_that_is_none_is_refused(stage: SimpleNamespace, day: str, path: str) -> None:
    assert run("counter", "close", "--day", day, path).exit_code == 1


def test_a_report_is_read_to_the_satang(tmp_path: Path) -> None:
    report = tmp_path / "desk.csv"
    report.write_text("7k3qx9fz2m, 700\nZZZZZZZZZZ,0.5\n", encoding="utf-8")
    read = pay_counter._report(report)
    assert [(one.number, one.money) for one in read] == [("7K3QX9FZ2M", Money(70_000)), ("ZZZZZZZZZZ", Money(50))]


async def test_a_day_at_the_terminal_is_that_of_the_books(
    stage: SimpleNamespace,
    database: Database,
    tmp_path: Path,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage.house.db = database
    day = clock.today() - timedelta(days=1)
    jobs: list[Callable[..., Any]] = []

    def kept_for_later(_profile: str | None, job: Callable[..., Any]) -> list[str]:
        jobs.append(job)
        return ["day"]

    monkeypatch.setattr(pay_counter, "as_officer", kept_for_later)
    report = tmp_path / "desk.csv"
    report.write_text("ZZZZZZZZZZ,1\n", encoding="utf-8")
    run("counter", "close", "--day", day.isoformat(), str(report))
    assert await jobs[0](stage.house, stage.clerk) == [
        f"{day}  0 slips, 0.00 baht by the books, 1.00 by the desk",
        "  UNKNOWN_REFERENCE  ZZZZZZZZZZ  expected nothing, found 1.00 baht",
    ]
