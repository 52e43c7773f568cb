"""Telling citizens: messages in their inbox, and word that something of theirs changed."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.errors import NotFound
from core.ids import NationalId, new_id
from core.money import Money
from core.text import Text
from identity.inbox.models import Change, ChangeKind, Message
from identity.inbox.templates import MessageTemplate
from identity.notices.outbox import owe, owe_each

_BETWEEN: Final = r"[-\s./_\u2010-\u2015]?"
"""What people write between the groups of a national ID, and what word processors make of it."""
_THIRTEEN_DIGITS: Final = re.compile(_BETWEEN.join((r"(?<!\d)\d", r"\d{4}", r"\d{5}", r"\d{2}", r"\d(?!\d)")))


class Inbox:
    """Every method writes in the given transaction: what is rolled back was never told."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def send(self, session: AsyncSession, person: UUID, template: MessageTemplate, **values: Any) -> UUID:
        """Puts a message into the person's inbox, announces it, and owes a notice of it to each of their channels;
        answers its key.

        Raises ValueError unless the values are those that the template has places for, and for a national ID.
        """
        message = Message(person=person, id=new_id(), **self._written(template, values))
        session.add(message)
        await self.announce(session, person, ChangeKind.MESSAGE, message.id)
        await owe(session, person, message.id, template.id, template.about, message.created_at)
        return message.id

    async def send_each(
        self, session: AsyncSession, people: Collection[UUID], template: MessageTemplate, **values: Any
    ) -> dict[UUID, UUID]:
        """As :meth:`send`, the same to each of these people, by a few statements however many they are; answers each
        one's key.

        Who stands among `people` twice is told once. Raises ValueError as :meth:`send` does, and then nobody is told.
        """
        written = self._written(template, values)
        sent = {person: new_id() for person in people}
        if not sent:
            return sent
        await session.execute(
            insert(Message), [{"person": person, "id": key, **written} for person, key in sent.items()]
        )
        kind, at = ChangeKind.MESSAGE.value, written["created_at"]
        changes = [
            {"person": person, "id": new_id(), "kind": kind, "subject": key, "at": at} for person, key in sent.items()
        ]
        await session.execute(insert(Change), changes)
        await owe_each(session, sent, template.id, template.about, at)
        return sent

    def _written(self, template: MessageTemplate, values: Mapping[str, Any]) -> dict[str, Any]:
        """What stands in a message, whoever gets it."""
        title, body = template.filled(values)
        if any(holds_national_id(text) for text in (title.th, title.en, body.th, body.en)):
            raise ValueError("a message does not carry a national ID")
        return {
            "template": template.id,
            "values": {name: _plain(value) for name, value in values.items()},
            "title_th": title.th,
            "title_en": title.en,
            "body_th": body.th,
            "body_en": body.en,
            "created_at": self._clock.now(),
        }

    async def mark_read(self, session: AsyncSession, person: UUID, key: UUID) -> Message:
        """Notes when the person first read it. Raises :class:`NotFound`: unknown, or another's."""
        await session.execute(
            update(Message)
            .where(col(Message.person) == person, col(Message.id) == key, col(Message.read_at).is_(None))
            .values(read_at=self._clock.now())
        )
        row = await session.get(Message, (person, key), populate_existing=True)
        if row is None:
            raise NotFound
        return row

    async def announce(self, session: AsyncSession, person: UUID, kind: ChangeKind, subject: UUID) -> None:
        """Tells whoever listens that this application, payment or message of the person changed."""
        change = Change(person=person, id=new_id(), kind=kind.value, subject=subject, at=self._clock.now())
        session.add(change)
        await session.flush()


def holds_national_id(text: str) -> bool:
    """Whether somewhere in it stands what could be one."""
    return _THIRTEEN_DIGITS.search(text) is not None


def _plain(value: Any) -> Any:
    """A value as JSON keeps it."""
    match value:
        case NationalId() | Mapping():
            raise ValueError("a message is filled with plain values, none of which identifies a person")
        case Text():
            return {"th": value.th, "en": value.en}
        case Money():
            return {"satang": value.satang, "currency": value.currency}
        case datetime() | date():
            return value.isoformat()
        case UUID():
            return value.hex
        case None | bool() | int() | str():
            return value
        case _:
            raise ValueError(f"a message cannot be filled with {type(value).__name__}")
