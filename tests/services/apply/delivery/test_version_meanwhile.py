"""Applications that are filed and withdrawn while another version of the service is put in force."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update

from api.service_turns import OwedToServices
from core.errors import Conflict
from services.apply.delivery.models import ServiceCase
from services.apply.delivery.states import Step
from services.plugins.contract import OperationKind
from services.plugins.plugin import Origin
from services.plugins.registry.models import Service, ServiceVersion
from services.plugins.registry.states import State
from tests.services.apply.delivery.conftest import Market, Worker
from tests.services.apply.delivery.office import OPERATIONS, SLUG

AGENCY = "oic"


async def registered(worker: Worker, market: Market) -> None:
    """The office's service as one that its agency has registered: version 1.0.0, which this process knows."""
    now = worker.clock.now()
    async with worker.database.write() as session:
        session.add(
            Service(
                agency=AGENCY, slug=SLUG, current="1.0.0", prefix=None, namespace=None, provides=[], held=False,
                skipped=None, skipped_at=None, created_at=now, row_version=1,
            )
        )  # fmt: skip
        await session.flush()
        session.add(
            ServiceVersion(
                agency=AGENCY, slug=SLUG, version="1.0.0", state=State.PUBLISHED, files={}, digest=b"-", sent_by="-",
                sent_client="-", sent_at=now, submitted_by=None, submitted_client=None, lease=None, lease_until=None,
                attempts=0, published_at=now, retired_at=None,
            )
        )  # fmt: skip
    market.plugins = [replace(one, origin=Origin.REMOTE) for one in market.plugins]


async def another_process_puts_in_force(worker: Worker, version: str) -> None:
    async with worker.database.write() as session:
        await session.execute(update(ServiceVersion).values(version=version))


async def cases(worker: Worker) -> int:
    async with worker.database.read() as session:
        return await session.scalar(select(func.count()).select_from(ServiceCase)) or 0


@pytest.mark.postgres_only
async def test_whoever_drops_an_operation_waits_for_the_application_that_is_being_filed(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    """Uncommitted, it was not seen: the operation went, and the application waited for nobody."""

    async def owed() -> dict[OperationKind, int]:
        async with worker.database.write() as session:
            return {**await OwedToServices().owed(session, SLUG)}

    await registered(worker, market)
    submission = await worker.service.prepare(citizen, citizen, f"service:{SLUG}", {"shopName": "ร้านข้าวแกง"})
    async with worker.database.write() as session:
        await worker.service.apply(session, submission)
        counting, waits = asyncio.create_task(owed()), False
        while not waits and not counting.done():
            async with worker.database.read() as looking:
                waits = bool(await looking.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))
        assert waits, f"it did not wait, and counted {counting.result()}"
    assert await counting == {OperationKind.SUBMIT: 1}


@pytest.mark.postgres_only
async def test_those_who_file_do_not_wait_for_each_other(worker: Worker, market: Market, citizen: UUID) -> None:
    await registered(worker, market)
    async with worker.database.write() as session:
        assert await worker.desk._agencies.stands_still(session, SLUG)
        await worker.apply(citizen)
    assert await cases(worker) == 1


async def test_what_was_filed_by_a_version_that_is_in_force_no_more_is_refused_and_leaves_nothing(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    await registered(worker, market)
    await another_process_puts_in_force(worker, "2.0.0")
    with pytest.raises(Conflict):
        await worker.apply(citizen)
    assert await cases(worker) == 0
    market.publish(version="2.0.0")
    market.plugins = [replace(one, origin=Origin.REMOTE) for one in market.plugins]
    await worker.apply(citizen)
    assert await cases(worker) == 1


async def test_what_went_while_the_facts_were_read_is_not_applied_for(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    submission = await worker.service.prepare(citizen, citizen, f"service:{SLUG}", {"shopName": "ร้านข้าวแกง"})
    market.publish(operations={name: spec for name, spec in OPERATIONS.items() if name == "hear"}, form=None)
    with pytest.raises(Conflict):
        async with worker.database.write() as session:
            await worker.service.apply(session, submission)
    assert await cases(worker) == 0


async def test_a_withdrawal_that_nobody_might_take_is_tried_again_once_the_process_knows_the_version(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    await registered(worker, market)
    key = await worker.apply(citizen)
    await worker.courier.run()
    await another_process_puts_in_force(worker, "2.0.0")
    with pytest.raises(Conflict):
        await worker.withdraw(citizen, key)
    assert (await worker.case(citizen, key)).step == Step.STATUS
    await worker.withdraw(citizen, key, leaving=True)
    assert (await worker.case(citizen, key)).step == Step.CANCEL, "who leaves is not held up"


async def test_an_application_that_was_to_be_looked_at_waits_for_nobody_once_there_is_no_look(
    worker: Worker, market: Market, citizen: UUID
) -> None:
    """A process that knew the former version heard the answer to `submit` when the next one was in force."""
    await registered(worker, market)
    key = await worker.apply(citizen)
    await worker.courier.run()
    for version, is_due in (("2.0.0", True), ("1.1.0", False)):
        await another_process_puts_in_force(worker, version)
        without = {name: spec for name, spec in OPERATIONS.items() if name != "howFar"}
        market.publish(version="1.1.0", operations=without)
        market.plugins = [replace(one, origin=Origin.REMOTE) for one in market.plugins]
        await worker.later(days=1)
        case = await worker.case(citizen, key)
        assert (case.step, case.due_at is not None) == (Step.STATUS, is_due), "a process that is behind says nothing"
    assert await worker.later(days=1) == 0
