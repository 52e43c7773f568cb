"""When a notice goes out."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from core.clock import BANGKOK
from core.ids import new_id
from identity.notices.models import NoticeOutgoing
from identity.notices.planning import TOLD_IN_AN_HOUR_MAX, WAIT_MAX, end_of_quiet, next_try, plan

NOW = datetime(2026, 11, 16, 12, 0, tzinfo=BANGKOK)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - their zone is the next argument


def row(*, urgent: bool) -> NoticeOutgoing:
    return NoticeOutgoing(
        channel=new_id(),
        message=new_id(),
        person=new_id(),
        template="x",
        topic="SECURITY" if urgent else "PAYMENTS",
        urgent=urgent,
        created_at=NOW,
        due_at=NOW,
    )


@given(st.lists(st.booleans(), max_size=12), st.integers(0, 12), MOMENTS)
def test_every_row_has_one_place_and_what_is_urgent_never_waits(urgent: list[bool], told: int, now: datetime) -> None:
    rows = [row(urgent=one) for one in urgent]
    made = plan(rows, told, now - timedelta(minutes=30), now)
    assert sorted(id(one) for one in made.alone + made.together + made.wait) == sorted(map(id, rows))
    assert all(one in made.alone for one in rows if one.urgent)
    ordinary = sum(not one.urgent for one in made.alone) + bool(made.together)
    assert ordinary == 0 or told + ordinary <= TOLD_IN_AN_HOUR_MAX
    assert bool(made.wait) == (made.until is not None)
    assert made.until is None or made.until > now


@given(MOMENTS)
def test_the_night_is_from_nine_to_seven_in_bangkok(now: datetime) -> None:
    there = now.astimezone(BANGKOK)
    ends = end_of_quiet(now)
    assert (ends is None) == (7 <= there.hour < 21)
    if ends is not None:
        assert ends.astimezone(BANGKOK).time() == time(7)
        assert timedelta(0) < ends - now <= timedelta(hours=10)


def test_the_edges_of_the_night() -> None:
    for at, quiet in ((time(20, 59, 59), False), (time(21), True), (time(6, 59, 59), True), (time(7), False)):
        assert (end_of_quiet(datetime.combine(NOW.date(), at, BANGKOK)) is not None) is quiet


@given(st.integers(1, 10_000), st.none() | st.timedeltas(timedelta(0), timedelta(days=30)))
def test_a_wait_is_at_least_what_was_asked_and_has_an_end(attempts: int, asked: timedelta | None) -> None:
    wait = next_try(attempts, asked)
    assert timedelta(seconds=30) <= wait <= WAIT_MAX
    assert asked is None or wait >= min(asked, WAIT_MAX)
