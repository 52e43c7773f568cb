"""The officers' desk in the graph, for an officer's own token."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final, Self
from uuid import UUID

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from core.errors import BadInput, NotFound, NotSignedIn, SitthiError
from core.graph import (
    Access,
    Connection,
    Delegate,
    Info,
    Problem,
    connection,
    field,
    global_id,
    localized,
    mutation,
    page_size,
    read_cursor,
    work_of,
)
from core.ids import GlobalId, MalformedGlobalId
from core.text import Text
from identity.officers import Officer
from services.apply.desk import acts, showing
from services.apply.desk.acts import Act
from services.apply.desk.queue import Line, Queue, line_of, place_of, written
from services.apply.desk.service import CaseDesk
from services.apply.desk.showing import CaseLooks, Shown
from services.apply.life_graph import ApplicationStep
from services.apply.states import Status, Turn
from services.exchange.graph.fields import described

OFFICER: Final = "desk.officer"
"""Where the edge puts the officer behind the request (`Context.memo`)."""
EVIDENCE_PATH: Final = "/agency/v1/applications/{application}/evidence/{evidence}"


def officer_of(info: Info) -> Officer:
    """Raises NotSignedIn for who does not come as an officer."""
    officer: Officer | None = info.context.memo.get(OFFICER)
    if officer is None:
        raise NotSignedIn
    return officer


@strawberry.type(description="A line of the queue. It names nobody.")
class QueuedCase:
    line: strawberry.Private[Line]
    id: strawberry.ID = strawberry.field(description="Of the application.")
    subject: str
    status: Status
    turn: Turn
    version: int = strawberry.field(description="Grows with each change; an act that names it fails on another one.")
    submitted_at: datetime
    due_on: date | None = strawberry.field(description="The last day of the turn, in Thai working days.")
    overdue: bool
    mine: bool = strawberry.field(description="Whether it is in the hands of the officer who asks.")
    claimed_until: datetime | None = strawberry.field(description="Till then it is in an officer's hands.")
    proposal: strawberry.ID | None = strawberry.field(description="One that waits for a second officer.")

    @classmethod
    def of(cls, line: Line) -> QueuedCase:
        return cls(
            line=line,
            id=global_id("Application", line.id),
            subject=line.subject,
            status=line.status,
            turn=line.turn,
            version=line.version,
            submitted_at=line.submitted_at,
            due_on=line.due_on,
            overdue=line.overdue,
            mine=line.mine,
            claimed_until=line.claimed_until,
            proposal=None if line.proposal is None else global_id("DeskDecision", line.proposal),
        )

    @strawberry.field
    def title(self, info: Info) -> str:
        return localized(info, self.line.title)


@strawberry.type(description="A fact of the case: as the decision read it, or as it is read now of what is undecided.")
class CaseFact:
    name: str
    title: str
    value: JSON | None = strawberry.field(description="Null where nobody could tell.")
    source: str | None = strawberry.field(description="Slug of the agency that said it, or `citizen`.")
    as_of: str | None
    state: str | None


@strawberry.type(description="A condition of the law, or an officer's reason.")
class CaseReason:
    text: str
    outcome: str = strawberry.field(description="MET, UNMET or UNKNOWN.")
    law: str


@strawberry.type(description="A file that the citizen sent. It is opened at `path`, which stands in their access log.")
class CaseEvidence:
    id: strawberry.ID
    media_type: str
    bytes: int
    uploaded_at: datetime
    path: str


@strawberry.type(description="What an officer asked the citizen for.")
class CaseQuestion:
    wanted: list[str] = strawberry.field(description="Names of facts.")
    why: list[str]
    officer: str
    asked_at: datetime
    answered_at: datetime | None


@strawberry.type(description="What an officer decided or proposed.")
class CaseProposal:
    id: strawberry.ID
    outcome: str
    pays: bool
    reason: str | None
    law: str | None
    findings: JSON
    maker: str
    made_at: datetime
    checker: str | None
    closed_at: datetime | None
    result: str | None = strawberry.field(description="DONE, GIVEN_BACK, OUTDATED; null while it waits.")


@strawberry.type(description="An officer's note for colleagues. The citizen has it in the copy of their data.")
class CaseNote:
    officer: str
    at: datetime
    text: str | None


@strawberry.type(description="One case. Opening it stands in the citizen's access log, with agency and purpose.")
class DeskCase:
    shown: strawberry.Private[Shown]
    case: QueuedCase
    national_id: str
    law_says: str | None = strawberry.field(
        description="GRANTED, REFUSED or NEEDS_INFORMATION on the facts of now; null where it is decided."
    )
    unread: str | None = strawberry.field(description="Why the facts of now could not be read.")
    answers: JSON = strawberry.field(description="What only the citizen knows, in their own word.")
    grounds: str | None = strawberry.field(description="Of the open appeal, in the citizen's words.")

    @classmethod
    def of(cls, line: Line, shown: Shown) -> DeskCase:
        return cls(
            shown=shown,
            case=QueuedCase.of(line),
            national_id=shown.national_id.digits,
            law_says=shown.law_says,
            unread=shown.unread,
            answers=JSON(dict(shown.answers)),
            grounds=shown.grounds,
        )

    @strawberry.field
    def facts(self, info: Info) -> list[CaseFact]:
        return [
            CaseFact(
                name=one.name,
                title=localized(info, one.title),
                value=one.value,
                source=one.source,
                as_of=one.as_of,
                state=one.state,
            )
            for one in self.shown.facts
        ]

    @strawberry.field
    def reasons(self, info: Info) -> list[CaseReason]:
        return [
            CaseReason(
                text=localized(info, Text(th=one["th"], en=one["en"])),
                outcome=one["outcome"],
                law=localized(info, Text(**one["law"])),
            )
            for one in self.shown.reasons
        ]

    @strawberry.field
    def evidence(self) -> list[CaseEvidence]:
        application = self.shown.row.id.hex
        return [
            CaseEvidence(
                id=global_id("Evidence", one.id),
                media_type=one.media_type,
                bytes=one.size,
                uploaded_at=one.uploaded_at,
                path=EVIDENCE_PATH.format(application=application, evidence=one.id.hex),
            )
            for one in self.shown.evidence
        ]

    @strawberry.field
    def history(self) -> list[ApplicationStep]:
        return [ApplicationStep.of(one) for one in self.shown.history]

    @strawberry.field
    def questions(self, info: Info) -> list[CaseQuestion]:
        return [
            CaseQuestion(
                wanted=[item["attribute"] for item in one.row.wanted],
                why=[localized(info, why) for why in one.why],
                officer=_name(info, self.shown, one.row.officer),
                asked_at=one.row.asked_at,
                answered_at=one.row.answered_at,
            )
            for one in self.shown.questions
        ]

    @described("Decisions and proposals of officers, oldest first.")
    def proposals(self, info: Info) -> list[CaseProposal]:
        return [_proposal(info, self.shown, one) for one in self.shown.decisions]

    @strawberry.field
    def notes(self, info: Info) -> list[CaseNote]:
        return [
            CaseNote(officer=_name(info, self.shown, row.officer), at=row.at, text=said)
            for row, said in self.shown.notes
        ]


def _name(info: Info, shown: Shown, officer: UUID) -> str:
    return localized(info, shown.names[officer])


def _proposal(info: Info, shown: Shown, one: showing.ShownDecision) -> CaseProposal:
    row = one.row
    return CaseProposal(
        id=global_id("DeskDecision", row.id),
        outcome=row.outcome,
        pays=row.pays,
        reason=None if one.reason is None else localized(info, one.reason),
        law=None if one.law is None else localized(info, one.law),
        findings=JSON(dict(one.findings)),
        maker=_name(info, shown, row.maker),
        made_at=row.made_at,
        checker=None if row.checker is None else _name(info, shown, row.checker),
        closed_at=row.closed_at,
        result=row.result,
    )


@strawberry.type(description="The applications that the officer's agency decides.")
class OfficersDesk:
    @described("What is due first comes first; of the agency's turn, unless `status` or `turn` say otherwise.")
    async def queue(
        self,
        info: Info,
        status: list[Status] | None = None,
        turn: Turn | None = None,
        subject: str | None = None,
        due_until: date | None = None,
        mine: bool = False,
        free: bool = False,
        proposed: bool = False,
        first: int | None = None,
        after: str | None = None,
    ) -> Connection[QueuedCase]:
        size, begin = page_size(first), read_cursor(after)
        wanted = Queue(status, turn, subject, due_until, mine=mine, free=free, proposed=proposed)
        desk, officer = info.context.room(CaseDesk), officer_of(info)
        lines = await wanted.read(info.context.db, info.context.clock, desk, officer, place_of(begin), size + 1)
        return connection(Connection[QueuedCase], lines, size, key=written, node=QueuedCase.of)

    @described("One case, for who may look at it; another agency's is null, as what never was.")
    async def case(self, info: Info, id: strawberry.ID) -> DeskCase | None:
        officer, key = officer_of(info), _application(id)
        try:
            shown = await info.context.room(CaseLooks).show(officer, key, request=info.context.request_id)
        except NotFound:
            return None
        return DeskCase.of(await _line(info, key), shown)


@strawberry.type(description="The officer who asks.")
class OfficerWhoAsks:
    agency: str = strawberry.field(description="Slug.")
    roles: list[str]

    @strawberry.field
    def name(self, info: Info) -> str:
        return localized(info, officer_of(info).name)

    @strawberry.field
    def desk(self) -> OfficersDesk:
        return OfficersDesk()


@strawberry.type
class DeskQuery:
    @field(Access.OFFICER, description="The officer who asks, by a token for `/officer`; null for everybody else.")
    def officer(self, info: Info) -> OfficerWhoAsks | None:
        officer: Officer | None = info.context.memo.get(OFFICER)
        return None if officer is None else OfficerWhoAsks(agency=officer.agency, roles=sorted(officer.roles))


@strawberry.input
class ReferCaseInput:
    to: strawberry.ID = strawberry.field(description="The colleague's key, 32 hex digits.")


@strawberry.input
class NoteOnCaseInput:
    text: str


@strawberry.input
class WantedInput:
    attribute: str
    why: str = strawberry.field(description="In Thai, for the citizen.")
    why_en: str | None = None


@strawberry.input
class AskApplicantInput:
    wanted: list[WantedInput]


@strawberry.input(description="Reason and law for the citizen, Thai first.")
class OfficersDecisionInput:
    reason: str
    law: str
    reason_en: str | None = None
    law_en: str | None = None
    findings: JSON | None = strawberry.field(default=None, description="By attribute: found by evidence.")


@strawberry.input
class CheckProposalInput:
    proposal: strawberry.ID


@strawberry.input
class GiveBackInput:
    proposal: strawberry.ID
    reason: str


@strawberry.input(one_of=True, description="One of them.")
class CaseActInput:
    claim: bool | None = strawberry.field(default=UNSET, description="`true`.")
    release: bool | None = strawberry.field(default=UNSET, description="`true`: back into the queue.")
    refer: ReferCaseInput | None = UNSET
    note: NoteOnCaseInput | None = UNSET
    ask: AskApplicantInput | None = UNSET
    propose: OfficersDecisionInput | None = strawberry.field(
        default=UNSET, description="A grant. One that pays waits for a second officer."
    )
    refuse: OfficersDecisionInput | None = UNSET
    approve: CheckProposalInput | None = UNSET
    give_back: GiveBackInput | None = UNSET


@strawberry.input
class WorkOnCaseInput:
    case: strawberry.ID
    act: CaseActInput
    idempotency_key: str
    version: int | None = strawberry.field(default=None, description="As the officer saw it.")


@strawberry.type
class WorkOnCasePayload:
    case: QueuedCase | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(case=QueuedCase.of(await _line(info, UUID(hex=kept["case"]))))


@strawberry.type
class DeskMutation:
    @mutation(
        WorkOnCasePayload,
        delegate=Delegate.NOTHING,
        access=Access.OFFICER,
        keyed=True,
        description="What an officer does about a case of their agency, by a token for `/officer`.",
    )
    async def work_on_case(self, info: Info, input: WorkOnCaseInput) -> WorkOnCasePayload:
        desk, officer, work = info.context.room(CaseDesk), officer_of(info), work_of(info)
        key, request = _application(input.case), info.context.request_id
        ready = await desk.prepare(officer, key, _act(input.act), seen=input.version, request=request)
        async with work.transaction() as session:
            row = await desk.perform(session, ready)
            work.keep(case=row.id.hex)
        return WorkOnCasePayload(case=QueuedCase.of(await _line(info, key)))


async def _line(info: Info, key: UUID) -> Line:
    return await line_of(info.context.db, info.context.clock, info.context.room(CaseDesk), officer_of(info), key)


def _act(given: CaseActInput) -> Act:
    """Raises BadInput."""
    chosen: Mapping[str, Any] = {name: value for name, value in vars(given).items() if value is not UNSET and value}
    if len(chosen) != 1:
        raise BadInput(Text(th="ระบุการกระทำหนึ่งอย่าง", en="name one act"), path=("act",))
    [(name, value)] = chosen.items()
    match name:
        case "claim":
            return acts.Claim()
        case "release":
            return acts.Release()
        case "refer":
            return acts.Refer(_officer(str(value.to)))
        case "note":
            return acts.note(value.text)
        case "ask":
            wanted = [{"attribute": w.attribute, "why": w.why, "whyEn": w.why_en} for w in value.wanted]
            return acts.ask(wanted)
        case "propose" | "refuse":
            reason, law = (value.reason, value.reason_en), (value.law, value.law_en)
            return acts.decide(name == "propose", reason, law, value.findings)
        case "approve":
            return acts.Approve(_key(value.proposal, "DeskDecision", "proposal"))
        case _:
            return acts.give_back(_key(value.proposal, "DeskDecision", "proposal"), value.reason)


def _application(given: strawberry.ID) -> UUID:
    return _key(given, "Application", "case")


def _key(given: strawberry.ID, kind: str, path: str) -> UUID:
    try:
        return GlobalId.parse(str(given), expected=kind).id
    except SitthiError:
        raise MalformedGlobalId(path=(path,)) from None


def _officer(given: str) -> UUID:
    try:
        return UUID(hex=given)
    except ValueError:
        raise NotFound(path=("refer", "to")) from None
