"""Who may ask what, about whom, for which purpose; and that a refusal reads nothing and is in the log."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest

from services.exchange.facts import (
    OWN_VIEW,
    PAYMENT,
    WELFARE_CHECK,
    WELFARE_DECISION,
    Asker,
    AskerKind,
    Basis,
    FactState,
    Purpose,
)
from services.exchange.policy import is_minor
from tests.services.exchange.fakes import Exchange, citizen, officer, purpose, system

pytestmark = pytest.mark.fakeredis_only  # what Valkey does differently, test_sources.py finds


async def _state(
    exchange: Exchange, subject: str, asker: Asker, why: Purpose, attribute: str = "birth_date"
) -> FactState:
    facts = await exchange.gate.facts(exchange.keys[subject], [attribute], asker=asker, purpose=why)
    return facts[attribute].state


@pytest.mark.parametrize(
    ("subject", "why", "attribute", "state"),
    [
        ("mother", OWN_VIEW, "birth_date", FactState.FRESH),
        ("mother", WELFARE_CHECK, "birth_date", FactState.FRESH),
        ("mother", WELFARE_CHECK, "household_size", FactState.FRESH),
        ("mother", OWN_VIEW, "household_size", FactState.DENIED),  # an idle look shows nobody else's
        ("mother", WELFARE_DECISION, "birth_date", FactState.DENIED),
        ("mother", PAYMENT, "birth_date", FactState.DENIED),
        ("mother", purpose("sign-in"), "birth_date", FactState.DENIED),
        ("mother", purpose("student-loan-screening"), "birth_date", FactState.DENIED),
        ("younger", WELFARE_CHECK, "birth_date", FactState.FRESH),
        ("younger", WELFARE_CHECK, "lives_with_applicant", FactState.FRESH),
        ("younger", OWN_VIEW, "birth_date", FactState.DENIED),
        ("lodger", WELFARE_CHECK, "birth_date", FactState.DENIED),
        ("lodger", OWN_VIEW, "birth_date", FactState.DENIED),
    ],
)
async def test_what_a_citizen_may_ask(
    exchange: Exchange, subject: str, why: Purpose, attribute: str, state: FactState
) -> None:
    assert await _state(exchange, subject, citizen(exchange.keys["mother"]), why, attribute) is state


@pytest.mark.parametrize(
    ("agency", "why", "attribute", "state"),
    [
        ("dla", WELFARE_DECISION, "birth_date", FactState.FRESH),
        ("oic", WELFARE_DECISION, "birth_date", FactState.DENIED),
        (None, WELFARE_DECISION, "birth_date", FactState.DENIED),
        ("dla", PAYMENT, "birth_date", FactState.FRESH),
        ("dla", PAYMENT, "nationality", FactState.DENIED),  # paying does not need it
        ("dla", OWN_VIEW, "birth_date", FactState.DENIED),
        ("dla", WELFARE_CHECK, "birth_date", FactState.DENIED),
    ],
)
async def test_what_an_officer_may_ask(
    exchange: Exchange, agency: str | None, why: Purpose, attribute: str, state: FactState
) -> None:
    assert await _state(exchange, "lodger", officer(agency), why, attribute) is state


@pytest.mark.parametrize(
    ("why", "state"),
    [
        (WELFARE_DECISION, FactState.FRESH),
        (PAYMENT, FactState.FRESH),
        (OWN_VIEW, FactState.DENIED),
        (WELFARE_CHECK, FactState.DENIED),
        (Purpose("curiosity", Basis.PUBLIC_TASK, OWN_VIEW.text), FactState.DENIED),
        (Purpose("student-loan-screening", Basis.PUBLIC_TASK, OWN_VIEW.text), FactState.DENIED),  # another basis
    ],
)
async def test_what_a_system_may_ask(exchange: Exchange, why: Purpose, state: FactState) -> None:
    assert await _state(exchange, "lodger", system(), why) is state


@pytest.mark.parametrize("why", [OWN_VIEW, WELFARE_CHECK, WELFARE_DECISION, PAYMENT, purpose("sign-in")])
async def test_a_delegate_may_ask_nothing_yet(exchange: Exchange, why: Purpose) -> None:
    asker = Asker(AskerKind.DELEGATE, exchange.keys["mother"].hex, "dla", OWN_VIEW.text)
    assert await _state(exchange, "mother", asker, why) is FactState.DENIED


async def test_an_application_opens_the_facts_of_the_applicants_own_child_only(exchange: Exchange) -> None:
    asker = system(applicant=exchange.keys["mother"])
    assert await _state(exchange, "younger", asker, WELFARE_DECISION) is FactState.FRESH
    assert await _state(exchange, "mother", asker, WELFARE_DECISION) is FactState.FRESH
    assert await _state(exchange, "lodger", asker, WELFARE_DECISION) is FactState.DENIED


async def test_a_refusal_reads_nothing_and_is_logged_with_its_reason(exchange: Exchange) -> None:
    lodger = exchange.keys["lodger"]
    assert await _state(exchange, "lodger", officer("oic"), WELFARE_DECISION, "annual_income") is FactState.DENIED
    assert exchange.rd.asked == exchange.dopa.asked == []
    [entry] = await exchange.entries(lodger)
    assert (entry.decision, entry.reason, entry.attributes) == ("DENIED", "NOT_THIS_ASKER", ["annual_income"])
    assert await exchange.outcomes() == []


async def test_what_is_allowed_and_what_is_not_have_entries_of_their_own(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    request = uuid4()
    facts = await exchange.gate.facts(
        mother, ["birth_date", "household_size"], asker=citizen(mother, request), purpose=OWN_VIEW
    )
    assert [facts[name].state for name in ("birth_date", "household_size")] == [FactState.FRESH, FactState.DENIED]
    entries = {entry.decision: entry for entry in await exchange.entries(mother)}
    assert entries["ALLOWED"].attributes == ["birth_date"]
    assert (entries["DENIED"].attributes, entries["DENIED"].reason) == (["household_size"], "NOT_FOR_THIS_PURPOSE")


async def test_a_refusal_does_not_tell_whether_the_person_exists(exchange: Exchange) -> None:
    asker = citizen(exchange.keys["mother"])
    told = [
        await exchange.gate.facts(subject, ["birth_date"], asker=asker, purpose=WELFARE_CHECK)
        for subject in (exchange.keys["lodger"], uuid4())
    ]
    assert told[0] == told[1]


async def test_children_are_told_eldest_first(exchange: Exchange) -> None:
    mother = exchange.keys["mother"]
    told = await exchange.gate.children(mother, asker=citizen(mother), purpose=WELFARE_CHECK)
    assert told == (exchange.keys["elder"], exchange.keys["younger"])
    assert (await exchange.entries(mother))[0].attributes == ["children"]


async def test_no_children_differ_from_unknown_children(exchange: Exchange) -> None:
    lodger = exchange.keys["lodger"]
    assert await exchange.gate.children(lodger, asker=citizen(lodger), purpose=WELFARE_CHECK) == ()
    mother = exchange.keys["mother"]
    exchange.dopa.breaks()
    assert await exchange.gate.children(mother, asker=citizen(mother), purpose=WELFARE_CHECK) is None


async def test_nobody_asks_for_another_persons_children(exchange: Exchange) -> None:
    mother, lodger = exchange.keys["mother"], exchange.keys["lodger"]
    assert await exchange.gate.children(mother, asker=citizen(lodger), purpose=WELFARE_CHECK) is None
    assert "children" not in {
        name for person, names in exchange.dopa.asked for name in names if person == exchange.ids["mother"]
    }


async def test_a_silent_register_leaves_a_childs_facts_unknown_rather_than_refused(exchange: Exchange) -> None:
    exchange.dopa.breaks()
    state = await _state(exchange, "younger", citizen(exchange.keys["mother"]), WELFARE_CHECK, "annual_income")
    assert state is FactState.UNAVAILABLE
    assert exchange.rd.asked == []
    [entry] = await exchange.entries(exchange.keys["younger"])
    assert (entry.decision, entry.reason) == ("DENIED", "TIE_UNKNOWN")


async def test_a_grown_up_child_is_nobodys_to_look_at_even_if_the_register_lists_it(exchange: Exchange) -> None:
    exchange.dopa.file[exchange.ids["elder"]]["birth_date"] = date(2006, 11, 16)  # 20 today
    mother = citizen(exchange.keys["mother"])
    assert await _state(exchange, "elder", mother, WELFARE_CHECK, "annual_income") is FactState.DENIED
    assert exchange.rd.asked == []
    [outcome] = await exchange.outcomes(exchange.keys["elder"])
    assert outcome.states == {"annual_income": "DENIED", "birth_date": "DENIED"}


async def test_a_child_is_a_minor_until_the_day_before_its_20th_birthday(exchange: Exchange) -> None:
    exchange.dopa.file[exchange.ids["elder"]]["birth_date"] = date(2006, 11, 17)
    mother = citizen(exchange.keys["mother"])
    assert await _state(exchange, "elder", mother, WELFARE_CHECK) is FactState.FRESH
    exchange.clock.advance(timedelta(days=1))
    assert await _state(exchange, "elder", mother, WELFARE_CHECK) is FactState.DENIED


async def test_a_child_of_unknown_age_is_not_shown(exchange: Exchange) -> None:
    del exchange.dopa.file[exchange.ids["elder"]]["birth_date"]
    state = await _state(exchange, "elder", citizen(exchange.keys["mother"]), WELFARE_CHECK, "annual_income")
    assert state is FactState.UNAVAILABLE
    assert exchange.rd.asked == []


@pytest.mark.parametrize(
    ("born", "today", "minor"),
    [
        (date(2008, 2, 29), date(2028, 2, 28), True),
        (date(2008, 2, 29), date(2028, 2, 29), False),
        (date(2004, 2, 29), date(2024, 2, 28), True),
        (date(2007, 3, 1), date(2027, 2, 28), True),
        (date(2007, 3, 1), date(2027, 3, 1), False),
    ],
)
def test_majority_comes_on_the_20th_birthday(born: date, today: date, *, minor: bool) -> None:
    assert is_minor(born, today) is minor


async def test_a_persons_log_says_that_it_was_a_parent_and_not_they_themselves(exchange: Exchange) -> None:
    mother, child = exchange.keys["mother"], exchange.keys["younger"]
    await exchange.gate.facts(child, ["nationality"], asker=citizen(mother), purpose=WELFARE_CHECK)
    [entry] = await exchange.entries(child)
    assert (entry.decision, entry.asker_label) == ("ALLOWED", {"th": "บิดาหรือมารดาของคุณ", "en": "Your parent"})
    assert {entry.asker_label["en"] for entry in await exchange.entries(mother)} == {"You"}


async def test_a_strangers_attempt_is_not_put_down_to_the_person_it_was_about(exchange: Exchange) -> None:
    child, lodger = exchange.keys["younger"], exchange.keys["lodger"]
    await exchange.gate.facts(child, ["nationality"], asker=citizen(lodger), purpose=WELFARE_CHECK)
    await exchange.gate.children(child, asker=citizen(lodger), purpose=WELFARE_CHECK)
    told = {(entry.decision, entry.asker_label["en"]) for entry in await exchange.entries(child)}
    assert told == {("DENIED", "Somebody who asked as your parent")}
