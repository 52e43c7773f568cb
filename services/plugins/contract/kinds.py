"""The eight kinds of operation: what a function of each is asked, and what it answers.

What a function is asked stands in :attr:`Call.arguments`, as JSON; what it answers is JSON-like, under the names given
here. Whoever it is about is `Call.person`, or `Call.people`.

| kind | arguments | answer | effect |
|---|---|---|---|
| `query` | those of its GraphQL field | what the SDL says | no |
| `source` | `{"attributes": [...]}` | attribute → `Known`; with `batch` by person | no |
| `submit` | `{"application": Application}` | :class:`ApplicationState` | yes |
| `status` | `{"reference": "..."}` | :class:`ApplicationState` | no |
| `cancel` | `{"reference": "..."}` | :class:`ApplicationState` | yes |
| `ingest` | `{"records": [...]}` | :class:`Taken` | yes |
| `issue` | those of the request, in own words | :class:`Document`, :class:`Paper` or :class:`Credential` | yes |
| `notify` | `{"event": Event}` | null | yes |

A call with an effect carries an idempotency key (:attr:`Call.key`): it may come again, and has its effect once.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    StringConstraints,
    model_validator,
)

from core.ids import MalformedNationalId, NationalId
from services.plugins.contract.manifest import (
    AWARD_SATANG_MAX,
    DOCUMENT_BYTES_MAX,
    ErrorCode,
    EventKind,
    FieldName,
    OperationKind,
)
from services.plugins.contract.titles import Titles

EFFECTS: Final = frozenset(
    {OperationKind.SUBMIT, OperationKind.CANCEL, OperationKind.INGEST, OperationKind.ISSUE, OperationKind.NOTIFY}
)
"""Kinds whose calls change something at the agency."""
RECORDS_DEFAULT: Final = 100
ATTACHMENT_BYTES_MAX: Final = 1_000_000
PAPER_DATA_BYTES_MAX: Final = 256_000
TOLD_BYTES_MAX: Final = 4_000
OTHER: Final = r"^[A-Za-z0-9][A-Za-z0-9 .:/#+-]{0,59}$"
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/-]{1,100}$")]


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("it lies outside all calendars") from None


def _of_a_person(digits: str) -> str:
    try:
        return NationalId(digits).digits
    except MalformedNationalId:
        raise ValueError("it is no national ID") from None


def _unpacked(content: object) -> object:
    """Of text, what it says in base64; bytes are what they are."""
    if not isinstance(content, str):
        return content
    if len(content) > DOCUMENT_BYTES_MAX * 4 // 3 + 4:
        raise ValueError("it is too large")
    return base64.b64decode(content.encode("ascii"), validate=True)


def _nobodys_number(name: str) -> str:
    if re.search("[0-9]{10}", name):
        raise ValueError("it holds a number that somebody may be known by")
    return name


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Content = Annotated[
    bytes,
    BeforeValidator(_unpacked),
    PlainSerializer(lambda content: base64.b64encode(content).decode(), return_type=str, when_used="json"),
]


class _Document(BaseModel):
    # not strict: what comes from a remote plugin is JSON, where an instant is a text and bytes are base64
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class Application(_Document):
    """An application to the service, as the host hands it over."""

    id: str
    """The same for ever; it is the idempotency key of its `submit`."""
    submitted_at: Instant = Field(alias="submittedAt")
    answers: dict[str, Any]
    """What the citizen answered, by the properties of the form."""
    facts: dict[str, Any]
    """What the state knows, by attribute, in the wire's form of a value; null where there is none. One that could not
    be had is absent."""


class State(StrEnum):
    """How far an application is at the agency."""

    RECEIVED = "RECEIVED"
    IN_PROGRESS = "IN_PROGRESS"
    NEEDS_SUPPLEMENT = "NEEDS_SUPPLEMENT"
    """The turn is the citizen's; `note` says what is missing."""
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    """`note` says why."""
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        return self in (State.APPROVED, State.REJECTED, State.CANCELLED)


class PaymentRequest(_Document):
    """What the citizen owes for the application. The host takes the payment; no plugin does."""

    satang: int = Field(ge=1, le=10_000_000_00, strict=True)
    text: Titles


