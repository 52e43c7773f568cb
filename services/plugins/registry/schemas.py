"""The shapes of what `/agency/v1/services` reads and answers, as its OpenAPI document describes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from services.exchange.rest.requests import Agent, Strict
from services.exchange.rest.schemas import Shape
from services.plugins.contract import Fault
from services.plugins.registry.desk import Listed, Shown
from services.plugins.registry.models import Service, ServiceEvent, ServiceReport, ServiceReview, ServiceVersion

FILES_MAX = 210
StateName = Literal["DRAFT", "CHECKING", "CHECKED", "IN_REVIEW", "PUBLISHED", "SUSPENDED", "SUPERSEDED", "RETIRED"]
VersionNumber = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,3})(\.(0|[1-9][0-9]{0,3})){2}$")]


class ActRequest(Strict):
    """Who acts."""

    agent: Agent


class SendRequest(ActRequest):
    """A version of a service."""

    files: Annotated[dict[str, str], Field(min_length=1, max_length=FILES_MAX)]
    """File name → text: `manifest.json`, and as the service needs them `graph.graphql`, `form.json` and
    `examples/*.json`. Faults name lines of these texts."""


class ReasonRequest(ActRequest):
    """An act that says why."""

    reason: Annotated[str, Field(min_length=5, max_length=500)]
    """It stays in the trail. No national IDs."""


class RollBackRequest(ReasonRequest):
    """Back to a version that was published before."""

    version: VersionNumber | None = None
    """Without one, to the highest below the current."""


class FaultTold(Shape):
    rule: str
    """docs/plugins.md lists them."""
    why: str
    remedy: str
    file: str
    line: int | None
    field: str | None


class PartTold(Shape):
    part: str
    why: str
    place: str


class ReviewTold(Shape):
    id: str
    parts: list[PartTold]
    asked_at: datetime = Field(alias="askedAt")
    outcome: Literal["APPROVED", "REFUSED", "WITHDRAWN"] | None
    decided_at: datetime | None = Field(alias="decidedAt")
    reason: str
    place: str
    remedy: str


class ReportNamed(Shape):
    passed: bool
    at: datetime


class VersionTold(Shape):
    service: str
    version: str
    state: StateName
    digest: str
    """SHA-256 of the files as JSON: names in order, no spaces, UTF-8."""
    sent_at: datetime = Field(alias="sentAt")
    sent_by: str = Field(alias="sentBy")
    submitted: bool
    """Whether it is on its way to publication, by itself as far as it can."""
    published_at: datetime | None = Field(alias="publishedAt")
    retired_at: datetime | None = Field(alias="retiredAt")


class VersionWhole(VersionTold):
    files: dict[str, str]
    report: ReportNamed | None
    """Of the newest check."""
    review: ReviewTold | None
    """The newest."""
    faults: list[FaultTold]
    """What stands in the way by now, though it did not when it was sent."""
    warnings: list[FaultTold]
    parts: list[PartTold]
    """What a reviewer would look at."""


class SkippedTold(Shape):
    why: str
    at: datetime


class ServiceTold(Shape):
    slug: str
    current: str | None
    """The version that is published, suspended or retired."""
    held: bool
    """Whether the reviewers suspended it."""
    skipped: SkippedTold | None
    """Why a server could not put the current version into the graph."""
    created_at: datetime = Field(alias="createdAt")
    versions: list[VersionTold]


class ServicesAnswer(Shape):
    services: list[ServiceTold]


class EventTold(Shape):
    at: datetime
    version: str
    act: str
    state: StateName
    agency: str
    by: str
    client: str
    reason: str
    digest: str


class EventsAnswer(Shape):
    """In the order in which they happened: the last is the latest."""

    events: list[EventTold]
    next: str | None
    """Where those before these are; null where there are none."""


class ReportAnswer(Shape):
    """What came of a check, and our signature over it."""

    service: str
    version: str
    passed: bool
    at: datetime
    report: dict[str, Any]
    attestation: str
    """A JWS (RFC 7515) of type `sitthi-conformance+jwt`, by a key of `/.well-known/attestation-keys.json`."""


def version_told(row: ServiceVersion) -> dict[str, Any]:
    return {
        "service": row.slug,
        "version": row.version,
        "state": row.state,
        "digest": row.digest.hex(),
        "sentAt": row.sent_at.isoformat(),
        "sentBy": row.sent_by,
        "submitted": row.submitted_by is not None,
        "publishedAt": _instant(row.published_at),
        "retiredAt": _instant(row.retired_at),
    }


def version_whole(shown: Shown) -> dict[str, Any]:
    report = shown.report
    return {
        **version_told(shown.row),
        "files": shown.row.files,
        "report": None if report is None else {"passed": report.passed, "at": report.at.isoformat()},
        "review": None if shown.review is None else review_told(shown.review),
        "faults": [fault_told(one) for one in shown.faults],
        "warnings": [fault_told(one) for one in shown.warnings],
        "parts": [one.as_json() for one in shown.parts],
    }


def review_told(row: ServiceReview) -> dict[str, Any]:
    return {
        "id": row.id.hex,
        "parts": row.parts,
        "askedAt": row.asked_at.isoformat(),
        "outcome": row.outcome,
        "decidedAt": _instant(row.decided_at),
        "reason": row.reason,
        "place": row.place,
        "remedy": row.remedy,
    }


def fault_told(fault: Fault) -> dict[str, Any]:
    return {
        "rule": fault.rule.value,
        "why": fault.why,
        "remedy": fault.remedy,
        "file": fault.file,
        "line": fault.line,
        "field": fault.field,
    }


def service_told(listed: Listed) -> dict[str, Any]:
    return {**_service(listed.service), "versions": [version_told(row) for row in listed.versions]}


def event_told(row: ServiceEvent) -> dict[str, Any]:
    return {
        "at": row.at.isoformat(),
        "version": row.version,
        "act": row.kind,
        "state": row.state,
        "agency": row.acting,
        "by": row.by,
        "client": row.client,
        "reason": row.reason,
        "digest": row.digest.hex(),
    }


def report_told(row: ServiceReport) -> dict[str, Any]:
    return {
        "service": row.slug,
        "version": row.version,
        "passed": row.passed,
        "at": row.at.isoformat(),
        "report": row.report,
        "attestation": row.attestation,
    }


def _service(row: Service) -> dict[str, Any]:
    skipped = None
    if row.skipped is not None and row.skipped_at is not None:
        skipped = {"why": row.skipped, "at": row.skipped_at.isoformat()}
    return {
        "slug": row.slug,
        "current": row.current,
        "held": row.held,
        "skipped": skipped,
        "createdAt": row.created_at.isoformat(),
    }


def _instant(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
