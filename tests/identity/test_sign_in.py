"""The whole way: from a client's request over ThaID to tokens, as a browser without JavaScript goes it."""

from __future__ import annotations

import logging
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import httpx2
import jwt
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from structlog.testing import capture_logs

from api.commands.code_flow import CodeFlow
from api.commands.walk import forms_of, walk
from core.database import Database
from identity.routes import THAID_SANDBOX_PATH
from tests.identity.conftest import LOOPBACK, House, query_of
from tests.identity.people_of_tests import PEOPLE, name_of, national_id

SECOND = timedelta(seconds=1)


async def test_a_persona_signs_in_and_the_token_names_the_person(house: House, database: Database) -> None:
    answer = await house.tokens("elder")
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    viewer = await house.identity.verifier.verify(answer["access_token"])
    async with database.read() as session:
        assert viewer.person == await house.identity.people.find(session, national_id("elder"))
    assert viewer.client == "demo-app"
    assert viewer.scopes == {"openid", "profile", "citizen"}
    assert viewer.acr == "ial2.3-aal2.1"
    assert (viewer.expires_at - house.clock.now()).total_seconds() == 3600


async def test_the_id_token_is_for_the_client_and_carries_the_name(house: House) -> None:
    answer = await house.tokens("elder", scope="openid profile")
    async with house.browser() as browser:
        jwks = (await browser.get("/oauth/jwks")).json()
    key = jwt.PyJWK(jwks["keys"][0])
    claims = jwt.decode(
        answer["id_token"], key, algorithms=["ES256"], audience="demo-app", issuer=house.issuer,
        options={"verify_exp": False, "verify_iat": False},
    )  # fmt: skip
    assert claims["name"] == name_of("elder").th
    assert claims["name#en"] == name_of("elder").en
    assert {"sub", "auth_time", "acr", "at_hash"} <= set(claims)
    assert set(jwks["keys"][0]) == {"kty", "crv", "x", "y", "kid", "use", "alg"}, "no private part is shown"


async def test_no_id_token_without_openid_and_no_name_without_profile(house: House) -> None:
    assert "id_token" not in await house.tokens("elder", scope="citizen")
    claims = jwt.decode((await house.tokens("elder", scope="openid"))["id_token"], options={"verify_signature": False})
    assert "name" not in claims


async def test_a_person_has_another_subject_at_each_client_and_the_same_each_time(house: House) -> None:
    def subject(answer: dict[str, str]) -> str:
        return str(jwt.decode(answer["access_token"], options={"verify_signature": False})["sub"])

    first = subject(await house.tokens("elder"))
    assert subject(await house.tokens("elder")) == first
    assert subject(await house.tokens("officer-one")) != first
    assert subject(await house.tokens("elder", client="sitthi-cli", scope="openid officer")) != first


async def test_userinfo_answers_what_the_scopes_allow(house: House) -> None:
    answer = await house.tokens("elder")
    async with house.browser() as browser:
        bearer = {"Authorization": f"Bearer {answer['access_token']}"}
        info = (await browser.get("/oauth/userinfo", headers=bearer)).json()
        sub = jwt.decode(answer["id_token"], options={"verify_signature": False})["sub"]
        assert info == {"sub": sub, "name": name_of("elder").th, "name#en": name_of("elder").en}
        nobody = await browser.get("/oauth/userinfo")
        assert (nobody.status_code, nobody.headers.get_list("www-authenticate")[0]) == (401, "Bearer")
        forged = await browser.get("/oauth/userinfo", headers={"Authorization": "Bearer x.y.z"})
        assert (forged.status_code, forged.json()) == (401, {"error": "invalid_token"})
        plain = {"Authorization": f"Bearer {(await house.tokens('elder', scope='citizen'))['access_token']}"}
        assert (await browser.get("/oauth/userinfo", headers=plain)).status_code == 403


async def test_what_thaid_says_is_handed_on_without_the_national_id(house: House) -> None:
    viewer = await house.identity.verifier.verify((await house.tokens("elder"))["access_token"])
    [(person, claims, at)] = house.facts.told
    assert (person, at) == (viewer.person, house.clock.now())
    assert claims["birthdate"] == "25010516"
    assert "pid" not in claims


async def test_signing_in_with_a_typed_national_id_is_the_same_person(house: House) -> None:
    flow = house.flow()
    async with house.browser() as browser:
        answer = await flow.redeem(browser, await walk(browser, flow, national_id("elder")))
    by_persona = await house.identity.verifier.verify((await house.tokens("elder"))["access_token"])
    assert (await house.identity.verifier.verify(answer["access_token"])).person == by_persona.person


async def test_thaid_without_its_quirk_signs_in_too(house: House) -> None:
    house.thaid._quirk = False
    assert "access_token" in await house.tokens("elder")


