"""How officers close a break of a statement: one says what it is, another agrees. Nothing is booked by it: what is to
be booked has breaks or acts of its own (`sitthi pay resolve`, `sitthi pay reverse`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.errors import BadInput
from core.text import Text
from services.pay.errors import BreakClosed, BreakNotFound, NotResolvedSo, SameOfficer
from services.pay.needs import Officer
from services.pay.resolving import REASON_LENGTHS
from services.pay.statements.models import StatementBreak, StatementResolution

EXPLAINED: Final = "EXPLAINED"
_REASON: Final = Text(th="เหตุผลต้องยาว {least}–{most} ตัวอักษร", en="a reason has {least} to {most} printable characters")


async def open_breaks(
    session: AsyncSession, agency: str, limit: int
) -> Sequence[tuple[StatementBreak, StatementResolution | None]]:
    """The agency's, oldest day first, each with what is proposed for it."""
    query = (
        select(StatementBreak, StatementResolution)
        .outerjoin(StatementResolution, col(StatementResolution.break_id) == col(StatementBreak.id))
        .where(col(StatementBreak.agency) == agency, col(StatementBreak.closed_at).is_(None))
    )
    ordered = query.order_by(col(StatementBreak.day), col(StatementBreak.id)).limit(limit)
    return [(found, proposed) for found, proposed in (await session.execute(ordered)).tuples()]


def explained_as(expected: int | None, found: int | None) -> ColumnElement[bool]:
    """Of a break: that two officers have explained it when it said these amounts."""
    return exists(
        select(1).where(
            col(StatementResolution.break_id) == col(StatementBreak.id),
            col(StatementResolution.closed_at).is_not(None),
            col(StatementResolution.expected).is_not_distinct_from(expected),
            col(StatementResolution.found).is_not_distinct_from(found),
        )
    )


async def propose(session: AsyncSession, officer: Officer, key: UUID, reason: str, at: datetime) -> StatementResolution:
    """In place of what was proposed before, if anything was, or of an explanation of other amounts.

    Raises :class:`BreakNotFound`, :class:`BreakClosed`, and `BadInput` for the reason.
    """
    reason, (least, most) = reason.strip(), REASON_LENGTHS
    if not (least <= len(reason) <= most and reason.isprintable()):
        raise BadInput(_REASON.filled(least=least, most=most), path=("reason",))
    found, row = await _held(session, officer, key)
    if row is None:
        row = StatementResolution(break_id=key, reason=reason, proposed_by=officer.person, proposed_at=at)
        session.add(row)
    row.reason, row.proposed_by, row.proposed_at = reason, officer.person, at
    row.expected, row.found = found.expected, found.found
    row.closed_by = row.closed_at = None
    await session.flush()
    return row


async def agree(session: AsyncSession, officer: Officer, key: UUID, at: datetime) -> StatementResolution:
    """Closes it as another officer explained it.

    Raises :class:`BreakNotFound`, :class:`BreakClosed`, :class:`SameOfficer`, and :class:`NotResolvedSo` where nothing
    is proposed, or the break says other amounts by now.
    """
    found, row = await _held(session, officer, key)
    if row is None or row.closed_at is not None or (row.expected, row.found) != (found.expected, found.found):
        raise NotResolvedSo(kind=found.kind, outcome=EXPLAINED)
    if row.proposed_by == officer.person:
        raise SameOfficer
    row.closed_by, row.closed_at, found.closed_at = officer.person, at, at
    await session.flush()
    return row


async def _held(
    session: AsyncSession, officer: Officer, key: UUID
) -> tuple[StatementBreak, StatementResolution | None]:
    """The break, held, and what is proposed. Raises :class:`BreakNotFound`, :class:`BreakClosed`."""
    query = select(StatementBreak).where(col(StatementBreak.id) == key, col(StatementBreak.agency) == officer.agency)
    found = await session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if found is None:
        raise BreakNotFound
    if found.closed_at is not None:
        raise BreakClosed
    return found, await session.get(StatementResolution, key, populate_existing=True)
