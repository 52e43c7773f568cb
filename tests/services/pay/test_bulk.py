"""Many transactions at once, and single ones while many wait: booked once per key, and whole or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID, uuid5

import asyncpg  # type: ignore[import-untyped] # it has no types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import String, column, insert, text
from sqlalchemy.exc import DBAPIError

from core.clock import BANGKOK
from core.database import Database, Instant
from core.errors import BadInput
from core.group_commit import GroupCommit
from core.ids import new_id
from core.money import Money
from services.pay.ledger.bulk import AT_ONCE, NEW, Booking, book_all
from services.pay.ledger.bulk import given as given_to
from services.pay.ledger.errors import KeyReused, PeriodClosed, Unbalanced
from services.pay.ledger.group import DurableBookings
from services.pay.ledger.models import LedgerAct, LedgerPeriod
from services.pay.ledger.service import (
    Account,
    account_id,
    book,
    transaction_id,
    transfer,
    trial_balance,
    unbalanced_transactions,
)

NOW = datetime(2026, 11, 16, 10, 0, tzinfo=BANGKOK)


def booking(number: int, satang: int = 70_000, agency: str = "dla") -> Booking:
    return Booking(f"approve:{number}", agency, Account.BENEFITS, Account.PAYABLE, satang, NOW)


async def booked(db: Database, *bookings: Booking) -> int:
    async with db.write() as session:
        return await book_all(session, iter(bookings))


async def balances(db: Database, agency: str = "dla") -> dict[str, int]:
    async with db.read() as session:
        assert await unbalanced_transactions(session) == []
        return {one.code: one.money.satang for one in await trial_balance(session, agency)}


async def count(db: Database, table: str) -> int:
    async with db.read() as session:
        return int((await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())  # noqa: S608 - our words


async def test_many_are_booked_in_one_transaction(database: Database) -> None:
    assert await booked(database, *map(booking, range(3_000))) == 3_000
    assert await balances(database) == {"BENEFITS": 3_000 * 70_000, "PAYABLE": -3_000 * 70_000}
    assert await count(database, "ledger_unfinished") == 0


async def test_more_than_are_held_in_memory_are_booked_too(database: Database) -> None:
    assert await booked(database, *map(booking, range(AT_ONCE + 1))) == AT_ONCE + 1
    assert await count(database, "ledger_transaction") == AT_ONCE + 1


async def test_what_is_booked_already_is_not_booked_again(database: Database) -> None:
    async with database.write() as session:
        lines = transfer(Account.BENEFITS, Account.PAYABLE, Money(70_000))
        await book(session, key="approve:7", agency="dla", lines=lines, at=NOW)
    assert await booked(database, *map(booking, range(10))) == 9
    assert await booked(database, *map(booking, range(10))) == 0
    assert await balances(database) == {"BENEFITS": 700_000, "PAYABLE": -700_000}


async def test_a_key_twice_in_one_call_is_booked_once(database: Database) -> None:
    assert await booked(database, booking(1), booking(1)) == 1
    with pytest.raises(KeyReused):
        await booked(database, booking(2), booking(2, 1))
    assert await count(database, "ledger_transaction") == 1


async def test_a_key_that_stands_for_another_amount_is_refused_and_nothing_is_booked(database: Database) -> None:
    await booked(database, booking(1))
    with pytest.raises(KeyReused):
        await booked(database, booking(0), booking(1, 1), booking(2))
    assert await count(database, "ledger_transaction") == 1


async def test_of_a_key_twice_far_apart_the_later_other_amount_is_refused(database: Database) -> None:
    with pytest.raises(KeyReused):
        await booked(database, *map(booking, range(AT_ONCE + 1)), booking(0, 1))
    assert await count(database, "ledger_posting") == await count(database, "ledger_transaction") == 0


async def test_every_row_is_stored_as_it_was_given(database: Database) -> None:
    ids = iter(range(1_000_000))
    rows = [
        Booking(f"จ่าย:{next(ids)}", agency, debit, credit, satang, NOW.replace(month=month, microsecond=7))
        for agency in ("dla", "dcy")
        for debit, credit in ((Account.BENEFITS, Account.PAYABLE), (Account.BANK, Account.IN_TRANSIT))
        for satang in (1, 2**40)
        for month in (1, 11)
    ]
    assert await booked(database, *rows) == len(rows)
    query = """
        SELECT head.key, head.booked_at, account.agency, account.code, posting.line, posting.satang
          FROM ledger_posting AS posting JOIN ledger_transaction AS head ON head.id = posting.transaction_id
               JOIN ledger_account AS account ON account.id = posting.account
    """
    typed = text(query).columns(column("key", String), column("booked_at", Instant))
    async with database.read() as session:
        found = {tuple(row) for row in await session.execute(typed)}
    assert found == {
        (one.key, one.at, one.agency, account.code, line, satang)
        for one in rows
        for account, line, satang in ((one.debit, 1, one.satang), (one.credit, 2, -one.satang))
    }


@given(st.text(max_size=100))
def test_the_bytes_of_an_id_are_those_of_the_uuid_that_follows_from_the_key(key: str) -> None:
    namespace = UUID("5f7d0f0e-52a1-4d2b-9d8e-0c7c1b6f1a01")
    assert transaction_id(key) == uuid5(namespace, f"transaction\x00{key}")


@pytest.mark.postgres_only
@pytest.mark.parametrize("key", ["a\x00b", "ก" * 101])
async def test_a_key_that_the_database_cannot_take_leaves_nothing(database: Database, key: str) -> None:
    with pytest.raises(asyncpg.DataError):
        await booked(database, booking(1), replace(booking(2), key=key))
    assert await count(database, "ledger_posting") == await count(database, "ledger_account") == 0


@pytest.mark.parametrize("satang", [0, -1, 2**63])
async def test_an_amount_that_is_not_positive_or_fits_no_column_is_refused(database: Database, satang: int) -> None:
    with pytest.raises(Unbalanced):
        await booked(database, booking(1), booking(2, satang))
    assert await count(database, "ledger_transaction") == 0


async def test_what_rolls_back_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as session:
            await book_all(session, [booking(1)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await count(database, "ledger_posting") == await count(database, "ledger_account") == 0


async def test_ten_at_once_of_the_same_keys_book_each_once(database: Database) -> None:
    counts = await asyncio.gather(*(booked(database, *map(booking, range(n, n + 20))) for n in range(10)))
    assert sum(counts) == 29
    assert await balances(database) == {"BENEFITS": 29 * 70_000, "PAYABLE": -29 * 70_000}


# Past the program: what the statement-level proofs of PostgreSQL refuse.

POSTED = "INSERT INTO ledger_posting (transaction_id, line, account, satang) VALUES "
A, B = "'00000000-0000-0000-0000-00000000000a'", "'00000000-0000-0000-0000-00000000000b'"
ACCOUNT = "(SELECT id FROM ledger_account WHERE code = 'BENEFITS')"
HEAD = "INSERT INTO ledger_transaction (id, key, booked_at) VALUES "

TOGETHER = f"""
WITH posted AS (
    INSERT INTO ledger_posting (transaction_id, line, account, satang)
    SELECT id::uuid, line, {ACCOUNT}::uuid, satang
      FROM (VALUES {{posted}}) AS given (id), (VALUES (1, 5), (2, -5)) AS lines (line, satang)
)
INSERT INTO ledger_transaction (id, key, booked_at)
SELECT id::uuid, key, now() FROM (VALUES {{headed}}) AS given (id, key)
"""  # noqa: S608 - our own words
"""Postings of five satang and heads, in one statement."""


@pytest.mark.postgres_only
@pytest.mark.parametrize(
    ("statements", "refused"),
    [
        ([f"{POSTED} ({A}, 1, {ACCOUNT}, 5), ({A}, 2, {ACCOUNT}, -4)"], "must balance"),
        ([f"{POSTED} ({A}, 1, {ACCOUNT}, 5), ({B}, 1, {ACCOUNT}, -5)"], "must balance"),
        ([f"{POSTED} ({A}, 2, {ACCOUNT}, 5), ({A}, 3, {ACCOUNT}, -5)"], "is closed"),
        ([f"{POSTED} ({A}, 1, {ACCOUNT}, 5), ({A}, 3, {ACCOUNT}, -5)"], "is closed"),
        ([f"{POSTED} ({A}, 1, {B}, 5), ({A}, 2, {ACCOUNT}, -5)"], "no such account"),
        ([f"{POSTED} ({A}, 1, {ACCOUNT}, 5), ({A}, 2, {ACCOUNT}, -5)"], "has no ledger transaction"),
        ([f"{HEAD} ({A}, 'a', now())"], "must balance"),
        (
            [
                f"{POSTED} ({A}, 1, {ACCOUNT}, 5), ({A}, 2, {ACCOUNT}, -5)",
                f"{POSTED} ({B}, 1, {ACCOUNT}, 5), ({B}, 2, {ACCOUNT}, -5)",
                f"{HEAD} ({A}, 'a', now())",
            ],
            "has no ledger transaction",
        ),
        # One statement brings the heads of all of its postings, or of none.
        ([TOGETHER.format(posted=f"({A}), ({B})", headed=f"({A}, 'a')")], "has no ledger transaction"),
        ([TOGETHER.format(posted=f"({B}), ({A})", headed=f"({A}, 'a')")], "has no ledger transaction"),
        ([TOGETHER.format(posted=f"({A})", headed=f"({A}, 'a'), ({B}, 'b')")], "must balance"),
        (
            [
                f"{POSTED} ({B}, 1, {ACCOUNT}, 5), ({B}, 2, {ACCOUNT}, -5)",
                TOGETHER.format(posted=f"({A})", headed=f"({A}, 'a')"),
            ],
            "has no ledger transaction",
        ),
        (["INSERT INTO ledger_unfinished (id, xid, transactions) VALUES (gen_random_uuid(), 1, 1)"], "append-only"),
    ],
)
async def test_postgresql_refuses_what_is_not_whole(database: Database, statements: list[str], refused: str) -> None:
    async def write() -> None:
        async with database.write() as session:
            for statement in statements:
                await session.execute(text(statement))

    await booked(database, booking(1))
    with pytest.raises(DBAPIError, match=refused):
        await write()
    assert await count(database, "ledger_posting") == 2


@pytest.mark.postgres_only
async def test_postgresql_takes_what_is_whole_in_several_statements_of_one_transaction(database: Database) -> None:
    await booked(database, booking(1))
    async with database.write() as session:
        await session.execute(text(f"{POSTED} ({A}, 1, {ACCOUNT}, 5), ({A}, 2, {ACCOUNT}, -5)"))
        await session.execute(text(f"{POSTED} ({B}, 1, {ACCOUNT}, 5), ({B}, 2, {ACCOUNT}, -5)"))
        await session.execute(text(f"{HEAD} ({B}, 'b', now()), ({A}, 'a', now())"))
    assert await count(database, "ledger_transaction") == 3
    assert await count(database, "ledger_unfinished") == 0


@pytest.mark.postgres_only
async def test_postgresql_takes_one_statement_with_heads_of_its_own_postings_and_of_those_before(
    database: Database,
) -> None:
    """Only what is in two halves leaves notes, which the commit removes."""
    await booked(database, booking(1))
    async with database.write() as session:
        await session.execute(text(f"{POSTED} ({B}, 1, {ACCOUNT}, 5), ({B}, 2, {ACCOUNT}, -5)"))
        await session.execute(text(TOGETHER.format(posted=f"({A})", headed=f"({B}, 'b'), ({A}, 'a')")))
    assert await count(database, "ledger_transaction") == 3
    assert await count(database, "ledger_unfinished") == 0


@pytest.mark.postgres_only
async def test_what_is_booked_whole_in_one_statement_writes_no_notes(database: Database) -> None:
    await booked(database, booking(1))
    async with database.write() as session:
        await session.execute(text(TOGETHER.format(posted=f"({A}), ({B})", headed=f"({A}, 'a'), ({B}, 'b')")))
        noted = await session.scalar(text("SELECT count(*) FROM ledger_unfinished"))
    assert noted == 0
    assert await count(database, "ledger_posting") == 6


@pytest.mark.postgres_only
async def test_plans_of_the_proofs_made_on_empty_tables_read_no_whole_table_later(database: Database) -> None:
    """A session keeps its plans: those of the first payment of a new database serve the ten thousandth."""
    read = text(
        "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
        " WHERE relname IN ('ledger_posting', 'ledger_transaction', 'ledger_unfinished')"
    )
    await booked(database, booking(5_000))
    async with database.write() as session:
        await session.execute(text("ANALYZE ledger_posting, ledger_transaction, ledger_unfinished"))
    assert all(await DurableBookings(database).many([booking(n) for n in range(8)]))
    await booked(database, *(booking(n) for n in range(10, 1_010)))
    accounts = {("dla", one.code): account_id("dla", one) for one in (Account.BENEFITS, Account.PAYABLE)}
    async with database.driver() as driver, driver.transaction():
        await driver.execute(NEW, *given_to([booking(n) for n in range(2_000, 2_008)], accounts))
        rows = await driver.fetchval(str(read))
    assert rows < 100


# Single transactions while many wait.


async def test_those_that_wait_together_are_all_booked(database: Database) -> None:
    group = GroupCommit(DurableBookings(database))
    assert all(await asyncio.gather(*(group.submit(booking(n)) for n in range(300))))
    assert await balances(database) == {"BENEFITS": 300 * 70_000, "PAYABLE": -300 * 70_000}


async def test_of_the_same_key_at_once_one_is_new_whichever_worker_it_came_to(database: Database) -> None:
    workers = [GroupCommit(DurableBookings(database)) for _ in range(3)]
    told = await asyncio.gather(*(workers[n % 3].submit(booking(n % 20)) for n in range(180)))
    assert sum(told) == 20
    assert await count(database, "ledger_transaction") == 20


async def test_a_key_that_stands_for_another_amount_is_told_to_that_one_only(database: Database) -> None:
    group = GroupCommit(DurableBookings(database))
    assert await group.submit(booking(3))
    told = await asyncio.gather(
        *(group.submit(booking(n)) for n in range(6)),
        group.submit(booking(3, 1)),
        group.submit(booking(5, 9)),
        return_exceptions=True,
    )
    assert told[:6] == [True, True, True, False, True, True]
    assert [type(one) for one in told[6:]] == [KeyReused, KeyReused]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"key": "a\x00"}, BadInput),
        ({"key": "\ud800"}, BadInput),
        ({"satang": 0}, Unbalanced),
        ({"satang": 2**63}, Unbalanced),
        ({"key": "k" * 101}, Unbalanced),
    ],
)
async def test_what_the_database_cannot_take_harms_nobody_else(
    database: Database, wrong: dict[str, object], error: type[Exception]
) -> None:
    group = GroupCommit(DurableBookings(database))
    bad = replace(booking(99), **wrong)  # type: ignore[arg-type] # the point
    told = await asyncio.gather(*(group.submit(one) for one in (booking(1), bad, booking(2))), return_exceptions=True)
    assert [told[0], type(told[1]), told[2]] == [True, error, True]


async def test_a_group_of_several_agencies_and_accounts_moves_each_amount_where_it_belongs(database: Database) -> None:
    group = GroupCommit(DurableBookings(database))
    back = Booking("back:1", "dla", Account.PAYABLE, Account.BENEFITS, 7, NOW)
    submitted = (booking(1), booking(2, 5, "dsd"), back, booking(3, 3, "dsd"), booking(4, 11))
    assert all(await asyncio.gather(*map(group.submit, submitted)))
    assert await balances(database) == {"BENEFITS": 70_000 - 7 + 11, "PAYABLE": -70_000 + 7 - 11}
    assert await balances(database, "dsd") == {"BENEFITS": 8, "PAYABLE": -8}


async def test_a_time_without_a_zone_is_refused_before_it_joins_a_group(database: Database) -> None:
    group = GroupCommit(DurableBookings(database))
    naive = replace(booking(1), at=datetime(2026, 11, 16, 10, 0))  # noqa: DTZ001 - the point
    with pytest.raises(ValueError, match="without a zone"):
        await group.submit(naive)
    assert await count(database, "ledger_transaction") == 0


async def test_one_and_the_same_asked_twice_at_once_is_new_to_one_of_them(database: Database) -> None:
    group, one = GroupCommit(DurableBookings(database)), booking(1)
    assert sorted(await asyncio.gather(group.submit(one), group.submit(one))) == [False, True]


async def closed(db: Database) -> None:
    """October is closed for the agency."""
    act = new_id()
    row = {"agency": "dla", "month": date(2026, 10, 1), "act": act, "closed_at": NOW}
    proposed = {"kind": "CLOSE_PERIOD", "payload": {}, "reason": "", "proposed_by": new_id(), "proposed_at": NOW}
    async with db.write() as session:
        await session.execute(insert(LedgerAct).values(id=act, agency="dla", **proposed))
        await session.execute(insert(LedgerPeriod).values(row))


async def test_a_closed_month_takes_nothing_new_in_bulk_and_what_is_there_is_alike(database: Database) -> None:
    october = [replace(booking(n), at=datetime(2026, 10, 31, 23, 59, tzinfo=BANGKOK)) for n in range(3)]
    await booked(database, *october[:2])
    await closed(database)
    assert await booked(database, *october[:2], booking(9)) == 1
    with pytest.raises(PeriodClosed):
        await booked(database, *october)
    with pytest.raises(PeriodClosed):
        await booked(database, october[2])
    assert await count(database, "ledger_transaction") == 3


async def test_a_closed_month_is_told_to_that_one_only(database: Database) -> None:
    await closed(database)
    late = replace(booking(1), at=datetime(2026, 10, 31, 23, 59, tzinfo=BANGKOK))
    group = GroupCommit(DurableBookings(database))
    told = await asyncio.gather(*(group.submit(one) for one in (booking(0), late, booking(2))), return_exceptions=True)
    assert [told[0], type(told[1]), told[2]] == [True, PeriodClosed, True]


async def test_alone_it_is_booked_and_again_it_is_not(database: Database) -> None:
    group = GroupCommit(DurableBookings(database))
    assert [await group.submit(booking(1)), await group.submit(booking(1))] == [True, False]
    with pytest.raises(KeyReused):
        await group.submit(booking(1, 5))
