"""Callers that break off, dawdle or hang up: the agency serves the next one as before."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from services.plugins.conformance.bench import NONE_HELD, Bench
from services.plugins.conformance.line import Signed
from services.plugins.plugin import Example

CALLERS: Final = 8
BREAKS_AFTER_SECONDS: Final = 0.2
STALLS_SECONDS: Final = 30.0
"""Longer than the honest call beside them may take."""
HANGS_UP_AFTER_SECONDS: Final = 0.02
_RULES: Final = ("outage.broken-off", "outage.slow-caller", "outage.hung-up")


class Outages:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def run(self) -> None:
        probe, book = self._bench.probe, self._bench.book
        for rule, look in zip(_RULES, (self._broken_off, self._slow, self._hung_up), strict=True):
            book.not_applicable(rule, NONE_HELD)
            if probe is not None and book.asks_for(rule):
                book.looked(rule)
                await look(rule, probe)

    async def _broken_off(self, rule: str, probe: Example) -> None:
        await self._at_once([self._half(probe) for _ in range(CALLERS)], BREAKS_AFTER_SECONDS)
        await self._bench.still_well(rule, f"{CALLERS} calls that broke off")

    async def _slow(self, rule: str, probe: Example) -> None:
        halves = [self._half(probe) for _ in range(CALLERS)]
        stalled = asyncio.create_task(self._at_once(halves, STALLS_SECONDS))
        try:
            await asyncio.sleep(BREAKS_AFTER_SECONDS)  # they have begun; if not, the agency has one thing less to bear
            await self._bench.still_well(rule, f"{CALLERS} calls whose bodies do not end")
        finally:
            stalled.cancel()
            await asyncio.wait({stalled})

    async def _hung_up(self, rule: str, probe: Example) -> None:
        calls = [self._bench.caller.call(probe) for _ in range(CALLERS)]
        await self._at_once(calls, HANGS_UP_AFTER_SECONDS)
        await self._bench.still_well(rule, f"{CALLERS} callers who hung up")

    def _half(self, probe: Example) -> Signed:
        """Half of a body, under the length of the whole: the rest does not come."""
        call = self._bench.caller.call(probe)
        headers = {**call.headers, "content-length": str(len(call.body))}
        return replace(call, body=call.body[: len(call.body) // 2], headers=headers)

    async def _at_once(self, calls: list[Signed], seconds: float) -> None:
        await asyncio.gather(*(self._bench.caller.send(call, seconds=seconds) for call in calls))
