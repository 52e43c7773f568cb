"""Proving again who one is: the session's own person, by a passkey, and back to what asked for it."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from core.database import Database
from identity.provider.models import SignInSession
from tests.identity.conftest import House
from tests.identity.passkeys.authenticator import Authenticator
from tests.identity.passkeys.seat import Seat, code_of, seat

HOUR = timedelta(hours=1)


async def session_of(database: Database, seat_: Seat) -> SignInSession:
    async with database.read() as session:
        found = await session.scalar(
            select(SignInSession).where(
                col(SignInSession.token_hash)
                == seat_.house.identity.keys.blind_index(
                    seat_.browser.cookies["sitthi_session"], domain="sign-in-session"
                )
            )
        )
    assert found is not None
    return found


def asking(going_to: str = "/", acr: str = "aal2.2") -> str:
    return f"/signin?{urlencode({'return': going_to, 'acr': acr})}"


async def test_a_passkey_raises_the_session_and_leads_back(house: House, database: Database) -> None:
    key = Authenticator()
    async with seat(house) as here:
        await here.sign_in()
        await here.enrol(key)
        before, secret = await session_of(database, here), here.browser.cookies["sitthi_session"]
        house.clock.advance(HOUR)
        page = await here.browser.get(asking("/oauth/authorize?x=1"))
        assert 'data-finish="/signin/passkey/step-up"' in page.text
        assert 'data-going="/oauth/authorize?x=1"' in page.text
        answer = await here.step_up(key, going_to="/oauth/authorize?x=1")
        assert answer.json() == {"location": "/oauth/authorize?x=1"}
        after = await session_of(database, here)
        assert here.browser.cookies["sitthi_session"] != secret, "a session that may do more has a new secret"
        assert await here.is_signed_in()
        del here.browser.cookies["sitthi_session"]
        here.browser.cookies.set("sitthi_session", secret)
        assert not await here.is_signed_in()
    assert (after.id, after.method) == (before.id, "thaid")
    assert (before.acr, after.acr) == ("ial2.3-aal2.1", "ial2.3-aal2.2")
    assert after.amr == ["fed", "hwk", "user", "mfa"]
    assert after.authenticated_at == house.clock.now()
    assert after.signed_in_at == before.signed_in_at
    assert after.expires_at == before.expires_at, "proving again makes no session longer"


async def test_another_persons_passkey_does_not_step_up(house: House, database: Database) -> None:
    mine, theirs = Authenticator(), Authenticator()
    async with seat(house) as other:
        await other.sign_in("officer-one")
        await other.enrol(theirs)
    async with seat(house) as here:
        await here.sign_in()
        await here.enrol(mine)
        before = await session_of(database, here)
        assert code_of(await here.step_up(theirs)) == (403, "PASSKEY_OF_ANOTHER")
        after = await session_of(database, here)
        assert (after.acr, after.person, after.token_hash) == (before.acr, before.person, before.token_hash)
        assert (await here.step_up(mine)).status_code == 200


async def test_somebody_without_a_passkey_is_not_offered_everybodys(house: House) -> None:
    async with seat(house) as here:
        await here.sign_in()
        assert code_of(await here.post("/signin/passkey/step-up/options")) == (400, "PASSKEY_NOT_KNOWN")


async def test_without_a_passkey_the_page_leads_to_adding_one_and_back(house: House) -> None:
    key, target = Authenticator(), "/oauth/authorize?client_id=demo-app&state=%C3%A4"
    async with seat(house) as here:
        await here.sign_in()
        page = (await here.browser.get(asking(target))).text
        assert "data-passkey" not in page
        assert 'href="/account/security"' in page
        house.clock.advance(HOUR)
        later = (await here.browser.get(asking(target))).text
        assert 'name="return" value="/account/security"' in later, "first to ThaID again"
        await here.sign_in()
        assert "กลับไปทำรายการที่ค้างอยู่" not in await here.page(), "there is no passkey yet to go on with"
        await here.enrol(key)
        link = re.search(r'class="problem"><a href="([^"]+)"', await here.page())
        assert link is not None
        back = link[1].replace("&amp;", "&")
        stepping = (await here.browser.get(back)).text
    assert 'data-going="/oauth/authorize?client_id=demo-app&amp;state=%C3%A4"' in stepping


async def test_signed_out_the_demand_is_the_sign_in_page(house: House) -> None:
    async with seat(house) as here:
        page = (await here.browser.get(asking("/x"))).text
    assert 'data-finish="/signin/passkey"' in page
    assert 'action="/signin"' in page


@pytest.mark.parametrize(
    ("acr", "passkey", "thaid", "words"),
    [
        ("aal2.2", True, False, ""),
        ("ial2.3-aal2.2", True, False, ""),
        ("aal2.1", True, True, ""),
        ("ial2.3", True, True, ""),
        ("aal3", False, False, "ระบบนี้ยังไม่มีวิธียืนยันตัวตน"),
        ("ial3", False, False, "ระบบนี้ยังไม่มีวิธียืนยันตัวตน"),
    ],
)
async def test_what_is_offered_is_what_meets_the_demand(
    house: House, acr: str, passkey: bool, thaid: bool, words: str
) -> None:
    async with seat(house) as here:
        await here.sign_in()
        await here.enrol(Authenticator())
        page = (await here.browser.get(asking("/", acr))).text
    assert ("data-passkey" in page, 'action="/signin"' in page) == (passkey, thaid)
    assert words in page


async def vouched_at_a_counter(database: Database, seat_: Seat) -> None:
    """The session is from now on one that an officer began, on the person's own device."""
    who = await session_of(database, seat_)
    async with database.write() as session:
        await session.execute(update(SignInSession).where(col(SignInSession.id) == who.id).values(method="counter"))


