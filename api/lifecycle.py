"""The life of applications, put together: clocks, deaths, what is looked at again; and what officers do about them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final
from uuid import UUID

import structlog
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.errors import BadInput, NotFound
from core.jobs import Job
from core.text import Text
from core.working_days import WorkingDays, thai_working_days
from identity.delegation.repository import DelegationRepository
from identity.inbox.service import Inbox
from identity.inbox.templates import MessageTemplate
from identity.officers import Officer
from identity.officers.reasons import checked_reason
from identity.officers.register import OfficerRegister
from identity.officers.trail import ActKind, Trail
from services.apply import repository, tasks
from services.apply.deaths import CivilRegister, DeathWatch
from services.apply.errors import NotYoursToDecide
from services.apply.lifecycle import Lifecycle
from services.apply.messages import MESSAGES
from services.apply.models import Application
from services.apply.reassessing import CorrectedFact, Held, Reassessments
from services.apply.roles import DECIDE, SUPERVISE
from services.apply.service import ApplyService
from services.apply.states import GRANTED, Status, is_service
from services.exchange.corrections.repository import CorrectionRepository
from services.exchange.facts import Gate
from services.exchange.recounting import HouseholdRegister
from services.pay.awards import Awards
from services.pay.given_once import paid_for_good
from services.pay.holding import HoldReason
from services.pay.ran_out import hold_what_ran_out
from services.plugins.contract import Manifest
from welfare.entitlements.lawbook import ProgrammeLaws
from welfare.entitlements.service import PROGRAMME
from welfare.programmes import Cadence, Programme, ProgrammeCatalogue

if TYPE_CHECKING:
    from api.house import House

LISTED_MAX: Final = 200
ENDING_MIN: Final = 6
LAW_AHEAD: Final = timedelta(days=90)
"""So long before a law is over its operator hears of it."""
BACK_MAX: Final = timedelta(days=3_653)

OVERDUE: Final = MESSAGES["apply.overdue"]
ESCALATED: Final = MESSAGES["apply.escalated"]
ENDS_SOON: Final = MESSAGES["apply.ends-soon"]
AGENCY_ENDS_SOON: Final = MESSAGES["apply.agency-ends-soon"]
BEREAVED: Final = MESSAGES["apply.bereaved"]

log = structlog.get_logger("api.lifecycle")


@cache
def _years_missing() -> Gauge:
    words = "Years whose public and bank holidays should be in core/working_days.yaml by now, and are not"
    return Gauge("sitthi_working_days_years_missing", words)


@cache
def _laws_ending() -> Gauge:
    words = "Programmes that pay month by month, whose law is over within 90 days or was, with none after it"
    return Gauge("sitthi_programmes_without_law_soon", words)


class InboxLife:
    """Implements :class:`services.apply.lifecycle.LifeNotices`."""

    def __init__(self, inbox: Inbox, officers: OfficerRegister) -> None:
        self._inbox, self._officers = inbox, officers

    async def overdue(self, session: AsyncSession, *, person: UUID, title: Text) -> None:
        await self._inbox.send(session, person, OVERDUE, title=title)

    async def escalated(
        self, session: AsyncSession, *, agency: str, application: UUID, title: Text, due_on: date
    ) -> None:
        await self._to_supervisors(session, ESCALATED, agency, application, title, due_on)

    async def ends_soon(self, session: AsyncSession, *, person: UUID, title: Text, due_on: date) -> None:
        await self._inbox.send(session, person, ENDS_SOON, title=title, due_on=due_on)

    async def agency_ends_soon(
        self, session: AsyncSession, *, agency: str, application: UUID, title: Text, due_on: date
    ) -> None:
        await self._to_supervisors(session, AGENCY_ENDS_SOON, agency, application, title, due_on)

    async def _to_supervisors(
        self,
        session: AsyncSession,
        template: MessageTemplate,
        agency: str,
        application: UUID,
        title: Text,
        due_on: date,
    ) -> None:
        ending = application.hex[-ENDING_MIN:]
        for officer in await self._officers.of_agency(session, agency):
            if SUPERVISE in officer.roles:
                await self._inbox.send(session, officer.person, template, title=title, ending=ending, due_on=due_on)

    async def bereaved(self, session: AsyncSession, *, people: Collection[UUID]) -> None:
        for person in people:
            await self._inbox.send(session, person, BEREAVED)


class CloseOnes(CivilRegister):
    """The register, and beside it who acted for somebody under a delegation: a carer is near, whatever the register
    says."""

    def __init__(self, gate: Gate, db: Database) -> None:
        super().__init__(gate)
        self._db = db

    async def near(self, person: UUID, *, agency: str) -> Sequence[UUID]:
        children = await super().near(person, agency=agency)
        async with self._db.read() as session:
            rows = await DelegationRepository(session).not_ended(person)
        carers = [row.delegate for row in rows if row.person == person and row.accepted_at is not None]
        return list(dict.fromkeys([*children, *carers]))


class CorrectedFacts:
    """Implements :class:`services.apply.reassessing.Corrections` over the cases of citizens."""

    async def corrected_since(self, session: AsyncSession, at: datetime) -> Sequence[CorrectedFact]:
        return [CorrectedFact(*row) for row in await CorrectionRepository(session).corrected_facts_since(at)]


class HeldByAwards:
    """Implements :class:`services.apply.reassessing.HeldMonths` over the room that pays."""

    def __init__(self, awards: Awards) -> None:
        self._awards = awards

    async def held_months(self, session: AsyncSession) -> Sequence[Held]:
        return [
            Held(award.application, award.person, month.period, month.reason == HoldReason.FACT_NEEDED)
            for month, award in await self._awards.held_months(session)
        ]

    async def retry_held(self, session: AsyncSession, *, application: UUID) -> None:
        await self._awards.retry_held(session, application=application)


class PaidOnce:
    """Implements :class:`services.apply.tasks.GivenOnce`: of programmes that may be granted again for another occasion,
    and of which nothing is paid month by month."""

    def __init__(self, programmes: ProgrammeCatalogue) -> None:
        self._subjects = [PROGRAMME + one.slug for one in programmes if one.once_for is not None and _is_once(one)]

    async def given(self, session: AsyncSession) -> Sequence[tuple[UUID, UUID]]:
        return await paid_for_good(session, self._subjects)


@dataclass(frozen=True, slots=True)
class EndingLaws:
    """Programmes that pay month by month, and whose last law has a last day."""

    programmes: ProgrammeCatalogue
    awards: Awards

    def ending(self, today: date, ahead: timedelta) -> Mapping[str, date]:
        """By slug, the last day of those that are over by then and have no law after it."""
        found: dict[str, date] = {}
        for one in self.programmes:
            last = max(one.versions, key=lambda version: version.starts or date.min, default=None)
            if last is None or last.until is None or last.until > today + ahead:
                continue
            if any(benefit.cadence is Cadence.MONTH and not benefit.in_kind for benefit in last.benefits):
                found[one.slug] = last.until
        return found


def _is_once(programme: Programme) -> bool:
    benefits = [one for version in programme.versions for one in version.benefits if not one.in_kind]
    return all(one.cadence is Cadence.ONCE for one in benefits)


class DecidingAgency:
    """Implements :class:`services.apply.lifecycle.Responsible`: a programme's payer, a service's agency."""

    def __init__(self, programmes: ProgrammeCatalogue, manifests: Callable[[], Sequence[Manifest]]) -> None:
        self._programmes, self._manifests = programmes, manifests

    def __call__(self, subject: str) -> str | None:
        kind, _, slug = subject.partition(":")
        if is_service(subject):
            return next((m.agency.slug for m in self._manifests() if m.slug == slug), None)
        programme = self._programmes.get(slug) if f"{kind}:" == PROGRAMME else None
        return None if programme is None else programme.payer

    def programmes_of(self, agency: str) -> Mapping[str, Text]:
        """By subject, with its title."""
        return {PROGRAMME + one.slug: one.title for one in self._programmes if one.payer == agency}


@dataclass(frozen=True, slots=True)
class Life:
    """One process's. `decider` of the programmes, the civil register, and whoever pays are handed in."""

    db: Database
    clock: Clock
    apply: ApplyService
    lifecycle: Lifecycle
    reassessments: Reassessments
    deaths: DeathWatch
    agency_of: DecidingAgency
    trail: Trail
    days: WorkingDays
    once: PaidOnce
    laws: EndingLaws

    @property
    def jobs(self) -> list[Job]:
        return [
            Job("follow the clocks of applications", timedelta(minutes=15), self.follow_clocks),
            Job("look again at what was granted", timedelta(minutes=5), self.reassessments.run),
            Job("ask the civil register about deaths", timedelta(hours=6), self.deaths.run),
            Job("close what was given once", timedelta(minutes=15), self.complete_given),
            Job("hold what has no law any more", timedelta(hours=1), self.hold_what_ran_out),
            Job("miss the holidays of next year", timedelta(hours=1), self.miss_holidays),
        ]

    async def follow_clocks(self) -> tasks.Timed:
        return await tasks.follow_clocks(self.apply, self.lifecycle, self.db, self.clock)

    async def complete_given(self) -> int:
        return await tasks.complete_given(self.lifecycle, self.db, self.once)

    async def hold_what_ran_out(self) -> int:
        """Warns of programmes whose law is over soon with none after it, in the log and in the figures; and where it is
        over, holds this month of all who are paid by it, and tells them. Answers how many those are."""
        today = self.clock.today()
        ending = self.laws.ending(today, LAW_AHEAD)
        _laws_ending().set(len(ending))
        for slug, until in sorted(ending.items()):
            log.warning("law.runs_out", programme=slug, until=until.isoformat())
        over = [PROGRAMME + slug for slug, until in ending.items() if until < today]
        return await hold_what_ran_out(self.db, self.laws.awards, over, today.replace(day=1))

    async def miss_holidays(self) -> Sequence[int]:
        """Warns of years whose holidays should be in the data by now, in the log and in the figures."""
        missing = self.days.missing_on(self.clock.today())
        _years_missing().set(len(missing))
        for year in missing:
            log.warning("working_days.missing", year=year)
        return missing

    def laws_ending(self, agency: str) -> Mapping[str, date]:
        """Of the agency's programmes that pay month by month, those whose law is over soon: by slug, its last day."""
        ending = self.laws.ending(self.clock.today(), LAW_AHEAD)
        return {slug: until for slug, until in ending.items() if self.agency_of(PROGRAMME + slug) == agency}

    async def overdue(self, officer: Officer) -> Sequence[Application]:
        """What the officer's agency should have decided by now. Raises RoleMissing."""
        if SUPERVISE not in officer.roles:
            officer.must_have(DECIDE)
        subjects = list(self.agency_of.programmes_of(officer.agency))
        async with self.db.read() as session:
            return await repository.overdue_of(session, subjects, self.clock.today(), LISTED_MAX)

    async def find(self, officer: Officer, given: str) -> Application:
        """By its id or the end of it. Raises NotFound for none of the agency's, and for several."""
        wanted = given.strip().lower().replace("-", "")
        if len(wanted) < ENDING_MIN or not set(wanted) <= set("0123456789abcdef"):
            raise NotFound
        subjects = list(self.agency_of.programmes_of(officer.agency))
        async with self.db.read() as session:
            found = await repository.ending(session, subjects, wanted)
        if len(found) != 1:
            raise NotFound
        return found[0]

    async def reconsider(self, officer: Officer, application: Application, reason: str, since: date | None) -> str:
        """Has it decided again, on the facts as they are. Answers what became of it: a status.

        Raises RoleMissing, NotYoursToDecide, BadInput, AlreadyDecided, and what the decider raises.
        """
        self._check(officer, application, reason)
        today = self.clock.today()
        if since is not None and not today - BACK_MAX <= since <= today:
            raise BadInput(Text(th="วันที่ต้องไม่เกินวันนี้", en="the day is today or before"), path=("since",))
        await self._note(officer, application, ActKind.APPLICATION_RECONSIDERED, reason)
        if Status(application.status) in GRANTED:
            async with self.db.write() as session:
                row = await self.reassessments.ask(session, application, officer.person, since or today)
            await self.reassessments.one(row)
        else:
            again = await self.apply.prepare_reconsideration(application.person, application.id)
            async with self.db.write() as session:
                await self.apply.reconsider(session, replace(again, officer=officer.person, cause="OFFICER"))
        return await self._status(application)

    async def reopen(self, officer: Officer, application: Application, reason: str) -> str:
        """Opens again what lapsed, or what a death closed that was none. Raises as `reconsider`, and NotReopenable."""
        self._check(officer, application, reason)
        async with self.db.write() as session:
            await self.lifecycle.reopen_by_officer(session, application.person, application.id, officer.person)
        await self._note(officer, application, ActKind.APPLICATION_REOPENED, reason)
        return await self._status(application)

    def _check(self, officer: Officer, application: Application, reason: str) -> None:
        officer.must_have(DECIDE)
        if self.agency_of(application.subject) != officer.agency or officer.person == application.person:
            raise NotYoursToDecide
        checked_reason(reason)

    async def _note(self, officer: Officer, application: Application, kind: ActKind, reason: str) -> None:
        async with self.db.write() as session:
            await self.trail.note(
                session, kind, agency=officer.agency, by=officer.person.hex, subject=application.id, note=reason
            )

    async def _status(self, application: Application) -> str:
        async with self.db.read() as session:
            found = await repository.own(session, application.person, application.id)
        assert found is not None, "it was there"
        return found.status


def life(house: House, apply: ApplyService) -> Life:
    """Out of the rooms of a house that is being furnished."""
    programmes = house.welfare.programmes
    agency_of = DecidingAgency(programmes, lambda: [plugin.manifest for plugin in house.registry.plugins])
    notices = InboxLife(house.inbox, house.identity.office.officers)
    lifecycle = Lifecycle(apply, house.clock, house.awards, notices, agency_of)
    reassessments = Reassessments(
        house.db,
        house.clock,
        apply,
        laws=ProgrammeLaws(house.clock, house.catalogue, programmes),
        corrections=CorrectedFacts(),
        held=HeldByAwards(house.awards),
        households=HouseholdRegister(house.catalogue, house.gate),
    )
    deaths = DeathWatch(house.db, house.clock, lifecycle, CloseOnes(house.gate, house.db), agency_of)
    return Life(
        house.db,
        house.clock,
        apply,
        lifecycle,
        reassessments,
        deaths,
        agency_of,
        Trail(house.clock),
        thai_working_days(),
        PaidOnce(programmes),
        EndingLaws(programmes, house.awards),
    )
