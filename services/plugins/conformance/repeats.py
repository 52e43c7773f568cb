"""Calls with an effect that come again: one effect, one answer, and no other call is taken for them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Final

from core.text import Text
from services.plugins.conformance.bench import Bench
from services.plugins.conformance.judging import Told
from services.plugins.conformance.line import key_of, new_key
from services.plugins.conformance.people import strangers
from services.plugins.contract.kinds import EFFECTS
from services.plugins.contract.wire import BUSY, KEY_REUSED
from services.plugins.plugin import Example

SAME: Final = "duplicates.same-key"
PARALLEL: Final = "duplicates.parallel"
OTHER: Final = "duplicates.other-call"
AT_ONCE: Final = 5
_NONE: Final = Text(th="ไม่มีตัวอย่างของบริการที่มีผลซึ่งใช้ตรวจข้อนี้ได้", en="No example of an operation with an effect held")


class Repeats:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def run(self) -> None:
        bench = self._bench
        for operation in bench.plugin.manifest.operations:
            held = [e for e in bench.sound if e.operation == operation and e.error is None and bench.kind(e) in EFFECTS]
            if held:
                await self._again(held[0])
                await self._at_once(held[0])
        for rule in (SAME, PARALLEL, OTHER):
            bench.book.not_applicable(rule, _NONE)

    async def _again(self, example: Example) -> None:
        bench, (anew, key) = self._bench, _anew(example)
        bench.book.looked(SAME)
        first, again = [await self._ask(anew, key) for _ in range(2)]
        what = first.what or again.what or ("" if first.said == again.said else "the answers differ")
        if what:
            bench.book.failed(first.broken or again.broken or SAME, f"{example.name}: the same call twice: {what}")
            return
        bench.book.looked(OTHER)
        call = bench.caller.call(_other(anew, strangers(bench.plugin)[0].digits), key=key)
        reply = await bench.caller.send(call)
        if reply.status != KEY_REUSED:
            what = reply.lost or f"status {reply.status}"
            bench.book.failed(OTHER, f"{example.name}: another call under a known key: {what} instead of {KEY_REUSED}")

    async def _at_once(self, example: Example) -> None:
        bench, (anew, key) = self._bench, _anew(example)
        bench.book.looked(PARALLEL)
        told_at_once = await asyncio.gather(*(self._ask(anew, key) for _ in range(AT_ONCE)))
        settled = [told for told in told_at_once if told.status != BUSY]  # who is told to come again may do so
        ends = settled or [await self._ask(anew, key)]
        what = next((told.what for told in ends if told.what), "")
        if not what and any(told.said != ends[0].said for told in ends):
            what = "the answers differ"
        if what:
            bench.book.failed(PARALLEL, f"{example.name}: the same call {AT_ONCE} times at once: {what}")

    async def _ask(self, example: Example, key: str) -> Told:
        return await self._bench.ask(example, self._bench.caller.call(example, key=key))


def _anew(example: Example) -> tuple[Example, str]:
    """The example's call as one that was never made, and its key: an application and an event bring theirs along."""
    key = new_key()
    if not key_of(example.arguments):
        return example, key
    named: dict[str, Any] = {
        name: {**value, "id": key} for name, value in example.arguments.items() if name in ("application", "event")
    }
    return replace(example, arguments={**example.arguments, **named}), key


def _other(example: Example, digits: str) -> Example:
    """Another call: of somebody else, or with something else in it."""
    if example.person is not None:
        return replace(example, person=digits)
    return replace(example, arguments={**example.arguments, "conformance": "another call"})
