"""Whoever owns the tables can change what no hash covers; who opens the records with the keys finds each of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete
from sqlmodel import col

from core.clock import FixedClock
from core.database import Database
from core.envelope import SubjectKeys
from core.ids import new_id
from core.models import SubjectKey
from core.text import Text
from services.exchange.access_log.contents import Contents, verify_contents
from services.exchange.access_log.disclosure import HOUSEHOLD
from services.exchange.access_log.households import PURPOSE
from services.exchange.access_log.log import AccessLog, Draft, Result
from services.exchange.facts import OWN_VIEW, Asker, AskerKind, Basis, Purpose
from services.exchange.privacy.states import Step
from services.exchange.privacy.trail import Trail, key_destroyed_at
from tests.services.exchange.fakes import KEYS
from tests.services.exchange.proofs.test_investigations import CLASSES
from tests.services.exchange.proofs.test_verify import Owner

INQUIRY = Purpose("inquiry", Basis.PUBLIC_TASK, Text(th="ไต่สวน", en="An inquiry"))
OFFICER = Asker(AskerKind.OFFICER, "an officer", "rd", Text(th="เจ้าหน้าที่", en="An officer"))

Verified = Callable[[], Awaitable[Contents]]


class People:
    """Two citizens, each with two decisions and what came of them."""

    def __init__(self, database: Database, clock: FixedClock) -> None:
        self._database, self._clock = database, clock
        self.log = AccessLog(database, clock, KEYS, CLASSES)
        self.one, self.other = sorted((new_id(), new_id()))

    async def look(self, person: UUID, purpose: Purpose = OWN_VIEW) -> UUID:
        [entry] = await self.log.decide([Draft(person, frozenset({"name"}), OFFICER, purpose)])
        self._clock.advance(timedelta(seconds=1))
        await self.log.conclude([Result(entry, {"name": "FRESH"})])
        self._clock.advance(timedelta(seconds=1))
        return entry.id

    async def erase(self, person: UUID) -> None:
        async with self._database.write() as session:
            await session.execute(delete(SubjectKey).where(col(SubjectKey.person) == person))
            trail = Trail(self._clock)
            await trail.note(session, Step.KEY_DESTROYED, person=person, subject=new_id(), by="job")


@pytest.fixture
async def people(database: Database, clock: FixedClock) -> People:
    made = People(database, clock)
    for person in (made.one, made.other):
        await made.look(person)
        await made.look(person, INQUIRY)
    return made


@pytest.fixture
def owner(database: Database) -> Owner:
    return Owner(database)


@pytest.fixture
def verified(database: Database) -> Verified:
    return lambda: verify_contents(database, SubjectKeys(KEYS), key_destroyed_at)


def told(contents: Contents) -> Sequence[str]:
    return sorted({one.sentence.split("yet, ")[-1] for one in contents.findings})


def key(database: Database, one: UUID) -> object:
    return one.hex if database.is_sqlite else one


async def test_what_nobody_changed_is_sound(people: People, verified: Verified) -> None:
    assert await verified() == Contents(opened=8, erased=0, findings=[])


async def test_what_a_household_caused_is_sound_too(people: People, verified: Verified) -> None:
    draft = Draft(people.one, frozenset({"name"}), OFFICER, PURPOSE, disclosure=HOUSEHOLD)
    [entry] = await people.log.decide([draft])
    await people.log.conclude([Result(entry, {"name": "FRESH"})])
    assert await verified() == Contents(opened=10, erased=0, findings=[])


async def test_a_person_who_was_erased_is_told_as_erased(people: People, verified: Verified) -> None:
    await people.erase(people.one)
    assert await verified() == Contents(opened=4, erased=4, findings=[])


async def test_who_was_erased_and_came_back_is_no_fault(people: People, verified: Verified) -> None:
    await people.erase(people.one)
    await people.look(people.one)
    assert await verified() == Contents(opened=6, erased=4, findings=[])


async def test_a_key_that_is_gone_without_an_erasure_is_found(
    people: People, database: Database, verified: Verified
) -> None:
    async with database.write() as session:
        await session.execute(delete(SubjectKey).where(col(SubjectKey.person) == people.one))
    found = await verified()
    assert told(found) == ["cannot be opened: its person's key is gone, and no erasure tells why"]
    assert (found.opened, found.erased, len(found.findings)) == (4, 0, 4)


@pytest.mark.parametrize("which", ["the oldest", "all"])
async def test_a_broken_seal_of_somebody_who_was_never_erased_is_found(
    people: People, owner: Owner, verified: Verified, database: Database, which: str
) -> None:
    """However old the record is: nothing that opens stands before it."""
    of_one = "UPDATE access_record SET payload_sealed = :junk WHERE subject = :person"
    if which == "the oldest":
        of_one += " AND id = (SELECT id FROM access_record WHERE subject = :person ORDER BY id LIMIT 1)"
    await owner.does(of_one, junk=b"\x03" + bytes(200), person=key(database, people.one))
    found = await verified()
    assert told(found) == ["is sealed with what is not its person's key"]
    assert len(found.findings) == (1 if which == "the oldest" else 4)


async def test_a_broken_seal_from_after_an_erasure_is_found(
    people: People, owner: Owner, verified: Verified, database: Database, clock: FixedClock
) -> None:
    await people.erase(people.one)
    clock.advance(timedelta(hours=1))
    entry = await people.look(people.one)
    broken = "UPDATE access_record SET payload_sealed = :junk WHERE id = :id"
    await owner.does(broken, junk=b"\x03" + bytes(200), id=key(database, entry))
    found = await verified()
    assert (told(found), found.erased) == (["is sealed with what is not its person's key"], 4)


async def test_records_that_were_given_to_somebody_else_with_their_leaves_are_found(
    people: People, owner: Owner, verified: Verified, database: Database
) -> None:
    """A leaf does not name its subject: only the seal does."""
    given = "UPDATE access_record SET subject = :other WHERE subject = :person"
    await owner.does(given, person=key(database, people.one), other=key(database, new_id()))
    assert told(await verified()) == ["cannot be opened: its person's key is gone, and no erasure tells why"]


async def test_a_decision_that_is_hidden_as_if_it_were_an_outcome_is_found(
    people: People, owner: Owner, verified: Verified, database: Database
) -> None:
    """A list of decisions would pass it over."""
    hidden = "UPDATE access_record SET entry = :of WHERE subject = :person AND id = entry AND disclosed_from IS NULL"
    await owner.does(hidden, of=key(database, new_id()), person=key(database, people.one))
    assert told(await verified()) == ["belongs to another person or decision than it says"]


@pytest.mark.parametrize(("what", "count"), [("id = entry", 4), ("id <> entry", 2)])
async def test_a_record_that_is_shown_never_or_too_early_is_found(
    people: People, owner: Owner, verified: Verified, database: Database, clock: FixedClock, what: str, count: int
) -> None:
    """A decision that was changed differs from its document, and its outcome from it; an outcome from its decision."""
    day = clock.now() + timedelta(days=9_000)
    later = day.replace(tzinfo=None).isoformat(" ", "microseconds") if database.is_sqlite else day
    put_off = f"UPDATE access_record SET disclosed_from = :later WHERE disclosed_from IS NULL AND {what}"  # noqa: S608 - ours
    early = f"UPDATE access_record SET disclosed_from = NULL WHERE subject = :person AND {what}"  # noqa: S608 - ours
    await owner.does(put_off, early, later=later, person=key(database, people.one))
    found = await verified()
    assert len(found.findings) == count, told(found)
    assert {one.code for one in found.findings} == {"CONTENT_CHANGED"}
