"""Quick runs try fewer examples, and thorough ones as many as each test asks for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import ALWAYS_ALL, EXAMPLES_MIN, fewer, fewer_than

tried: list[int] = []


def a_test(examples: int) -> Any:
    @settings(max_examples=examples, derandomize=True, database=None)
    @given(st.integers(0, 10_000))
    def property_of(number: int) -> None:
        tried.append(number)

    return property_of


def found(test: Any, file: str = "tests/api/test_x.py") -> pytest.Item:
    return cast("pytest.Item", SimpleNamespace(obj=test, nodeid=f"{file}::test_x"))


def tries(test: Any) -> int:
    tried.clear()
    test()
    return len(tried)


def test_a_quick_run_tries_a_third_however_many_cases_the_test_has() -> None:
    test = a_test(90)
    assert tries(test) == 90
    for _ in range(3):
        fewer(found(test))
    assert tries(test) == 30


@pytest.mark.parametrize("room", ALWAYS_ALL)
def test_where_a_rare_failure_is_the_worst_news_all_are_tried(room: str) -> None:
    test = a_test(90)
    fewer(found(test, f"{room}test_x.py"))
    assert tries(test) == 90


@pytest.mark.parametrize(("asked", "left"), [(5, 5), (10, 10), (30, 10), (31, 10), (33, 11), (300, 100)])
def test_few_examples_stay_few(asked: int, left: int) -> None:
    assert fewer_than(asked) == left
    assert EXAMPLES_MIN == 10


def test_a_test_without_examples_is_left_as_it_is() -> None:
    def plain() -> None:
        tried.append(0)

    fewer(found(plain))
    assert vars(plain) == {}


@settings(max_examples=90)
@given(number=st.integers())
def test_this_run_tries_what_it_says(pytestconfig: pytest.Config, number: int) -> None:
    used: settings = vars(test_this_run_tries_what_it_says)["_hypothesis_internal_use_settings"]
    assert used.max_examples == (90 if pytestconfig.getoption("--thorough") else 30), number
