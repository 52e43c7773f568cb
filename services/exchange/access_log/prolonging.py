"""Putting off when a person learns of an inquiry into them: asked for by one officer, approved by another.

Both are records of the log itself, under the person's key and in the tree: what was put off, by whose agency and by
which law the person can read, and check, afterwards. Of the inquiry's agency both officers are, and neither is whom it
is about; no approval reaches beyond the class's `days_max`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from core.clock import Clock
from core.database import Database
from core.envelope import SubjectKeys
from core.errors import BadInput, NotFound
from core.text import Text
from identity.officers.demands import AT_THE_DESK, TO_APPROVE
from identity.officers.register import Officer, OfficerRegister
from identity.proposals.errors import MakerIsChecker
from services.exchange.access_log.disclosure import DisclosureClass, class_of, disclosure_classes
from services.exchange.access_log.log import APPROVED, ASKED, AccessLog
from services.exchange.access_log.records import AccessEntry, Prolongation
from services.exchange.access_log.repository import AccessLogReader

DISCLOSURE_PROPOSE: Final = "disclosure.propose"
DISCLOSURE_APPROVE: Final = "disclosure.approve"
LAW_LENGTH_MAX: Final = 200
_UNTIL: Final = Text(
    th="ต้องเป็นเวลาหลังกำหนดแจ้งปัจจุบัน และไม่เกินกำหนดสูงสุดของประเภทนี้",
    en="it must be later than it is shown now, and no later than the class allows",
)
_LAW: Final = Text(th="ต้องระบุกฎหมายที่ให้อำนาจ", en="say by which law, in up to 200 characters")


class Prolonging:
    """What is about nobody, somebody else's inquiry, shown already, or of no class that can be put off, is NotFound."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        keys: SubjectKeys,
        log: AccessLog,
        officers: OfficerRegister,
        classes: Mapping[str, DisclosureClass] | None = None,
    ) -> None:
        self._database, self._clock, self._keys, self._log, self._officers = database, clock, keys, log, officers
        self._classes = disclosure_classes() if classes is None else classes

    async def propose(self, officer: Officer, subject: UUID, entry: UUID, until: datetime, law: str) -> None:
        """Has no effect yet. Raises StepUpRequired, RoleMissing, NotAnOfficer, NotFound, BadInput."""
        officer.must_meet(AT_THE_DESK, self._clock.now())
        found, _ = await self._found(officer, DISCLOSURE_PROPOSE, subject, entry)
        if not law.isprintable() or not 5 <= len(law.strip()) <= LAW_LENGTH_MAX:
            raise BadInput(_LAW, path=("law",))
        self._must_allow(found, until)
        await self._log.prolong(found[0], ASKED, until, law.strip(), officer.agency, officer.person)

    async def approve(self, officer: Officer, subject: UUID, entry: UUID) -> datetime:
        """Carries out what was asked for last; answers until when. Raises as :meth:`propose`, and MakerIsChecker."""
        officer.must_meet(TO_APPROVE, self._clock.now())
        found, asked = await self._found(officer, DISCLOSURE_APPROVE, subject, entry)
        if asked is None:
            raise NotFound
        if asked.officer == officer.person.hex:
            raise MakerIsChecker
        self._must_allow(found, asked.until)
        await self._log.prolong(found[0], APPROVED, asked.until, asked.law, officer.agency, officer.person)
        return asked.until

    async def _found(
        self, officer: Officer, role: str, subject: UUID, entry: UUID
    ) -> tuple[tuple[AccessEntry, datetime], Prolongation | None]:
        """The decision with the moment from which it is shown now, and the request that nobody decided yet."""
        async with self._database.read() as session:
            await self._officers.must_serve(session, officer, role)
            reader = AccessLogReader(session, self._keys)
            opened = await reader.opened(subject, entry)
            former = await reader.prolongations(subject, entry)
        record = opened.record if opened is not None else None
        if not isinstance(record, AccessEntry) or record.disclosed_from is None or officer.person == subject:
            raise NotFound
        shown_from = max([record.disclosed_from, *(one.until for one in former if one.step == APPROVED)])
        is_theirs = record.asker_agency == officer.agency and class_of(record.purpose, self._classes) is not None
        if not is_theirs or shown_from <= self._clock.now():
            raise NotFound
        last = former[-1] if former else None
        return (record, shown_from), last if last is not None and last.step == ASKED else None

    def _must_allow(self, found: tuple[AccessEntry, datetime], until: datetime) -> None:
        entry, shown_from = found
        name = class_of(entry.purpose, self._classes)
        assert name is not None, "it was found by that"
        if not shown_from < until <= self._classes[name].latest(entry.at):
            raise BadInput(_UNTIL, path=("until",))
