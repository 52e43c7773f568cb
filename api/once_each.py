"""What is made of all plugins is made once for each set of them, and not for each request: there may be thousands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from services.plugins.plugin import Plugin

T = TypeVar("T")


class OnceEach(Generic[T]):
    """`make` of the plugins of this moment. `plugins` answers the very same tuple until something changes, as the
    registry does; so does a call."""

    def __init__(self, plugins: Callable[[], tuple[Plugin, ...]], make: Callable[[tuple[Plugin, ...]], T]) -> None:
        self._plugins, self._make = plugins, make
        self._made: tuple[tuple[Plugin, ...], T] | None = None

    def __call__(self) -> T:
        plugins, made = self._plugins(), self._made
        if made is None or made[0] is not plugins:
            made = self._made = plugins, self._make(plugins)
        return made[1]
