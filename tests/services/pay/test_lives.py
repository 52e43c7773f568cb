"""Whatever happens to people, the law, agencies and the bank, in any order: what was paid and what was due agree."""

from __future__ import annotations

import asyncio
import random  # noqa: TID251 - lives are made up; what happens in them is drawn by a seed
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from sqlalchemy import select

from core.errors import SitthiError
from services.apply.deaths import Death
from services.apply.deciding import Holder
from services.apply.models import Application, Reassessment
from services.apply.states import ACTIVE, Status
from services.apply.tasks import follow_clocks, reconsider_waiting
from services.pay.breaks import BreakOutcome
from services.pay.models import Instalment, PaymentRun
from services.pay.recovery.service import Terms
from services.pay.resolving import BreakJobs
from tests.services.pay.lives import AGENCY, PENSION, WORK, LivedIn, Version
from tests.services.pay.lives_seen import (
    look,
    paid_and_owed_are_what_was_due,
    turn_and_clock_and_award_are_those_of_the_state,
)
from tests.support.databases import Databases, Kind

T = TypeVar("T")
ACTS: Final[list[tuple[Callable[..., None], Mapping[str, Sequence[object]]]]] = []
PEOPLE: Final = range(2)
ANY: Final = range(8)
"""The how-manieth of what there is, counted on from the first again."""
ACTS_OF_A_LIFE: Final = 40
F = TypeVar("F", bound=Callable[..., None])
FATES: Final = ["", "", "", "rejects", "returns"]


def act(times: int = 1, **choices: Sequence[object]) -> Callable[[F], F]:
    """Something that may happen, that much more often than others; with what it chooses from."""

    def known(function: F) -> F:
        ACTS.extend([(function, choices)] * times)
        return function

    return known


def month_after(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)


