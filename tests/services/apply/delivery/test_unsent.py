"""What nobody was asked is not sent: a citizen who changes their mind in time is not told of to anybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx2
import pytest

from services.apply.delivery.states import Step
from services.apply.states import Status
from services.plugins.contract import AgencyError
from services.plugins.plugin import Origin
from services.plugins.standing import ServiceRetired, ServiceSuspended, Standing
from tests.services.apply.delivery.conftest import Market, Worker
from tests.services.apply.delivery.office import OPERATIONS
from tests.services.apply.delivery.test_courier import CONSENT_NEED, LENDER, agree, disagree
from tests.services.exchange.fakes import Exchange, national_id

pytestmark = pytest.mark.in_turn


@pytest.fixture
def no_way(market: Market) -> Callable[..., None]:
    """No connection is had to what is published from now on; or, with `mend`, it is."""

    def set_way(*, mend: bool = False, origin: Origin = Origin.REMOTE) -> None:
        market.office.fail = None if mend else httpx2.ConnectError("refused")
        for plugin in market.plugins:
            object.__setattr__(plugin, "origin", origin)

    return set_way


def stand(market: Market, standing: Standing) -> None:
    for plugin in market.plugins:
        object.__setattr__(plugin, "standing", standing)


async def test_what_is_withdrawn_while_nobody_can_be_asked_is_never_sent(
    worker: Worker, market: Market, citizen: UUID, no_way: Callable[..., None]
) -> None:
    no_way()
    key = await worker.apply(citizen)
    await worker.courier.run()
    assert await worker.attempts() == [("SUBMIT", "SOURCE_UNREACHABLE")]
    await worker.withdraw(citizen, key)
    no_way(mend=True)
    market.office.calls.clear()
    await worker.later(hours=2)
    case = await worker.case(citizen, key)
    assert market.office.calls == []
    assert (case.step, case.sent_at, case.document_sealed, case.trouble) == (Step.DONE, None, None, None)


async def test_what_a_function_of_our_own_may_have_sent_is_sent_to_its_end_and_taken_back(
    worker: Worker, market: Market, citizen: UUID, no_way: Callable[..., None]
) -> None:
    no_way(origin=Origin.TREE)
    key = await worker.apply(citizen)
    await worker.courier.run()
    await worker.withdraw(citizen, key)
    no_way(mend=True)
    await worker.later(hours=1)
    assert ("takeIt", key.hex) in market.office.effects
    assert market.office.took_back(key.hex)


async def test_what_is_withdrawn_during_an_attempt_that_reaches_nobody_is_not_tried_again(
    worker: Worker, market: Market, citizen: UUID, no_way: Callable[..., None]
) -> None:
    no_way()
    key = await worker.apply(citizen)
    [plugin] = market.plugins

    async def withdrawn_meanwhile(*_: Any) -> Any:
        await worker.withdraw(citizen, key)
        raise httpx2.ConnectError("refused")

    plugin.functions["takeIt"] = withdrawn_meanwhile  # type: ignore[index]  # a dict, in this test
    await worker.courier.run()
    case = await worker.case(citizen, key)
    assert (case.step, case.due_at, case.document_sealed) == (Step.DONE, None, None)
    assert (await worker.application(citizen, key)).status == Status.WITHDRAWN


async def test_facts_whose_consent_is_withdrawn_while_nobody_can_be_asked_are_not_sent(
    worker: Worker, market: Market, citizen: UUID, no_way: Callable[..., None]
) -> None:
    market.publish(agency=LENDER, needs=[CONSENT_NEED])
    no_way()
    consent = await agree(worker, citizen)
    await worker.apply(citizen)
    await worker.courier.run()
    await disagree(worker, citizen, consent)
    no_way(mend=True)
    market.office.calls.clear()
    await worker.later(hours=1)
    [sent] = market.office.asked("takeIt")
    assert sent.arguments["application"]["facts"] == {}


async def test_facts_that_were_read_under_a_wrong_number_are_not_sent_under_the_right_one(
    worker: Worker, market: Market, citizen: UUID, exchange: Exchange
) -> None:
    await worker.apply(citizen)
    async with worker.database.write() as session:
        await exchange.people.correct(session, citizen, national_id(99), by="two officers")
    await worker.courier.run()
    [sent] = market.office.asked("takeIt")
    assert sent.person == national_id(99)
    assert sent.arguments["application"]["facts"] == {}
    assert set(sent.arguments["application"]) == {"id", "submittedAt", "answers", "facts"}


async def test_who_was_never_asked_needs_no_way_to_take_it_back(
    worker: Worker, market: Market, citizen: UUID, no_way: Callable[..., None]
) -> None:
    market.publish(operations={name: OPERATIONS[name] for name in ("takeIt", "howFar")})
    no_way()
    key = await worker.apply(citizen)
    await worker.courier.run()
    await worker.withdraw(citizen, key)
    assert (await worker.application(citizen, key)).status == Status.WITHDRAWN


async def test_what_the_agency_does_not_take_back_waits_for_nobody(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    await worker.withdraw(citizen, key)
    market.office.fail = ConnectionError()
    await worker.courier.run()
    market.office.fail = AgencyError("MARKET_FULL")
    await worker.later(hours=1)
    case = await worker.case(citizen, key)
    assert (case.step, case.trouble) == (Step.DONE, None)


async def test_what_is_withdrawn_from_a_plugin_that_is_gone_waits_for_nobody(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    key = await worker.apply(citizen)
    market.plugins = []
    await worker.courier.run()
    await worker.withdraw(citizen, key)
    case = await worker.case(citizen, key)
    assert (case.step, case.trouble) == (Step.DONE, None)


@pytest.mark.parametrize(
    ("standing", "refusal"), [(Standing.SUSPENDED, ServiceSuspended), (Standing.RETIRED, ServiceRetired)]
)
async def test_a_service_that_is_not_open_takes_no_new_applications(
    worker: Worker, market: Market, citizen: UUID, standing: Standing, refusal: type[Exception]
) -> None:
    stand(market, standing)
    with pytest.raises(refusal):
        await worker.apply(citizen)


async def test_what_a_retired_service_was_given_is_followed_to_its_end(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    key = await worker.apply(citizen)
    stand(market, Standing.RETIRED)
    await worker.courier.run()
    await worker.later(minutes=2)
    assert len(market.office.asked("howFar")) == 1
    await worker.withdraw(citizen, key)
    await worker.courier.run()
    assert market.office.took_back(key.hex)
    assert (await worker.case(citizen, key)).step == Step.DONE
