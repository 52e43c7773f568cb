"""Sealing rows anew under another key, beside those who read and write them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import OperationalError
from sqlmodel import col

from core import resealing, rotation
from core.clock import FixedClock
from core.crypto import KeyRing, SealBroken, seal_prefix
from core.database import Database
from core.envelope import SubjectKeys
from core.ids import new_id
from core.key_document import KeyFile
from core.resealing import Resealed, count, declared, reseal
from core.rotation import KeyInUse, KeyUnknown, Rotation
from core.sealed import SealedColumn, bound_to
from core.settings import Settings
from identity.people.models import Person
from tests.conftest import NOW
from tests.core.test_crypto import RING, first_format

OLD = KeyRing("k1", RING.keys, RING.index_key)
COLUMNS = {column.name: column for column in declared()}
PEOPLE = COLUMNS["person.national_id_sealed"]
COMMENTS = COLUMNS["rating.comment_sealed"]


def silent(_: str, __: Resealed) -> None:
    return None


def plain_of(person: UUID) -> bytes:
    return person.bytes[:13]


async def add_people(db: Database, clock: FixedClock, ring: KeyRing, number: int) -> list[UUID]:
    people = [new_id() for _ in range(number)]
    rows = [
        {
            "id": person,
            "national_id_index": person.bytes,
            "national_id_sealed": ring.seal(plain_of(person), bound_to=bound_to(Person.national_id_sealed, person)),
            "created_at": clock.now(),
        }
        for person in people
    ]
    if rows:
        async with db.write() as session:
            await session.execute(insert(Person), rows)
    return people


async def add_alone(db: Database, column: SealedColumn, row: dict[str, object]) -> None:
    """A row without those it refers to."""
    async with db.engine.connect() as connection:
        raw: Any = (await connection.get_raw_connection()).driver_connection
        if db.is_sqlite:  # outside any transaction, or SQLite does not listen
            await raw.execute("PRAGMA foreign_keys = OFF")
        else:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(insert(column.table), row)
        await connection.commit()
        if db.is_sqlite:
            await raw.execute("PRAGMA foreign_keys = ON")


async def seals(db: Database) -> dict[UUID, bytes]:
    async with db.read() as session:
        query = select(col(Person.id), col(Person.national_id_sealed))
        return dict((await session.execute(query)).tuples().all())


def opens(ring: KeyRing, found: dict[UUID, bytes]) -> bool:
    return all(
        ring.open(seal, bound_to=bound_to(Person.national_id_sealed, person)) == plain_of(person)
        for person, seal in found.items()
    )


async def of_people(db: Database, ring: KeyRing) -> Resealed:
    return (await reseal(db, ring, [PEOPLE], silent))[PEOPLE.name]


@pytest.mark.parametrize("number", [0, 1, 3, 6, 7])
async def test_every_row_is_sealed_anew_and_says_the_same(
    database: Database, clock: FixedClock, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "BATCH", 3)
    people = await add_people(database, clock, OLD, number)
    assert await of_people(database, RING) == Resealed(rows=number)
    found = await seals(database)
    assert set(found) == set(people)
    assert all(seal.startswith(seal_prefix("k2")) for seal in found.values())
    assert opens(RING, found)


async def test_what_is_sealed_as_it_should_be_stays_as_it_is(database: Database, clock: FixedClock) -> None:
    await add_people(database, clock, RING, 5)
    before = await seals(database)
    assert await of_people(database, RING) == Resealed()
    assert await seals(database) == before


async def test_a_seal_of_the_first_format_is_made_anew_by_its_own_key(database: Database, clock: FixedClock) -> None:
    [person] = await add_people(database, clock, RING, 1)
    old = first_format("k2", plain_of(person), bound_to(Person.national_id_sealed, person))
    async with database.write() as session:
        await session.execute(update(Person).values(national_id_sealed=old))
    assert (await count(database, PEOPLE, ["k2"])).by_key == {"k2": 1}
    assert await of_people(database, RING) == Resealed(rows=1)
    assert opens(RING, await seals(database))


async def test_an_empty_column_is_nothing_to_seal(database: Database) -> None:
    row: dict[str, object] = {"person": new_id(), "receipt": new_id(), "score": 5, "rated_at": NOW}
    await add_alone(database, COMMENTS, {**row, "comment_sealed": None})
    assert await reseal(database, RING, [COMMENTS], silent) == {COMMENTS.name: Resealed()}
    found = await count(database, COMMENTS, ["k1", "k2"])
    assert (found.by_key, found.other) == ({"k1": 0, "k2": 0}, 0)


async def test_a_row_that_no_key_opens_stays_and_stops_nobody(database: Database, clock: FixedClock) -> None:
    people = await add_people(database, clock, OLD, 4)
    lost = KeyRing("lost", {"lost": os.urandom(32)}, os.urandom(32)).seal(b"x", bound_to="r")
    for person, seal in ((people[0], lost), (people[2], b""), (people[3], b"\x02\x02k1" + os.urandom(60))):
        async with database.write() as session:
            query = update(Person).where(col(Person.id) == person).values(national_id_sealed=seal)
            await session.execute(query)
    assert await of_people(database, RING) == Resealed(rows=1, broken=3)
    found = await seals(database)
    assert (found[people[0]], found[people[2]]) == (lost, b"")
    counted = await count(database, PEOPLE, ["k1", "k2"])
    assert (counted.by_key, counted.other) == ({"k1": 1, "k2": 1}, 1)


async def test_a_key_id_that_begins_like_another_is_not_taken_for_it(database: Database, clock: FixedClock) -> None:
    keys = {"k1": os.urandom(32), "k11": os.urandom(32)}
    await add_people(database, clock, KeyRing("k11", keys, os.urandom(32)), 3)
    assert (await count(database, PEOPLE, ["k1", "k11"])).by_key == {"k1": 0, "k11": 3}
    assert (await of_people(database, KeyRing("k1", keys, os.urandom(32)))).rows == 3


async def test_a_table_whose_key_has_two_columns_is_gone_through_to_its_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "BATCH", 2)
    column, people = COLUMNS["correction.statement_sealed"], [new_id() for _ in range(3)]
    rows = [
        {
            "person": person, "id": key, "attribute": f"attribute {turn}", "steward": "dopa", "status": "OPEN",
            "statement_sealed": OLD.seal(key.bytes, bound_to=column.binding.of(key)), "created_at": NOW,
        }
        for person in people
        for turn, key in enumerate([new_id() for _ in range(5)])
    ]  # fmt: skip
    async with database.write() as session:
        await session.execute(insert(column.table), rows)
    assert await reseal(database, RING, [column], silent) == {column.name: Resealed(rows=15)}
    async with database.read() as session:
        for row in (await session.execute(select(column.table))).mappings():
            assert RING.open(row["statement_sealed"], bound_to=column.binding.of_row(dict(row))) == row["id"].bytes


async def test_two_at_once_do_each_row_once_between_them(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "BATCH", 7)
    await add_people(database, clock, OLD, 100)
    done = await asyncio.gather(*(of_people(database, RING) for _ in range(3)))
    assert sum(one.rows for one in done) == 100
    assert all(one.done and not one.broken for one in done)
    assert opens(RING, await seals(database))


async def test_what_others_write_meanwhile_is_never_lost(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writers still seal under the old key at first, and replace rows that are just being sealed anew."""
    monkeypatch.setattr(resealing, "BATCH", 5)
    people = await add_people(database, clock, OLD, 60)
    latest: dict[UUID, bytes] = {}

    async def write(some: Sequence[UUID]) -> None:
        for turn, person in enumerate(some):
            words = os.urandom(13)
            ring = OLD if turn < len(some) // 2 else RING
            seal = ring.seal(words, bound_to=bound_to(Person.national_id_sealed, person))
            async with database.write() as session:
                query = update(Person).where(col(Person.id) == person).values(national_id_sealed=seal)
                await session.execute(query)
                latest[person] = words

    await asyncio.gather(of_people(database, RING), *(write(people[at::4]) for at in range(4)))
    await of_people(database, RING)
    found = await seals(database)
    assert all(seal.startswith(seal_prefix("k2")) for seal in found.values())
    for person, words in latest.items():
        assert RING.open(found[person], bound_to=bound_to(Person.national_id_sealed, person)) == words


