"""What a request asks of the person (OpenID Connect Core §3.1.2, RFC 9470), and that nobody is sent in circles."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx2
import jwt
import pytest
from sqlalchemy import select

from core.database import Database
from identity.provider.models import AuthorizationCode, Client
from identity.provider.sessions import SignInSessions
from tests.identity.conftest import LOOPBACK, House, query_of
from tests.identity.provider.front import ASKED, CALLBACK, Bank, sign_in, went
from tests.identity.provider.key_holders import WITHOUT, KeyHolder, changed, register

SECOND = timedelta(seconds=1)


@pytest.fixture
async def browser(house: House, database: Database) -> Any:
    """Of somebody who uses a web app: public, not held to FAPI, called back by https."""
    await register(database, house.clock, auth_method="none", fapi=False, dpop_bound=False)
    async with house.browser() as browser:
        yield browser


def address(**changes: Any) -> str:
    return f"/oauth/authorize?{urlencode(changed(ASKED, changes), doseq=True)}"


async def sent_to_sign_in(house: House, browser: httpx2.AsyncClient, place: str) -> dict[str, str]:
    """The parameters of the sign-in page that the person is sent to."""
    answer = await browser.get(place)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"{house.issuer}/signin?"), answer.headers["location"]
    return query_of(answer.headers["location"])


async def test_who_is_signed_in_goes_straight_back(house: House, browser: httpx2.AsyncClient) -> None:
    await sign_in(house, browser)
    assert "code" in await went(browser, address())


async def test_all_the_request_says_is_kept_with_the_code(
    house: House, browser: httpx2.AsyncClient, database: Database
) -> None:
    jkt = KeyHolder.make().jkt
    await sign_in(house, browser)
    await went(browser, address(dpop_jkt=jkt, resource=f"{house.issuer}/graphql"))
    async with database.read() as session:
        [code] = (await session.scalars(select(AuthorizationCode))).all()
    assert (code.dpop_jkt, code.resources, code.nonce) == (jkt, [f"{house.issuer}/graphql"], ASKED["nonce"])
    assert (code.acr, code.amr) == ("ial2.3-aal2.1", ["fed"])
    assert (code.expires_at - house.clock.now()).total_seconds() == 60


async def test_resource_may_be_repeated_and_nothing_else(
    house: House, browser: httpx2.AsyncClient, database: Database
) -> None:
    async with database.write() as session:
        row = await session.get(Client, "bank")
        assert row is not None
        row.resources = ["/graphql", "/officer"]
    await sign_in(house, browser)
    both = [f"{house.issuer}/officer", f"{house.issuer}/graphql"]
    assert "code" in await went(browser, address(resource=both))
    one_unknown = [both[0], "https://elsewhere.example/"]
    assert (await went(browser, address(resource=one_unknown)))["error"] == "invalid_target"
    assert (await browser.get(address(scope=["openid", "profile"]))).status_code == 400
    assert (await browser.get(address(acr_values=["aal2.1", "aal2.2"]))).status_code == 400


async def test_hints_that_we_do_not_use_change_nothing(house: House, browser: httpx2.AsyncClient) -> None:
    """OpenID Connect Core §3.1.2.1: what is not understood is passed over; a name given as a hint is not shown."""
    await sign_in(house, browser)
    unused = {"login_hint": "somebody@else.example", "ui_locales": "th en fr", "display": "popup", "claims": "{}"}
    assert "code" in await went(browser, address(**unused, unknown="1"))
    page = await browser.get(address(login_hint="<script>", client_id="demo-app", redirect_uri=LOOPBACK))
    assert (page.status_code, "<script>" in page.text) == (200, False)


@pytest.mark.parametrize("prompt", ["login", "select_account", "login consent"])
async def test_prompt_asks_for_a_sign_in_once(house: House, browser: httpx2.AsyncClient, prompt: str) -> None:
    await sign_in(house, browser)
    place = address(prompt=prompt)
    going_to = (await sent_to_sign_in(house, browser, place))["return"]
    await sign_in(house, browser, for_request=going_to)
    if "consent" in prompt:
        assert (await browser.get(going_to)).status_code == 200
        return
    assert "code" in await went(browser, going_to)
    await sent_to_sign_in(house, browser, going_to)


async def test_an_unanswered_request_found_in_the_history_asks_again(house: House, browser: httpx2.AsyncClient) -> None:
    """Who opens it later in the same browser may be somebody else."""
    place = address(prompt="login")
    await sign_in(house, browser, for_request=place)
    house.clock.advance(601 * SECOND)
    await sent_to_sign_in(house, browser, place)
    on_this_machine = address(client_id="demo-app", redirect_uri=LOOPBACK)
    await sign_in(house, browser, for_request=on_this_machine)
    house.clock.advance(601 * SECOND)
    assert (await browser.get(on_this_machine)).status_code == 200, "the page that asks whether to go on"


@pytest.mark.parametrize("seconds", [0, 600])
async def test_a_sign_in_for_a_request_counts_for_as_long_as_one_may_take(
    house: House, browser: httpx2.AsyncClient, seconds: int
) -> None:
    await sign_in(house, browser, for_request=address(prompt="login"))
    house.clock.advance(seconds * SECOND)
    assert "code" in await went(browser, address(prompt="login"))


async def test_prompt_inside_a_pushed_request_asks_once_too(house: House, database: Database) -> None:
    bank = await Bank.registered(house, database)
    async with house.browser() as browser:
        await sign_in(house, browser)
        place = await bank.pushed(browser, prompt="login", max_age="0")
        going_to = (await sent_to_sign_in(house, browser, place))["return"]
        await sign_in(house, browser, for_request=going_to)
        assert "code" in await went(browser, going_to)


async def test_prompt_consent_asks_whom_it_would_not_ask(house: House, browser: httpx2.AsyncClient) -> None:
    await sign_in(house, browser)
    page = await browser.get(address(prompt="consent"))
    assert page.status_code == 200
    assert "ธนาคารทดสอบ" in page.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"prompt": "none"}, None),
        ({"prompt": "none", "max_age": "3600"}, None),
        ({"prompt": "none", "max_age": "59"}, "login_required"),
        ({"prompt": "none", "acr_values": "aal2.1"}, None),
        ({"prompt": "none", "acr_values": "aal2.2"}, "login_required"),
        ({"prompt": "none", "acr_values": "aal3"}, "unmet_authentication_requirements"),
        ({"prompt": "none", "client_id": "demo-app", "redirect_uri": LOOPBACK}, "consent_required"),
    ],
)
async def test_without_a_question_there_is_a_code_or_the_reason_why_not(
    house: House, browser: httpx2.AsyncClient, changes: dict[str, str], error: str | None
) -> None:
    await sign_in(house, browser)
    house.clock.advance(60 * SECOND)
    given = query_of((await browser.get(address(**changes))).headers["location"])
    assert given.get("error") == error
    assert ("code" in given, given["state"], given["iss"]) == (error is None, ASKED["state"], house.issuer)


@pytest.mark.parametrize("where", ["th.go.example.app:/callback", "http://localhost:5173/callback"])
async def test_a_program_on_the_device_gets_no_code_without_an_act_of_the_person(
    house: House, database: Database, where: str
) -> None:
    """RFC 8252 §8.6: any program may take an app's scheme or port, and say that it is that app."""
    fields = {"redirect_uris": [where], "auth_method": "none", "fapi": False, "dpop_bound": False}
    await register(database, house.clock, **fields)
    async with house.browser() as browser:
        await sign_in(house, browser)
        told = query_of((await browser.get(address(redirect_uri=where, prompt="none"))).headers["location"])
        assert told["error"] == "consent_required"
        page = await browser.get(address(redirect_uri=where))
        assert (page.status_code, "ธนาคารทดสอบ" in page.text) == (200, True)
        await sign_in(house, browser, for_request=address(redirect_uri=where))
        answer = await browser.get(address(redirect_uri=where))
        assert "code" in query_of(answer.headers["location"]), "signing in for it was the act"


