"""The register of academic records on both databases: what it keeps, what it refuses, what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.clock import FixedClock
from core.database import Database
from core.errors import ServiceUnavailable
from core.ids import NationalId
from services.plugins.contract import Host, Reporter
from services.plugins.contract.kinds import Taken
from services.plugins.plugin import Plugin
from services.plugins.registry import load_folder
from services.plugins.runner import Runner
from services.plugins.store.stores import Stores
from tests.services.agencies.mhesi.made_up import GRADING, INSTITUTION, course, national_id, record
from tests.support.plugins import AGENCIES, HOST
from tests.support.plugins.far_side import NoAgency, key_ring

ME = national_id(1)


@pytest.fixture(scope="module")
def plugin() -> Plugin:
    return load_folder(AGENCIES / "mhesi", HOST, {"highest_degree": "mhesi", "student_enrolled": "mhesi"})


class Office:
    """The ministry's register, as the host runs it."""

    def __init__(self, plugin: Plugin, runner: Runner) -> None:
        self._plugin, self._runner = plugin, runner
        self._calls = 0

    async def take(
        self, *records: dict[str, Any], operation: str = "records", reporter: Reporter | None = None
    ) -> list[tuple[Any, ...]]:
        """What was rejected: which, why, where, and what it comes to."""
        self._calls += 1
        told: Taken = await self._runner.run(
            self._plugin,
            operation,
            asker="university",
            arguments={"records": list(records)},
            key=f"sending-{self._calls:04}",
            reporter=reporter,
        )
        return [(one.record, one.code, one.path, one.computed) for one in told.rejected]

    async def degrees(self, pid: str = ME) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._runner.run(
            self._plugin, "degrees", asker="citizen", person=NationalId(pid)
        )
        return found

    async def fact(self, attribute: str, operation: str, *pids: str) -> list[Any]:
        people = tuple(NationalId(pid) for pid in pids)
        told = await self._runner.run(
            self._plugin, operation, asker="exchange", people=people, arguments={"attributes": [attribute]}
        )
        return [told[person][attribute].value for person in people]


@pytest.fixture
async def office(database: Database, clock: FixedClock, tmp_path: Path, plugin: Plugin) -> AsyncIterator[Office]:
    stores = Stores(database, key_ring(), clock, tmp_path / "plugins")
    host = Host(clock, NoAgency(), store=stores.of(plugin))
    office = Office(plugin, Runner(lambda _: host))
    assert await office.take(INSTITUTION, operation="institutions") == []
    yield office
    await stores.close()


async def test_a_degree_is_answered_from_what_the_university_sent_and_to_its_holder_alone(office: Office) -> None:
    assert await office.take(record(1), record(2, level="doctor")) == []
    [mine] = await office.degrees()
    assert (mine["number"], mine["level"], mine["gpax"], mine["institutionEn"]) == (
        "UTP-1",
        "BACHELOR",
        4.0,
        "Utthayan Phruek University",
    )
    assert [one["session"] for one in mine["courses"]] == ["1/2020"]
    [other] = await office.degrees(national_id(2))
    assert (other["number"], other["level"]) == ("UTP-2", "DOCTORATE")
    assert await office.degrees(national_id(3)) == []


async def test_a_later_revision_takes_the_place_of_the_former_and_the_same_again_changes_nothing(
    office: Office,
) -> None:
    corrected = record(1, revision=3, titleEn="Bachelor of Science (Data Science)")
    assert await office.take(record(1)) == []
    assert await office.take(record(1), corrected) == []
    assert await office.take(record(1), corrected) == []
    assert [one["titleEn"] for one in await office.degrees()] == ["Bachelor of Science (Data Science)"]


async def test_another_content_under_a_revision_and_one_that_is_not_later_are_refused(office: Office) -> None:
    assert await office.take(record(1, revision=3)) == []
    assert await office.take(record(1, revision=3, titleEn="Other"), record(1, revision=2)) == [
        (0, "REVISION_CONFLICT", "/revision", None),
        (1, "REVISION_SUPERSEDED", "/revision", None),
    ]
    assert [one["titleEn"] for one in await office.degrees()] == ["Bachelor of Science (Statistics)"]


async def test_a_degree_that_is_corrected_to_somebody_else_is_the_formers_no_more(office: Office) -> None:
    assert await office.take(record(1), record(1, revision=2, nationalId=national_id(9))) == []
    assert await office.degrees() == []
    assert len(await office.degrees(national_id(9))) == 1


async def test_one_student_number_is_one_persons_whether_sent_before_or_beside(office: Office) -> None:
    number = record(1)["studentNumber"]
    refused = (0, "STUDENT_OF_ANOTHER", "/studentNumber", None)
    assert await office.take(record(1), record(2, studentNumber=number)) == [(1, *refused[1:])]
    assert await office.take(record(2, studentNumber=number)) == [refused]
    assert await office.take(record(3, studentNumber=number, nationalId=ME)) == []


async def test_of_records_that_come_at_once_in_two_sendings_the_later_revision_stands(office: Office) -> None:
    sendings = [[record(n, revision=r) for n in range(1, 30)] for r in (1, 2)]
    await asyncio.gather(*(_until_taken(office, one) for one in sendings))
    assert await office.take(*sendings[1]) == []
    assert await office.take(record(1, revision=2, titleEn="Other")) == [(0, "REVISION_CONFLICT", "/revision", None)]


