"""Fees of what is approved that nobody paid: a reminder in time, and the end of it when the time is over."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from core.clock import Clock
from core.database import Database
from services.apply import repository as applications
from services.apply.delivery import repository
from services.apply.delivery.hearing import Hearing
from services.apply.delivery.states import LAPSES_AFTER

AT_ONCE: Final = 100


class UnpaidFees:
    """The job. Every worker may run it: what one has done the others find done."""

    def __init__(self, database: Database, clock: Clock, hearing: Hearing) -> None:
        self._db, self._clock, self._hearing = database, clock, hearing

    async def run(self) -> int:
        """How many were reminded of their fee, or lost what was approved."""
        now, done = self._clock.now(), 0
        async with self._db.read() as session:
            found = await repository.unpaid(session, remind=now, lapse=now - LAPSES_AFTER, limit=AT_ONCE)
        for person, application in found:
            done += await self._see_to(person, application)
        return done

    async def _see_to(self, person: UUID, application: UUID) -> bool:
        now = self._clock.now()
        async with self._db.write() as session:
            row = await applications.own(session, person, application, lock=True)
            case = await repository.case(session, person, application, lock=True)
            if row is None or case is None or case.pay_by is None:
                return False
            if case.pay_by <= now - LAPSES_AFTER:
                await self._hearing.fee_lapsed(session, row, case)
                return True
            if case.remind_at is None or case.remind_at > now:
                return False
            await self._hearing.fee_reminded(session, row, case)
            return True
