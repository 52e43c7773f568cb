"""A program that pays and is killed: `python -m tests.services.pay.crash URL BANK JOB AGENCY:RUN:MOMENT…`.

For each run it forks a child that does the job (send, reconcile or plan) and is killed by SIGKILL at that moment,
counted over every statement and commit on the database and every step at the bank. Moment 0 never comes. It prints, for
each, how many moments went by or that the child was killed. It forks before anything has started a thread.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
from sqlalchemy import event

from core.clock import BANGKOK, FixedClock
from core.database import Database
from core.settings import Settings
from services.pay.awards import Awards
from services.pay.rails.bank import BankRail
from services.sandbox.bank import bank_app
from services.sandbox.bank.books import Books
from tests.services.pay.town import PERIOD, Clerk, FixedAmounts, jobs_over


class Moments:
    """Counts, and kills the process at the chosen one."""

    def __init__(self, deadly: int) -> None:
        self.deadly, self.count = deadly, 0

    def __call__(self, *_: Any) -> None:
        self.count += 1
        if self.count == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)


class Line(httpx2.AsyncBaseTransport):
    """The way to the bank: a moment before the request leaves, and one when the answer is there."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, tick: Moments) -> None:
        self._inner, self._tick = inner, tick

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._tick()
        response = await self._inner.handle_async_request(request)
        self._tick()
        return response


def between(tick: Moments, method: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*arguments: Any, **options: Any) -> Any:
        tick()
        result = method(*arguments, **options)
        tick()
        return result

    return wrapped


async def work(url: str, bank: Path, job: str, officer: Clerk, run: UUID, tick: Moments) -> None:
    clock = FixedClock(datetime(2026, 11, 16, 10, 0, tzinfo=BANGKOK))
    db = Database(Settings(database_url=url).sqlalchemy_url)
    for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(db.engine.sync_engine, name, tick)
    app = bank_app(bank, clock)
    books: Books = app.state.bank.books
    books.take = between(tick, books.take)  # type: ignore[method-assign]
    books.book = between(tick, books.book)  # type: ignore[method-assign]
    async with httpx2.AsyncClient(transport=Line(httpx2.ASGITransport(app=app), tick)) as client:
        jobs = jobs_over(db, clock, BankRail(client, "http://bank"), Awards(FixedAmounts(), clock))
        match job:
            case "send":
                await jobs.send(officer, run)
            case "reconcile":
                await jobs.reconcile(officer, run)
            case "plan":
                await jobs.plan(officer, PERIOD)
    await db.close()


def main(url: str, bank: str, job: str, *cases: str) -> None:
    for case in cases:
        agency, run, moment = case.split(":")
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            tick = Moments(int(moment))
            asyncio.run(work(url, Path(bank), job, Clerk(agency=agency), UUID(hex=run), tick))
            os.write(writer, str(tick.count).encode())
            os._exit(0)
        os.close(writer)
        _, status = os.waitpid(child, 0)
        passed = os.read(reader, 20).decode()
        os.close(reader)
        if not os.WIFSIGNALED(status) and status != 0:
            raise SystemExit(f"{case}: the child failed by itself")
        print("killed" if os.WIFSIGNALED(status) else passed)  # noqa: T201 - how it answers


if __name__ == "__main__":
    main(*sys.argv[1:])