async def test_nobody_signed_in_is_login_required_without_a_question(browser: httpx2.AsyncClient) -> None:
    assert (await went(browser, address(prompt="none")))["error"] == "login_required"


@pytest.mark.parametrize(("age", "is_asked"), [(0, False), (100, False), (101, True), (3_600, True)])
async def test_a_sign_in_older_than_max_age_is_made_anew(
    house: House, browser: httpx2.AsyncClient, age: int, is_asked: bool
) -> None:
    await sign_in(house, browser)
    house.clock.advance(age * SECOND)
    answer = await browser.get(address(max_age="100"))
    assert answer.headers["location"].startswith(f"{house.issuer}/signin?" if is_asked else f"{CALLBACK}?")


async def test_a_sign_in_that_grew_too_old_on_the_page_that_asks_is_made_anew(
    house: House, browser: httpx2.AsyncClient
) -> None:
    """What was checked when the page was shown is checked again when it is answered."""
    await sign_in(house, browser)
    page = await browser.get(address(prompt="consent", max_age="100"))
    house.clock.advance(101 * SECOND)
    fields = {"csrf": page.text.partition('name="csrf" value="')[2].partition('"')[0], "answer": "yes"}
    fields["request"] = address(prompt="consent", max_age="100")
    answer = await browser.post("/oauth/authorize/confirm", data=fields)
    assert answer.headers["location"].startswith(f"{house.issuer}/signin?")


