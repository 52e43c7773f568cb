"""What a citizen is entitled to, as it stands with what they have applied for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final
from uuid import UUID

from core.clock import Clock
from core.database import Database
from services.apply.queries import ActiveApplication, active_applications
from services.apply.states import GRANTED
from services.exchange.catalogue import Catalogue
from services.exchange.facts import Asker, AskerKind, Gate
from welfare.entitlements.assessment import (
    PROGRAMME,
    Assessment,
    Member,
    assess,
    assess_family,
    beside,
    entitlement_key,
)
from welfare.entitlements.reading import Reader
from welfare.programmes import Outcome, ProgrammeCatalogue
from welfare.rules.dates import checked_day


class EntitlementStatus(StrEnum):
    """RECEIVING, else APPLIED, else what the rules say."""

    RECEIVING = "RECEIVING"
    APPLIED = "APPLIED"
    ENTITLED = "ENTITLED"
    NOT_ENTITLED = "NOT_ENTITLED"
    NEEDS_INFORMATION = "NEEDS_INFORMATION"


_BY_OUTCOME: Final = {
    Outcome.MET: EntitlementStatus.ENTITLED,
    Outcome.UNMET: EntitlementStatus.NOT_ENTITLED,
    Outcome.UNKNOWN: EntitlementStatus.NEEDS_INFORMATION,
}


@dataclass(frozen=True, slots=True)
class Entitlement:
    id: UUID
    status: EntitlementStatus
    assessment: Assessment
    application: UUID | None = None
    """The citizen's active application, if there is one."""


Standing = Mapping[tuple[str, UUID], ActiveApplication]
"""The citizen's active applications by subject and beneficiary."""

__all__ = ["PROGRAMME", "Entitlement", "EntitlementService", "EntitlementStatus", "stand"]


class EntitlementService:
    def __init__(
        self, database: Database, gate: Gate, clock: Clock, catalogue: Catalogue, programmes: ProgrammeCatalogue
    ) -> None:
        self._db, self._gate, self._clock = database, gate, clock
        self.catalogue, self.programmes = catalogue, programmes

    async def of(
        self, citizen: UUID, *, on: date | None = None, request: UUID | None = None, asker: Asker | None = None
    ) -> tuple[Entitlement, ...]:
        """Every programme in force on the day, for the citizen and each of their minor children.

        On another day than today the answer is the law's alone: what the facts of today would then give. A source that
        does not answer makes NEEDS_INFORMATION, never NOT_ENTITLED. It is the citizen who looks, or `asker` for them.
        Raises DayOutOfRange.
        """
        today = self._clock.today()
        day = checked_day(on or today)
        family = await Reader.for_citizen(self._gate, citizen, request, asker).family(self.programmes, citizen, day)
        applications: Sequence[ActiveApplication] = ()
        if day == today:
            async with self._db.read() as session:
                applications = await active_applications(session, citizen, PROGRAMME)
        standing = {(a.subject, a.beneficiary): a for a in applications}
        answers = [*assess_family(self.catalogue, self.programmes.put_to_everyone(), family, day)]
        if asker is None or asker.kind is AskerKind.CITIZEN:
            answers += self._asked_for(family.citizen, standing, day)
        if day == today:
            answers = [self._beside(found, standing) for found in answers]
        return tuple(
            stand(citizen, found, standing.get((PROGRAMME + found.programme.slug, found.beneficiary)))
            for found in answers
        )

    def _asked_for(self, citizen: Member, standing: Standing, day: date) -> Iterator[Assessment]:
        """What is put to nobody who did not ask: for the citizen who did, by what this look knows. Nobody who acts for
        them sees it."""
        for programme in self.programmes:
            if programme.on_request and (PROGRAMME + programme.slug, citizen.person) in standing:
                found = assess(self.catalogue, programme, day, citizen.person, citizen.facts, None)
                if found is not None:
                    yield found

    def _beside(self, found: Assessment, standing: Standing) -> Assessment:
        """With a reason for each programme that the law allows nobody beside this one."""
        for one in self.programmes.exclusions(found.programme.slug):
            held = (PROGRAMME + one.programme, found.beneficiary) in standing
            found = beside(found, one, held=held)
        return found

    async def one(self, citizen: UUID, key: UUID, *, request: UUID | None = None) -> Entitlement | None:
        """The citizen's entitlement of that id, assessed anew; None for an id that is not one of theirs."""
        return next((found for found in await self.of(citizen, request=request) if found.id == key), None)


def stand(citizen: UUID, found: Assessment, application: ActiveApplication | None = None) -> Entitlement:
    """The answer of the rules, unless an application of the citizen already went further."""
    key = entitlement_key(citizen, found.programme.slug, found.beneficiary)
    if application is None:
        return Entitlement(key, _BY_OUTCOME[found.determination.outcome], found)
    receiving = application.status in GRANTED
    status = EntitlementStatus.RECEIVING if receiving else EntitlementStatus.APPLIED
    return Entitlement(key, status, found, application.id)
