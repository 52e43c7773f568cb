"""Which facts that are not there may come by waiting."""

from __future__ import annotations

import pytest

from services.exchange.answers import INVALID_ANSWER, NO_SOURCE, NOT_KNOWN, SOURCE_FAILED, TIMEOUT
from services.exchange.facts import ANSWERED, Fact, FactState
from services.exchange.household import MEMBER_UNKNOWN


def test_the_reasons_are_those_that_sources_and_households_give() -> None:
    assert {INVALID_ANSWER, MEMBER_UNKNOWN, NO_SOURCE, NOT_KNOWN} == ANSWERED


@pytest.mark.parametrize(
    ("state", "reason", "silent"),
    [
        (FactState.UNAVAILABLE, TIMEOUT, True),
        (FactState.UNAVAILABLE, SOURCE_FAILED, True),
        (FactState.UNAVAILABLE, None, True),
        (FactState.UNAVAILABLE, NOT_KNOWN, False),
        (FactState.FRESH, None, False),
        (FactState.STALE, TIMEOUT, False),
        (FactState.DENIED, "NO_CONSENT", False),
    ],
)
def test_a_source_is_silent_where_nobody_can_say_yet(state: FactState, reason: str | None, silent: bool) -> None:
    assert Fact("annual_income", None, "rd", None, state, reason).is_silent is silent
