"""The table of the life of a version: every pair of state and act is in it, or is refused by name."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.plugins.registry import states
from services.plugins.registry.errors import ServiceStateConflict
from services.plugins.registry.states import CURRENT, PUBLISHED_ONCE, REPLACEABLE, TRANSITIONS, Act, State, after


@given(st.sampled_from(list(product(State, Act))))
def test_every_pair_is_a_move_of_the_table_or_a_refusal_that_names_both(pair: tuple[State, Act]) -> None:
    state, act = pair
    if pair in TRANSITIONS:
        assert after(state, act) is TRANSITIONS[pair]
    else:
        with pytest.raises(ServiceStateConflict) as refused:
            after(state, act)
        assert refused.value.fields == {"state": state, "act": act}


@given(st.lists(st.sampled_from(Act), max_size=30))
def test_whatever_is_tried_what_was_published_never_becomes_a_draft_again(acts: list[Act]) -> None:
    state, once = State.DRAFT, False
    for act in acts:
        state = TRANSITIONS.get((state, act), state)
        once = once or state is State.PUBLISHED
        assert (state in PUBLISHED_ONCE) is once


def test_only_what_nobody_was_asked_about_may_be_replaced() -> None:
    assert {State.DRAFT, State.CHECKED} == REPLACEABLE


def test_nothing_is_published_that_was_not_checked() -> None:
    into = {(state, act) for (state, act), new in TRANSITIONS.items() if new is State.PUBLISHED}
    assert into == {
        (State.CHECKED, Act.PUBLISH),
        (State.IN_REVIEW, Act.APPROVE),
        (State.SUSPENDED, Act.RESUME),
        (State.SUPERSEDED, Act.ROLL_BACK),
    }
    assert {state for (state, _), new in TRANSITIONS.items() if new is State.CHECKED} == {
        State.CHECKING,
        State.IN_REVIEW,
    }


def test_whatever_is_current_can_be_superseded() -> None:
    assert {state for state, act in TRANSITIONS if act is Act.SUPERSEDE} == CURRENT


def test_the_table_that_people_read_is_the_table_that_runs() -> None:
    said: dict[tuple[str, str], str] = {}
    head: list[str] = []
    for line in (states.__doc__ or "").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| in "):
            head = cells
        elif line.startswith("| ") and head:
            said |= {
                (cells[0], act.upper().replace(" ", "_")): cell
                for act, cell in zip(head[1:], cells[1:], strict=True)
                if cell
            }
    assert said == {(state.value, act.value): new.value for (state, act), new in TRANSITIONS.items()}
