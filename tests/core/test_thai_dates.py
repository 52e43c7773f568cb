from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.thai_dates import (
    FIRST_DAY,
    MalformedThaiDate,
    PartialDate,
    Precision,
    UnknownThaiDate,
    be_year,
    parse_be_yyyymmdd,
    parse_iso,
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


def test_every_day_from_the_first_to_our_grandchildrens_goes_out_and_comes_back_in_both_dialects() -> None:
    """Exhaustive: 77,000 days, over every new year, and no two are written alike."""
    day, before, seen = FIRST_DAY, "", set[str]()
    while day.year < 2100:
        whole = PartialDate.of(day)
        written = (to_be_yyyymmdd(day), to_tang_rat(day))
        assert parse_be_yyyymmdd(written[0]) == parse_tang_rat(written[1]) == parse_iso(day.isoformat()) == whole
        assert written[0] not in seen
        assert written[1] > before
        assert str(whole) == day.isoformat()
        seen.add(written[0])
        day, before = day + timedelta(days=1), written[1]


def test_every_month_and_year_of_the_buddhist_era_is_read_and_written_or_refused() -> None:
    for year in range(2425, 2600):
        for month in range(13):
            text = f"{year:04d}{month:02d}00"
            exists = year > 2431 and not (year == 2483 and 1 <= month <= 3)
            if not exists:
                with pytest.raises(MalformedThaiDate):
                    parse_be_yyyymmdd(text)
                continue
            read = parse_be_yyyymmdd(text)
            assert to_be_yyyymmdd(read) == text
            assert read.precision is (Precision.MONTH if month else Precision.YEAR)
            assert be_year(read.first) == year
            assert read.first.day == 1
            assert read.first.month == (month or (1 if year >= 2484 else 4))


@pytest.mark.parametrize(
    ("be", "day"),
    [
        (2482, date(1940, 3, 31)),
        (2483, date(1940, 4, 1)),
        (2483, date(1940, 12, 31)),
        (2484, date(1941, 1, 1)),
        (2481, date(1939, 3, 31)),
        (2482, date(1939, 4, 1)),
        (2482, date(1939, 12, 31)),
        (2482, date(1940, 1, 1)),
        (2432, date(1889, 4, 1)),
        (2432, date(1890, 3, 31)),
        (2433, date(1890, 4, 1)),
    ],
)
def test_each_side_of_each_new_year_lies_in_its_own_year(be: int, day: date) -> None:
    assert be_year(day) == be
    assert to_be_yyyymmdd(day) == f"{be}{day.month:02d}{day.day:02d}"


def test_be_2483_had_nine_months_and_no_day_is_lost() -> None:
    days = [FIRST_DAY + timedelta(days=n) for n in range((date(1942, 1, 1) - FIRST_DAY).days)]
    of_2483 = [day for day in days if be_year(day) == 2483]
    assert (len(of_2483), of_2483[0], of_2483[-1]) == (275, date(1940, 4, 1), date(1940, 12, 31))
    assert {day.month for day in of_2483} == set(range(4, 13))
    assert all(365 <= sum(1 for day in days if be_year(day) == year) <= 366 for year in (2432, 2470, 2482))


@given(partial_dates())
def test_iso_with_the_known_parts_round_trips(day: PartialDate) -> None:
    assert parse_iso(str(day)) == day


@given(partial_dates())
def test_a_date_counts_as_the_first_that_it_can_be_and_its_precision_says_what_is_known(day: PartialDate) -> None:
    assert be_year(day.first) == int(to_be_yyyymmdd(day)[:4])
    assert day.is_whole is (day.precision is Precision.DAY)
    assert (day.month is None) is (day.precision is Precision.YEAR)
    if day.first > FIRST_DAY:
        earlier = day.first - timedelta(days=1)
        same_month = (earlier.year, earlier.month) == (day.year, day.month)
        same_year = be_year(earlier) == be_year(day.first)
        assert not {Precision.DAY: False, Precision.MONTH: same_month, Precision.YEAR: same_year}[day.precision]


@pytest.mark.parametrize(
    ("text", "first"), [("1995-07-17", date(1995, 7, 17)), ("1995-07", date(1995, 7, 1)), ("1995", date(1995, 1, 1))]
)
def test_iso_may_leave_parts_out(text: str, first: date) -> None:
    assert parse_iso(text).first == first


@pytest.mark.parametrize("text", ["0000-07-17", "0000"])
def test_openid_connect_writes_an_unknown_year_as_zero(text: str) -> None:
    with pytest.raises(UnknownThaiDate):
        parse_iso(text)


@pytest.mark.parametrize("text", ["", "1995-7-17", "19950717", "1995-00", "1995-07-00", "1995-02-29", "1888", "๑๙๙๕"])
def test_what_is_no_iso_date_is_refused(text: str) -> None:
    with pytest.raises(MalformedThaiDate):
        parse_iso(text)
