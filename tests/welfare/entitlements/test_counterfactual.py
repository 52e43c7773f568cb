"""The smallest change that would alter an answer: it does, no smaller does, and it is said in both languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ids import new_id
from core.money import Money
from core.text import Text
from services.exchange.catalogue import Kind
from tests.welfare.entitlements.conftest import CHILD, PERSON
from tests.welfare.entitlements.drawing import ON, assessments, catalogue, facts, programmes
from welfare.entitlements.assessment import Assessment, assess
from welfare.entitlements.counterfactual import Smallest, smallest_change
from welfare.programmes import ConditionOutcome, Outcome

CARD, OLD_AGE, GRANT = "state-welfare-card", "old-age-allowance", "child-support-grant"


def assessed(slug: str, *, child: Mapping[str, Any] | None = None, on: date = ON, **changed: Any) -> Assessment:
    own = {name: value for name, value in {**PERSON, **changed}.items() if value is not None}
    childs = None if child is None else facts({**CHILD, **child})
    found = assess(catalogue(), programmes()[slug], on, new_id(), facts(own), childs)
    assert found is not None
    return found


def told(slug: str, **given: Any) -> Smallest:
    found = smallest_change(catalogue(), assessed(slug, **given))
    assert found is not None
    return found


def applied(found: Assessment, change: Smallest, without: frozenset[str] = frozenset()) -> Outcome:
    """The answer with the change, but for some of it."""
    own, child = dict(found.own), dict(found.child or {})
    for one in change.changes:
        if one.attribute not in without:
            group = child if one.attribute.startswith("child.") else own
            name = one.attribute.removeprefix("child.")
            kind = catalogue().attribute(name).type.kind
            value = Money(int(one.becomes)) if kind is Kind.MONEY else one.becomes  # type: ignore[arg-type]  # a sum
            group[name] = replace(group[name], value=value)
    day = change.on if change.on is not None and "the day" not in without else found.on
    again = assess(catalogue(), found.programme, day, found.beneficiary, own, None if found.child is None else child)
    assert again is not None
    return again.determination.outcome


def test_an_income_that_is_a_satang_too_high() -> None:
    change = told(CARD, annual_income=Money.baht(100_000, 1))
    [one] = change.changes
    assert (one.attribute, one.now, one.becomes) == ("annual_income", 10_000_001, 10_000_000)
    assert change.text.en == (
        "There would be an entitlement if income in the last full year were 100,000.00 baht (now 100,000.01 baht)."
    )
    assert change.text.th == "จะมีสิทธิ หากรายได้ต่อปีเป็น 100,000.00 บาท (ขณะนี้ 100,000.01 บาท)"


def test_an_age_is_reached_by_itself() -> None:
    change = told(OLD_AGE, birth_date=date(1966, 12, 24))
    assert (change.changes, change.on, change.outcome) == ((), date(2026, 12, 24), Outcome.MET)
    assert change.text.en == "There would be an entitlement if the day were 24 December 2026."
    assert change.text.th == "จะมีสิทธิ หากเป็นวันที่ 24 ธันวาคม 2569"


def test_several_facts_and_the_day_together() -> None:
    change = told(CARD, birth_date=date(2009, 1, 5), annual_income=Money.baht(200_000), has_credit_card=True)
    assert change.on == date(2027, 1, 5)
    assert {one.attribute: one.becomes for one in change.changes} == {
        "annual_income": 10_000_000,
        "has_credit_card": False,
    }


def test_a_total_over_the_household_is_not_told_and_neither_is_what_would_tell_it() -> None:
    change = told(CARD, household_income=Money.baht(777_777), household_size=2)
    [one] = change.changes
    assert (one.attribute, one.now, one.becomes) == ("household_income", None, 20_000_000)
    assert "777" not in str(change)


def test_whoever_gave_the_total_is_told_it() -> None:
    found = assessed(CARD, household_income=Money.baht(777_777), household_size=2)
    change = smallest_change(catalogue(), found, anonymous=True)
    assert change is not None
    assert change.changes[0].now == 77_777_700


def test_how_close_a_total_is_to_its_limit_is_not_told() -> None:
    close = assessed(CARD, household_income=Money.baht(199_999), annual_income=Money.baht(10_000))
    assert smallest_change(catalogue(), close) is None
    anonymous = smallest_change(catalogue(), close, anonymous=True)
    assert anonymous is not None
    assert anonymous.changes[0].becomes == 20_000_001


@pytest.mark.parametrize(
    "changed",
    [
        {"nationality": "other"},
        {"deceased": True},
        {"person_status": "prisoner"},
        {"state_role": "official"},
        {"annual_income": Money.baht(200_000), "nationality": "stateless"},
    ],
)
def test_what_nobody_can_lawfully_change_leaves_nothing_to_say(changed: dict[str, Any]) -> None:
    assert smallest_change(catalogue(), assessed(CARD, **changed)) is None


def test_nobody_is_told_to_be_disabled() -> None:
    assert smallest_change(catalogue(), assessed("disability-allowance")) is None


def test_what_another_programme_stands_in_the_way_of_no_fact_mends() -> None:
    found = assessed(CARD)
    other = ConditionOutcome("beside.other", Text(th="ก", en="a"), Outcome.UNMET, Text(th="ก", en="a"), ())
    barred = replace(found.determination, outcome=Outcome.UNMET, conditions=(*found.determination.conditions, other))
    assert smallest_change(catalogue(), replace(found, determination=barred)) is None


def test_what_is_unknown_stays_so() -> None:
    change = told(CARD, annual_income=Money.baht(200_000), financial_assets=None)
    assert [one.attribute for one in change.changes] == ["annual_income"]
    assert change.outcome is Outcome.UNKNOWN
    assert "still need other facts" in change.text.en


def test_an_open_answer_has_no_smallest_change() -> None:
    assert smallest_change(catalogue(), assessed(CARD, financial_assets=None)) is None


def test_a_yes_that_hangs_by_a_thread() -> None:
    change = told(CARD, annual_income=Money.baht(99_000))
    assert [(one.attribute, one.becomes) for one in change.changes] == [("annual_income", 10_000_001)]
    assert change.outcome is Outcome.UNMET
    assert change.text.en.startswith("There would be no entitlement if income")


@pytest.mark.parametrize(("income", "close"), [(90_000, False), (90_001, True)])
def test_a_thread_is_a_tenth_of_the_limit(income: int, close: bool) -> None:
    found = assessed(CARD, annual_income=Money.baht(income))
    assert (smallest_change(catalogue(), found) is not None) is close


def test_a_yes_that_ends_soon() -> None:
    change = told(GRANT, child={"birth_date": ON - timedelta(days=6 * 365 - 60)})
    assert change.changes == ()
    assert change.on is not None
    assert change.outcome is Outcome.UNMET


# --- for every programme there is


@pytest.mark.parametrize("slug", [programme.slug for programme in programmes()])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_change_alters_the_answer_and_no_part_of_it_does(slug: str, data: st.DataObject) -> None:
    found = data.draw(assessments(programmes()[slug]))
    change = None if found is None else smallest_change(catalogue(), found)
    if found is None or change is None:
        return
    was = found.determination.outcome is Outcome.UNMET
    assert applied(found, change) is change.outcome
    assert (change.outcome is Outcome.UNMET) is not was
    parts = [one.attribute for one in change.changes] + (["the day"] if change.on else [])
    for count in range(1, len(parts) + 1):
        for left_out in combinations(parts, count):
            assert (applied(found, change, frozenset(left_out)) is Outcome.UNMET) is was
    for one in change.changes:
        if isinstance(one.becomes, bool) or not isinstance(one.now, int) or not isinstance(one.becomes, int):
            continue
        apart = abs(one.becomes - one.now)
        steps = {1, *data.draw(st.lists(st.integers(1, max(apart - 1, 1)), max_size=5))}
        for step in (step for step in steps if step < apart):
            value = one.becomes + (step if one.now > one.becomes else -step)
            nearer = tuple(replace(each, becomes=value) if each is one else each for each in change.changes)
            assert (applied(found, replace(change, changes=nearer)) is Outcome.UNMET) is was
    assert re.search(r"[\u0e01-\u0e2e]", change.text.th)
    assert not re.search(r"[{}\u0e00-\u0e7f]", change.text.en)
    assert not re.search(r"[{}]", change.text.th)


IN_FORCE = [programme.slug for programme in programmes() if programme.version_on(ON) is not None]


@pytest.mark.parametrize("slug", IN_FORCE)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_nothing_sensitive_and_nothing_that_says_who_somebody_is_is_ever_to_change(
    slug: str, data: st.DataObject
) -> None:
    found = data.draw(assessments(programmes()[slug]))
    change = None if found is None else smallest_change(catalogue(), found)
    for one in change.changes if change else ():
        attribute = catalogue().attribute(one.attribute.removeprefix("child."))
        assert attribute.type.kind not in (Kind.DATE, Kind.CODE)
        if attribute.type.kind is Kind.BOOL:
            assert not attribute.sensitive
            assert attribute.steward != "dopa" or attribute.derived is not None


def test_everything_wrong_at_once_is_still_told_while_somebody_waits() -> None:
    """A bound on work, not on time: ten conditions that share no fact are ten small searches, not one of a thousand."""
    much: dict[str, Any] = dict.fromkeys(
        ("annual_income", "financial_assets", "home_loan", "car_loan", "household_income"), Money.baht(90_000_000)
    )
    areas = dict.fromkeys(
        ("house_land_area", "condominium_area", "other_land_area", "agricultural_land_area"), 999_999_999
    )
    change = told(CARD, **much, **areas, has_credit_card=True)
    assert len(change.changes) == 10
