"""`oidc-provider` from npm, in a process of its own, beside our provider and in its place."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import httpx2
import pytest

from api.commands.code_flow import CodeFlow
from api.commands.walk import NO_LISTENER, walk
from core.clock import FixedClock, SystemClock
from core.issuers import TrustedIssuer
from core.settings import Settings
from services.sandbox.population.personas import persona
from tests.conftest import run_directory
from tests.support import node
from tests.support.app import Served, served
from tests.support.population import furnish
from tests.support.server import running

RESOURCE: Final = "https://sitthi.example/graphql"
VIEWER: Final = "{ viewer { id } }"
CLIENTS: Final = [
    {
        "client_id": one,
        "redirect_uris": [NO_LISTENER],
        "application_type": "native",
        "grant_types": ["authorization_code"],
        "dpop_bound_access_tokens": one == "bound-app",
    }
    for one in ("town-app", "bound-app")
]
PEOPLE: Final = {
    "elder": {"pid": persona("elder").national_id},
    "mistyped": {"pid": "1234567890123"},
    "nobody": {},
}


ASKED: Final = {"clients": CLIENTS, "people": PEOPLE, "resource": RESOURCE, "scopes": ["graph"], "told": ["pid"]}


def trust(issuer: str, **changed: Any) -> TrustedIssuer:
    given = {"name": "town", "issuer": issuer, "audiences": [RESOURCE], "national_id": "pid"}
    return TrustedIssuer.model_validate({**given, "scopes": {"graph": ["citizen"]}, **changed})


async def token_of(issuer: str, client: node.Program, account: str, client_id: str) -> str:
    """By the whole flow, as `openid-client` drives it."""
    await client.ask("discover", issuer=issuer, client_id=client_id, dpop=client_id == "bound-app")
    extra = {"login_hint": account, "resource": RESOURCE}
    asked = await client.ask("authorize", redirect_uri=NO_LISTENER, scope="openid graph", extra=extra)
    async with httpx2.AsyncClient(trust_env=False) as browser:
        returned = await walk(browser, cast("CodeFlow", _Address(asked["url"])), account)
    return str((await client.ask("callback", url=returned))["access_token"])


@dataclass
class Town:
    """A foreign provider, a client of it, and our application, which trusts it."""

    issuer: str
    client: node.Program
    served: Served

    async def token(self, account: str, *, client: str = "town-app") -> str:
        return await token_of(self.issuer, self.client, account, client)

    async def ask(self, token: str) -> httpx2.Response:
        headers = {"authorization": f"Bearer {token}"}
        return await self.served.http.post("/graphql", json={"query": VIEWER}, headers=headers)


@dataclass(frozen=True)
class _Address:
    address: str
    redirect_uri: str = NO_LISTENER


@pytest.fixture
def own_provider() -> bool:
    return True


@pytest.fixture
async def town(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path, *, own_provider: bool
) -> AsyncIterator[Town]:
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(node.program("oidc_provider.mjs"))
        issuer = (await provider.ask("serve", **ASKED))["issuer"]
        given: dict[str, Any] = {
            "data": tmp_path / "data",
            "database_url": database_url,
            "trusted_issuers": (trust(issuer),),
            "own_provider": own_provider,
        }
        clock = FixedClock(SystemClock().now())  # the other provider has the time of the day
        furnish(run_directory(request.config), given["data"], clock.today())
        application = await stack.enter_async_context(served(Settings(**given), clock))
        client = await stack.enter_async_context(node.program("relying_party.mjs"))
        yield Town(issuer, client, application)


async def test_a_token_of_the_other_provider_opens_the_graph_as_the_same_citizen(town: Town) -> None:
    answer = await town.ask(await town.token("elder"))
    assert answer.status_code == 200
    by_ours = await town.served.graph(VIEWER, persona="elder")
    assert answer.json()["data"] == by_ours


async def test_a_token_that_names_nobody_or_nobody_who_can_be_opens_nothing(town: Town) -> None:
    for account in ("nobody", "mistyped"):
        answer = await town.ask(await town.token(account))
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "TOKEN_INVALID")


async def test_a_token_that_is_bound_to_a_key_opens_nothing_as_a_bearer_token(town: Town) -> None:
    answer = await town.ask(await town.token("elder", client="bound-app"))
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "TOKEN_INVALID")


@pytest.mark.parametrize("own_provider", [False])
async def test_without_our_own_provider_only_the_other_signs_people_in(town: Town) -> None:
    assert (await town.ask(await town.token("elder"))).status_code == 200
    for path in ("/.well-known/openid-configuration", "/oauth/authorize", "/oauth/jwks", "/signin"):
        assert (await town.served.http.get(path)).status_code == 404
    assert (await town.served.http.post("/oauth/token", data={"grant_type": "x"})).status_code == 404
    assert (await town.served.http.get("/")).status_code == 200


async def test_over_the_wire_a_bound_token_opens_the_graph_with_its_proof_alone(
    database_url: str, tmp_path: Path
) -> None:
    """Three processes: the other provider, a client of it, and Sitthi as an operator would set it up."""
    async with node.program("oidc_provider.mjs") as provider, node.program("relying_party.mjs") as client:
        issuer = (await provider.ask("serve", **ASKED))["issuer"]
        trusted = [trust(issuer, dpop_required=True).model_dump()]
        given = {"SITTHI_DATABASE_URL": database_url, "SITTHI_DEMO_CITIZENS": "0"}
        with running(tmp_path / "data", port=None, SITTHI_TRUSTED_ISSUERS=json.dumps(trusted), **given) as server:
            asked = {"url": f"{server.url}/graphql", "body": {"query": VIEWER}}
            token = await token_of(issuer, client, "elder", "bound-app")
            answer = await client.ask("resource", access_token=token, **asked)
            assert answer["status"] == 200
            assert answer["body"]["data"]["viewer"]["id"]
            without = await client.ask("resource", access_token=token, bare=True, **asked)
            assert without == {"status": 401, "challenge": "bearer invalid_token"}
            bearer = await token_of(issuer, client, "elder", "town-app")
            refused = await client.ask("resource", access_token=bearer, **asked)
            assert refused == {"status": 401, "challenge": "bearer invalid_token"}
