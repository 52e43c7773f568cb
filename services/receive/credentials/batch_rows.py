"""Queries of batches of credentials, and of those that are ready: those of a citizen's rows take the citizen first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.receive.credentials.models import (
    CredentialBatch,
    CredentialBatchLine,
    CredentialStatus,
    ReadyCredential,
)
from services.receive.credentials.status import Status

_ROWS_A_STATEMENT = 500


async def ready_of(session: AsyncSession, person: UUID, configuration: str, now: datetime) -> UUID | None:
    """One that waits and is good; of one that was taken back since, its agency is asked what stands in its place."""
    query = select(col(ReadyCredential.id)).where(
        col(ReadyCredential.person) == person,
        col(ReadyCredential.configuration) == configuration,
        col(ReadyCredential.kept_until) > now,
        ~_is_listed(),
    )
    found: UUID | None = await session.scalar(query)
    return found


async def take(session: AsyncSession, person: UUID, ready: UUID) -> ReadyCredential | None:
    """It is handed out in this transaction, and is there no more; of two that take it, one has it."""
    query = (
        delete(ReadyCredential)
        .where(col(ReadyCredential.person) == person, col(ReadyCredential.id) == ready)
        .returning(ReadyCredential)
        .execution_options(synchronize_session=False)
    )
    return (await session.scalars(query)).first()


async def add_lines(session: AsyncSession, batch: UUID, people: Sequence[UUID]) -> None:
    rows = [{"batch": batch, "line": line, "person": person, "tries": 0} for line, person in enumerate(people, 1)]
    for first in range(0, len(rows), _ROWS_A_STATEMENT):
        await session.execute(insert(CredentialBatchLine), rows[first : first + _ROWS_A_STATEMENT])


async def due(session: AsyncSession, now: datetime) -> CredentialBatch | None:
    """One that goes on now, locked; one that another worker holds is passed over."""
    query = select(CredentialBatch).where(col(CredentialBatch.ended_at).is_(None), col(CredentialBatch.due_at) <= now)
    query = query.order_by(col(CredentialBatch.due_at), col(CredentialBatch.id)).limit(1)
    return (await session.scalars(query.with_for_update(skip_locked=True))).first()


async def lines(session: AsyncSession, batch: UUID, limit: int) -> list[tuple[int, UUID]]:
    """Those asked about least often first."""
    query = select(col(CredentialBatchLine.line), col(CredentialBatchLine.person)).where(
        col(CredentialBatchLine.batch) == batch
    )
    ordered = query.order_by(col(CredentialBatchLine.tries), col(CredentialBatchLine.line)).limit(limit)
    return [(line, person) for line, person in await session.execute(ordered)]


async def held(session: AsyncSession, batch: UUID, lease: UUID) -> CredentialBatch | None:
    """The batch, locked, if it is still that turn's."""
    query = select(CredentialBatch).where(col(CredentialBatch.id) == batch, col(CredentialBatch.lease) == lease)
    query = query.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(query)).first()


async def settle(session: AsyncSession, batch: UUID, gone: Collection[int], again: Collection[int]) -> None:
    """Lines of which it is known what came, and those that are tried again."""
    of_batch = col(CredentialBatchLine.batch) == batch
    await session.execute(delete(CredentialBatchLine).where(of_batch, col(CredentialBatchLine.line).in_(gone)))
    await session.execute(
        update(CredentialBatchLine)
        .where(of_batch, col(CredentialBatchLine.line).in_(again))
        .values(tries=col(CredentialBatchLine.tries) + 1)
        .execution_options(synchronize_session=False)
    )


async def waiting(session: AsyncSession, batch: UUID) -> int:
    query = select(func.count()).select_from(CredentialBatchLine).where(col(CredentialBatchLine.batch) == batch)
    return int(await session.scalar(query) or 0)


async def drop(session: AsyncSession, batch: UUID) -> None:
    """Of a batch what is left of its lines."""
    await session.execute(delete(CredentialBatchLine).where(col(CredentialBatchLine.batch) == batch))


async def having(session: AsyncSession, configuration: str, people: Collection[UUID], now: datetime) -> set[UUID]:
    """Which of these have one that waits for them. What is over, or taken back for good, of these, is forgotten."""
    mine = [col(ReadyCredential.configuration) == configuration, col(ReadyCredential.person).in_(people)]
    gone = or_(col(ReadyCredential.kept_until) <= now, _is_listed(col(CredentialStatus.status) == int(Status.INVALID)))
    await session.execute(delete(ReadyCredential).where(*mine, gone).execution_options(synchronize_session=False))
    return set((await session.scalars(select(col(ReadyCredential.person)).where(*mine))).all())


async def add_ready(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        await session.execute(insert(ReadyCredential), [dict(row) for row in rows])


async def discard(session: AsyncSession, batch: UUID) -> int:
    """What nobody has fetched of it; how many those were."""
    gone = await session.execute(delete(ReadyCredential).where(col(ReadyCredential.batch) == batch))
    return int(gone.rowcount)  # type: ignore[attr-defined]  # of a CursorResult, which DML answers


async def of_agency(session: AsyncSession, agency: str, limit: int) -> Sequence[CredentialBatch]:
    """The latest first."""
    query = select(CredentialBatch).where(col(CredentialBatch.agency) == agency)
    return (await session.scalars(query.order_by(col(CredentialBatch.id).desc()).limit(limit))).all()


async def forget(session: AsyncSession, now: datetime, people: Collection[UUID | None], kept: timedelta) -> None:
    """What waited too long, but for what a legal hold keeps; and batches that ended so long ago."""
    if None not in people:
        over = [col(ReadyCredential.kept_until) <= now]
        if named := [one for one in people if one is not None]:
            over.append(col(ReadyCredential.person).not_in(named))
        await session.execute(delete(ReadyCredential).where(*over))
    await session.execute(delete(CredentialBatch).where(col(CredentialBatch.ended_at) <= now - kept))


def _is_listed(*how: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a status list says something of it: so that it is not good."""
    return exists().where(
        col(CredentialStatus.agency) == col(ReadyCredential.agency),
        col(CredentialStatus.list) == col(ReadyCredential.list),
        col(CredentialStatus.place) == col(ReadyCredential.place),
        *how,
    )