@pytest.mark.postgres_only
async def test_a_row_that_somebody_holds_is_waited_for_and_the_others_are_not(
    database: Database, clock: FixedClock
) -> None:
    people = await add_people(database, clock, OLD, 10)
    held, free = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with database.write() as session:
            query = select(Person).where(col(Person.id) == people[0]).with_for_update()
            await session.execute(query)
            held.set()
            await free.wait()

    holding = asyncio.create_task(hold())
    await held.wait()
    working = asyncio.create_task(of_people(database, RING))
    while sum(seal.startswith(seal_prefix("k2")) for seal in (await seals(database)).values()) < 9:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert not working.done()
    free.set()
    assert (await working).rows == 10
    await holding


async def test_a_writer_that_never_learns_of_the_new_key_is_told_of(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "PASSES_MAX", 3)
    await add_people(database, clock, OLD, 1)
    sealed_anew = resealing._reseal_rows

    async def and_another(db: Database, keys: KeyRing, column: SealedColumn, wanted: Sequence[tuple[object, ...]]):  # type: ignore[no-untyped-def]
        tally = await sealed_anew(db, keys, column, wanted)
        [person] = await seals(db)
        seal = OLD.seal(b"x", bound_to=bound_to(Person.national_id_sealed, person))
        async with db.write() as session:
            await session.execute(update(Person).values(national_id_sealed=seal))
        return tally

    monkeypatch.setattr(resealing, "_reseal_rows", and_another)
    monkeypatch.setattr(resealing, "BATCH", 1)
    assert not (await of_people(database, RING)).done


