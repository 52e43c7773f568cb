"""Averages and credits by an institution's grading, against a plain reckoning with Decimal."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.agencies.mhesi.grading import Grading
from tests.services.agencies.mhesi.made_up import GRADING, POINTS, course

GRADES = [*POINTS, "S", "U", "W"]
COURSES = st.lists(
    st.builds(course, st.sampled_from(["C1", "C2", "C3", "C4"]), st.sampled_from(GRADES), st.integers(0, 6)),
    max_size=12,
)


def grading(**given: str) -> Grading:
    return Grading.of({**GRADING, **given})


def counted(courses: list[dict[str, Any]], repeated: str) -> list[dict[str, Any]]:
    """Of each course the attempts that count, of those with points."""
    kept: list[dict[str, Any]] = []
    for code in dict.fromkeys(one["code"] for one in courses):
        tries = [one for one in courses if one["code"] == code and one["grade"] in POINTS]
        if tries and repeated == "last":
            tries = tries[-1:]
        elif tries and repeated == "best":
            tries = [max(tries, key=lambda one: (Decimal(POINTS[one["grade"]]), one["credits"]))]
        kept += tries
    return kept


@given(COURSES, st.sampled_from(["last", "best", "all"]), st.sampled_from(["down", "half_up"]))
def test_an_average_is_that_of_a_plain_reckoning(courses: list[dict[str, Any]], repeated: str, rounding: str) -> None:
    graded = counted(courses, repeated)
    weights = sum(one["credits"] for one in graded)
    average, _ = grading(repeated=repeated, rounding=rounding).count(courses)
    if not weights:
        assert average is None
        return
    exact = sum(Decimal(POINTS[one["grade"]]) * one["credits"] for one in graded) / Decimal(weights)
    mode = ROUND_DOWN if rounding == "down" else ROUND_HALF_UP
    assert average == str(exact.quantize(Decimal("0.01"), mode))


@given(COURSES, st.sampled_from(["last", "best", "all"]))
def test_a_course_earns_its_credits_once_and_only_when_it_was_passed(courses: list[dict[str, Any]], how: str) -> None:
    most = {
        code: max(one["credits"] for one in courses if one["code"] == code) for code in {c["code"] for c in courses}
    }
    passed = {one["code"] for one in courses if one["grade"] not in ("F", "U", "W")}
    _, earned = grading(repeated=how).count(courses)
    assert earned <= sum(most[code] for code in passed)


@pytest.mark.parametrize(
    ("repeated", "average", "earned"), [("last", "1.00", 3), ("best", "4.00", 3), ("all", "2.50", 3)]
)
def test_a_course_that_was_taken_again_counts_as_the_institution_says(repeated: str, average: str, earned: int) -> None:
    assert grading(repeated=repeated).count([course("C1", "A"), course("C1", "D")]) == (average, earned)


def test_the_third_place_is_cut_off_or_rounded_as_the_institution_says() -> None:
    courses = [course("C1", "A", 5), course("C2", "B", 3)]  # 3.625
    assert grading(rounding="down").count(courses)[0] == "3.62"
    assert grading(rounding="half_up").count(courses)[0] == "3.63"


def test_what_passes_without_points_earns_credits_and_what_was_left_earns_none() -> None:
    assert grading().count([course("C1", "B"), course("C2", "S"), course("C3", "W"), course("C4", "U")]) == ("3.00", 6)
