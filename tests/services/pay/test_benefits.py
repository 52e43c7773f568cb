"""What agencies' services award is owed once, paid as every other payment, within their budget, and told back."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import NationalId, new_id
from core.money import Money
from core.personal_data import Erasure
from identity.inbox.service import Inbox
from identity.people import PeopleRegister
from services.pay.benefits.models import Benefit
from services.pay.benefits.service import Benefits, benefit_id
from services.pay.benefits.subjects import budget_subject, subject_of
from services.pay.benefits.telling import BenefitNews, Said
from services.pay.budget.errors import BudgetExceeded
from services.pay.budget.service import Budget, appropriate, standings
from services.pay.errors import NothingDue
from services.pay.models import Award
from services.pay.personal_data import personal_data
from services.plugins import contract
from services.plugins.records.awards import Refused
from tests.services.pay.test_again import BAD, GOOD, pay, standing, told
from tests.services.pay.test_destinations import ACCOUNT, say
from tests.services.pay.town import KEYS, PERIOD, Clerk, TownHall, national_id
from tests.services.plugins.records.register import manifest_of

PID = national_id(1).digits
WORDS = {"th": "ค่าเสียหายเบื้องต้น", "en": "Preliminary compensation"}
SUBJECT = "benefit:register"


def award(reference: str = "C-1/1", satang: int = 30_000_00, pid: str = PID, record: int = 0) -> contract.Award:
    return contract.Award(
        record=record, reference=reference, pid=pid, satang=satang,
        title=contract.Titles(**WORDS), law=contract.Titles(**WORDS), since=date(2020, 4, 1),
    )  # fmt: skip


class Fund:
    """The agency `register`, with its officers; the payments are the hall's."""

    def __init__(self, hall: TownHall) -> None:
        self.hall, self.people = hall, PeopleRegister(KEYS, hall.clock)
        self.benefits = Benefits(hall.clock, self.people, Inbox(hall.clock))
        self.manifest = manifest_of(awards_satang_max=50_400_000)
        hall.planner, hall.approver = Clerk("register"), Clerk("register")
        self.said: list[tuple[str, Said, str, int]] = []
        self.gone: set[UUID] = set()
        self.abouts: list[UUID] = []

    async def owes(self, *awards: contract.Award) -> bool:
        """Whether all of it."""
        return await self.refused(*awards) == set()

    async def refused(self, *awards: contract.Award) -> set[int]:
        return set(await self.refusals(*awards))

    async def refusals(self, *awards: contract.Award) -> Mapping[int, Refused]:
        async with self.hall.db.write() as session:
            found = await self.benefits.owe(session, self.manifest, awards)
        assert found is not None
        return found

    async def there(self, _: AsyncSession, people: Collection[UUID]) -> Collection[UUID]:
        return [one for one in people if one not in self.gone]

    async def tell(
        self, _: AsyncSession, plugin: str, said: Said, about: UUID, __: UUID, *, reference: str, satang: int
    ) -> None:
        self.said.append((plugin, said, reference, satang))
        self.abouts.append(about)

    async def news(self) -> list[tuple[Said, str]]:
        """What is told now."""
        self.said.clear()
        await BenefitNews(self.hall.db, self.hall.clock, self).run()
        return [(said, reference) for _, said, reference, _ in self.said]

    async def paid(self) -> None:
        run = await self.hall.jobs.plan(self.hall.planner, PERIOD)
        await pay(self.hall, run)

    async def payee(self, pid: str = PID) -> UUID:
        async with self.hall.db.read() as session:
            found = await self.people.find(session, NationalId(pid))
        assert found is not None
        return found


@pytest.fixture
def fund(hall: TownHall) -> Fund:
    return Fund(hall)


async def test_what_is_awarded_is_owed_this_month_and_the_payee_is_told(fund: Fund) -> None:
    assert await fund.owes(award())
    [one] = await fund.hall.instalments()
    assert (one.satang, one.agency, one.period, one.due_on) == (30_000_00, "register", PERIOD, date(2026, 11, 16))
    assert (one.person, one.beneficiary) == (await fund.payee(), await fund.payee())
    [(th, en)] = await told(fund.hall, "pay.benefit")
    assert "30,000.00" in th
    assert WORDS["en"] in en


async def test_the_same_reference_is_one_payment_however_often_it_comes_and_in_whatever_company(fund: Fund) -> None:
    assert await fund.owes(award(), award())
    assert await fund.owes(award(), award("C-2/1", 1_00))
    results = await asyncio.gather(*(fund.owes(award(), award("C-3/1", 2_00)) for _ in range(5)))
    assert results == [True] * 5
    assert sorted(one.satang for one in await fund.hall.instalments()) == [1_00, 2_00, 30_000_00]
    assert len(await told(fund.hall, "pay.benefit")) == 3


