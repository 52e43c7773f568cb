"""The year rule: what was published deprecated long enough may go, and the refusal of what was not says when it may."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Final

from graphql import BreakingChange, BreakingChangeType, DefinitionNode

from services.plugins.notices.coordinates import deprecated_in, names_of, reached
from services.plugins.notices.terms import Notice, year_after

_REMOVED: Final = re.compile(
    r"(?:Field |Argument |Enum value |Standard scalar )?(?P<coordinate>\w+(\.\w+)?(\(\w+:\))?) was removed", re.ASCII
)
_REMOVALS: Final = frozenset(
    {
        BreakingChangeType.FIELD_REMOVED,
        BreakingChangeType.ARG_REMOVED,
        BreakingChangeType.VALUE_REMOVED_FROM_ENUM,
        BreakingChangeType.TYPE_REMOVED,
    }
)


class Notices:
    """Those that stand of the former graph, on a Bangkok day, held against the graph that is to follow it."""

    def __init__(
        self,
        former: Iterable[DefinitionNode],
        graph: Iterable[DefinitionNode],
        notices: Mapping[str, Notice],
        today: date,
    ) -> None:
        former, self._notices = tuple(former), notices
        names, left = names_of(former), names_of(graph)
        ripe = {name for name, one in notices.items() if name in names - left and one.may_go_on(today)}
        kept = reached(former, ripe)
        self._types_gone = frozenset(reached(former, ())) - kept
        self._ripe = frozenset(ripe)

    def lets_go(self, change: BreakingChange) -> bool:
        """Whether it takes away a name whose time is over, or a type that nothing but such names led to."""
        coordinate = removed_by(change)
        return coordinate is not None and self.is_let_go(coordinate)

    def is_let_go(self, coordinate: str) -> bool:
        return coordinate in self._ripe or coordinate.partition(".")[0] in self._types_gone

    def refusal(self, description: str) -> tuple[str, str]:
        """Why, and the remedy, of a change that is not let go."""
        why, coordinate = description.removesuffix("."), _coordinate(description)
        if coordinate is None or "." not in coordinate:
            return why, "Keep it, and mark what leads to it @deprecated: a year after that is published it may go"
        notice = self._notices.get(coordinate)
        if notice is None:
            return why, "Keep it and mark it @deprecated: a year after that is published it may go"
        told = f"{why}: it is deprecated since {notice.since_day}, and may go from {notice.sunset} on"
        return told, f"Keep it until {notice.sunset}"


def early_sunsets(
    definitions: Iterable[DefinitionNode], notices: Mapping[str, Notice], today: date
) -> Iterator[tuple[str, str, str, int | None]]:
    """Coordinate, why, remedy and line of each day in a reason that is too early, published today."""
    for coordinate, one in deprecated_in(definitions).items():
        notice = notices.get(coordinate)
        earliest = year_after(today) if notice is None else notice.sunset
        if one.until is not None and one.until < earliest:
            why = f"`until {one.until}` is too early: clients are told {earliest}"
            yield coordinate, why, f"Write `until {earliest}` or later, or no day", one.line


def removed_by(change: BreakingChange) -> str | None:
    """The coordinate that it takes away; None where it is another kind of change."""
    return _coordinate(change.description) if change.type in _REMOVALS else None


def _coordinate(description: str) -> str | None:
    found = _REMOVED.match(description)
    return None if found is None else found["coordinate"]
