"""The address in a letter: one POST stops it, a GET changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.ids import new_id
from identity.notices.channels import ChannelKind
from identity.notices.models import NoticeChannel
from identity.notices.routes import notices_router
from identity.notices.service import Notices, Offered
from identity.notices.topics import NoticeTopic

ANNA = new_id()


@pytest.fixture
def notices(keys: KeyRing, clock: FixedClock) -> Notices:
    return Notices(keys, clock, Offered(frozenset(ChannelKind)))


@pytest.fixture
async def stop(database: Database, notices: Notices, clock: FixedClock) -> str:
    """The path in a letter about a payment."""
    channel = NoticeChannel(
        person=ANNA, id=new_id(), kind="EMAIL", label="", address_index=b"x", created_at=clock.now()
    )
    async with database.write() as session:
        session.add(channel)
    return f"/notices/stop/{notices.stop_token(channel.id, NoticeTopic.PAYMENTS)}"


@pytest.fixture
async def browser(database: Database, notices: Notices) -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    app.include_router(notices_router(database, notices))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost") as client:
        yield client


async def off(database: Database, notices: Notices) -> frozenset[str]:
    async with database.read() as session:
        return (await notices.wishes(session, ANNA)).off


async def test_a_mail_readers_one_click_stops_it(
    browser: httpx2.AsyncClient, database: Database, notices: Notices, stop: str
) -> None:
    for _ in range(2):
        answer = await browser.post(stop, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
    assert await off(database, notices) == {"PAYMENTS:EMAIL"}


async def test_opening_the_link_asks_and_stops_nothing(
    browser: httpx2.AsyncClient, database: Database, notices: Notices, stop: str
) -> None:
    answer = await browser.get(stop)
    assert answer.status_code == 200
    assert '<form method="post">' in answer.text
    assert ANNA.hex not in answer.text
    assert await off(database, notices) == frozenset()


async def test_a_link_that_we_never_made_is_not_found(
    browser: httpx2.AsyncClient, database: Database, notices: Notices, stop: str
) -> None:
    forged = stop.replace("payments", "applications")
    assert (await browser.get(forged)).status_code == 404
    assert (await browser.post(forged)).status_code == 404
    assert await off(database, notices) == frozenset()
