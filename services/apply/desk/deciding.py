"""What an officer decides. The law decides on facts; an officer finds those that no register tells, and gives reasons.

A grant is one that the law gives on the facts and the findings. A refusal is one that the law gives, or one of what
stays unknown. A grant that pays is proposed by one officer and approved by another, who has it decided anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.errors import NotFound, ServiceUnavailable
from core.ids import new_id
from core.sealed import bound_to
from core.text import Text
from identity.officers import Officer, OfficerRegister
from identity.officers.demands import TO_APPROVE
from identity.officers.trail import ActKind
from identity.proposals.errors import MakerGone, MakerIsChecker, ProposalDecided
from services.apply import repository as applications
from services.apply.deciding import Outcome, Prepared
from services.apply.desk import acts, repository
from services.apply.desk.closing import OUTDATED
from services.apply.desk.errors import NotWhatTheLawGives, ProposalWaits
from services.apply.desk.models import DeskDecision
from services.apply.desk.words import Words
from services.apply.errors import ChangedMeanwhile
from services.apply.models import Application
from services.apply.roles import DECIDE
from services.apply.service import ApplyService, Reconsideration
from services.apply.states import is_service
from services.exchange.facts import Asker

BY_OFFICER: Final = "OFFICER"
DONE, GIVEN_BACK = "DONE", "GIVEN_BACK"
CONDITION: Final = "officer"
"""Id of the reason that an officer gives, beside those of the law's conditions."""
_NOTHING: Final = Text(th="ไม่มี", en="nothing")
_SAID: Final[Mapping[Outcome, Text]] = {
    Outcome.GRANTED: Text(th="อนุมัติ", en="a grant"),
    Outcome.REFUSED: Text(th="ไม่อนุมัติ", en="a refusal"),
    Outcome.NEEDS_INFORMATION: Text(th="ยังตัดสินไม่ได้", en="it stays open"),
}


@dataclass(frozen=True, slots=True, repr=False)
class Drafted:
    """A decision of an officer, or of two, ready to be written."""

    officer: Officer
    act: acts.Decide
    again: Reconsideration
    proposal: DeskDecision | None = None
    """What it approves; None for a new one."""

    @property
    def needs_two(self) -> bool:
        return self.act.grants and self.again.prepared.pays


@dataclass(frozen=True, slots=True, repr=False)
class Proposed:
    row: DeskDecision
    act: acts.Decide
    gives: Any
    stands: bool
    """Whether the case is still as its maker saw it."""


