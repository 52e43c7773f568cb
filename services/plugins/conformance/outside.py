"""The rules for what runs elsewhere, looked at over the wire: a package in its host process, an agency's endpoint."""

from __future__ import annotations

import asyncio
from typing import Final

from core.clock import Clock
from core.text import Text
from services.plugins.conformance.attacks import Attacks
from services.plugins.conformance.bench import NONE_HELD, Bench
from services.plugins.conformance.line import CallsSpent, Line
from services.plugins.conformance.outages import Outages
from services.plugins.conformance.people import may_be_asked
from services.plugins.conformance.persons import Persons
from services.plugins.conformance.repeats import Repeats
from services.plugins.conformance.report import Book
from services.plugins.contract.kinds import EFFECTS
from services.plugins.contract.wire import UNSIGNED
from services.plugins.plugin import Example, Plugin

LOOK_SECONDS: Final = 1.0
"""Between two looks whether a server has learnt our key."""
STRANGERS_MAX: Final = 5
"""Examples that are asked of a server none of whose answers was signed: whoever wrote the manifest may have written
somebody else's address, and the check would be one more way to flood it."""
_NOT_THEIRS: Final = Text(
    th="ไม่มีคำตอบใดที่ลงนามด้วยกุญแจใน manifest จึงไม่ได้ตรวจข้อนี้",
    en="Not looked at: no answer was signed by a key of the manifest",
)
_UNREACHABLE: Final = Text(th="ติดต่อปลายทางไม่ได้ จึงไม่ได้ตรวจข้อนี้", en="Not looked at: nothing answers at the endpoint")
_SPENT: Final = Text(th="การตรวจเรียกครบจำนวนแล้ว จึงไม่ได้ตรวจข้อนี้", en="Not looked at: the check's calls were spent")


class OutsideCheck:
    """One check of one endpoint; call :meth:`run` once. What it finds is in the book."""

    def __init__(self, plugin: Plugin, book: Book, line: Line, clock: Clock) -> None:
        self._bench = Bench(plugin, book, line, clock)
        self._plugin, self._book = plugin, book

    @property
    def calls(self) -> int:
        return self._bench.caller.made

    async def run(self) -> None:
        book = self._book
        book.begins_with_examples()
        try:
            if not await self._reachable():
                book.nobody_there(_UNREACHABLE)
                return
            if not await self._examples():
                book.nobody_there(_NOT_THEIRS)
                return
            await self._parallel()
            for part in (Persons, Attacks, Outages, Repeats):
                await part(self._bench).run()
        except CallsSpent:
            book.failed("time.total", "it needs more calls than a check may make")
            book.stopped(_SPENT)

    async def _reachable(self) -> bool:
        """Whether anything answers; a server that meets our key for the first time gets time to look for it."""
        book, bench = self._book, self._bench
        book.looked("endpoint.reachable")
        asked = [example for example in self._ordered() if may_be_asked(example)]
        if not asked:
            return True
        reply = await bench.caller.send(bench.caller.call(asked[0]))
        patience = bench.caller.line.learns_seconds
        while reply.status == UNSIGNED and patience > 0:
            await asyncio.sleep(LOOK_SECONDS)
            patience -= LOOK_SECONDS
            reply = await bench.caller.send(bench.caller.call(asked[0]))
        if reply.lost and not (reply.timed_out or reply.too_large):
            book.failed("endpoint.reachable", reply.lost)
            return False
        return True

    async def _examples(self) -> bool:
        """Whether it went through them all; not when nobody at the endpoint signs by the keys of the manifest."""
        for asked, example in enumerate(self._ordered()):
            if asked >= STRANGERS_MAX and not self._bench.is_theirs:
                return False
            if not may_be_asked(example):
                self._book.failed("examples.personas", f"{example.name}: `person` does not begin with 0")
            elif await self._holds(example):
                self._bench.sound.append(example)
        for rule in ("answer.signed", "answer.subject", "answer.typed", "answer.bounded", "time.limit"):
            self._book.looked(rule)
        return True

    def _ordered(self) -> list[Example]:
        """What has an effect comes last."""
        return sorted(self._plugin.examples, key=lambda example: self._bench.kind(example) in EFFECTS)

    async def _holds(self, example: Example) -> bool:
        rule = "examples.operations" if example.error is None else "examples.errors"
        told, expected = await self._bench.ask(example), self._bench.expected(example)
        if told.what:
            self._book.failed(told.broken or rule, f"{example.name}: `{example.operation}`: {told.what}")
        elif told.said != expected:
            detail = f"{example.name}: expected {expected[1] or expected[0]}, got {told.code or told.answer}"
            self._book.failed(rule, f"{example.name}: `{example.operation}` says something else", detail)
        return not told.what and told.said == expected

    async def _parallel(self) -> None:
        """Of what citizens ask: what has an effect goes out from a queue, and is repeated by `duplicates.parallel`."""
        rule, bench = "time.parallel", self._bench
        if not self._book.asks_for(rule):
            return
        for operation, spec in self._plugin.manifest.operations.items():
            held = [e for e in bench.sound if e.operation == operation and spec.kind not in EFFECTS]
            if not held:
                continue
            self._book.looked(rule)
            ends = await asyncio.gather(*(bench.ask(held[0]) for _ in range(spec.places)))
            wrong = [told.what or "another answer" for told in ends if told.said != bench.expected(held[0])]
            if wrong:
                what = f"{held[0].name}: {len(wrong)} of {spec.places} calls at once did not end well: {wrong[0]}"
                self._book.failed(rule, what)
        self._book.not_applicable(rule, NONE_HELD)
