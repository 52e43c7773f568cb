"""Who waits for whom. Every transaction of this room takes what it needs in this order, and nothing of an earlier kind
once it has one of a later, so that no two can wait for each other (docs/payments.md, "Who waits for whom"):

1. one run that is beyond planning
2. the agency's turn to plan: planners alone, whoever looks at an award again with others
3. the beneficiaries' turns, in the order of their keys
4. awards
5. runs that are only planned, in the order of their ids, and their payday
6. the agency's budgets
7. agreements on paying back, in the order of their ids
8. instalments, in the order of their ids
9. claims, in the order of their ids
10. what the ledger books

SQLite has one writer, and nobody to wait for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

BENEFICIARIES_MAX: Final = 1_000
"""Whose turns one planner takes singly; beyond, it is alone with all of them. PostgreSQL holds so many locks only."""
_HAD: Final = "services.pay.turns"
_PLANNERS: Final = "planners of what hangs on other awards"


async def take_turn_to_plan(session: AsyncSession, agency: str, *, alone: bool = True) -> None:
    """Waits until nobody else plans for that agency. Not `alone`: whoever does not plan either may go beside."""
    if _waits(session):
        digest = hashlib.sha256(f"payment_run\x00{agency}".encode()).digest()
        key = int.from_bytes(digest[:8], "big", signed=True)
        lock = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        await session.execute(text(f"SELECT {lock}(:key)"), {"key": key})


async def take_turn_for(session: AsyncSession, beneficiaries: Iterable[UUID]) -> None:
    """Waits until nobody else makes instalments of theirs that hang on other awards."""
    had = _had(session)
    keys = sorted({one.hex for one in beneficiaries} - had)
    if not keys or not _waits(session) or _PLANNERS in had:
        return
    if not had:
        await session.execute(text("SELECT pg_advisory_xact_lock_shared(hashtextextended('all', 6))"))
    for key in keys:
        await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 3))"), {"key": key})
        had.add(key)


async def take_turn_of_planners(session: AsyncSession, beneficiaries: Iterable[UUID]) -> None:
    """The same for whoever plans for many, page by page: of such planners one at a time, whatever its agency."""
    found = sorted(set(beneficiaries))
    if not found or not _waits(session):
        return
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('planners', 6))"))
    if len(found) > BENEFICIARIES_MAX:
        await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('all', 6))"))
        _had(session).add(_PLANNERS)
    else:
        await take_turn_for(session, found)


def has_turn_for(session: AsyncSession, beneficiary: UUID) -> bool:
    """Whether this transaction has taken it, or needs none."""
    return not _waits(session) or bool({beneficiary.hex, _PLANNERS} & _had(session))


async def take_turn_of_budgets(session: AsyncSession, agency: str) -> None:
    """Waits until nobody else takes from the agency's budgets. One turn for all of them."""
    if _waits(session):
        await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 4))"), {"key": agency})


def _waits(session: AsyncSession) -> bool:
    return session.get_bind().dialect.name != "sqlite"


def _had(session: AsyncSession) -> set[str]:
    """What the session's one transaction has (core/database.py: a session to write is one transaction)."""
    return cast("set[str]", session.info.setdefault(_HAD, set()))
