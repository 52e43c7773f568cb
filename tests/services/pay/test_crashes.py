"""kill -9 at every moment of sending and of reconciling, then again: everyone is paid, and nobody twice."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from services.pay.models import PaymentRun
from services.pay.states import RunStatus
from services.sandbox.bank import Faults
from tests.services.pay.test_destinations import ACCOUNT, say
from tests.services.pay.town import PERIOD, Clerk, TownHall

CRASHES_MIN: Final = 15
"""So many moments at least, spread evenly; `SITTHI_EVERY_MOMENT=1` takes every one."""
MOMENTS_MIN: Final = 30
"""Fewer would mean that the moments are not counted any more."""
_ROOT: Final = Path(__file__).parents[3]


async def crash(url: str, bank: Path, job: str, cases: list[str]) -> list[str]:
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.services.pay.crash", url, str(bank), job, *cases),
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await program.communicate()
    assert program.returncode == 0
    return output.decode().split()


async def approved(hall: TownHall, agency: str) -> PaymentRun:
    for _ in range(2):
        await hall.grant(agency=agency)
    run = await hall.jobs.plan(Clerk(agency=agency), PERIOD)
    return await hall.jobs.approve(Clerk(agency=agency), run.id)


async def moments_of(hall: TownHall, url: str, bank: Path, job: str) -> int:
    """How many there are when nothing goes wrong."""
    run = await approved(hall, "trial")
    if job == "reconcile":
        await hall.jobs.send(Clerk(agency="trial"), run.id)
    (passed,) = await crash(url, bank, job, [f"trial:{run.id.hex}:0"])
    return int(passed)


@pytest.mark.parametrize("job", ["send", "reconcile"])
async def test_killed_at_any_moment_and_started_again_everyone_is_paid_once(
    hall: TownHall, database_url: str, tmp_path: Path, job: str
) -> None:
    bank = tmp_path / "bank" / "bank.sqlite"
    moments = await moments_of(hall, database_url, bank, job)
    assert moments >= MOMENTS_MIN
    chosen = range(1, moments + 1, 1 if "SITTHI_EVERY_MOMENT" in os.environ else max(1, moments // CRASHES_MIN))
    runs = {f"a{moment:03d}": await approved(hall, f"a{moment:03d}") for moment in chosen}
    if job == "reconcile":
        for agency, run in runs.items():
            await hall.jobs.send(Clerk(agency=agency), run.id)
    cases = [f"{agency}:{run.id.hex}:{int(agency[1:])}" for agency, run in runs.items()]
    assert await crash(database_url, bank, job, cases) == ["killed"] * len(chosen)

    for agency in runs:
        assert sum((await hall.balances(agency)).values()) == 0
    for agency, run in runs.items():
        officer = Clerk(agency=agency)
        sent = await hall.jobs.send(officer, run.id)
        await hall.jobs.reconcile(officer, run.id)
        assert sent.id == run.id
        paid = {"BENEFITS": 140_000, "PAYABLE": 0, "IN_TRANSIT": 0, "BANK": -140_000}
        assert await hall.balances(agency) == paid
    booked = Counter(entry.end_to_end for entry in hall.bank.books.entries())
    settled = [i for i in await hall.instalments() if i.agency in runs]
    assert {i.status for i in settled} == {"SETTLED"}
    assert all(booked[i.id.hex] == 1 for i in settled)
    assert await hall.breaks() == []
    async with hall.db.read() as session:
        for run in runs.values():
            closed = await session.get(PaymentRun, run.id)
            assert closed is not None
            assert closed.status == RunStatus.SETTLED


async def came_back(hall: TownHall, agency: str) -> PaymentRun:
    """A run of which everything came back, to payees who have said since where they are paid."""
    run = await approved(hall, agency)
    hall.bank.faults = Faults(reject=frozenset({"*"}))
    await hall.jobs.send(Clerk(agency=agency), run.id)
    hall.bank.faults = Faults()
    for one in await hall.jobs.returned(Clerk(agency=agency)):
        await say(hall, one.person, ACCOUNT)
    return run


async def test_killed_at_any_moment_of_owing_it_again_what_came_back_is_paid_once(
    hall: TownHall, database_url: str, tmp_path: Path
) -> None:
    bank = tmp_path / "bank" / "bank.sqlite"
    trial = await came_back(hall, "trial")
    (passed,) = await crash(database_url, bank, "plan", [f"trial:{trial.id.hex}:0"])
    assert int(passed) >= MOMENTS_MIN
    chosen = range(1, int(passed) + 1, 1 if "SITTHI_EVERY_MOMENT" in os.environ else max(1, int(passed) // CRASHES_MIN))
    agencies = {f"a{moment:03d}": await came_back(hall, f"a{moment:03d}") for moment in chosen}
    cases = [f"{agency}:{run.id.hex}:{int(agency[1:])}" for agency, run in agencies.items()]
    assert await crash(database_url, bank, "plan", cases) == ["killed"] * len(chosen)

    for agency in agencies:
        officer = Clerk(agency=agency)
        run = await hall.jobs.plan(officer, PERIOD)
        await hall.jobs.approve(Clerk(agency=agency), run.id)
        await hall.jobs.send(officer, run.id)
        await hall.jobs.reconcile(officer)
        paid = {"BENEFITS": 140_000, "PAYABLE": 0, "IN_TRANSIT": 0, "BANK": -140_000}
        assert await hall.balances(agency) == paid
    instalments = [i for i in await hall.instalments() if i.agency in agencies]
    assert Counter(i.status for i in instalments) == {"RETURNED": 2 * len(agencies), "SETTLED": 2 * len(agencies)}
    assert len({i.person for i in instalments if i.status == "SETTLED"}) == 2 * len(agencies)
    assert await hall.breaks() == []
