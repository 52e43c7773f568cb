"""A citizen applies to a service: what is asked, what is read, what the agency is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from core.errors import BadInput
from core.ids import new_id
from services.apply.delivery.errors import AtTheAgency, ConsentNeeded, ForTheCitizenAlone
from services.apply.delivery.states import Step
from services.apply.errors import AlreadyApplied, AlreadyClosed, AlreadyDecided, NotOfferedHere
from services.apply.states import Action, Status
from services.exchange.facts import FactState
from services.plugins.contract import State
from tests.services.apply.delivery.conftest import NAME, Market, Worker
from tests.services.apply.delivery.office import FULL, OPERATIONS, WORDS, earlier
from tests.services.exchange.fakes import KEYS, Exchange
from tests.support import access_log

pytestmark = pytest.mark.in_turn


async def test_it_is_taken_at_once_and_the_agency_told_afterwards(
    worker: Worker, market: Market, citizen: UUID, exchange: Exchange
) -> None:
    key = await worker.apply(citizen)
    assert market.office.calls == []
    assert (await worker.application(citizen, key)).status == Status.SUBMITTED

    assert await worker.courier.run() == 1

    [call] = market.office.calls
    assert (call.key, call.person) == (key.hex, exchange.ids["citizen"])
    document = call.arguments["application"]
    assert document["id"] == key.hex
    assert document["answers"] == {"shopName": "ร้านข้าวแกง"}
    assert document["facts"] == {"name": NAME}
    assert exchange.ids["citizen"].digits not in str(document), "the number is in Call.person alone"
    case = await worker.case(citizen, key)
    assert (case.step, case.reference, case.state, case.document_sealed) == (Step.STATUS, "M-1", State.RECEIVED, None)
    assert await worker.actions(citizen, key) == [Action.SUBMIT, Action.AWAIT_AGENCY]
    assert await worker.attempts() == [("SUBMIT", "WELL")]


async def test_what_the_agency_is_told_is_in_the_citizens_access_log(
    worker: Worker, citizen: UUID, exchange: Exchange
) -> None:
    await worker.apply(citizen)
    [entry] = await access_log.entries(exchange.database, KEYS, citizen)
    assert (entry.purpose, entry.asker_agency, entry.attributes) == ("agency-service", "oic", ["name"])
    assert entry.asker_label == {"th": "ทดสอบ: ขอที่ขายของ", "en": "test: Permit for a stall"}


async def test_a_fact_that_no_agreement_covers_is_left_out_and_its_refusal_logged(
    worker: Worker, market: Market, citizen: UUID, exchange: Exchange
) -> None:
    market.publish(needs=[{"attribute": "annual_income", "purpose": WORDS, "basis": "public_task"}], form=None)
    await worker.apply(citizen, {})
    await worker.courier.run()
    assert market.office.calls[0].arguments["application"]["facts"] == {}
    [entry] = await access_log.entries(exchange.database, KEYS, citizen)
    assert (entry.decision, entry.reason) == ("DENIED", "NO_AGREEMENT")


async def test_a_fact_whose_source_is_down_is_left_out(
    worker: Worker, market: Market, citizen: UUID, exchange: Exchange
) -> None:
    exchange.dopa.breaks()
    await worker.apply(citizen)
    await worker.courier.run()
    assert market.office.calls[0].arguments["application"]["facts"] == {}
    [outcome] = await access_log.outcomes(exchange.database, KEYS, citizen)
    assert outcome.states == {"name": FactState.UNAVAILABLE}


@pytest.mark.parametrize(
    ("answers", "path"),
    [
        ({}, ["answers", "shopName"]),
        ({"shopName": ""}, ["answers", "shopName"]),
        ({"shopName": "x" * 41}, ["answers", "shopName"]),
        ({"shopName": 7}, ["answers", "shopName"]),
        ({"shopName": "x", "places": 6}, ["answers", "places"]),
        ({"shopName": "x", "places": 0}, ["answers", "places"]),
        ({"shopName": "x", "owner": {"given_th": "x"}}, ["answers", "owner"]),
        ({"shopName": "x", "more": 1}, ["answers"]),
        ({"shopName": "a\x00"}, ["answers"]),
        ({"shopName": "\ud800"}, ["answers"]),
        ({"shopName": "x", "places": 2**70}, ["answers"]),
        (["x"], ["answers"]),
        ({"shopName": "x" * 70_000}, ["answers"]),
        ({"shopName": ["x"] * 3_000}, ["answers"]),
    ],
)
async def test_answers_that_the_form_does_not_take_are_refused_with_their_place(
    worker: Worker, citizen: UUID, answers: Any, path: list[str], exchange: Exchange
) -> None:
    with pytest.raises(BadInput) as refused:
        await worker.apply(citizen, answers)
    assert list(refused.value.path) == path
    assert await access_log.entries(exchange.database, KEYS, citizen) == [], "nothing was read for it"


@pytest.mark.parametrize("places", [1, 5])
async def test_answers_at_the_bounds_of_the_form_are_taken(worker: Worker, citizen: UUID, places: int) -> None:
    key = await worker.apply(citizen, {"shopName": "x" * 40, "places": places})
    assert (await worker.application(citizen, key)).status == Status.SUBMITTED


async def test_a_service_without_a_form_takes_no_answers(worker: Worker, market: Market, citizen: UUID) -> None:
    market.publish(form=None)
    with pytest.raises(BadInput):
        await worker.apply(citizen, {"shopName": "x"})
    key = await worker.apply(citizen, {})
    assert (await worker.application(citizen, key)).status == Status.SUBMITTED


@pytest.mark.parametrize("form", [{"$ref": "https://elsewhere.example/form.json"}, {"pattern": "("}])
async def test_a_form_that_cannot_be_read_is_a_service_that_is_not_offered(
    worker: Worker, market: Market, citizen: UUID, form: dict[str, Any]
) -> None:
    market.publish(form=form)
    with pytest.raises(NotOfferedHere):
        await worker.apply(citizen, {})


async def test_only_a_service_that_takes_applications_is_offered(worker: Worker, market: Market, citizen: UUID) -> None:
    market.publish(operations={"howFar": OPERATIONS["howFar"]})
    with pytest.raises(NotOfferedHere):
        await worker.apply(citizen)
    with pytest.raises(NotOfferedHere):
        await worker.apply(citizen, slug="no-such")


async def test_one_applies_for_oneself(worker: Worker, citizen: UUID) -> None:
    with pytest.raises(ForTheCitizenAlone):
        await worker.service.prepare(citizen, new_id(), "service:stall-permit", {"shopName": "x"})


async def test_there_is_no_second_one_while_the_agency_decides(worker: Worker, citizen: UUID) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    with pytest.raises(AlreadyApplied) as refused:
        await worker.apply(citizen)
    assert refused.value.application == key


@pytest.mark.parametrize("state", [State.APPROVED, State.REJECTED])
async def test_one_may_apply_again_once_the_agency_has_decided(
    worker: Worker, market: Market, citizen: UUID, state: State
) -> None:
    first = await worker.apply(citizen)
    await worker.courier.run()
    market.office.state = state
    await worker.later(minutes=2)
    assert (await worker.application(citizen, first)).status == Status(state)
    assert await worker.apply(citizen) != first


async def test_the_citizen_is_told_what_the_agency_decided(worker: Worker, market: Market, citizen: UUID) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    assert market.notices.told == [], "that it was received is no news"
    market.office.state = State.NEEDS_SUPPLEMENT
    await worker.later(minutes=2)
    application = await worker.application(citizen, key)
    assert application.status == Status.NEEDS_INFORMATION
    assert [(one["attribute"], one["held_by"]) for one in application.missing] == [("agency_request", "CITIZEN")]
    assert worker.hearing.told(await worker.case(citizen, key))["note"]["en"] == "The map is missing"
    market.office.state = State.IN_PROGRESS
    await worker.later(minutes=2)
    assert (await worker.application(citizen, key)).status == Status.SUBMITTED
    market.office.state = State.APPROVED
    await worker.later(minutes=2)
    assert market.notices.told == [
        (citizen, Status.NEEDS_INFORMATION), (citizen, Status.SUBMITTED), (citizen, Status.APPROVED)
    ]  # fmt: skip
    asked = len(market.office.calls)
    await worker.later(days=30)
    assert len(market.office.calls) == asked, "what is decided is asked about no more"


async def test_a_declared_error_is_a_rejection_in_the_agencys_words(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    market.office.fail = FULL
    key = await worker.apply(citizen)
    await worker.courier.run()
    assert (await worker.application(citizen, key)).status == Status.REJECTED
    case = await worker.case(citizen, key)
    assert (case.step, case.due_at, case.state) == (Step.DONE, None, State.REJECTED)
    assert worker.hearing.told(case)["note"] == {"th": "ตลาดเต็มแล้ว", "en": "The market is full"}
    assert await worker.attempts() == [("SUBMIT", "DECLINED")]


async def test_a_payment_that_the_agency_asks_for_is_kept_and_told_once(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    market.office.more = {"payment": {"satang": 20000, "text": WORDS}}
    key = await worker.apply(citizen)
    await worker.courier.run()
    await worker.later(minutes=2)
    assert worker.hearing.told(await worker.case(citizen, key))["payment"] == {"satang": 20000, "text": WORDS}
    assert [amount.satang for amount in market.notices.payments] == [20000]


async def test_it_is_asked_about_less_and_less_often_while_nothing_moves(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    waits = []
    for _ in range(14):
        due = (await worker.case(citizen, key)).due_at
        assert due is not None
        waits.append((due - worker.clock.now()).total_seconds())
        await worker.later(seconds=waits[-1])
    assert waits[:4] == [60, 60, 120, 240], "60 after RECEIVED, and again after the news that it is in progress"
    assert waits[-1] == 6 * 3600
    assert (await worker.attempts())[2:] == [], "a look that brings nothing new leaves no row"


async def test_an_older_word_of_the_agency_changes_nothing(worker: Worker, market: Market, citizen: UUID) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    market.office.state = State.REJECTED
    market.office.more = earlier(worker.clock)
    await worker.later(minutes=2)
    assert (await worker.application(citizen, key)).status == Status.SUBMITTED
    case = await worker.case(citizen, key)
    assert (case.state, case.step) == (State.RECEIVED, Step.STATUS)
    assert (await worker.attempts())[-1] == ("STATUS", "LATE")


async def test_whoever_opens_it_sees_what_the_agency_says_now(worker: Worker, market: Market, citizen: UUID) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    market.office.state = State.APPROVED
    await worker.courier.look(citizen, key)
    assert len(market.office.calls) == 1, "it answered just now"
    worker.clock.advance((await worker.case(citizen, key)).due_at - worker.clock.now())  # type: ignore[operator]
    await worker.courier.look(citizen, key)
    assert (await worker.application(citizen, key)).status == Status.APPROVED


async def test_what_is_not_sent_yet_is_withdrawn_without_a_word_to_the_agency(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    key = await worker.apply(citizen)
    await worker.withdraw(citizen, key)
    assert await worker.later(days=1) == 0
    assert market.office.calls == []
    case = await worker.case(citizen, key)
    assert (case.step, case.document_sealed) == (Step.DONE, None)
    with pytest.raises(AlreadyClosed):
        await worker.withdraw(citizen, key)


async def test_what_the_agency_has_is_taken_back_there_too_and_it_hears_of_it(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    await worker.withdraw(citizen, key)
    assert (await worker.application(citizen, key)).status == Status.WITHDRAWN
    await worker.courier.run()
    [cancelled] = market.office.asked("takeBack")
    assert cancelled.arguments == {"reference": "M-1"}
    [heard] = market.office.asked("hear")
    event = heard.arguments["event"]
    assert (event["kind"], event["reference"]) == ("application.withdrawn", "M-1")
    assert (await worker.case(citizen, key)).step == Step.DONE
    assert await worker.events() == []


async def test_what_may_be_there_without_a_number_is_sent_to_its_end_and_then_taken_back(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    market.office.lose = ConnectionError()
    key = await worker.apply(citizen)
    await worker.courier.run()
    await worker.withdraw(citizen, key)
    market.office.lose = None
    await worker.later(minutes=1)
    await worker.courier.run()
    assert sorted(operation for operation, _ in market.office.effects) == ["hear", "takeBack", "takeIt"]
    assert (await worker.application(citizen, key)).status == Status.WITHDRAWN


async def test_without_cancel_or_notify_nobody_can_tell_the_agency_so_it_is_refused(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    market.publish(operations={name: OPERATIONS[name] for name in ("takeIt", "howFar")})
    key = await worker.apply(citizen)
    await worker.courier.run()
    with pytest.raises(AtTheAgency):
        await worker.withdraw(citizen, key)
    assert (await worker.application(citizen, key)).status == Status.SUBMITTED
    await worker.withdraw(citizen, key, leaving=True)
    assert (await worker.application(citizen, key)).status == Status.WITHDRAWN


async def test_what_the_agency_has_decided_is_not_withdrawn(worker: Worker, market: Market, citizen: UUID) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    market.office.state = State.APPROVED
    await worker.later(minutes=2)
    with pytest.raises(AlreadyDecided):
        await worker.withdraw(citizen, key)


async def test_an_agency_that_granted_what_was_withdrawn_changes_no_status_here(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    await worker.withdraw(citizen, key)
    market.office.says = {"reference": "M-1", "state": "APPROVED", "at": worker.clock.now().isoformat()}
    await worker.courier.run()
    assert (await worker.application(citizen, key)).status == Status.WITHDRAWN
    assert (await worker.case(citizen, key)).state == State.APPROVED, "the citizen sees what the agency says"


async def test_what_the_contract_has_no_call_for_is_done_at_the_agency(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    market.office.state = State.NEEDS_SUPPLEMENT
    await worker.later(minutes=2)
    with pytest.raises(AtTheAgency):
        await worker.service.prepare_supplement(citizen, key, {})
    market.office.state = State.REJECTED
    await worker.later(minutes=2)
    with pytest.raises(AtTheAgency):
        async with worker.database.write() as session:
            await worker.service.appeal(session, citizen, key, "ไม่ถูกต้อง")


async def test_a_service_that_needs_consent_says_to_what(
    worker: Worker, market: Market, citizen: UUID, exchange: Exchange
) -> None:
    needs = [{"attribute": "name", "purpose": WORDS, "basis": "consent"}]
    market.publish(agency={"slug": "slf", "title": WORDS}, needs=needs)
    with pytest.raises(ConsentNeeded) as refused:
        await worker.apply(citizen)
    assert refused.value.path == ("consent", "student-loan-screening")
    assert await access_log.entries(exchange.database, KEYS, citizen) == []


async def test_a_word_of_the_future_keeps_no_later_one_out(worker: Worker, market: Market, citizen: UUID) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    market.office.more = {"at": datetime(9999, 1, 1, tzinfo=UTC)}
    await worker.later(minutes=2)
    assert (await worker.case(citizen, key)).state_at == worker.clock.now()
    market.office.state, market.office.more = State.APPROVED, {}
    await worker.later(minutes=2)
    assert (await worker.application(citizen, key)).status == Status.APPROVED


async def test_the_same_state_said_of_an_earlier_moment_lets_no_older_state_in(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    await worker.later(minutes=2)
    since = (await worker.case(citizen, key)).state_at
    market.office.more = earlier(worker.clock)
    await worker.later(minutes=2)
    assert (await worker.case(citizen, key)).state_at == since
