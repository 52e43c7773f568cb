"""A device gets pushes as long as the sign-in lasts in which it asked for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.ids import new_id
from identity.messages import MESSAGES
from identity.notices.models import NoticeChannel, NoticeOutgoing
from identity.notices.outbox import Outcome
from identity.provider.clients import DEMO_APP, seed_clients
from identity.provider.endings import Endings, EndReason
from identity.provider.models import SignInSession, TokenFamily
from tests.identity.notices.outside import Device, encoded
from tests.identity.notices.test_tasks import ANNA, Room

APP = DEMO_APP
DEVICE = Device()


@pytest.fixture
async def room(database: Database, clock: FixedClock, keys: KeyRing) -> Room:
    async with database.write() as session:
        await seed_clients(session, clock)
    return Room(database, clock, keys)


async def signed_in(room: Room) -> tuple[UUID, UUID]:
    """A session and a token family that began in it."""
    now, at, family = room.clock.now(), new_id(), new_id()
    later = now + timedelta(days=1)
    async with room.db.write() as session:
        session.add(
            SignInSession(
                person=ANNA,
                id=at,
                token_hash=at.bytes,
                method="thaid",
                acr="x",
                amr=[],
                name_sealed=b"x",
                for_request=b"",
                device="x",
                signed_in_at=now,
                authenticated_at=now,
                last_used_at=now,
                expires_at=later,
            )
        )
        session.add(
            TokenFamily(
                person=ANNA,
                id=family,
                client=APP,
                session=at,
                scope="citizen",
                resources=[],
                acr="x",
                amr=[],
                auth_time=now,
                dpop_jkt=None,
                created_at=now,
                expires_at=later,
            )
        )
    return at, family


async def said(room: Room, family: UUID | None, name: str = "one") -> UUID:
    """The device asks for pushes in that sign-in, as a browser does at each start."""
    async with room.db.write() as session:
        row = await room.notices.add_push(
            session,
            ANNA,
            endpoint=f"https://push.example/{name}",
            p256dh=encoded(DEVICE.public),
            auth=encoded(DEVICE.auth),
            label=name,
            family=family,
        )
    return row.id


async def with_push(room: Room, family: UUID | None, name: str = "one") -> UUID:
    return await room._confirmed(ANNA, await said(room, family, name), room.push)


async def channels(room: Room) -> set[UUID]:
    async with room.db.read() as session:
        return set(await session.scalars(select(col(NoticeChannel.id))))


Ending = Callable[[Endings, AsyncSession, UUID, UUID], Awaitable[object]]
ENDINGS: dict[str, Ending] = {
    "the app is signed out": lambda end, on, _, family: end.end_family(on, ANNA, family, EndReason.REVOKED),
    "the browser is signed out": lambda end, on, at, _: end.end_session(on, ANNA, at, EndReason.SIGNED_OUT),
    "all is signed out": lambda end, on, _, __: end.end_sessions(on, ANNA, EndReason.SESSION_ENDED),
    "the app has ended": lambda end, on, _, __: end.end_client(on, APP),
}


@pytest.mark.parametrize("how", ENDINGS)
async def test_signing_out_ends_the_pushes_of_that_device(room: Room, how: str) -> None:
    at, family = await signed_in(room)
    gone, mail = await with_push(room, family), await room.with_mail(ANNA)
    room.push.parcels.clear()
    message = await room.tell(ANNA, MESSAGES["sessions.all-ended"])
    async with room.db.write() as session:
        await ENDINGS[how](Endings(room.clock), session, at, family)
    assert await channels(room) == {mail}
    async with room.db.read() as session:
        owed = await session.get(NoticeOutgoing, (gone, message))
    assert owed is not None
    assert owed.outcome == Outcome.GONE
    await room.deliverer.run()
    assert room.push.parcels == []
    assert [parcel.id for parcel in room.mail.parcels][-1] == message.hex


async def test_signing_out_elsewhere_ends_nothing_here(room: Room) -> None:
    _, family = await signed_in(room)
    other, _ = await signed_in(room)
    here, of_nobody = await with_push(room, family), await with_push(room, None, "two")
    async with room.db.write() as session:
        await Endings(room.clock).end_session(session, ANNA, other, EndReason.SIGNED_OUT)
    assert await channels(room) == {here, of_nobody}


async def test_a_device_goes_with_the_sign_in_in_which_it_asked_last(room: Room) -> None:
    _, former = await signed_in(room)
    _, family = await signed_in(room)
    key = await with_push(room, former)
    assert await said(room, family) == key
    endings = Endings(room.clock)
    async with room.db.write() as session:
        await endings.end_family(session, ANNA, former, EndReason.REVOKED)
    assert await channels(room) == {key}
    async with room.db.write() as session:
        await endings.end_family(session, ANNA, family, EndReason.REVOKED)
    assert await channels(room) == set()
