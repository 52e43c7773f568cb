"""Making and ending agreements: an officer of one agency proposes, an officer of the other accepts.

Works in the session of the edge's transaction. Maker and checker serve different agencies, so they are two people by
construction; it is checked all the same, because people change agencies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.assurance import Demand
from core.clock import Clock
from core.errors import BadInput, NotFound
from core.ids import new_id
from core.text import Text
from identity.officers.demands import AT_THE_DESK, TO_APPROVE
from identity.officers.errors import RoleMissing
from identity.officers.reasons import checked_reason
from identity.officers.register import Officer, OfficerRegister
from identity.proposals.errors import MakerIsChecker
from services.exchange.agreements.errors import AgreementStateConflict, NotAParty
from services.exchange.agreements.models import Agreement, AgreementEvent
from services.exchange.agreements.proposal import checked
from services.exchange.agreements.repository import AgreementRepository
from services.exchange.agreements.states import Act, State, after
from services.exchange.catalogue import Catalogue

AGREEMENTS_PROPOSE: Final = "agreements.propose"
AGREEMENTS_ACCEPT: Final = "agreements.accept"
"""Roles; every agency gives them to officers of its own."""

_SAME_PARTIES: Final = Text(
    th="ฉบับใหม่ต้องเป็นข้อตกลงระหว่างหน่วยงานเดิมในบทบาทเดิม",
    en="a new version is between the same agencies in the same places",
)


class Agreements:
    def __init__(self, clock: Clock, catalogue: Catalogue, officers: OfficerRegister) -> None:
        self._clock, self._catalogue, self._officers = clock, catalogue, officers

    async def propose(
        self,
        session: AsyncSession,
        officer: Officer,
        given: Mapping[str, Any],
        reason: str,
        *,
        agreement: UUID | None = None,
    ) -> Agreement:
        """Terms for the other agency to accept; as the next version of `agreement`, if one is named.

        Raises StepUpRequired, NotAnOfficer, RoleMissing, BadInput, NotAParty, NotFound, and AgreementStateConflict for
        an agreement of which another version awaits acceptance.
        """
        await self._must(session, officer, AGREEMENTS_PROPOSE, AT_THE_DESK)
        form = checked(given, self._catalogue, self._clock.today())
        if officer.agency not in (form.steward, form.requester):
            raise NotAParty
        repository, said, version = AgreementRepository(session), checked_reason(reason), 1
        if agreement is not None:
            version = await self._next_version(repository, agreement, form.steward, form.requester)
        row = Agreement(
            agreement=agreement or new_id(),
            version=version,
            **form.model_dump(),
            digest=form.digest,
            state=State.PROPOSED,
            proposed_by=officer.person,
            proposed_for=officer.agency,
            proposed_at=self._clock.now(),
            accepted_by=None,
            accepted_at=None,
            suspended_by=None,
            ended_at=None,
        )
        session.add(row)
        await session.flush()
        await self._note(session, row, Act.PROPOSE, officer, said)
        return row

    async def accept(self, session: AsyncSession, officer: Officer, agreement: UUID, version: int) -> Agreement:
        """Puts a version in force; the former one ends in the same moment.

        Terms never change, so that what is accepted is what was read. Raises StepUpRequired, NotAnOfficer, RoleMissing,
        NotFound, NotAParty, MakerIsChecker, AgreementStateConflict, and BadInput where the catalogue or the calendar
        has left the terms behind.
        """
        await self._must(session, officer, AGREEMENTS_ACCEPT, TO_APPROVE)
        row = await self._party(session, officer, agreement, version)
        if officer.agency == row.proposed_for:
            raise NotAParty
        if officer.person == row.proposed_by:
            raise MakerIsChecker
        state = after(row.state, Act.ACCEPT)
        checked(_terms(row), self._catalogue, self._clock.today())
        former = await AgreementRepository(session).current(agreement, lock=True)
        if former is not None:
            former.state, former.ended_at = after(former.state, Act.SUPERSEDE), self._clock.now()
            await self._note(session, former, Act.SUPERSEDE, officer, f"version {version}")
        row.state, row.accepted_by, row.accepted_at = state, officer.person, self._clock.now()
        await self._note(session, row, Act.ACCEPT, officer, "")
        return row

    async def suspend(
        self, session: AsyncSession, officer: Officer, agreement: UUID, version: int, reason: str
    ) -> Agreement:
        """Stops it for the time being, at once. One officer of either agency is enough: something may be leaking.

        Raises StepUpRequired, NotAnOfficer, RoleMissing, BadInput, NotFound, NotAParty, AgreementStateConflict.
        """
        await self._must_either(session, officer)
        row = await self._party(session, officer, agreement, version)
        row.state, row.suspended_by = after(row.state, Act.SUSPEND), officer.agency
        await self._note(session, row, Act.SUSPEND, officer, checked_reason(reason))
        return row

    async def resume(
        self, session: AsyncSession, officer: Officer, agreement: UUID, version: int, reason: str
    ) -> Agreement:
        """Raises as :meth:`suspend`; NotAParty also for the agency that did not suspend it."""
        await self._must(session, officer, AGREEMENTS_ACCEPT, TO_APPROVE)
        row = await self._party(session, officer, agreement, version)
        state = after(row.state, Act.RESUME)
        if officer.agency != row.suspended_by:
            raise NotAParty
        row.state, row.suspended_by = state, None
        await self._note(session, row, Act.RESUME, officer, checked_reason(reason))
        return row

    async def end(
        self, session: AsyncSession, officer: Officer, agreement: UUID, version: int, reason: str
    ) -> Agreement:
        """Ends it for good; a proposal is thereby refused or withdrawn. One officer of either agency is enough.

        Raises as :meth:`suspend`.
        """
        await self._must_either(session, officer)
        row = await self._party(session, officer, agreement, version)
        row.state, row.ended_at = after(row.state, Act.END), self._clock.now()
        await self._note(session, row, Act.END, officer, checked_reason(reason))
        return row

    async def of(self, session: AsyncSession, officer: Officer) -> Sequence[Agreement]:
        """Every version that the officer's agency is a party of. Raises StepUpRequired."""
        officer.must_meet(AT_THE_DESK, self._clock.now())
        return await AgreementRepository(session).of_agency(officer.agency)

    async def _next_version(
        self, repository: AgreementRepository, agreement: UUID, steward: str, requester: str
    ) -> int:
        first = await repository.get(agreement, 1, lock=True)  # who proposes at the same time waits here
        if first is None:
            raise NotFound
        last = await repository.last_version(agreement)
        former = await repository.get(agreement, last)
        assert former is not None
        if (former.steward, former.requester) != (steward, requester):
            raise BadInput(_SAME_PARTIES, path=("requester",))
        if former.state == State.PROPOSED:
            raise AgreementStateConflict(state=former.state, act=Act.PROPOSE)
        return last + 1

    async def _party(self, session: AsyncSession, officer: Officer, agreement: UUID, version: int) -> Agreement:
        row = await AgreementRepository(session).get(agreement, version, lock=True)
        if row is None:
            raise NotFound
        if officer.agency not in (row.steward, row.requester):
            raise NotAParty
        return row

    async def _must(self, session: AsyncSession, officer: Officer, role: str, demand: Demand) -> None:
        officer.must_meet(demand, self._clock.now())
        await self._officers.must_serve(session, officer, role)

    async def _must_either(self, session: AsyncSession, officer: Officer) -> None:
        """Whoever may make agreements may stop them."""
        try:
            await self._must(session, officer, AGREEMENTS_ACCEPT, AT_THE_DESK)
        except RoleMissing:
            await self._must(session, officer, AGREEMENTS_PROPOSE, AT_THE_DESK)

    async def _note(self, session: AsyncSession, row: Agreement, act: Act, officer: Officer, reason: str) -> None:
        await session.flush()
        session.add(
            AgreementEvent(
                agreement=row.agreement,
                id=new_id(),
                version=row.version,
                kind=act,
                at=self._clock.now(),
                agency=officer.agency,
                by=officer.person,
                reason=reason,
                digest=row.digest,
            )
        )
        await session.flush()


def _terms(row: Agreement) -> dict[str, Any]:
    names = ("steward", "requester", "purposes", "attributes", "per_day", "per_minute", "valid_from", "valid_until")
    return {name: getattr(row, name) for name in (*names, "law", "confidentiality_th", "confidentiality_en")}
