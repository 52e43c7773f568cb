"""A town in which people live: facts and laws change, agencies fall silent, banks send back; and all that pays them.

The oracle stands between the room of applications and the awards: it works out by itself, from the facts of the
decision and the law of each month, what each payment should come to after each word of a decision.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import BANGKOK, FixedClock
from core.database import Database
from core.ids import new_id
from core.money import CURRENCY, Money
from core.settings import Settings
from core.text import Text
from identity.inbox.service import Inbox
from identity.people import PeopleRegister
from services.apply import repository
from services.apply.deaths import Death, DeathWatch, Known
from services.apply.deciding import Holder, Missing, Outcome, Prepared, Request
from services.apply.lifecycle import Lifecycle
from services.apply.models import Application, Decision
from services.apply.reassessing import CorrectedFact, Held, Law, Reassessments
from services.apply.service import ApplyService
from services.apply.states import Status
from services.pay.awards import Awards
from services.pay.holding import HoldReason
from services.pay.models import Instalment
from services.pay.rails.contract import Entry, EntryKind
from services.pay.rails.memory import MemoryRail
from services.pay.recovery.service import Recoveries
from services.pay.repository import PaymentRepository
from tests.services.pay.town import KEYS, Clerk, jobs_over, national_id

NOW: Final = datetime(2024, 2, 15, 10, 0, tzinfo=BANGKOK)
AGENCY, WORK, PENSION = "dla", "programme:dla-unemployment", "programme:dla-pension"
TITLE: Final = Text(th="เบี้ยทดสอบ", en="Test allowance")
LAW: Final = {"th": "ข้อ 6", "en": "clause 6"}
MISSING: Final = {
    Holder.AGENCY: Missing("disability_card", Text(th="บัตร", en="card"), Holder.AGENCY, "dep"),
    Holder.CITIZEN: Missing("household_income", Text(th="รายได้", en="income"), Holder.CITIZEN),
}
GOES_OUT: Final = ("IN_RUN", "SUBMITTED", "SETTLED")
NOTICES: Final = "CREATE TABLE IF NOT EXISTS test_notice (application TEXT, status TEXT)"


def beside(subject: str) -> Collection[str]:
    return {WORK: (PENSION,), PENSION: (WORK,)}.get(subject, ())


@dataclass(frozen=True)
class Version:
    """Of the law of both programmes: so much more than the facts say, in baht."""

    since: date
    more: int = 0
    asks: bool = False
    """Whether it reads a fact that no decision by an earlier version read."""

    @property
    def name(self) -> str:
        return f"{self.since}"


@dataclass
class Country:
    """What is true just now. Fulfils what the rooms want of registers, of the law, and of whoever decides."""

    clock: FixedClock
    baht: dict[UUID, int] = field(default_factory=dict)
    """What each person's facts come to; 0 for no right."""
    silent: dict[UUID, Holder] = field(default_factory=dict)
    """Of whom nobody can say it, and who could."""
    versions: list[Version] = field(default_factory=lambda: [Version(date(2020, 1, 1))])
    corrected: list[CorrectedFact] = field(default_factory=list)
    dead: dict[UUID, Death] = field(default_factory=dict)

    def version(self, day: date) -> Version:
        return [one for one in self.versions if one.since <= day][-1]

    # As who decides.

    async def prepare(self, request: Request) -> Prepared:
        holder = self.silent.get(request.beneficiary)
        others = tuple(beside(request.subject))
        if holder is not None:
            outcome = Outcome.NEEDS_INFORMATION
            return Prepared(outcome, TITLE, {}, (), (MISSING[holder],), pays=True, beside=others)
        baht, law = self.baht[request.beneficiary], self.version(self.clock.today())
        outcome = Outcome.GRANTED if baht else Outcome.REFUSED
        reason = {
            "condition": "facts",
            "th": "ก",
            "en": "a",
            "outcome": "MET",
            "law": LAW,
            "baht": baht,
            "by": law.name,
        }
        return Prepared(outcome, TITLE, {}, (reason,), pays=True, law_from=law.name, beside=others)

    # As the book of laws, and the registers.

    def in_force(self) -> Mapping[str, Law]:
        law = self.version(self.clock.today())
        return {subject: Law(law.name, law.since) for subject in (WORK, PENSION)}

    def reads(self, subject: str, attribute: str) -> bool:
        return subject in (WORK, PENSION) and attribute == "income"

    def totals(self, _attribute: str) -> Collection[str]:
        return ()

    async def with_whom(self, _person: UUID) -> Collection[UUID] | None:
        return None

    async def corrected_since(self, session: AsyncSession, at: datetime) -> Sequence[CorrectedFact]:
        return [fact for fact in self.corrected if fact.at >= at]

    async def ask(self, people: Collection[UUID], *, agency: str) -> Known:
        gone = {one: self.dead[one] for one in people if one in self.dead}
        return Known(gone, frozenset(people) - gone.keys())

    async def near(self, person: UUID, *, agency: str) -> Sequence[UUID]:
        return ()

    # As the source of amounts.

    def due(self, decision: Decision, period: date) -> int | None:
        """Satang of the month by that decision; None where the law of the month reads more than it did."""
        if decision.outcome != "GRANTED":
            return 0
        [reason] = decision.reasons
        law = self.version(period)
        if law.asks and date.fromisoformat(reason["by"]) < law.since:
            return None
        baht: int = reason["baht"]
        return max(baht + law.more, 0) * 100

    async def amount(self, session: AsyncSession, application: UUID, period: date) -> Money | None:
        decision = await repository.last_decision(session, application)
        if decision is None or decision.outcome != "GRANTED":
            return None
        satang = self.due(decision, period)
        return None if satang is None else Money(satang)

    async def needed(self, session: AsyncSession, application: UUID, period: date) -> tuple[str, ...]:
        decision = await repository.last_decision(session, application)
        return ("card",) if decision is not None and self.due(decision, period) is None else ()

    async def once(self, session: AsyncSession, application: UUID, period: date) -> Money | None:
        return None

    async def occasion(self, session: AsyncSession, application: UUID) -> str:
        return ""

    def ran_out(self, subject: str, period: date) -> bool:
        return False

    def payday(self, subject: str, period: date) -> date:
        return period.replace(day=10)

    def payer(self, subject: str) -> str:
        return AGENCY


