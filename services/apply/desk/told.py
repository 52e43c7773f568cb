"""What the interface for officers' screens answers: the shapes, and how they are filled. Texts in both languages."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from core.text import Text
from services.apply.desk.queue import Line
from services.apply.desk.showing import Shown


class _Told(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Words(_Told):
    th: str
    en: str


class LineTold(_Told):
    """A line of the queue. It names nobody."""

    id: str
    """32 hex digits."""
    subject: str
    """`programme:<slug>` or `service:<slug>`."""
    title: Words
    status: str
    turn: str
    version: int
    submitted_at: str = Field(alias="submittedAt")
    due_on: str | None = Field(alias="dueOn")
    overdue: bool
    mine: bool
    claimed_until: str | None = Field(alias="claimedUntil")
    proposal: str | None
    """One that waits for a second officer."""


class ApplicationsAnswer(_Told):
    applications: list[LineTold]
    after: str | None
    """For the next page."""


class FactTold(_Told):
    name: str
    title: Words
    value: Any
    source: str | None
    as_of: str | None = Field(alias="asOf")
    state: str | None


class MissingTold(_Told):
    """A fact that nobody could say."""

    name: str
    title: Words
    held_by: str = Field(alias="heldBy")
    agency: str | None
    why: str | None
    """`SILENT` (ask again later), `NOT_KNOWN`, `NO_SOURCE`; null of what the citizen is to say."""


class EvidenceTold(_Told):
    id: str
    media_type: str = Field(alias="mediaType")
    bytes: int
    uploaded_at: str = Field(alias="uploadedAt")


class CaseAnswer(_Told):
    """One case."""

    application: LineTold
    national_id: str = Field(alias="nationalId")
    facts: list[FactTold]
    law_says: str | None = Field(alias="lawSays")
    unread: str | None
    missing: list[MissingTold]
    reasons: list[dict[str, Any]]
    answers: dict[str, Any]
    grounds: str | None
    evidence: list[EvidenceTold]
    history: list[dict[str, Any]]
    questions: list[dict[str, Any]]
    proposals: list[dict[str, Any]]
    notes: list[dict[str, Any]]


def line_told(line: Line) -> dict[str, Any]:
    return {
        "id": line.id.hex,
        "subject": line.subject,
        "title": _words(line.title),
        "status": line.status.value,
        "turn": line.turn.value,
        "version": line.version,
        "submittedAt": line.submitted_at.isoformat(),
        "dueOn": None if line.due_on is None else line.due_on.isoformat(),
        "overdue": line.overdue,
        "mine": line.mine,
        "claimedUntil": None if line.claimed_until is None else line.claimed_until.isoformat(),
        "proposal": None if line.proposal is None else line.proposal.hex,
    }


def case_told(line: Line, shown: Shown) -> dict[str, Any]:
    return {
        "application": line_told(line),
        "nationalId": shown.national_id.digits,
        "facts": [
            {
                "name": one.name,
                "title": _words(one.title),
                "value": one.value,
                "source": one.source,
                "asOf": one.as_of,
                "state": one.state,
            }
            for one in shown.facts
        ],
        "lawSays": shown.law_says,
        "unread": shown.unread,
        "missing": [_missing(one) for one in shown.missing],
        "reasons": [{name: one[name] for name in ("condition", "th", "en", "outcome", "law")} for one in shown.reasons],
        "answers": dict(shown.answers),
        "grounds": shown.grounds,
        "evidence": [
            {
                "id": one.id.hex,
                "mediaType": one.media_type,
                "bytes": one.size,
                "uploadedAt": one.uploaded_at.isoformat(),
            }
            for one in shown.evidence
        ],
        "history": [
            {
                "at": one.at.isoformat(),
                "action": one.action,
                "status": one.status,
                "byOfficer": one.officer is not None,
                "cause": one.cause,
            }
            for one in shown.history
        ],
        "questions": [
            {
                "wanted": one.row.wanted,
                "why": [_words(why) for why in one.why],
                "officer": _words(shown.names[one.row.officer]),
                "askedAt": one.row.asked_at.isoformat(),
                "answeredAt": None if one.row.answered_at is None else one.row.answered_at.isoformat(),
            }
            for one in shown.questions
        ],
        "proposals": [_proposal(shown, one) for one in shown.decisions],
        "notes": [
            {"officer": _words(shown.names[row.officer]), "at": row.at.isoformat(), "text": said}
            for row, said in shown.notes
        ],
    }


def _missing(one: Any) -> dict[str, Any]:
    return {
        "name": one.attribute,
        "title": _words(one.title),
        "heldBy": one.held_by.value,
        "agency": one.agency,
        "why": None if one.why is None else one.why.value,
    }


def _proposal(shown: Shown, one: Any) -> dict[str, Any]:
    row = one.row
    return {
        "id": row.id.hex,
        "outcome": row.outcome,
        "pays": row.pays,
        "reason": None if one.reason is None else _words(one.reason),
        "law": None if one.law is None else _words(one.law),
        "findings": dict(one.findings),
        "maker": _words(shown.names[row.maker]),
        "madeAt": row.made_at.isoformat(),
        "checker": None if row.checker is None else _words(shown.names[row.checker]),
        "closedAt": None if row.closed_at is None else row.closed_at.isoformat(),
        "result": row.result,
    }


def _words(text: Text) -> dict[str, str]:
    return {"th": text.th, "en": text.en}
