"""The inbox in the graph, and the subscription to changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

import strawberry

from core.errors import BadInput, SitthiError
from core.graph import (
    Access,
    Connection,
    Delegate,
    Info,
    Node,
    Nodes,
    Problem,
    connection,
    cursor_of,
    global_id,
    localized,
    mutation,
    page_size,
    read_cursor,
    rights,
    work_of,
)
from core.ids import GlobalId, MalformedGlobalId
from core.text import Text
from identity.inbox.changes import Changes, Resync, here
from identity.inbox.models import Change as ChangeRow
from identity.inbox.models import ChangeKind
from identity.inbox.models import Message as MessageRow
from identity.inbox.repository import Messages
from identity.inbox.service import Inbox

strawberry.enum(
    ChangeKind,
    description="What changed. RESYNC: more than can be told one by one; fetch anew all that you show.",
)

_MESSAGES: Final = "message"
_TYPE_OF: Final = {
    ChangeKind.APPLICATION: "Application",
    ChangeKind.PAYMENT: "Payment",
    ChangeKind.MESSAGE: "Message",
    ChangeKind.DRAFT: "Draft",
    ChangeKind.BILL: "Bill",
    ChangeKind.RESYNC: "Citizen",
}


@strawberry.type
class Message(Node):
    """A message to the citizen."""

    id: strawberry.ID
    created_at: datetime
    read_at: datetime | None
    title_text: strawberry.Private[Text]
    body_text: strawberry.Private[Text]

    @classmethod
    def of(cls, row: MessageRow) -> Message:
        return cls(
            id=global_id("Message", row.id),
            created_at=row.created_at,
            read_at=row.read_at,
            title_text=Text(th=row.title_th, en=row.title_en),
            body_text=Text(th=row.body_th, en=row.body_en),
        )

    @strawberry.field
    def title(self, info: Info) -> str:
        return localized(info, self.title_text)

    @strawberry.field
    def body(self, info: Info) -> str:
        return localized(info, self.body_text)


@strawberry.type(name="MessageConnection")
class MessageConnection(Connection[Message]):
    person: strawberry.Private[UUID]

    @strawberry.field
    async def unread_count(self, info: Info) -> int:
        """Of all messages to the citizen, whatever page this is."""
        async with info.context.db.read() as session:
            return await Messages(session).unread(self.person)


@strawberry.type
class InboxOfCitizen:
    """What the inbox adds to a citizen."""

    person: strawberry.Private[UUID]

    @strawberry.field(metadata=rights(Delegate.NOTHING))  # type: ignore[untyped-decorator]
    async def inbox(self, info: Info, first: int | None = None, after: str | None = None) -> MessageConnection | None:
        """Messages to the citizen, the newest first."""
        size = page_size(first)
        async with info.context.db.read() as session:
            rows = await Messages(session).page(self.person, size, _key(read_cursor(after)))
        page = connection(Connection[Message], rows, size, key=lambda row: row.id.hex, node=Message.of)
        return MessageConnection(edges=page.edges, page_info=page.page_info, person=self.person)

    @strawberry.field(metadata=rights(Delegate.NOTHING))  # type: ignore[untyped-decorator]
    def changes_cursor(self) -> str | None:
        """Ask for it with what you show, and subscribe to `changes` after it: nothing falls between the two."""
        return cursor_of(here().hex)


@strawberry.type
class Change:
    """Something of the viewer's changed: fetch it anew by its id."""

    kind: ChangeKind
    id: strawberry.ID
    at: datetime
    cursor: str = strawberry.field(description="Subscribe after it when the connection was lost.")

    @classmethod
    def of(cls, row: ChangeRow) -> Change:
        kind = ChangeKind(row.kind)
        return cls(kind=kind, id=global_id(_TYPE_OF[kind], row.subject), at=row.at, cursor=cursor_of(row.id.hex))

    @classmethod
    def of_all(cls, told: Resync, person: UUID, at: datetime) -> Change:
        kind = ChangeKind.RESYNC
        return cls(kind=kind, id=global_id(_TYPE_OF[kind], person), at=at, cursor=cursor_of(told.id.hex))


@strawberry.type
class InboxSubscription:
    @strawberry.subscription(metadata={"access": Access.VIEWER, **rights(Delegate.NOTHING)})  # type: ignore[untyped-decorator]
    async def changes(self, info: Info, after: str | None = None) -> AsyncGenerator[Change, None]:
        """Ends when the viewer's token does. After the `cursor` of what was heard last, or `changesCursor`, first what
        came since, some of it perhaps again. Raises NotSignedIn, BadInput, RateLimited."""
        viewer, clock = info.context.signed_in(), info.context.clock
        async with aclosing(info.context.room(Changes).of(viewer.person, _key(read_cursor(after)))) as rows:
            while (left := (viewer.expires_at - clock.now()).total_seconds()) > 0:
                try:
                    row = await asyncio.wait_for(anext(rows), left)
                except TimeoutError:
                    return
                if clock.now() >= viewer.expires_at:
                    return
                if isinstance(row, Resync):
                    yield Change.of_all(row, viewer.person, clock.now())
                else:
                    yield Change.of(row)


@strawberry.input
class MarkReadInput:
    message: strawberry.ID
    idempotency_key: str


@strawberry.type
class MarkReadPayload:
    message: Message | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(message=await _message(info, UUID(hex=kept["message"])))


@strawberry.type
class InboxMutation:
    @mutation(MarkReadPayload, delegate=Delegate.NOTHING, description="The citizen has read a message.")
    async def mark_read(self, info: Info, input: MarkReadInput) -> MarkReadPayload:
        try:
            key = GlobalId.parse(str(input.message), expected="Message").id
        except SitthiError:
            raise MalformedGlobalId(path=("message",)) from None
        work = work_of(info)
        async with work.transaction() as session:
            row = await info.context.room(Inbox).mark_read(session, work.viewer.person, key)
            work.keep(message=row.id.hex)
        info.context.loaders.pop(_MESSAGES, None)
        return MarkReadPayload(message=Message.of(row))


async def _message(info: Info, key: UUID) -> Message | None:
    viewer = info.context.viewer
    if viewer is None:
        return None

    async def batch(keys: list[UUID]) -> Sequence[Message | None]:
        async with info.context.db.read() as session:
            rows = await Messages(session).of(viewer.person, keys)
        found = {row.id: Message.of(row) for row in rows}
        return [found.get(one) for one in keys]

    return await info.context.loader(_MESSAGES, batch).load(key)


NODES: Nodes = {"Message": _message}


def _key(cursor: str | None) -> UUID | None:
    """Raises :class:`BadInput` for a cursor of another connection."""
    if cursor is None:
        return None
    try:
        return UUID(hex=cursor)
    except ValueError:
        raise BadInput(Text(th="cursor ไม่ถูกต้อง", en="the cursor is not one of ours"), path=("after",)) from None
