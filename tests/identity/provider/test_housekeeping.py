"""What is deleted a while after its end, and what is kept until then: both sides of each boundary."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from core.database import Database
from identity.provider.endings import EndReason
from identity.provider.housekeeping import KEPT_LONG, KEPT_SHORT, REVOCATIONS_KEPT, SESSIONS_KEPT, forget_ended
from identity.provider.models import (
    AuthorizationCode,
    PushedRequest,
    RefreshToken,
    Revocation,
    SignInSession,
    TokenFamily,
)
from identity.provider.sessions import SESSION_SECONDS
from tests.identity.conftest import House
from tests.identity.provider.apps import App, error_of

SECOND = timedelta(seconds=1)


async def count(database: Database, model: Any) -> int:
    async with database.read() as session:
        return int(await session.scalar(select(func.count()).select_from(model)) or 0)


async def tidied(house: House, model: Any) -> int:
    """How many rows of a kind are left."""
    await forget_ended(house.identity.db, house.clock)
    return await count(house.identity.db, model)


async def test_a_code_that_nobody_redeemed_is_kept_for_a_day(house: House, app: App) -> None:
    await app.code()
    house.clock.advance(timedelta(seconds=60) + KEPT_SHORT)
    assert await tidied(house, AuthorizationCode) == 1
    house.clock.advance(SECOND)
    assert await tidied(house, AuthorizationCode) == 0


async def test_a_used_code_is_kept_as_long_as_it_tells_of_a_theft(house: House, app: App) -> None:
    code = await app.code()
    tokens = (await app.redeem(code)).json()
    family = await app.family(tokens["access_token"])
    house.clock.set(family.expires_at - SECOND)
    assert await tidied(house, AuthorizationCode) == 1
    await app.redeem(code)
    assert error_of(await app.refresh(tokens["refresh_token"])) == (400, "invalid_grant"), "the theft was found out"
    assert (await app.family(tokens["access_token"])).end_reason == EndReason.CODE_REPLAYED
    assert await tidied(house, AuthorizationCode) == 0, "its family has ended: there is nothing more to find out"


async def test_a_used_refresh_token_is_kept_as_long_as_it_tells_of_a_theft(house: House, app: App) -> None:
    first = await app.tokens()
    second = (await app.refresh(first["refresh_token"])).json()
    family = await app.family(first["access_token"])
    house.clock.set(family.expires_at - SECOND)
    assert await tidied(house, RefreshToken) == 2
    await app.refresh(first["refresh_token"])
    assert error_of(await app.refresh(second["refresh_token"])) == (400, "invalid_grant")
    house.clock.set(family.expires_at + KEPT_SHORT)
    assert await tidied(house, RefreshToken) == 2
    house.clock.advance(SECOND)
    assert await tidied(house, RefreshToken) == 0


async def test_families_are_kept_for_a_month(house: House, app: App) -> None:
    family = await app.family((await app.tokens())["access_token"])
    house.clock.set(family.expires_at + KEPT_LONG)
    assert await tidied(house, TokenFamily) == 1
    house.clock.advance(SECOND)
    assert await tidied(house, TokenFamily) == 0


async def test_a_session_is_kept_while_its_browser_is_known_and_a_persons_last_for_ever(house: House, app: App) -> None:
    """By them it is told whether a sign-in is news to the person."""
    expires_at = house.clock.now() + timedelta(seconds=SESSION_SECONDS)
    house.clock.advance(timedelta(days=1))
    async with house.browser() as another:
        await App(house, another).signed_in()
    house.clock.set(expires_at + SESSIONS_KEPT)
    assert await tidied(house, SignInSession) == 2
    house.clock.advance(SECOND)
    assert await tidied(house, SignInSession) == 1
    house.clock.advance(timedelta(days=3_650))
    assert await tidied(house, SignInSession) == 1


async def test_a_session_is_kept_as_long_as_its_families(house: House, app: App, database: Database) -> None:
    family = await app.family((await app.tokens())["access_token"])
    async with house.browser() as another:
        await App(house, another).signed_in()
    async with database.write() as session:
        row = await session.get(TokenFamily, (family.person, family.id))
        assert row is not None
        row.expires_at += timedelta(days=365)
    house.clock.advance(timedelta(days=365))
    assert await tidied(house, SignInSession) == 2


async def test_a_revocation_is_kept_until_nobody_can_need_it(house: House, app: App, database: Database) -> None:
    await app.revoke((await app.tokens())["refresh_token"])
    async with database.read() as session:
        row = await session.scalar(select(Revocation))
    assert row is not None
    house.clock.set(row.until + REVOCATIONS_KEPT)
    assert await tidied(house, Revocation) == 1
    house.clock.advance(SECOND)
    assert await tidied(house, Revocation) == 0


async def test_a_pushed_request_is_kept_for_a_day(house: House, app: App, database: Database) -> None:
    expires_at = house.clock.now() + timedelta(seconds=60)
    async with database.write() as session:
        row = PushedRequest(
            uri_hash=b"x", client=app.client, parameters_sealed=b"x", dpop_jkt=None, expires_at=expires_at
        )
        session.add(row)
    house.clock.set(expires_at + KEPT_SHORT)
    assert await tidied(house, PushedRequest) == 1
    house.clock.advance(SECOND)
    assert await tidied(house, PushedRequest) == 0


@pytest.mark.parametrize("batch", [1, 2, 100])
async def test_all_goes_in_batches_of_any_size(house: House, app: App, batch: int) -> None:
    for _ in range(3):
        await app.code()
    house.clock.advance(timedelta(days=2))
    assert await forget_ended(house.identity.db, house.clock, batch=batch) == 3
    assert await forget_ended(house.identity.db, house.clock, batch=batch) == 0
