"""Replacing a key of the ring while servers serve. Each step is written down before it is taken (docs/keys.md).

1. A new key is announced in the file. Every process learns of it before anything is sealed under it.
2. It becomes current. Every process seals under it from then on, within a second.
3. All rows are sealed anew (core/resealing.py).
4. Later, and only when asked: the old key is taken out, if nothing is sealed under it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, text

from core.crypto import LOOK_SECONDS, KeyRing
from core.database import Database
from core.errors import SitthiError
from core.key_document import KeyDocument, KeyFile
from core.resealing import Resealed, count, declared, reseal
from core.text import Text

SETTLE_SECONDS: Final = 2 * LOOK_SECONDS
"""After that every process that uses its ring has seen what the file holds."""

WRITERS_SECONDS_MAX: Final = 60.0
"""How long a key that is to go waits for transactions that may hold a row under it. None of ours takes a second."""
_LOOK_AGAIN_SECONDS: Final = 0.1
_SOMEBODY_WRITES: Final = Text(
    th="ยังมีการเขียนฐานข้อมูลที่เริ่มไว้ก่อนหน้านี้และยังไม่จบ", en="a transaction that began before is still writing"
)


class KeyInUse(SitthiError):
    """Rows are sealed under the key, or it is the current one."""

    code = "KEY_IN_USE"
    text = Text(th="ยังเลิกใช้กุญแจ {key} ไม่ได้: {why}", en="The key {key} cannot be retired yet: {why}.")


class KeyUnknown(SitthiError):
    code = "KEY_UNKNOWN"
    text = Text(th="ไม่มีกุญแจชื่อนั้น มีแต่: {known}", en="There is no key of that name. There are: {known}.")


@dataclass(frozen=True, slots=True)
class Rotated:
    """`resumed` when an earlier rotation had not come to its end; `columns` by name."""

    current: str
    resumed: bool
    columns: dict[str, Resealed]

    @property
    def done(self) -> bool:
        return all(column.done for column in self.columns.values())


class Rotation:
    """`keys` is a ring over the same `file`, or over what an operator wrote, when there is no file of ours to write."""

    def __init__(
        self, db: Database, keys: KeyRing, file: KeyFile | None, *, settle_seconds: float = SETTLE_SECONDS
    ) -> None:
        self._db, self._keys, self._file = db, keys, file
        self._settle_seconds = settle_seconds

    async def rotate(self, progress: Callable[[str, Resealed], object]) -> Rotated:
        """Brings in a new key and seals every row under it; or takes up a rotation that was cut off.

        Two at once go one after the other, and are two rotations.
        """
        assert self._file is not None, "there is a file to write the new key to"
        await self._see_every_table()
        with self._file.being_changed():
            document = self._file.read()
            resumed = document.next is not None or document.resealing
            if not resumed:
                document = document.with_next()
                self._file.replace(document)
            if document.next is not None:
                await self._settle()
                document = document.with_next_current()
                self._file.replace(document)
            await self._settle()
            self._keys.refresh()
            rotated = Rotated(document.current, resumed, await self.reseal(progress))
            if rotated.done:
                self._file.replace(document.resealed())
        return rotated

    async def reseal(self, progress: Callable[[str, Resealed], object]) -> dict[str, Resealed]:
        """Seals under the current key whatever is not."""
        return await reseal(self._db, self._keys, declared(), progress)

    async def retire(self, key_id: str) -> None:
        """Takes a key out of the file, so that nothing under it opens any more. Raises KeyInUse, KeyUnknown.

        Killed at any moment, it has lost no key that a row known by then is under.
        """
        assert self._file is not None, "there is a file to take the key out of"
        with self._file.being_changed():
            document = self._file.read()
            await self.refuse_in_use(key_id, document)
            await self._settle()
            await self.refuse_in_use(key_id, document)
            self._file.replace(document.without(key_id))
            await self._settle()
            under = await self._seals_under(key_id)
            if under:  # somebody had not heard that it is no longer current
                self._file.replace(document)
                raise _in_use(key_id, under)

    async def refuse_in_use(self, key_id: str, document: KeyDocument | None = None) -> None:
        """Raises KeyInUse and KeyUnknown, where :meth:`retire` would."""
        current, following = self._keys.current, None
        known = sorted(self._keys.keys)
        if document is not None:
            current, following, known = document.current, document.next, sorted(document.keys)
        if key_id not in known:
            raise KeyUnknown(known=", ".join(known))
        if key_id in (current, following):
            why = Text(th="เป็นกุญแจที่ใช้อยู่", en="it is the one that is used")
            raise KeyInUse(key=key_id, why=why)
        await self._let_writers_end(key_id)
        under = await self._seals_under(key_id)
        if under:
            raise _in_use(key_id, under)

    async def _let_writers_end(self, key_id: str) -> None:
        """What anybody was writing when this was called can be seen, or never will be, when it returns.

        A row that was sealed before the key was replaced may be committed long after. Raises KeyInUse when somebody
        does not end. Nobody waits for us: on PostgreSQL nothing is locked.
        """
        if self._db.is_sqlite:
            async with self._db.write() as session:  # the one writer's turn
                await session.connection()
            return
        async with self._db.write() as session:
            later = int(await session.scalar(text("SELECT pg_current_xact_id()::text")))  # than all that have begun
        waited = 0.0
        while await self._all_ended_before() <= later:
            if waited >= WRITERS_SECONDS_MAX:
                raise KeyInUse(key=key_id, why=_SOMEBODY_WRITES)
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            waited += _LOOK_AGAIN_SECONDS

    async def _all_ended_before(self) -> int:
        """PostgreSQL's number of the first transaction that still writes, or that is to begin."""
        async with self._db.read() as session:
            found = await session.scalar(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text"))
        return int(found)

    async def _seals_under(self, key_id: str) -> dict[str, int]:
        found = {column.name: (await count(self._db, column, [key_id])).by_key[key_id] for column in declared()}
        return {name: seals for name, seals in found.items() if seals}

    async def _see_every_table(self) -> None:
        """Before anything is changed: a database that is away, or not up to date, is better known now."""
        async with self._db.read() as session:
            for column in declared():
                await session.execute(select(column.column).limit(1))

    async def _settle(self) -> None:
        await asyncio.sleep(self._settle_seconds)


def _in_use(key_id: str, under: dict[str, int]) -> KeyInUse:
    listed = ", ".join(f"{name} ({seals})" for name, seals in under.items())
    why = Text(th=f"ยังมีข้อมูลที่เข้ารหัสด้วยกุญแจนี้ใน {listed}", en=f"rows are sealed under it in {listed}")
    return KeyInUse(key=key_id, why=why)