async def _until_taken(office: Office, records: list[dict[str, Any]]) -> None:
    """As a sender does: what broke comes again."""
    for _ in range(5):
        try:
            await office.take(*records)
        except ServiceUnavailable:
            continue
        return
    raise AssertionError("it never arrived")


async def test_the_highest_degree_and_who_studies_follow_from_the_records(office: Office) -> None:
    studying = {"status": "studying", "awardedOn": None}
    assert (
        await office.take(
            record(1), record(11, nationalId=ME, level="master"), record(2, **studying), record(3, level="certificate")
        )
        == []
    )
    people = [national_id(n) for n in (1, 2, 3, 4)]
    assert await office.fact("highest_degree", "highest", *people) == ["master", "none", "none", "none"]
    assert await office.fact("student_enrolled", "enrolled", *people) == [False, True, False, False]
    assert await office.take(record(2, revision=2)) == []
    assert await office.fact("student_enrolled", "enrolled", people[1]) == [False]


async def test_an_institutions_new_grading_holds_for_those_admitted_from_its_day_on(office: Office) -> None:
    newer = {**GRADING, "from": "2021-01-01", "rounding": "half_up"}
    later = {**INSTITUTION, "revision": 2, "grading": [GRADING, newer]}
    assert await office.take(later, operation="institutions") == []
    assert await office.take(INSTITUTION, operation="institutions") == [(0, "REVISION_SUPERSEDED", "/revision", None)]
    courses = [course("C1", "A", 5), course("C2", "B", 3)]  # 3.625
    old = {"sessions": [{"session": "1/2021", "courses": courses}], "gpax": "3.62", "credits": 8}
    assert await office.take(record(1, **old, admittedOn="2020-12-31"), record(2, **old, admittedOn="2021-01-01")) == [
        (1, "GPAX_WRONG", "/gpax", "3.63")
    ]


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"awardedOn": "2026-11-17"}, "DATES_WRONG", "/awardedOn"),
        ({"awardedOn": "2020-06-15"}, "DATES_WRONG", "/awardedOn"),
        ({"awardedOn": None}, "DATES_WRONG", "/awardedOn"),
        ({"status": "studying"}, "DATES_WRONG", "/awardedOn"),
        ({"admittedOn": "2563-06-15"}, "YEAR_BUDDHIST", "/admittedOn"),
        ({"sessions": [{"session": "1/2563", "courses": [course("A", "A")]}]}, "YEAR_BUDDHIST", "/sessions/0/session"),
        ({"sessions": [{"session": "1/2018", "courses": [course("A", "A")]}]}, "DATES_WRONG", "/sessions/0/session"),
        ({"sessions": [{"session": "1/2025", "courses": [course("A", "A")]}]}, "DATES_WRONG", "/sessions/0/session"),
        (
            {"sessions": [{"session": "2/2020", "courses": [course("A", "A")]}] * 2},
            "DATES_WRONG",
            "/sessions/1/session",
        ),
        ({"gpax": None}, "GPAX_WRONG", "/gpax"),
        ({"sessions": [], "gpax": None, "credits": 0}, "GPAX_WRONG", "/gpax"),
    ],
)
async def test_what_does_not_agree_is_refused_and_what_stands_beside_it_is_taken(
    office: Office, given: dict[str, Any], code: str, path: str
) -> None:
    [(place, found, where, _)] = await office.take(record(1, **given), record(2))
    assert (place, found, where) == (0, code, path)
    assert await office.degrees() == []
    assert len(await office.degrees(national_id(2))) == 1


UNIVERSITY = Reporter("0994000000014", "UNIVERSITY", "officer")


async def test_a_university_sends_for_itself_alone_and_is_told_so_by_the_line(office: Office) -> None:
    own = {**INSTITUTION, "revision": 2, "organisation": UNIVERSITY.organisation}
    ministrys = {**INSTITUTION, "code": "RMS"}
    anothers = {**INSTITUTION, "code": "LMN", "organisation": "0994000000022"}
    assert await office.take(own, ministrys, anothers, operation="institutions") == []
    sent = [record(1), record(2, institution="RMS"), record(3, institution="LMN"), record(4, institution="NONE")]
    assert await office.take(*sent, reporter=UNIVERSITY) == [
        (place, "INSTITUTION_OF_ANOTHER", "/institution", None) for place in (1, 2, 3)
    ]
    assert len(await office.degrees()) == 1
    assert [await office.degrees(national_id(one)) for one in (2, 3, 4)] == [[], [], []]
    assert await office.take(*sent[1:3]) == [], "the ministry sends for all of them"


async def test_what_another_has_on_record_is_not_told_to_who_guesses_it(office: Office) -> None:
    assert await office.take(record(1, revision=3)) == []
    guesses = [record(1, revision=3), record(1, revision=3, titleEn="Other"), record(1, revision=2)]
    told = await office.take(*guesses, reporter=UNIVERSITY)
    assert {code for _, code, *_ in told} == {"INSTITUTION_OF_ANOTHER"}
    assert len(told) == 3


async def test_a_university_that_is_bound_to_nobody_any_more_sends_no_more(office: Office) -> None:
    own = {**INSTITUTION, "revision": 2, "organisation": UNIVERSITY.organisation}
    assert await office.take(own, operation="institutions") == []
    assert await office.take(record(1), reporter=UNIVERSITY) == []
    assert await office.take({**INSTITUTION, "revision": 3}, operation="institutions") == []
    assert await office.take(record(2), reporter=UNIVERSITY) == [(0, "INSTITUTION_OF_ANOTHER", "/institution", None)]
