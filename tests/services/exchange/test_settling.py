"""What the exchange holds already is told after one commit: its decision says what came of it (docs/adr/0005)."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from core.envelope import SubjectKeys
from core.money import Money
from services.exchange.access_log.canonical import leaf
from services.exchange.access_log.log import Came, Draft
from services.exchange.access_log.models import AccessRecord
from services.exchange.access_log.records import AccessOutcome
from services.exchange.access_log.repository import AccessLogReader
from services.exchange.facts import OWN_VIEW, WELFARE_CHECK, WELFARE_DECISION, Asker, FactState, Purpose
from services.exchange.sources import Reader
from tests.services.exchange.consenting import Citizen
from tests.services.exchange.fakes import KEYS, Exchange, citizen, system, until
from tests.services.exchange.test_gate import full_disk
from tests.support import access_log

pytestmark = pytest.mark.fakeredis_only  # what Valkey does differently, test_sources.py finds

BOTH = ["annual_income", "birth_date"]


@pytest.fixture
async def mother(exchange: Exchange) -> UUID:
    """Her facts are in the cache, and the log has what that took."""
    mother = exchange.keys["mother"]
    await exchange.gate.facts(mother, BOTH, asker=system(), purpose=WELFARE_DECISION)
    return mother


async def records(exchange: Exchange) -> int:
    async with exchange.database.read() as session:
        return await session.scalar(select(func.count()).select_from(AccessRecord)) or 0


def commits_of(exchange: Exchange) -> list[list[Any]]:
    """The records of each commit from now on."""
    seen: list[list[Any]] = []
    log = exchange.gate._log._commits
    commit = log.commit

    async def counted(records: Any) -> None:
        seen.append(list(records))
        await commit(records)

    log.commit = counted  # type: ignore[method-assign]
    return seen


async def test_what_the_cache_holds_is_one_record_in_one_commit(exchange: Exchange, mother: UUID) -> None:
    before, commits, asked = await records(exchange), commits_of(exchange), len(exchange.dopa.asked)
    facts = await exchange.gate.facts(mother, BOTH, asker=system(), purpose=WELFARE_DECISION)
    assert (facts["birth_date"].value, facts["annual_income"].value) == (date(1990, 5, 1), Money.baht(90_000))
    assert [len(one) for one in commits] == [1]
    assert (await records(exchange) - before, len(exchange.dopa.asked)) == (1, asked)
    entry = (await exchange.entries(mother))[-1]
    assert (entry.attributes, entry.settled) == (BOTH, "FRESH")
    assert (await exchange.outcomes(mother))[-1].states == dict.fromkeys(BOTH, "FRESH")


async def test_where_one_source_must_be_asked_the_look_is_in_the_log_before_it(
    exchange: Exchange, mother: UUID
) -> None:
    exchange.dopa.gate = asyncio.Event()
    asking = asyncio.create_task(
        exchange.gate.facts(mother, [*BOTH, "nationality"], asker=system(), purpose=WELFARE_DECISION)
    )
    await until(lambda: len(exchange.dopa.asked) == 2)
    entry = (await exchange.entries(mother))[-1]
    assert (entry.attributes, entry.settled) == ([*BOTH, "nationality"], None)
    assert exchange.dopa.attributes_asked == {"birth_date", "nationality"}
    assert exchange.dopa.asked[-1][1] == {"nationality"}, "what the cache holds is not asked for again"
    exchange.dopa.gate.set()
    assert (await asking)["annual_income"].state is FactState.FRESH


async def test_what_is_not_fresh_any_more_is_not_settled(exchange: Exchange, mother: UUID) -> None:
    exchange.clock.advance(max(exchange.catalogue.attribute(name).freshness for name in BOTH) + timedelta(seconds=1))
    await exchange.gate.facts(mother, BOTH, asker=system(), purpose=WELFARE_DECISION)
    assert (await exchange.entries(mother))[-1].settled is None
    assert len(exchange.dopa.asked) == 2


async def test_nothing_leaves_before_its_record_is_durable(exchange: Exchange, mother: UUID) -> None:
    log, begun, goes_on = exchange.gate._log._commits, asyncio.Event(), asyncio.Event()
    commit = log.commit

    async def stalling(records: Any) -> None:
        begun.set()
        await goes_on.wait()
        await commit(records)

    log.commit = stalling  # type: ignore[method-assign]
    asking = asyncio.create_task(exchange.gate.facts(mother, BOTH, asker=system(), purpose=WELFARE_DECISION))
    await begun.wait()
    for _ in range(50):
        await asyncio.sleep(0)
    assert not asking.done()
    goes_on.set()
    assert (await asking)["birth_date"].known


async def test_without_its_record_the_caller_gets_an_error_and_no_fact(exchange: Exchange, mother: UUID) -> None:
    before = await records(exchange)
    async with full_disk(exchange):
        with pytest.raises(Exception, match="disk is full"):
            await exchange.gate.facts(mother, BOTH, asker=system(), purpose=WELFARE_DECISION)
    assert await records(exchange) == before


async def test_many_at_once_have_a_record_each(exchange: Exchange, mother: UUID) -> None:
    before = await records(exchange)
    told = await asyncio.gather(
        *(exchange.gate.facts(mother, BOTH, asker=system(), purpose=WELFARE_DECISION) for _ in range(20))
    )
    assert all(fact.known for facts in told for fact in facts.values())
    assert await records(exchange) == before + 20


async def test_what_is_refused_beside_it_has_its_own_entry_in_the_same_commit(exchange: Exchange) -> None:
    mother = Citizen(exchange)
    await mother.grant(["annual_income"])
    await mother.asked_by_agency("annual_income")
    commits = commits_of(exchange)
    facts = await mother.asked_by_agency("annual_income", "birth_date")
    assert [facts[name].state for name in BOTH] == [FactState.FRESH, FactState.DENIED]
    [together] = commits
    assert sorted((one.decision, one.settled) for one in together) == [("ALLOWED", "FRESH"), ("DENIED", None)]


async def test_a_consent_that_ends_while_the_cache_is_read_has_ended(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    mother = Citizen(exchange)
    consent = await mother.grant(["annual_income"])
    await mother.asked_by_agency("annual_income")
    known = Reader.known

    async def meanwhile(self: Reader, people: Any, attributes: Any) -> Any:
        found = await known(self, people, attributes)
        await mother.withdraw(consent.id)
        return found

    monkeypatch.setattr(Reader, "known", meanwhile)
    fact = (await mother.asked_by_agency("annual_income"))["annual_income"]
    assert (fact.known, fact.state, fact.reason) == (False, FactState.DENIED, "NO_CONSENT")
    outcome = (await exchange.outcomes(mother.person))[-1]
    assert (outcome.states, outcome.errors) == ({"annual_income": "DENIED"}, {"annual_income": "NO_CONSENT"})
    assert (await exchange.entries(mother.person))[-1].settled is None, "an error has a record of its own"


async def test_the_batches_of_a_request_share_an_entry_though_they_are_settled(
    exchange: Exchange, mother: UUID
) -> None:
    asker, commits = citizen(mother, uuid4()), commits_of(exchange)
    await exchange.gate.facts(mother, ["birth_date"], asker=asker, purpose=OWN_VIEW)
    await exchange.gate.facts(mother, ["annual_income"], asker=asker, purpose=WELFARE_CHECK)
    assert [len(one) for one in commits] == [1, 1]
    [entry] = [one for one in await exchange.entries(mother) if one.request == asker.request]
    own = [one for one in await exchange.outcomes(mother) if one.entry == entry.id]
    assert [(one.purpose, one.states) for one in own] == [
        ("own-view", {"birth_date": "FRESH"}),
        ("welfare-check", {"annual_income": "FRESH"}),
    ]


def settled(subject: UUID, name: str, purpose: Purpose, asker: Asker) -> Draft:
    return Draft(subject, frozenset({name}), asker, purpose, came=(Came(purpose, {name: "FRESH"}),))


async def test_batches_of_a_request_that_come_at_once_are_one_commit_that_tells_each_purpose(
    exchange: Exchange, mother: UUID
) -> None:
    asker, commits = citizen(mother, uuid4()), commits_of(exchange)
    drafts = [settled(mother, "birth_date", OWN_VIEW, asker), settled(mother, "annual_income", WELFARE_CHECK, asker)]
    await asyncio.gather(*(exchange.gate._deciding.decide([one]) for one in drafts))
    [together] = commits
    entry, *outcomes = together
    assert (entry.purpose, entry.attributes, entry.settled) == ("own-view", BOTH, None)
    assert [(one.entry, one.purpose, one.states) for one in outcomes] == [
        (entry.id, "own-view", {"birth_date": "FRESH"}),
        (entry.id, "welfare-check", {"annual_income": "FRESH"}),
    ]


async def test_batches_of_one_purpose_that_come_at_once_are_one_record(exchange: Exchange, mother: UUID) -> None:
    asker, commits = citizen(mother, uuid4()), commits_of(exchange)
    drafts = [settled(mother, name, OWN_VIEW, asker) for name in BOTH]
    await asyncio.gather(*(exchange.gate._deciding.decide([one]) for one in drafts))
    [[entry]] = commits
    assert (entry.attributes, entry.settled) == (BOTH, "FRESH")


async def test_one_that_asks_a_source_beside_one_that_does_not_says_nothing_of_its_own(
    exchange: Exchange, mother: UUID
) -> None:
    asker, commits = citizen(mother, uuid4()), commits_of(exchange)
    asks = Draft(mother, frozenset({"annual_income"}), asker, OWN_VIEW)
    drafts = [settled(mother, "birth_date", OWN_VIEW, asker), asks]
    await asyncio.gather(*(exchange.gate._deciding.decide([one]) for one in drafts))
    [[entry, outcome]] = commits
    assert (entry.attributes, entry.settled) == (BOTH, None)
    assert outcome.states == {"birth_date": "FRESH"}


async def test_a_total_over_a_household_is_never_settled_at_once(exchange: Exchange, mother: UUID) -> None:
    """Others are read for it, each of whom has an entry first."""
    for _ in range(2):
        await exchange.gate.facts(mother, ["household_income"], asker=system(), purpose=WELFARE_DECISION)
    assert {one.settled for one in await exchange.entries() if "household_income" in one.attributes} == {None}
    lodger = exchange.keys["lodger"]
    assert {one.settled for one in await exchange.entries(lodger)} == {None}
    assert len(await exchange.outcomes(lodger)) == 2


async def test_a_citizen_reads_what_came_of_it_as_of_any_other(exchange: Exchange, mother: UUID) -> None:
    await exchange.gate.facts(mother, BOTH, asker=system(), purpose=WELFARE_DECISION)
    async with exchange.database.read() as session:
        log, now = AccessLogReader(session, SubjectKeys(KEYS)), exchange.clock.now()
        page = await log.page(mother, size=5, before=None, at=now)
        outcomes = await log.outcomes(mother, [one.id for one in page], at=now)
        evidence = await log.evidence(mother, [one.id for one in page], at=now)
    assert [[one.states for one in outcomes[entry.id]] for entry in page] == [[dict.fromkeys(BOTH, "FRESH")]] * 2
    assert [len(evidence[entry.id]) for entry in page] == [1, 2]  # the newest was settled


async def test_what_is_read_back_has_the_leaf_that_was_written(exchange: Exchange, mother: UUID) -> None:
    commits = commits_of(exchange)
    await exchange.gate.facts(mother, BOTH, asker=system(), purpose=WELFARE_DECISION)
    [[written]] = commits
    read = (await access_log.records(exchange.database, KEYS, mother))[-1]
    assert not isinstance(read, AccessOutcome)
    assert (read, leaf(read)) == (written, leaf(written))


async def test_what_thaid_says_at_sign_in_is_one_record(exchange: Exchange) -> None:
    mother, commits = exchange.keys["mother"], commits_of(exchange)
    await exchange.gate.record(mother, {"birthdate": "25330501", "gender": "female"}, exchange.clock.now())
    assert [[one.settled for one in group] for group in commits] == [["FRESH"]]
