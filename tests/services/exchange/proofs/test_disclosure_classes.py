"""The classes of later disclosure, and the instants that follow from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import BANGKOK
from core.strict_yaml import FileError
from services.exchange.access_log.disclosure import (
    HOUSEHOLD,
    INVESTIGATION,
    disclosure_classes,
    next_month,
    read_classes,
)

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (hypothesis')


def test_the_house_has_the_classes_that_its_code_names() -> None:
    assert {HOUSEHOLD, INVESTIGATION} <= disclosure_classes().keys()
    assert disclosure_classes()[HOUSEHOLD].proof_after == timedelta(days=365)


@pytest.mark.parametrize(
    ("at", "begins"),
    [
        (datetime(2026, 11, 1, tzinfo=BANGKOK), datetime(2026, 12, 1, tzinfo=BANGKOK)),
        (datetime(2026, 11, 30, 23, 59, 59, tzinfo=BANGKOK), datetime(2026, 12, 1, tzinfo=BANGKOK)),
        (datetime(2026, 11, 30, 17, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=BANGKOK)),  # December in Bangkok already
        (datetime(2026, 12, 31, 16, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=BANGKOK)),
    ],
)
def test_a_month_begins_by_the_calendar_of_bangkok(at: datetime, begins: datetime) -> None:
    assert next_month(at) == begins


@given(at=MOMENTS)
def test_what_a_household_caused_is_shown_from_the_next_month_on(at: datetime) -> None:
    shown = disclosure_classes()[HOUSEHOLD].disclosed_from(at).astimezone(BANGKOK)
    assert at < shown <= at + timedelta(days=31)
    assert (shown.day, shown.hour, shown.minute, shown.second) == (1, 0, 0, 0)


@given(at=MOMENTS)
def test_no_class_shows_an_entry_before_it_is_made_or_a_proof_before_the_entry(at: datetime) -> None:
    for one in disclosure_classes().values():
        assert at < one.disclosed_from(at) <= one.latest(at)
        assert one.disclosed_from(at) <= one.proof_from(at)


WHOLE = "- {id: a-class, th: ก, en: a, law: b, days: 10, days_max: 20, proof_days: 10}"


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("days: 10", "days: 0"),
        ("days: 10", "days: never"),
        ("days_max: 20", "days_max: 9"),
        ("days_max: 20", "days_max: 100000"),
        ("proof_days: 10", "proof_days: 9"),
        ("law: b, ", ""),
        ("law: b", "law: b, why: c"),
        ("id: a-class", "id: A Class"),
    ],
)
def test_a_class_that_makes_no_sense_is_refused(good: str, bad: str) -> None:
    assert read_classes(WHOLE, "x.yaml")["a-class"].longest == timedelta(days=20)
    with pytest.raises(FileError):
        read_classes(WHOLE.replace(good, bad), "x.yaml")


def test_a_class_is_given_once() -> None:
    with pytest.raises(FileError):
        read_classes(f"{WHOLE}\n{WHOLE}", "x.yaml")
