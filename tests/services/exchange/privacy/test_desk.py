"""The desk of the data protection officer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.errors import NotFound
from core.ids import NationalId, new_id
from core.text import Text
from identity.officers import Officer
from identity.officers.errors import RoleMissing
from identity.proposals.errors import MakerIsChecker
from services.exchange.facts import PAYMENT, Asker, AskerKind
from services.exchange.privacy.affected import Question
from services.exchange.privacy.desk import ASKED_FOR, ROLE, Desk, HoldOrder
from services.exchange.privacy.errors import OwnHold
from services.sandbox.population.personas import persona
from tests.laws.cases import person_of
from tests.services.exchange.privacy.world import WHO, done, key_of, left, lived, ran
from tests.support.app import Served

DPO = Officer(new_id(), "dga", frozenset({ROLE}), Text(th="ก", en="A"))
SECOND = Officer(new_id(), "dga", frozenset({ROLE}), Text(th="ง", en="D"))
OTHER = Officer(new_id(), "dga", frozenset({"pay.plan"}), Text(th="ข", en="B"))


def desk(sitthi: Served) -> Desk:
    house = sitthi.house
    return Desk(house.db, house.clock, house.keys, house.privacy.holds, house.identity.people)


async def test_only_the_data_protection_officer_sits_there(sitthi: Served) -> None:
    until = sitthi.clock.now() + timedelta(days=1)
    for asked in (
        desk(sitthi).requests(OTHER),
        desk(sitthi).show(OTHER, "0" * 32),
        desk(sitthi).holds(OTHER),
        desk(sitthi).hold(OTHER, HoldOrder("messages", None, "x", "x", until)),
        desk(sitthi).release(OTHER, "0" * 32),
        desk(sitthi).affected(OTHER, Question(until, until)),
    ):
        with pytest.raises(RoleMissing):
            await asked


async def test_open_requests_are_listed_by_what_is_due_first_with_their_history(sitthi: Served) -> None:
    await lived(sitthi, applies=False)
    sitthi.clock.advance(timedelta(minutes=1))
    asked = await done(sitthi, "requestMyData", "request { id }", WHO, kind="ACCESS")
    listed = await desk(sitthi).requests(DPO)
    assert [row.kind for row in listed] == ["RESTRICTION", "ACCESS"]
    row, events = await desk(sitthi).show(DPO, key_of(asked["request"]["id"]).hex[-8:])
    assert (row.kind, [event.kind for event in events]) == ("ACCESS", ["REQUESTED"])
    for ending in ("0" * 8, "", "abc"):
        with pytest.raises(NotFound):
            await desk(sitthi).show(DPO, ending)


async def test_a_hold_is_placed_on_who_has_the_number_and_released_by_its_ending(sitthi: Served) -> None:
    person = await person_of(sitthi, WHO)
    until = sitthi.clock.now() + timedelta(days=30)
    number = NationalId.parse(persona(WHO).national_id)
    made = await desk(sitthi).hold(DPO, HoldOrder("access-log", number, "ป.วิ.อ. มาตรา 132", "สอบสวน", until))
    assert (made.person, made.officer) == (person, DPO.person.hex)
    assert [reason for _, reason in await desk(sitthi).holds(DPO)] == ["สอบสวน"]
    stranger = NationalId.parse("1112034563562")
    with pytest.raises(NotFound):
        await desk(sitthi).hold(DPO, HoldOrder("access-log", stranger, "x", "x", until))
    asked = await desk(sitthi).release(DPO, made.id.hex[-10:])
    assert (asked.released_at, len(await desk(sitthi).holds(DPO))) == (None, 1)
    released = await desk(sitthi).release(SECOND, made.id.hex[-10:])
    assert released.released_by == SECOND.person.hex
    assert await desk(sitthi).holds(DPO) == []


async def test_no_officer_alone_releases_a_hold_however_often_they_ask(sitthi: Served) -> None:
    made = await desk(sitthi).hold(DPO, HoldOrder("messages", None, "x", "x", sitthi.clock.now() + timedelta(days=90)))
    await desk(sitthi).release(DPO, made.id.hex)
    for _ in range(2):
        with pytest.raises(MakerIsChecker):
            await desk(sitthi).release(DPO, made.id.hex)
    sitthi.clock.advance(ASKED_FOR)  # what was asked for so long ago is asked for anew
    assert (await desk(sitthi).release(SECOND, made.id.hex)).released_at is None
    assert len(await desk(sitthi).holds(DPO)) == 1
    assert (await desk(sitthi).release(DPO, made.id.hex)).released_at is not None


async def test_an_officer_has_no_say_about_a_hold_on_their_own_data(sitthi: Served) -> None:
    person, until = await person_of(sitthi, WHO), sitthi.clock.now() + timedelta(days=30)
    number = NationalId.parse(persona(WHO).national_id)
    made = await desk(sitthi).hold(DPO, HoldOrder("access-log", number, "ป.วิ.อ. มาตรา 132", "สอบสวน", until))
    await desk(sitthi).release(DPO, made.id.hex)
    themself = Officer(person, "dga", frozenset({ROLE}), Text(th="ค", en="C"))
    with pytest.raises(OwnHold):
        await desk(sitthi).release(themself, made.id.hex)
    assert len(await desk(sitthi).holds(DPO)) == 1


async def test_whose_data_an_agency_was_told_is_counted(sitthi: Served) -> None:
    since = sitthi.clock.now()
    people = [await person_of(sitthi, who) for who in (WHO, "graduate")]
    asker = Asker(kind=AskerKind.SYSTEM, id="pay", agency="dla", label=Text(th="อปท.", en="DLA"))
    for person in (*people, people[0]):
        await sitthi.house.gate.facts(person, ["birth_date"], asker=asker, purpose=PAYMENT)
    sitthi.clock.advance(timedelta(minutes=1))
    question = Question(since, sitthi.clock.now(), agency="dla")
    found = await desk(sitthi).affected(DPO, question)
    assert (found.people, found.entries, found.attributes, found.unreadable) == (set(people), 3, {"birth_date": 3}, 0)
    assert (await desk(sitthi).affected(DPO, Question(since, since, agency="dla"))).entries == 0
    assert (await desk(sitthi).affected(DPO, Question(since, sitthi.clock.now(), agency="slf"))).entries == 0
    assert (await desk(sitthi).affected(DPO, Question(since, sitthi.clock.now(), asker="pay"))).entries == 3


async def test_who_has_left_is_counted_as_unreadable(sitthi: Served) -> None:
    since = sitthi.clock.now()
    await lived(sitthi, applies=False)
    await left(sitthi)
    await ran(sitthi)
    sitthi.clock.advance(timedelta(minutes=1))
    found = await desk(sitthi).affected(DPO, Question(since, sitthi.clock.now()))
    assert found.unreadable > 0
