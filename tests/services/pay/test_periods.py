"""Closed months stay as they are, whoever writes; corrections are counter-entries, once, in the month that is open."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from core.clock import BANGKOK
from core.errors import BadInput
from core.ids import new_id
from core.money import Money
from services.pay.books import Books
from services.pay.errors import SameOfficer
from services.pay.ledger.acts import Act, ActKind, TwoOfficers
from services.pay.ledger.errors import (
    ActDecided,
    EntryNotFound,
    KeyTooLong,
    NotReversible,
    PeriodClosed,
    PeriodStillOpen,
)
from services.pay.ledger.models import LedgerAct, LedgerPosting, LedgerTransaction
from services.pay.ledger.periods import ClosePeriod, Reverse, reversal_of
from services.pay.ledger.service import Account, account_id, book, bounded, transaction_id, transfer
from tests.services.pay.test_budgets import appropriate
from tests.services.pay.town import Clerk, TownHall

LINES = transfer(Account.BENEFITS, Account.PAYABLE, Money.baht(700))
OCTOBER_ENDS = datetime(2026, 10, 31, 16, 59, 59, tzinfo=UTC)
NOVEMBER_BEGINS = datetime(2026, 10, 31, 17, 0, tzinfo=UTC)
"""In Bangkok."""


def books(hall: TownHall) -> Books:
    acts: list[Act] = [ClosePeriod(hall.clock), Reverse(hall.clock)]
    return Books(hall.db, hall.clock, TwoOfficers(hall.clock, acts), [])


async def do(hall: TownHall, kind: ActKind, **payload: str) -> LedgerAct:
    act = await books(hall).propose(hall.planner, kind, payload, "the month is over")
    return await books(hall).confirm(hall.approver, act.id)


async def booked(hall: TownHall, key: str, at: datetime, agency: str = "dla") -> bool:
    async with hall.db.write() as session:
        return await book(session, key=key, agency=agency, lines=LINES, at=at)


async def past_the_code(hall: TownHall, key: str, at: datetime) -> None:
    """As a hand would write it that knows nothing of closed months."""
    async with hall.db.write() as session:
        rows = [
            {
                "transaction_id": transaction_id(key),
                "line": number,
                "account": account_id("dla", line.account),
                "satang": line.money.satang,
            }
            for number, line in enumerate(LINES, 1)
        ]
        await session.execute(insert(LedgerPosting).values(rows))
        await session.execute(insert(LedgerTransaction).values(id=transaction_id(key), key=key, booked_at=at))


async def test_nothing_is_booked_into_a_closed_month_nor_into_one_before_it(hall: TownHall) -> None:
    await booked(hall, "before", OCTOBER_ENDS)
    await do(hall, ActKind.CLOSE_PERIOD, month="2026-10")
    for at in (OCTOBER_ENDS, datetime(2026, 9, 1, tzinfo=BANGKOK)):
        with pytest.raises(PeriodClosed):
            await booked(hall, "late", at)
    assert not await booked(hall, "before", OCTOBER_ENDS), "what is booked is booked"
    assert await booked(hall, "on time", NOVEMBER_BEGINS)
    assert await booked(hall, "another agency's", OCTOBER_ENDS, agency="dcy")
    assert await books(hall).closed_until(hall.planner) == date(2026, 10, 1)


async def test_the_database_refuses_it_from_any_hand(hall: TownHall) -> None:
    await booked(hall, "opens the accounts", NOVEMBER_BEGINS)
    await do(hall, ActKind.CLOSE_PERIOD, month="2026-10")
    with pytest.raises(DBAPIError, match="closed"):
        await past_the_code(hall, "late", OCTOBER_ENDS)
    with pytest.raises(DBAPIError, match="closed"):
        await past_the_code(hall, "much too late", datetime(2026, 8, 5, tzinfo=BANGKOK))


@pytest.mark.parametrize(
    ("now", "closes"),
    [
        (datetime(2026, 11, 1, 23, 59, tzinfo=BANGKOK), False),
        (datetime(2026, 11, 2, 0, 0, tzinfo=BANGKOK), True),
        (datetime(2026, 10, 20, tzinfo=BANGKOK), False),
    ],
)
async def test_a_month_is_closed_from_the_second_day_after_it(hall: TownHall, now: datetime, closes: bool) -> None:
    hall.clock.set(now)
    if closes:
        assert (await do(hall, ActKind.CLOSE_PERIOD, month="2026-10")).outcome == "CONFIRMED"
    else:
        with pytest.raises(PeriodStillOpen):
            await do(hall, ActKind.CLOSE_PERIOD, month="2026-10")


async def test_a_month_is_closed_once_and_by_two(hall: TownHall) -> None:
    first = await books(hall).propose(hall.planner, ActKind.CLOSE_PERIOD, {"month": "2026-10"}, "the month is over")
    second = await books(hall).propose(hall.planner, ActKind.CLOSE_PERIOD, {"month": "2026-10"}, "the month is over")
    with pytest.raises(SameOfficer):
        await books(hall).confirm(hall.planner, first.id)
    tries = await asyncio.gather(
        *(books(hall).confirm(Clerk(), act) for act in (first.id, second.id) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(one, LedgerAct) for one in tries) == 1
    assert {type(one) for one in tries} <= {LedgerAct, ActDecided, PeriodClosed}
    with pytest.raises(PeriodClosed):
        await do(hall, ActKind.CLOSE_PERIOD, month="2026-09")


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "2569-10-01", "๒๕๖๙-๑๐", "", "last"])
async def test_what_is_no_month_is_refused(hall: TownHall, month: str) -> None:
    with pytest.raises(BadInput):
        await do(hall, ActKind.CLOSE_PERIOD, month=month)


# Corrections.


async def test_a_correction_is_the_exact_counter_entry_once_in_the_open_month(hall: TownHall) -> None:
    await booked(hall, "wrong", OCTOBER_ENDS)
    await do(hall, ActKind.CLOSE_PERIOD, month="2026-10")
    await do(hall, ActKind.REVERSE, key="wrong")
    assert await hall.balances() == {"BENEFITS": 0, "PAYABLE": 0}
    async with hall.db.read() as session:
        counter = await session.get(LedgerTransaction, transaction_id("reverse:wrong"))
        assert counter is not None
        assert counter.booked_at == hall.clock.now()
    for key in ("wrong", "reverse:wrong"):
        with pytest.raises(NotReversible):
            await do(hall, ActKind.REVERSE, key=key)


async def test_of_many_corrections_of_one_entry_one_is_booked(hall: TownHall) -> None:
    await booked(hall, "wrong", OCTOBER_ENDS)
    acts = [
        await books(hall).propose(hall.planner, ActKind.REVERSE, {"key": "wrong"}, "booked by mistake")
        for _ in range(5)
    ]
    tries = await asyncio.gather(*(books(hall).confirm(Clerk(), act.id) for act in acts), return_exceptions=True)
    assert sum(isinstance(one, NotReversible) for one in tries) == 4
    assert await hall.balances() == {"BENEFITS": 0, "PAYABLE": 0}


async def test_what_is_not_there_or_another_agencys_or_a_budgets_is_not_reversed(hall: TownHall) -> None:
    await booked(hall, "theirs", OCTOBER_ENDS, agency="dcy")
    for key in ("theirs", "nothing"):
        with pytest.raises(EntryNotFound):
            await do(hall, ActKind.REVERSE, key=key)
    await appropriate(hall, 700)
    async with hall.db.read() as session:
        budgets = await session.scalar(
            select(col(LedgerTransaction.key)).where(col(LedgerTransaction.key).startswith("budget:"))
        )
    with pytest.raises(NotReversible):
        await do(hall, ActKind.REVERSE, key=str(budgets))


async def test_the_table_itself_asks_for_two_officers(hall: TownHall) -> None:
    one = new_id()
    values: dict[str, Any] = {
        "agency": "dla",
        "kind": "REVERSE",
        "payload": {},
        "reason": "alone",
        "proposed_at": hall.clock.now(),
    }
    decided: dict[str, Any] = {"outcome": "CONFIRMED", "decided_by": one, "decided_at": hall.clock.now()}
    with pytest.raises(DBAPIError):
        async with hall.db.write() as session:
            session.add(LedgerAct(id=new_id(), proposed_by=one, **values, **decided))


# Keys that are long.

LONG = f"paid-back:{'x' * 50}:{'R' * 35}"


async def test_an_entry_with_a_long_key_is_reversed_once(hall: TownHall) -> None:
    await booked(hall, LONG, hall.clock.now())
    await booked(hall, f"{LONG[:-1]}S", hall.clock.now())
    await do(hall, ActKind.REVERSE, key=LONG)
    assert await hall.balances() == {"BENEFITS": 70_000, "PAYABLE": -70_000}
    with pytest.raises(NotReversible):
        await do(hall, ActKind.REVERSE, key=LONG)
    await do(hall, ActKind.REVERSE, key=f"{LONG[:-1]}S")
    assert await hall.balances() == {"BENEFITS": 0, "PAYABLE": 0}
    with pytest.raises(NotReversible):
        await do(hall, ActKind.REVERSE, key=reversal_of(LONG))


async def test_what_was_reversed_under_a_key_of_any_length_is_not_reversed_again(hall: TownHall) -> None:
    """As SQLite kept it, which cuts nothing."""
    await booked(hall, LONG, hall.clock.now())
    if hall.db.is_sqlite:
        await past_the_code(hall, f"reverse:{LONG}", hall.clock.now())
    else:
        await past_the_code(hall, reversal_of(LONG), hall.clock.now())
    with pytest.raises(NotReversible):
        await do(hall, ActKind.REVERSE, key=LONG)


async def test_a_key_that_fits_is_reversed_under_its_own(hall: TownHall) -> None:
    assert reversal_of("x" * 92) == "reverse:" + "x" * 92
    assert len(reversal_of("x" * 93)) == 100
    with pytest.raises(KeyTooLong):
        await booked(hall, "x" * 101, hall.clock.now())
    assert await booked(hall, "x" * 100, hall.clock.now())


@given(st.text("ab", max_size=130), st.text("ab", max_size=130), st.integers(40, 100))
def test_bounded_texts_differ_where_the_texts_do(one: str, other: str, most: int) -> None:
    assert (bounded(one, most) == bounded(other, most)) == (one == other)
    assert len(bounded(one, most)) == min(len(one), most)
