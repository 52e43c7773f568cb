"""Messages and announcements."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col

from core.clock import FixedClock
from core.database import Database
from core.ids import NationalId, new_id
from core.money import Money
from core.text import Text
from identity.inbox import ChangeKind, Inbox, MessageTemplate
from identity.inbox.models import Change, Message
from identity.inbox.repository import Messages
from identity.inbox.templates import Place
from identity.notices.topics import NoticeTopic
from tests.identity.people_of_tests import PEOPLE

ANNA, BEN = UUID(int=1), UUID(int=2)
PAID = MessageTemplate(
    "pay.settled",
    Text(th="เงินเข้าแล้ว {count} งวด", en="{count} paid"),
    Text(th="จาก {agency} วันที่ {day}", en="{agency}, {day}"),
    NoticeTopic.PAYMENTS,
    {"count": Place.NUMBER, "agency": Place.TEXT, "day": Place.DAY},
)
DAY = date(2026, 11, 10)
WORDS = Text(th="{amount} บาท", en="{amount} baht")
DLA = Text(th="สถ.", en="DLA")


async def test_a_message_reads_as_it_was_sent_in_both_languages(database: Database, clock: FixedClock) -> None:
    async with database.write() as session:
        key = await Inbox(clock).send(session, ANNA, PAID, count=2, agency=DLA, day=date(2026, 11, 10))
    async with database.read() as session:
        [message] = await Messages(session).of(ANNA, [key])
    assert (message.title_th, message.title_en) == ("เงินเข้าแล้ว 2 งวด", "2 paid")
    assert (message.body_th, message.body_en) == ("จาก สถ. วันที่ 2026-11-10", "DLA, 2026-11-10")
    assert message.values == {"count": 2, "agency": {"th": "สถ.", "en": "DLA"}, "day": "2026-11-10"}
    assert (message.template, message.created_at, message.read_at) == ("pay.settled", clock.now(), None)


async def test_a_message_announces_itself(database: Database, clock: FixedClock) -> None:
    async with database.write() as session:
        key = await Inbox(clock).send(session, ANNA, PAID, count=1, agency=DLA, day=DAY)
    async with database.read() as session:
        [change] = (await session.scalars(select(Change))).all()
    assert (change.person, change.kind, change.subject) == (ANNA, "MESSAGE", key)


async def test_what_is_rolled_back_was_never_told(database: Database, clock: FixedClock) -> None:
    async def failing() -> None:
        async with database.write() as session:
            await Inbox(clock).send(session, ANNA, PAID, count=1, agency=DLA, day=DAY)
            await Inbox(clock).announce(session, ANNA, ChangeKind.PAYMENT, new_id())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await failing()
    async with database.read() as session:
        assert (await session.scalars(select(Message))).all() == []
        assert (await session.scalars(select(Change))).all() == []


@pytest.mark.parametrize(
    "value", [NationalId(PEOPLE["elder"].national_id), PEOPLE["elder"].national_id, 1.5, {}, object()]
)
async def test_no_message_carries_a_national_id_or_what_cannot_be_kept(
    database: Database, clock: FixedClock, value: object
) -> None:
    with pytest.raises(ValueError, match="message"):
        async with database.write() as session:
            await Inbox(clock).send(session, ANNA, PAID, count=value, agency=DLA, day=DAY)


async def test_money_is_kept_in_satang(database: Database, clock: FixedClock) -> None:
    template = MessageTemplate("x.y", WORDS, WORDS, places={"amount": Place.MONEY})
    async with database.write() as session:
        key = await Inbox(clock).send(session, ANNA, template, amount=Money.baht(700))
    async with database.read() as session:
        [message] = await Messages(session).of(ANNA, [key])
    assert message.values == {"amount": {"satang": 70_000, "currency": "THB"}}


async def test_nobody_reads_anothers_messages(database: Database, clock: FixedClock) -> None:
    async with database.write() as session:
        key = await Inbox(clock).send(session, ANNA, PAID, count=1, agency=DLA, day=DAY)
    async with database.read() as session:
        assert await Messages(session).of(BEN, [key]) == []
        assert await Messages(session).page(BEN, 10, None) == []


async def test_pages_go_from_the_newest_to_the_eldest_without_gap_or_double(
    database: Database, clock: FixedClock
) -> None:
    async with database.write() as session:
        keys = [await Inbox(clock).send(session, ANNA, PAID, count=count, agency=DLA, day=DAY) for count in range(5)]
    sent = sorted(keys, reverse=True)
    async with database.read() as session:
        first = [m.id for m in await Messages(session).page(ANNA, 2, None)]
        second = [m.id for m in await Messages(session).page(ANNA, 2, first[1])]
    assert first == sent[:3], "one more than shown, to know whether more follow"
    assert second == sent[2:5]


async def test_what_many_are_told_at_once_reads_as_what_one_is(database: Database, clock: FixedClock) -> None:
    async with database.write() as session:
        alone = await Inbox(clock).send(session, ANNA, PAID, count=2, agency=DLA, day=DAY)
        keys = await Inbox(clock).send_each(session, [ANNA, BEN], PAID, count=2, agency=DLA, day=DAY)
    async with database.read() as session:
        [one] = await Messages(session).of(ANNA, [alone])
        for person in (ANNA, BEN):
            [message] = await Messages(session).of(person, [keys[person]])
            assert message.model_dump(exclude={"person", "id"}) == one.model_dump(exclude={"person", "id"})
        changes = (await session.scalars(select(Change).where(col(Change.subject).in_(keys.values())))).all()
    assert {(change.person, change.kind, change.subject, change.at) for change in changes} == {
        (person, "MESSAGE", key, clock.now()) for person, key in keys.items()
    }
    assert len({alone, *keys.values(), *(change.id for change in changes)}) == 5


async def test_of_many_each_is_told_once(database: Database, clock: FixedClock) -> None:
    people = [UUID(int=number % 1_500 + 1) for number in range(1_501)]
    async with database.write() as session:
        keys = await Inbox(clock).send_each(session, people, PAID, count=1, agency=DLA, day=DAY)
        assert await Inbox(clock).send_each(session, [], PAID, count=1, agency=DLA, day=DAY) == {}
    async with database.read() as session:
        told = (await session.execute(select(col(Message.person), col(Message.id)))).tuples().all()
        assert len(told) == 1_500
        assert dict(told) == keys


@pytest.mark.parametrize("value", [PEOPLE["elder"].national_id, 1.5])
async def test_nobody_of_many_is_told_what_no_message_carries(
    database: Database, clock: FixedClock, value: object
) -> None:
    async with database.write() as session:
        with pytest.raises(ValueError, match="message"):
            await Inbox(clock).send_each(session, [ANNA, BEN], PAID, count=value, agency=DLA, day=DAY)
    async with database.read() as session:
        assert (await session.scalars(select(Message))).all() == []


async def test_what_is_rolled_back_was_told_to_none_of_many(database: Database, clock: FixedClock) -> None:
    with suppress(ZeroDivisionError):
        async with database.write() as session:
            await Inbox(clock).send_each(session, [ANNA, BEN], PAID, count=1, agency=DLA, day=DAY)
            raise ZeroDivisionError
    async with database.read() as session:
        assert (await session.scalars(select(Message))).all() == []
        assert (await session.scalars(select(Change))).all() == []
