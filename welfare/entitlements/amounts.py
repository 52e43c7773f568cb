"""What an award pays in a month: its decision replayed on that month's day.

The facts are those of the decision; the law is the law of the month. While the version that was decided with is still
in force, its frozen text is used, so that no later correction of a file changes what was granted. From the day on which
a newer version is in force, the newer one is put to the same facts: rates rise for everyone on the same day. Where the
newer law asks for a fact that the decision never read, nothing is paid on a guess: the amount is None until the
application is decided again.

A month before the one of the application pays nothing unless the programme pays back; the months that the state took
to decide are paid. The day is the first of the month; in the month of the application it is the day of the application,
so that a child born on the 12th and registered on the 16th is paid for that month.

What is given once is paid for the month of the application, and is what the decision says, by its own day and law.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import bangkok_day
from core.crypto import KeyRing
from core.money import Money
from services.apply.deciding import Outcome as Decided
from services.apply.records import DecisionRecord, DecisionRecords
from welfare.entitlements.record import fact_of, replay_decision
from welfare.entitlements.service import PROGRAMME
from welfare.programmes import (
    BenefitAmount,
    Cadence,
    Determination,
    Outcome,
    Programme,
    ProgrammeCatalogue,
    ProgrammeUnknown,
    freeze,
)


class DecidedAmounts:
    """Implements :class:`services.pay.amounts.AmountSource` from stored decisions and the programmes' data."""

    def __init__(self, keys: KeyRing, programmes: ProgrammeCatalogue) -> None:
        self._records, self._programmes = DecisionRecords(keys), programmes

    async def amount(self, session: AsyncSession, application: UUID, period: date) -> Money | None:
        """What is due in cash for the month that begins on `period`; None when nothing is.

        Raises SealBroken or RecordUnreadable when the record was tampered with, and ProgrammeUnknown.
        """
        decision = await self._records.latest(session, application)
        if decision is None or decision.outcome is not Decided.GRANTED:
            return None
        monthly, _ = self._monthly(decision, period)
        return _sum([*monthly, *_given_once(decision, period)])

    async def needed(self, session: AsyncSession, application: UUID, period: date) -> tuple[str, ...]:
        """Facts that the law of that month reads and the decision did not: nothing is paid until it is taken again.

        Empty where the amount is known, or nothing is due. Raises as :meth:`amount` does.
        """
        decision = await self._records.latest(session, application)
        if decision is None or decision.outcome is not Decided.GRANTED:
            return ()
        return self._monthly(decision, period)[1]

    async def once(self, session: AsyncSession, application: UUID, period: date) -> Money | None:
        """Of what a later decision ended, by the decision that granted it. Raises as :meth:`amount` does."""
        decision = await self._records.latest(session, application)
        if decision is not None and decision.outcome is not Decided.GRANTED:
            decision = await self._records.first_granted(session, application)
        return None if decision is None else _sum(_given_once(decision, period))

    async def occasion(self, session: AsyncSession, application: UUID) -> str:
        """By the decision that granted it first. Raises as :meth:`amount` does."""
        decision = await self._records.first_granted(session, application)
        if decision is None:
            return ""
        name = self._programme(PROGRAMME + str(decision.record["programme"])).once_for
        return "" if name is None else str(fact_of(decision.record, name))

    def ran_out(self, subject: str, period: date) -> bool:
        """Raises ProgrammeUnknown."""
        programme, month = self._programme(subject), period.replace(day=1)
        before = [one for one in programme.versions if one.until is not None and one.until < month]
        pays = any(b.cadence is Cadence.MONTH and not b.in_kind for b in before[-1].benefits) if before else False
        return pays and programme.version_on(month) is None

    def payday(self, subject: str, period: date) -> date:
        """The day on which the month is paid; the last of a month that has no such day. Raises ProgrammeUnknown."""
        programme = self._programme(subject)
        version = programme.version_on(period) or programme.versions[-1]
        day = max((b.payday for b in version.benefits if not b.in_kind), default=version.benefits[0].payday)
        return period.replace(day=min(day, monthrange(period.year, period.month)[1]))

    def payer(self, subject: str) -> str:
        """Slug of the agency that pays. Raises ProgrammeUnknown."""
        return self._programme(subject).payer

    def _monthly(self, decision: DecisionRecord, period: date) -> tuple[list[Money | None], tuple[str, ...]]:
        """What is given month by month; None of what nobody can say, and then the facts that say it."""
        found = self._determined(decision, period.replace(day=1))
        if found is None or found.outcome is Outcome.UNMET:
            return [], ()
        known = found.outcome is Outcome.MET
        due = [b.amount if known else None for b in found.benefits if _is_cash(b, Cadence.MONTH)]
        return due, tuple(found.missing) if None in due else ()

    def _determined(self, decision: DecisionRecord, month: date) -> Determination | None:
        record = decision.record
        programme = self._programme(PROGRAMME + str(record["programme"]))
        applied_on = bangkok_day(decision.applied_at)
        if month < applied_on.replace(day=1) and not programme.back_pay:
            return None
        day = applied_on if month == applied_on.replace(day=1) else month
        current = programme.version_on(day)
        if current is None:
            return None
        frozen = record["version"]  # which DecisionRecords puts there
        starts = None if current.starts is None else current.starts.isoformat()
        law = frozen if frozen["starts"] == starts else freeze(current)
        return replay_decision({**record, "version": law}, day).determination

    def _programme(self, subject: str) -> Programme:
        kind, _, slug = subject.partition(":")
        programme = self._programmes.get(slug) if f"{kind}:" == PROGRAMME else None
        if programme is None:
            raise ProgrammeUnknown
        return programme


def _is_first(decision: DecisionRecord, period: date) -> bool:
    """Whether it is the month of the application: what is given once is paid for that month."""
    return bangkok_day(decision.applied_at).replace(day=1) == period.replace(day=1)


def _given_once(decision: DecisionRecord, period: date) -> list[Money | None]:
    """By the day and the law of the decision itself, so that what it says is what is paid."""
    if not _is_first(decision, period):
        return []
    found = replay_decision(decision.record).determination
    return [benefit.amount for benefit in found.benefits if _is_cash(benefit, Cadence.ONCE)]


def _is_cash(benefit: BenefitAmount, cadence: Cadence) -> bool:
    return benefit.cadence is cadence and not benefit.in_kind


def _sum(due: Sequence[Money | None]) -> Money | None:
    known = [amount for amount in due if amount is not None]
    return sum(known, Money(0)) if due and len(known) == len(due) else None
