"""An agency's system that answers what a plugin's examples say it does, for whoever has no system to try yet.

The examples are about people whose numbers begin with 0, and nobody of the sandbox has such a number. So somebody of
the sandbox may be given the records of one of them: what is asked about the one is answered as about the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request to an agency, and its answer."""

    path: str
    request: Mapping[str, Any]
    status: int
    answer: Any


class RecordedSystem:
    """`people` are numbers of the sandbox → numbers of the examples."""

    def __init__(self, recorded: Iterable[Recorded], people: Mapping[str, str] | None = None) -> None:
        self._recorded = tuple(recorded)
        self._people = dict(people or {})

    def __call__(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """The answer of the example that asks the same; 404 where none does."""
        asked = _renamed(body, self._people)
        for one in self._recorded:
            if one.path == path and dict(one.request) == asked:
                back = {theirs: ours for ours, theirs in self._people.items() if _holds(body, ours)}
                return one.status, _renamed(one.answer, back)
        return 404, {"code": "NOT_RECORDED"}


def _renamed(value: Any, numbers: Mapping[str, str]) -> Any:
    """The same with other people's numbers; a text that holds more than a number stays as it is."""
    if isinstance(value, Mapping):
        return {name: _renamed(inner, numbers) for name, inner in value.items()}
    if isinstance(value, list):
        return [_renamed(inner, numbers) for inner in value]
    return numbers.get(value, value) if isinstance(value, str) else value


def _holds(value: Any, number: str) -> bool:
    if isinstance(value, Mapping):
        return any(_holds(inner, number) for inner in value.values())
    if isinstance(value, list):
        return any(_holds(inner, number) for inner in value)
    return bool(value == number)