@pytest.mark.parametrize(
    ("acr_values", "page"),
    [
        ("aal2.2", "ial1.1-aal2.2"),
        ("ial2.3-aal2.2", "ial2.3-aal2.2"),
        ("silver ial2.3-aal2.2", "ial2.3-aal2.2"),
        ("aal3 aal2.2", "ial1.1-aal2.2"),
        ("aal2.2 ial2.3-aal2.2", "ial1.1-aal2.2"),
    ],
)
async def test_a_weaker_sign_in_is_stepped_up(
    house: House, browser: httpx2.AsyncClient, acr_values: str, page: str
) -> None:
    """RFC 9470 §5: the sign-in page is told what would do, and the request goes on when it is met."""
    await sign_in(house, browser)
    asked = await sent_to_sign_in(house, browser, address(acr_values=acr_values))
    assert asked["acr"] == page
    await sign_in(house, browser, acr="ial2.3-aal2.2", for_request=asked["return"])
    assert "code" in await went(browser, asked["return"])


@pytest.mark.parametrize("acr_values", ["aal2.1", "ial2.3", "ial2.3-aal2.1", "aal2.2 aal2.1", "silver aal1", "ial1.1"])
async def test_a_sign_in_that_is_sure_enough_is_not_asked_for_again(
    house: House, browser: httpx2.AsyncClient, acr_values: str
) -> None:
    await sign_in(house, browser)
    assert "code" in await went(browser, address(acr_values=acr_values))


async def test_stepping_up_keeps_the_session_and_its_person(house: House, browser: httpx2.AsyncClient) -> None:
    await sign_in(house, browser)
    going_to = (await sent_to_sign_in(house, browser, address(acr_values="aal2.2")))["return"]
    sessions = SignInSessions(house.identity.keys, house.clock)
    async with house.identity.db.write() as session:
        who = await sessions.find(session, browser.cookies.get("sitthi_session"))
        assert who is not None
        secret = await sessions.strengthen(session, who, acr="ial2.3-aal2.2", amr=["fed", "hwk"], for_request=going_to)
        assert secret is not None
    browser.cookies.set("sitthi_session", secret, domain="localhost.local")
    assert "code" in await went(browser, going_to)


async def test_who_signs_in_by_thaid_for_a_passkeys_level_is_asked_for_the_passkey_next(
    house: House, browser: httpx2.AsyncClient
) -> None:
    asked = await sent_to_sign_in(house, browser, address(acr_values="aal2.2"))
    await sign_in(house, browser, for_request=asked["return"])
    assert await sent_to_sign_in(house, browser, asked["return"]) == asked


async def test_a_person_whose_proofing_is_too_weak_is_not_sent_in_circles(
    house: House, browser: httpx2.AsyncClient
) -> None:
    """OpenID Connect Core Error Code unmet_authentication_requirements."""
    await sign_in(house, browser, acr="ial2.1-aal2.1")
    going_to = (await sent_to_sign_in(house, browser, address(acr_values="ial2.3-aal2.1")))["return"]
    await sign_in(house, browser, acr="ial2.1-aal2.2", for_request=going_to)
    given = await went(browser, going_to)
    assert (given["error"], given["state"]) == ("unmet_authentication_requirements", ASKED["state"])


async def id_token(house: House, who: str = "elder") -> str:
    return str((await house.tokens(who, scope="openid"))["id_token"])


async def test_the_person_a_client_believes_in_is_recognised(house: House, browser: httpx2.AsyncClient) -> None:
    hint = await id_token(house)
    of_demo = {"client_id": "demo-app", "redirect_uri": LOOPBACK, "id_token_hint": hint}
    await sign_in(house, browser, for_request=address(**of_demo, prompt="none"))
    given = query_of((await browser.get(address(**of_demo, prompt="none"))).headers["location"])
    assert "code" in given
    house.clock.advance(timedelta(hours=1))
    await sign_in(house, browser, for_request=address(**of_demo, prompt="none"))
    given = query_of((await browser.get(address(**of_demo, prompt="none"))).headers["location"])
    assert "code" in given, "an expired ID token is a hint as well"


async def test_another_person_than_the_client_believes_in_is_login_required(
    house: House, browser: httpx2.AsyncClient
) -> None:
    hint = await id_token(house)
    of_demo = {"client_id": "demo-app", "redirect_uri": LOOPBACK, "id_token_hint": hint}
    await sign_in(house, browser, "officer-one")
    given = query_of((await browser.get(address(**of_demo, prompt="none"))).headers["location"])
    assert given["error"] == "login_required"
    going_to = (await sent_to_sign_in(house, browser, address(**of_demo)))["return"]
    await sign_in(house, browser, "officer-two", for_request=going_to)
    assert query_of((await browser.get(going_to)).headers["location"])["error"] == "login_required"


