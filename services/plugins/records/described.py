"""The route of records as the OpenAPI document of `/agency/v1/services` describes it: bodies, errors, examples."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel

from services.exchange.rest.auth import INGEST_SCOPE
from services.exchange.rest.schemas import ErrorAnswer, Shape, Words
from services.plugins.contract.wire import KEY_PATTERN
from services.plugins.records.errors import IngestInterrupted
from services.plugins.records.senders import AGENT

KEY: Final = "Idempotency-Key"
NDJSON: Final = "application/x-ndjson"


class RejectedTold(Shape):
    line: int
    """Of the body, from 1: where the record begins, or in XML and CSV the part of it that `path` names."""
    code: str
    """`RECORD_UNREADABLE`, `RECORD_TOO_LARGE`, `RECORD_INVALID`, or one that the manifest declares."""
    path: str | None
    """A JSON Pointer (RFC 6901) into the record; a step that the schema does not name is `?`."""
    keyword: str | None
    """Of the schema, which the record does not keep."""
    computed: str | None = None
    """What it comes to instead of what stands at `path`, if that is a total or an average."""
    other: str | None = None
    """What it does not go with, as the agency names that."""
    message: Words


class LineTold(Shape):
    line: int
    answer: dict[str, Any]
    """In names of the service's own: by which number it is known there, how far it is."""


class IngestAnswer(Shape):
    """What came of a sending, now or when it was sent first."""

    taken: int
    rejected: list[RejectedTold]
    told: list[LineTold] | None = None
    """What the service says of lines that it took just now; it is not kept, and not told again under the same key."""


class InterruptedExtensions(IngestAnswer):
    code: Literal["INGEST_INTERRUPTED"]
    settled: int
    """Up to this line all is taken or rejected for good."""
    uncertain: int
    """From there to this line the agency may have it or not."""
    trouble: str
    """What happened, as docs/exchange.md names it, or `TIME_UP`."""


class InterruptedTold(Shape):
    message: str
    extensions: InterruptedExtensions


class InterruptedAnswer(Shape):
    """The same body under the same key goes on."""

    errors: list[InterruptedTold]


def _error(code: str, message: str, **more: Any) -> dict[str, Any]:
    return {"errors": [{"message": message, "extensions": {"code": code, **more}}]}


_TAKEN: Final[dict[str, Any]] = {
    "taken": 1,
    "rejected": [
        {
            "line": 2,
            "code": "RECORD_INVALID",
            "path": "/until",
            "keyword": "format",
            "message": {"th": "ข้อมูลไม่ตรงตามแบบที่กำหนด", "en": "The record does not fit the operation's schema."},
        }
    ],
}
_INTERRUPTED: Final = _error(
    IngestInterrupted.code,
    "Everything up to line 100 is settled. Send the same content again under the same key.",
    settled=100, uncertain=200, trouble="SOURCE_TIMEOUT", taken=100, rejected=[],
)  # fmt: skip


def _answer(model: type[BaseModel] | Any, description: str, **examples: Any) -> dict[str, Any]:
    shown = {name: {"value": value} for name, value in examples.items()}
    content = {"content": {"application/json": {"examples": shown}}} if shown else {}
    return {"model": model, "description": description, **content}


RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: _answer(IngestAnswer, "Every line is taken or rejected for good.", taken=_TAKEN),
    400: _answer(
        ErrorAnswer,
        "No good `Idempotency-Key`, no record at all, more than 10,000 lines, or a body that did not arrive whole.",
        noKey=_error("BAD_INPUT", "The input is not valid: Idempotency-Key: 8 to 128 visible ASCII characters"),
    ),
    401: _answer(ErrorAnswer, "No token, or not a good one; `WWW-Authenticate` says more."),
    403: _answer(
        ErrorAnswer,
        "The token lacks the scope `agency.ingest`; or a juristic person sends, and the officer whom it names does not "
        "act for it now, or has not the power that the operation asks for.",
        noOfficer=_error("NOT_ITS_OFFICER", "You are not appointed to act for this juristic person now."),
    ),
    404: _answer(ErrorAnswer, "The agency has no such service, or the service no such operation of kind `ingest`."),
    409: _answer(
        ErrorAnswer,
        "The key was used for another body, its sending is being taken right now, or was begun too long ago.",
        otherBody=_error("IDEMPOTENCY_CONFLICT", "This idempotencyKey was used before with another input."),
    ),
    410: _answer(ErrorAnswer, "The service is over."),
    413: _answer(ErrorAnswer, "More than 4,000,000 bytes."),
    415: _answer(
        ErrorAnswer, "The body is not `application/x-ndjson`, nor of another format that the operation declares."
    ),
    422: _answer(ErrorAnswer, "A file of XML or CSV that cannot be read, by line and reason; none of it was taken."),
    429: _answer(ErrorAnswer, "Too many requests; see `Retry-After`."),
    503: _answer(
        InterruptedAnswer | ErrorAnswer,
        "`INGEST_INTERRUPTED`: send the same body under the same key after `Retry-After` seconds. "
        "`SERVICE_SUSPENDED`, or `SERVICE_UNAVAILABLE`: nothing was looked at.",
        interrupted=_INTERRUPTED,
    ),
}

EXTRA: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": KEY,
            "in": "header",
            "required": True,
            "description": "New for each sending; the same key and body get the same answer for 90 days.",
            "schema": {"type": "string", "pattern": KEY_PATTERN},
            "example": "2026-11-16/night",
        },
        {
            "name": AGENT,
            "in": "header",
            "required": False,
            "description": "Of a juristic person's system: the key of its officer's appointment.",
            "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "example": "019a8d5c2f7c7d0e9a6b3c1d2e4f5a6b",
        },
    ],
    "requestBody": {
        "required": True,
        "description": "One record a line, each as the operation's `record` describes it: 64 KB a line, 10,000 lines. "
        "Or `application/xml` or `text/csv`, where the operation declares in `formats` how records stand in it.",
        "content": {
            NDJSON: {
                "schema": {"type": "string", "contentMediaType": NDJSON},
                "example": '{"policy": "P-1", "until": "2027-11-15"}\n{"policy": "P-2", "until": "2026-12-31"}\n',
            }
        },
    },
    "security": [{"agency": [INGEST_SCOPE]}],
}
