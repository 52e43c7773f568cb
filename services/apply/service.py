"""Applications: taken, decided, supplemented, withdrawn, appealed.

What is far away comes first: each `prepare…` reads facts through the decider, outside any transaction. What writes
takes the session of the edge's transaction, and re-checks there that nothing moved in between (docs/adr/0008).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from core.attestation.service import Attestor
from core.clock import Clock, bangkok_day
from core.crypto import KeyRing
from core.database import Database
from core.errors import NotFound
from core.ids import new_id
from services.apply import answers as forms
from services.apply import repository, states
from services.apply.clocks import TurnClock
from services.apply.deciding import (
    ApplicationCounter,
    Awarder,
    Beside,
    Decider,
    Deliveries,
    Notices,
    Prepared,
    Request,
    action_of,
)
from services.apply.decisions.signing import DecisionWriter
from services.apply.delivery.answers import harmless
from services.apply.desk.answering import is_the_desks
from services.apply.drafts.service import DraftDesk, Seen
from services.apply.errors import AlreadyApplied, ChangedMeanwhile, NotOfferedHere
from services.apply.forms import Form, Forms, refuse_known
from services.apply.models import Appeal, Application
from services.apply.outcomes import Outcomes
from services.apply.states import GRANTED, Action, Status, Who, is_service
from services.apply.steps import Steps
from services.apply.units import in_the_household, unit_of_person
from services.exchange.facts import Asker


@dataclass(frozen=True, slots=True, repr=False)
class Submission:
    """A new application with its decision, ready to be written."""

    request: Request
    prepared: Prepared
    draft: Seen | None = None
    """What it was made of: as the citizen saw it, or not at all."""

    @property
    def unit_key(self) -> str:
        return self.prepared.unit or unit_of_person(self.request.beneficiary)


@dataclass(frozen=True, slots=True, repr=False)
class Reconsideration:
    """A new decision on the application as it was at `version`, ready to be written."""

    application: UUID
    version: int
    request: Request
    prepared: Prepared
    supplemented: bool
    since: date | None = None
    """Of what was granted: from which day the decision counts."""
    cause: str | None = None
    officer: UUID | None = None
    """Who asked for it, or decides it."""
    who: Who = Who.DECISION


class ApplyService:
    """`deciders` by kind of subject (`programme`, `service`)."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        clock: Clock,
        *,
        deciders: Mapping[str, Decider],
        awarder: Awarder,
        notices: Notices,
        forms: Forms | None = None,
        counter: ApplicationCounter | None = None,
        deliveries: Deliveries | None = None,
        service_notices: Notices | None = None,
        attestor: Attestor | None = None,
        turns: TurnClock | None = None,
        beside: Beside | None = None,
        drafts: DraftDesk | None = None,
    ) -> None:
        """Without `forms`, answers to what the state holds are refused by the decider alone; without `attestor`,
        decisions are not signed; without `beside`, nothing stands in the way of an appeal or a reopening. `deliveries`
        and `service_notices` are for what agencies decide."""
        self._db, self._keys, self._clock = database, keys, clock
        self._deciders, self._awarder, self._forms = deciders, awarder, forms
        self._decisions, self._counter = DecisionWriter(keys, attestor), counter
        self._deliveries, self._drafts = deliveries, drafts
        self.steps = Steps(clock, notices, service_notices, turns, beside)
        self.outcomes = Outcomes(clock, self.steps, self._decisions, awarder)

    async def prepare(
        self,
        applicant: UUID,
        beneficiary: UUID,
        subject: str,
        answers: object = None,
        *,
        request: UUID | None = None,
        acted_by: UUID | None = None,
        draft: Seen | None = None,
    ) -> Submission:
        """Decides, far away. `answers` may be anything that JSON can say; `request` is for the access log; `draft` is
        where the answers are from; `acted_by`, here and below, is who acts in the citizen's place.

        Raises NotOfferedHere, AlreadyApplied (sooner than the facts are read), BadInput, and what the decider raises.
        """
        decider = self._decider(subject)
        asked = Request(applicant, beneficiary, subject, self.own_words(subject, answers), request, acted_by)
        async with self._db.read() as session:
            standing = await repository.active(session, applicant, unit_of_person(beneficiary), subject)
        if standing is not None:
            raise AlreadyApplied(standing)
        prepared = await decider.prepare(asked)
        await self.ready_to_decide()
        return Submission(asked, prepared, draft)

    async def ready_to_decide(self) -> None:
        """Comes before each transaction that may decide, and outside it: fetches what signs. Each `prepare…` does."""
        await self._decisions.ready()

    async def apply(self, session: AsyncSession, submission: Submission) -> Application:
        """Writes the application and its decision.

        A draft of it goes. Raises AlreadyApplied, and ExcludedByAnother where the law allows one of two alone: of many
        at once, one wins; DraftGone and DraftChanged.
        """
        request, prepared, now = submission.request, submission.prepared, self._clock.now()
        if prepared.beside:
            await repository.refuse_beside(session, submission.unit_key, prepared.beside)
        key = new_id()
        await repository.insert_application(
            session,
            Application(
                person=request.applicant,
                id=key,
                beneficiary=request.beneficiary,
                unit_key=submission.unit_key,
                subject=request.subject,
                title={"th": prepared.title.th, "en": prepared.title.en},
                status=Status.SUBMITTED,
                version=1,
                answers_sealed=self.seal_answers(key, request.answers),
                missing=[],
                created_at=now,
                updated_at=now,
                **self.steps.turns.begun(request.subject, now),
            ),
        )
        application = await self.steps.locked(session, request.applicant, key)
        event = {"at": now, "action": Action.SUBMIT, "status": Status.SUBMITTED, "acted_by": request.acted_by}
        await repository.add_event(session, application, event)
        if self._counter is not None:
            await self._counter.count(
                session, application=key, service=request.subject, filled=prepared.read, asked=len(request.answers)
            )
        await self.outcomes.write(session, application, prepared)
        if prepared.delivery is not None:
            await self._agencies.owe(session, application, request.answers, prepared.delivery)
        if self._drafts is not None:
            await self._drafts.spend(session, request.applicant, request.subject, request.beneficiary, submission.draft)
        return application

    async def prepare_supplement(
        self,
        person: UUID,
        application: UUID,
        answers: object,
        *,
        request: UUID | None = None,
        acted_by: UUID | None = None,
    ) -> Reconsideration:
        """Decides again with further answers, which replace earlier ones of the same name.

        Raises NotFound, NotWaitingForAnswers, AtTheAgency, BadInput, and what the decider raises.
        """
        again = await self._prepare_again(person, application, answers, request, supplemented=True)
        return replace(again, request=replace(again.request, acted_by=acted_by))

    async def supplement(self, session: AsyncSession, again: Reconsideration) -> Application:
        """Writes the answers and the new decision. Raises ChangedMeanwhile."""
        return await self._write_again(session, again)

    async def prepare_reconsideration(self, person: UUID, application: UUID) -> Reconsideration:
        """Decides again on the facts as they are now: when an agency is back, or on appeal.

        Raises NotFound, AlreadyDecided, and what the decider raises.
        """
        return await self._prepare_again(person, application, {}, None, supplemented=False)

    async def prepare_reassessment(self, person: UUID, application: UUID) -> Reconsideration:
        """Decides what was granted again, on the facts and the law as they are now.

        Raises NotFound, AlreadyDecided where nothing is granted, AtTheAgency, and what the decider raises.
        """
        return await self._prepare_again(person, application, {}, None, supplemented=False, move=Action.CONFIRM)

    async def prepare_withdrawn(self, row: Application) -> Prepared:
        """The same of what is withdrawn by now; :meth:`ready_to_decide` follows. Raises what the decider raises."""
        asked = Request(row.person, row.beneficiary, row.subject, self.answers_of(row))
        return await self._decider(row.subject).prepare(asked)

    async def prepare_at_desk(self, row: Application, asker: Asker, findings: Mapping[str, Any]) -> Reconsideration:
        """What the law comes to on facts read for an officer, and what they found. Raises what the decider raises."""
        again = Request(
            row.person, row.beneficiary, row.subject, self.answers_of(row), asker.request,
            applied_on=bangkok_day(row.created_at), asker=asker, findings=findings,
        )  # fmt: skip
        prepared = await in_the_household(self._db, row, await self._decider(row.subject).prepare(again))
        await self.ready_to_decide()
        return Reconsideration(row.id, row.version, again, prepared, supplemented=False, who=Who.OFFICER)

    async def reconsider(self, session: AsyncSession, again: Reconsideration) -> Application:
        """Writes the new decision; it closes an open appeal. Raises ChangedMeanwhile."""
        return await self._write_again(session, again)

    async def withdraw(
        self,
        session: AsyncSession,
        person: UUID,
        application: UUID,
        *,
        acted_by: UUID | None = None,
        leaving: bool = False,
    ) -> Application:
        """Takes an application back; an award that came of it ends, and an agency that has it is told.

        Raises NotFound, AlreadyClosed, and AlreadyDecided and AtTheAgency for an agency's, but not with `leaving`.
        """
        found = await self.steps.locked(session, person, application)
        was = Status(found.status)
        states.after(was, Action.WITHDRAW)
        if is_service(found.subject):
            await self._agencies.withdraw(session, found, leaving=leaving)
        await self.steps.move(
            session, found, Action.WITHDRAW, Who.CITIZEN, acted_by=acted_by, missing=[], review_since=None
        )
        if was in GRANTED:
            await self._awarder.end(session, application=found.id)
        await repository.close_appeal(session, found, Status.WITHDRAWN)
        await self.steps.tell(session, found)
        return found

    async def appeal(
        self, session: AsyncSession, person: UUID, application: UUID, grounds: str, *, acted_by: UUID | None = None
    ) -> Application:
        """Objects to a rejection, in the citizen's own words.

        Raises NotFound, NotRejected, AtTheAgency, BadInput, and AlreadyApplied when a newer application has taken its
        place.
        """
        words = forms.clean_text(grounds, path="grounds")
        found = await self.steps.locked(session, person, application)
        self._refuse_if_at_agency(found, Action.APPEAL)
        await self.steps.move(session, found, Action.APPEAL, Who.CITIZEN, acted_by=acted_by)
        decision = await repository.last_decision(session, application)
        assert decision is not None, "what was rejected was decided"
        key = new_id()
        sealed = self._keys.seal(words.encode(), bound_to=f"appeal.grounds:{key.hex}")
        await repository.add_appeal(
            session,
            Appeal(
                person=person,
                id=key,
                application=application,
                decision=decision.id,
                grounds_sealed=sealed,
                opened_at=self._clock.now(),
            ),
        )
        await self.steps.tell(session, found)
        return found

    async def hear(
        self, session: AsyncSession, person: UUID, application: UUID, said: Prepared | None, *, news: bool
    ) -> Application:
        """What an agency said of an application to its service; None: that it took it off its list. The caller came by
        :meth:`ready_to_decide` before the transaction.

        With `news` it leaves a step in the history even if the status stays. Raises what the table of states raises.
        """
        found = await self.steps.locked(session, person, application)
        if said is None:
            await self.steps.move(session, found, Action.WITHDRAW, Who.DECISION, missing=[])
            await self.steps.tell(session, found)
        else:
            version = found.version
            await self.outcomes.write(session, found, said)
            if news and found.version == version:
                action = action_of(said, Status(found.status))
                await self.steps.move(session, found, action, Who.DECISION)
        return found

    async def _prepare_again(
        self,
        person: UUID,
        application: UUID,
        answers: object,
        request: UUID | None,
        *,
        supplemented: bool,
        move: Action = Action.REJECT,
    ) -> Reconsideration:
        async with self._db.read() as session:
            found = await repository.own(session, person, application)
        if found is None:
            raise NotFound
        states.after(Status(found.status), Action.SUPPLEMENT if supplemented else move)
        self._refuse_if_at_agency(found, Action.SUPPLEMENT)
        merged = {**self.answers_of(found), **self.own_words(found.subject, answers)}
        applied_on = None if move is Action.CONFIRM else bangkok_day(found.created_at)
        again = Request(person, found.beneficiary, found.subject, merged, request, applied_on=applied_on)
        prepared = await in_the_household(self._db, found, await self._decider(found.subject).prepare(again))
        await self.ready_to_decide()
        return Reconsideration(application, found.version, again, prepared, supplemented)

    async def _write_again(self, session: AsyncSession, again: Reconsideration) -> Application:
        found = await self.steps.locked(session, again.request.applicant, again.application)
        if found.version != again.version:
            raise ChangedMeanwhile
        if again.supplemented:
            sealed = self.seal_answers(found.id, again.request.answers)
            await self.steps.move(
                session, found, Action.SUPPLEMENT, Who.CITIZEN, acted_by=again.request.acted_by, answers_sealed=sealed
            )
            if await is_the_desks(session, self.steps, found, self._clock.now()):
                return found
        await self.outcomes.write(
            session, found, again.prepared, since=again.since, cause=again.cause, officer=again.officer, who=again.who
        )
        return found

    def form(self, subject: str) -> Form | None:
        """The form of what is applied for; None where it has none."""
        return self._forms.of_subject(subject) if self._forms is not None else None

    def own_words(self, subject: str, answers: object) -> dict[str, Any]:
        """The answers in form, none of them to what the state knows. Raises BadInput."""
        if is_service(subject):
            return harmless(answers)  # whose form says what is asked; its decider holds them to it
        given, form = forms.checked(answers), self.form(subject)
        if form is not None:
            refuse_known(form, given)
        return given

    def _decider(self, subject: str) -> Decider:
        decider = self._deciders.get(subject.partition(":")[0])
        if decider is None:
            raise NotOfferedHere
        return decider

    @property
    def _agencies(self) -> Deliveries:
        if self._deliveries is None:
            raise NotOfferedHere
        return self._deliveries

    def is_at_agency(self, subject: str) -> bool:
        """Whether a system of the agency decides it, so that neither the desk nor our clocks do."""
        return is_service(subject) and self._deliveries is not None and self._deliveries.takes(subject)

    def _refuse_if_at_agency(self, application: Application, action: Action) -> None:
        """Raises AtTheAgency for what the contract with agencies has no call for."""
        if self.is_at_agency(application.subject):
            states.after(Status(application.status), action)
            raise self._agencies.refuse(application)

    def seal_answers(self, application: UUID, answers: Mapping[str, Any]) -> bytes:
        return self._keys.seal(orjson.dumps(answers), bound_to=_answers_binding(application))

    def answers_of(self, application: Application) -> dict[str, Any]:
        """What the applicant answered: personal."""
        plain = self._keys.open(application.answers_sealed, bound_to=_answers_binding(application.id))
        return orjson.loads(plain)  # type: ignore[no-any-return]


def _answers_binding(application: UUID) -> str:
    return f"application.answers:{application.hex}"
