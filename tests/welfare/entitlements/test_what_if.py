"""What if: the viewer's own facts with some replaced. Read by the gate, stored nowhere, compared with today."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from core.clock import FixedClock
from core.database import Database
from core.errors import BadInput
from core.money import Money
from services.exchange.catalogue import Catalogue
from services.exchange.facts import WELFARE_CHECK
from tests.welfare.entitlements.conftest import CHILD, TableGate
from welfare.entitlements.anonymous import Given
from welfare.entitlements.service import EntitlementStatus
from welfare.entitlements.what_if import Difference, Supposed, WhatIf
from welfare.programmes import ProgrammeCatalogue
from welfare.rules.errors import DayOutOfRange

CARD, OLD_AGE, GRANT = "state-welfare-card", "old-age-allowance", "child-support-grant"
ENTITLED, NOT_ENTITLED = EntitlementStatus.ENTITLED, EntitlementStatus.NOT_ENTITLED
OPEN = EntitlementStatus.NEEDS_INFORMATION

pytestmark = pytest.mark.sqlite_only  # it reads one table, which other tests read on both


@pytest.fixture
def what_if(
    database: Database, gate: TableGate, clock: FixedClock, catalogue: Catalogue, programmes: ProgrammeCatalogue
) -> WhatIf:
    return WhatIf(database, gate, clock, catalogue, programmes)


def status(found: Supposed, slug: str, beneficiary: UUID | None = None) -> EntitlementStatus:
    [one] = [
        one
        for one in found.entitlements
        if one.assessment.programme.slug == slug and beneficiary in (None, one.assessment.beneficiary)
    ]
    return one.status


def difference(found: Supposed, slug: str) -> Difference | None:
    for one in found.differences:
        known = one.then or one.today
        if known is not None and known.assessment.programme.slug == slug:
            return one
    return None


async def test_another_income_changes_what_rests_on_it_and_nothing_else(what_if: WhatIf, gate: TableGate) -> None:
    person = gate.add()
    found = await what_if.suppose(person, [Given("annual_income", {"satang": 10_000_001, "currency": "THB"})])
    assert status(found, CARD) is NOT_ENTITLED
    change = difference(found, CARD)
    assert change is not None
    assert change.today is not None
    assert change.today.status is ENTITLED
    assert difference(found, OLD_AGE) is None


async def test_nothing_supposed_is_no_difference(what_if: WhatIf, gate: TableGate) -> None:
    found = await what_if.suppose(gate.add(), [])
    assert found.differences == ()
    assert status(found, CARD) is ENTITLED


async def test_another_day_is_another_age(what_if: WhatIf, gate: TableGate, clock: FixedClock) -> None:
    person = gate.add(birth_date=date(clock.today().year - 59, 1, 1))
    found = await what_if.suppose(person, [], clock.today().replace(year=clock.today().year + 2))
    change = difference(found, OLD_AGE)
    assert change is not None
    assert change.today is not None
    assert change.then is not None
    assert (change.today.status, change.then.status) == (NOT_ENTITLED, ENTITLED)


async def test_a_child_is_counted_from_the_eldest(what_if: WhatIf, gate: TableGate) -> None:
    parent = gate.add()
    elder, younger = gate.add(CHILD, parent=parent), gate.add(CHILD, parent=parent)
    found = await what_if.suppose(parent, [Given("lives_with_applicant", value=False, child=2)])
    assert status(found, GRANT, elder) is ENTITLED
    assert status(found, GRANT, younger) is NOT_ENTITLED


@pytest.mark.parametrize("child", [2, 10])
async def test_a_child_that_is_not_there_is_refused(what_if: WhatIf, gate: TableGate, child: int) -> None:
    parent = gate.add()
    gate.add(CHILD, parent=parent)
    with pytest.raises(BadInput) as refused:
        await what_if.suppose(parent, [Given("deceased", value=False, child=child)])
    assert refused.value.path == ("facts", 0, "child")


async def test_a_total_cannot_be_found_out_by_trying_what_it_is_compared_with(what_if: WhatIf, gate: TableGate) -> None:
    person = gate.add()
    for size in (1, 2, 50):
        found = await what_if.suppose(person, [Given("household_size", size)])
        assert status(found, CARD) is OPEN
    both = [Given("household_size", 1), Given("household_income", {"satang": 10_000_001, "currency": "THB"})]
    assert status(await what_if.suppose(person, both), CARD) is NOT_ENTITLED


async def test_it_is_one_look_of_the_citizens_own(what_if: WhatIf, gate: TableGate) -> None:
    person = gate.add()
    await what_if.suppose(person, [Given("annual_income", {"satang": 5, "currency": "THB"})])
    assert [asked.purpose for asked in gate.asked] == [WELFARE_CHECK]
    assert gate.asked[0].asker.id == person.hex


async def test_it_leaves_no_row_behind(what_if: WhatIf, gate: TableGate, database: Database) -> None:
    await what_if.suppose(gate.add(), [Given("annual_income", {"satang": 5, "currency": "THB"})])
    async with database.read() as session:
        for table in ("application", "decision", "decision_rule", "application_event"):
            assert await session.scalar(text(f"SELECT count(*) FROM {table}")) == 0  # noqa: S608 (our words)


async def test_its_ids_are_not_those_of_today(what_if: WhatIf, gate: TableGate) -> None:
    person = gate.add()
    found = await what_if.suppose(person, [Given("annual_income", {"satang": 10_000_001, "currency": "THB"})])
    other = await what_if.suppose(person, [Given("annual_income", {"satang": 10_000_002, "currency": "THB"})])
    [one] = found.differences
    assert one.today is not None
    assert one.then is not None
    assert len({one.today.id, one.then.id, *(e.id for e in other.entitlements)}) == 2 + len(other.entitlements)


@pytest.mark.parametrize("day", [date(1, 1, 1), date(1799, 12, 31), date(2401, 1, 1), date(9999, 12, 31)])
async def test_a_day_outside_the_calendar_is_refused_before_anybody_is_asked(
    what_if: WhatIf, gate: TableGate, day: date
) -> None:
    with pytest.raises(DayOutOfRange):
        await what_if.suppose(gate.add(), [], day)
    assert gate.asked == []


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (Given("nothing_of_the_kind", 1), ("facts", 0, "attribute")),
        (Given("annual_income", "much"), ("facts", 0, "value")),
        (Given("annual_income", 1.5), ("facts", 0, "value")),
        (Given("household_size", 10**30), ("facts", 0, "value")),
    ],
)
async def test_what_is_no_fact_is_refused(what_if: WhatIf, gate: TableGate, given: Given, path: Any) -> None:
    with pytest.raises(BadInput) as refused:
        await what_if.suppose(gate.add(annual_income=Money(5)), [given])
    assert refused.value.path == path
