"""What a citizen sees of what they are entitled to."""

from __future__ import annotations

from datetime import date

import pytest

from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.ids import new_id
from core.money import Money
from services.apply.deciding import Holder
from services.apply.service import ApplyService
from services.exchange.facts import WELFARE_CHECK, AskerKind
from tests.welfare.entitlements.conftest import CHILD, PERSON, TableGate
from tests.welfare.entitlements.support import NoAward, NoNotice, by_programme
from welfare.entitlements.decider import ProgrammeDecider
from welfare.entitlements.service import EntitlementService, EntitlementStatus
from welfare.programmes import ForEach, Outcome
from welfare.rules.errors import DayOutOfRange

S = EntitlementStatus


async def test_an_elder_without_a_pension_is_entitled_with_reasons_and_amount(
    service: EntitlementService, gate: TableGate
) -> None:
    elder = gate.add(birth_date=date(1955, 3, 1))
    found = by_programme(await service.of(elder))
    allowance = found["old-age-allowance"]
    assert allowance.status is S.ENTITLED
    assert [b.amount for b in allowance.assessment.determination.benefits] == [Money.baht(700)]
    reasons = allowance.assessment.determination.conditions
    assert {r.outcome for r in reasons} == {Outcome.MET}
    assert all(r.law.th and r.law.en and r.text.th for r in reasons)
    age = next(r for r in reasons if r.id == "age")
    fact = allowance.assessment.fact(age.facts_used[0])
    assert fact is not None
    assert (fact.attribute, fact.source, fact.value) == ("birth_date", "dopa", date(1955, 3, 1))
    assert allowance.assessment.changes_on() == date(2035, 10, 1), "from 80 at the start of the fiscal year"


async def test_one_who_is_not_entitled_reads_which_condition_says_so(
    service: EntitlementService, gate: TableGate
) -> None:
    official = gate.add(state_role="official", state_benefit=True, birth_date=date(1955, 3, 1))
    found = by_programme(await service.of(official))
    assert found["old-age-allowance"].status is S.NOT_ENTITLED
    unmet = [c.id for c in found["old-age-allowance"].assessment.determination.conditions if c.outcome is Outcome.UNMET]
    assert unmet == ["no_state_benefit_or_registered_before"]


async def test_a_source_that_is_down_never_makes_a_no(service: EntitlementService, gate: TableGate) -> None:
    elder = gate.add(birth_date=date(1955, 3, 1))
    gate.down = {"cgd"}
    allowance = by_programme(await service.of(elder))["old-age-allowance"]
    assert allowance.status is S.NEEDS_INFORMATION
    assert [(m.attribute, m.held_by, m.agency) for m in allowance.assessment.missing] == [
        ("state_benefit", Holder.AGENCY, "cgd")
    ]


@pytest.mark.parametrize("down", ["dopa", "cgd", "rd", "dep", "dla", "dol"])
async def test_whichever_source_is_down_an_answer_that_is_given_is_the_same_as_before(
    service: EntitlementService, gate: TableGate, down: str
) -> None:
    parent = gate.add(birth_date=date(1955, 3, 1), disability_card=True)
    gate.add(CHILD, parent=parent)
    before = {e.id: e.status for e in await service.of(parent)}
    gate.down = {down}
    after = {e.id: e.status for e in await service.of(parent)}
    for key, status in after.items():
        assert status in {before.get(key), S.NEEDS_INFORMATION}


async def test_twins_get_one_entitlement_each(service: EntitlementService, gate: TableGate) -> None:
    parent = gate.add()
    twins = {gate.add(CHILD, parent=parent) for _ in range(2)}
    grants = [e for e in await service.of(parent) if e.assessment.programme.slug == "child-support-grant"]
    assert {e.assessment.beneficiary for e in grants} == twins
    assert {e.status for e in grants} == {S.ENTITLED}
    assert len({e.id for e in grants}) == 2


async def test_a_disabled_child_is_shown_the_allowance_and_a_healthy_one_is_not(
    service: EntitlementService, gate: TableGate
) -> None:
    parent = gate.add()
    disabled = gate.add(CHILD, parent=parent, disability_card=True, birth_date=date(2016, 2, 3))
    healthy = gate.add(CHILD, parent=parent, birth_date=date(2016, 2, 3))
    found = await service.of(parent)
    allowance = by_programme(found, disabled)["disability-allowance"]
    assert allowance.status is S.ENTITLED
    assert [b.amount for b in allowance.assessment.determination.benefits] == [Money.baht(1000)]
    assert allowance.assessment.changes_on() == date(2034, 2, 3), "the rate of a minor ends at 18"
    assert "disability-allowance" not in by_programme(found, healthy)
    assert by_programme(found, parent)["disability-allowance"].status is S.NOT_ENTITLED


async def test_nobody_asks_about_the_bank_balance_of_a_two_year_old(
    service: EntitlementService, gate: TableGate
) -> None:
    parent = gate.add()
    child = gate.add(CHILD, parent=parent)
    await service.of(parent)
    asked = set().union(*(a.attributes for a in gate.asked if a.subject == child))
    assert "disability_card" in asked
    assert asked.isdisjoint({"financial_assets", "has_credit_card", "annual_income", "state_benefit"})


