"""Paydays: what an agency pays for a month, in as many runs (files) as it takes, planned and approved as one.

A run holds so many instalments at most; whatever works on a payday goes run by run and holds one in memory. Any
number of workers share the runs: each takes up the next that nobody has (:meth:`PaydayRepository.claim`). A claim
decides nothing. It keeps two workers from doing the same at the same time; that nothing is done twice is for the run's
own lock, state and keys to see to. So a worker that is killed leaves nothing to tidy up: whoever begins after it takes
up its run (docs/adr/0035-paydays-are-rows.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.pay.destinations.counting import counting_destination
from services.pay.models import Instalment, Payday, PaymentRun
from services.pay.states import INSTALMENT_TRANSITIONS, InstalmentEvent, InstalmentStatus, RunStatus, after

PART_MAX: Final = 1_000
"""Instalments of one run, and so payments of one file, unless settings say otherwise."""


@dataclass(frozen=True, slots=True)
class Whole:
    files: int
    instalments: int
    satang: int


def content_of(runs: Iterable[PaymentRun]) -> bytes:
    """SHA-256 over the content hashes of a payday's runs, in the order of their parts."""
    return hashlib.sha256(b"".join(run.content_hash for run in sorted(runs, key=lambda run: run.part))).digest()


class PaydayRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def fill(
        self, run: PaymentRun, *, without: Collection[UUID], at_most: int
    ) -> Sequence[Row[tuple[UUID, UUID, UUID, date, date, int, UUID | None]]]:
        """Puts scheduled instalments of the run's agency, of its month and of earlier ones, into the run, in the order
        of their ids, each to where its payee is paid now. `without` are instalments that none of them may repeat.

        Answers what :func:`services.pay.contents.content_hash` reads of them. One statement, however many there are.
        """
        planned = after(INSTALMENT_TRANSITIONS, InstalmentStatus.SCHEDULED, InstalmentEvent.PLAN)
        scheduled = col(Instalment.status) == InstalmentStatus.SCHEDULED.value
        due = select(col(Instalment.id)).where(
            col(Instalment.agency) == run.agency, col(Instalment.period) <= run.period, scheduled
        )
        if without:
            due = due.where(or_(col(Instalment.repeats).is_(None), col(Instalment.repeats).not_in(sorted(without))))
        next_ = due.order_by(col(Instalment.id)).limit(at_most).with_for_update().cte("next")
        content = (
            *(col(Instalment.id), col(Instalment.person), col(Instalment.award), col(Instalment.period)),
            *(col(Instalment.due_on), col(Instalment.satang), col(Instalment.destination)),
        )
        statement = (
            update(Instalment)
            .where(col(Instalment.id).in_(select(next_.c.id)), scheduled)
            .values(run=run.id, status=planned.value, destination=counting_destination())
            .returning(*content)
            .execution_options(synchronize_session=False)
        )
        return (await self._session.execute(statement)).all()

    async def parts(self, run: PaymentRun, *, lock: bool = False) -> Sequence[PaymentRun]:
        """The runs of its payday, in the order of their parts; only itself where it stands alone."""
        query = select(PaymentRun).where(_of_payday(run)).order_by(col(PaymentRun.id))
        if lock:
            query = query.with_for_update()
        rows = await self._session.scalars(query.execution_options(populate_existing=True))
        return sorted(rows, key=lambda one: one.part)

    async def whole(self, run: PaymentRun) -> Whole:
        """How much its payday is."""
        files, instalments, total = col(PaymentRun.id), col(PaymentRun.instalments), col(PaymentRun.total)
        query = select(func.count(files), func.sum(instalments), func.sum(total)).where(_of_payday(run))
        found = (await self._session.execute(query)).one()
        return Whole(*map(int, found))

    async def payday(self, key: UUID) -> Payday | None:
        """Locked, after its runs."""
        return await self._session.get(Payday, key, with_for_update=True, populate_existing=True)

    async def claim(
        self, run: PaymentRun, *, after_part: int, statuses: Collection[RunStatus], began: datetime, now: datetime
    ) -> tuple[UUID, int] | None:
        """Takes up the next run of the payday, by its id and part, that is in one of these states; None for no more.

        Left out is what somebody took up after the caller `began`: whoever did so is at work, or has just been killed,
        and then the next who begins takes it up.
        """
        free = or_(col(PaymentRun.claimed_at).is_(None), col(PaymentRun.claimed_at) <= began)
        waiting = select(col(PaymentRun.id)).where(
            _of_payday(run),
            col(PaymentRun.part) > after_part,
            col(PaymentRun.status).in_([status.value for status in statuses]),
            free,
        )
        next_ = waiting.order_by(col(PaymentRun.part)).limit(1).with_for_update(skip_locked=True).cte("next")
        statement = (
            update(PaymentRun)
            .where(col(PaymentRun.id).in_(select(next_.c.id)))
            .values(claimed_at=now)
            .returning(col(PaymentRun.id), col(PaymentRun.part))
            .execution_options(synchronize_session=False)
        )
        found = (await self._session.execute(statement)).first()
        return None if found is None else (found[0], found[1])

    async def submitted(self, run: PaymentRun, expected: int) -> bool:
        """Marks all that is in the run as submitted. False where that is not as many as it should be."""
        following = after(INSTALMENT_TRANSITIONS, InstalmentStatus.IN_RUN, InstalmentEvent.SUBMIT)
        statement = (
            update(Instalment)
            .where(col(Instalment.run) == run.id, col(Instalment.status) == InstalmentStatus.IN_RUN.value)
            .values(status=following.value)
            .execution_options(synchronize_session=False)
        )
        changed: Any = await self._session.execute(statement)
        return bool(changed.rowcount == expected)

    async def shrunk(self, run: PaymentRun) -> None:
        """After a run that is only planned has changed or gone: its payday says what is left, or goes too."""
        if run.payday is None:
            return
        parts = await self.parts(run)
        payday = await self.payday(run.payday)
        if payday is None:
            return
        if parts:
            payday.content_hash = content_of(parts)
        else:
            await self._session.delete(payday)
        await self._session.flush()


def _of_payday(run: PaymentRun) -> ColumnElement[bool]:
    return col(PaymentRun.id) == run.id if run.payday is None else col(PaymentRun.payday) == run.payday
