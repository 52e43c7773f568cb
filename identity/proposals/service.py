"""Proposals: one officer proposes, another of the same agency approves or refuses, once (docs/adr/0016)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.crypto import KeyRing
from core.errors import NotAllowed, NotFound
from core.ids import new_id
from core.sealed import bound_to
from core.text import Text
from identity.inbox.service import Inbox
from identity.messages import MESSAGES
from identity.officers.demands import AT_THE_DESK, TO_APPROVE
from identity.officers.models import OfficerAct
from identity.officers.reasons import checked_reason
from identity.officers.register import Officer, OfficerRegister
from identity.officers.trail import ActKind, Trail
from identity.proposals.acts import Act, Approval, ProposalKind
from identity.proposals.errors import (
    ConcernsYourself,
    MakerGone,
    MakerIsChecker,
    NotTheMaker,
    ProposalDecided,
    ProposalExpired,
)
from identity.proposals.models import Proposal

OPEN_DAYS: Final = 7
AWAITS: Final = MESSAGES["identity.proposal_awaits"]
DECIDED: Final = MESSAGES["identity.proposal_decided"]
OUTCOMES: Final = {
    "APPROVED": Text(th="อนุมัติ", en="approved"),
    "REFUSED": Text(th="ไม่อนุมัติ", en="refused"),
    "WITHDRAWN": Text(th="ถอนแล้ว", en="withdrawn"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A proposal as officers of its agency see it."""

    id: UUID
    kind: ProposalKind
    title: Text
    maker: UUID
    maker_name: Text
    reason: str
    made_at: datetime
    expires_at: datetime
    outcome: str | None
    lines: Sequence[tuple[Text, str]]
    """What it would do, in full. Empty in a list."""
    approves: str
    """The role that approving takes."""
    trail: Sequence[OfficerAct] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """An approved act. `told` is what the maker needs of it: a client's id."""

    kind: ProposalKind
    told: str


