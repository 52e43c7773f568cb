"""Reading facts: cached, joined, cut off, and taken at their word or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from prometheus_client import REGISTRY

from core.errors import ServiceUnavailable
from core.ids import NationalId
from core.thai_dates import Precision
from services.exchange.batches import NOT_OF_ONE
from services.exchange.errors import SourceSilent
from services.exchange.facts import OWN_VIEW, WELFARE_DECISION, FactState, Reading
from services.exchange.sources import PARTS_AT_ONCE
from services.plugins.runner.errors import Trouble
from tests.services.exchange.fakes import (
    Exchange,
    FakeSource,
    citizen,
    of_steward,
    system,
    until,
)


async def test_none_is_an_answer_and_unknown_is_not(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    exchange.dopa.file[exchange.ids["mother"]]["death_date"] = None
    facts = await exchange.gate.facts(mother, ["death_date", "gender"], asker=citizen(mother), purpose=OWN_VIEW)
    assert (facts["death_date"].value, facts["death_date"].state) == (None, FactState.FRESH)
    assert (facts["gender"].value, facts["gender"].state) == (None, FactState.UNAVAILABLE)
    [outcome] = await exchange.outcomes()
    assert outcome.errors == {"gender": "NOT_KNOWN"}


async def test_an_attribute_without_a_connected_authority_is_unavailable(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    stranger = of_steward("dol")
    stranger.provides |= {"state_role"}  # not its to say
    stranger.file[exchange.ids["mother"]] = {"state_role": "none"}
    exchange.others.append(stranger)
    facts = await exchange.gate.facts(mother, ["state_role"], asker=citizen(mother), purpose=OWN_VIEW)
    assert facts["state_role"].state is FactState.UNAVAILABLE
    assert stranger.asked == []
    assert (await exchange.outcomes())[0].errors == {"state_role": "NO_SOURCE"}


async def test_a_source_that_fails_leaves_the_others_whole(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    exchange.rd.breaks()
    facts = await exchange.gate.facts(mother, ["birth_date", "annual_income"], asker=citizen(mother), purpose=OWN_VIEW)
    assert facts["birth_date"].state is FactState.FRESH
    assert (facts["annual_income"].state, facts["annual_income"].value) == (FactState.UNAVAILABLE, None)


async def test_a_slow_source_is_cut_off(exchange: Exchange) -> None:
    exchange.timeout_seconds = 0.05
    gate, mother = exchange.new_gate(), exchange.keys["mother"]
    exchange.dopa.gate = asyncio.Event()
    facts = await gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    assert facts["birth_date"].state is FactState.UNAVAILABLE
    assert (await exchange.outcomes())[0].errors == {"birth_date": "TIMEOUT"}


@pytest.mark.parametrize(
    "nonsense",
    [
        "soon",
        date(1200, 1, 1),
        20_000_101,
        Reading(date(1990, 5, 1), datetime(2026, 1, 1)),  # noqa: DTZ001 - a source that forgets the zone
    ],
)
async def test_nonsense_of_a_source_is_unavailable_and_not_kept(exchange: Exchange, nonsense: object) -> None:
    mother = exchange.keys["mother"]
    exchange.dopa.file[exchange.ids["mother"]]["birth_date"] = nonsense
    facts = await exchange.gate.facts(mother, ["birth_date", "nationality"], asker=citizen(mother), purpose=OWN_VIEW)
    assert facts["birth_date"].state is FactState.UNAVAILABLE
    assert facts["nationality"].state is FactState.FRESH
    assert (await exchange.outcomes())[0].errors == {"birth_date": "INVALID_ANSWER"}
    assert [key async for key in exchange.redis.scan_iter("*birth_date")] == []


async def test_what_nobody_asked_for_is_dropped(exchange: Exchange) -> None:
    class Chatty(type(exchange.dopa)):  # type: ignore[misc]
        async def read(self, person: NationalId, attributes: Any) -> Any:
            return await super().read(person, self.provides)

    chatty = Chatty("dopa", exchange.dopa.provides)
    chatty.file = exchange.dopa.file
    exchange.dopa = chatty
    mother = exchange.keys["mother"]
    facts = await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    assert set(facts) == {"birth_date"}
    assert [key async for key in exchange.redis.scan_iter("*nationality")] == []


async def test_a_fresh_fact_is_not_asked_for_again(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    for _ in range(2):
        await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    assert len(exchange.dopa.asked) == 1
    assert len(await exchange.entries()) == 2


@pytest.mark.parametrize(("seconds", "asked"), [(0, 1), (86_400 - 1, 1), (86_400, 2)])
async def test_a_fact_is_fresh_until_its_last_second(exchange: Exchange, seconds: int, asked: int) -> None:
    mother = exchange.keys["mother"]
    exchange.dopa.file[exchange.ids["mother"]]["deceased"] = False
    await exchange.gate.facts(mother, ["deceased"], asker=citizen(mother), purpose=OWN_VIEW)
    exchange.clock.advance(timedelta(seconds=seconds))
    await exchange.gate.facts(mother, ["deceased"], asker=citizen(mother), purpose=OWN_VIEW)
    assert len(exchange.dopa.asked) == asked


@pytest.mark.parametrize(
    ("attribute", "value", "days", "state"),
    [
        ("gender", "female", 31, FactState.STALE),
        ("gender", "female", 30 + 365, FactState.UNAVAILABLE),
        ("deceased", False, 2, FactState.UNAVAILABLE),  # the catalogue does not allow it
    ],
)
async def test_a_silent_source_leaves_the_last_known_value_where_the_catalogue_allows(
    exchange: Exchange, attribute: str, value: object, days: int, state: FactState
) -> None:
    mother = exchange.keys["mother"]
    exchange.dopa.file[exchange.ids["mother"]][attribute] = value
    await exchange.gate.facts(mother, [attribute], asker=citizen(mother), purpose=OWN_VIEW)
    exchange.clock.advance(timedelta(days=days))
    exchange.dopa.breaks()
    fact = (await exchange.gate.facts(mother, [attribute], asker=citizen(mother), purpose=OWN_VIEW))[attribute]
    assert fact.state is state
    assert fact.value == (value if state is FactState.STALE else None)
    assert (await exchange.outcomes())[-1].errors == {attribute: "SERVICE_UNAVAILABLE"}


async def test_a_source_that_no_longer_knows_has_the_last_word(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    exchange.dopa.file[exchange.ids["mother"]]["gender"] = "female"
    await exchange.gate.facts(mother, ["gender"], asker=citizen(mother), purpose=OWN_VIEW)
    exchange.clock.advance(timedelta(days=31))
    del exchange.dopa.file[exchange.ids["mother"]]["gender"]
    facts = await exchange.gate.facts(mother, ["gender"], asker=citizen(mother), purpose=OWN_VIEW)
    assert facts["gender"].state is FactState.UNAVAILABLE


async def test_a_cached_value_is_unreadable_and_cannot_be_moved_to_another_person(exchange: Exchange) -> None:
    mother, lodger = exchange.keys["mother"], exchange.keys["lodger"]
    await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    [key] = [key async for key in exchange.redis.scan_iter("*birth_date")]
    sealed = await exchange.redis.get(key)
    assert isinstance(sealed, bytes)
    assert b"1990" not in sealed
    await exchange.redis.set(key.decode().replace(mother.hex, lodger.hex), sealed)
    facts = await exchange.gate.facts(lodger, ["birth_date"], asker=citizen(lodger), purpose=OWN_VIEW)
    assert facts["birth_date"].value == date(1980, 1, 1)


async def test_the_cache_may_be_away(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise ConnectionError("redis is away")

    monkeypatch.setattr(exchange.redis, "mget", away)
    monkeypatch.setattr(exchange.redis, "pipeline", away)
    mother = exchange.keys["mother"]
    facts = await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    assert facts["birth_date"].state is FactState.FRESH


async def test_looks_at_the_same_fact_at_the_same_time_are_one_read_and_several_entries(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    exchange.dopa.gate = asyncio.Event()
    asking = [
        asyncio.create_task(exchange.gate.facts(mother, ["birth_date"], asker=asker, purpose=why))
        for asker, why in ((citizen(mother), OWN_VIEW), (system(mother), WELFARE_DECISION), (citizen(mother), OWN_VIEW))
    ]

    async def all_are_reading() -> bool:
        return len(await exchange.entries()) == len(asking)

    await until(all_are_reading)
    asking[0].cancel()  # whoever came first goes away
    await asyncio.sleep(0.05)
    exchange.dopa.gate.set()
    told = await asyncio.gather(*asking[1:])
    assert [facts["birth_date"].value for facts in told] == [date(1990, 5, 1)] * 2
    assert len(exchange.dopa.asked) == 1


async def test_a_person_whom_the_register_does_not_know_has_no_facts(exchange: Exchange) -> None:
    facts = await exchange.gate.facts(uuid4(), ["birth_date"], asker=system(), purpose=WELFARE_DECISION)
    assert facts["birth_date"].state is FactState.UNAVAILABLE


async def test_several_facts_of_one_source_are_one_call(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    names = ["birth_date", "nationality", "death_date"]
    await exchange.gate.facts(mother, names, asker=citizen(mother), purpose=OWN_VIEW)
    assert exchange.dopa.asked == [(exchange.ids["mother"], frozenset(names))]


async def test_who_looks_for_more_joins_what_is_being_read_and_asks_for_the_rest(exchange: Exchange) -> None:
    mother, reader = exchange.keys["mother"], exchange.gate._reader
    born, nationality = exchange.catalogue.attribute("birth_date"), exchange.catalogue.attribute("nationality")
    exchange.dopa.gate = asyncio.Event()
    first = asyncio.create_task(reader.read(mother, [born]))
    await until(lambda: len(exchange.dopa.asked) == 1)
    second = asyncio.create_task(reader.read(mother, [born, nationality]))
    await until(lambda: len(exchange.dopa.asked) == 2)
    exchange.dopa.gate.set()
    assert (await first)["birth_date"].value == (await second)["birth_date"].value == date(1990, 5, 1)
    assert [names for _, names in exchange.dopa.asked] == [{"birth_date"}, {"nationality"}]


async def test_whoever_asks_after_a_correction_joins_no_reading_of_before(exchange: Exchange) -> None:
    mother, reader = exchange.keys["mother"], exchange.gate._reader
    born = exchange.catalogue.attribute("birth_date")
    exchange.dopa.gate = asyncio.Event()
    before = asyncio.create_task(reader.read(mother, [born]))
    await until(lambda: len(exchange.dopa.asked) == 1)
    await exchange.gate.forget(mother)
    after = [asyncio.create_task(reader.read(mother, [born])) for _ in range(2)]
    await until(lambda: len(exchange.dopa.asked) == 2)
    exchange.dopa.gate.set()
    await before
    third = asyncio.create_task(reader.read(mother, [born]))
    await asyncio.gather(*after, third)
    assert len(exchange.dopa.asked) <= 3, "the end of the first reading did not hide the second"


async def test_a_reading_that_nobody_waits_for_any_more_is_kept_all_the_same(exchange: Exchange) -> None:
    mother, reader = exchange.keys["mother"], exchange.gate._reader
    born = exchange.catalogue.attribute("birth_date")
    exchange.dopa.gate = asyncio.Event()
    alone = asyncio.create_task(reader.read(mother, [born]))
    await until(lambda: len(exchange.dopa.asked) == 1)
    alone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await alone
    exchange.dopa.gate.set()
    await until(lambda: not reader._running)
    assert (await reader.read(mother, [born]))["birth_date"].state is FactState.FRESH
    assert len(exchange.dopa.asked) == 1


async def test_the_age_of_a_stale_fact_counts_from_when_its_source_was_asked(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    exchange.dopa.file[exchange.ids["mother"]]["gender"] = "female"
    asked_at = exchange.clock.now()
    exchange.dopa.gate = asyncio.Event()
    reading = asyncio.create_task(exchange.gate.facts(mother, ["gender"], asker=citizen(mother), purpose=OWN_VIEW))
    await until(lambda: bool(exchange.dopa.asked))
    exchange.clock.advance(timedelta(seconds=1))  # it takes its time
    exchange.dopa.gate.set()
    assert (await reading)["gender"].read_at == asked_at
    exchange.clock.advance(timedelta(days=31))
    exchange.dopa.breaks()
    fact = (await exchange.gate.facts(mother, ["gender"], asker=citizen(mother), purpose=OWN_VIEW))["gender"]
    assert (fact.state, fact.read_at) == (FactState.STALE, asked_at)


@pytest.mark.parametrize("precision", list(Precision))
async def test_how_much_of_a_date_is_known_is_told_fresh_kept_and_stale(
    exchange: Exchange, precision: Precision
) -> None:
    mother = exchange.keys["mother"]
    said = Reading(date(1995, 1, 1), exchange.clock.now(), precision)
    exchange.dopa.file[exchange.ids["mother"]]["birth_date"] = said
    for _ in range(2):
        facts = await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
        assert (facts["birth_date"].value, facts["birth_date"].precision) == (date(1995, 1, 1), precision)
    assert len(exchange.dopa.asked) == 1


async def test_what_is_not_known_is_not_kept_as_none(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    for _ in range(2):
        facts = await exchange.gate.facts(mother, ["death_date"], asker=citizen(mother), purpose=OWN_VIEW)
        assert (facts["death_date"].value, facts["death_date"].state) == (None, FactState.UNAVAILABLE)
    assert len(exchange.dopa.asked) == 2
    assert [key async for key in exchange.redis.scan_iter("*death_date")] == []
    exchange.dopa.file[exchange.ids["mother"]]["death_date"] = None
    facts = await exchange.gate.facts(mother, ["death_date"], asker=citizen(mother), purpose=OWN_VIEW)
    assert facts["death_date"].state is FactState.FRESH


async def test_whoever_is_forgotten_has_nothing_left_in_the_cache(exchange: Exchange) -> None:
    mother, lodger = exchange.keys["mother"], exchange.keys["lodger"]
    for person in (mother, lodger):
        await exchange.gate.facts(person, ["birth_date", "nationality"], asker=citizen(person), purpose=OWN_VIEW)
    await exchange.gate.forget(mother)
    left = {key async for key in exchange.redis.scan_iter("exchange:fact:*")}
    assert {key.decode().split(":")[2] for key in left} == {lodger.hex}


async def test_what_was_being_read_of_whoever_is_forgotten_is_not_put_back(exchange: Exchange) -> None:
    mother, reader = exchange.keys["mother"], exchange.gate._reader
    exchange.dopa.gate = asyncio.Event()
    reading = asyncio.create_task(reader.read(mother, [exchange.catalogue.attribute("birth_date")]))
    await until(lambda: bool(exchange.dopa.asked))
    await exchange.gate.forget(mother)
    exchange.dopa.gate.set()
    await reading
    assert [key async for key in exchange.redis.scan_iter("exchange:fact:*")] == []


class Batch(FakeSource):
    """A source that is asked about three people at once."""

    batch = 3

    def __init__(self, agency: str, provides: Collection[str]) -> None:
        super().__init__(agency, provides)
        self.calls: list[list[NationalId]] = []
        self.most_at_once = self.now = 0
        self.poison: NationalId | None = None
        self.spoils: Exception | None = None
        """What a call about the poisoned person ends in; none: the source says that it is away."""

    async def read(self, person: NationalId, attributes: Collection[str]) -> Mapping[str, Reading]:
        if person == self.poison and self.spoils is not None:
            self.asked.append((person, frozenset(attributes)))
            raise self.spoils
        return await super().read(person, attributes)

    async def read_many(self, people: Collection[NationalId], attributes: Collection[str]) -> Any:
        self.calls.append(list(people))
        self.now += 1
        self.most_at_once = max(self.most_at_once, self.now)
        try:
            await asyncio.sleep(0)
            if self.poison in people:
                raise self.spoils or ServiceUnavailable(self.agency)
            return {person: await self.read(person, attributes) for person in people if person in self.file}
        finally:
            self.now -= 1


async def crowd(exchange: Exchange, size: int) -> list[UUID]:
    return [await exchange.person(f"p{n}", birth_date=date(1950 + n % 50, 1, 1)) for n in range(size)]


async def test_many_people_are_asked_about_in_batches_and_few_calls_at_once(exchange: Exchange) -> None:
    exchange.dopa = batch = Batch("dopa", exchange.dopa.provides)
    people = await crowd(exchange, 3 * PARTS_AT_ONCE + 5)
    born = exchange.catalogue.attribute("birth_date")
    batch.gate = asyncio.Event()
    reading = asyncio.create_task(exchange.gate._reader.read_many(people, [born]))
    await until(lambda: batch.now == PARTS_AT_ONCE)
    batch.gate.set()
    told = await reading
    assert list(told) == people
    assert {of["birth_date"].state for of in told.values()} == {FactState.FRESH}
    assert {person: of["birth_date"].value for person, of in told.items()} == {
        person: date(1950 + n % 50, 1, 1) for n, person in enumerate(people)
    }
    # which of the parts that waited goes first once places are free is nobody's promise
    assert sorted(len(call) for call in batch.calls) == [2] + [3] * (PARTS_AT_ONCE + 1)
    assert batch.most_at_once == PARTS_AT_ONCE
    batch.calls.clear()
    assert await exchange.gate._reader.read_many(people, [born]) == told
    assert batch.calls == []


async def test_without_batches_each_person_is_a_call_and_few_are_made_at_once(exchange: Exchange) -> None:
    running = most = 0

    class Slow(type(exchange.dopa)):  # type: ignore[misc]
        async def read(self, person: NationalId, attributes: Any) -> Any:
            nonlocal running, most
            running, most = running + 1, max(most, running + 1)
            try:
                return await super().read(person, attributes)
            finally:
                running -= 1

    exchange.dopa = Slow("dopa", exchange.dopa.provides)
    exchange.dopa.gate = asyncio.Event()
    people, born = await crowd(exchange, 2 * PARTS_AT_ONCE), exchange.catalogue.attribute("birth_date")
    reading = asyncio.create_task(exchange.gate._reader.read_many(people, [born]))
    await until(lambda: running == PARTS_AT_ONCE)
    exchange.dopa.gate.set()
    told = await reading
    assert {of["birth_date"].state for of in told.values()} == {FactState.FRESH}
    assert (len(exchange.dopa.asked), most) == (2 * PARTS_AT_ONCE, PARTS_AT_ONCE)


async def test_a_batch_that_fails_leaves_the_others_whole(exchange: Exchange) -> None:
    exchange.dopa = batch = Batch("dopa", exchange.dopa.provides)
    people = await crowd(exchange, 6)
    batch.poison = exchange.ids["p4"]
    told = await exchange.gate._reader.read_many(people, [exchange.catalogue.attribute("birth_date")])
    assert [told[person]["birth_date"].state for person in people] == [FactState.FRESH] * 3 + [
        FactState.UNAVAILABLE
    ] * 3


@pytest.mark.parametrize("who", range(16))
@pytest.mark.parametrize(
    ("spoils", "code"),
    [(SourceSilent("dopa", "ANSWER_MALFORMED"), "ANSWER_MALFORMED"), (KeyError("file"), "SERVICE_UNAVAILABLE")],
    ids=["silent", "crash"],
)
async def test_one_persons_spoilt_file_makes_nobody_elses_fact_unavailable(
    exchange: Exchange, who: int, spoils: Exception, code: str
) -> None:
    exchange.dopa = batch = Batch("dopa", exchange.dopa.provides)
    batch.batch, batch.spoils = 16, spoils
    people = await crowd(exchange, 16)
    batch.poison = exchange.ids[f"p{who}"]
    told = await exchange.gate._reader.read_many(people, [exchange.catalogue.attribute("birth_date")])
    spoilt = {person: of["birth_date"].error for person, of in told.items() if not of["birth_date"].known}
    assert spoilt == {people[who]: code}
    kept = [key async for key in exchange.redis.scan_iter("exchange:fact:*")]
    assert len(kept) == 15
    assert len(batch.calls) <= 1 + 2 * 3  # beside them the two of the last pair, each alone


@pytest.mark.parametrize("code", sorted(NOT_OF_ONE - {"TIMEOUT"}))
async def test_a_batch_that_no_one_person_spoilt_is_not_asked_again(exchange: Exchange, code: str) -> None:
    assert code in list(Trouble)
    exchange.dopa = batch = Batch("dopa", exchange.dopa.provides)
    people = await crowd(exchange, 3)
    batch.poison, batch.spoils = exchange.ids["p1"], SourceSilent("dopa", code)
    told = await exchange.gate._reader.read_many(people, [exchange.catalogue.attribute("birth_date")])
    assert {of["birth_date"].error for of in told.values()} == {code}
    assert len(batch.calls) == 1


async def test_the_halves_of_a_spoilt_batch_have_the_time_of_one_call_together(exchange: Exchange) -> None:
    class Hangs(Batch):
        async def read_many(self, people: Collection[NationalId], attributes: Collection[str]) -> Any:
            self.calls.append(list(people))
            if len(self.calls) == 1:
                raise KeyError
            if self.poison in people:
                await asyncio.Event().wait()
            return {person: await self.read(person, attributes) for person in people}

    exchange.timeout_seconds = 0.2
    exchange.dopa = batch = Hangs("dopa", exchange.dopa.provides)
    exchange.gate, batch.batch = exchange.new_gate(), 4
    people = await crowd(exchange, 4)
    batch.poison = exchange.ids["p3"]
    told = await exchange.gate._reader.read_many(people, [exchange.catalogue.attribute("birth_date")])
    assert [told[person]["birth_date"].error for person in people] == [None, None, "TIMEOUT", "TIMEOUT"]
    assert [len(call) for call in batch.calls] == [4, 2, 2]


async def test_a_batch_about_somebody_who_was_not_asked_about_is_refused_whole(exchange: Exchange) -> None:
    class Confused(Batch):
        async def read_many(self, people: Collection[NationalId], attributes: Collection[str]) -> Any:
            told = await super().read_many(people, attributes)
            return {**told, exchange.ids["mother"]: {}}

    exchange.dopa = Confused("dopa", exchange.dopa.provides)
    people = await crowd(exchange, 2)
    told = await exchange.gate._reader.read_many(people, [exchange.catalogue.attribute("birth_date")])
    assert {of["birth_date"].error for of in told.values()} == {"WRONG_SUBJECT"}
    assert [key async for key in exchange.redis.scan_iter("exchange:fact:*")] == []


async def test_a_person_in_two_reads_at_once_is_asked_about_once(exchange: Exchange) -> None:
    exchange.dopa = batch = Batch("dopa", exchange.dopa.provides)
    one, two, three = await crowd(exchange, 3)
    born = [exchange.catalogue.attribute("birth_date")]
    reader = exchange.gate._reader
    batch.gate = asyncio.Event()
    first = asyncio.create_task(reader.read_many([one, two], born))
    await until(lambda: len(batch.asked) > 0)
    second = asyncio.create_task(reader.read_many([two, three], born))
    await until(lambda: len(batch.asked) == 2)
    batch.gate.set()
    told = await first | await second
    assert {of["birth_date"].state for of in told.values()} == {FactState.FRESH}
    assert sorted(person.digits for person, _ in batch.asked) == sorted(
        exchange.ids[name].digits for name in ("p0", "p1", "p2")
    )


async def test_monitoring_sees_where_facts_came_from(exchange: Exchange) -> None:
    def count(source: str) -> float:
        return REGISTRY.get_sample_value("sitthi_facts_read_total", {"from": source}) or 0

    mother = exchange.keys["mother"]
    before = {source: count(source) for source in ("cache", "source", "stale", "nowhere")}
    for _ in range(2):
        names = ["birth_date", "death_date"]
        await exchange.gate.facts(mother, names, asker=citizen(mother), purpose=OWN_VIEW)
    assert {source: count(source) - before[source] for source in before} == {
        "cache": 1,
        "source": 1,
        "stale": 0,
        "nowhere": 2,
    }
