"""The officers' desk: who may see a case, and every act of an officer on one.

What is far away comes first: :meth:`CaseDesk.prepare` checks who asks, looks for ties and reads facts, outside any
transaction. :meth:`CaseDesk.perform` writes in the edge's transaction, and looks again there (docs/adr/0008).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.assurance import Assurance
from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.errors import BadInput, NotFound, ServiceUnavailable
from core.ids import new_id
from core.sealed import bound_to
from core.text import Text
from identity.officers import Officer, OfficerRegister
from identity.officers.demands import AT_THE_DESK as SIGNED_IN_TODAY
from identity.officers.errors import ConflictOfInterest
from identity.officers.trail import ActKind, Trail
from services.apply.deciding import Holder, Missing
from services.apply.desk import acts, repository
from services.apply.desk.acts import Act
from services.apply.desk.deciding import Deciding, Drafted
from services.apply.desk.errors import CaseNotTaken, CaseTaken, DecidedItBefore, StateHolds, TiesUnknown
from services.apply.desk.models import DeskCase, DeskNote, DeskQuestion
from services.apply.desk.needs import Subjects, Ties
from services.apply.desk.words import Words
from services.apply.errors import AlreadyDecided, ChangedMeanwhile
from services.apply.models import Application
from services.apply.roles import CHECK, DECIDE, READ, SUPERVISE
from services.apply.service import ApplyService
from services.apply.states import AT_THE_DESK, Action, Status, Who
from services.exchange.catalogue import Catalogue
from services.exchange.errors import UnknownAttribute
from services.exchange.facts import Asker, AskerKind, Assured

CLAIM_KEPT: Final = timedelta(days=2)
"""So long nobody else takes a case from the officer who has it, from their last act on."""
ASKED: Final = "OFFICER_ASKED"
LOOKING: Final = (READ, DECIDE, CHECK, SUPERVISE)
OFFICER: Final = Text(th="เจ้าหน้าที่ของ{agency}", en="An officer of the {agency}")
_CHILD: Final = "child."


@dataclass(frozen=True, slots=True, repr=False)
class Ready:
    """An act whose far-away part is done."""

    officer: Officer
    row: Application
    act: Act
    draft: Drafted | None = None
    """Of a decision."""
    missing: tuple[Missing, ...] = ()
    """Of a question."""


class CaseDesk:
    """Every method takes the officer; what another agency decides is `NotFound`, as what never was."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        apply: ApplyService,
        officers: OfficerRegister,
        catalogue: Catalogue,
        subjects: Subjects,
        ties: Ties,
    ) -> None:
        self._db, self._clock, self._officers, self._catalogue = db, clock, officers, catalogue
        self._apply, self._subjects, self._ties, self._trail = apply, subjects, ties, Trail(clock)
        self._words = Words(keys)
        self.deciding = Deciding(clock, apply, officers, self._words)

    def subjects(self, officer: Officer) -> Mapping[str, Text]:
        """What the officer's agency decides. Raises RoleMissing for an officer who has nothing to do with it."""
        if not officer.roles & set(LOOKING):
            officer.must_have(READ)
        officer.must_meet(SIGNED_IN_TODAY, self._clock.now())
        return self._subjects.of_agency(officer.agency)

    async def find(self, officer: Officer, key: UUID) -> Application:
        """Raises NotFound, RoleMissing, StepUpRequired, ConflictOfInterest of what is the officer's own."""
        subjects = self.subjects(officer)
        async with self._db.read() as session:
            row = await repository.application(session, tuple(subjects), key)
        if row is None:
            raise NotFound
        if officer.person in (row.person, row.beneficiary):
            raise ConflictOfInterest
        return row

    def asker(self, officer: Officer, row: Application, request: UUID | None = None) -> Asker:
        """The officer as the citizen reads of them in the access log."""
        label = OFFICER.filled(agency=self._catalogue.agency_title(officer.agency))
        acr = officer.sign_in.acr if officer.sign_in is not None else None
        return Asker(
            AskerKind.OFFICER,
            officer.person.hex,
            officer.agency,
            label,
            request,
            applicant=row.person,
            assurance=Assured(Assurance.of(acr)) if acr is not None else None,
        )

    async def prepare(
        self, officer: Officer, key: UUID, act: Act, *, seen: int | None = None, request: UUID | None = None
    ) -> Ready:
        """`seen`: the version of the application that the officer looked at.

        Raises what :meth:`find` does, RoleMissing for another task, ConflictOfInterest, ChangedMeanwhile,
        DecidedItBefore, StateHolds, and what :meth:`Deciding.draft` and the decider raise; ServiceUnavailable while
        nobody can say whether officer and citizen are near.
        """
        row = await self.find(officer, key)
        _must_be_theirs(officer, act)
        if seen is not None and row.version != seen:
            raise ChangedMeanwhile
        if isinstance(act, acts.Claim | acts.Ask | acts.Decide | acts.Approve):
            if Status(row.status) not in AT_THE_DESK:
                raise AlreadyDecided
            await self._refuse_interest(officer, row)
        match act:
            case acts.GiveBack():
                await self.refuse_near(officer, row)
                return Ready(officer, row, act)
            case acts.Ask():
                return Ready(officer, row, act, missing=await self._wanted(officer, row, act, request))
            case acts.Decide():
                asker = self.asker(officer, row, request)
                return Ready(officer, row, act, draft=await self.deciding.draft(officer, row, act, asker))
            case acts.Approve():
                asker = self.asker(officer, row, request)
                async with self._db.read() as session:
                    proposed = await self.deciding.proposed(session, row, act.proposal)
                return Ready(officer, row, act, draft=await self.deciding.check(officer, row, proposed, asker))
            case _:
                return Ready(officer, row, act)

    async def perform(self, session: AsyncSession, ready: Ready) -> Application:
        """Writes the act, and the officer's trail beside it.

        Raises CaseTaken, CaseNotTaken, ChangedMeanwhile, NotAnOfficer, RoleMissing, ProposalWaits, ProposalDecided,
        MakerIsChecker, MakerGone, and what the table of states raises.
        """
        officer, act = ready.officer, ready.act
        now = await self._officers.find(session, officer.person)
        if now is None or now.agency != officer.agency:
            raise NotFound
        _must_be_theirs(now, act)
        row = await self._apply.steps.locked(session, ready.row.person, ready.row.id)
        kind, note = ActKind.CASE_CLAIMED, ""
        match act:
            case acts.Claim():
                await self._claim(session, officer, row)
            case acts.Release():
                kind = ActKind.CASE_RELEASED
                await self._hand_on(session, now, row, None)
            case acts.Refer():
                kind, note = ActKind.CASE_REFERRED, act.to.hex
                await self._refer(session, now, row, act.to)
            case acts.Note():
                kind = ActKind.CASE_NOTED
                await self._note(session, officer, row, act.text)
            case acts.Ask():
                kind, note = ActKind.CASE_ASKED, " ".join(one.attribute for one in act.wanted)
                await self._ask(session, ready, row, act)
            case acts.Decide():
                assert ready.draft is not None, "it was prepared"
                if row.version != ready.draft.again.version:
                    raise ChangedMeanwhile
                await self._work_on(session, officer, row, keep=True)
                kind, note = await self.deciding.decide(session, ready.draft, row)
            case acts.Approve():
                assert ready.draft is not None, "it was prepared"
                kind, note = await self.deciding.approve(session, ready.draft, row)
            case acts.GiveBack():
                kind, note = ActKind.CASE_GIVEN_BACK, act.proposal.hex
                await self.deciding.give_back(session, officer, row, act.proposal)
                await self._note(session, officer, row, act.reason)
        await self._trail.note(session, kind, agency=officer.agency, by=officer.person.hex, subject=row.id, note=note)
        return row

    async def _refuse_interest(self, officer: Officer, row: Application) -> None:
        if Status(row.status) is Status.APPEALED:
            async with self._db.read() as session:
                if officer.person in await repository.who_decided(session, row):
                    raise DecidedItBefore
        await self.refuse_near(officer, row)

    async def refuse_near(self, officer: Officer, row: Application) -> None:
        """Raises ConflictOfInterest, and TiesUnknown while nobody can say."""
        try:
            is_near = await self._ties.between(officer.person, {row.person, row.beneficiary})
        except ServiceUnavailable as silent:
            raise TiesUnknown(silent.fields["service"]) from None
        if is_near:
            raise ConflictOfInterest

    async def _claim(self, session: AsyncSession, officer: Officer, row: Application) -> None:
        now = self._clock.now()
        if await repository.claim(session, row, officer.person, now, now + CLAIM_KEPT) is None:
            taken = await repository.case(session, row.person, row.id)
            assert taken is not None, "somebody has it"
            raise CaseTaken(taken.claimed_until or now)

    async def _work_on(self, session: AsyncSession, officer: Officer, row: Application, *, keep: bool = False) -> None:
        until = self._clock.now() + CLAIM_KEPT
        if not await repository.go_on(session, row, officer.person, until, keep=keep):
            raise CaseNotTaken

    async def _hand_on(self, session: AsyncSession, officer: Officer, row: Application, to: UUID | None) -> None:
        """From the handler's own hands, or, by a supervisor, from anybody's."""
        case: DeskCase | None = await repository.case(session, row.person, row.id)
        holder = case.handler if case is not None else None
        if holder is None or (holder != officer.person and SUPERVISE not in officer.roles):
            raise CaseNotTaken
        now = self._clock.now()
        if not await repository.hand_on(session, row, holder, to, now, now + CLAIM_KEPT if to is not None else None):
            raise CaseNotTaken

    async def _refer(self, session: AsyncSession, officer: Officer, row: Application, to: UUID) -> None:
        colleague = await self._officers.find(session, to)
        if colleague is None or colleague.agency != officer.agency or DECIDE not in colleague.roles:
            raise NotFound(path=("refer", "to"))
        if to in (row.person, row.beneficiary):
            raise ConflictOfInterest
        await self._hand_on(session, officer, row, to)

    async def _note(self, session: AsyncSession, officer: Officer, row: Application, text: str) -> None:
        key = new_id()
        sealed = await self._words.seal(session, row.person, text, place=bound_to(DeskNote.text_sealed, key))
        session.add(
            DeskNote(
                person=row.person,
                id=key,
                application=row.id,
                officer=officer.person,
                at=self._clock.now(),
                text_sealed=sealed,
            )
        )
        await session.flush()

    async def _wanted(
        self, officer: Officer, row: Application, act: acts.Ask, request: UUID | None
    ) -> tuple[Missing, ...]:
        """What is asked for, with its name. Of a programme nothing is asked that an agency tells, or nobody reads."""
        titles = {one.attribute: await self._title(row, one.attribute, n) for n, one in enumerate(act.wanted)}
        if row.subject.startswith("programme:"):
            again = await self._apply.prepare_at_desk(row, self.asker(officer, row, request), {})
            for number, one in enumerate(act.wanted):
                _refuse_held(again.prepared.record, one.attribute, number)
                for missing in again.prepared.missing:
                    if missing.silent and missing.attribute == one.attribute:
                        raise ServiceUnavailable(missing.title, path=("ask", number, "attribute"))
        return tuple(Missing(name, title, Holder.CITIZEN) for name, title in titles.items())

    async def _title(self, row: Application, name: str, number: int) -> Text:
        if not row.subject.startswith("programme:"):
            return Text(th=name, en=name)  # a field of the service's own form
        try:
            return self._catalogue.attribute(name.removeprefix(_CHILD)).title
        except UnknownAttribute:
            unknown = Text(th="ไม่รู้จักข้อมูลนี้", en="there is no such fact")
            raise BadInput(unknown, path=("ask", number, "attribute")) from None

    async def _ask(self, session: AsyncSession, ready: Ready, row: Application, act: acts.Ask) -> None:
        officer = ready.officer
        if row.version != ready.row.version:
            raise ChangedMeanwhile
        await self._work_on(session, officer, row, keep=True)
        await self._apply.steps.move(
            session,
            row,
            Action.ASK_CITIZEN,
            Who.OFFICER,
            officer=officer.person,
            cause=ASKED,
            missing=[one.written() for one in ready.missing],
        )
        key = new_id()
        why = [{"th": one.why.th, "en": one.why.en} for one in act.wanted]
        session.add(
            DeskQuestion(
                person=row.person,
                id=key,
                application=row.id,
                wanted=[{"attribute": m.attribute, "th": m.title.th, "en": m.title.en} for m in ready.missing],
                why_sealed=await self._words.seal(
                    session, row.person, why, place=bound_to(DeskQuestion.why_sealed, key)
                ),
                officer=officer.person,
                asked_at=self._clock.now(),
            )
        )
        await session.flush()
        await self._apply.steps.tell(session, row)


