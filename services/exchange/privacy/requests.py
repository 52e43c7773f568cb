"""What a person asks for: taken, taken back, listed. The rest is done by jobs (export.py, erasure.py)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.assurance import Assurance
from core.clock import Clock, bangkok_day
from core.crypto import KeyRing
from core.errors import BadInput, NotFound
from core.ids import new_id
from core.personal_data import Erasure, PersonalData, Stay
from core.sealed import bound_to
from core.text import Text
from identity.inbox.service import Inbox
from services.exchange.privacy import messages, states
from services.exchange.privacy.errors import (
    NotErasableAlone,
    ObjectionNotPossible,
    RequestOpen,
    RestrictionNotPossible,
    UnknownPurpose,
)
from services.exchange.privacy.holds import LegalHolds
from services.exchange.privacy.models import PrivacyRequest
from services.exchange.privacy.states import Event, Ground, Kind, Status, Step
from services.exchange.privacy.stopping import Stopping, stopping
from services.exchange.privacy.trail import Trail

ANSWERED_WITHIN: Final = timedelta(days=30)
"""s.30: without delay, at most 30 days; the DGA's rule for those who leave is the same."""
COOLING: Final = timedelta(days=7)
STATEMENT_LENGTH_MAX: Final = 2_000
CITIZEN: Final = "citizen"
_BAD_STATEMENT: Final = Text(
    th="ข้อความต้องยาวไม่เกิน {most} ตัวอักษร", en="the statement is text of at most {most} characters"
)
_NO_STORES: Final = Text(th="เลือกหมวดข้อมูลอย่างน้อยหนึ่งหมวด จากรายการ", en="name at least one of the stores")
_NOT_THIS_GROUND: Final = Text(th="เหตุนี้ไม่ใช่เหตุตามมาตราที่ขอ", en="this is no ground of that section")


@dataclass(frozen=True, slots=True)
class Stop:
    """A wish that data be used no more for a purpose."""

    kind: Kind
    purpose: str
    """Empty for every purpose that can be stopped."""
    ground: Ground
    statement: str


