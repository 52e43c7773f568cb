"""Our own graph as it was published last, and what breaks it: the year rule of agencies, for ourselves.

The file is written at a release (`script/schema --published`). What it names is in the graph or in the list of what
went.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

from graphql import Node, Visitor, build_schema, find_breaking_changes, parse, print_ast, visit

from api.deprecations.ours import OurNames
from services.plugins.notices.coordinates import deprecation_of
from services.plugins.notices.yearly import removed_by

FILE: Final = Path(__file__).with_name("published.graphql")


def without_words(sdl: str) -> str:
    """The names and types alone, in the order of the file."""
    return f"{print_ast(visit(parse(sdl), _Wordless()))}\n"


def breaking(published: str, sdl: str, names: OurNames, today: date) -> Iterator[str]:
    """What clients would lose, each in a sentence."""
    for change in find_breaking_changes(build_schema(published), build_schema(sdl)):
        coordinate = removed_by(change)
        gone = None if coordinate is None else names.removed.get(coordinate)
        if gone is None:
            notice = names.standing.get(coordinate or "")
            yield change.description if notice is None else f"{change.description} It stays until {notice.sunset}."
        elif gone > today:
            yield f"{change.description} By the list it goes on {gone}."


class _Wordless(Visitor):
    def enter(self, node: Any, *_: object) -> Node | None:
        if getattr(node, "description", None) is None and deprecation_of(node) is None:
            return None
        directives = tuple(one for one in node.directives or () if one is not deprecation_of(node))
        changed: Node = type(node)(
            **{key: getattr(node, key) for key in node.keys if key not in ("description", "directives")},
            directives=directives,
        )
        return changed
