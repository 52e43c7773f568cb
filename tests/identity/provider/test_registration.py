"""Entering clients: what a program says of itself is checked once, and wrong things are named."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from core.clock import FixedClock
from core.database import Database
from core.errors import BadInput, NotFound
from core.text import Text
from identity.provider.models import Client
from identity.provider.registration import (
    ClientSpec,
    app_client,
    checked,
    clients_of,
    end_client,
    machine_client,
    public_keys,
    register_client,
    replace_keys,
)

NAME = Text(th="ระบบ", en="System")
P256 = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
SHORT = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)  # noqa: S505 - what is refused


def of_ec(key: Any = P256, **more: Any) -> dict[str, Any]:
    return {**json.loads(ECAlgorithm.to_jwk(key.public_key())), "kid": "one", **more}


def of_rsa(key: rsa.RSAPrivateKey = RSA, **more: Any) -> dict[str, Any]:
    return {**json.loads(RSAAlgorithm.to_jwk(key.public_key())), "kid": "rsa", **more}


def of_ed(**more: Any) -> dict[str, Any]:
    return {**json.loads(OKPAlgorithm.to_jwk(ED.public_key())), "kid": "ed", **more}


def without(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {n: v for n, v in document.items() if n != name}


MACHINE = machine_client("oic", NAME, {"keys": [of_ec()]}, ["agency.facts"])
APP = app_client(NAME, ["https://app.example/callback"])
FAPI = replace(APP, fapi=True, dpop_bound=True, auth_method="private_key_jwt", jwks={"keys": [of_ec()]})


async def test_a_machine_client_is_entered_with_its_public_keys_alone(database: Database, clock: FixedClock) -> None:
    spec = replace(MACHINE, jwks={"keys": [of_ec(x5u="https://elsewhere.example", use="sig")], "more": 1})
    async with database.write() as session:
        key = await register_client(session, spec, created_by="somebody", clock=clock)
    async with database.read() as session:
        row = await session.get(Client, key)
    assert row is not None
    assert key.startswith("oic-")
    assert row.jwks == {"keys": [{**without(of_ec(), "key_ops"), "use": "sig", "alg": "ES256"}]}
    assert (row.grant_types, row.scopes, row.resources, row.auth_method, row.refresh_seconds, row.agency) == (
        ["client_credentials"],
        ["agency.facts"],
        ["/agency"],
        "private_key_jwt",
        0,
        "oic",
    )
    assert (row.created_by, row.updated_at, row.ended_at) == ("somebody", clock.now(), None)


async def test_an_app_is_entered(database: Database, clock: FixedClock) -> None:
    async with database.write() as session:
        key = await register_client(session, APP, created_by="x", clock=clock)
        row = await session.get(Client, key)
    assert row is not None
    assert key.startswith("app-")
    assert (row.auth_method, row.jwks, row.redirect_uris) == ("none", None, ["https://app.example/callback"])


@pytest.mark.parametrize(
    ("document", "algorithm"),
    [(of_ec(), "ES256"), (of_rsa(), "PS256"), (of_ed(), "EdDSA"), (of_ec(alg="ES256"), "ES256")],
)
def test_three_kinds_of_key_are_taken(document: dict[str, Any], algorithm: str) -> None:
    [kept] = public_keys({"keys": [document]})["keys"]
    assert (kept["alg"], kept["use"], kept["kid"]) == (algorithm, "sig", document["kid"])


def test_two_keys_stand_side_by_side_while_they_change() -> None:
    assert len(public_keys({"keys": [of_ec(), of_rsa(), of_ed()]})["keys"]) == 3


@pytest.mark.parametrize(
    "jwks",
    [
        None,
        [],
        {},
        {"keys": []},
        {"keys": {}},
        {"keys": ["x"]},
        {"keys": [of_ec(kid=str(n)) for n in range(6)]},
        {"keys": [json.loads(ECAlgorithm.to_jwk(P256)) | {"kid": "private"}]},
        {"keys": [of_ec(d="AA")]},
        {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}]},
        {"keys": [of_rsa(SHORT)]},
        {"keys": [of_rsa(alg="RS256")]},
        {"keys": [of_ec(ec.generate_private_key(ec.SECP384R1()))]},
        {"keys": [of_ec(use="enc")]},
        {"keys": [of_ec(key_ops=["sign"])]},
        {"keys": [of_ec(key_ops=["verify", "sign"])]},
        {"keys": [of_ec(alg="none")]},
        {"keys": [{**of_ec(), "x": of_ec()["y"]}]},
        {"keys": [without(of_ec(), "kid")]},
        {"keys": [of_ec(kid="")]},
        {"keys": [of_ec(kid="a b")]},
        {"keys": [of_ec(kid=7)]},
        {"keys": [of_ec(), of_ed(kid="one")]},
        {"keys": [of_ec(), of_ec(kid="two")]},
        {"keys": [of_ec(kid="x" * 129)]},
        {"keys": [of_ec(x5c=["A" * 20_000])]},
    ],
)
def test_no_other_keys_are(jwks: object) -> None:
    with pytest.raises(BadInput) as caught:
        public_keys(jwks)
    assert caught.value.path == ("jwks",)


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        (replace(MACHINE, agency=None), "grant_types"),
        (replace(MACHINE, redirect_uris=("https://x.example/",)), "grant_types"),
        (replace(MACHINE, auth_method="none", jwks=None), "grant_types"),
        (replace(MACHINE, jwks=None), "jwks"),
        (replace(MACHINE, scopes=("citizen",)), "scope"),
        (replace(MACHINE, scopes=()), "scope"),
        (replace(MACHINE, scopes=("agency.facts", "agency.facts")), "scope"),
        (replace(MACHINE, resources=("/graphql",)), "resources"),
        (replace(MACHINE, name=Text(th="", en="x")), "client_name"),
        (replace(MACHINE, name=Text(th="ก" * 101, en="x")), "client_name"),
        (replace(MACHINE, name=Text(th="ก\u202e", en="x")), "client_name"),
        (replace(MACHINE, token_seconds=0), "token_seconds"),
        (replace(MACHINE, token_seconds=3_601), "token_seconds"),
        (replace(APP, scopes=("officer",)), "scope"),
        (replace(APP, scopes=("agency.facts",)), "scope"),
        (replace(APP, redirect_uris=()), "redirect_uris"),
        (replace(APP, grant_types=("password",)), "grant_types"),
        (replace(APP, grant_types=("client_credentials", "authorization_code")), "grant_types"),
        (replace(APP, jwks={"keys": [of_ec()]}), "jwks"),
        (replace(APP, auth_method="client_secret_basic"), "token_endpoint_auth_method"),
        (replace(APP, fapi=True), "token_endpoint_auth_method"),
        (replace(APP, refresh_seconds=60), "refresh_seconds"),
        (replace(APP, redirect_uris=tuple(f"https://a.example/{n}" for n in range(11))), "redirect_uris"),
        (replace(APP, redirect_uris=("https://a.example/", "https://a.example/")), "redirect_uris"),
        (replace(APP, resources=("/officer",)), "resources"),
        (replace(FAPI, loopback=True), "fapi"),
        (replace(FAPI, dpop_bound=False), "fapi"),
    ],
)
def test_what_does_not_fit_is_named(spec: ClientSpec, path: str) -> None:
    with pytest.raises(BadInput) as caught:
        checked(spec)
    assert caught.value.path == (path,)


@pytest.mark.parametrize(
    "address",
    [
        "http://app.example/callback",
        "https://app.example/callback#x",
        "https://*.example/callback",
        "https://user@app.example/",
        "https://",
        "javascript:alert(1)",
        "myapp:/callback",
        "{issuer}/demo/callback",
        "https://app.example/\n",
        "https://app.example/é",
        "https://app.example:99999/",
        "/callback",
    ],
)
def test_addresses_are_whole_and_have_an_owner(address: str) -> None:
    for spec in (replace(APP, redirect_uris=(address,)), replace(APP, post_logout_redirect_uris=(address,))):
        with pytest.raises(BadInput):
            checked(spec)


def test_good_clients_pass() -> None:
    for spec in (
        MACHINE,
        APP,
        FAPI,
        app_client(NAME, ["th.go.example.app:/callback"]),
        app_client(NAME, [], loopback=True, refresh_seconds=3_600),
    ):
        assert checked(spec).name == NAME
    with_refresh = checked(app_client(NAME, [], loopback=True, refresh_seconds=3_600))
    assert "refresh_token" in with_refresh.grant_types


def test_only_in_development_is_an_app_called_back_by_http() -> None:
    local = replace(APP, redirect_uris=("http://localhost:3000/callback",))
    with pytest.raises(BadInput):
        checked(local)
    assert checked(local, development=True).redirect_uris == ("http://localhost:3000/callback",)
    with pytest.raises(BadInput):
        checked(replace(FAPI, redirect_uris=local.redirect_uris), development=True)


async def entered(database: Database, clock: FixedClock, spec: ClientSpec = MACHINE) -> str:
    async with database.write() as session:
        return await register_client(session, spec, created_by="x", clock=clock)


async def test_keys_are_replaced_whole(database: Database, clock: FixedClock) -> None:
    key = await entered(database, clock)
    async with database.write() as session:
        await replace_keys(session, key, {"keys": [of_ec(), of_ed()]}, agency="oic", clock=clock)
    async with database.read() as session:
        [row] = await clients_of(session, "oic")
    assert row.jwks is not None
    assert [one["kid"] for one in row.jwks["keys"]] == ["one", "ed"]


async def test_keys_of_another_agencys_client_are_not_replaced(database: Database, clock: FixedClock) -> None:
    key, app = await entered(database, clock), await entered(database, clock, APP)
    for client, agency in ((key, "dlt"), (key, None), (app, "oic"), (app, None), ("nobody", "oic")):
        with pytest.raises(NotFound):
            async with database.write() as session:
                await replace_keys(session, client, {"keys": [of_ed()]}, agency=agency, clock=clock)
    with pytest.raises(BadInput):
        async with database.write() as session:
            await replace_keys(session, key, {"keys": []}, agency="oic", clock=clock)


async def test_an_ended_client_stays_ended(database: Database, clock: FixedClock) -> None:
    key = await entered(database, clock)
    with pytest.raises(NotFound):
        async with database.write() as session:
            await end_client(session, key, agency="dlt", clock=clock)
    async with database.write() as session:
        await end_client(session, key, agency="oic", clock=clock)
    async with database.read() as session:
        [row] = await clients_of(session, "oic")
    assert row.ended_at == clock.now()
    with pytest.raises(NotFound):
        async with database.write() as session:
            await end_client(session, key, agency="oic", clock=clock)
    with pytest.raises(NotFound):
        async with database.write() as session:
            await replace_keys(session, key, {"keys": [of_ed()]}, agency="oic", clock=clock)
