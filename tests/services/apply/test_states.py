"""The table of moves keeps its promises whatever happens in whatever order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.apply.errors import (
    AlreadyClosed,
    AlreadyDecided,
    ApplyError,
    NotRejected,
    NotReopenable,
    NotWaitingForAnswers,
)
from services.apply.models import Application
from services.apply.states import (
    ACTIVE,
    GRANTED,
    MOVES,
    TIMERS,
    TRANSITIONS,
    TURNS,
    Action,
    Status,
    Turn,
    Who,
    after,
    must_be_moved_by,
    written,
)

ACTIONS = [action for action in Action if action is not Action.SUBMIT]
DECISIONS = {Action.APPROVE, Action.REJECT, Action.CONFIRM, Action.END}
ERRORS = {
    Action.SUPPLEMENT: NotWaitingForAnswers,
    Action.WITHDRAW: AlreadyClosed,
    Action.DIE: AlreadyClosed,
    Action.COMPLETE: AlreadyClosed,
    Action.APPEAL: NotRejected,
    Action.REOPEN: NotReopenable,
}
PAGE = Path(__file__).parents[3] / "docs" / "applying.md"


@given(st.lists(st.sampled_from(ACTIONS), max_size=40))
def test_no_sequence_of_actions_breaks_the_life_of_an_application(actions: list[Action]) -> None:
    status, taken, in_force = Status.SUBMITTED, [Action.SUBMIT], False
    for action in actions:
        try:
            status = after(status, action)
        except ApplyError:
            continue
        taken.append(action)
        if action is Action.APPROVE:
            assert not in_force, "nobody is granted what they have"
            in_force = True
        elif action in {Action.END, Action.LAPSE, Action.DIE, Action.WITHDRAW, Action.COMPLETE}:
            in_force = False
        assert in_force == (status in GRANTED)
    assert Action.WITHDRAW not in taken[:-1], "nothing moves what was withdrawn"
    refused = taken.count(Action.REJECT) + taken.count(Action.END)
    assert 0 <= refused - taken.count(Action.APPEAL) <= 1, "each appeal is of a refusal of its own"
    assert (status in {Status.REJECTED, Status.ENDED}) == (taken[-1] in {Action.REJECT, Action.END})


@given(st.sampled_from(Status), st.sampled_from(ACTIONS), st.sampled_from(Who))
def test_a_move_is_in_the_table_or_raises_the_error_of_its_action(status: Status, action: Action, who: Who) -> None:
    error = ERRORS.get(action, AlreadyDecided)
    if (status, action) in TRANSITIONS:
        assert after(status, action) is TRANSITIONS[status, action]
    else:
        with pytest.raises(error):
            after(status, action)
    if any((m.comes_from, m.action) == (status, action) and who in m.by for m in MOVES):
        must_be_moved_by(status, action, who)
    else:
        with pytest.raises(error):
            must_be_moved_by(status, action, who)


def test_a_move_stands_there_once_and_somebody_makes_it() -> None:
    assert len(TRANSITIONS) == len(MOVES)
    assert all(move.by for move in MOVES)


def test_the_citizen_alone_answers_appeals_and_takes_back_but_for_what_an_agency_took_off_its_list() -> None:
    own = {move.action: move.by for move in MOVES if Who.CITIZEN in move.by}
    assert own == {
        Action.SUPPLEMENT: {Who.CITIZEN},
        Action.APPEAL: {Who.CITIZEN},
        Action.WITHDRAW: {Who.CITIZEN, Who.DECISION},
        Action.REOPEN: {Who.CITIZEN, Who.OFFICER},
    }


def test_whoever_waits_for_somebody_is_active_and_only_a_grant_is_active_at_rest() -> None:
    waiting = {status for status, turn in TURNS.items() if turn is not Turn.DONE}
    assert set(TURNS) == set(Status)
    assert ACTIVE - waiting == {Status.APPROVED}
    assert waiting <= ACTIVE
    assert waiting == set(TIMERS), "every turn has a clock"


def test_every_status_that_is_no_end_can_be_reached_and_left() -> None:
    ends = {Status.WITHDRAWN, Status.COMPLETED}
    assert {move.to for move in MOVES} == set(Status)
    assert {move.comes_from for move in MOVES} == set(Status) - ends


def test_only_a_decision_grants_or_rejects() -> None:
    for (was, action), to in TRANSITIONS.items():
        is_decided = to in {Status.APPROVED, Status.REJECTED, Status.ENDED}
        assert (action in DECISIONS) == is_decided or (was, action) == (Status.UNDER_REVIEW, Action.AWAIT_AGENCY)


def test_a_grant_ends_by_a_decision_by_time_by_the_register_when_given_or_by_the_citizens_own_will() -> None:
    leaving = {move.action for move in MOVES if move.comes_from in GRANTED and move.to not in GRANTED}
    assert leaving == {Action.END, Action.LAPSE, Action.DIE, Action.WITHDRAW, Action.COMPLETE}


def test_the_unique_index_names_the_active_states() -> None:
    index = next(i for i in Application.__table__.indexes if i.name == "uq_application_active")  # type: ignore[attr-defined]
    for dialect in ("postgresql", "sqlite"):
        named = set(re.findall(r"'(\w+)'", str(index.dialect_options[dialect]["where"])))
        assert named == set(ACTIVE)


def test_the_table_of_the_page_is_the_table() -> None:
    assert written() in PAGE.read_text(encoding="utf-8"), "put services.apply.states.written() into docs/applying.md"
