"""Corrections: facts are put right where they are true, never here.

The case is the citizen's and the steward's: both see every step. Works in the session of the edge's transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing
from core.envelope import SubjectKeys
from core.errors import BadInput, Conflict, NotFound
from core.ids import new_id
from core.sealed import bound_to
from core.text import Text
from identity.inbox import Inbox
from identity.proposals.errors import ConcernsYourself
from services.exchange.catalogue import Catalogue
from services.exchange.corrections import states
from services.exchange.corrections.days import ANSWER_DAYS, REVIEW_DAYS, due
from services.exchange.corrections.errors import CorrectionOpen, NotTheAgencysTurn
from services.exchange.corrections.messages import STEPS
from services.exchange.corrections.models import Correction, CorrectionEvent
from services.exchange.corrections.repository import CorrectionRepository
from services.exchange.corrections.states import CorrectionAction, CorrectionStatus

__all__ = ["CorrectionService", "CorrectionStatus", "CorrectionStep", "Handler", "Outcome"]

STATEMENT_LENGTH_MAX: Final = 2000
SUPPLEMENTS_MAX: Final = 20
"""Steps of a case, after which the citizen adds nothing more of their own accord."""
CITIZEN: Final = "citizen"
"""The steward of what only the citizen says: there is nobody to correct it."""
_BAD_STATEMENT: Final = Text(
    th="{name} ต้องมีข้อความยาวไม่เกิน {most} ตัวอักษร", en="{name} must be text of at most {most} characters"
)
_DERIVED: Final = Text(
    th="ข้อมูลนี้คำนวณจากข้อมูลอื่น กรุณาขอแก้ไขที่ข้อมูลต้นทาง",
    en="this is computed from other facts; ask for those to be corrected",
)
_OWN_WORD: Final = Text(th="ข้อมูลนี้คุณเป็นผู้ให้เอง", en="this is your own word; no agency holds it")
_ENOUGH: Final = Text(th="เพิ่มข้อมูลในคำขอนี้ครบจำนวนแล้ว", en="enough has been added to this case")


class Outcome(StrEnum):
    """What an agency says to a case."""

    CORRECTED = "CORRECTED"
    REFUSED = "REFUSED"
    NEEDS_MORE = "NEEDS_MORE"


_ACTIONS: Final = {
    Outcome.CORRECTED: CorrectionAction.CORRECT,
    Outcome.REFUSED: CorrectionAction.REFUSE,
    Outcome.NEEDS_MORE: CorrectionAction.ASK,
}


@dataclass(frozen=True, slots=True)
class Handler:
    """Who acts for an agency: one of its officers, or its own system."""

    agency: str
    by: str
    """As :attr:`services.exchange.corrections.models.Correction.handler`."""


@dataclass(frozen=True, slots=True, repr=False)
class CorrectionStep:
    at: datetime
    action: CorrectionAction
    status: CorrectionStatus
    by: str | None
    note: str | None


class CorrectionService:
    def __init__(self, catalogue: Catalogue, keys: KeyRing, clock: Clock) -> None:
        self._catalogue, self._keys, self._clock = catalogue, keys, clock
        self._data_keys, self._inbox = SubjectKeys(keys), Inbox(clock)

    # The citizen.

    async def request(self, session: AsyncSession, person: UUID, *, attribute: str, statement: str) -> Correction:
        """Opens a case with the attribute's steward. Raises UnknownAttribute, BadInput, CorrectionOpen."""
        entry = self._catalogue.askable(attribute)
        if entry.derived is not None:
            raise BadInput(_DERIVED, path=("attribute",))
        if entry.steward == CITIZEN:
            raise BadInput(_OWN_WORD, path=("attribute",))
        said, key, now = _said(statement, "statement"), new_id(), self._clock.now()
        opened = await CorrectionRepository(session).insert_first(
            {
                "person": person,
                "id": key,
                "attribute": entry.id,
                "steward": entry.steward,
                "statement_sealed": self._keys.seal(said.encode(), bound_to=bound_to(Correction.statement_sealed, key)),
                "status": CorrectionStatus.OPEN.value,
                "version": 1,
                "created_at": now,
                "updated_at": now,
                "due_on": due(self._clock.today(), REVIEW_DAYS),
                "days_left": REVIEW_DAYS,
            }
        )
        if not opened:
            raise CorrectionOpen(path=("attribute",))
        made = await self.get(session, person, key)
        assert made is not None, "it was written just now"
        await self._log(session, made, CorrectionAction.REQUEST, None, None)
        return made

    async def supplement(self, session: AsyncSession, person: UUID, correction: UUID, statement: str) -> Correction:
        """The citizen answers the agency, or adds evidence. Raises NotFound, CorrectionClosed, BadInput."""
        said = _said(statement, "statement")
        found = await self._own(session, person, correction)
        asked = found.status == CorrectionStatus.NEEDS_MORE
        if not asked and found.version > SUPPLEMENTS_MAX:
            raise BadInput(_ENOUGH, path=("correction",))
        moved = states.after(CorrectionStatus(found.status), CorrectionAction.SUPPLEMENT)
        if asked:  # the agency goes on with the days it had left
            found.due_on = due(self._clock.today(), found.days_left)
        return await self._move(session, found, CorrectionAction.SUPPLEMENT, moved, None, said)

    async def withdraw(self, session: AsyncSession, person: UUID, correction: UUID) -> Correction:
        """Raises NotFound, CorrectionClosed."""
        found = await self._own(session, person, correction)
        moved = states.after(CorrectionStatus(found.status), CorrectionAction.WITHDRAW)
        return await self._move(session, found, CorrectionAction.WITHDRAW, moved, None, None)

    async def get(self, session: AsyncSession, person: UUID, correction: UUID) -> Correction | None:
        """None for a foreign one too."""
        return await CorrectionRepository(session).get(person, correction)

    def statement(self, correction: Correction) -> str:
        place = bound_to(Correction.statement_sealed, correction.id)
        return self._keys.open(correction.statement_sealed, bound_to=place).decode()

    async def steps(
        self, session: AsyncSession, person: UUID, corrections: Collection[UUID]
    ) -> Mapping[UUID, Sequence[CorrectionStep]]:
        """All that happened to these cases of the person, oldest first. What was said is gone where the person's data
        key was destroyed: then it raises `core.crypto.SealBroken`."""
        found: dict[UUID, list[CorrectionStep]] = defaultdict(list)
        for row in await CorrectionRepository(session).events(person, corrections):
            note = None
            if row.note_sealed is not None:
                place = bound_to(CorrectionEvent.note_sealed, person, row.correction, row.sequence)
                note = (await self._data_keys.open(session, person, row.note_sealed, bound_to=place)).decode()
            step = CorrectionStep(row.at, CorrectionAction(row.action), CorrectionStatus(row.status), row.by, note)
            found[row.correction].append(step)
        return found

    # The agency. Another agency's case is as unknown as one that never was.

    async def listed(
        self,
        session: AsyncSession,
        agency: str,
        statuses: Collection[CorrectionStatus] = states.PENDING,
        *,
        after: UUID | None = None,
        limit: int = 100,
    ) -> Sequence[Correction]:
        """Cases about what the agency owns, oldest first. It names nobody: who a case is about, the gate tells."""
        return await CorrectionRepository(session).listed(agency, statuses, after=after, limit=limit)

    async def of_agency(self, session: AsyncSession, agency: str, correction: UUID) -> Correction:
        """Raises NotFound."""
        found = await CorrectionRepository(session).of_agency(agency, correction)
        if found is None:
            raise NotFound
        return found

    async def take(self, session: AsyncSession, handler: Handler, correction: UUID) -> Correction:
        """Takes a case, or takes it over. Who has it already takes nothing.

        Raises NotFound, CorrectionClosed, NotTheAgencysTurn.
        """
        found = await self._of_agency(session, handler, correction)
        moved = states.after(CorrectionStatus(found.status), CorrectionAction.TAKE)
        if found.status == moved and found.handler == handler.by:
            return found
        tells = found.status != moved
        found.handler = handler.by
        return await self._move(session, found, CorrectionAction.TAKE, moved, handler, None, tells=tells)

    async def decide(
        self,
        session: AsyncSession,
        handler: Handler,
        correction: UUID,
        outcome: Outcome,
        note: str,
        *,
        seen: int | None = None,
    ) -> Correction:
        """Puts right, refuses, or asks the citizen. A refusal has its reason, a question its words (PDPA s.36).

        `seen` is the version of the case that was looked at; None of who does not say. What is CORRECTED has been put
        right in the agency's own register before; the edge sees to it that the former value is told no more (edge.py).
        Raises NotFound, BadInput, CorrectionClosed, CorrectionNotTaken, NotTheAgencysTurn; Conflict when something was
        added since.
        """
        said = None if outcome is Outcome.CORRECTED and not note.strip() else _said(note, "note")
        found = await self._of_agency(session, handler, correction)
        action, today = _ACTIONS[outcome], self._clock.today()
        moved = states.after(CorrectionStatus(found.status), action)
        if found.status == CorrectionStatus.NEEDS_MORE and today <= found.due_on:
            raise NotTheAgencysTurn
        if seen is not None and seen != found.version:
            raise Conflict
        if outcome is Outcome.NEEDS_MORE:
            found.days_left = max(1, (found.due_on - today).days)
            found.due_on = due(today, ANSWER_DAYS)
        found.handler = handler.by
        return await self._move(session, found, action, moved, handler, said)

    # Inside.

    async def _own(self, session: AsyncSession, person: UUID, correction: UUID) -> Correction:
        found = await CorrectionRepository(session).get(person, correction, lock=True)
        if found is None:
            raise NotFound
        return found

    async def _of_agency(self, session: AsyncSession, handler: Handler, correction: UUID) -> Correction:
        found = await CorrectionRepository(session).of_agency(handler.agency, correction, lock=True)
        if found is None:
            raise NotFound
        if handler.by == found.person.hex:
            raise ConcernsYourself
        return found

    async def _move(
        self,
        session: AsyncSession,
        found: Correction,
        action: CorrectionAction,
        status: CorrectionStatus,
        handler: Handler | None,
        note: str | None,
        *,
        tells: bool = True,
    ) -> Correction:
        now = self._clock.now()
        found.status, found.version, found.updated_at = status.value, found.version + 1, now
        if status not in states.PENDING:
            found.closed_at = now
        await session.flush()
        await self._log(session, found, action, handler, note, tells=tells)
        return found

    async def _log(
        self,
        session: AsyncSession,
        row: Correction,
        action: CorrectionAction,
        handler: Handler | None,
        note: str | None,
        *,
        tells: bool = True,
    ) -> None:
        sealed = None
        if note is not None:
            key = await self._data_keys.for_sealing(session, row.person)
            place = bound_to(CorrectionEvent.note_sealed, row.person, row.id, row.version)
            sealed = key.seal(note.encode(), bound_to=place)
        session.add(
            CorrectionEvent(
                person=row.person,
                correction=row.id,
                sequence=row.version,
                at=row.updated_at,
                action=action.value,
                status=row.status,
                by=handler.by if handler is not None else None,
                note_sealed=sealed,
            )
        )
        await session.flush()
        template = STEPS.get(action)
        if template is not None and tells:
            await self._inbox.send(session, row.person, template, **self._values(row, template.body))

    def _values(self, row: Correction, body: Text) -> dict[str, Any]:
        """Only what the words have a place for: all of it is kept with the message."""
        values: dict[str, Any] = {"fact": self._catalogue.title(row.attribute)}
        if "{agency}" in body.th:
            values["agency"] = self._catalogue.agency_title(row.steward)
        if "{due}" in body.th:
            values["due"] = row.due_on
        return values


def is_overdue(correction: Correction, today: date) -> bool:
    return correction.closed_at is None and today > correction.due_on


def _said(text: str, name: str) -> str:
    """Raises BadInput."""
    said = text.strip()
    storable = "\x00" not in said and not any("\ud800" <= letter <= "\udfff" for letter in said)
    if not said or len(said) > STATEMENT_LENGTH_MAX or not storable:
        raise BadInput(_BAD_STATEMENT.filled(name=name, most=STATEMENT_LENGTH_MAX), path=(name,))
    return said
