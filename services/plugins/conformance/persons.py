"""People: nobody is told another's data, and of whom nothing is known nothing is said."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Final

from services.plugins.conformance.answers import says_nothing
from services.plugins.conformance.bench import NONE_HELD, Bench
from services.plugins.conformance.judging import Told
from services.plugins.conformance.people import strangers
from services.plugins.conformance.rules import ABOUT_SOMEBODY
from services.plugins.contract import OperationKind
from services.plugins.plugin import Example

WRONG: Final = "person.wrong"
UNKNOWN: Final = "person.unknown"
AT_ONCE: Final = 4
"""How often each of several people is asked about while the others are."""
EXAMPLES_MAX: Final = 4
"""Of one operation, that are asked at once."""


class Persons:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._strangers = [person.digits for person in strangers(bench.plugin)]

    async def run(self) -> None:
        bench = self._bench
        for operation, spec in bench.plugin.manifest.operations.items():
            known = [
                example
                for example in bench.sound
                if example.operation == operation and example.person is not None and example.error is None
            ][:EXAMPLES_MAX]
            if not known or spec.kind not in ABOUT_SOMEBODY:
                continue
            unknown = [(replace(known[0], person=digits), digits) for digits in self._strangers]
            alone = [(example, await bench.ask(example)) for example, _ in unknown]
            self._unknown(known, alone)
            if spec.kind is OperationKind.STATUS:
                self._of_another(known[0], alone)
            told = [(example, told) for example, told in alone if told.is_answer]
            await self._at_once([*((example, _expected(bench, example)) for example in known), *told])
            if spec.batch > 1 and spec.kind is OperationKind.SOURCE:
                await self._together(known[0], told)
        for rule in (WRONG, UNKNOWN):
            bench.book.not_applicable(rule, NONE_HELD)

    def _unknown(self, known: list[Example], alone: list[tuple[Example, Told]]) -> None:
        book = self._bench.book
        if not book.asks_for(UNKNOWN):
            return
        book.looked(UNKNOWN)
        for example, told in alone:
            if told.what and not told.broken and self._bench.caller.line.replayed:
                continue
            if told.what:
                book.failed(told.broken or UNKNOWN, f"`{example.operation}`, of an unknown person: {told.what}")
                continue
            same = [e.name for e in known if not told.code and told.said == self._bench.expected(e)]
            if same and not says_nothing(told.answer) and self._bench.kind(example) is not OperationKind.STATUS:
                what = f"`{example.operation}` says of an unknown person what it says in {same[0]}"
                book.failed(UNKNOWN, what)

    def _of_another(self, known: Example, alone: list[tuple[Example, Told]]) -> None:
        """An application's number is not enough to be told of it: it must be one's own."""
        self._bench.book.looked(WRONG)
        if any(told.is_answer and not told.code for _, told in alone):
            what = f"{known.name}: `{known.operation}` tells of an application to somebody whose it is not"
            self._bench.book.failed(WRONG, what)

    async def _at_once(self, asked: list[tuple[Example, Told]]) -> None:
        bench = self._bench
        bench.book.looked(WRONG)
        turns = asked * AT_ONCE
        ends = await asyncio.gather(*(bench.ask(example) for example, _ in turns))
        for (example, alone), told in zip(turns, ends, strict=True):
            # That calls fail beside others, `time.parallel` tells.
            if told.broken == "answer.subject" or (told.is_answer and told.said != alone.said):
                what = f"`{example.operation}`, asked about {len(asked)} people at once, mixed them up"
                bench.book.failed(WRONG, what)

    async def _together(self, known: Example, told: list[tuple[Example, Told]]) -> None:
        """Several people in one call, as the exchange asks a batch."""
        if not told:
            return
        (other, alone), bench = told[0], self._bench
        people = [other.person, known.person]
        call = bench.caller.call(known, about={"nationalIds": people})
        both = bench.judge.told(call, await bench.caller.send(call))
        if both.what:
            bench.book.failed(both.broken or WRONG, f"`{known.operation}`, of two people in one call: {both.what}")
            return
        rows: dict[str, Any] = both.answer
        wanted = [alone.answer, bench.expected(known)[0]]
        if [rows.get(str(person), {}) for person in people] != wanted:
            what = f"`{known.operation}` says something else of two people in one call than of each alone"
            bench.book.failed(WRONG, what)


def _expected(bench: Bench, example: Example) -> Told:
    answer, code = bench.expected(example)
    return Told(answer, code)
