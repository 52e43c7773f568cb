"""`oidc-provider` from npm, in a process of its own, beside our provider and in its place."""

from __future__ import annotations

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


@dataclass
class Town:
    """A foreign provider, a client of it, and our application, which trusts it."""

    issuer: str
    client: node.Program
    served: Served

    async def token(self, account: str, *, client: str = "town-app", **given: Any) -> str:
        """By the whole flow, as `openid-client` drives it."""
        dpop = client == "bound-app"
        await self.client.ask("discover", issuer=self.issuer, client_id=client, dpop=dpop)
        extra = {"login_hint": account, "resource": RESOURCE}
        asked = await self.client.ask(
            "authorize", redirect_uri=NO_LISTENER, scope="openid graph", extra={**extra, **given}
        )
        flow = cast("CodeFlow", _Address(asked["url"]))
        async with httpx2.AsyncClient(trust_env=False) as browser:
            returned = await walk(browser, flow, account)
        return str((await self.client.ask("callback", url=returned))["access_token"])

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
        asked = {"clients": CLIENTS, "people": PEOPLE, "resource": RESOURCE, "scopes": ["graph"], "told": ["pid"]}
        issuer = (await provider.ask("serve", **asked))["issuer"]
        trusted = TrustedIssuer(
            name="town", issuer=issuer, audiences=[RESOURCE], national_id="pid", scopes={"graph": ["citizen"]}
        )
        given: dict[str, Any] = {
            "data": tmp_path / "data",
            "database_url": database_url,
            "trusted_issuers": (trusted,),
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
