"""The steward's side of corrections: what an officer, or the agency's own system, sees and does.

Who a case is about, and what the citizen says, is told through the gate: each such look stands in the citizen's log.
A list names nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from core.clock import Clock
from core.database import Database
from core.ids import NationalId
from core.text import Text
from identity.people.correction import KnownFacts
from services.exchange.catalogue import Catalogue
from services.exchange.corrections import edge
from services.exchange.corrections.errors import CorrectionClosed
from services.exchange.corrections.models import Correction
from services.exchange.corrections.service import CorrectionService, CorrectionStep, Handler, Outcome
from services.exchange.corrections.states import PENDING, CorrectionStatus
from services.exchange.facts import Asker, Gate

PURPOSE: Final = "correction"
RECORDS: Final = "correction"
"""`<agency>:correction` in the access log."""


@dataclass(frozen=True, slots=True, repr=False)
class Case:
    """A case as the steward sees it."""

    row: Correction
    title: Text
    """Of the attribute."""
    national_id: NationalId
    statement: str
    steps: Sequence[CorrectionStep]


class CorrectionDesk:
    """Opens its own transactions: it is an edge, as the gate that it asks must not be asked inside one.

    Every method takes who acts for the agency; another agency's case is `NotFound`. `facts` forgets what was put right;
    None where the cache is in another process.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        catalogue: Catalogue,
        gate: Gate,
        corrections: CorrectionService,
        facts: KnownFacts | None,
    ) -> None:
        self._db, self._clock, self._catalogue, self._gate = db, clock, catalogue, gate
        self._corrections, self._facts = corrections, facts

    async def listed(
        self,
        handler: Handler,
        statuses: Sequence[CorrectionStatus] = (),
        *,
        after: UUID | None = None,
        limit: int = 100,
    ) -> Sequence[Correction]:
        """Oldest first; those that are not over, if no status is named."""
        async with self._db.read() as session:
            return await self._corrections.listed(
                session, handler.agency, statuses or tuple(PENDING), after=after, limit=limit
            )

    async def show(self, handler: Handler, asker: Asker, correction: UUID) -> Case:
        """The case, with who it is about. Raises NotFound, LookRefused; CorrectionClosed for one that the
        citizen took back: there is nothing to decide that anybody would have to know them for (PDPA s.22)."""
        async with self._db.read() as session:
            row = await self._corrections.of_agency(session, handler.agency, correction)
        if row.status == CorrectionStatus.WITHDRAWN:
            raise CorrectionClosed

        async def read(person: NationalId) -> Case:
            async with self._db.read() as session:
                row = await self._corrections.of_agency(session, handler.agency, correction)
                if row.status == CorrectionStatus.WITHDRAWN:  # while we looked
                    raise CorrectionClosed
                steps = (await self._corrections.steps(session, row.person, [row.id])).get(row.id, ())
            title = self._catalogue.title(row.attribute)
            return Case(row, title, person, self._corrections.statement(row), steps)

        shown: Case = await self._gate.look(
            row.person,
            f"{handler.agency}:{RECORDS}",
            handler.agency,
            read,
            asker=asker,
            purpose=self._catalogue.purposes[PURPOSE].purpose,
        )
        return shown

    async def take(self, handler: Handler, correction: UUID) -> Correction:
        """Raises NotFound, CorrectionClosed, NotTheAgencysTurn."""
        async with self._db.write() as session:
            return await self._corrections.take(session, handler, correction)

    async def decide(
        self, handler: Handler, correction: UUID, outcome: Outcome, note: str, *, seen: int | None = None
    ) -> Correction:
        """Raises what `CorrectionService.decide` does; `ServiceUnavailable` while the cache cannot be told."""
        return await edge.decide(
            self._db, self._corrections, self._facts, handler, correction, outcome, note, seen=seen
        )