class TwoFacedRail(MemoryRail):
    """Takes back what it booked, and books what it had sent back, if told to."""

    def take_back(self, one: Instalment, reason: str = "AC04") -> None:
        """`reason`: one that nobody knows makes a break of it."""
        self._say(one, EntryKind.RETURNED, "T", reason)

    def pay_after_all(self, one: Instalment) -> None:
        self._say(one, EntryKind.PAID, "P", "")

    def _say(self, one: Instalment, kind: EntryKind, prefix: str, reason: str) -> None:
        assert one.run is not None
        told = self._entries[one.run]
        reference = f"{prefix}{len(told)}-{one.id.hex[:24]}"
        told.append(Entry(kind, reference, one.id.hex, Money(one.net), CURRENCY, self._clock.now(), reason))


class Oracle(Awards):
    """The awards themselves, which notes after each decision what each month should come to by then."""

    country: Country
    expected: dict[tuple[UUID, date], int]
    """By award and month: satang that are due of it, by however many payments."""

    async def end_from(self, session: AsyncSession, *, application: UUID, since: date, cause: str) -> int:
        found = await super().end_from(session, application=application, since=since, cause=cause)
        for one in await self._of(session, application):
            if one.period >= since:
                self.expected[one.award, one.period] = 0
        return found

    async def reassessed(self, session: AsyncSession, *, application: UUID, since: date, cause: str) -> int:
        found = await super().reassessed(session, application=application, since=since, cause=cause)
        await self._expect(session, application, since)
        return found

    async def reassessed_after_end(self, session: AsyncSession, *, application: UUID, since: date, cause: str) -> int:
        found = await super().reassessed_after_end(session, application=application, since=since, cause=cause)
        await self._expect(session, application, since)
        return found

    async def _expect(self, session: AsyncSession, application: UUID, since: date) -> None:
        decision = await repository.last_decision(session, application)
        assert decision is not None
        for one in await self._of(session, application):
            satang = self.country.due(decision, one.period)
            if one.period >= since and satang is not None:
                self.expected[one.award, one.period] = satang

    async def award(self, session: AsyncSession, *, application: UUID, **given: Any) -> UUID:
        before = {one.id: one.status for one in await self._of(session, application)}
        claims, ended_on = await self._claims_of_the_ended(session, application)
        key = await super().award(session, application=application, **given)
        decision = await repository.last_decision(session, application)
        assert decision is not None
        for one in await self._of(session, application):
            satang = self.country.due(decision, one.period)
            if satang is None:
                continue
            month = one.award, one.period
            if ended_on is not None and one.period >= ended_on.replace(day=1) and one.status in GOES_OUT:
                # Of the month in which it ended, which began before that day, what went out was due and is not claimed.
                kept = one.satang if one.period < ended_on and one.id not in claims else 0
                self.expected[month] = max(satang, kept)
            elif one.id in claims:  # of what was overpaid, only what is not due after all still is
                alone = not any(other.supplements for other in await self._of(session, application))
                if alone:
                    self.expected[month] = one.satang - min(claims[one.id], max(one.satang - satang, 0))
                else:
                    self.expected.pop(month, None)
            elif before.get(one.id) in (None, "CANCELLED") and one.status == "SCHEDULED":
                self.expected[month] = satang
        return key

    async def _of(self, session: AsyncSession, application: UUID) -> Sequence[Instalment]:
        award = await PaymentRepository(session).award_of(application)
        return [] if award is None else await PaymentRepository(session).instalments_since(award, award.starts_on)

    async def _claims_of_the_ended(
        self, session: AsyncSession, application: UUID
    ) -> tuple[Mapping[UUID, int], date | None]:
        award = await PaymentRepository(session).award_of(application)
        is_ended = award is not None and award.ends_on is not None
        rows = await PaymentRepository(session).overpayments(award) if award is not None and is_ended else {}
        return {key: row.satang for key, row in rows.items()}, None if award is None else award.ends_on


