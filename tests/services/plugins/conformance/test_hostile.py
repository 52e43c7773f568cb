"""An agency that lies, floods, hangs or answers nonsense gets a report too, in bounded time and without its words."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import FixedClock
from services.plugins.conformance import Outcome
from services.plugins.conformance.judging import Judge
from services.plugins.conformance.line import Caller, Line, Reply
from services.plugins.conformance.outside import STRANGERS_MAX
from services.plugins.contract import Call, Host, Known
from services.plugins.contract.signatures import sign_answer
from tests.conftest import NOW
from tests.services.plugins.conformance.stand import URL, Stand, shown

SECRET = "สมชาย-0123456789"
HEADERS = {"content-type": "application/json"}


async def flood() -> Any:
    while True:
        yield SECRET.encode() * 10_000


async def drip() -> Any:
    while True:
        yield b"["
        await asyncio.sleep(0.05)


HOSTILE: dict[str, Any] = {
    "nothing at all": lambda _: httpx2.Response(200),
    "a redirect to inside": lambda _: httpx2.Response(302, headers={"location": "http://169.254.169.254/"}),
    "no JSON": lambda _: httpx2.Response(200, headers=HEADERS, content=SECRET.encode()),
    "JSON, deep": lambda _: httpx2.Response(200, headers=HEADERS, content=b"[" * 100_000),
    "a flood": lambda _: httpx2.Response(200, headers=HEADERS, content=flood()),
    "a flood under a refusal": lambda _: httpx2.Response(401, headers=HEADERS, content=flood()),
    "a bomb": lambda _: httpx2.Response(200, headers={**HEADERS, "content-encoding": "gzip"}, content=b"\x1f\x8b"),
    "its own words": lambda _: httpx2.Response(500, headers={"why": "0123456789"}, content=SECRET.encode()),
    "a refusal of everything": lambda _: httpx2.Response(401),
    "a made-up signature": lambda _: httpx2.Response(
        200, headers={**HEADERS, "signature": "sitthi=:AAAA:", "signature-input": "sitthi=()"}, content=b"{}"
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_it_answers_fails_and_is_nowhere_in_the_report(name: str, clock: FixedClock) -> None:
    transport = httpx2.MockTransport(HOSTILE[name])
    report = await Stand(clock, http=httpx2.AsyncClient(transport=transport)).check()
    assert not report.passed
    assert SECRET not in json.dumps(report.document, ensure_ascii=False)
    assert "0123456789" not in json.dumps(report.document)
    assert "169.254" not in str(report.findings)


@pytest.mark.parametrize("status", [200, 401, 404, 500])
async def test_somebody_elses_server_is_asked_a_few_times_and_no_more(status: int, clock: FixedClock) -> None:
    """A manifest may name any address on the internet: two hundred examples were two hundred requests there."""
    asked: list[str] = []

    def stranger(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(status, headers=HEADERS, content=b"{}")

    stand = Stand(clock, http=httpx2.AsyncClient(transport=httpx2.MockTransport(stranger)))
    assert len(stand.plugin.examples) > STRANGERS_MAX
    report = await stand.check()
    assert not report.passed
    assert len(asked) == STRANGERS_MAX + 1, "the first is asked twice: whether anything answers, and what"
    done = {finding.rule.id for finding in report.findings if finding.outcome is Outcome.DONE}
    assert done <= {"examples.personas", "endpoint.reachable"}, "nothing else of it was seen"


async def test_names_that_it_makes_up_are_nowhere_in_the_report_either(clock: FixedClock) -> None:
    async def member(host: Host, _: Call) -> Any:
        return {SECRET: Known(value=True, as_of=host.clock.now())}

    report = await Stand(clock, {"member": member}).check()
    assert list(shown(report)) == ["answer.typed"]
    assert SECRET not in json.dumps(report.document, ensure_ascii=False)


async def test_an_agency_that_never_answers_or_never_ends_takes_as_long_as_a_check_may(clock: FixedClock) -> None:
    async def never(_: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        raise AssertionError

    for answer in (never, lambda _: httpx2.Response(200, headers=HEADERS, content=drip())):
        http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
        report = await Stand(clock, http=http).check(seconds_max=0.3)
        assert "time.total" in shown(report)


NAMES = [
    *(
        "answer",
        "answers",
        "error",
        "code",
        "nationalId",
        "annual_income",
        "motor_insurance",
        "value",
        "asOf",
        "satang",
    ),
    *("currency", "meter", "due", "amount", "reference", "state", "at", "title", "content", "rejected"),
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20) | st.sampled_from(["0000000000001", "METER_SEALED", "2026-11-16", "THB"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(NAMES),
        inner,
        max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@cache
def honest() -> Stand:
    return Stand(FixedClock(NOW))


@settings(max_examples=150, deadline=None)
@given(
    told=st.dictionaries(st.sampled_from(["answer", "answers", "error"]), ANYTHING), status=st.sampled_from([200, 422])
)
def test_whatever_an_agency_signs_is_judged_and_what_is_no_answer_is_none(told: dict[str, Any], status: int) -> None:
    clock, stand = FixedClock(NOW), honest()
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: httpx2.Response(500)))
    caller = Caller(stand.plugin, Line(URL, http, stand.ours, {}), clock)
    judge = Judge(stand.plugin, {stand.key.keyid: stand.key.verifying}, clock)
    for example in stand.plugin.examples:
        call = caller.call(example)
        body = json.dumps({**told, "about": json.loads(call.body)["about"]}).encode()
        headers = sign_answer(status, HEADERS, body, call.signature, stand.key, at=clock.now())
        fields = tuple((name.encode(), value.encode()) for name, value in headers.items())
        found = judge.told(call, Reply(status, fields, headers, body))
        assert bool(found.what) == bool(found.broken)
        if found.is_answer and status == 422:
            assert found.code in stand.plugin.manifest.errors
