"""What nobody may have together is not paid together, and what is given once is paid once, in whichever order."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

import pytest

from core.clock import BANGKOK
from core.ids import new_id
from core.money import Money
from identity.inbox.service import Inbox
from services.pay.awards import Awards
from services.pay.errors import NotPaidAgain
from tests.services.pay.test_again import returned, told
from tests.services.pay.test_awards import DECEMBER, NOVEMBER, end, held, months
from tests.services.pay.town import PERIOD, TownHall, jobs_over

WORK, PENSION, OTHER = "programme:dla-unemployment", "programme:dla-pension", "programme:dla-old-age"


def beside(subject: str) -> Collection[str]:
    return {WORK: (PENSION,), PENSION: (WORK,)}.get(subject, ())


@pytest.fixture
def hall(hall: TownHall) -> TownHall:
    hall.awards = Awards(hall.amounts, hall.clock, notices=Inbox(hall.clock), beside=beside)
    hall.jobs = jobs_over(hall.db, hall.clock, hall.jobs.rail, hall.awards)
    return hall


async def approve(hall: TownHall, period: date = PERIOD) -> None:
    run = await hall.jobs.plan(hall.planner, period)
    await hall.jobs.approve(hall.approver, run.id)


async def withdraw(hall: TownHall, application: UUID) -> None:
    async with hall.db.write() as session:
        await hall.awards.end(session, application=application)


async def test_of_a_month_that_the_other_programme_paid_nothing_is_paid_and_the_citizen_is_told(hall: TownHall) -> None:
    first, second, payee = new_id(), new_id(), await hall.person()
    await hall.grant(application=first, payee=payee, subject=WORK)
    await approve(hall)
    await withdraw(hall, first)
    for _ in range(2):
        await hall.grant(application=second, payee=payee, subject=PENSION)
    assert await held(hall) == [(NOVEMBER, "EXCLUDED", [], True)]
    [(thai, english)] = await told(hall, "pay.excluded")
    assert "begins with the next month" in english
    assert "งวดถัดไป" in thai
    async with hall.db.write() as session:
        await hall.awards.retry_held(session, application=second)
    assert [one[3] for one in await held(hall)] == [True], "nobody has freed the month"
    hall.clock.set(datetime(2026, 12, 2, tzinfo=BANGKOK))
    await hall.jobs.plan(hall.planner, DECEMBER)
    assert await months(hall) == [(NOVEMBER, "IN_RUN"), (DECEMBER, "IN_RUN")]


async def test_a_month_that_was_not_paid_yet_is_the_later_awards(hall: TownHall) -> None:
    first, payee = new_id(), await hall.person()
    await hall.grant(application=first, payee=payee, subject=WORK)
    await withdraw(hall, first)
    await hall.grant(payee=payee, subject=PENSION)
    assert sorted(await months(hall)) == [(NOVEMBER, "CANCELLED"), (NOVEMBER, "SCHEDULED")]
    assert await held(hall) == []


async def test_a_month_that_is_freed_is_paid(hall: TownHall) -> None:
    first, second, payee = new_id(), new_id(), await hall.person()
    await hall.grant(application=first, payee=payee, subject=WORK)
    await hall.grant(application=second, payee=payee, subject=PENSION)
    await withdraw(hall, first)
    async with hall.db.write() as session:
        await hall.awards.retry_held(session, application=second)
    assert sorted(await months(hall)) == [(NOVEMBER, "CANCELLED"), (NOVEMBER, "SCHEDULED")]
    assert [one[3] for one in await held(hall)] == [False]


async def test_what_may_be_had_together_and_another_beneficiary_are_paid(hall: TownHall) -> None:
    payee, child = await hall.person(), await hall.person()
    for subject, beneficiary in ((WORK, payee), (OTHER, payee), (PENSION, child)):
        await hall.grant(payee=payee, subject=subject, beneficiary=beneficiary)
    assert await months(hall) == [(NOVEMBER, "SCHEDULED")] * 3


async def test_of_many_at_once_one_is_paid(hall: TownHall) -> None:
    payee = await hall.person()
    await asyncio.gather(*(hall.grant(payee=payee, subject=subject) for subject in (WORK, PENSION) for _ in range(10)))
    paid = [one for one in await hall.instalments() if one.status == "SCHEDULED"]
    assert len(paid) == 1


async def test_what_came_back_is_not_paid_again_beside_the_other(hall: TownHall) -> None:
    application = new_id()
    first = await returned(hall, application, WORK)
    await withdraw(hall, application)
    await hall.grant(payee=first.person, subject=PENSION)
    with pytest.raises(NotPaidAgain):
        await hall.jobs.pay_again(hall.planner, first.id)


async def test_what_is_paid_again_first_excludes_the_other(hall: TownHall) -> None:
    application = new_id()
    first = await returned(hall, application, WORK)
    await withdraw(hall, application)
    await hall.jobs.pay_again(hall.planner, first.id)
    await hall.grant(payee=first.person, subject=PENSION)
    assert await held(hall) == [(NOVEMBER, "EXCLUDED", [], True)]


async def test_an_award_that_goes_on_does_not_take_back_a_month_that_the_other_pays(hall: TownHall) -> None:
    first, payee = new_id(), await hall.person()
    await hall.grant(application=first, payee=payee, subject=WORK)
    await end(hall, first, NOVEMBER)
    await hall.grant(payee=payee, subject=PENSION)
    await hall.grant(application=first, payee=payee, subject=WORK)
    assert sorted(await months(hall)) == [(NOVEMBER, "CANCELLED"), (NOVEMBER, "SCHEDULED")]


# What is given once.


async def one_birth(hall: TownHall) -> tuple[UUID, UUID]:
    """Of two applications for one birth the first's money came back, and it was withdrawn; the second, the payee."""
    first, second = new_id(), new_id()
    for application in (first, second):
        hall.amounts.given_once[application] = (Money.baht(700), "2026-09-01")
    one = await returned(hall, first)
    await withdraw(hall, first)
    hall.clock.set(datetime(2026, 12, 2, tzinfo=BANGKOK))
    return second, one.person


async def test_what_is_given_once_and_came_back_is_not_paid_again_when_another_award_gives_it(hall: TownHall) -> None:
    second, payee = await one_birth(hall)
    [first] = await hall.instalments()
    await hall.grant(application=second, payee=payee)
    with pytest.raises(NotPaidAgain):
        await hall.jobs.pay_again(hall.planner, first.id)
    assert sorted(await months(hall)) == [(NOVEMBER, "RETURNED"), (DECEMBER, "SCHEDULED")]


async def test_what_is_given_once_and_paid_again_is_not_given_by_another_award(hall: TownHall) -> None:
    second, payee = await one_birth(hall)
    [first] = await hall.instalments()
    await hall.jobs.pay_again(hall.planner, first.id)
    await hall.grant(application=second, payee=payee)
    assert [status for _, status in await months(hall)] == ["RETURNED", "SCHEDULED"]
    assert {one.period for one in await hall.instalments()} == {NOVEMBER}


async def test_of_paying_again_and_another_award_at_once_one_gives_it(hall: TownHall) -> None:
    second, payee = await one_birth(hall)
    [first] = await hall.instalments()
    await asyncio.gather(
        *(hall.jobs.pay_again(hall.planner, first.id) for _ in range(5)),
        *(hall.grant(application=second, payee=payee) for _ in range(5)),
        return_exceptions=True,
    )
    assert sum(one.status == "SCHEDULED" for one in await hall.instalments()) == 1
