"""Signing in anew in the same browser: the session is another, and the apps go on under it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from core.assurance import OF_THAID
from core.ids import new_id
from identity.provider.endings import Endings, EndReason, live_session
from identity.provider.models import SignInSession, TokenFamily
from identity.provider.sessions import SignInSessions
from identity.sessions.service import Browser, SignIn
from tests.identity.conftest import House
from tests.identity.people_of_tests import name_of
from tests.identity.provider.front import session_of, sign_in


def granted(house: House, who: SignInSession) -> TokenFamily:
    """What the demonstration app was granted in that session."""
    return TokenFamily(
        person=who.person,
        id=new_id(),
        client="demo-app",
        session=who.id,
        scope="citizen",
        resources=[],
        acr=who.acr,
        amr=who.amr,
        auth_time=house.clock.now(),
        dpop_jkt=None,
        created_at=house.clock.now(),
        expires_at=house.clock.now() + timedelta(days=30),
    )


async def signs_in_anew(house: House, who: SignInSession, replaces: str) -> SignInSession:
    account = house.identity.account
    anew = SignIn(who.person, "thaid", OF_THAID.acr, ("fed",), name_of("elder"))
    async with house.identity.db.write() as session:
        secret = await account.sign_ins.begin(session, anew, Browser("?", "x" * 32), for_request="/", replaces=replaces)
        found = await SignInSessions(house.identity.keys, house.clock).find(session, secret)
    assert found is not None
    return found


async def test_an_app_that_gets_its_tokens_at_that_moment_goes_on_too(house: House) -> None:
    async with house.browser() as browser:
        await sign_in(house, browser)
        who, secret = await session_of(house, browser), browser.cookies["sitthi_session"]
    assert who is not None
    family = granted(house, who)
    async with house.identity.db.write() as session:  # as the redemption of a code has them, which is about to end
        assert await session.run_sync(lambda sync: live_session(sync, who.person, who.id))
        signing_in = asyncio.create_task(signs_in_anew(house, who, secret))
        await asyncio.wait([signing_in], timeout=0.5)
        session.add(family)
    begun = await signing_in
    async with house.identity.db.read() as session:
        found = await session.get(TokenFamily, (family.person, family.id))
    assert found is not None
    assert (found.session, found.ended_at) == (begun.id, None)


async def test_a_session_that_is_ended_at_that_moment_hands_nothing_over(house: House) -> None:
    async with house.browser() as browser:
        await sign_in(house, browser)
        who, secret = await session_of(house, browser), browser.cookies["sitthi_session"]
    assert who is not None
    family = granted(house, who)
    async with house.identity.db.write() as session:
        session.add(family)
    async with house.identity.db.write() as session:
        await session.get(SignInSession, (who.person, who.id), with_for_update=True)
        signing_in = asyncio.create_task(signs_in_anew(house, who, secret))
        await asyncio.wait([signing_in], timeout=0.5)
        await Endings(house.clock).end_session(session, who.person, who.id, EndReason.SESSION_ENDED)
    await signing_in  # neither waits for the other
    async with house.identity.db.read() as session:
        found = await session.get(TokenFamily, (family.person, family.id))
    assert found is not None
    assert found.end_reason == EndReason.SESSION_ENDED
