"""The agency's side: what it issued to a person, and what it does with it.

Which credentials and papers somebody has is told through the gate: each such look stands in the citizen's log.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Protocol
from uuid import UUID

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from core.assurance import Assurance
from core.clock import Clock
from core.database import Database
from core.ids import NationalId
from core.text import Text
from identity.officers import Officer
from identity.officers.demands import AT_THE_DESK
from identity.officers.errors import ConflictOfInterest
from identity.proposals.acts import Approval, Form, ProposalKind, read
from services.exchange.facts import Asker, AskerKind, Assured, Basis, Gate, Purpose
from services.receive.standing.errors import StandingConflict
from services.receive.standing.service import Call, Issued, Standings, check_reason
from services.receive.standing.states import FOR_GOOD, NEXT, StandingActKind
from services.receive.wording import TitleOf

PROPOSES: Final = "issued.propose"
"""Looks at what was issued, suspends and reinstates it, and proposes what is for good."""
APPROVES: Final = "issued.approve"
ID: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}", re.ASCII)
"""By which what was issued is named: its id; of a paper the SHA-256 of its file, too."""
RECORDS: Final = "issued"
"""`<agency>:issued` in the access log."""
STANDING: Final = Purpose(
    "issued-documents",
    Basis.PUBLIC_TASK,
    Text(th="ดูแลเอกสารที่หน่วยงานออกให้ท่าน", en="Keeping what an agency issued to you right"),
)
_LABEL: Final = Text(th="เจ้าหน้าที่ของ{agency}", en="An officer of the {agency}")
_WHAT: Final = Text(th="เอกสาร", en="what was issued")
_ACT: Final = Text(th="การดำเนินการ", en="act")
_WHY_TH: Final = Text(th="เหตุผลที่ประชาชนอ่าน (ไทย)", en="reason that the citizen reads (Thai)")
_WHY_EN: Final = Text(th="เหตุผลที่ประชาชนอ่าน (อังกฤษ)", en="reason that the citizen reads (English)")


class Ties(Protocol):
    async def between(self, officer: UUID, people: Collection[UUID]) -> bool:
        """Whether the officer is near one of them. Raises `ServiceUnavailable` while nobody can say."""
        ...


class IssuedDesk:
    """Opens its own transactions: it is an edge. Methods with an officer raise `RoleMissing` and StepUpRequired, and
    ConflictOfInterest for what is the officer's own, or of somebody near them."""

    def __init__(
        self, db: Database, clock: Clock, gate: Gate, standings: Standings, titles: TitleOf, ties: Ties
    ) -> None:
        self._db, self._clock, self._gate, self._standings = db, clock, gate, standings
        self._titles, self._ties = titles, ties

    async def listed(self, agency: str, person: UUID, asker: Asker) -> Sequence[Issued]:
        """What the agency issued to that person, for its system or its officer. Raises what the gate raises."""

        async def found(_: NationalId) -> Sequence[Issued]:
            async with self._db.read() as session:
                return await self._standings.of(session, agency, person)

        told: Sequence[Issued] = await self._gate.look(
            person, f"{agency}:{RECORDS}", agency, found, asker=asker, purpose=STANDING
        )
        return told

    async def listed_by(self, officer: Officer, person: UUID) -> Sequence[Issued]:
        self._must_work(officer)
        await self.refuse_near(officer.person, person)
        asker = Asker(
            AskerKind.OFFICER,
            officer.person.hex,
            officer.agency,
            _LABEL.filled(agency=self._titles(officer.agency)),
            assurance=Assured(Assurance.of(officer.sign_in.acr)) if officer.sign_in is not None else None,
        )
        return await self.listed(officer.agency, person, asker)

    async def named(self, agency: str, given: str) -> Issued:
        """By its id (32 hexadecimal digits), a paper also by the SHA-256 of its file (64). Raises IssuedNotFound."""
        async with self._db.read() as session:
            if len(given) == 64:
                return await self._standings.by_hash(session, agency, bytes.fromhex(given))
            return await self._standings.find(session, agency, UUID(hex=given))

    async def act(self, call: Call) -> Issued:
        """For a system of the agency, which answers for who acts in it. Raises what :meth:`Standings.act` does."""
        async with self._db.write() as session:
            return await self._standings.act(session, call)

    async def act_by(self, officer: Officer, issued: str, act: StandingActKind, reason: Text, key: str) -> Issued:
        """What one officer may do alone: what can be undone. Raises what :meth:`act` does."""
        assert act not in FOR_GOOD, "that takes two: WithdrawAct"
        found = await self.ready(officer, issued)
        return await self.act(Call(officer.agency, officer.person.hex, found.id, act, reason, key))

    async def ready(self, officer: Officer, issued: str) -> Issued:
        """What the officer is about to act on. Raises IssuedNotFound, and what the class says."""
        self._must_work(officer)
        found = await self.named(officer.agency, issued)
        if found.person is not None:
            await self.refuse_near(officer.person, found.person)
        return found

    async def refuse_near(self, officer: UUID, person: UUID) -> None:
        if officer == person or await self._ties.between(officer, {person}):
            raise ConflictOfInterest

    def _must_work(self, officer: Officer) -> None:
        officer.must_have(PROPOSES)
        officer.must_meet(AT_THE_DESK, self._clock.now())


class _WithdrawForm(Form):
    issued: str = Field(pattern=r"^[0-9a-f]{32}$")
    act: StandingActKind
    reason_th: str = Field(max_length=600)
    reason_en: str = Field(max_length=600)


class WithdrawAct:
    """An :class:`identity.proposals.acts.Act`: what is for good takes two officers."""

    kind = ProposalKind.ISSUED_WITHDRAW
    title = Text(th="เพิกถอนเอกสารที่ออกแล้ว", en="take back what was issued")
    proposes, approves = PROPOSES, APPROVES

    def __init__(self, standings: Standings) -> None:
        self._standings = standings

    async def prepare(self, session: AsyncSession, agency: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Raises BadInput, IssuedNotFound, StandingConflict."""
        form = read(_WithdrawForm, given)
        check_reason(Text(form.reason_th, form.reason_en))
        found = await self._standings.find(session, agency, UUID(hex=form.issued))
        if form.act not in FOR_GOOD or (found.status, form.act) not in NEXT:
            raise StandingConflict(status=found.status.name)
        person = None if found.person is None else found.person.hex
        what = found.configuration or found.sha256
        return {**form.model_dump(mode="json"), "agency": agency, "person": person, "what": what}

    async def concerns(self, _session: AsyncSession, payload: Mapping[str, Any]) -> frozenset[UUID]:
        person = payload["person"]
        return frozenset() if person is None else frozenset({UUID(hex=person)})

    async def perform(self, session: AsyncSession, payload: Mapping[str, Any], approval: Approval) -> str:
        """Raises ConflictOfInterest where the maker proposed it of their own."""
        if payload["person"] == approval.maker.hex:
            raise ConflictOfInterest
        reason = Text(payload["reason_th"], payload["reason_en"])
        issued, act = UUID(hex=payload["issued"]), StandingActKind(payload["act"])
        key = f"proposal:{approval.proposal.hex}"
        await self._standings.act(session, Call(approval.agency, approval.checker.hex, issued, act, reason, key))
        return ""

    def lines(self, payload: Mapping[str, Any]) -> Sequence[tuple[Text, str]]:
        return [
            (_WHAT, f"{payload['issued']} ({payload['what']})"),
            (_ACT, payload["act"]),
            (_WHY_TH, payload["reason_th"]),
            (_WHY_EN, payload["reason_en"]),
        ]
