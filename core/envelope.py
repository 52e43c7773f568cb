"""Data keys of people: what rows that never change are sealed under.

An append-only row cannot be sealed anew when a key of the ring is replaced. So its seal is made under a key that
belongs to the person it is about, and that key, sealed under the ring, lies in a row that does change (`subject_key`).
A rotation re-seals those; whoever destroys a person's row there has made all that was sealed under it unreadable.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.crypto import KeyRing, SealBroken, decrypt, encrypt
from core.key_document import KEY_BYTES
from core.models import SubjectKey
from core.sealed import bound_to

KEPT_MAX: Final = 50_000
"""Keys that a process remembers, some 20 MB."""
KEPT_SECONDS: Final = 600.0
_ENVELOPE: Final = b"\x03"
"""Format byte, after which comes what :func:`core.crypto.encrypt` makes."""


class DataKey:
    """The key of one person."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, plain: bytes, *, bound_to: str) -> bytes:
        return _ENVELOPE + encrypt(self._key, plain, bound_to=bound_to)

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        """Raises :class:`SealBroken`."""
        if sealed[:1] != _ENVELOPE:
            raise SealBroken
        return decrypt(self._key, sealed[1:], bound_to=bound_to)


@dataclass(frozen=True, slots=True)
class KeptKey:
    """A person's key, and the form in which it lies in the database: as long as that is there, the key holds."""

    sealed: bytes
    key: DataKey


class KeptKeys:
    """Data keys that a process remembers, so that sealing needs no look at the database beforehand.

    Whoever seals with one must have the database compare `sealed` with what it holds, in the statement that stores the
    seal: a key that another process destroyed must not be sealed under. A key is forgotten after ten minutes, so that
    one that was destroyed does not live on in memory.
    """

    def __init__(self, keys: KeyRing, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._keys, self._monotonic = keys, monotonic
        self._kept: OrderedDict[UUID, tuple[KeptKey, float]] = OrderedDict()

    def get(self, person: UUID) -> KeptKey | None:
        found = self._kept.get(person)
        if found is None or self._monotonic() >= found[1]:
            return None
        return found[0]

    def opened(self, person: UUID, sealed: bytes) -> KeptKey:
        """What the database holds, opened and kept. Raises :class:`SealBroken`."""
        return self.keep(person, KeptKey(sealed, _opened(self._keys, sealed, person)))

    def made(self, person: UUID) -> KeptKey:
        """A new key, not yet kept: it is the person's once the database has it."""
        key = os.urandom(KEY_BYTES)
        return KeptKey(self._keys.seal(key, bound_to=bound_to(SubjectKey.key_sealed, person)), DataKey(key))

    def keep(self, person: UUID, key: KeptKey) -> KeptKey:
        self._kept[person] = (key, self._monotonic() + KEPT_SECONDS)
        self._kept.move_to_end(person)
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return key

    def forget(self, person: UUID) -> None:
        self._kept.pop(person, None)


class SubjectKeys:
    """The data keys, each made when it is first needed. Works in the session of the caller's transaction."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    async def for_sealing(self, session: AsyncSession, person: UUID) -> DataKey:
        """The person's key. `session` is a write session; of two transactions at once both use the same key."""
        sealed = await self._sealed(session, person)
        if sealed is None:
            dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
            made = self._keys.seal(os.urandom(KEY_BYTES), bound_to=bound_to(SubjectKey.key_sealed, person))
            insert = dialect.insert(SubjectKey).values(person=person, key_sealed=made)
            await session.execute(insert.on_conflict_do_nothing())
            sealed = await self._sealed(session, person)
        assert sealed is not None, "it was made just now"
        return _opened(self._keys, sealed, person)

    async def find(self, session: AsyncSession, person: UUID) -> DataKey | None:
        """The person's key, to open many rows with; None if there is none, or it was destroyed.

        Raises :class:`SealBroken`."""
        sealed = await self._sealed(session, person)
        return _opened(self._keys, sealed, person) if sealed is not None else None

    async def for_sealing_each(self, session: AsyncSession, people: Collection[UUID]) -> dict[UUID, DataKey]:
        """As :meth:`for_sealing`, of up to some hundreds at once."""
        query = select(col(SubjectKey.person), col(SubjectKey.key_sealed)).where(col(SubjectKey.person).in_(people))
        found = dict((await session.execute(query)).tuples().all())
        if missing := [person for person in people if person not in found]:
            made = [KeptKeys(self._keys).made(person).sealed for person in missing]
            rows = [{"person": person, "key_sealed": one} for person, one in zip(missing, made, strict=True)]
            dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
            await session.execute(dialect.insert(SubjectKey).values(rows).on_conflict_do_nothing())
            found = dict((await session.execute(query)).tuples().all())
        return {person: _opened(self._keys, found[person], person) for person in people}

    async def open(self, session: AsyncSession, person: UUID, sealed: bytes, *, bound_to: str) -> bytes:
        """Opens what was sealed under the person's key, or, before there were such keys, under the ring itself.

        Raises :class:`SealBroken`, also when the person's key was destroyed.
        """
        if sealed[:1] != _ENVELOPE:
            return self._keys.open(sealed, bound_to=bound_to)
        key = await self._sealed(session, person)
        if key is None:
            raise SealBroken
        return _opened(self._keys, key, person).open(sealed, bound_to=bound_to)

    @staticmethod
    async def _sealed(session: AsyncSession, person: UUID) -> bytes | None:
        query = select(col(SubjectKey.key_sealed)).where(col(SubjectKey.person) == person)
        found: bytes | None = await session.scalar(query)
        return found


def _opened(keys: KeyRing, sealed: bytes, person: UUID) -> DataKey:
    return DataKey(keys.open(sealed, bound_to=bound_to(SubjectKey.key_sealed, person)))
