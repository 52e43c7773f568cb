"""What becomes of a citizen's answer to an officer's question: it is the officer's to look at."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.apply.desk import repository
from services.apply.models import Application
from services.apply.outcomes import ANSWERED
from services.apply.states import Action, Status, Who
from services.apply.steps import Steps


async def is_the_desks(session: AsyncSession, steps: Steps, application: Application, now: datetime) -> bool:
    """Whether an officer had asked: then it is the agency's turn again, and no rule decides it by itself."""
    if application.status != Status.NEEDS_INFORMATION or not await repository.answered(session, application, now):
        return False
    await steps.move(session, application, Action.AWAIT_AGENCY, Who.DECISION, cause=ANSWERED, missing=[])
    await steps.tell(session, application)
    return True
