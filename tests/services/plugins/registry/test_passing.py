"""What a version has to pass when it is put in force: a check that says something of today, and nobody left waiting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import FixedClock
from core.database import Database
from services.plugins.contract import OperationKind
from services.plugins.registry.errors import CheckExpired, OperationOwed
from services.plugins.registry.limits import Limits
from services.plugins.registry.repository import ServiceRepository
from tests.support.services import NAME, REVIEWER, SYSTEM, Registering, Report, Suite, documents_of

REASON: Final = "ทดสอบการทำงาน"
DAYS: Final = 30
GOOD_FOR: Final = timedelta(days=DAYS)
SECOND: Final = timedelta(seconds=1)


class Today(Suite):
    """A suite whose reports say by which rules, and of which contract, they are."""

    suite, contract = "1.0", 1

    async def check(self, plugin: Any, *, documents_hash: str) -> Any:
        told = await super().check(plugin, documents_hash=documents_hash)
        rules = {"suite": self.suite, "contract": self.contract}

        class Named(Report):
            @property
            def document(self) -> dict[str, Any]:
                return {**told.document, **rules}

        return Named(told.passed, told.hash)


class Waiting:
    """How many applications wait, as the room of applications would say."""

    def __init__(self, **owed: int) -> None:
        self.counts = {OperationKind(kind): count for kind, count in owed.items()}
        self.asked: list[str] = []

    async def owed(self, session: AsyncSession, slug: str) -> Mapping[OperationKind, int]:
        assert session.in_transaction()
        self.asked.append(slug)
        return self.counts


@pytest.fixture
def services(database: Database, clock: FixedClock) -> Registering:
    made = Registering(database, clock, limits=Limits(check_days=DAYS), suite="1.0")
    made.suite = Today()
    made.checks = made.checks_with(made.suite)
    return made


async def test_a_check_is_good_for_so_many_days_and_not_a_second_longer(
    services: Registering, clock: FixedClock
) -> None:
    await services.published(documents_of())
    await services.checked(documents_of("1.0.1"))
    await services.checked(documents_of("1.0.2"))
    clock.advance(GOOD_FOR)
    assert (await services.desk.publish(SYSTEM, NAME, "1.0.1")).state == "PUBLISHED"
    clock.advance(SECOND)
    with pytest.raises(CheckExpired, match=f"more than {DAYS} days ago.*Submit it"):
        await services.desk.publish(SYSTEM, NAME, "1.0.2")
    assert await services.state("1.0.2") == "CHECKED"
    await services.desk.check(SYSTEM, NAME, "1.0.2")
    await services.checks.run()
    assert (await services.desk.publish(SYSTEM, NAME, "1.0.2")).state == "PUBLISHED"


async def test_the_day_of_an_old_check_is_told_as_it_was_in_bangkok(services: Registering, clock: FixedClock) -> None:
    await services.published(documents_of())
    clock.set(datetime(2026, 11, 20, 18, 30, tzinfo=UTC))
    await services.checked(documents_of("1.0.1"))
    clock.advance(GOOD_FOR + SECOND)
    with pytest.raises(CheckExpired, match="of 2026-11-21, more than"):
        await services.desk.publish(SYSTEM, NAME, "1.0.1")


async def test_submitting_what_was_checked_too_long_ago_checks_it_again_and_goes_on(
    services: Registering, clock: FixedClock
) -> None:
    await services.published(documents_of())
    await services.checked(documents_of("1.0.1"))
    clock.advance(GOOD_FOR + SECOND)
    assert (await services.desk.submit(SYSTEM, NAME, "1.0.1")).state == "CHECKING"
    await services.checks.run()
    assert await services.state("1.0.1") == "PUBLISHED"


@pytest.mark.parametrize("newer", [{"suite": "1.1"}, {"contract": 2}])
async def test_a_check_by_rules_that_have_changed_since_is_no_longer_good(
    services: Registering, newer: dict[str, Any]
) -> None:
    await services.published(documents_of())
    suite = services.suite
    assert isinstance(suite, Today)
    for name, value in newer.items():
        setattr(suite, name, value)  # whoever checked it knew other rules than this process
    await services.checked(documents_of("1.0.1"))
    with pytest.raises(CheckExpired, match="rules that have changed"):
        await services.desk.publish(SYSTEM, NAME, "1.0.1")
    suite.suite, suite.contract = "1.0", 1
    assert (await services.desk.submit(SYSTEM, NAME, "1.0.1")).state == "CHECKING"
    await services.checks.run()
    assert await services.state("1.0.1") == "PUBLISHED"


@pytest.mark.sqlite_only  # one query, which the tests above put to both
async def test_the_check_of_other_documents_under_the_same_number_says_nothing(services: Registering) -> None:
    await services.published(documents_of())
    await services.checked(documents_of("1.0.1"))
    other = documents_of("1.0.1", title={"th": "ค่าน้ำ", "en": "Prices of water"})
    await services.checked(other)
    async with services.db.write() as session:
        row = await ServiceRepository(session).version(NAME, "1.0.1")
        assert row is not None
        row.digest = b"not what was checked"
        await session.flush()
        with pytest.raises(CheckExpired, match="passed none"):
            await services.lifecycle._passage.must_be_checked(ServiceRepository(session), row)


async def test_a_reviewer_does_not_publish_by_an_old_check_and_the_agency_has_it_checked_again(
    services: Registering, clock: FixedClock
) -> None:
    await services.checked(documents_of())
    await services.desk.submit(SYSTEM, NAME, "1.0.0")
    clock.advance(GOOD_FOR + SECOND)
    with pytest.raises(CheckExpired, match="withdraw it first"):
        await services.approved(NAME, "1.0.0")
    await services.desk.withdraw(SYSTEM, NAME, "1.0.0")
    await services.desk.submit(SYSTEM, NAME, "1.0.0")
    await services.checks.run()
    await services.approved(NAME, "1.0.0")
    assert await services.state("1.0.0") == "PUBLISHED"


async def test_going_back_asks_for_no_check_however_old(services: Registering, clock: FixedClock) -> None:
    await services.published(documents_of())
    await services.published(documents_of("1.0.1"))
    clock.advance(GOOD_FOR * 20)
    assert (await services.desk.roll_back(SYSTEM, NAME, None, REASON)).state == "PUBLISHED"


STEPS: Final = {
    name: {"kind": name, "time_limit_seconds": 2} for name in ("submit", "status", "cancel")
} | {"price": {"kind": "query", "access": "public", "time_limit_seconds": 2}}  # fmt: skip
FORM: Final = {"type": "object", "properties": {}, "additionalProperties": False}
SHOWN: Final = {"price.json": {"operation": "price", "answer": {"amount": {"satang": 1, "currency": "THB"}}}}


def applied_to(version: str, *without: str) -> Any:
    operations = {name: spec for name, spec in STEPS.items() if name not in without}
    person = {"person": "0000000000001", "answer": {}}
    examples = {f"{name}.json": {"operation": name, **person} for name in operations if name != "price"}
    return documents_of(version, operations=operations, form=FORM, examples=SHOWN | examples)


@pytest.mark.parametrize("kind", ["submit", "status", "cancel"])
async def test_an_operation_that_applications_wait_for_is_not_dropped_until_they_are_through(
    database: Database, clock: FixedClock, kind: str
) -> None:
    waiting = Waiting(**{kind: 3})
    services = Registering(database, clock, owing=waiting)
    await services.published(applied_to("1.0.0"))
    await services.published(applied_to("1.1.0"))
    await services.checked(applied_to("2.0.0", kind))
    with pytest.raises(OperationOwed) as owed:
        await services.desk.submit(SYSTEM, NAME, "2.0.0")
    assert owed.value.fields == {"count": 3, "kind": kind, "version": "2.0.0"}
    assert (await services.state("2.0.0"), await services.state("1.1.0")) == ("CHECKED", "PUBLISHED")
    waiting.counts = {}
    assert (await services.desk.submit(SYSTEM, NAME, "2.0.0")).state == "IN_REVIEW"
    waiting.counts = {OperationKind(kind): 1}
    with pytest.raises(OperationOwed):
        await services.approved(NAME, "2.0.0")
    waiting.counts = {}
    await services.approved(NAME, "2.0.0")
    assert await services.state("2.0.0") == "PUBLISHED"


async def test_going_back_to_a_version_without_what_applications_wait_for_is_refused_too(
    database: Database, clock: FixedClock
) -> None:
    waiting = Waiting()
    services = Registering(database, clock, owing=waiting)
    await services.published(applied_to("1.0.0", "cancel"))
    await services.published(applied_to("1.1.0"))
    waiting.counts = {OperationKind.CANCEL: 1}
    with pytest.raises(OperationOwed):
        await services.desk.roll_back(SYSTEM, NAME, None, REASON)
    assert (await services.desk.suspend(SYSTEM, NAME, REASON)).state == "SUSPENDED", "the way out that is always open"


@pytest.mark.sqlite_only  # nobody is asked
async def test_who_drops_nothing_is_not_held_up_by_what_waits(database: Database, clock: FixedClock) -> None:
    waiting = Waiting(submit=1, status=1, cancel=1)
    services = Registering(database, clock, owing=waiting)
    await services.published(applied_to("1.0.0", "cancel"))
    await services.published(applied_to("1.0.1", "cancel"))
    await services.desk.roll_back(SYSTEM, NAME, None, REASON)
    assert waiting.asked == []
    async with services.db.write() as session:
        await services.lifecycle.suspend(session, REVIEWER, NAME, REASON, held=True)
