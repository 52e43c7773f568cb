"""Whoever owns the tables can do all of this; whoever verifies the log finds each of it, and where it begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import pytest
from sqlalchemy import Connection, text

from core.attestation.service import Attestor
from core.database import Database
from services.exchange.access_log.verify import Report, verify_log
from services.exchange.access_log.walking import CHUNK
from tests.support.log_tree import grow, leaf_of, make_anew, record_of

SIZE = 700
HEADS = (1, 255, 256, 257, 300, 512, 699)
GUARDED = ("access_record", "log_leaf", "log_head")


@pytest.fixture
async def heads(database: Database, attestor: Attestor) -> list[str]:
    return await grow(database, attestor, SIZE, HEADS)


class Owner:
    """Whoever owns the tables: drops what guards them, and writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def does(self, *statements: str, **values: object) -> None:
        def work(connection: Connection) -> None:
            for table in GUARDED:
                for guard in ("update", "delete", "replace") if self._database.is_sqlite else ("change", "truncate"):
                    on = "" if self._database.is_sqlite else f" ON {table}"
                    connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_refuses_{guard}{on}"))
            for statement in statements:
                used = {name: value for name, value in values.items() if f":{name}" in statement}
                connection.execute(text(statement), used)

        await self._database.transaction(work)

    def key(self, number: int) -> object:
        made = record_of(number)["id"]
        return made.hex if self._database.is_sqlite else made


@pytest.fixture
def owner(database: Database) -> Owner:
    return Owner(database)


@pytest.fixture
def verified(database: Database, attestor: Attestor) -> Callable[..., Awaitable[Report]]:
    async def verified(kept: Sequence[str] = ()) -> Report:
        return await verify_log(database, attestor, kept=kept, processes=1)

    return verified


Verified = Callable[..., Awaitable[Report]]


def told(report: Report) -> list[tuple[str, int | None]]:
    return [(finding.code, finding.index) for finding in report.findings]


async def test_a_log_that_nobody_changed_is_sound(heads: list[str], verified: Verified) -> None:
    report = await verified(heads)
    assert report.findings == []
    assert (report.size, report.heads, report.waiting, report.is_sound) == (SIZE, len(HEADS) + 1, 0, True)


async def test_a_log_without_a_record_is_sound(verified: Verified) -> None:
    assert (await verified()).is_sound


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257])
async def test_a_log_of_any_size_is_sound(
    database: Database, attestor: Attestor, verified: Verified, size: int
) -> None:
    await grow(database, attestor, size, range(1, size))
    report = await verified()
    assert report.findings == []
    assert report.heads == size


async def test_a_log_of_several_chunks_is_walked_by_several_processes(database: Database, attestor: Attestor) -> None:
    """Heads stand on both sides of every edge between chunks."""
    size = CHUNK + 300
    sizes = [CHUNK - 1, CHUNK, CHUNK + 1, CHUNK + 256, size - 1]
    heads = await grow(database, attestor, size, sizes)
    report = await verify_log(database, attestor, kept=heads[:3], processes=2)
    assert report.findings == []
    assert (report.size, report.heads) == (size, len(sizes) + 1)
    where = {"index": CHUNK + 7}
    await Owner(database).does(
        "UPDATE access_record SET commitment = payload_sealed WHERE id = (SELECT record FROM log_leaf WHERE leaf_index"
        " = :index)",
        **where,
    )
    report = await verify_log(database, attestor, processes=2)
    assert told(report) == [("RECORD_CHANGED", CHUNK + 7)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE access_record SET commitment = payload_sealed WHERE id = :key",
        "UPDATE access_record SET at = '2026-11-16 03:00:00.200001' WHERE id = :key",
    ],
)
async def test_a_changed_record_is_found(heads: list[str], owner: Owner, verified: Verified, change: str) -> None:
    await owner.does(change, key=owner.key(299))
    assert told(await verified()) == [("RECORD_CHANGED", 299)]


async def test_a_removed_record_is_found(heads: list[str], owner: Owner, verified: Verified) -> None:
    await owner.does("DELETE FROM access_record WHERE id = :key", key=owner.key(0))
    assert told(await verified()) == [("RECORD_REMOVED", 0)]


async def test_a_record_that_was_given_to_somebody_else_is_found(
    heads: list[str], owner: Owner, verified: Verified
) -> None:
    """Whose it is stands in the commitment; here the row itself moves from under its leaf."""
    await owner.does("UPDATE access_record SET subject = :other WHERE id = :key", key=owner.key(5), other=owner.key(6))
    assert told(await verified()) == [("RECORD_REMOVED", 5), ("RECORD_NOT_IN_TREE", None)]