class Deciding:
    def __init__(self, clock: Clock, apply: ApplyService, officers: OfficerRegister, words: Words) -> None:
        self._clock, self._apply, self._officers, self._words = clock, apply, officers, words

    async def draft(self, officer: Officer, row: Application, act: acts.Decide, asker: Asker) -> Drafted:
        """Far away. Raises NotWhatTheLawGives, StateHolds, BadInput, StepUpRequired for a grant that takes one officer
        alone, and what the decider raises."""
        again = await self._apply.prepare_at_desk(row, asker, act.findings)
        prepared = decided(again.prepared, act, officer.agency, by_law=not is_service(row.subject))
        draft = Drafted(officer, act, replace(again, prepared=prepared, officer=officer.person))
        if act.grants and not draft.needs_two:
            officer.must_meet(TO_APPROVE, self._clock.now())
        return draft

    async def proposed(self, session: AsyncSession, row: Application, proposal: UUID) -> Proposed:
        """The proposal with its words. Raises NotFound for none of this case's, ProposalDecided."""
        found = next(
            (one for one in await repository.decisions(session, row.person, row.id) if one.id == proposal), None
        )
        if found is None:
            raise NotFound(path=("proposal",))
        if found.result is not None:
            raise ProposalDecided
        said = await self._words.open(
            session, row.person, found.words_sealed, place=bound_to(DeskDecision.words_sealed, found.id)
        )
        if said is None:
            raise NotFound(path=("proposal",))
        grants = found.outcome == Outcome.GRANTED
        act = acts.Decide(grants, Text(**said["reason"]), Text(**said["law"]), said["findings"])
        return Proposed(found, act, said["gives"], await repository.stands(session, row, found.version))

    async def check(self, officer: Officer, row: Application, proposed: Proposed, asker: Asker) -> Drafted:
        """Far away: decided anew, in the checker's name.

        Raises MakerIsChecker, StepUpRequired, ChangedMeanwhile where it is not any more what was proposed, and what
        :meth:`draft` raises.
        """
        if officer.person == proposed.row.maker:
            raise MakerIsChecker
        officer.must_meet(TO_APPROVE, self._clock.now())
        if not proposed.stands:
            raise ChangedMeanwhile
        draft = await self.draft(officer, row, proposed.act, asker)
        if gives(draft.again.prepared) != proposed.gives:
            raise ChangedMeanwhile
        return replace(draft, proposal=proposed.row)

    async def decide(self, session: AsyncSession, draft: Drafted, row: Application) -> tuple[ActKind, str]:
        """Writes the decision, or the proposal. Raises ChangedMeanwhile, ProposalWaits."""
        if row.version != draft.again.version:
            raise ChangedMeanwhile
        now, officer = self._clock.now(), draft.officer
        for one in await repository.decisions(session, row.person, row.id):
            if one.result is None:
                if await repository.stands(session, row, one.version):
                    raise ProposalWaits
                await repository.close(session, row, one.id, OUTDATED, now)
        made = await self._made(session, draft, row)
        if draft.needs_two:
            return ActKind.CASE_PROPOSED, made.id.hex
        await self._decided(session, draft, row, made.id, checker=None)
        kind = ActKind.CASE_GRANTED if draft.act.grants else ActKind.CASE_REFUSED
        return kind, f"by {officer.agency}, alone: nothing is paid by it"

    async def approve(self, session: AsyncSession, draft: Drafted, row: Application) -> tuple[ActKind, str]:
        """Writes what was proposed. Raises MakerIsChecker, MakerGone, ProposalDecided, ChangedMeanwhile."""
        proposal, officer = draft.proposal, draft.officer
        assert proposal is not None, "it was checked"
        if officer.person == proposal.maker:
            raise MakerIsChecker
        maker = await self._officers.find(session, proposal.maker)
        if maker is None or maker.agency != officer.agency or DECIDE not in maker.roles:
            raise MakerGone
        if row.version != draft.again.version:
            raise ChangedMeanwhile
        await self._decided(session, draft, row, proposal.id, checker=officer.person)
        return ActKind.CASE_GRANTED, proposal.id.hex

    async def give_back(self, session: AsyncSession, officer: Officer, row: Application, proposal: UUID) -> None:
        """Raises MakerIsChecker, NotFound, ProposalDecided."""
        found = (await self.proposed(session, row, proposal)).row
        if found.maker == officer.person:
            raise MakerIsChecker
        closed = await repository.close(session, row, proposal, GIVEN_BACK, self._clock.now(), checker=officer.person)
        if not closed:
            raise ProposalDecided

    async def _decided(
        self, session: AsyncSession, draft: Drafted, row: Application, proposal: UUID, *, checker: UUID | None
    ) -> None:
        """Before the application moves, which leaves no proposal open."""
        if not await repository.close(session, row, proposal, DONE, self._clock.now(), checker=checker):
            raise ProposalDecided
        await repository.let_go(session, row)
        await self._apply.reconsider(session, draft.again)
        decision = await applications.last_decision(session, row.id)
        assert decision is not None, "it was decided just now"
        await repository.became(session, row, proposal, decision.id)

    async def _made(self, session: AsyncSession, draft: Drafted, row: Application) -> DeskDecision:
        key, act, prepared = new_id(), draft.act, draft.again.prepared
        said = {
            "reason": {"th": act.reason.th, "en": act.reason.en},
            "law": {"th": act.law.th, "en": act.law.en},
            "findings": dict(act.findings),
            "gives": gives(prepared),
        }
        made = DeskDecision(
            person=row.person,
            id=key,
            application=row.id,
            version=row.version,
            outcome=prepared.outcome.value,
            pays=prepared.pays,
            words_sealed=await self._words.seal(
                session, row.person, said, place=bound_to(DeskDecision.words_sealed, key)
            ),
            maker=draft.officer.person,
            made_at=self._clock.now(),
        )
        try:
            async with session.begin_nested():
                session.add(made)
        except IntegrityError:
            raise ProposalWaits from None
        return made


def decided(prepared: Prepared, act: acts.Decide, agency: str, *, by_law: bool = True) -> Prepared:
    """What the law came to, as the officer decides it; without `by_law`, of what no rule of ours decides, the officer's
    own judgement. Raises NotWhatTheLawGives, and ServiceUnavailable where it would be refused because a register does
    not answer at this moment."""
    wanted = Outcome.GRANTED if act.grants else Outcome.REFUSED
    against = Outcome.GRANTED if not act.grants else None
    if by_law and ((act.grants and prepared.outcome is not Outcome.GRANTED) or prepared.outcome is against):
        names = [one.title for one in prepared.missing]
        missing = _joined(names) if names else _NOTHING
        raise NotWhatTheLawGives(said=_SAID[prepared.outcome], missing=missing)
    if by_law and not act.grants and prepared.outcome is Outcome.NEEDS_INFORMATION:
        for one in prepared.missing:
            if one.silent:
                raise ServiceUnavailable(one.title)
    law = {"th": act.law.th, "en": act.law.en}
    words = {"th": act.reason.th, "en": act.reason.en}
    reason = {
        "condition": CONDITION,
        **words,
        "outcome": "MET" if act.grants else "UNMET",
        "law": law,
        "facts": sorted(act.findings),
    }
    record = {**prepared.record, CONDITION: {"reason": words, "law": law, "found": sorted(act.findings)}}
    return replace(
        prepared,
        outcome=wanted,
        record=record,
        reasons=(*prepared.reasons, reason),
        missing=(),
        decided_by={"kind": BY_OFFICER, "agency": agency},
    )


def gives(prepared: Prepared) -> Any:
    """What comes of it in money, by which a checker sees that nothing changed since it was proposed."""
    return {"benefits": prepared.record.get("benefits"), "pays": prepared.pays}


def _joined(names: list[Text]) -> Text:
    return Text(th=", ".join(one.th for one in names), en=", ".join(one.en for one in names))
