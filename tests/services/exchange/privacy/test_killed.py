"""An erasure or an export that is cut off anywhere is finished by another worker, once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.assurance import OF_THAID
from core.models import SubjectKey
from services.exchange.access_log.models import AccessRecord
from services.exchange.privacy import pdf
from services.exchange.privacy.erasure import Eraser
from services.exchange.privacy.leases import LASTS, Lease
from services.exchange.privacy.models import PrivacyEvent, PrivacyExport, PrivacyRequest
from services.exchange.privacy.states import Kind, Status, Step
from tests.services.exchange.privacy.world import WHO, done, key_of, left, lived, ran, readable
from tests.support.app import Served

STEPS_MAX = 60


class Killed(BaseException):
    """As kill -9: nothing after it runs, and what was not committed is lost."""


def dies_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """The worker's process ends in its n-th transaction: before it begins (even) or just before it commits (odd)."""
    original, count = Lease.step, 0

    @asynccontextmanager
    async def stepping(self: Lease) -> AsyncIterator[AsyncSession]:
        nonlocal count
        count += 1
        if 2 * count - 2 == step:
            raise Killed
        async with original(self) as session:
            yield session
            if 2 * count - 1 == step:
                raise Killed

    monkeypatch.setattr(Lease, "step", stepping)


async def events_of(sitthi: Served, request: UUID) -> Counter[str]:
    async with sitthi.house.db.read() as session:
        return Counter(
            (await session.scalars(select(col(PrivacyEvent.kind)).where(col(PrivacyEvent.subject) == request))).all()
        )


async def entries(sitthi: Served, person: UUID) -> int:
    async with sitthi.house.db.read() as session:
        query = select(col(AccessRecord.id)).where(col(AccessRecord.subject) == person)
        return len((await session.scalars(query)).all())


@pytest.mark.parametrize("step", [0, 1, 2, 3, 5, 8, 13, 21, 25, 28, 29, 30, 31, 32, 33, 34])
async def test_an_erasure_that_is_killed_is_finished_by_the_next_worker(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    person = await lived(sitthi, applies=False)
    before = await entries(sitthi, person)
    request = await left(sitthi)
    with monkeypatch.context() as patch:
        dies_at(patch, step)
        try:
            await sitthi.house.privacy.eraser.one(person, request)
        except Killed:
            died = True
        else:
            died = False
    assert died == (step <= 2 * await steps_of(sitthi)), "else the test tries nothing"
    if died:
        assert not await sitthi.house.privacy.eraser.one(person, request), "the lease of the dead one still holds"
    sitthi.clock.advance(LASTS)
    await ran(sitthi)
    async with sitthi.house.db.read() as session:
        row = await session.get(PrivacyRequest, (person, request))
        assert row is not None
        assert row.status == Status.DONE
        assert await session.get(SubjectKey, person) is None
    assert b"marker" not in await readable(sitthi, person)
    told = await events_of(sitthi, request)
    assert (told[Step.BEGUN], told[Step.KEY_DESTROYED], told[Step.DONE]) == (1, 1, 1)
    assert await entries(sitthi, person) == before + 2, "one entry of the erasure, and its outcome"


async def steps_of(sitthi: Served) -> int:
    """Transactions of a whole erasure: to prepare, one for each store, and the last."""
    return len(sitthi.house.privacy.stores) + 2


async def test_carried_out_twice_is_as_once(sitthi: Served) -> None:
    person = await lived(sitthi, applies=False)
    request = await left(sitthi)
    assert await sitthi.house.privacy.eraser.one(person, request)
    told = await events_of(sitthi, request)
    assert not await sitthi.house.privacy.eraser.one(person, request)
    await ran(sitthi)
    assert await events_of(sitthi, request) == told


async def test_of_ten_workers_at_once_one_erases(sitthi: Served) -> None:
    person = await lived(sitthi, applies=False)
    request = await left(sitthi)
    moved = await asyncio.gather(*(sitthi.house.privacy.eraser.one(person, request) for _ in range(10)))
    assert sum(moved) == 1
    assert (await events_of(sitthi, request))[Step.DONE] == 1


@pytest.mark.parametrize("step", [0, 1, 2, 3, 4, 5])
async def test_an_export_that_is_killed_is_made_anew_and_whole(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    person = await lived(sitthi, applies=False)
    asked = await done(sitthi, "requestMyData", "request { id }", WHO, kind="ACCESS")
    request = key_of(asked["request"]["id"])
    with monkeypatch.context() as patch:
        dies_at(patch, step)
        with pytest.raises(Killed):
            await sitthi.house.privacy.exporter.one(person, request)
    sitthi.clock.advance(LASTS)
    await ran(sitthi)
    assert (await events_of(sitthi, request))[Step.EXPORTED] == 1
    async with sitthi.house.db.read() as session:
        pieces = (await session.scalars(select(PrivacyExport).where(col(PrivacyExport.request) == request))).all()
    by_format = Counter(piece.format for piece in pieces)
    assert set(by_format) >= {"json", "jws"}
    for format_, count in by_format.items():
        assert sorted(p.number for p in pieces if p.format == format_) == list(range(count))


async def test_one_request_that_nobody_foresaw_does_not_stand_in_the_way_of_others(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await lived(sitthi, applies=False)
    broken = await left(sitthi)
    sitthi.forget_tokens()
    second = await lived(sitthi, "graduate", applies=False)
    other = await left(sitthi, "graduate")
    original = Eraser.one

    async def one(self: Eraser, person: UUID, request: UUID) -> bool:
        if request == broken:
            raise RuntimeError("nobody foresaw it")
        return await original(self, person, request)

    with monkeypatch.context() as patch:
        patch.setattr(Eraser, "one", one)
        assert (await ran(sitthi)).erasures == 1
    async with sitthi.house.db.read() as session:
        failed = await session.get(PrivacyRequest, (first, broken))
        done_ = await session.get(PrivacyRequest, (second, other))
    assert failed is not None
    assert done_ is not None
    assert (failed.status, failed.failure, done_.status) == (Status.COOLING, "INTERNAL", Status.DONE)


async def test_a_copy_that_is_being_made_leaves_nothing_of_who_is_erased_meanwhile(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker has all of it in its memory, and would store it after everything else was erased."""
    person = await lived(sitthi, applies=False)
    leaving = await left(sitthi)
    asked = await copy_asked_for(sitthi, person)
    reading, goes_on = asyncio.Event(), asyncio.Event()

    async def rendered(*_: Any, **__: Any) -> bytes:
        reading.set()
        await goes_on.wait()
        return b"a paper of who has left"

    monkeypatch.setattr(pdf, "rendered", rendered)
    copying = asyncio.create_task(sitthi.house.privacy.exporter.one(person, asked))
    await reading.wait()
    assert await sitthi.house.privacy.eraser.one(person, leaving)
    goes_on.set()
    assert not await copying
    sitthi.clock.advance(LASTS)
    await ran(sitthi)
    async with sitthi.house.db.read() as session:
        assert (await session.scalars(select(PrivacyExport).where(col(PrivacyExport.person) == person))).all() == []
        assert await session.get(SubjectKey, person) is None, "nothing was looked at in their name again"
        row = await session.get(PrivacyRequest, (person, asked))
    assert row is not None
    assert row.status == Status.EXPIRED


async def copy_asked_for(sitthi: Served, person: UUID) -> UUID:
    """Asks for a copy in the last moment before the erasure; answers the request's key."""
    async with sitthi.house.db.write() as session:
        row = await sitthi.house.privacy.requests.data(session, person, Kind.ACCESS, assurance=OF_THAID)
    return row.id
