"""Legal holds: what must be kept by a law, whoever asks for its erasure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.crypto import KeyRing
from core.errors import BadInput
from core.ids import new_id
from core.personal_data import PersonalData, Stay, Store
from core.sealed import bound_to
from core.text import Text
from identity.inbox.service import holds_national_id
from services.exchange.privacy.errors import NoSuchHold
from services.exchange.privacy.models import LegalHold, PrivacyRequest
from services.exchange.privacy.states import Status, Step
from services.exchange.privacy.trail import Trail

EVERYTHING: Final = "*"
LASTS_MAX: Final = timedelta(days=10 * 366)
_REASON: Final = Text(
    th="มีเหตุตามกฎหมายให้เก็บข้อมูลนี้ไว้ก่อน สอบถามเจ้าหน้าที่คุ้มครองข้อมูลส่วนบุคคลได้",
    en="A law keeps this for now. You can ask the data protection officer.",
)
_TEXT_MAX: Final = {"law": 200, "reason": 2_000}


class LegalHolds:
    """For the data protection officer. Every method works in the caller's transaction."""

    def __init__(self, keys: KeyRing, clock: Clock, stores: Sequence[PersonalData]) -> None:
        self._keys, self._clock, self._stores, self._trail = keys, clock, stores, Trail(clock)

    async def place(
        self,
        session: AsyncSession,
        *,
        store: str,
        person: UUID | None,
        law: str,
        reason: str,
        until: datetime,
        officer: str,
    ) -> LegalHold:
        """Keeps a store (or all, `*`) of a person (or of everybody) until that time. Raises :class:`BadInput`."""
        now = self._clock.now()
        if store != EVERYTHING and all(one.about.name != store for one in self._stores):
            raise BadInput(Text(th="ไม่มีหมวดข้อมูลชื่อนี้", en="there is no such store"), path=("store",))
        if not now < until <= now + LASTS_MAX:
            raise BadInput(
                Text(th="วันสิ้นสุดต้องอยู่ในอนาคต และไม่เกินสิบปี", en="it ends on a day to come, within ten years"),
                path=("until",),
            )
        key = new_id()
        reason = _words(reason, "reason")
        row = LegalHold(
            id=key,
            person=person,
            store=store,
            law=_words(law, "law"),
            reason_sealed=self._keys.seal(reason.encode(), bound_to=bound_to(LegalHold.reason_sealed, key)),
            until=until,
            officer=officer,
            placed_at=now,
        )
        session.add(row)
        await session.flush()
        await self._trail.note(
            session, Step.HOLD_PLACED, person=person, subject=key, by=officer, store=store, until=until.isoformat()
        )
        return row

    async def release(self, session: AsyncSession, hold: UUID, *, officer: str) -> LegalHold:
        """Ends it now; what it alone kept is erased by the next run. Raises :class:`NoSuchHold`."""
        released = await session.execute(
            update(LegalHold)
            .where(col(LegalHold.id) == hold, col(LegalHold.released_at).is_(None))
            .values(released_at=self._clock.now(), released_by=officer)
            .returning(col(LegalHold.person))
            .execution_options(synchronize_session=False)
        )
        found = released.first()
        if found is None:
            raise NoSuchHold
        await self._trail.note(session, Step.HOLD_RELEASED, person=found[0], subject=hold, by=officer)
        concerned = [] if found[0] is None else [col(PrivacyRequest.person) == found[0]]
        await session.execute(
            update(PrivacyRequest)
            .where(col(PrivacyRequest.status) == Status.HELD.value, *concerned)
            .values(leased_until=None)
            .execution_options(synchronize_session=False)
        )
        row = await session.get(LegalHold, hold, populate_existing=True)
        assert row is not None
        return row

    async def standing(self, session: AsyncSession) -> Sequence[LegalHold]:
        query = select(LegalHold).where(*self._stands()).order_by(col(LegalHold.id))
        return (await session.scalars(query)).all()

    async def stays(self, session: AsyncSession, person: UUID) -> Sequence[Stay]:
        """What holds keep of the person now."""
        concerned = or_(col(LegalHold.person) == person, col(LegalHold.person).is_(None))
        rows = (await session.scalars(select(LegalHold).where(*self._stands(), concerned))).all()
        return [self._stay(row, store.about) for row in rows for store in self._stores if _covers(row, store.about)]

    async def held_tables(self, session: AsyncSession) -> dict[str, set[UUID | None]]:
        """By table, whose rows no retention may delete now; None stands for everybody's."""
        found: dict[str, set[UUID | None]] = {}
        for row in await self.standing(session):
            for store in self._stores:
                if _covers(row, store.about):
                    for table in store.about.tables:
                        found.setdefault(table, set()).add(row.person)
        return found

    def reason(self, row: LegalHold) -> str:
        return self._keys.open(row.reason_sealed, bound_to=bound_to(LegalHold.reason_sealed, row.id)).decode()

    def _stands(self) -> tuple[ColumnElement[bool], ...]:
        return (col(LegalHold.released_at).is_(None), col(LegalHold.until) > self._clock.now())

    @staticmethod
    def _stay(row: LegalHold, store: Store) -> Stay:
        return Stay(
            store=store.name,
            hold="LEGAL_HOLD",
            law=Text(th=row.law, en=row.law),
            reason=_REASON,
            until=row.until,
            tables=store.tables,
            identity="person" in store.tables,
        )


def _covers(row: LegalHold, store: Store) -> bool:
    return row.store in (EVERYTHING, store.name)


def _words(given: str, name: str) -> str:
    said, most = given.strip(), _TEXT_MAX[name]
    if not said or len(said) > most or not said.isprintable() or holds_national_id(said):
        raise BadInput(
            Text(
                th=f"{name} ต้องเป็นข้อความไม่เกิน {most} ตัวอักษร และไม่มีเลขประจำตัวประชาชน",
                en=f"{name} is text of at most {most} characters, without a national ID",
            ),
            path=(name,),
        )
    return said
