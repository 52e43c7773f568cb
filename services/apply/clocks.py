"""How long each turn may last. Working days, from reviewed data (time_limits.yaml); days are Bangkok days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final

from core.clock import bangkok_day
from core.strict_yaml import Reader, read
from core.text import Text
from core.working_days import WorkingDays, WorkingDaysUnknown, thai_working_days
from services.apply.models import Application
from services.apply.states import TIMERS, TURNS, Action, Status, Timer, Turn

FILE: Final = "time_limits.yaml"
DAYS_MAX: Final = 400
REMINDED_BEFORE: Final = 3
"""Working days before the last day of a turn: then whoever's turn it is hears of it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Working days by timer; `reopen_days` are calendar days."""

    days: Mapping[Timer, int]
    reopen_days: int
    law: Text
    unverified: Text | None


class TimeLimits:
    def __init__(self, default: Limits, subjects: Mapping[str, Limits]) -> None:
        self.default, self.subjects = default, dict(subjects)

    def of(self, subject: str) -> Limits:
        return self.subjects.get(subject, self.default)


class TurnClock:
    """What a move does to the clock of an application: values of its columns, for the same statement that moves it."""

    def __init__(self, limits: TimeLimits | None = None, days: WorkingDays | None = None) -> None:
        self._limits, self._days = limits or time_limits(), days or thai_working_days()

    def begun(self, subject: str, now: datetime) -> dict[str, Any]:
        """Of a new application."""
        due = self._due(subject, Timer.AGENCY, bangkok_day(now), 0)
        return {"turn_since": now, "agency_days": 0, "due_on": due}

    def moved(self, application: Application, action: Action, status: Status, now: datetime) -> dict[str, Any]:
        """Of a move to `status`. A question, an appeal and a reopening begin a turn even if it was theirs before."""
        was, today = Status(application.status), bangkok_day(now)
        if action is Action.ESCALATE:
            return {"overdue_at": now}
        asks = action is Action.ASK_CITIZEN and TURNS[status] is Turn.CITIZEN
        if TURNS[was] is TURNS[status] and not asks and action not in _BEGIN:
            return {}
        used = 0 if action in {Action.APPEAL, Action.REOPEN} else self._used(application, today)
        timer = TIMERS.get(status)
        changes: dict[str, Any] = {"turn_since": now, "agency_days": used, "overdue_at": None, "reminded_at": None}
        changes["due_on"] = None if timer is None else self._due(application.subject, timer, today, used)
        changes["reopen_until"] = None
        if status is Status.LAPSED:
            changes["reopen_until"] = today + timedelta(days=self._limits.of(application.subject).reopen_days)
        return changes

    def soon(self, today: date) -> date | None:
        """A turn whose last day is not later than this one ends soon; None while the calendar is not known."""
        try:
            return self._days.add_working_days(today, REMINDED_BEFORE)
        except WorkingDaysUnknown:
            return None

    def due_on(self, application: Application) -> date | None:
        """The last day of the turn as it stands; None where there is none, and while the calendar is not known."""
        timer = TIMERS.get(Status(application.status))
        since = bangkok_day(application.turn_since or application.updated_at)
        return None if timer is None else self._due(application.subject, timer, since, application.agency_days)

    def _used(self, application: Application, today: date) -> int:
        """The agency's working days so far; an unknown year counts as none, in nobody's disfavour but its own."""
        used = application.agency_days
        if TURNS[Status(application.status)] is not Turn.AGENCY:
            return used
        since = bangkok_day(application.turn_since or application.updated_at)
        try:
            return used + self._days.working_days_between(since, today)
        except WorkingDaysUnknown:
            return used

    def _due(self, subject: str, timer: Timer, since: date, used: int) -> date | None:
        allowed = self._limits.of(subject).days[timer]
        left = allowed - used if timer is Timer.AGENCY else allowed
        try:
            return self._days.add_working_days(since, max(left, 0))
        except WorkingDaysUnknown:
            return None


_BEGIN: Final = frozenset({Action.APPEAL, Action.REOPEN})


@cache
def time_limits() -> TimeLimits:
    """Those that come with the program. Raises :class:`core.strict_yaml.FileError`."""
    return parse(files(__package__).joinpath(FILE).read_text(encoding="utf-8"))


def parse(text: str, file: str = FILE) -> TimeLimits:
    """Out of the text of a file. Raises a :class:`core.strict_yaml.FileError` that names the line."""
    whole = Reader(read(text, file), file)
    default, subjects = _limits(whole.part("default")), dict[str, Limits]()
    for part in whole.parts("subjects"):
        subject = part.word("subject")
        if subject in subjects or subject.partition(":")[0] not in {"programme", "service"}:
            raise part.wrong("subject", "programme:<slug> or service:<slug>, once")
        subjects[subject] = _limits(part)
    whole.done()
    return TimeLimits(default, subjects)


def _limits(part: Reader) -> Limits:
    days = {timer: part.number(timer.value, 1, DAYS_MAX) for timer in Timer}
    found = Limits(days, part.number("reopen", 0, DAYS_MAX), _text(part, "law"), None)
    doubt = _text(part, "unverified") if part.has("unverified") else None
    part.done()
    return Limits(found.days, found.reopen_days, found.law, doubt)


def _text(part: Reader, key: str) -> Text:
    words = part.part(key)
    text = Text(th=words.word("th"), en=words.word("en"))
    words.done()
    return text
