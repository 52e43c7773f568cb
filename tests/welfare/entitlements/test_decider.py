"""Applications for programmes are decided on facts read anew, in the payer's name, and replay to the same answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import UUID

import orjson
import pytest

from core.clock import FixedClock
from core.errors import BadInput, NotFound, ServiceUnavailable
from core.ids import new_id
from core.money import Money
from services.apply.deciding import Holder, Outcome, Prepared, Request
from services.exchange.catalogue import Attribute, Catalogue
from services.exchange.facts import WELFARE_DECISION
from tests.welfare.entitlements.conftest import CHILD, PERSON, TableGate
from welfare.entitlements.decider import ProgrammeDecider
from welfare.entitlements.record import RecordUnreadable, replay_decision
from welfare.programmes import Outcome as Determined
from welfare.programmes import ProgrammeCatalogue, ProgrammeUnknown

OLD_AGE = "programme:old-age-allowance"
GRANT = "programme:child-support-grant"
DISABILITY = "programme:disability-allowance"


@pytest.fixture
def decider(
    gate: TableGate, clock: FixedClock, catalogue: Catalogue, programmes: ProgrammeCatalogue
) -> ProgrammeDecider:
    return ProgrammeDecider(gate, clock, catalogue, programmes)


def asking_citizens(catalogue: Catalogue, *names: str) -> Catalogue:
    """The catalogue, but as if only the citizen knew these."""

    def steward(attribute: Attribute) -> Attribute:
        return replace(attribute, steward="citizen") if attribute.id in names else attribute

    return replace(catalogue, attributes={name: steward(a) for name, a in catalogue.attributes.items()})


def ask(applicant: UUID, subject: str, beneficiary: UUID | None = None, **answers: object) -> Request:
    return Request(applicant, beneficiary or applicant, subject, answers)


def stored(prepared: Prepared) -> dict[str, object]:
    """The record with the law beside it, as the room of applications gives it back."""
    return {**prepared.record, "version": prepared.rule}


async def test_an_elder_is_granted_with_reasons_that_hold_no_fact(decider: ProgrammeDecider, gate: TableGate) -> None:
    prepared = await decider.prepare(ask(gate.add(birth_date=date(1955, 3, 1)), OLD_AGE))
    assert (prepared.outcome, prepared.pays) == (Outcome.GRANTED, True)
    assert b"1955" not in orjson.dumps(prepared.reasons)
    assert {tuple(r) for r in prepared.reasons} == {("condition", "th", "en", "outcome", "law", "facts")}


async def test_an_official_is_refused_and_nothing_is_missing(decider: ProgrammeDecider, gate: TableGate) -> None:
    prepared = await decider.prepare(ask(gate.add(birth_date=date(1955, 3, 1), state_benefit=True), OLD_AGE))
    assert (prepared.outcome, prepared.missing, prepared.pays) == (Outcome.REFUSED, (), False)


async def test_benefits_in_kind_are_granted_and_never_paid(decider: ProgrammeDecider, gate: TableGate) -> None:
    prepared = await decider.prepare(ask(gate.add(), "programme:state-welfare-card"))
    assert (prepared.outcome, prepared.pays) == (Outcome.GRANTED, False)


async def test_a_source_that_is_down_leaves_the_decision_open(decider: ProgrammeDecider, gate: TableGate) -> None:
    elder = gate.add(birth_date=date(1955, 3, 1))
    gate.down = {"cgd"}
    prepared = await decider.prepare(ask(elder, OLD_AGE))
    assert prepared.outcome is Outcome.NEEDS_INFORMATION
    assert [(m.attribute, m.held_by, m.agency) for m in prepared.missing] == [("state_benefit", Holder.AGENCY, "cgd")]


async def test_an_officer_finds_what_a_register_does_not_know_and_nothing_while_it_does_not_answer(
    decider: ProgrammeDecider, gate: TableGate
) -> None:
    known = {name: value for name, value in PERSON.items() if name != "state_benefit"}
    elder = gate.add({**known, "birth_date": date(1955, 3, 1)})
    asked = replace(ask(elder, OLD_AGE), findings={"state_benefit": False})
    open_case = await decider.prepare(ask(elder, OLD_AGE))
    assert [one.silent for one in open_case.missing] == [False]
    assert (await decider.prepare(asked)).outcome is Outcome.GRANTED
    gate.people[elder]["state_benefit"] = True
    gate.down = {"cgd"}
    assert [one.silent for one in (await decider.prepare(ask(elder, OLD_AGE))).missing] == [True]
    with pytest.raises(ServiceUnavailable) as silent:
        await decider.prepare(asked)
    assert silent.value.path == ("findings", "state_benefit")


async def test_an_amount_that_nobody_can_tell_yet_leaves_the_decision_open(
    decider: ProgrammeDecider, gate: TableGate
) -> None:
    """Every condition is met, but whether there is a supplement is not known: granted now, it would never be paid."""
    holder = gate.add(disability_card=True)
    gate.down = {"cgd"}
    prepared = await decider.prepare(ask(holder, DISABILITY))
    assert prepared.outcome is Outcome.NEEDS_INFORMATION
    assert [(m.attribute, m.held_by) for m in prepared.missing] == [("state_welfare_card", Holder.AGENCY)]
    gate.down = set()
    assert (await decider.prepare(ask(holder, DISABILITY))).outcome is Outcome.GRANTED


async def test_an_unknown_fact_that_changes_no_amount_holds_nothing_up(
    decider: ProgrammeDecider, gate: TableGate
) -> None:
    parent = gate.add()
    child = gate.add(CHILD, parent=parent, disability_card=True)
    gate.down = {"cgd"}
    assert (await decider.prepare(ask(parent, DISABILITY, child))).outcome is Outcome.GRANTED


async def test_the_payer_asks_for_the_applicant_and_only_what_the_programme_reads(
    decider: ProgrammeDecider, gate: TableGate
) -> None:
    elder, request = gate.add(birth_date=date(1955, 3, 1)), new_id()
    await decider.prepare(replace(ask(elder, OLD_AGE), request=request))
    [asked] = gate.asked
    assert asked.purpose is WELFARE_DECISION
    assert (asked.asker.agency, asked.asker.applicant, asked.asker.request) == ("dla", elder, request)
    assert "annual_income" not in asked.attributes


async def test_a_parent_applies_for_each_twin(decider: ProgrammeDecider, gate: TableGate) -> None:
    parent = gate.add()
    for twin in [gate.add(CHILD, parent=parent) for _ in range(2)]:
        assert (await decider.prepare(ask(parent, GRANT, twin))).outcome is Outcome.GRANTED


async def test_a_parent_applies_for_a_disabled_child(decider: ProgrammeDecider, gate: TableGate) -> None:
    parent = gate.add()
    child = gate.add(CHILD, parent=parent, disability_card=True)
    prepared = await decider.prepare(ask(parent, DISABILITY, child))
    assert prepared.outcome is Outcome.GRANTED
    assert prepared.record["benefits"] == {"allowance_by_age": 100_000}
    assert (await decider.prepare(ask(parent, DISABILITY))).outcome is Outcome.REFUSED


async def test_nobody_applies_for_a_stranger_for_a_grown_child_or_for_a_child_as_themself(
    decider: ProgrammeDecider, gate: TableGate
) -> None:
    parent, stranger = gate.add(), gate.add()
    grown = gate.add(CHILD, parent=parent, birth_date=date(2006, 11, 16))
    childs = gate.add(CHILD, parent=stranger)
    for subject, beneficiary in ((OLD_AGE, stranger), (GRANT, childs), (DISABILITY, grown), (GRANT, parent)):
        with pytest.raises(NotFound) as error:
            await decider.prepare(ask(parent, subject, beneficiary))
        assert error.value.path == ("beneficiary",)
    asked = set().union(*(a.attributes for a in gate.asked if a.subject in {stranger, childs, grown}))
    assert asked <= {"birth_date"}, "and nothing else is read about them"


async def test_while_nobody_can_say_whose_child_it_is_nothing_is_decided(
    decider: ProgrammeDecider, gate: TableGate
) -> None:
    parent = gate.add()
    child = gate.add(CHILD, parent=parent)
    gate.down = {"dopa"}
    with pytest.raises(ServiceUnavailable):
        await decider.prepare(ask(parent, GRANT, child))


@pytest.mark.parametrize("subject", ["programme:no-such", "programme:", "programme", "programme:Old-Age-Allowance"])
async def test_an_unknown_programme_is_named_as_such(decider: ProgrammeDecider, gate: TableGate, subject: str) -> None:
    with pytest.raises(ProgrammeUnknown):
        await decider.prepare(ask(gate.add(), subject))


async def test_what_only_the_citizen_knows_decides_once_it_is_told(
    gate: TableGate, clock: FixedClock, catalogue: Catalogue, programmes: ProgrammeCatalogue
) -> None:
    decider = ProgrammeDecider(gate, clock, asking_citizens(catalogue, "person_status"), programmes)
    holder = gate.add(disability_card=True)
    del gate.people[holder]["person_status"]
    asked = await decider.prepare(ask(holder, DISABILITY))
    assert [(m.attribute, m.held_by, m.agency) for m in asked.missing] == [("person_status", Holder.CITIZEN, None)]
    assert (await decider.prepare(ask(holder, DISABILITY, person_status="normal"))).outcome is Outcome.GRANTED
    refused = await decider.prepare(ask(holder, DISABILITY, person_status="institution"))
    assert refused.outcome is Outcome.REFUSED
    assert refused.record["facts"]["person_status"]["source"] == "citizen"


@pytest.mark.parametrize(
    ("answers", "key"),
    [
        ({"annual_income": 1}, "annual_income"),  # not asked for by this programme
        ({"no_such": 1}, "no_such"),
        ({"disability_card": True}, "disability_card"),  # the state holds it
        ({"person_status": "king"}, "person_status"),
        ({"person_status": True}, "person_status"),
        ({"child.person_status": "normal"}, "child.person_status"),
    ],
)
async def test_an_answer_that_is_not_the_citizens_to_give_is_refused_by_its_name(
    gate: TableGate,
    clock: FixedClock,
    catalogue: Catalogue,
    programmes: ProgrammeCatalogue,
    answers: dict[str, object],
    key: str,
) -> None:
    decider = ProgrammeDecider(gate, clock, asking_citizens(catalogue, "person_status"), programmes)
    holder = gate.add()
    del gate.people[holder]["person_status"]
    with pytest.raises(BadInput) as error:
        await decider.prepare(Request(holder, holder, DISABILITY, answers))
    assert error.value.path == ("answers", key)


async def test_an_answer_never_overrides_a_fact_even_while_its_source_is_down(
    decider: ProgrammeDecider, gate: TableGate
) -> None:
    holder = gate.add()
    gate.down = {"dep"}
    with pytest.raises(BadInput):
        await decider.prepare(ask(holder, DISABILITY, disability_card=True))


async def test_a_known_fact_stands_even_if_citizens_may_tell_it(
    gate: TableGate, clock: FixedClock, catalogue: Catalogue, programmes: ProgrammeCatalogue
) -> None:
    decider = ProgrammeDecider(gate, clock, asking_citizens(catalogue, "person_status"), programmes)
    with pytest.raises(BadInput):
        await decider.prepare(ask(gate.add(person_status="institution"), DISABILITY, person_status="normal"))


@pytest.mark.parametrize("changed", [{}, {"state_benefit": True}, {"birth_date": date(1980, 1, 1)}])
async def test_a_record_replays_to_its_outcome_after_a_journey_through_json(
    decider: ProgrammeDecider, gate: TableGate, changed: dict[str, object]
) -> None:
    elder = gate.add({**PERSON, "birth_date": date(1955, 3, 1), **changed})
    prepared = await decider.prepare(ask(elder, OLD_AGE))
    replayed = replay_decision(orjson.loads(orjson.dumps(stored(prepared))))
    assert replayed.agrees
    expected = {Outcome.GRANTED: Determined.MET, Outcome.REFUSED: Determined.UNMET}
    assert replayed.determination.outcome is expected[prepared.outcome]


async def test_the_record_says_where_each_fact_is_from_and_how_good_it_was(
    decider: ProgrammeDecider, gate: TableGate, clock: FixedClock
) -> None:
    parent = gate.add()
    child = gate.add(CHILD, parent=parent)
    gate.down = {"rd"}
    record = (await decider.prepare(ask(parent, GRANT, child))).record
    assert record["child"]["birth_date"] == {
        "value": "2025-05-20", "th": "วันเดือนปีเกิด", "en": "date of birth",
        "source": "dopa", "as_of": clock.now().isoformat(), "state": "FRESH",
    }  # fmt: skip
    told = {name: fact["source"] for name, fact in {**record["facts"], **record["child"]}.items()}
    assert None not in told.values()


async def test_a_record_whose_facts_were_changed_no_longer_agrees(decider: ProgrammeDecider, gate: TableGate) -> None:
    elder = gate.add(birth_date=date(1955, 3, 1))
    record = orjson.loads(orjson.dumps(stored(await decider.prepare(ask(elder, OLD_AGE)))))
    record["facts"]["birth_date"]["value"] = "1935-03-01"
    replayed = replay_decision(record)
    assert not replayed.agrees
    assert [b.amount for b in replayed.determination.benefits] == [Money.baht(1000)]


@pytest.mark.parametrize("broken", [{}, {"form": 99}, {"form": 1}, {"form": 1, "on": "never"}])
def test_a_record_that_cannot_be_read_says_so(broken: dict[str, object]) -> None:
    with pytest.raises(RecordUnreadable):
        replay_decision(broken)
