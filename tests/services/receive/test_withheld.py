"""What was due, what was withheld of it and by which law, and what came."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import event

from core.ids import new_id
from core.text import Language
from core.viewer import Acting
from services.receive.graph import ReceiveMutation
from services.receive.service import Receipts
from tests.services.apply.asking import Asking, schema_of
from tests.services.pay.test_recovery import DECEMBER, agree, overpaid, pay, propose
from tests.services.pay.town import TownHall
from tests.services.receive.test_graph import Query

DOCUMENT = """{ viewer { payments { nodes { amount { satang } withheld { satang } net { satang }
  deductions { amount { satang } law agreedOn reason }
  receipt { amount { satang } gross { satang } withheld { satang }
    deductions { amount { satang } law agreedOn reason } } } } } }"""


@pytest.fixture
def ask(hall: TownHall, receipts: Receipts) -> Asking:
    asking = Asking(schema_of(Query, ReceiveMutation), hall.db, hall.clock)
    asking.rooms.add(Receipts, receipts)
    return asking


def satang(amount: Any) -> int:
    return int(amount["satang"])


async def reduced(hall: TownHall) -> Any:
    """Who was paid 700 in November, and 600 of 700 in December; answers whose it is."""
    plan = await propose(hall, [await overpaid(hall)])
    await agree(hall, plan)
    await pay(hall, DECEMBER)
    return plan.person


async def test_a_receipt_says_what_was_due_what_was_withheld_why_and_what_came(hall: TownHall, ask: Asking) -> None:
    person = await reduced(hall)
    december, november = (await ask(DOCUMENT, person, language=Language.EN))["viewer"]["payments"]["nodes"]
    [less] = december["deductions"]
    assert (satang(less["amount"]), less["reason"], less["agreedOn"]) == (10_000, "the right was less", "2026-12-01")
    assert "s.51" in less["law"]
    told = december["receipt"]
    assert [satang(told[name]) for name in ("gross", "withheld", "amount")] == [70_000, 10_000, 60_000]
    assert told["deductions"] == december["deductions"]
    assert (november["deductions"], november["receipt"]["deductions"]) == ([], [])
    assert [satang(november["receipt"][name]) for name in ("gross", "withheld", "amount")] == [70_000, 0, 70_000]


async def test_who_acts_for_the_citizen_sees_the_amounts_and_not_the_agencys_words(hall: TownHall, ask: Asking) -> None:
    person = await reduced(hall)
    acting = Acting(new_id(), new_id(), frozenset({"VIEW"}))
    [december, _] = (await ask(DOCUMENT, person, acting=acting))["viewer"]["payments"]["nodes"]
    assert [(satang(one["amount"]), one["reason"]) for one in december["receipt"]["deductions"]] == [(10_000, None)]


async def test_many_receipts_are_read_together(hall: TownHall, ask: Asking) -> None:
    person = await reduced(hall)
    asked: list[str] = []
    event.listen(hall.db.engine.sync_engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    counts = []
    for period in (None, date(2027, 1, 1)):
        if period is not None:
            await pay(hall, period)
        asked.clear()
        nodes = (await ask(DOCUMENT, person))["viewer"]["payments"]["nodes"]
        counts.append((len(nodes), len([one for one in asked if one.startswith("SELECT")])))
    assert [nodes for nodes, _ in counts] == [2, 3]
    assert counts[0][1] == counts[1][1]


async def test_what_came_back_with_its_run_and_went_out_again_is_told_once(hall: TownHall, ask: Asking) -> None:
    plan = await propose(hall, [await overpaid(hall)])
    await agree(hall, plan)
    await pay(hall, DECEMBER, comes_back=True)
    [old] = [one for one in await hall.instalments() if one.period == DECEMBER]
    await hall.jobs.pay_again(hall.planner, old.id)
    await pay(hall, DECEMBER)
    nodes = (await ask(DOCUMENT, plan.person))["viewer"]["payments"]["nodes"]
    receipts = [one["receipt"] for one in nodes if one["receipt"] is not None]
    for told in receipts:
        assert satang(told["gross"]) == satang(told["amount"]) + satang(told["withheld"])
        assert sum(satang(one["amount"]) for one in told["deductions"]) == satang(told["withheld"])
