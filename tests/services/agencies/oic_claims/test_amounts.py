"""What is due: both sides of every ceiling and of every date; the lines sum up to it, and say why."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.agencies.oic.claims_amounts import (
    BAHT,
    VERSIONS,
    Harm,
    Organ,
    Outcome,
    Stage,
    baht,
    computed,
    due,
    version_on,
    worst,
)

NOW = VERSIONS[-1]
FIRST, FURTHER = Stage.PRELIMINARY, Stage.FURTHER
HARM = Harm(0, 0, Outcome.INJURED)


def is_due(stage: Stage, harm: Harm, before: int = 0) -> int:
    return due(computed(NOW, stage, harm, before * BAHT)) // BAHT


def of(treatment: int = 0, days: int = 0, outcome: Outcome = Outcome.INJURED, organ: Organ | None = None) -> Harm:
    return Harm(treatment * BAHT, days, outcome, organ)


@pytest.mark.parametrize(
    ("harm", "baht_due"),
    [
        (of(29_999), 29_999),
        (of(30_000), 30_000),
        (of(30_001), 30_000),
        (of(0, outcome=Outcome.DIED), 35_000),
        (of(0, outcome=Outcome.DISABLED), 35_000),
        (of(0, outcome=Outcome.ORGAN_LOST, organ=Organ.ONE), 35_000),
        (of(29_999, outcome=Outcome.DIED), 64_999),
        (of(30_000, outcome=Outcome.DIED), 65_000),
        (of(99_999, 99, Outcome.DIED), 65_000),
    ],
)
def test_preliminary_compensation_is_actual_costs_and_a_fixed_sum_each_to_its_ceiling(
    harm: Harm, baht_due: int
) -> None:
    assert is_due(FIRST, harm) == baht_due


@pytest.mark.parametrize(
    ("harm", "baht_due"),
    [
        (of(79_999), 79_999),
        (of(80_000), 80_000),
        (of(80_001), 80_000),
        (of(0, 19), 3_800),
        (of(0, 20), 4_000),
        (of(0, 21), 4_000),
        (of(0, 0, Outcome.ORGAN_LOST, Organ.FINGER), 200_000),
        (of(0, 0, Outcome.ORGAN_LOST, Organ.ONE), 250_000),
        (of(0, 0, Outcome.ORGAN_LOST, Organ.TWO), 500_000),
        (of(0, 0, Outcome.DISABLED), 500_000),
        (of(0, 20, Outcome.DIED), 504_000),
        (of(4_000, 0, Outcome.DIED), 504_000),
        (of(3_999, 0, Outcome.DIED), 503_999),
        (of(80_000, 20, Outcome.DIED), 504_000),
    ],
)
def test_after_fault_is_shown_the_further_amounts_hold_and_all_in_all_no_more_than_504_000(
    harm: Harm, baht_due: int
) -> None:
    assert is_due(FURTHER, harm) == baht_due


def test_what_was_granted_before_comes_off_and_never_more_than_is_due() -> None:
    assert is_due(FURTHER, of(80_000), before=30_000) == 50_000
    assert is_due(FURTHER, of(80_000, 20, Outcome.DIED), before=65_000) == 504_000 - 65_000
    assert is_due(FIRST, of(30_000), before=30_000) == 0
    assert is_due(FIRST, of(30_000), before=30_001) == 0


@pytest.mark.parametrize(
    ("day", "since"),
    [
        (date(2016, 3, 31), None),
        (date(2016, 4, 1), date(2016, 4, 1)),
        (date(2020, 3, 31), date(2016, 4, 1)),
        (date(2020, 4, 1), date(2020, 4, 1)),
        (date(2026, 11, 16), date(2020, 4, 1)),
    ],
)
def test_the_law_is_that_of_the_accidents_day(day: date, since: date | None) -> None:
    found = version_on(day)
    assert (None if found is None else found.since) == since


def test_what_was_due_before_april_2020_was_less() -> None:
    before = version_on(date(2020, 3, 31))
    assert before is not None
    assert due(computed(before, FURTHER, of(80_000, 20, Outcome.DIED), 0)) == 304_000 * BAHT


def test_every_version_names_its_law_and_source_and_says_whether_it_was_verified() -> None:
    assert [one.since for one in VERSIONS] == sorted({one.since for one in VERSIONS})
    for one in VERSIONS:
        assert all(one.law)
        assert one.source
        assert one.verified is False
        assert one.first_together == one.first_medical + one.first_loss


HARMS = st.builds(
    Harm, st.integers(0, 10**9), st.integers(0, 400), st.sampled_from(Outcome), st.sampled_from([None, *Organ])
)


@given(HARMS, st.sampled_from(Stage), st.integers(0, 10**8), st.sampled_from(VERSIONS))
def test_it_is_never_below_zero_nor_above_the_ceiling_and_each_line_says_why(
    harm: Harm, stage: Stage, before: int, version: object
) -> None:
    law = next(one for one in VERSIONS if one is version)
    lines = computed(law, stage, harm, before)
    most = law.first_together if stage is FIRST else law.together
    assert 0 <= due(lines) <= most
    assert due(lines) == max(due(computed(law, stage, harm, 0)) - before, 0)
    for line in lines:
        assert line.th
        assert line.en
        assert "{" not in line.th + line.en
        assert (line.satang < 0) == (line.item in ("CEILING", "PAID_BEFORE")) or line.satang == 0


@given(HARMS, st.integers(0, 10**7))
def test_who_was_harmed_more_is_due_no_less(harm: Harm, more: int) -> None:
    worse = Harm(harm.treatment + more, harm.days + 1, harm.outcome, harm.organ)
    for stage in Stage:
        assert due(computed(NOW, stage, worse, 0)) >= due(computed(NOW, stage, harm, 0))


def test_of_what_two_hospitals_say_the_gravest_counts() -> None:
    assert worst([(Outcome.INJURED, None), (Outcome.DIED, None)]) == (Outcome.DIED, None)
    assert worst([(Outcome.ORGAN_LOST, Organ.ONE), (Outcome.ORGAN_LOST, Organ.TWO)]) == (Outcome.ORGAN_LOST, Organ.TWO)


def test_money_is_written_as_people_read_it() -> None:
    assert [baht(0), baht(30_000_00), baht(1_234_50), baht(5)] == ["0", "30,000", "1,234.50", "0.05"]


def test_the_days_of_the_law_are_seven_to_pay_and_180_to_file() -> None:
    assert {(one.days_to_pay, one.days_to_file) for one in VERSIONS} == {(7, 180)}
    assert timedelta(days=NOW.days_to_pay) == timedelta(weeks=1)
