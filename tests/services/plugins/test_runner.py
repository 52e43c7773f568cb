from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
import structlog
from prometheus_client import REGISTRY

from core.clock import FixedClock
from core.errors import ServiceUnavailable
from core.ids import NationalId
from core.text import Language, Text
from services.exchange.errors import SourceSilent
from services.exchange.facts import Reading
from services.plugins.contract import (
    AgencyError,
    AgencyRefusal,
    Call,
    Host,
    Known,
    MalformedThaiDate,
    PartialDate,
    Precision,
)
from services.plugins.operating.windows import Window, Windows
from services.plugins.plugin import Plugin
from services.plugins.registry import load_folder
from services.plugins.runner import (
    AgencyDeclined,
    ExampleFailed,
    LaneLimits,
    MalformedReply,
    Runner,
    Trouble,
    WrongSubject,
    run_example,
    sources_of,
)
from services.plugins.runner.errors import LeftAlone, MalformedAnswer
from services.plugins.runner.guards import BreakerState
from tests.services.exchange.fakes import until
from tests.support.plugins import CATALOGUE, HOST, LIBRARY

PERSON = NationalId("0000000000001")
LOAN = {"id": "L1", "title": "ขุนช้างขุนแผน", "due": "2026-11-20", "state": "OUT"}


class NoAgency:
    async def ask(self, path: str, body: Any, *, on_behalf_of: str) -> Any:
        raise AssertionError("the function of this test asks nobody")

    async def send(self, path: str, body: Any, *, on_behalf_of: str, key: str) -> Any:
        raise AssertionError("the function of this test asks nobody")


@pytest.fixture(scope="module")
def library() -> Plugin:
    return load_folder(LIBRARY, HOST, CATALOGUE)


class Stand:
    """A runner with a clock of its own, and a library whose operations are the test's."""

    def __init__(self, clock: FixedClock, library: Plugin, limits: LaneLimits) -> None:
        self.seconds = 0.0
        self.library = library
        self.runner = Runner(lambda _: Host(clock=clock, agency=NoAgency()), limits, lambda: self.seconds)

    async def run(
        self, function: Callable[[Host, Call], Awaitable[Any]], operation: str = "loans", **options: Any
    ) -> Any:
        plugin = replace(self.library, functions={operation: function})
        person = None if operation == "searchShelves" else PERSON
        return await self.runner.run(plugin, operation, asker="test", person=person, **options)


@pytest.fixture
def stand(clock: FixedClock, library: Plugin) -> Stand:
    return Stand(clock, library, LaneLimits(places=2, failures_max=3, open_seconds=10))


async def broken(host: Host, call: Call) -> Any:
    raise KeyError("the file of 0000000000001")


async def silent(host: Host, call: Call) -> Any:
    raise ConnectionError


async def well(host: Host, call: Call) -> Any:
    return [LOAN]


async def never(host: Host, call: Call) -> Any:
    await asyncio.sleep(3600)


async def test_every_example_of_the_strangers_plugin_holds(library: Plugin) -> None:
    for example in library.examples:
        await run_example(library, example)


@pytest.mark.parametrize(
    "wrong", [{"answer": []}, {"error": "CARD_BLOCKED"}, {"agency": ()}, {"arguments": {"state": "BACK"}}]
)
async def test_an_example_that_is_not_so_fails(library: Plugin, wrong: dict[str, Any]) -> None:
    (example,) = [e for e in library.examples if e.name == "loans.json"]
    with pytest.raises(ExampleFailed):
        await run_example(library, replace(example, **wrong))


async def test_an_example_with_a_request_that_is_never_made_fails(library: Plugin) -> None:
    (example,) = [e for e in library.examples if e.name == "loans.json"]
    with pytest.raises(ExampleFailed, match="never asked"):
        await run_example(library, replace(example, agency=example.agency * 2))


async def test_the_operation_gets_citizen_arguments_and_asker(stand: Stand) -> None:
    seen: list[Call] = []

    async def look(host: Host, call: Call) -> Any:
        seen.append(call)
        return []

    await stand.run(look, arguments={"state": "OUT"})
    assert seen == [Call("loans", PERSON, {"state": "OUT"}, "test")]


