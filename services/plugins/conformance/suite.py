"""One suite over every kind of plugin: our own tree's, a package in a host process, a stranger's endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Final

from core.clock import Clock
from core.text import Text
from services.plugins.conformance.inside import InsideCheck, Sandbox
from services.plugins.conformance.report import Book, Report
from services.plugins.conformance.rules import BY_ID
from services.plugins.plugin import Origin, Plugin

if TYPE_CHECKING:
    from services.plugins.conformance.line import Line

SECONDS_MAX: Final = 300.0
"""Of one check."""
_OUT_OF_TIME: Final = Text(th="การตรวจหมดเวลาก่อนถึงข้อนี้", en="The check's time was over before it came to this rule")


class Suite:
    """`line_of` opens the way to the endpoint of a package or a remote plugin; without it only our own are checked.
    With a `sandbox` these are asked about its people too.

    A check changes nothing and needs no database. It waits more than it computes, so it may run in any worker.
    """

    def __init__(
        self,
        clock: Clock,
        line_of: Callable[[Plugin], AbstractAsyncContextManager[Line]] | None = None,
        *,
        sandbox: Sandbox | None = None,
        seconds_max: float = SECONDS_MAX,
    ) -> None:
        self._clock, self._line_of, self._seconds_max = clock, line_of, seconds_max
        self._sandbox = sandbox

    async def check(self, plugin: Plugin, *, documents_hash: str) -> Report:
        """Looks at every rule. `documents_hash` goes into the report: what exactly was checked."""
        book, at = Book(plugin), self._clock.now()
        _check_exemptions(plugin, book)
        book.looked("time.total")
        calls = 0
        try:
            async with asyncio.timeout(self._seconds_max):
                calls = await self._looked_at(plugin, book)
        except TimeoutError:
            book.failed("time.total", f"it was not over after {self._seconds_max:g} seconds")
            book.stopped(_OUT_OF_TIME)
        return Report(
            plugin=plugin.slug,
            version=plugin.manifest.version,
            documents_hash=documents_hash,
            origin=str(plugin.origin),
            at=at,
            calls=calls,
            findings=book.findings(),
        )

    async def _looked_at(self, plugin: Plugin, book: Book) -> int:
        if plugin.origin is Origin.TREE:
            await InsideCheck(plugin, book, self._clock, self._sandbox).run()
            return 0
        if self._line_of is None:
            raise ValueError(f"{plugin.slug}: this suite was given no way to an endpoint")
        from services.plugins.conformance.outside import OutsideCheck  # noqa: PLC0415 - a desk's folder needs no HTTP

        async with self._line_of(plugin) as line:
            check = OutsideCheck(plugin, book, line, self._clock)
            await check.run()
            return check.calls


def _check_exemptions(plugin: Plugin, book: Book) -> None:
    book.looked("exemptions.known")
    for name in plugin.manifest.exempt:
        if name not in BY_ID:
            book.failed("exemptions.known", f"exempt.{name}: there is no such rule")
        elif not BY_ID[name].may_be_exempt:
            book.failed("exemptions.known", f"exempt.{name}: nothing is exempt from it")
