"""Agencies that are down, slow, wrong or gone; workers that are killed, late or two: nothing is lost or doubled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select
from sqlmodel import col

from core.clock import FixedClock
from core.database import Database
from core.settings import Settings
from services.apply.delivery import repository
from services.apply.delivery.models import ServiceCase
from services.apply.delivery.repository import LEASED
from services.apply.delivery.states import EVENTS_KEPT, STUCK_ATTEMPTS, Step, poll_in, retry_in
from services.apply.states import Status
from services.plugins.contract import AgencyError, EventKind, State
from services.plugins.standing import Standing
from tests.services.apply.delivery.conftest import Market, Worker
from tests.services.apply.delivery.office import OPERATIONS, WORDS, earlier
from tests.services.exchange.consenting import SCREENING
from tests.services.exchange.consenting import WORDS as TEXT
from tests.services.exchange.fakes import Exchange

pytestmark = pytest.mark.in_turn
CONSENT_NEED = {"attribute": "name", "purpose": WORDS, "basis": "consent"}
RECEIVED = {"reference": "M-1", "state": "RECEIVED", "at": "2026-11-16T03:00:00Z"}
LENDER = {"slug": "slf", "title": WORDS}


class Killed(BaseException):
    """As `kill -9`: nothing of this process's work goes on, and nothing is tidied up."""


@pytest.fixture
async def other(
    database_url: str, clock: FixedClock, exchange: Exchange, market: Market, worker: Worker
) -> AsyncIterator[Worker]:
    """Another process over the same database."""
    database = Database(Settings(database_url=database_url).sqlalchemy_url, durable=False)
    yield Worker(database, clock, exchange, market)
    await database.close()


