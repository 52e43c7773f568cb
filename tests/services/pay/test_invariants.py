"""Plans, approvals, sends, faults of the bank and reconciliations in any order: the money is always accounted for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import httpx2
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from core.clock import BANGKOK, FixedClock
from core.database import Database
from core.errors import ServiceUnavailable, SitthiError
from core.ids import new_id
from core.settings import Settings
from core.viewer import Viewer
from services.pay.accounts import BankAccount
from services.pay.destinations.service import Destinations
from services.pay.errors import NothingDue, NotPaidAgain, SameOfficer
from services.pay.models import Instalment
from services.pay.needs import NoNotices
from services.pay.repository import PaymentRepository
from services.sandbox.bank import Faults, bank_app
from services.sandbox.bank.faults import Settles
from tests.services.pay.town import KEYS, PERIOD, Clerk, TownHall

T = TypeVar("T")
EVERYONE = frozenset({"*"})
FAULTS = st.builds(
    Faults,
    settles=st.sampled_from(Settles),
    reject=st.sampled_from([frozenset[str](), frozenset[str](), EVERYONE]),
    send_back=st.sampled_from([frozenset[str](), frozenset[str](), EVERYONE]),
    wrong_amount=st.sampled_from([frozenset[str](), EVERYONE]),
    unknown_reference=st.sampled_from([frozenset[str](), EVERYONE]),
    duplicate=st.booleans(),
    reorder=st.none() | st.integers(0, 3),
    timeouts=st.integers(0, 2),
    take_back=st.sampled_from([frozenset[str](), frozenset[str](), EVERYONE]),
)


class Paying(RuleBasedStateMachine):
    """Each example is an agency of its own in one town."""

    hall: ClassVar[TownHall]
    agencies: ClassVar[count[int]] = count()

    @staticmethod
    def do(job: Coroutine[Any, Any, T]) -> T:
        """Runs it in the event loop of the test."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.agency = f"x{next(self.agencies)}"
        self.planner, self.approver = Clerk(agency=self.agency), Clerk(agency=self.agency)
        self.runs: list[UUID] = []
        self.approved: dict[UUID, int] = {}
        self.applications: list[UUID] = []
        self.hall.bank.faults = Faults()

    @rule()
    def grant(self) -> None:
        self.applications.append(new_id())
        self.do(self.hall.grant(agency=self.agency, application=self.applications[-1]))

    @precondition(lambda self: self.applications)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        self.do(self._end(data.draw(st.sampled_from(self.applications))))

    @rule(period=st.sampled_from([PERIOD, date(2026, 12, 1)]))
    def plan(self, period: date) -> None:
        with suppress(NothingDue):
            run = self.do(self.hall.jobs.plan(self.planner, period))
            if run.id not in self.runs:
                self.runs.append(run.id)

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), same=st.booleans())
    def approve(self, data: st.DataObject, same: bool) -> None:
        run_id = data.draw(st.sampled_from(self.runs))
        try:
            run = self.do(self.hall.jobs.approve(self.planner if same else self.approver, run_id))
        except SameOfficer:
            assert same
        except SitthiError as error:
            assert self._refused(error, run_id)  # noqa: PT017 - what else may come out is the point
        else:
            assert not same
            self.approved[run.id] = run.total

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.runs))
        try:
            self.do(self.hall.jobs.send(self.approver, run))
        except ServiceUnavailable:
            assert run in self.approved
        except SitthiError as error:
            assert run not in self.approved
            assert self._refused(error, run)  # noqa: PT017 - the same

    @precondition(lambda self: self._instalments())
    @rule(data=st.data())
    def pay_again(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self._instalments()))
        waiting = {i.id for i in self.do(self.hall.jobs.returned(self.planner))}
        try:
            self.do(self.hall.jobs.pay_again(self.planner, one.id))
        except NotPaidAgain:
            assert one.id not in waiting
        else:
            assert one.id in waiting

    @precondition(lambda self: self._instalments())
    @rule(data=st.data(), account=st.sampled_from([None, BankAccount("006", "1234567890")]))
    def say_another_place(self, data: st.DataObject, account: BankAccount | None) -> None:
        person = data.draw(st.sampled_from(self._instalments())).person
        self.do(self._say(person, account))

    def _refused(self, error: SitthiError, run: UUID) -> bool:
        """In the wrong state, or gone because every award in it ended before it was approved."""
        gone = run not in self.approved and not any(instalment.run == run for instalment in self._instalments())
        return error.code == ("RUN_NOT_FOUND" if gone else "PAYMENT_WRONG_STATE")

    @rule()
    def reconcile(self) -> None:
        self.do(self.hall.jobs.reconcile(self.planner))

    @rule(faults=FAULTS)
    def fault(self, faults: Faults) -> None:
        self.hall.bank.faults = faults

    @invariant()
    def the_ledger_says_where_all_the_money_is(self) -> None:
        sums = dict.fromkeys(("APPROVED", "SUBMITTED", "SETTLED", "RETURNED"), 0)
        instalments = self._instalments()
        repeated = {instalment.repeats for instalment in instalments}
        taken_back = sum(instalment.satang for instalment in instalments if instalment.id in repeated)
        for instalment in instalments:
            if instalment.id in repeated:
                assert instalment.status == "RETURNED"
            elif instalment.status in sums:
                sums[instalment.status] += instalment.satang
            elif instalment.run in self.approved:
                sums["APPROVED"] += instalment.satang
        balances = self.do(self.hall.balances(self.agency))
        runs = self.do(self.hall.jobs.listed(self.planner))
        approved = [run for run in runs if run.submitted_at is not None or run.status == "APPROVED"]
        assert balances.get("BENEFITS", 0) == sum(run.total for run in approved) - taken_back
        assert balances.get("PAYABLE", 0) == -sums["APPROVED"] - sums["RETURNED"]
        assert balances.get("IN_TRANSIT", 0) == -sums["SUBMITTED"]
        assert balances.get("BANK", 0) == -sums["SETTLED"]

    @invariant()
    def what_is_settled_is_booked(self) -> None:
        assert self._settled() <= self._booked()

    @invariant()
    def a_month_is_paid_once(self) -> None:
        paid = [(i.award, i.period) for i in self._instalments() if i.status == "SETTLED"]
        assert len(paid) == len(set(paid))

    def teardown(self) -> None:
        """The bank is well again: everything it accepted is told rightly, and then the two books agree."""
        self.hall.bank.faults = Faults()
        for run in self.approved:
            self.do(self.hall.jobs.send(self.approver, run))
        self.do(self.hall.jobs.reconcile(self.approver))
        self.the_ledger_says_where_all_the_money_is()
        mine = {instalment.id.hex for instalment in self._instalments()}
        assert self._settled() == (self._booked() - self.hall.bank.books.reversals().keys()) & mine
        assert not [i for i in self._instalments() if i.status == "SUBMITTED"]
        self.a_month_is_paid_once()

    def _instalments(self) -> list[Instalment]:
        return [i for i in self.do(self.hall.instalments()) if i.agency == self.agency]

    def _settled(self) -> set[str]:
        return {i.id.hex for i in self._instalments() if i.status == "SETTLED"}

    def _booked(self) -> set[str]:
        booked = [entry.end_to_end for entry in self.hall.bank.books.entries() if not entry.returned]
        assert len(booked) == len(set(booked)), "paid twice"
        return set(booked)

    async def _say(self, person: UUID, account: BankAccount | None) -> None:
        viewer = Viewer(person, "demo-app", frozenset(), "ial2.3-aal2.2", self.hall.clock.now() + timedelta(hours=1))
        async with self.hall.db.write() as session:
            await Destinations(self.hall.clock, KEYS, NoNotices()).change(session, viewer, account)

    async def _end(self, application: UUID) -> None:
        async with self.hall.db.write() as session:
            await self.hall.awards.end(session, application=application)
            award = await PaymentRepository(session).award_of(application)
            assert award is not None
            assert award.ends_on is not None


def test_whatever_happens_the_money_is_accounted_for(database_url: str, tmp_path: Path) -> None:
    clock = FixedClock(datetime(2026, 11, 16, 10, 0, tzinfo=BANGKOK))
    app = bank_app(tmp_path / "bank.sqlite", clock)
    with asyncio.Runner() as runner:
        database = Database(Settings(database_url=database_url).sqlalchemy_url, durable=False)
        client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app))

        class InThisTown(Paying):
            hall = TownHall(database, clock, app.state.bank, client)

            @staticmethod
            def do(job: Coroutine[Any, Any, T]) -> T:
                return runner.run(job)

        run_state_machine_as_test(
            InThisTown,
            settings=settings(
                max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
        runner.run(client.aclose())
        runner.run(database.close())
