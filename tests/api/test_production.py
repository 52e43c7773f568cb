"""What a production server does not do: serve stand-ins, take made-up people, or send a cookie in the clear."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

import httpx2
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from api.app import create_app
from api.cli import app as command
from api.house import House
from core.clock import FixedClock
from core.errors import ServiceUnavailable
from core.ids import NationalId
from core.settings import Environment, Settings

ISSUER: Final = "https://sitthi.example"
KEYS: Final = {name: base64.b64encode(hashlib.sha256(name.encode()).digest()).decode() for name in ("k1", "index")}
"""Unlike each other and unlike an example: production refuses those."""


@pytest.fixture
def production(settings: Settings, database_url: str) -> Settings:
    return Settings(
        environment=Environment.PRODUCTION,
        data=settings.data,
        public_url=ISSUER,
        database_url=database_url,
        redis_url="redis://127.0.0.1:1/0",
        secret_keys=SecretStr(json.dumps({"current": "k1", "keys": {"k1": KEYS["k1"]}, "index": KEYS["index"]})),
        thaid_issuer="https://thaid.example",
        thaid_client_secret=SecretStr("of-this-test"),
        sandbox=False,
    )


@pytest.fixture
async def http(production: Settings, clock: FixedClock) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(production, clock)
    transport = httpx2.ASGITransport(app=app)
    async with app.router.lifespan_context(app), httpx2.AsyncClient(transport=transport, base_url=ISSUER) as http:
        yield http


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sandbox"),
        ("GET", "/sandbox/thaid/.well-known/openid-configuration"),
        ("POST", "/sandbox/dopa/_faults"),
        ("POST", "/sandbox/dopa/oauth/token"),
        ("POST", "/sandbox/bank/_faults"),
        ("GET", "/demo/start"),
        ("GET", "/demo/callback"),
    ],
)
async def test_there_are_no_stand_ins(http: httpx2.AsyncClient, method: str, path: str) -> None:
    assert (await http.request(method, path)).status_code == 404


async def test_cookies_and_answers_are_for_https_alone(http: httpx2.AsyncClient) -> None:
    page = await http.get("/signin")
    cookie = page.headers["set-cookie"]
    assert cookie.startswith("__Host-sitthi_csrf=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert page.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(
    "words",
    [
        ["demo", "--citizens", "1"],
        ["sign-in", "--persona", "elder"],
        ["officer", "sign-in", "--persona", "officer-one"],
        ["officer", "add", "--persona", "officer-one", "--agency", "dla", "--role", "pay.plan"],
    ],
)
@pytest.mark.sqlite_only
def test_no_command_takes_a_made_up_person(production: Settings, words: list[str]) -> None:
    assert production.secret_keys is not None
    assert production.thaid_client_secret is not None
    environment = {
        "SITTHI_ENVIRONMENT": "production",
        "SITTHI_DATA": str(production.data),
        "SITTHI_PUBLIC_URL": ISSUER,
        "SITTHI_DATABASE_URL": production.database_url,
        "SITTHI_REDIS_URL": production.redis_url,
        "SITTHI_SECRET_KEYS": production.secret_keys.get_secret_value(),
        "SITTHI_THAID_ISSUER": production.thaid_issuer,
        "SITTHI_THAID_CLIENT_SECRET": production.thaid_client_secret.get_secret_value(),
        "SITTHI_SANDBOX": "false",
    }
    done = CliRunner().invoke(command, words, env=environment)
    assert done.exit_code == 1
    assert "production" in done.output
    assert not list(production.data.iterdir())


@pytest.mark.sqlite_only
async def test_no_agency_and_no_bank_is_taken_for_connected(production: Settings, clock: FixedClock) -> None:
    """Nor is this very server asked in their place, with the credentials that everybody can read."""
    asked: list[str] = []

    def nobody(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.host)
        raise httpx2.ConnectError("no such host")

    house = House(production, clock)
    house.http = httpx2.AsyncClient(transport=httpx2.MockTransport(nobody))
    [dcy] = [plugin for plugin in house.registry.plugins if plugin.slug == "dcy"]
    with pytest.raises(ServiceUnavailable):
        await house.runner.run(dcy, "registrations", asker="test", person=NationalId("1112034563562"))
    with pytest.raises(ServiceUnavailable):
        await house.payments().rail.submit(UUID(int=0), b"")
    assert len(asked) > 1
    assert {host.rpartition(".")[2] for host in asked} == {"invalid"}  # RFC 2606: is nobody's, ever
    await house.close()
