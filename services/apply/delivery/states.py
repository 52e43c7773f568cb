"""What is owed to an agency for one application, and what follows. The table is the documentation.

| owed   | the agency answers     | it declines    | no answer of use | the citizen withdraws          |
|--------|------------------------|----------------|------------------|--------------------------------|
| SUBMIT | STATUS; DONE if final; | DONE: rejected | SUBMIT, later    | DONE if never sent; else       |
|        | CANCEL if withdrawn    |                |                  | SUBMIT, and then CANCEL        |
| STATUS | STATUS; DONE if final  | STATUS, later  | STATUS, later    | CANCEL                         |
| CANCEL | DONE                   | DONE           | CANCEL, later    |                                |
| DONE   |                        |                |                  | refused if final, else CANCEL  |

What is not answered for `GIVEN_UP_AFTER` is given up, and so is at once what the agency knows under its key with
another call in it (`CONFLICT`): its row says `failed_at`, nothing is due, the citizen and operators are told, and an
operator may have it tried again. A look is never given up. What the citizen has had stopped by a restriction or an
objection is not sent while that lasts.

A plugin without `status` is not asked: its application waits for nobody, and its word is the answer to `submit`. One
that declares no `cancel` but asks to hear of `application.withdrawn` is told so, and DONE takes the place of CANCEL.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from services.plugins.contract import ApplicationState, OperationKind, State
from services.plugins.contract.wire import KEY_REPEATED_DAYS_MAX


class Step(StrEnum):
    SUBMIT = "SUBMIT"
    STATUS = "STATUS"
    CANCEL = "CANCEL"
    DONE = "DONE"


KINDS: Final = {
    Step.SUBMIT: OperationKind.SUBMIT,
    Step.STATUS: OperationKind.STATUS,
    Step.CANCEL: OperationKind.CANCEL,
}
"""By which kind of operation a step is done."""

NOTIFY: Final = "NOTIFY"
"""Stands beside the steps, for events."""
WELL: Final = "WELL"
DECLINED: Final = "DECLINED"
LATE: Final = "LATE"
"""The agency contradicts itself: what it says is older than what it said, or other than what it said for good."""
MALFORMED: Final = "ANSWER_MALFORMED"
FAILED: Final = "SOURCE_FAILED"
"""As the exchange names them (docs/exchange.md)."""
STOPPED: Final = frozenset({"RESTRICTED", "OBJECTED", "BARRED"})
"""The citizen has had the use of their data stopped; as the exchange names it."""
CONFLICT: Final = "SOURCE_CONFLICT"
"""The agency knows the key with another call in it: what was sent before arrived, and what is to be sent differs."""
GONE: Final = "PLUGIN_GONE"
"""The plugin is suspended, or out of the registry, or its manifest has no such operation any more."""


FEE_UNPAID: Final = "FEE_UNPAID"
"""The service's fee is to be paid: before it is handed over, or once it is approved. Nothing is due before that."""
LAPSES_AFTER: Final = timedelta(days=1)
"""The last day for a fee: what the bank had in time may be told so much later."""
REMINDED_BEFORE: Final = timedelta(days=7)
"""The end of the time; half-way through it where that is later."""


class Hindrance(StrEnum):
    """What a citizen is told of an application that does not get to its agency as it was made."""

    FAILED = "FAILED"
    """It was given up: the agency may have it, or not."""
    NOT_TAKEN_BACK = "NOT_TAKEN_BACK"
    """That the citizen has withdrawn it was not to be told to the agency."""
    STOPPED = "STOPPED"
    """The citizen has had the use of their data stopped."""
    WITHOUT_FACTS = "WITHOUT_FACTS"
    """It is sent again without facts whose ground has ended; the agency may have them of an earlier attempt."""


RETRY_FIRST: Final = timedelta(seconds=2)
RETRY_MAX: Final = timedelta(hours=1)
POLL_FIRST: Final = timedelta(minutes=1)
POLL_MAX: Final = timedelta(hours=6)
LOOKED_AGAIN: Final = timedelta(minutes=1)
"""Who opens an application sees what the agency said no longer ago than this, or than its `cache_seconds`. An agency
that does not answer is asked no more often than this either."""
GIVEN_UP_AFTER: Final = timedelta(days=KEY_REPEATED_DAYS_MAX)
"""As the contract says: an agency remembers keys a day longer."""
GIVEN_UP: Final = frozenset({Step.SUBMIT, Step.CANCEL})
EVENTS_KEPT: Final = GIVEN_UP_AFTER
"""For a plugin that is suspended, gone or down. Then the event is dropped, and counted."""
STUCK_ATTEMPTS: Final = 5
STUCK_AFTER: Final = timedelta(hours=1)
"""What is owed so long, or was tried so often, is shown to operators. It is tried on until it is given up."""


def retry_in(attempts: int, chance: float) -> timedelta:
    """Until the next attempt, after so many without an answer: doubling, and between half and all of it by `chance`
    (0 to 1), so that those whom one outage met do not come back together."""
    grown: timedelta = min(RETRY_FIRST * 2 ** min(attempts - 1, 20), RETRY_MAX)
    return grown * (0.5 + chance / 2)


def poll_in(polls: int, chance: float) -> timedelta:
    """Until the agency is asked again, after so many answers that brought nothing new."""
    grown: timedelta = min(POLL_FIRST * 2 ** min(polls, 20), POLL_MAX)
    return grown * (0.5 + chance / 2)


def after_answer(step: Step, said: ApplicationState, *, cancel_wanted: bool, polls: bool) -> Step:
    """What is owed once the agency has answered a step. `polls` is whether the plugin can be asked for the state."""
    if step is Step.CANCEL or said.state.is_final:
        return Step.DONE
    if cancel_wanted:
        return Step.CANCEL
    return Step.STATUS if polls else Step.DONE


def is_late(state: State | None, state_at: datetime | None, said: ApplicationState) -> bool:
    """Whether an answer must not change what an earlier one said: the earlier was final, or was of a later moment."""
    if state is None or said.state is state:
        return False
    return state.is_final or (state_at is not None and said.at < state_at)
