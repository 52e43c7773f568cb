"""Whatever is sent to the provider's doors, the answer is one of theirs and never our own fault."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.cache import open_redis
from core.database import Database
from tests.identity.conftest import House
from tests.identity.provider.front import ASKED, BANK, Bank, sign_in, went
from tests.identity.provider.key_holders import ASSERTION_TYPE, KeyHolder

ENDPOINTS = ("/oauth/par", "/oauth/token", "/oauth/revoke", "/oauth/introspect")
NAMES = st.sampled_from(
    (
        *(*ASKED, "request_uri", "request", "prompt", "max_age", "acr_values", "resource", "dpop_jkt", "id_token_hint"),
        *("client_assertion", "client_assertion_type", "grant_type", "code", "token", "response_mode", "claims", ""),
    )
)
VALUES = st.sampled_from([*ASKED.values(), "demo-app", ASSERTION_TYPE, "none", "x.y.z", "[]", "{}", "", "\x00", "é"])
FIELDS = st.lists(st.tuples(NAMES, VALUES | st.text(max_size=20)), max_size=8)
PARTS: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([{}, [], None, 1, "x", {"alg": "ES256"}, {"alg": "none"}, {"typ": "dpop+jwt", "alg": "ES256"}]),
    st.dictionaries(
        st.sampled_from(["alg", "typ", "jwk", "kid", "sub", "iss", "exp", "htm", "htu"]), st.text(max_size=9)
    ),
)
SETTINGS = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def jwt_like(*parts: Any) -> str:
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


TOKENS = st.builds(jwt_like, PARTS, PARTS, PARTS) | st.from_regex(r"[A-Za-z0-9_.-]{0,30}", fullmatch=True)


@pytest.fixture
async def browser(house: House) -> Any:
    async with house.browser() as browser:
        yield browser


@pytest.mark.sqlite_only
@given(fields=FIELDS, proof=st.none() | TOKENS, path=st.sampled_from(ENDPOINTS))
@SETTINGS
async def test_any_form_gets_an_error_in_json(
    browser: httpx2.AsyncClient, fields: list[tuple[str, str]], proof: str | None, path: str
) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded", **({} if proof is None else {"DPoP": proof})}
    answer = await browser.post(path, content=urlencode(fields, errors="ignore").encode(), headers=headers)
    assert answer.status_code < 500
    if answer.status_code >= 400:
        assert answer.json()["error"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.sqlite_only
@given(assertion=TOKENS, proof=TOKENS, path=st.sampled_from(ENDPOINTS))
@SETTINGS
async def test_any_assertion_and_any_proof_are_refused(
    browser: httpx2.AsyncClient, assertion: str, proof: str, path: str
) -> None:
    fields = {**ASKED, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion, "token": "x"}
    answer = await browser.post(path, data={**fields, "grant_type": "refresh_token"}, headers={"DPoP": proof})
    assert (answer.status_code, answer.json()["error"]) in [(401, "invalid_client"), (400, "invalid_dpop_proof")]


@pytest.mark.sqlite_only
@given(fields=FIELDS)
@SETTINGS
async def test_any_address_is_answered_by_a_page_or_by_its_client(
    house: House, browser: httpx2.AsyncClient, fields: list[tuple[str, str]]
) -> None:
    answer = await browser.get(f"/oauth/authorize?{urlencode([*ASKED.items(), *fields], errors='ignore')}")
    assert answer.status_code in (303, 400)
    location = answer.headers.get("location", house.issuer)
    assert location.startswith(house.issuer), "nobody of that name is registered, so nobody is sent there"


@pytest.fixture
async def bank(house: House, database: Database) -> Bank:
    return await Bank.registered(house, database)


async def test_without_redis_a_client_with_a_key_is_told_to_try_again(
    house: House, bank: Bank, browser: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail closed: what cannot be told from a replay is taken for one, and nothing is used up by it."""
    await sign_in(house, browser)
    code = (await went(browser, await bank.pushed(browser)))["code"]
    nowhere = open_redis("redis://127.0.0.1:1/0")
    with monkeypatch.context() as patch:
        patch.setattr(house.identity.dpop._replays, "_redis", nowhere)
        for answer in (
            await bank.push(browser),
            await bank.push(browser, headers=bank.proof("/oauth/par")),
            await bank.redeem(browser, code),
        ):
            assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
            assert "location" not in answer.headers
        strangers: dict[str, Any] = {**KeyHolder.make().assertion(house.clock, BANK, house.issuer)}
        stranger = await bank.push(browser, **strangers)
        assert stranger.status_code == 401, "who is nobody is told so all the same"
    assert (await bank.redeem(browser, code)).status_code == 200
    await nowhere.aclose()


async def test_without_redis_a_bearer_token_still_works(
    house: House, browser: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = (await house.tokens("elder"))["access_token"]
    nowhere = open_redis("redis://127.0.0.1:1/0")
    monkeypatch.setattr(house.identity.dpop._replays, "_redis", nowhere)
    answer = await browser.get("/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    bank = Bank(house)
    proof = bank.proofs.proof(house.clock, "GET", f"{house.issuer}/oauth/userinfo", access_token=token)
    answer = await browser.get("/oauth/userinfo", headers={"Authorization": f"DPoP {token}", "DPoP": proof})
    assert answer.status_code == 503
    await nowhere.aclose()
