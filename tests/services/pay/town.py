"""A town hall's payments: people with awards, officers, and a bank."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

import httpx2
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock, FixedClock, SystemClock
from core.crypto import KeyRing
from core.database import Database
from core.ids import NationalId, check_digit, new_id
from core.money import Money
from core.text import Text
from identity.inbox.service import Inbox
from identity.people import PeopleRegister
from services.pay.accounts import CreditorAccount
from services.pay.awards import Awards
from services.pay.destinations.service import Destinations
from services.pay.ledger.service import trial_balance, unbalanced_transactions
from services.pay.models import Instalment, PaymentFile, PaymentRun, ReconciliationBreak
from services.pay.needs import Due, NoNotices, NoReceipts, Notices, Officer, OnSettled
from services.pay.paydays import PART_MAX
from services.pay.payers import treasury_account
from services.pay.rails.bank import BankRail
from services.pay.rails.contract import Rail
from services.pay.reconciliation import Reconciliation
from services.pay.service import PaymentRuns
from services.pay.tasks import PaymentJobs
from services.sandbox.bank.app import Bank

PERIOD = date(2026, 11, 1)
TITLE = Text(th="เบี้ยยังชีพผู้สูงอายุ", en="Old-age allowance")
KEYS = KeyRing("k1", {"k1": base64.b64decode("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")}, bytes(32))


@dataclass(frozen=True)
class Clerk:
    """An officer."""

    agency: str = "dla"
    person: UUID = field(default_factory=new_id)
    roles: frozenset[str] = frozenset({"pay.plan", "pay.approve"})


class RegisterPayees:
    """Straight from the register, without a log: for tests that are about something else."""

    def __init__(self, db: Database, register: PeopleRegister) -> None:
        self._db, self._register = db, register

    async def reveal(self, due: Collection[Due], *, officer: Officer, run: UUID) -> Mapping[Due, CreditorAccount]:
        """Raises `NotFound` for someone the register does not know."""
        destinations = Destinations(SystemClock(), KEYS, NoNotices())
        found: dict[Due, CreditorAccount] = {}
        async with self._db.read() as session:
            for person, key in due:
                said = None if key is None else await destinations.get(session, person, key)
                account = None if said is None else await destinations.account(session, said)
                found[person, key] = account or await self._register.reveal(session, person)
        return found


class FixedAmounts:
    """700 baht a month on the 10th for everyone, unless told otherwise; the agency is the subject's first word."""

    def __init__(self) -> None:
        self.by_application: dict[UUID, Money | None] = {}
        self.unread: dict[UUID, tuple[str, ...]] = {}
        """Facts that a decision did not read: nobody can say what is due."""

        self.law_until: date | None = None
        """The last day of the law, after which there is no other yet."""

        self.given_once: dict[UUID, tuple[Money, str]] = {}
        """Part of the amount of the first month, and for what."""

    async def once(self, session: AsyncSession, application: UUID, period: date) -> Money | None:
        return self.given_once.get(application, (None, ""))[0]

    async def occasion(self, session: AsyncSession, application: UUID) -> str:
        return self.given_once.get(application, (None, ""))[1]

    async def amount(self, session: AsyncSession, application: UUID, period: date) -> Money | None:
        if self.ran_out("", period):
            return None
        return None if application in self.unread else self.by_application.get(application, Money.baht(700))

    async def needed(self, session: AsyncSession, application: UUID, period: date) -> tuple[str, ...]:
        return self.unread.get(application, ())

    def ran_out(self, subject: str, period: date) -> bool:
        return self.law_until is not None and self.law_until < period

    def payday(self, subject: str, period: date) -> date:
        return period.replace(day=10)

    def payer(self, subject: str) -> str:
        return subject.partition(":")[2].partition("-")[0]


def national_id(number: int) -> NationalId:
    """A made-up one, by number."""
    first = f"1{number:011d}"
    return NationalId(f"{first}{check_digit(first)}")


@dataclass
class TownHall:
    """Everything that pays, put together as the application does, over the sandbox bank."""

    db: Database
    clock: FixedClock
    bank: Bank
    client: httpx2.AsyncClient
    amounts: FixedAmounts = field(default_factory=FixedAmounts)
    planner: Clerk = field(default_factory=Clerk)
    approver: Clerk = field(default_factory=Clerk)
    people: int = 0

    def __post_init__(self) -> None:
        self.awards = Awards(self.amounts, self.clock)
        self.jobs = jobs_over(self.db, self.clock, BankRail(self.client, "http://bank"), self.awards)

    async def grant(
        self,
        *,
        agency: str = "dla",
        payee: UUID | None = None,
        application: UUID | None = None,
        since: date | None = None,
        subject: str | None = None,
        beneficiary: UUID | None = None,
    ) -> UUID:
        """A new person with an award; answers the award's id."""
        payee = payee or await self.person()
        async with self.db.write() as session:
            return await self.awards.award(
                session,
                application=application or new_id(),
                payee=payee,
                beneficiary=beneficiary or payee,
                subject=subject or f"programme:{agency}-old-age",
                title=TITLE,
                since=since or self.clock.today(),
            )

    async def person(self) -> UUID:
        self.people += 1
        register = PeopleRegister(KEYS, self.clock)
        async with self.db.write() as session:
            (key,) = (await register.resolve(session, [national_id(self.people)])).values()
        return key

    async def approved(self, people: int = 2) -> PaymentRun:
        """A run of that many instalments, planned and approved."""
        for _ in range(people):
            await self.grant()
        run = await self.jobs.plan(self.planner, PERIOD)
        return await self.jobs.approve(self.approver, run.id)

    async def sent(self, people: int = 2) -> PaymentRun:
        return await self.jobs.send(self.approver, (await self.approved(people)).id)

    async def instalments(self) -> list[Instalment]:
        async with self.db.read() as session:
            return list(await session.scalars(select(Instalment).order_by(col(Instalment.id))))

    async def breaks(self) -> list[ReconciliationBreak]:
        async with self.db.read() as session:
            return list(await session.scalars(select(ReconciliationBreak).order_by(col(ReconciliationBreak.id))))

    @staticmethod
    async def kept_file(session: AsyncSession, run: UUID) -> bytes:
        """The bytes in the table."""
        kept = await session.get(PaymentFile, run)
        assert kept is not None
        return kept.sealed

    async def balances(self, agency: str = "dla") -> dict[str, int]:
        """Satang by account; fails unless every transaction, and the whole, sums to zero."""
        async with self.db.read() as session:
            assert await unbalanced_transactions(session) == []
            assert sum(balance.money.satang for balance in await trial_balance(session)) == 0
            return {balance.code: balance.money.satang for balance in await trial_balance(session, agency)}


def jobs_over(
    db: Database,
    clock: Clock,
    rail: Rail,
    awards: Awards,
    on_settled: OnSettled | None = None,
    notices: Notices | None = None,
    part_max: int = PART_MAX,
) -> PaymentJobs:
    return PaymentJobs(
        db=db,
        runs=PaymentRuns(clock, awards, KEYS, treasury_account, notices=notices or Inbox(clock), part_max=part_max),
        reconciliation=Reconciliation(clock, on_settled or NoReceipts(), notices or Inbox(clock), awards=awards),
        rail=rail,
        payees=RegisterPayees(db, PeopleRegister(KEYS, clock)),
    )
