from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import SATANG_MAX, AmountOutOfRange, Money

amounts = st.integers(-SATANG_MAX, SATANG_MAX)


@pytest.mark.parametrize(
    ("satang", "decimal", "shown"),
    [(0, "0.00", "0.00"), (5, "0.05", "0.05"), (-5, "-0.05", "-0.05"), (123_456_789, "1234567.89", "1,234,567.89")],
)
def test_money_prints_to_the_satang(satang: int, decimal: str, shown: str) -> None:
    assert Money(satang).decimal() == decimal
    assert str(Money(satang)) == shown


@given(amounts)
def test_the_decimal_form_loses_nothing(satang: int) -> None:
    whole, _, part = Money(satang).decimal().lstrip("-").partition(".")
    assert (int(whole) * 100 + int(part)) * (-1 if satang < 0 else 1) == satang


@pytest.mark.parametrize("bad", [1.0, "1", None, True])
def test_money_is_made_of_whole_satang_only(bad: Any) -> None:
    with pytest.raises(TypeError):
        Money(bad)


@pytest.mark.parametrize("edge", [SATANG_MAX, -SATANG_MAX])
def test_the_largest_amount_fits_and_one_more_does_not(edge: int) -> None:
    assert Money(edge).satang == edge
    with pytest.raises(AmountOutOfRange):
        Money(edge + (1 if edge > 0 else -1))


def test_a_sum_that_leaves_the_range_is_an_error_not_a_wrap() -> None:
    with pytest.raises(AmountOutOfRange):
        Money(SATANG_MAX) + Money(1)
