"""The rules for code of our own tree, each looked at with the agency of the examples, and faults of it.

The code runs in this process, so nothing of the wire is looked at. What matters of it: whatever its agency does, it
never makes an answer up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from core.clock import Clock
from core.errors import ServiceUnavailable
from core.ids import NationalId
from core.text import Text
from services.plugins.conformance import agencies
from services.plugins.conformance.agencies import Fault, RecordedAgency
from services.plugins.conformance.answers import not_typed, says_nothing
from services.plugins.conformance.people import may_be_asked, strangers
from services.plugins.conformance.report import Book
from services.plugins.conformance.rules import ABOUT_SOMEBODY, BY_ID
from services.plugins.conformance.running import End, Ended, run
from services.plugins.contract import AgencyClient, Manifest, OperationKind
from services.plugins.contract.kinds import EFFECTS
from services.plugins.plugin import Example, Exchange, Plugin
from services.plugins.runner.examples import ExampleFailed, run_example
from services.plugins.runner.subjects import ONE, SEVERAL

EXAMPLES_MAX: Final = 3
"""Of one operation, with which faults are tried; all of them must hold."""
HANGING_SECONDS: Final = 0.05
"""The time limit while the agency hangs: that it is kept does not depend on how long it is."""
TURNS: Final = 3
_ASKS_NOBODY: Final = Text(th="ตัวอย่างของปลั๊กอินไม่มีคำขอไปยังหน่วยงานในกรณีนี้", en="Nothing in its examples asks an agency so")
_NOTHING_SENT: Final = Text(th="ไม่มีบริการใดส่งคำขอที่มีผลไปยังหน่วยงาน", en="Nothing is sent to an agency to have an effect")
_NO_SANDBOX: Final = Text(th="การตรวจครั้งนี้ไม่ได้ใช้ระบบทดสอบ", en="No sandbox stands behind this check")
_NONE_HELD: Final = Text(th="ไม่มีตัวอย่างใดที่ใช้ตรวจข้อนี้ได้", en="No example held by which it could be looked at")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Stand-ins of our own agencies, and people whom they know: made up, though their numbers look like others."""

    client_of: Callable[[Manifest], AgencyClient]
    people: Sequence[NationalId]