class Followed:
    """A file of keys, a ring of a server over it, and the rotation that a command would do."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.file = KeyFile(folder / "secrets.json", strict=False)
        self.file.make_if_missing()
        self.server, self.mine = self.ring(), self.ring()
        self.rotation = Rotation(database, self.mine, self.file, settle_seconds=0)

    def ring(self) -> KeyRing:
        file = KeyFile(self.file.path, strict=False)
        held = file.read()
        return KeyRing(held.current, held.keys, held.index, file=file)


@pytest.fixture
def followed(database: Database, tmp_path: Path) -> Followed:
    return Followed(database, tmp_path)


async def test_a_rotation_seals_everything_under_a_new_key_and_the_old_one_retires(
    followed: Followed, database: Database, clock: FixedClock
) -> None:
    await add_people(database, clock, followed.server, 5)
    person = new_id()
    async with database.write() as session:
        record = (await SubjectKeys(followed.server).for_sealing(session, person)).seal(b"never changes", bound_to="r")
    with pytest.raises(KeyInUse):
        await followed.rotation.retire("k1")
    rotated = await followed.rotation.rotate(silent)
    assert (rotated.current, rotated.resumed, rotated.done) == ("k2", False, True)
    assert rotated.columns["person.national_id_sealed"].rows == 5
    assert rotated.columns["subject_key.key_sealed"].rows == 1
    assert "decision.record_sealed" not in rotated.columns
    await followed.rotation.retire("k1")
    assert set(followed.file.read().keys) == {"k2"}
    followed.server.refresh()
    assert opens(followed.server, await seals(database))
    async with database.read() as session:
        assert await SubjectKeys(followed.server).open(session, person, record, bound_to="r") == b"never changes"


@pytest.mark.parametrize("step", ["announced", "switched", "half way"])
async def test_a_rotation_that_was_cut_off_is_taken_up_and_makes_no_second_key(
    followed: Followed, database: Database, clock: FixedClock, step: str
) -> None:
    await add_people(database, clock, followed.server, 5)
    document = followed.file.read().with_next()
    followed.file.replace(document)
    if step != "announced":
        followed.file.replace(document.with_next_current())
    if step == "half way":
        followed.mine.refresh()
        await resealing._reseal_rows(
            database, followed.mine, PEOPLE, [(one,) for one in list(await seals(database))[:2]]
        )
    rotated = await followed.rotation.rotate(silent)
    assert (rotated.current, rotated.resumed) == ("k2", True)
    assert rotated.columns["person.national_id_sealed"].rows == (3 if step == "half way" else 5)
    after = followed.file.read()
    assert (set(after.keys), after.current, after.next, after.resealing) == ({"k1", "k2"}, "k2", None, False)
    assert not (await followed.rotation.rotate(silent)).resumed


async def test_a_rotation_that_did_not_reach_every_row_is_not_over(
    followed: Followed, database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_people(database, clock, followed.server, 1)
    monkeypatch.setattr(resealing, "PASSES_MAX", 0)
    assert not (await followed.rotation.rotate(silent)).done
    monkeypatch.undo()
    again = await followed.rotation.rotate(silent)
    assert (again.current, again.resumed, again.done) == ("k2", True, True)


@pytest.mark.parametrize("key", ["k1", "k2"])
async def test_a_key_in_use_or_about_to_be_does_not_retire(followed: Followed, key: str) -> None:
    followed.file.replace(followed.file.read().with_next())
    with pytest.raises(KeyInUse, match="it is the one that is used"):
        await followed.rotation.retire(key)
    with pytest.raises(KeyUnknown, match="k1, k2"):
        await followed.rotation.retire("k3")


async def test_a_key_comes_back_when_a_row_was_sealed_under_it_while_it_went(
    followed: Followed, database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = KeyRing("k1", followed.server.keys, followed.server.index_key)
    await followed.rotation.rotate(silent)

    async def sealing_meanwhile() -> None:
        if "k1" not in followed.file.read().keys:
            await add_people(database, clock, late, 2)

    monkeypatch.setattr(followed.rotation, "_settle", sealing_meanwhile)
    with pytest.raises(KeyInUse, match=r"person\.national_id_sealed \(2\)"):
        await followed.rotation.retire("k1")
    followed.server.refresh()
    assert opens(followed.server, await seals(database))


async def test_a_key_under_which_somebody_seals_until_it_is_to_go_never_leaves_the_file(
    followed: Followed, database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or whoever is killed then has lost it."""
    late = KeyRing("k1", followed.server.keys, followed.server.index_key)
    await followed.rotation.rotate(silent)
    held: list[set[str]] = []

    async def sealing_meanwhile() -> None:
        held.append(set(followed.file.read().keys))
        await add_people(database, clock, late, 2)

    monkeypatch.setattr(followed.rotation, "_settle", sealing_meanwhile)
    with pytest.raises(KeyInUse, match=r"person\.national_id_sealed \(2\)"):
        await followed.rotation.retire("k1")
    assert held == [{"k1", "k2"}]