async def test_a_leaf_that_forgot_its_record_is_found(heads: list[str], owner: Owner, verified: Verified) -> None:
    await owner.does("DELETE FROM log_leaf WHERE leaf_index = 256")
    assert told(await verified()) == [("LEAF_REMOVED", 256), ("RECORD_NOT_IN_TREE", None)]


async def test_records_that_changed_places_are_found(heads: list[str], owner: Owner, verified: Verified) -> None:
    await owner.does(
        "UPDATE log_leaf SET leaf_index = -1 WHERE leaf_index = 10",
        "UPDATE log_leaf SET leaf_index = 10 WHERE leaf_index = 600",
        "UPDATE log_leaf SET leaf_index = 600 WHERE leaf_index = -1",
    )
    report = await verified()
    assert told(report) == [("RECORD_MOVED", 10), ("RECORD_MOVED", 600)]
    assert "belongs at 600" in report.findings[0].sentence


INSERTED = """
    INSERT INTO access_record (subject, id, entry, at, commitment, payload_sealed, epoch, xid)
    SELECT subject, :new, entry, at, commitment, payload_sealed, epoch, xid FROM access_record WHERE id = :key
"""


async def test_a_record_that_was_put_in_is_found(heads: list[str], owner: Owner, verified: Verified) -> None:
    """Its transaction is one of which the sequencer has taken everything."""
    await owner.does(INSERTED, key=owner.key(7), new=owner.key(9_999))
    assert told(await verified()) == [("RECORD_NOT_IN_TREE", None)]


async def test_a_record_that_waits_for_its_place_is_no_fault(
    heads: list[str], owner: Owner, verified: Verified
) -> None:
    late = INSERTED.replace("epoch, xid FROM", f"epoch, {SIZE + 1} FROM")
    await owner.does(late, key=owner.key(7), new=owner.key(9_999))
    report = await verified()
    assert report.findings == []
    assert report.waiting == 1


async def test_a_record_put_in_with_a_place_at_the_end_is_found(
    heads: list[str], owner: Owner, verified: Verified
) -> None:
    await owner.does(
        INSERTED,
        "INSERT INTO log_leaf SELECT :size, subject, id FROM access_record WHERE id = :new",
        key=owner.key(7),
        new=owner.key(9_999),
        size=SIZE,
    )
    assert told(await verified()) == [("RECORDS_UNDER_NO_HEAD", SIZE), ("TILE_CUT", SIZE)]


async def test_a_changed_tile_is_found(heads: list[str], owner: Owner, verified: Verified) -> None:
    await owner.does("UPDATE log_tile SET hashes = :row WHERE level = 0 AND number = 2", row=tile(2, but=520))
    codes = told(await verified())
    assert ("LEAF_DIFFERS", 520) in codes
    assert ("HEAD_DIFFERS", 512) in codes  # the last that was right
    assert codes[0][1] == 512


async def test_a_changed_tile_of_a_level_above_is_found(heads: list[str], owner: Owner, verified: Verified) -> None:
    await owner.does("UPDATE log_tile SET hashes = :row WHERE level = 1", row=bytes(64))
    assert told(await verified()) == [("TILE_WRONG", None)]


async def test_a_tile_that_was_cut_is_found(heads: list[str], owner: Owner, verified: Verified) -> None:
    """The tree can be made again of the records, so only this is told."""
    await owner.does("UPDATE log_tile SET hashes = :row WHERE level = 0 AND number = 2", row=tile(2)[: 32 * 100])
    codes = told(await verified())
    assert codes[0] == ("TILE_CUT", 612)
    assert {code for code, _ in codes} == {"TILE_CUT"}


async def test_a_tile_that_holds_more_than_the_tree_is_found(
    heads: list[str], owner: Owner, verified: Verified
) -> None:
    await owner.does("UPDATE log_tile SET hashes = :row WHERE level = 0 AND number = 2", row=tile(2) + bytes(32))
    assert told(await verified()) == [("TILE_HAS_MORE", None)]


async def test_a_record_and_its_leaf_changed_together_do_not_fit_the_heads(
    heads: list[str], owner: Owner, verified: Verified
) -> None:
    """Who changes the tree as well cannot sign it."""
    await owner.does(
        "DELETE FROM access_record WHERE id = :key",
        INSERTED.replace(":new", ":key").replace("WHERE id = :key", "WHERE id = :other"),
        "UPDATE log_leaf SET subject = (SELECT subject FROM access_record WHERE id = :key) WHERE record = :key",
        "UPDATE log_tile SET hashes = :row WHERE level = 0 AND number = 1",
        key=owner.key(300),
        other=owner.key(301),
        row=tile(1, but=300),
    )
    codes = told(await verified())
    assert codes == [("HEAD_DIFFERS", 300), ("LEAF_DIFFERS", 300), ("TILE_WRONG", None)]


