"""The table of states keeps its promises whatever happens in whatever order."""

from __future__ import annotations

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.apply import states
from services.apply.errors import AlreadyClosed, AlreadyDecided, ApplyError, NotRejected, NotWaitingForAnswers
from services.apply.models import Application
from services.apply.states import ACTIVE, TRANSITIONS, TURNS, Action, Status, Turn, after

MOVES = [action for action in Action if action is not Action.SUBMIT]
DECISIONS = {Action.APPROVE, Action.REJECT}


@given(st.lists(st.sampled_from(MOVES), max_size=30))
def test_no_sequence_of_actions_breaks_the_life_of_an_application(actions: list[Action]) -> None:
    status, taken = Status.SUBMITTED, [Action.SUBMIT]
    for action in actions:
        try:
            status = after(status, action)
        except ApplyError:
            continue
        taken.append(action)
    assert Action.WITHDRAW not in taken[:-1], "nothing moves what was withdrawn"
    assert taken.count(Action.APPROVE) <= 1, "nobody is granted the same twice"
    assert 0 <= taken.count(Action.REJECT) - taken.count(Action.APPEAL) <= 1, "each appeal is of a rejection of its own"
    assert (status is Status.REJECTED) == (taken[-1] is Action.REJECT), "a rejection stands until it is appealed"


@given(st.sampled_from(Status), st.sampled_from(MOVES))
def test_a_move_is_in_the_table_or_raises_the_error_of_its_action(status: Status, action: Action) -> None:
    errors = {
        Action.SUPPLEMENT: NotWaitingForAnswers,
        Action.WITHDRAW: AlreadyClosed,
        Action.APPEAL: NotRejected,
    }
    if (status, action) in TRANSITIONS:
        assert after(status, action) is TRANSITIONS[status, action]
    else:
        with pytest.raises(errors.get(action, AlreadyDecided)):
            after(status, action)


def test_whoever_waits_for_somebody_is_active_and_only_a_grant_is_active_at_rest() -> None:
    waiting = {status for status, turn in TURNS.items() if turn is not Turn.DONE}
    assert ACTIVE - waiting == {Status.APPROVED}
    assert waiting <= ACTIVE


def test_only_a_decision_grants_or_rejects() -> None:
    for (_, action), to in TRANSITIONS.items():
        assert (action in DECISIONS) == (to in {Status.APPROVED, Status.REJECTED})


def test_the_unique_index_names_the_active_states() -> None:
    index = next(i for i in Application.__table__.indexes if i.name == "uq_application_active")  # type: ignore[attr-defined]
    for dialect in ("postgresql", "sqlite"):
        named = set(re.findall(r"'(\w+)'", str(index.dialect_options[dialect]["where"])))
        assert named == set(ACTIVE)


def test_the_table_in_the_docstring_is_the_table() -> None:
    columns = [Action.APPROVE, Action.REJECT, Action.ASK_CITIZEN, Action.AWAIT_AGENCY, Action.WITHDRAW, Action.APPEAL]
    rows = [line.strip("|").split("|") for line in inspect.getdoc(states).splitlines() if line.startswith("|")][2:]  # type: ignore[union-attr]
    written = {
        (Status(row[0].strip()), action): Status(cell.strip())
        for row in rows
        for action, cell in zip(columns, row[1:], strict=True)
        if cell.strip()
    }
    assert written == {move: to for move, to in TRANSITIONS.items() if move[1] is not Action.SUPPLEMENT}
