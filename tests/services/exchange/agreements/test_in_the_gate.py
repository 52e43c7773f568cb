"""An agency that asks: told under an agreement, and not a day, a person or an attribute beyond it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from redis.exceptions import ConnectionError as RedisAway

from core.assurance import OF_THAID, Aal, Assurance, Ial
from services.exchange.facts import (
    OWN_VIEW,
    WELFARE_DECISION,
    Asker,
    AskerKind,
    Assured,
    Fact,
    FactState,
    Purpose,
)
from services.exchange.gate import ExchangeGate, Question
from tests.services.exchange.agreements.conftest import SERVICE, Desk, agency
from tests.services.exchange.fakes import Exchange, citizen, of_steward, officer, purpose, system, until

pytestmark = pytest.mark.fakeredis_only


def came(fact: Fact) -> tuple[FactState, str | None]:
    return fact.state, fact.reason


async def test_an_agency_with_an_agreement_is_told_and_the_citizen_reads_it(desk: Desk) -> None:
    row = await desk.in_force()
    facts = await desk.asks("birth_date", "nationality")
    assert {came(one) for one in facts.values()} == {(FactState.FRESH, None)}
    [entry] = await desk.exchange.entries(desk.exchange.keys["mother"])
    assert (entry.decision, entry.asker_agency, entry.asker_id) == ("ALLOWED", "sso", "c1:benefits")
    ground = facts["birth_date"].ground
    assert ground is not None
    assert (ground.entry, ground.agreement) == (entry.id, (row.agreement.hex, 1, row.digest.hex()))


async def test_without_an_agreement_nothing_is_told_read_or_kept_and_it_is_logged(desk: Desk) -> None:
    fact = (await desk.asks())["birth_date"]
    assert came(fact) == (FactState.DENIED, "NO_AGREEMENT")
    [entry] = await desk.exchange.entries(desk.exchange.keys["mother"])
    assert (entry.decision, entry.reason, entry.attributes) == ("DENIED", "NO_AGREEMENT", ["birth_date"])
    assert desk.exchange.dopa.asked == []
    assert [key async for key in desk.exchange.redis.scan_iter("exchange:fact*")] == []


async def test_the_steward_needs_none_for_what_is_its_own(desk: Desk) -> None:
    assert came((await desk.asks(asker=agency("dopa")))["birth_date"]) == (FactState.FRESH, None)


async def test_what_the_agreement_does_not_name_is_not_told_beside_what_it_names(desk: Desk) -> None:
    await desk.in_force()
    facts = await desk.asks("birth_date", "annual_income", "deceased")
    assert came(facts["birth_date"]) == (FactState.FRESH, None)
    assert came(facts["annual_income"]) == came(facts["deceased"]) == (FactState.DENIED, "NO_AGREEMENT")


async def test_an_agreement_is_for_its_requester_and_its_purposes_alone(desk: Desk) -> None:
    await desk.in_force()
    for asker in (agency("nhso"), agency(None), agency("rd", kind=AskerKind.OFFICER)):
        assert (await desk.asks(asker=asker))["birth_date"].state is FactState.DENIED
    for why in (WELFARE_DECISION, OWN_VIEW, purpose("payment"), Purpose("none", SERVICE.basis, SERVICE.text)):
        facts = await desk.exchange.gate.facts(
            desk.exchange.keys["mother"], ["birth_date"], asker=agency(), purpose=why
        )
        assert facts["birth_date"].state is FactState.DENIED


@pytest.mark.parametrize("asker", [system(), officer("dla"), officer(None)], ids=["system", "officer", "nobody's"])
async def test_no_part_of_sitthi_asks_as_if_from_outside(desk: Desk, asker: Asker) -> None:
    await desk.in_force()
    fact = (await desk.asks(asker=replace(asker, agency=asker.agency and "sso")))["birth_date"]
    assert fact.state is FactState.DENIED


async def test_a_service_of_the_agency_is_told_of_who_applies_to_it_and_of_nobody_else(desk: Desk) -> None:
    await desk.in_force()
    mother = desk.exchange.keys["mother"]
    service = replace(system(), id="service:permits", agency="sso", applicant=mother)
    assert (await desk.asks(asker=service))["birth_date"].state is FactState.FRESH
    for other in (
        replace(service, applicant=None),
        replace(service, applicant=UUID(int=7)),
        replace(service, agency="rd"),
    ):
        assert (await desk.asks(asker=other))["birth_date"].state is FactState.DENIED


@pytest.mark.parametrize("act", ["suspend", "end"])
async def test_it_ends_at_once(desk: Desk, act: str) -> None:
    row = await desk.in_force()
    assert (await desk.asks())["birth_date"].known
    await desk.act(act, row)
    assert came((await desk.asks())["birth_date"]) == (FactState.DENIED, "NO_AGREEMENT")


@pytest.mark.parametrize("act", ["suspend", "end"])
async def test_it_ends_for_a_request_that_is_reading(desk: Desk, act: str) -> None:
    row = await desk.in_force()
    dopa = desk.exchange.dopa
    dopa.gate = asyncio.Event()
    asking = asyncio.create_task(desk.asks())
    await until(lambda: bool(dopa.asked))
    await desk.act(act, row)
    dopa.gate.set()
    assert came((await asking)["birth_date"]) == (FactState.DENIED, "NO_AGREEMENT")
    [outcome] = await desk.exchange.outcomes(desk.exchange.keys["mother"])
    assert outcome.states == {"birth_date": "DENIED"}


@pytest.mark.parametrize(
    ("at", "known"),
    [
        (datetime(2026, 11, 30, 16, 59, 59, tzinfo=UTC), False),  # 23:59:59 in Bangkok
        (datetime(2026, 11, 30, 17, 0, tzinfo=UTC), True),  # midnight
        (datetime(2026, 12, 31, 16, 59, 59, 999_999, tzinfo=UTC), True),
        (datetime(2026, 12, 31, 17, 0, tzinfo=UTC), False),
    ],
)
async def test_its_days_begin_and_end_at_midnight_in_bangkok(desk: Desk, at: datetime, known: bool) -> None:
    await desk.in_force(valid_from="2026-12-01")
    desk.exchange.clock.set(at)
    assert (await desk.asks())["birth_date"].known is known


async def test_a_machine_without_a_bound_key_is_not_told_what_is_sensitive(desk: Desk) -> None:
    dep = of_steward("dep")
    dep.file[desk.exchange.ids["mother"]] = {"disability_card": True}
    desk.exchange.others.append(dep)
    steward = await desk.office.officer(3, "dep", "agreements.accept")
    row = await desk.propose(steward="dep", attributes=["disability_card"])
    await desk.accept(row, steward)
    weak = agency(bound_key=False)
    assert came((await desk.asks("disability_card", asker=weak))["disability_card"]) == (
        FactState.DENIED,
        "ASSURANCE_TOO_LOW",
    )
    unsaid = replace(weak, assurance=None)
    assert (await desk.asks("disability_card", asker=unsaid))["disability_card"].reason == "ASSURANCE_TOO_LOW"
    entries = await desk.exchange.entries(desk.exchange.keys["mother"])
    assert [entry.reason for entry in entries] == ["ASSURANCE_TOO_LOW"] * 2
    assert (await desk.asks("disability_card"))["disability_card"].value is True


@pytest.mark.parametrize(
    ("ial", "state"),
    [(Ial.IAL_1_3, FactState.DENIED), (Ial.IAL_2_1, FactState.UNAVAILABLE), (Ial.IAL_3, FactState.UNAVAILABLE)],
)
async def test_who_is_known_by_little_does_not_see_what_is_sensitive_of_themself(
    exchange: Exchange, ial: Ial, state: FactState
) -> None:
    mother = exchange.keys["mother"]
    asker = replace(citizen(mother), assurance=Assured(Assurance(ial, Aal.AAL_1)))
    facts = await exchange.gate.facts(mother, ["disability_card", "birth_date"], asker=asker, purpose=OWN_VIEW)
    assert facts["birth_date"].known
    assert facts["disability_card"].state is state
    assert (facts["disability_card"].reason == "ASSURANCE_TOO_LOW") is (state is FactState.DENIED)


async def test_records_are_looked_at_under_an_agreement_too(desk: Desk) -> None:
    assert OF_THAID.meets(Assurance(Ial.IAL_2_1, Aal.AAL_1))
    mother = desk.exchange.keys["mother"]

    async def read(_: object) -> str:
        return "records"

    told = desk.exchange.gate.look(mother, "dla:payment", "dla", read, asker=officer("dla"), purpose=purpose("payment"))
    assert await told == "records"
    with pytest.raises(Exception, match="may not"):
        await desk.exchange.gate.look(
            mother, "dopa:card", "dopa", read, asker=officer("dla"), purpose=purpose("payment")
        )
    last = (await desk.exchange.entries(mother))[-1]
    assert (last.decision, last.reason) == ("DENIED", "NO_AGREEMENT")


class Stopped:
    """A citizen has had it stopped, or has not."""

    def __init__(self) -> None:
        self.reasons: dict[UUID, str] = {}

    async def barred(self, _session: Any, subjects: Any, _purpose: Purpose) -> dict[UUID, str]:
        return {one: self.reasons[one] for one in subjects if one in self.reasons}


def with_bars(exchange: Exchange, bars: Stopped) -> ExchangeGate:
    gate = exchange.new_gate()
    gate._grounds._bars = bars
    return gate


@pytest.mark.parametrize(
    ("said", "reason"), [("RESTRICTED", "RESTRICTED"), ("OBJECTED", "OBJECTED"), ("whatever", "BARRED")]
)
async def test_what_a_citizen_had_stopped_is_told_to_nobody_but_themself(desk: Desk, said: str, reason: str) -> None:
    await desk.in_force()
    mother, bars = desk.exchange.keys["mother"], Stopped()
    desk.exchange.gate = with_bars(desk.exchange, bars)
    bars.reasons[mother] = said
    assert came((await desk.asks())["birth_date"]) == (FactState.DENIED, reason)
    assert (await desk.asks(who="lodger"))["birth_date"].known
    own = await desk.exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother), purpose=OWN_VIEW)
    assert own["birth_date"].known
    assert (await desk.exchange.entries(mother))[0].reason == reason


async def test_what_is_stopped_while_it_is_read_is_not_told(desk: Desk) -> None:
    await desk.in_force()
    mother, bars = desk.exchange.keys["mother"], Stopped()
    desk.exchange.gate = with_bars(desk.exchange, bars)
    desk.exchange.dopa.gate = asyncio.Event()
    asking = asyncio.create_task(desk.asks())
    await until(lambda: bool(desk.exchange.dopa.asked))
    bars.reasons[mother] = "RESTRICTED"
    desk.exchange.dopa.gate.set()
    assert came((await asking)["birth_date"]) == (FactState.DENIED, "RESTRICTED")


async def test_people_asked_about_together_are_decided_in_one_commit_and_concluded_in_one(desk: Desk) -> None:
    await desk.in_force()
    keys, commits = desk.exchange.keys, []
    log = desk.exchange.gate._log._commits
    commit = log.commit

    async def counted(records: Any) -> None:
        commits.append(len(records))
        await commit(records)

    log.commit = counted  # type: ignore[method-assign]
    people = [keys["mother"], keys["lodger"], keys["elder"], keys["mother"]]
    facts = await desk.exchange.gate.facts_of(people, ["birth_date"], asker=agency(), purpose=SERVICE)
    assert {key: fact["birth_date"].state for key, fact in facts.items()} == dict.fromkeys(people, FactState.FRESH)
    assert commits == [3, 3]


async def test_a_quota_of_a_minute_and_of_a_day_counts_people(desk: Desk) -> None:
    await desk.in_force(per_day=5, per_minute=3)
    keys, clock = desk.exchange.keys, desk.exchange.clock
    clock.set(datetime(2026, 12, 1, 5, 0, tzinfo=UTC))
    people = [keys["mother"], keys["lodger"]]

    async def ask(count: int) -> set[str | None]:
        facts = await desk.exchange.gate.facts_of(people[:count], ["birth_date"], asker=agency(), purpose=SERVICE)
        return {one["birth_date"].reason for one in facts.values()}

    assert await ask(2) == {None}
    assert await ask(2) == {"QUOTA_EXCEEDED"}  # all or none: which of the two would be a matter of chance
    assert await ask(1) == {None}
    assert await ask(1) == {"QUOTA_EXCEEDED"}
    clock.advance(timedelta(minutes=1))
    assert await ask(2) == {None}
    assert await ask(1) == {"QUOTA_EXCEEDED"}  # of the day
    clock.set(datetime(2026, 12, 1, 16, 59, 59, tzinfo=UTC))
    assert await ask(1) == {"QUOTA_EXCEEDED"}
    clock.set(datetime(2026, 12, 1, 17, 0, tzinfo=UTC))  # midnight in Bangkok
    assert await ask(2) == {None}


async def test_who_may_not_be_asked_about_anyway_is_not_counted(desk: Desk) -> None:
    await desk.in_force(per_day=1, per_minute=1)
    await desk.asks("annual_income", "deceased")
    await desk.asks(asker=agency("nhso"))
    assert (await desk.asks())["birth_date"].known


async def test_while_nobody_can_count_nothing_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.in_force()

    def away(*_: object, **__: object) -> None:
        raise RedisAway("away")

    monkeypatch.setattr(desk.exchange.redis, "pipeline", away)
    assert came((await desk.asks())["birth_date"]) == (FactState.DENIED, "SERVICE_UNAVAILABLE")
    assert desk.exchange.dopa.asked == []
    facts = await desk.exchange.gate.facts(
        desk.exchange.keys["mother"], ["birth_date"], asker=system(), purpose=WELFARE_DECISION
    )
    assert facts["birth_date"].known  # a standing agreement without a quota needs no counting


async def test_an_agreement_that_ends_ends_for_each_of_two_questions_about_one_person(desk: Desk) -> None:
    """Two questions for one purpose rest on different agreements: that of the first is not forgotten for the second."""
    row = await desk.in_force()
    rd = await desk.office.officer(3, "rd", "agreements.accept")
    await desk.accept(await desk.propose(steward="rd", attributes=["annual_income"]), rd)
    mother, dopa = desk.exchange.keys["mother"], desk.exchange.dopa
    dopa.gate = asyncio.Event()
    questions = [Question(mother, (name,), SERVICE) for name in ("birth_date", "annual_income")]
    asking = asyncio.create_task(desk.exchange.gate.answer(questions, asker=agency()))
    await until(lambda: bool(dopa.asked))
    await desk.act("end", row)
    dopa.gate.set()
    born, income = await asking
    assert came(born["birth_date"]) == (FactState.DENIED, "NO_AGREEMENT")
    assert came(income["annual_income"]) == (FactState.FRESH, None)
    assert [one.states for one in await desk.exchange.outcomes(mother)] == [
        {"birth_date": "DENIED"},
        {"annual_income": "FRESH"},
    ]


async def test_an_agreement_that_ends_while_the_outcome_is_committed_has_ended(desk: Desk) -> None:
    """A commit can take long: of a disk that stalls, of a database that changes over."""
    row = await desk.in_force()
    log, begun, goes_on = desk.exchange.gate._log._commits, asyncio.Event(), asyncio.Event()
    commit, calls = log.commit, list[int]()

    async def stalling(records: Any) -> None:
        calls.append(len(records))
        if len(calls) == 2:
            begun.set()
            await goes_on.wait()
        await commit(records)

    log.commit = stalling  # type: ignore[method-assign]
    asking = asyncio.create_task(desk.asks())
    await begun.wait()
    await desk.act("end", row)
    goes_on.set()
    assert came((await asking)["birth_date"]) == (FactState.DENIED, "NO_AGREEMENT")
    outcomes = await desk.exchange.outcomes(desk.exchange.keys["mother"])
    assert [one.states["birth_date"] for one in outcomes] == ["FRESH", "DENIED"]


async def test_an_agreement_that_ends_while_what_the_cache_holds_is_committed_has_ended(desk: Desk) -> None:
    row = await desk.in_force()
    assert (await desk.asks())["birth_date"].known
    log, begun, goes_on = desk.exchange.gate._log._commits, asyncio.Event(), asyncio.Event()
    commit = log.commit

    async def stalling(records: Any) -> None:
        if not begun.is_set():
            begun.set()
            await goes_on.wait()
        await commit(records)

    log.commit = stalling  # type: ignore[method-assign]
    asking = asyncio.create_task(desk.asks())
    await begun.wait()
    await desk.act("end", row)
    goes_on.set()
    assert (await asking)["birth_date"].reason == "NO_AGREEMENT"
    outcomes = await desk.exchange.outcomes(desk.exchange.keys["mother"])
    assert [one.states["birth_date"] for one in outcomes[-2:]] == ["FRESH", "DENIED"]
