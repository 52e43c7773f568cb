"""Where services are found by their type. Beside the graph and not in it: a command that asks no graph loads none."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")


class Rooms:
    """The services of the rooms, by their type. `api/app.py` fills it at start; resolvers take what they need."""

    def __init__(self) -> None:
        self._by_type: dict[type, Any] = {}

    def add(self, kind: type[T], service: T) -> T:
        if kind in self._by_type:
            raise ValueError(f"{kind.__name__} is there already")
        self._by_type[kind] = service
        return service

    def get(self, kind: type[T]) -> T:
        return self._by_type[kind]  # type: ignore[no-any-return]
