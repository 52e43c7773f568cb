"""Delivers what is owed to channels: taken in one transaction, sent outside any, and what became of it in another.

Killed between the two, a notice goes out again, under the same id; it never goes out before its message is committed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing, SealBroken
from core.database import Database
from core.sealed import bound_to
from core.text import Text
from identity.contacts.models import Contact
from identity.contacts.service import ContactKind, Contacts
from identity.inbox.models import Message
from identity.notices.channels import Channel, ChannelKind, Gone, Later, NotSent, Parcel, Refused
from identity.notices.models import NoticeChannel, NoticeOutgoing
from identity.notices.outbox import OutboxRows, Outcome
from identity.notices.planning import TRIED_FOR, next_try, plan
from identity.notices.repository import NoticeRows
from identity.notices.service import Notices, Wishes
from identity.notices.topics import (
    CODE,
    CODE_BODY,
    CODE_TITLE,
    LEFT,
    LEFT_BODY,
    MANY,
    OPEN,
    TITLES,
    NoticeTopic,
    choice,
)

STOP: Final = "/notices/stop/"
HELD_FOR: Final = timedelta(minutes=5)
"""So long nobody else takes what one has in hand."""
BATCH_SECONDS_MAX: Final = 240.0
"""Less than that: then what is not done is left to the next."""
AT_ONCE: Final = 20

log = structlog.get_logger("identity.notices")


@dataclass(frozen=True, slots=True)
class Held:
    """A notice in hand."""

    channel: UUID
    message: UUID
    person: UUID
    kind: ChannelKind
    attempts: int
    created_at: datetime
    parcel: Parcel


class Deliverer:
    """Any number may run at once, in any number of processes. `contacts` reads e-mail addresses."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        notices: Notices,
        contacts: Contacts,
        ways: Mapping[ChannelKind, Channel],
        issuer: str,
    ) -> None:
        self._db, self._clock, self._keys = db, clock, keys
        self._notices, self._contacts, self._ways, self._issuer = notices, contacts, ways, issuer

    async def run(self) -> int:
        """Sends what is due, batch by batch. Answers how many notices went out."""
        sent = 0
        while held := await self.take():
            sent += await self._send(held)
        return sent

    async def take(self) -> Sequence[Held]:
        """Takes what is due of some channels into hand, and closes or puts off what does not go out now."""
        now, held = self._clock.now(), list[Held]()
        async with self._db.write() as session:
            for channel in await OutboxRows(session).channels_due(now):
                held += await self._of_channel(session, channel, now)
        return held

    async def _of_channel(self, session: AsyncSession, channel: NoticeChannel, now: datetime) -> Sequence[Held]:
        rows, kind = OutboxRows(session), ChannelKind(channel.kind)
        address = await self._address(session, channel)
        if address is None:
            await self._notices.remove(session, channel.person, channel.id)
            return ()
        if kind not in self._ways:  # it may be again, some day: what is owed until then is not kept for it
            await rows.close_all(channel.id, Outcome.GONE, now)
            return ()
        wishes = Wishes.of(await NoticeRows(session).settings(channel.person))
        wanted = list[NoticeOutgoing]()
        for row in await rows.due(channel.id, now):
            if (outcome := _unwanted(row, channel, wishes, now)) is None:
                wanted.append(row)
            else:
                row.closed_at, row.outcome = now, outcome.value
        what = plan(wanted, *await rows.told_lately(channel.id, now), now)
        for row in what.wait:
            row.due_at = what.until or now
        if what.together:
            first, *others = what.together
            first.covers = sum(row.covers for row in what.together)
            for row in others:
                row.closed_at, row.outcome = now, Outcome.FOLDED.value
            what.alone.append(first)
        held = list[Held]()
        for row in what.alone:
            row.attempts, row.due_at = row.attempts + 1, now + HELD_FOR
            parcel = await self._parcel(session, row, channel, address, wishes)
            held.append(Held(row.channel, row.message, row.person, kind, row.attempts, row.created_at, parcel))
        await session.flush()
        await _part(session, channel)
        return held

    async def _send(self, held: Sequence[Held]) -> int:
        turns = asyncio.Semaphore(AT_ONCE)
        sent = 0

        async def one(it: Held) -> None:
            nonlocal sent
            async with turns:
                try:
                    await self._ways[it.kind].send(it.parcel)
                except NotSent as error:
                    await self._failed(it, error)
                except Exception as error:  # noqa: BLE001 - one that no way out may raise cuts off no other's notice
                    # Without its words, in which there may be an address or a title.
                    log.error("notices.failed", kind=it.kind.value, error=type(error).__name__)  # noqa: TRY400 - as said
                    await self._failed(it, Later(type(error).__name__))
                else:
                    async with self._db.write() as session:
                        rows, now = OutboxRows(session), self._clock.now()
                        await rows.close(it.channel, [it.message], Outcome.SENT, now, it.attempts)
                        await self._part(session, it)
                    sent += 1

        try:
            async with asyncio.timeout(BATCH_SECONDS_MAX), asyncio.TaskGroup() as group:
                for it in held:
                    group.create_task(one(it))
        except TimeoutError:
            log.warning("notices.too_slow", held=len(held), sent=sent)
        return sent

    async def _failed(self, it: Held, error: NotSent) -> None:
        now = self._clock.now()
        log.info("notices.not_sent", kind=it.kind.value, why=error.why, attempts=it.attempts)
        async with self._db.write() as session:
            rows = OutboxRows(session)
            match error:
                case Gone():
                    await NoticeRows(session).remove(it.person, it.channel)
                    await rows.close_all(it.channel, Outcome.GONE, now)
                case Later() if now - it.created_at < TRIED_FOR:
                    await rows.put_off(it.channel, it.message, it.attempts, now + next_try(it.attempts, error.after))
                case Later():
                    await rows.close(it.channel, [it.message], Outcome.TOO_OLD, now, it.attempts)
                case Refused() | _:
                    await rows.close(it.channel, [it.message], Outcome.REFUSED, now, it.attempts)
            await self._part(session, it)

    async def _part(self, session: AsyncSession, it: Held) -> None:
        channel = await NoticeRows(session).channel(it.person, it.channel)
        if channel is not None:
            await _part(session, channel)

    async def _address(self, session: AsyncSession, channel: NoticeChannel) -> str | None:
        """None where there is none any more, or another than the one that was tried."""
        if channel.kind == ChannelKind.EMAIL.value and channel.left_at is None:
            contact = await session.get(Contact, (channel.person, ContactKind.EMAIL.value))
            if contact is None or contact.value_index != channel.address_index:
                return None
            found = await self._contacts.reveal(session, channel.person, ContactKind.EMAIL)
            return None if found is None else found.value
        if channel.address_sealed is None:
            return None
        bound = bound_to(NoticeChannel.address_sealed, channel.person, channel.id)
        try:
            return self._keys.open(channel.address_sealed, bound_to=bound).decode()
        except SealBroken:
            log.exception("notices.address_unreadable", channel=channel.id.hex)
            return None

    async def _parcel(
        self, session: AsyncSession, row: NoticeOutgoing, channel: NoticeChannel, address: str, wishes: Wishes
    ) -> Parcel:
        topic, language = NoticeTopic(row.topic), wishes.language
        title, body = TITLES[topic], OPEN
        if row.template == CODE and channel.code_sealed is not None:
            bound = bound_to(NoticeChannel.code_sealed, channel.person, channel.id)
            code = self._keys.open(channel.code_sealed, bound_to=bound).decode()
            title, body = CODE_TITLE, CODE_BODY.filled(code=code)
        elif row.template == LEFT:
            body = LEFT_BODY
        elif row.covers > 1:
            title = MANY.filled(count=row.covers)
        elif wishes.shows_titles:
            message = await session.get(Message, (row.person, row.message))
            title = title if message is None else Text(message.title_th, message.title_en)
        stop = None
        if channel.kind == ChannelKind.EMAIL.value and topic is not NoticeTopic.SECURITY:
            stop = f"{self._issuer}{STOP}{self._notices.stop_token(row.channel, topic)}"
        said = body.in_language(language)
        if channel.kind == ChannelKind.EMAIL.value and row.template != CODE:
            said = f"{said}\n{self._issuer}/"
        return Parcel(
            id=row.message.hex,
            address=address,
            title=title.in_language(language),
            body=said,
            language=language.value,
            urgent=row.urgent,
            unsubscribe=stop,
        )


async def _part(session: AsyncSession, channel: NoticeChannel) -> None:
    """From an address that was left, once nothing is owed to it."""
    if channel.left_at is not None and not await OutboxRows(session).is_owed(channel.id):
        await NoticeRows(session).remove(channel.person, channel.id)


def _unwanted(row: NoticeOutgoing, channel: NoticeChannel, wishes: Wishes, now: datetime) -> Outcome | None:
    """Why it does not go out at all; None where it does."""
    if row.template == CODE:
        over = channel.code_sealed is None or channel.code_until is None or channel.code_until <= now
        return Outcome.TOO_OLD if over else None
    if row.template != LEFT and (channel.verified_at is None or channel.left_at is not None):
        return Outcome.GONE
    topic = NoticeTopic(row.topic)
    if topic is not NoticeTopic.SECURITY and choice(topic, ChannelKind(channel.kind)) in wishes.off:
        return Outcome.OFF
    return Outcome.TOO_OLD if now - row.created_at >= TRIED_FOR else None
