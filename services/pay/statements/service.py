"""Taking in the bank's statement of a day: every entry known, none missing, and the balances in a row. What does not
fit is named, never guessed; a statement taken in again changes nothing but what has been mended.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.errors import BadInput
from core.ids import new_id
from core.text import Text
from services.pay.errors import BankFileRefused
from services.pay.iso20022.camt053 import Statement, read_statement
from services.pay.needs import Officer, Payers, Role
from services.pay.service import must_be
from services.pay.statements.errors import StatementMissing
from services.pay.statements.models import BankStatement, StatementBreak, StatementBreakKind, StatementResolution
from services.pay.statements.resolving import agree, explained_as, open_breaks, propose
from services.pay.statements.told import booked_on, told_of
from services.pay.writing import insert_new

LISTED_MAX: Final = 200
_K = StatementBreakKind
_OF_DAY: Final = frozenset({_K.DOES_NOT_ADD_UP, _K.OPENS_OTHERWISE, _K.DAY_MISSING, _K.CHANGED})
_CHAIN: Final = frozenset({_K.OPENS_OTHERWISE, _K.DAY_MISSING})
"""Which also hang on the statement of the day before."""
_OURS: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_FOREIGN: Final = "statement.end-to-end"
_NOT_OVER: Final = Text(th="วันนี้ยังไม่สิ้นสุด", en="that day is not over")
_OTHER_ACCOUNT: Final = Text(th="เป็นรายการของบัญชีอื่น หรือของวันอื่น", en="it is of another account, or of another day")


class StatementBank(Protocol):
    async def statement(self, account: str, day: date) -> bytes | None:
        """The bank's camt.053 of that Bangkok day; None where it has none. Raises `ServiceUnavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """Something that does not fit."""

    kind: StatementBreakKind
    reference: str
    expected: int | None = None
    found: int | None = None
    end_to_end: str = ""
    """One of ours, or the mark of another."""

    @property
    def entry(self) -> tuple[str, str, str, bool]:
        """What makes it one break of its day: kind, reference, payment and direction."""
        came_in = self.kind not in _OF_DAY and ((self.expected if self.found is None else self.found) or 0) > 0
        return self.kind.value, self.reference, self.end_to_end.lower(), came_in


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of taking in a statement."""

    statement: BankStatement
    new: int
    """Breaks that were not known before."""
    closed: int
    """That were known, and fit now."""


class Statements:
    """Owns its transactions, and asks the bank in none."""

    def __init__(self, db: Database, clock: Clock, keys: KeyRing, bank: StatementBank, payers: Payers) -> None:
        self._db, self._clock, self._keys, self._bank, self._payers = db, clock, keys, bank, payers

    async def take(self, officer: Officer, day: date) -> Taken:
        """Asks the bank for the statement of a day that is over, and compares it.

        Raises `NotAPaymentOfficer`, `BadInput`, :class:`StatementMissing`, `BankFileRefused`, `ServiceUnavailable`.
        """
        must_be(officer, *Role)
        if day >= self._clock.today():
            raise BadInput(_NOT_OVER, path=("day",))
        account = self._payers(officer.agency).account
        document = await self._bank.statement(account, day)
        if document is None:
            raise StatementMissing
        statement = read_statement(document)
        if (statement.account, statement.day) != (account, day):
            raise BankFileRefused(_OTHER_ACCOUNT, "Stmt")
        async with self._db.write() as session:
            return await self._take(session, officer.agency, statement)

    async def breaks(self, officer: Officer) -> Sequence[tuple[StatementBreak, StatementResolution | None]]:
        """The agency's that are open, oldest day first, each with what is proposed for it. Raises
        `NotAPaymentOfficer`."""
        must_be(officer, *Role)
        async with self._db.read() as session:
            return await open_breaks(session, officer.agency, LISTED_MAX)

    async def propose(self, officer: Officer, key: UUID, reason: str) -> StatementResolution:
        """See :func:`services.pay.statements.resolving.propose`; raises `NotAPaymentOfficer` too."""
        must_be(officer, *Role)
        async with self._db.write() as session:
            return await propose(session, officer, key, reason, self._clock.now())

    async def agree(self, officer: Officer, key: UUID) -> StatementResolution:
        """See :func:`services.pay.statements.resolving.agree`; raises `NotAPaymentOfficer` too."""
        must_be(officer, *Role)
        async with self._db.write() as session:
            return await agree(session, officer, key, self._clock.now())

    async def _take(self, session: AsyncSession, agency: str, statement: Statement) -> Taken:
        row = {
            "agency": agency,
            "day": statement.day,
            "statement_id": statement.id,
            "content_hash": statement.content,
            "opening": statement.opening,
            "closing": statement.closing,
            "entries": len(statement.entries),
            "taken_at": self._clock.now(),
        }
        await _take_turn(session, agency)
        await insert_new(session, BankStatement, [row])
        key = (agency, statement.day)
        kept = await session.get(BankStatement, key, with_for_update=True, populate_existing=True)
        assert kept is not None, "it is there, by us or by a twin"
        if kept.content_hash != statement.content:
            changed = Found(_K.CHANGED, statement.day.isoformat(), kept.closing, statement.closing)
            return Taken(kept, await self._name(session, agency, statement.day, [changed]), 0)
        marked = await self._marked(session, agency, statement)
        found = [*_in_itself(marked), *await self._against_told(session, agency, marked)]
        found += await self._chain(session, kept)
        new = await self._name(session, agency, statement.day, found)
        closed = await self._close(session, agency, statement.day, found, frozenset(_K))
        later = await self._next(session, kept)
        if later is not None:  # it was taken in before this one
            hung = await self._chain(session, later)
            new += await self._name(session, agency, later.day, hung)
            closed += await self._close(session, agency, later.day, hung, _CHAIN)
        return Taken(kept, new, closed)

    async def _marked(self, session: AsyncSession, agency: str, statement: Statement) -> Statement:
        """With a keyed mark in the place of each end-to-end id that is none of ours: a bank may put a name there.
        Breaks that were named when such an id was hashed without a key bear the mark from now on."""
        foreign = sorted({one.end_to_end for one in statement.entries if _is_foreign(one.end_to_end)})
        marks = {one: "~" + self._keys.blind_index(one, domain=_FOREIGN).hex()[:32] for one in foreign}
        for one, mark in marks.items():
            of_day = (col(StatementBreak.agency) == agency, col(StatementBreak.day) == statement.day)
            unkeyed = "~" + sha256(one.encode()).hexdigest()[:32]
            anew = update(StatementBreak).where(*of_day, col(StatementBreak.end_to_end) == unkeyed)
            await session.execute(anew.values(end_to_end=mark).execution_options(synchronize_session=False))
        entries = (replace(one, end_to_end=marks.get(one.end_to_end, one.end_to_end)) for one in statement.entries)
        return replace(statement, entries=tuple(entries))

    async def _against_told(self, session: AsyncSession, agency: str, statement: Statement) -> list[Found]:
        told = await told_of(session, agency, {one.reference for one in statement.entries})
        found: list[Found] = []
        for one in sorted(set(statement.entries)):
            known = told.get(one.reference)
            if known is None:
                found.append(Found(_K.NOT_TOLD, one.reference, None, one.satang, one.end_to_end))
            elif one.satang not in known:
                nearest = _nearest(known, one.satang)
                found.append(Found(_K.OTHER_AMOUNT, one.reference, nearest, one.satang, one.end_to_end))
        missing = _missing(statement, await booked_on(session, agency, statement.day))
        return [*found, *(Found(_K.NOT_LISTED, one, satang, None, end_to_end) for one, end_to_end, satang in missing)]

    async def _chain(self, session: AsyncSession, kept: BankStatement) -> list[Found]:
        """How it hangs on the statement before it; the first of all hangs on none."""
        query = select(BankStatement).where(col(BankStatement.agency) == kept.agency, col(BankStatement.day) < kept.day)
        before = (await session.scalars(query.order_by(col(BankStatement.day).desc()).limit(1))).first()
        if before is None:
            return []
        name = kept.day.isoformat()
        if before.day != kept.day - timedelta(days=1):
            return [Found(_K.DAY_MISSING, name, before.closing, kept.opening)]
        if before.closing != kept.opening:
            return [Found(_K.OPENS_OTHERWISE, name, before.closing, kept.opening)]
        return []

    @staticmethod
    async def _next(session: AsyncSession, kept: BankStatement) -> BankStatement | None:
        query = select(BankStatement).where(col(BankStatement.agency) == kept.agency, col(BankStatement.day) > kept.day)
        return (await session.scalars(query.order_by(col(BankStatement.day)).limit(1))).first()

    async def _name(self, session: AsyncSession, agency: str, day: date, found: Sequence[Found]) -> int:
        """How many of them are new, or are there again after they were closed."""
        new = 0
        for one in found:
            kind, reference, end_to_end, came_in = one.entry
            row = {
                "id": new_id(),
                "agency": agency,
                "day": day,
                "kind": kind,
                "bank_reference": reference,
                "end_to_end": end_to_end,
                "came_in": came_in,
                "expected": one.expected,
                "found": one.found,
                "found_at": self._clock.now(),
            }
            inserted = await insert_new(session, StatementBreak, [row])
            if not inserted:
                again = update(StatementBreak).where(*_is(agency, day, one), col(StatementBreak.closed_at).is_not(None))
                again = again.where(~explained_as(one.expected, one.found))
                again = again.values(closed_at=None, expected=one.expected, found=one.found)
                changed = again.returning(col(StatementBreak.id)).execution_options(synchronize_session=False)
                inserted = len((await session.execute(changed)).all())
            new += inserted
        return new

    async def _close(
        self,
        session: AsyncSession,
        agency: str,
        day: date,
        found: Sequence[Found],
        kinds: frozenset[StatementBreakKind],
    ) -> int:
        """Those of the kinds that are open and were not found."""
        there = {one.entry for one in found}
        query = select(StatementBreak).where(
            col(StatementBreak.agency) == agency,
            col(StatementBreak.day) == day,
            col(StatementBreak.kind).in_(sorted(kinds)),
            col(StatementBreak.closed_at).is_(None),
        )
        closed = [
            one
            for one in await session.scalars(query.execution_options(populate_existing=True))
            if (one.kind, one.bank_reference, one.end_to_end, one.came_in) not in there
        ]
        for one in closed:
            one.closed_at = self._clock.now()
        await session.flush()
        return len(closed)


async def _take_turn(session: AsyncSession, agency: str) -> None:
    """Waits until nobody else takes in a day of that agency's account: each hangs on those beside it. SQLite has one
    writer."""
    if session.get_bind().dialect.name != "sqlite":
        key = {"key": f"statement:{agency}"}
        await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 5))"), key)


def _in_itself(statement: Statement) -> list[Found]:
    found = []
    by_payment: dict[tuple[str, str, bool], list[int]] = {}
    for one in statement.entries:
        by_payment.setdefault((one.reference, one.end_to_end, one.satang > 0), []).append(one.satang)
    for (reference, end_to_end, _), listed in sorted(by_payment.items()):
        if len(listed) > 1:
            found.append(Found(_K.LISTED_TWICE, reference, listed[0], sum(listed), end_to_end))
    if not statement.adds_up:
        wanted = statement.opening + sum(one.satang for one in statement.entries)
        found.append(Found(_K.DOES_NOT_ADD_UP, statement.day.isoformat(), wanted, statement.closing))
    return found


def _missing(statement: Statement, booked: Iterable[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    """What was told as booked and is not listed: reference, end-to-end id, satang. An entry with one of our end-to-end
    ids is of that payment; any other stands for one of its reference."""
    listed: dict[str, list[str]] = {}
    for one in statement.entries:
        listed.setdefault(one.reference, []).append(one.end_to_end.lower())
    unnamed: list[tuple[str, str, int]] = []
    missing: list[tuple[str, str, int]] = []
    for reference, end_to_end, satang in booked:
        there = listed.get(reference, [])
        if end_to_end and end_to_end in there:
            listed[reference] = [one for one in there if one != end_to_end]
        else:
            unnamed.append((reference, end_to_end, satang))
    for reference, end_to_end, satang in unnamed:
        there = [one for one in listed.get(reference, []) if not (end_to_end and _OURS.fullmatch(one))]
        if there:
            listed[reference].remove(there[0])
        else:
            missing.append((reference, end_to_end, satang))
    return sorted(missing)


def _nearest(known: set[int], satang: int) -> int:
    """Of what was told under one reference, that of the same direction, if there is one."""
    return min(known, key=lambda one: ((one > 0) != (satang > 0), abs(one - satang), one))


def _is(agency: str, day: date, one: Found) -> tuple[ColumnElement[bool], ...]:
    return (
        col(StatementBreak.agency) == agency,
        col(StatementBreak.day) == day,
        *(column == value for column, value in zip(_ENTRY, one.entry, strict=True)),
    )


_ENTRY: Final = (
    col(StatementBreak.kind),
    col(StatementBreak.bank_reference),
    col(StatementBreak.end_to_end),
    col(StatementBreak.came_in),
)


def _is_foreign(end_to_end: str) -> bool:
    return bool(end_to_end) and not _OURS.fullmatch(end_to_end.lower())
