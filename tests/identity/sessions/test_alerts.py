"""What a person is told of sign-ins in their name, and what they are not bothered with."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from core.database import Database
from core.ids import new_id
from core.text import Text
from identity.inbox.models import Change, Message
from identity.provider.models import SignInSession
from identity.sessions.service import Browser, SignIn
from tests.identity.conftest import House
from tests.identity.passkeys.authenticator import Authenticator
from tests.identity.passkeys.seat import seat
from tests.identity.people_of_tests import name_of, national_id

DAY = timedelta(days=1)
ANDROID = "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"


async def told(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(select(col(Message.template)).order_by(col(Message.id))))


async def person_of(house: House, database: Database, persona: str = "elder") -> UUID:
    async with database.read() as session:
        found = await house.identity.people.find(session, national_id(persona))
    assert found is not None
    return found


async def test_the_very_first_sign_in_is_no_news(house: House, database: Database) -> None:
    async with seat(house) as here:
        await here.sign_in()
    assert await told(database) == []


async def test_a_known_browser_is_no_news_and_a_new_one_is(house: House, database: Database) -> None:
    async with seat(house) as here, seat(house, ANDROID) as phone:
        for _ in range(3):
            await here.sign_in()
        assert await told(database) == []
        await phone.sign_in()
        assert await told(database) == ["sessions.new-device"]
        await phone.sign_in()
        await here.sign_in()
        assert await told(database) == ["sessions.new-device"]
    async with database.read() as session:
        message = await session.scalar(select(Message))
        change = await session.scalar(select(Change))
    assert message is not None
    assert change is not None
    assert message.person == await person_of(house, database)
    assert message.title_th == "มีการเข้าสู่ระบบจากอุปกรณ์ใหม่: Chrome · Android"
    assert message.title_en == "Sign-in from a new device: Chrome · Android"
    assert "ThaID" in message.body_th
    assert (change.kind, change.subject) == ("MESSAGE", message.id)


async def test_a_browser_that_does_not_say_what_it_is_has_words_in_the_message_and_on_the_page(
    house: House, database: Database
) -> None:
    async with seat(house) as here, seat(house, "curl/8.0") as silent:
        await here.sign_in()
        page = (await silent.sign_in()).text
    async with database.read() as session:
        [message] = await session.scalars(select(Message))
    assert message.title_th == "มีการเข้าสู่ระบบจากอุปกรณ์ใหม่: ไม่ทราบชนิดของอุปกรณ์"
    assert message.title_en == "Sign-in from a new device: device of unknown kind"
    assert '>ไม่ทราบชนิดของอุปกรณ์ <span class="en" lang="en">device of unknown kind</span>' in page
    assert ">?" not in page


async def test_two_browsers_of_one_kind_are_two(house: House, database: Database) -> None:
    """A thief may well have the same kind of phone."""
    async with seat(house) as here, seat(house) as thief:
        await here.sign_in()
        await thief.sign_in()
    assert await told(database) == ["sessions.new-device"]


async def test_a_browser_is_known_by_person(house: House, database: Database) -> None:
    """A shared computer: that somebody else uses it makes it no known device of mine."""
    async with seat(house) as home:
        await home.sign_in("elder")
    async with seat(house) as shared:
        await shared.sign_in("officer-one")
        await shared.sign_in("elder")
    assert await told(database) == ["sessions.new-device"]
    async with database.read() as session:
        hashes = list(await session.scalars(select(col(SignInSession.device_hash))))
    assert len(set(hashes)) == 3, "and two people of one computer cannot be joined"


@pytest.mark.parametrize(("days", "expected"), [(90, []), (91, ["sessions.new-device"])])
async def test_a_browser_is_new_again_after_ninety_days(
    house: House, database: Database, days: int, expected: list[str]
) -> None:
    async with seat(house) as here:
        await here.sign_in()
        house.clock.advance(days * DAY)
        await here.sign_in()
    assert await told(database) == expected


async def test_a_cookie_that_we_did_not_make_is_replaced(house: House, database: Database) -> None:
    async with seat(house) as here:
        await here.sign_in()
        del here.browser.cookies["sitthi_browser"]
        here.browser.cookies.set("sitthi_browser", "x" * 3_000, domain="localhost.local", path="/")
        await here.sign_in()
        assert len(here.browser.cookies["sitthi_browser"]) == 32
        await here.sign_in()
        assert await told(database) == ["sessions.new-device"], "only once"


async def test_a_passkey_on_a_new_device_is_told_with_its_way_in(house: House, database: Database) -> None:
    key = Authenticator()
    async with seat(house) as here:
        await here.sign_in()
        await here.enrol(key)
    async with seat(house, ANDROID) as phone:
        await phone.by_passkey(key)
        await phone.by_passkey(key)
    assert await told(database) == ["passkeys.added", "sessions.new-device"]
    async with database.read() as session:
        bodies = list(await session.scalars(select(col(Message.body_en)).order_by(col(Message.id))))
    assert "with a passkey" in bodies[1]


async def test_a_sign_in_at_a_counter_names_the_agency_each_time(house: House, database: Database) -> None:
    async with seat(house) as here:
        await here.sign_in()
    person, account = await person_of(house, database), house.identity.account
    agency = Text(th="กรมการปกครอง", en="Department of Provincial Administration")
    who = SignIn(person, "counter", "ial2.3-aal1", ("user",), name_of("elder"), assisted_by=new_id(), agency=agency)
    for _ in range(2):
        async with database.write() as session:
            await account.sign_ins.begin(session, who, Browser("Chrome", "x" * 32), for_request="/", replaces=None)
    assert await told(database) == ["sessions.at-counter"] * 2
    async with database.read() as session:
        message = await session.scalar(select(Message))
    assert message is not None
    assert "กรมการปกครอง" in message.title_th
    assert "Department of Provincial Administration" in message.body_en


async def test_a_sign_in_that_is_rolled_back_was_never_told(house: House, database: Database) -> None:
    async with seat(house) as here:
        await here.sign_in()
    person, sign_ins = await person_of(house, database), house.identity.account.sign_ins
    who = SignIn(person, "thaid", "ial2.3-aal2.1", ("fed",), name_of("elder"))
    async with database.write() as session:
        await sign_ins.begin(session, who, Browser("Chrome", "y" * 32), for_request="/", replaces=None)
        await session.rollback()
    assert await told(database) == []
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(SignInSession)) == 1
