"""What applications wait for, as the registry asks before a version drops an operation, on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import update

from api.service_turns import OwedToServices
from core.ids import new_id
from services.apply.delivery.models import ServiceCase
from services.apply.delivery.states import Step
from services.plugins.contract import OperationKind
from services.plugins.registry.passing import Owing
from tests.api.test_apply_service import apply
from tests.services.apply.delivery.office import SLUG, Office
from tests.support.app import Served

SUBMIT, STATUS, CANCEL = OperationKind.SUBMIT, OperationKind.STATUS, OperationKind.CANCEL
WAITS: Final[tuple[tuple[dict[str, Any], Mapping[OperationKind, int]], ...]] = (
    ({"step": Step.SUBMIT}, {SUBMIT: 1}),
    ({"step": Step.SUBMIT, "cancel_wanted": True}, {SUBMIT: 1, CANCEL: 1}),
    ({"step": Step.STATUS}, {STATUS: 1}),
    ({"step": Step.CANCEL, "cancel_wanted": False}, {CANCEL: 1}),
    ({"step": Step.CANCEL, "cancel_wanted": True}, {CANCEL: 1}),
    ({"step": Step.DONE, "due_at": None}, {}),
    ({"step": Step.STATUS, "due_at": None}, {}),
)


async def owed(sitthi: Served, slug: str = SLUG) -> Mapping[OperationKind, int]:
    asked: Owing = OwedToServices()
    async with sitthi.house.db.read() as session:
        return await asked.owed(session, slug)


async def test_what_waits_is_counted_by_the_kind_of_operation_that_it_needs(sitthi: Served) -> None:
    sitthi.house.registry.add(Office(sitthi.clock).plugin())
    assert await owed(sitthi) == {}
    now = sitthi.clock.now()
    held = {"lease": new_id(), "leased_until": now + timedelta(days=1)}  # so that no courier takes it from us
    assert (await apply(sitthi))["problems"] == []
    for values, expected in WAITS:
        row = {"due_at": now, "failed_at": None, "cancel_wanted": False, **held, **values}
        async with sitthi.house.db.write() as session:
            await session.execute(update(ServiceCase).values(**row))
        assert await owed(sitthi) == expected, values
    assert await owed(sitthi, "another") == {}


async def test_what_was_given_up_waits_for_an_operator_and_counts(sitthi: Served) -> None:
    sitthi.house.registry.add(Office(sitthi.clock).plugin())
    await apply(sitthi)
    given_up = {"step": Step.CANCEL, "due_at": None, "failed_at": sitthi.clock.now(), "lease": None}
    async with sitthi.house.db.write() as session:
        await session.execute(update(ServiceCase).values(**given_up))
    assert await owed(sitthi) == {CANCEL: 1}