_ROLES: Final[Mapping[type, Collection[str]]] = {
    acts.Claim: (DECIDE,),
    acts.Release: (DECIDE, SUPERVISE),
    acts.Refer: (DECIDE, SUPERVISE),
    acts.Note: (DECIDE, CHECK, SUPERVISE),
    acts.Ask: (DECIDE,),
    acts.Decide: (DECIDE,),
    acts.Approve: (CHECK,),
    acts.GiveBack: (CHECK,),
}
"""One of them is enough; the first is named where none is there."""


def _must_be_theirs(officer: Officer, act: Act) -> None:
    """Raises RoleMissing."""
    allowed = tuple(_ROLES[type(act)])
    if not officer.roles & set(allowed):
        officer.must_have(allowed[0])


def _refuse_held(record: Mapping[str, object], name: str, number: int) -> None:
    """Raises BadInput for what the law does not read, StateHolds for what an agency tells."""
    group = record.get("child" if name.startswith(_CHILD) else "facts")
    fact = group.get(name.removeprefix(_CHILD)) if isinstance(group, Mapping) else None
    if fact is None:
        unread = Text(th="เรื่องนี้ไม่ได้ใช้ข้อมูลนี้", en="the law does not read this here")
        raise BadInput(unread, path=("ask", number, "attribute"))
    if fact.get("value") is not None and fact.get("source") != "citizen":
        raise StateHolds(path=("ask", number, "attribute"))
