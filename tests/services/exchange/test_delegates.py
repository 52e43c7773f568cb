"""Somebody who acts for a citizen, before the gate: what they are told, and what everybody's log then says."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from uuid import UUID, uuid4

import pytest

from core.errors import NotAllowed, ServiceUnavailable
from core.ids import NationalId
from core.text import Text
from identity.delegation.models import Kind
from identity.delegation.needs import Standing
from identity.delegation.service import DelegationService, Guardianship
from services.exchange.errors import LookRefused
from services.exchange.facts import (
    DELEGATE_VIEW,
    DELEGATION,
    OWN_VIEW,
    WELFARE_CHECK,
    WELFARE_DECISION,
    Asker,
    AskerKind,
    FactState,
    Purpose,
)
from services.exchange.gate import ACTS_FOR_YOU
from services.exchange.ties import RegisterTies
from tests.services.exchange.fakes import KEYS, Exchange, of_steward, until

pytestmark = pytest.mark.fakeredis_only

LODGER = Text(th="ผู้ดูแล", en="The carer")


@pytest.fixture
async def delegation(exchange: Exchange) -> UUID:
    """The lodger acts for the mother, whose children are minors."""
    service = exchange.delegations = DelegationService(exchange.clock, KEYS, exchange.people)
    exchange.gate = exchange.new_gate()
    given = Guardianship(
        exchange.keys["mother"], exchange.keys["lodger"], Text(th="ม", en="m"), LODGER, until=date(2027, 11, 15)
    )
    async with exchange.database.write() as session:
        row = await service.register_guardianship(session, given, officer=uuid4(), agency="dcy")
    return row.id


def delegate(exchange: Exchange, delegation: UUID, *, who: str = "lodger", of: str = "mother") -> Asker:
    return Asker(
        AskerKind.DELEGATE, exchange.keys[who].hex, None, Text(th="x", en="x"), uuid4(),
        applicant=exchange.keys[of], delegation=delegation,
    )  # fmt: skip


async def told(
    exchange: Exchange, subject: str, asker: Asker, why: Purpose, attribute: str = "birth_date"
) -> FactState:
    facts = await exchange.gate.facts(exchange.keys[subject], [attribute], asker=asker, purpose=why)
    return facts[attribute].state


@pytest.mark.parametrize(
    ("subject", "why", "attribute", "state"),
    [
        ("mother", DELEGATE_VIEW, "birth_date", FactState.FRESH),
        ("mother", WELFARE_CHECK, "household_size", FactState.FRESH),
        ("mother", OWN_VIEW, "birth_date", FactState.DENIED),
        ("mother", DELEGATION, "birth_date", FactState.DENIED),
        ("mother", WELFARE_DECISION, "birth_date", FactState.DENIED),
        ("mother", DELEGATE_VIEW, "household_size", FactState.DENIED),
        ("younger", WELFARE_CHECK, "birth_date", FactState.FRESH),
        ("younger", DELEGATE_VIEW, "birth_date", FactState.DENIED),
        ("lodger", DELEGATE_VIEW, "birth_date", FactState.DENIED),
        ("lodger", WELFARE_CHECK, "birth_date", FactState.DENIED),
    ],
)
async def test_a_delegate_sees_whom_they_act_for_and_for_welfare_that_persons_minor_children(
    exchange: Exchange, delegation: UUID, subject: str, why: Purpose, attribute: str, state: FactState
) -> None:
    assert await told(exchange, subject, delegate(exchange, delegation), why, attribute) is state


async def test_without_a_delegation_that_holds_a_delegate_is_told_nothing(exchange: Exchange, delegation: UUID) -> None:
    good = delegate(exchange, delegation)
    for asker in (
        replace(good, delegation=None),
        replace(good, delegation=uuid4()),
        replace(good, applicant=None),
        replace(good, applicant=exchange.keys["younger"]),
        replace(good, id=exchange.keys["elder"].hex),
    ):
        assert await told(exchange, "mother", asker, DELEGATE_VIEW) is FactState.DENIED
    entries = [entry for entry in await exchange.entries(exchange.keys["mother"]) if entry.asker_kind == "DELEGATE"]
    assert {entry.decision for entry in entries} == {"DENIED"}
    assert {entry.reason for entry in entries} <= {"NOT_DELEGATED", "NOT_THIS_ASKER"}
    assert exchange.dopa.asked == []


async def test_once_it_has_ended_the_very_next_look_is_refused(exchange: Exchange, delegation: UUID) -> None:
    asker = delegate(exchange, delegation)
    assert await told(exchange, "mother", asker, DELEGATE_VIEW) is FactState.FRESH
    async with exchange.database.write() as session:
        await exchange.delegations.end(session, exchange.keys["lodger"], delegation)
    assert await told(exchange, "mother", replace(asker, request=uuid4()), DELEGATE_VIEW) is FactState.DENIED


@pytest.mark.parametrize("records", [False, True], ids=["facts", "records"])
async def test_once_it_has_ended_what_is_being_read_is_not_told(
    exchange: Exchange, delegation: UUID, records: bool
) -> None:
    asker, mother = delegate(exchange, delegation), exchange.keys["mother"]
    reading, goes_on = asyncio.Event(), asyncio.Event()

    async def policies(_: NationalId) -> str:
        reading.set()
        await goes_on.wait()
        return "policies"

    async def ask() -> FactState:
        if not records:
            return await told(exchange, "mother", asker, DELEGATE_VIEW)
        await exchange.gate.look(mother, "oic:policies", "oic", policies, asker=asker, purpose=DELEGATE_VIEW)
        return FactState.FRESH

    exchange.dopa.gate = goes_on
    asking = asyncio.create_task(ask())
    await until(lambda: reading.is_set() or bool(exchange.dopa.asked))
    async with exchange.database.write() as session:
        await exchange.delegations.end(session, exchange.keys["lodger"], delegation)
    goes_on.set()
    if records:
        with pytest.raises(LookRefused):
            await asking
    else:
        assert await asking is FactState.DENIED
    [outcome] = await exchange.outcomes(mother)
    assert set(outcome.states.values()) == {"DENIED"}
    assert set(outcome.errors.values()) == {"NOT_DELEGATED"}


async def test_each_log_says_what_its_subject_may_know_of_the_delegate(exchange: Exchange, delegation: UUID) -> None:
    asker = delegate(exchange, delegation)
    await told(exchange, "mother", asker, DELEGATE_VIEW)
    await told(exchange, "mother", asker, WELFARE_CHECK, "household_income")
    await told(exchange, "younger", asker, WELFARE_CHECK)
    own = [e for e in await exchange.entries(exchange.keys["mother"]) if e.asker_kind == "DELEGATE"]
    assert [entry.asker_label["en"] for entry in own] == ["Your guardian, who acts for you"], "one request, one entry"
    [child] = [e for e in await exchange.entries(exchange.keys["younger"]) if e.asker_kind == "DELEGATE"]
    assert child.asker_label["en"] == "Somebody who asked in the place of your parent"
    labels = {e.asker_label["en"] for e in await exchange.entries(exchange.keys["lodger"])}
    assert not any("guardian" in label or "delegate" in label for label in labels), "the household learns nothing of it"


async def test_records_of_an_agency_are_looked_at_under_the_same_right(exchange: Exchange, delegation: UUID) -> None:
    async def read(person: NationalId) -> str:
        return "records"

    asker = delegate(exchange, delegation)
    person = exchange.keys["mother"]
    assert (
        await exchange.gate.look(person, "oic:policies", "oic", read, asker=asker, purpose=DELEGATE_VIEW) == "records"
    )
    for subject, wrong in ((exchange.keys["younger"], asker), (person, replace(asker, delegation=uuid4()))):
        with pytest.raises(NotAllowed):
            await exchange.gate.look(subject, "oic:policies", "oic", read, asker=wrong, purpose=DELEGATE_VIEW)


async def test_a_gate_that_knows_no_delegations_tells_a_delegate_nothing(exchange: Exchange, delegation: UUID) -> None:
    exchange.delegations = None
    exchange.gate = exchange.new_gate()
    assert await told(exchange, "mother", delegate(exchange, delegation), DELEGATE_VIEW) is FactState.DENIED


async def test_the_register_proves_who_is_whose_child_and_logs_it_for_both(exchange: Exchange) -> None:
    ties, mother, younger = (
        RegisterTies(exchange.gate, exchange.catalogue),
        exchange.keys["mother"],
        exchange.keys["younger"],
    )
    name = {f"{part}_{script}": "" for part in ("title", "given", "middle", "family") for script in ("th", "en")}
    for who in ("mother", "younger"):
        exchange.dopa.file[exchange.ids[who]]["name"] = {**name, "given_th": who, "given_en": who}
    assert set(await ties.minor_children(mother, request=uuid4())) == {exchange.keys["elder"], younger}
    assert await ties.child(mother, younger, request=uuid4()) == Standing(
        Text(th="younger", en="younger"), date(2022, 1, 1)
    )
    assert await ties.child(mother, exchange.keys["lodger"], request=uuid4()) is None
    assert (await ties.standing(mother, request=uuid4())).born == date(1990, 5, 1)
    assert "disability_card" not in {name for entry in await exchange.entries() for name in entry.attributes}
    with pytest.raises(ServiceUnavailable):
        await ties.has_disability(mother, request=uuid4())
    exchange.others.append(of_steward("dep"))
    for card in (True, False):
        exchange.others[0].file[exchange.ids["lodger" if card else "mother"]] = {"disability_card": card}
    assert await ties.has_disability(exchange.keys["lodger"], request=uuid4())
    assert not await ties.has_disability(mother, request=uuid4())
    purposes = {(e.subject, e.purpose) for e in await exchange.entries()}
    assert {(mother, "delegation"), (younger, "delegation")} <= purposes


def test_a_kind_of_delegation_has_its_words_in_the_log() -> None:
    assert set(ACTS_FOR_YOU) == set(Kind)