@pytest.mark.parametrize("other", [award(satang=30_000_01), award(pid=national_id(2).digits)])
async def test_a_reference_of_another_person_or_amount_is_not_taken(fund: Fund, other: contract.Award) -> None:
    assert await fund.owes(award())
    second, more = award("C-2/1", 1_00, record=3), award("C-3/1", 2_00, record=4)
    assert await fund.refused(other.model_copy(update={"record": 3}), second, more) == {3}
    assert sorted(one.satang for one in await fund.hall.instalments()) == [2_00, 30_000_00], "the other record's"


async def test_whoever_was_erased_since_is_another_and_what_was_theirs_is_refused_for_good(fund: Fund) -> None:
    assert await fund.owes(award())
    erased, fund.benefits._people = fund.people, _Anew()
    for _ in range(2):
        assert await fund.refused(award()) == {0}
    fund.benefits._people = erased
    assert await fund.owes(award())


class _Anew:
    """Knows nobody who was here before: each is somebody new."""

    async def resolve(self, _: AsyncSession, national_ids: Collection[NationalId]) -> dict[str, UUID]:
        return {one.digits: new_id() for one in national_ids}


async def test_another_service_has_references_of_its_own(fund: Fund) -> None:
    assert await fund.owes(award())
    fund.manifest = manifest_of("other", awards_satang_max=50_400_000)
    assert await fund.owes(award(satang=5_00))
    assert len(await fund.hall.instalments()) == 2
    assert benefit_id("register", "C-1/1") != benefit_id("other", "C-1/1")


async def test_several_of_one_person_in_a_month_are_each_paid_and_told_back_once(fund: Fund) -> None:
    assert await fund.owes(award(), award("C-1/2", 50_600_00))
    await fund.paid()
    assert {status for status, _ in await standing(fund.hall)} == {"SETTLED"}
    assert await fund.news() == [(Said.PAID, "C-1/1"), (Said.PAID, "C-1/2")]
    assert await fund.news() == []
    with pytest.raises(NothingDue):
        await fund.hall.jobs.plan(fund.hall.planner, PERIOD)
    balances = await fund.hall.balances("register")
    assert balances["BENEFITS"] == 80_600_00


async def test_what_came_back_is_told_paid_again_as_much_and_told_again(fund: Fund) -> None:
    await fund.owes(award())
    person = await fund.payee()
    fund.hall.bank.faults = BAD
    await fund.paid()
    assert [status for status, _ in await standing(fund.hall)] == ["RETURNED"]
    assert await fund.news() == [(Said.RETURNED, "C-1/1")]
    assert await fund.news() == []
    fund.hall.bank.faults = GOOD
    await say(fund.hall, person, ACCOUNT)
    fund.hall.clock.advance(timedelta(days=1))
    await fund.paid()
    assert sorted(await standing(fund.hall)) == [("RETURNED", 30_000_00), ("SETTLED", 30_000_00)]
    assert await fund.news() == [(Said.PAID, "C-1/1")]
    assert len(set(fund.abouts)) == 2, "each word is another event"


def instead(reference: str = "C-1/2", satang: int = 30_000_00, of: str = "C-1/1") -> contract.Award:
    return award(reference, satang, pid=national_id(2).digits).model_copy(update={"instead_of": of})


async def test_what_came_back_is_paid_to_another_once_and_never_again_to_whom_it_was_awarded(fund: Fund) -> None:
    await fund.owes(award())
    first = await fund.payee()
    fund.hall.bank.faults = BAD
    await fund.paid()
    fund.hall.bank.faults = GOOD
    results = await asyncio.gather(*(fund.refusals(instead()) for _ in range(4)))
    assert results == [{}] * 4
    assert await fund.refusals(instead("C-1/3")) == {0: Refused.UNDER_WAY}, "it was replaced before"
    assert await fund.refusals(award()) == {}, "what was awarded is known, and leads to nothing"
    [payments] = [one for one in personal_data(KEYS) if one.about.name == "payments"]
    async with fund.hall.db.read() as session:
        stays = await payments.stays(session, Erasure(first, fund.hall.clock.now()))
    assert "OPEN_PAYMENTS" not in {one.hold for one in stays}, "nothing is owed to them any more"
    await say(fund.hall, first, ACCOUNT)
    fund.hall.clock.advance(timedelta(days=1))
    await fund.paid()
    assert sorted(await standing(fund.hall)) == [("RETURNED", 30_000_00), ("SETTLED", 30_000_00)]
    assert (Said.PAID, "C-1/2") in await fund.news()
    assert (await fund.hall.balances("register"))["BENEFITS"] == 30_000_00


async def test_nothing_is_paid_to_another_before_it_came_back_or_once_it_is_under_way_again(fund: Fund) -> None:
    await fund.owes(award())
    refused = {0: Refused.UNDER_WAY}
    assert await fund.refusals(instead()) == refused, "it is scheduled"
    run = await fund.hall.jobs.plan(fund.hall.planner, PERIOD)
    assert await fund.refusals(instead()) == refused, "it is in a run"
    fund.hall.bank.faults = BAD
    await pay(fund.hall, run)
    assert await fund.refusals(instead(satang=29_999_99)) == refused, "another amount"
    assert await fund.refusals(instead(of="C-9/9")) == refused, "nobody knows of it"
    fund.hall.bank.faults = GOOD
    await say(fund.hall, await fund.payee(), ACCOUNT)
    fund.hall.clock.advance(timedelta(days=1))
    await fund.paid()
    assert await fund.refusals(instead()) == refused, "it was paid after all"
    assert sorted(await standing(fund.hall)) == [("RETURNED", 30_000_00), ("SETTLED", 30_000_00)]


