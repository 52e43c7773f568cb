"""When facts change, only the programmes that read them run, and the answers are those of a full run."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.money import Money
from services.exchange.facts import Fact, FactState, Unused
from tests.services.exchange.fakes import CATALOGUE
from tests.welfare.determination.populations import (
    ALL,
    LOW_INCOME,
    OLD_AGE,
    PROGRAMMES,
    RESIDENT,
    VOCABULARY,
    Land,
    alive_person,
    written,
)
from welfare.determination.deciding import decide
from welfare.determination.dependencies import DependencyIndex, moves
from welfare.entitlements.room import programmes_over
from welfare.programmes import Outcome, Programme, load_programme

REAL: Final = tuple(programmes_over(CATALOGUE))
ON: Final = date(2026, 11, 16)


@pytest.mark.fakeredis_only
async def test_only_what_reads_the_changed_fact_is_asked_again(land: Land) -> None:
    await land.populate(40)
    run = await land.decided()
    await land.determinations.run(run)
    before = (await land.row(run)).evaluated
    land.clock.advance(timedelta(minutes=10))
    some = [person for person, facts in land.people.items() if facts.get("annual_income") == Money(0)][:3]
    for person in some:
        land.change(person, annual_income=Money.baht(900_000))
    assert await land.determinations.follow() == len(some)
    after = (await land.row(run)).evaluated
    assert {slug: after[slug] - before[slug] for slug in ALL} == {LOW_INCOME: len(some), OLD_AGE: 0, RESIDENT: 0}
    assert await land.answers(run) == land.single()


@pytest.mark.fakeredis_only
async def test_a_correction_that_no_programme_reads_has_nobody_read(land: Land) -> None:
    await land.populate(5)
    run = await land.decided(programmes=[LOW_INCOME])
    await land.determinations.run(run)
    land.clock.advance(timedelta(minutes=10))
    person = next(iter(land.people))
    land.change(person, household_registered=False)
    asked = {name: len(source.asked) for name, source in land.sources.items()}
    assert await land.determinations.follow() == 0
    assert {name: len(source.asked) for name, source in land.sources.items()} == asked
    assert len(await land.exchange.entries(person)) == 1


@pytest.mark.fakeredis_only
async def test_who_is_read_again_finds_a_second_entry_and_others_do_not(land: Land) -> None:
    await land.populate(5)
    run = await land.decided()
    await land.determinations.run(run)
    land.clock.advance(timedelta(minutes=10))
    changed, other, *_ = land.people
    land.change(changed, nationality="other")
    await land.determinations.follow()
    assert [len(await land.exchange.entries(person)) for person in (changed, other)] == [2, 1]


@pytest.mark.fakeredis_only
async def test_what_the_reading_brings_besides_is_decided_too(land: Land) -> None:
    """The correction was of one fact; another had changed without a word."""
    run = await land.decided()
    await land.populate(3)
    person = next(iter(land.people))
    land.say(person, land.exchange.ids[person.hex], alive_person())
    await land.determinations.run(run)
    land.clock.advance(timedelta(days=40))  # what was read is not fresh any more
    land.say(person, land.exchange.ids[person.hex], {"nationality": "other"})
    run = await land.decided(programmes=[LOW_INCOME, RESIDENT])
    await land.determinations.run(run)
    land.say(person, land.exchange.ids[person.hex], {"nationality": "thai"})
    land.clock.advance(timedelta(minutes=10))
    land.change(person, annual_income=Money.baht(900_000))
    await land.determinations.follow()
    answers = await land.answers(run)
    assert (person, RESIDENT) in answers
    assert (person, LOW_INCOME) not in answers


@pytest.mark.fakeredis_only
async def test_on_another_day_only_rules_that_hang_on_the_day_run(land: Land) -> None:
    run = await land.decided(keep_days=60)
    await land.populate(30)
    person = next(one for one in land.people if land.people[one])
    birthday = date(1966, 12, 24)
    land.say(person, land.exchange.ids[person.hex], alive_person(birth_date=birthday))
    await land.determinations.run(run)
    assert (person, OLD_AGE) not in await land.answers(run)
    before = (await land.row(run)).evaluated
    asked = len(await land.exchange.entries(person))
    while land.clock.today() < birthday.replace(year=2026) - timedelta(days=1):
        land.clock.advance(timedelta(days=1))
    land.clock.advance(timedelta(days=1))
    assert land.clock.now() < (await land.row(run)).keep_until
    await land.determinations.follow()
    after = (await land.row(run)).evaluated
    assert after[LOW_INCOME] == before[LOW_INCOME]
    assert after[RESIDENT] == before[RESIDENT]
    assert after[OLD_AGE] == before[OLD_AGE] + len(land.people)
    assert (await land.answers(run))[person, OLD_AGE] == "MET"
    assert await land.answers(run) == land.single()
    assert len(await land.exchange.entries(person)) == asked


def _unused(facts: dict[str, Any], changed: frozenset[str], since: date | None) -> Unused:
    states = {name: FactState.UNAVAILABLE if facts.get(name) is None else FactState.FRESH for name in FACTS}
    known = {name: Fact(name, facts.get(name), "x", None, state) for name, state in states.items()}
    return Unused(UUID(int=1), known, changed, since)


FACTS: Final = (
    "birth_date", "deceased", "nationality", "household_registered", "state_benefit", "old_age_registered",
    "old_age_registered_on", "annual_income",
)  # fmt: skip
VALUES: Final[dict[str, Any]] = {
    "birth_date": st.one_of(st.none(), st.dates(date(1930, 1, 1), date(1970, 1, 1))),
    "nationality": st.sampled_from((None, "thai", "other")),
    "old_age_registered_on": st.sampled_from((None, date(2023, 8, 11), date(2023, 8, 12))),
    "annual_income": st.sampled_from((None, Money(0), Money.baht(100_000), Money(10_000_001))),
}
PEOPLE: Final = st.fixed_dictionaries({name: VALUES.get(name, st.sampled_from((None, True, False))) for name in FACTS})
CHOSEN: Final[tuple[Programme, ...]] = (
    *(PROGRAMMES[slug] for slug in ALL),
    load_programme(
        written("new-law", "NOT state_benefit", starts="2026-06-01"), "new-law.yaml", VOCABULARY
    ),
    load_programme(
        written("fixed-day", "birth_date < DATE '1950-01-01'"), "fixed-day.yaml", VOCABULARY
    ),
)  # fmt: skip
INDEX: Final = DependencyIndex(CHOSEN, CATALOGUE)


def _outcomes(one: Unused, on: date) -> dict[str, Outcome]:
    return {slug: found.answers[0].outcome for slug, found in decide(CHOSEN, INDEX, [one], on)}


@given(PEOPLE, PEOPLE, st.dates(date(2026, 1, 1), date(2027, 12, 31)), st.integers(0, 400))
@settings(max_examples=150)
def test_following_a_change_gives_what_a_full_run_gives(
    before: dict[str, Any], after: dict[str, Any], since: date, days: int
) -> None:
    on = since + timedelta(days=days)
    first = {
        slug: found.answers[0].outcome
        for slug, found in decide(CHOSEN, INDEX, [_unused(before, frozenset(), None)], since)
    }
    changed = frozenset(name for name in FACTS if before[name] != after[name])
    followed = _outcomes(_unused(after, changed, since), on)
    full = _outcomes(_unused(after, frozenset(), None), on)
    assert {**first, **followed} == full
    assert set(followed) == INDEX.affected(changed, since, on)


@pytest.mark.parametrize("programme", REAL, ids=lambda one: one.slug)
def test_the_index_holds_every_fact_that_a_programme_reads(programme: Programme) -> None:
    index = DependencyIndex(REAL, CATALOGUE)
    for version in (*programme.versions, *programme.proposed):
        for name in version.needs:
            plain = name.removeprefix("child.")
            assert programme.slug in index.reading([plain])
            derived = CATALOGUE.attribute(plain).derived
            assert derived is None or derived.of is None or programme.slug in index.reading([derived.of])
    assert index.reading(["gender"]) == frozenset()


def test_a_rule_with_a_day_of_the_law_does_not_hang_on_the_day_of_the_decision() -> None:
    assert [moves(one.versions[0]) for one in CHOSEN] == [False, True, False, False, False]
