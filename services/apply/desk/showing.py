"""One case, as an officer sees it. Whoever opens it stands in the citizen's access log, with agency and purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from core.clock import Clock
from core.crypto import KeyRing, SealBroken
from core.database import Database
from core.errors import NotFound, SitthiError
from core.ids import NationalId
from core.sealed import bound_to
from core.text import Text
from identity.officers import Officer, OfficerRegister
from services.apply import repository as applications
from services.apply.deciding import Missing, Outcome
from services.apply.desk import repository
from services.apply.desk.declaring import Declarations
from services.apply.desk.errors import TiesUnknown
from services.apply.desk.models import DeskCase, DeskDecision, DeskNote, DeskQuestion
from services.apply.desk.service import CaseDesk
from services.apply.desk.words import Words
from services.apply.evidence.models import Evidence
from services.apply.evidence.service import EvidenceDesk
from services.apply.models import Application, ApplicationEvent
from services.apply.records import DecisionRecords
from services.apply.service import ApplyService
from services.apply.states import Status
from services.exchange.catalogue import Catalogue
from services.exchange.facts import Gate

PURPOSE: Final = "application-desk"
_UNDECIDED: Final = frozenset({Status.SUBMITTED, Status.NEEDS_INFORMATION})


@dataclass(frozen=True, slots=True, repr=False)
class ShownFact:
    """A fact as the decision read it, or as it is read now of what is not decided."""

    name: str
    title: Text
    value: Any
    """JSON; None where nobody could tell."""
    source: str | None
    as_of: str | None
    state: str | None


@dataclass(frozen=True, slots=True, repr=False)
class ShownQuestion:
    row: DeskQuestion
    why: Sequence[Text]


@dataclass(frozen=True, slots=True, repr=False)
class ShownDecision:
    row: DeskDecision
    reason: Text | None
    law: Text | None
    findings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Shown:
    """The whole of a case. Texts are None, and facts few, where something was erased."""

    row: Application
    case: DeskCase | None
    national_id: NationalId
    facts: Sequence[ShownFact]
    law_says: str | None
    """What the law comes to on the facts of now; None where it is decided, and where nobody could be asked."""
    unread: str | None
    """Why the facts of now could not be read: a code."""
    missing: Sequence[Missing]
    """What nobody could say, by whom it is held and why; of what is decided, nothing."""
    reasons: Sequence[Mapping[str, Any]]
    answers: Mapping[str, Any]
    grounds: str | None
    """Of the appeal that is open, in the citizen's own words."""
    evidence: Sequence[Evidence]
    history: Sequence[ApplicationEvent]
    questions: Sequence[ShownQuestion]
    decisions: Sequence[ShownDecision]
    notes: Sequence[tuple[DeskNote, str | None]]
    names: Mapping[UUID, Text]
    """Of the officers who are named in it."""


@dataclass(frozen=True, slots=True, repr=False)
class OpenedEvidence:
    row: Evidence
    content: bytes
    watermark: str
    """Who opened it, and when: goes out with it."""


