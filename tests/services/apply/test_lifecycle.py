"""What time, a death and changed facts do to applications; and that two processes do it once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import BANGKOK
from core.database import Database
from core.errors import ServiceUnavailable
from core.ids import new_id
from core.settings import Settings
from core.text import Text
from services.apply import reassessing, repository
from services.apply.deaths import Death, DeathWatch, Known, Watched
from services.apply.deciding import Outcome, Prepared, Request
from services.apply.errors import AlreadyApplied, NotReopenable
from services.apply.lifecycle import Lifecycle
from services.apply.models import Application, Reassessment
from services.apply.reassessing import Cause, CorrectedFact, Held, Law, Reassessed, Reassessments, Result
from services.apply.states import Action, Status
from services.apply.tasks import Timed, follow_clocks
from tests.services.apply.conftest import CARD, INCOME, PROGRAMME, Room, ScriptedDecider

TODAY = date(2026, 11, 16)


@dataclass
class RecordingLife:
    overdue_told: list[UUID] = field(default_factory=list)
    escalated_told: list[tuple[str, UUID, date]] = field(default_factory=list)
    bereaved_told: list[UUID] = field(default_factory=list)
    soon_told: list[tuple[UUID, date]] = field(default_factory=list)
    agency_soon_told: list[tuple[str, UUID, date]] = field(default_factory=list)

    async def ends_soon(self, session: AsyncSession, *, person: UUID, title: Text, due_on: date) -> None:
        self.soon_told.append((person, due_on))

    async def agency_ends_soon(
        self, session: AsyncSession, *, agency: str, application: UUID, title: Text, due_on: date
    ) -> None:
        self.agency_soon_told.append((agency, application, due_on))

    async def overdue(self, session: AsyncSession, *, person: UUID, title: Text) -> None:
        self.overdue_told.append(person)

    async def escalated(
        self, session: AsyncSession, *, agency: str, application: UUID, title: Text, due_on: date
    ) -> None:
        self.escalated_told.append((agency, application, due_on))

    async def bereaved(self, session: AsyncSession, *, people: Collection[UUID]) -> None:
        self.bereaved_told.extend(people)


@dataclass
class Register:
    """The civil register, as a test writes it."""

    dead: dict[UUID, Death] = field(default_factory=dict)
    silent: set[UUID] = field(default_factory=set)
    children: tuple[UUID, ...] = ()
    asked: int = 0

    async def ask(self, people: Collection[UUID], *, agency: str) -> Known:
        self.asked += len(people)
        alive = frozenset(people) - self.dead.keys() - self.silent
        return Known({one: self.dead[one] for one in people if one in self.dead}, alive)

    async def near(self, person: UUID, *, agency: str) -> Sequence[UUID]:
        return self.children


@dataclass
class World:
    """What may change under a grant."""

    law: Law = field(default_factory=lambda: Law("2023-08-12", date(2023, 8, 12)))
    corrected: list[CorrectedFact] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    retried: list[UUID] = field(default_factory=list)
    houses: dict[UUID, Collection[UUID] | None] = field(default_factory=dict)
    asked: list[UUID] = field(default_factory=list)
    """Whose house was asked for."""

    async def with_whom(self, person: UUID) -> Collection[UUID] | None:
        self.asked.append(person)
        return self.houses.get(person, ())

    def totals(self, attribute: str) -> Collection[str]:
        return [PROGRAMME] if attribute == "annual_income" else []

    def in_force(self) -> Mapping[str, Law]:
        return {PROGRAMME: self.law}

    def reads(self, subject: str, attribute: str) -> bool:
        return attribute == "annual_income"

    async def corrected_since(self, session: AsyncSession, at: datetime) -> Sequence[CorrectedFact]:
        return [fact for fact in self.corrected if fact.at >= at]

    async def held_months(self, session: AsyncSession) -> Sequence[Held]:
        return self.held

    async def retry_held(self, session: AsyncSession, *, application: UUID) -> None:
        self.retried.append(application)


@dataclass
class Town:
    room: Room
    told: RecordingLife = field(default_factory=RecordingLife)
    register: Register = field(default_factory=Register)
    world: World = field(default_factory=World)

    def on(self, database: Database) -> Town:
        """The same, as another process has it."""
        return Town(self.room.on(database), self.told, self.register, self.world)

    @property
    def lifecycle(self) -> Lifecycle:
        return Lifecycle(self.room.service, self.room.clock, self.room.awarder, self.told, lambda _subject: "dla")

    @property
    def deaths(self) -> DeathWatch:
        return DeathWatch(self.room.database, self.room.clock, self.lifecycle, self.register, lambda _subject: "dla")

    @property
    def reassessments(self) -> Reassessments:
        return Reassessments(
            self.room.database,
            self.room.clock,
            self.room.service,
            laws=self.world,
            corrections=self.world,
            held=self.world,
            households=self.world,
        )

    async def follow(self) -> Timed:
        return await follow_clocks(self.room.service, self.lifecycle, self.room.database, self.room.clock)

    async def get(self, application: UUID) -> Application:
        async with self.room.database.read() as session:
            row = await session.scalar(select(Application).where(col(Application.id) == application))
        assert row is not None
        return row

    async def actions(self, application: UUID) -> list[str]:
        row = await self.get(application)
        async with self.room.database.read() as session:
            return [event.action for event in (await repository.events(session, row.person, [row.id]))[row.id]]

    async def waiting(self, person: UUID, *, for_agency: bool = False) -> UUID:
        self.room.decider.says = Outcome.NEEDS_INFORMATION
        if for_agency:
            self.room.decider.missing = (CARD,)
        return (await self.room.apply(person)).id

    async def granted(self, person: UUID, beneficiary: UUID | None = None) -> UUID:
        self.room.decider.says = Outcome.GRANTED
        return (await self.room.apply(person, beneficiary)).id

    async def reopen(self, person: UUID, application: UUID) -> None:
        async with self.room.database.write() as session:
            await self.lifecycle.reopen(session, person, application)

    async def set(self, application: UUID, **columns: object) -> None:
        async with self.room.database.write() as session:
            await session.execute(update(Application).where(col(Application.id) == application).values(**columns))


@pytest.fixture
def town(room: Room, monkeypatch: pytest.MonkeyPatch) -> Town:
    town = Town(room)
    asked = ScriptedDecider.prepare

    async def prepare(self: ScriptedDecider, request: Request) -> Prepared:
        return replace(await asked(self, request), law_from=town.world.law.name)

    monkeypatch.setattr(ScriptedDecider, "prepare", prepare)
    return town


@pytest.fixture
async def other(town: Town, database_url: str) -> AsyncIterator[Town]:
    database = Database(Settings(database_url=database_url).sqlalchemy_url, durable=False)
    yield town.on(database)
    await database.close()


# Time.


async def test_a_late_agency_is_escalated_on_the_day_after_its_last_and_once(town: Town, citizen: UUID) -> None:
    application = await town.waiting(citizen, for_agency=True)
    due_on = (await town.get(application)).due_on
    assert due_on == date(2026, 12, 8)
    town.room.clock.set(datetime(2026, 12, 8, 23, 59, tzinfo=BANGKOK))
    assert await town.follow() == Timed(reminded=1)
    town.room.clock.set(datetime(2026, 12, 9, 0, 1, tzinfo=BANGKOK))
    assert await town.follow() == Timed(escalated=1)
    assert await town.follow() == Timed()
    assert town.told.overdue_told == [citizen]
    assert town.told.escalated_told == [("dla", application, due_on)]
    row = await town.get(application)
    assert (row.status, row.due_on, row.overdue_at is not None) == (Status.SUBMITTED, due_on, True)
    async with town.room.database.read() as session:
        [late] = await repository.overdue_of(session, [PROGRAMME], town.room.clock.today(), 10)
        assert await repository.overdue_of(session, ["programme:other"], town.room.clock.today(), 10) == []
    assert late.id == application


async def test_a_citizen_who_does_not_answer_loses_the_place_and_may_open_it_again(town: Town, citizen: UUID) -> None:
    application = await town.waiting(citizen)
    town.room.clock.set(datetime(2026, 12, 9, 12, tzinfo=BANGKOK))
    assert await town.follow() == Timed(lapsed=1)
    row = await town.get(application)
    assert (row.status, row.reopen_until) == (Status.LAPSED, date(2027, 3, 9))
    assert town.room.notices.told[-1] == (citizen, Status.LAPSED)
    town.room.clock.set(datetime(2027, 3, 9, 12, tzinfo=BANGKOK))
    await town.reopen(citizen, application)
    row = await town.get(application)
    assert (row.status, row.due_on) == (Status.NEEDS_INFORMATION, date(2027, 3, 30))
    town.room.decider.then = Outcome.GRANTED
    assert (await town.room.supplement(citizen, application, {"household_income": 1})).status == Status.APPROVED


@pytest.mark.parametrize("for_agency", [False, True])
async def test_whoevers_turn_ends_in_three_working_days_hears_of_it_once(
    town: Town, citizen: UUID, *, for_agency: bool
) -> None:
    application = await town.waiting(citizen, for_agency=for_agency)
    due_on = date(2026, 12, 8)
    assert (await town.get(application)).due_on == due_on
    town.room.clock.set(datetime(2026, 12, 1, 23, 59, tzinfo=BANGKOK))  # 2, 3, 4 December; the 7th is a holiday
    assert await town.follow() == Timed()
    town.room.clock.set(datetime(2026, 12, 3, 0, 1, tzinfo=BANGKOK))
    version = (await town.get(application)).version
    assert await town.follow() == Timed(reminded=1)
    assert await town.follow() == Timed()
    assert town.told.soon_told == ([] if for_agency else [(citizen, due_on)])
    assert town.told.agency_soon_told == ([("dla", application, due_on)] if for_agency else [])
    assert (await town.get(application)).version == version, "nothing changed in the case"


async def test_another_turn_has_another_reminder(town: Town, citizen: UUID) -> None:
    application = await town.waiting(citizen)
    town.room.clock.set(datetime(2026, 12, 8, 9, tzinfo=BANGKOK))
    assert await town.follow() == Timed(reminded=1)
    town.room.clock.set(datetime(2026, 12, 9, 9, tzinfo=BANGKOK))
    assert await town.follow() == Timed(lapsed=1)
    await town.reopen(citizen, application)
    due_on = (await town.get(application)).due_on
    assert due_on is not None
    town.room.clock.set(datetime(due_on.year, due_on.month, due_on.day, 9, tzinfo=BANGKOK))
    assert await town.follow() == Timed(reminded=1)
    assert [day for _, day in town.told.soon_told] == [date(2026, 12, 8), due_on]


@pytest.mark.postgres_only
async def test_two_processes_remind_once(town: Town, other: Town) -> None:
    for _ in range(6):
        await town.waiting(new_id())
    town.room.clock.set(datetime(2026, 12, 8, 9, tzinfo=BANGKOK))
    found = await asyncio.gather(town.follow(), other.follow(), town.follow())
    assert sum(one.reminded for one in found) == len(town.told.soon_told) == 6


async def test_after_the_last_day_it_stays_closed(town: Town, citizen: UUID) -> None:
    application = await town.waiting(citizen)
    town.room.clock.set(datetime(2026, 12, 9, 12, tzinfo=BANGKOK))
    await town.follow()
    town.room.clock.set(datetime(2027, 3, 10, 0, 1, tzinfo=BANGKOK))
    with pytest.raises(NotReopenable):
        await town.reopen(citizen, application)
    officer = new_id()
    async with town.room.database.write() as session:
        await town.lifecycle.reopen_by_officer(session, citizen, application, officer)
    assert (await town.get(application)).status == Status.NEEDS_INFORMATION


async def test_what_a_newer_application_replaced_is_not_opened_again(town: Town, citizen: UUID) -> None:
    application = await town.waiting(citizen)
    town.room.clock.set(datetime(2026, 12, 9, 12, tzinfo=BANGKOK))
    await town.follow()
    newer = await town.waiting(citizen)
    with pytest.raises(AlreadyApplied) as refused:
        await town.reopen(citizen, application)
    assert refused.value.application == newer


async def test_turns_from_before_they_were_timed_get_a_last_day(town: Town, citizen: UUID) -> None:
    application = await town.waiting(citizen, for_agency=True)
    await town.set(application, due_on=None, turn_since=None)
    assert await town.follow() == Timed(dated=1)
    assert (await town.get(application)).due_on == date(2026, 12, 8)
    assert await town.follow() == Timed()


@pytest.mark.postgres_only
async def test_two_processes_escalate_and_lapse_once(town: Town, other: Town) -> None:
    late = [await town.waiting(new_id(), for_agency=True) for _ in range(6)]
    town.room.decider.missing = ScriptedDecider().missing
    silent = [await town.waiting(new_id()) for _ in range(6)]
    town.room.clock.set(datetime(2026, 12, 9, 12, tzinfo=BANGKOK))
    found = await asyncio.gather(town.follow(), other.follow(), town.follow())
    assert (sum(one.escalated for one in found), sum(one.lapsed for one in found)) == (6, 6)
    assert len(town.told.overdue_told) == len(town.told.escalated_told) == 6
    for application in late:
        assert (await town.actions(application)).count(Action.ESCALATE) == 1
    for application in silent:
        assert (await town.actions(application)).count(Action.LAPSE) == 1


# A death.


async def test_a_recipient_who_died_is_paid_for_that_month_and_the_family_is_told(town: Town, citizen: UUID) -> None:
    son = new_id()
    application = await town.granted(citizen)
    town.room.clock.advance(timedelta(days=20))
    town.register.dead[citizen], town.register.children = Death(date(2026, 11, 30)), (son,)
    told = len(town.room.notices.told)
    assert await town.deaths.run() == Watched(asked=1, closed=1)
    assert (await town.get(application)).status == Status.DECEASED
    assert town.room.awarder.ended == [(application, date(2026, 12, 1), "DEATH")]
    assert town.told.bereaved_told == [son], "nobody writes to the dead"
    assert len(town.room.notices.told) == told
    assert await town.deaths.run() == Watched()


@pytest.mark.parametrize("died", [date(2020, 1, 1), TODAY - timedelta(days=1)])
async def test_of_an_application_after_the_death_no_month_is_paid(town: Town, citizen: UUID, died: date) -> None:
    application = await town.granted(citizen)
    town.register.dead[citizen] = Death(died)
    await town.deaths.run()
    assert town.room.awarder.ended == [(application, TODAY.replace(day=1), "DEATH")]


async def test_who_dies_on_the_day_of_the_application_is_paid_for_that_month(town: Town, citizen: UUID) -> None:
    application = await town.granted(citizen)
    town.register.dead[citizen] = Death(TODAY)
    await town.deaths.run()
    assert town.room.awarder.ended == [(application, TODAY + timedelta(days=1), "DEATH")]


async def test_of_a_child_who_died_the_parent_is_told(town: Town, citizen: UUID) -> None:
    child = new_id()
    town.room.decider.children = frozenset({child})
    application = await town.granted(citizen, child)
    town.register.dead[child] = Death(None)
    await town.deaths.run()
    assert town.told.bereaved_told == [citizen]
    assert town.room.awarder.ended == [(application, TODAY + timedelta(days=1), "DEATH")], "no day is known: today"


async def test_open_applications_close_and_an_open_appeal_with_them(town: Town, citizen: UUID) -> None:
    town.room.decider.says = Outcome.REFUSED
    application = (await town.room.apply(citizen)).id
    await town.room.appeal(citizen, application)
    town.register.dead[citizen] = Death(TODAY)
    assert await town.deaths.run() == Watched(asked=1, closed=1)
    assert await town.room.count("appeal", "closed_at IS NULL") == 0
    assert town.room.awarder.ended == []


async def test_who_is_alive_is_asked_about_once_a_week_and_a_silent_register_changes_nothing(
    town: Town, citizen: UUID
) -> None:
    await town.granted(citizen)
    town.register.silent = {citizen}
    assert await town.deaths.run() == Watched(asked=1, silent=1)
    town.register.silent = set()
    assert await town.deaths.run() == Watched(asked=1)
    asked = town.register.asked
    town.room.clock.advance(timedelta(days=6))
    assert await town.deaths.run() == Watched()
    assert town.register.asked == asked
    town.room.clock.advance(timedelta(days=1))
    assert await town.deaths.run() == Watched(asked=1)


async def test_a_death_that_was_none_is_undone_by_an_officer_and_decided_again(town: Town, citizen: UUID) -> None:
    application = await town.granted(citizen)
    town.register.dead[citizen] = Death(TODAY)
    await town.deaths.run()
    with pytest.raises(NotReopenable):
        await town.reopen(citizen, application)
    officer = new_id()
    async with town.room.database.write() as session:
        await town.lifecycle.reopen_by_officer(session, citizen, application, officer)
    assert (await town.room.reconsider(citizen, application)).status == Status.APPROVED
    async with town.room.database.read() as session:
        events = (await repository.events(session, citizen, [application]))[application]
    assert [(e.action, e.officer, e.cause) for e in events[-2:]] == [
        ("REOPEN", officer, "REGISTER_WRONG"),
        ("APPROVE", None, None),
    ]
    assert await town.room.count("test_award", "ended = 0") == 1


@pytest.mark.postgres_only
async def test_two_processes_close_for_a_death_once(town: Town, other: Town, citizen: UUID) -> None:
    application = await town.granted(citizen)
    town.register.dead[citizen], town.register.children = Death(TODAY), (new_id(),)
    found = await asyncio.gather(town.deaths.run(), other.deaths.run(), town.deaths.run())
    assert sum(one.closed for one in found) == 1
    assert (await town.actions(application)).count(Action.DIE) == 1
    assert len(town.told.bereaved_told) == 1


# Looking again.


async def owed(town: Town) -> list[Reassessment]:
    async with town.room.database.read() as session:
        return list(await session.scalars(select(Reassessment).order_by(col(Reassessment.id))))


async def test_where_nothing_changed_nothing_is_looked_at(town: Town, citizen: UUID) -> None:
    await town.granted(citizen)
    seen = len(town.room.decider.seen)
    assert await town.reassessments.run() == Reassessed()
    assert len(town.room.decider.seen) == seen


async def test_only_whom_a_corrected_fact_is_about_and_whose_law_reads_it_is_looked_at(
    town: Town, citizen: UUID
) -> None:
    mine, _ = await town.granted(citizen), await town.granted(new_id())
    now = town.room.clock.now()
    town.world.corrected = [
        CorrectedFact(new_id(), citizen, "annual_income", now),
        CorrectedFact(new_id(), citizen, "name", now),
        CorrectedFact(new_id(), new_id(), "annual_income", now),
    ]
    assert await town.reassessments.run() == Reassessed(owed=1, done=1)
    [row] = await owed(town)
    assert (row.application, row.cause, row.outcome, row.since) == (mine, Cause.CORRECTION, Result.CONFIRMED, TODAY)
    assert town.room.awarder.confirmed == [(mine, TODAY, "CORRECTION")]
    assert await town.room.count("decision") == 3, "what was decided again is a decision of its own"
    assert await town.reassessments.run() == Reassessed(), "once"


async def test_a_grant_whose_right_is_gone_ends_with_notice_and_can_be_appealed(town: Town, citizen: UUID) -> None:
    application = await town.granted(citizen)
    town.world.corrected = [CorrectedFact(new_id(), citizen, "annual_income", town.room.clock.now())]
    town.room.decider.says = Outcome.REFUSED
    assert await town.reassessments.run() == Reassessed(owed=1, done=1)
    assert (await town.get(application)).status == Status.ENDED
    assert town.room.notices.told[-1] == (citizen, Status.ENDED)
    assert town.room.awarder.ended == [(application, TODAY, "CORRECTION")]
    async with town.room.database.read() as session:
        events = (await repository.events(session, citizen, [application]))[application]
    assert (events[-1].action, events[-1].cause) == ("END", "CORRECTION")
    await town.room.appeal(citizen, application)
    town.room.decider.says = Outcome.GRANTED
    assert (await town.room.reconsider(citizen, application)).status == Status.APPROVED
    assert await town.room.count("test_award", "ended = 0") == 1


async def test_the_day_on_which_the_answer_changes_by_itself(town: Town, citizen: UUID) -> None:
    application = await town.granted(citizen)
    await town.set(application, changes_on=date(2026, 12, 1))
    town.room.clock.set(datetime(2026, 11, 30, 23, 59, tzinfo=BANGKOK))
    assert await town.reassessments.run() == Reassessed()
    town.room.clock.set(datetime(2026, 12, 1, 0, 1, tzinfo=BANGKOK))
    assert await town.reassessments.run() == Reassessed(owed=1, done=1)
    assert (await town.get(application)).changes_on is None, "as the new decision has it"
    assert town.room.awarder.confirmed == [(application, date(2026, 12, 1), "CHANGES_ON")]


async def test_another_version_of_the_law_is_put_to_everyone_once(town: Town, citizen: UUID) -> None:
    application = await town.granted(citizen)
    town.room.clock.set(datetime(2027, 1, 4, 9, tzinfo=BANGKOK))
    town.world.law = Law("2027-01-01", date(2027, 1, 1))
    assert await town.reassessments.run() == Reassessed(owed=1, done=1)
    assert town.room.awarder.confirmed == [(application, date(2027, 1, 1), "NEW_LAW")]
    assert (await town.get(application)).law_from == "2027-01-01"
    assert await town.reassessments.run() == Reassessed()


async def test_a_version_older_than_the_decision_reaches_no_further_back_than_it(town: Town, citizen: UUID) -> None:
    application = await town.granted(citizen)
    await town.set(application, law_from=None)
    await town.reassessments.run()
    assert town.room.awarder.confirmed == [(application, TODAY, "NEW_LAW")]


async def test_an_agency_that_is_away_ends_nothing_and_it_stays_owed(town: Town, citizen: UUID) -> None:
    application = await town.granted(citizen)
    town.world.corrected = [CorrectedFact(new_id(), citizen, "annual_income", town.room.clock.now())]
    town.room.decider.says, town.room.decider.missing = Outcome.NEEDS_INFORMATION, (CARD,)
    events = await town.actions(application)
    assert await town.reassessments.run() == Reassessed(owed=1, waiting=1)
    assert await town.reassessments.run() == Reassessed(), "it is tried later"
    town.room.clock.advance(reassessing.RETRY_FIRST)
    assert await town.reassessments.run() == Reassessed(waiting=1)
    assert await town.actions(application) == events
    town.room.clock.advance(reassessing.RETRY_MAX)
    town.room.decider.says = Outcome.GRANTED
    assert await town.reassessments.run() == Reassessed(done=1)


async def test_a_fact_that_only_the_citizen_knows_is_asked_for_while_the_grant_stands(
    town: Town, citizen: UUID
) -> None:
    application = await town.granted(citizen)
    town.world.corrected = [CorrectedFact(new_id(), citizen, "annual_income", town.room.clock.now())]
    town.room.decider.says = Outcome.NEEDS_INFORMATION
    assert await town.reassessments.run() == Reassessed(owed=1, done=1)
    row = await town.get(application)
    assert (row.status, row.review_since, bool(row.missing)) == (Status.UNDER_REVIEW, TODAY, True)
    assert town.room.notices.told[-1] == (citizen, Status.UNDER_REVIEW)
    assert town.room.awarder.ended == []
    town.room.clock.advance(timedelta(days=3))
    town.room.decider.then = Outcome.REFUSED
    assert (await town.room.supplement(citizen, application, {"household_income": 1})).status == Status.ENDED
    assert town.room.awarder.ended == [(application, TODAY, "ANSWERED")], "from the day it was asked"


async def test_who_does_not_answer_a_review_is_paid_no_further(town: Town, citizen: UUID) -> None:
    application = await town.granted(citizen)
    town.world.corrected = [CorrectedFact(new_id(), citizen, "annual_income", town.room.clock.now())]
    town.room.decider.says = Outcome.NEEDS_INFORMATION
    await town.reassessments.run()
    town.room.clock.set(datetime(2026, 12, 9, 12, tzinfo=BANGKOK))
    assert await town.follow() == Timed(lapsed=1)
    assert town.room.awarder.ended == [(application, date(2026, 12, 9), "NO_ANSWER")]
    await town.reopen(citizen, application)
    town.room.decider.then = Outcome.GRANTED
    assert (await town.room.supplement(citizen, application, {"household_income": 1})).status == Status.APPROVED


async def test_an_answer_that_leaves_it_to_an_agency_keeps_it_owed(town: Town, citizen: UUID) -> None:
    application = await town.granted(citizen)
    town.world.corrected = [CorrectedFact(new_id(), citizen, "annual_income", town.room.clock.now())]
    town.room.decider.says = Outcome.NEEDS_INFORMATION
    await town.reassessments.run()
    town.room.decider.missing = (CARD,)
    row = await town.room.supplement(citizen, application, {"household_income": 1})
    assert (row.status, row.missing) == (Status.APPROVED, [])
    assert [(one.cause, one.done_at) for one in (await owed(town))[1:]] == [(Cause.REVIEW, None)]


async def test_another_question_while_an_agency_does_not_answer_the_first_counts_from_the_first_day(
    town: Town, citizen: UUID
) -> None:
    application = await under_review(town, citizen)
    town.room.decider.missing = (CARD,)
    await town.room.supplement(citizen, application, {"household_income": 1})
    assert (await town.get(application)).review_since == TODAY, "it was not decided"
    town.room.clock.advance(timedelta(days=6))
    row = await town.get(application)
    async with town.room.database.write() as session:
        mine = await town.reassessments.ask(session, row, new_id(), TODAY + timedelta(days=6))
    town.room.decider.missing = (INCOME,)
    assert await town.reassessments.one(mine) is Result.ASKED
    town.room.decider.then = Outcome.REFUSED
    assert (await town.room.supplement(citizen, application, {"household_income": 2})).status == Status.ENDED
    assert town.room.awarder.ended == [(application, TODAY, "ANSWERED")]
    town.room.clock.advance(timedelta(days=1))
    assert await town.reassessments.run() == Reassessed(done=1), "what was owed is not needed any more"
    assert town.room.awarder.after_end == []


async def test_a_month_that_is_held_is_looked_at_once_a_week(town: Town, citizen: UUID) -> None:
    application = await town.granted(citizen)
    town.world.held = [Held(application, citizen, date(2026, 11, 1), needs_decision=True)]
    assert await town.reassessments.run() == Reassessed(owed=1, done=1)
    assert await town.reassessments.run() == Reassessed()
    town.room.clock.advance(timedelta(days=7))
    assert await town.reassessments.run() == Reassessed(owed=1, done=1)
    assert town.room.awarder.confirmed[-1] == (application, date(2026, 11, 1), "HELD_MONTH")
    town.world.held = [Held(application, citizen, date(2028, 1, 1), needs_decision=False)]
    assert await town.reassessments.run() == Reassessed()
    assert town.world.retried == [application], "what waits for the calendar is no decision"


async def test_what_ended_meanwhile_is_not_looked_at(town: Town, citizen: UUID) -> None:
    application = await town.granted(citizen)
    row = await town.get(application)
    async with town.room.database.write() as session:
        mine = await town.reassessments.ask(session, row, new_id(), TODAY)
    town.register.dead[citizen] = Death(TODAY)
    await town.deaths.run()
    assert await town.reassessments.one(mine) is Result.NOT_NEEDED
    assert await town.reassessments.run() == Reassessed()


async def test_one_that_cannot_be_looked_at_holds_up_no_other(
    town: Town, citizen: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [citizen, new_id()]
    for person in people:
        await town.granted(person)
    now = town.room.clock.now()
    town.world.corrected = [CorrectedFact(new_id(), person, "annual_income", now) for person in people]
    asked = ScriptedDecider.prepare

    async def prepare(self: ScriptedDecider, request: Request) -> Prepared:
        if request.applicant == citizen:
            raise ServiceUnavailable("dopa")
        return await asked(self, request)

    monkeypatch.setattr(ScriptedDecider, "prepare", prepare)
    assert await town.reassessments.run() == Reassessed(owed=2, done=1, failed=1)


@pytest.mark.postgres_only
async def test_two_processes_look_again_once(town: Town, other: Town) -> None:
    people = [new_id() for _ in range(6)]
    applications = [await town.granted(person) for person in people]
    now = town.room.clock.now()
    town.world.corrected = [CorrectedFact(new_id(), person, "annual_income", now) for person in people]
    found = await asyncio.gather(town.reassessments.run(), other.reassessments.run(), town.reassessments.run())
    assert sum(one.owed for one in found) == 6
    assert len(town.room.awarder.confirmed) == 6
    for application in applications:
        assert (await town.actions(application)).count(Action.CONFIRM) == 1
    assert await town.room.count("reassessment", "done_at IS NULL") == 0


# Withdrawn before it was looked at.


async def withdrawn_while_a_look_is_owed(town: Town, citizen: UUID) -> UUID:
    """The agency was away when the correction was to be followed."""
    application = await town.granted(citizen)
    town.world.corrected = [CorrectedFact(new_id(), citizen, "annual_income", town.room.clock.now())]
    town.room.decider.says, town.room.decider.missing = Outcome.NEEDS_INFORMATION, (CARD,)
    assert await town.reassessments.run() == Reassessed(owed=1, waiting=1)
    await town.room.withdraw(citizen, application)
    town.room.clock.advance(reassessing.RETRY_FIRST)
    return application


async def test_who_withdraws_while_a_look_is_owed_is_looked_at_and_nothing_moves(town: Town, citizen: UUID) -> None:
    application = await withdrawn_while_a_look_is_owed(town, citizen)
    assert await town.reassessments.run() == Reassessed(waiting=1), "the agency is away still"
    town.room.clock.advance(reassessing.RETRY_MAX)
    before, told = await town.get(application), len(town.room.notices.told)
    town.room.decider.says = Outcome.REFUSED
    assert await town.reassessments.run() == Reassessed(done=1)
    assert town.room.awarder.after_end == [(application, TODAY, "CORRECTION")]
    assert await town.get(application) == before
    assert len(town.room.notices.told) == told
    assert await town.room.count("decision") == 2
    [row] = await owed(town)
    assert row.outcome == Result.ENDED
    assert await town.reassessments.run() == Reassessed()


async def test_what_only_the_citizen_could_say_is_not_asked_of_one_who_withdrew(town: Town, citizen: UUID) -> None:
    await withdrawn_while_a_look_is_owed(town, citizen)
    town.room.decider.missing = ScriptedDecider().missing
    assert await town.reassessments.run() == Reassessed(done=1)
    [row] = await owed(town)
    assert (row.outcome, town.room.awarder.after_end) == (Result.NOT_NEEDED, [])
    assert await town.room.count("decision") == 1


async def test_a_correction_before_the_withdrawal_is_followed_and_one_after_it_is_not(
    town: Town, citizen: UUID
) -> None:
    application = await town.granted(citizen)
    corrected = CorrectedFact(new_id(), citizen, "annual_income", town.room.clock.now())
    town.room.clock.advance(timedelta(minutes=1))
    await town.room.withdraw(citizen, application)
    town.room.clock.advance(timedelta(minutes=1))
    later = replace(corrected, correction=new_id(), at=town.room.clock.now())
    town.world.corrected = [corrected, later]
    assert await town.reassessments.run() == Reassessed(owed=1, done=1)
    assert town.room.awarder.after_end == [(application, TODAY, "CORRECTION")]


async def test_who_lets_it_lapse_while_a_look_is_owed_is_looked_at_and_keeps_no_more_by_it(
    town: Town, citizen: UUID
) -> None:
    application = await town.granted(citizen)
    row = await town.get(application)
    async with town.room.database.write() as session:
        mine = await town.reassessments.ask(session, row, new_id(), TODAY)
        again = await town.reassessments.ask(session, row, new_id(), TODAY)
    town.room.decider.says, town.room.decider.missing = Outcome.NEEDS_INFORMATION, ScriptedDecider().missing
    assert await town.reassessments.one(mine) is Result.ASKED
    await town.set(application, due_on=TODAY - timedelta(days=1), turn_since=datetime(2026, 9, 1, 9, tzinfo=BANGKOK))
    assert await town.follow() == Timed(lapsed=1)
    assert await town.reassessments.one(again) is Result.NOT_NEEDED, "only the citizen could say it"
    async with town.room.database.write() as session:
        last = await town.reassessments.ask(session, row, new_id(), TODAY)
    town.room.decider.says = Outcome.REFUSED
    assert await town.reassessments.one(last) is Result.ENDED
    assert town.room.awarder.after_end == [(application, TODAY, "OFFICER")]
    assert (await town.get(application)).status == Status.LAPSED


async def test_what_is_owed_on_the_dead_is_not_looked_at_and_what_went_out_after_the_death_is_claimed(
    town: Town, citizen: UUID
) -> None:
    application = await town.granted(citizen)
    town.world.corrected = [CorrectedFact(new_id(), citizen, "annual_income", town.room.clock.now())]
    town.room.decider.says, town.room.decider.missing = Outcome.NEEDS_INFORMATION, (CARD,)
    assert await town.reassessments.run() == Reassessed(owed=1, waiting=1)
    town.register.dead[citizen] = Death(TODAY - timedelta(days=40))
    await town.deaths.run()
    town.room.clock.advance(reassessing.RETRY_FIRST)
    town.room.decider.says = Outcome.REFUSED
    assert await town.reassessments.run() == Reassessed(done=1)
    [row] = await owed(town)
    assert (row.outcome, town.room.awarder.after_end) == (Result.NOT_NEEDED, [])
    [(ended, _, cause)] = town.room.awarder.ended
    assert (ended, cause) == (application, "DEATH")


async def test_grants_of_a_household_are_looked_at_when_anothers_fact_is_put_right(town: Town, citizen: UUID) -> None:
    mine, spouse, lodger = await town.granted(citizen), new_id(), new_id()
    await town.granted(new_id())
    now = town.room.clock.now()
    town.world.houses[spouse] = [citizen, spouse, lodger]
    town.world.corrected = [CorrectedFact(new_id(), spouse, "annual_income", now)]
    assert await town.reassessments.run() == Reassessed(owed=1, done=1)
    [row] = await owed(town)
    assert (row.application, row.person, row.cause, row.since) == (mine, citizen, Cause.CORRECTION, TODAY)
    assert spouse.hex not in str(row.model_dump()), "whose fact it was stands nowhere in it"
    [correction] = town.world.corrected
    assert str(correction.correction) not in row.reference, "nor does what is kept beside the spouse"
    assert correction.correction.hex not in row.reference
    assert await town.reassessments.run() == Reassessed()
    assert town.world.asked == [spouse], "one look at the person for one correction"


async def test_while_nobody_can_say_who_lives_together_it_is_asked_again(town: Town, citizen: UUID) -> None:
    await town.granted(citizen)
    spouse = new_id()
    town.world.houses[spouse] = None
    town.world.corrected = [CorrectedFact(new_id(), spouse, "annual_income", town.room.clock.now())]
    job = town.reassessments
    for _ in range(24):  # two hours of its turns
        assert await job.run() == Reassessed()
        town.room.clock.advance(timedelta(minutes=5))
    assert town.world.asked == [spouse], "each question stands in the spouse's access log"
    town.world.houses[spouse] = [citizen, spouse]
    assert await job.run() == Reassessed(owed=1, done=1)
    assert town.world.asked == [spouse, spouse]


async def test_a_fact_that_is_in_no_total_has_nobodys_house_asked_for(town: Town, citizen: UUID) -> None:
    await town.granted(citizen)
    spouse = new_id()
    town.world.houses[spouse] = [citizen, spouse]
    town.world.corrected = [CorrectedFact(new_id(), spouse, "birth_date", town.room.clock.now())]
    assert await town.reassessments.run() == Reassessed()
    assert town.world.asked == []


async def test_what_is_known_of_a_look_goes_when_its_correction_is_too_old(town: Town, citizen: UUID) -> None:
    await town.granted(citizen)
    first, second = new_id(), new_id()
    town.world.corrected = [CorrectedFact(new_id(), first, "annual_income", town.room.clock.now())]
    await town.reassessments.run()
    town.room.clock.advance(3 * reassessing.CORRECTIONS_SEEN)
    town.world.corrected = [CorrectedFact(new_id(), second, "annual_income", town.room.clock.now())]
    await town.reassessments.run()
    assert await town.room.count("household_look") == 1


async def test_what_is_known_of_a_look_goes_when_nothing_is_corrected_any_more(town: Town, citizen: UUID) -> None:
    await town.granted(citizen)
    town.world.corrected = [CorrectedFact(new_id(), new_id(), "annual_income", town.room.clock.now())]
    await town.reassessments.run()
    town.world.corrected = []
    town.room.clock.advance(2 * reassessing.CORRECTIONS_SEEN)
    await town.reassessments.run()
    assert await town.room.count("household_look") == 1
    town.room.clock.advance(timedelta(seconds=1))
    await town.reassessments.run()
    assert await town.room.count("household_look") == 0


async def test_who_opens_it_again_while_it_is_looked_at_is_judged_by_what_is_decided_then(
    town: Town, citizen: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = await town.granted(citizen)
    row = await town.get(application)
    async with town.room.database.write() as session:
        mine = await town.reassessments.ask(session, row, new_id(), TODAY)
        owed_later = await town.reassessments.ask(session, row, new_id(), TODAY)
    town.room.decider.says, town.room.decider.missing = Outcome.NEEDS_INFORMATION, ScriptedDecider().missing
    assert await town.reassessments.one(mine) is Result.ASKED
    await town.set(application, due_on=TODAY - timedelta(days=1), turn_since=datetime(2026, 9, 1, 9, tzinfo=BANGKOK))
    assert await town.follow() == Timed(lapsed=1)
    town.room.decider.says, prepare = Outcome.REFUSED, town.room.service.prepare_withdrawn

    async def meanwhile(found: Application) -> Prepared:
        prepared = await prepare(found)
        async with town.room.database.write() as session:
            await town.lifecycle.reopen(session, citizen, application)
        return prepared

    monkeypatch.setattr(town.room.service, "prepare_withdrawn", meanwhile)
    before = len(town.room.awarder.after_end)
    assert await town.reassessments.one(owed_later) is None, "it is looked at again as it is by then"
    assert (await town.get(application)).status == Status.NEEDS_INFORMATION
    assert len(town.room.awarder.after_end) == before, "nothing is claimed by a decision on what had lapsed"


async def test_an_appeal_that_is_withdrawn_is_not_looked_at(town: Town, citizen: UUID) -> None:
    application = await town.granted(citizen)
    town.world.corrected = [CorrectedFact(new_id(), citizen, "annual_income", town.room.clock.now())]
    row = await town.get(application)
    async with town.room.database.write() as session:
        mine = await town.reassessments.ask(session, row, new_id(), TODAY)
    town.room.decider.says = Outcome.REFUSED
    await town.reassessments.run()
    await town.room.appeal(citizen, application)
    await town.room.withdraw(citizen, application)
    assert await town.reassessments.one(mine) is Result.NOT_NEEDED
    assert town.room.awarder.after_end == []


# What is not lost when something closes in between.


async def test_a_day_that_a_new_holiday_moved_costs_nobody_their_place(town: Town, citizen: UUID) -> None:
    application = await town.waiting(citizen)
    await town.set(application, due_on=date(2026, 12, 4))  # as it was before Monday was made a holiday
    town.room.clock.set(datetime(2026, 12, 7, 9, tzinfo=BANGKOK))
    assert await town.follow() == Timed(reminded=1)
    row = await town.get(application)
    assert (row.status, row.due_on) == (Status.NEEDS_INFORMATION, date(2026, 12, 8))
    town.room.clock.set(datetime(2026, 12, 9, 9, tzinfo=BANGKOK))
    assert await town.follow() == Timed(lapsed=1)


async def under_review(town: Town, citizen: UUID) -> UUID:
    application = await town.granted(citizen)
    town.world.corrected = [CorrectedFact(new_id(), citizen, "annual_income", town.room.clock.now())]
    town.room.decider.says = Outcome.NEEDS_INFORMATION
    await town.reassessments.run()
    return application


async def lapsed_and_opened_again(town: Town, citizen: UUID) -> UUID:
    application = await under_review(town, citizen)
    town.room.clock.set(datetime(2026, 12, 9, 12, tzinfo=BANGKOK))
    assert await town.follow() == Timed(lapsed=1)
    await town.reopen(citizen, application)
    return application


async def test_after_a_lapse_under_review_a_refusal_counts_from_the_day_of_the_question(
    town: Town, citizen: UUID
) -> None:
    application = await lapsed_and_opened_again(town, citizen)
    town.room.decider.then = Outcome.REFUSED
    assert (await town.room.supplement(citizen, application, {"household_income": 1})).status == Status.REJECTED
    assert town.room.awarder.after_end == [(application, TODAY, "ANSWERED")]
    assert (await town.get(application)).review_since is None


async def test_after_a_lapse_under_review_a_grant_counts_from_the_day_of_the_question(
    town: Town, citizen: UUID
) -> None:
    application = await lapsed_and_opened_again(town, citizen)
    town.room.decider.then = Outcome.GRANTED
    assert (await town.room.supplement(citizen, application, {"household_income": 1})).status == Status.APPROVED
    assert town.room.awarder.confirmed == [(application, TODAY, "ANSWERED")]


@pytest.mark.parametrize(("days", "since"), [(5, TODAY), (-3, TODAY - timedelta(days=3))])
async def test_a_look_that_is_owed_on_what_was_opened_again_counts_in_the_decision_that_it_waits_for(
    town: Town, citizen: UUID, days: int, since: date
) -> None:
    application = await lapsed_and_opened_again(town, citizen)
    row = await town.get(application)
    async with town.room.database.write() as session:
        mine = await town.reassessments.ask(session, row, new_id(), TODAY + timedelta(days=days))
    assert await town.reassessments.one(mine) is Result.ASKED
    assert (await town.get(application)).review_since == since
    town.room.decider.then = Outcome.REFUSED
    assert (await town.room.supplement(citizen, application, {"household_income": 1})).status == Status.REJECTED
    assert town.room.awarder.after_end == [(application, since, "ANSWERED")]


async def test_a_look_at_what_was_never_granted_is_not_needed(town: Town, citizen: UUID) -> None:
    application = await town.waiting(citizen)
    row = await town.get(application)
    async with town.room.database.write() as session:
        mine = await town.reassessments.ask(session, row, new_id(), TODAY)
    assert await town.reassessments.one(mine) is Result.NOT_NEEDED
    assert (await town.get(application)).review_since is None


@pytest.mark.parametrize(("days", "since"), [(5, TODAY), (-3, TODAY - timedelta(days=3))])
async def test_of_two_looks_the_earlier_day_counts(town: Town, citizen: UUID, days: int, since: date) -> None:
    application = await under_review(town, citizen)
    officers = TODAY + timedelta(days=days)
    town.room.clock.advance(timedelta(days=6))
    row = await town.get(application)
    async with town.room.database.write() as session:
        mine = await town.reassessments.ask(session, row, new_id(), officers)
    assert await town.reassessments.one(mine) is Result.ASKED
    assert (await town.get(application)).review_since == since
    town.room.decider.then = Outcome.REFUSED
    await town.room.supplement(citizen, application, {"household_income": 1})
    assert town.room.awarder.ended == [(application, since, "ANSWERED")]


async def test_a_death_before_a_withdrawal_is_followed_once_more_and_moves_nothing(town: Town, citizen: UUID) -> None:
    application = await town.granted(citizen)
    assert await town.deaths.run() == Watched(asked=1)
    died = TODAY + timedelta(days=2)
    town.room.clock.advance(timedelta(days=5))
    await town.room.withdraw(citizen, application)
    town.register.dead[citizen] = Death(died)
    town.room.clock.advance(timedelta(days=3))
    assert await town.deaths.run() == Watched(asked=1)
    assert town.room.awarder.ended == [(application, died + timedelta(days=1), "DEATH")]
    assert (await town.get(application)).status == Status.WITHDRAWN
    assert town.told.bereaved_told == []
    town.room.clock.advance(timedelta(days=30))
    assert await town.deaths.run() == Watched(), "what closed long ago is not asked about"
