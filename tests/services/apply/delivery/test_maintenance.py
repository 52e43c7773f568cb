"""What is owed to an agency waits for the end of its announced maintenance, and burns no attempt."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from core.text import Text
from services.apply.delivery.states import RETRY_MAX, Step
from services.plugins.operating.windows import Window
from tests.services.apply.delivery.conftest import Market, Worker
from tests.services.apply.delivery.office import SLUG

pytestmark = pytest.mark.in_turn
WORDS = Text(th="ปิดปรับปรุง", en="Maintenance")


def announce(worker: Worker, lasts: timedelta) -> None:
    now = worker.clock.now()
    worker.windows.swap([Window(uuid4(), SLUG, now, now + lasts, WORDS)])


async def test_an_application_goes_to_the_agency_when_its_maintenance_is_over(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    announce(worker, timedelta(minutes=20))
    key = await worker.apply(citizen)
    await worker.courier.run()
    case = await worker.case(citizen, key)
    assert (case.step, case.trouble, case.attempts) == (Step.SUBMIT, "SOURCE_MAINTENANCE", 0)
    assert case.due_at is not None
    assert timedelta(minutes=20) <= case.due_at - worker.clock.now() <= timedelta(minutes=21)
    assert await worker.attempts() == []
    assert market.office.effects == []
    await worker.later(minutes=19)
    assert market.office.effects == []
    await worker.later(minutes=2)
    assert len(market.office.effects) == 1
    case = await worker.case(citizen, key)
    assert (case.step, case.trouble) == (Step.STATUS, None)


async def test_in_long_maintenance_it_is_looked_at_every_hour_in_case_it_ends_before(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    announce(worker, timedelta(days=2))
    key = await worker.apply(citizen)
    for _ in range(3):
        await worker.courier.run()
        case = await worker.case(citizen, key)
        assert case.due_at is not None
        assert (case.due_at - worker.clock.now(), case.attempts) == (RETRY_MAX, 0)
        worker.clock.advance(RETRY_MAX)
    worker.windows.swap([])
    await worker.courier.run()
    assert len(market.office.effects) == 1
