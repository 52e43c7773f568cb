"""Each turn has a last day, in working days; the agency's clock stands still while it is the citizen's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import BANGKOK
from core.ids import new_id
from core.strict_yaml import FileError
from core.working_days import thai_working_days
from services.apply.clocks import TurnClock, parse, time_limits
from services.apply.models import Application
from services.apply.states import TIMERS, TRANSITIONS, TURNS, Action, Status, Timer, Turn

DAYS = thai_working_days()
SUBJECT = "programme:nobody-has-a-line-for-this"
NOW = datetime(2026, 11, 16, 10, tzinfo=BANGKOK)
LINE = "agency: 1\n  appeal: 2\n  citizen: 3\n  reopen: 4\n  law: {th: ก, en: a}\n"
FILE = f"default:\n  {LINE}subjects: []\n"


def application(status: Status = Status.SUBMITTED, at: datetime = NOW, **columns: Any) -> Application:
    columns = {**TurnClock().begun(SUBJECT, at), **columns}
    return Application(
        person=new_id(), id=new_id(), beneficiary=UUID(int=1), unit_key="x", subject=SUBJECT, title={}, status=status,
        version=1, answers_sealed=b"", missing=[], created_at=at, updated_at=at, **columns,
    )  # fmt: skip


def moved(row: Application, action: Action, at: datetime) -> Application:
    status = TRANSITIONS[Status(row.status), action]
    for name, value in (TurnClock().moved(row, action, status, at) | {"status": status, "updated_at": at}).items():
        setattr(row, name, value)
    return row


def test_the_agency_has_its_working_days_from_the_day_after() -> None:
    # 15 working days after Monday 16 November: 7 and 10 December are holidays.
    assert application().due_on == date(2026, 12, 8)


def test_the_agencys_clock_stands_still_while_it_is_the_citizens_turn() -> None:
    row = moved(application(), Action.ASK_CITIZEN, NOW + timedelta(days=2))  # Wednesday: 2 of 15 used
    assert (row.agency_days, row.due_on) == (2, DAYS.add_working_days(date(2026, 11, 18), 15))
    row = moved(row, Action.AWAIT_AGENCY, NOW + timedelta(days=9))
    assert (row.agency_days, row.due_on) == (2, DAYS.add_working_days(date(2026, 11, 25), 13))


def test_a_second_turn_of_the_agency_never_has_a_last_day_in_the_past() -> None:
    row = moved(application(), Action.ASK_CITIZEN, NOW + timedelta(days=90))
    row = moved(row, Action.AWAIT_AGENCY, NOW + timedelta(days=100))
    assert row.due_on == (NOW + timedelta(days=100)).date()


def test_a_new_question_begins_the_citizens_time_anew_and_an_answer_that_changes_nothing_does_not() -> None:
    row = moved(application(), Action.ASK_CITIZEN, NOW)
    first = row.due_on
    row = moved(row, Action.SUPPLEMENT, NOW + timedelta(days=3))
    assert row.due_on == first
    row = moved(row, Action.ASK_CITIZEN, NOW + timedelta(days=3))
    assert row.due_on is not None
    assert first is not None
    assert row.due_on > first


def test_an_appeal_has_a_clock_of_its_own() -> None:
    row = moved(moved(application(), Action.REJECT, NOW + timedelta(days=40)), Action.APPEAL, NOW + timedelta(days=50))
    assert (row.agency_days, row.due_on) == (0, DAYS.add_working_days((NOW + timedelta(days=50)).date(), 30))


def test_what_lapsed_can_be_opened_for_so_many_days_and_then_has_time_again() -> None:
    row = moved(moved(application(), Action.ASK_CITIZEN, NOW), Action.LAPSE, NOW + timedelta(days=30))
    assert (row.due_on, row.reopen_until) == (None, (NOW + timedelta(days=120)).date())
    row = moved(row, Action.REOPEN, NOW + timedelta(days=40))
    assert (row.reopen_until, row.agency_days) == (None, 0)
    assert row.due_on == DAYS.add_working_days((NOW + timedelta(days=40)).date(), 15)


def test_in_a_year_that_is_not_in_the_calendar_there_is_no_last_day() -> None:
    at = datetime(2027, 12, 20, tzinfo=UTC)
    row = application(at=at)
    assert row.due_on is None
    assert TurnClock().due_on(row) is None
    row = moved(row, Action.ASK_CITIZEN, datetime(2028, 2, 1, tzinfo=UTC))
    assert (row.due_on, row.agency_days) == (None, 0)


def test_an_application_from_before_turns_were_timed_counts_from_its_last_change() -> None:
    row = application(turn_since=None, due_on=None, agency_days=0)
    assert TurnClock().due_on(row) == date(2026, 12, 8)


@given(st.lists(st.tuples(st.sampled_from(list(Action)), st.integers(0, 20)), max_size=12))
def test_whatever_happens_a_turn_has_a_last_day_and_the_agency_is_never_given_time_back(
    steps: list[tuple[Action, int]],
) -> None:
    row, at = application(), NOW
    for action, days in steps:
        at += timedelta(days=days)
        if (Status(row.status), action) not in TRANSITIONS:
            continue
        used, due_on, was = row.agency_days, row.due_on, row.status
        row = moved(row, action, at)
        status = Status(row.status)
        assert (row.due_on is not None) == (status in TIMERS)
        assert row.agency_days >= used or action in {Action.APPEAL, Action.REOPEN}
        assert (row.reopen_until is not None) == (status is Status.LAPSED)
        if was == status == Status.APPEALED:
            assert row.due_on == due_on, "asking does not prolong the agency's own time"
        if TURNS[status] is Turn.DONE:
            assert row.overdue_at is None


def test_every_subject_has_limits_and_older_people_are_given_longer() -> None:
    limits = time_limits()
    assert limits.of(SUBJECT) is limits.default
    old_age = limits.of("programme:old-age-allowance")
    assert old_age.days[Timer.CITIZEN] > limits.default.days[Timer.CITIZEN]
    assert all(one.law.th and one.unverified for one in (limits.default, *limits.subjects.values()))


@pytest.mark.parametrize(
    "file",
    [
        FILE.replace("agency: 1", "agency: 0"),
        FILE.replace("citizen: 3", "citizen: 401"),
        FILE.replace("  reopen: 4\n", ""),
        FILE + "more: 1\n",
        FILE.replace("subjects: []", f"subjects:\n- subject: somebody\n  {LINE}"),
        FILE.replace("subjects: []", f"subjects:\n- subject: service:x\n  {LINE}- subject: service:x\n  {LINE}"),
    ],
)
def test_a_wrong_file_is_refused(file: str) -> None:
    assert parse(FILE).default.reopen_days == 4
    with pytest.raises(FileError):
        parse(file)
