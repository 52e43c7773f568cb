"""Channels are confirmed by the code that was sent there, and by nothing else."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.errors import BadInput, NotFound
from core.ids import new_id
from core.sealed import bound_to
from core.text import Language
from identity.contacts.service import ContactKind, Contacts
from identity.inbox import Inbox
from identity.notices.channels import ChannelKind
from identity.notices.errors import AlwaysTold, ChannelNotOffered, CodeWrong, TooManyChannels, TooManyCodes
from identity.notices.models import NoticeChannel, NoticeOutgoing
from identity.notices.service import (
    CHANNELS_MAX,
    CODE_GOOD_FOR,
    CODE_TRIES_MAX,
    CODES_A_DAY_MAX,
    Notices,
    Offered,
    Wishes,
)
from identity.notices.topics import NoticeTopic
from tests.identity.notices.outside import Device, encoded

ANNA, BEN = new_id(), new_id()
DEVICE = Device()


@pytest.fixture
def notices(keys: KeyRing, clock: FixedClock) -> Notices:
    return Notices(keys, clock, Offered(frozenset(ChannelKind), ("push.example",)))


async def add(
    database: Database, notices: Notices, person: UUID = ANNA, *, at: str = "one", device: Device = DEVICE
) -> NoticeChannel:
    async with database.write() as session:
        return await notices.add_push(
            session,
            person,
            endpoint=f"https://push.example/{at}",
            p256dh=encoded(device.public),
            auth=encoded(device.auth),
            label=f"  my\n phone {at}",
        )


def code_of(keys: KeyRing, row: NoticeChannel) -> str:
    assert row.code_sealed is not None
    return keys.open(row.code_sealed, bound_to=bound_to(NoticeChannel.code_sealed, row.person, row.id)).decode()


async def confirm(database: Database, notices: Notices, person: UUID, key: UUID, code: str) -> NoticeChannel:
    """As the mutation does it: the try is committed before the code is looked at."""
    async with database.write() as session:
        await notices.take_a_try(session, person, key, code)
    async with database.write() as session:
        return await notices.confirm(session, person, key, code)


async def test_the_code_confirms_and_is_gone(database: Database, notices: Notices, keys: KeyRing) -> None:
    row = await add(database, notices)
    assert (row.label, row.verified_at) == ("my phone one", None)
    done = await confirm(database, notices, ANNA, row.id, f" {code_of(keys, row)} ")
    assert done.verified_at is not None
    assert done.code_sealed is None
    again = await confirm(database, notices, ANNA, row.id, "000000")
    assert again.verified_at == done.verified_at


async def test_a_code_is_tried_a_few_times_only_though_each_failure_is_undone(
    database: Database, notices: Notices, keys: KeyRing
) -> None:
    row = await add(database, notices)
    code = code_of(keys, row)
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(CODE_TRIES_MAX):
        with pytest.raises(CodeWrong):
            await confirm(database, notices, ANNA, row.id, wrong)
    with pytest.raises(CodeWrong):
        await confirm(database, notices, ANNA, row.id, code)


async def test_the_last_try_still_counts(database: Database, notices: Notices, keys: KeyRing) -> None:
    row = await add(database, notices)
    wrong = "000000" if code_of(keys, row) != "000000" else "111111"
    for _ in range(CODE_TRIES_MAX - 1):
        with pytest.raises(CodeWrong):
            await confirm(database, notices, ANNA, row.id, wrong)
        with pytest.raises(CodeWrong):  # which nobody can have guessed: no try is taken
            await confirm(database, notices, ANNA, row.id, "12345x")
    assert (await confirm(database, notices, ANNA, row.id, code_of(keys, row))).verified_at is not None


@pytest.mark.parametrize("late", [False, True])
async def test_a_code_is_good_for_a_quarter_of_an_hour(
    database: Database, notices: Notices, keys: KeyRing, clock: FixedClock, late: bool
) -> None:
    row = await add(database, notices)
    clock.advance(CODE_GOOD_FOR - timedelta(seconds=0 if late else 1))
    if late:
        with pytest.raises(CodeWrong):
            await confirm(database, notices, ANNA, row.id, code_of(keys, row))
    else:
        await confirm(database, notices, ANNA, row.id, code_of(keys, row))


async def test_nobody_confirms_sees_or_removes_anothers(database: Database, notices: Notices, keys: KeyRing) -> None:
    row = await add(database, notices)
    with pytest.raises(NotFound):
        await confirm(database, notices, BEN, row.id, code_of(keys, row))
    async with database.write() as session:
        assert await notices.channels(session, BEN) == []
        with pytest.raises(NotFound):
            await notices.remove(session, BEN, row.id)
        await notices.remove(session, ANNA, row.id)
        with pytest.raises(NotFound):
            await notices.remove(session, ANNA, row.id)


async def test_a_browser_that_says_the_same_again_stays_confirmed_and_with_new_keys_it_does_not(
    database: Database, notices: Notices, keys: KeyRing
) -> None:
    row = await add(database, notices)
    await confirm(database, notices, ANNA, row.id, code_of(keys, row))
    same = await add(database, notices)
    assert (same.id, same.verified_at is None) == (row.id, False)
    other = await add(database, notices, device=Device())
    assert (other.id, other.verified_at) == (row.id, None)


async def test_codes_and_channels_have_an_end(database: Database, notices: Notices, clock: FixedClock) -> None:
    for number in range(CODES_A_DAY_MAX):
        await add(database, notices, at=str(number % 2))
    with pytest.raises(TooManyCodes):
        await add(database, notices)
    async with database.write() as session:  # taking it away gives no codes back
        [first, *_] = await notices.channels(session, ANNA)
        await notices.remove(session, ANNA, first.id)
    with pytest.raises(TooManyCodes):
        await add(database, notices, at="0")
    assert (await add(database, notices, BEN)).person == BEN
    clock.advance(timedelta(days=1))
    for number in range(1, CHANNELS_MAX):
        await add(database, notices, at=f"n{number}")
    clock.advance(timedelta(days=1))
    with pytest.raises(TooManyChannels):
        await add(database, notices, at="oneMore")


async def test_no_code_lies_open(database: Database, notices: Notices, keys: KeyRing) -> None:
    row = await add(database, notices)
    async with database.read() as session:
        [owed] = (await session.scalars(select(NoticeOutgoing))).all()
    assert code_of(keys, row) not in repr(owed)
    assert row.code_sealed is not None
    assert code_of(keys, row).encode() not in row.code_sealed


async def test_e_mail_goes_to_the_contact_alone(
    database: Database, notices: Notices, keys: KeyRing, clock: FixedClock
) -> None:
    contacts = Contacts(keys, clock, Inbox(clock))
    async with database.write() as session:
        with pytest.raises(ChannelNotOffered):
            await notices.add_email(session, ANNA)
        await contacts.set(session, ANNA, ContactKind.EMAIL, "anna@example.com")
        row = await notices.add_email(session, ANNA)
        assert (await notices.add_email(session, ANNA)).id == row.id
    assert row.address_sealed is None
    await confirm(database, notices, ANNA, row.id, code_of(keys, row))


async def test_what_is_not_offered_is_refused(database: Database, keys: KeyRing, clock: FixedClock) -> None:
    notices = Notices(keys, clock, Offered(frozenset()))
    with pytest.raises(ChannelNotOffered):
        await add(database, notices)


@pytest.mark.parametrize("label", ["", "  ", "x" * 61, "a\u202eb"])
async def test_a_label_is_a_label(database: Database, notices: Notices, label: str) -> None:
    async with database.write() as session:
        with pytest.raises(BadInput) as refused:
            await notices.add_push(session, ANNA, endpoint="https://push.example/a", p256dh="", auth="", label=label)
    assert refused.value.path == ("label",)


async def test_security_cannot_be_switched_off(database: Database, notices: Notices) -> None:
    async with database.write() as session:
        with pytest.raises(AlwaysTold):
            await notices.set_wishes(
                session,
                ANNA,
                language=Language.EN,
                shows_titles=True,
                off=[(NoticeTopic.SECURITY, ChannelKind.PUSH)],
            )
        assert await notices.wishes(session, ANNA) == Wishes()


async def test_wishes_are_said_all_at_once(database: Database, notices: Notices) -> None:
    said = Wishes()
    for off in ([(NoticeTopic.PAYMENTS, ChannelKind.PUSH)], [(NoticeTopic.OFFICE, ChannelKind.EMAIL)] * 2):
        async with database.write() as session:
            said = await notices.set_wishes(session, ANNA, language=Language.EN, shows_titles=True, off=off)
    assert said == Wishes(Language.EN, shows_titles=True, off=frozenset({"OFFICE:EMAIL"}))


async def test_a_letters_token_stops_its_topic_and_stopping_twice_is_the_same(
    database: Database, notices: Notices, keys: KeyRing
) -> None:
    row = await add(database, notices)
    token = notices.stop_token(row.id, NoticeTopic.PAYMENTS)
    for _ in range(2):
        async with database.write() as session:
            await notices.stop(session, token)
    async with database.read() as session:
        assert (await notices.wishes(session, ANNA)).off == {"PAYMENTS:EMAIL"}
        assert (await notices.wishes(session, BEN)).off == frozenset()
    assert ANNA.hex not in token


async def test_a_token_that_we_never_made_stops_nothing(database: Database, notices: Notices) -> None:
    row = await add(database, notices)
    token = notices.stop_token(row.id, NoticeTopic.PAYMENTS)
    for forged in (
        "",
        "x",
        token[:-1],
        token.replace("payments", "privacy"),
        "A" + token[1:],
        "ก.payments",
        token + "s",
    ):
        async with database.write() as session:
            with pytest.raises(NotFound):
                await notices.stop(session, forged if forged != token else "")