async def test_whatever_a_plugin_raises_is_its_agency_unavailable(stand: Stand) -> None:
    with pytest.raises(ServiceUnavailable) as caught:
        await stand.run(broken)
    assert caught.value.message(Language.TH).count("ห้องสมุดประชาชนตัวอย่าง") == 1
    assert caught.value.__cause__ is None


async def test_what_a_plugin_raises_never_reaches_the_log(stand: Stand) -> None:
    with structlog.testing.capture_logs() as entries, pytest.raises(ServiceUnavailable):
        await stand.run(broken)
    assert [entry["error"] for entry in entries] == ["KeyError"]
    assert PERSON.digits not in str(entries)


async def test_a_declared_error_is_told_in_the_manifests_words(stand: Stand) -> None:
    async def blocked(host: Host, call: Call) -> Any:
        raise AgencyError("CARD_BLOCKED")

    with pytest.raises(AgencyDeclined) as caught:
        await stand.run(blocked)
    assert caught.value.fields == {"agency": "library", "error": "CARD_BLOCKED"}
    assert caught.value.message(Language.EN) == "Your library card is blocked. Please ask at the desk."
    assert caught.value.message(Language.TH).startswith("บัตรสมาชิก")


async def test_an_undeclared_error_is_no_word_of_the_agency(stand: Stand) -> None:
    async def undeclared(host: Host, call: Call) -> Any:
        raise AgencyError("SOMETHING_ELSE")

    with pytest.raises(ServiceUnavailable):
        await stand.run(undeclared)


async def test_a_refusal_that_the_plugin_lets_pass_is_unavailable(stand: Stand) -> None:
    async def refused(host: Host, call: Call) -> Any:
        raise AgencyRefusal(400, "BAD_REQUEST")

    with pytest.raises(ServiceUnavailable):
        await stand.run(refused)


async def test_a_malformed_answer_is_unavailable(stand: Stand) -> None:
    async def lies(host: Host, call: Call) -> Any:
        return [LOAN | {"due": "next week"}]

    with structlog.testing.capture_logs() as entries, pytest.raises(ServiceUnavailable):
        await stand.run(lies)
    assert entries[0]["place"] == "0.due"
    assert "next week" not in str(entries)


async def test_nobody_waits_longer_than_the_time_limit(stand: Stand) -> None:
    started = asyncio.get_running_loop().time()
    with pytest.raises(ServiceUnavailable):
        await stand.run(never)
    assert 0.9 <= asyncio.get_running_loop().time() - started < 2


async def test_a_plugin_that_hangs_fills_its_own_lane_alone(stand: Stand, library: Plugin) -> None:
    hanging = [asyncio.create_task(stand.run(never)) for _ in range(5)]
    await asyncio.sleep(0.05)
    other = replace(library, manifest=library.manifest.model_copy(update={"slug": "other"}), functions={"loans": well})
    started = asyncio.get_running_loop().time()
    assert len(await stand.runner.run(other, "loans", asker="test", person=PERSON)) == 1
    assert asyncio.get_running_loop().time() - started < 0.5
    assert {type(outcome) for outcome in await asyncio.gather(*hanging, return_exceptions=True)} == {SourceSilent}


async def test_no_more_calls_than_places_run_at_once(stand: Stand) -> None:
    running, most = 0, 0

    async def count(host: Host, call: Call) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return []

    await asyncio.gather(*(stand.run(count) for _ in range(10)))
    assert most == 2


async def test_waiting_for_a_place_in_vain_is_not_the_agencys_failure(stand: Stand) -> None:
    lane = stand.runner.lane(stand.library, "loans")
    done = asyncio.Event()

    async def call(limit: float) -> None:
        async with lane.enter(limit):
            await done.wait()

    within = [asyncio.create_task(call(60)) for _ in range(2)]
    await until(lambda: lane.running == 2)
    in_vain = await asyncio.gather(*(call(0.05) for _ in range(6)), return_exceptions=True)
    assert [type(outcome) for outcome in in_vain] == [TimeoutError] * 6
    done.set()
    await asyncio.gather(*within)
    assert lane.breaker.failures == 0