async def test_a_row_that_was_sealed_long_before_it_is_committed_keeps_its_key(
    followed: Followed, database: Database, clock: FixedClock
) -> None:
    late = KeyRing("k1", followed.server.keys, followed.server.index_key)
    await followed.rotation.rotate(silent)
    person, written, go_on = new_id(), asyncio.Event(), asyncio.Event()

    async def write_slowly() -> None:
        seal = late.seal(plain_of(person), bound_to=bound_to(Person.national_id_sealed, person))
        async with database.write() as session:
            row = {"id": person, "national_id_index": b"i", "national_id_sealed": seal, "created_at": clock.now()}
            await session.execute(insert(Person).values(row))
            written.set()
            await go_on.wait()

    writing = asyncio.create_task(write_slowly())
    await written.wait()
    retiring = asyncio.create_task(followed.rotation.retire("k1"))
    await asyncio.wait([retiring], timeout=2)
    go_on.set()
    await writing
    with pytest.raises(KeyInUse, match=r"person\.national_id_sealed \(1\)"):
        await retiring
    assert set(followed.file.read().keys) == {"k1", "k2"}


@pytest.mark.postgres_only
async def test_a_writer_that_does_not_end_keeps_the_key(
    followed: Followed, database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await followed.rotation.rotate(silent)
    monkeypatch.setattr(rotation, "WRITERS_SECONDS_MAX", 0.2)
    async with database.write() as session:
        await session.execute(update(Person).values(created_at=clock.now()))
        await session.execute(text("SELECT pg_current_xact_id()"))
        with pytest.raises(KeyInUse, match="still writing"):
            await followed.rotation.retire("k1")
    assert set(followed.file.read().keys) == {"k1", "k2"}


async def test_a_decision_sealed_before_there_were_data_keys_holds_its_key(
    followed: Followed, database: Database
) -> None:
    """It can never be sealed anew, so the key under it stays: better than a decision that nobody can read."""
    column = COLUMNS["decision.record_sealed"]
    seal = followed.server.seal(b"x", bound_to="r")
    await followed.rotation.rotate(silent)
    row: dict[str, object] = {
        "person": new_id(), "id": new_id(), "application": new_id(), "sequence": 1, "outcome": "GRANTED", "at": NOW,
        "record_sealed": seal, "reasons": [],
    }  # fmt: skip
    await add_alone(database, column, row)
    with pytest.raises(KeyInUse, match="decision"):
        await followed.rotation.retire("k1")


@pytest.mark.sqlite_only
async def test_a_database_that_is_not_there_yet_costs_no_key(followed: Followed, tmp_path: Path) -> None:
    empty = Database(Settings(database_url=f"sqlite:///{tmp_path / 'empty.sqlite'}").sqlalchemy_url)
    with pytest.raises(OperationalError):
        await Rotation(empty, followed.mine, followed.file, settle_seconds=0).rotate(silent)
    await empty.close()
    assert set(followed.file.read().keys) == {"k1"}


async def test_a_lost_key_says_so(database: Database, clock: FixedClock) -> None:
    await add_people(database, clock, OLD, 2)
    alone = KeyRing("k2", {"k2": RING.keys["k2"]}, RING.index_key)
    assert await of_people(database, alone) == Resealed(broken=2)
    for person, seal in (await seals(database)).items():
        with pytest.raises(SealBroken):
            alone.open(seal, bound_to=bound_to(Person.national_id_sealed, person))
