"""Which of announced windows counts now, and which two would contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from core.clock import FixedClock
from core.text import Text
from services.plugins.operating.windows import Window, Windows

START = datetime(2026, 11, 22, 3, tzinfo=UTC)
NAMES = ("bills", "pay", "status")
TICK = timedelta(seconds=1)


def window(begins: int, ends: int, operations: Sequence[str] = (), number: int = 0, slug: str = "water") -> Window:
    """From and until so many seconds after the start."""
    words = Text(th="ปิดปรับปรุง", en=f"Maintenance {number}")
    return Window(UUID(int=number), slug, START + begins * TICK, START + ends * TICK, words, frozenset(operations))


def test_a_window_is_on_from_its_beginning_until_just_before_its_end() -> None:
    clock = FixedClock(START - TICK)
    windows = Windows(clock, [window(0, 2)])
    seen = []
    for _ in range(4):
        seen.append((len(windows.of("water")), windows.is_on("water"), windows.on("water", "bills") is not None))
        clock.advance(TICK)
    assert seen == [(1, False, False), (1, True, True), (1, True, True), (0, False, False)]


def test_it_covers_the_operations_it_names_and_its_own_service_alone() -> None:
    windows = Windows(FixedClock(START), [window(0, 9, ["bills"])])
    assert windows.on("water", "bills") is not None
    assert windows.on("water", "pay") is None
    assert windows.on("other", "bills") is None
    assert not windows.is_on("other")
    assert list(windows.of("other")) == []


def test_what_is_to_come_is_shown_in_its_order_and_a_swap_forgets_the_rest() -> None:
    windows = Windows(FixedClock(START), [window(50, 60, number=2), window(10, 20, number=1)])
    assert [one.id.int for one in windows.of("water")] == [1, 2]
    windows.swap([])
    assert list(windows.of("water")) == []


spans = st.tuples(st.integers(0, 8), st.integers(1, 4), st.frozensets(st.sampled_from(NAMES)))


@given(one=spans, other=spans)
def test_two_windows_meet_where_at_some_second_some_operation_is_in_both(
    one: tuple[int, int, frozenset[str]], other: tuple[int, int, frozenset[str]]
) -> None:
    first, second = (window(begins, begins + length, sorted(names)) for begins, length, names in (one, other))
    moments = [START + number * TICK for number in range(20)]
    both = any(
        first.is_on(at) and second.is_on(at) and first.covers(name) and second.covers(name)
        for at in moments
        for name in NAMES
    )
    assert first.meets(second.begins_at, second.ends_at, second.operations) is both
