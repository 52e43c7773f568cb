"""The same over the signed protocol: a remote agency that serves the kit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import httpx2
import pytest

from core.clock import FixedClock
from identity.inbox.service import Inbox
from identity.people.correction import Correction
from services.apply.delivery.states import Step
from services.apply.states import Status
from services.plugins.contract import State
from tests.services.apply.delivery.conftest import Market, Worker
from tests.services.apply.delivery.office import FULL, manifest_of
from tests.services.exchange.fakes import Exchange, national_id
from tests.support.plugins.far_side import FarSide, reply_like

pytestmark = pytest.mark.sqlite_only  # how rows are leased is tried on both beside this


@pytest.fixture
async def far(clock: FixedClock, market: Market) -> AsyncIterator[FarSide]:
    functions = market.office.plugin().functions
    async with FarSide(clock, functions, manifest=manifest_of()) as far:
        market.plugins = [far.plugin]
        yield far


async def test_an_application_goes_there_is_followed_and_taken_back(
    worker: Worker, market: Market, citizen: UUID, far: FarSide, exchange: Exchange
) -> None:
    key = await worker.apply(citizen)
    await worker.courier.run()
    assert far.request.headers["idempotency-key"] == key.hex
    [taken] = market.office.asked("takeIt")
    assert (taken.key, taken.person) == (key.hex, exchange.ids["citizen"])
    market.office.state = State.NEEDS_SUPPLEMENT
    await worker.later(minutes=2)
    assert (await worker.application(citizen, key)).status == Status.NEEDS_INFORMATION
    await worker.withdraw(citizen, key)
    await worker.courier.run()
    assert sorted(operation for operation, _ in market.office.effects) == ["hear", "takeBack", "takeIt"]
    assert (await worker.case(citizen, key)).step == Step.DONE


async def test_an_answer_that_is_lost_on_the_way_is_given_again_and_nothing_is_taken_twice(
    worker: Worker, market: Market, citizen: UUID, far: FarSide
) -> None:
    def lost(_: httpx2.Response) -> httpx2.Response:
        raise httpx2.ReadError("gone")

    key = await worker.apply(citizen)
    far.between.after = lost
    await worker.courier.run()
    far.between.after = lambda reply: reply_like(reply, content=reply.content.replace(b"M-1", b"M-2"))
    await worker.later(minutes=1)
    assert (await worker.case(citizen, key)).reference is None, "what is not signed is not believed"
    far.between.after = lambda reply: reply
    await worker.later(minutes=1)
    assert (await worker.case(citizen, key)).reference == "M-1"
    assert [(call.operation, call.key) for call in market.office.calls] == [("takeIt", key.hex)]
    assert [outcome for _, outcome in await worker.attempts()][-1] == "WELL"


async def test_a_declared_error_comes_back_in_the_manifests_words(
    worker: Worker, market: Market, citizen: UUID, far: FarSide
) -> None:
    market.office.fail = FULL
    key = await worker.apply(citizen)
    await worker.courier.run()
    assert (await worker.application(citizen, key)).status == Status.REJECTED
    assert worker.hearing.told(await worker.case(citizen, key))["note"]["en"] == "The market is full"


async def test_what_was_taken_back_under_a_number_that_is_corrected_meanwhile_is_taken_back_under_the_right_one_too(
    worker: Worker, market: Market, citizen: UUID, far: FarSide, exchange: Exchange
) -> None:
    def lost(_: httpx2.Response) -> httpx2.Response:
        raise httpx2.ReadError("gone")

    key = await worker.apply(citizen)
    await worker.courier.run()
    await worker.withdraw(citizen, key)
    far.between.after = lost
    await worker.courier.run()
    far.between.after = lambda reply: reply
    wrong = exchange.ids["citizen"]
    correction = Correction(exchange.people, Inbox(worker.clock), worker.clock, lambda: worker.desk)
    async with worker.database.write() as session:
        title = market.plugins[0].manifest.title.text
        await correction.apply(session, citizen, national_id(98), agency=title, by="officers")
    await worker.later(minutes=1)
    case = await worker.case(citizen, key)
    assert (case.step, case.failed_at, case.trouble) == (Step.DONE, None, None)
    assert [call.person for call in market.office.asked("takeBack")] == [wrong, national_id(98)]
    assert market.notices.hindrances == [], "nobody is told that it could not be taken back"
