"""The terms of a notice: days, years and reasons, on both sides of their boundaries."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import BANGKOK, bangkok_day
from services.plugins.notices.terms import (
    Notice,
    Reason,
    UntilUnreadable,
    read_reason,
    sunset_of,
    year_after,
)

SINCE = datetime(2026, 11, 22, 8, tzinfo=BANGKOK)


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(9998, 12, 31)))
def test_a_year_is_never_less_than_365_days_and_ends_on_the_same_day_or_on_1_march(day: date) -> None:
    after = year_after(day)
    assert after - day >= timedelta(days=365)
    assert (after.month, after.day) == ((3, 1) if (day.month, day.day) == (2, 29) else (day.month, day.day))


@pytest.mark.parametrize(
    ("at", "sunset"),
    [
        (datetime(2026, 11, 22, 23, 59, 59, tzinfo=BANGKOK), date(2027, 11, 22)),
        (datetime(2026, 11, 22, 16, 59, 59, tzinfo=UTC), date(2027, 11, 22)),
        (datetime(2026, 11, 22, 17, 0, 0, tzinfo=UTC), date(2027, 11, 23)),
        (datetime(2028, 2, 29, 12, tzinfo=BANGKOK), date(2029, 3, 1)),
        (datetime(2027, 3, 1, 0, tzinfo=BANGKOK), date(2028, 3, 1)),
    ],
)
def test_the_year_begins_with_the_bangkok_day_of_the_publication(at: datetime, sunset: date) -> None:
    assert sunset_of(at) == sunset


@given(
    st.integers(min_value=1_577_836_800, max_value=4_102_444_800),
    st.lists(st.none() | st.dates(min_value=date(2000, 1, 1), max_value=date(2200, 1, 1)), max_size=3),
)
def test_a_wish_makes_it_later_and_never_earlier(seconds: int, wished: list[date | None]) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    assert sunset_of(at, *wished) >= year_after(bangkok_day(at))
    assert all(sunset_of(at, *wished) >= day for day in wished if day is not None)


@pytest.mark.parametrize(
    ("words", "reason", "until"),
    [
        ("Ask for rate instead.", Reason("Ask for rate instead."), None),
        ("ใช้ rate แทน | Ask for rate instead", Reason("Ask for rate instead", "ใช้ rate แทน"), None),
        ("ใช้ rate แทน | Ask for rate, until 2028-01-31", Reason("Ask for rate", "ใช้ rate แทน"), date(2028, 1, 31)),
        ("Ask for rate until 2028-01-31.", Reason("Ask for rate"), date(2028, 1, 31)),
        ("Ask\n  for   rate;\tuntil 2028-02-29", Reason("Ask for rate"), date(2028, 2, 29)),
        ("Wait until then", Reason("Wait until then"), None),
        ("from until 2027-01-01 until 2028-01-01", Reason("from until 2027-01-01"), date(2028, 1, 1)),
        ("until 2028-01-31", Reason(""), date(2028, 1, 31)),
        ("a | b | c", Reason("b | c", "a"), None),
        (" | b", Reason("| b"), None),
    ],
)
def test_a_reason_is_read(words: str, reason: Reason, until: date | None) -> None:
    assert read_reason(words) == (reason, until)


@pytest.mark.parametrize(
    "day", ["2027-13-01", "2027-02-29", "2027", "2027-1-1", "20270101", "2027-01-01-", "0000-01-01"]
)
def test_what_is_no_day_is_refused(day: str) -> None:
    with pytest.raises(UntilUnreadable):
        read_reason(f"Ask for rate, until {day}")


@given(st.text(max_size=400))
def test_any_words_are_a_reason_or_refused(words: str) -> None:
    try:
        reason, _ = read_reason(words)
    except UntilUnreadable:
        return
    assert reason.en == " ".join(reason.en.split())


def test_what_introspection_shows_ends_with_the_day_and_is_read_back() -> None:
    notice = Notice("A.b", "s", SINCE, date(2028, 1, 31), Reason("Ask for rate", "ใช้ rate แทน"))
    assert notice.written() == "ใช้ rate แทน | Ask for rate (deprecated since 2026-11-22), until 2028-01-31"
    assert read_reason(notice.written())[1] == date(2028, 1, 31)


def test_from_its_sunset_on_it_may_go_and_not_the_day_before() -> None:
    notice = Notice("A.b", "s", SINCE, date(2027, 11, 22), Reason("x"))
    assert not notice.may_go_on(date(2027, 11, 21))
    assert notice.may_go_on(date(2027, 11, 22))