class ApplicationState(_Document):
    """What a `submit`, a `status` and a `cancel` answer."""

    reference: Reference
    """The agency's own number of the application; the same in every answer about it."""
    state: State
    at: Instant
    """Since when."""
    note: Titles | None = None
    payment: PaymentRequest | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.state in (State.NEEDS_SUPPLEMENT, State.REJECTED) and self.note is None:
            raise ValueError(f"{self.state} needs a `note`")
        return self


class Rejected(_Document):
    """A record that was not taken: which (from 0), a declared error, and where in the record."""

    record: int = Field(ge=0, strict=True)
    code: ErrorCode
    path: str | None = Field(default=None, max_length=200)
    computed: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,6}(\.[0-9]{1,4})?$")] | None = None
    """What it comes to instead of what stands at `path`, where that is a total or an average; too short for a number
    that somebody is known by."""
    other: Annotated[str, StringConstraints(pattern=OTHER), AfterValidator(_nobodys_number)] | None = None
    """What it does not go with, by a name of the plugin's own: whose, of which day."""


class Told(_Document):
    """What the sender is told of a record that was taken: by which number it is known, how far it is."""

    record: int = Field(ge=0, strict=True)
    answer: dict[str, JsonValue] = Field(min_length=1, max_length=40)
    """Plain JSON, 4,000 bytes at most."""

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if len(json.dumps(self.answer, ensure_ascii=False).encode(errors="replace")) > TOLD_BYTES_MAX:
            raise ValueError("`answer` is too large")
        return self


class Award(_Document):
    """Money that a record leads to: the host owes it to a citizen, once, and the agency's officers pay it."""

    record: int = Field(ge=0, strict=True)
    """The record because of which; one that was not rejected."""
    reference: Reference
    """The plugin's own: the same one is the same award, and of the same person and amount, however often it comes."""
    pid: Annotated[str, AfterValidator(_of_a_person)] = Field(repr=False)
    """The national ID of whoever is paid."""
    satang: int = Field(ge=1, le=AWARD_SATANG_MAX, strict=True)
    title: Titles
    """What it is, as the citizen reads it beside the payment: nothing of their health in it."""
    law: Titles
    """By which law it is due."""
    since: date
    """From which day on that law says so: the version by which the amount was found."""
    instead_of: Reference | None = Field(default=None, alias="insteadOf")
    """An earlier award of the plugin, of as much, that came back and is owed no more once this one is: another is paid.
    The host refuses the record while that one's money is on its way, and where it was paid or replaced."""


class Notice(_Document):
    """Word of a record to a citizen, in words of the manifest: the host puts it into their inbox, once."""

    record: int = Field(ge=0, strict=True)
    """The record of which they are told; one that was not rejected."""
    notice: FieldName
    """Which of the operation's `notices`."""
    reference: Reference
    """The plugin's own: of the same one a citizen is told once, however often it comes."""
    pid: Annotated[str, AfterValidator(_of_a_person)] = Field(repr=False)
    """The national ID of whoever is told."""
    day: date | None = None
    """What `{day}` stands for, where the words have it."""


class Taken(_Document):
    """What an `ingest` answers: every record that is not rejected is kept for good."""

    rejected: list[Rejected] = Field(default_factory=list)
    told: list[Told] = Field(default_factory=list)
    awards: list[Award] = Field(default_factory=list)
    notices: list[Notice] = Field(default_factory=list)


class Document(_Document):
    """What an `issue` answers: a document for the citizen."""

    name: Annotated[str, StringConstraints(pattern=r"^[^/\\\x00-\x1f]{1,120}$")]
    """A file name."""
    media_type: Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]{1,80}$")] = Field(alias="mediaType")
    title: Titles
    content: Content = Field(min_length=1, max_length=DOCUMENT_BYTES_MAX)
    """Bytes; where it is text, as in JSON, they are in base64 (RFC 4648 §4)."""


class Credential(_Document):
    """What an `issue` answers that a manifest names in `credentials`: claims, which the host signs for the agency."""

    claims: dict[str, JsonValue] = Field(min_length=1, max_length=100)
    """By the names in the manifest; one that does not apply to the citizen is left out. A date is its ISO 8601 text."""
    valid_until: Instant | None = Field(default=None, alias="validUntil")
    """If it ends before the manifest's `days` are over."""