async def test_a_passkey_of_a_counter_is_offered_for_what_it_is_worth_by_then(house: House, database: Database) -> None:
    key = Authenticator()
    async with seat(house) as here:
        await here.sign_in()
        await vouched_at_a_counter(database, here)
        await here.enrol(key)
        assert "data-passkey" in (await here.browser.get(asking("/", "aal2.1"))).text
        page = (await here.browser.get(asking("/", "aal2.2"))).text
        assert "data-passkey" not in page
        assert 'href="/account/security"' not in page, "another one would be as young"
        assert 'name="return" value="/account/security"' in page, "after ThaID one is strong at once"
        house.clock.advance(timedelta(days=3))
        await here.sign_in()
        assert "data-passkey" in (await here.browser.get(asking("/", "aal2.2"))).text


@pytest.mark.parametrize("acr", ["", "x", "aal9", "urn:mace:incommon:iap:silver", "ก" * 5_000])
async def test_a_demand_that_is_none_of_ours_is_the_sign_in_page(house: House, acr: str) -> None:
    async with seat(house) as here:
        await here.sign_in()
        page = await here.browser.get(asking("/", acr))
    assert (page.status_code, 'data-finish="/signin/passkey"' in page.text) == (200, True)


async def test_a_session_that_ended_while_stepping_up_stays_ended(house: House) -> None:
    key = Authenticator()
    async with seat(house) as here, seat(house) as other:
        await here.sign_in()
        await here.enrol(key)
        await other.sign_in()
        credential = key.get(await here.options("/signin/passkey/step-up/options"), here.issuer)
        await other.send("/account/sessions/end-others")
        answer = await here.post("/signin/passkey/step-up", {"credential": credential})
        assert code_of(answer) == (401, "NOT_SIGNED_IN")


async def test_the_pages_let_one_script_of_ours_run_and_nothing_else(house: House) -> None:
    async with seat(house) as here:
        for path in ("/signin", "/account/security", asking()):
            if path != "/signin":
                await here.sign_in()
            answer = await here.browser.get(path)
            policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
            assert policy["script-src"] == f"{house.issuer}/signin/passkeys.js"
            assert (policy["default-src"], policy["connect-src"]) == ("'none'", "'self'")
            [address] = re.findall(r'<script src="([^"]+)" defer></script>', answer.text)
            assert "<script>" not in answer.text
            assert " onclick" not in answer.text
            script = await here.browser.get(address)
            assert script.headers["content-type"].startswith("text/javascript")
            assert "immutable" in script.headers["cache-control"]
        problem = await here.browser.get("/signin/return")
        assert "script-src" not in problem.headers["content-security-policy"]


async def test_a_client_that_asks_for_more_gets_it_by_a_passkey(house: House) -> None:
    """From `acr_values` at the client to the token (RFC 9470), in a browser where the person is signed in by ThaID."""
    key, flow = Authenticator(), house.flow()
    async with seat(house) as here:
        await here.sign_in()
        await here.enrol(key)
        house.clock.advance(HOUR)
        asked = await here.browser.get(f"{flow.address}&acr_values=aal2.2&max_age=300")
        page = await here.browser.get(asked.headers["location"])
        going = re.search(r'data-finish="/signin/passkey/step-up"[^>]* data-going="([^"]+)"', page.text)
        assert going is not None
        stepped = await here.step_up(key, going_to=going[1].replace("&amp;", "&"))
        back = await here.browser.get(stepped.json()["location"])
        assert back.headers["location"].startswith(flow.redirect_uri), "the person acted in this very request"
        tokens = await flow.redeem(here.browser, back.headers["location"])
    viewer = await house.identity.verifier.verify(tokens["access_token"])
    assert (viewer.acr, viewer.authenticated_at) == ("ial2.3-aal2.2", house.clock.now())