async def fail_times(stand: Stand, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ServiceUnavailable):
            await stand.run(silent)


async def test_the_breaker_opens_after_failures_in_a_row_and_asks_nobody(stand: Stand) -> None:
    await fail_times(stand, 3)
    called = False

    async def mark(host: Host, call: Call) -> Any:
        nonlocal called
        called = True
        return []

    with pytest.raises(ServiceUnavailable):
        await stand.run(mark)
    assert not called


async def test_one_failure_less_leaves_it_closed_and_a_success_starts_the_count_anew(stand: Stand) -> None:
    await fail_times(stand, 2)
    await stand.run(well)
    await fail_times(stand, 2)
    assert await stand.run(well)


async def test_after_its_time_one_is_let_through_and_closes_it(stand: Stand) -> None:
    await fail_times(stand, 3)
    stand.seconds = 9.99
    with pytest.raises(ServiceUnavailable):
        await stand.run(well)
    stand.seconds = 10
    assert await stand.run(well)
    await fail_times(stand, 2)
    assert await stand.run(well)


async def test_the_one_let_through_that_fails_opens_it_again(stand: Stand) -> None:
    await fail_times(stand, 3)
    stand.seconds = 10
    await fail_times(stand, 1)
    stand.seconds = 19.99
    with pytest.raises(ServiceUnavailable):
        await stand.run(well)


async def test_while_one_is_let_through_the_others_are_refused(stand: Stand) -> None:
    await fail_times(stand, 3)
    stand.seconds = 10
    trying = asyncio.create_task(stand.run(never))
    await asyncio.sleep(0.01)
    with pytest.raises(ServiceUnavailable):
        await stand.run(well)
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
    assert await stand.run(well)


async def test_declared_errors_do_not_open_the_breaker(stand: Stand) -> None:
    async def blocked(host: Host, call: Call) -> Any:
        raise AgencyError("CARD_BLOCKED")

    for _ in range(5):
        with pytest.raises(AgencyDeclined):
            await stand.run(blocked)
    assert await stand.run(well)


@pytest.mark.parametrize(
    ("error", "opens"),
    [
        *((AgencyRefusal(status, None), False) for status in (400, 404, 409, 413, 422)),
        *((AgencyRefusal(status, None), True) for status in (401, 403, 408, 429)),
        (WrongSubject(), False),
        (MalformedAnswer((), "a field is missing"), False),
        (KeyError("field"), False),
        (MalformedReply(), True),
        (ConnectionError(), True),
    ],
    ids=repr,
)
async def test_what_one_persons_call_brings_about_closes_the_way_for_nobody_else(
    stand: Stand, error: Exception, opens: bool
) -> None:
    """Else whoever has a file that the agency cannot read, or asks for nonsense, asks five times and others wait."""

    async def of_one(host: Host, call: Call) -> Any:
        raise error

    for _ in range(5):
        with pytest.raises(ServiceUnavailable):
            await stand.run(of_one)
    assert (stand.runner.lane(stand.library, "loans").breaker.state is BreakerState.OPEN) is opens


async def test_what_one_persons_call_brings_about_does_not_hide_that_the_agency_fails(stand: Stand) -> None:
    async def of_one(host: Host, call: Call) -> Any:
        raise WrongSubject

    for _ in range(3):
        await fail_times(stand, 1)
        with pytest.raises(ServiceUnavailable):
            await stand.run(of_one)
    with pytest.raises(SourceSilent) as caught:
        await stand.run(well)
    assert caught.value.reason == "SOURCE_PAUSED"


async def test_a_citizens_operation_is_never_run_without_a_citizen(stand: Stand, library: Plugin) -> None:
    with pytest.raises(ValueError, match="citizen"):
        await stand.runner.run(library, "loans", asker="test")
    with pytest.raises(ValueError, match="public"):
        await stand.runner.run(library, "searchShelves", asker="test", person=PERSON)


