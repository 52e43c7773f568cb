import asyncio
import os
from uuid import UUID

import pytest
from sqlalchemy import select, text

from core.clock import FixedClock
from core.crypto import KeyRing, SealBroken
from core.database import Database
from core.errors import NotFound
from core.ids import NationalId, check_digit, new_id
from identity.people import PeopleRegister
from identity.people.errors import NationalIdTaken, SameNationalId
from identity.people.models import Person

KEYS = KeyRing("k1", {"k1": os.urandom(32)}, os.urandom(32))


def national_id(number: int) -> NationalId:
    first = f"{100_000_000_000 + number:012d}"
    return NationalId(first + str(check_digit(first)))


@pytest.fixture
def register(clock: FixedClock) -> PeopleRegister:
    return PeopleRegister(KEYS, clock)


async def test_a_person_keeps_one_key_and_is_revealed_again(database: Database, register: PeopleRegister) -> None:
    async with database.write() as session:
        first = await register.resolve(session, [national_id(1), national_id(2)])
    async with database.write() as session:
        again = await register.resolve(session, [national_id(2), national_id(3)])
        revealed = await register.reveal(session, again[national_id(3).digits])
    assert len(first) == len(again) == 2
    assert first[national_id(2).digits] == again[national_id(2).digits]
    assert revealed == national_id(3)


async def test_thirty_at_once_agree_on_one_key(database: Database, register: PeopleRegister) -> None:
    async def enter() -> object:
        async with database.write() as session:
            return (await register.resolve(session, [national_id(n) for n in range(5)]))[national_id(3).digits]

    keys = await asyncio.gather(*(enter() for _ in range(30)))
    assert len(set(keys)) == 1
    async with database.read() as session:
        assert len((await session.scalars(select(Person))).all()) == 5


async def test_an_unknown_person_is_not_found(database: Database, register: PeopleRegister) -> None:
    async with database.read() as session:
        assert await register.find(session, national_id(9)) is None
        with pytest.raises(NotFound):
            await register.reveal(session, new_id())


async def test_of_some_keys_those_are_told_that_are_somebodys_now(database: Database, register: PeopleRegister) -> None:
    async with database.write() as session:
        known = set((await register.resolve(session, [national_id(1), national_id(2)])).values())
    async with database.read() as session:
        assert await register.there(session, [*known, new_id()]) == known
        assert await register.there(session, []) == frozenset()


async def test_a_sealed_id_moved_to_another_row_does_not_open(database: Database, register: PeopleRegister) -> None:
    async with database.write() as session:
        keys = await register.resolve(session, [national_id(1), national_id(2)])
        rows = {p.id: p for p in await session.scalars(select(Person))}
        mine, theirs = (rows[keys[national_id(n).digits]] for n in (1, 2))
        mine.national_id_sealed, theirs.national_id_sealed = theirs.national_id_sealed, mine.national_id_sealed
    async with database.read() as session:
        with pytest.raises(SealBroken):
            await register.reveal(session, mine.id)


async def test_the_table_holds_no_readable_id(database: Database, register: PeopleRegister) -> None:
    async with database.write() as session:
        await register.resolve(session, [national_id(1)])
        row = (await session.execute(text("SELECT * FROM person"))).one()
    assert national_id(1).digits.encode() not in b"".join(
        str(v).encode() + (v if isinstance(v, bytes) else b"") for v in row
    )


async def entered(database: Database, register: PeopleRegister, *numbers: int) -> list[UUID]:
    async with database.write() as session:
        known = await register.resolve(session, [national_id(n) for n in numbers])
    return [known[national_id(n).digits] for n in numbers]


async def corrected(database: Database, register: PeopleRegister, person: UUID, number: int) -> None:
    async with database.write() as session:
        await register.correct(session, person, national_id(number), by="proposal: x")


async def test_a_corrected_number_keeps_the_account(database: Database, register: PeopleRegister) -> None:
    [person] = await entered(database, register, 1)
    await corrected(database, register, person, 2)
    async with database.read() as session:
        assert await register.find(session, national_id(2)) == person
        assert await register.reveal(session, person) == national_id(2)
        assert await register.former(session, person) == [national_id(1)]


async def test_a_former_number_leads_to_nobody_and_its_holder_gets_an_account(
    database: Database, register: PeopleRegister
) -> None:
    [person] = await entered(database, register, 1)
    await corrected(database, register, person, 2)
    async with database.read() as session:
        assert await register.find(session, national_id(1)) is None
    [other] = await entered(database, register, 1)
    assert other != person
    await corrected(database, register, other, 3)
    async with database.read() as session:
        assert await register.former(session, other) == [national_id(1)]


async def test_a_number_can_be_corrected_twice(database: Database, register: PeopleRegister) -> None:
    [person] = await entered(database, register, 1)
    await corrected(database, register, person, 2)
    await corrected(database, register, person, 1)
    async with database.read() as session:
        assert await register.former(session, person) == [national_id(1), national_id(2)]
        assert await register.find(session, national_id(1)) == person


async def test_a_number_with_an_account_is_not_anothers(database: Database, register: PeopleRegister) -> None:
    person, other = await entered(database, register, 1, 2)
    with pytest.raises(NationalIdTaken) as caught:
        await corrected(database, register, person, 2)
    assert caught.value.fields == {}
    async with database.read() as session:
        assert await register.find(session, national_id(1)) == person
        assert await register.find(session, national_id(2)) == other
        assert await register.former(session, person) == []


async def test_the_same_number_is_no_correction(database: Database, register: PeopleRegister) -> None:
    [person] = await entered(database, register, 1)
    with pytest.raises(SameNationalId):
        await corrected(database, register, person, 1)


async def test_nobodys_number_is_not_corrected(database: Database, register: PeopleRegister) -> None:
    with pytest.raises(NotFound):
        await corrected(database, register, new_id(), 1)


async def test_of_two_corrections_to_one_number_one_wins(database: Database, register: PeopleRegister) -> None:
    people = await entered(database, register, *range(10))
    outcomes = await asyncio.gather(
        *(corrected(database, register, person, 99) for person in people), return_exceptions=True
    )
    assert [type(one) for one in outcomes if one is not None] == [NationalIdTaken] * 9
    async with database.read() as session:
        assert await register.find(session, national_id(99)) == people[outcomes.index(None)]


async def test_who_comes_just_when_their_number_is_given_to_another_does_not_become_them(
    database: Database, register: PeopleRegister
) -> None:
    """Whichever is first: the number leads to one account, and the correction either holds or was refused whole."""
    [person] = await entered(database, register, 1)
    refused, found = await asyncio.gather(
        corrected(database, register, person, 2), entered(database, register, 2), return_exceptions=True
    )
    async with database.read() as session:
        holder = await register.find(session, national_id(2))
    assert isinstance(found, list)
    assert found == [holder]
    assert (holder == person) is (refused is None)


async def test_a_former_number_is_sealed_to_its_row(database: Database, register: PeopleRegister) -> None:
    [person] = await entered(database, register, 1)
    await corrected(database, register, person, 2)
    async with database.write() as session:
        row = (await session.execute(text("SELECT * FROM former_national_id"))).one()
        assert national_id(1).digits.encode() not in b"".join(
            str(v).encode() + (v if isinstance(v, bytes) else b"") for v in row
        )
        await session.execute(text("UPDATE former_national_id SET id = :id"), {"id": new_id().hex})
    with pytest.raises(SealBroken):
        async with database.read() as session:
            await register.former(session, person)