class CaseLooks:
    """Opens its own sessions: it is an edge, as the gate that it asks must not be asked inside a transaction."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        desk: CaseDesk,
        apply: ApplyService,
        gate: Gate,
        catalogue: Catalogue,
        evidence: EvidenceDesk,
        officers: OfficerRegister,
        declarations: Declarations,
    ) -> None:
        self._declarations = declarations
        self._db, self._clock, self._keys, self._desk, self._apply = db, clock, keys, desk, apply
        self._gate, self._catalogue, self._evidence, self._officers = gate, catalogue, evidence, officers
        self._records, self._words = DecisionRecords(keys), Words(keys)

    async def show(
        self, officer: Officer, key: UUID, *, request: UUID | None = None, declaration: str | None = None
    ) -> Shown:
        """`declaration`: why the officer, who says that they are not near, looks although nobody can say so now.

        Raises NotFound, RoleMissing, StepUpRequired, LookRefused; ConflictOfInterest, since what somebody applied
        for is not for whoever they live with to read at work; TiesUnknown while nobody can say who that is, and with a
        declaration BadInput."""
        row = await self._desk.find(officer, key)
        try:
            await self._desk.refuse_near(officer, row)
        except TiesUnknown:
            if declaration is None:
                raise
            await self._declarations.declare(officer, row, declaration)
        now = await self._as_of_now(officer, row, request)

        async def read(person: NationalId) -> Shown:
            return await self._read(row, person, now)

        if row.beneficiary != row.person:
            await self._look(officer, row, row.beneficiary, "application", _nothing, request)
        shown: Shown = await self._look(officer, row, row.person, "application", read, request)
        return shown

    async def open_evidence(
        self, officer: Officer, key: UUID, evidence: UUID, *, request: UUID | None = None
    ) -> OpenedEvidence:
        """A file that a scanner passed, of this very case. Raises as :meth:`show`, and SealBroken."""
        row = await self._desk.find(officer, key)
        await self._desk.refuse_near(officer, row)
        found = next((one for one in await self._evidence.for_officers(row) if one.id == evidence), None)
        if found is None:
            raise NotFound

        async def read(_: NationalId) -> bytes:
            return await self._evidence.content(found)

        content: bytes = await self._look(officer, row, row.person, "evidence", read, request)
        at = self._clock.now().isoformat(timespec="seconds")
        return OpenedEvidence(found, content, f"{officer.agency}/{officer.person.hex}; {at}; {found.id.hex}")

    async def _look(
        self, officer: Officer, row: Application, subject: UUID, what: str, read: Any, request: UUID | None
    ) -> Any:
        asker = replace(self._desk.asker(officer, row, request), applicant=None)
        purpose = self._catalogue.purposes[PURPOSE].purpose
        return await self._gate.look(
            subject, f"{officer.agency}:{what}", officer.agency, read, asker=asker, purpose=purpose
        )

    async def _as_of_now(self, officer: Officer, row: Application, request: UUID | None) -> Any:
        """What the law says now of what is not decided; the code of what stood in the way."""
        if Status(row.status) not in _UNDECIDED:
            return None
        try:
            asker = self._desk.asker(officer, row, request)
            return (await self._apply.prepare_at_desk(row, asker, {})).prepared
        except SitthiError as error:
            return error.code

    async def _read(self, row: Application, person: NationalId, now: Any) -> Shown:
        async with self._db.read() as session:
            last = await applications.last_decision(session, row.id)
            record: Mapping[str, Any] = {}
            reasons: Sequence[Mapping[str, Any]] = ()
            if last is not None and (now is None or isinstance(now, str)):
                reasons = last.reasons
                try:
                    record = await self._records.opened(session, last)
                except SealBroken:  # erased
                    record = {}
            elif now is not None and not isinstance(now, str):
                record, reasons = now.record, now.reasons
            appeal = await repository.open_appeal(session, row.person, row.id)
            notes = await repository.notes(session, row.person, row.id)
            questions = await repository.questions(session, row.person, [row.id])
            decisions = await repository.decisions(session, row.person, row.id)
            case = await repository.case(session, row.person, row.id)
            history = (await applications.events(session, row.person, [row.id]))[row.id]
            grounds = None
            if appeal is not None:
                grounds = self._keys.open(appeal.grounds_sealed, bound_to=f"appeal.grounds:{appeal.id.hex}").decode()
            told_notes = [
                (
                    one,
                    await self._words.open(
                        session, row.person, one.text_sealed, place=bound_to(DeskNote.text_sealed, one.id)
                    ),
                )
                for one in notes
            ]
            told_questions = [await self._question(session, one) for one in questions]
            told_decisions = [await self._decision(session, one) for one in decisions]
            people = {one.officer for one in notes} | {one.officer for one in questions}
            people |= {one for d in decisions for one in (d.maker, d.checker) if one is not None}
            people |= {case.handler} if case is not None and case.handler is not None else set()
            names = {one: await self._officers.name_of(session, one) for one in sorted(people)}
        evidence = await self._evidence.for_officers(row)
        decided_now = None if now is None or isinstance(now, str) else now.outcome
        return Shown(
            row,
            case,
            person,
            [*_facts(record, "facts", ""), *_facts(record, "child", "child.")],
            decided_now.value if isinstance(decided_now, Outcome) else None,
            now if isinstance(now, str) else None,
            [Missing.read(one) for one in row.missing] if now is None or isinstance(now, str) else now.missing,
            reasons,
            self._apply.answers_of(row),
            grounds,
            evidence,
            history,
            told_questions,
            told_decisions,
            told_notes,
            names,
        )

    async def _question(self, session: Any, row: DeskQuestion) -> ShownQuestion:
        why = await self._words.open(
            session, row.person, row.why_sealed, place=bound_to(DeskQuestion.why_sealed, row.id)
        )
        return ShownQuestion(row, [Text(**one) for one in why or ()])

    async def _decision(self, session: Any, row: DeskDecision) -> ShownDecision:
        said = await self._words.open(
            session, row.person, row.words_sealed, place=bound_to(DeskDecision.words_sealed, row.id)
        )
        if said is None:
            return ShownDecision(row, None, None, {})
        return ShownDecision(row, Text(**said["reason"]), Text(**said["law"]), said["findings"])


async def _nothing(_: NationalId) -> None:
    return None


def _facts(record: Mapping[str, Any], group: str, prefix: str) -> list[ShownFact]:
    return [
        ShownFact(
            prefix + name,
            Text(th=told["th"], en=told["en"]),
            told["value"],
            told.get("source"),
            told.get("as_of"),
            told.get("state"),
        )
        for name, told in (record.get(group) or {}).items()
        if isinstance(told, Mapping)
    ]
