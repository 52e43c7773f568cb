"""The authorization endpoint: who is sent back where, and who never is."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from identity.provider.clients import is_loopback
from tests.identity.conftest import LOOPBACK, House, query_of

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
GOOD = {
    "response_type": "code",
    "client_id": "demo-app",
    "redirect_uri": LOOPBACK,
    "scope": "openid",
    "state": "s t/a\"te'",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


async def ask(house: House, query: str) -> tuple[int, str, str]:
    async with house.browser() as browser:
        answer = await browser.get(f"/oauth/authorize?{query}")
        return answer.status_code, answer.headers.get("location", ""), answer.text


def but(**changes: str | None) -> str:
    return urlencode({name: value for name, value in {**GOOD, **changes}.items() if value is not None})


async def test_a_good_request_goes_to_the_sign_in_page(house: House) -> None:
    status, location, _ = await ask(house, but())
    assert (status, location.startswith(f"{house.issuer}/signin?return=%2Foauth%2Fauthorize%3F")) == (303, True)


async def test_a_request_by_post_goes_on_as_one_by_get(house: House) -> None:
    async with house.browser() as browser:
        answer = await browser.post("/oauth/authorize", data=GOOD)
        assert answer.status_code == 303
        assert (await browser.get(answer.headers["location"])).headers["location"].startswith(f"{house.issuer}/signin")


@pytest.mark.parametrize(
    ("query", "error"),
    [
        (but(client_id="nobody"), "invalid_client"),
        (but(client_id=None), "invalid_client"),
        (but(client_id="demo-app\x00"), "invalid_request"),
        (but(redirect_uri=None), "invalid_request"),
        (but(redirect_uri="https://evil.example/callback"), "invalid_request"),
        (but(redirect_uri='https://evil.example/"\\é'), "invalid_request"),
        (but(redirect_uri="{issuer}/demo/callback"), "invalid_request"),
        (but(redirect_uri="http://localhost:8000/demo/callback/"), "invalid_request"),
        (but(redirect_uri="http://localhost:8000/demo/callback?next=//evil.example"), "invalid_request"),
        (but(client_id="sitthi-cli", redirect_uri="http://localhost:8000/demo/callback"), "invalid_request"),
        (but() + "&client_id=demo-app", "invalid_request"),
        (but() + "&redirect_uri=https%3A%2F%2Fevil.example", "invalid_request"),
        (but() + "&state=two", "invalid_request"),
        (but(response_type='c"\\é'), "invalid_request"),
        (but(response_type=None), "invalid_request"),
        (but(state="x" * 2_049), "invalid_request"),
        (but(state="x" * 1_900), "invalid_request"),
        ("", "invalid_request"),
        ("%ff%fe=%00", "invalid_request"),
    ],
)
async def test_a_request_that_cannot_be_trusted_is_never_sent_back(house: House, query: str, error: str) -> None:
    status, location, page = await ask(house, query)
    assert (status, location) == (400, "")
    assert f"<code>{error}</code>" in page
    assert "evil.example" not in page


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "invalid_request"),
        ({"scope": "openid everything"}, "invalid_scope"),
        ({"scope": "officer"}, "invalid_scope"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": CHALLENGE[:-1]}, "invalid_request"),
        ({"code_challenge": CHALLENGE[:-1] + "="}, "invalid_request"),
        ({"request": "e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.example/"}, "request_uri_not_supported"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1" * 10}, "invalid_request"),
        ({"max_age": ""}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"dpop_jkt": "x"}, "invalid_request"),
        ({"dpop_jkt": "=" * 43}, "invalid_request"),
        ({"resource": "https://elsewhere.example"}, "invalid_target"),
        ({"resource": "/graphql"}, "invalid_target"),
        ({"acr_values": "silver gold"}, "unmet_authentication_requirements"),
        ({"acr_values": "aal3"}, "unmet_authentication_requirements"),
        ({"acr_values": "ial3 ial3-aal2.1"}, "unmet_authentication_requirements"),
    ],
)
async def test_an_error_the_client_should_know_goes_back_with_state_and_issuer(
    house: House, changes: dict[str, str | None], error: str
) -> None:
    status, location, page = await ask(house, but(**changes))
    if error == "invalid_request" and changes.get("response_type"):
        assert (status, location) == (400, ""), "a malformed response_type is nobody's to answer"
        return
    assert (status, page) == (303, "")
    assert location.startswith(f"{LOOPBACK}?")
    given = query_of(location)
    assert (given["error"], given["state"], given["iss"]) == (error, GOOD["state"], house.issuer)


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1/callback",
        "http://127.0.0.1:1/",
        "http://127.0.0.1:65535/a/b",
        "http://[::1]:8080/cb",
        "http://[::1]",
    ],
)
def test_any_port_of_this_machine_is_a_loopback_address(uri: str) -> None:
    assert is_loopback(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "https://127.0.0.1/callback",
        "http://localhost:1234/callback",
        "http://127.0.0.2/callback",
        "http://127.0.0.1.evil.example/",
        "http://127.0.0.1@evil.example/",
        "http://127.0.0.1:80@evil.example/",
        "http://evil.example/http://127.0.0.1/",
        "http://127.0.0.1:65536/",
        "http://127.0.0.1:/",
        "http://127.0.0.1:١٢/",
        "http://127.0.0.1/a?b=c",
        "http://127.0.0.1/a#b",
        "http://127.0.0.1\\evil.example/",
        "http://127.0.0.1/\n",
        "HTTP://127.0.0.1/",
        "http://[::1].evil.example/",
        "http://0.0.0.0/",
    ],
)
def test_nothing_else_is(uri: str) -> None:
    assert not is_loopback(uri)