async def test_a_source_reads_what_it_provides_and_is_asked_for(stand: Stand, clock: FixedClock) -> None:
    asked: list[frozenset[str]] = []

    async def member(host: Host, call: Call) -> Any:
        asked.append(call.attributes)
        return {"library_member": Known(value=True, as_of=host.clock.now())}

    plugin = replace(stand.library, functions={"membership": member})
    (source,) = sources_of(stand.runner, [plugin])
    assert (source.agency, source.provides) == ("library", frozenset({"library_member"}))
    readings = await source.read(PERSON, ["library_member", "birth_date"])
    assert {name: (r.value, r.as_of) for name, r in readings.items()} == {"library_member": (True, clock.now())}
    assert asked == [frozenset({"library_member"})]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {"birth_date": "theirs"},
        {"library_member": True},
        {"library_member": Known(value=True, as_of=datetime(2026, 1, 1))},  # noqa: DTZ001 - the naive one is the point
    ],
)
async def test_a_source_that_says_what_it_may_not_is_unavailable(stand: Stand, answer: Any) -> None:
    async def member(host: Host, call: Call) -> Any:
        return {"birth_date": Known(1, host.clock.now())} if answer == {"birth_date": "theirs"} else answer

    (source,) = sources_of(stand.runner, [replace(stand.library, functions={"membership": member})])
    with pytest.raises(ServiceUnavailable):
        await source.read(PERSON, ["library_member"])


async def test_a_source_may_know_nothing(stand: Stand) -> None:
    async def member(host: Host, call: Call) -> Any:
        return {}

    (source,) = sources_of(stand.runner, [replace(stand.library, functions={"membership": member})])
    assert await source.read(PERSON, ["library_member"]) == {}


async def test_each_operation_has_a_breaker_of_its_own(stand: Stand) -> None:
    await fail_times(stand, 3)
    assert await stand.run(well_searched, operation="searchShelves") == []
    with pytest.raises(SourceSilent) as caught:
        await stand.run(well)
    assert caught.value.reason == "SOURCE_PAUSED"


async def well_searched(host: Host, call: Call) -> Any:
    return []


async def test_an_agency_that_says_when_to_come_back_is_left_alone_until_then(stand: Stand) -> None:
    async def limited(host: Host, call: Call) -> Any:
        raise AgencyRefusal(429, None, retry_after_seconds=20)

    with pytest.raises(SourceSilent) as caught:
        await stand.run(limited)
    assert caught.value.reason == "SOURCE_LIMITED"
    stand.seconds = 19.99
    with pytest.raises(SourceSilent):
        await stand.run(well)
    stand.seconds = 20
    assert await stand.run(well)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TimeoutError(), "TIMEOUT"),
        (httpx2.ReadTimeout("x"), "TIMEOUT"),
        (httpx2.ConnectError("x"), "SOURCE_UNREACHABLE"),
        (httpx2.ReadError("x"), "SOURCE_BROKE_OFF"),
        (httpx2.RemoteProtocolError("x"), "SOURCE_BROKE_OFF"),
        (LeftAlone(1), "SOURCE_PAUSED"),
        (AgencyRefusal(429, None), "SOURCE_LIMITED"),
        (AgencyRefusal(404, None), "SOURCE_REFUSED"),
        (MalformedReply(), "ANSWER_UNREADABLE"),
        (MalformedReply(Trouble.TOO_LARGE), "ANSWER_TOO_LARGE"),
        (WrongSubject(), "WRONG_SUBJECT"),
        (KeyError("x"), "ANSWER_MALFORMED"),
        (IndexError("x"), "ANSWER_MALFORMED"),
        (TypeError("x"), "ANSWER_MALFORMED"),
        (ValueError("x"), "ANSWER_MALFORMED"),
        (ZeroDivisionError("x"), "ANSWER_MALFORMED"),
        (MalformedThaiDate(), "ANSWER_MALFORMED"),
        (RuntimeError("x"), "SERVICE_UNAVAILABLE"),
        (AgencyError("SOMETHING_ELSE"), "SERVICE_UNAVAILABLE"),
    ],
)
async def test_every_trouble_has_a_stable_code(stand: Stand, error: Exception, reason: str) -> None:
    async def ends(host: Host, call: Call) -> Any:
        raise error

    with pytest.raises(SourceSilent) as caught:
        await stand.run(ends)
    assert caught.value.reason == reason
    assert caught.value.code == "SERVICE_UNAVAILABLE"


