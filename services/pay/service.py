"""The steps of a payment run up to the bank's door. Each is called in a transaction that the caller commits."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Final, cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing
from core.ids import new_id
from core.money import Money
from core.working_days import WorkingDays, thai_working_days
from services.pay.accounts import CreditorAccount
from services.pay.again import PayingAgain
from services.pay.awards import Awards, period_of
from services.pay.breaks import paid_after_return
from services.pay.budget.service import take
from services.pay.contents import content_hash, total_of
from services.pay.destinations.changed import changed_in, hold_changed, release_planned
from services.pay.errors import (
    NotAPaymentOfficer,
    NothingDue,
    NotYourAgency,
    PeriodNotOpen,
    RunChanged,
    RunNotFound,
    SameOfficer,
)
from services.pay.ledger.bulk import Booking, book_all
from services.pay.ledger.service import Account, book, transfer
from services.pay.models import Instalment, Payday, PaymentFile, PaymentRun
from services.pay.needs import Due, NoNotices, Notices, Officer, Payers, Role
from services.pay.paydays import PART_MAX, PaydayRepository, content_of
from services.pay.rails.contract import Order, Transfer
from services.pay.recovery.withholding import hold_agreements, withhold
from services.pay.repository import PaymentRepository
from services.pay.states import (
    RUN_TRANSITIONS,
    InstalmentStatus,
    RunEvent,
    RunStatus,
    after,
)
from services.pay.supplements import Supplements
from services.pay.turns import take_turn_of_budgets, take_turn_of_planners, take_turn_to_plan

AWARDS_AT_ONCE: Final = 1_000
"""Awards that are held in memory and scheduled together."""


class PaymentRuns:
    """Plans, approves and turns into an order. Officers act for their own agency only."""

    def __init__(
        self,
        clock: Clock,
        awards: Awards,
        keys: KeyRing,
        payers: Payers,
        days: WorkingDays | None = None,
        notices: Notices | None = None,
        *,
        budget_required: bool = False,
        part_max: int = PART_MAX,
    ) -> None:
        """`part_max`: instalments of one run, and so payments of one file."""
        self._clock, self._awards, self._keys, self._payers = clock, awards, keys, payers
        self._days = days or thai_working_days()
        self._notices, self._budget_required = notices or NoNotices(), budget_required
        self._part_max = part_max
        self.supplements = Supplements(clock, self._notices)
        self.again = PayingAgain(clock, awards, self._notices, self.supplements)

    def now(self) -> datetime:
        return self._clock.now()

    def today(self) -> date:
        """The Bangkok day by which "this month" is meant."""
        return self._clock.today()

    async def plan(
        self, session: AsyncSession, officer: Officer, period: date, *, agency: str | None = None
    ) -> PaymentRun:
        """A payday: runs with every instalment of that month, or of an earlier one, that is in none; among them what
        came back to payees who have said since where they are paid. Answers the first of its runs, by which it is
        known: approving, sending or reconciling any of them is of all.

        While one is planned for the month already, it is that one, unchanged.

        Raises :class:`NotAPaymentOfficer`, :class:`NotYourAgency`, :class:`PeriodNotOpen`, :class:`NothingDue`.
        """
        must_be(officer, Role.PLAN)
        agency = agency or officer.agency
        if agency != officer.agency:
            raise NotYourAgency
        if period != period_of(period) or period > _month_after(period_of(self._clock.today())):
            raise PeriodNotOpen(period=f"{period:%Y-%m}")
        repository = PaymentRepository(session)
        await take_turn_to_plan(session, agency)
        if (planned := await repository.planned(agency, period)) is not None:
            return planned
        await take_turn_of_planners(
            session,
            [
                *await self._awards.hanging_on_others(session, agency, period),
                *await self.again.beneficiaries(session, agency),
            ],
        )
        after_award: UUID | None = None
        while awards := await repository.awards_without_instalment(
            agency, period, after=after_award, limit=AWARDS_AT_ONCE
        ):
            await self._awards.schedule(session, self._awards.in_turn(session, awards, period), period)
            after_award = awards[-1].id
        await self.supplements.make(session, agency, period)
        await self.again.mended(session, agency, period)
        paid_after_all = await paid_after_return(session, agency)
        payday, runs = Payday(id=new_id(), agency=agency, period=period, content_hash=b""), list[PaymentRun]()
        while (run := await self._part(session, officer, payday, len(runs) + 1, paid_after_all)) is not None:
            runs.append(run)
        if not runs:
            raise NothingDue(agency=agency, period=f"{period:%Y-%m}")
        payday.content_hash = content_of(runs)
        session.add(payday)
        await session.flush()
        return runs[0]

    async def _part(
        self, session: AsyncSession, officer: Officer, payday: Payday, part: int, paid_after_all: Collection[UUID]
    ) -> PaymentRun | None:
        """The next run of the payday, as full as it may be; None when nothing is left for it."""
        run = PaymentRun(
            id=new_id(),
            agency=payday.agency,
            period=payday.period,
            payday=payday.id,
            part=part,
            status=RunStatus.PLANNED.value,
            instalments=1,
            total=1,
            content_hash=b"",
            planned_by=officer.person,
            planned_at=self._clock.now(),
        )
        session.add(run)
        await session.flush()  # before what names it
        filled = await PaydayRepository(session).fill(run, without=paid_after_all, at_most=self._part_max)
        if not filled:
            await session.delete(run)
            await session.flush()
            return None
        due = cast("Sequence[Instalment]", filled)  # its columns, by the same names
        run.instalments, run.total, run.content_hash = len(due), total_of(due).satang, content_hash(due)
        await session.flush()
        await release_planned(session, self._clock, run.id)
        return run

    async def approve(self, session: AsyncSession, officer: Officer, run_id: UUID) -> PaymentRun:
        """Four eyes: another officer of the agency approves the whole payday as planned, and the expense is booked.

        Raises :class:`NotAPaymentOfficer`, :class:`RunNotFound`, :class:`SameOfficer`, :class:`WrongState`,
        :class:`RunChanged`, `BudgetExceeded`, `BudgetMissing`.
        """
        must_be(officer, Role.APPROVE)
        named = await PaymentRepository(session).run(officer.agency, run_id)
        runs = [] if named is None else await PaydayRepository(session).parts(named, lock=True)
        if named is None or named not in runs:
            raise RunNotFound
        await self._check_whole(session, named, runs)
        await take_turn_of_budgets(session, named.agency)
        await hold_agreements(session, runs)
        for run in runs:
            await self._approve(session, officer, run)
        now = self._clock.now()
        benefits, payable = Account.BENEFITS, Account.PAYABLE
        await book_all(
            session, (Booking(f"approve:{run.id.hex}", run.agency, benefits, payable, run.total, now) for run in runs)
        )
        return named

    async def _approve(self, session: AsyncSession, officer: Officer, run: PaymentRun) -> None:
        status = after(RUN_TRANSITIONS, RunStatus(run.status), RunEvent.APPROVE)
        if run.planned_by == officer.person:
            raise SameOfficer
        instalments = await PaymentRepository(session).instalments_of(run.id)
        self._check(run, instalments)
        if any(instalment.status != InstalmentStatus.IN_RUN.value for instalment in instalments):
            raise RunChanged
        run.status, run.approved_by, run.approved_at = status.value, officer.person, self._clock.now()
        await session.flush()
        await take(session, run, instalments, self._clock.now(), required=self._budget_required)
        if await withhold(session, run, instalments, self._clock.now()):
            run.content_hash = content_hash(instalments)

    async def _check_whole(self, session: AsyncSession, run: PaymentRun, runs: Sequence[PaymentRun]) -> None:
        if run.payday is None or run.status != RunStatus.PLANNED.value:
            return
        payday = await PaydayRepository(session).payday(run.payday)
        if payday is None or content_of(runs) != payday.content_hash:
            raise RunChanged

    async def order(self, session: AsyncSession, run: PaymentRun, payees: Mapping[Due, CreditorAccount]) -> Order:
        """The order of a run; what is late is asked for on the next bank day.

        Raises :class:`RunChanged` when it is not for what was approved, and `WorkingDaysUnknown`.
        """
        instalments = await PaymentRepository(session).instalments_of(run.id)
        self._check(run, instalments)
        earliest = self._days.next_bank_day(self._clock.today())
        return Order(
            message=run.id,
            created_at=self._clock.now(),
            payer=self._payers(run.agency),
            transfers=tuple(
                Transfer(
                    end_to_end=instalment.id,
                    payee=payees[instalment.person, instalment.destination],
                    money=Money(instalment.net),
                    pay_on=max(instalment.due_on, earliest),
                    remittance=f"{instalment.subject.partition(':')[2]} {instalment.period:%Y-%m}",
                )
                for instalment in instalments
            ),
        )

    async def hold_changed(self, session: AsyncSession, officer: Officer, run_id: UUID) -> PaymentRun:
        """Before the file is written: whoever is paid elsewhere now leaves the approved run
        (:mod:`services.pay.destinations.changed`). Raises :class:`RunNotFound`, :class:`RunChanged`.
        """
        run = await self.locked(session, officer, run_id)
        if run.status == RunStatus.APPROVED.value:
            self._check(run, await PaymentRepository(session).instalments_of(run.id))
            await hold_changed(session, self._clock, self._notices, run)
        return run

    async def store_file(
        self, session: AsyncSession, officer: Officer, run_id: UUID, file: bytes, *, of: bytes
    ) -> bool:
        """Keeps the file and counts its money as on the way. From here on the run may be at the bank.

        Nothing happens when another process was first: its file is the one that counts. `of` is the run's hash when
        the file was written: False, and nothing happens, when a payee has changed places, or has left the run for
        that, since then. The file is to be written anew, without them.
        Raises :class:`RunNotFound`, :class:`WrongState`, :class:`RunChanged`.
        """
        run = await self.locked(session, officer, run_id)
        repository = PaymentRepository(session)
        if await repository.file_of(run.id) is not None:
            return True
        if run.status == RunStatus.APPROVED.value and (run.content_hash != of or await changed_in(session, run.id)):
            return False
        status = after(RUN_TRANSITIONS, RunStatus(run.status), RunEvent.SUBMIT)
        instalments = await repository.instalments_of(run.id)
        self._check(run, instalments)
        session.add(PaymentFile(run=run.id, sealed=self._keys.seal(file, bound_to=_binding(run.id))))
        if not await PaydayRepository(session).submitted(run, len(instalments)):
            raise RunChanged
        run.status, run.submitted_at = status.value, self._clock.now()
        run.file_hash = hashlib.sha256(file).digest()
        await session.flush()
        await book(
            session,
            key=f"submit:{run.id.hex}",
            agency=run.agency,
            lines=transfer(Account.PAYABLE, Account.IN_TRANSIT, Money(run.total - run.withheld)),
            at=self._clock.now(),
        )
        return True

    async def file(self, session: AsyncSession, run: PaymentRun) -> bytes:
        """The bytes that were stored, the same ones each time. Raises :class:`RunChanged`, `SealBroken`."""
        kept = await PaymentRepository(session).file_of(run.id)
        if kept is None:
            raise RunChanged
        file = self._keys.open(kept.sealed, bound_to=_binding(run.id))
        if hashlib.sha256(file).digest() != run.file_hash:
            raise RunChanged
        return file

    async def locked(self, session: AsyncSession, officer: Officer, run_id: UUID) -> PaymentRun:
        """The run, held until the transaction ends. Raises :class:`RunNotFound`."""
        run = await PaymentRepository(session).run(officer.agency, run_id, lock=True)
        if run is None:
            raise RunNotFound
        return run

    @staticmethod
    def _check(run: PaymentRun, instalments: Sequence[Instalment]) -> None:
        if content_hash(instalments) != run.content_hash or total_of(instalments).satang != run.total:
            raise RunChanged


def must_be(officer: Officer, *roles: Role) -> None:
    """Raises :class:`NotAPaymentOfficer` unless the officer has one of the roles."""
    if not any(role in officer.roles for role in roles):
        raise NotAPaymentOfficer


def _month_after(period: date) -> date:
    return date(period.year + period.month // 12, period.month % 12 + 1, 1)


def _binding(run: UUID) -> str:
    return f"payment_file.sealed:{run.hex}"
