"""When a notice goes out: not at night, and not more than a few in an hour; what is urgent waits for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Final

from core.clock import BANGKOK
from identity.notices.models import NoticeOutgoing
from identity.notices.outbox import HOUR

QUIET_FROM: Final = time(21)
QUIET_UNTIL: Final = time(7)
TOLD_IN_AN_HOUR_MAX: Final = 5
"""To one channel; what is more goes as one notice that says how many."""
FIRST_WAIT: Final = timedelta(seconds=30)
WAIT_MAX: Final = timedelta(hours=6)
TRIED_FOR: Final = timedelta(days=3)


@dataclass
class Plan:
    """What becomes of what is due: each row stands in one of these."""

    alone: list[NoticeOutgoing] = field(default_factory=list)
    """Each goes out as a notice of its own."""
    together: list[NoticeOutgoing] = field(default_factory=list)
    """All of them go out as one, under the key of the first."""
    wait: list[NoticeOutgoing] = field(default_factory=list)
    until: datetime | None = None
    """Until when those wait."""


def plan(rows: Sequence[NoticeOutgoing], told: int, eldest: datetime | None, now: datetime) -> Plan:
    """Of one channel: `rows` are due, `told` went out within the hour, the eldest of them at `eldest`."""
    made = Plan(alone=[row for row in rows if row.urgent])
    others = [row for row in rows if not row.urgent]
    if not others:
        return made
    if (morning := end_of_quiet(now)) is not None:
        made.wait, made.until = others, morning
    elif told >= TOLD_IN_AN_HOUR_MAX:
        made.wait, made.until = others, (eldest or now) + HOUR + timedelta(seconds=1)
    elif told + len(others) > TOLD_IN_AN_HOUR_MAX:
        made.together = others
    else:
        made.alone += others
    return made


def end_of_quiet(now: datetime) -> datetime | None:
    """When this night is over, as Bangkok counts; None by day."""
    there = now.astimezone(BANGKOK)
    if QUIET_UNTIL <= there.time() < QUIET_FROM:
        return None
    day = there.date() if there.time() < QUIET_UNTIL else there.date() + timedelta(days=1)
    return datetime.combine(day, QUIET_UNTIL, BANGKOK)


def next_try(attempts: int, asked: timedelta | None) -> timedelta:
    """How long after the attempt of that number: 30 s, 1 min, 2 min … 6 hours, or what the way out asked for."""
    doubled: timedelta = FIRST_WAIT * (1 << min(attempts - 1, 12))
    return min(max(doubled, asked or timedelta(0)), WAIT_MAX)