async def test_who_leaves_while_an_award_is_on_its_way_or_came_back_is_kept_to_be_paid_unless_they_give_it_up(
    fund: Fund,
) -> None:
    [payments] = [one for one in personal_data(KEYS) if one.about.name == "payments"]

    async def holds(*, gives_up: bool = False) -> set[str]:
        erasure = Erasure(await fund.payee(), fund.hall.clock.now(), end_benefits=gives_up)
        async with fund.hall.db.read() as session:
            return {stay.hold for stay in await payments.stays(session, erasure)}

    await fund.owes(award())
    assert await holds() == {"OPEN_PAYMENTS"}
    fund.hall.bank.faults = BAD
    await fund.paid()
    assert [status for status, _ in await standing(fund.hall)] == ["RETURNED"]
    fund.hall.clock.advance(timedelta(days=60))
    assert await holds() == {"OPEN_PAYMENTS", "ACCOUNTING"}
    assert await holds(gives_up=True) == {"ACCOUNTING"}
    fund.hall.bank.faults = GOOD
    await say(fund.hall, await fund.payee(), ACCOUNT)
    fund.hall.clock.advance(timedelta(days=1))
    await fund.paid()
    assert await holds() == {"ACCOUNTING"}


async def test_nothing_is_told_before_the_bank_said_it_nor_of_whom_nobody_knows_any_more(fund: Fund) -> None:
    await fund.owes(award())
    assert await fund.news() == []
    await fund.paid()
    fund.gone.add(await fund.payee())
    assert await fund.news() == []
    fund.gone.clear()
    assert await fund.news() == [], "that it would have been told is noted"


async def test_all_that_a_service_awards_is_taken_from_one_budget_and_no_more(fund: Fund) -> None:
    hall = fund.hall
    async with hall.db.write() as session:
        await appropriate(session, Budget("register", SUBJECT, 2027), Money.baht(30_000), UUID(int=5), hall.clock.now())
    await fund.owes(award(), award("C-2/1", 1))
    run = await hall.jobs.plan(hall.planner, PERIOD)
    with pytest.raises(BudgetExceeded):
        await hall.jobs.approve(hall.approver, run.id)
    async with hall.db.write() as session:
        [standing_] = await standings(session, "register", [SUBJECT], 2027)
        assert standing_.taken == Money(0)


async def test_a_budget_that_comes_later_counts_what_was_approved_before(fund: Fund) -> None:
    await fund.owes(award(), award("C-2/1", 1_00))
    await fund.paid()
    hall = fund.hall
    async with hall.db.write() as session:
        await appropriate(session, Budget("register", SUBJECT, 2027), Money.baht(40_000), UUID(int=5), hall.clock.now())
        [found] = await standings(session, "register", [SUBJECT], 2027)
    assert found.taken == Money.baht(30_001)


def test_each_has_a_subject_and_all_of_a_service_one_budget() -> None:
    one, other = (subject_of("register", benefit_id("register", reference)) for reference in ("C-1/1", "C-1/2"))
    assert one != other
    assert {budget_subject(one), budget_subject(other)} == {SUBJECT}
    assert budget_subject("programme:old-age") == "programme:old-age"
    longest = subject_of("a" * 40, benefit_id("a", "b"))
    assert len(longest) <= 100


async def test_it_ends_with_its_month_so_that_no_plan_pays_another(fund: Fund) -> None:
    await fund.owes(award())
    async with fund.hall.db.read() as session:
        [one] = await session.scalars(select(Award))
        [benefit] = await session.scalars(select(Benefit))
    assert (one.starts_on, one.ends_on, one.application) == (PERIOD, date(2026, 12, 1), benefit.id)
    await fund.paid()
    fund.hall.clock.advance(timedelta(days=31))
    with pytest.raises(NothingDue):
        await fund.hall.jobs.plan(fund.hall.planner, date(2026, 12, 1))


async def test_a_run_pays_what_is_owed_however_the_month_turns_meanwhile(fund: Fund) -> None:
    await fund.owes(award())
    fund.hall.clock.advance(timedelta(days=31))
    run = await fund.hall.jobs.plan(fund.hall.planner, date(2026, 12, 1))
    await pay(fund.hall, run)
    assert [status for status, _ in await standing(fund.hall)] == ["SETTLED"]


def test_an_award_names_a_person_and_an_amount_within_bounds() -> None:
    for change in ({"pid": "0000000000002"}, {"satang": 0}, {"satang": 10_000_000_01}, {"reference": "a b"}):
        given: dict[str, Any] = {**award().model_dump(), **change}
        with pytest.raises(ValueError, match="validation error"):
            contract.Award.model_validate(given)
    assert PID not in repr(award())