async def test_a_hint_that_is_not_this_clients_id_token_is_refused(house: House, browser: httpx2.AsyncClient) -> None:
    hint = await id_token(house)
    access = str((await house.tokens("elder"))["access_token"])
    header, payload, signature = hint.split(".")
    forged = jwt.encode(jwt.decode(hint, options={"verify_signature": False}), "k" * 32, headers={"kid": "x"})
    await sign_in(house, browser)
    for wrong in (hint, access, forged, "x.y.z", "", f"{header}.{payload}.", f"{header}.{payload[::-1]}.{signature}"):
        answer = await browser.get(address(id_token_hint=wrong, prompt="none"))
        assert (answer.status_code, answer.headers.get("location")) == (400, None), wrong


async def test_a_client_held_to_fapi_must_push(house: House, database: Database) -> None:
    await Bank.registered(house, database)
    async with house.browser() as browser:
        await sign_in(house, browser)
        given = await went(browser, address())
        assert (given["error"], given["iss"]) == ("invalid_request", house.issuer)


async def test_a_request_too_long_for_a_cookie_is_told_to_be_pushed(browser: httpx2.AsyncClient) -> None:
    assert (await browser.get(address(state="x" * 1_900))).status_code == 400


@pytest.mark.parametrize(
    "uri",
    [
        "https://bank.example/callback/",
        "https://bank.example/callback/../callback",
        "https://bank.example/callback#",
        "https://bank.example/callback?",
        "https://bank.example:443/callback",
        "https://bank.example/%63allback",
        "https://bank.example@evil.example/callback",
        "https://bank.example.evil.example/callback",
        "https://evil.example/callback",
        "http://bank.example/callback",
        "//bank.example/callback",
        "https://bank.example\\@evil.example/callback",
        "javascript:alert(1)//bank.example/callback",
        "https://bank.example/callback\r\nSet-Cookie: a=b",
        LOOPBACK,
    ],
)
async def test_nobody_is_redirected_to_an_address_that_is_not_registered_letter_for_letter(
    house: House, browser: httpx2.AsyncClient, uri: str
) -> None:
    """RFC 9700 §4.1: no patterns, no normalisation; and never an open redirector, with an error either (§4.11)."""
    await sign_in(house, browser)
    for changes in ({}, {"scope": "nonsense"}, {"prompt": "none"}, {"code_challenge": WITHOUT}):
        answer = await browser.get(address(redirect_uri=uri, **changes))
        assert (answer.status_code, answer.headers.get("location")) == (400, None)


async def test_an_answer_says_who_answers_whether_code_or_error(house: House, browser: httpx2.AsyncClient) -> None:
    """RFC 9207 §2, against mix-up (RFC 9700 §4.4)."""
    await sign_in(house, browser)
    for changes in ({}, {"scope": "nonsense"}, {"prompt": "none", "acr_values": "aal2.2"}):
        assert (await went(browser, address(**changes)))["iss"] == house.issuer


async def test_the_host_header_steers_no_redirect(house: House, browser: httpx2.AsyncClient) -> None:
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    answer = await browser.get(address(), headers=evil)
    assert answer.headers["location"].startswith(f"{house.issuer}/signin?")
    posted = await browser.post("/oauth/authorize", data=ASKED, headers=evil)
    assert posted.headers["location"].startswith(f"{house.issuer}/oauth/authorize?")
    await sign_in(house, browser)
    answered = await browser.get(address(), headers=evil)
    assert query_of(answered.headers["location"])["iss"] == house.issuer


async def test_a_code_cannot_be_injected_into_anothers_session(house: House, browser: httpx2.AsyncClient) -> None:
    """RFC 9700 §4.5: the attacker has a code of the victim, and a verifier of their own."""
    await sign_in(house, browser)
    code = (await went(browser, address()))["code"]
    fields = {"grant_type": "authorization_code", "client_id": "bank", "code": code, "redirect_uri": CALLBACK}
    stolen = await browser.post("/oauth/token", data={**fields, "code_verifier": "a" * 43})
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    missing = await browser.post("/oauth/token", data=fields)
    assert missing.status_code == 400
    rightful = await browser.post("/oauth/token", data={**fields, "code_verifier": "v" * 43})
    assert rightful.status_code == 200


async def test_no_other_site_reads_or_frames_the_authorization_endpoint(
    house: House, browser: httpx2.AsyncClient
) -> None:
    """FAPI 2.0 Security Profile §5.2.2: no CORS here; RFC 9700 §4.16: no frames."""
    await sign_in(house, browser)
    page = await browser.get(address(prompt="consent"), headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in page.headers
    assert page.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
