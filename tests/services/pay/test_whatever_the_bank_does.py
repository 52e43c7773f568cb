"""A bank that does everything wrong that banks do, by seed: the money is accounted for all the same.

Whatever it tells, each instalment is settled once at most, nobody is paid twice by its own books, the ledger sums to
zero, and what diverges is named, each entry by one kind. Once it is well again everything settles or comes back.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import httpx2
import pytest

from core.clock import BANGKOK, FixedClock
from core.database import Database
from core.errors import ServiceUnavailable
from core.settings import Settings
from services.pay.errors import NothingDue
from services.pay.models import PaymentRun
from services.pay.reconciliation import BreakKind
from services.pay.repository import PaymentRepository
from services.sandbox.bank import Faults, bank_app
from services.sandbox.bank.chance import Chance, FileMishap, Mishap
from tests.services.pay.town import PERIOD, Clerk, TownHall

SEEDS: Final = range(24)
PAYEES: Final = 12
START: Final = datetime(2026, 11, 16, 10, 0, tzinfo=BANGKOK)
NAMED_AS: Final = {
    Mishap.LATE: BreakKind.NOT_BOOKED,
    Mishap.TOLD_ANEW: BreakKind.BOOKED_TWICE,
    Mishap.UNKNOWN_REFERENCE: BreakKind.UNKNOWN_REFERENCE,
    Mishap.WRONG_AMOUNT: BreakKind.WRONG_AMOUNT,
}


class Town:
    """An agency of one example, in a town that all share."""

    def __init__(self, hall: TownHall, seed: int) -> None:
        self.hall, self.seed = hall, seed
        self.agency = f"x{seed}"
        self.planner, self.approver = Clerk(agency=self.agency), Clerk(agency=self.agency)
        self.runs: list[PaymentRun] = []

    async def pay(self, *, at_most: int = 1) -> None:
        for _ in range(at_most):
            with suppress(NothingDue):
                run = await self.hall.jobs.plan(self.planner, PERIOD)
                await self.hall.jobs.approve(self.approver, run.id)
                self.runs.append(run)
        for run in self.runs:
            with suppress(ServiceUnavailable):
                await self.hall.jobs.send(self.approver, run.id)

    async def check(self) -> None:
        """What must be so at every moment."""
        mine = [i for i in await self.hall.instalments() if i.agency == self.agency]
        settled = Counter((i.beneficiary, i.period) for i in mine if i.status == "SETTLED")
        assert not settled or max(settled.values()) == 1
        entries, back = self.hall.bank.books.entries(), self.hall.bank.books.reversals()
        paid = {e.end_to_end for e in entries if not e.returned and e.end_to_end not in back}
        by_bank = Counter((i.beneficiary, i.period) for i in mine if i.id.hex in paid)
        assert not by_bank or max(by_bank.values()) == 1, "paid twice by the bank's own books"
        assert {i.id.hex for i in mine if i.status == "SETTLED"} <= {e.end_to_end for e in entries if not e.returned}
        sums = Counter[str]()
        repeated = {i.repeats for i in mine}
        for i in mine:
            if i.id not in repeated:
                sums[i.status] += i.satang
        balances = await self.hall.balances(self.agency)
        assert balances.get("IN_TRANSIT", 0) == -sums["SUBMITTED"]
        assert balances.get("BANK", 0) == -sums["SETTLED"]
        assert balances.get("PAYABLE", 0) == -sums["RETURNED"] - sums["IN_RUN"]


async def _example(hall: TownHall, seed: int) -> Counter[str]:
    """One seed from the plan to the end; answers the kinds that were named."""
    town = Town(hall, seed)
    hall.bank.faults = Faults(seed=seed, rate=0.5)
    for _ in range(PAYEES):
        await hall.grant(agency=town.agency)
    for days in (0, 0, 1, 1, 5, 4):
        hall.clock.advance(timedelta(days=days))
        await town.pay()
        await hall.jobs.reconcile(town.planner)
        await town.check()
    breaks = await _breaks(hall, town)
    for run in town.runs:
        _each_is_named_once(breaks, run)
    named = Counter(kind for kind, _, _ in breaks)
    await _expected(hall, town, named)
    hall.bank.faults = Faults()
    await town.pay()
    for _ in range(2):
        await hall.jobs.reconcile(town.planner)
        await town.check()
    mine = [i for i in await hall.instalments() if i.agency == town.agency]
    assert {i.status for i in mine} <= {"SETTLED", "RETURNED"}
    booked = {e.end_to_end for e in hall.bank.books.entries() if not e.returned} - hall.bank.books.reversals().keys()
    assert {i.id.hex for i in mine if i.status == "SETTLED"} == booked & {i.id.hex for i in mine}
    return named


async def _breaks(hall: TownHall, town: Town) -> list[tuple[str, str, object]]:
    async with hall.db.read() as session:
        found = await PaymentRepository(session).breaks(town.agency)
    return [(one.kind, one.bank_reference, one.run) for one in found]


def _each_is_named_once(breaks: list[tuple[str, str, object]], run: PaymentRun) -> None:
    references = Counter(reference for _, reference, of in breaks if of == run.id)
    assert not references or max(references.values()) == 1, "an entry is named by one kind"


async def _expected(hall: TownHall, town: Town, named: Counter[str]) -> None:
    """As many breaks of each kind as the seed made, no more and no fewer."""
    chance = Chance(town.seed, 0.5)
    mine = [i for i in await hall.instalments() if i.agency == town.agency]
    wanted = Counter(NAMED_AS[m] for i in mine if (m := chance.of_payment(i.id.hex)) in NAMED_AS)
    unlinked = sum(chance.of_payment(i.id.hex) is Mishap.UNKNOWN_REFERENCE for i in mine)
    wanted[BreakKind.NOT_BOOKED] += unlinked  # told under a strange id, ours is not booked
    wanted[BreakKind.UNKNOWN_REFERENCE] += sum(
        chance.of_file(run.id.hex, FileMishap.FOREIGN_ENTRY) for run in town.runs
    )
    assert named == Counter({kind.value: number for kind, number in wanted.items() if number})


def test_whatever_the_bank_does_everything_is_named_and_nobody_is_paid_twice(database_url: str, tmp_path: Path) -> None:
    clock = FixedClock(START)
    app = bank_app(tmp_path / "bank.sqlite", clock)
    seen: Counter[str] = Counter()
    with asyncio.Runner() as runner:
        database = Database(Settings(database_url=database_url).sqlalchemy_url, durable=False)
        client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app))

        async def all_of_them() -> None:
            for seed in SEEDS:
                clock.set(START)
                seen.update(await _example(TownHall(database, clock, app.state.bank, client), seed))
            await _closed(client, database)

        runner.run(all_of_them())
    assert {BreakKind(kind) for kind in seen} == set(NAMED_AS.values()), "the seeds try them all"


async def _closed(client: httpx2.AsyncClient, database: Database) -> None:
    closing: list[Awaitable[None]] = [client.aclose(), database.close()]
    for one in closing:
        await one


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_rate_is_of_none_and_of_all(rate: float) -> None:
    chance = Chance(1, rate)
    assert {chance.of_payment(f"{n:032x}") is None for n in range(500)} == {rate == 0.0}


def test_the_same_seed_strikes_the_same_payments_and_another_strikes_others() -> None:
    def struck(seed: int) -> list[Mishap | None]:
        return [Chance(seed, 0.3).of_payment(f"{n:032x}") for n in range(500)]

    assert struck(1) == struck(1)
    assert struck(1) != struck(2)
    assert {one for one in struck(1) if one is not None} == set(Mishap)
    assert 100 < sum(one is not None for one in struck(1)) < 200
