"""Queries of the access log, for whoever holds the key to what they find."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from core.crypto import SealBroken
from core.envelope import DataKey, SubjectKeys
from services.exchange.access_log.households import began, disclosed_from, last_of, month_of, shown
from services.exchange.access_log.models import AccessRecord
from services.exchange.access_log.records import AccessEntry, AccessOutcome, ErasedRecord, Prolongation
from services.exchange.access_log.sealing import Opened, opened


@dataclass(frozen=True, slots=True)
class Evidence:
    """What recomputes a record's leaf: leaf = SHA-256(0x00 ‖ id ‖ time ‖ SHA-256(salt ‖ canonical form))."""

    id: UUID
    at: datetime
    salt: bytes
    canonical: bytes


class AccessLogReader:
    """Each method takes the subject first: a citizen reads what is about them, and nobody reads across.

    Nothing here is remembered from one call to the next: a key that was destroyed a moment ago opens nothing.
    """

    def __init__(self, session: AsyncSession, keys: SubjectKeys) -> None:
        self._session, self._keys = session, keys

    async def page(
        self, subject: UUID, *, size: int, before: UUID | None, at: datetime
    ) -> Sequence[AccessEntry | ErasedRecord]:
        """What may be disclosed at that time, the newest first; those older than `before`, if given.

        A month's records of the household's calculations are one entry (`households.py`).
        """
        found: list[AccessEntry | ErasedRecord] = []
        key = await self._keys.find(self._session, subject)
        is_decision = col(AccessRecord.id) == col(AccessRecord.entry)
        while len(found) < size:
            query = select(AccessRecord).where(
                col(AccessRecord.subject) == subject, is_decision, _disclosed(subject, at)
            )
            if before is not None:
                query = query.where(col(AccessRecord.id) < before)
            wanted = size - len(found)
            rows = (await self._session.scalars(query.order_by(col(AccessRecord.id).desc()).limit(wanted))).all()
            for row in rows:
                month = month_of(row.id)
                before = month or row.id
                entry = _read(row, key, AccessEntry) if month is None else await self._month(subject, month, key)
                assert entry is not None, "there is a record of that month"
                found.append(entry)
                if month is not None:
                    break
            else:
                if len(rows) < wanted:
                    break
        return found

    async def get(self, subject: UUID, entry: UUID, *, at: datetime) -> AccessEntry | ErasedRecord | None:
        """None also for what may not be disclosed yet."""
        month = month_of(entry)
        if month is not None:
            if month != entry or disclosed_from(month) > at:
                return None
            return await self._month(subject, month, await self._keys.find(self._session, subject))
        is_it = (col(AccessRecord.subject) == subject) & (col(AccessRecord.id) == entry)
        is_decision = col(AccessRecord.id) == col(AccessRecord.entry)
        row = await self._session.scalar(select(AccessRecord).where(is_it, is_decision, _disclosed(subject, at)))
        if row is None:
            return None
        read: AccessEntry | ErasedRecord = _read(row, await self._keys.find(self._session, subject), AccessEntry)
        return read

    async def outcomes(
        self, subject: UUID, entries: Collection[UUID], *, at: datetime
    ) -> Mapping[UUID, Sequence[AccessOutcome]]:
        """Of these entries of the subject, each in order; what was erased is left out.

        What came of a household's calculations is not told: that would tell how many there were.
        """
        found: dict[UUID, list[AccessOutcome]] = defaultdict(list)
        entries = [entry for entry in entries if month_of(entry) is None]
        if not entries:
            return found
        # What came of a decision is in it, or later than it: the index leads to where the eldest begins.
        query = (
            select(AccessRecord)
            .where(col(AccessRecord.subject) == subject, col(AccessRecord.id) >= min(entries))
            .where(col(AccessRecord.entry).in_(entries))
            .where(_disclosed(subject, at))
            .order_by(col(AccessRecord.id))
        )
        rows = (await self._session.scalars(query)).all()
        key = await self._keys.find(self._session, subject) if rows else None
        for row in rows:
            record = _read(row, key, object)  # or a prolongation, which `evidence` tells
            outcome = record.outcome if isinstance(record, AccessEntry) else record
            if isinstance(outcome, AccessOutcome):
                found[outcome.entry].append(outcome)
        return found

    async def evidence(
        self, subject: UUID, entries: Collection[UUID], *, at: datetime
    ) -> Mapping[UUID, Sequence[Evidence]]:
        """All records behind entries that are shown: of each the decision's and its outcomes', in their order.

        What was erased is left out, as is what may not be disclosed yet.
        """
        months = {entry for entry in entries if month_of(entry) is not None}
        is_of_them = [col(AccessRecord.entry).in_(set(entries) - months)]
        is_of_them += [col(AccessRecord.entry).between(month, last_of(month)) for month in months]
        query = select(AccessRecord).where(
            col(AccessRecord.subject) == subject, or_(*is_of_them), _disclosed(subject, at)
        )
        rows = (await self._session.scalars(query.order_by(col(AccessRecord.at), col(AccessRecord.id)))).all()
        key = await self._keys.find(self._session, subject) if rows else None
        found: dict[UUID, list[Evidence]] = defaultdict(list)
        for row in rows:
            try:
                content = opened(row, key) if key is not None else None
            except SealBroken:
                content = None
            if content is not None:
                shown_as = month_of(row.entry) or row.entry
                found[shown_as].append(Evidence(row.id, row.at, content.salt, content.canonical))
        return found

    async def _month(self, subject: UUID, month: UUID, key: DataKey | None) -> AccessEntry | ErasedRecord | None:
        """The entry of a month; None where there is nothing of that month."""
        of_month = col(AccessRecord.entry).between(month, last_of(month))
        query = select(AccessRecord).where(col(AccessRecord.subject) == subject, of_month)
        records = [_read(row, key, object) for row in (await self._session.scalars(query)).all()]
        decisions = [one for one in records if isinstance(one, AccessEntry)]
        if decisions:
            later = {name for one in records if isinstance(one, AccessOutcome) for name in one.states}
            return shown(month, subject, decisions, later)
        if records:
            return ErasedRecord(
                subject=subject, id=month, entry=month, at=began(month), disclosed_from=disclosed_from(month)
            )
        return None

    async def prolongations(self, subject: UUID, entry: UUID) -> Sequence[Prolongation]:
        """Of a decision, in their order, whenever it may be disclosed. Not for the subject's eyes."""
        query = (
            select(AccessRecord)
            .where(col(AccessRecord.subject) == subject, col(AccessRecord.entry) == entry)
            .where(col(AccessRecord.disclosed_from).is_not(None), col(AccessRecord.id) != entry)
            .order_by(col(AccessRecord.id))
        )
        key = await self._keys.find(self._session, subject)
        records = [_read(row, key, object) for row in (await self._session.scalars(query)).all()]
        return [one for one in records if isinstance(one, Prolongation)]

    async def opened(self, subject: UUID, record: UUID) -> Opened | None:
        """A record with its canonical form and its salt, whenever it may be disclosed; None if there is none or it was
        erased."""
        row = await self._session.get(AccessRecord, (subject, record))
        key = await self._keys.find(self._session, subject)
        if row is None or key is None:
            return None
        try:
            return opened(row, key)
        except SealBroken:
            return None


def _disclosed(subject: UUID, at: datetime) -> ColumnElement[bool]:
    """Of a decision all records or none: it is shown when the last of them may be (a prolongation)."""
    is_held_back = (col(AccessRecord.subject) == subject) & (col(AccessRecord.disclosed_from) > at)
    held_back = select(col(AccessRecord.entry)).where(is_held_back)
    return or_(
        col(AccessRecord.disclosed_from).is_(None),
        and_(col(AccessRecord.disclosed_from) <= at, col(AccessRecord.entry).not_in(held_back)),
    )


def _read(row: AccessRecord, key: DataKey | None, kind: type[Any]) -> Any:
    """A record of that kind, or that it was erased."""
    try:
        record = opened(row, key).record if key is not None else None
    except SealBroken:  # sealed under a key that the person had before
        record = None
    if record is None:
        return ErasedRecord(
            subject=row.subject, id=row.id, entry=row.entry, at=row.at, disclosed_from=row.disclosed_from
        )
    assert isinstance(record, kind), "a decision is its own entry, and no outcome is"
    return record