async def test_a_browser_that_is_signed_in_is_asked_before_a_program_on_the_machine_gets_a_code(house: House) -> None:
    async with house.browser() as browser:
        await walk(browser, house.flow(), "elder")
        page = await browser.get(house.flow().address)
        assert page.status_code == 200
        assert name_of("elder").th in page.text
        [form] = forms_of(page.text)
        refused = await browser.post(form.action, data={**form.fields, "answer": "no"})
        assert query_of(refused.headers["location"])["error"] == "access_denied"
        assert refused.headers["location"].startswith(LOOPBACK)
        agreed = await browser.post(form.action, data={**form.fields, "answer": "yes"})
        assert "code" in query_of(agreed.headers["location"])
        other = await browser.post(form.action, data={**form.fields, "answer": "other"})
        assert other.headers["location"].startswith(f"{house.issuer}/signin?return=")
        assert (await browser.get(house.flow().address)).headers["location"].startswith(f"{house.issuer}/signin")


async def test_the_request_a_person_signed_in_for_is_answered_once_without_a_question(house: House) -> None:
    """Else a program could send the browser the same way all day, and get code after code that nobody knows of."""
    flow = house.flow()
    async with house.browser() as browser:
        await walk(browser, flow, "elder")
        again = await browser.get(flow.address)
        assert again.status_code == 200
        assert name_of("elder").th in again.text
        silent = await browser.get(flow.address + "&prompt=none")
        assert query_of(silent.headers["location"])["error"] == "consent_required"


async def test_who_has_to_sign_in_afresh_does_so_once(house: House) -> None:
    """Time passes between signing in and coming back, also where no time may have passed."""

    async def later(request: httpx2.Request) -> None:
        if request.url.path == "/oauth/authorize":
            house.clock.advance(SECOND)

    flow = house.flow()
    fresh = cast("CodeFlow", SimpleNamespace(address=flow.address + "&max_age=0", redirect_uri=flow.redirect_uri))
    async with house.browser() as browser:
        browser.event_hooks = {"request": [later]}
        assert "code" in query_of(await walk(browser, fresh, "elder"))
        answer = await browser.get(fresh.address)
        assert answer.headers["location"].startswith(f"{house.issuer}/signin")


async def test_our_own_pages_get_a_code_without_another_question(house: House) -> None:
    async with house.browser() as browser:
        await walk(browser, house.flow(), "elder")
        answer = await browser.get(house.flow(redirect_uri=f"{house.issuer}/demo/callback").address)
    assert answer.headers["location"].startswith(f"{house.issuer}/demo/callback?code=")


async def test_prompt_none_answers_the_client_instead_of_asking(house: House) -> None:
    async with house.browser() as browser:
        nobody = await browser.get(house.flow().address + "&prompt=none")
        assert query_of(nobody.headers["location"])["error"] == "login_required"
        await walk(browser, house.flow(), "elder")
        silent = await browser.get(house.flow().address + "&prompt=none")
        assert query_of(silent.headers["location"])["error"] == "consent_required"


@pytest.mark.parametrize("extra", ["&prompt=login", "&max_age=0"])
async def test_a_client_can_ask_for_a_fresh_sign_in(house: House, extra: str) -> None:
    async with house.browser() as browser:
        await walk(browser, house.flow(), "elder")
        house.clock.advance(SECOND)
        answer = await browser.get(house.flow().address + extra)
    assert answer.headers["location"].startswith(f"{house.issuer}/signin")


async def test_signing_out_ends_the_session_in_the_browser(house: House) -> None:
    async with house.browser() as browser:
        await walk(browser, house.flow(), "elder")
        secret = browser.cookies["sitthi_session"]
        [form] = forms_of((await browser.get("/signout")).text)
        assert (await browser.post("/signout", data=form.fields)).status_code == 200
        browser.cookies.set("sitthi_session", secret)
        answer = await browser.get(house.flow().address)
    assert answer.headers["location"].startswith(f"{house.issuer}/signin")


async def test_a_tampered_state_signs_nobody_in(house: House) -> None:
    async with house.browser() as browser:
        address = await at_thaid(browser, house)
        returned = await choose(browser, address, "elder")
        tampered = returned.replace(query_of(returned)["state"], "A" * 43)
        answer = await browser.get(tampered)
        assert (answer.status_code, "SIGN_IN_NOT_STARTED" in answer.text) == (400, True)
        assert "sitthi_session" not in browser.cookies


async def test_another_browser_cannot_finish_a_sign_in(house: House) -> None:
    async with house.browser() as browser, house.browser() as other:
        returned = await choose(browser, await at_thaid(browser, house), "elder")
        answer = await other.get(returned)
        assert (answer.status_code, "SIGN_IN_NOT_STARTED" in answer.text) == (400, True)


async def test_a_sign_in_that_takes_too_long_starts_again(house: House) -> None:
    async with house.browser() as browser:
        returned = await choose(browser, await at_thaid(browser, house), "elder")
        house.clock.advance(SECOND * 600)
        assert "SIGN_IN_NOT_STARTED" in (await browser.get(returned)).text


