"""The day on which an answer changes by itself: the same until the day before, another on it; for every programme."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random  # noqa: TID251 (days in between, from a seed)

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.welfare.entitlements.drawing import assessments, programmes
from welfare.entitlements.assessment import Assessment, values
from welfare.programmes.changes import HORIZON_YEARS, Answer, answer_on, changes_on

DAY = timedelta(days=1)


def answer(found: Assessment, day: date) -> Answer | None:
    child = None if found.child is None else values(found.child)
    return answer_on(found.programme, values(found.own), child, day)


@pytest.mark.parametrize("slug", [programme.slug for programme in programmes()])
@settings(max_examples=60, deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_it_is_the_first_day_with_another_answer(slug: str, data: st.DataObject, seed: int) -> None:
    found = data.draw(assessments(programmes()[slug]))
    if found is None:
        return
    now, changes = answer(found, found.on), found.changes_on()
    last = changes - DAY if changes is not None else found.on + 365 * (HORIZON_YEARS - 1) * DAY
    if changes is not None:
        assert changes > found.on
        assert answer(found, changes) != now
    chance = Random(seed)
    between = [found.on + chance.randrange((last - found.on).days + 1) * DAY for _ in range(20)]
    for day in (last, *between):
        assert answer(found, day) == now, day


@pytest.mark.parametrize("slug", [programme.slug for programme in programmes()])
@settings(max_examples=20, deadline=None)
@given(data=st.data(), on=st.sampled_from([date(1800, 1, 1), date(1800, 3, 1), date(2400, 2, 29), date(2400, 12, 31)]))
def test_at_either_end_of_the_calendar_there_is_an_answer(slug: str, data: st.DataObject, on: date) -> None:
    found = data.draw(assessments(programmes()[slug]))
    if found is None:
        return
    child = None if found.child is None else values(found.child)
    changes = changes_on(found.programme, values(found.own), child, on)
    assert changes is None or answer(found, changes) != answer(found, changes - DAY) == answer(found, on)