class Proposals:
    def __init__(
        self, keys: KeyRing, clock: Clock, officers: OfficerRegister, inbox: Inbox, acts: Iterable[Act]
    ) -> None:
        self._keys, self._clock, self._officers, self._inbox = keys, clock, officers, inbox
        self._trail = Trail(clock)
        self._acts = {act.kind: act for act in acts}

    async def propose(
        self, session: AsyncSession, officer: Officer, kind: ProposalKind, given: Mapping[str, Any], reason: str
    ) -> UUID:
        """Raises :class:`RoleMissing`, :class:`NotAnOfficer`, :class:`StepUpRequired`, :class:`BadInput`, and what
        stands in the way of the act already."""
        act = self._act(kind)
        officer.must_meet(AT_THE_DESK, self._clock.now())
        await self._officers.must_serve(session, officer, act.proposes)
        said = checked_reason(reason)
        payload = await act.prepare(session, officer.agency, given)
        key, now = new_id(), self._clock.now()
        session.add(
            Proposal(
                id=key,
                agency=officer.agency,
                kind=kind.value,
                payload_sealed=self._keys.seal(
                    json.dumps(payload, ensure_ascii=False).encode(), bound_to=bound_to(Proposal.payload_sealed, key)
                ),
                maker=officer.person,
                reason=said,
                made_at=now,
                expires_at=now + timedelta(days=OPEN_DAYS),
            )
        )
        await session.flush()
        await self._note(session, ActKind.PROPOSED, officer, key, said)
        concerned = await act.concerns(session, payload)
        for other in await self._officers.of_agency(session, officer.agency):
            if act.approves in other.roles and other.person not in {officer.person, *concerned}:
                await self._inbox.send(session, other.person, AWAITS, maker=officer.name, act=act.title)
        return key

    async def approve(self, session: AsyncSession, officer: Officer, proposal: UUID, reason: str = "") -> Done:
        """Decides and performs, in one transaction: what cannot be performed stays open.

        Raises :class:`NotFound` for what is not this agency's, :class:`StepUpRequired`, :class:`RoleMissing`,
        :class:`MakerIsChecker`, :class:`ConcernsYourself`, :class:`ProposalDecided`, :class:`ProposalExpired`,
        :class:`MakerGone`, and what the act itself raises.
        """
        officer.must_meet(TO_APPROVE, self._clock.now())
        row, act, payload = await self._to_decide(session, officer, proposal)
        maker = await self._officers.find(session, row.maker)
        if maker is None or maker.agency != row.agency or act.proposes not in maker.roles:
            raise MakerGone
        await self._decide(session, row, "APPROVED", officer.person)
        told = await act.perform(session, payload, Approval(row.id, row.agency, row.maker, officer.person))
        await self._note(session, ActKind.APPROVED, officer, row.id, checked_reason(reason) if reason else "")
        await self._tell(session, row, act, officer, "APPROVED")
        return Done(act.kind, told)

    async def refuse(self, session: AsyncSession, officer: Officer, proposal: UUID, reason: str) -> None:
        """Raises what :meth:`approve` raises before it performs, and :class:`BadInput` without a reason.

        Saying no asks for the desk's sign-in alone: it changes nothing.
        """
        officer.must_meet(AT_THE_DESK, self._clock.now())
        said = checked_reason(reason)
        row, act, _ = await self._to_decide(session, officer, proposal)
        await self._decide(session, row, "REFUSED", officer.person)
        await self._note(session, ActKind.REFUSED, officer, row.id, said)
        await self._tell(session, row, act, officer, "REFUSED")

    async def withdraw(self, session: AsyncSession, officer: Officer, proposal: UUID, reason: str) -> None:
        """By the maker alone. Raises :class:`NotFound`, :class:`NotTheMaker`, :class:`ProposalDecided`,
        :class:`ProposalExpired`, :class:`BadInput`."""
        officer.must_meet(AT_THE_DESK, self._clock.now())
        said = checked_reason(reason)
        row = await self._of_agency(session, officer, proposal)
        if row.maker != officer.person:
            raise NotTheMaker
        await self._decide(session, row, "WITHDRAWN", None)
        await self._note(session, ActKind.WITHDRAWN, officer, row.id, said)

    async def open(self, session: AsyncSession, officer: Officer) -> Sequence[Shown]:
        """The agency's proposals that await a decision, oldest first."""
        query = (
            select(Proposal)
            .where(
                col(Proposal.agency) == officer.agency,
                col(Proposal.outcome).is_(None),
                col(Proposal.expires_at) > self._clock.now(),
            )
            .order_by(col(Proposal.id))
        )
        return [await self._shown(session, row) for row in await session.scalars(query)]

    async def show(self, session: AsyncSession, officer: Officer, proposal: UUID) -> Shown:
        """One proposal with what it would do and its trail, to its maker and those who may approve it.

        Raises :class:`NotFound`, :class:`NotAllowed`.
        """
        officer.must_meet(AT_THE_DESK, self._clock.now())
        row = await self._of_agency(session, officer, proposal)
        act = self._act(ProposalKind(row.kind))
        if officer.person != row.maker and act.approves not in officer.roles:
            raise NotAllowed
        trail = await self._trail.about(session, row.agency, row.id)
        return await self._shown(session, row, lines=act.lines(self._payload(row)), trail=trail)

    async def person_corrected_by(self, session: AsyncSession, proposal: UUID) -> UUID | None:
        """Whose number this proposal would correct, for the edge to forget what was read under the wrong one."""
        row = await session.get(Proposal, proposal)
        if row is None or row.kind != ProposalKind.ID_CORRECTION:
            return None
        return UUID(self._payload(row)["person"])

    async def _to_decide(
        self, session: AsyncSession, officer: Officer, proposal: UUID
    ) -> tuple[Proposal, Act, dict[str, Any]]:
        row = await self._of_agency(session, officer, proposal)
        act = self._act(ProposalKind(row.kind))
        await self._officers.must_serve(session, officer, act.approves)
        if row.maker == officer.person:
            raise MakerIsChecker
        payload = self._payload(row)
        if officer.person in await act.concerns(session, payload):
            raise ConcernsYourself
        return row, act, payload

    async def _decide(self, session: AsyncSession, row: Proposal, outcome: str, checker: UUID | None) -> None:
        """Of parallel decisions exactly one changes the row; the others see that it was decided."""
        now = self._clock.now()
        decided = await session.scalar(
            update(Proposal)
            .where(col(Proposal.id) == row.id, col(Proposal.outcome).is_(None), col(Proposal.expires_at) > now)
            .values(outcome=outcome, checker=checker, decided_at=now)
            .returning(col(Proposal.id))
            .execution_options(synchronize_session=False)
        )
        if decided is None:
            is_late = row.outcome is None and row.expires_at <= now
            raise ProposalExpired if is_late else ProposalDecided

    async def _of_agency(self, session: AsyncSession, officer: Officer, proposal: UUID) -> Proposal:
        row = await session.get(Proposal, proposal, populate_existing=True)
        if row is None or row.agency != officer.agency:
            raise NotFound
        return row

    async def _shown(
        self,
        session: AsyncSession,
        row: Proposal,
        *,
        lines: Sequence[tuple[Text, str]] = (),
        trail: Sequence[OfficerAct] = (),
    ) -> Shown:
        act = self._act(ProposalKind(row.kind))
        return Shown(
            id=row.id,
            kind=act.kind,
            title=act.title,
            maker=row.maker,
            maker_name=await self._officers.name_of(session, row.maker),
            reason=row.reason,
            made_at=row.made_at,
            expires_at=row.expires_at,
            outcome=row.outcome,
            lines=lines,
            approves=act.approves,
            trail=trail,
        )

    async def _tell(self, session: AsyncSession, row: Proposal, act: Act, officer: Officer, outcome: str) -> None:
        await self._inbox.send(
            session, row.maker, DECIDED, act=act.title, outcome=OUTCOMES[outcome], checker=officer.name
        )

    async def _note(self, session: AsyncSession, kind: ActKind, officer: Officer, proposal: UUID, reason: str) -> None:
        await self._trail.note(
            session, kind, agency=officer.agency, by=officer.person.hex, subject=proposal, note=reason
        )

    def _act(self, kind: ProposalKind) -> Act:
        """Raises :class:`NotFound` for a kind that this installation does not have."""
        act = self._acts.get(kind)
        if act is None:
            raise NotFound
        return act

    def _payload(self, row: Proposal) -> dict[str, Any]:
        opened = self._keys.open(row.payload_sealed, bound_to=bound_to(Proposal.payload_sealed, row.id))
        payload: dict[str, Any] = json.loads(opened)
        return payload
