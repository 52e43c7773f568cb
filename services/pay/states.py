"""The lives of an instalment and of a payment run. The tables are the documentation.

Instalment                                    Run
| in        | event     | becomes   |         | in        | event     | becomes        |
|-----------|-----------|-----------|         |-----------|-----------|----------------|
| SCHEDULED | PLAN      | IN_RUN    |         | PLANNED   | APPROVE   | APPROVED       |
| SCHEDULED | CANCEL    | CANCELLED |         | APPROVED  | SUBMIT    | SUBMITTED      |
| IN_RUN    | CANCEL *  | CANCELLED |         | SUBMITTED | ALL_PAID  | SETTLED        |
| IN_RUN    | HOLD **   | SCHEDULED |         | APPROVED  | ALL_HELD  | RETURNED       |
| IN_RUN    | SUBMIT    | SUBMITTED |         | SUBMITTED | SOME_PAID | PARTLY_SETTLED |
| SUBMITTED | SETTLE    | SETTLED   |         | SUBMITTED | NONE_PAID | RETURNED       |
| SUBMITTED | RETURN    | RETURNED  |         | any of the three last, when the bank takes back |
| SETTLED   | RETURN    | RETURNED  |         | what it booked, or two officers find that it    |
| RETURNED  | SETTLE    | SETTLED   |         | paid after all: the one of them that is true    |
| CANCELLED | RESUME    | SCHEDULED |
* while the run is only planned; it leaves the run
** its payee is paid elsewhere now; it leaves the run before that goes to the bank
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

from services.pay.errors import WrongState


class InstalmentStatus(StrEnum):
    SCHEDULED = "SCHEDULED"
    IN_RUN = "IN_RUN"
    """In a run that is planned or approved."""
    SUBMITTED = "SUBMITTED"
    """Handed to the bank, or about to be: from here on only the bank's word decides whether it was paid."""
    SETTLED = "SETTLED"
    """The bank booked it."""
    RETURNED = "RETURNED"
    """The bank rejected it or sent it back; it is still owed."""
    CANCELLED = "CANCELLED"
    """Its award ended before its run was approved. If the award goes on after all, it is owed again."""


class InstalmentEvent(StrEnum):
    PLAN = "PLAN"
    CANCEL = "CANCEL"
    HOLD = "HOLD"
    SUBMIT = "SUBMIT"
    SETTLE = "SETTLE"
    RETURN = "RETURN"
    RESUME = "RESUME"


class RunStatus(StrEnum):
    PLANNED = "PLANNED"
    APPROVED = "APPROVED"
    SUBMITTED = "SUBMITTED"
    """The file is stored and may be at the bank; it can be sent again, as the same bytes, at any time."""
    SETTLED = "SETTLED"
    PARTLY_SETTLED = "PARTLY_SETTLED"
    """Every instalment is decided, some of them returned."""
    RETURNED = "RETURNED"
    """Every instalment came back, or was held before it went."""


class RunEvent(StrEnum):
    APPROVE = "APPROVE"
    SUBMIT = "SUBMIT"
    ALL_PAID = "ALL_PAID"
    SOME_PAID = "SOME_PAID"
    NONE_PAID = "NONE_PAID"
    ALL_HELD = "ALL_HELD"


_I, _IE, _R, _RE = InstalmentStatus, InstalmentEvent, RunStatus, RunEvent

INSTALMENT_TRANSITIONS: Final[Mapping[tuple[InstalmentStatus, InstalmentEvent], InstalmentStatus]] = MappingProxyType(
    {
        (_I.SCHEDULED, _IE.PLAN): _I.IN_RUN,
        (_I.SCHEDULED, _IE.CANCEL): _I.CANCELLED,
        (_I.IN_RUN, _IE.CANCEL): _I.CANCELLED,
        (_I.IN_RUN, _IE.HOLD): _I.SCHEDULED,
        (_I.IN_RUN, _IE.SUBMIT): _I.SUBMITTED,
        (_I.SUBMITTED, _IE.SETTLE): _I.SETTLED,
        (_I.SUBMITTED, _IE.RETURN): _I.RETURNED,
        (_I.SETTLED, _IE.RETURN): _I.RETURNED,
        (_I.RETURNED, _IE.SETTLE): _I.SETTLED,
        (_I.CANCELLED, _IE.RESUME): _I.SCHEDULED,
    }
)

RUN_TRANSITIONS: Final[Mapping[tuple[RunStatus, RunEvent], RunStatus]] = MappingProxyType(
    {
        (_R.PLANNED, _RE.APPROVE): _R.APPROVED,
        (_R.APPROVED, _RE.SUBMIT): _R.SUBMITTED,
        (_R.SUBMITTED, _RE.ALL_PAID): _R.SETTLED,
        (_R.SUBMITTED, _RE.SOME_PAID): _R.PARTLY_SETTLED,
        (_R.SUBMITTED, _RE.NONE_PAID): _R.RETURNED,
        (_R.APPROVED, _RE.ALL_HELD): _R.RETURNED,
        (_R.SETTLED, _RE.SOME_PAID): _R.PARTLY_SETTLED,
        (_R.SETTLED, _RE.NONE_PAID): _R.RETURNED,
        (_R.PARTLY_SETTLED, _RE.ALL_PAID): _R.SETTLED,
        (_R.PARTLY_SETTLED, _RE.NONE_PAID): _R.RETURNED,
        (_R.RETURNED, _RE.SOME_PAID): _R.PARTLY_SETTLED,
        (_R.RETURNED, _RE.ALL_PAID): _R.SETTLED,
    }
)

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


def after(table: Mapping[tuple[S, E], S], status: S, event: E) -> S:
    """The state that follows. Raises :class:`services.pay.errors.WrongState`."""
    following = table.get((status, event))
    if following is None:
        raise WrongState(status=status.value, event=event.value)
    return following
