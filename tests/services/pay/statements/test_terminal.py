"""`sitthi pay statements`: what it prints, and its exit status."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.commands import pay_statements
from services.sandbox.bank.faults import Faults
from tests.services.pay.fees.till import Till
from tests.services.pay.statements.test_statements import next_day, paid
from tests.services.pay.town import Clerk


async def say(till: Till, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    """What the command prints, its job run in the test's own loop."""
    kept: list[Callable[..., Any]] = []

    def later(_: str | None, job: Callable[..., Any]) -> Any:
        kept.append(job)
        raise KeyboardInterrupt

    monkeypatch.setattr(pay_statements, "as_officer", later)
    CliRunner().invoke(pay_statements.app, list(words))
    answer = await kept[0](SimpleNamespace(statements=lambda: till.statements), till.officer)
    monkeypatch.setattr(pay_statements, "as_officer", lambda *_: answer)
    return CliRunner().invoke(pay_statements.app, list(words))


async def test_a_statement_that_fits_is_summed_up(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    await paid(till)
    day = await next_day(till)
    said = await say(till, monkeypatch, "take", day.isoformat())
    assert (said.exit_code, said.output) == (0, f"{day}  1 entries, 0.00 baht to 250.00 baht\n")
    assert (await say(till, monkeypatch, "breaks")).output == "Every statement fits.\n"


async def test_what_does_not_fit_is_the_exit_status_and_is_listed(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = await paid(till)
    day = await next_day(till)
    till.files.faults = Faults(statement_omits=frozenset({reference}))
    said = await say(till, monkeypatch, "take", day.isoformat())
    assert said.exit_code == 1
    assert "2 new breaks" in said.output
    listed = (await say(till, monkeypatch, "breaks")).output
    assert f"{day}  NOT_LISTED  {reference}  expected 250.00 baht, found nothing" in listed
    assert "DOES_NOT_ADD_UP" in listed
    which = next(line for line in listed.splitlines() if "NOT_LISTED" in line).split()[0]
    said = await say(till, monkeypatch, "explain", which[-6:], "--reason", "it is booked tomorrow")
    assert f"{which}  proposed" in said.output
    assert "proposed: it is booked tomorrow" in (await say(till, monkeypatch, "breaks")).output
    till.officer = Clerk()
    said = await say(till, monkeypatch, "explain", which)
    assert (said.exit_code, said.output) == (0, f"{which}  closed: it is booked tomorrow\n")
    assert "NOT_LISTED" not in (await say(till, monkeypatch, "breaks")).output


def test_a_day_that_is_none_is_refused() -> None:
    said = CliRunner().invoke(pay_statements.app, ["take", "16/11/2569"])
    assert said.exit_code == 1
    assert "year-month-day" in said.output