async def test_operators_see_each_operation_of_this_process(stand: Stand) -> None:
    assert not stand.runner.health
    await stand.run(well)
    await fail_times(stand, 3)
    await stand.run(well_searched, operation="searchShelves")
    assert [
        (one.plugin, one.operation, one.breaker, one.failures, one.running, one.waiting, one.last)
        for one in stand.runner.health
    ] == [
        ("library", "loans", "OPEN", 3, 0, 0, "SERVICE_UNAVAILABLE"),
        ("library", "searchShelves", "CLOSED", 0, 0, 0, "WELL"),
    ]
    stand.seconds = 10
    assert stand.runner.health[0].breaker == "HALF_OPEN"


async def test_monitoring_counts_calls_by_how_they_ended_and_sees_the_breaker(stand: Stand) -> None:
    def figure(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, {"plugin": "library", "operation": "loans", **labels}) or 0

    outcomes = ("WELL", "SERVICE_UNAVAILABLE", "ABANDONED")
    before = [figure("sitthi_agency_calls_total", outcome=outcome) for outcome in outcomes]
    timed = figure("sitthi_agency_seconds_count")
    await stand.run(well)
    assert figure("sitthi_agency_breaker") == 0
    abandoned = asyncio.create_task(stand.run(never))
    await asyncio.sleep(0.01)
    abandoned.cancel()
    with pytest.raises(asyncio.CancelledError):
        await abandoned
    await fail_times(stand, 3)
    after = [figure("sitthi_agency_calls_total", outcome=outcome) for outcome in outcomes]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 3, 1]
    assert figure("sitthi_agency_seconds_count") - timed == 5
    assert figure("sitthi_agency_breaker") == 2
    stand.seconds = 10
    assert stand.runner.health
    assert figure("sitthi_agency_breaker") == 1


BATCH = 2


@pytest.fixture
def batching(stand: Stand) -> Plugin:
    spec = stand.library.manifest.operations["membership"].model_copy(update={"batch": BATCH})
    operations = {**stand.library.manifest.operations, "membership": spec}
    return replace(stand.library, manifest=stand.library.manifest.model_copy(update={"operations": operations}))


YOU = NationalId("1100000000008")


async def test_a_batch_is_asked_about_its_people_and_answers_for_each(stand: Stand, batching: Plugin) -> None:
    calls: list[Call] = []

    async def member(host: Host, call: Call) -> Any:
        calls.append(call)
        return {PERSON: {"library_member": Known(value=True, as_of=host.clock.now())}}

    (source,) = sources_of(stand.runner, [replace(batching, functions={"membership": member})])
    assert source.batch == BATCH
    told = await source.read_many([PERSON, YOU], ["library_member"])
    assert {person: dict(of) for person, of in told.items()} == {
        PERSON: {"library_member": Reading(value=True, as_of=stand.runner._host(batching).clock.now())}
    }
    assert set(await source.read(PERSON, ["library_member"])) == {"library_member"}
    assert [(call.person, call.people) for call in calls] == [(None, (PERSON, YOU)), (PERSON, (PERSON,))]


async def test_whom_a_batch_leaves_out_the_agency_does_not_know(stand: Stand, batching: Plugin) -> None:
    async def member(host: Host, call: Call) -> Any:
        return {}

    (source,) = sources_of(stand.runner, [replace(batching, functions={"membership": member})])
    assert await source.read(PERSON, ["library_member"]) == {}
    assert await source.read_many([PERSON, YOU], ["library_member"]) == {}


