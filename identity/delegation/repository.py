"""Queries of delegation. Who asks is one of the two sides, or a room that has the delegation's id from a token."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from identity.delegation.days import PROPOSAL_LASTS
from identity.delegation.models import Delegation, DelegationEvent, Kind

LISTED_MAX = 200


class DelegationRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of(self, party: UUID, *, limit: int = LISTED_MAX) -> Sequence[Delegation]:
        """Those in which the person is one of the two sides, the newest first: of those that ended, only the latest.

        What holds or waits is always there. Else whoever acts for somebody could propose and withdraw until the other
        side finds no more what there is to end.
        """
        theirs = or_(col(Delegation.person) == party, col(Delegation.delegate) == party)
        latest = select(col(Delegation.id)).where(theirs, col(Delegation.ended_at).is_not(None))
        latest = latest.order_by(col(Delegation.id).desc()).limit(limit)
        shown = or_(col(Delegation.ended_at).is_(None), col(Delegation.id).in_(latest.scalar_subquery()))
        return (
            await self._session.scalars(select(Delegation).where(theirs, shown).order_by(col(Delegation.id).desc()))
        ).all()

    async def accepted(self, person: UUID, delegate: UUID) -> Sequence[Delegation]:
        """Those under which the one acts or acted for the other, the newest first."""
        query = select(Delegation).where(
            col(Delegation.person) == person,
            col(Delegation.delegate) == delegate,
            col(Delegation.accepted_at).is_not(None),
        )
        return (await self._session.scalars(query.order_by(col(Delegation.id).desc()))).all()

    async def get(self, party: UUID, delegation: UUID, *, lock: bool = False) -> Delegation | None:
        """The delegation, if the person is one of the two sides; held until the transaction ends, if `lock`."""
        query = select(Delegation).where(
            col(Delegation.id) == delegation,
            or_(col(Delegation.person) == party, col(Delegation.delegate) == party),
        )
        if lock:
            query = query.with_for_update().execution_options(populate_existing=True)
        return (await self._session.scalars(query)).first()

    async def registered(self, delegation: UUID) -> Delegation | None:
        """For officers: a guardianship by its id, held until the transaction ends."""
        query = select(Delegation).where(col(Delegation.id) == delegation, col(Delegation.kind) == Kind.GUARDIAN.value)
        query = query.with_for_update().execution_options(populate_existing=True)
        return (await self._session.scalars(query)).first()

    async def by_delegate(self, delegation: UUID, delegate: UUID, *, lock: bool = False) -> Delegation | None:
        """`lock`: it cannot end until the transaction is over."""
        query = select(Delegation).where(col(Delegation.id) == delegation, col(Delegation.delegate) == delegate)
        if lock:
            query = query.with_for_update(read=True)
        return (await self._session.scalars(query.execution_options(populate_existing=True))).first()

    async def between(self, person: UUID, delegate: UUID, kind: Kind) -> Sequence[Delegation]:
        """Those not ended, locked: one that was accepted, one that is proposed, or both."""
        query = select(Delegation).where(
            col(Delegation.person) == person,
            col(Delegation.delegate) == delegate,
            col(Delegation.kind) == kind.value,
            col(Delegation.ended_at).is_(None),
        )
        query = query.order_by(col(Delegation.id)).with_for_update().execution_options(populate_existing=True)
        return (await self._session.scalars(query)).all()

    async def acted_by(self, delegate: UUID) -> Sequence[Delegation]:
        """Those not ended in which the person acts or is to act, locked."""
        query = select(Delegation).where(col(Delegation.delegate) == delegate, col(Delegation.ended_at).is_(None))
        query = query.order_by(col(Delegation.id)).with_for_update().execution_options(populate_existing=True)
        return (await self._session.scalars(query)).all()

    async def not_ended(self, party: UUID) -> Sequence[Delegation]:
        """Those in which the person is one of the two sides, locked."""
        either = or_(col(Delegation.person) == party, col(Delegation.delegate) == party)
        query = select(Delegation).where(either, col(Delegation.ended_at).is_(None)).order_by(col(Delegation.id))
        return (await self._session.scalars(query.with_for_update().execution_options(populate_existing=True))).all()

    async def has_guardian(self, person: UUID, today: date) -> bool:
        query = select(col(Delegation.id)).where(
            col(Delegation.person) == person,
            col(Delegation.kind) == Kind.GUARDIAN.value,
            col(Delegation.ended_at).is_(None),
            col(Delegation.ends_on) > today,
        )
        return (await self._session.execute(query.limit(1))).first() is not None

    async def proposals(self, by: UUID, now: datetime) -> int:
        """How many of the person's proposals wait for an answer, or were made within a day."""
        waits = and_(
            col(Delegation.accepted_at).is_(None),
            col(Delegation.ended_at).is_(None),
            col(Delegation.proposed_at) > now - PROPOSAL_LASTS,
        )
        query = select(func.count()).where(
            or_(col(Delegation.person) == by, col(Delegation.delegate) == by),
            col(Delegation.proposed_by) == by,
            or_(waits, col(Delegation.proposed_at) > now - timedelta(days=1)),
        )
        return await self._session.scalar(query.select_from(Delegation)) or 0

    async def add(self, row: Delegation) -> bool:
        """False when there is one between the two already: of two at once, one wins."""
        table = SQLModel.metadata.tables[Delegation.__tablename__]
        values = {name: getattr(row, name) for name in table.columns.keys()}  # noqa: SIM118 - columns are no mapping
        dialect = sqlite if self._session.get_bind().dialect.name == "sqlite" else postgresql
        added = dialect.insert(Delegation).values(values).on_conflict_do_nothing().returning(col(Delegation.id))
        return (await self._session.execute(added)).first() is not None

    async def log(self, event: DelegationEvent) -> None:
        self._session.add(event)
        await self._session.flush()

    async def events(self, person: UUID, delegation: UUID) -> Sequence[DelegationEvent]:
        """Of a delegation of the person who is acted for, in order."""
        query = select(DelegationEvent).where(
            col(DelegationEvent.person) == person, col(DelegationEvent.delegation) == delegation
        )
        return (await self._session.scalars(query.order_by(col(DelegationEvent.id)))).all()
