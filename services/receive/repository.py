"""Queries of the room that receives. A citizen's receipts are read by person first; in public, by the secret code."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.pay.models import Instalment
from services.pay.states import InstalmentStatus
from services.receive.models import Rating, Receipt


class ReceiptRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def own(self, person: UUID, receipt: UUID, *, lock: bool = False) -> Receipt | None:
        query = select(Receipt).where(col(Receipt.person) == person, col(Receipt.id) == receipt)
        if lock:
            query = query.with_for_update().execution_options(populate_existing=True)
        return (await self._session.scalars(query)).first()

    async def came_back(self, receipt: Receipt) -> bool:
        """Whether the bank took the money back. The payment stays as it is until the transaction ends."""
        query = select(col(Instalment.status)).where(
            col(Instalment.person) == receipt.person, col(Instalment.id) == receipt.instalment
        )
        status = await self._session.scalar(query.with_for_update(read=True))
        return status == InstalmentStatus.RETURNED.value

    async def of_instalments(self, person: UUID, instalments: Collection[UUID]) -> dict[UUID, Receipt]:
        query = select(Receipt).where(col(Receipt.person) == person, col(Receipt.instalment).in_(list(instalments)))
        return {receipt.instalment: receipt for receipt in await self._session.scalars(query)}

    async def ratings(self, person: UUID, receipts: Collection[UUID]) -> dict[UUID, Rating]:
        query = select(Rating).where(col(Rating.person) == person, col(Rating.receipt).in_(list(receipts)))
        return {rating.receipt: rating for rating in await self._session.scalars(query)}

    async def by_code(self, code: str) -> Receipt | None:
        """For the public page: whoever knows the code may see the receipt."""
        return (await self._session.scalars(select(Receipt).where(col(Receipt.code) == code))).first()

    async def of_instalment(self, person: UUID, instalment: UUID) -> Receipt | None:
        """Locked."""
        query = select(Receipt).where(col(Receipt.person) == person, col(Receipt.instalment) == instalment)
        return (await self._session.scalars(query.with_for_update())).first()

    async def stands(self, number: str) -> bool:
        """For the public pages: whether there is a receipt of that number, whose money did not come back."""
        query = (
            select(col(Instalment.status))
            .select_from(Receipt)
            .outerjoin(
                Instalment,
                (col(Instalment.person) == col(Receipt.person)) & (col(Instalment.id) == col(Receipt.instalment)),
            )
            .where(col(Receipt.number) == number)
        )
        found = (await self._session.execute(query)).tuples().first()
        return found is not None and found[0] != InstalmentStatus.RETURNED.value
