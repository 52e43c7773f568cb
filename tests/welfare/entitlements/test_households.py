"""A programme that a household has once: whoever of it applies, from wherever, and wherever its people move."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlmodel import col

from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.errors import ServiceUnavailable
from services.apply.errors import AlreadyApplied
from services.apply.models import Application, Decision
from services.apply.service import ApplyService
from services.apply.states import Status
from services.exchange.catalogue import Catalogue
from tests.services.apply.conftest import AWARDS, RecordingNotices, TableAwarder
from tests.welfare.entitlements.conftest import CHILD, TableGate
from welfare.entitlements.decider import ProgrammeDecider
from welfare.entitlements.record import replay_decision
from welfare.programmes import Outcome, Programme, ProgrammeCatalogue, Unit

OLD_AGE = "programme:old-age-allowance"
GRANT = "programme:child-support-grant"
OLD = date(1950, 3, 1)


def house(number: str, village: str = "4") -> dict[str, str]:
    return {
        "house_number": number, "village": village, "subdistrict": "500101",
        "text_th": f"{number} หมู่ที่ {village}", "text_en": f"{number} Moo {village}",
    }  # fmt: skip


@dataclass
class Households:
    """Decides applications for real programmes, each of which a household has once, over facts in a table."""

    database: Database
    gate: TableGate
    apply: ApplyService
    awarder: TableAwarder

    async def granted(self, person: UUID, subject: str, beneficiary: UUID | None = None) -> Application:
        submission = await self.apply.prepare(person, beneficiary or person, subject)
        async with self.database.write() as session:
            return await self.apply.apply(session, submission)

    def elder(self, address: Mapping[str, Any] | None) -> UUID:
        return self.gate.add(birth_date=OLD, address=address)

    def moves(self, person: UUID, address: Mapping[str, Any] | None) -> None:
        self.gate.people[person]["address"] = address

    async def looked_again(self, row: Application) -> Application:
        again = await self.apply.prepare_reassessment(row.person, row.id)
        async with self.database.write() as session:
            await self.apply.reconsider(session, again)
        return await self.read(row)

    async def read(self, row: Application) -> Application:
        async with self.database.read() as session:
            return (await session.scalars(select(Application).where(col(Application.id) == row.id))).one()


@pytest.fixture
async def office(
    database: Database,
    gate: TableGate,
    clock: FixedClock,
    catalogue: Catalogue,
    programmes: ProgrammeCatalogue,
) -> Households:
    def shared(one: Programme) -> Programme:
        return replace(one, unit=Unit.HOUSEHOLD) if one.slug in OLD_AGE + GRANT else one

    keys = KeyRing("k1", {"k1": bytes(32)}, bytes(32))
    of_households = ProgrammeCatalogue(tuple(shared(one) for one in programmes))
    decider, awarder = ProgrammeDecider(gate, clock, catalogue, of_households, keys), TableAwarder()
    async with database.write() as session:
        await session.execute(text(AWARDS))
    apply = ApplyService(
        database, keys, clock, deciders={"programme": decider}, awarder=awarder, notices=RecordingNotices()
    )
    return Households(database, gate, apply, awarder)


async def test_of_a_household_one_applies_and_the_other_is_not_told_who(office: Households) -> None:
    first = await office.granted(office.elder(house("12/3")), OLD_AGE)
    with pytest.raises(AlreadyApplied) as refused:
        await office.granted(office.elder(house("12/3")), OLD_AGE)
    assert refused.value.application is None
    assert "household" in str(refused.value)
    assert first.unit_key.startswith("household:")
    assert len(first.unit_key) == len("household:") + 64, "a keyed hash, and no address"
    with pytest.raises(AlreadyApplied) as own:
        await office.granted(first.person, OLD_AGE)
    assert own.value.application == first.id


async def test_the_house_next_door_and_the_same_number_in_another_village_are_others(office: Households) -> None:
    rows = [await office.granted(office.elder(one), OLD_AGE) for one in (house("12"), house("13"), house("12", "5"))]
    assert len({row.unit_key for row in rows}) == 3


async def test_the_words_of_an_address_do_not_make_another_house(office: Households) -> None:
    await office.granted(office.elder(house("12")), OLD_AGE)
    with pytest.raises(AlreadyApplied):
        await office.granted(office.elder({**house("12"), "text_en": "12, Village 4"}), OLD_AGE)


async def test_whoever_is_registered_in_no_house_is_a_household_of_their_own(office: Households) -> None:
    first, second = office.elder(None), office.elder(None)
    rows = [await office.granted(one, OLD_AGE) for one in (first, second)]
    assert [row.unit_key for row in rows] == [f"person:{one.hex}" for one in (first, second)]


async def test_while_the_register_is_silent_nothing_is_taken(office: Households) -> None:
    person = office.elder(house("12"))
    del office.gate.people[person]["address"]
    with pytest.raises(ServiceUnavailable):
        await office.granted(person, OLD_AGE)
    async with office.database.read() as session:
        assert list(await session.scalars(select(Application))) == []


async def test_for_a_child_it_is_the_household_of_whoever_applies(office: Households) -> None:
    mother, father = (office.gate.add(address=house("12")) for _ in range(2))
    child = office.gate.add(CHILD, parent=mother)
    await office.granted(mother, GRANT, child)
    sibling = office.gate.add(CHILD, parent=father)
    with pytest.raises(AlreadyApplied) as refused:
        await office.granted(father, GRANT, sibling)
    assert refused.value.application is None


async def test_whoever_moves_takes_it_along_and_leaves_the_old_house_free(office: Households) -> None:
    row = await office.granted(office.elder(house("1")), OLD_AGE)
    office.moves(row.person, house("2"))
    moved = await office.looked_again(row)
    assert (moved.status, moved.unit_key == row.unit_key) == (Status.APPROVED, False)
    await office.granted(office.elder(house("1")), OLD_AGE)
    with pytest.raises(AlreadyApplied):
        await office.granted(office.elder(house("2")), OLD_AGE)


async def test_whoever_moves_into_a_household_that_has_one_loses_theirs_with_the_reason(office: Households) -> None:
    stays = await office.granted(office.elder(house("2")), OLD_AGE)
    moves = await office.granted(office.elder(house("1")), OLD_AGE)
    office.moves(moves.person, house("2"))
    assert (await office.looked_again(moves)).status == Status.ENDED
    assert [application for application, _, _ in office.awarder.ended] == [moves.id]
    assert (await office.read(stays)).status == Status.APPROVED
    async with office.database.read() as session:
        query = select(Decision).where(col(Decision.application) == moves.id).order_by(col(Decision.sequence).desc())
        last = (await session.scalars(query.limit(1))).one()
    reason = last.reasons[-1]
    assert (reason["condition"], reason["outcome"]) == ("household", "UNMET")
    assert stays.person.hex not in str(last.reasons)
    await office.granted(office.elder(house("1")), OLD_AGE)


async def test_a_decision_for_a_household_that_has_one_still_replays_to_what_the_law_gave(office: Households) -> None:
    await office.granted(office.elder(house("2")), OLD_AGE)
    moves = await office.granted(office.elder(house("1")), OLD_AGE)
    office.moves(moves.person, house("2"))
    again = await office.apply.prepare_reassessment(moves.person, moves.id)
    replayed = replay_decision({**again.prepared.record, "version": again.prepared.rule})
    assert (replayed.agrees, replayed.determination.outcome) == (True, Outcome.MET)


async def test_of_moving_in_and_applying_at_once_one_holds(office: Households) -> None:
    row = await office.granted(office.elder(house("1")), OLD_AGE)
    office.moves(row.person, house("2"))

    async def quiet(what: Any) -> bool:
        try:
            await what
        except AlreadyApplied:
            return False
        return True

    await asyncio.gather(
        quiet(office.looked_again(row)), *(quiet(office.granted(office.elder(house("2")), OLD_AGE)) for _ in range(5))
    )
    async with office.database.read() as session:
        query = select(Application).where(col(Application.status) == Status.APPROVED)
        keys = [one.unit_key for one in await session.scalars(query)]
    assert len(keys) == len(set(keys))


def test_every_programme_of_a_household_may_ask_where_it_is_registered(
    catalogue: Catalogue, programmes: ProgrammeCatalogue
) -> None:
    shared = [one.slug for one in programmes if one.unit is Unit.HOUSEHOLD]
    allowed = catalogue.purposes["welfare-decision"].attributes
    assert not shared or (allowed is not None and "address" in allowed), shared