class TableNotices:
    """As rows, so that what is rolled back was not told."""

    async def application_changed(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, status: Status
    ) -> None:
        row = {"application": application.hex, "status": status.value}
        await session.execute(text("INSERT INTO test_notice VALUES (:application, :status)"), row)

    async def overdue(self, session: AsyncSession, *, person: UUID, title: Text) -> None: ...

    async def escalated(
        self, session: AsyncSession, *, agency: str, application: UUID, title: Text, due_on: date
    ) -> None: ...

    async def ends_soon(self, session: AsyncSession, *, person: UUID, title: Text, due_on: date) -> None: ...

    async def agency_ends_soon(
        self, session: AsyncSession, *, agency: str, application: UUID, title: Text, due_on: date
    ) -> None: ...

    async def bereaved(self, session: AsyncSession, *, people: Collection[UUID]) -> None: ...


@dataclass
class LivedIn:
    """One town, from the start of an example to its end."""

    url: str

    def __post_init__(self) -> None:
        self.db = Database(Settings(database_url=self.url).sqlalchemy_url, durable=False)
        self.clock = FixedClock(NOW)
        self.country, self.rail = Country(self.clock), TwoFacedRail(self.clock)
        self.awards = Oracle(self.country, self.clock, notices=Inbox(self.clock), beside=beside)
        self.awards.country, self.awards.expected = self.country, {}
        notices = TableNotices()
        self.apply = ApplyService(
            self.db, KEYS, self.clock, deciders={"programme": self.country}, awarder=self.awards, notices=notices,
            beside=beside,
        )  # fmt: skip
        self.life = Lifecycle(self.apply, self.clock, self.awards, notices, lambda _subject: AGENCY)
        self.deaths = DeathWatch(self.db, self.clock, self.life, self.country, lambda _subject: AGENCY)
        self.looks = Reassessments(
            self.db, self.clock, self.apply, laws=self.country, corrections=self.country, held=self,
            households=self.country,
        )  # fmt: skip
        self.jobs = jobs_over(self.db, self.clock, self.rail, self.awards)
        self.recoveries = Recoveries(self.clock, Inbox(self.clock))
        self.planner, self.approver = Clerk(), Clerk()

    async def settle(self, people: int) -> list[UUID]:
        """Those who live here."""
        register = PeopleRegister(KEYS, self.clock)
        async with self.db.write() as session:
            await session.execute(text(NOTICES))
            found = await register.resolve(session, [national_id(number) for number in range(1, people + 1)])
        self.country.baht = dict.fromkeys(found.values(), 700)
        return list(found.values())

    # As whoever knows what is held.

    async def held_months(self, session: AsyncSession) -> Sequence[Held]:
        return [
            Held(award.application, award.person, month.period, month.reason == HoldReason.FACT_NEEDED)
            for month, award in await self.awards.held_months(session)
        ]

    async def retry_held(self, session: AsyncSession, *, application: UUID) -> None:
        await self.awards.retry_held(session, application=application)

    # What citizens, officers and time do.

    async def take(self, person: UUID, subject: str) -> None:
        submission = await self.apply.prepare(person, person, subject)
        async with self.db.write() as session:
            await self.apply.apply(session, submission)

    async def supplement(self, row: Application) -> None:
        again = await self.apply.prepare_supplement(row.person, row.id, {})
        async with self.db.write() as session:
            await self.apply.supplement(session, again)

    async def reconsider(self, row: Application) -> None:
        again = await self.apply.prepare_reconsideration(row.person, row.id)
        async with self.db.write() as session:
            await self.apply.reconsider(session, again)

    async def withdraw(self, row: Application) -> None:
        async with self.db.write() as session:
            await self.apply.withdraw(session, row.person, row.id)

    async def appeal(self, row: Application) -> None:
        async with self.db.write() as session:
            await self.apply.appeal(session, row.person, row.id, "ข้อมูลไม่ตรง")

    async def reopen(self, row: Application, *, officer: bool) -> None:
        async with self.db.write() as session:
            if officer:
                await self.life.reopen_by_officer(session, row.person, row.id, new_id())
            else:
                await self.life.reopen(session, row.person, row.id)

    def correct(self, person: UUID, baht: int, holder: Holder | None) -> None:
        self.country.baht[person] = baht
        self.country.silent.pop(person, None)
        if holder is not None:
            self.country.silent[person] = holder
        self.country.corrected.append(CorrectedFact(new_id(), person, "income", self.clock.now()))

    def enact(self, version: Version) -> None:
        if version.since > self.country.versions[-1].since:
            self.country.versions.append(version)

    async def applications(self) -> list[Application]:
        async with self.db.read() as session:
            return list(await session.scalars(select(Application).order_by(col(Application.id))))
