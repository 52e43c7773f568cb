"""What the room of applications needs from whoever decides them (welfare's programmes, an agency's service)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.text import Text


class Outcome(StrEnum):
    GRANTED = "GRANTED"
    REFUSED = "REFUSED"
    NEEDS_INFORMATION = "NEEDS_INFORMATION"


@dataclass(frozen=True, slots=True)
class Request:
    """What is applied for, by whom, for whom."""

    applicant: UUID
    beneficiary: UUID
    subject: str
    """`programme:<slug>` or `service:<slug>`."""
    answers: Mapping[str, Any] = field(default_factory=dict)
    """What only the applicant knows, by attribute id; already checked to be a JSON object."""
    request: UUID | None = None
    """The request it came by, for the access log."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A decision, made from facts read beforehand, not yet written."""

    outcome: Outcome
    title: Text
    """Title of what is applied for."""
    record: Mapping[str, Any]
    """All that replays the decision: the frozen rule, the facts with their sources. Personal: stored sealed."""
    reasons: tuple[Mapping[str, Any], ...] = ()
    """For the citizen: `{"condition", "th", "en", "outcome", "law"}`; no values of facts."""
    missing: tuple[str, ...] = ()
    """Attribute ids without which nobody can decide."""
    pays: bool = False
    """Whether a grant leads to an award that is paid in instalments."""


class Decider(Protocol):
    """Handed in by `api/app.py`, one per kind of subject (`programme`, `service`)."""

    async def prepare(self, request: Request) -> Prepared:
        """Reads facts through the gate and decides. Far away and outside any transaction.

        Raises `NotFound` for an unknown subject or a beneficiary that is not the applicant's to apply for.
        """
        ...


class Awarder(Protocol):
    """The room that pays. Called inside the transaction that grants."""

    async def award(
        self, session: AsyncSession, *, application: UUID, payee: UUID, beneficiary: UUID, subject: str, title: Text
    ) -> UUID:
        """The award's id. At most one per application."""
        ...

    async def end(self, session: AsyncSession, *, application: UUID) -> None:
        """Ends the award of a withdrawn application: nothing that is not yet in a run is paid any more."""
        ...
