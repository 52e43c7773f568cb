"""Sealed columns say what they are bound to; people's data keys seal what never changes."""

from __future__ import annotations

import asyncio
import os
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Column, LargeBinary, MetaData, String, Table, Uuid, delete, func, select
from sqlmodel import col

from core.crypto import KeyRing, SealBroken
from core.database import Database
from core.envelope import DataKey, SubjectKeys
from core.ids import new_id
from core.models import SubjectKey
from core.sealed import Binding, bound_to, sealed, sealed_columns
from identity.people.models import Person

RING = KeyRing("k1", {"k1": os.urandom(32)}, os.urandom(32))
KEY = UUID(int=1)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ((KEY,), "table.column:" + "0" * 31 + "1"),
        (("word",), "table.column:word"),
        ((b"\x00\xff",), "table.column:00ff"),
        ((7,), "table.column:7"),
    ],
)
def test_a_seal_is_bound_to_label_and_key(key: tuple[Any, ...], words: str) -> None:
    assert Binding("table.column", ("id",)).of(*key) == words


def test_a_key_of_several_columns_is_bound_in_their_order() -> None:
    binding = Binding("contact.value", ("person", "kind"))
    assert (
        binding.of_row({"kind": "EMAIL", "person": KEY}) == binding.of(KEY, "EMAIL") == f"contact.value:{KEY.hex}:EMAIL"
    )


@pytest.mark.parametrize("key", [(), (KEY, KEY), ("a:b",), ("",)])
def test_a_key_that_could_be_anothers_is_refused(key: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"table\.column is bound|without a colon"):
        Binding("table.column", ("id",)).of(*key)


def test_a_room_seals_by_the_words_of_its_model() -> None:
    assert bound_to(Person.national_id_sealed, KEY) == f"person.national_id:{KEY.hex}"
    with pytest.raises(TypeError, match="does not say"):
        bound_to(Person.national_id_index, KEY)


def test_every_declared_column_is_found() -> None:
    metadata = MetaData()
    info = sealed("a.b", by="id").sa_column_kwargs["info"]
    Table("a", metadata, Column("id", Uuid), Column("b_sealed", LargeBinary, info=info), Column("c", String))
    [found] = sealed_columns(metadata)
    assert (found.name, found.binding) == ("a.b_sealed", Binding("a.b", ("id",)))


def test_a_data_key_opens_its_own_seals_for_the_same_row_alone() -> None:
    one, two = DataKey(os.urandom(32)), DataKey(os.urandom(32))
    made = one.seal(b"plain", bound_to="r")
    assert one.open(made, bound_to="r") == b"plain"
    for key, words in ((one, "s"), (two, "r")):
        with pytest.raises(SealBroken):
            key.open(made, bound_to=words)
    for cut in range(len(made)):
        with pytest.raises(SealBroken):
            one.open(made[:cut], bound_to="r")


async def made_for(database: Database, person: UUID) -> bytes:
    async with database.write() as session:
        return (await SubjectKeys(RING).for_sealing(session, person)).seal(b"plain", bound_to="r")


async def test_of_many_transactions_at_once_all_seal_under_one_key(database: Database) -> None:
    person = new_id()
    made = await asyncio.gather(*(made_for(database, person) for _ in range(16)))
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(SubjectKey)) == 1
        for one in made:
            assert await SubjectKeys(RING).open(session, person, one, bound_to="r") == b"plain"


async def test_anothers_data_key_does_not_open(database: Database) -> None:
    person, other = new_id(), new_id()
    made = await made_for(database, person)
    await made_for(database, other)
    async with database.read() as session:
        with pytest.raises(SealBroken):
            await SubjectKeys(RING).open(session, other, made, bound_to="r")


async def test_a_data_key_put_into_anothers_row_does_not_open(database: Database) -> None:
    person, other = new_id(), new_id()
    made = await made_for(database, person)
    await made_for(database, other)
    async with database.write() as session:
        rows = {row.person: row for row in await session.scalars(select(SubjectKey))}
        rows[other].key_sealed = rows[person].key_sealed
    async with database.read() as session:
        with pytest.raises(SealBroken):
            await SubjectKeys(RING).open(session, other, made, bound_to="r")


async def test_what_a_destroyed_key_sealed_is_gone(database: Database) -> None:
    person = new_id()
    made = await made_for(database, person)
    async with database.write() as session:
        await session.execute(delete(SubjectKey).where(col(SubjectKey.person) == person))
    await made_for(database, person)  # a later key is another
    async with database.read() as session:
        with pytest.raises(SealBroken):
            await SubjectKeys(RING).open(session, person, made, bound_to="r")


async def test_a_key_is_gone_with_the_transaction_that_made_it(database: Database) -> None:
    async with database.write() as session:
        await SubjectKeys(RING).for_sealing(session, new_id())
        await session.rollback()
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(SubjectKey)) == 0


async def test_a_row_sealed_before_there_were_data_keys_still_opens(database: Database) -> None:
    old = RING.seal(b"plain", bound_to="r")
    async with database.read() as session:
        assert await SubjectKeys(RING).open(session, new_id(), old, bound_to="r") == b"plain"
