"""One key is one wish, whatever comes at once; what is kept of it ends with whom it is about, or when a law says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from core.models import SubjectKey
from services.plugins.documents import repository
from services.plugins.documents.models import IssueWish
from services.plugins.documents.service import KEPT, WISH_KEPT, DocumentDesk
from tests.api.test_issue_document import KEY, download, issue, issued, kept, office, refused
from tests.laws.cases import person_of
from tests.laws.tables import contents
from tests.services.exchange.privacy.world import left, lived, ran
from tests.services.plugins.documents.office import Office
from tests.support.acting import signed_in_with
from tests.support.app import Served

__all__ = ["office"]
OTHER = {"year": 2570}
CONFLICT = [("IDEMPOTENCY_CONFLICT", ["idempotencyKey"])]


@asynccontextmanager
async def under_way(sitthi: Served, office: Office, **given: Any) -> AsyncIterator[asyncio.Task[dict[str, Any]]]:
    """A document is asked for; the agency answers when the block ends."""
    await sitthi.token("elder")
    asked, goes_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        office.meanwhile = None
        asked.set()
        await goes_on.wait()

    office.meanwhile = wait
    answer = asyncio.create_task(issue(sitthi, **given))
    await asked.wait()
    yield answer
    goes_on.set()


async def test_of_two_wishes_under_one_key_at_once_only_one_reaches_the_agency(sitthi: Served, office: Office) -> None:
    async with under_way(sitthi, office, idempotencyKey=KEY) as first:
        assert refused(await issue(sitthi, idempotencyKey=KEY, arguments=OTHER)) == CONFLICT
    assert (await first)["problems"] == []
    [call] = office.calls
    assert call.arguments == {"year": 2569}
    assert await kept(sitthi) == (1, 1)


async def test_another_wish_under_a_key_whose_first_call_may_have_arrived_is_refused(
    sitthi: Served, office: Office
) -> None:
    office.fail = TimeoutError()
    assert refused(await issue(sitthi, idempotencyKey=KEY)) == [("SERVICE_UNAVAILABLE", [])]
    office.fail = None
    assert refused(await issue(sitthi, idempotencyKey=KEY, arguments=OTHER)) == CONFLICT
    assert len(office.calls) == 1
    await issued(sitthi, idempotencyKey=KEY)
    await issued(sitthi, "graduate", idempotencyKey=KEY, arguments=OTHER)  # whose key it is not


async def test_a_wish_is_forgotten_when_agencies_forget_its_key(sitthi: Served, office: Office) -> None:
    await issued(sitthi, idempotencyKey=KEY)
    desk = sitthi.house.rooms.get(DocumentDesk)
    sitthi.clock.advance(WISH_KEPT)
    await desk.expire()
    assert len((await contents(sitthi.house.db))[str(IssueWish.__tablename__)]) == 1
    sitthi.clock.advance(timedelta(seconds=1))
    await desk.expire()
    assert (await contents(sitthi.house.db))[str(IssueWish.__tablename__)] == []


async def test_of_who_leaves_while_the_agency_is_asked_nothing_is_kept(sitthi: Served, office: Office) -> None:
    person = await person_of(sitthi, "elder")
    signed_in_with(sitthi)

    async with under_way(sitthi, office) as answer:
        await left(sitthi)
        await ran(sitthi)
    assert refused(await answer) == [("NOT_FOUND", [])]
    assert await kept(sitthi) == (0, 0)
    assert (await contents(sitthi.house.db))[str(IssueWish.__tablename__)] == []
    async with sitthi.house.db.read() as session:
        assert await session.get(SubjectKey, person) is None, "no new key was made for them"


@pytest.mark.parametrize("end_benefits", [True, False])
async def test_of_who_has_left_just_before_it_is_claimed_not_even_the_wish_is_kept(
    sitthi: Served, office: Office, monkeypatch: pytest.MonkeyPatch, end_benefits: bool
) -> None:
    if end_benefits:
        await person_of(sitthi, "elder")
        signed_in_with(sitthi)
    else:  # a law keeps their number
        await lived(sitthi)
    count, has_left = repository.count, list[UUID]()

    async def counted(session: AsyncSession, person: UUID, now: datetime) -> int:
        if not has_left:
            has_left.append(person)
            await left(sitthi, end_benefits=end_benefits)
            await ran(sitthi)
        return await count(session, person, now)

    monkeypatch.setattr(repository, "count", counted)
    office.calls.clear()
    assert refused(await issue(sitthi)) == [("NOT_FOUND", [])]
    assert has_left
    assert office.calls == []
    assert (await contents(sitthi.house.db))[str(IssueWish.__tablename__)] == []


async def test_nor_of_who_leaves_and_whose_number_a_law_keeps_until_they_come_back(
    sitthi: Served, office: Office
) -> None:
    await lived(sitthi)

    async with under_way(sitthi, office) as answer:
        await left(sitthi, end_benefits=False)
        await ran(sitthi)
    assert refused(await answer) == [("NOT_FOUND", [])]
    assert await kept(sitthi) == (0, 0)
    sitthi.clock.advance(timedelta(minutes=1))
    sitthi.forget_tokens()
    await issued(sitthi)
    assert await kept(sitthi) == (1, 1)


@pytest.mark.parametrize("everybody", [False, True])
async def test_a_legal_hold_keeps_what_has_expired_and_nobody_sees_it_until_it_is_released(
    sitthi: Served, office: Office, everybody: bool
) -> None:
    document = await issued(sitthi)
    await issued(sitthi, "graduate")
    person, holds = await person_of(sitthi, "elder"), sitthi.house.privacy.holds
    desk, until = sitthi.house.rooms.get(DocumentDesk), sitthi.clock.now() + 2 * KEPT
    async with sitthi.house.db.write() as session:
        held = await holds.place(
            session,
            store="documents",
            person=None if everybody else person,
            law="Civil Procedure Code s.94",
            reason="a court asked",
            until=until,
            officer="officer",
        )
    sitthi.clock.advance(KEPT)
    sitthi.forget_tokens()
    await desk.expire()
    assert await kept(sitthi) == ((2, 2) if everybody else (1, 1))
    assert (await download(sitthi, document["url"])).status_code == 404
    async with sitthi.house.db.write() as session:
        await holds.release(session, held.id, officer="officer")
    await desk.expire()
    assert await kept(sitthi) == (0, 0)
