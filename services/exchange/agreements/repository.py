"""Queries of agreements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from core.text import Text
from services.exchange.agreements.models import Agreement, AgreementEvent
from services.exchange.agreements.states import State
from services.exchange.agreements.terms import Origin, Quota, Terms


class AgreementRepository:
    """Agreements are public: none of these methods asks who reads."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def in_force(self, requester: str, day: date) -> Sequence[Terms]:
        """Those under which the agency may be told facts on that day in Bangkok, the oldest first."""
        query = _in_force(day).where(col(Agreement.requester) == requester).order_by(col(Agreement.agreement))
        return [terms_of(row) for row in await self._session.scalars(query)]

    async def all_in_force(self, day: date) -> Sequence[Agreement]:
        query = _in_force(day).order_by(col(Agreement.agreement))
        return (await self._session.scalars(query)).all()

    async def of_agency(self, agency: str) -> Sequence[Agreement]:
        """Every version that the agency is a party of, as either side, the newest agreement first."""
        query = (
            select(Agreement)
            .where(or_(col(Agreement.requester) == agency, col(Agreement.steward) == agency))
            .order_by(col(Agreement.agreement).desc(), col(Agreement.version).desc())
        )
        return (await self._session.scalars(query)).all()

    async def get(self, agreement: UUID, version: int, *, lock: bool = False) -> Agreement | None:
        return await self._session.get(
            Agreement, (agreement, version), with_for_update=lock or None, populate_existing=True
        )

    async def current(self, agreement: UUID, *, lock: bool = False) -> Agreement | None:
        """The version in force or suspended."""
        query = select(Agreement).where(
            col(Agreement.agreement) == agreement, col(Agreement.state).in_([State.IN_FORCE, State.SUSPENDED])
        )
        query = query.execution_options(populate_existing=True)
        return (await self._session.scalars(query.with_for_update() if lock else query)).one_or_none()

    async def last_version(self, agreement: UUID) -> int:
        """0 for an agreement that nobody proposed."""
        query = select(func.max(col(Agreement.version))).where(col(Agreement.agreement) == agreement)
        return (await self._session.scalars(query)).one() or 0

    async def events(self, agreement: UUID) -> Sequence[AgreementEvent]:
        """In the order in which they happened."""
        query = (
            select(AgreementEvent).where(col(AgreementEvent.agreement) == agreement).order_by(col(AgreementEvent.id))
        )
        return (await self._session.scalars(query)).all()


def terms_of(row: Agreement) -> Terms:
    return Terms(
        id=row.agreement.hex,
        version=row.version,
        origin=Origin.CONCLUDED,
        steward=row.steward,
        requester=row.requester,
        attributes=frozenset(row.attributes),
        purposes=frozenset(row.purposes),
        quota=Quota(row.per_day, row.per_minute),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        law=row.law,
        confidentiality=Text(th=row.confidentiality_th, en=row.confidentiality_en),
    )


def _in_force(day: date):  # type: ignore[no-untyped-def] # the type of a select with one entity has no name to write
    return select(Agreement).where(
        col(Agreement.state) == State.IN_FORCE,
        col(Agreement.valid_from) <= day,
        col(Agreement.valid_until) >= day,
    )