class InsideCheck:
    """One check of one plugin; call :meth:`run` once. What it finds is in the book."""

    def __init__(self, plugin: Plugin, book: Book, clock: Clock, sandbox: Sandbox | None = None) -> None:
        self._plugin, self._book, self._clock, self._sandbox = plugin, book, clock, sandbox
        self._sound: list[Example] = []
        """Examples that held: only with these the rest is tried, so that one fault is told once."""

    async def run(self) -> None:
        await self._examples()
        for rule in ("answer.typed", "time.limit"):
            self._book.looked(rule)
        for look in (self._everybody, self._parallel, self._hangs, self._faults, self._people, self._unknown):
            await look()
        await self._duplicates()

    async def _examples(self) -> None:
        book = self._book
        book.begins_with_examples()
        for example in self._plugin.examples:
            if not may_be_asked(example):
                book.failed("examples.personas", f"{example.name}: the number of `person` does not begin with 0")
            elif await self._holds(example):
                self._sound.append(example)

    async def _holds(self, example: Example) -> bool:
        rule = "examples.operations" if example.error is None else "examples.errors"
        ended = await run(self._plugin, example, RecordedAgency(example.agency))
        if ended.is_timeout or ended.end is End.NEVER:
            self._book.failed("time.limit", f"{example.name}: `{example.operation}` did not end in its time")
            return False
        if ended.untyped is not None:
            self._book.failed("answer.typed", f"{example.name}: {ended.untyped}")
            return False
        spec = self._plugin.manifest.operations[example.operation]
        if ended.end is End.ANSWERED and (why := not_typed(spec.kind, ended.raw, spec.awards_satang_max)) is not None:
            self._book.failed("answer.typed", f"{example.name}: {why}")
            return False
        try:
            await run_example(self._plugin, example)
        except ExampleFailed as failed:
            self._book.failed(rule, f"{example.name}: `{example.operation}` says something else", str(failed))
            return False
        except ServiceUnavailable:
            behind = type(ended.behind).__name__
            self._book.failed(rule, f"{example.name}: `{example.operation}` ended in {ended.code} ({behind})")
            return False
        return True

    async def _everybody(self) -> None:
        """The people of the sandbox, by the questions of the examples."""
        rule = "examples.sandbox"
        self._book.not_applicable(rule, _NO_SANDBOX)
        if self._sandbox is None:
            return
        client = self._sandbox.client_of(self._plugin.manifest)
        for example in self._by_operation(1):
            if not self._tells(example) or self._kind(example) not in BY_ID[rule].kinds:
                continue
            self._book.looked(rule)
            for number, person in enumerate(self._sandbox.people):
                asked = replace(example, person=person.digits, now=self._clock.now().isoformat())
                ended = await run(self._plugin, asked, client)
                why = ended.untyped or (ended.code if ended.end is End.TROUBLE else "")
                if not why and ended.end is End.ANSWERED:
                    why = not_typed(self._kind(example), ended.raw) or ""
                if why:
                    self._book.failed(rule, f"`{example.operation}`, of person {number} of the sandbox: {why}")

    async def _parallel(self) -> None:
        rule = "time.parallel"
        for example in self._by_operation(1):
            self._book.looked(rule)
            places = self._plugin.manifest.operations[example.operation].places
            alone = await self._run(example)
            ends = await asyncio.gather(*(self._run(example, turns=TURNS) for _ in range(places)))
            if any(ended.told != alone.told for ended in ends):
                what = f"{example.name}: of {places} calls at once, not all ended as one alone does"
                self._book.failed(rule, what)
        self._book.not_applicable(rule, _NONE_HELD)

    async def _hangs(self) -> None:
        for example, at in self._asking(1):
            agency = RecordedAgency(example.agency, agencies.HANGS, at)
            ended = await run(self._plugin, example, agency, seconds=HANGING_SECONDS)
            if ended.end is not End.TROUBLE:
                self._book.failed("time.limit", _invented(example, at, agencies.HANGS, ended))

    async def _faults(self) -> None:
        await self._pass_on("garbage.unreadable", agencies.UNREADABLE)
        await self._pass_on("garbage.shape", agencies.OF_ANOTHER_SHAPE)
        await self._pass_on("outage.passed-on", agencies.DOWN)

    async def _pass_on(self, rule: str, faults: Iterable[Fault]) -> None:
        if not self._book.asks_for(rule):
            return
        kinds = BY_ID[rule].kinds
        for example, at in self._asking(EXAMPLES_MAX):
            if self._plugin.manifest.operations[example.operation].kind not in kinds:
                continue
            for fault in faults:
                self._book.looked(rule)
                agency = RecordedAgency(example.agency, fault, at)
                ended = await run(self._plugin, example, agency)
                # What the agency said of its own accord, and is of the SDL's type, is its word.
                if ended.end is not End.TROUBLE and not (agency.said and ended.answer in agency.said):
                    self._book.failed(rule, _invented(example, at, fault, ended))
        self._book.not_applicable(rule, _ASKS_NOBODY)

    async def _people(self) -> None:
        """An agency that answers about another, and two citizens who ask at once."""
        rule = "person.wrong"
        other = strangers(self._plugin)[0].digits
        for example, at in self._asking(EXAMPLES_MAX):
            if not (self._tells(example) and {ONE, SEVERAL} & example.agency[at].request.keys()):
                continue
            self._book.looked(rule)
            fault = agencies.about_another(other)
            ended = await run(self._plugin, example, RecordedAgency(example.agency, fault, at))
            if ended.end is not End.TROUBLE:
                self._book.failed(rule, _invented(example, at, fault, ended))
        for operation in self._plugin.manifest.operations:
            await self._at_once([e for e in self._sound if e.operation == operation and self._tells(e)], other)
        self._book.not_applicable(rule, _NONE_HELD)

    async def _at_once(self, examples: Sequence[Example], other: str) -> None:
        if not examples:
            return
        self._book.looked("person.wrong")
        asked = [*examples, *(about(example, other) for example in examples)]
        alone = [await self._run(example) for example in asked]
        at_once = await asyncio.gather(*(self._run(e, turns=turn % 4) for turn, e in enumerate(asked)))
        for example, before, ended in zip(asked, alone, at_once, strict=True):
            # That a call fails beside others, `time.parallel` tells.
            if ended.end is End.ANSWERED and ended.told != before.told:
                self._book.failed(
                    "person.wrong", f"{example.name}: asked about several people at once, it mixed them up"
                )

    async def _unknown(self) -> None:
        rule = "person.unknown"
        if not self._book.asks_for(rule):
            return
        for example, at in self._asking(EXAMPLES_MAX):
            request = example.agency[at].request
            if not (self._tells(example) and {ONE, SEVERAL} & request.keys()):
                continue
            self._book.looked(rule)
            agency = RecordedAgency(example.agency, agencies.KNOWS_NOBODY, at)
            ended = await run(self._plugin, example, agency)
            if ended.end is End.ANSWERED and not says_nothing(ended.answer):
                self._book.failed(rule, _invented(example, at, agencies.KNOWS_NOBODY, ended))
            elif SEVERAL in request and ended.end is not End.ANSWERED:
                # The manner of GDX says it in so many words; of one person, an agency has words of its own.
                self._book.failed(rule, f"{example.name}: `{example.operation}` broke at null for a person")
        self._book.not_applicable(rule, _ASKS_NOBODY)

    async def _duplicates(self) -> None:
        for example in self._by_operation(EXAMPLES_MAX):
            if self._plugin.manifest.operations[example.operation].kind not in EFFECTS:
                continue
            first, again, another = [await self._sent(example, key) for key in ("key-one-1", "key-one-1", "key-two-2")]
            if not first:
                continue
            self._book.looked("duplicates.same-key")
            self._book.looked("duplicates.other-call")
            if first != again:
                what = f"{example.name}: the same call again is sent to the agency as another"
                self._book.failed("duplicates.same-key", what)
            elif {key for _, _, key in first} & {key for _, _, key in another}:
                what = f"{example.name}: two calls are sent to the agency under one idempotency key"
                self._book.failed("duplicates.other-call", what)
        for rule in ("duplicates.same-key", "duplicates.other-call"):
            self._book.not_applicable(rule, _NOTHING_SENT)

    async def _sent(self, example: Example, key: str) -> list[tuple[str, str, str]]:
        agency = RecordedAgency(example.agency)
        await run(self._plugin, example, agency, key=key)
        return agency.sent

    def _run(self, example: Example, turns: int = 0) -> Coroutine[Any, Any, Ended]:
        return run(self._plugin, example, RecordedAgency(example.agency, turns=turns))

    def _by_operation(self, count: int) -> list[Example]:
        """The first so many sound examples of each operation that answer."""
        return [
            example
            for operation in self._plugin.manifest.operations
            for example in [e for e in self._sound if e.operation == operation and e.error is None][:count]
        ]

    def _asking(self, count: int) -> list[tuple[Example, int]]:
        """Sound examples with the number of each request in them."""
        return [(example, at) for example in self._by_operation(count) for at in range(len(example.agency))]

    def _kind(self, example: Example) -> OperationKind:
        return self._plugin.manifest.operations[example.operation].kind

    def _tells(self, example: Example) -> bool:
        return example.person is not None and self._kind(example) in ABOUT_SOMEBODY


def about(example: Example, digits: str) -> Example:
    """The same example of somebody else: the number is replaced wherever it stands."""
    assert example.person is not None

    def swap(told: Any) -> Any:
        return _swapped(told, example.person, digits)

    exchanges = tuple(Exchange(e.path, swap(e.request), swap(e.answer), e.status) for e in example.agency)
    return replace(example, person=digits, arguments=swap(example.arguments), agency=exchanges)


def _swapped(told: Any, old: str | None, new: str) -> Any:
    if isinstance(told, dict):
        return {key: _swapped(value, old, new) for key, value in told.items()}
    if isinstance(told, list):
        return [_swapped(item, old, new) for item in told]
    return new if told == old else told


def _invented(example: Example, at: int, fault: Fault, ended: Ended) -> str:
    how = {End.ANSWERED: "answered all the same", End.NEVER: "did not even end"}.get(ended.end, f"told {ended.code}")
    return f"{example.name}: at {example.agency[at].path} the agency {fault.name}, and `{example.operation}` {how}"
