"""Answers are harmless to store and to pass on before anyone reads them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from services.apply.answers import ANSWERS_MAX, TEXT_LENGTH_MAX, checked


def test_no_answers_are_an_empty_object() -> None:
    assert checked(None) == {} == checked({})


MONEY = {"satang": 1, "currency": "THB"}


@pytest.mark.parametrize("value", [True, 0, -(2**63), 2**63 - 1, "", "ข้อความ", "x" * TEXT_LENGTH_MAX, MONEY])
def test_plain_values_pass(value: Any) -> None:
    assert checked({"annual_income": value}) == {"annual_income": value}


@pytest.mark.parametrize(
    "value",
    [
        None, 1.5, [], 2**63, -(2**63) - 1, "a\x00b", "\udfff", "x" * (TEXT_LENGTH_MAX + 1), float("nan"),
        {"satang": 1.5}, {"satang": {"satang": 1}}, {"\x00": 1}, {f"a{n}": n for n in range(11)},
    ],
)  # fmt: skip
def test_anything_else_is_refused_by_its_name(value: Any) -> None:
    with pytest.raises(BadInput) as error:
        checked({"annual_income": value})
    assert error.value.path == ("answers", "annual_income")


@pytest.mark.parametrize("answers", [[], "", "x", 0, False, 3, ["annual_income"]])
def test_only_an_object_is_an_object(answers: Any) -> None:
    with pytest.raises(BadInput) as error:
        checked(answers)
    assert error.value.path == ("answers",)


@pytest.mark.parametrize("key", ["", "1112034563562", "Income", "a" * 65, "a\x00", "child.", "child.child.a", "รายได้"])
def test_a_key_that_is_no_attribute_is_not_repeated_in_the_error(key: str) -> None:
    with pytest.raises(BadInput) as error:
        checked({key: 1})
    assert error.value.path == ("answers",)
    assert not key or key not in str(error.value)


def test_as_many_as_there_may_be_and_one_more() -> None:
    many = {f"a{n}": 1 for n in range(ANSWERS_MAX)}
    assert checked(many) == many
    with pytest.raises(BadInput):
        checked(many | {"z": 1})


def test_many_long_texts_are_too_much_together() -> None:
    with pytest.raises(BadInput) as error:
        checked({f"a{n}": "x" * TEXT_LENGTH_MAX for n in range(9)})
    assert error.value.path == ("answers",)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(_JSON)
def test_whatever_json_says_is_either_refused_or_can_be_stored(answers: Any) -> None:
    try:
        passed = checked(answers)
    except BadInput:
        return
    assert orjson.loads(orjson.dumps(passed)) == passed
