"""`openid-client`, a certified library that is not ours, drives the whole flow against a server as people run it.

It checks for itself what OpenID Connect, RFC 9207 and FAPI 2.0 tell a client to check; so what passes here is not only
what we take to be right.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit

import httpx2
import pytest

from api.commands.code_flow import CodeFlow
from api.commands.walk import DEMO_SCOPE, NO_LISTENER, walk
from identity.provider.clients import DEMO_APP
from tests.support import node
from tests.support.databases import Databases, Kind
from tests.support.server import Process, running

VIEWER: Final = {"query": "{ viewer { id } }"}


@dataclass(frozen=True)
class _Address:
    """What a walk through the pages needs of a client: where it begins, and where it may end."""

    address: str
    redirect_uri: str


@dataclass(frozen=True)
class Party:
    """A relying party, and the server it relies on."""

    program: node.Program
    server: Process

    async def discover(self, client: str = DEMO_APP, **given: Any) -> dict[str, Any]:
        found: dict[str, Any] = await self.program.ask("discover", issuer=self.server.url, client_id=client, **given)
        return found

    async def walked(self, who: str = "elder", *, scope: str = DEMO_SCOPE, pushed: bool = False, **extra: str) -> str:
        """The address that a person's browser comes back at."""
        asked = await self.program.ask("authorize", redirect_uri=NO_LISTENER, scope=scope, pushed=pushed, extra=extra)
        flow = cast("CodeFlow", _Address(asked["url"], NO_LISTENER))
        async with httpx2.AsyncClient(trust_env=False) as browser:
            return await walk(browser, flow, who)

    async def signed_in(self, who: str = "elder", **given: Any) -> dict[str, Any]:
        """The token response, with the ID token's checked `claims`."""
        answer: dict[str, Any] = await self.program.ask("callback", url=await self.walked(who, **given))
        return answer

    async def viewer(self, tokens: dict[str, Any], **given: Any) -> Any:
        return await self.program.ask(
            "resource", access_token=tokens["access_token"], url=f"{self.server.url}/graphql", body=VIEWER, **given
        )


@pytest.fixture(scope="module", params=[Kind.SQLITE, Kind.POSTGRESQL])
def server(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    node.require()
    folder = tmp_path_factory.mktemp("openid-client")
    with (
        databases.clone(Kind(request.param), folder) as url,
        running(folder / "data", SITTHI_DATABASE_URL=url, SITTHI_DEMO_CITIZENS="0") as process,
    ):
        yield process


@pytest.fixture
async def party(server: Process) -> AsyncIterator[Party]:
    async with node.program("relying_party.mjs") as program:
        yield Party(program, server)


async def test_discovery_names_the_issuer_and_what_it_can_do(party: Party) -> None:
    found = await party.discover()
    assert found["issuer"] == party.server.url
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["authorization_response_iss_parameter_supported"] is True
    for name, address in found.items():
        if name.endswith(("_endpoint", "_uri")):
            assert urlsplit(address).netloc == urlsplit(party.server.url).netloc, name


async def test_a_person_signs_in_by_the_code_flow_and_the_id_token_is_believed(party: Party) -> None:
    await party.discover()
    tokens = await party.signed_in()
    assert tokens["token_type"] == "bearer"
    assert tokens["expires_in"] > 0
    assert set(tokens["scope"].split()) == set(DEMO_SCOPE.split())
    assert tokens["claims"]["aud"] == DEMO_APP
    assert tokens["claims"]["acr"].startswith("ial2.3")
    assert tokens["claims"]["name"]


async def test_userinfo_is_about_the_subject_of_the_id_token(party: Party) -> None:
    await party.discover()
    tokens = await party.signed_in()
    subject = tokens["claims"]["sub"]
    info = await party.program.ask("userinfo", access_token=tokens["access_token"], sub=subject)
    assert (info["sub"], info["name"]) == (subject, tokens["claims"]["name"])
    with pytest.raises(node.Refused) as refused:
        await party.program.ask("userinfo", access_token=tokens["access_token"], sub="another")
    assert refused.value.code == "OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED"


async def test_the_access_token_opens_the_graph(party: Party) -> None:
    await party.discover()
    answer = await party.viewer(await party.signed_in())
    assert answer["status"] == 200
    assert answer["body"]["data"]["viewer"]["id"]


async def test_without_scope_openid_there_is_no_id_token(party: Party) -> None:
    await party.discover()
    tokens = await party.signed_in(scope="citizen")
    assert tokens["claims"] is None
    assert (await party.viewer(tokens))["body"]["data"]["viewer"]["id"]


async def test_a_fresh_sign_in_has_the_auth_time_that_was_asked_for(party: Party) -> None:
    await party.discover()
    returned = await party.walked(max_age="60")
    tokens = await party.program.ask("callback", url=returned, expected={"max_age": 60})
    assert tokens["claims"]["auth_time"] <= tokens["claims"]["iat"]


async def test_a_code_works_once(party: Party) -> None:
    await party.discover()
    returned = await party.walked()
    assert "access_token" in await party.program.ask("callback", url=returned)
    with pytest.raises(node.Refused) as refused:
        await party.program.ask("callback", url=returned)
    assert (refused.value.status, refused.value.error) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("iss", "https://elsewhere.example", "OAUTH_INVALID_RESPONSE"),
        ("iss", None, "OAUTH_INVALID_RESPONSE"),
        ("state", "another", "OAUTH_INVALID_RESPONSE"),
        ("state", None, "OAUTH_INVALID_RESPONSE"),
    ],
)
async def test_a_tampered_return_is_refused_by_the_client(
    party: Party, name: str, value: str | None, code: str
) -> None:
    """That it is shows that we send what a client needs to tell: `iss` (RFC 9207) and its own `state`."""
    await party.discover()
    address = httpx2.URL(await party.walked())
    tampered = address.copy_remove_param(name) if value is None else address.copy_set_param(name, value)
    with pytest.raises(node.Refused) as refused:
        await party.program.ask("callback", url=str(tampered))
    assert refused.value.code == code
    assert "access_token" in await party.program.ask("callback", url=str(address)), "nothing was used up"


async def test_an_id_token_for_another_request_is_refused_by_the_client(party: Party) -> None:
    await party.discover()
    with pytest.raises(node.Refused) as refused:
        await party.program.ask("callback", url=await party.walked(), expected={"nonce": "of-another-request"})
    assert refused.value.code == "OAUTH_JWT_CLAIM_COMPARISON_FAILED"
    assert "nonce" in str(refused.value)


async def test_another_verifier_redeems_nothing_and_uses_nothing_up(party: Party) -> None:
    await party.discover()
    returned = await party.walked()
    with pytest.raises(node.Refused) as refused:
        await party.program.ask("callback", url=returned, expected={"verifier": "v" * 43})
    assert refused.value.error == "invalid_grant"
    assert "access_token" in await party.program.ask("callback", url=returned)


async def test_a_refusal_reaches_the_client_by_its_name(party: Party) -> None:
    await party.discover()
    with pytest.raises(node.Refused) as refused:
        await party.program.ask("callback", url=await party.walked(scope="openid no-such-scope"))
    assert (refused.value.code, refused.value.error) == ("OAUTH_AUTHORIZATION_RESPONSE_ERROR", "invalid_scope")
