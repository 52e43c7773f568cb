"""The law is stored once, also by many at a time; a decision is signed in the transaction that writes it, or never."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from core.attestation.service import Attestor
from core.database import Database
from core.ids import new_id
from services.apply.decisions import proof
from services.apply.decisions.signing import keep_rule, read_rule, rule_content
from services.apply.models import Decision
from services.apply.service import ApplyService
from tests.services.apply.conftest import PROGRAMME, Room, TableAwarder

LAW = {"programme": "test", "conditions": [{"th": "อายุ", "tree": {"node": "flag"}}], "amount": 60_000}


def signing(room: Room) -> ApplyService:
    attestor = Attestor(room.database, room.keys, room.clock, "http://sitthi.test")
    return ApplyService(
        room.database, room.keys, room.clock, deciders={"programme": room.decider}, awarder=TableAwarder(),
        notices=room.notices, attestor=attestor,
    )  # fmt: skip


async def test_many_who_store_one_law_at_once_store_it_once(database: Database, room: Room) -> None:
    async def keep() -> str:
        async with database.write() as session:
            return await keep_rule(session, LAW, room.clock.now())

    keys = set(await asyncio.gather(*(keep() for _ in range(8))))
    assert len(keys) == 1
    assert await room.count("decision_rule") == 1
    async with database.read() as session:
        content = await rule_content(session, keys.pop())
    assert read_rule(proof.sha256_of(LAW), content) == LAW


async def test_the_law_is_never_changed_nor_removed(database: Database, room: Room) -> None:
    async with database.write() as session:
        await keep_rule(session, LAW, room.clock.now())
    for statement in ("UPDATE decision_rule SET content = '{}'", "DELETE FROM decision_rule"):
        with pytest.raises(DatabaseError):
            async with database.write() as session:
                await session.execute(text(statement))


@pytest.mark.parametrize("content", [None, "", "{}", "[]"])
def test_a_law_of_another_hash_is_not_read(content: str | None) -> None:
    assert read_rule(proof.sha256_of(LAW), content) is None


async def test_the_signature_and_the_row_say_the_same(room: Room, citizen: UUID) -> None:
    service = signing(room)
    submission = await service.prepare(citizen, citizen, PROGRAMME)
    async with room.database.write() as session:
        application = await service.apply(session, submission)
    async with room.database.read() as session:
        row = (await session.scalars(select(Decision))).one()
    assert row.token is not None
    claims = await Attestor(room.database, room.keys, room.clock, "http://sitthi.test").verify(
        row.token, typ=proof.TYPE
    )
    assert claims["jti"] == row.id.hex
    assert claims["application"] == application.id.hex
    assert (claims["sequence"], claims["outcome"], claims["subject"]) == (1, "GRANTED", PROGRAMME)
    assert claims["decided_at"] == room.clock.now().isoformat()
    assert "123456789" not in row.token
    assert citizen.hex not in str(claims)


async def test_a_decision_that_is_not_written_leaves_no_signature(room: Room, citizen: UUID) -> None:
    service = signing(room)
    submission = await service.prepare(citizen, citizen, PROGRAMME)
    async with room.database.write() as session:
        await session.execute(text("DROP TABLE test_award"))
    with pytest.raises(DatabaseError):
        async with room.database.write() as session:
            await service.apply(session, submission)
    assert await room.count("decision") == 0


async def test_what_was_not_made_ready_is_not_written_unsigned(room: Room, citizen: UUID) -> None:
    ready, other = signing(room), signing(room)
    submission = await ready.prepare(citizen, citizen, PROGRAMME)
    with pytest.raises(RuntimeError, match="ready"):
        async with room.database.write() as session:
            await other.apply(session, submission)
    assert await room.count("decision") == await room.count("application") == 0


async def test_a_key_that_ended_meanwhile_still_verifies(room: Room) -> None:
    one, two = (Attestor(room.database, room.keys, room.clock, "http://sitthi.test") for _ in range(2))
    await one.ready()
    await two.rotate()
    room.clock.advance(timedelta(seconds=90))
    assert (await two.verify(one.sign_now({"a": 1}, typ="t"), typ="t"))["a"] == 1


async def test_a_key_that_was_read_long_ago_signs_no_more(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    attestor = Attestor(room.database, room.keys, room.clock, "http://sitthi.test")
    with pytest.raises(RuntimeError):
        attestor.sign_now({}, typ="t")
    await attestor.ready()
    assert attestor.sign_now({"jti": new_id().hex}, typ="t")
    monkeypatch.setattr("core.attestation.service._SIGNS_UNSEEN_SECONDS", -1)
    with pytest.raises(RuntimeError):
        attestor.sign_now({}, typ="t")
