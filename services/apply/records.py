"""The records of decisions, opened again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from core.crypto import KeyRing, SealBroken
from core.envelope import SubjectKeys
from core.errors import NotFound
from core.sealed import bound_to
from services.apply import repository
from services.apply.deciding import Outcome
from services.apply.decisions.signing import read_rule, rule_content
from services.apply.models import Decision


@dataclass(frozen=True, slots=True, repr=False)
class DecisionRecord:
    """What a decision was and what it was taken on, with the law as `version`.

    `record` holds personal facts: never log or show it as it is."""

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
        """The last decision on an application. Raises `SealBroken` when the record or its law was tampered with."""
        row = await repository.last_decision(session, application)
        return None if row is None else await self._opened(session, row)

    async def first_granted(self, session: AsyncSession, application: UUID) -> DecisionRecord | None:
        """The decision that granted it first. Raises `SealBroken` when the record or its law was tampered with."""
        row = await repository.first_granted(session, application)
        return None if row is None else await self._opened(session, row)

    async def by_id(self, session: AsyncSession, decision: UUID) -> DecisionRecord:
        """Raises `NotFound`, or `SealBroken` when the record or its law was tampered with."""
        row = await repository.decision(session, decision)
        if row is None:
            raise NotFound
        return await self._opened(session, row)

    async def _opened(self, session: AsyncSession, row: Decision) -> DecisionRecord:
        applied_at = await repository.applied_at(session, row.person, row.application)
        record = await self.opened(session, row)
        if row.rule is not None:
            version = read_rule(row.rule, await rule_content(session, row.rule))
            if version is None or record.get("rule") != row.rule:
                raise SealBroken
            record["version"] = version
        return DecisionRecord(row.id, row.application, applied_at, row.at, Outcome(row.outcome), record)

    async def opened(self, session: AsyncSession, row: Decision) -> dict[str, Any]:
        """What was sealed, without the law. Raises `SealBroken` when it was changed, and when its key was destroyed."""
        place = bound_to(Decision.record_sealed, row.id)
        plain = await self._subjects.open(session, row.person, row.record_sealed, bound_to=place)
        return orjson.loads(plain)  # type: ignore[no-any-return]  # an object, as it was sealed
