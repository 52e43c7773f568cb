"""Contact data: one form each, sealed to its row, found unread, told to the person when it changes."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlmodel import col
from structlog.testing import capture_logs

from core.clock import FixedClock
from core.crypto import KeyRing, SealBroken
from core.database import Database
from core.errors import NotFound
from core.ids import new_id
from identity.contacts.errors import MalformedEmail, MalformedMobile
from identity.contacts.models import Contact
from identity.contacts.service import ContactKind, Contacts, normalised
from identity.inbox import Inbox
from identity.inbox.models import Message

MOBILE, EMAIL = ContactKind.MOBILE, ContactKind.EMAIL
ELDER, OTHER = new_id(), new_id()


@pytest.fixture
def contacts(keys: KeyRing, clock: FixedClock) -> Contacts:
    return Contacts(keys, clock, Inbox(clock))


async def told(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(select(col(Message.template)).order_by(col(Message.id))))


@pytest.mark.parametrize(
    "written",
    ["0812345678", "081-234-5678", "081 234 5678", "+66812345678", "+66 81 234 5678", "+66 (0)81 234 5678",
     "0066812345678", "66812345678", " 0812345678 ", "081\u00a0234\u00a05678"],
)  # fmt: skip
def test_a_thai_number_has_one_form(written: str) -> None:
    assert normalised(MOBILE, written.replace("(0)", "")) == "+66812345678"


@pytest.mark.parametrize(
    ("written", "form"), [("+14155550123", "+14155550123"), ("+85620 1234 5678", "+8562012345678")]
)
def test_a_number_of_another_country_is_taken_as_it_is(written: str, form: str) -> None:
    assert normalised(MOBILE, written) == form


@pytest.mark.parametrize(
    "written",
    ["", " ", "0212345678", "+6621234567", "081234567", "08123456789", "+", "+0812345678", "+1234567",
     "+1234567890123456", "โทร 0812345678", "0812345678x", "๐๘๑๒๓๔๕๖๗๘", "+66812345678\x00",
     "1234567890123", "8" * 500],
)  # fmt: skip
def test_what_is_no_mobile_number_is_refused(written: str) -> None:
    with pytest.raises(MalformedMobile) as refused:
        normalised(MOBILE, written)
    assert refused.value.fields == {}, "it carries nothing of the data"


@pytest.mark.parametrize(
    ("written", "form"),
    [("Somchai@Example.TH", "somchai@example.th"), (" a.b+c@mail.go.th ", "a.b+c@mail.go.th"),
     ("a" * 64 + "@example.th", "a" * 64 + "@example.th"),
     ("x@xn--12c1fe0br.xn--o3cw4h", "x@xn--12c1fe0br.xn--o3cw4h")],
)  # fmt: skip
def test_an_address_has_one_form(written: str, form: str) -> None:
    assert normalised(EMAIL, written) == form


@pytest.mark.parametrize(
    "written",
    ["", "a", "@example.th", "a@", "a@b", "a@@example.th", "a b@example.th", ".a@example.th", "a.@example.th",
     "a..b@example.th", "a@-example.th", "a@example-.th", "a@example..th", "a@example.1", "สมชาย@example.th",
     "a\x00@example.th", "a@example.th\r\nBcc: b@example.th", '"a"@example.th', "a" * 65 + "@example.th",
     "a@" + "b" * 60 + "." + "c" * 60 + "." + "d" * 60 + "." + "e" * 60 + "." + "f" * 12, "a@" + "b." * 200 + "th"],
)  # fmt: skip
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(MalformedEmail):
        normalised(EMAIL, written)


@given(st.sampled_from([MOBILE, EMAIL]), st.text(max_size=60))
def test_any_text_is_refused_by_its_error_or_comes_to_a_form_that_stays(kind: ContactKind, written: str) -> None:
    form = written
    with suppress(MalformedMobile if kind is MOBILE else MalformedEmail):
        form = normalised(kind, written)
        assert normalised(kind, form) == form


async def test_what_is_set_is_shown_to_its_owner_alone(contacts: Contacts, database: Database) -> None:
    async with database.write() as session:
        await contacts.set(session, ELDER, MOBILE, "081 234 5678")
        await contacts.set(session, ELDER, EMAIL, "Elder@Example.th")
    async with database.read() as session:
        assert [(one.kind, one.value) for one in await contacts.of(session, ELDER)] == [
            (EMAIL, "elder@example.th"),
            (MOBILE, "+66812345678"),
        ]
        assert await contacts.of(session, OTHER) == []
        assert await contacts.reveal(session, OTHER, MOBILE) is None


async def test_it_is_found_by_any_way_of_writing_it(contacts: Contacts, database: Database) -> None:
    """A household may share a number."""
    async with database.write() as session:
        for person in (ELDER, OTHER):
            await contacts.set(session, person, MOBILE, "0812345678")
        await contacts.set(session, OTHER, MOBILE, "0823456789")
    async with database.read() as session:
        assert await contacts.find(session, MOBILE, "+66 81 234 5678") == [ELDER]
        assert await contacts.find(session, MOBILE, "0899999999") == []
        assert await contacts.find(session, EMAIL, "elder@example.th") == []
        with pytest.raises(MalformedMobile):
            await contacts.find(session, MOBILE, "x")


async def test_what_is_stored_is_not_readable_and_not_to_be_moved(
    contacts: Contacts, database: Database, keys: KeyRing
) -> None:
    async with database.write() as session:
        for person in (ELDER, OTHER):
            await contacts.set(session, person, MOBILE, "0812345678")
    async with database.read() as session:
        rows = {row.person: row for row in await session.scalars(select(Contact))}
    for row in rows.values():
        assert b"812345678" not in row.value_sealed + row.value_index
    assert rows[ELDER].value_sealed != rows[OTHER].value_sealed
    assert rows[ELDER].value_index != keys.blind_index("+66812345678", domain="contact-email")
    async with database.write() as session:
        moved = update(Contact).where(col(Contact.person) == OTHER).values(value_sealed=rows[ELDER].value_sealed)
        await session.execute(moved)
    async with database.read() as session:
        with pytest.raises(SealBroken):
            await contacts.of(session, OTHER)


async def test_a_change_is_told_and_the_same_again_is_not(
    contacts: Contacts, database: Database, clock: FixedClock
) -> None:
    at = []
    for written in ("0812345678", "+66 81 234 5678", "0823456789"):
        async with database.write() as session:
            at.append((await contacts.set(session, ELDER, MOBILE, written)).updated_at)
        clock.advance(timedelta(minutes=1))
    assert await told(database) == ["contacts.changed", "contacts.changed"]
    assert [one - at[0] for one in at] == [timedelta(0), timedelta(0), timedelta(minutes=2)]
    async with database.read() as session:
        messages = list(await session.scalars(select(Message)))
    assert messages[0].title_th == "เปลี่ยนข้อมูลติดต่อแล้ว: หมายเลขโทรศัพท์มือถือ"
    assert all("2345678" not in repr(message.model_dump()) for message in messages), "nobody reads it over a shoulder"


async def test_what_is_removed_is_gone_and_told_once(contacts: Contacts, database: Database) -> None:
    async with database.write() as session:
        await contacts.set(session, ELDER, EMAIL, "elder@example.th")
        await contacts.remove(session, ELDER, EMAIL)
        with pytest.raises(NotFound):
            await contacts.remove(session, ELDER, EMAIL)
    async with database.read() as session:
        assert await contacts.of(session, ELDER) == []
        assert await contacts.find(session, EMAIL, "elder@example.th") == []
    assert await told(database) == ["contacts.changed", "contacts.removed"]


async def test_of_many_at_once_one_stands_whole(contacts: Contacts, database: Database) -> None:
    async def set_to(number: str) -> None:
        async with database.write() as session:
            await contacts.set(session, ELDER, MOBILE, number)

    numbers = [f"081234567{n}" for n in range(10)]
    await asyncio.gather(*(set_to(number) for number in numbers))
    async with database.read() as session:
        [found] = await contacts.of(session, ELDER)
        assert await contacts.find(session, MOBILE, found.value) == [ELDER]
        others = [number for number in numbers if normalised(MOBILE, number) != found.value]
        assert [await contacts.find(session, MOBILE, number) for number in others] == [[]] * 9


async def test_nothing_of_it_is_logged_or_printed(
    contacts: Contacts, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), capture_logs() as logged:
        async with database.write() as session:
            saved = await contacts.set(session, ELDER, MOBILE, "0812345678")
            with pytest.raises(MalformedEmail):
                await contacts.set(session, ELDER, EMAIL, "elder.example.th")
    text = "\n".join([*map(str, logged), *(str(record.getMessage()) for record in caplog.records), repr(saved)])
    assert "812345678" not in text
    assert "elder.example" not in text
