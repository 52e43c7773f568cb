"""The gate: decided and logged before it reads, logged again before it answers."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event

from core.errors import ServiceUnavailable
from core.ids import NationalId
from core.money import Money
from services.exchange.errors import LookRefused, UnknownAttribute
from services.exchange.facts import OWN_VIEW, WELFARE_CHECK, WELFARE_DECISION, Basis, FactState, Purpose, Reading
from services.exchange.policy import registered
from tests.services.exchange.fakes import (
    AS_OF,
    CATALOGUE,
    Exchange,
    citizen,
    of_steward,
    officer,
    purpose,
    system,
    until,
)


async def test_a_fact_comes_with_its_source_its_day_and_its_state(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    facts = await exchange.gate.facts(mother, ["birth_date", "annual_income"], asker=citizen(mother), purpose=OWN_VIEW)
    assert facts["birth_date"].value == date(1990, 5, 1)
    assert facts["annual_income"].value == Money.baht(90_000)
    assert {(f.source, f.as_of, f.state) for f in facts.values()} == {
        ("dopa", AS_OF, FactState.FRESH),
        ("rd", AS_OF, FactState.FRESH),
    }


async def test_the_decision_is_logged_with_its_outcome(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    await exchange.gate.facts(mother, ["annual_income", "birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    [entry] = await exchange.entries()
    assert (entry.subject, entry.decision, entry.purpose, entry.basis) == (mother, "ALLOWED", "own-view", "OWN_DATA")
    assert entry.attributes == ["annual_income", "birth_date"]
    assert entry.asker_label == {"th": "คุณ", "en": "You"}
    assert len(entry.salt) == 32
    [outcome] = await exchange.outcomes()
    assert (outcome.entry, outcome.states) == (entry.id, {"annual_income": "FRESH", "birth_date": "FRESH"})


async def test_the_decision_is_durable_before_the_source_is_asked(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    exchange.dopa.gate = asyncio.Event()
    asking = asyncio.create_task(exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW))
    await until(lambda: bool(exchange.dopa.asked))
    assert len(await exchange.entries()) == 1
    assert await exchange.outcomes() == []
    exchange.dopa.gate.set()
    await asking


async def test_no_fact_leaves_when_the_decision_cannot_be_committed(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    with _failing_commits(exchange, after=0), pytest.raises(OSError, match="disk is full"):
        await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    assert exchange.dopa.asked == []
    assert await exchange.entries() == []


async def test_no_fact_leaves_when_the_outcome_cannot_be_committed(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    with _failing_commits(exchange, after=1), pytest.raises(OSError, match="disk is full"):
        await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    assert len(await exchange.entries()) == 1
    assert await exchange.outcomes() == []


async def test_a_decision_that_was_not_committed_is_not_remembered_for_its_request(exchange: Exchange) -> None:
    mother, request = exchange.keys["mother"], uuid4()
    with _failing_commits(exchange, after=0), pytest.raises(OSError, match="disk is full"):
        await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother, request), purpose=OWN_VIEW)
    await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother, request), purpose=OWN_VIEW)
    assert len(await exchange.entries(mother)) == 1


async def test_an_unknown_attribute_is_an_error_and_logs_nothing(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    for name in ("shoe_size", "children", "household_members"):
        with pytest.raises(UnknownAttribute):
            await exchange.gate.facts(mother, ["birth_date", name], asker=citizen(mother), purpose=OWN_VIEW)
    assert await exchange.entries() == []


async def test_none_is_an_answer_and_unknown_is_not(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    exchange.dopa.file[exchange.ids["mother"]]["death_date"] = None
    facts = await exchange.gate.facts(mother, ["death_date", "person_status"], asker=citizen(mother), purpose=OWN_VIEW)
    assert (facts["death_date"].value, facts["death_date"].state) == (None, FactState.FRESH)
    assert (facts["person_status"].value, facts["person_status"].state) == (None, FactState.UNAVAILABLE)
    [outcome] = await exchange.outcomes()
    assert outcome.errors == {"person_status": "NOT_KNOWN"}


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


async def test_a_citizens_request_makes_one_entry_however_many_batches(exchange: Exchange) -> None:
    mother, request = exchange.keys["mother"], uuid4()
    asker = citizen(mother, request)
    await asyncio.gather(
        exchange.gate.facts(mother, ["birth_date"], asker=asker, purpose=OWN_VIEW),
        exchange.gate.facts(mother, ["annual_income", "birth_date"], asker=asker, purpose=WELFARE_CHECK),
        exchange.gate.facts(mother, ["household_income"], asker=asker, purpose=WELFARE_CHECK),
        exchange.gate.children(mother, asker=asker, purpose=WELFARE_CHECK),
    )
    [entry] = await exchange.entries(mother)
    outcomes = await exchange.outcomes(mother)
    named = set(entry.attributes).union(*(outcome.states for outcome in outcomes))
    assert named == {"birth_date", "annual_income", "household_income", "household_members", "children"}
    assert {outcome.purpose for outcome in outcomes} | {entry.purpose} == {"own-view", "welfare-check"}
    await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother, uuid4()), purpose=OWN_VIEW)
    assert len(await exchange.entries(mother)) == 2


async def test_what_an_entry_does_not_name_is_named_before_it_is_read(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    asker = citizen(mother, uuid4())
    await exchange.gate.facts(mother, ["birth_date"], asker=asker, purpose=OWN_VIEW)
    exchange.rd.gate = asyncio.Event()
    asking = asyncio.create_task(exchange.gate.facts(mother, ["annual_income"], asker=asker, purpose=OWN_VIEW))
    await until(lambda: bool(exchange.rd.asked))
    assert (await exchange.outcomes())[-1].states == {"annual_income": "ASKED"}
    exchange.rd.gate.set()
    await asking


async def test_a_late_reuse_of_a_request_id_makes_an_entry_of_its_own(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    asker = citizen(mother, uuid4())
    await exchange.gate.facts(mother, ["birth_date"], asker=asker, purpose=OWN_VIEW)
    exchange.clock.advance(timedelta(hours=1))
    await exchange.gate.facts(mother, ["birth_date"], asker=asker, purpose=OWN_VIEW)
    assert len(await exchange.entries()) == 2


async def test_records_of_an_agency_are_looked_at_under_the_same_log(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]

    async def policies(person: NationalId) -> list[str]:
        assert person == exchange.ids["mother"]
        return ["policy"]

    told = await exchange.gate.look(mother, "oic:policies", "oic", policies, asker=citizen(mother), purpose=OWN_VIEW)
    assert told == ["policy"]
    assert (await exchange.entries())[0].attributes == ["oic:policies"]
    assert (await exchange.outcomes())[0].states == {"oic:policies": "FRESH"}


async def test_an_agencys_error_is_logged_and_raised_on(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]

    async def down(_: NationalId) -> None:
        raise ServiceUnavailable("oic")

    with pytest.raises(ServiceUnavailable):
        await exchange.gate.look(mother, "oic:policies", "oic", down, asker=citizen(mother), purpose=OWN_VIEW)
    [outcome] = await exchange.outcomes()
    assert (outcome.states, outcome.errors) == (
        {"oic:policies": "UNAVAILABLE"},
        {"oic:policies": "SERVICE_UNAVAILABLE"},
    )


@pytest.mark.parametrize("who", ["a parent", "an officer", "a system", "a purpose nobody registered"])
async def test_nobody_else_looks_at_records(exchange: Exchange, who: str) -> None:
    child = exchange.keys["younger"]
    asker, why = {
        "a parent": (citizen(exchange.keys["mother"]), WELFARE_CHECK),
        "an officer": (officer("dla"), WELFARE_DECISION),
        "a system": (system(), OWN_VIEW),
        "a purpose nobody registered": (citizen(child), Purpose("idle", Basis.OWN_DATA, OWN_VIEW.text)),
    }[who]

    async def never(_: NationalId) -> None:
        raise AssertionError

    with pytest.raises(LookRefused):
        await exchange.gate.look(child, "oic:policies", "oic", never, asker=asker, purpose=why)
    [entry] = await exchange.entries()
    assert (entry.decision, entry.subject) == ("DENIED", child)


async def test_what_thaid_says_at_sign_in_enters_as_facts_of_dopa(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    exchange.dopa.breaks()
    claims = {
        "title": "นาง", "given_name": "มาลี", "family_name": "ใจดี", "given_name_en": "Malee", "family_name_en": "Jaidee",
        "birthdate": "25330501", "gender": "female", "address": {"formatted": "1 หมู่ 2"},
    }  # fmt: skip
    await exchange.gate.record(mother, claims, exchange.clock.now())
    facts = await exchange.gate.facts(mother, ["name", "birth_date", "gender"], asker=citizen(mother), purpose=OWN_VIEW)
    assert facts["birth_date"].value == date(1990, 5, 1)
    assert facts["name"].value["given_th"] == "มาลี"  # type: ignore[index, call-overload]
    assert {(f.source, f.state, f.as_of) for f in facts.values()} == {("dopa", FactState.FRESH, exchange.clock.now())}
    entry = (await exchange.entries())[0]
    assert (entry.purpose, entry.attributes) == ("sign-in", ["birth_date", "gender", "name"])


async def test_a_claim_that_makes_no_sense_is_left_out_and_logged(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    await exchange.gate.record(
        mother, {"birthdate": "25339999", "gender": "female", "given_name": 7}, exchange.clock.now()
    )
    [outcome] = await exchange.outcomes()
    assert outcome.states == {"birth_date": "UNAVAILABLE", "gender": "FRESH", "name": "UNAVAILABLE"}
    assert outcome.errors == {"birth_date": "INVALID_ANSWER", "name": "INVALID_ANSWER"}


async def test_a_person_whom_the_register_does_not_know_has_no_facts(exchange: Exchange) -> None:
    facts = await exchange.gate.facts(uuid4(), ["birth_date"], asker=system(), purpose=WELFARE_DECISION)
    assert facts["birth_date"].state is FactState.UNAVAILABLE


@pytest.mark.parametrize("known", [OWN_VIEW, WELFARE_CHECK, WELFARE_DECISION, purpose("payment")])
def test_the_purposes_that_other_rooms_name_are_the_registered_ones(known: Purpose) -> None:
    entry = registered(CATALOGUE, known)
    assert entry is not None
    assert entry.purpose == known


def _failing_commits(exchange: Exchange, *, after: int) -> _FailingCommits:
    return _FailingCommits(exchange, after)


class _FailingCommits:
    """The database's commits fail, but for the first few."""

    def __init__(self, exchange: Exchange, after: int) -> None:
        self.engine, self.left = exchange.database.engine.sync_engine, after

    def _fail(self, _: object) -> None:
        if self.left == 0:
            raise OSError("the disk is full")
        self.left -= 1

    def __enter__(self) -> None:
        event.listen(self.engine, "commit", self._fail)

    def __exit__(self, *_: object) -> None:
        event.remove(self.engine, "commit", self._fail)
