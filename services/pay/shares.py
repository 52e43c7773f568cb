"""What of a month's money each of its payments is due: one pays the month, and others what was missing of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from services.pay.models import Instalment
from services.pay.states import InstalmentStatus

GOES_OUT = frozenset({InstalmentStatus.IN_RUN, InstalmentStatus.SUBMITTED, InstalmentStatus.SETTLED})
"""In these it is paid, or will be: what is in a run here is in one that was approved."""


@dataclass(slots=True)
class Shares:
    """Of the months of which somebody can say what is due; of the others, nothing is here."""

    of: dict[UUID, int] = field(default_factory=dict)
    """Satang by payment; of one that went out, never more than it is of."""
    missing: dict[date, int] = field(default_factory=dict)
    """Satang by month that no payment is of, where one went out."""
    base: dict[date, Instalment] = field(default_factory=dict)
    """The last payment of such a month: what is missing, it is too small by."""


def shares(
    there: Iterable[Instalment], due: Mapping[date, int], planned: Collection[UUID], open_: Mapping[date, int]
) -> Shares:
    """`there`: an award's payments. `due`: satang by month. `planned` are in runs that are only planned; `open_`:
    satang by month that are noted as missing, and did not go out.

    What went out takes first, the month's own payment before what supplements it; what came back is still owed.
    """
    months: defaultdict[date, list[Instalment]] = defaultdict(list)
    for one in sorted(there, key=lambda one: (one.supplements is not None, one.id)):
        if not one.refunds:
            months[one.period].append(one)
    found = Shares()
    for period, satang in due.items():
        _share(found, months[period], satang, planned, open_.get(period, 0))
    return found


def _share(found: Shares, month: Sequence[Instalment], due: int, planned: Collection[UUID], open_: int) -> None:
    repeated = {one.repeats for one in month}
    paid = {one.id for one in month if one.status in GOES_OUT}  # also after it had come back
    rest, out, waiting = due, list[Instalment](), list[Instalment]()
    for one in month:
        went_out = one.status in GOES_OUT and one.id not in planned
        came_back = one.status == InstalmentStatus.RETURNED.value and one.id not in repeated and not one.supplements
        if went_out or came_back:
            found.of[one.id] = min(one.satang, rest)
            rest -= found.of[one.id]
            out.append(one)
        elif one.supplements is None and one.status != InstalmentStatus.RETURNED.value and one.repeats not in paid:
            waiting.append(one)
    live = [one for one in waiting if one.status != InstalmentStatus.CANCELLED.value]
    for one in waiting:
        # What waits takes all the rest, unless it and what is noted as missing come to that already.
        keeps = one in live and one.satang + open_ == rest
        found.of[one.id] = one.satang if keeps else rest
    if out and not waiting:
        found.base[out[-1].period], found.missing[out[-1].period] = out[-1], rest
    elif live and live[0].satang + open_ == rest and found.of[live[0].id] == live[0].satang:
        found.base[live[0].period], found.missing[live[0].period] = live[0], open_


def counting(month: Iterable[Instalment]) -> int:
    """Satang of what is paid of a month, or will be; without what was never part of it."""
    gone = (InstalmentStatus.CANCELLED.value, InstalmentStatus.RETURNED.value)
    return sum(one.satang for one in month if not one.refunds and one.status not in gone)
