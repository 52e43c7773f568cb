"""Announcing maintenance: by the agency whose service it is, seen by every worker within a second."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from core.clock import Clock
from core.database import Database
from core.errors import NotFound
from core.ids import new_id
from core.text import Text
from identity.inbox.service import holds_national_id
from services.plugins.contract.texts import trouble_in
from services.plugins.operating.errors import MaintenanceOver, MaintenanceOverlaps, MaintenanceRefused
from services.plugins.operating.models import ServiceMaintenance
from services.plugins.operating.windows import Window
from services.plugins.plugin import Plugin

LONGEST: Final = timedelta(days=7)
AHEAD_MAX: Final = timedelta(days=180)
LATE_MAX: Final = timedelta(minutes=5)
"""A window may have begun so long before it is announced: a clock that is behind, an outage that just began."""
STANDING_MAX: Final = 20
"""Windows of a service that are on or to come."""
WORDS_LENGTH: Final = range(1, 501)


class Acting(Protocol):
    """Who announces, as the registry knows them."""

    @property
    def agency(self) -> str: ...
    @property
    def by(self) -> str: ...
    @property
    def client(self) -> str: ...


class MaintenanceDesk:
    """`plugin_of` finds a service by its slug in this worker's registry; `tell_workers` grows the number that all of
    them look at, and holds others who would until the transaction ends."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        plugin_of: Callable[[str], Plugin | None],
        tell_workers: Callable[[AsyncSession], Awaitable[object]],
    ) -> None:
        self._db, self._clock, self._plugin_of, self._tell_workers = db, clock, plugin_of, tell_workers

    async def announce(
        self,
        actor: Acting,
        slug: str,
        begins_at: datetime,
        ends_at: datetime,
        words: Text,
        operations: Collection[str] = (),
    ) -> tuple[ServiceMaintenance, bool]:
        """The window, and whether it is new: the same again is the one that there is.

        Raises NotFound for what is not the agency's, MaintenanceRefused, MaintenanceOverlaps.
        """
        plugin = self._own(actor.agency, slug)
        words = _plain(words)
        chosen = frozenset(operations)
        if unknown := sorted(chosen - plugin.manifest.operations.keys()):
            _refuse(f"บริการไม่มี operation {unknown[0]}", f"the service has no operation {unknown[0]}")
        begins_at, ends_at = begins_at.replace(microsecond=0), ends_at.replace(microsecond=0)
        row = ServiceMaintenance(
            id=new_id(), agency=actor.agency, slug=slug, begins_at=begins_at, ends_at=ends_at,
            text_th=words.th, text_en=words.en, operations=sorted(chosen), announced_by=actor.by, client=actor.client,
            announced_at=self._clock.now(), cancelled_at=None, cancelled_by=None,
        )  # fmt: skip
        async with self._db.read() as session:
            if (same := _same(row, await self._standing(session, actor.agency, slug))) is not None:
                return same, False
        _check_times(begins_at, ends_at, row.announced_at)
        async with self._db.write() as session:
            await self._tell_workers(session)
            standing = await self._standing(session, actor.agency, slug)
            if (same := _same(row, standing)) is not None:
                return same, False
            for other in standing:
                if window_of(other).meets(begins_at, ends_at, chosen):
                    raise MaintenanceOverlaps(window=other.id.hex)
            if len(standing) >= STANDING_MAX:
                _refuse(f"ประกาศไว้แล้ว {STANDING_MAX} ช่วง", f"{STANDING_MAX} windows are announced already")
            session.add(row)
        return row, True

    async def listed(self, agency: str, slug: str) -> Sequence[ServiceMaintenance]:
        """Those that are on or to come, the next one first. Raises NotFound."""
        self._own(agency, slug)
        async with self._db.read() as session:
            return await self._standing(session, agency, slug)

    async def cancel(self, actor: Acting, slug: str, window: UUID) -> ServiceMaintenance:
        """From now on there is none: one that is on ends. Once more changes nothing.

        Raises NotFound, MaintenanceOver.
        """
        async with self._db.write() as session:
            row = await session.get(ServiceMaintenance, window, with_for_update=True)
            if row is None or (row.agency, row.slug) != (actor.agency, slug):
                raise NotFound
            if row.cancelled_at is None:
                now = self._clock.now()
                if row.ends_at <= now:
                    raise MaintenanceOver
                row.cancelled_at, row.cancelled_by = now, actor.by
                await self._tell_workers(session)
            return row

    def _own(self, agency: str, slug: str) -> Plugin:
        plugin = self._plugin_of(slug)
        if plugin is None or plugin.manifest.agency.slug != agency:
            raise NotFound
        return plugin

    async def _standing(self, session: AsyncSession, agency: str, slug: str) -> Sequence[ServiceMaintenance]:
        row = ServiceMaintenance
        query = _standing(self._clock.now()).where(col(row.agency) == agency, col(row.slug) == slug)
        return (await session.scalars(query)).all()


async def standing_windows(session: AsyncSession, now: datetime) -> list[Window]:
    """All that are on or to come, of every service: what a worker keeps in memory."""
    return [window_of(row) for row in await session.scalars(_standing(now))]


def window_of(row: ServiceMaintenance) -> Window:
    words = Text(th=row.text_th, en=row.text_en)
    return Window(row.id, row.slug, row.begins_at, row.ends_at, words, frozenset(row.operations))


def _standing(now: datetime):  # type: ignore[no-untyped-def]  # SQLAlchemy's own type says no more
    row = ServiceMaintenance
    query = select(row).where(col(row.ends_at) > now, col(row.cancelled_at).is_(None))
    return query.order_by(col(row.begins_at), col(row.id))


def _same(row: ServiceMaintenance, standing: Sequence[ServiceMaintenance]) -> ServiceMaintenance | None:
    return next((one for one in standing if window_of(one) == _with_id(row, one)), None)


def _with_id(row: ServiceMaintenance, other: ServiceMaintenance) -> Window:
    window = window_of(row)
    return Window(other.id, window.slug, window.begins_at, window.ends_at, window.words, window.operations)


def _check_times(begins_at: datetime, ends_at: datetime, now: datetime) -> None:
    if begins_at < now - LATE_MAX:
        _refuse("เริ่มไปแล้ว", f"it began more than {LATE_MAX.seconds // 60} minutes ago")
    if ends_at <= max(begins_at, now):
        _refuse("สิ้นสุดก่อนเริ่ม หรือสิ้นสุดไปแล้ว", "it ends before it begins, or is over")
    if ends_at - begins_at > LONGEST:
        _refuse(f"ยาวเกิน {LONGEST.days} วัน", f"it is longer than {LONGEST.days} days: suspend the service instead")
    if begins_at > now + AHEAD_MAX:
        _refuse(f"อีกนานกว่า {AHEAD_MAX.days} วัน", f"it is more than {AHEAD_MAX.days} days ahead")


def _plain(words: Text) -> Text:
    """In one line each. Raises :class:`MaintenanceRefused`: citizens read it as the agency's word."""
    th, en = " ".join(words.th.split()), " ".join(words.en.split())
    for text in (th, en):
        if len(text) not in WORDS_LENGTH or holds_national_id(text) or trouble_in(text) is not None:
            _refuse(
                "ข้อความต้องมี 1 ถึง 500 ตัวอักษรธรรมดา และไม่มีเลขประจำตัวประชาชน",
                "words are 1 to 500 plain characters in each language, without a national ID",
            )
    return Text(th=th, en=en)


def _refuse(th: str, en: str) -> None:
    raise MaintenanceRefused(why=Text(th=th, en=en))
