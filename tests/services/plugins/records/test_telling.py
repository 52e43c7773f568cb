"""Citizens are told of records about them in the words of the manifest: of each once, with the lines it settles."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from core.clock import FixedClock
from core.database import Database
from identity.inbox import Inbox
from identity.inbox.models import Message
from identity.juristic.register import JuristicRegister
from identity.people import PeopleRegister
from services.plugins.contract import Call, Host, NoticeSpec
from services.plugins.plugin import Plugin
from services.plugins.records.models import IngestNotice
from services.plugins.records.service import RecordDesk
from services.plugins.records.telling import Telling
from tests.services.plugins.records.register import Register, desk_of, manifest_of, policies, send
from tests.support.plugins.far_side import key_ring

TITLE = {"th": "มีเรื่องในชื่อของคุณ", "en": "A case in your name"}
BODY = {"th": "{by} ยื่นเรื่องของวันที่ {day}", "en": "{by} filed a case of {day}"}
NOTICES = {"filed": {"title": TITLE, "body": BODY}}
PERSON = "0000000000001"


class Saying(Register):
    """Tells one person of each policy that it takes."""

    def __init__(self) -> None:
        super().__init__()
        self.more: dict[str, Any] = {}

    async def take(self, host: Host, call: Call) -> Any:
        answer = await super().take(host, call)
        rejected = {one["record"] for one in answer["rejected"]}
        of_all = {"notice": "filed", "pid": PERSON, "day": "2026-11-10"}
        notices = [
            {"record": place, "reference": one["policy"], **of_all, **self.more}
            for place, one in enumerate(call.arguments["records"])
            if place not in rejected
        ]
        return {**answer, "notices": notices}


@pytest.fixture
def register() -> Saying:
    return Saying()


@pytest.fixture
def plugin(register: Saying) -> Plugin:
    return register.plugin(manifest_of(notices=NOTICES))


@pytest.fixture
def desk(database: Database, clock: FixedClock, plugin: Plugin) -> RecordDesk:
    return desk_of(database, clock, plugin, telling=telling_of(clock))


def telling_of(clock: FixedClock) -> Telling:
    keys = key_ring()
    return Telling(clock, keys, PeopleRegister(keys, clock), JuristicRegister(clock), Inbox(clock))


async def inbox(database: Database) -> list[Message]:
    async with database.read() as session:
        return list(await session.scalars(select(Message).order_by(col(Message.id))))


async def test_who_a_record_is_about_is_told_of_it_once_whatever_comes_again(
    database: Database, desk: RecordDesk, plugin: Plugin
) -> None:
    assert (await send(desk, plugin, policies(1, 91, 3))).taken == 2
    [first, other] = await inbox(database)
    agency = plugin.manifest.agency.title
    assert first.title_th == f"แจ้งให้ทราบ: {TITLE['th']}"
    assert first.body_th == f"{agency.th}แจ้งว่า {agency.th} ยื่นเรื่องของวันที่ 2026-11-10"
    assert first.body_en == f"{agency.en}: {agency.en} filed a case of 2026-11-10"
    assert first.person == other.person
    assert (await send(desk, plugin, policies(1), "another-key")).taken == 1
    assert len(await inbox(database)) == 2
    async with database.read() as session:
        kept = list(await session.scalars(select(IngestNotice)))
    assert len(kept) == 2
    assert not any(b"P-1" in one.key for one in kept)


async def test_four_at_once_tell_once(database: Database, desk: RecordDesk, plugin: Plugin) -> None:
    await asyncio.gather(*(send(desk, plugin, policies(1, 2), f"one-of-four-{n}") for n in range(4)))
    assert len(await inbox(database)) == 2


async def test_an_answer_that_did_not_arrive_is_made_again_and_told_once(
    database: Database, desk: RecordDesk, plugin: Plugin, register: Saying
) -> None:
    register.lost.append(TimeoutError())
    assert (await send(desk, plugin, policies(1))).interrupted is not None
    assert await inbox(database) == []
    assert (await send(desk, plugin, policies(1))).interrupted is None
    assert len(await inbox(database)) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"notice": "other"},
        {"day": None},
        {"day": "soon"},
        {"record": 1},
        {"record": 7},
        {"pid": "1"},
        {"reference": ""},
    ],
)
async def test_what_may_not_be_told_settles_nothing(
    database: Database, desk: RecordDesk, plugin: Plugin, register: Saying, more: dict[str, Any]
) -> None:
    register.more = more
    outcome = await send(desk, plugin, policies(1, 91))
    assert outcome.interrupted is not None
    assert (outcome.interrupted.settled, outcome.interrupted.trouble) == (0, "ANSWER_MALFORMED")
    assert await inbox(database) == []


async def test_words_that_would_carry_somebodys_number_are_not_sent_and_settle_nothing(
    database: Database, clock: FixedClock, register: Saying
) -> None:
    words = {"filed": {"title": TITLE, "body": {"th": f"โทรหา {PERSON}", "en": f"Call {PERSON}"}}}
    plugin = register.plugin(manifest_of(notices=words))
    outcome = await send(desk_of(database, clock, plugin, telling=telling_of(clock)), plugin, policies(1))
    assert (outcome.taken, outcome.interrupted is not None) == (0, True)
    assert await inbox(database) == []


async def test_where_nobody_tells_nothing_that_tells_is_taken(
    database: Database, clock: FixedClock, plugin: Plugin
) -> None:
    outcome = await send(desk_of(database, clock, plugin), plugin, policies(1))
    assert (outcome.taken, outcome.interrupted is not None) == (0, True)


@pytest.mark.parametrize(
    ("th", "en"),
    [
        ("{person} ยื่น", "{person} filed"),
        ("{by.__class__} ยื่น", "{by.__class__} filed"),
        ("{by!r} ยื่น", "{by!r} filed"),
        ("{by ยื่น", "{by filed"),
        ("{by} ยื่น", "Somebody filed"),
        ("ก" * 401, "long"),
    ],
)
def test_a_notice_has_the_places_that_the_host_fills_and_no_other(th: str, en: str) -> None:
    with pytest.raises(ValueError, match="notice"):
        NoticeSpec.model_validate({"title": TITLE, "body": {"th": th, "en": en}})


def test_only_an_ingest_tells_of_records() -> None:
    with pytest.raises(Exception, match="only an ingest has `notices`"):
        manifest_of(kind="query", record=None, batch=0, notices=NOTICES)
