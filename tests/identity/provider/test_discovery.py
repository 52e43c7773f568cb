"""What we say of ourselves is true, and the same whoever asks by which name."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from core.assurance import Assurance
from core.database import Database
from core.issuers import TrustedIssuer
from identity.provider.authorization_request import STRONGEST
from identity.routes import Identity
from tests.identity.conftest import House
from tests.identity.provider.front import Bank, sign_in, went

OTHER = {
    "name": "other",
    "issuer": "https://other.example",
    "audiences": ["https://sitthi.example/graphql"],
    "national_id": "pid",
    "scopes": {"graph": ["citizen"]},
}
PLACES = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")


@pytest.fixture
async def browser(house: House) -> Any:
    async with house.browser() as browser:
        yield browser


@pytest.fixture
async def metadata(browser: httpx2.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await browser.get(PLACES[0])).json()
    return found


@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-Host", "Forwarded"])
async def test_no_header_steers_what_discovery_says(house: House, browser: httpx2.AsyncClient, name: str) -> None:
    for place in (*PLACES, "/.well-known/oauth-protected-resource", "/oauth/jwks"):
        plain = await browser.get(place)
        told = await browser.get(place, headers={name: "host=evil.example;proto=gopher" if name[0] == "F" else "evil"})
        assert (told.status_code, told.json()) == (200, plain.json())
        assert "evil" not in told.text


async def test_both_places_say_the_same(browser: httpx2.AsyncClient) -> None:
    one, other = [(await browser.get(place)).json() for place in PLACES]
    assert one == other


async def test_every_address_is_below_the_issuer_and_answers(
    house: House, browser: httpx2.AsyncClient, metadata: dict[str, Any]
) -> None:
    assert metadata["issuer"] == house.issuer
    addresses = {name: value for name, value in metadata.items() if name.endswith(("_endpoint", "_uri"))}
    assert set(addresses) == {
        "jwks_uri",
        "authorization_endpoint",
        "pushed_authorization_request_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
        "end_session_endpoint",
    }
    for address in addresses.values():
        assert address.startswith(f"{house.issuer}/oauth/")
        answers = [(await browser.get(address)).status_code, (await browser.post(address)).status_code]
        assert 404 not in answers, address
        assert any(status != 405 for status in answers), address


async def test_every_grant_that_is_named_is_one_we_know(browser: httpx2.AsyncClient, metadata: dict[str, Any]) -> None:
    assert {"authorization_code", "refresh_token", "client_credentials"} <= set(metadata["grant_types_supported"])
    for grant in [*metadata["grant_types_supported"], "password", "implicit"]:
        body = {"grant_type": grant, "client_id": "demo-app"}
        error = (await browser.post("/oauth/token", data=body)).json()["error"]
        assert (error == "unsupported_grant_type") is (grant not in metadata["grant_types_supported"]), grant


async def test_clients_prove_themselves_as_is_said(metadata: dict[str, Any]) -> None:
    for endpoint in ("token", "revocation", "introspection"):
        methods = metadata[f"{endpoint}_endpoint_auth_methods_supported"]
        assert set(methods) == {"private_key_jwt"} | (set() if endpoint == "introspection" else {"none"})
        algorithms = metadata[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]
        assert set(algorithms) == {"ES256", "EdDSA", "PS256"}
    assert set(metadata["dpop_signing_alg_values_supported"]) == {"ES256", "EdDSA", "PS256"}


async def test_a_public_client_may_not_introspect_as_is_said(browser: httpx2.AsyncClient) -> None:
    answer = await browser.post("/oauth/introspect", data={"client_id": "demo-app", "token": "x"})
    assert answer.status_code == 401


async def test_every_prompt_and_level_that_is_named_is_taken(
    house: House, browser: httpx2.AsyncClient, database: Database, metadata: dict[str, Any]
) -> None:
    bank = await Bank.registered(house, database)
    for prompt in metadata["prompt_values_supported"]:
        assert (await bank.push(browser, prompt=prompt)).status_code == 201
    await sign_in(house, browser, acr=STRONGEST.acr)
    for acr in metadata["acr_values_supported"]:
        assert Assurance.wanted(acr) is not None
        assert "code" in await went(browser, await bank.pushed(browser, acr_values=acr))


async def test_what_is_not_supported_is_said_too(metadata: dict[str, Any]) -> None:
    assert metadata["authorization_response_iss_parameter_supported"] is True
    for name in (
        "require_pushed_authorization_requests",
        "request_parameter_supported",
        "request_uri_parameter_supported",
        "claims_parameter_supported",
    ):
        assert metadata[name] is False
    assert (metadata["response_types_supported"], metadata["response_modes_supported"]) == (["code"], ["query"])
    assert (metadata["subject_types_supported"], metadata["code_challenge_methods_supported"]) == (
        ["pairwise"],
        ["S256"],
    )
    assert metadata["id_token_signing_alg_values_supported"] == ["ES256"]


@pytest.mark.parametrize("place", ["", "/graphql"])
async def test_the_graph_says_who_issues_its_tokens(house: House, browser: httpx2.AsyncClient, place: str) -> None:
    """RFC 9728 §3.3: the resource is the one whose metadata was asked for."""
    found = (await browser.get(f"/.well-known/oauth-protected-resource{place}")).json()
    assert found["resource"] == f"{house.issuer}/graphql"
    assert found["authorization_servers"] == [house.issuer]
    assert found["bearer_methods_supported"] == ["header"]


@pytest.mark.parametrize(
    ("own", "expected"), [(True, ["", "https://other.example"]), (False, ["https://other.example"])]
)
async def test_the_graph_names_the_other_issuers_it_believes(house: House, own: bool, expected: list[str]) -> None:
    other = TrustedIssuer.model_validate(OTHER)
    settings = house.identity.settings.model_copy(update={"trusted_issuers": (other,), "own_provider": own})
    async with httpx2.AsyncClient() as nowhere:
        identity = Identity(settings, house.identity.db, house.clock, house.identity.keys, nowhere)
        app = FastAPI()
        app.include_router(identity.router())
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=house.issuer) as browser:
            found = (await browser.get("/.well-known/oauth-protected-resource/graphql")).json()
            ours = await browser.get("/.well-known/openid-configuration")
    assert found["authorization_servers"] == [one or house.issuer for one in expected]
    assert ours.status_code == (200 if own else 404)


async def test_discovery_may_be_asked_with_any_method_that_reads(browser: httpx2.AsyncClient) -> None:
    assert (await browser.post(PLACES[0])).status_code == 405
