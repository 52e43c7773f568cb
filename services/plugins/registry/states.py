"""The life of a service's version. The table is the documentation.

| in         | replace | check    | pass    | fail  | submit    | publish   | approve   | refuse | withdraw |
|------------|---------|----------|---------|-------|-----------|-----------|-----------|--------|----------|
| DRAFT      | DRAFT   | CHECKING |         |       |           |           |           |        |          |
| CHECKING   |         |          | CHECKED | DRAFT |           |           |           |        |          |
| CHECKED    | DRAFT   | CHECKING |         |       | IN_REVIEW | PUBLISHED |           |        |          |
| IN_REVIEW  |         |          |         |       |           |           | PUBLISHED | DRAFT  | CHECKED  |

| in         | suspend   | resume    | supersede  | roll back | retire  |
|------------|-----------|-----------|------------|-----------|---------|
| PUBLISHED  | SUSPENDED |           | SUPERSEDED |           | RETIRED |
| SUSPENDED  |           | PUBLISHED | SUPERSEDED |           | RETIRED |
| SUPERSEDED |           |           |            | PUBLISHED |         |
| RETIRED    |           |           | SUPERSEDED |           |         |

A service has at most one version that is PUBLISHED, SUSPENDED or RETIRED: the current one. To publish another
supersedes it in the same transaction. What was submitted never changes; what was published can only be published again.
A version may be discarded while it is DRAFT or CHECKED, and, below the current one, while it is SUPERSEDED.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from services.plugins.registry.errors import ServiceStateConflict


class State(StrEnum):
    DRAFT = "DRAFT"
    """Sent in, and its documents are in order."""
    CHECKING = "CHECKING"
    """The conformance suite runs against the agency's endpoint, or is about to."""
    CHECKED = "CHECKED"
    IN_REVIEW = "IN_REVIEW"
    """With the reviewers."""
    PUBLISHED = "PUBLISHED"
    SUSPENDED = "SUSPENDED"
    """Stopped for the time being: its names stay in the graph, and answer that it is suspended."""
    SUPERSEDED = "SUPERSEDED"
    """Was published, until another version was."""
    RETIRED = "RETIRED"
    """Over. Its names stay for a year, deprecated, and answer that it is over."""


class Act(StrEnum):
    """What is done to a version; the kinds of :class:`ServiceEvent`, with `REGISTER`."""

    REGISTER = "REGISTER"
    """Its beginning: leads to DRAFT from nowhere."""
    DISCARD = "DISCARD"
    """Its end, which leads nowhere: its files are gone, and what was done to it stays in the trail."""
    REPLACE = "REPLACE"
    CHECK = "CHECK"
    PASS = "PASS"  # noqa: S105 - a check is passed
    FAIL = "FAIL"
    SUBMIT = "SUBMIT"
    WITHDRAW = "WITHDRAW"
    APPROVE = "APPROVE"
    REFUSE = "REFUSE"
    PUBLISH = "PUBLISH"
    SUSPEND = "SUSPEND"
    RESUME = "RESUME"
    SUPERSEDE = "SUPERSEDE"
    ROLL_BACK = "ROLL_BACK"
    RETIRE = "RETIRE"


S, A = State, Act

TRANSITIONS: Final[Mapping[tuple[State, Act], State]] = MappingProxyType(
    {
        (S.DRAFT, A.REPLACE): S.DRAFT,
        (S.DRAFT, A.CHECK): S.CHECKING,
        (S.CHECKING, A.PASS): S.CHECKED,
        (S.CHECKING, A.FAIL): S.DRAFT,
        (S.CHECKED, A.REPLACE): S.DRAFT,
        (S.CHECKED, A.CHECK): S.CHECKING,
        (S.CHECKED, A.SUBMIT): S.IN_REVIEW,
        (S.CHECKED, A.PUBLISH): S.PUBLISHED,
        (S.IN_REVIEW, A.APPROVE): S.PUBLISHED,
        (S.IN_REVIEW, A.REFUSE): S.DRAFT,
        (S.IN_REVIEW, A.WITHDRAW): S.CHECKED,
        (S.PUBLISHED, A.SUSPEND): S.SUSPENDED,
        (S.PUBLISHED, A.SUPERSEDE): S.SUPERSEDED,
        (S.PUBLISHED, A.RETIRE): S.RETIRED,
        (S.SUSPENDED, A.RESUME): S.PUBLISHED,
        (S.SUSPENDED, A.SUPERSEDE): S.SUPERSEDED,
        (S.SUSPENDED, A.RETIRE): S.RETIRED,
        (S.SUPERSEDED, A.ROLL_BACK): S.PUBLISHED,
        (S.RETIRED, A.SUPERSEDE): S.SUPERSEDED,
    }
)

CURRENT: Final = frozenset({S.PUBLISHED, S.SUSPENDED, S.RETIRED})
PUBLISHED_ONCE: Final = CURRENT | {S.SUPERSEDED}
DISCARDABLE: Final = frozenset({S.DRAFT, S.CHECKED, S.SUPERSEDED})
REPLACEABLE: Final = frozenset(state for state, act in TRANSITIONS if act is A.REPLACE)


def after(state: str, act: Act) -> State:
    """The state after `act`. Raises :class:`ServiceStateConflict` where there is no such move."""
    found = TRANSITIONS.get((State(state), act))
    if found is None:
        raise ServiceStateConflict(state=state, act=act)
    return found
