from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import pytest
from graphql import parse_type
from hypothesis import given
from hypothesis import strategies as st

from core.money import Money
from services.plugins.plugin import Plugin
from services.plugins.registry import load_folder
from services.plugins.runner import MalformedAnswer, check_answer
from services.plugins.runner.answers import ITEMS_MAX, STRING_LENGTH_MAX
from tests.support.plugins import CATALOGUE, HOST, LIBRARY

PLUGIN: Plugin = load_folder(LIBRARY, HOST, CATALOGUE)
LOAN: dict[str, Any] = {"id": "L1", "title": "t", "due": date(2026, 11, 20), "state": "OUT"}


def check(answer: Any, type_: str) -> Any:
    return check_answer(answer, parse_type(type_), PLUGIN.graph)


@pytest.mark.parametrize(
    ("answer", "type_", "checked"),
    [
        (None, "Int", None),
        (0, "Int!", 0),
        (2**31 - 1, "Int", 2**31 - 1),
        (-(2**31) + 1, "Int", -(2**31) + 1),
        (2, "Float", 2.0),
        ("", "String", ""),
        ("ไทย 😀 <script>", "String", "ไทย 😀 <script>"),
        ("x" * STRING_LENGTH_MAX, "String", "x" * STRING_LENGTH_MAX),
        (7, "ID", "7"),
        (False, "Boolean!", False),
        ("2024-02-29", "Date", date(2024, 2, 29)),
        (date(2024, 2, 29), "Date", date(2024, 2, 29)),
        ("2026-11-16T00:00:00Z", "DateTime", datetime(2026, 11, 16, tzinfo=UTC)),
        ({"satang": 5, "currency": "THB"}, "Money", Money(5)),
        (Money(5), "Money", Money(5)),
        ((1, 2), "[Int!]!", [1, 2]),
        ([None], "[Int]", [None]),
        ("BACK", "LibraryLoanState", "BACK"),
    ],
)
def test_what_the_sdl_says_is_taken(answer: Any, type_: str, checked: Any) -> None:
    assert check(answer, type_) == checked


@pytest.mark.parametrize(
    ("answer", "type_"),
    [
        (None, "Int!"),
        (True, "Int"),
        (1.0, "Int"),
        ("1", "Int"),
        (2**31, "Int"),
        (math.nan, "Float"),
        (math.inf, "Float"),
        (True, "Float"),
        (1, "String"),
        ("a\x00b", "String"),
        ("\ud800", "String"),
        ("x" * (STRING_LENGTH_MAX + 1), "String"),
        (True, "ID"),
        (1, "Boolean"),
        ("2026-02-29", "Date"),
        (datetime(2026, 1, 1, tzinfo=UTC), "Date"),
        ("2026-11-16T00:00:00", "DateTime"),
        (date(2026, 1, 1), "DateTime"),
        (5, "Money"),
        ({"satang": 5}, "Money"),
        ({"satang": 5, "currency": "USD"}, "Money"),
        ({"satang": 5.5, "currency": "THB"}, "Money"),
        ({"satang": 2**63, "currency": "THB"}, "Money"),
        ("LOST", "LibraryLoanState"),
        (1, "LibraryLoanState"),
        ({}, "[Int]"),
        ("ab", "[String]"),
        ([None], "[Int!]"),
        ([], "LibraryLoan"),
        ({}, "LibraryLoan"),
        (LOAN | {"state": None}, "LibraryLoan"),
        (LOAN | {"copies": [{"prices": [None]}]}, "LibraryLoan"),
    ],
)
def test_what_it_does_not_say_is_refused(answer: Any, type_: str) -> None:
    with pytest.raises(MalformedAnswer):
        check(answer, type_)


def test_unknown_keys_are_dropped_and_missing_ones_are_null() -> None:
    checked = check(LOAN | {"secret": "x", "copies": [{"price": 1}]}, "LibraryLoan")
    assert "secret" not in checked
    assert checked["fine"] is None
    assert checked["copies"] == [{"shelf": None, "prices": None}]


def test_the_place_is_named_and_the_value_is_not() -> None:
    with pytest.raises(MalformedAnswer) as caught:
        check([LOAN, LOAN | {"copies": [{"shelf": 1112034563562}]}], "[LibraryLoan!]")
    assert caught.value.path == (1, "copies", 0, "shelf")
    assert "1112034563562" not in str(caught.value)


@pytest.mark.parametrize(("items", "refused"), [(ITEMS_MAX, False), (ITEMS_MAX + 1, True)])
def test_an_answer_has_only_so_many_values(items: int, refused: bool) -> None:
    if refused:
        with pytest.raises(MalformedAnswer, match="more than"):
            check([1] * items, "[Int]")
    else:
        assert len(check([1] * items, "[Int]")) == items


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*LOAN, "copies", "fine"]), inner, max_size=6)
    ),
    max_leaves=30,
)


@given(JSON)
def test_any_json_is_taken_or_refused_and_what_is_taken_stays_as_it_is(answer: Any) -> None:
    try:
        checked = check(answer, "[LibraryLoan]")
    except MalformedAnswer:
        return
    assert check(checked, "[LibraryLoan]") == checked
