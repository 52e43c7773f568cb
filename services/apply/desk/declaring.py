"""Opening a case on an officer's word, while the register that tells who lives with whom does not answer.

The officer says, with a reason and a passkey of the last minutes, that they are not near the citizen, and looks; nobody
decides on a word. It stands in the trail. Once the register answers, whether the word was true is found out and stands
beside it; if it was not, the agency's supervisors hear of it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Protocol
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.database import Database
from core.errors import ServiceUnavailable, SitthiError
from core.text import Text
from identity.officers import Officer
from identity.officers.demands import TO_APPROVE
from identity.officers.models import OfficerAct
from identity.officers.reasons import checked_reason
from identity.officers.trail import ActKind, Trail
from services.apply.desk.needs import Ties
from services.apply.models import Application

LOOKED_BACK: Final = timedelta(days=90)
NEAR, FAR, GONE = "near", "far", "gone"

log = structlog.get_logger(__name__)


class Told(Protocol):
    async def opened_near(self, session: AsyncSession, *, agency: str, application: UUID, title: Text) -> None:
        """Tells the agency's supervisors that an officer opened the case of somebody near. Nothing else is in it."""
        ...


class Declarations:
    """Owns its transactions: the register is asked in none."""

    def __init__(self, db: Database, clock: Clock, ties: Ties, told: Told) -> None:
        self._db, self._clock, self._ties, self._told, self._trail = db, clock, ties, told, Trail(clock)

    async def declare(self, officer: Officer, row: Application, reason: str) -> None:
        """Before anything is shown. Raises BadInput, StepUpRequired."""
        said = checked_reason(reason)
        officer.must_meet(TO_APPROVE, self._clock.now())
        async with self._db.write() as session:
            await self._trail.note(
                session, ActKind.CASE_OPENED_ON_WORD, agency=officer.agency, by=officer.person.hex, subject=row.id,
                note=said,
            )  # fmt: skip

    async def look_back(self) -> int:
        """The job: how many words were found to be true or not. What the register does not answer yet waits."""
        checked = 0
        for act in await self._open():
            assert act.subject is not None, "it is about a case"
            async with self._db.read() as session:
                row = await session.scalar(select(Application).where(col(Application.id) == act.subject))
            found = GONE
            if row is not None:
                try:
                    is_near = await self._ties.between(UUID(hex=act.by), {row.person, row.beneficiary})
                except ServiceUnavailable:
                    continue
                except SitthiError as error:  # the others do not wait for this one
                    log.warning("desk.word_not_checked", application=row.id.hex, code=error.code)
                    continue
                found = NEAR if is_near else FAR
            checked += await self._close(act, found, row)
        return checked

    async def _open(self) -> list[OfficerAct]:
        since = self._clock.now() - LOOKED_BACK
        kinds = (ActKind.CASE_OPENED_ON_WORD.value, ActKind.CASE_WORD_CHECKED.value)
        query = select(OfficerAct).where(col(OfficerAct.kind).in_(kinds), col(OfficerAct.at) >= since)
        async with self._db.read() as session:
            acts = (await session.scalars(query.order_by(col(OfficerAct.id)))).all()
        done = {one.note.rpartition(" ")[2] for one in acts if one.kind == ActKind.CASE_WORD_CHECKED}
        return [one for one in acts if one.kind == ActKind.CASE_OPENED_ON_WORD and one.id.hex not in done]

    async def _close(self, act: OfficerAct, found: str, row: Application | None) -> bool:
        """Whether it was open: of two processes at once one finds it so."""
        assert act.subject is not None, "it is about a case"
        async with self._db.write() as session:
            its = col(OfficerAct.agency) == act.agency, col(OfficerAct.id) == act.id
            await session.execute(select(col(OfficerAct.id)).where(*its).with_for_update())
            if any(
                one.kind == ActKind.CASE_WORD_CHECKED and one.note.endswith(act.id.hex)
                for one in await self._trail.about(session, act.agency, act.subject)
            ):
                return False
            await self._trail.note(
                session, ActKind.CASE_WORD_CHECKED, agency=act.agency, by=act.by, subject=act.subject,
                note=f"{found} {act.id.hex}",
            )  # fmt: skip
            if found == NEAR and row is not None:
                log.warning("desk.opened_near", agency=act.agency, application=row.id.hex)
                await self._told.opened_near(session, agency=act.agency, application=row.id, title=Text(**row.title))
        return True
