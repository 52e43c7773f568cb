"""The room with made-up neighbours: a decider that says what the test wants, an awarder with a real table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.errors import BadInput, NotFound
from core.ids import new_id
from core.text import Text
from services.apply.acceptance.service import Acceptance
from services.apply.deciding import Holder, Missing, Outcome, Prepared, Request
from services.apply.models import Application
from services.apply.service import ApplyService
from services.apply.states import Status

PROGRAMME = "programme:allowance"
TITLE = Text(th="เบี้ยทดสอบ", en="Test allowance")
INCOME = Missing("household_income", Text(th="รายได้", en="income"), Holder.CITIZEN)
CARD = Missing("disability_card", Text(th="บัตร", en="card"), Holder.AGENCY, "dep")
AWARDS = "CREATE TABLE IF NOT EXISTS test_award (id TEXT, application TEXT UNIQUE, beneficiary TEXT, ended INTEGER)"
REASON = {"condition": "age", "th": "อายุ", "en": "age", "outcome": "MET", "law": {"th": "ข้อ 6", "en": "clause 6"}}


@dataclass
class ScriptedDecider:
    """Answers `says`; once it is asked with an answer to what is missing, `then`."""

    says: Outcome = Outcome.GRANTED
    then: Outcome | None = None
    missing: tuple[Missing, ...] = (INCOME,)
    children: frozenset[UUID] = frozenset()
    """Whose parent everybody is."""
    unit: str | None = None
    """Whose the one application is, where it is not the beneficiary's."""
    seen: list[Request] = field(default_factory=list)

    async def prepare(self, request: Request) -> Prepared:
        self.seen.append(request)
        if request.beneficiary not in {request.applicant, *self.children}:
            raise NotFound(path=("beneficiary",))
        if any(name != INCOME.attribute for name in request.answers):
            raise BadInput("not asked for", path=("answers", next(iter(request.answers))))
        outcome = self.then if self.then and request.answers else self.says
        missing = self.missing if outcome is Outcome.NEEDS_INFORMATION else ()
        record: dict[str, Any] = {"facts": {"annual_income": 123456789}}
        return Prepared(outcome, TITLE, record, (REASON,), missing, pays=True, unit=self.unit)


class TableAwarder:
    """Awards as rows, so that a transaction that is rolled back takes them along."""

    def __init__(self) -> None:
        self.ended: list[tuple[UUID, date, str]] = []
        self.confirmed: list[tuple[UUID, date, str]] = []
        self.after_end: list[tuple[UUID, date, str]] = []

    async def award(
        self,
        session: AsyncSession,
        *,
        application: UUID,
        payee: UUID,
        beneficiary: UUID,
        subject: str,
        title: Text,
        since: date,
    ) -> UUID:
        key = new_id()
        row = {"id": key.hex, "application": application.hex, "beneficiary": beneficiary.hex}
        award = "INSERT INTO test_award VALUES (:id, :application, :beneficiary, 0)"
        again = "ON CONFLICT (application) DO UPDATE SET ended = 0"
        await session.execute(text(f"{award} {again}"), row)
        return key

    async def end(self, session: AsyncSession, *, application: UUID) -> None:
        await session.execute(
            text("UPDATE test_award SET ended = 1 WHERE application = :application"), {"application": application.hex}
        )

    async def end_from(self, session: AsyncSession, *, application: UUID, since: date, cause: str) -> int:
        await self.end(session, application=application)
        self.ended.append((application, since, cause))
        return 0

    async def reassessed(self, session: AsyncSession, *, application: UUID, since: date, cause: str) -> int:
        self.confirmed.append((application, since, cause))
        return 0

    async def reassessed_after_end(self, session: AsyncSession, *, application: UUID, since: date, cause: str) -> int:
        self.after_end.append((application, since, cause))
        return 0


@dataclass
class RecordingNotices:
    told: list[tuple[UUID, Status]] = field(default_factory=list)

    async def application_changed(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, status: Status
    ) -> None:
        self.told.append((person, status))


@dataclass
class Room:
    """The service with its neighbours, and short ways to ask it."""

    database: Database
    clock: FixedClock
    keys: KeyRing
    decider: ScriptedDecider
    notices: RecordingNotices
    service: ApplyService
    awarder: TableAwarder = field(default_factory=TableAwarder)

    def on(self, database: Database) -> Room:
        """The same room as another process has it."""
        service = ApplyService(
            database, self.keys, self.clock, deciders={"programme": self.decider}, awarder=self.awarder,
            notices=self.notices,
        )  # fmt: skip
        return Room(database, self.clock, self.keys, self.decider, self.notices, service, self.awarder)

    async def apply(self, person: UUID, beneficiary: UUID | None = None, answers: object = None) -> Application:
        submission = await self.service.prepare(person, beneficiary or person, PROGRAMME, answers)
        async with self.database.write() as session:
            return await self.service.apply(session, submission)

    async def supplement(self, person: UUID, application: UUID, answers: object) -> Any:
        again = await self.service.prepare_supplement(person, application, answers)
        async with self.database.write() as session:
            return await self.service.supplement(session, again)

    async def reconsider(self, person: UUID, application: UUID) -> Any:
        again = await self.service.prepare_reconsideration(person, application)
        async with self.database.write() as session:
            return await self.service.reconsider(session, again)

    async def withdraw(self, person: UUID, application: UUID) -> Any:
        async with self.database.write() as session:
            return await self.service.withdraw(session, person, application)

    async def appeal(self, person: UUID, application: UUID, grounds: str = "ข้อมูลรายได้ไม่ตรง") -> Any:
        async with self.database.write() as session:
            return await self.service.appeal(session, person, application, grounds)

    async def count(self, table: str, where: str = "1 = 1") -> int:
        async with self.database.read() as session:
            counted = await session.scalar(text(f"SELECT count(*) FROM {table} WHERE {where}"))  # noqa: S608 (our words)
        return int(counted or 0)


@pytest.fixture
def keys() -> KeyRing:
    return KeyRing("k1", {"k1": bytes(32)}, bytes(32))


@pytest.fixture
async def room(database: Database, clock: FixedClock, keys: KeyRing) -> Room:
    async with database.write() as session:
        await session.execute(text(AWARDS))
    decider, notices, awarder = ScriptedDecider(), RecordingNotices(), TableAwarder()
    service = ApplyService(database, keys, clock, deciders={"programme": decider}, awarder=awarder, notices=notices)
    return Room(database, clock, keys, decider, notices, service, awarder)


class Offered:
    """A made-up :class:`services.apply.acceptance.service.Undecided`: one programme, and one question of it."""

    def ready_for(self, subject: str) -> Text | None:
        return TITLE if subject == PROGRAMME else None

    def reads(self, subject: str, answers: Mapping[str, Any]) -> bool:
        return answers.keys() <= {INCOME.attribute}


def accepting(room: Room) -> Acceptance:
    return Acceptance(room.database, room.clock, room.service, Offered())


@pytest.fixture
def citizen() -> UUID:
    return new_id()
