"""What becomes of an officer's unfinished work on a case that is over: nobody approves what cannot be any more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.apply.desk import repository
from services.apply.desk.models import DeskDecision
from services.apply.models import Application

OUTDATED = "OUTDATED"


async def nothing_waits(session: AsyncSession, application: Application, now: datetime) -> None:
    """A proposal that waits for a second officer is outdated, and the case in nobody's hands. The caller holds the
    application's lock."""
    query = (
        update(DeskDecision)
        .where(
            col(DeskDecision.person) == application.person,
            col(DeskDecision.application) == application.id,
            col(DeskDecision.result).is_(None),
        )
        .values(result=OUTDATED, closed_at=now)
    )
    await session.execute(query.execution_options(synchronize_session=False))
    await repository.let_go(session, application)
