from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.thai_dates import (
    FIRST_DAY,
    MalformedThaiDate,
    PartialDate,
    UnknownThaiDate,
    be_year,
    parse_be_yyyymmdd,
    parse_tang_rat,
    to_be_yyyymmdd,
    to_tang_rat,
)

days = st.dates(min_value=FIRST_DAY, max_value=date(2456, 12, 31))


@st.composite
def partial_dates(draw: st.DrawFn) -> PartialDate:
    day = draw(days)
    known = draw(st.sampled_from(["year", "month", "day"]))
    if known == "day":
        return PartialDate.of(day)
    if known == "month":
        return PartialDate(day.year, day.month)
    return PartialDate(day.year)


@given(partial_dates())
def test_the_dialect_of_dopa_round_trips(day: PartialDate) -> None:
    assert parse_be_yyyymmdd(to_be_yyyymmdd(day)) == day


@given(partial_dates())
def test_the_dialect_of_tang_rat_round_trips(day: PartialDate) -> None:
    assert parse_tang_rat(to_tang_rat(day)) == day


@given(days, days)
def test_the_order_of_days_is_the_order_of_official_years(one: date, other: date) -> None:
    early, late = sorted([one, other])
    assert be_year(early) <= be_year(late)


@given(st.text(alphabet="0123456789-٣x", max_size=9))
def test_any_text_is_a_date_or_a_typed_error(text: str) -> None:
    for parse, write in ((parse_be_yyyymmdd, to_be_yyyymmdd), (parse_tang_rat, to_tang_rat)):
        try:
            day = parse(text)
        except MalformedThaiDate:
            continue
        assert write(day) == text


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("25380717", date(1995, 7, 17)),
        ("24840101", date(1941, 1, 1)),
        ("24831231", date(1940, 12, 31)),
        ("24830401", date(1940, 4, 1)),
        ("24820331", date(1940, 3, 31)),
        ("24820101", date(1940, 1, 1)),
        ("24820401", date(1939, 4, 1)),
        ("24320401", date(1889, 4, 1)),
        ("24320101", date(1890, 1, 1)),
        ("24320331", date(1890, 3, 31)),
        ("25670229", date(2024, 2, 29)),
        ("24820229", date(1940, 2, 29)),
    ],
)
def test_a_whole_date_is_read_by_the_calendar_of_its_time(text: str, day: date) -> None:
    assert parse_be_yyyymmdd(text) == PartialDate.of(day)
    assert to_be_yyyymmdd(day) == text


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("25380000", date(1995, 1, 1)),
        ("25380700", date(1995, 7, 1)),
        ("24840000", date(1941, 1, 1)),
        ("24830000", date(1940, 4, 1)),
        ("24700000", date(1927, 4, 1)),
        ("24700200", date(1928, 2, 1)),
    ],
)
def test_an_unknown_part_counts_as_the_first_of_its_month_or_official_year(text: str, first: date) -> None:
    assert parse_be_yyyymmdd(text).first == first
    assert not parse_be_yyyymmdd(text).is_whole


@pytest.mark.parametrize(
    "text",
    [
        "24830101",
        "24830331",
        "24830200",
        "24310401",
        "24310000",
        "25380017",
        "25381301",
        "25380230",
        "00000101",
        "05000101",
        "2538071",
        "253807170",
        "2538-7-1",
        "๒๕๓๘๐๗๑๗",
        "",
    ],
)
def test_what_no_calendar_had_is_refused(text: str) -> None:
    with pytest.raises(MalformedThaiDate):
        parse_be_yyyymmdd(text)


def test_a_date_of_which_nothing_is_known_has_an_error_of_its_own() -> None:
    with pytest.raises(UnknownThaiDate):
        parse_be_yyyymmdd("00000000")
    with pytest.raises(UnknownThaiDate):
        parse_tang_rat("--------")


@pytest.mark.parametrize(
    ("text", "first"), [("19870430", date(1987, 4, 30)), ("198704--", date(1987, 4, 1)), ("1987----", date(1987, 1, 1))]
)
def test_tang_rat_writes_the_christian_era_with_dashes(text: str, first: date) -> None:
    assert parse_tang_rat(text).first == first


@pytest.mark.parametrize("text", ["1987--17", "----0417", "19870001", "19870400", "1987-4-1", "00010101", "1987"])
def test_what_tang_rat_does_not_write_is_refused(text: str) -> None:
    with pytest.raises(MalformedThaiDate):
        parse_tang_rat(text)


def test_a_day_without_a_month_is_no_partial_date() -> None:
    with pytest.raises(MalformedThaiDate):
        PartialDate(1995, None, 17)


def test_an_error_does_not_carry_the_date() -> None:
    with pytest.raises(MalformedThaiDate) as caught:
        parse_be_yyyymmdd("25380230")
    assert "2538" not in str(caught.value)
    assert "1995" not in str(caught.value)
