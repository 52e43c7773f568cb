"""The agency's side of disputes: what an officer sees and does.

Who a dispute is about, and what the citizen says, is told through the gate: each such look stands in the citizen's log.
A list names nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from core.assurance import Assurance
from core.clock import Clock
from core.database import Database
from core.errors import NotFound
from core.ids import NationalId
from core.text import Text
from identity.officers import Officer
from identity.officers.errors import ConflictOfInterest
from services.exchange.facts import PAYMENT, Asker, AskerKind, Assured, Gate
from services.pay.models import Award, Instalment
from services.receive.disputes.models import Dispute
from services.receive.disputes.repository import DisputeRepository
from services.receive.disputes.service import DisputeService, DisputeStep
from services.receive.disputes.states import DisputeStatus, Finding
from services.receive.wording import TitleOf

ANSWER: Final = "pay.disputes"
"""What an officer must be allowed to do to work on disputes."""
RECORDS: Final = "dispute"
"""`<agency>:dispute` in the access log."""
_LABEL: Final = Text(th="เจ้าหน้าที่ของ{agency}", en="An officer of the {agency}")
PENDING: Final = (DisputeStatus.OPEN, DisputeStatus.ANSWERED)
PAGE: Final = 100


class Ties(Protocol):
    async def between(self, officer: UUID, people: Collection[UUID]) -> bool:
        """Whether the officer lives with one of them, is their parent, or acts for them, or they for the officer.

        Raises `ServiceUnavailable` while nobody can say.
        """
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Case:
    """A dispute as the agency sees it."""

    row: Dispute
    payment: Instalment
    title: Text
    national_id: NationalId
    steps: Sequence[DisputeStep]


class DisputeDesk:
    """Opens its own transactions: it is an edge, as the gate that it asks must not be asked inside one.

    Every method raises `RoleMissing` for an officer without the role; another agency's dispute is `NotFound`. Who is
    near the citizen neither reads nor answers what they say (docs/adr/0037 has it for applications).
    """

    def __init__(
        self, db: Database, clock: Clock, gate: Gate, disputes: DisputeService, titles: TitleOf, ties: Ties
    ) -> None:
        self._db, self._clock, self._gate, self._disputes, self._titles = db, clock, gate, disputes, titles
        self._ties = ties

    async def listed(
        self,
        officer: Officer,
        statuses: Sequence[DisputeStatus] = PENDING,
        *,
        after: UUID | None = None,
        limit: int = PAGE,
    ) -> Sequence[Dispute]:
        """Oldest first; those that are not over, if no status is named. `after`: the last one of the page before. What
        is the officer's own is not among their work."""
        officer.must_have(ANSWER)
        async with self._db.read() as session:
            return await DisputeRepository(session).listed(
                officer.agency, statuses, but_of=officer.person, after=after, limit=limit
            )

    async def ending(self, officer: Officer, ending: str) -> UUID:
        """The one of the agency's whose id, in hex digits, ends so. Raises NotFound for none, and for several."""
        officer.must_have(ANSWER)
        async with self._db.read() as session:
            found = await DisputeRepository(session).ending(officer.agency, ending)
        if len(found) != 1:
            raise NotFound
        return found[0]

    async def show(self, officer: Officer, dispute: UUID) -> Case:
        """With who it is about. Raises NotFound, LookRefused, ConflictOfInterest; ServiceUnavailable while nobody can
        say whether officer and citizen are near."""
        officer.must_have(ANSWER)
        row = await self._of_agency(officer, dispute)
        await self._refuse_near(officer, row)

        async def read(person: NationalId) -> Case:
            current = await self._of_agency(officer, dispute)
            async with self._db.read() as session:
                found = await DisputeRepository(session).payment(current.person, current.instalment)
                steps = (await self._disputes.steps(session, current.person, [current.id])).get(current.id, ())
            if found is None:
                raise NotFound
            payment, award = found
            return Case(current, payment, _title(award), person, steps)

        shown: Case = await self._gate.look(
            row.person,
            f"{officer.agency}:{RECORDS}",
            officer.agency,
            read,
            asker=self._asker(officer, row.id),
            purpose=PAYMENT,
        )
        return shown

    async def answer(
        self, officer: Officer, dispute: UUID, finding: Finding, reason: str, *, seen: int | None = None
    ) -> Dispute:
        """Raises what :meth:`DisputeService.answer` does, and what :meth:`show` does of who is near."""
        officer.must_have(ANSWER)
        await self._refuse_near(officer, await self._of_agency(officer, dispute))
        async with self._db.write() as session:
            return await self._disputes.answer(
                session, officer.agency, officer.person, dispute, finding, reason, seen=seen
            )

    async def lapse(self) -> int:
        """The job: what was answered and left alone is over."""
        async with self._db.write() as session:
            return await self._disputes.lapse(session)

    async def _refuse_near(self, officer: Officer, row: Dispute) -> None:
        async with self._db.read() as session:
            found = await DisputeRepository(session).payment(row.person, row.instalment)
        people = {row.person} if found is None else {row.person, found[0].beneficiary}
        if officer.person in people or await self._ties.between(officer.person, people):
            raise ConflictOfInterest

    async def _of_agency(self, officer: Officer, dispute: UUID) -> Dispute:
        async with self._db.read() as session:
            row = await DisputeRepository(session).of_agency(officer.agency, dispute)
        if row is None:
            raise NotFound
        return row

    def _asker(self, officer: Officer, dispute: UUID) -> Asker:
        return Asker(
            AskerKind.OFFICER,
            officer.person.hex,
            officer.agency,
            _LABEL.filled(agency=self._titles(officer.agency)),
            request=dispute,
            assurance=Assured(Assurance.of(officer.sign_in.acr)) if officer.sign_in is not None else None,
        )


def _title(award: Award) -> Text:
    return Text(**award.title)
