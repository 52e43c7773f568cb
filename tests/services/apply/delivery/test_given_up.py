"""What does not get to an agency for a month ends, and whoever must know of it is told; who looks too often, waits."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from core.text import Language, Text
from identity.inbox.service import Inbox
from identity.people.correction import Correction
from identity.people.register import PeopleRegister as Register
from services.apply.delivery import repository
from services.apply.delivery.graph import hindrance_of
from services.apply.delivery.states import GIVEN_UP_AFTER, LOOKED_AGAIN, Hindrance, Step
from services.apply.states import Status
from services.plugins.contract import EventKind
from tests.services.apply.delivery.conftest import Market, Worker
from tests.services.apply.delivery.office import OPERATIONS
from tests.services.exchange.fakes import KEYS, Exchange, national_id

EVENTS = [*OPERATIONS["hear"]["events"], "identifier.corrected"]  # type: ignore[misc]  # a list, in this table
HEARS = {**OPERATIONS, "hear": {**OPERATIONS["hear"], "events": EVENTS}}


async def lost(worker: Worker, market: Market, citizen: UUID) -> UUID:
    market.office.fail = ConnectionError()
    key = await worker.apply(citizen)
    await worker.courier.run()
    return key


@pytest.mark.in_turn
async def test_after_a_month_it_is_given_up_and_no_sooner(worker: Worker, market: Market, citizen: UUID) -> None:
    key = await lost(worker, market, citizen)
    worker.clock.advance(GIVEN_UP_AFTER - timedelta(seconds=1))
    await worker.courier.tidy()
    assert (await worker.case(citizen, key)).failed_at is None
    worker.clock.advance(timedelta(seconds=1))
    await worker.courier.tidy()
    await worker.courier.tidy()
    case = await worker.case(citizen, key)
    assert (case.failed_at, case.due_at, case.trouble) == (worker.clock.now(), None, "SERVICE_UNAVAILABLE")
    assert market.notices.hindrances == [Hindrance.FAILED], "told once"
    words = hindrance_of(case)
    assert words is not None
    assert "stopped trying" in words.in_language(Language.EN)
    assert (await worker.application(citizen, key)).status == Status.SUBMITTED
    assert await worker.later(days=1) == 0, "nothing is due"
    async with worker.database.write() as session:
        [owed] = await repository.owed(session, worker.clock.now())
        assert (owed.stuck, owed.failed) == (1, 1)
        assert await repository.hurry(session, "stall-permit", worker.clock.now()) == 1
    market.office.fail = None
    await worker.courier.run()
    case = await worker.case(citizen, key)
    assert (case.reference, case.failed_at) == ("M-1", None)
    assert hindrance_of(case) is None


@pytest.mark.in_turn
async def test_after_a_month_nothing_is_sent_again_though_nobody_gave_it_up_in_time(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    key = await lost(worker, market, citizen)
    worker.clock.advance(GIVEN_UP_AFTER)  # all workers were down, and the agency forgets the key
    assert await worker.courier.run() == 0
    assert len(market.office.calls) == 1
    await worker.courier.tidy()
    assert (await worker.case(citizen, key)).failed_at == worker.clock.now()


async def test_nor_an_event(worker: Worker, market: Market, citizen: UUID) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    await worker.withdraw(citizen, key)
    market.office.fail = ConnectionError()
    await worker.courier.run()
    market.office.fail = None
    asked = len(market.office.asked("hear"))
    worker.clock.advance(GIVEN_UP_AFTER + timedelta(seconds=1))
    await worker.courier.run()
    assert len(market.office.asked("hear")) == asked


async def test_withdrawing_gives_an_application_no_other_month(worker: Worker, market: Market, citizen: UUID) -> None:
    key = await lost(worker, market, citizen)
    worker.clock.advance(GIVEN_UP_AFTER - timedelta(days=1))
    await worker.withdraw(citizen, key)
    await worker.courier.run()
    worker.clock.advance(timedelta(days=1))  # since it was sent first: the agency remembers its key no longer
    await worker.courier.tidy()
    market.office.fail = None
    assert (await worker.case(citizen, key)).failed_at == worker.clock.now()
    assert market.notices.hindrances == [Hindrance.NOT_TAKEN_BACK]
    await worker.courier.run()
    assert [call.operation for call in market.office.calls] == ["takeIt", "takeIt", "hear"]
    [told] = market.office.asked("hear")
    assert told.arguments["event"]["application"] == key.hex


async def test_a_look_is_never_given_up(worker: Worker, market: Market, citizen: UUID) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    market.office.fail = ConnectionError()
    await worker.later(minutes=2)
    worker.clock.advance(GIVEN_UP_AFTER)
    await worker.courier.tidy()
    case = await worker.case(citizen, key)
    assert (case.step, case.failed_at) == (Step.STATUS, None)
    assert case.due_at is not None


async def test_what_was_given_up_can_be_withdrawn_and_an_event_leads_the_agency_to_it(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    key = await lost(worker, market, citizen)
    worker.clock.advance(GIVEN_UP_AFTER)
    await worker.courier.tidy()
    market.office.fail = None
    await worker.withdraw(citizen, key)
    await worker.courier.run()
    assert (await worker.application(citizen, key)).status == Status.WITHDRAWN
    [told] = market.office.asked("hear")
    assert (told.arguments["event"]["application"], told.arguments["event"]["reference"]) == (key.hex, None)
    async with worker.database.write() as session:
        await repository.hurry(session, "stall-permit", worker.clock.now())
    await worker.courier.run()
    await worker.courier.run()
    [taken_back] = market.office.asked("takeBack")
    assert taken_back.key.startswith(f"{key.hex}:cancel:"), "what arrives after all is taken back"
    references = [call.arguments["event"]["reference"] for call in market.office.asked("hear")]
    assert references == [None, "M-1"]
    assert len({call.key for call in market.office.asked("hear")}) == 2


async def test_a_withdrawal_that_the_agency_does_not_hear_of_for_a_month_is_told_to_the_citizen(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    market.office.fail = ConnectionError()
    await worker.withdraw(citizen, key)
    await worker.courier.run()
    worker.clock.advance(GIVEN_UP_AFTER)
    await worker.courier.tidy()
    case = await worker.case(citizen, key)
    assert (case.step, case.failed_at) == (Step.CANCEL, worker.clock.now())
    assert market.notices.hindrances == [Hindrance.NOT_TAKEN_BACK]


async def test_a_corrected_national_id_is_told_to_those_who_may_have_an_application_and_to_nobody_else(
    worker: Worker, market: Market, exchange: Exchange, citizen: UUID
) -> None:
    market.publish(operations=HEARS)
    first = await worker.apply(citizen)
    await worker.courier.run()
    other = await exchange.person("other")
    await worker.apply(other)  # which is not sent
    correction = Correction(exchange.people, Inbox(worker.clock), worker.clock, lambda: worker.desk)
    for number, person in ((98, citizen), (99, citizen), (97, other)):
        async with worker.database.write() as session:
            await correction.apply(session, person, national_id(number), agency=manifest_title(market), by="officers")
    await worker.courier.run()
    told = [call for call in market.office.asked("hear") if call.person is not None]
    assert [call.person for call in told] == [national_id(99)] * 2, "each correction is one event, of the right number"
    for call in told:
        event = call.arguments["event"]
        assert event["kind"] == EventKind.IDENTIFIER_CORRECTED
        assert (event["reference"], event["application"]) == ("M-1", first.hex)
        assert exchange.ids["citizen"].digits not in str(event), "the former number is named to nobody"


def manifest_title(market: Market) -> Text:
    return market.plugins[0].manifest.title.text


async def test_however_often_a_citizen_looks_an_agency_that_fails_is_asked_once_a_minute(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    answered = worker.clock.now()
    market.office.fail = ConnectionError()
    worker.clock.advance(LOOKED_AGAIN - timedelta(seconds=1))
    await worker.courier.look(citizen, key)
    assert market.office.asked("howFar") == []
    worker.clock.advance(timedelta(seconds=1))
    await asyncio.gather(*(worker.courier.look(citizen, key) for _ in range(20)))
    worker.clock.advance(LOOKED_AGAIN - timedelta(seconds=1))
    await worker.courier.look(citizen, key)
    assert len(market.office.asked("howFar")) == 1
    case = await worker.case(citizen, key)
    assert (case.state, case.checked_at) == ("RECEIVED", answered), "the last word, and how old it is"
    assert case.tried_at == worker.clock.now() - LOOKED_AGAIN + timedelta(seconds=1)
    worker.clock.advance(timedelta(seconds=1))
    await worker.courier.look(citizen, key)
    assert len(market.office.asked("howFar")) == 2


async def test_who_looks_while_the_agency_is_asked_waits_for_the_same_answer(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    worker.clock.advance(LOOKED_AGAIN)
    [plugin] = market.plugins
    asked, goes_on, how_far = asyncio.Event(), asyncio.Event(), plugin.functions["howFar"]

    async def slow(*given: object) -> object:
        asked.set()
        await goes_on.wait()
        return await how_far(*given)  # type: ignore[arg-type]  # as it came

    plugin.functions["howFar"] = slow  # type: ignore[index]  # a dict, in this test
    first = asyncio.create_task(worker.courier.look(citizen, key))
    await asked.wait()
    second = asyncio.create_task(worker.courier.look(citizen, key))
    await asyncio.sleep(0)
    first.cancel()
    assert not second.done()
    goes_on.set()
    await second
    assert len(market.office.asked("howFar")) == 1
    assert (await worker.case(citizen, key)).state == "IN_PROGRESS"


@pytest.mark.in_turn
async def test_an_event_about_an_application_that_waits_when_the_number_is_corrected_names_the_right_one(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    await worker.withdraw(citizen, key)  # its event is not told yet
    correction = Correction(Register(KEYS, worker.clock), Inbox(worker.clock), worker.clock, lambda: worker.desk)
    async with worker.database.write() as session:
        await correction.apply(session, citizen, national_id(98), agency=manifest_title(market), by="officers")
    await worker.courier.run()
    [told] = market.office.asked("hear")
    assert (told.person, told.arguments["event"]["kind"]) == (national_id(98), "application.withdrawn")
    assert await worker.events() == []
