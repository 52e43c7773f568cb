"""How a person wants to be told, and where: addresses are tried by a code before anything else goes there."""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing
from core.errors import BadInput, NotFound
from core.ids import new_id
from core.sealed import bound_to
from core.text import Language, Text
from identity.contacts.models import Contact
from identity.contacts.service import ContactKind
from identity.notices.channels import ChannelKind
from identity.notices.errors import AlwaysTold, ChannelNotOffered, CodeWrong, TooManyChannels, TooManyCodes
from identity.notices.models import NoticeChannel, NoticeOutgoing, NoticeSettings
from identity.notices.outbox import OutboxRows, Outcome
from identity.notices.repository import NoticeRows, one_at_a_time
from identity.notices.topics import CODE, NoticeTopic, choice
from identity.notices.web_push import PushKey, plain_base64, subscription

CHANNELS_MAX: Final = 10
"""Of one person."""
CODE_GOOD_FOR: Final = timedelta(minutes=15)
CODE_TRIES_MAX: Final = 5
CODES_A_DAY_MAX: Final = 10
LABEL_LENGTH_MAX: Final = 60
_CODE: Final = re.compile(r"[0-9]{6}", re.ASCII)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Offered:
    """Which ways out this installation has. `push_services`: see :func:`identity.notices.web_push.subscription`."""

    kinds: frozenset[ChannelKind]
    push_services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a person wants to be told. As it stands here as long as they have not said anything."""

    language: Language = Language.TH
    shows_titles: bool = False
    off: frozenset[str] = field(default_factory=frozenset)
    """Of :func:`identity.notices.topics.choice`."""

    @classmethod
    def of(cls, row: NoticeSettings | None) -> Wishes:
        return cls() if row is None else cls(Language(row.language), row.shows_titles, frozenset(row.off))


class Notices:
    """Every method writes in the given transaction; codes go out by the outbox, like all else."""

    def __init__(self, keys: KeyRing, clock: Clock, offered: Offered) -> None:
        self._keys, self._clock, self.offered = keys, clock, offered
        self.push_key = PushKey(keys).public

    async def wishes(self, session: AsyncSession, person: UUID) -> Wishes:
        return Wishes.of(await NoticeRows(session).settings(person))

    async def channels(self, session: AsyncSession, person: UUID) -> Sequence[NoticeChannel]:
        """The eldest first. An e-mail address that is not the person's any more is none of them."""
        contact = await session.get(Contact, (person, ContactKind.EMAIL.value), populate_existing=True)
        mail = None if contact is None else contact.value_index
        found = await NoticeRows(session).channels(person)
        is_mail = ChannelKind.EMAIL.value
        return [one for one in found if one.kind != is_mail or (one.address_index == mail and one.left_at is None)]

    async def add_email(self, session: AsyncSession, person: UUID) -> NoticeChannel:
        """Sends a code to the e-mail address among the person's contact data; the same again sends another.

        Raises :class:`ChannelNotOffered`, :class:`TooManyCodes`, :class:`TooManyChannels`.
        """
        self._must_offer(ChannelKind.EMAIL)
        contact = await session.get(Contact, (person, ContactKind.EMAIL.value), populate_existing=True)
        if contact is None:
            raise ChannelNotOffered
        return await self._add(session, person, ChannelKind.EMAIL, contact.value_index, None, "")

    async def add_push(
        self,
        session: AsyncSession,
        person: UUID,
        *,
        endpoint: str,
        p256dh: str,
        auth: str,
        label: str,
        family: UUID | None = None,
    ) -> NoticeChannel:
        """Sends a code to a browser's push subscription; the same again sends another.

        `family` is of the token by which it comes: when that sign-in is ended, so is this.

        Raises :class:`ChannelNotOffered`, :class:`PushSubscriptionInvalid`, :class:`TooManyCodes`,
        :class:`TooManyChannels`, :class:`BadInput` for a label that is empty or too long.
        """
        self._must_offer(ChannelKind.PUSH)
        label = " ".join(label.split())
        if not label or len(label) > LABEL_LENGTH_MAX or not label.isprintable():
            raise BadInput(Text(th="ชื่ออุปกรณ์ 1 ถึง 60 ตัวอักษร", en="a label has 1 to 60 letters"), path=("label",))
        given = subscription(endpoint, p256dh, auth, self.offered.push_services)
        index = self._keys.blind_index(given.endpoint, domain="push-endpoint")
        row = await self._add(session, person, ChannelKind.PUSH, index, given.as_json(), label)
        row.family = family
        await session.flush()
        return row

    async def confirm(self, session: AsyncSession, person: UUID, key: UUID, code: str) -> NoticeChannel:
        """Takes the code that was sent there; from now on notices go there. Call :meth:`take_a_try` first.

        Raises :class:`NotFound`, :class:`CodeWrong`. One that is confirmed already stays so, whatever the code.
        """
        row = await self._own(session, person, key)
        if row.verified_at is not None:
            return row
        if row.code_sealed is None or row.code_until is None or row.code_until <= self._clock.now():
            raise CodeWrong(path=("code",))
        wanted = self._keys.open(row.code_sealed, bound_to=bound_to(NoticeChannel.code_sealed, person, key))
        if not hmac.compare_digest(wanted, code.strip().encode()):
            raise CodeWrong(path=("code",))
        row.verified_at, row.code_sealed, row.code_until, row.code_tries = self._clock.now(), None, None, 0
        await session.flush()
        return row

    async def take_a_try(self, session: AsyncSession, person: UUID, key: UUID, code: str) -> None:
        """Counts a try at the code: to be committed whether the code is right or not, before anybody looks at it.

        Raises :class:`NotFound`; :class:`CodeWrong` when none is left, and for what cannot be a code, which is no try.
        """
        if not _CODE.fullmatch(code.strip()):
            raise CodeWrong(path=("code",))
        row = await self._own(session, person, key)
        if row.verified_at is None and not await NoticeRows(session).take_a_try(person, key, CODE_TRIES_MAX):
            raise CodeWrong(path=("code",))

    async def remove(self, session: AsyncSession, person: UUID, key: UUID) -> None:
        """Nothing goes there any more. Raises :class:`NotFound`."""
        if not await NoticeRows(session).remove(person, key):
            raise NotFound
        await OutboxRows(session).close_all(key, Outcome.GONE, self._clock.now())

    async def set_wishes(
        self,
        session: AsyncSession,
        person: UUID,
        *,
        language: Language,
        shows_titles: bool,
        off: Collection[tuple[NoticeTopic, ChannelKind]],
    ) -> Wishes:
        """All of them at once. Raises :class:`AlwaysTold`."""
        if any(topic is NoticeTopic.SECURITY for topic, _ in off):
            raise AlwaysTold(path=("off",))
        wanted = sorted({choice(topic, kind) for topic, kind in off})
        await one_at_a_time(session, person)
        row = await NoticeRows(session).settings(person)
        if row is None:
            row = NoticeSettings(
                person=person,
                language=language.value,
                shows_titles=shows_titles,
                off=wanted,
                changed_at=self._clock.now(),
            )
            session.add(row)
        else:
            row.language, row.shows_titles, row.off = language.value, shows_titles, wanted
            row.changed_at = self._clock.now()
        await session.flush()
        return Wishes.of(row)

    def stop_token(self, channel: UUID, topic: NoticeTopic) -> str:
        """What in a letter stops e-mail of that topic. It opens nothing else, names nobody, and is good as long as the
        channel is."""
        return plain_base64(channel.bytes + self._mark(channel, topic)) + "." + topic.value.lower()

    def stopped_by(self, token: str) -> tuple[UUID, NoticeTopic]:
        """The channel and the topic. Raises :class:`NotFound` for a token that we never made."""
        given, _, name = token.partition(".")
        try:
            plain = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
            channel, topic = UUID(bytes=plain[:16]), NoticeTopic(name.upper())
        except ValueError:
            raise NotFound from None
        if not hmac.compare_digest(plain[16:], self._mark(channel, topic)):
            raise NotFound
        return channel, topic

    async def stop(self, session: AsyncSession, token: str) -> None:
        """As the address in a letter does; the same again, and for a channel that is gone, changes nothing.

        Raises :class:`NotFound` for a token that we never made, :class:`AlwaysTold`.
        """
        key, topic = self.stopped_by(token)
        person = await NoticeRows(session).person_of(key)
        if person is None:
            return
        await one_at_a_time(session, person)
        was = await self.wishes(session, person)
        off = {_pair(one) for one in was.off} | {(topic, ChannelKind.EMAIL)}
        await self.set_wishes(session, person, language=was.language, shows_titles=was.shows_titles, off=off)

    def _mark(self, channel: UUID, topic: NoticeTopic) -> bytes:
        """By the key that never changes: a letter is read years after it was written."""
        return self._keys.blind_index(f"{channel.hex}:{topic.value}", domain="notices-stop")[:16]

    async def _add(
        self, session: AsyncSession, person: UUID, kind: ChannelKind, index: bytes, address: str | None, label: str
    ) -> NoticeChannel:
        await one_at_a_time(session, person)
        rows, now = NoticeRows(session), self._clock.now()
        row = await rows.at(person, kind.value, index)
        if row is not None and row.left_at is not None:  # it was theirs before, and is again
            row.left_at = row.address_sealed = row.verified_at = None
        if row is not None and row.verified_at is not None and self._is_as_before(row, address):
            return row
        if row is None:
            if len(await self.channels(session, person)) >= CHANNELS_MAX:
                raise TooManyChannels
            row = NoticeChannel(
                person=person, id=new_id(), kind=kind.value, label=label, address_index=index, created_at=now
            )
            session.add(row)
        if address is not None:  # the keys of a subscription may be new ones, and then they are to be tried
            row.label, row.verified_at = label, None
            row.address_sealed = self._keys.seal(
                address.encode(), bound_to=bound_to(NoticeChannel.address_sealed, person, row.id)
            )
        await self._owe_code(session, row)
        return row

    def _is_as_before(self, row: NoticeChannel, address: str | None) -> bool:
        """A browser says its subscription again whenever it starts; with new keys it has to be tried anew."""
        if address is None or row.address_sealed is None:
            return address is None
        bound = bound_to(NoticeChannel.address_sealed, row.person, row.id)
        return hmac.compare_digest(self._keys.open(row.address_sealed, bound_to=bound), address.encode())

    async def _owe_code(self, session: AsyncSession, row: NoticeChannel) -> None:
        now, person = self._clock.now(), row.person
        if await OutboxRows(session).codes_since(person, CODE, now - _DAY) >= CODES_A_DAY_MAX:
            raise TooManyCodes
        code = f"{secrets.randbelow(1_000_000):06d}"
        row.code_sealed = self._keys.seal(code.encode(), bound_to=bound_to(NoticeChannel.code_sealed, person, row.id))
        row.code_until, row.code_tries = now + CODE_GOOD_FOR, 0
        await session.flush()
        session.add(
            NoticeOutgoing(
                channel=row.id,
                message=new_id(),
                person=person,
                template=CODE,
                topic=NoticeTopic.SECURITY.value,
                urgent=True,
                created_at=now,
                due_at=now,
            )
        )
        await session.flush()

    async def _own(self, session: AsyncSession, person: UUID, key: UUID) -> NoticeChannel:
        row = await NoticeRows(session).channel(person, key)
        if row is None:
            raise NotFound
        return row

    def _must_offer(self, kind: ChannelKind) -> None:
        if kind not in self.offered.kinds:
            raise ChannelNotOffered


def _pair(kept: str) -> tuple[NoticeTopic, ChannelKind]:
    topic, _, kind = kept.partition(":")
    return NoticeTopic(topic), ChannelKind(kind)
