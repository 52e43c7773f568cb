"""The trail of what officers do: written in the transaction of the act itself, and never changed."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.ids import new_id
from identity.officers.models import OfficerAct

SHOWN_MAX: Final = 50


class ActKind(StrEnum):
    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"
    OFFICER_ENDED = "OFFICER_ENDED"
    GLASS_BROKEN = "GLASS_BROKEN"
    """An officer was added on the server although two officers of the agency could have done it."""
    COUNTER_CODE_MADE = "COUNTER_CODE_MADE"
    COUNTER_CODE_USED = "COUNTER_CODE_USED"
    """By the person; the act stands under the officer who handed the code out."""
    CLIENT_ADDED = "CLIENT_ADDED"
    CLIENT_KEYS_REPLACED = "CLIENT_KEYS_REPLACED"
    CLIENT_ENDED = "CLIENT_ENDED"
    APPLICATION_RECONSIDERED = "APPLICATION_RECONSIDERED"
    APPLICATION_REOPENED = "APPLICATION_REOPENED"
    CASE_CLAIMED = "CASE_CLAIMED"
    CASE_RELEASED = "CASE_RELEASED"
    CASE_REFERRED = "CASE_REFERRED"
    """To the officer whom the note names by their key."""
    CASE_NOTED = "CASE_NOTED"
    CASE_ASKED = "CASE_ASKED"
    """For the facts that the note names."""
    CASE_PROPOSED = "CASE_PROPOSED"
    CASE_GRANTED = "CASE_GRANTED"
    CASE_REFUSED = "CASE_REFUSED"
    CASE_GIVEN_BACK = "CASE_GIVEN_BACK"
    CASE_OPENED_ON_WORD = "CASE_OPENED_ON_WORD"
    """Looked at while the register was silent that tells who is near whom, on the officer's word and with the reason
    that the note holds."""
    CASE_WORD_CHECKED = "CASE_WORD_CHECKED"
    """What the register said of that word later: `near` or `far` (`gone`, where the case is), and the act's id."""


class Trail:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def note(
        self, session: AsyncSession, kind: ActKind, *, agency: str, by: str, subject: UUID | None = None, note: str = ""
    ) -> None:
        """`by` is an officer's key (32 hex digits) or `command line: <account>`; `note` holds no national ID."""
        act = OfficerAct(
            agency=agency, id=new_id(), by=by, kind=kind.value, subject=subject, note=note, at=self._clock.now()
        )
        session.add(act)
        await session.flush()

    async def of(self, session: AsyncSession, by: UUID, *, limit: int = SHOWN_MAX) -> Sequence[OfficerAct]:
        """An officer's own acts, latest first."""
        query = select(OfficerAct).where(col(OfficerAct.by) == by.hex).order_by(col(OfficerAct.id).desc()).limit(limit)
        return (await session.scalars(query)).all()

    async def about(self, session: AsyncSession, agency: str, subject: UUID) -> Sequence[OfficerAct]:
        """What was done about one proposal or person in the agency's name, in order."""
        query = (
            select(OfficerAct)
            .where(col(OfficerAct.agency) == agency, col(OfficerAct.subject) == subject)
            .order_by(col(OfficerAct.id))
        )
        return (await session.scalars(query)).all()
