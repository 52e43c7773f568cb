"""What other rooms may ask about applications."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.apply import repository
from services.apply.states import Status


@dataclass(frozen=True, slots=True)
class ActiveApplication:
    id: UUID
    subject: str
    beneficiary: UUID
    status: Status


async def active_applications(
    session: AsyncSession, person: UUID, subject_prefix: str
) -> tuple[ActiveApplication, ...]:
    """The person's own applications that are under way or granted, of subjects that begin so (`programme:`)."""
    rows = await repository.active_of(session, person, subject_prefix)
    return tuple(ActiveApplication(row.id, row.subject, row.beneficiary, Status(row.status)) for row in rows)
