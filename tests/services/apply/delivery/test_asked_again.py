"""Before each attempt it is asked anew whether it may be sent: a right that ended a moment ago has ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from uuid import UUID

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import FixedClock
from services.apply.delivery import repository
from services.apply.delivery.states import RETRY_MAX, STOPPED, Hindrance, Step
from services.exchange.facts import Purpose
from services.exchange.policy import BARS
from services.plugins.contract import EventKind, Manifest
from tests.services.apply.delivery.conftest import Market, Worker
from tests.services.apply.delivery.office import manifest_of
from tests.services.apply.delivery.test_courier import CONSENT_NEED, LENDER, agree, disagree
from tests.services.exchange.fakes import CATALOGUE, Exchange
from tests.support.plugins.far_side import FarSide

pytestmark = pytest.mark.sqlite_only  # no statement of these is new but an update by its key


@dataclass
class Bars:
    """Implements `services.exchange.needs.Bars`."""

    of: dict[UUID, str] = field(default_factory=dict)

    async def barred(self, _: AsyncSession, subjects: Collection[UUID], __: Purpose) -> Mapping[UUID, str]:
        return {one: self.of[one] for one in subjects if one in self.of}


@pytest.fixture
def bars(exchange: Exchange) -> Bars:
    made = Bars()
    exchange.gate._grounds._bars = made
    return made


@asynccontextmanager
async def answers_lost(clock: FixedClock, market: Market, manifest: Manifest) -> AsyncIterator[FarSide]:
    """A remote agency that takes what it is sent, and whose answer does not arrive until `after` is mended."""

    def lost(_: httpx2.Response) -> httpx2.Response:
        raise httpx2.ReadError("gone")

    async with FarSide(clock, market.office.plugin().functions, manifest=manifest) as far:
        market.plugins = [far.plugin]
        far.between.after = lost
        yield far


def sent_facts(market: Market) -> list[set[str]]:
    return [set(call.arguments["application"]["facts"]) for call in market.office.asked("takeIt")]


async def test_facts_whose_consent_is_withdrawn_after_an_attempt_of_unknown_end_are_never_sent_again(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    market.publish(agency=LENDER, needs=[CONSENT_NEED])
    market.office.fail = ConnectionError()
    consent = await agree(worker, citizen)
    key = await worker.apply(citizen)
    await worker.courier.run()
    await disagree(worker, citizen, consent)
    await worker.later(minutes=1)
    market.office.fail = None
    await worker.later(minutes=1)
    assert sent_facts(market) == [{"name"}, set(), set()]
    assert (await worker.case(citizen, key)).reference == "M-1"
    assert market.notices.hindrances == [Hindrance.WITHOUT_FACTS], "told once"


async def test_an_agency_that_has_them_already_says_so_and_that_is_the_end_for_operator_and_citizen(
    worker: Worker, market: Market, citizen: UUID, clock: FixedClock
) -> None:
    async with answers_lost(clock, market, manifest_of(agency=LENDER, needs=[CONSENT_NEED])) as far:
        consent = await agree(worker, citizen)
        key = await worker.apply(citizen)
        await worker.courier.run()
        await disagree(worker, citizen, consent)
        far.between.after = lambda reply: reply
        await worker.later(minutes=1)
        asked = len(far.between.requests)
        await worker.later(days=2)
        assert len(far.between.requests) == asked, "a conflict is not asked about again"
    case = await worker.case(citizen, key)
    assert (case.step, case.trouble, case.due_at) == (Step.SUBMIT, "SOURCE_CONFLICT", None)
    assert case.failed_at is not None
    assert market.notices.hindrances == [Hindrance.WITHOUT_FACTS, Hindrance.FAILED]
    assert sent_facts(market) == [{"name"}]
    assert [call.arguments["event"]["kind"] for call in market.office.asked("hear")] == [EventKind.CONSENT_WITHDRAWN]
    async with worker.database.read() as session:
        [owed] = await repository.owed(session, worker.clock.now())
    assert (owed.step, owed.count, owed.stuck, owed.failed) == ("SUBMIT", 1, 1, 1)


async def test_what_was_given_up_is_tried_again_when_an_operator_says_so(
    worker: Worker, market: Market, citizen: UUID, clock: FixedClock
) -> None:
    async with answers_lost(clock, market, manifest_of(agency=LENDER, needs=[CONSENT_NEED])) as far:
        consent = await agree(worker, citizen)
        key = await worker.apply(citizen)
        await worker.courier.run()
        await disagree(worker, citizen, consent)
        far.between.after = lambda reply: reply
        await worker.later(minutes=1)
        far.kit._runs._runs.clear()  # the agency has put it right on its side
        market.office.files.clear()
        async with worker.database.write() as session:
            assert await repository.hurry(session, "stall-permit", clock.now()) == 1
        await worker.courier.run()
    case = await worker.case(citizen, key)
    assert (case.reference, case.failed_at, case.trouble) == ("M-1", None, None)


async def test_facts_whose_agreement_has_ended_since_are_left_out(
    worker: Worker, market: Market, citizen: UUID, exchange: Exchange
) -> None:
    await worker.apply(citizen)
    exchange.gate._grounds._catalogue = replace(CATALOGUE, standing=())
    await worker.courier.run()
    assert sent_facts(market) == [set()]


async def test_facts_whose_agreement_holds_are_sent_each_time(worker: Worker, market: Market, citizen: UUID) -> None:
    market.office.fail = ConnectionError()
    await worker.apply(citizen)
    await worker.courier.run()
    market.office.fail = None
    await worker.later(minutes=1)
    assert sent_facts(market) == [{"name"}, {"name"}]
    assert market.notices.hindrances == []


@pytest.mark.parametrize("tried", [False, True], ids=["before it was ever tried", "after an attempt of unknown end"])
async def test_a_bar_that_came_since_stops_it_until_it_is_lifted(
    worker: Worker, market: Market, citizen: UUID, bars: Bars, tried: bool
) -> None:
    key = await worker.apply(citizen)
    if tried:
        market.office.fail = ConnectionError()
        await worker.courier.run()
        market.office.fail = None
    before = len(market.office.calls)
    bars.of[citizen] = "RESTRICTED"
    await worker.later(minutes=1)
    await worker.later(seconds=RETRY_MAX.total_seconds())
    case = await worker.case(citizen, key)
    assert (case.step, case.trouble) == (Step.SUBMIT, "RESTRICTED")
    assert (case.sent_at is not None) == tried, "what never left can still be withdrawn without a word to anybody"
    assert len(market.office.calls) == before
    assert market.notices.hindrances == [Hindrance.STOPPED], "told once"
    assert (await worker.attempts()).count(("SUBMIT", "RESTRICTED")) == 1
    bars.of.clear()
    await worker.later(seconds=RETRY_MAX.total_seconds() - 1)
    assert len(market.office.calls) == before
    await worker.later(seconds=1)
    assert (await worker.case(citizen, key)).reference == "M-1"


async def test_what_is_withdrawn_while_a_bar_stops_it_is_told_to_the_agency_by_its_id_alone(
    worker: Worker, market: Market, citizen: UUID, bars: Bars
) -> None:
    market.office.fail = ConnectionError()
    key = await worker.apply(citizen)
    await worker.courier.run()
    market.office.fail = None
    bars.of[citizen] = "OBJECTED"
    await worker.withdraw(citizen, key)
    await worker.later(minutes=1)
    await worker.later(minutes=1)
    case = await worker.case(citizen, key)
    assert (case.step, case.due_at, case.document_sealed) == (Step.DONE, None, None)
    [told] = market.office.asked("hear")
    event = told.arguments["event"]
    assert (event["kind"], event["reference"]) == (EventKind.APPLICATION_WITHDRAWN, None)
    assert event["application"] == key.hex
    assert len(market.office.asked("takeIt")) == 1


async def test_what_never_left_and_is_barred_and_withdrawn_is_told_to_nobody(
    worker: Worker, market: Market, citizen: UUID, bars: Bars
) -> None:
    key = await worker.apply(citizen)
    bars.of[citizen] = "OBJECTED"
    await worker.courier.run()
    await worker.withdraw(citizen, key)
    await worker.later(hours=2)
    assert market.office.calls == []
    assert (await worker.case(citizen, key)).step == Step.DONE


def test_every_way_of_stopping_is_told_to_the_citizen_in_words() -> None:
    assert STOPPED == BARS
