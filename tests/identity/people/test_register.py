import asyncio
import os

import pytest
from sqlalchemy import select, text

from core.clock import FixedClock
from core.crypto import KeyRing, SealBroken
from core.database import Database
from core.errors import NotFound
from core.ids import NationalId, check_digit, new_id
from identity.people import PeopleRegister
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