async def test_children_of_age_are_left_to_themselves(service: EntitlementService, gate: TableGate) -> None:
    parent = gate.add(birth_date=date(1970, 1, 1))
    grown = gate.add(CHILD, parent=parent, birth_date=date(2006, 11, 16), disability_card=True)
    assert by_programme(await service.of(parent), grown) == {}
    young = gate.add(CHILD, parent=parent, birth_date=date(2006, 11, 17), disability_card=True)
    assert "disability-allowance" in by_programme(await service.of(parent), young)


async def test_one_without_children_sees_no_programme_for_children(
    service: EntitlementService, gate: TableGate
) -> None:
    found = await service.of(gate.add())
    assert ForEach.CHILD not in {e.assessment.programme.for_each for e in found}


async def test_when_nobody_can_say_who_the_children_are_that_is_what_is_missing(
    service: EntitlementService, gate: TableGate
) -> None:
    parent = gate.add()
    gate.add(CHILD, parent=parent)
    gate.down = {"dopa"}
    grant = by_programme(await service.of(parent))["child-support-grant"]
    assert grant.status is S.NEEDS_INFORMATION
    assert (grant.assessment.missing[0].attribute, grant.assessment.missing[0].agency) == ("children", "dopa")
    assert not any(m.attribute.startswith("child.") for m in grant.assessment.missing)


async def test_the_look_is_the_citizens_own_and_names_its_request(service: EntitlementService, gate: TableGate) -> None:
    parent, request = gate.add(), new_id()
    gate.add(CHILD, parent=parent)
    await service.of(parent, request=request)
    for asked in gate.asked:
        assert (asked.asker.kind, asked.asker.id, asked.asker.request) == (AskerKind.CITIZEN, parent.hex, request)
        assert asked.purpose is WELFARE_CHECK


async def test_another_day_is_answered_by_the_law_of_that_day(service: EntitlementService, gate: TableGate) -> None:
    elder = gate.add(birth_date=date(1966, 12, 1))
    allowance = "old-age-allowance"
    assert by_programme(await service.of(elder))[allowance].status is S.NOT_ENTITLED
    assert by_programme(await service.of(elder, on=date(2026, 11, 30)))[allowance].status is S.NOT_ENTITLED
    assert by_programme(await service.of(elder, on=date(2026, 12, 1)))[allowance].status is S.ENTITLED
    assert by_programme(await service.of(elder, on=date(2000, 1, 1))) == {}, "no law of then is known"
    with pytest.raises(DayOutOfRange):
        await service.of(elder, on=date(2401, 1, 1))


async def test_ids_stay_and_lead_back_to_the_entitlement_for_its_owner_alone(
    service: EntitlementService, gate: TableGate
) -> None:
    elder, other = gate.add(birth_date=date(1955, 3, 1)), gate.add()
    first = by_programme(await service.of(elder))["old-age-allowance"]
    again = await service.one(elder, first.id)
    assert again is not None
    assert (again.id, again.status) == (first.id, first.status)
    assert first.id.version == 8
    assert await service.one(other, first.id) is None
    assert await service.one(elder, new_id()) is None


async def test_applied_and_receiving_go_before_what_the_rules_say(
    service: EntitlementService, gate: TableGate, database: Database, clock: FixedClock, keys: KeyRing
) -> None:
    decider = ProgrammeDecider(gate, clock, service.catalogue, service.programmes)
    apply = ApplyService(database, keys, clock, deciders={"programme": decider}, awarder=NoAward(), notices=NoNotice())
    elder, waiting = gate.add(birth_date=date(1955, 3, 1)), gate.add(birth_date=date(1955, 3, 1))
    applications = {}
    for person, down in ((elder, set[str]()), (waiting, {"cgd"})):
        gate.down = down
        submission = await apply.prepare(person, person, "programme:old-age-allowance")
        async with database.write() as session:
            applications[person] = (await apply.apply(session, submission)).id
    gate.down = set()
    receiving = by_programme(await service.of(elder))
    assert receiving["old-age-allowance"].status is S.RECEIVING
    assert receiving["disability-allowance"].status is S.NOT_ENTITLED
    applied = by_programme(await service.of(waiting))["old-age-allowance"]
    assert applied.status is S.APPLIED
    assert applied.application == applications[waiting]
    assert by_programme(await service.of(elder, on=date(2026, 11, 17)))["old-age-allowance"].status is S.ENTITLED


async def test_every_programme_in_force_that_is_put_to_everyone_is_answered(
    service: EntitlementService, gate: TableGate
) -> None:
    parent = gate.add(PERSON)
    gate.add(CHILD, parent=parent)
    slugs = {e.assessment.programme.slug for e in await service.of(parent)}
    in_force = {p.slug for p in service.programmes if p.version_on(service._clock.today()) is not None}
    assert slugs == in_force - {"aids-allowance"}
    assert len(slugs) == 12
    assert "digital-wallet" not in slugs, "its phases are over"