async def test_a_head_with_another_root_is_found(heads: list[str], owner: Owner, verified: Verified) -> None:
    await owner.does("UPDATE log_head SET root = :root WHERE size = 300", root=bytes(32))
    assert told(await verified()) == [("HEAD_DIFFERS", 257), ("HEAD_NOT_SIGNED", 299)]


async def test_a_head_with_another_signature_is_found(heads: list[str], owner: Owner, verified: Verified) -> None:
    await owner.does("UPDATE log_head SET signed = :signed WHERE size = 300", signed=heads[0])
    assert told(await verified()) == [("HEAD_NOT_SIGNED", 299)]
    await owner.does("UPDATE log_head SET signed = :signed WHERE size = 300", signed=heads[0][:-8] + "AAAAAAAA")
    assert told(await verified()) == [("HEAD_NOT_SIGNED", 299)]


async def test_a_log_cut_off_at_its_end_is_found(heads: list[str], owner: Owner, verified: Verified) -> None:
    """Records and leaves alone: the heads tell."""
    await owner.does("DELETE FROM log_leaf WHERE leaf_index >= 650")
    codes = told(await verified())
    assert codes[0] == ("LOG_TRUNCATED", 650)
    assert codes.count(("RECORD_NOT_IN_TREE", None)) == 50


async def test_a_log_put_back_to_an_earlier_day_is_found_by_a_head_that_somebody_kept(
    heads: list[str], owner: Owner, verified: Verified
) -> None:
    """Everything that came after is gone, as if a backup had been restored: only who kept a head can tell."""
    await owner.does(
        "DELETE FROM access_record WHERE id IN (SELECT record FROM log_leaf WHERE leaf_index >= 512)",
        "DELETE FROM log_leaf WHERE leaf_index >= 512",
        "DELETE FROM log_head WHERE size > 512",
        "DELETE FROM log_tile WHERE level = 0 AND number = 2",
        "UPDATE log_state SET size = 512, snapshot = '513:513:'",
    )
    assert (await verified()).findings == []
    assert told(await verified(heads[-1:])) == [("LOG_TRUNCATED", 512)]


async def test_a_log_made_anew_with_our_own_key_is_found_by_a_head_that_somebody_kept(
    database: Database, attestor: Attestor, heads: list[str], owner: Owner, verified: Verified
) -> None:
    """Whoever has key and tables signs a history without the record 300; a kept head is not of it."""
    await owner.does(
        "DELETE FROM access_record WHERE id = :key",
        "DELETE FROM log_leaf WHERE leaf_index = 300",
        "UPDATE log_leaf SET leaf_index = -leaf_index WHERE leaf_index > 300",
        "UPDATE log_leaf SET leaf_index = -leaf_index - 1 WHERE leaf_index < 0",
        key=owner.key(300),
    )
    await make_anew(database, attestor, [leaf_of(number) for number in range(SIZE) if number != 300])
    assert told(await verified()) == []
    assert told(await verified(heads[:5])) == []  # they are of the time before
    assert told(await verified(heads[:6])) == [("KEPT_HEAD_DIFFERS", 300)]
    assert told(await verified(heads[-1:])) == [("LOG_TRUNCATED", SIZE - 1)]


async def test_a_kept_head_that_is_not_ours_is_told(heads: list[str], verified: Verified) -> None:
    assert told(await verified(["not a head", heads[0][:-4] + "AAAA"])) == [("KEPT_HEAD_INVALID", None)] * 2


def tile(number: int, *, but: int | None = None) -> bytes:
    places = range(number * 256, min(SIZE, (number + 1) * 256))
    return b"".join(bytes(32) if place == but else leaf_of(place) for place in places)


async def test_a_copy_of_a_record_that_is_placed_is_found(heads: list[str], owner: Owner, verified: Verified) -> None:
    """As if somebody else had been looked at: of the same id there is a leaf."""
    columns = "id, entry, at, commitment, payload_sealed, disclosed_from, epoch, xid"
    await owner.does(
        f"INSERT INTO access_record (subject, {columns}) SELECT :other, {columns} FROM access_record WHERE id = :key",  # noqa: S608 - ours
        key=owner.key(3),
        other=owner.key(9),
    )
    assert told(await verified()) == [("RECORD_NOT_IN_TREE", None)]
