"""Demands of assurance, as an order: what meets both is neither more nor less than both."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from core.assurance import Aal, Assurance, Demand, Ial
from tests.conftest import NOW

LEVELS = st.builds(Assurance, st.sampled_from(Ial), st.sampled_from(Aal))
AGES = st.one_of(st.none(), st.integers(0, 1_000))
DEMANDS = st.builds(Demand, LEVELS, AGES)


@given(DEMANDS, DEMANDS, LEVELS, AGES)
def test_what_meets_the_joined_demand_meets_both_and_the_other_way_round(
    one: Demand, other: Demand, had: Assurance, age: int | None
) -> None:
    at = None if age is None else NOW - timedelta(seconds=age)
    both = one.met_by(had.acr, at, NOW) and other.met_by(had.acr, at, NOW)
    assert one.joined(other).met_by(had.acr, at, NOW) is both
    assert one.joined(other) == other.joined(one)
    assert one.joined(one) == one


@given(DEMANDS)
def test_a_challenge_asks_for_what_would_meet_it(demand: Demand) -> None:
    parts = dict(part.split("=") for part in demand.challenge.split(", "))
    assert parts["error"] == '"insufficient_user_authentication"'
    assert demand.met_by(parts["acr_values"].strip('"'), NOW, NOW)
    assert ("max_age" in parts) is (demand.age_seconds_max is not None)
