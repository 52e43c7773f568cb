"""The life of an application: every move there is, who may make it, and whose turn it is then.

:data:`MOVES` is the only owner of it. docs/applying.md shows it as a table, which a test compares with this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from services.apply.errors import (
    AlreadyClosed,
    AlreadyDecided,
    ApplyError,
    NotRejected,
    NotReopenable,
    NotWaitingForAnswers,
)


class Status(StrEnum):
    SUBMITTED = "SUBMITTED"
    """Received; waits for an agency that could not be reached."""
    NEEDS_INFORMATION = "NEEDS_INFORMATION"
    """Waits for what only the citizen knows."""
    APPROVED = "APPROVED"
    UNDER_REVIEW = "UNDER_REVIEW"
    """Granted and in force; to go on, it needs to know something from the citizen."""
    REJECTED = "REJECTED"
    APPEALED = "APPEALED"
    """Rejected or ended, and the citizen has objected."""
    WITHDRAWN = "WITHDRAWN"
    ENDED = "ENDED"
    """What was granted ended, because the facts or the law changed. Can be appealed as a rejection can."""
    LAPSED = "LAPSED"
    """The citizen's time to answer ran out. Can be opened again for a while."""
    DECEASED = "DECEASED"
    """Whose it was, or for whom, has died."""
    COMPLETED = "COMPLETED"
    """What is given once, and may be given again for another occasion, was paid: one may apply for the next."""


class Turn(StrEnum):
    """Whose move it is (Biz Portal: WAITING_AGENT_WORKING, WAITING_USER_WORKING, DONE)."""

    AGENCY = "AGENCY"
    CITIZEN = "CITIZEN"
    DONE = "DONE"


class Timer(StrEnum):
    """Which of a subject's time limits runs (time_limits.yaml), in working days."""

    AGENCY = "agency"
    """Adds up over all its turns, and stands still while it is the citizen's."""
    APPEAL = "appeal"
    """The agency's, for an appeal: begins anew with each."""
    CITIZEN = "citizen"
    """Begins anew with each question."""


class Who(StrEnum):
    CITIZEN = "citizen"
    """Or who acts for them, under a delegation."""
    DECISION = "decision"
    """The rules, or the agency whose service it is, on facts."""
    TIME = "time"
    """The job that watches the clocks."""
    REGISTER = "register"
    """The civil register's word."""
    OFFICER = "officer"
    """Of the agency that decides: at the desk (services/apply/desk), or by opening again."""
    PAYMENT = "payment"
    """The bank's word that it was paid."""


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
    CONFIRM = "CONFIRM"
    """Decided again, and it goes on, with the same or another amount."""
    END = "END"
    """Decided again, and the right has ended."""
    ESCALATE = "ESCALATE"
    """The agency's time ran out: its supervisors and the citizen are told."""
    LAPSE = "LAPSE"
    DIE = "DIE"
    REOPEN = "REOPEN"
    COMPLETE = "COMPLETE"
    """What was granted was given, once and whole."""


S, A, W = Status, Action, Who


@dataclass(frozen=True, slots=True)
class Move:
    action: Action
    comes_from: Status
    to: Status
    by: frozenset[Who]


def _moves(action: Action, by: set[Who], *pairs: tuple[Status, Status]) -> tuple[Move, ...]:
    return tuple(Move(action, comes_from, to, frozenset(by)) for comes_from, to in pairs)


MOVES: Final[tuple[Move, ...]] = (
    *_moves(
        A.APPROVE,
        {W.DECISION, W.OFFICER},
        (S.SUBMITTED, S.APPROVED),
        (S.NEEDS_INFORMATION, S.APPROVED),
        (S.APPEALED, S.APPROVED),
    ),
    *_moves(
        A.REJECT,
        {W.DECISION, W.OFFICER},
        (S.SUBMITTED, S.REJECTED),
        (S.APPEALED, S.REJECTED),
    ),
    *_moves(A.REJECT, {W.DECISION}, (S.NEEDS_INFORMATION, S.REJECTED)),
    *_moves(
        A.ASK_CITIZEN,
        {W.DECISION, W.OFFICER},
        (S.SUBMITTED, S.NEEDS_INFORMATION),
        (S.NEEDS_INFORMATION, S.NEEDS_INFORMATION),
    ),
    *_moves(
        A.ASK_CITIZEN,
        {W.DECISION},
        (S.APPROVED, S.UNDER_REVIEW),
        (S.UNDER_REVIEW, S.UNDER_REVIEW),
        (S.APPEALED, S.APPEALED),
    ),
    *_moves(
        A.AWAIT_AGENCY,
        {W.DECISION},
        (S.SUBMITTED, S.SUBMITTED),
        (S.NEEDS_INFORMATION, S.SUBMITTED),
        (S.UNDER_REVIEW, S.APPROVED),
        (S.APPEALED, S.APPEALED),
    ),
    *_moves(
        A.SUPPLEMENT,
        {W.CITIZEN},
        (S.SUBMITTED, S.SUBMITTED),
        (S.NEEDS_INFORMATION, S.NEEDS_INFORMATION),
        (S.UNDER_REVIEW, S.UNDER_REVIEW),
    ),
    *_moves(A.CONFIRM, {W.DECISION}, (S.APPROVED, S.APPROVED), (S.UNDER_REVIEW, S.APPROVED)),
    *_moves(A.END, {W.DECISION}, (S.APPROVED, S.ENDED), (S.UNDER_REVIEW, S.ENDED)),
    *_moves(
        A.WITHDRAW,
        {W.CITIZEN, W.DECISION},
        *(
            (status, S.WITHDRAWN)
            for status in (S.SUBMITTED, S.NEEDS_INFORMATION, S.APPROVED, S.UNDER_REVIEW, S.APPEALED)
        ),
    ),
    *_moves(A.APPEAL, {W.CITIZEN}, (S.REJECTED, S.APPEALED), (S.ENDED, S.APPEALED)),
    *_moves(A.ESCALATE, {W.TIME}, (S.SUBMITTED, S.SUBMITTED), (S.APPEALED, S.APPEALED)),
    *_moves(A.LAPSE, {W.TIME}, (S.NEEDS_INFORMATION, S.LAPSED), (S.UNDER_REVIEW, S.LAPSED)),
    *_moves(
        A.DIE,
        {W.REGISTER},
        *(
            (status, S.DECEASED)
            for status in (S.SUBMITTED, S.NEEDS_INFORMATION, S.APPROVED, S.UNDER_REVIEW, S.APPEALED)
        ),
    ),
    *_moves(A.REOPEN, {W.CITIZEN, W.OFFICER}, (S.LAPSED, S.NEEDS_INFORMATION)),
    *_moves(A.REOPEN, {W.OFFICER}, (S.DECEASED, S.SUBMITTED)),
    *_moves(A.COMPLETE, {W.PAYMENT}, (S.APPROVED, S.COMPLETED), (S.UNDER_REVIEW, S.COMPLETED)),
)

