"""What was paid, or will be, is brought to what is due by now: what is missing is noted, and too much is claimed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.ids import new_id
from core.money import Money
from core.text import Text
from services.pay.breaks import paid_after_return
from services.pay.claims import claim, release
from services.pay.contents import leave_planned_runs, move
from services.pay.models import Award, Instalment, Overpayment
from services.pay.needs import Notices
from services.pay.recovery.models import Underpayment
from services.pay.recovery.underpaid import UNDERPAID, note_underpaid
from services.pay.repository import PaymentRepository
from services.pay.shares import GOES_OUT, Shares, shares
from services.pay.states import InstalmentEvent, InstalmentStatus
from services.pay.supplements import annul, open_of
from services.pay.writing import insert_new

DueFor = Callable[[AsyncSession, Award, date], Awaitable[Money | None]]
"""What a month should be of, as things are now; None where nobody can say."""
IsExcluded = Callable[[AsyncSession, Award, date], Awaitable[bool]]


class Adjusting:
    """The caller holds the award, its planned runs and its instalments (:mod:`services.pay.turns`)."""

    def __init__(self, clock: Clock, notices: Notices, due_for: DueFor, is_excluded: IsExcluded) -> None:
        self._clock, self._notices = clock, notices
        self._due_for, self._is_excluded = due_for, is_excluded

    async def adjust(
        self, session: AsyncSession, award: Award, since: date, cause: str, *, until: date = date.max
    ) -> int:
        """The months from the one that begins on `since`, or later, to `until`. Answers of how many payments too much
        went out."""
        repository = PaymentRepository(session)
        there = await repository.instalments_since(award, since)
        planned = await self._planned(session, award, there)
        found, stale = await self._found(session, award, [one for one in there if one.period <= until], planned)
        in_stale = {one.id for one in there if one.supplements in stale}
        changed = {one.id for one in there if found.of.get(one.id, one.satang) != one.satang} - _supplements(there)
        if planned & (changed | in_stale):
            await leave_planned_runs(session, award, since)
            there = await repository.instalments_since(award, since)
            for one in there:  # what nobody can say of stands as planned, and so does what is missing still
                stays = one.id not in in_stale if one.supplements else one.id not in found.of
                if one.id in planned and stays and one.status == InstalmentStatus.CANCELLED:
                    move(one, InstalmentEvent.RESUME)
            await session.flush()
        await annul(session, stale.values(), there, self._clock.now())
        runs_on = award.ends_on is None
        await self.owe_again(session, award, [one for one in there if runs_on or one.id in planned], found.of)
        over: list[tuple[Instalment, int, str]] = []
        repeated = {one.repeats for one in there}
        for one in there:
            satang = found.of.get(one.id)
            if satang is None or one.refunds:
                continue
            if one.status == InstalmentStatus.SCHEDULED and one.supplements is None and satang != one.satang:
                if satang > 0:
                    one.satang = satang
                else:
                    move(one, InstalmentEvent.CANCEL)
            elif one.status in GOES_OUT or (one.status == InstalmentStatus.RETURNED and one.id not in repeated):
                over.append((one, max(one.satang - satang, 0), cause))  # so much less is it paid again with
        await session.flush()
        await self.note_missing(session, award, found, stale, cause)
        return await self.claim(session, award, over)

    async def resume(self, session: AsyncSession, award: Award, ended_on: date) -> None:
        """The award goes on as if it had not ended on that day; of what was overpaid, only what is not due after all
        still is."""
        repository = PaymentRepository(session)
        there = await repository.instalments_since(award, award.starts_on)
        found, stale = await self._found(session, award, there, await self._planned(session, award, there))
        standing = await repository.overpayments(award)
        over = [
            (
                one,
                min(standing[one.id].satang, max(one.satang - found.of.get(one.id, one.satang), 0)),
                standing[one.id].cause,
            )
            for one in there
            if one.id in standing
        ]
        await self.claim(session, award, over)
        await self.owe_again(session, award, there, found.of)
        since = {period: satang for period, satang in found.missing.items() if period >= ended_on.replace(day=1)}
        stale = {key: one for key, one in stale.items() if one.period in since}
        await annul(session, stale.values(), there, self._clock.now())
        found.missing = since
        await self.note_missing(session, award, found, stale, RESUMED)

    async def _planned(self, session: AsyncSession, award: Award, there: Iterable[Instalment]) -> frozenset[UUID]:
        runs = {run.id for run in await PaymentRepository(session).planned_with(award)}
        return frozenset(one.id for one in there if one.run in runs)

    async def _found(
        self, session: AsyncSession, award: Award, there: Sequence[Instalment], planned: Collection[UUID]
    ) -> tuple[Shares, Mapping[UUID, Underpayment]]:
        """What each is due, and what was noted as missing and is not missing so by now."""
        due: dict[date, int] = {}
        for period in sorted({one.period for one in there}):
            if (money := await self._due_for(session, award, period)) is not None:
                due[period] = money.satang
        noted = await open_of(session, there, planned)
        by_month: dict[date, int] = {}
        for one in noted:
            by_month[one.period] = by_month.get(one.period, 0) + one.satang
        found = shares(there, due, planned, by_month)
        stale = {
            one.id: one
            for one in noted
            if one.period in due and found.missing.get(one.period, 0) != by_month[one.period]
        }
        for period in {one.period for one in noted} - {one.period for one in stale.values()}:
            found.missing.pop(period, None)  # noted before
        return found, stale

    async def owe_again(
        self, session: AsyncSession, award: Award, there: Sequence[Instalment], due: Mapping[UUID, int]
    ) -> None:
        """What was cancelled and is due is scheduled again, unless the month was paid otherwise, or may have been."""
        elsewhere = await PaymentRepository(session).paid_elsewhere(award)
        unclear = await paid_after_return(session, award.agency)
        owed = {None, *(one.id for one in there if one.status == InstalmentStatus.RETURNED)} - unclear
        for one in there:
            if one.supplements is not None or one.status != InstalmentStatus.CANCELLED:
                continue
            if due.get(one.id, 0) > 0 and one.period not in elsewhere:
                if one.repeats not in owed or await self._is_excluded(session, award, one.period):
                    continue
                one.satang = due[one.id]
                move(one, InstalmentEvent.RESUME)
        await session.flush()

    async def note_missing(
        self, session: AsyncSession, award: Award, found: Shares, stale: Mapping[UUID, Underpayment], cause: str
    ) -> None:
        """So much more was due than each month paid: noted, and told where that is more than was told before."""
        before = {one.period: 0 for one in stale.values()}
        for one in stale.values():
            before[one.period] += one.satang
        news = 0
        for period, satang in sorted(found.missing.items()):
            if satang > 0:
                await note_underpaid(session, found.base[period], satang, cause, self._clock.now())
                news += satang if satang != before.get(period) else 0
        if news:
            await self._notices.send(session, award.person, UNDERPAID, title=Text(**award.title), amount=Money(news))

    async def claim(self, session: AsyncSession, award: Award, over: Sequence[tuple[Instalment, int, str]]) -> int:
        """So many satang of each instalment were not due, and no more: a row that says otherwise is annulled. Answers
        how many were found."""
        standing = await PaymentRepository(session).overpayments(award)
        found, now = 0, self._clock.now()
        for one, satang, cause in over:
            before = standing.get(one.id)
            if before is not None and before.satang != satang:
                before.annulled_at = now
                await session.flush()
                await release(session, before, now)
            if satang > 0 and (before is None or before.satang != satang):
                row = self._overpaid(one, satang, cause)
                row["released_at"] = None if one.status in GOES_OUT else now  # what came back is not claimed
                if not await insert_new(session, Overpayment, [row]):
                    continue
                found += one.status in GOES_OUT or award.ends_on is not None
                if one.status in GOES_OUT:
                    await claim(session, row["id"], agency=one.agency, satang=satang, at=now)
        return found

    def _overpaid(self, one: Instalment, satang: int, cause: str) -> dict[str, Any]:
        return {
            "person": one.person,
            "id": new_id(),
            "instalment": one.id,
            "award": one.award,
            "agency": one.agency,
            "period": one.period,
            "paid": one.satang,
            "satang": satang,
            "cause": cause,
            "found_at": self._clock.now(),
        }


def _supplements(there: Iterable[Instalment]) -> frozenset[UUID]:
    return frozenset(one.id for one in there if one.supplements is not None)


RESUMED = "RESUMED"
"""The cause of what is missing of a month because its award had ended, and goes on after all."""
