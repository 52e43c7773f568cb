"""The record of a decision, sealed and opened again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from core.crypto import KeyRing
from core.envelope import SubjectKeys
from core.errors import NotFound
from services.apply import repository
from services.apply.deciding import Outcome
from services.apply.models import Decision


@dataclass(frozen=True, slots=True, repr=False)
class DecisionRecord:
    """What a decision was and what it was taken on. `record` holds personal facts: never log or show it as it is."""

    id: UUID
    application: UUID
    applied_at: datetime
    at: datetime
    outcome: Outcome
    record: Mapping[str, Any]


class DecisionRecords:
    """The stored decisions, for the rooms that act for the state: payment, replay, audit.

    A decision never changes, so it is sealed under the data key of its applicant (core/envelope.py).
    """

    def __init__(self, keys: KeyRing) -> None:
        self._subjects = SubjectKeys(keys)

    async def latest(self, session: AsyncSession, application: UUID) -> DecisionRecord | None:
        """The last decision on an application. Raises `SealBroken` when the record was tampered with."""
        row = await repository.last_decision(session, application)
        return None if row is None else await self._opened(session, row)

    async def by_id(self, session: AsyncSession, decision: UUID) -> DecisionRecord:
        """Raises `NotFound`, or `SealBroken` when the record was tampered with."""
        row = await repository.decision(session, decision)
        if row is None:
            raise NotFound
        return await self._opened(session, row)

    async def seal(self, session: AsyncSession, person: UUID, decision: UUID, record: Mapping[str, Any]) -> bytes:
        """For the row of that decision on an application of this person. `session` is a write session."""
        plain = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
        return (await self._subjects.for_sealing(session, person)).seal(plain, bound_to=_binding(decision))

    async def _opened(self, session: AsyncSession, row: Decision) -> DecisionRecord:
        applied_at = await repository.applied_at(session, row.person, row.application)
        plain = await self._subjects.open(session, row.person, row.record_sealed, bound_to=_binding(row.id))
        return DecisionRecord(row.id, row.application, applied_at, row.at, Outcome(row.outcome), orjson.loads(plain))


def _binding(decision: UUID) -> str:
    return f"decision.record:{decision.hex}"
