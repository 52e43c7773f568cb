"""Erasing what a person asked to have erased, in every store; and later what a hold kept (PDPA 2562 s.33).

Each step is a transaction that asks first whether the request is still this worker's. Nothing is remembered between
steps: what was erased is erased, so a worker that was killed is followed by another that begins anew, and twice is as
once. The order: what still works ends; caches forget; the access log has its entry; stores are erased one by one; at
the end all of them once more, for what came in meanwhile, and with that the data key goes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import and_, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from core.clock import Clock, bangkok_day
from core.crypto import KeyRing
from core.database import Database
from core.envelope import SubjectKeys
from core.errors import SitthiError
from core.personal_data import PERSON, SUBJECT_KEY, Erased, Erasure, Fate, Outside, PersonalData, Stay
from core.sealed import Binding
from core.text import Text
from identity.inbox.service import Inbox
from identity.provider.models import SignInSession
from services.exchange.access_log.log import AccessLog, Draft, Result
from services.exchange.access_log.records import AccessEntry
from services.exchange.access_log.repository import AccessLogReader
from services.exchange.facts import Asker, AskerKind, Basis, Purpose
from services.exchange.privacy import messages, states
from services.exchange.privacy.holds import LegalHolds
from services.exchange.privacy.leases import Lease, Lost
from services.exchange.privacy.models import PrivacyRequest
from services.exchange.privacy.requests import earliest, written
from services.exchange.privacy.states import Event, Kind, Status, Step
from services.exchange.privacy.trail import Trail

LOOKED_AT_AGAIN: Final = timedelta(days=1)
BATCH: Final = 100
JOB: Final = "job"
WHAT: Final = "sitthi:erasure"
"""How the access log names it."""
ERASURE: Final = Purpose(
    "erasure", Basis.OWN_DATA, Text(th="ลบข้อมูลตามคำขอของท่าน (มาตรา 33)", en="Erasing your data as you asked (s.33)")
)
ASKED_BY_YOU: Final = Text(th="ท่านขอให้ลบ", en="You asked for it")
SHARED_KEY: Final = "SHARED_KEY"
_SHARED: Final = Text(
    th="เข้ารหัสด้วยกุญแจเดียวกับข้อมูลที่กฎหมายให้เก็บ จึงอ่านได้จนกว่ากุญแจจะถูกทำลายพร้อมกัน",
    en="It is sealed under the same key as what the law keeps, and becomes unreadable with it.",
)
_SHARED_LAW: Final = Text(th="พ.ร.บ. คุ้มครองข้อมูลส่วนบุคคล พ.ศ. 2562 มาตรา 33", en="PDPA 2562 s.33")

log = structlog.get_logger(__name__)


class Eraser:
    """The job. Any process may run it, and all of them do."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        stores: Sequence[PersonalData],
        outside: Sequence[Outside],
        access_log: AccessLog,
        inbox: Inbox,
    ) -> None:
        self._db, self._clock, self._stores, self._outside, self._log = db, clock, stores, outside, access_log
        self._inbox, self._trail, self._holds = inbox, Trail(clock), LegalHolds(keys, clock, stores)
        self._keys = SubjectKeys(keys)

    async def run(self) -> int:
        """Carries out what is due; answers how many requests moved on. A request that fails is tried again later."""
        moved = 0
        for person, request in await self._due():
            try:
                moved += await self.one(person, request)
            except SitthiError as error:
                log.warning("erasure_failed", request=request.hex, code=error.code)
                await self._failed(person, request, error.code)
            except Exception:  # one request that nobody foresaw must not stand in the way of the others
                log.exception("erasure_failed", request=request.hex)
                await self._failed(person, request, SitthiError.code)
        return moved

    async def one(self, person: UUID, request: UUID) -> bool:
        """One request, if it is due and nobody else is at it."""
        lease = await self._claim(person, request)
        if lease is None:
            return False
        try:
            await self._erase(lease)
        except Lost:
            return False
        return True

    async def _erase(self, lease: Lease) -> None:
        row = lease.row
        whole = row.kind == Kind.EXIT
        erasure = Erasure(row.person, self._clock.now(), whole=whole, end_benefits=row.end_benefits)
        stores = [store for store in self._stores if whole or store.about.name in row.stores]
        if row.status == Status.HELD and whole and await self._came_back(row):
            await self._finish(lease, [], [], came_back=True)
            return
        if whole and row.status != Status.HELD:
            async with lease.step() as session:
                for store in stores:
                    await store.prepare(session, erasure)
            await self._forget(row.person)
        await self._enter(row)
        async with self._db.read() as session:
            stays = await self._stays(session, erasure, stores)
        erasure = replace(erasure, spared=spared(stays))
        for store in stores:
            async with lease.step() as session:
                await self._note(session, row, await store.erase(session, erasure))
        await self._finish(lease, stores, stays, erasure=erasure)
        if whole:
            await self._forget(row.person)
        await self._overwrite()

    async def _finish(
        self,
        lease: Lease,
        stores: Sequence[PersonalData],
        stays: Sequence[Stay],
        *,
        erasure: Erasure | None = None,
        came_back: bool = False,
    ) -> None:
        row, now = lease.row, self._clock.now()
        event, was = Event.HOLD if stays else Event.FINISH, Status(row.status)
        async with lease.step() as session:
            for store in stores:
                assert erasure is not None
                await self._note(session, row, await store.erase(session, erasure))
            status = states.after(was, event)
            again = earliest(stays, now + LOOKED_AT_AGAIN) if stays else None
            await session.execute(
                update(PrivacyRequest)
                .where(col(PrivacyRequest.person) == row.person, col(PrivacyRequest.id) == row.id)
                .values(
                    status=status.value,
                    leased_until=again,
                    finished_at=(row.finished_at or now) if stays else now,
                    failure=None,
                    stays=[written(stay) for stay in stays],
                )
            )
            if row.kind == Kind.EXIT and erasure is not None and SUBJECT_KEY not in erasure.spared:
                await self._trail.note(session, Step.KEY_DESTROYED, person=row.person, subject=row.id, by=JOB)
            kept = sorted({f"{stay.store}: {stay.hold}" for stay in stays})
            step = Step.HELD if stays else Step.DONE
            if was is not Status.HELD or not stays:  # what is held is looked at every day
                await self._trail.note(
                    session, step, person=row.person, subject=row.id, by=JOB, kept=kept, came_back=came_back
                )
            if row.kind == Kind.ERASURE:
                day = bangkok_day(row.made_at)
                await self._inbox.send(session, row.person, messages.ERASED, day=day)

    async def _stays(self, session: AsyncSession, erasure: Erasure, stores: Sequence[PersonalData]) -> list[Stay]:
        """What laws and holds keep now, and what therefore stays readable beside it."""
        names = {store.about.name for store in stores}
        found = [stay for stay in await self._holds.stays(session, erasure.person) if stay.store in names]
        for store in stores:
            found += await store.stays(session, erasure)
        kept = spared(found)
        if SUBJECT_KEY in kept:
            untils = [stay.until for stay in found if keeps_key(stay.tables)]
            until = None if None in untils else max(u for u in untils if u is not None)
            for store in stores:
                sealed = {r.table for r in store.about.rows if r.fate is Fate.UNREADABLE and r.of} - kept
                if sealed:
                    found.append(Stay(store.about.name, SHARED_KEY, _SHARED_LAW, _SHARED, until, frozenset()))
        return found

    async def _enter(self, row: PrivacyRequest) -> None:
        """The erasure's own entry of the access log, once: the newest entries are asked whether it is there."""
        if row.status == Status.HELD:
            return
        async with self._db.read() as session:
            page = await AccessLogReader(session, self._keys).page(
                row.person, size=BATCH, before=None, at=self._clock.now()
            )
        if any(isinstance(one, AccessEntry) and one.request == row.id for one in page):
            return
        asker = Asker(kind=AskerKind.CITIZEN, id=row.person.hex, agency=None, label=ASKED_BY_YOU, request=row.id)
        [entry] = await self._log.decide([Draft(row.person, frozenset({WHAT}), asker, ERASURE)])
        await self._log.conclude([Result(entry, {WHAT: "ERASED"})])

    async def _note(self, session: AsyncSession, row: PrivacyRequest, erased: Erased) -> None:
        if erased.deleted or erased.blanked:
            await self._trail.note(
                session,
                Step.STORE_ERASED,
                person=row.person,
                subject=row.id,
                by=JOB,
                store=erased.store,
                deleted=erased.deleted,
                blanked=erased.blanked,
            )

    async def _forget(self, person: UUID) -> None:
        for one in self._outside:
            await one.forget(person)

    async def _overwrite(self) -> None:
        """SQLite: what was deleted must not lie on in the log of its writes. (PostgreSQL's own vacuum does it.)"""
        if self._db.is_sqlite:
            await self._db.alone(text("PRAGMA wal_checkpoint(TRUNCATE)"), {}, writes=True)

    async def _came_back(self, row: PrivacyRequest) -> bool:
        """Whether the person whose number a hold kept has signed in since: what they have now is not to be erased."""
        query = select(col(SignInSession.id)).where(
            col(SignInSession.person) == row.person, col(SignInSession.signed_in_at) > (row.finished_at or row.made_at)
        )
        async with self._db.read() as session:
            return await session.scalar(query.limit(1)) is not None

    async def _due(self) -> Sequence[tuple[UUID, UUID]]:
        now = self._clock.now()
        free = or_(col(PrivacyRequest.leased_until).is_(None), col(PrivacyRequest.leased_until) <= now)
        cooled = and_(col(PrivacyRequest.status) == Status.COOLING.value, col(PrivacyRequest.proceeds_at) <= now)
        going_on = col(PrivacyRequest.status).in_([Status.ERASING.value, Status.HELD.value])
        query = select(col(PrivacyRequest.person), col(PrivacyRequest.id)).where(free, or_(cooled, going_on))
        async with self._db.read() as session:
            found = await session.execute(query.order_by(col(PrivacyRequest.due_at)).limit(BATCH))
            return [(person, request) for person, request in found.tuples()]

    async def _claim(self, person: UUID, request: UUID) -> Lease | None:
        now = self._clock.now()
        async with self._db.write() as session:
            row = await session.get(PrivacyRequest, (person, request), populate_existing=True)
            if row is None or row.status not in (Status.COOLING, Status.ERASING, Status.HELD):
                return None
            if row.status == Status.COOLING and (row.proceeds_at is None or row.proceeds_at > now):
                return None
            begins = row.status == Status.COOLING
            event = Event.HOLD if row.status == Status.HELD else Event.BEGIN
            lease = await Lease.take(self._db, self._clock, session, row, event)
            if lease is not None and begins:
                await self._trail.note(session, Step.BEGUN, person=person, subject=request, by=JOB)
        return lease

    async def _failed(self, person: UUID, request: UUID, code: str) -> None:
        async with self._db.write() as session:
            await session.execute(
                update(PrivacyRequest)
                .where(col(PrivacyRequest.person) == person, col(PrivacyRequest.id) == request)
                .values(failure=code[:60])
            )


def spared(stays: Collection[Stay]) -> frozenset[str]:
    """The tables that are kept, with the person's data key and number where they could not be used without."""
    tables = {table for stay in stays for table in stay.tables}
    if any(stay.identity for stay in stays):
        tables.add(PERSON)
    if keeps_key(tables):
        tables.add(SUBJECT_KEY)
    return frozenset(tables)


def keeps_key(tables: Collection[str]) -> bool:
    """Whether one of them is sealed under the person's data key."""
    found = (SQLModel.metadata.tables[name] for name in tables if name in SQLModel.metadata.tables)
    bindings = (column.info.get("sealed") for table in found for column in table.columns)
    return any(isinstance(binding, Binding) and binding.subject is not None for binding in bindings)
