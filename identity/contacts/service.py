"""How a person can be reached: sealed, found by value unread, shown to the person alone. The edge commits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.crypto import KeyRing
from core.errors import NotFound
from core.sealed import bound_to
from core.text import Text
from identity.contacts.errors import MalformedEmail, MalformedMobile
from identity.contacts.models import Contact
from identity.inbox import Inbox
from identity.messages import MESSAGES
from identity.notices.farewell import tell_former

_SPACING: Final = re.compile(r"[ \-().\u00a0\u2011]")
_E164: Final = re.compile(r"\+[1-9][0-9]{7,14}", re.ASCII)
"""ITU-T E.164: a country code and a number, 15 digits at most; none in use is shorter than 8."""
_THAI_MOBILE: Final = re.compile(r"(?:\+66|0066|66|0)([689][0-9]{8})", re.ASCII)
"""Thai mobile numbers begin with 06, 08 or 09 (NBTC numbering plan)."""
_THAI: Final = "+66"
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])",
    re.ASCII,
)
"""The dot-atom of RFC 5322 §3.4.1 at a name of RFC 1035 §2.3.1: what mail systems take, not all that may be written."""
_EMAIL_LENGTH_MAX: Final = 254
_LOCAL_LENGTH_MAX: Final = 64
_GIVEN_LENGTH_MAX: Final = 400


class ContactKind(StrEnum):
    """Ways to reach a person."""

    MOBILE = "MOBILE"
    EMAIL = "EMAIL"


KINDS: Final = {
    ContactKind.MOBILE: Text(th="หมายเลขโทรศัพท์มือถือ", en="mobile number"),
    ContactKind.EMAIL: Text(th="อีเมล", en="email address"),
}
CHANGED: Final = MESSAGES["contacts.changed"]
REMOVED: Final = MESSAGES["contacts.removed"]


@dataclass(frozen=True, slots=True)
class Reached:
    """A way to reach a person. Prints without the value."""

    kind: ContactKind
    value: str = field(repr=False)
    updated_at: datetime


class Contacts:
    def __init__(self, keys: KeyRing, clock: Clock, inbox: Inbox) -> None:
        self._keys, self._clock, self._inbox = keys, clock, inbox

    async def of(self, session: AsyncSession, person: UUID) -> Sequence[Reached]:
        """The person's own."""
        rows = await session.scalars(select(Contact).where(col(Contact.person) == person).order_by(col(Contact.kind)))
        return [self._revealed(row) for row in rows]

    async def reveal(self, session: AsyncSession, person: UUID, kind: ContactKind) -> Reached | None:
        row = await session.get(Contact, (person, kind.value))
        return None if row is None else self._revealed(row)

    async def find(self, session: AsyncSession, kind: ContactKind, given: str) -> Sequence[UUID]:
        """Whoever can be reached there: a household may share a number. Nothing is decrypted.

        Raises :class:`MalformedMobile`, :class:`MalformedEmail`.
        """
        query = select(col(Contact.person)).where(
            col(Contact.kind) == kind.value, col(Contact.value_index) == self._index(kind, normalised(kind, given))
        )
        return (await session.scalars(query.order_by(col(Contact.person)))).all()

    async def set(self, session: AsyncSession, person: UUID, kind: ContactKind, given: str) -> Reached:
        """Saves it in its one normal form, and tells the person; the same again changes nothing and tells nobody.

        Raises :class:`MalformedMobile`, :class:`MalformedEmail`.
        """
        value = normalised(kind, given)
        index = self._index(kind, value)
        former = await self._held(session, person, kind)
        dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        changed = {
            "value_index": index,
            "value_sealed": self._keys.seal(value.encode(), bound_to=_bound(person, kind)),
            "updated_at": self._clock.now(),
        }
        insert = dialect.insert(Contact).values(person=person, kind=kind.value, **changed)
        done = await session.execute(
            insert.on_conflict_do_update(
                index_elements=["person", "kind"], set_=changed, where=col(Contact.value_index) != index
            ).returning(col(Contact.kind))
        )
        if done.first() is not None:
            await self._inbox.send(session, person, CHANGED, kind=KINDS[kind])
            await self._tell_former(session, former)
        saved = await session.get(Contact, (person, kind.value), populate_existing=True)
        assert saved is not None, "it was written just now"
        return self._revealed(saved)

    async def remove(self, session: AsyncSession, person: UUID, kind: ContactKind) -> None:
        """Raises :class:`NotFound` when there is none."""
        former = await self._held(session, person, kind)
        gone = await session.execute(
            delete(Contact)
            .where(col(Contact.person) == person, col(Contact.kind) == kind.value)
            .returning(col(Contact.kind))
        )
        if gone.first() is None:
            raise NotFound
        await self._inbox.send(session, person, REMOVED, kind=KINDS[kind])
        await self._tell_former(session, former)

    async def _held(self, session: AsyncSession, person: UUID, kind: ContactKind) -> tuple[UUID, bytes, str] | None:
        """The e-mail address as it is until now, of which nobody makes another until the transaction ends."""
        if kind is not ContactKind.EMAIL:
            return None
        row = await session.get(Contact, (person, kind.value), populate_existing=True, with_for_update=True)
        return None if row is None else (person, row.value_index, self._revealed(row).value)

    async def _tell_former(self, session: AsyncSession, former: tuple[UUID, bytes, str] | None) -> None:
        if former is not None:
            person, index, address = former
            now = self._clock.now()
            await tell_former(session, self._keys, person, index=index, address=address, now=now)

    def _revealed(self, row: Contact) -> Reached:
        kind = ContactKind(row.kind)
        plain = self._keys.open(row.value_sealed, bound_to=_bound(row.person, kind))
        return Reached(kind, plain.decode(), row.updated_at)

    def _index(self, kind: ContactKind, value: str) -> bytes:
        return self._keys.blind_index(value, domain=f"contact-{kind.value.lower()}")


def normalised(kind: ContactKind, given: str) -> str:
    """The one form in which equal values are equal. Raises :class:`MalformedMobile`, :class:`MalformedEmail`."""
    bounded = given if len(given) <= _GIVEN_LENGTH_MAX else ""
    return _mobile(bounded) if kind is ContactKind.MOBILE else _email(bounded.strip())


def _mobile(given: str) -> str:
    digits = _SPACING.sub("", given.strip())
    if thai := _THAI_MOBILE.fullmatch(digits):
        return _THAI + thai[1]
    if not _E164.fullmatch(digits) or digits.startswith(_THAI):  # a Thai number that is no mobile
        raise MalformedMobile
    return digits


def _email(given: str) -> str:
    """In lower case: no mail system of today tells capitals apart (RFC 5321 §2.4 would let it)."""
    local = given.partition("@")[0]
    if not _EMAIL.fullmatch(given) or len(given) > _EMAIL_LENGTH_MAX or len(local) > _LOCAL_LENGTH_MAX:
        raise MalformedEmail
    return given.lower()


def _bound(person: UUID, kind: ContactKind) -> str:
    return bound_to(Contact.value_sealed, person, kind.value)
