"""Signing in with ThaID when something is out of the ordinary: a changed name, two tabs, a barred person, an outage."""

from __future__ import annotations

from typing import Any

import httpx2
import jwt
import pytest

from api.commands.walk import forms_of
from core.clock import FixedClock
from identity.upstream.attempt import ATTEMPTS_MAX, Attempt, cookie_of
from services.sandbox.thaid.changes import ChangeOrder
from tests.identity.conftest import House, query_of
from tests.identity.people_of_tests import name_of, national_id

ELDER = national_id("elder").digits


def name_in(answer: dict[str, Any]) -> tuple[str, str]:
    claims = jwt.decode(answer["id_token"], options={"verify_signature": False})
    return claims["name"], claims["name#en"]


async def at_thaid(browser: httpx2.AsyncClient, going_to: str = "/") -> str:
    form = forms_of((await browser.get("/signin", params={"return": going_to})).text)[0]
    return (await browser.post("/signin", data=form.fields)).headers["location"]


async def chosen(browser: httpx2.AsyncClient, house: House, address: str, slug: str = "elder") -> str:
    page = await browser.get(address)
    form = next(one for one in forms_of(page.text) if one.fields.get("persona") == slug)
    return (await browser.post(f"{house.issuer}/sandbox/thaid/authorize", data=form.fields)).headers["location"]


def attempts(browser: httpx2.AsyncClient) -> list[str]:
    return [name for name in browser.cookies if name.startswith("sitthi_signin_")]


async def test_a_changed_name_keeps_the_account(house: House) -> None:
    before = await house.tokens("elder")
    changed = {"name": "นางบุญเรือน เปลี่ยนนามสกุล", "name_en": "Mrs. Bunruean Plian", "family_name": "เปลี่ยนนามสกุล"}
    house.thaid.changes.set(ChangeOrder(pid=ELDER, claims=dict(changed)))
    after = await house.tokens("elder")
    verify = house.identity.verifier.verify
    assert (await verify(before["access_token"])).person == (await verify(after["access_token"])).person
    assert name_in(before) == (name_of("elder").th, name_of("elder").en)
    assert name_in(after) == (changed["name"], changed["name_en"])


async def test_two_tabs_sign_in_at_once(house: House) -> None:
    async with house.browser() as browser:
        first, second = await at_thaid(browser, "/one"), await at_thaid(browser, "/two")
        back_first, back_second = await chosen(browser, house, first), await chosen(browser, house, second)
        assert (await browser.get(back_first)).headers["location"] == f"{house.issuer}/one"
        assert (await browser.get(back_second)).headers["location"] == f"{house.issuer}/two"
        assert attempts(browser) == []


async def test_a_tab_that_came_back_cannot_come_back_again(house: House) -> None:
    async with house.browser() as browser:
        first, second = await at_thaid(browser), await at_thaid(browser)
        back = await chosen(browser, house, first)
        assert (await browser.get(back)).status_code == 303
        again = await browser.get(back)
        assert (again.status_code, "SIGN_IN_NOT_STARTED" in again.text) == (400, True)
        assert (await browser.get(await chosen(browser, house, second))).status_code == 303


async def test_tabs_that_were_never_finished_are_forgotten(house: House) -> None:
    """Else their cookies would one day be too much for a server's headers."""
    async with house.browser() as browser:
        last = ""
        for _ in range(10):
            last = await at_thaid(browser)
            assert 1 <= len(attempts(browser)) <= ATTEMPTS_MAX
        assert (await browser.get(await chosen(browser, house, last))).status_code == 303


@pytest.mark.parametrize("state", [None, "", "x", "a" * 42, "a" * 44, "a" * 42 + ";", "ก" * 43, "../" + "a" * 40])
def test_a_state_that_is_none_of_ours_names_no_cookie(state: str | None) -> None:
    assert cookie_of(state) == "signin_none"


def test_a_state_of_ours_names_its_cookie(clock: FixedClock) -> None:
    one, other = Attempt.begin("/", clock.now()), Attempt.begin("/", clock.now())
    assert one.cookie != other.cookie != "signin_none"


async def test_somebody_whom_thaid_bars_is_not_let_in_nor_told_why(house: House) -> None:
    house.thaid.changes.set(ChangeOrder(pid=ELDER, blocked=True))
    async with house.browser() as browser:
        back = await chosen(browser, house, await at_thaid(browser))
        assert query_of(back)["error"] == "access_denied"
        answer = await browser.get(back)
        assert (answer.status_code, "SIGN_IN_REFUSED" in answer.text) == (403, True)
        assert "sitthi_session" not in browser.cookies
    house.thaid.changes.set(ChangeOrder(pid=ELDER))
    assert "access_token" in await house.tokens("elder")


async def test_a_weak_proofing_is_told_what_to_do(house: House) -> None:
    house.thaid.changes.set(ChangeOrder(pid=ELDER, claims={"ial": "1.3"}))
    async with house.browser() as browser:
        answer = await browser.get(await chosen(browser, house, await at_thaid(browser)))
        assert answer.status_code == 403
        for told in ("IAL_TOO_LOW", "2.3", 'href="/signin/counter"'):
            assert told in answer.text
        assert "sitthi_session" not in browser.cookies
    async with house.identity.db.read() as session:
        assert await house.identity.people.find(session, national_id("elder")) is None, "nobody was entered"


async def test_while_thaid_is_down_the_other_ways_are_told(house: House) -> None:
    async with house.browser() as browser:
        await browser.post("/sandbox/thaid/_faults", content=b'{"mode": "down"}')
        form = forms_of((await browser.get("/signin", params={"return": "/one"})).text)[0]
        answer = await browser.post("/signin", data=form.fields)
        assert answer.status_code == 503
        for told in ("SERVICE_UNAVAILABLE", 'href="/signin/counter"', "พาสคีย์", 'role="alert"'):
            assert told in answer.text
        await browser.post("/sandbox/thaid/_faults", content=b'{"mode": "none"}')
        assert (await browser.post("/signin", data=form.fields)).status_code == 303


@pytest.mark.parametrize("mode", ["down", "garbage"])
async def test_thaid_that_goes_away_on_the_way_back_is_told_the_same(house: House, mode: str) -> None:
    async with house.browser() as browser:
        back = await chosen(browser, house, await at_thaid(browser, "/one"))
        await browser.post("/sandbox/thaid/_faults", json={"mode": mode})
        answer = await browser.get(back)
        assert (answer.status_code, 'href="/signin?return=%2Fone"' in answer.text) == (503, True)
        assert "sitthi_session" not in browser.cookies


async def test_the_sign_in_page_names_the_counter(house: House) -> None:
    async with house.browser() as browser:
        page = await browser.get("/signin", params={"return": "/oauth/authorize?a=b&c=d"})
        assert 'href="/signin/counter?return=/oauth/authorize%3Fa%3Db%26c%3Dd"' in page.text