async def test_while_the_agency_is_down_it_is_tried_again_later_and_later(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    market.office.fail = ConnectionError()
    key = await worker.apply(citizen)
    waits = []
    for _ in range(14):
        await worker.courier.run()
        due = (await worker.case(citizen, key)).due_at
        assert due is not None
        waits.append((due - worker.clock.now()).total_seconds())
        worker.clock.advance(timedelta(seconds=waits[-1]))
    assert waits[:4] == [2, 4, 8, 16]
    assert waits[-1] == 3600
    assert len(await worker.attempts()) == 14, "each attempt's end is recorded"
    assert (await worker.application(citizen, key)).status == Status.SUBMITTED
    market.office.fail = None
    await worker.courier.run()
    case = await worker.case(citizen, key)
    assert (case.step, case.trouble, case.attempts) == (Step.STATUS, None, 0)
    assert len(market.office.effects) == 1


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_waits_are_spread_over_half_of_them(chance: float) -> None:
    for wait, longest in ((retry_in(3, chance), 8), (poll_in(1, chance), 120)):
        assert longest / 2 <= wait.total_seconds() <= longest
    assert retry_in(10_000, 1.0) == timedelta(hours=1)
    assert poll_in(10_000, 1.0) == timedelta(hours=6)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_one_that_is_killed_is_followed_by_another_when_its_turn_is_over(
    worker: Worker, other: Worker, market: Market, citizen: UUID, when: str
) -> None:
    setattr(market.office, "fail" if when == "before" else "lose", Killed())
    key = await worker.apply(citizen)
    with pytest.raises(Killed):
        await worker.courier.run()
    market.office.fail = market.office.lose = None
    assert await other.courier.run() == 0, "it may still be under way"
    assert await other.later(seconds=LEASED.total_seconds()) == 1
    assert {call.key for call in market.office.calls} == {key.hex}
    first, second = market.office.calls
    assert first.arguments == second.arguments
    assert market.office.effects == [("takeIt", key.hex)]
    assert (await other.case(citizen, key)).reference == "M-1"


async def test_what_comes_after_anothers_turn_has_begun_is_not_entered(
    worker: Worker, other: Worker, market: Market, citizen: UUID
) -> None:
    key = await worker.apply(citizen)
    async with worker.database.write() as session:
        [claimed] = await repository.claim_cases(session, worker.clock.now(), limit=1, plugin="stall-permit")
    assert await other.later(seconds=LEASED.total_seconds()) == 1
    now = worker.clock.now().isoformat()
    market.office.says = {"reference": "M-9", "state": "REJECTED", "note": WORDS, "at": now}
    [plugin] = market.plugins
    await worker.courier._carry(plugin.manifest, claimed)  # the first one's answer, late
    assert (await worker.case(citizen, key)).reference == "M-1"
    assert (await worker.application(citizen, key)).status == Status.SUBMITTED


async def test_two_workers_at_once_send_each_application_once(
    worker: Worker, other: Worker, market: Market, exchange: Exchange
) -> None:
    people = [await exchange.person(f"citizen {number}") for number in range(30)]
    keys = [await worker.apply(person) for person in people]
    done = await asyncio.gather(*(one.courier.run() for one in (worker, other, worker, other)))
    assert sum(done) == len(keys)
    assert sorted(call.key for call in market.office.calls) == sorted(key.hex for key in keys)


async def test_withdrawing_and_sending_at_once_leave_one_of_the_two_ends(
    worker: Worker, other: Worker, market: Market, exchange: Exchange
) -> None:
    people = [await exchange.person(f"citizen {number}") for number in range(8)]
    keys = {person: await worker.apply(person) for person in people}
    await asyncio.gather(
        worker.courier.run(), *(other.withdraw(person, key) for person, key in keys.items()), return_exceptions=True
    )
    await worker.later(minutes=2)
    await worker.later(minutes=2)
    for person, key in keys.items():
        sent = ("takeIt", key.hex) in market.office.effects
        back = market.office.took_back(key.hex)
        assert (await worker.application(person, key)).status == Status.WITHDRAWN
        assert sent == back


@pytest.mark.parametrize(
    "says",
    [
        None,
        [],
        {"state": "RECEIVED", "at": "2026-11-16T03:00:00Z"},
        {"reference": "M-1", "state": "DONE", "at": "2026-11-16T03:00:00Z"},
        {"reference": "M-1", "state": "REJECTED", "at": "2026-11-16T03:00:00Z"},
        {"reference": "M-1", "state": "RECEIVED", "at": "2026-11-16T03:00:00"},
        {"reference": "M 1", "state": "RECEIVED", "at": "2026-11-16T03:00:00Z"},
        {**RECEIVED, "payment": {"satang": 0, "text": WORDS}},
        {**RECEIVED, "note": {"th": "ก\ud800", "en": "x"}},
    ],
)
async def test_an_answer_that_is_none_is_tried_again_and_shown_to_operators(
    worker: Worker, market: Market, citizen: UUID, says: Any
) -> None:
    market.office.says = says if says is not None else "nonsense"
    key = await worker.apply(citizen)
    for _ in range(STUCK_ATTEMPTS):
        await worker.later(hours=1)
    assert set(await worker.attempts()) == {("SUBMIT", "ANSWER_MALFORMED")}
    async with worker.database.read() as session:
        [owed] = await repository.owed(session, worker.clock.now())
    assert (owed.plugin, owed.step, owed.count, owed.stuck) == ("stall-permit", "SUBMIT", 1, 1)
    assert owed.trouble == "ANSWER_MALFORMED"
    market.office.says = None
    async with worker.database.write() as session:
        assert await repository.hurry(session, "stall-permit", worker.clock.now()) == 1
    await worker.courier.run()
    assert (await worker.case(citizen, key)).reference == "M-1"
    assert len(market.office.effects) == 1


async def test_an_answer_about_another_number_is_none(worker: Worker, market: Market, citizen: UUID) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    market.office.says = {"reference": "M-2", "state": "APPROVED", "at": worker.clock.now().isoformat()}
    await worker.later(minutes=2)
    assert (await worker.application(citizen, key)).status == Status.SUBMITTED
    assert (await worker.attempts())[-1] == ("STATUS", "ANSWER_MALFORMED")


async def test_one_agency_that_hangs_holds_up_no_other(worker: Worker, market: Market, exchange: Exchange) -> None:
    async def hang(*_: Any) -> Any:
        await asyncio.Event().wait()

    slow = market.office.plugin(slug="slow-permit")
    slow.functions["takeIt"] = hang  # type: ignore[index]  # a dict, in this test
    market.plugins.append(slow)
    people = [await exchange.person(f"citizen {number}") for number in range(3)]
    await worker.apply(people[0], slug="slow-permit")
    for person in people[1:]:
        key = await worker.apply(person)
        await worker.courier.tick()
        async with asyncio.timeout(30):
            while (await worker.case(person, key)).reference is None:  # noqa: ASYNC110 - the row says it, and no event
                await asyncio.sleep(0)
    assert len(market.office.calls) == 2
    assert await worker.attempts() == [("SUBMIT", "WELL")] * 2, "the other is still waited for"
    await worker.courier.close()


async def test_an_agency_that_takes_too_long_is_asked_again_later(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    market.office.fail = TimeoutError()
    await worker.apply(citizen)
    await worker.courier.run()
    assert await worker.attempts() == [("SUBMIT", "TIMEOUT")]


async def test_no_more_are_taken_at_once_than_the_agency_has_places_for(
    worker: Worker, market: Market, exchange: Exchange
) -> None:
    market.publish(operations={**OPERATIONS, "takeIt": {**OPERATIONS["takeIt"], "places": 2}})
    [plugin] = market.plugins
    take, most = plugin.functions["takeIt"], 0

    async def counted(host: Any, call: Any) -> Any:
        nonlocal most
        async with worker.database.read() as session:
            leased = await session.scalars(select(ServiceCase).where(col(ServiceCase.lease).is_not(None)))
            most = max(most, len(leased.all()))
        return await take(host, call)

    plugin.functions["takeIt"] = counted  # type: ignore[index]  # a dict, in this test
    for number in range(5):
        await worker.apply(await exchange.person(f"citizen {number}"))
    assert await worker.courier.run() == 5
    assert 1 <= most <= 2
    assert await worker.attempts() == [("SUBMIT", "WELL")] * 5


@pytest.mark.parametrize("standing", [None, Standing.SUSPENDED])
async def test_what_is_owed_to_a_plugin_that_is_gone_waits_for_it(
    worker: Worker, market: Market, citizen: UUID, standing: Standing | None
) -> None:
    key = await worker.apply(citizen)
    [plugin] = market.plugins
    market.plugins = [] if standing is None else [market.office.plugin()]
    for one in market.plugins:
        object.__setattr__(one, "standing", standing)
    assert await worker.courier.run() == 0
    case = await worker.case(citizen, key)
    assert (case.trouble, case.attempts, case.sent_at) == ("PLUGIN_GONE", 0, None)
    assert market.office.calls == []
    market.plugins = [plugin]
    assert await worker.later(hours=1) == 1
    assert (await worker.case(citizen, key)).reference == "M-1"


async def test_a_new_version_without_the_operation_is_shown_to_operators(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    await worker.apply(citizen)
    market.publish(operations={"howFar": OPERATIONS["howFar"]})
    await worker.courier.run()
    assert await worker.attempts() == [("SUBMIT", "PLUGIN_GONE")]


async def test_events_are_told_until_they_are_heard_under_one_id(worker: Worker, market: Market, citizen: UUID) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    await worker.withdraw(citizen, key)
    market.office.lose = ConnectionError()
    await worker.courier.run()
    [event] = await worker.events()
    assert (event.attempts, event.trouble) == (1, "SERVICE_UNAVAILABLE")
    market.office.lose = None
    await worker.later(minutes=1)
    told = market.office.asked("hear")
    assert len(told) == 2
    assert told[0].key == told[1].key
    assert told[0].arguments == told[1].arguments
    assert await worker.events() == []


async def test_a_declared_error_means_that_the_event_was_heard(worker: Worker, market: Market, citizen: UUID) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    await worker.withdraw(citizen, key)
    market.office.fail = AgencyError("MARKET_FULL")
    await worker.courier.run()
    assert await worker.events() == []
    assert (await worker.case(citizen, key)).step == Step.DONE, "the agency does not take it back, and says so"


async def test_a_plugin_that_did_not_ask_hears_nothing(worker: Worker, market: Market, citizen: UUID) -> None:
    market.publish(operations={name: spec for name, spec in OPERATIONS.items() if name != "hear"})
    key = await worker.apply(citizen)
    await worker.courier.run()
    await worker.withdraw(citizen, key)
    assert await worker.events() == []


async def test_an_event_for_a_plugin_that_is_gone_is_kept_a_month_and_dropped_with_a_count(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    def dropped() -> float:
        return REGISTRY.get_sample_value("sitthi_delivery_events_dropped_total", {"plugin": "stall-permit"}) or 0

    before = dropped()
    key = await worker.apply(citizen)
    await worker.courier.run()
    market.plugins = []
    await worker.withdraw(citizen, key)
    worker.clock.advance(EVENTS_KEPT)
    await worker.courier.tidy()
    assert len(await worker.events()) == 1
    worker.clock.advance(timedelta(seconds=1))
    await worker.courier.tidy()
    assert await worker.events() == []
    assert dropped() == before + 1


async def agree(worker: Worker, citizen: UUID) -> UUID:
    made = await worker.consents.prepare_grant(
        worker.database, citizen, purpose=SCREENING.id, text_version=TEXT, attributes=["name"]
    )
    async with worker.database.write() as session:
        return (await worker.consents.grant(session, made)).id


async def disagree(worker: Worker, citizen: UUID, consent: UUID) -> None:
    leaving = await worker.consents.prepare_withdrawal(worker.database, citizen, consent)
    async with worker.database.write() as session:
        await worker.consents.withdraw(session, leaving)


async def test_facts_by_consent_are_sent_and_a_withdrawal_is_told_to_the_agency(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    market.publish(agency=LENDER, needs=[CONSENT_NEED])
    consent = await agree(worker, citizen)
    await worker.apply(citizen)
    await worker.courier.run()
    assert "name" in market.office.calls[0].arguments["application"]["facts"]
    await disagree(worker, citizen, consent)
    await disagree(worker, citizen, consent)
    await worker.courier.run()
    [told] = market.office.asked("hear")
    assert told.arguments["event"]["kind"] == EventKind.CONSENT_WITHDRAWN


async def test_facts_whose_consent_is_withdrawn_before_they_are_sent_are_not_sent(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    market.publish(agency=LENDER, needs=[CONSENT_NEED])
    consent = await agree(worker, citizen)
    await worker.apply(citizen)
    await disagree(worker, citizen, consent)
    market.office.lose = ConnectionError()
    await worker.courier.run()
    market.office.lose = None
    await worker.later(minutes=1)
    sent = [call.arguments["application"] for call in market.office.asked("takeIt")]
    assert [one["facts"] for one in sent] == [{}, {}]
    assert sent[0] == sent[1]


async def test_who_leaves_is_forgotten_by_every_service_that_knew_them(
    worker: Worker, market: Market, citizen: UUID, exchange: Exchange
) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    stranger = await exchange.person("stranger")
    for person in (citizen, stranger, citizen):
        async with worker.database.write() as session:
            await worker.desk.erased(session, person, worker.clock.now())
    [event] = await worker.events()
    assert event.kind == EventKind.DATA_ERASED
    assert exchange.ids["citizen"].digits.encode() not in event.national_id_sealed
    await worker.courier.run()
    [told] = market.office.asked("hear")
    assert told.person == exchange.ids["citizen"]
    assert (await worker.application(citizen, key)).status == Status.SUBMITTED


async def test_a_late_word_after_the_end_is_refused(worker: Worker, market: Market, citizen: UUID) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    market.office.state = State.APPROVED
    await worker.later(minutes=2)
    async with worker.database.write() as session:  # somebody has it asked once more
        again = {"step": Step.STATUS, "due_at": worker.clock.now()}
        await repository.store(session, citizen, key, again)
    market.office.state = State.REJECTED
    market.office.more = earlier(worker.clock)
    await worker.courier.run()
    assert (await worker.application(citizen, key)).status == Status.APPROVED
    case = await worker.case(citizen, key)
    assert (case.state, case.step) == (State.APPROVED, Step.DONE)
    assert (await worker.attempts())[-1] == ("STATUS", "LATE")
