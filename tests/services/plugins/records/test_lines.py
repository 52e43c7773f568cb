"""What fits an operation's schema can be read and stored by its plugin: nothing in a record stops the call it is in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.plugins.records.lines import INVALID, UNREADABLE, Line, Rejection, Schema

SCHEMA = Schema(
    {
        "type": "object",
        "properties": {
            "at": {"type": "string", "format": "date-time"},
            "on": {"type": "string", "format": "date"},
            "satang": {"type": "integer"},
            "share": {"type": "number"},
            "names": {"type": "array", "items": {"type": "string"}},
        },
    }
)


def read(text: str) -> Any:
    return SCHEMA.read(Line(1, text.encode()))


@pytest.mark.parametrize(
    "at",
    [
        "2026-11-10T21:15:00+07:00",
        "2026-11-10T21:15:00.123456789Z",
        "0002-01-01T00:00:00+07:00",
        "9998-12-31T23:59:59Z",
    ],
)
def test_a_date_time_that_is_taken_can_be_read_and_put_into_any_zone(at: str) -> None:
    record = read(json.dumps({"at": at}))
    assert datetime.fromisoformat(record["at"]).astimezone(UTC).tzinfo is UTC


@pytest.mark.parametrize(
    "at",
    [
        "0001-01-01T00:00:00+07:00",
        "9999-12-31T23:59:59-12:00",
        "2016-12-31T23:59:60Z",
        "2026-11-10t21:15:00z",
        "2026-11-10 21:15:00Z",
        "2026-11-10T21:15:00",
        "2026-02-30T00:00:00Z",
        "2026-11-10T24:00:00Z",
        "2026-11-10T21:15:00+24:00",
        "๒๐๒๖-11-10T21:15:00Z",
    ],
)
def test_one_that_no_clock_shows_is_the_record_s_own_fault(at: str) -> None:
    assert read(json.dumps({"at": at})) == Rejection(1, INVALID, "/at", "format")


@pytest.mark.parametrize("on", ["0000-01-01", "0001-01-01", "9999-12-31", "2026-02-30", "20261110", "2026-W46-2"])
def test_a_date_is_a_day_of_the_calendar(on: str) -> None:
    assert read(json.dumps({"on": on})) == Rejection(1, INVALID, "/on", "format")
    assert read('{"on": "2026-11-10"}') == {"on": "2026-11-10"}


def test_an_integer_is_one_however_it_is_written() -> None:
    record = read('{"satang": 1e3, "share": 3.50, "names": ["1.0"]}')
    assert record == {"satang": 1000, "share": 3.5, "names": ["1.0"]}
    assert isinstance(record["satang"], int)
    assert read('{"satang": 1000.5}') == Rejection(1, INVALID, "/satang", "type")


def test_a_text_that_no_database_keeps_is_not_read_and_one_that_speaks_of_it_is() -> None:
    assert read(r'{"names": ["a\u0000b"]}') == Rejection(1, UNREADABLE)
    assert read(r'{"a\u0000b": 1}') == Rejection(1, UNREADABLE)
    assert read(r'{"names": ["a\\u0000b"]}') == {"names": ["a\\u0000b"]}
