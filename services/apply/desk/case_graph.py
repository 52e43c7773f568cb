"""A case in the graph, as an officer sees it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from core.graph import Info, global_id, localized
from core.text import Text
from services.apply.deciding import Holder
from services.apply.desk import showing
from services.apply.desk.queue import Line
from services.apply.desk.showing import Shown
from services.apply.life_graph import ApplicationStep
from services.apply.states import Status, Turn
from services.exchange.facts import Lack
from services.exchange.graph.fields import described

EVIDENCE_PATH: Final = "/agency/v1/applications/{application}/evidence/{evidence}"


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


@strawberry.type(description="A fact that nobody could say.")
class CaseMissing:
    name: str
    title: str
    held_by: Holder
    agency: str | None = strawberry.field(description="Slug of the agency that holds it.")
    why: Lack | None = strawberry.field(description="SILENT: ask again later. Null of what the citizen is to say.")


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

    @described("What nobody could say: by whom it is held, and why it is missing.")
    def missing(self, info: Info) -> list[CaseMissing]:
        return [
            CaseMissing(
                name=one.attribute,
                title=localized(info, one.title),
                held_by=one.held_by,
                agency=one.agency,
                why=one.why,
            )
            for one in self.shown.missing
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
