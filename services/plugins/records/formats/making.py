"""What XML and CSV have in common: records are made of texts, and each remembers where it stood."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from core.errors import BadInput
from services.plugins.records.lines import EMPTY, INVALID, LINES_MAX, TOO_MANY, Line, Rejection

_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,17}")
_TRUTH: Final = {"true": True, "false": False}


def typed(text: str, schema: Mapping[str, Any]) -> Any:
    """The text as the schema would have it; one that is not so stays a text, which the schema then refuses."""
    kind = schema.get("type")
    if kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    return _TRUTH.get(text, text) if kind == "boolean" else text


def member(schema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The schema of a member; an empty one where it is not written out."""
    found = schema.get("properties", {}).get(name, {})
    return found if isinstance(found, Mapping) else {}


def items(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found = schema.get("items", {})
    return found if isinstance(found, Mapping) else {}


@dataclass(slots=True)
class Made:
    """A record that is being made."""

    line: int
    content: dict[str, Any] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    """JSON Pointer of an item → its line."""
    fault: tuple[int, str, str] | None = None
    """The first thing that no schema sees: its line, where in the record, and the keyword that it comes closest to."""

    def refuse(self, line: int, pointer: str, keyword: str) -> None:
        if self.fault is None:
            self.fault = (line, pointer, keyword)

    def as_line(self, number: int, ends: int) -> Line:
        rejection = None
        if self.fault is not None:
            line, pointer, keyword = self.fault
            self.places[pointer] = line
            rejection = Rejection(number, INVALID, pointer, keyword)
        return Line(number, orjson.dumps(self.content), self.line, ends, self.places, rejection)


def counted(lines: list[Line]) -> list[Line]:
    """Raises `BadInput` for none, and for too many."""
    if not lines:
        raise BadInput(EMPTY, path=("body",))
    if len(lines) > LINES_MAX:
        raise BadInput(TOO_MANY, path=("body",))
    return lines
