"""The committed list of our own names that go: read strictly, held to the year, told once."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from api.deprecations.ours import OURS, our_names, read_names
from api.deprecations.stamping import tell_our_names
from api.registered import tell_workers
from core.clock import FixedClock
from core.database import Database
from services.plugins.contract.manifest import Slug
from services.plugins.notices.history import changes

ENTRY = """["Citizen.old"]
since = 2026-12-01
sunset = 2027-12-01
th = "ใช้ name แทน"
en = "Ask for name."
"""


def test_the_list_of_today_is_in_order() -> None:
    assert our_names().standing.keys().isdisjoint(our_names().removed)


def test_no_agencys_service_can_be_called_as_our_own_rooms_are() -> None:
    assert TypeAdapter(Slug).validate_python(OURS.lower())
    with pytest.raises(ValidationError):
        TypeAdapter(Slug).validate_python(OURS)


def test_an_entry_is_a_notice_until_it_went() -> None:
    [one] = read_names(ENTRY).standing.values()
    assert (one.service, one.since_day, one.sunset, one.reason.th) == (
        OURS, date(2026, 12, 1), date(2027, 12, 1), "ใช้ name แทน",
    )  # fmt: skip
    gone = read_names(f"{ENTRY}removed = 2027-12-01\n")
    assert (gone.standing, gone.removed) == ({}, {"Citizen.old": date(2027, 12, 1)})


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("sunset = 2027-12-01", "sunset = 2027-11-30", "stays for a year"),
        ("sunset = 2027-12-01", "", "since, sunset, th, en"),
        ("sunset = 2027-12-01", "sunset = 2027-12-01\nuntil = 1", "since, sunset, th, en"),
        ("sunset = 2027-12-01", "sunset = 2027-12-01\nremoved = 2027-11-30", "went before the day"),
        ("sunset = 2027-12-01", "sunset = 2027-12-01\nremoved = true", "removed is a date"),
        ("since = 2026-12-01", 'since = "2026-12-01"', "since is a date"),
        ("since = 2026-12-01", "since = 2026-12-01T00:00:00Z", "since is a date"),
        ('th = "ใช้ name แทน"', 'th = ""', "what to ask for instead"),
        ('en = "Ask for name."', f'en = "{"x" * 301}"', "what to ask for instead"),
        (ENTRY, '"Citizen.old" = 5', "a table"),
    ],
)
def test_a_bad_entry_is_refused_by_name(old: str, new: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        read_names(ENTRY.replace(old, new))
    assert str(refused.value).startswith("Citizen.old: ")


async def test_several_starts_at_once_tell_it_once_and_later_ones_what_changed(
    database: Database, clock: FixedClock
) -> None:
    async def start(text: str) -> None:
        names = read_names(text)
        await asyncio.gather(*(tell_our_names(database, clock, tell_workers, names) for _ in range(4)))

    await start(ENTRY)
    await start(ENTRY)
    await start(ENTRY.replace("2027-12-01", "2028-12-01"))
    clock.advance(timedelta(days=1))
    await start(f"{ENTRY}removed = 2027-12-01\n")
    await start("")
    async with database.read() as session:
        found = await changes(session, limit=100, service=OURS)
    told = [(one.kind, one.coordinate) for one in reversed(found)]
    assert told == [(kind, "Citizen.old") for kind in ("DEPRECATED", "ANNOUNCED", "REMOVED")]