class PrivacyRequests:
    """Every method works in the caller's transaction."""

    def __init__(self, clock: Clock, keys: KeyRing, stores: Sequence[PersonalData], inbox: Inbox) -> None:
        self._clock, self._keys, self._stores, self._inbox = clock, keys, stores, inbox
        self._trail, self._holds = Trail(clock), LegalHolds(keys, clock, stores)

    # Asking.

    async def data(self, session: AsyncSession, person: UUID, kind: Kind, *, assurance: Assurance) -> PrivacyRequest:
        """A copy of all that is held of the person, who is known with this assurance. Raises :class:`RequestOpen`."""
        assert kind in (Kind.ACCESS, Kind.PORTABILITY)
        return await self._add(session, person, kind, {"acr": assurance.acr})

    async def erasure(self, session: AsyncSession, person: UUID, stores: Collection[str]) -> PrivacyRequest:
        """Erasure of some stores, while the person stays. Raises BadInput, :class:`NotErasableAlone`, RequestOpen."""
        by_name = {store.about.name: store.about for store in self._stores}
        wanted = sorted(set(stores))
        if not wanted or any(name not in by_name for name in wanted):
            raise BadInput(_NO_STORES, path=("stores",))
        for name in wanted:
            if not by_name[name].rows or not by_name[name].alone:
                raise NotErasableAlone(store=by_name[name].title, path=("stores",))
        return await self._cooling(session, person, Kind.ERASURE, wanted, end_benefits=False)

    async def leave(self, session: AsyncSession, person: UUID, *, end_benefits: bool) -> PrivacyRequest:
        """Erasure of everything, with the account. Raises :class:`RequestOpen`, and what stands in a store's way."""
        await self.check(session, person)
        return await self._cooling(session, person, Kind.EXIT, [], end_benefits=end_benefits)

    async def check(self, session: AsyncSession, person: UUID) -> None:
        for store in self._stores:
            await store.check(session, person)

    async def cancel(self, session: AsyncSession, person: UUID, request: UUID) -> PrivacyRequest:
        """Takes an erasure back that has not begun. Raises NotFound, WrongState."""
        return await self._move(session, person, request, Event.CANCEL, Step.CANCELLED)

    async def stop(self, session: AsyncSession, person: UUID, wish: Stop) -> PrivacyRequest:
        """Restricts use (s.34) or objects (s.32), with effect at once.

        Raises BadInput, :class:`UnknownPurpose`, :class:`ObjectionNotPossible`, :class:`RestrictionNotPossible`,
        :class:`RequestOpen`.
        """
        objects = wish.kind is Kind.OBJECTION
        if wish.ground not in (states.OBJECTING if objects else states.RESTRICTING):
            raise BadInput(_NOT_THIS_GROUND, path=("ground",))
        if wish.purpose:
            entry = stopping().get(wish.purpose)
            if entry is None:
                raise UnknownPurpose(purpose=_named(wish.purpose), path=("purpose",))
            if entry.own or not (entry.objection if objects else entry.restriction):
                refusal = ObjectionNotPossible if objects else RestrictionNotPossible
                raise refusal(purpose=entry.purpose, why=_why(entry), path=("purpose",))
        said = wish.statement.strip()
        if len(said) > STATEMENT_LENGTH_MAX or "\x00" in said:
            raise BadInput(_BAD_STATEMENT.filled(most=STATEMENT_LENGTH_MAX), path=("statement",))
        more = {"purpose": wish.purpose, "ground": wish.ground.value, "said": said}
        return await self._add(session, person, wish.kind, more)

    async def lift(self, session: AsyncSession, person: UUID, request: UUID, *, by: str = CITIZEN) -> PrivacyRequest:
        """Ends a restriction or takes an objection back. Raises NotFound, WrongState."""
        return await self._move(session, person, request, Event.LIFT, Step.LIFTED, by=by)

    # Looking.

    async def get(self, session: AsyncSession, person: UUID, request: UUID) -> PrivacyRequest | None:
        """None for a foreign one too."""
        return await session.get(PrivacyRequest, (person, request), populate_existing=True)

    async def page(
        self, session: AsyncSession, person: UUID, *, size: int, before: UUID | None
    ) -> Sequence[PrivacyRequest]:
        """The newest first."""
        query = select(PrivacyRequest).where(col(PrivacyRequest.person) == person)
        if before is not None:
            query = query.where(col(PrivacyRequest.id) < before)
        return (await session.scalars(query.order_by(col(PrivacyRequest.id).desc()).limit(size))).all()

    def statement(self, row: PrivacyRequest) -> str | None:
        if row.statement_sealed is None:
            return None
        return self._keys.open(
            row.statement_sealed, bound_to=bound_to(PrivacyRequest.statement_sealed, row.id)
        ).decode()

    async def stays(self, session: AsyncSession, erasure: Erasure) -> list[Stay]:
        """What would be kept, as things stand."""
        found = [*await self._holds.stays(session, erasure.person)]
        for store in self._stores:
            found += await store.stays(session, erasure)
        return found

    # Inside.

    async def _cooling(
        self, session: AsyncSession, person: UUID, kind: Kind, stores: list[str], *, end_benefits: bool
    ) -> PrivacyRequest:
        now = self._clock.now()
        erasure = Erasure(person, now, whole=kind is Kind.EXIT, end_benefits=end_benefits)
        found = await self.stays(session, erasure)
        concerned = [stay for stay in found if kind is Kind.EXIT or stay.store in stores]
        more = {
            "stores": stores,
            "end_benefits": end_benefits,
            "proceeds_at": now + COOLING,
            "stays": [written(stay) for stay in concerned],
        }
        row = await self._add(session, person, kind, more)
        await self._inbox.send(session, person, messages.ERASURE_ASKED, day=bangkok_day(now + COOLING))
        return row

    async def _add(self, session: AsyncSession, person: UUID, kind: Kind, more: Mapping[str, Any]) -> PrivacyRequest:
        now, key = self._clock.now(), new_id()
        said = more.get("said")
        sealed = (
            self._keys.seal(said.encode(), bound_to=bound_to(PrivacyRequest.statement_sealed, key)) if said else None
        )
        values: dict[str, Any] = {
            "person": person,
            "id": key,
            "kind": kind.value,
            "status": states.FIRST[kind].value,
            "stores": [],
            "end_benefits": False,
            "purpose": "",
            "statement_sealed": sealed,
            "made_at": now,
            "due_at": now + ANSWERED_WITHIN,
            "stays": [],
            **{name: value for name, value in more.items() if name != "said"},
        }
        dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        insert = dialect.insert(PrivacyRequest).values(values)
        made = await session.execute(insert.on_conflict_do_nothing().returning(col(PrivacyRequest.id)))
        if made.first() is None:
            raise RequestOpen
        await self._trail.note(session, Step.REQUESTED, person=person, subject=key, by=CITIZEN, kind=kind.value)
        row = await self.get(session, person, key)
        assert row is not None
        return row

    async def _move(
        self, session: AsyncSession, person: UUID, request: UUID, event: Event, step: Step, *, by: str = CITIZEN
    ) -> PrivacyRequest:
        query = select(PrivacyRequest).where(col(PrivacyRequest.person) == person, col(PrivacyRequest.id) == request)
        row = (await session.scalars(query.with_for_update().execution_options(populate_existing=True))).first()
        if row is None:
            raise NotFound
        row.status = states.after(Status(row.status), event).value
        row.finished_at = self._clock.now()
        await session.flush()
        await self._trail.note(session, step, person=person, subject=request, by=by)
        return row


def written(stay: Stay) -> dict[str, Any]:
    """As it is kept in the request and told to the person."""
    return {
        "store": stay.store,
        "hold": stay.hold,
        "law": {"th": stay.law.th, "en": stay.law.en},
        "reason": {"th": stay.reason.th, "en": stay.reason.en},
        "until": stay.until.isoformat() if stay.until is not None else None,
    }


def earliest(stays: Collection[Stay], otherwise: datetime) -> datetime:
    """When to look again at what is kept: tomorrow, or when the first hold ends."""
    return min([stay.until for stay in stays if stay.until is not None] + [otherwise])


def _named(purpose: str) -> str:
    """Said again only if it looks like a purpose's id: anything else may be somebody's name or number."""
    looks_right = len(purpose) <= 60 and purpose.replace("-", "").isascii() and purpose.replace("-", "").isalpha()
    return purpose if looks_right else "?"


def _why(entry: Stopping) -> Text:
    return Text(th="เป็นการดูของท่านเอง", en="it is your own look") if entry.own else entry.law
