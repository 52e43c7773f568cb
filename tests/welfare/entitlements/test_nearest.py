"""The fewest changes, each the nearest: compared with trying every one."""

from __future__ import annotations

from datetime import date
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st

from tests.welfare.rules.agreement import BOUND, PARAMETERS, VOCABULARY, comparisons, rules, slow
from welfare.entitlements import nearest as room
from welfare.entitlements.nearest import Goal, Undecided, fewest, nearest
from welfare.rules import FALSE, Pred, parse
from welfare.rules.bounds import Span, outcomes

ON = date(2026, 11, 22)
SMALL = {"size": (-5, 100), "count": (0, 9)}
numbers = st.sampled_from(["size", "count", "size + count", "size * 2", "size - count", "0", "3", ":few", "40", "90"])
compared = st.builds("{} {} {}".format, numbers, comparisons, numbers).filter(
    lambda text: "size" in text or "count" in text
)
flags = st.sampled_from(["flag", "NOT flag", "other_flag"])
single = st.one_of(compared, flags)
small_rules = st.one_of(
    single, st.builds("({} OR {})".format, single, single), st.builds("({} AND {})".format, single, single)
)


def tree(text: str) -> Pred:
    return parse(text, VOCABULARY, PARAMETERS)


def holds(conditions: list[Pred], facts: dict[str, Any]) -> bool:
    return all(outcomes(condition, facts, ON)[0] > FALSE for condition in conditions)


def every_value(facts: dict[str, Any], name: str) -> list[Any]:
    return list(range(SMALL[name][0], SMALL[name][1] + 1)) if name in SMALL else [not facts[name]]


def can_be_done(conditions: list[Pred], facts: dict[str, Any], names: tuple[str, ...]) -> bool:
    """The slow truth."""
    every = product(*(every_value(facts, name) for name in names))
    return any(holds(conditions, {**facts, **dict(zip(names, values, strict=True))}) for values in every)


@settings(max_examples=200, deadline=None, suppress_health_check=slow)
@given(
    texts=st.lists(small_rules, min_size=1, max_size=3),
    facts=st.fixed_dictionaries(
        {"size": st.integers(-5, 100), "count": st.integers(0, 9), "flag": st.booleans(), "other_flag": st.booleans()}
    ),
)
def test_the_changes_are_enough_and_no_fewer_and_none_nearer_is(texts: list[str], facts: dict[str, Any]) -> None:
    conditions = [tree(text) for text in texts]
    free: dict[str, Any] = {name: Span(*bounds) for name, bounds in SMALL.items()}
    free |= {name: not facts[name] for name in ("flag", "other_flag")}
    try:
        found = fewest(conditions, facts, free, ON)
    except Undecided:
        reject()
    if found is None:
        assert not can_be_done(conditions, facts, tuple(free))
        return
    assert holds(conditions, {**facts, **found})
    for count in range(len(found)):
        assert not any(can_be_done(conditions, facts, names) for names in combinations(free, count))
    for name in found.keys() & SMALL.keys():
        now, new = facts[name], int(found[name])  # type: ignore[arg-type]  # a number
        nearer = [v for v in every_value(facts, name) if abs(v - now) < abs(new - now)]
        assert not any(holds(conditions, {**facts, **found, name: value}) for value in nearer)


@settings(max_examples=200, deadline=None, suppress_health_check=[*slow, HealthCheck.filter_too_much])
@given(text=rules, income=st.integers(-BOUND, BOUND), size=st.integers(-5, 100), data=st.data())
def test_a_sum_is_told_to_the_satang(text: str, income: int, size: int, data: st.DataObject) -> None:
    """Whatever the rule: with the value told it holds, with no nearer one that anybody finds it does."""
    condition = tree(text)
    facts: dict[str, Any] = {"income": income, "size": size, "assets": 5, "count": 2, "flag": True, "other_flag": False}
    goal = Goal([condition], ON)
    assume(not goal.reached(facts)[1])
    try:
        found = nearest(goal, facts, "income", Span(-BOUND, BOUND))
    except Undecided:
        reject()
    if found is None:
        other = data.draw(st.integers(-BOUND, BOUND))
        assert not goal.reached({**facts, "income": other})[1]
        return
    assert goal.reached({**facts, "income": found})[1]
    apart = abs(found - income)
    tried = [
        income + apart - 1,
        income - apart + 1,
        *data.draw(st.lists(st.integers(1 - apart, apart - 1), max_size=20)),
    ]
    assert not any(goal.reached({**facts, "income": value})[1] for value in tried if abs(value - income) < apart)


def test_a_limit_is_told_as_the_law_has_it() -> None:
    goal = Goal([tree("income <= :limit")], ON)
    assert nearest(goal, {"income": 10_000_001}, "income", Span(0, BOUND)) == 10_000_000
    goal = Goal([tree("income < :limit")], ON)
    assert nearest(goal, {"income": 10_000_000}, "income", Span(0, BOUND)) == 9_999_999


def test_of_two_values_as_near_the_lower_is_told() -> None:
    assert nearest(Goal([tree("size <> 5")], ON), {"size": 5}, "size", Span(0, 9)) == 4


def test_conditions_that_share_no_fact_each_add_their_own() -> None:
    facts = {"income": 20_000_000, "assets": 3 * 10**9, "size": 3, "count": 0}
    conditions = [tree("income <= :limit"), tree("assets <= :much"), tree("count >= :few AND size >= 3")]
    free = {name: Span(0, BOUND) for name in facts}
    assert fewest(conditions, facts, free, ON) == {"income": 10_000_000, "assets": 2_000_000_000, "count": 3}


def test_two_that_must_move_together_do() -> None:
    facts = {"size": 0, "count": 0}
    found = fewest([tree("size >= 10 AND size <= count * 2")], facts, {"size": Span(0, 100), "count": Span(0, 9)}, ON)
    assert found == {"size": 10, "count": 5}


def test_what_nobody_can_change_leaves_nothing_to_say() -> None:
    assert fewest([tree("NOT flag")], {"flag": True}, {}, ON) is None
    assert fewest([tree("flag")], {"flag": True}, {}, ON) == {}


def test_an_unknown_fact_is_left_as_it_is() -> None:
    found = fewest([tree("income <= :limit"), tree("flag")], {"income": 10_000_001}, {"income": Span(0, BOUND)}, ON)
    assert found == {"income": 10_000_000}


def test_a_search_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LOOKS_MAX", 10)
    with pytest.raises(Undecided):
        nearest(Goal([tree("income = :limit")], ON), {"income": 0}, "income", Span(0, BOUND))
