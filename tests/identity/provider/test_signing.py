"""Signing keys: one is made, whoever needs it first, and its private half is sealed."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from core.clock import FixedClock
from core.crypto import KeyRing, SealBroken
from core.database import Database
from identity.provider.models import SigningKey
from identity.provider.signing import SigningKeys


async def test_of_processes_that_need_a_key_at_once_all_use_one(
    database: Database, keys: KeyRing, clock: FixedClock
) -> None:
    processes = [SigningKeys(database, keys, clock) for _ in range(8)]
    signers = await asyncio.gather(*(one.signer() for one in processes))
    assert len({signer.kid for signer in signers}) == 1
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(SigningKey)) == 1


async def test_the_private_half_is_sealed_to_its_row(database: Database, keys: KeyRing, clock: FixedClock) -> None:
    await SigningKeys(database, keys, clock).signer()
    async with database.write() as session:
        row = await session.scalar(select(SigningKey))
        assert row is not None
        assert b"PRIVATE KEY" not in row.private_sealed
        assert "d" not in row.public_jwk
        row.id = "moved"
    with pytest.raises(SealBroken):
        await SigningKeys(database, keys, clock).signer()


async def test_a_retired_key_still_verifies_and_a_new_one_signs(
    database: Database, keys: KeyRing, clock: FixedClock
) -> None:
    old = await SigningKeys(database, keys, clock).signer()
    async with database.write() as session:
        row = await session.get(SigningKey, old.kid)
        assert row is not None
        row.retired_at = clock.now()
    later = SigningKeys(database, keys, clock)
    assert (await later.signer()).kid != old.kid
    assert await later.verifying(old.kid) is not None
    assert {key["kid"] for key in (await later.public())["keys"]} == {old.kid, (await later.signer()).kid}
