"""Facts that do not fit are refused by both executions, by name and without their value."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from core.money import Money
from tests.welfare.rules.agreement import BOUND, TYPES, VOCABULARY
from welfare.rules import AttributeType, Kind, Vocabulary, errors
from welfare.rules.attributes import INT64_MAX
from welfare.rules.polars_code import checked_frame

BAD: list[tuple[str, Any, type[errors.FactError]]] = [
    ("flag", 1, errors.FactWrongType),
    ("flag", "true", errors.FactWrongType),
    ("size", True, errors.FactWrongType),
    ("size", 1.0, errors.FactWrongType),
    ("size", Money(1), errors.FactWrongType),
    ("size", 101, errors.FactOutOfRange),
    ("size", -6, errors.FactOutOfRange),
    ("income", Money(BOUND + 1), errors.FactOutOfRange),
    ("income", "100", errors.FactWrongType),
    ("born", "2020-01-01", errors.FactWrongType),
    ("born", datetime(2020, 1, 1, tzinfo=UTC), errors.FactWrongType),
    ("born", date(1799, 12, 31), errors.FactOutOfRange),
    ("standing", "Monk", errors.FactUnknownCode),
    ("standing", 3, errors.FactWrongType),
]


@pytest.mark.parametrize(("name", "value", "error"), BAD, ids=str)
def test_a_fact_that_does_not_fit_is_refused_by_name(name: str, value: Any, error: type[errors.FactError]) -> None:
    with pytest.raises(error) as caught:
        TYPES[name].plain(name, value)
    assert name in str(caught.value)
    assert caught.value.fields == {"name": name}


def test_facts_at_both_ends_of_their_range_are_taken() -> None:
    assert [TYPES["size"].plain("size", v) for v in (-5, 100)] == [-5, 100]
    assert TYPES["income"].plain("income", Money(BOUND)) == TYPES["income"].plain("income", BOUND) == BOUND


@pytest.mark.parametrize(
    ("column", "error"),
    [
        (pl.Series("size", [101]), errors.FactOutOfRange),
        (pl.Series("size", [-6, None]), errors.FactOutOfRange),
        (pl.Series("size", [2**63], dtype=pl.UInt64), errors.FactOutOfRange),
        (pl.Series("assets", [None, 5, -1]), errors.FactOutOfRange),
        (pl.Series("assets", [BOUND + 1]), errors.FactOutOfRange),
        (pl.Series("count", [-1], dtype=pl.Int8), errors.FactOutOfRange),
        (pl.Series("count", [10], dtype=pl.Int8), errors.FactOutOfRange),
        (pl.Series("size", [1.0]), errors.FactWrongType),
        (pl.Series("size", ["1"]), errors.FactWrongType),
        (pl.Series("flag", [1]), errors.FactWrongType),
        (pl.Series("born", ["2020-01-01"]), errors.FactWrongType),
        (pl.Series("born", [datetime(2020, 1, 1)]), errors.FactWrongType),  # noqa: DTZ001 (a column type)
        (pl.Series("born", [date(1799, 12, 31)]), errors.FactOutOfRange),
        (pl.Series("standing", ["Monk"]), errors.FactUnknownCode),
        (pl.Series("standing", [1]), errors.FactWrongType),
        (pl.Series("other", [1]), errors.FactColumnMissing),
    ],
    ids=str,
)
def test_a_column_that_does_not_fit_is_refused_by_name(column: pl.Series, error: type[errors.FactError]) -> None:
    name = "size" if column.name == "other" else column.name
    with pytest.raises(error):
        checked_frame(column.to_frame(), [name], VOCABULARY)


def test_a_number_beyond_64_bits_is_refused_and_not_wrapped() -> None:
    vocabulary = Vocabulary({"wide": AttributeType(Kind.INT, 0, INT64_MAX)})
    taken = checked_frame(pl.DataFrame({"wide": [INT64_MAX]}), ["wide"], vocabulary)
    assert taken["wide"].to_list() == [INT64_MAX]
    with pytest.raises(errors.FactOutOfRange):
        checked_frame(pl.DataFrame({"wide": pl.Series([2**63], dtype=pl.UInt64)}), ["wide"], vocabulary)


def test_a_column_of_unknowns_needs_no_type() -> None:
    frame = checked_frame(pl.DataFrame({"born": [None], "size": [None]}), ["born", "size"], VOCABULARY)
    assert frame.dtypes == [pl.Date, pl.Int64]
    assert frame.row(0) == (None, None)


def test_narrow_integers_and_categories_are_widened() -> None:
    frame = pl.DataFrame(
        {"size": pl.Series([7], dtype=pl.UInt8), "standing": pl.Series(["monk"], dtype=pl.Categorical)}
    )
    assert checked_frame(frame, ["size", "standing"], VOCABULARY).row(0) == (7, "monk")


def test_numbers_at_both_ends_of_a_range_from_zero_are_taken_from_a_frame() -> None:
    frame = pl.DataFrame({"assets": [0, BOUND, None], "count": [0, 9, None]})
    assert checked_frame(frame, ["assets", "count"], VOCABULARY).equals(frame)
    assert checked_frame(frame.clear(), ["assets"], VOCABULARY).height == 0
