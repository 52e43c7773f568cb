"""Keeps officers from deciding where money goes in which they have a part. Four eyes are not enough where two are
near."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.database import Database
from services.pay.accounts import BankAccount, Mobile, Said
from services.pay.fees.errors import OwnMoney
from services.pay.fees.models import Bill, IncomingBreak, IncomingPayment
from services.pay.needs import Officer


class Near(Protocol):
    async def between(self, officer: UUID, people: Collection[UUID]) -> bool:
        """Whether the officer lives with one of them, is their parent, or acts for them, or they for the officer.

        Raises `ServiceUnavailable` while nobody can say.
        """
        ...

    async def household(self, officer: UUID) -> tuple[frozenset[UUID], bool]:
        """Who lives with the officer, and their minor children, so far as it is known; and whether that is all."""
        ...


class Accounts(Protocol):
    async def ever_said(self, session: AsyncSession, people: Collection[UUID]) -> set[Said]:
        """Every account that one of them has ever named as theirs."""
        ...


@dataclass(frozen=True, slots=True)
class OthersMoney:
    """A register is asked: it is called outside any transaction."""

    db: Database
    near: Near
    accounts: Accounts

    async def refuse_own(
        self, officer: Officer, key: UUID, *, account: Mobile | BankAccount | None, bill: str | None
    ) -> None:
        """Of what is proposed for that break: raises :class:`OwnMoney` where the payment or the bill is of the officer,
        of their household or of somebody for whom they act, or the account is one of theirs; `ServiceUnavailable` while
        nobody can say. Of a break that is not the agency's, nothing."""
        if account is None and bill is None:
            return
        people = await self._people(officer.agency, key, bill)
        if people and (officer.person in people or await self.near.between(officer.person, people)):
            raise OwnMoney
        if account is not None:
            await self._refuse_account(officer, account)

    async def _refuse_account(self, officer: Officer, account: Mobile | BankAccount) -> None:
        async with self.db.read() as session:
            own = await self.accounts.ever_said(session, [officer.person])
        if account in own:
            raise OwnMoney
        near, is_all = await self.near.household(officer.person)
        async with self.db.read() as session:
            theirs = await self.accounts.ever_said(session, sorted(near))
        if account in theirs:
            raise OwnMoney
        if not is_all:
            await self.near.between(officer.person, [])  # says who cannot say

    async def _people(self, agency: str, key: UUID, bill: str | None) -> set[UUID]:
        """Whose bill the money came for, and whose it would pay."""
        of_break = select(IncomingPayment).join(
            IncomingBreak,
            (col(IncomingBreak.agency) == col(IncomingPayment.agency))
            & (col(IncomingBreak.bank_reference) == col(IncomingPayment.bank_transaction)),
        )
        of_break = of_break.where(col(IncomingBreak.id) == key, col(IncomingBreak.agency) == agency)
        async with self.db.read() as session:
            paid = (await session.scalars(of_break)).first()
            if paid is None:
                return set()
            people = set() if paid.person is None else {paid.person}
            if bill is not None:
                whose = select(col(Bill.person)).where(col(Bill.biller) == paid.biller, col(Bill.reference) == bill)
                people |= set(await session.scalars(whose))
        return people
