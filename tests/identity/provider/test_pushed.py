"""Pushed authorization requests (RFC 9126): taken only from who may ask, shown to nobody, answered once."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from core.database import Database
from identity.provider.models import AuthorizationCode, Client, PushedRequest
from identity.provider.pushed import PUSHED_SECONDS, URN
from tests.identity.conftest import LOOPBACK, House, query_of
from tests.identity.provider.front import ASKED, BANK, CALLBACK, Bank, refused_on_a_page, sign_in, went
from tests.identity.provider.key_holders import WITHOUT, KeyHolder, register


@pytest.fixture
async def bank(house: House, database: Database) -> Bank:
    return await Bank.registered(house, database)


@pytest.fixture
async def browser(house: House) -> Any:
    async with house.browser() as browser:
        yield browser


async def test_a_pushed_request_gets_a_name_for_less_than_ten_minutes(bank: Bank, browser: httpx2.AsyncClient) -> None:
    answer = await bank.push(browser)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert set(body) == {"request_uri", "expires_in"}
    assert body["request_uri"].startswith(URN)
    assert len(body["request_uri"]) >= len(URN) + 43, "256 bits, not to be guessed"
    assert body["expires_in"] == PUSHED_SECONDS < 600


async def test_a_browser_needs_only_the_name(house: House, bank: Bank, browser: httpx2.AsyncClient) -> None:
    await sign_in(house, browser)
    given = await went(browser, await bank.pushed(browser))
    assert (given["state"], given["iss"]) == (ASKED["state"], house.issuer)
    assert "code" in given


async def test_what_was_pushed_is_in_no_address_and_sealed_at_rest(
    house: House, bank: Bank, browser: httpx2.AsyncClient, database: Database
) -> None:
    address = await bank.pushed(browser, state="a secret state")
    answer = await browser.get(address)
    assert answer.headers["location"].startswith(
        f"{house.issuer}/signin?return=%2Foauth%2Fauthorize%3Fclient_id%3Dbank"
    )
    assert "state" not in answer.headers["location"]
    async with database.read() as session:
        [row] = (await session.scalars(select(PushedRequest))).all()
    assert b"secret" not in row.parameters_sealed
    assert query_of(address)["request_uri"].encode() not in row.uri_hash


async def test_the_way_over_the_sign_in_page_ends_at_the_client(
    house: House, bank: Bank, browser: httpx2.AsyncClient
) -> None:
    address = await bank.pushed(browser)
    going_to = query_of((await browser.get(address)).headers["location"])["return"]
    await sign_in(house, browser, for_request=going_to)
    assert "code" in await went(browser, going_to)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": WITHOUT}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"redirect_uri": WITHOUT}, "invalid_request"),
        ({"redirect_uri": "https://bank.example/other"}, "invalid_request"),
        ({"redirect_uri": "https://bank.example/callback?x=1"}, "invalid_request"),
        ({"redirect_uri": "https://BANK.example/callback"}, "invalid_request"),
        ({"redirect_uri": LOOPBACK}, "invalid_request"),
        ({"scope": "openid everything"}, "invalid_scope"),
        ({"code_challenge": WITHOUT, "code_challenge_method": WITHOUT}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"request": "e30."}, "request_not_supported"),
        ({"request_uri": f"{URN}x"}, "invalid_request"),
        ({"request_uri": "https://bank.example/request"}, "invalid_request"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"acr_values": "urn:mace:incommon:iap:silver"}, "unmet_authentication_requirements"),
        ({"dpop_jkt": "short"}, "invalid_request"),
        ({"resource": "https://elsewhere.example/api"}, "invalid_target"),
        ({"id_token_hint": 9_000 * "x"}, "invalid_request"),
        ({"state": "tokén"}, "invalid_request"),
        ({"state": "x" * 2_049}, "invalid_request"),
    ],
)
async def test_the_whole_request_is_checked_when_it_is_pushed_and_the_error_is_in_the_body(
    bank: Bank, browser: httpx2.AsyncClient, database: Database, changes: dict[str, Any], error: str
) -> None:
    answer = await bank.push(browser, **changes)
    assert (answer.status_code, answer.json()["error"], answer.headers.get("location")) == (400, error, None)
    async with database.read() as session:
        assert not await session.scalar(select(func.count()).select_from(PushedRequest))


async def test_who_asks_must_prove_it(bank: Bank, browser: httpx2.AsyncClient) -> None:
    """FAPI 2.0 Security Profile §5.3.2.2: no pushed request without client authentication."""
    attempts: list[dict[str, Any]] = [
        {"client_assertion": WITHOUT, "client_assertion_type": WITHOUT},
        {"client_assertion_type": WITHOUT},
        {**KeyHolder.make().assertion(bank.house.clock, BANK, bank.house.issuer)},
        {"client_id": "demo-app"},
        {"client_id": "nobody"},
    ]
    for changes in attempts:
        answer = await bank.push(browser, headers=None, **changes)
        assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})
    answer = await bank.push(browser, headers={"Authorization": "Basic YmFuazo="})
    assert answer.status_code == 401


async def test_an_assertion_pushes_once(bank: Bank, browser: httpx2.AsyncClient) -> None:
    same: dict[str, Any] = bank.assertion()
    assert (await bank.push(browser, **same)).status_code == 201
    assert (await bank.push(browser, **same)).status_code == 401


async def test_the_client_need_not_name_itself_twice(bank: Bank, browser: httpx2.AsyncClient) -> None:
    assert (await bank.push(browser, client_id=WITHOUT)).status_code == 201


async def test_a_repeated_parameter_is_refused(bank: Bank, browser: httpx2.AsyncClient) -> None:
    fields = {**ASKED, **bank.assertion(), "state": ["one", "two"]}
    answer = await browser.post("/oauth/par", data=fields)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_body_of_another_form_or_size_is_refused(bank: Bank, browser: httpx2.AsyncClient) -> None:
    assert (await browser.post("/oauth/par", json={**ASKED, **bank.assertion()})).status_code == 401
    assert (await bank.push(browser, padding="x" * 20_000)).status_code == 413
    assert (await browser.get("/oauth/par")).status_code == 405


async def test_a_request_too_long_for_an_address_can_be_pushed(
    house: House, bank: Bank, browser: httpx2.AsyncClient
) -> None:
    await sign_in(house, browser)
    given = await went(browser, await bank.pushed(browser, state="x" * 2_048))
    assert len(given["state"]) == 2_048


async def test_a_public_client_may_push_too(house: House, browser: httpx2.AsyncClient) -> None:
    fields = {**ASKED, "client_id": "demo-app", "redirect_uri": LOOPBACK}
    answer = await browser.post("/oauth/par", data=fields)
    assert answer.status_code == 201
    address = Bank(house).address(answer.json()["request_uri"], "demo-app")
    await sign_in(house, browser, for_request=address)
    assert "code" in query_of((await browser.get(address)).headers["location"])


async def test_reloading_the_page_before_the_answer_works(
    house: House, bank: Bank, browser: httpx2.AsyncClient
) -> None:
    address = await bank.pushed(browser)
    for _ in range(3):
        assert (await browser.get(address)).headers["location"].startswith(f"{house.issuer}/signin")
    await sign_in(house, browser)
    assert "code" in await went(browser, address)


async def test_an_answered_request_is_answered_no_more(house: House, bank: Bank, browser: httpx2.AsyncClient) -> None:
    await sign_in(house, browser)
    address = await bank.pushed(browser)
    assert "code" in await went(browser, address)
    assert await refused_on_a_page(browser, address) == "invalid_request_uri"


async def test_of_parallel_answers_one_has_a_code(
    house: House, bank: Bank, browser: httpx2.AsyncClient, database: Database
) -> None:
    await sign_in(house, browser)
    address = await bank.pushed(browser)
    answers = await asyncio.gather(*(browser.get(address) for _ in range(12)))
    assert Counter(answer.status_code for answer in answers) == {303: 1, 400: 11}
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(AuthorizationCode)) == 1


async def test_saying_no_uses_the_request_up(house: House, browser: httpx2.AsyncClient) -> None:
    fields = {**ASKED, "client_id": "demo-app", "redirect_uri": LOOPBACK}
    uri = (await browser.post("/oauth/par", data=fields)).json()["request_uri"]
    address = Bank(house).address(uri, "demo-app")
    await sign_in(house, browser)
    page = await browser.get(address)
    assert page.status_code == 200, "a program of this machine is asked about"
    csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
    no = await browser.post("/oauth/authorize/confirm", data={"csrf": csrf, "request": address, "answer": "no"})
    given = query_of(no.headers["location"])
    assert (given["error"], given["state"], given["iss"]) == ("access_denied", ASKED["state"], house.issuer)
    assert await refused_on_a_page(browser, address) == "invalid_request_uri"


async def test_a_request_expires(house: House, bank: Bank, browser: httpx2.AsyncClient) -> None:
    await sign_in(house, browser)
    address = await bank.pushed(browser)
    house.clock.advance(timedelta(seconds=PUSHED_SECONDS - 1))
    other = await bank.pushed(browser)
    assert "code" in await went(browser, address)
    house.clock.advance(timedelta(seconds=PUSHED_SECONDS))
    assert await refused_on_a_page(browser, other) == "invalid_request_uri"


@pytest.mark.parametrize("uri", [URN, f"{URN}guess", f"{URN}{'A' * 43}", f"{URN}\x00", f"{URN}é"])
async def test_a_name_that_was_not_given_is_refused_on_a_page(
    house: House, bank: Bank, browser: httpx2.AsyncClient, uri: str
) -> None:
    await sign_in(house, browser)
    error = await refused_on_a_page(browser, bank.address(uri))
    assert error == ("invalid_request_uri" if uri.isascii() and uri.isprintable() else "invalid_request")


async def test_a_stolen_name_is_worth_nothing_to_another_client(
    house: House, bank: Bank, browser: httpx2.AsyncClient, database: Database
) -> None:
    """RFC 9126 §7.3: the name is bound to who pushed it."""
    await register(database, house.clock, id="thief", jwks=KeyHolder.make().registered)
    await sign_in(house, browser)
    uri = (await bank.push(browser)).json()["request_uri"]
    for client in ("thief", "demo-app", "", "nobody"):
        assert await refused_on_a_page(browser, bank.address(uri, client)) == "invalid_request_uri"
    assert "code" in await went(browser, bank.address(uri)), "nothing was used up by it"


async def test_nothing_beside_the_name_counts(house: House, bank: Bank, browser: httpx2.AsyncClient) -> None:
    """RFC 9101 §6.3: or whoever touches the address could change what was pushed."""
    await sign_in(house, browser)
    address = await bank.pushed(browser)
    given = await went(
        browser, f"{address}&redirect_uri=https%3A%2F%2Fevil.example%2F&state=evil&scope=profile&prompt=login&max_age=0"
    )
    assert (given["state"], "code" in given) == (ASKED["state"], True)


async def test_the_name_twice_is_refused(house: House, bank: Bank, browser: httpx2.AsyncClient) -> None:
    await sign_in(house, browser)
    address = await bank.pushed(browser)
    uri = query_of(address)["request_uri"]
    assert await refused_on_a_page(browser, f"{address}&request_uri={uri}") == "invalid_request"
    assert await refused_on_a_page(browser, f"{address}&client_id=thief") == "invalid_request"


async def test_a_client_that_ended_meanwhile_gets_nothing(
    house: House, bank: Bank, browser: httpx2.AsyncClient, database: Database
) -> None:
    await sign_in(house, browser)
    address = await bank.pushed(browser)
    async with database.write() as session:
        row = await session.get(Client, BANK)
        assert row is not None
        row.ended_at = house.clock.now()
    assert (await browser.get(address)).status_code == 400


async def test_an_address_unregistered_meanwhile_is_not_gone_to(
    house: House, bank: Bank, browser: httpx2.AsyncClient, database: Database
) -> None:
    await sign_in(house, browser)
    address = await bank.pushed(browser)
    async with database.write() as session:
        row = await session.get(Client, BANK)
        assert row is not None
        row.redirect_uris = ["https://bank.example/new"]
    assert await refused_on_a_page(browser, address) == "invalid_request"


async def test_a_proof_at_the_push_binds_the_code_to_its_key(
    house: House, bank: Bank, browser: httpx2.AsyncClient
) -> None:
    """RFC 9449 §10.1."""
    await sign_in(house, browser)
    code = (await went(browser, await bank.pushed(browser, headers=bank.proof("/oauth/par"))))["code"]
    mine, bank.proofs = bank.proofs, KeyHolder.make()
    stolen = await bank.redeem(browser, code)
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    bank.proofs = mine
    assert (await bank.redeem(browser, code)).status_code == 200


async def test_dpop_jkt_at_the_push_binds_the_code_too(house: House, bank: Bank, browser: httpx2.AsyncClient) -> None:
    await sign_in(house, browser)
    code = (await went(browser, await bank.pushed(browser, dpop_jkt=bank.proofs.jkt)))["code"]
    mine, bank.proofs = bank.proofs, KeyHolder.make()
    assert (await bank.redeem(browser, code)).json()["error"] == "invalid_grant"
    bank.proofs = mine
    assert (await bank.redeem(browser, code)).status_code == 200


async def test_a_proof_of_another_key_than_dpop_jkt_is_refused(bank: Bank, browser: httpx2.AsyncClient) -> None:
    other = KeyHolder.make().jkt
    answer = await bank.push(browser, headers=bank.proof("/oauth/par"), dpop_jkt=other)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")
    same = await bank.push(browser, headers=bank.proof("/oauth/par"), dpop_jkt=bank.proofs.jkt)
    assert same.status_code == 201


async def test_a_bad_proof_at_the_push_is_refused_before_the_assertion_is_spent(
    bank: Bank, browser: httpx2.AsyncClient
) -> None:
    same: dict[str, Any] = bank.assertion()
    answer = await bank.push(browser, headers=bank.proof("/oauth/token"), **same)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")
    wrong_clock = await bank.push(browser, headers=bank.proof("/oauth/par", iat=1), **same)
    assert (wrong_clock.status_code, wrong_clock.json()["error"]) == (400, "use_dpop_nonce")
    again = bank.proof("/oauth/par", iat=1, nonce=wrong_clock.headers["dpop-nonce"])
    assert (await bank.push(browser, headers=again, **same)).status_code == 201


async def test_the_host_header_steers_no_proof(bank: Bank, browser: httpx2.AsyncClient) -> None:
    evil = {"DPoP": bank.proofs.proof(bank.house.clock, "POST", "http://evil.example/oauth/par")}
    answer = await bank.push(browser, headers={**evil, "Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert answer.json()["error"] == "invalid_dpop_proof"


async def test_two_resources_may_be_asked_for(house: House, browser: httpx2.AsyncClient, database: Database) -> None:
    bank = await Bank.registered(house, database, resources=["/graphql", "/officer"])
    both = [f"{house.issuer}/graphql", f"{house.issuer}/officer"]
    await sign_in(house, browser)
    await went(browser, await bank.pushed(browser, resource=both))
    async with database.read() as session:
        [code] = (await session.scalars(select(AuthorizationCode))).all()
    assert code.resources == both


async def test_nothing_here_is_sent_over_a_redirect_of_another_kind(
    house: House, bank: Bank, browser: httpx2.AsyncClient
) -> None:
    """RFC 9700 §4.12: 303, so that no browser posts a form on to the client."""
    await sign_in(house, browser)
    answer = await browser.get(await bank.pushed(browser))
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, CALLBACK)
