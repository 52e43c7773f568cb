"""What the parts of a check over the wire share: the plugin, the book, and the way to the endpoint."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

from core.clock import Clock
from core.text import Text
from services.plugins.conformance.answers import plain
from services.plugins.conformance.judging import Judge, Told
from services.plugins.conformance.line import Caller, Line, Signed
from services.plugins.conformance.report import Book
from services.plugins.contract import OperationKind
from services.plugins.contract.kinds import EFFECTS
from services.plugins.plugin import Example, Plugin

NONE_HELD: Final = Text(th="ไม่มีตัวอย่างใดที่ใช้ตรวจข้อนี้ได้", en="No example held by which it could be looked at")


_AFTER_THE_SIGNATURE: Final = ("answer.typed", "answer.subject")


class Bench:
    """What the parts of a check share: the plugin, the book, and the way to the endpoint."""

    def __init__(self, plugin: Plugin, book: Book, line: Line, clock: Clock) -> None:
        self.plugin, self.book = plugin, book
        self.caller, self.judge = Caller(plugin, line, clock), Judge(plugin, line.keys, clock)
        self.sound: list[Example] = []
        """Examples that held: only with these the rest is tried, so that one fault is told once."""
        self.is_theirs = False
        """Whether any answer was signed by a key of the manifest."""

    def kind(self, example: Example) -> OperationKind:
        return self.plugin.manifest.operations[example.operation].kind

    async def ask(self, example: Example, call: Signed | None = None) -> Told:
        """Makes the example's call, or the one given in its stead, and says what came of it; of a batch of one, of
        that one."""
        made = call or self.caller.call(example)
        told = self.judge.told(made, await self.caller.send(made))
        self.is_theirs |= told.is_answer or told.broken in _AFTER_THE_SIGNATURE
        spec = self.plugin.manifest.operations[example.operation]
        if told.is_answer and not told.code and spec.kind is OperationKind.SOURCE and spec.batch:
            (person,) = json.loads(made.body)["about"]["nationalIds"]
            return replace(told, answer=told.answer.get(person, {}))
        return told

    def expected(self, example: Example) -> tuple[object, str]:
        if example.error is not None:
            return None, example.error
        return plain(self.kind(example), example.answer), ""

    async def holds(self, example: Example) -> str:
        """Why the example does not hold now; empty when it does."""
        told = await self.ask(example)
        return told.what or ("" if told.said == self.expected(example) else "it says something else than its example")

    @property
    def probe(self) -> Example | None:
        """The example by which it is seen that the agency is well: one without an effect, if any."""
        looks = [example for example in self.sound if self.kind(example) not in EFFECTS]
        return next(iter([e for e in looks if e.error is None] or looks or self.sound), None)

    async def still_well(self, rule: str, after: str) -> None:
        """Asks twice: what still runs when the first is asked may break the second."""
        assert self.probe is not None
        why = await self.holds(self.probe) or await self.holds(self.probe)
        if why:
            self.book.failed(rule, f"after {after}, `{self.probe.operation}` no longer holds: {why}")
