"""The bounds of a rule hold whatever the numbers within them are, and are the rule's answer once each is one."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.welfare.rules.agreement import BOUND, CODES, PARAMETERS, VOCABULARY, rules, sheet_of, slow
from welfare.rules import parse
from welfare.rules.bounds import Span, outcomes
from welfare.rules.tree import Pred

days = st.dates(date(1990, 1, 1), date(2030, 12, 31))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "flag": st.booleans(), "other_flag": st.booleans(), "born": days, "since": days,
    "size": st.integers(-5, 100), "count": st.integers(0, 9), "income": st.integers(-BOUND, BOUND),
    "assets": st.integers(0, BOUND), "standing": st.sampled_from(CODES),
}  # fmt: skip
RANGES = {"size": (-5, 100), "count": (0, 9), "income": (-BOUND, BOUND), "assets": (0, BOUND)}
known = st.fixed_dictionaries(
    {prefix + name: st.one_of(st.none(), each, each) for name, each in VALUES.items() for prefix in ("", "child.")}
)


def compiled(tree: Pred, facts: dict[str, Any], on: date) -> int:
    child = {name[6:]: value for name, value in facts.items() if name.startswith("child.")}
    outcome: int = sheet_of([tree], []).answers(facts, child, on)[0][0][0]
    return outcome


@settings(max_examples=400, deadline=None, suppress_health_check=slow)
@given(text=rules, facts=known, on=days)
def test_of_single_numbers_it_is_what_the_compiled_rule_says(text: str, facts: dict[str, Any], on: date) -> None:
    tree = parse(text, VOCABULARY, PARAMETERS)
    answer = compiled(tree, facts, on)
    assert outcomes(tree, facts, on) == (answer, answer)


@settings(max_examples=400, deadline=None, suppress_health_check=slow)
@given(text=rules, facts=known, on=days, data=st.data())
def test_whatever_the_numbers_are_the_answer_lies_within(
    text: str, facts: dict[str, Any], on: date, data: st.DataObject
) -> None:
    tree = parse(text, VOCABULARY, PARAMETERS)
    bounded, chosen = dict(facts), dict(facts)
    for name, (low, high) in RANGES.items():
        if facts[name] is not None and data.draw(st.booleans()):
            one, other = sorted(data.draw(st.tuples(st.integers(low, high), st.integers(low, high))))
            bounded[name], chosen[name] = Span(one, other), data.draw(st.integers(one, other))
    least, greatest = outcomes(tree, bounded, on)
    assert least <= compiled(tree, chosen, on) <= greatest