async def test_a_batch_that_answers_for_a_stranger_is_refused(stand: Stand, batching: Plugin) -> None:
    async def member(host: Host, call: Call) -> Any:
        return {PERSON: {}, NationalId("1112034563562"): {}}

    (source,) = sources_of(stand.runner, [replace(batching, functions={"membership": member})])
    with pytest.raises(SourceSilent) as caught:
        await source.read_many([PERSON, YOU], ["library_member"])
    assert caught.value.reason == "WRONG_SUBJECT"


@pytest.mark.parametrize(
    "answer", [None, [], {PERSON: None}, {PERSON: {"birth_date": 1}}, {PERSON: {"library_member": 1}}]
)
async def test_a_batch_that_is_no_batch_is_malformed(stand: Stand, batching: Plugin, answer: Any) -> None:
    async def member(host: Host, call: Call) -> Any:
        return answer

    (source,) = sources_of(stand.runner, [replace(batching, functions={"membership": member})])
    with pytest.raises(SourceSilent) as caught:
        await source.read_many([PERSON, YOU], ["library_member"])
    assert caught.value.reason == "ANSWER_MALFORMED"


async def test_nobody_asks_about_more_people_than_a_batch_takes(stand: Stand, batching: Plugin) -> None:
    people = [PERSON, YOU, NationalId("1112034563562")]
    with pytest.raises(ValueError, match="2 at once"):
        await stand.runner.run(batching, "membership", asker="test", people=people)
    with pytest.raises(ValueError, match="1 at once"):
        await stand.runner.run(stand.library, "membership", asker="test", people=people[:2])


@pytest.mark.parametrize(
    ("said", "value", "precision"),
    [
        (PartialDate(1995), date(1995, 1, 1), Precision.YEAR),
        (PartialDate(1927), date(1927, 4, 1), Precision.YEAR),
        (PartialDate(1995, 7), date(1995, 7, 1), Precision.MONTH),
        (PartialDate(1995, 7, 17), date(1995, 7, 17), Precision.DAY),
        (date(1995, 7, 17), date(1995, 7, 17), Precision.DAY),
        (None, None, Precision.DAY),
    ],
)
async def test_a_date_of_which_parts_are_unknown_counts_as_the_first_and_says_so(
    stand: Stand, said: Any, value: Any, precision: Precision
) -> None:
    async def member(host: Host, call: Call) -> Any:
        return {"library_member": Known(said, host.clock.now())}

    (source,) = sources_of(stand.runner, [replace(stand.library, functions={"membership": member})])
    reading = (await source.read(PERSON, ["library_member"]))["library_member"]
    assert (reading.value, reading.precision) == (value, precision)


async def test_what_is_under_maintenance_is_not_asked_and_its_breaker_hears_nothing(
    library: Plugin, clock: FixedClock
) -> None:
    asked: list[str] = []

    async def ask(host: Host, call: Call) -> Any:
        asked.append(call.operation)
        return []

    words = Text(th="ปิดปรับปรุง", en="We are moving.")
    until = clock.now() + timedelta(hours=1)
    windows = Windows(clock, [Window(UUID(int=1), library.slug, clock.now(), until, words, frozenset({"loans"}))])
    runner = Runner(lambda _: Host(clock, NoAgency()), LaneLimits(failures_max=1), windows=windows)
    busy = replace(library, functions=dict.fromkeys(library.functions, ask))
    for _ in range(3):
        with pytest.raises(SourceSilent) as caught:
            await runner.run(busy, "loans", asker="test", person=PERSON)
        error = caught.value
        assert (error.code, error.reason, error.until) == ("SERVICE_UNAVAILABLE", "SOURCE_MAINTENANCE", until)
        assert (error.message(Language.TH), error.message(Language.EN)) == (words.th, words.en)
    assert asked == []
    assert runner.lane(busy, "loans").breaker.state is BreakerState.CLOSED
    assert await runner.run(busy, "searchShelves", asker="test", arguments={"query": "x"}) == []
    clock.advance(timedelta(hours=1))
    await runner.run(busy, "loans", asker="test", person=PERSON)
    assert asked == ["searchShelves", "loans"]
