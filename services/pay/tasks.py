"""The jobs of paying out. They own their transactions, and speak with the bank in none of them.

Each can be killed at any moment and started again, and nobody is paid twice:

1. the file is stored, with every instalment marked as submitted, before the bank hears of it;
2. what is sent, however often, is those same bytes; the bank knows the message by its id and each payment by its own;
3. the answer and each booked entry are taken in once, under the run's lock.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from core.database import Database
from core.errors import SitthiError
from services.pay.breaks import open_breaks_of
from services.pay.errors import BankFileRefused, BankSaysDuplicate, RunChanged, RunNotFound
from services.pay.ledger.service import Balance, trial_balance
from services.pay.models import Instalment, PaymentRun, ReconciliationBreak
from services.pay.needs import Officer, Payees, Role
from services.pay.paydays import PaydayRepository, Whole
from services.pay.rails.contract import Rail, Verdict
from services.pay.reconciliation import Outcome, Reconciliation
from services.pay.repository import PaymentRepository
from services.pay.service import PaymentRuns, must_be
from services.pay.states import RUN_TRANSITIONS, RunEvent, RunStatus, after

TAKEN_BACK_WITHIN: Final = timedelta(days=30)
"""So long after a run is closed its notifications are still asked for (unverified: each bank says its own)."""


_AT_THE_BANK: Final = frozenset(RunStatus) - {RunStatus.PLANNED, RunStatus.APPROVED}
_UNANSWERED: Final = frozenset({RunStatus.APPROVED, RunStatus.SUBMITTED})


@dataclass(frozen=True, slots=True)
class PaymentJobs:
    db: Database
    runs: PaymentRuns
    reconciliation: Reconciliation
    rail: Rail
    payees: Payees

    async def plan(self, officer: Officer, period: date, *, agency: str | None = None) -> PaymentRun:
        """See :meth:`PaymentRuns.plan`."""
        async with self.db.write() as session:
            return await self.runs.plan(session, officer, period, agency=agency)

    async def approve(self, officer: Officer, run: UUID) -> PaymentRun:
        """See :meth:`PaymentRuns.approve`."""
        async with self.db.write() as session:
            return await self.runs.approve(session, officer, run)

    async def parts(self, officer: Officer, run_id: UUID) -> Sequence[PaymentRun]:
        """All runs of the payday of that run. Raises :class:`NotAPaymentOfficer`, :class:`RunNotFound`."""
        must_be(officer, *Role)
        run = await self._run(officer, run_id)
        async with self.db.read() as session:
            return await PaydayRepository(session).parts(run)

    async def whole(self, officer: Officer, run: PaymentRun) -> Whole:
        """How much the payday of that run is. Raises :class:`NotAPaymentOfficer`."""
        must_be(officer, *Role)
        async with self.db.read() as session:
            return await PaydayRepository(session).whole(run)

    async def send(self, officer: Officer, run_id: UUID) -> PaymentRun:
        """Brings an approved payday to the bank, file by file, or what of it was sent and not answered there again.

        Any number of workers may send the same payday: each takes up the files that nobody else has. What it answers
        with others at work is the run as it was when this one had nothing left to take up.

        A file that the bank cannot answer does not stop the others; the first such error is raised at the end. Raises
        :class:`NotAPaymentOfficer`, :class:`RunNotFound`, :class:`WrongState`, :class:`RunChanged`,
        :class:`BankSaysDuplicate` once, with what the bank said beside it taken in; and `ServiceUnavailable` or
        :class:`BankFileRefused` when it is not known what became of a file: send again.
        """
        must_be(officer, *Role)
        run = await self._run(officer, run_id)
        refused: SitthiError | None = None
        async for part in self._taken_up(run, _UNANSWERED):
            try:
                await self._send(officer, part)
            except (BankSaysDuplicate, BankFileRefused, RunChanged) as error:
                refused = refused or error
        if refused is not None:
            raise refused
        return await self._run(officer, run_id)

    async def _taken_up(self, run: PaymentRun, statuses: Collection[RunStatus]) -> AsyncIterator[UUID]:
        """The runs of its payday that this worker is to see to, one after the other."""
        async with self.db.read() as session:
            alone = len(await PaydayRepository(session).parts(run)) == 1
        if alone or RunStatus(run.status) is RunStatus.PLANNED:
            yield run.id
            return
        began, part = self.runs.now(), 0
        while True:
            async with self.db.write() as session:
                claimed = await PaydayRepository(session).claim(
                    run, after_part=part, statuses=statuses, began=began, now=self.runs.now()
                )
            if claimed is None:
                return
            key, part = claimed
            yield key

    async def _send(self, officer: Officer, run_id: UUID) -> PaymentRun:
        run = await self._run(officer, run_id)
        if RunStatus(run.status) in (RunStatus.PLANNED, RunStatus.APPROVED):
            after(RUN_TRANSITIONS, RunStatus(run.status), RunEvent.SUBMIT)
            await self._store(officer, run)
            run = await self._run(officer, run_id)
        if run.answered_at is not None or run.submitted_at is None:  # or everyone in it is paid elsewhere now
            return run
        async with self.db.read() as session:
            file = await self.runs.file(session, run)
        answer = await self.rail.submit(run.id, file)
        async with self.db.write() as session:
            run = await self.runs.locked(session, officer, run_id)
            await self.reconciliation.take_answer(session, run, answer)
        if answer.verdict is Verdict.DUPLICATE:
            raise BankSaysDuplicate
        return run

    async def reconcile(self, officer: Officer, run_id: UUID | None = None) -> Outcome:
        """Takes in what the bank booked for a run, or for all of the agency's that are still open, or were closed so
        lately that the bank may take back what it booked.

        A run that the bank never had has no entries. A notification that does not hold does not stop the others;
        the first such error is raised at the end. Raises what :meth:`send` raises of the bank.
        """
        must_be(officer, *Role)
        if run_id is not None:
            return await self._reconcile_payday(officer, await self._run(officer, run_id))
        async with self.db.read() as session:
            repository, since = PaymentRepository(session), self.runs.now() - TAKEN_BACK_WITHIN
            runs = [*await repository.open_runs(officer.agency), *await repository.closed_runs(officer.agency, since)]
        outcome = Outcome()
        refused: BankFileRefused | None = None
        for run in {run.payday or run.id: run for run in runs}.values():
            try:
                outcome += await self._reconcile_payday(officer, run)
            except BankFileRefused as error:
                refused = refused or error
        if refused is not None:
            raise refused
        return outcome

    async def returned(self, officer: Officer) -> Sequence[Instalment]:
        """What came back to the agency and is not paid again yet, oldest first. Raises :class:`NotAPaymentOfficer`."""
        must_be(officer, *Role)
        async with self.db.read() as session:
            return await self.runs.again.waiting(session, officer.agency)

    async def pay_again(self, officer: Officer, instalment: UUID) -> Instalment:
        """What came back is owed again, in the next run that is planned, wherever the payee is paid by then.

        Raises :class:`NotAPaymentOfficer`, :class:`InstalmentNotFound`, :class:`NotPaidAgain`.
        """
        must_be(officer, Role.PLAN)
        async with self.db.write() as session:
            return await self.runs.again.ask(session, officer.agency, instalment)

    async def listed(self, officer: Officer) -> Sequence[PaymentRun]:
        """The agency's runs, latest first. Raises :class:`NotAPaymentOfficer`."""
        must_be(officer, *Role)
        async with self.db.read() as session:
            return await PaymentRepository(session).runs(officer.agency)

    async def breaks(self, officer: Officer) -> Sequence[ReconciliationBreak]:
        """What of the agency's did not match and is not closed, oldest first. Raises :class:`NotAPaymentOfficer`."""
        must_be(officer, *Role)
        async with self.db.read() as session:
            return [found for found, _ in await open_breaks_of(session, officer.agency)]

    async def trial_balance(self, officer: Officer) -> Sequence[Balance]:
        """The agency's accounts; they sum to zero. Raises :class:`NotAPaymentOfficer`."""
        must_be(officer, *Role)
        async with self.db.read() as session:
            return await trial_balance(session, officer.agency)

    async def _reconcile_payday(self, officer: Officer, run: PaymentRun) -> Outcome:
        outcome, refused = Outcome(), None
        async for part in self._taken_up(run, _AT_THE_BANK):
            try:
                outcome += await self._reconcile(officer, await self._run(officer, part))
            except BankFileRefused as error:
                refused = refused or error
        if refused is not None:
            raise refused
        return outcome

    async def _reconcile(self, officer: Officer, run: PaymentRun) -> Outcome:
        if run.submitted_at is None:
            return Outcome()
        entries = await self.rail.booked(run.id)
        async with self.db.write() as session:
            return await self.reconciliation.take_entries(
                session, await self.runs.locked(session, officer, run.id), entries
            )

    async def _store(self, officer: Officer, run: PaymentRun) -> None:
        """Again where a payee has changed places between the writing and the keeping of the file."""
        stored = False
        while not stored:
            async with self.db.write() as session:
                run = await self.runs.hold_changed(session, officer, run.id)
            if run.status != RunStatus.APPROVED.value:
                return
            async with self.db.read() as session:
                due = {(i.person, i.destination) for i in await PaymentRepository(session).instalments_of(run.id)}
            payees = await self.payees.reveal(due, officer=officer, run=run.id)
            try:
                async with self.db.read() as session:
                    file = self.rail.write(await self.runs.order(session, run, payees))
            except RunChanged:
                if (await self._run(officer, run.id)).content_hash == run.content_hash:
                    raise
                continue  # somebody left it meanwhile, by another process
            async with self.db.write() as session:
                stored = await self.runs.store_file(session, officer, run.id, file, of=run.content_hash)

    async def _run(self, officer: Officer, run_id: UUID) -> PaymentRun:
        async with self.db.read() as session:
            run = await PaymentRepository(session).run(officer.agency, run_id)
        if run is None:
            raise RunNotFound
        return run
