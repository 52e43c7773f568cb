"""What holds whatever is asked, whoever asks, and whatever the sources do."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.money import Money
from services.exchange.facts import (
    OWN_VIEW,
    PAYMENT,
    WELFARE_CHECK,
    WELFARE_DECISION,
    Asker,
    Facts,
    FactState,
    Purpose,
)
from tests.services.exchange.fakes import Exchange, citizen, officer, purpose, system

pytestmark = pytest.mark.fakeredis_only

NAMES = ("mother", "child", "lodger")
PURPOSES = (OWN_VIEW, WELFARE_CHECK, WELFARE_DECISION, PAYMENT, purpose("sign-in"), purpose("student-loan-screening"))
ABSENT, NONSENSE = "absent", object()
ATTRIBUTES = (
    "birth_date", "death_date", "deceased", "nationality", "annual_income",
    "household_income", "household_size", "lives_with_applicant",
)  # fmt: skip
VALUES: dict[str, list[Any]] = {
    "birth_date": [date(1990, 1, 1), date(2020, 2, 29), NONSENSE, ABSENT],
    "death_date": [None, date(2026, 1, 1), ABSENT],
    "deceased": [True, False, NONSENSE, ABSENT],
    "nationality": ["thai", "martian", ABSENT],
    "annual_income": [Money(0), Money.baht(100_000, 1), Money(-1), NONSENSE, ABSENT],
}

_numbers = count()


@st.composite
def _worlds(draw: st.DrawFn) -> dict[str, Any]:
    files = {name: {attribute: draw(st.sampled_from(values)) for attribute, values in VALUES.items()} for name in NAMES}
    return {
        "files": files,
        "house": draw(st.sets(st.sampled_from(NAMES))),
        "children": draw(st.sets(st.sampled_from(("child", "lodger")))),
        "dopa_down": draw(st.booleans()) and draw(st.booleans()),
        "rd_down": draw(st.booleans()) and draw(st.booleans()),
    }


_LOOKS = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sets(st.sampled_from(ATTRIBUTES), min_size=1).map(sorted),
        st.sampled_from(["mother", "lodger", "system", "applicant", "officer", "stranger"]),
        st.sampled_from(PURPOSES),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=_worlds(), looks=_LOOKS)
async def test_no_fact_without_an_entry_and_no_read_without_a_decision(
    exchange: Exchange, world: dict[str, Any], looks: list[tuple[str, list[str], str, Purpose, bool]]
) -> None:
    people = await _settle(exchange, world)
    request = uuid4()
    for subject, attributes, who, why, same_request in looks:
        asker = _asker(people, who, request if same_request else None)
        asked_before = len(exchange.dopa.asked), len(exchange.rd.asked)
        facts = await exchange.gate.facts(people[subject], attributes, asker=asker, purpose=why)
        assert set(facts) == set(attributes)
        _check_values(facts, world["files"][subject])
        await _check_log(exchange, people[subject], facts)
        new = (*exchange.dopa.asked[asked_before[0] :], *exchange.rd.asked[asked_before[1] :])
        for person, names in new:
            if person == exchange.ids[f"{subject}@{people['n']}"]:
                assert not {n for n, fact in facts.items() if fact.state is FactState.DENIED} & (names - {"birth_date"})
    await _check_reads(exchange, people)


async def _settle(exchange: Exchange, world: dict[str, Any]) -> dict[str, Any]:
    number = next(_numbers)
    exchange.dopa.asked.clear()
    exchange.rd.asked.clear()
    exchange.dopa.broken = exchange.rd.broken = None
    people: dict[str, Any] = {"n": number}
    for name in NAMES:
        known = {attribute: value for attribute, value in world["files"][name].items() if value is not ABSENT}
        people[name] = await exchange.person(f"{name}@{number}", **known)
    for name in NAMES:
        record = exchange.dopa.file.setdefault(exchange.ids[f"{name}@{number}"], {})
        record["household_members"] = [exchange.ids[f"{member}@{number}"].digits for member in sorted(world["house"])]
        record["children"] = []
    exchange.dopa.file[exchange.ids[f"mother@{number}"]]["children"] = [
        exchange.ids[f"{child}@{number}"].digits for child in sorted(world["children"])
    ]
    if world["dopa_down"]:
        exchange.dopa.breaks()
    if world["rd_down"]:
        exchange.rd.breaks()
    return people


def _asker(people: dict[str, Any], who: str, request: UUID | None) -> Asker:
    return {
        "mother": citizen(people["mother"], request),
        "lodger": citizen(people["lodger"], request),
        "stranger": citizen(uuid4(), request),
        "system": system(),
        "applicant": system(people["mother"]),
        "officer": officer("dla"),
    }[who]


def _check_values(facts: Facts, record: dict[str, Any]) -> None:
    for name, fact in facts.items():
        if not fact.known:
            assert (fact.value, fact.as_of) == (None, None)
        elif name in VALUES:
            assert record[name] not in (ABSENT, NONSENSE, "martian", Money(-1))
            assert fact.value == record[name]  # unknown never becomes none
        else:
            assert fact.value is not None


async def _check_log(exchange: Exchange, subject: UUID, facts: Facts) -> None:
    outcomes = await exchange.outcomes(subject)
    told = {(name, state) for outcome in outcomes for name, state in outcome.states.items()}
    refused = {
        name for entry in await exchange.entries(subject) if entry.decision == "DENIED" for name in entry.attributes
    }
    for name, fact in facts.items():
        assert (name, fact.state) in told or (not fact.known and name in refused)


async def _check_reads(exchange: Exchange, people: dict[str, Any]) -> None:
    """Whatever a source was asked about anyone is named by an entry about them that allows it."""
    named: dict[UUID, set[str]] = defaultdict(set)
    for entry in await exchange.entries():
        if entry.decision == "ALLOWED":
            named[entry.subject] |= set(entry.attributes)
    for outcome in await exchange.outcomes():
        named[outcome.subject] |= set(outcome.states)
    by_id = {exchange.ids[f"{name}@{people['n']}"]: people[name] for name in NAMES}
    for person, names in (*exchange.dopa.asked, *exchange.rd.asked):
        assert names <= named[by_id[person]]
