"""Holds the schema that new operations run on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from strawberry import Schema

from api.composer.compose import compose
from api.composer.quiet import quiet
from services.plugins.plugin import Plugin
from services.plugins.runner import Runner


class SchemaHolder:
    """Ask for :attr:`current` once per operation (over WebSockets too) and keep it to the operation's end."""

    def __init__(self, base: Schema, runner: Runner, plugins: Iterable[Plugin] = ()) -> None:
        """Composes at once, on the caller's thread; raises :class:`PluginRefused`."""
        self._base, self._runner = base, runner
        self._current = compose(base, plugins, runner)
        self._publishing = asyncio.Lock()

    @property
    def base(self) -> Schema:
        """The schema of our own rooms."""
        return self._base

    @property
    def current(self) -> Schema:
        return self._current

    async def composed(self, plugins: Iterable[Plugin]) -> Schema:
        """A schema of base and exactly these plugins, made off the event loop; the one in use stays.

        Raises :class:`PluginRefused`.
        """
        return await asyncio.to_thread(self._composed, tuple(plugins))

    def _composed(self, plugins: tuple[Plugin, ...]) -> Schema:
        with quiet(len(plugins)):
            return compose(self._base, plugins, self._runner)

    def swap(self, schema: Schema) -> None:
        """New operations run on it from now on. Those under way finish on the one they began with."""
        self._current = schema

    async def publish(self, plugins: Iterable[Plugin]) -> Schema:
        """Composes and swaps, one publication at a time.

        Raises :class:`PluginRefused`; the schema in use then stays.
        """
        chosen = tuple(plugins)
        async with self._publishing:
            self.swap(await self.composed(chosen))
            return self._current
