"""Code of our own tree: each rule has a plugin that breaks it alone, and an agency behind it that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import httpx2
import pytest

from core.clock import FixedClock
from services.plugins.conformance import RULES, Outcome, Report, Suite
from services.plugins.contract import AgencyError, AgencyRefusal, Call, Host, Known, Money
from services.plugins.contract.kinds import EFFECTS
from services.plugins.plugin import Example, Exchange, Origin, Plugin
from services.plugins.runner import MalformedReply, Trouble, WrongSubject
from tests.services.plugins.conformance.mutants import MUTANTS
from tests.services.plugins.conformance.stand import HASH, ME, OTHER, SEALED, Stand, shown

Function = Callable[[Host, Call], Any]
NOW: Final = "2026-11-16T10:00:00+07:00"
BILLS: Final = [{"meter": "M-1", "due": "2026-11-30", "satang": 25050}]


async def bills(host: Host, call: Call) -> Any:
    try:
        told = await host.agency.ask("/bills", {"pid": call.citizen.digits}, on_behalf_of=call.asker)
    except AgencyRefusal as refusal:
        if refusal.code == "SEALED":
            raise AgencyError("METER_SEALED") from None
        raise
    return [{"meter": row["meter"], "due": row["due"], "amount": Money(row["satang"])} for row in told["bills"]]


async def income(host: Host, call: Call) -> Any:
    body = {"pids": [person.digits for person in call.people]}
    told = await host.agency.ask("/income", body, on_behalf_of=call.asker)
    rows = {row["pid"]: row["answer"] for row in told["people"]}
    return {
        person: {"annual_income": Known(Money(rows[person.digits]["satang"]), host.clock.now())}
        for person in call.people
        if rows[person.digits] is not None
    }


async def open_meter(host: Host, call: Call) -> Any:
    body = {"pid": call.citizen.digits, "wish": call.arguments["application"]["answers"]["wish"]}
    told = await host.agency.send("/open", body, on_behalf_of=call.asker, key=call.key)
    return {"reference": told["number"], "state": "RECEIVED", "at": NOW}


def _example(name: str, operation: str, person: str, exchange: Exchange, **more: Any) -> Example:
    told = {"arguments": {}, "answer": None, "error": None, **more}
    return Example(name, operation, person, told["arguments"], NOW, (exchange,), told["answer"], told["error"])


def _money(satang: int) -> dict[str, Any]:
    return {"satang": satang, "currency": "THB"}


APPLICATION: Final = {"id": "app-00000001", "submittedAt": NOW, "answers": {"wish": "เล็ก"}, "facts": {}}
EXAMPLES: Final = (
    _example(
        "bills.json", "bills", ME,
        Exchange("/bills", {"pid": ME}, {"pid": ME, "bills": BILLS}),
        answer=[{"meter": "M-1", "due": "2026-11-30", "amount": _money(25050)}],
    ),
    _example("none.json", "bills", OTHER, Exchange("/bills", {"pid": OTHER}, {"pid": OTHER, "bills": []}), answer=[]),
    _example(
        "sealed.json", "bills", SEALED,
        Exchange("/bills", {"pid": SEALED}, {"code": "SEALED"}, 409),
        error="METER_SEALED",
    ),
    _example(
        "income.json", "income", ME,
        Exchange("/income", {"pids": [ME]}, {"people": [{"pid": ME, "answer": {"satang": 100}}]}),
        arguments={"attributes": ["annual_income"]}, answer={"annual_income": _money(100)},
    ),
    _example(
        "open.json", "openMeter", ME,
        Exchange("/open", {"pid": ME, "wish": "เล็ก"}, {"pid": ME, "number": "W-1"}),
        arguments={"application": APPLICATION}, answer={"reference": "W-1", "state": "RECEIVED", "at": NOW},
    ),
)  # fmt: skip


def plugin_with(clock: FixedClock, **functions: Function) -> Plugin:
    """The waterworks as a folder of our tree would be."""
    remote = Stand(clock).plugin
    kept = {name: spec for name, spec in remote.manifest.operations.items() if name in ("bills", "income", "openMeter")}
    manifest = remote.manifest.model_copy(update={"operations": kept, "endpoint": None})
    honest: dict[str, Function] = {"bills": bills, "income": income, "openMeter": open_meter}
    return Plugin(manifest, remote.graph, {**honest, **functions}, EXAMPLES, Origin.TREE)


async def check(plugin: Plugin, clock: FixedClock, **options: Any) -> Report:
    return await Suite(clock, **options).check(plugin, documents_hash=HASH)


def swallowing(
    trouble: type[BaseException], when: Callable[[Any], bool] = lambda _: True, answer: Any = ()
) -> Function:
    """The honest function, but for one trouble, of which it makes an answer."""

    async def mutant(host: Host, call: Call) -> Any:
        try:
            return await bills(host, call)
        except trouble as error:
            if when(error):
                return []
            raise

    return mutant


async def wrong_amount(host: Host, call: Call) -> Any:
    return [{**row, "amount": Money(1)} for row in await bills(host, call)]


async def undeclared(host: Host, call: Call) -> Any:
    try:
        return await bills(host, call)
    except AgencyError:
        raise AgencyError("OTHER") from None


async def amount_in_words(host: Host, call: Call) -> Any:
    return [{**row, "amount": "a lot"} for row in await bills(host, call)]


async def state_in_words(host: Host, call: Call) -> Any:
    return {**await open_meter(host, call), "state": "FINE"}


class Busy:
    running = 0

    async def bills(self, host: Host, call: Call) -> Any:
        if self.running:
            raise RuntimeError("one at a time")
        self.running += 1
        try:
            return await bills(host, call)
        finally:
            self.running -= 1


class Shared:
    digits = ""

    async def bills(self, host: Host, call: Call) -> Any:
        told = await bills(host, call)
        self.digits = call.citizen.digits
        await asyncio.sleep(0)
        return [{**row, "meter": self.digits} for row in told] if self.digits != call.citizen.digits else told


async def broken_by_null(host: Host, call: Call) -> Any:
    body = {"pids": [person.digits for person in call.people]}
    told = await host.agency.ask("/income", body, on_behalf_of=call.asker)
    rows = {row["pid"]: row["answer"]["satang"] for row in told["people"]}
    return {p: {"annual_income": Known(Money(rows[p.digits]), host.clock.now())} for p in call.people}


async def everybody_has_one(host: Host, call: Call) -> Any:
    try:
        return await bills(host, call)
    except AgencyRefusal as refusal:
        if refusal.code == "PERSON_NOT_FOUND":
            return [{"meter": "M-0", "due": "2026-11-30", "amount": Money(0)}]
        raise


class NewKeys:
    count = 0

    async def open_meter(self, host: Host, call: Call) -> Any:
        self.count += 1
        return await open_meter(host, replace(call, key=f"{call.key}-{self.count}"))


async def one_key_for_all(host: Host, call: Call) -> Any:
    return await open_meter(host, replace(call, key="always-the-same"))


def why(*troubles: Trouble) -> Callable[[Any], bool]:
    return lambda error: error.why in troubles


INSIDE: Final[dict[str, tuple[str, dict[str, Function]]]] = {
    "another answer than the example's": ("examples.operations", {"bills": wrong_amount}),
    "an error that is not declared": ("examples.errors", {"bills": undeclared}),
    "an amount in words": ("answer.typed", {"bills": amount_in_words}),
    "a state that there is not": ("answer.typed", {"openMeter": state_in_words}),
    "swallows its own cancellation": ("time.limit", {"bills": swallowing(asyncio.CancelledError)}),
    "one call at a time": ("time.parallel", {"bills": Busy().bills}),
    "no JSON is no bills": (
        "garbage.unreadable",
        {"bills": swallowing(MalformedReply, why(Trouble.UNREADABLE))},
    ),
    "too much is no bills": ("garbage.unreadable", {"bills": swallowing(MalformedReply, why(Trouble.TOO_LARGE))}),
    "what is not there is no bills": ("garbage.shape", {"bills": swallowing(KeyError)}),
    "a list is no bills": ("garbage.shape", {"bills": swallowing(TypeError)}),
    "no connection is no bills": ("outage.passed-on", {"bills": swallowing(httpx2.ConnectError)}),
    "500 is no bills": ("outage.passed-on", {"bills": swallowing(MalformedReply, why(Trouble.ERROR))}),
    "429 is no bills": ("outage.passed-on", {"bills": swallowing(AgencyRefusal, lambda e: e.status == 429)}),
    "somebody else is no bills": ("person.wrong", {"bills": swallowing(WrongSubject)}),
    "keeps the person where all calls do": ("person.wrong", {"bills": Shared().bills}),
    "breaks at null": ("person.unknown", {"income": broken_by_null}),
    "makes a bill up": ("person.unknown", {"bills": everybody_has_one}),
    "a new key for each attempt": ("duplicates.same-key", {"openMeter": NewKeys().open_meter}),
    "one key for all": ("duplicates.other-call", {"openMeter": one_key_for_all}),
}
"""What is wrong → the one rule that it breaks, and the functions."""


async def test_an_honest_plugin_keeps_every_rule_that_is_about_it(clock: FixedClock) -> None:
    report = await check(plugin_with(clock), clock)
    assert report.passed, shown(report)
    looked_at = {finding.rule.id for finding in report.findings if finding.outcome is Outcome.DONE}
    assert looked_at | {"examples.sandbox"} == {rule.id for rule in RULES if Origin.TREE in rule.origins}


@pytest.mark.parametrize("name", INSIDE)
async def test_a_plugin_that_breaks_one_rule_fails_that_rule_alone(name: str, clock: FixedClock) -> None:
    rule, functions = INSIDE[name]
    report = await check(plugin_with(clock, **functions), clock)
    assert list(shown(report)) == [rule], shown(report)


async def test_an_example_about_a_number_that_somebody_may_have_is_not_run(clock: FixedClock) -> None:
    asked = []

    async def watched(host: Host, call: Call) -> Any:
        asked.append(call.citizen.digits)
        return await bills(host, call)

    plugin = plugin_with(clock, bills=watched)
    real = replace(plugin.examples[0], name="real.json", person="1000000000009")
    report = await check(replace(plugin, examples=(*plugin.examples, real)), clock)
    assert list(shown(report)) == ["examples.personas"]
    assert all(digits.startswith("0") for digits in asked)


async def test_what_was_not_looked_at_when_the_time_is_over_is_not_done(clock: FixedClock) -> None:
    async def for_ever(host: Host, call: Call) -> Any:
        await asyncio.Event().wait()

    report = await check(plugin_with(clock, bills=for_ever), clock, seconds_max=0.05)
    assert list(shown(report)) == ["time.total"]
    outcomes = {finding.rule.id: finding.outcome for finding in report.findings}
    assert outcomes["person.wrong"] is Outcome.NOT_LOOKED_AT


def test_there_is_no_rule_that_no_plugin_breaks() -> None:
    inside = {rule for rule, _ in INSIDE.values()} | {"examples.personas", "time.total", "exemptions.known"}
    inside |= {"examples.sandbox"}  # in test_sandbox.py
    assert {rule.id for rule in RULES if Origin.TREE in rule.origins} == inside
    outages = {"outage.broken-off", "outage.slow-caller", "outage.hung-up"}  # in test_outages.py
    outside = {rule for rule, _ in MUTANTS.values()} | outages | {"time.total"}
    assert {rule.id for rule in RULES if Origin.REMOTE in rule.origins} == outside


def test_a_rule_about_effects_is_about_kinds_that_have_one() -> None:
    assert all(rule.kinds == EFFECTS for rule in RULES if rule.id.startswith("duplicates."))
