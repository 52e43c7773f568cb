"""The inbox in the graph."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest
import strawberry

from core.clock import FixedClock
from core.database import Database
from core.graph import Access, Context, Info, Rooms, Viewer, cursor_of, field, global_id
from core.ids import GlobalId, new_id
from core.text import Language, Text
from identity.inbox import ChangeKind, Changes, Inbox, MessageTemplate
from identity.inbox.graph import NODES, InboxOfCitizen, InboxSubscription
from identity.inbox.templates import Place
from tests.identity.waiting import until

ANNA, BEN = UUID(int=1), UUID(int=2)
HELLO = MessageTemplate(
    "x.hello",
    Text(th="สวัสดี {count}", en="Hello {count}"),
    Text(th="ข้อความ", en="A message"),
    places={"count": Place.NUMBER},
)


@strawberry.type
class Citizen(InboxOfCitizen):
    pass


@strawberry.type
class Query:
    @field(Access.VIEWER)
    async def viewer(self, info: Info) -> Citizen | None:
        return Citizen(person=info.context.signed_in().person)


SCHEMA = strawberry.Schema(query=Query, subscription=InboxSubscription)
INBOX = """query ($first: Int, $after: String) { viewer { inbox(first: $first, after: $after) {
    nodes { id title body createdAt readAt } pageInfo { hasNextPage endCursor } } } }"""


@pytest.fixture
async def changes(database: Database) -> AsyncIterator[Changes]:
    changes = Changes(database, poll_seconds=0.02)
    yield changes
    await changes.close()


def context(
    database: Database,
    clock: FixedClock,
    changes: Changes,
    person: UUID | None = ANNA,
    language: Language = Language.TH,
) -> Context:
    rooms = Rooms()
    rooms.add(Changes, changes)
    viewer = None
    if person is not None:
        viewer = Viewer(person, "demo-app", frozenset(), "ial2.3", clock.now() + timedelta(hours=1))
    return Context(database, clock, rooms, viewer, language, new_id())


async def test_the_inbox_shows_the_newest_first_page_by_page(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    async with database.write() as session:
        keys = [await Inbox(clock).send(session, ANNA, HELLO, count=n) for n in range(3)]
    newest = sorted(keys, reverse=True)
    seen: list[str] = []
    page: dict[str, Any] = {"pageInfo": {"endCursor": None}}
    for _ in range(2):
        after = page["pageInfo"]["endCursor"]
        answer = await SCHEMA.execute(
            INBOX, {"first": 2, "after": after}, context_value=context(database, clock, changes)
        )
        assert answer.errors is None
        page = cast("dict[str, Any]", answer.data)["viewer"]["inbox"]
        seen += [node["id"] for node in page["nodes"]]
    assert seen == [global_id("Message", key) for key in newest]
    assert page["pageInfo"]["hasNextPage"] is False


async def test_a_message_is_in_the_language_of_the_request(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    async with database.write() as session:
        await Inbox(clock).send(session, ANNA, HELLO, count=1)
    for language, title in ((Language.TH, "สวัสดี 1"), (Language.EN, "Hello 1")):
        answer = await SCHEMA.execute(INBOX, context_value=context(database, clock, changes, language=language))
        [node] = cast("dict[str, Any]", answer.data)["viewer"]["inbox"]["nodes"]
        assert node["title"] == title


@pytest.mark.parametrize("variables", [{"first": 0}, {"first": 101}, {"after": "!"}, {"after": "Yzp4eXo"}])
async def test_a_bad_page_is_a_typed_error_and_a_null(
    database: Database, clock: FixedClock, changes: Changes, variables: dict[str, Any]
) -> None:
    answer = await SCHEMA.execute(INBOX, variables, context_value=context(database, clock, changes))
    assert answer.errors is not None
    assert getattr(answer.errors[0].original_error, "code", None) == "BAD_INPUT"
    assert answer.data == {"viewer": {"inbox": None}}


async def test_a_message_is_found_by_its_owner_alone(database: Database, clock: FixedClock, changes: Changes) -> None:
    async with database.write() as session:
        key = await Inbox(clock).send(session, ANNA, HELLO, count=1)

    class FakeInfo:
        def __init__(self, person: UUID | None) -> None:
            self.context = context(database, clock, changes, person)

    async def found(person: UUID | None, wanted: UUID) -> object:
        return await NODES["Message"](cast("Info", FakeInfo(person)), wanted)

    assert await found(ANNA, key) is not None
    assert await found(BEN, key) is None
    assert await found(None, key) is None
    assert await found(ANNA, new_id()) is None


async def test_the_subscription_tells_of_the_viewers_changes(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    stream = cast(
        "Any",
        await SCHEMA.subscribe(
            "subscription { changes { kind id at } }", context_value=context(database, clock, changes)
        ),
    )
    waiting = asyncio.ensure_future(anext(stream))
    await until(lambda: ANNA in changes._listeners)
    subject = new_id()
    async with database.write() as session:
        await Inbox(clock).announce(session, BEN, ChangeKind.PAYMENT, new_id())
        await Inbox(clock).announce(session, ANNA, ChangeKind.APPLICATION, subject)
    told = (await asyncio.wait_for(waiting, 5)).data["changes"]
    assert told["kind"] == "APPLICATION"
    assert GlobalId.parse(told["id"]) == GlobalId("Application", subject)
    await stream.aclose()


async def test_the_inbox_says_how_many_messages_are_unread_whatever_page_is_shown(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    async with database.write() as session:
        keys = [await Inbox(clock).send(session, ANNA, HELLO, count=n) for n in range(4)]
        await Inbox(clock).send(session, BEN, HELLO, count=9)
        for _ in range(2):  # which changes nothing
            await Inbox(clock).mark_read(session, ANNA, keys[0])
    query = (
        "query ($after: String) { viewer { inbox(first: 1, after: $after) { unreadCount pageInfo { endCursor } } } }"
    )
    cursor = None
    for _ in range(2):
        answer = await SCHEMA.execute(query, {"after": cursor}, context_value=context(database, clock, changes))
        page = cast("dict[str, Any]", answer.data)["viewer"]["inbox"]
        assert page["unreadCount"] == 3
        cursor = page["pageInfo"]["endCursor"]


async def test_messages_of_one_moment_come_once_each_over_the_pages(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    async with database.write() as session:
        keys = {await Inbox(clock).send(session, ANNA, HELLO, count=n) for n in range(7)}
    seen: list[str] = []
    cursor, more = None, True
    while more:
        answer = await SCHEMA.execute(
            INBOX, {"first": 2, "after": cursor}, context_value=context(database, clock, changes)
        )
        page = cast("dict[str, Any]", answer.data)["viewer"]["inbox"]
        assert len({node["createdAt"] for node in page["nodes"]}) == 1, "the clock stands"
        seen += [node["id"] for node in page["nodes"]]
        cursor, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert sorted(seen) == sorted(global_id("Message", key) for key in keys)


AFTER = "subscription ($after: String) { changes(after: $after) { kind id at cursor } }"


async def test_what_changed_since_the_page_was_fetched_is_told_first(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    page = await SCHEMA.execute("{ viewer { changesCursor } }", context_value=context(database, clock, changes))
    cursor = cast("dict[str, Any]", page.data)["viewer"]["changesCursor"]
    subject = new_id()
    async with database.write() as session:
        await Inbox(clock).announce(session, ANNA, ChangeKind.DRAFT, subject)
    stream = cast("Any", await SCHEMA.subscribe(AFTER, {"after": cursor}, context(database, clock, changes)))
    told = (await asyncio.wait_for(anext(stream), 5)).data["changes"]
    assert (told["kind"], GlobalId.parse(told["id"])) == ("DRAFT", GlobalId("Draft", subject))
    await stream.aclose()
    again = cast("Any", await SCHEMA.subscribe(AFTER, {"after": told["cursor"]}, context(database, clock, changes)))
    waiting = asyncio.ensure_future(anext(again))
    later = new_id()
    async with database.write() as session:
        await Inbox(clock).announce(session, ANNA, ChangeKind.BILL, later)
    while GlobalId.parse((await asyncio.wait_for(waiting, 5)).data["changes"]["id"]).id != later:
        waiting = asyncio.ensure_future(anext(again))
    await again.aclose()


async def test_who_was_away_too_long_is_told_to_fetch_all_of_the_citizen(
    database: Database, clock: FixedClock, changes: Changes
) -> None:
    old = cursor_of(UUID(int=1 << 80).hex)
    stream = cast("Any", await SCHEMA.subscribe(AFTER, {"after": old}, context(database, clock, changes)))
    told = (await asyncio.wait_for(anext(stream), 5)).data["changes"]
    assert (told["kind"], told["id"]) == ("RESYNC", global_id("Citizen", ANNA))
    assert told["cursor"] != old
    await stream.aclose()


@pytest.mark.parametrize("after", ["", "!", "Yzp4eXo", "x" * 10_000])
async def test_a_cursor_that_we_never_made_is_refused(
    database: Database, clock: FixedClock, changes: Changes, after: str
) -> None:
    stream = cast("Any", await SCHEMA.subscribe(AFTER, {"after": after}, context(database, clock, changes)))
    answer = await anext(stream)
    assert answer.errors[0].original_error.code == "BAD_INPUT"
    assert dict(changes._listeners) == {}


async def test_the_subscription_asks_for_a_viewer(database: Database, clock: FixedClock, changes: Changes) -> None:
    stream = cast(
        "Any",
        await SCHEMA.subscribe(
            "subscription { changes { id } }", context_value=context(database, clock, changes, None)
        ),
    )
    answer = await anext(stream)
    assert answer.errors[0].original_error.code == "NOT_SIGNED_IN"