async def test_a_code_of_thaid_works_once(house: House) -> None:
    async with house.browser() as browser:
        returned = await choose(browser, await at_thaid(browser, house), "elder")
        [(name, attempt)] = [(n, v) for n, v in browser.cookies.items() if n.startswith("sitthi_signin_")]
        assert (await browser.get(returned)).status_code == 303
        browser.cookies.set(name, attempt)
        assert "UPSTREAM_NOT_BELIEVED" in (await browser.get(returned)).text


async def test_saying_no_at_thaid_signs_nobody_in(house: House) -> None:
    async with house.browser() as browser:
        page = await browser.get(await at_thaid(browser, house))
        form = next(f for f in forms_of(page.text) if "cancel" in f.fields)
        back = await browser.post(str(page.url).partition("?")[0], data=form.fields)
        answer = await browser.get(back.headers["location"])
        assert (answer.status_code, "SIGN_IN_REFUSED" in answer.text) == (403, True)


async def test_a_silent_thaid_is_a_page_that_says_so(house: House) -> None:
    down = PlainTextResponse("down for maintenance", 503)
    house.app.router.routes[-1] = Mount(THAID_SANDBOX_PATH, app=down)
    async with house.browser() as browser:
        [form] = forms_of((await browser.get("/signin")).text)
        answer = await browser.post("/signin", data=form.fields)
        assert (answer.status_code, "SERVICE_UNAVAILABLE" in answer.text) == (503, True)


async def test_a_form_of_another_site_begins_no_sign_in(house: House) -> None:
    async with house.browser() as browser:
        [form] = forms_of((await browser.get("/signin")).text)
        for fields, headers in (
            ({**form.fields, "csrf": "0" * 64}, {}),
            ({"return": "/"}, {}),
            (form.fields, {"Origin": "https://elsewhere.example"}),
            (form.fields, {"Origin": "null"}),
        ):
            answer = await browser.post("/signin", data=fields, headers=headers)
            assert (answer.status_code, "FORM_NOT_OURS" in answer.text) == (400, True)
        assert (await browser.post("/signin", data=form.fields, headers={"Origin": house.issuer})).status_code == 303
    async with house.browser() as another:
        assert "FORM_NOT_OURS" in (await another.post("/signin", data=form.fields)).text


@pytest.mark.parametrize(
    "elsewhere",
    ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "\\\\elsewhere.example",
     "javascript:x", "/%0d%0aSet-Cookie:x", "/a\r\nb", "http:elsewhere", "/\t/elsewhere.example", "ยาว"],
)  # fmt: skip
async def test_nobody_is_sent_elsewhere_after_signing_in(house: House, elsewhere: str) -> None:
    async with house.browser() as browser:
        page = await browser.get("/signin", params={"return": elsewhere})
        [form] = forms_of(page.text)
        address = (await browser.post("/signin", data={**form.fields, "return": elsewhere})).headers["location"]
        answer = await browser.get(await choose(browser, address, "elder"))
        location = answer.headers["location"]
        assert location.startswith(f"{house.issuer}/")
        assert "\r" not in location
        assert "\n" not in location


async def test_cookies_are_the_servers_alone(house: House) -> None:
    async with house.browser() as browser:
        page = await browser.get("/signin")
        cookie = page.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "secure" not in cookie, "over http a Secure cookie would be lost"
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"


async def test_no_national_id_is_in_any_address_or_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []

    async def note(request: httpx2.Request) -> None:
        seen.append(str(request.url))

    with caplog.at_level(logging.DEBUG), capture_logs() as logged:
        async with house.browser() as browser:
            browser.event_hooks["request"].append(note)
            flow = house.flow()
            callback = await walk(browser, flow, national_id("elder"))
            answer = await flow.redeem(browser, callback)
            await browser.get(f"/signin/return?state=x&code={answer['access_token'][:8]}")
        text = "\n".join([*seen, callback, *map(str, logged), *(str(record.getMessage()) for record in caplog.records)])
    assert len(seen) > 5
    for person in PEOPLE.values():
        assert person.national_id not in text
    payload = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert PEOPLE["elder"].national_id not in str(payload)


async def at_thaid(browser: httpx2.AsyncClient, house: House) -> str:
    """Begins at our sign-in page; answers where ThaID's is."""
    [form] = forms_of((await browser.get("/signin")).text)
    return str((await browser.post("/signin", data=form.fields)).headers["location"])


async def choose(browser: httpx2.AsyncClient, thaid_address: str, persona: str) -> str:
    """Signs in at ThaID; answers where it sends the browser back."""
    page = await browser.get(thaid_address)
    form = next(f for f in forms_of(page.text) if f.fields.get("persona") == persona)
    answer = await browser.post(str(page.url).partition("?")[0], data=form.fields)
    return str(answer.headers["location"])
