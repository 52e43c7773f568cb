"""`changes_on` against the slow truth: looking at every single day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.welfare.programmes.case_files import PROGRAMMES, VOCABULARY
from welfare.programmes import changes_on, load_programme
from welfare.programmes.changes import answer_on
from welfare.rules.errors import ChildExpected, DayOutOfRange, FactOutOfRange

WINDOW = 500
DAY = timedelta(days=1)

SHIFTED = load_programme(
    """\
programme: shifted
th: ก
en: a
payer: dla
for_each: person
payday: 1
back_pay: false
source: none
conditions:
  a: {th: ก, en: a, if: "age_on(birth_date, fiscal_year_start + INTERVAL '1 month' - INTERVAL '3 days') <= 1"}
  b: {th: ก, en: a, if: "age_on(birth_date, assessment_date - INTERVAL '1 month') <> 1 OR deceased"}
  c: {th: ก, en: a, if: "old_age_registered_on < assessment_date - INTERVAL '40 days'"}
  d: {th: ก, en: a, if: "old_age_registered_on <> assessment_date - INTERVAL '1 month'"}
benefits:
  cash: {th: ก, en: a, cadence: MONTH, per: PERSON, amount: 1 baht}
versions:
- from: 2023-01-01
  status: in_force
  law: {th: ก, en: a}
  all_of: {a: ข้อ 1, b: ข้อ 1}
  benefits: [cash]
- from: 2024-06-15
  until: 2025-12-31
  status: in_force
  law: {th: ก, en: a}
  all_of: {a: ข้อ 1, c: ข้อ 1, d: ข้อ 1}
  benefits: [cash]
""",
    "shifted.yaml",
    VOCABULARY,
)

days = st.one_of(
    st.dates(date(2022, 6, 1), date(2026, 6, 1)),
    st.sampled_from([date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 31)]),
)


def by_looking_at_every_day(programme: Any, facts: Any, child: Any, on: date) -> date | None:
    now = answer_on(programme, facts, child, on)
    return next(
        (on + n * DAY for n in range(1, WINDOW) if answer_on(programme, facts, child, on + n * DAY) != now), None
    )


def agree(programme: Any, facts: Any, child: Any, on: date) -> None:
    found, truth = changes_on(programme, facts, child, on), by_looking_at_every_day(programme, facts, child, on)
    assert (found if found and found < on + WINDOW * DAY else None) == truth


@settings(max_examples=150, deadline=None)
@given(
    birth=st.one_of(days, st.none()),
    since=st.one_of(days, st.none()),
    on=days,
    deceased=st.sampled_from([True, False, None]),
)
def test_intervals_fiscal_years_and_versions_are_met_to_the_day(
    birth: Any, since: Any, on: date, deceased: Any
) -> None:
    agree(SHIFTED, {"birth_date": birth, "old_age_registered_on": since, "deceased": deceased}, None, on)


@settings(max_examples=60, deadline=None)
@given(birth=st.dates(date(1930, 1, 1), date(1966, 1, 1)), on=st.dates(date(2021, 6, 1), date(2025, 12, 31)))
def test_the_old_age_allowance_changes_exactly_when_it_says(birth: date, on: date) -> None:
    facts = {"birth_date": birth, "nationality": "thai", "household_registered": True, "state_benefit": False}
    agree(PROGRAMMES["old-age-allowance"], facts | {"deceased": False}, None, on)


@settings(max_examples=60, deadline=None)
@given(birth=st.dates(date(2015, 9, 1), date(2025, 1, 1)), on=st.dates(date(2015, 6, 1), date(2025, 12, 31)))
def test_the_child_grant_changes_exactly_when_it_says(birth: date, on: date) -> None:
    child = {"birth_date": birth, "nationality": "thai", "parent_is_thai": True, "lives_with_applicant": True}
    child |= {"person_status": "normal", "deceased": False}
    agree(PROGRAMMES["child-support-grant"], {"household_income": 0, "household_size": 2}, child, on)


def test_a_programme_for_each_child_asks_for_the_child() -> None:
    with pytest.raises(ChildExpected):
        changes_on(PROGRAMMES["child-support-grant"], {}, None, date(2025, 1, 1))


def test_a_day_or_a_fact_outside_the_calendar_is_refused() -> None:
    with pytest.raises(DayOutOfRange):
        changes_on(PROGRAMMES["old-age-allowance"], {}, None, date(2401, 1, 1))
    with pytest.raises(FactOutOfRange):
        changes_on(PROGRAMMES["old-age-allowance"], {"birth_date": date(9999, 1, 1)}, None, date(2025, 1, 1))
