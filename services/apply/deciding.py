"""What the room of applications needs from the rooms around it: who decides, who pays, who tells the citizen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.text import Text
from services.apply.errors import ApplyError
from services.apply.models import Application
from services.apply.states import GRANTED, Action, Status
from services.exchange.facts import Asker, Lack


class Outcome(StrEnum):
    GRANTED = "GRANTED"
    REFUSED = "REFUSED"
    NEEDS_INFORMATION = "NEEDS_INFORMATION"


class Holder(StrEnum):
    """Who can supply a fact that is missing."""

    AGENCY = "AGENCY"
    CITIZEN = "CITIZEN"


@dataclass(frozen=True, slots=True)
class Missing:
    """A fact without which nobody can decide."""

    attribute: str
    """Id in the catalogue of attributes, with `child.` before it where it is one of the child's."""
    title: Text
    held_by: Holder
    agency: str | None = None
    """Slug of the agency that holds it; None where only the citizen does."""
    why: Lack | None = None
    """Why nobody could say it; None of what the citizen is to say."""

    @property
    def silent(self) -> bool:
        """Whether that agency does not answer at this moment: it may know by the next."""
        return self.why is Lack.SILENT

    def written(self) -> dict[str, Any]:
        """As a row holds it."""
        title = {"th": self.title.th, "en": self.title.en}
        return {"attribute": self.attribute, **title, "held_by": self.held_by, "agency": self.agency, "why": self.why}

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Missing:
        """As :meth:`written` left it; before it said why, it does not."""
        why = row.get("why")
        return cls(
            row["attribute"],
            Text(th=row["th"], en=row["en"]),
            Holder(row["held_by"]),
            row["agency"],
            None if why is None else Lack(why),
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What is applied for, by whom, for whom."""

    applicant: UUID
    beneficiary: UUID
    subject: str
    """`programme:<slug>` or `service:<slug>`."""
    answers: Mapping[str, Any] = field(default_factory=dict)
    """What only the applicant knows, by attribute id; already checked to be a JSON object of short values."""
    request: UUID | None = None
    """The request it came by, for the access log."""
    acted_by: UUID | None = None
    """Who acts in the applicant's place, under a delegation."""
    applied_on: date | None = None
    """Of one that is still to be decided, or appealed: the day on which it came in. None for today."""
    asker: Asker | None = None
    """The officer in whose name facts are read; None where the state decides by itself."""
    findings: Mapping[str, Any] = field(default_factory=dict)
    """What that officer found by evidence, by attribute id: completes what the state knows, and contradicts nothing."""


@dataclass(frozen=True, slots=True, repr=False)
class ToDeliver:
    """An application that an agency decides: what it is to be told beside the answers."""

    plugin: str
    """Slug of the plugin of the service."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """By attribute, in the wire's form of a value."""
    rests_on: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Of them those that a consent opened: purpose → attributes."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A decision, made from facts read beforehand, not yet written."""

    outcome: Outcome
    title: Text
    """Title of what is applied for."""
    record: Mapping[str, Any]
    """JSON that replays the decision: the frozen rule, the facts with their sources. Personal: stored sealed."""
    reasons: tuple[Mapping[str, Any], ...] = ()
    """For the citizen: `{"condition", "th", "en", "outcome", "law": {"th", "en"}}`; no values of facts."""
    missing: tuple[Missing, ...] = ()
    """What keeps the outcome at NEEDS_INFORMATION; empty for the other two."""
    pays: bool = False
    """Whether a grant leads to an award that is paid in instalments."""
    unit: str | None = None
    """Key of the unit that may have one active application (services/apply/units.py); None stands for the beneficiary,
    and where it is decided again, for the unit as it was."""
    read: int = 0
    """Facts that their owners told, so that nobody asked the applicant for them."""
    delivery: ToDeliver | None = None
    """Where an agency decides: the application is taken, and this is owed to the agency."""
    rule: Mapping[str, Any] | None = None
    """The law it was decided by, as JSON, where the record leaves it out: stored once for all decisions by it."""
    decided_by: Mapping[str, str] = field(default_factory=lambda: {"kind": "SYSTEM"})
    """Who or what decided, as it is signed: `kind` (SYSTEM, AGENCY, OFFICER) and `agency`; never a person's name."""
    law_from: str | None = None
    """Which version of the law it was decided by, in a short word; another one is a reason to decide again."""
    changes_on: date | None = None
    """The first day on which the decision would be another, or of another amount, although no fact changes."""
    beside: tuple[str, ...] = ()
    """Subjects that the law lets nobody have beside this one: while the beneficiary has one under way or granted, this
    one is not taken."""
    closes: bool = False
    """Whether a grant, too, ends it, so that one may apply again: what was applied for lives on at the agency."""


def action_of(prepared: Prepared, status: Status = Status.SUBMITTED) -> Action:
    """How it moves an application of that status. What is missing is the citizen's to supply as soon as one part of it
    is; what was granted before is confirmed, or ends."""
    if prepared.outcome in _DECIDED:
        return (_DECIDED_AGAIN if status in GRANTED else _DECIDED)[prepared.outcome]
    asks = any(missing.held_by is Holder.CITIZEN for missing in prepared.missing)
    return Action.ASK_CITIZEN if asks else Action.AWAIT_AGENCY


_DECIDED: Final = {Outcome.GRANTED: Action.APPROVE, Outcome.REFUSED: Action.REJECT}
_DECIDED_AGAIN: Final = {Outcome.GRANTED: Action.CONFIRM, Outcome.REFUSED: Action.END}


class Decider(Protocol):
    """Handed in by `api/app.py`, one per kind of subject (`programme`, `service`)."""

    async def prepare(self, request: Request) -> Prepared:
        """Reads facts through the gate and decides. Far away and outside any transaction.

        Raises `NotFound` for an unknown subject or a beneficiary that is not the applicant's to apply for, and
        `BadInput` (path `answers`, attribute) for an answer that is not the applicant's to give: unknown, of the wrong
        type, or a fact that the state holds. An answer never overrides a fact.
        """
        ...


class Beside(Protocol):
    def __call__(self, subject: str) -> Collection[str]:
        """Subjects that the law lets nobody have beside this one."""
        ...


class Deliveries(Protocol):
    """Whoever takes applications to the agencies that decide them (services/apply/delivery). Called inside the
    transaction that writes, so that nothing is owed for what was rolled back."""

    async def owe(
        self, session: AsyncSession, application: Application, answers: Mapping[str, Any], to_deliver: ToDeliver
    ) -> None:
        """Notes that the agency is to be told of a new application."""
        ...

    async def withdraw(self, session: AsyncSession, application: Application, *, leaving: bool) -> None:
        """Notes that the agency is to be told of a withdrawal. With `leaving` the citizen goes, and nothing stops them.

        Raises AtTheAgency where the agency cannot be told, and AlreadyDecided.
        """
        ...

    def takes(self, subject: str) -> bool:
        """Whether a system of the agency decides it; else its officers do, at the desk."""
        ...

    def refuse(self, application: Application) -> ApplyError:
        """Why something about it can be done at the agency alone."""
        ...


class Awarder(Protocol):
    """The room that pays. Called inside the transaction that grants."""

    async def award(
        self,
        session: AsyncSession,
        *,
        application: UUID,
        payee: UUID,
        beneficiary: UUID,
        subject: str,
        title: Text,
        since: date,
    ) -> UUID:
        """The award's id, at most one per application. `since`: the day of the application, from which it is paid.

        One that had ended goes on.
        """
        ...

    async def end(self, session: AsyncSession, *, application: UUID) -> None:
        """Ends the award of a withdrawn application: nothing that is not yet in a run is paid any more.

        Does nothing where the application has no award.
        """
        ...

    async def end_from(self, session: AsyncSession, *, application: UUID, since: date, cause: str) -> int:
        """Ends it for months that begin on `since` or later; answers for how many of those money went out. Called
        before the decision that ends it is written."""
        ...

    async def reassessed(self, session: AsyncSession, *, application: UUID, since: date, cause: str) -> int:
        """The award goes on by a new decision, which counts from `since`: held months are tried again, and what is not
        yet paid is of the new amount. Answers for how many months too much went out."""
        ...

    async def reassessed_after_end(self, session: AsyncSession, *, application: UUID, since: date, cause: str) -> int:
        """A new decision, which counts from `since`, on what had ended by then: the award stays ended, and what went
        out and was not due is claimed. Answers for how many months."""
        ...


class Notices(Protocol):
    """The inbox and the announcements of changes. Called inside the transaction, so that no notice lies."""

    async def application_changed(
        self, session: AsyncSession, *, person: UUID, application: UUID, title: Text, status: Status
    ) -> None:
        """Tells `person` that their application is now in `status`. Once per change of status."""
        ...


class ApplicationCounter(Protocol):
    """Whoever keeps count of the questions that nobody had to ask. Called in the transaction of the application."""

    async def count(self, session: AsyncSession, *, application: UUID, service: str, filled: int, asked: int) -> None:
        """Counts a new application for `service` (`programme:<slug>` or `service:<slug>`)."""
        ...
