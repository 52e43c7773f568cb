"""What the suite may do to an agency: made-up people, mode `test`, so many calls and so fast."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from core.clock import FixedClock
from services.plugins.conformance import line as line_module
from services.plugins.conformance.line import CALLS_AT_ONCE, Caller, CallsSpent, Line
from services.plugins.plugin import Example
from tests.services.plugins.conformance.stand import URL, Stand, shown


class Listening:
    """An agency that only listens."""

    def __init__(self) -> None:
        self.requests: list[httpx2.Request] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return httpx2.Response(503)


def caller_of(clock: FixedClock, agency: Any, **options: Any) -> tuple[Stand, Caller]:
    stand = Stand(clock)
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(agency))
    return stand, Caller(stand.plugin, Line(URL, http, stand.ours, {}, **options), clock)


def bills(stand: Stand) -> Example:
    return next(example for example in stand.plugin.examples if example.name == "bills.json")


async def test_every_call_is_a_test_about_somebody_made_up(clock: FixedClock) -> None:
    calls: list[Any] = []

    def around(app: Any) -> Any:
        async def serve(scope: Any, receive: Any, send: Any) -> None:
            async def heard() -> Any:
                message = await receive()
                with contextlib.suppress(ValueError):
                    calls.append(json.loads(message.get("body", b"")))
                return message

            await app(scope, heard, send)

        return serve

    report = await Stand(clock, around=around).check()
    assert report.passed, shown(report)
    modes = {call["mode"] for call in calls if isinstance(call, dict) and "mode" in call}
    assert modes == {"test", "conformance"}, "the second is the one that there is not"
    abouts = [call["about"] for call in calls if isinstance(call, dict) and isinstance(call.get("about"), dict)]
    people = {one for about in abouts for one in (about.get("nationalId"), *about.get("nationalIds", ())) if one}
    assert len(people) > 3
    assert all(person.startswith("0") for person in people)


async def test_a_call_about_somebody_who_may_exist_does_not_leave(clock: FixedClock) -> None:
    agency = Listening()
    stand, caller = caller_of(clock, agency)
    with pytest.raises(AssertionError):
        await caller.send(caller.call(replace(bills(stand), person="1000000000009")))
    assert agency.requests == []


async def test_no_more_calls_are_made_than_one_check_may_make(
    clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_module, "CALLS_MAX", 3)
    agency = Listening()
    stand, caller = caller_of(clock, agency)
    for _ in range(3):
        await caller.send(caller.call(bills(stand)))
    with pytest.raises(CallsSpent):
        await caller.send(caller.call(bills(stand)))
    assert len(agency.requests) == 3
    report = await Stand(clock).check()
    assert list(shown(report)) == ["time.total"]
    assert report.calls == 3


async def test_after_as_many_at_once_as_there_are_places_calls_go_out_one_after_the_other(
    clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", wait)
    stand, caller = caller_of(clock, Listening(), calls_a_second=0.01)
    for _ in range(CALLS_AT_ONCE):
        await caller.send(caller.call(bills(stand)))
    assert waits == []
    for _ in range(2):
        await caller.send(caller.call(bills(stand)))
    first, second = waits
    assert 90 < first <= 100
    assert 190 < second <= 200


async def test_an_example_that_holds_at_any_time_is_asked_at_this_one(clock: FixedClock) -> None:
    stand, caller = caller_of(clock, Listening())
    assert caller.envelope(bills(stand))["at"] == "2026-11-16T03:00:00.000Z"
    told = caller.envelope(replace(bills(stand), now=""))
    assert told["at"].startswith(clock.now().strftime("%Y-%m-%dT"))


async def test_a_server_that_does_not_know_our_key_yet_gets_time_to_look_for_it(clock: FixedClock) -> None:
    stand, looks = Stand(clock), []

    class Learning(dict[str, Any]):
        def get(self, keyid: str, /) -> Any:  # type: ignore[override] # as KeysOf has it
            looks.append(keyid)
            return None if len(looks) < 3 else super().get(keyid)

    stand.trusts = Learning({stand.ours.keyid: stand.ours.verifying})
    assert list(shown(await stand.check())) == ["examples.operations"], "who does not wait is refused"
    looks.clear()
    stand.learns_seconds = 5.0
    report = await stand.check()
    assert report.passed, shown(report)