class Lives:
    """Of two people in a town of their own. After each thing that happens, all is looked at."""

    def __init__(self, url: str, runner: asyncio.Runner) -> None:
        self.do, self.town = runner.run, LivedIn(url)
        self.people = self.do(self.town.settle(2))
        for one, subject in zip(self.people, (WORK, PENSION), strict=True):
            self.do(self.town.take(one, subject))

    def _act(self, job: Coroutine[Any, Any, object]) -> None:
        """What the rules of a room refuse is refused; the tests of those rooms say when."""
        with suppress(SitthiError):
            self.do(job)

    def _one(self, which: int, *statuses: Status) -> Application | None:
        rows = [row for row in self.do(self.town.applications()) if row.status in statuses]
        return rows[which % len(rows)] if rows else None

    # Citizens.

    @act(5, who=PEOPLE, subject=[WORK, PENSION])
    def apply(self, who: int, subject: str) -> None:
        self._act(self.town.take(self.people[who], subject))

    @act(4, which=ANY, knows=(False, True))
    def supplement(self, which: int, knows: bool) -> None:
        row = self._one(which, Status.NEEDS_INFORMATION, Status.UNDER_REVIEW)
        if row is not None:
            if knows and self.town.country.silent.get(row.person) is Holder.CITIZEN:
                del self.town.country.silent[row.person]
            self._act(self.town.supplement(row))

    @act(which=ANY)
    def withdraw(self, which: int) -> None:
        if (row := self._one(which, *ACTIVE)) is not None:
            self._act(self.town.withdraw(row))

    @act(5, which=ANY, baht=[0, 600, 700])
    def appeal(self, which: int, baht: int) -> None:
        """Or it is heard, on what the facts are by then."""
        row = self._one(which, Status.REJECTED, Status.ENDED, Status.APPEALED)
        if row is None:
            return
        if row.status == Status.APPEALED:
            self.town.country.baht[row.person] = baht
            self._act(self.town.reconsider(row))
        else:
            self._act(self.town.appeal(row))

    @act(5, which=ANY, officer=(False, True))
    def reopen(self, which: int, officer: bool) -> None:
        row = self._one(which, Status.LAPSED, Status.DECEASED)
        if row is not None:
            if officer := officer or row.status == Status.DECEASED:  # and the register is put right
                self.town.country.dead.pop(row.person, None)
            self._act(self.town.reopen(row, officer=officer))

    # The world.

    @act(
        10,
        who=PEOPLE,
        baht=[0, 600, 700, 900],
        holder=[None, None, Holder.AGENCY, Holder.AGENCY, Holder.CITIZEN],
        looks=(False, True),
    )
    def a_fact_is_corrected(self, who: int, baht: int, holder: Holder | None, looks: bool) -> None:
        self.town.correct(self.people[who], baht, holder)
        if looks:
            self.look_again()

    @act(3, who=PEOPLE)
    def the_agency_is_back(self, who: int) -> None:
        if self.town.country.silent.get(self.people[who]) is Holder.AGENCY:
            del self.town.country.silent[self.people[who]]

    @act(2, next_month=(False, True), more=[-100, 0, 100], asks=(False, True))
    def there_is_another_law(self, next_month: bool, more: int, asks: bool) -> None:
        this = self.town.clock.today().replace(day=1)
        self.town.enact(Version(month_after(this) if next_month else this, more, asks))

    @act(who=PEOPLE, days=[None, 0, 3, 40])
    def somebody_dies(self, who: int, days: int | None) -> None:
        on = None if days is None else self.town.clock.today() - timedelta(days=days)
        self.town.country.dead[self.people[who]] = Death(on)
        self.ask_who_is_alive()

    @act(2, days=[1, 8, 31])
    def time_passes(self, days: int) -> None:
        self.town.clock.advance(timedelta(days=days))

    # The jobs.

    @act(3)
    def look_again(self) -> None:
        self.do(self.town.looks.run())

    @act(3)
    def follow_the_clocks(self) -> None:
        town = self.town
        self.do(follow_clocks(town.apply, town.life, town.db, town.clock))
        self.do(reconsider_waiting(town.apply, town.db, town.clock))

    @act()
    def ask_who_is_alive(self) -> None:
        self.do(self.town.deaths.run())

    # Officers who pay, and the bank.

    @act(next_month=(False, True))
    def plan(self, next_month: bool) -> None:
        this = self.town.clock.today().replace(day=1)
        self._act(self.town.jobs.plan(self.town.planner, month_after(this) if next_month else this))

    @act(sends=(False, True), fate=FATES)
    def approve(self, *, sends: bool, fate: str) -> None:
        for run in self._runs("PLANNED"):
            self._act(self.town.jobs.approve(self.town.approver, run.id))
        if sends:
            self.send(fate)

    @act(fate=FATES)
    def send(self, fate: str) -> None:
        for run in self._runs("APPROVED"):
            if fate:
                getattr(self.town.rail, fate).update(i.id for i in self._instalments() if i.run == run.id)
            self._act(self.town.jobs.send(self.town.approver, run.id))

    @act(16, fate=FATES, ahead=(False, True))
    def a_month_goes_by(self, fate: str, ahead: bool) -> None:
        """All of it: what most months are like. `ahead`: what is paid is the next one."""
        self.plan(next_month=ahead)
        self.approve(sends=True, fate=fate)
        self.reconcile()
        self.time_passes(31)
        self.look_again()

    @act()
    def reconcile(self) -> None:
        self._act(self.town.jobs.reconcile(self.town.approver))

    @act(2, which=ANY)
    def the_bank_takes_back(self, which: int) -> None:
        paid = [one for one in self._instalments() if one.status == "SETTLED" and one.run is not None]
        if paid:
            self.town.rail.take_back(paid[which % len(paid)])
            self.reconcile()

    @act(2, which=ANY, kind=["back", "back", "after all"])
    def the_bank_says_what_nobody_understands(self, which: int, kind: str) -> None:
        """It takes something back for a reason of its own, or pays what had come back."""
        status = "SETTLED" if kind == "back" else "RETURNED"
        there = [one for one in self._instalments() if one.status == status and one.run is not None]
        if there:
            one = there[which % len(there)]
            if kind == "back":
                self.town.rail.take_back(one, "ZZ99")
            else:
                self.town.rail.pay_after_all(one)
            self.reconcile()

    @act(4, which=ANY, outcome=list(BreakOutcome)[1:])
    def two_officers_say_what_a_break_came_to(self, which: int, outcome: BreakOutcome) -> None:
        jobs = BreakJobs(self.town.db, self.town.clock, self.town.jobs.reconciliation)
        waiting = self.do(jobs.listed(self.town.planner))
        if waiting:
            found, _ = waiting[which % len(waiting)]
            self._act(jobs.propose(self.town.planner, found.id, outcome, "The bank says so in its letter."))
            self._act(jobs.agree(self.town.approver, found.id, outcome))

    @act(3, which=ANY)
    def pay_again(self, which: int) -> None:
        back = [one for one in self._instalments() if one.status == "RETURNED"]
        if back:
            self._act(self.town.jobs.pay_again(self.town.planner, back[which % len(back)].id))

    @act(5, who=PEOPLE, agrees=(False, True))
    def recover(self, who: int, agrees: bool) -> None:
        self._act(self._recover(self.people[who], agrees))

    # What is always so.

    def all_is_as_it_should_be(self) -> None:
        seen = self.do(look(self.town.db))
        assert seen.unbalanced == []
        assert sum(seen.balances.values()) == 0
        assert seen.balances.get("RECEIVABLE", 0) == sum(seen.left.values()), (seen.balances, seen.left)
        assert all(satang >= 0 for satang in seen.left.values())
        running = {award.application for award in seen.awards if award.ends_on is None}
        for row in seen.applications:
            pays, reviewed = row.id in running, row.id in seen.reviewed
            turn_and_clock_and_award_are_those_of_the_state(row, pays=pays, reviewed=reviewed)
        for application, steps in seen.steps.items():
            assert [step.sequence for step in steps] == list(range(1, len(steps) + 1))
            changes = [b.status for a, b in pairwise(steps) if b.status not in (a.status, Status.DECEASED)]
            assert seen.told.get(application, []) == changes, "each is told once"
        counting = [one for one in seen.instalments if one.status not in ("CANCELLED", "RETURNED")]
        months = Counter((one.beneficiary, one.period) for one in counting if one.supplements is None)
        assert all(count == 1 for count in months.values()), "a month is paid once, by one programme"
        supplements = Counter(one.supplements for one in counting if one.supplements is not None)
        assert all(count == 1 for count in supplements.values()), "and what is missing of it, once"
        for (award, period), expected in self.town.awards.expected.items():
            month = [one for one in seen.instalments if (one.award, one.period) == (award, period)]
            paid_and_owed_are_what_was_due(seen, month, expected)

    async def _recover(self, person: UUID, agrees: bool) -> None:
        town = self.town
        async with town.db.write() as session:
            mine = [owed for owed in await town.recoveries.owed(session, AGENCY) if owed.overpayment.person == person]
            if not mine:
                return
            terms = Terms(parts=2, first_month=town.clock.today().replace(day=1), floor=10_000)
            plan = await town.recoveries.propose(
                session, agency=AGENCY, officer=town.planner.person, terms=terms, reason="จ่ายเกิน",
                overpayments=[owed.overpayment.id for owed in mine],
            )  # fmt: skip
            await town.recoveries.answer(session, person, plan.id, agrees=agrees)

    def all_is_known_and_done(self) -> None:
        """Every agency answers again, and nobody says anything new: then nothing stays owed to be looked at."""
        self.town.country.silent.clear()
        for _ in range(2):
            self.time_passes(1)
            self.look_again()
            self.follow_the_clocks()
        assert [row for row in self.do(self._rows(Reassessment)) if row.done_at is None] == []
        assert not [row for row in self.do(self.town.applications()) if row.status == Status.SUBMITTED]
        self.all_is_as_it_should_be()
        for _ in range(2):
            self.plan(next_month=False)
            self.approve(sends=True, fate="")
            self.reconcile()
        seen = self.do(look(self.town.db))
        self.all_is_as_it_should_be()
        assert not seen.noted, "nothing that is missing stays unpaid"

    def _instalments(self) -> list[Instalment]:
        return sorted(self.do(self._rows(Instalment)), key=lambda one: one.id)

    def _runs(self, status: str) -> list[PaymentRun]:
        return sorted((run for run in self.do(self._rows(PaymentRun)) if run.status == status), key=lambda one: one.id)

    async def _rows(self, model: type[T]) -> list[T]:
        async with self.town.db.read() as session:
            return list(await session.scalars(select(model)))


def test_whatever_happens_in_a_life_what_was_paid_and_what_was_due_agree(
    databases: Databases, database_kind: Kind, tmp_path: Path
) -> None:
    with asyncio.Runner() as runner:

        @settings(
            max_examples=5,
            derandomize=True,
            phases=[Phase.generate],
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(seed=st.integers(0, 2**32))
        def live(seed: int) -> None:
            # By hand: what hypothesis draws itself clings to a few kinds of acts, and lives are long.
            chance = random.Random(seed)
            with databases.clone(database_kind, tmp_path) as url:
                lives = Lives(url, runner)
                try:
                    for _ in range(ACTS_OF_A_LIFE):
                        function, choices = chance.choice(ACTS)
                        chosen = {name: chance.choice(options) for name, options in choices.items()}
                        note(f"{lives.town.clock.today()} {function.__name__} {chosen}")
                        function(lives, **chosen)
                        lives.all_is_as_it_should_be()
                    lives.all_is_known_and_done()
                finally:
                    runner.run(lives.town.db.close())

        live()