TRANSITIONS: Final[Mapping[tuple[Status, Action], Status]] = MappingProxyType(
    {(move.comes_from, move.action): move.to for move in MOVES}
)

ACTIVE: Final = frozenset({S.SUBMITTED, S.NEEDS_INFORMATION, S.APPROVED, S.UNDER_REVIEW, S.APPEALED})
"""In these, no second application for the same beneficiary and subject. The partial unique index names them too."""
AT_THE_DESK: Final = frozenset({S.SUBMITTED, S.NEEDS_INFORMATION, S.APPEALED})
"""In these there is something for an officer to do."""
GRANTED: Final = frozenset({S.APPROVED, S.UNDER_REVIEW})
"""In these what was applied for is in force."""

TURNS: Final[Mapping[Status, Turn]] = MappingProxyType(
    {
        S.SUBMITTED: Turn.AGENCY,
        S.NEEDS_INFORMATION: Turn.CITIZEN,
        S.UNDER_REVIEW: Turn.CITIZEN,
        S.APPEALED: Turn.AGENCY,
        S.APPROVED: Turn.DONE,
        S.REJECTED: Turn.DONE,
        S.WITHDRAWN: Turn.DONE,
        S.ENDED: Turn.DONE,
        S.LAPSED: Turn.DONE,
        S.DECEASED: Turn.DONE,
        S.COMPLETED: Turn.DONE,
    }
)
TIMERS: Final[Mapping[Status, Timer]] = MappingProxyType(
    {
        S.SUBMITTED: Timer.AGENCY,
        S.APPEALED: Timer.APPEAL,
        S.NEEDS_INFORMATION: Timer.CITIZEN,
        S.UNDER_REVIEW: Timer.CITIZEN,
    }
)

_REFUSALS: Final[Mapping[Action, type[ApplyError]]] = MappingProxyType(
    {
        A.APPROVE: AlreadyDecided,
        A.REJECT: AlreadyDecided,
        A.ASK_CITIZEN: AlreadyDecided,
        A.AWAIT_AGENCY: AlreadyDecided,
        A.CONFIRM: AlreadyDecided,
        A.END: AlreadyDecided,
        A.ESCALATE: AlreadyDecided,
        A.LAPSE: AlreadyDecided,
        A.DIE: AlreadyClosed,
        A.COMPLETE: AlreadyClosed,
        A.SUPPLEMENT: NotWaitingForAnswers,
        A.WITHDRAW: AlreadyClosed,
        A.APPEAL: NotRejected,
        A.REOPEN: NotReopenable,
    }
)


def after(status: Status, action: Action) -> Status:
    """The status after `action`.

    Raises the action's own error where the table has no such move: AlreadyDecided, NotWaitingForAnswers, AlreadyClosed,
    NotRejected or NotReopenable.
    """
    moved = TRANSITIONS.get((status, action))
    if moved is None:
        raise _REFUSALS[action]
    return moved


def must_be_moved_by(status: Status, action: Action, who: Who) -> None:
    """Raises the action's own error where the table does not let them make the move."""
    if not any(m.comes_from is status and m.action is action and who in m.by for m in MOVES):
        raise _REFUSALS[action]


def is_service(subject: str) -> bool:
    """Whether what is applied for is an agency's service, which the agency decides and not we."""
    return subject.startswith("service:")


def written() -> str:
    """The table as Markdown, for the page on applying."""
    lines = ["| action | from | to | by | turn then | clock then |", "|---|---|---|---|---|---|"]
    for move in MOVES:
        by = ", ".join(sorted(move.by))
        turn = TURNS[move.to]
        timer = TIMERS.get(move.to)
        lines.append(
            f"| `{move.action}` | `{move.comes_from}` | `{move.to}` | {by} | "
            f"{'–' if turn is Turn.DONE else turn.lower()} | {timer or '–'} |"
        )
    return "\n".join(lines)
