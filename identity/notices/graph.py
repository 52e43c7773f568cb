"""Notices in the graph: where a citizen is told and how, theirs alone. No delegation opens it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self
from uuid import UUID

import strawberry

from core.errors import BadInput, SitthiError
from core.graph import Delegate, Info, Problem, global_id, mutation, rights, work_of
from core.ids import GlobalId, MalformedGlobalId
from core.text import Language, Text
from identity.notices.channels import ChannelKind
from identity.notices.models import NoticeChannel as ChannelRow
from identity.notices.service import Notices, Wishes
from identity.notices.topics import NoticeTopic

strawberry.enum(ChannelKind, name="NoticeChannelKind", description="Ways to be told outside the inbox.")
strawberry.enum(NoticeTopic, description="What messages are about. SECURITY cannot be switched off.")
strawberry.enum(Language, name="NoticeLanguage", description="The languages of notices.")


@strawberry.type(description="An address to which notices go once it is confirmed.")
class NoticeChannel:
    id: strawberry.ID
    kind: ChannelKind
    label: str = strawberry.field(description="What the citizen calls it; empty for the e-mail address.")
    created_at: datetime
    verified_at: datetime | None = strawberry.field(description="Null as long as its code did not come back.")

    @classmethod
    def of(cls, row: ChannelRow) -> NoticeChannel:
        return cls(
            id=global_id("NoticeChannel", row.id),
            kind=ChannelKind(row.kind),
            label=row.label,
            created_at=row.created_at,
            verified_at=row.verified_at,
        )


@strawberry.type(description="Messages of one kind, by one way.")
class NoticeChoice:
    topic: NoticeTopic
    channel: ChannelKind


@strawberry.type(description="How the citizen wants to be told.")
class NoticeWishes:
    language: Language
    shows_titles: bool = strawberry.field(
        description="Whether notices say the message's title, which may name a programme or an amount."
    )
    off: list[NoticeChoice] = strawberry.field(description="What is told in the inbox alone.")

    @classmethod
    def of(cls, wishes: Wishes) -> NoticeWishes:
        pairs = (one.split(":") for one in sorted(wishes.off))
        off = [NoticeChoice(topic=NoticeTopic(topic), channel=ChannelKind(kind)) for topic, kind in pairs]
        return cls(language=wishes.language, shows_titles=wishes.shows_titles, off=off)


@strawberry.type(description="Notices outside the inbox. The inbox has every message, whatever stands here.")
class CitizenNotices:
    person: strawberry.Private[UUID]

    @strawberry.field
    async def wishes(self, info: Info) -> NoticeWishes | None:
        async with info.context.db.read() as session:
            return NoticeWishes.of(await info.context.room(Notices).wishes(session, self.person))

    @strawberry.field
    async def channels(self, info: Info) -> list[NoticeChannel] | None:
        """The eldest first."""
        async with info.context.db.read() as session:
            rows = await info.context.room(Notices).channels(session, self.person)
        return [NoticeChannel.of(row) for row in rows]

    @strawberry.field
    def offered(self, info: Info) -> list[ChannelKind]:
        """The ways that this installation has."""
        return sorted(info.context.room(Notices).offered.kinds)

    @strawberry.field
    def push_key(self, info: Info) -> str:
        """For `applicationServerKey` of `PushManager.subscribe` (RFC 8292)."""
        return info.context.room(Notices).push_key


@strawberry.type
class NoticesOfCitizen:
    """What this room adds to `Citizen`."""

    person: strawberry.Private[UUID]

    @strawberry.field(metadata=rights(Delegate.NOTHING))  # type: ignore[untyped-decorator]  # as all of Strawberry
    def notices(self) -> CitizenNotices | None:
        return CitizenNotices(person=self.person)


@strawberry.input
class AddNoticesInput:
    kind: ChannelKind = strawberry.field(description="EMAIL stands alone; PUSH needs all the others.")
    idempotency_key: str
    endpoint: str | None = strawberry.field(default=None, description="Of `PushSubscription.toJSON`.")
    p256dh: str | None = strawberry.field(default=None, description="base64url, of the same.")
    auth: str | None = strawberry.field(default=None, description="base64url, of the same.")
    label: str | None = strawberry.field(default=None, description="What the citizen calls the device: to 60 letters.")


@strawberry.input
class ConfirmNoticesInput:
    channel: strawberry.ID
    code: str = strawberry.field(description="Six digits, from the e-mail or the push.")
    idempotency_key: str


@strawberry.input
class RemoveNoticesInput:
    channel: strawberry.ID
    idempotency_key: str


@strawberry.input
class NoticeChoiceInput:
    topic: NoticeTopic
    channel: ChannelKind


@strawberry.input
class SetNoticeWishesInput:
    language: Language
    shows_titles: bool
    off: list[NoticeChoiceInput]
    idempotency_key: str


@strawberry.type
class AddNoticesPayload:
    channel: NoticeChannel | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        """As it stands now; null once it is removed."""
        return cls(channel=await _channel(info, UUID(hex=kept["channel"])))


@strawberry.type
class ConfirmNoticesPayload:
    channel: NoticeChannel | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        """As it stands now; null once it is removed."""
        return cls(channel=await _channel(info, UUID(hex=kept["channel"])))


@strawberry.type
class RemoveNoticesPayload:
    notices: CitizenNotices | None = strawberry.field(default=None, description="What is left.")
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, _kept: dict[str, Any]) -> Self:
        return cls(notices=CitizenNotices(person=info.context.signed_in().person))


@strawberry.type
class SetNoticeWishesPayload:
    wishes: NoticeWishes | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, _kept: dict[str, Any]) -> Self:
        """As they stand now."""
        async with info.context.db.read() as session:
            found = await info.context.room(Notices).wishes(session, info.context.signed_in().person)
        return cls(wishes=NoticeWishes.of(found))


@strawberry.type
class NoticesMutation:
    @mutation(
        AddNoticesPayload,
        delegate=Delegate.NOTHING,
        keyed=True,
        description="Sends a code to the citizen's e-mail address or to a browser; notices go there once it came back.",
    )
    async def add_notices(self, info: Info, input: AddNoticesInput) -> AddNoticesPayload:
        of_push, work = _push(input), work_of(info)
        async with work.transaction() as session:
            notices, person = info.context.room(Notices), work.viewer.person
            if of_push is None:
                row = await notices.add_email(session, person)
            else:
                row = await notices.add_push(session, person, **of_push, family=work.viewer.family)
            work.keep(channel=row.id.hex)
        return AddNoticesPayload(channel=NoticeChannel.of(row))

    @mutation(
        ConfirmNoticesPayload, delegate=Delegate.NOTHING, keyed=True, description="Brings back the code of a channel."
    )
    async def confirm_notices(self, info: Info, input: ConfirmNoticesInput) -> ConfirmNoticesPayload:
        key, work, notices = _key(input.channel), work_of(info), info.context.room(Notices)
        async with info.context.db.write() as session:  # a wrong code undoes its work, and must not undo its try
            await notices.take_a_try(session, work.viewer.person, key, input.code)
        async with work.transaction() as session:
            row = await notices.confirm(session, work.viewer.person, key, input.code)
            work.keep(channel=row.id.hex)
        return ConfirmNoticesPayload(channel=NoticeChannel.of(row))

    @mutation(RemoveNoticesPayload, delegate=Delegate.NOTHING, description="Nothing goes to that channel any more.")
    async def remove_notices(self, info: Info, input: RemoveNoticesInput) -> RemoveNoticesPayload:
        key, work = _key(input.channel), work_of(info)
        async with work.transaction() as session:
            await info.context.room(Notices).remove(session, work.viewer.person, key)
            work.keep()
        return await RemoveNoticesPayload.replay(info, {})

    @mutation(SetNoticeWishesPayload, delegate=Delegate.NOTHING, description="Says how the citizen wants to be told.")
    async def set_notice_wishes(self, info: Info, input: SetNoticeWishesInput) -> SetNoticeWishesPayload:
        work = work_of(info)
        async with work.transaction() as session:
            wishes = await info.context.room(Notices).set_wishes(
                session,
                work.viewer.person,
                language=input.language,
                shows_titles=input.shows_titles,
                off=[(one.topic, one.channel) for one in input.off],
            )
            work.keep()
        return SetNoticeWishesPayload(wishes=NoticeWishes.of(wishes))


async def _channel(info: Info, wanted: UUID) -> NoticeChannel | None:
    async with info.context.db.read() as session:
        rows = await info.context.room(Notices).channels(session, info.context.signed_in().person)
    return next((NoticeChannel.of(row) for row in rows if row.id == wanted), None)


def _push(given: AddNoticesInput) -> dict[str, str] | None:
    """What a browser said; None for e-mail. Raises :class:`BadInput` for half of one, or some of both."""
    said = {"endpoint": given.endpoint, "p256dh": given.p256dh, "auth": given.auth, "label": given.label}
    of_push = {name: value for name, value in said.items() if value is not None}
    if given.kind is ChannelKind.EMAIL and of_push:
        raise BadInput(Text(th="อีเมลไม่มีข้อมูลอุปกรณ์", en="e-mail has no device"), path=(next(iter(of_push)),))
    if given.kind is ChannelKind.PUSH and len(of_push) < len(said):
        missing = next(name for name in said if name not in of_push)
        raise BadInput(Text(th="ข้อมูลอุปกรณ์ไม่ครบ", en="a device says all four"), path=(missing,))
    return of_push or None


def _key(given: strawberry.ID) -> UUID:
    """Raises :class:`MalformedGlobalId`."""
    try:
        return GlobalId.parse(str(given), expected="NoticeChannel").id
    except SitthiError:
        raise MalformedGlobalId(path=("channel",)) from None
