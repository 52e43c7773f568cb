"""Who leaves is erased everywhere, but for what a law keeps and they were told of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col

from core.models import SubjectKey
from identity.people.models import Person
from services.exchange.access_log.models import AccessRecord
from services.exchange.privacy.models import PrivacyRequest
from services.exchange.privacy.states import Status
from tests.laws.cases import person_of
from tests.services.exchange.privacy.world import (
    WHO,
    done,
    dump,
    file_of,
    found,
    left,
    lived,
    markers,
    ran,
    readable,
    redis_dump,
)
from tests.support.app import Served


async def request_of(sitthi: Served, person: UUID, key: UUID) -> PrivacyRequest:
    async with sitthi.house.db.read() as session:
        row = await session.get(PrivacyRequest, (person, key))
    assert row is not None
    return row


async def key_is_there(sitthi: Served, person: UUID) -> bool:
    async with sitthi.house.db.read() as session:
        return await session.get(SubjectKey, person) is not None


async def test_before_the_days_of_grace_are_over_nothing_is_erased(sitthi: Served) -> None:
    person = await lived(sitthi, applies=False)
    before = await readable(sitthi, person)
    await done(sitthi, "leave", "request { status }", WHO, endBenefits=True)
    assert (await ran(sitthi)).erasures == 0
    assert len(await readable(sitthi, person)) >= len(before)


async def test_an_erasure_is_taken_back_and_nothing_happens(sitthi: Served) -> None:
    person = await lived(sitthi, applies=False)
    asked = await done(sitthi, "leave", "request { id }", WHO, endBenefits=True)
    cancelled = await done(sitthi, "cancelErasure", "request { status }", WHO, request=asked["request"]["id"])
    assert cancelled["request"]["status"] == "CANCELLED"
    sitthi.clock.advance(timedelta(days=30))
    assert (await ran(sitthi)).erasures == 0
    assert await key_is_there(sitthi, person)


async def test_nothing_that_names_a_person_who_left_is_found_anywhere(
    sitthi: Served, database_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    person = await lived(sitthi, applies=False)
    assert b"marker" in await readable(sitthi, person)
    request = await left(sitthi)
    await ran(sitthi)
    assert (await request_of(sitthi, person, request)).status == Status.DONE
    assert not await key_is_there(sitthi, person)
    places = await dump(sitthi.house.db)
    places["redis"] = await redis_dump(sitthi.house.redis)
    printed = capfd.readouterr()
    places["output"] = (printed.out + printed.err).encode()
    if database_url.startswith("sqlite"):
        places["file"] = file_of(database_url)
    assert found(places, markers(sitthi)) == []
    left_over = await readable(sitthi, person)
    assert b"marker" not in left_over


async def test_who_comes_back_is_a_new_person_with_a_fresh_key(sitthi: Served) -> None:
    person = await lived(sitthi, applies=False)
    await left(sitthi)
    await ran(sitthi)
    sitthi._tokens.clear()
    again = await person_of(sitthi, WHO)
    assert again != person
    async with sitthi.house.db.read() as session:
        assert await session.get(Person, person) is None


async def test_the_access_log_keeps_an_entry_of_the_erasure_and_what_it_had(sitthi: Served) -> None:

    person = await lived(sitthi, applies=False)

    async def records() -> list[Any]:
        async with sitthi.house.db.read() as session:
            query = select(col(AccessRecord.id), col(AccessRecord.commitment)).where(
                col(AccessRecord.subject) == person
            )
            return list((await session.execute(query.order_by(col(AccessRecord.id)))).tuples())

    before = await records()
    await left(sitthi)
    await ran(sitthi)
    after = await records()
    assert after[: len(before)] == before
    assert len(after) == len(before) + 2, "a decision and its outcome"
