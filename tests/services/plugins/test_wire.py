"""What the manifest says of an operation holds for every call of it, wherever its code runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import FixedClock
from core.thai_dates import PartialDate
from services.exchange.errors import SourceSilent
from services.plugins.contract import ApplicationState, Call, Document, Host, Known, State, Taken
from services.plugins.contract.kinds import EFFECTS
from services.plugins.plugin import Origin, Plugin
from services.plugins.runner import Credentials, HttpAgencyClient, LaneLimits, Runner, Trouble
from services.plugins.values import as_wire, known_of
from tests.support.plugins.far_side import MANIFEST, PERSON, FarSide, NoAgency, manifest_of

AT = datetime(2026, 11, 1, 3, tzinfo=UTC)
TITLE = {"th": "ใบอนุญาต", "en": "Licence"}
STATE = {"reference": "H-1", "state": "RECEIVED", "at": "2026-11-01T10:00:00+07:00"}
PAPER = {"name": "a.pdf", "mediaType": "application/pdf", "title": TITLE, "content": "JVBERg=="}
KEY = "application-1"


class Harbour:
    answer: Any = None

    async def __call__(self, host: Host, call: Call) -> Any:
        return self.answer


@pytest.fixture
def harbour() -> Harbour:
    return Harbour()


@pytest.fixture(params=[Origin.TREE, Origin.REMOTE])
async def runs(
    request: pytest.FixtureRequest, clock: FixedClock, harbour: Harbour
) -> AsyncIterator[Callable[..., Any]]:
    """Runs an operation of a plugin whose code is in this process, or far away."""
    async with FarSide(clock, dict.fromkeys(manifest_of().operations, harbour)) as far:
        functions = dict.fromkeys(far.manifest.operations, harbour)
        here = replace(far.plugin, functions=functions, origin=Origin.TREE)
        plugin = far.plugin if request.param is Origin.REMOTE else here

        async def run(operation: str, **more: Any) -> Any:
            kind = plugin.manifest.operations[operation].kind
            more.setdefault("key", KEY if kind in EFFECTS else "")
            return await far.runner.run(plugin, operation, asker="test", person=PERSON, **more)

        yield run


class TestAnswersOfEachKind:
    @pytest.mark.parametrize(
        ("operation", "answer", "read"),
        [
            ("apply", STATE, ApplicationState(reference="H-1", state=State.RECEIVED, at=AT)),
            ("progress", {**STATE, "more": 1}, ApplicationState(reference="H-1", state=State.RECEIVED, at=AT)),
            ("arrivals", {}, Taken()),
            ("licence", PAPER, Document(name="a.pdf", media_type="application/pdf", title=TITLE, content=b"%PDF")),  # type: ignore[arg-type] # pydantic reads it
            ("heard", None, None),
        ],
    )
    async def test_is_read_by_its_model(
        self, runs: Callable[..., Any], harbour: Harbour, operation: str, answer: Any, read: Any
    ) -> None:
        harbour.answer = answer
        assert await runs(operation) == read

    @pytest.mark.parametrize(
        ("operation", "answer"),
        [
            ("apply", None),
            ("apply", []),
            ("apply", {**STATE, "state": "APPROVE"}),
            ("apply", {**STATE, "state": "REJECTED"}),
            ("apply", {**STATE, "reference": "a b"}),
            ("apply", {**STATE, "at": "2026-11-01T10:00:00"}),
            ("apply", {**STATE, "at": "9999-12-31T23:59:59-12:00"}),
            ("apply", {**STATE, "note": {"th": "ก\x00", "en": "a"}}),
            ("apply", {**STATE, "note": {"th": "only English", "en": "a"}}),
            ("apply", {**STATE, "payment": {"satang": 0, "text": TITLE}}),
            ("apply", {**STATE, "payment": {"satang": "5", "text": TITLE}}),
            ("withdraw", {}),
            ("arrivals", {"rejected": [{"record": -1, "code": "BERTH_TAKEN"}]}),
            ("licence", {**PAPER, "name": "../a"}),
            ("licence", {**PAPER, "content": "JVBERg"}),
            ("licence", {**PAPER, "content": "%%%%"}),
            ("licence", {**PAPER, "content": ""}),
            ("heard", {}),
        ],
    )
    async def test_anything_else_is_a_trouble(
        self, runs: Callable[..., Any], harbour: Harbour, operation: str, answer: Any
    ) -> None:
        harbour.answer = answer
        with pytest.raises(SourceSilent) as caught:
            await runs(operation)
        assert caught.value.reason in (Trouble.MALFORMED, Trouble.ERROR)  # the kit sends no such thing: it says 500

    @pytest.mark.parametrize(
        ("operation", "key"),
        [("apply", ""), ("apply", "short"), ("apply", "a" * 129), ("apply", "a b c d e"), ("berths", KEY)],
    )
    async def test_a_key_goes_with_an_effect_and_with_nothing_else(
        self, runs: Callable[..., Any], operation: str, key: str
    ) -> None:
        with pytest.raises(ValueError, match="key"):
            await runs(operation, key=key)


def with_tides(**spec: Any) -> Any:
    return manifest_of(operations={**MANIFEST["operations"], "tides": {**MANIFEST["operations"]["tides"], **spec}})


def stand(clock: FixedClock, function: Any, **spec: Any) -> Plugin:
    return replace(FarSide(clock, manifest=with_tides(**spec)).plugin, functions={"tides": function})


@pytest.mark.parametrize(("declared", "at_once"), [({}, 4), ({"places": 2}, 2), ({"places": 7}, 7)])
async def test_so_many_calls_run_at_once_as_the_manifest_says(
    clock: FixedClock, declared: dict[str, int], at_once: int
) -> None:
    running, most, go = 0, 0, asyncio.Event()

    async def tides(host: Host, call: Call) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go.wait()
        running -= 1
        return []

    plugin = stand(clock, tides, **declared)
    runner = Runner(lambda _: Host(clock, NoAgency()), LaneLimits(places=4))
    asked = [asyncio.create_task(runner.run(plugin, "tides", asker="test")) for _ in range(10)]
    lane = runner.lane(plugin, "tides")
    for _ in range(100):  # turns of the loop, of which each call needs a few
        await asyncio.sleep(0)
    assert (lane.running, lane.waiting) == (at_once, 10 - at_once)
    go.set()
    await asyncio.gather(*asked)
    assert most == at_once


@pytest.mark.parametrize(("size", "taken"), [(50, True), (51, False)])
async def test_an_answer_over_gdx_is_as_large_as_the_manifest_says(clock: FixedClock, size: int, taken: bool) -> None:
    tokens = 0

    async def agency(request: httpx2.Request) -> httpx2.Response:
        nonlocal tokens
        if request.url.path.endswith("/oauth/token"):
            tokens += 1
            return httpx2.Response(200, json={"access_token": "t"})
        return httpx2.Response(200, content=b"[]".ljust(size), headers={"content-type": "application/json"})

    async def tides(host: Host, call: Call) -> Any:
        return await host.agency.ask("/tides", {}, on_behalf_of=call.asker)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(agency)) as http:
        client = HttpAgencyClient(http, "https://harbour.example", Credentials("k", "s"))
        runner, plugin = Runner(lambda _: Host(clock, client)), stand(clock, tides, answer_bytes_max=50)
        for _ in range(2):
            if taken:
                assert await runner.run(plugin, "tides", asker="test") == []
            else:
                with pytest.raises(SourceSilent) as caught:
                    await runner.run(plugin, "tides", asker="test")
                assert caught.value.reason is Trouble.TOO_LARGE
        await client.ask("/tides", {}, on_behalf_of="test")
    assert tokens == 1, "the operation's client buys no token of its own"


async def test_a_runner_for_tests_makes_tests(clock: FixedClock) -> None:
    seen = list[bool]()

    async def tides(host: Host, call: Call) -> Any:
        seen.append(call.is_test)
        return []

    plugin = stand(clock, tides)
    for mode in ("live", "test"):
        await Runner(lambda _: Host(clock, NoAgency()), mode=mode).run(plugin, "tides", asker="test")
    assert seen == [False, True]


@given(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53), 2**53),
        st.sampled_from(["none", "s33", "thai"]),
        st.builds(PartialDate, st.integers(1900, 2100), st.one_of(st.none(), st.integers(1, 12))),
    ),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis takes bounds without a zone
)
def test_what_a_source_knows_comes_back_as_it_was(value: Any, as_of: datetime) -> None:
    assert known_of(as_wire({"a": Known(value, as_of)})) == {"a": Known(value, as_of)}
