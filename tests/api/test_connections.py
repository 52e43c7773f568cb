"""Whom code of our own tree asks in a house: the agency that the operator named, the sandbox, or nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.connections import NOWHERE, agency_of, client_of, connections_of
from core.clock import SystemClock
from core.settings import Environment, Settings
from services.plugins.connections import Connections, ConnectionsUnusable, SecretUnusable
from services.plugins.contract import read_manifest
from services.plugins.runner import Credentials
from services.sandbox.agencies.access import SANDBOX_CREDENTIALS
from services.sandbox.agencies.front import Front
from tests.support.front import answering, listening, served
from tests.support.plugins import AGENCIES

PID = "0000000000001"
(SECRET,) = SANDBOX_CREDENTIALS.values()
SYSTEM = answering("/policies", {"pid": PID}, {"pid": PID, "policies": []})
OIC = read_manifest((AGENCIES / "oic" / "manifest.toml").read_text(encoding="utf-8"), plugin="oic")
FILE = """
[oic]
base_url = "{url}"
sign_in = {{ way = "consumer-secret", consumer_key = "sitthi", secret = {{ file = "secret" }} }}
"""
PRODUCTION: dict[str, Any] = {
    "environment": Environment.PRODUCTION,
    "public_url": "https://sitthi.example",
    "database_url": "postgresql://db/sitthi",
    "redis_url": "redis://cache/0",
    "secret_keys": "{}",
    "thaid_issuer": "https://thaid.example",
    "thaid_client_secret": "some secret",
    "sandbox": False,
}


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    """The client that reaches the sandboxes; here it reaches nothing."""
    refused = httpx2.MockTransport(lambda _: httpx2.Response(599))
    async with httpx2.AsyncClient(transport=refused) as client:
        yield client


def named(folder: Path, url: str, secret: str = SECRET) -> Path:
    (folder / "secret").write_text(secret, encoding="utf-8")
    file = folder / "agencies.toml"
    file.write_text(FILE.format(url=url), encoding="utf-8")
    return file


def connections(
    settings: Settings, http: httpx2.AsyncClient, outside: str = "http://127.0.0.1:9/sandbox"
) -> Connections:
    return connections_of(settings, SystemClock(), http, outside, httpx2.create_ssl_context())


async def test_an_agency_that_the_operator_named_is_asked_where_it_is(tmp_path: Path, http: httpx2.AsyncClient) -> None:
    listener = listening()
    with served(Front(SYSTEM), listener) as url:
        ways = connections(Settings(agencies_file=named(tmp_path, url)), http)
        told = await client_of(ways, http, "oic").ask("/policies", {"pid": PID}, on_behalf_of="sitthi-graph")
        assert told == {"pid": PID, "policies": []}
        assert client_of(ways, http, "oic") is client_of(ways, http, "oic"), "one token for all who ask it"
        handed = agency_of(ways, OIC)
        assert (handed.base_url, handed.is_guarded, handed.way) == (url, True, Credentials("sitthi", SECRET))
        assert agency_of(ways, OIC.model_copy(update={"agency": OIC.agency.model_copy(update={"slug": "rd"})})).way
        await ways.aclose()


async def test_whom_the_file_does_not_name_the_sandbox_stands_in_for(tmp_path: Path, http: httpx2.AsyncClient) -> None:
    for file in (None, named(tmp_path, "http://127.0.0.1:9").with_name("none.toml")):
        if file is not None:
            file.write_text("", encoding="utf-8")
        handed = agency_of(connections(Settings(agencies_file=file), http), OIC)
        assert (handed.base_url, handed.is_guarded) == ("http://127.0.0.1:9/sandbox/oic", False)


async def test_without_a_sandbox_nobody_is_asked_and_no_secret_goes_anywhere(http: httpx2.AsyncClient) -> None:
    handed = agency_of(connections(Settings(sandbox=False), http, NOWHERE), OIC)
    assert (handed.base_url, handed.way) == (NOWHERE, None)


async def test_production_takes_neither_the_sandboxes_secret_nor_an_agency_on_this_machine(
    tmp_path: Path, http: httpx2.AsyncClient
) -> None:
    with pytest.raises(ConnectionsUnusable, match="loopback"):
        connections(Settings(**PRODUCTION, agencies_file=named(tmp_path, "https://127.0.0.1")), http, NOWHERE)
    open_to_all = Settings(**PRODUCTION, agencies_file=named(tmp_path, "https://oic.example"))
    with pytest.raises(SecretUnusable, match="which everybody knows"):
        connections(open_to_all, http, NOWHERE).named.must_hold()
    named(tmp_path, "https://oic.example", "a secret of their own")
    connections(open_to_all, http, NOWHERE).named.must_hold()
