"""`sitthi pay send` and `reconcile`, as real commands over a real server and bank, killed at moments that a seed picks.

Started again they pay everyone, nobody twice. (`tests/services/pay/test_crashes.py` kills at every statement, in
process; here are the whole program, the sockets and the sandbox bank's own file.)
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from random import Random  # noqa: TID251 (moments from a seed)
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from api.commands.walk import sign_in
from core.clock import SystemClock
from core.database import Database
from core.settings import Settings
from services.pay.ledger.service import trial_balance, unbalanced_transactions
from tests.conftest import run_directory
from tests.support.population import furnish
from tests.support.server import Process, running, start

pytestmark = pytest.mark.in_turn

KILLS = int(os.environ.get("SITTHI_KILLS", "2"))
"""How often each command is killed. The trial that this test comes from took 20, on both databases."""
SEED = 20
APPLY = "mutation($input: ApplyInput!) { apply(input: $input) { application { status } problems { code } } }"


def apply_for(server: Process, persona: str, programme: str) -> None:
    settings = Settings(port=server.port, data=Path(server.environment["SITTHI_DATA"]))
    token = asyncio.run(sign_in(settings, persona))["access_token"]
    given = {"input": {"programme": programme, "idempotencyKey": f"{persona} applies"}}
    headers = {"Authorization": f"Bearer {token}"}
    address = f"http://127.0.0.1:{server.port}/graphql"
    with httpx2.Client(trust_env=False, timeout=60) as http:
        answer = http.post(address, json={"query": APPLY, "variables": given}, headers=headers).json()
    assert answer["data"]["apply"]["application"]["status"] == "APPROVED"


def killed_after(server: Process, seconds: float, *words: str) -> bool:
    """Whether the command was still running when it was killed."""
    process = start(["api.cli", *words], server.environment, quiet=True)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def seconds_of(server: Process, *words: str) -> float:
    started = time.monotonic()
    server.command(*words, ok=False)
    return time.monotonic() - started


def ledger_is_zero(url: str) -> bool:
    async def read() -> bool:
        db = Database(Settings(database_url=url).sqlalchemy_url)
        async with db.read() as session:
            total = sum(balance.money.satang for balance in await trial_balance(session))
            uneven = await unbalanced_transactions(session)
        await db.close()
        return total == 0 and not uneven

    return asyncio.run(read())


def counted(url: str) -> dict[str, Any]:
    async def count() -> dict[str, Any]:
        db = Database(Settings(database_url=url).sqlalchemy_url)
        async with db.read() as session:
            instalments = (await session.execute(text("SELECT id, status FROM instalment"))).all()
            receipts = await session.scalar(text("SELECT count(*) FROM receipt"))
            told = await session.scalar(text("SELECT count(*) FROM message WHERE template = 'pay.settled'"))
            breaks = await session.scalar(text("SELECT count(*) FROM reconciliation_break"))
        await db.close()
        return {"statuses": [s for _, s in instalments], "receipts": receipts, "told": told, "breaks": breaks}

    return asyncio.run(count())


def booked(data: Path) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(data / "sandbox" / "bank.sqlite")) as bank:
        return bank.execute("SELECT end_to_end, count(*) FROM entry GROUP BY end_to_end").fetchall()


def test_commands_killed_at_any_moment_pay_everyone_once(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    furnish(run_directory(request.config), data, SystemClock().today())
    random = Random(SEED)
    with running(data, SITTHI_DATABASE_URL=database_url) as server:
        apply_for(server, "elder", "old-age-allowance")
        apply_for(server, "disabled-adult", "disability-allowance")
        for officer in ("officer-one", "officer-two"):
            roles = ("--role", "pay.plan", "--role", "pay.approve")
            server.command("officer", "add", "--persona", officer, "--agency", "dla", *roles)
            server.command("officer", "sign-in", "--persona", officer)
        run = server.command("pay", "plan", "--period", "this-month", "--as", "officer-one").split()[0]
        server.command("pay", "approve", run, "--as", "officer-two")
        whole = seconds_of(server, "pay", "send", "0" * 32, "--as", "officer-one")  # all but the sending
        killed = 0

        def moments() -> list[float]:
            """One long before the end, so that something is killed on any machine; the others where the work is."""
            return [0.2 * whole, *(random.uniform(0.7, 1.1) * whole for _ in range(KILLS))]

        for moment in moments():
            killed += killed_after(server, moment, "pay", "send", run, "--as", "officer-one")
            assert ledger_is_zero(database_url)
        server.command("pay", "send", run, "--as", "officer-one")
        for moment in moments():
            killed += killed_after(server, moment, "pay", "reconcile", run, "--as", "officer-two")
            assert ledger_is_zero(database_url)
        server.command("pay", "reconcile", run, "--as", "officer-two")
        assert ledger_is_zero(database_url)
        assert killed > 0
    assert counted(database_url) == {"statuses": ["SETTLED"] * 2, "receipts": 2, "told": 2, "breaks": 0}
    assert [times for _, times in booked(data)] == [1, 1]
