"""The next day on which an answer changes although no fact does: a birthday, a fiscal year, a new version of the law.

Exact: an answer can change only on a day on which a version begins or ends, or on which a comparison of a known date
with a date constant flips. Those days are computed from the trees; the answer is then taken on each, in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from welfare.programmes.answer import BenefitAmount, Outcome
from welfare.programmes.evaluate import Facts, evaluate
from welfare.programmes.model import Programme, Version
from welfare.rules.attributes import YEAR_MAX
from welfare.rules.dates import anniversary, checked_day, fiscal_year_start, resolved, shifted
from welfare.rules.tree import AgeOn, Cmp, DateCompare, DateConst

HORIZON_YEARS: Final = 150
_DAY: Final = timedelta(days=1)
Answer = tuple[Outcome, tuple[BenefitAmount, ...]]


def changes_on(programme: Programme, facts: Facts, child: Facts | None, on: date) -> date | None:
    """The first day after `on` with another outcome or other amounts; None if there is none within 150 years.

    A day without a version in force is an answer too. Raises ChildExpected, DayOutOfRange or a FactError.
    """
    now = answer_on(programme, facts, child, checked_day(on))
    for day in days_of_change(programme, facts, child, on):
        if answer_on(programme, facts, child, day) != now:
            return day
    return None


def days_of_change(programme: Programme, facts: Facts, child: Facts | None, on: date) -> list[date]:
    """The days after `on`, within 150 years and in order, on which the answer may change; on no other does it.

    Raises DayOutOfRange.
    """
    last = date(min(checked_day(on).year + HORIZON_YEARS, YEAR_MAX), 12, 31)
    return sorted(set(_candidates(programme, facts, child, on, last)))


def answer_on(programme: Programme, facts: Facts, child: Facts | None, day: date) -> Answer | None:
    """What is compared: outcome and benefits, or None where no version is in force."""
    version = programme.version_on(day)
    if version is None:
        return None
    found = evaluate(version, facts, child, day)
    return found.outcome, found.benefits


def _candidates(programme: Programme, facts: Facts, child: Facts | None, on: date, last: date) -> Iterator[date]:
    for version in programme.versions:
        assert version.starts is not None
        first, end = max(version.starts, on + _DAY), min(version.until or last, last)
        if on <= end < last:
            yield end + _DAY
        if first > end:
            continue
        if first == version.starts:
            yield first
        yield from _flips(version, facts, child, first, end)


def _flips(version: Version, facts: Facts, child: Facts | None, first: date, end: date) -> Iterator[date]:
    """The days from `first` to `end` on which a date comparison of the version may change its value.

    On `first` itself only what was otherwise the day before: where the version begins, that day is a candidate anyway.
    """
    for node in version.dated:
        name = node.birth.name if isinstance(node, AgeOn) else node.fact.name
        value = (child or {}).get(name[6:]) if name.startswith("child.") else facts.get(name)
        if isinstance(value, date):
            for target in _targets(node, value):
                day = _first_reaching(node.at, target, first, end)
                if day is not None:
                    yield day


def _targets(node: AgeOn | DateCompare, value: date) -> tuple[date, ...]:
    """The comparison changes when its date constant first reaches one of these days."""
    if isinstance(node, DateCompare):
        return value, value + _DAY
    years = node.years.value
    if node.op in (Cmp.GE, Cmp.LT):
        return (anniversary(value, years),)
    if node.op in (Cmp.GT, Cmp.LE):
        return (anniversary(value, years + 1),)
    return anniversary(value, years), anniversary(value, years + 1)


def _first_reaching(at: DateConst, target: date, first: date, end: date) -> date | None:
    """The first day in [first, end] on which `at` is `target` or later; None if on none, or long before `first`."""
    if at.shifts:
        return _by_bisection(at, target, first, end)
    if at.base == "fiscal_year_start":
        start = fiscal_year_start(target)
        target = target if start == target else start.replace(year=start.year + 1)
    elif at.base != "assessment_date":
        return None  # it is the same on every day
    return target if first <= target <= end else None


def _by_bisection(at: DateConst, target: date, first: date, end: date) -> date | None:
    """`at` never goes back, and after shifts it is about as far from the day as they say."""
    if resolved(at, first - _DAY) >= target or resolved(at, end) < target:
        return None
    low, high = first.toordinal(), end.toordinal()
    if at.base == "assessment_date":
        guess = target
        for shift in reversed(at.shifts):
            guess = shifted(guess, -shift.amount, shift.unit)
        # A month without the day loses up to three on the way there, and again on the way back.
        near, slack = guess.toordinal(), 7 * len(at.shifts)
        low, high = max(low, near - slack), min(high, near + slack)
    while low < high:
        middle = (low + high) // 2
        if resolved(at, date.fromordinal(middle)) >= target:
            high = middle
        else:
            low = middle + 1
    return date.fromordinal(low)
