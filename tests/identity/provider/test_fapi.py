"""Every rule of the FAPI 2.0 Security Profile for servers, by its section, and the test that holds it.

§5.2 Network
  1 TLS 1.2 or later, 2 its cipher suites: not ours. TLS ends at the balancer before us (docs/adr/0013); what is ours of
    it, HSTS and `__Host-` cookies under https, is in tests/api/test_security.py.
  3 no CORS for the authorization endpoint: test_authorize_journeys, …_reads_or_frames_the_authorization_endpoint.
§5.3.2.1 Authorization servers, in general
  1 discovery: test_discovery_is_published_in_both_places
  2 no password grant: test_the_password_grant_is_refused
  3 confidential clients only: test_a_public_client_cannot_be_held_to_the_profile
  4, 5 sender-constrained tokens by DPoP: test_only_tokens_bound_to_a_key_are_issued
  6 private_key_jwt: test_clients_prove_themselves_with_a_key_at_every_endpoint
  7 no open redirectors: test_nobody_is_redirected_to_an_address_that_is_not_registered
  8 the issuer, a string, as audience: test_only_the_issuer_as_a_string_is_the_audience_of_an_assertion
  9 no refresh rotation: test_a_refresh_token_is_not_rotated
 10 nonces of the server: test_a_proof_with_a_wrong_clock_goes_on_with_a_nonce
 11 codes live 60 seconds at most: test_a_code_lives_a_minute
 12 code binding to the DPoP key: test_pushed, …_binds_the_code_to_its_key, …_binds_the_code_too
 13 clocks: test_a_clock_ten_seconds_ahead_is_right_and_one_more_than_a_minute_ahead_is_wrong. A proof that carries a
    nonce of ours is judged by the nonce (RFC 9449 §4.3, item 11; docs/adr/0013).
 14 least privilege (should): test_a_token_opens_the_one_resource_that_was_asked_for
§5.3.2.2 Authorization endpoint
  1 response_type code: test_the_response_type_is_code
  2, 3 requests are pushed: test_a_request_that_was_not_pushed_is_refused
  4 by authenticated clients: test_pushed, test_who_asks_must_prove_it
  5 PKCE with S256: test_pkce_is_required_with_s256
  6 redirect_uri in the pushed request: test_redirect_uri_is_required
  7 iss in the response: test_the_response_says_who_answers
  8 no plain http: test_an_answer_never_goes_over_plain_http
  9 a code works once: test_a_code_works_once
 10, 11 303 and never 307: test_redirects_are_303
 12 request_uri for less than 600 seconds: test_pushed, …_gets_a_name_for_less_than_ten_minutes
 13 informed consent (should): apps of the state's own need none here; where a page asks, it names client and person.
 14 nonce of 64 characters: test_a_nonce_of_64_characters_comes_back
§5.3.4 Resource servers
  1, 2 tokens in the header alone: test_a_token_is_taken_from_the_header_alone
  3 validity and revocation, 4 scope, 5 the key: test_a_stolen_token_is_worth_nothing_without_its_key; the rest in
    test_verifier.py and tests/identity/provider/test_revoc*.py
§5.4 Cryptography: algorithms, sizes, `none`: test_dpop.py, test_client_authentication.py; 128 bits of entropy:
  test_secrets_have_at_least_128_bits. §5.4.3 duplicate kid: test_client_authentication.py.
MTLS (RFC 8705) is the profile's other way; we offer one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import jwt
import pytest
from authlib.oauth2.rfc6749 import InvalidRequestError
from pydantic import SecretStr

from core.database import Database
from core.settings import Environment, Settings
from identity.provider.authorization_request import AuthorizationRequests, canonical
from identity.provider.known_clients import KnownClients
from identity.provider.sessions import SignInSessions
from tests.identity.conftest import LOOPBACK, House, query_of
from tests.identity.provider.front import ASKED, BANK, CALLBACK, Bank, refused_on_a_page, sign_in, went
from tests.identity.provider.key_holders import WITHOUT, KeyHolder, register


@pytest.fixture
async def bank(house: House, database: Database) -> Bank:
    return await Bank.registered(house, database, refresh_seconds=3_600)


@pytest.fixture
async def browser(house: House) -> Any:
    async with house.browser() as browser:
        yield browser


async def code_of(bank: Bank, browser: httpx2.AsyncClient, **changes: Any) -> str:
    await sign_in(bank.house, browser)
    return (await went(browser, await bank.pushed(browser, **changes)))["code"]


async def tokens_of(bank: Bank, browser: httpx2.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await bank.redeem(browser, await code_of(bank, browser, **changes))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def userinfo_proof(bank: Bank, token: str, holder: KeyHolder | None = None) -> dict[str, str]:
    url = f"{bank.house.issuer}/oauth/userinfo"
    proof = (holder or bank.proofs).proof(bank.house.clock, "GET", url, access_token=token)
    return {"Authorization": f"DPoP {token}", "DPoP": proof}


async def test_discovery_is_published_in_both_places(house: House, browser: httpx2.AsyncClient) -> None:
    for name in ("openid-configuration", "oauth-authorization-server"):
        assert (await browser.get(f"/.well-known/{name}")).json()["issuer"] == house.issuer


async def test_the_password_grant_is_refused(bank: Bank, browser: httpx2.AsyncClient) -> None:
    fields = {"grant_type": "password", "username": "a", "password": "b", **bank.assertion()}
    answer = await browser.post("/oauth/token", data=fields, headers=bank.proof("/oauth/token"))
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


async def test_a_public_client_cannot_be_held_to_the_profile(
    house: House, browser: httpx2.AsyncClient, database: Database
) -> None:
    """If such a row were there, it would be nobody."""
    await register(database, house.clock, auth_method="none", fapi=True)
    fields = {"grant_type": "authorization_code", "client_id": BANK, "code": "x"}
    assert (await browser.post("/oauth/token", data=fields)).status_code == 401
    assert (await browser.post("/oauth/par", data=ASKED)).status_code == 401


async def test_only_tokens_bound_to_a_key_are_issued(bank: Bank, browser: httpx2.AsyncClient) -> None:
    code = await code_of(bank, browser)
    bare = await bank.redeem(browser, code, headers={})
    assert (bare.status_code, bare.json()["error"]) == (400, "invalid_dpop_proof")
    bound = (await bank.redeem(browser, code)).json()
    assert bound["token_type"] == "DPoP"
    claims = jwt.decode(bound["access_token"], options={"verify_signature": False})
    assert claims["cnf"] == {"jkt": bank.proofs.jkt}


async def test_clients_prove_themselves_with_a_key_at_every_endpoint(bank: Bank, browser: httpx2.AsyncClient) -> None:
    nothing = {"client_id": BANK}
    strangers = KeyHolder.make().assertion(bank.house.clock, BANK, bank.house.issuer)
    for path in ("/oauth/par", "/oauth/token", "/oauth/revoke", "/oauth/introspect"):
        for proof in (nothing, strangers, {**nothing, "client_secret": "x"}):
            fields = {**ASKED, "grant_type": "authorization_code", "code": "x", "token": "x", **proof}
            answer = await browser.post(path, data=fields)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), path


async def test_nobody_is_redirected_to_an_address_that_is_not_registered(
    bank: Bank, browser: httpx2.AsyncClient
) -> None:
    for uri in ("https://evil.example/", f"{CALLBACK}/..", f"{CALLBACK}?next=https://evil.example", LOOPBACK):
        answer = await bank.push(browser, redirect_uri=uri)
        assert (answer.status_code, answer.headers.get("location")) == (400, None)
        query = canonical(list({**ASKED, "redirect_uri": uri}.items()))
        assert await refused_on_a_page(browser, query) == "invalid_request"


async def test_only_the_issuer_as_a_string_is_the_audience_of_an_assertion(
    bank: Bank, browser: httpx2.AsyncClient
) -> None:
    issuer = bank.house.issuer
    wrong: list[Any] = [[issuer], [issuer, "https://other.example"], f"{issuer}/oauth/token", f"{issuer}/oauth/par"]
    for audience in (*wrong, f"{issuer}/", "https://other.example"):
        assert (await bank.push(browser, **bank.assertion(aud=audience))).status_code == 401
    assert (await bank.push(browser, **bank.assertion(aud=issuer))).status_code == 201


async def test_a_refresh_token_is_not_rotated(bank: Bank, browser: httpx2.AsyncClient) -> None:
    token = (await tokens_of(bank, browser))["refresh_token"]
    for _ in range(2):
        fields = {"grant_type": "refresh_token", "refresh_token": token, **bank.assertion()}
        answer = await browser.post("/oauth/token", data=fields, headers=bank.proof("/oauth/token"))
        assert answer.status_code == 200
        assert answer.json().get("refresh_token", token) == token


async def test_a_proof_with_a_wrong_clock_goes_on_with_a_nonce(bank: Bank, browser: httpx2.AsyncClient) -> None:
    code = await code_of(bank, browser)
    an_hour_off = int(bank.house.clock.now().timestamp()) - 3_600
    asked = await bank.redeem(browser, code, headers=bank.proof("/oauth/token", iat=an_hour_off))
    assert (asked.status_code, asked.json()["error"]) == (400, "use_dpop_nonce")
    again = bank.proof("/oauth/token", iat=an_hour_off, nonce=asked.headers["dpop-nonce"])
    assert (await bank.redeem(browser, code, headers=again)).status_code == 200


async def test_a_proof_that_is_asked_for_again_has_not_spent_the_assertion(
    bank: Bank, browser: httpx2.AsyncClient
) -> None:
    code, assertion = await code_of(bank, browser), bank.assertion()
    an_hour_off = int(bank.house.clock.now().timestamp()) - 3_600
    asked = await bank.redeem(browser, code, headers=bank.proof("/oauth/token", iat=an_hour_off), **assertion)
    again = bank.proof("/oauth/token", iat=an_hour_off, nonce=asked.headers["dpop-nonce"])
    assert (await bank.redeem(browser, code, headers=again, **assertion)).status_code == 200


@pytest.mark.parametrize(("seconds", "status"), [(59, 200), (60, 400)])
async def test_a_code_lives_a_minute(bank: Bank, browser: httpx2.AsyncClient, seconds: int, status: int) -> None:
    code = await code_of(bank, browser)
    bank.house.clock.advance(timedelta(seconds=seconds))
    assert (await bank.redeem(browser, code)).status_code == status


@pytest.mark.parametrize(("seconds", "is_right"), [(0, True), (10, True), (61, False), (3_600, False)])
async def test_a_clock_ten_seconds_ahead_is_right_and_one_more_than_a_minute_ahead_is_wrong(
    bank: Bank, browser: httpx2.AsyncClient, seconds: int, is_right: bool
) -> None:
    then = int(bank.house.clock.now().timestamp()) + seconds
    for claims in ({"iat": then, "exp": then + 60}, {"nbf": then, "exp": then + 60}):
        assert (await bank.push(browser, **bank.assertion(**claims))).status_code == (201 if is_right else 401)
    proven = await bank.push(browser, headers=bank.proof("/oauth/par", iat=then))
    assert proven.status_code == (201 if is_right else 400)


async def test_a_token_opens_the_one_resource_that_was_asked_for(
    house: House, browser: httpx2.AsyncClient, database: Database
) -> None:
    bank = await Bank.registered(house, database, resources=["/graphql", "/officer"])
    token = (await tokens_of(bank, browser, resource=f"{house.issuer}/officer"))["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["aud"], claims["scope"]) == (f"{house.issuer}/officer", "openid")


async def test_the_response_type_is_code(bank: Bank, browser: httpx2.AsyncClient) -> None:
    for response_type in ("token", "id_token", "code id_token", "code token", "none", ""):
        assert (await bank.push(browser, response_type=response_type)).status_code == 400


async def test_a_request_that_was_not_pushed_is_refused(bank: Bank, browser: httpx2.AsyncClient) -> None:
    await sign_in(bank.house, browser)
    assert (await went(browser, canonical(list(ASKED.items()))))["error"] == "invalid_request"


async def test_pkce_is_required_with_s256(bank: Bank, browser: httpx2.AsyncClient) -> None:
    none: dict[str, Any] = {"code_challenge": WITHOUT, "code_challenge_method": WITHOUT}
    plain: dict[str, Any] = {"code_challenge_method": "plain"}
    unsaid: dict[str, Any] = {"code_challenge_method": WITHOUT}
    for changes in (none, plain, unsaid):
        answer = await bank.push(browser, **changes)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    code = await code_of(bank, browser)
    assert (await bank.redeem(browser, code, code_verifier="w" * 43)).status_code == 400


async def test_redirect_uri_is_required(bank: Bank, browser: httpx2.AsyncClient) -> None:
    assert (await bank.push(browser, redirect_uri=WITHOUT)).status_code == 400


async def test_the_response_says_who_answers(bank: Bank, browser: httpx2.AsyncClient) -> None:
    await sign_in(bank.house, browser)
    assert (await went(browser, await bank.pushed(browser)))["iss"] == bank.house.issuer
    assert (await went(browser, await bank.pushed(browser, prompt="none", acr_values="aal2.2")))["iss"] == (
        bank.house.issuer
    )


async def test_an_answer_never_goes_over_plain_http(
    house: House, browser: httpx2.AsyncClient, database: Database
) -> None:
    """Not even to an address that somebody registered; to this machine in development alone, where all is http."""
    uris = ["http://bank.example/callback", "http://localhost:1/callback", "http://127.0.0.1:1/callback"]
    bank = await Bank.registered(house, database, redirect_uris=uris)
    given = [(await bank.push(browser, redirect_uri=uri)).status_code for uri in uris]
    assert given == [400, 400, 201]
    for changes in ({}, {"scope": "nonsense"}, {"response_type": "token"}):
        query = canonical(list({**ASKED, "redirect_uri": uris[0], **changes}.items()))
        assert await refused_on_a_page(browser, query), "an error is an answer too"


async def test_under_https_not_even_this_machine_is_answered_over_http(
    house: House, browser: httpx2.AsyncClient, database: Database
) -> None:
    await Bank.registered(house, database, redirect_uris=["http://127.0.0.1:1/callback"])
    production = Settings(
        environment=Environment.PRODUCTION,
        public_url="https://sitthi.example",
        database_url="postgresql://x/y",
        redis_url="redis://x",
        thaid_issuer="https://thaid.example",
        thaid_client_secret=SecretStr("x"),
        secret_keys=SecretStr("x"),
        sandbox=False,
    )
    sessions = SignInSessions(house.identity.keys, house.clock)
    clients = KnownClients(database, production.issuer)
    requests = AuthorizationRequests(production.issuer, house.clock, sessions, clients)
    oauth = requests.oauth(list({**ASKED, "redirect_uri": "http://127.0.0.1:1/callback"}.items()))
    with pytest.raises(InvalidRequestError) as caught:
        await requests.read(oauth, "", pushed=True)
    assert caught.value.redirect_uri is None


async def test_a_code_works_once(bank: Bank, browser: httpx2.AsyncClient) -> None:
    code = await code_of(bank, browser)
    assert (await bank.redeem(browser, code)).status_code == 200
    again = await bank.redeem(browser, code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


async def test_redirects_are_303(bank: Bank, browser: httpx2.AsyncClient) -> None:
    address = await bank.pushed(browser)
    assert (await browser.get(address)).status_code == 303
    posted = await browser.post("/oauth/authorize", data=query_of(address))
    assert posted.status_code == 303
    await sign_in(bank.house, browser)
    assert (await browser.get(address)).status_code == 303


async def test_a_nonce_of_64_characters_comes_back(bank: Bank, browser: httpx2.AsyncClient) -> None:
    token = (await tokens_of(bank, browser, nonce="n" * 64))["id_token"]
    assert jwt.decode(token, options={"verify_signature": False})["nonce"] == "n" * 64


async def test_a_state_of_a_thousand_characters_comes_back(bank: Bank, browser: httpx2.AsyncClient) -> None:
    """§5.3.2.2, note 4."""
    await sign_in(bank.house, browser)
    assert (await went(browser, await bank.pushed(browser, state="s" * 1_100)))["state"] == "s" * 1_100


async def test_a_token_is_taken_from_the_header_alone(bank: Bank, browser: httpx2.AsyncClient) -> None:
    token = (await tokens_of(bank, browser))["access_token"]
    assert (await browser.get("/oauth/userinfo", headers=userinfo_proof(bank, token))).status_code == 200
    proof = {"DPoP": userinfo_proof(bank, token)["DPoP"]}
    assert (await browser.get(f"/oauth/userinfo?access_token={token}", headers=proof)).status_code == 401
    assert (await browser.post("/oauth/userinfo", data={"access_token": token}, headers=proof)).status_code == 401


async def test_a_stolen_token_is_worth_nothing_without_its_key(bank: Bank, browser: httpx2.AsyncClient) -> None:
    token = (await tokens_of(bank, browser))["access_token"]
    thief = KeyHolder.make()
    good = userinfo_proof(bank, token)
    attempts = {
        "as a bearer token": {"Authorization": f"Bearer {token}"},
        "without a proof": {"Authorization": f"DPoP {token}"},
        "with another's proof": userinfo_proof(bank, token, thief),
        "with a proof for another token": {**good, "DPoP": userinfo_proof(bank, "another")["DPoP"]},
        "with a proof for another address": {**good, **bank.proof("/oauth/token")},
    }
    for how, headers in attempts.items():
        answer = await browser.get("/oauth/userinfo", headers=headers)
        assert answer.status_code == 401, how
        assert "error=" in answer.headers["www-authenticate"], how
    assert (await browser.get("/oauth/userinfo", headers=good)).status_code == 200
    replayed = await browser.get("/oauth/userinfo", headers=good)
    assert (replayed.status_code, "invalid_dpop_proof" in replayed.headers["www-authenticate"]) == (401, True)


async def test_a_token_that_is_not_bound_cannot_be_made_to_look_so(house: House, browser: httpx2.AsyncClient) -> None:
    token = (await house.tokens("elder"))["access_token"]
    bank = Bank(house)
    answer = await browser.get("/oauth/userinfo", headers=userinfo_proof(bank, token))
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_token"})


async def test_a_resource_asks_a_wrong_clock_for_a_nonce_too(bank: Bank, browser: httpx2.AsyncClient) -> None:
    """RFC 9449 §9."""
    token = (await tokens_of(bank, browser))["access_token"]
    url = f"{bank.house.issuer}/oauth/userinfo"

    def headers(**claims: Any) -> dict[str, str]:
        proof = bank.proofs.proof(bank.house.clock, "GET", url, access_token=token, iat=1, **claims)
        return {"Authorization": f"DPoP {token}", "DPoP": proof}

    asked = await browser.get("/oauth/userinfo", headers=headers())
    assert (asked.status_code, 'DPoP error="use_dpop_nonce"' in asked.headers["www-authenticate"]) == (401, True)
    nonce = asked.headers["dpop-nonce"]
    assert (await browser.get("/oauth/userinfo", headers=headers(nonce=nonce))).status_code == 200


async def test_secrets_have_at_least_128_bits(bank: Bank, browser: httpx2.AsyncClient) -> None:
    """Of base64url, 22 characters and more; each time others."""
    codes = {await code_of(bank, browser) for _ in range(3)}
    uris = {(await bank.push(browser)).json()["request_uri"].rpartition(":")[2] for _ in range(3)}
    assert len(codes) == len(uris) == 3
    assert min(map(len, codes | uris)) >= 43
