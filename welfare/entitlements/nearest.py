"""The fewest facts, and of each the nearest value, with which conditions hold that do not hold now. Exact and pure.

Branch and bound over the bounds of the rules (welfare/rules/bounds.py), so it needs to know nothing of a rule's form:
not which way it is monotone, nor that it is.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Final

from welfare.rules import FALSE, UNKNOWN, Plain, Pred, fact_names
from welfare.rules.bounds import Span, outcomes

TOGETHER_MAX: Final = 4
"""Facts that are changed together for conditions that read some of the same facts."""
LOOKS_MAX: Final = 20_000
"""Of one search. A rule with thresholds takes some sixty; what takes more has no simple answer to tell."""

Known = Mapping[str, Plain | None]
Free = Mapping[str, Span | bool]
"""What may change: a number within its range, or a yes-or-no to the value given."""


class Undecided(Exception):
    """The search was given up: there is no simple answer that would be worth telling."""


@dataclass(frozen=True, slots=True)
class Goal:
    """That no condition is FALSE (`refused` false), or that one is."""

    conditions: Sequence[Pred]
    on: date
    refused: bool = False

    def reached(self, facts: Mapping[str, Plain | Span | None]) -> tuple[bool, bool]:
        """Whether it can be, and whether it is, for all numbers within the bounds."""
        can, must = True, True
        lowest_high, lowest_low = UNKNOWN + 1, UNKNOWN + 1
        for condition in self.conditions:
            low, high = outcomes(condition, facts, self.on)
            lowest_low, lowest_high = min(lowest_low, low), min(lowest_high, high)
            if not self.refused and lowest_high == FALSE:
                return False, False
        if self.refused:
            can, must = lowest_low == FALSE, lowest_high == FALSE
        else:
            can, must = lowest_high >= UNKNOWN, lowest_low >= UNKNOWN
        return can, must


def fewest(conditions: Sequence[Pred], known: Known, free: Free, on: date) -> dict[str, Plain] | None:
    """What to change so that no condition is FALSE: the fewest facts, each by no more than it takes.

    Conditions that share no fact that may change are solved apart. Empty if none is FALSE now, None if it cannot be
    done. Raises Undecided.
    """
    changes: dict[str, Plain] = {}
    for group in _groups(conditions, free):
        found = _of_group(Goal(group, on), known, free)
        if found is None:
            return None
        changes |= found
    return changes


def nearest(goal: Goal, known: Known, name: str, span: Span) -> int | None:
    """The value of one number, nearest to the one it has, with which the goal is reached; of two, the lower.

    Raises Undecided.
    """
    now = known[name]
    assert isinstance(now, int), "a known number"
    waiting = [(_apart(span, now), span.low, span.high)]
    for _ in range(LOOKS_MAX):
        if not waiting:
            return None
        _, low, high = heapq.heappop(waiting)
        can, must = goal.reached({**known, name: Span(low, high)})
        if must:
            return min(max(now, low), high)
        if can:
            middle = (low + high) // 2
            for half in (Span(low, middle), Span(middle + 1, high)):
                heapq.heappush(waiting, (_apart(half, now), half.low, half.high))
    raise Undecided


def _apart(span: Span, now: int) -> int:
    return max(span.low - now, now - span.high, 0)


def _groups(conditions: Sequence[Pred], free: Free) -> list[list[Pred]]:
    """Conditions by the facts that may change which they share, directly or by others between."""
    groups: list[tuple[set[str], list[Pred]]] = []
    for condition in conditions:
        names, members = set(fact_names(condition)) & free.keys(), [condition]
        apart = []
        for others, group in groups:
            if names & others:
                names, members = names | others, group + members
            else:
                apart.append((others, group))
        groups = [*apart, (names, members)]
    return [members for _, members in groups]


def _of_group(goal: Goal, known: Known, free: Free) -> dict[str, Plain] | None:
    if goal.reached(known)[1]:
        return {}
    read = dict.fromkeys(name for condition in goal.conditions for name in fact_names(condition))
    names = [name for name in read if name in free]
    if not goal.reached(_opened(known, free, names))[0] and not any(isinstance(free[n], bool) for n in names):
        return None
    for count in range(1, min(len(names), TOGETHER_MAX) + 1):
        for chosen in combinations(names, count):
            found = _with(goal, known, free, chosen)
            if found is not None:
                return found
    return None


def _opened(known: Known, free: Free, names: Sequence[str]) -> dict[str, Plain | Span | None]:
    """The facts with these changed: numbers may be anything, what is yes or no is the other."""
    return {**known, **{name: free[name] for name in names}}


def _with(goal: Goal, known: Known, free: Free, chosen: Sequence[str]) -> dict[str, Plain] | None:
    """Values of exactly these facts with which the goal is reached, none of which could be nearer."""
    switched: dict[str, Plain] = {name: value for name in chosen if isinstance(value := free[name], bool)}
    spans = {name: span for name in chosen if isinstance(span := free[name], Span)}
    base: dict[str, Plain | None] = {**known, **switched}
    if not goal.reached({**base, **spans})[0]:
        return None
    if not spans:
        return switched
    if len(spans) == 1:
        [(name, span)] = spans.items()
        near = nearest(goal, base, name, span)
        return None if near is None else {**switched, name: near}
    found = _somewhere(goal, base, spans)
    return None if found is None else {**switched, **_tightened(goal, base, spans, found)}


def _somewhere(goal: Goal, base: Known, spans: Mapping[str, Span]) -> dict[str, int] | None:
    """Any values with which it is reached, the coarse first. Raises Undecided."""
    waiting = deque([dict(spans)])
    for _ in range(LOOKS_MAX // 10):
        if not waiting:
            return None
        box = waiting.popleft()
        can, must = goal.reached({**base, **box})
        if must:
            return {name: _clamped(base[name], span) for name, span in box.items()}
        if can:
            waiting.extend(_halves(box))
    raise Undecided


def _halves(box: dict[str, Span]) -> Iterator[dict[str, Span]]:
    name = max(box, key=lambda one: box[one].high - box[one].low)
    low, high = box[name].low, box[name].high
    middle = (low + high) // 2
    yield {**box, name: Span(low, middle)}
    yield {**box, name: Span(middle + 1, high)}


def _clamped(now: Plain | None, span: Span) -> int:
    assert isinstance(now, int), "a known number"
    return min(max(now, span.low), span.high)


def _tightened(goal: Goal, base: Known, spans: Mapping[str, Span], found: dict[str, int]) -> dict[str, int]:
    """Each as near as the others let it, until none moves; each step is nearer, so there is an end."""
    moved = True
    while moved:
        moved = False
        for name, span in spans.items():
            now, others = base[name], {key: value for key, value in found.items() if key != name}
            value = nearest(goal, {**base, **others, name: now}, name, span)
            assert value is not None, "the one found is one"
            moved, found = moved or value != found[name], {**found, name: value}
    return found