class Relationship(StrEnum):
    """What a file within a PDF is to the page (ISO 19005-3, `AFRelationship`)."""

    SOURCE = "source"
    """What the page was made from: where the two differ, it holds. Its digest is in the paper's QR code."""
    DATA = "data"
    ALTERNATIVE = "alternative"
    SUPPLEMENT = "supplement"


class Attachment(_Document):
    """A file within a :class:`Paper`."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
    media_type: Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]{1,80}$")] = Field(alias="mediaType")
    relationship: Relationship
    title: Titles
    content: Content = Field(min_length=1, max_length=ATTACHMENT_BYTES_MAX)


class Paper(_Document):
    """What an `issue` answers whose document the host is to make: of a template of the plugin's folder,
    `documents/{template}.typ`, as a PDF/A-3 that it signs for the agency (PAdES). The citizen gets a document."""

    template: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
    name: Annotated[str, StringConstraints(pattern=r"^[^/\\\x00-\x1f]{1,116}\.pdf$")]
    """A file name."""
    title: Titles
    data: dict[str, JsonValue] = Field(default_factory=dict)
    """What the template shows, 256,000 bytes of JSON at most."""
    attachments: list[Attachment] = Field(default_factory=list, max_length=8)

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if len(json.dumps(self.data, ensure_ascii=False).encode(errors="replace")) > PAPER_DATA_BYTES_MAX:
            raise ValueError("`data` is too large")
        if len({attachment.name for attachment in self.attachments}) != len(self.attachments):
            raise ValueError("two attachments have one name")
        return self


class Event(_Document):
    """What a `notify` hears of; about `Call.person`. It may come again, under the same id, and out of order."""

    id: str
    kind: EventKind
    at: Instant
    reference: str | None = None
    """Of the application, for `application.withdrawn`, `identifier.corrected`, `fee.paid` and `fee.lapsed`: the
    agency's own number. Absent where its answer to `submit` never came. Of the :class:`Award`, for `benefit.paid` and
    `benefit.returned`."""
    application: str | None = None
    """Of the first four: the application's `id`, under which it was submitted."""
    satang: int | None = None
    """Of `fee.paid`, `benefit.paid` and `benefit.returned`: how much."""


ANSWERS: Final[Mapping[OperationKind, type[_Document] | None]] = {
    OperationKind.SUBMIT: ApplicationState,
    OperationKind.STATUS: ApplicationState,
    OperationKind.CANCEL: ApplicationState,
    OperationKind.INGEST: Taken,
    OperationKind.ISSUE: Document,
    OperationKind.NOTIFY: None,
}
"""What the kinds answer whose answers are the same for every plugin; None is null."""


ISSUED: Final[Mapping[str, type[_Document]]] = {"claims": Credential, "template": Paper}
"""What an `issue` answers beside documents, by the member that no other answer has."""


def _model_of(kind: OperationKind, answer: Any) -> type[_Document] | None:
    if kind is OperationKind.ISSUE and isinstance(answer, Mapping):
        return next((model for member, model in ISSUED.items() if member in answer), ANSWERS[kind])
    return ANSWERS[kind]


def read_answer(kind: OperationKind, answer: Any) -> Any:
    """The answer of an operation of one of the kinds of :data:`ANSWERS`, as its model, or null.

    Raises `ValueError` (of which pydantic's is one) for whatever else was answered, and for text that cannot be kept:
    a NUL, or half a letter.
    """
    model = _model_of(kind, answer)
    if model is None:
        if answer is not None:
            raise ValueError("it answers something, and must not")
        return None
    given = (model, *ISSUED.values()) if kind is OperationKind.ISSUE else model
    read = answer if isinstance(answer, given) else model.model_validate(answer)
    if not _can_be_kept(read.model_dump()):
        raise ValueError("a text holds a NUL, or half a letter")
    return read


def _can_be_kept(told: Any) -> bool:
    if isinstance(told, Mapping):
        return all(_can_be_kept(inner) for inner in told.values())
    if isinstance(told, list | tuple):
        return all(_can_be_kept(inner) for inner in told)
    return not isinstance(told, str) or ("\x00" not in told and not any("\ud800" <= sign <= "\udfff" for sign in told))
