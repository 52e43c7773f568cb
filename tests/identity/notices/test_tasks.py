"""What is owed to channels goes out: once committed, when it may, without what it is about; and again after a kill."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col
from structlog.testing import capture_logs

from api.messages import MESSAGES
from core.clock import BANGKOK, FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.ids import new_id
from core.money import Money
from core.text import Language, Text
from identity.contacts.service import ContactKind, Contacts
from identity.inbox import Inbox, MessageTemplate
from identity.notices.channels import ChannelKind, Gone, Later, Refused
from identity.notices.models import NoticeChannel, NoticeOutgoing
from identity.notices.outbox import Outcome
from identity.notices.planning import TOLD_IN_AN_HOUR_MAX, TRIED_FOR
from identity.notices.service import Notices, Offered
from identity.notices.tasks import HELD_FOR, Deliverer
from identity.notices.topics import NoticeTopic
from tests.identity.notices.outside import Device, Remembered, encoded

ANNA, BEN = new_id(), new_id()
PAID = MESSAGES["pay.settled"]
ALERT = MESSAGES["sessions.all-ended"]
BENEFIT = Text(th="เบี้ยความพิการ", en="Disability allowance")
NIGHT = datetime(2026, 11, 16, 21, 0, tzinfo=BANGKOK)


class Room:
    """Notices over a database, whose ways out keep what they are given."""

    def __init__(self, database: Database, clock: FixedClock, keys: KeyRing) -> None:
        self.db, self.clock = database, clock
        self.inbox = Inbox(clock)
        self.contacts = Contacts(keys, clock, self.inbox)
        self.notices = Notices(keys, clock, Offered(frozenset(ChannelKind), ("push.example",)))
        self.push, self.mail = Remembered(), Remembered()
        ways = {ChannelKind.PUSH: self.push, ChannelKind.EMAIL: self.mail}
        issuer = "https://sitthi.example"
        self.deliverer = Deliverer(database, clock, keys, self.notices, self.contacts, ways, issuer)

    async def with_push(self, person: UUID, name: str = "one") -> UUID:
        """A confirmed push channel, as a citizen makes one: by the code that came."""
        device = Device()
        async with self.db.write() as session:
            row = await self.notices.add_push(
                session,
                person,
                endpoint=f"https://push.example/{person.hex}/{name}",
                p256dh=encoded(device.public),
                auth=encoded(device.auth),
                label=name,
            )
        return await self._confirmed(person, row.id, self.push)

    async def with_mail(self, person: UUID, address: str = "anna@example.com") -> UUID:
        async with self.db.write() as session:
            await self.contacts.set(session, person, ContactKind.EMAIL, address)
            row = await self.notices.add_email(session, person)
        return await self._confirmed(person, row.id, self.mail)

    async def _confirmed(self, person: UUID, channel: UUID, way: Remembered) -> UUID:
        await self.deliverer.run()
        code = next(word for word in way.parcels[-1].body.split() if word.isdigit() and len(word) == 6)
        async with self.db.write() as session:
            await self.notices.take_a_try(session, person, channel, code)
            await self.notices.confirm(session, person, channel, code)
        way.parcels.clear()
        return channel

    async def tell(self, person: UUID, template: MessageTemplate = PAID) -> UUID:
        async with self.db.write() as session:
            values = {"title": BENEFIT, "amount": Money(70_000)} if template.places else {}
            return await self.inbox.send(session, person, template, **values)

    async def rows(self) -> Sequence[NoticeOutgoing]:
        async with self.db.read() as session:
            query = select(NoticeOutgoing).where(col(NoticeOutgoing.template) != "notices.code")
            return (await session.scalars(query.order_by(col(NoticeOutgoing.message)))).all()

    async def outcomes(self) -> list[str | None]:
        return [row.outcome for row in await self.rows()]


@pytest.fixture
def room(database: Database, clock: FixedClock, keys: KeyRing) -> Room:
    return Room(database, clock, keys)


async def test_a_message_goes_to_each_channel_of_its_person_and_to_nobody_elses(room: Room) -> None:
    await room.with_mail(ANNA)
    await room.with_push(ANNA)
    await room.with_push(ANNA, "two")
    await room.with_push(BEN)
    message = await room.tell(ANNA)
    assert await room.deliverer.run() == 3
    assert [parcel.id for parcel in room.push.parcels + room.mail.parcels] == [message.hex] * 3
    assert all(ANNA.hex in parcel.address for parcel in room.push.parcels)
    assert room.mail.parcels[0].address == "anna@example.com"
    assert await room.outcomes() == [Outcome.SENT] * 3
    assert await room.deliverer.run() == 0


async def test_what_many_are_told_goes_to_each_channel_that_one_alone_is_told_by(room: Room) -> None:
    await room.with_mail(ANNA)
    await room.with_push(ANNA)
    await room.with_push(BEN)
    left, untried, nobody = new_id(), new_id(), new_id()
    await room.with_mail(left, "left@example.com")
    async with room.db.write() as session:
        await room.contacts.set(session, left, ContactKind.EMAIL, "another@example.com")
        await room.contacts.set(session, untried, ContactKind.EMAIL, "untried@example.com")
        await room.notices.add_email(session, untried)
    everybody = [ANNA, BEN, left, untried, nobody]
    async with room.db.write() as session:
        alone = {
            person: await room.inbox.send(session, person, PAID, title=BENEFIT, amount=Money(1)) for person in everybody
        }
        keys = await room.inbox.send_each(session, everybody, PAID, title=BENEFIT, amount=Money(1))
    owed = await room.rows()
    by_one, by_many = (
        sorted(
            (row.model_dump(exclude={"message"}) for row in owed if row.message == told.get(row.person)),
            key=lambda row: str(row["channel"]),
        )
        for told in (alone, keys)
    )
    assert by_many == by_one
    assert [row["person"] for row in by_many].count(ANNA) == 2
    assert {row["person"] for row in by_many} == {ANNA, BEN}
    await room.deliverer.run()
    sent = [parcel.id for parcel in room.push.parcels + room.mail.parcels]
    assert [sent.count(keys[person].hex) for person in everybody] == [2, 1, 0, 0, 0]


async def test_what_is_rolled_back_is_never_told(room: Room) -> None:
    await room.with_push(ANNA)
    with suppress(ZeroDivisionError):
        async with room.db.write() as session:
            await room.inbox.send(session, ANNA, PAID, title=BENEFIT, amount=Money(1))
            raise ZeroDivisionError
    assert await room.deliverer.run() == 0


async def test_whoever_has_no_channel_is_owed_nothing(room: Room) -> None:
    await room.tell(ANNA)
    assert await room.rows() == []


async def test_nothing_goes_to_an_address_that_was_not_tried(room: Room) -> None:
    async with room.db.write() as session:
        await room.contacts.set(session, ANNA, ContactKind.EMAIL, "anna@example.com")
        await room.notices.add_email(session, ANNA)
    await room.deliverer.run()
    room.mail.parcels.clear()
    await room.tell(ANNA)
    assert await room.deliverer.run() == 0


async def test_a_notice_says_nothing_of_what_it_is_about(room: Room) -> None:
    await room.with_push(ANNA)
    await room.with_mail(ANNA)
    await room.tell(ANNA)
    await room.deliverer.run()
    for parcel in room.push.parcels + room.mail.parcels:
        said = parcel.title + parcel.body
        assert "700" not in said
        assert BENEFIT.th not in said
        assert "จ่าย" not in said


async def test_whoever_asks_for_it_sees_the_title_in_their_language_and_never_the_body(room: Room) -> None:
    await room.with_push(ANNA)
    async with room.db.write() as session:
        await room.notices.set_wishes(session, ANNA, language=Language.EN, shows_titles=True, off=())
    await room.tell(ANNA)
    await room.deliverer.run()
    [parcel] = room.push.parcels
    assert (parcel.title, parcel.language) == ("You have been paid 700.00 baht", "en")
    assert BENEFIT.en not in parcel.body


async def test_what_a_person_switched_off_stays_in_the_inbox(room: Room) -> None:
    await room.with_mail(ANNA)
    await room.with_push(ANNA)
    off = [(NoticeTopic.PAYMENTS, ChannelKind.EMAIL)]
    async with room.db.write() as session:
        await room.notices.set_wishes(session, ANNA, language=Language.TH, shows_titles=False, off=off)
    await room.tell(ANNA)
    assert await room.deliverer.run() == 1
    assert sorted(outcome or "" for outcome in await room.outcomes()) == [Outcome.OFF, Outcome.SENT]
    assert room.mail.parcels == []


async def test_the_address_in_a_letter_stops_letters_of_its_kind_alone(room: Room) -> None:
    await room.with_mail(ANNA)
    await room.tell(ANNA)
    await room.deliverer.run()
    stop = room.mail.parcels[0].unsubscribe
    assert stop is not None
    async with room.db.write() as session:
        await room.notices.stop(session, stop.rpartition("/")[2])
    await room.tell(ANNA)
    await room.tell(ANNA, ALERT)
    await room.deliverer.run()
    assert [parcel.urgent for parcel in room.mail.parcels] == [False, True]
    assert room.mail.parcels[1].unsubscribe is None


@pytest.mark.parametrize("new", ["other@example.com", None])
async def test_an_address_that_was_left_is_told_so_once_and_nothing_more(room: Room, new: str | None) -> None:
    key = await room.with_mail(ANNA)
    before = await room.tell(ANNA)
    async with room.db.write() as session:
        if new is None:
            await room.contacts.remove(session, ANNA, ContactKind.EMAIL)
        else:
            await room.contacts.set(session, ANNA, ContactKind.EMAIL, new)
    after = await room.tell(ANNA)
    async with room.db.read() as session:
        assert await room.notices.channels(session, ANNA) == []
    assert await room.deliverer.run() == 1
    [parcel] = room.mail.parcels
    assert (parcel.address, parcel.unsubscribe, parcel.urgent) == ("anna@example.com", None, True)
    assert "ที่อยู่อีเมลนี้ไม่ได้อยู่ในบัญชีของคุณแล้ว" in parcel.body
    assert new is None or new not in parcel.title + parcel.body
    rows = {row.message: row.outcome for row in await room.rows()}
    assert rows[before] == Outcome.GONE
    assert after not in rows
    assert sorted(outcome or "" for outcome in rows.values()) == [Outcome.GONE, Outcome.GONE, Outcome.SENT]
    async with room.db.read() as session:
        assert await session.get(NoticeChannel, (ANNA, key)) is None, "nor is the address kept"
    assert await room.deliverer.run() == 0


async def test_an_address_that_was_never_confirmed_is_not_written_to_when_it_is_left(room: Room) -> None:
    async with room.db.write() as session:
        await room.contacts.set(session, ANNA, ContactKind.EMAIL, "strangers@example.com")
        await room.notices.add_email(session, ANNA)
    async with room.db.write() as session:
        await room.contacts.remove(session, ANNA, ContactKind.EMAIL)
    assert await room.deliverer.run() == 0
    assert room.mail.parcels == []


async def test_the_same_address_said_again_is_not_left(room: Room) -> None:
    await room.with_mail(ANNA)
    async with room.db.write() as session:
        await room.contacts.set(session, ANNA, ContactKind.EMAIL, "anna@example.com")
        await room.contacts.set(session, ANNA, ContactKind.MOBILE, "081 234 5678")
    assert await room.deliverer.run() == 1
    assert room.mail.parcels[0].title == "แจ้งเตือนความปลอดภัยของบัญชี"
    async with room.db.read() as session:
        assert len(await room.notices.channels(session, ANNA)) == 1


async def test_who_goes_back_to_an_address_is_told_that_they_left_it_and_confirms_it_anew(room: Room) -> None:
    key = await room.with_mail(ANNA)
    async with room.db.write() as session:
        await room.contacts.set(session, ANNA, ContactKind.EMAIL, "other@example.com")
    async with room.db.write() as session:
        await room.contacts.set(session, ANNA, ContactKind.EMAIL, "anna@example.com")
        row = await room.notices.add_email(session, ANNA)
    assert (row.id, row.verified_at, row.left_at, row.address_sealed) == (key, None, None, None)
    assert await room.deliverer.run() == 2
    assert {parcel.address for parcel in room.mail.parcels} == {"anna@example.com"}
    assert sum("ไม่ได้อยู่ในบัญชีของคุณแล้ว" in parcel.body for parcel in room.mail.parcels) == 1


async def test_an_address_that_was_left_and_is_not_there_is_forgotten_too(room: Room) -> None:
    key = await room.with_mail(ANNA)
    async with room.db.write() as session:
        await room.contacts.remove(session, ANNA, ContactKind.EMAIL)
    for failure in (Later("busy"), Refused("no")):
        room.mail.failure = failure
        await room.deliverer.run()
        room.clock.advance(timedelta(hours=7))
    async with room.db.read() as session:
        assert await session.get(NoticeChannel, (ANNA, key)) is None
    assert (await room.outcomes())[-1] == Outcome.REFUSED


async def test_at_night_notices_wait_for_the_morning_and_alerts_do_not(room: Room) -> None:
    await room.with_push(ANNA)
    room.clock.set(NIGHT)
    await room.tell(ANNA)
    alert = await room.tell(ANNA, ALERT)
    assert await room.deliverer.run() == 1
    assert room.push.parcels[0].id == alert.hex
    room.clock.set(NIGHT + timedelta(hours=10) - timedelta(seconds=1))
    assert await room.deliverer.run() == 0
    room.clock.advance(timedelta(seconds=1))
    assert await room.deliverer.run() == 1


async def test_more_than_a_few_in_an_hour_go_as_one_that_says_how_many(room: Room) -> None:
    await room.with_push(ANNA)
    for _ in range(TOLD_IN_AN_HOUR_MAX):
        await room.tell(ANNA)
        assert await room.deliverer.run() == 1
    for _ in range(3):
        await room.tell(ANNA)
    assert await room.deliverer.run() == 0
    room.clock.advance(timedelta(hours=1, seconds=2))
    for _ in range(4):
        await room.tell(ANNA)
    assert await room.deliverer.run() == 1
    assert "7" in room.push.parcels[-1].title
    assert (await room.outcomes()).count(Outcome.FOLDED) == 6


async def test_two_that_deliver_at_once_send_each_notice_once(room: Room) -> None:
    for name in "abcde":
        await room.with_push(ANNA, name)
    await room.tell(ANNA)
    sent = await asyncio.gather(*(room.deliverer.run() for _ in range(4)))
    assert sum(sent) == 5
    assert len({parcel.address for parcel in room.push.parcels}) == len(room.push.parcels) == 5


async def test_what_somebody_took_and_never_sent_goes_out_again_under_the_same_id(room: Room) -> None:
    await room.with_push(ANNA)
    message = await room.tell(ANNA)
    [held] = await room.deliverer.take()  # and then its process is killed
    assert await room.deliverer.run() == 0
    room.clock.advance(HELD_FOR)
    assert await room.deliverer.run() == 1
    assert room.push.parcels[0].id == held.parcel.id == message.hex


async def test_who_comes_back_late_changes_nothing_of_what_another_has_in_hand(room: Room) -> None:
    await room.with_push(ANNA)
    await room.tell(ANNA)
    late = await room.deliverer.take()
    room.clock.advance(HELD_FOR)
    await room.deliverer.take()
    await room.deliverer._send(late)  # the second half of `run`, of a process that stood still
    assert await room.outcomes() == [None]


async def test_a_device_that_is_gone_is_forgotten_with_what_it_is_owed(room: Room) -> None:
    channel = await room.with_push(ANNA)
    await room.tell(ANNA)
    await room.tell(ANNA)
    room.push.failure = Gone("HTTP 410")
    assert await room.deliverer.run() == 0
    assert set(await room.outcomes()) == {Outcome.GONE}
    async with room.db.read() as session:
        assert await session.get(NoticeChannel, (ANNA, channel)) is None


async def test_what_fails_is_tried_after_longer_and_longer_and_given_up_after_three_days(room: Room) -> None:
    await room.with_mail(ANNA)
    await room.tell(ANNA, ALERT)
    room.mail.failure = Later("HTTP 503")
    waits, [row] = list[float](), await room.rows()
    for _ in range(60):
        await room.deliverer.run()
        [row] = await room.rows()
        if row.closed_at is not None:
            break
        waits.append((row.due_at - room.clock.now()).total_seconds())
        room.clock.set(row.due_at)
    assert waits[:4] == [30, 60, 120, 240]
    assert waits == sorted(waits)
    assert max(waits) == 6 * 3_600
    assert await room.outcomes() == [Outcome.TOO_OLD]
    assert timedelta(0) <= room.clock.now() - row.created_at - TRIED_FOR < timedelta(hours=6)


async def test_who_is_busy_says_when_to_come_again(room: Room) -> None:
    await room.with_push(ANNA)
    await room.tell(ANNA)
    room.push.failure = Later("HTTP 429", timedelta(hours=2))
    await room.deliverer.run()
    [row] = await room.rows()
    assert row.due_at == room.clock.now() + timedelta(hours=2)


async def test_what_is_refused_is_not_tried_again_and_the_next_is(room: Room) -> None:
    await room.with_push(ANNA)
    await room.tell(ANNA)
    room.push.failure = Refused("HTTP 413")
    await room.deliverer.run()
    room.push.failure = None
    await room.tell(ANNA)
    assert await room.deliverer.run() == 1
    assert sorted(outcome or "" for outcome in await room.outcomes()) == [Outcome.REFUSED, Outcome.SENT]


async def test_one_channel_that_fails_holds_no_other_up(room: Room) -> None:
    await room.with_push(ANNA)
    await room.with_mail(BEN, "ben@example.com")
    room.push.failure = Later("TimeoutError")
    await room.tell(ANNA)
    await room.tell(BEN)
    assert await room.deliverer.run() == 1


async def test_a_way_out_that_fails_as_none_may_holds_no_other_up_either(room: Room) -> None:
    await room.with_push(ANNA)
    await room.with_mail(BEN, "ben@example.com")
    room.push.failure = KeyError("a mistake of ours, with ben@example.com in it")
    await asyncio.gather(room.tell(ANNA), room.tell(BEN))
    with capture_logs() as logs:
        assert await room.deliverer.run() == 1
    assert ([one["log_level"] for one in logs], "ben@" in str(logs)) == (["error", "info"], False)
    room.clock.advance(timedelta(seconds=30))  # it was put off, not given up
    room.push.failure = None
    assert await room.deliverer.run() == 1


async def test_an_address_lies_sealed(room: Room) -> None:
    channel = await room.with_push(ANNA)
    async with room.db.read() as session:
        row = await session.get(NoticeChannel, (ANNA, channel))
    assert row is not None
    assert row.address_sealed is not None
    assert b"push.example" not in row.address_sealed
    assert json.dumps("push.example").encode() not in row.address_index
