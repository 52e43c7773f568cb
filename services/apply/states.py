"""The life of an application. The table is the documentation.

| in                | yes      | no       | citizen to supply | agency to answer | withdraw  | appeal   |
|-------------------|----------|----------|-------------------|------------------|-----------|----------|
| SUBMITTED         | APPROVED | REJECTED | NEEDS_INFORMATION | SUBMITTED        | WITHDRAWN |          |
| NEEDS_INFORMATION | APPROVED | REJECTED | NEEDS_INFORMATION | SUBMITTED        | WITHDRAWN |          |
| APPROVED          |          |          |                   |                  | WITHDRAWN |          |
| REJECTED          |          |          |                   |                  |           | APPEALED |
| APPEALED          | APPROVED | REJECTED | APPEALED          | APPEALED         | WITHDRAWN |          |
| WITHDRAWN         |          |          |                   |                  |           |          |
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from services.apply.errors import (
    AlreadyClosed,
    AlreadyDecided,
    ApplyError,
    NotRejected,
    NotWaitingForAnswers,
)


class Status(StrEnum):
    SUBMITTED = "SUBMITTED"
    """Received; waits for an agency that could not be reached."""
    NEEDS_INFORMATION = "NEEDS_INFORMATION"
    """Waits for what only the citizen knows."""
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    APPEALED = "APPEALED"
    """Rejected, and the citizen has objected."""


class Turn(StrEnum):
    """Whose move it is (Biz Portal: WAITING_AGENT_WORKING, WAITING_USER_WORKING, DONE)."""

    AGENCY = "AGENCY"
    CITIZEN = "CITIZEN"
    DONE = "DONE"


class Action(StrEnum):
    """What moves an application."""

    SUBMIT = "SUBMIT"
    """Its beginning: leads to SUBMITTED from nowhere."""
    APPROVE = "APPROVE"
    REJECT = "REJECT"
    ASK_CITIZEN = "ASK_CITIZEN"
    AWAIT_AGENCY = "AWAIT_AGENCY"
    SUPPLEMENT = "SUPPLEMENT"
    """Answers came in; the decision that follows in the same transaction moves it on."""
    WITHDRAW = "WITHDRAW"
    APPEAL = "APPEAL"


S, A = Status, Action

TRANSITIONS: Final[Mapping[tuple[Status, Action], Status]] = MappingProxyType(
    {
        (S.SUBMITTED, A.APPROVE): S.APPROVED,
        (S.SUBMITTED, A.REJECT): S.REJECTED,
        (S.SUBMITTED, A.ASK_CITIZEN): S.NEEDS_INFORMATION,
        (S.SUBMITTED, A.AWAIT_AGENCY): S.SUBMITTED,
        (S.SUBMITTED, A.SUPPLEMENT): S.SUBMITTED,
        (S.SUBMITTED, A.WITHDRAW): S.WITHDRAWN,
        (S.NEEDS_INFORMATION, A.APPROVE): S.APPROVED,
        (S.NEEDS_INFORMATION, A.REJECT): S.REJECTED,
        (S.NEEDS_INFORMATION, A.ASK_CITIZEN): S.NEEDS_INFORMATION,
        (S.NEEDS_INFORMATION, A.AWAIT_AGENCY): S.SUBMITTED,
        (S.NEEDS_INFORMATION, A.SUPPLEMENT): S.NEEDS_INFORMATION,
        (S.NEEDS_INFORMATION, A.WITHDRAW): S.WITHDRAWN,
        (S.APPROVED, A.WITHDRAW): S.WITHDRAWN,
        (S.REJECTED, A.APPEAL): S.APPEALED,
        (S.APPEALED, A.APPROVE): S.APPROVED,
        (S.APPEALED, A.REJECT): S.REJECTED,
        (S.APPEALED, A.ASK_CITIZEN): S.APPEALED,
        (S.APPEALED, A.AWAIT_AGENCY): S.APPEALED,
        (S.APPEALED, A.WITHDRAW): S.WITHDRAWN,
    }
)

ACTIVE: Final = frozenset({S.SUBMITTED, S.NEEDS_INFORMATION, S.APPROVED, S.APPEALED})
"""In these, no second application for the same beneficiary and subject. The partial unique index names them too."""

TURNS: Final[Mapping[Status, Turn]] = MappingProxyType(
    {
        S.SUBMITTED: Turn.AGENCY,
        S.NEEDS_INFORMATION: Turn.CITIZEN,
        S.APPEALED: Turn.AGENCY,
        S.APPROVED: Turn.DONE,
        S.REJECTED: Turn.DONE,
        S.WITHDRAWN: Turn.DONE,
    }
)

_REFUSALS: Final[Mapping[Action, type[ApplyError]]] = MappingProxyType(
    {
        A.APPROVE: AlreadyDecided,
        A.REJECT: AlreadyDecided,
        A.ASK_CITIZEN: AlreadyDecided,
        A.AWAIT_AGENCY: AlreadyDecided,
        A.SUPPLEMENT: NotWaitingForAnswers,
        A.WITHDRAW: AlreadyClosed,
        A.APPEAL: NotRejected,
    }
)


def after(status: Status, action: Action) -> Status:
    """The status after `action`.

    Raises the action's own error where the table has no such move: AlreadyDecided, NotWaitingForAnswers, AlreadyClosed
    or NotRejected.
    """
    moved = TRANSITIONS.get((status, action))
    if moved is None:
        raise _REFUSALS[action]
    return moved


def is_service(subject: str) -> bool:
    """Whether what is applied for is an agency's service, which the agency decides and not we."""
    return subject.startswith("service:")
