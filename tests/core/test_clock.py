from datetime import UTC, date, datetime, timedelta

import pytest

from core.clock import FixedClock, SystemClock, bangkok_day, start_of_bangkok_day


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 11, 15, 16, 59, 59, tzinfo=UTC), date(2026, 11, 15)),
        (datetime(2026, 11, 15, 17, 0, 0, tzinfo=UTC), date(2026, 11, 16)),
    ],
)
def test_a_day_begins_at_midnight_in_bangkok(instant: datetime, day: date) -> None:
    assert bangkok_day(instant) == day


def test_the_start_of_a_day_is_in_that_day_and_the_moment_before_is_not() -> None:
    start = start_of_bangkok_day(date(2026, 11, 16))
    assert bangkok_day(start) == date(2026, 11, 16)
    assert bangkok_day(start - timedelta(microseconds=1)) == date(2026, 11, 15)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        FixedClock(datetime(2026, 11, 16))  # noqa: DTZ001 - the point of the test


def test_the_system_clock_is_aware() -> None:
    assert SystemClock().now().tzinfo is UTC
