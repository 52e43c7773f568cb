"""`openid-client`, a certified library that is not ours, drives the whole flow against a server as people run it.

It checks for itself what OpenID Connect, RFC 9207 and FAPI 2.0 tell a client to check; so what passes here is not only
what we take to be right.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx2
import jwt
import pytest

from api.commands.walk import DEMO_SCOPE
from identity.provider.clients import DEMO_APP
from tests.identity.openid_client.party import Party
from tests.identity.waiting import until_answered
from tests.support import node


async def test_discovery_names_the_issuer_and_what_it_can_do(party: Party) -> None:
    found = await party.discover()
    assert found["issuer"] == party.issuer
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["authorization_response_iss_parameter_supported"] is True
    for name, address in found.items():
        if name.endswith(("_endpoint", "_uri")):
            assert urlsplit(address).netloc == urlsplit(party.issuer).netloc, name


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
    tokens = await party.callback(returned, expected={"max_age": 60})
    assert tokens["claims"]["auth_time"] <= tokens["claims"]["iat"]


async def test_a_code_works_once(party: Party) -> None:
    await party.discover()
    returned = await party.walked()
    assert "access_token" in await party.callback(returned)
    with pytest.raises(node.Refused) as refused:
        await party.callback(returned)
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
        await party.callback(str(tampered))
    assert refused.value.code == code
    assert "access_token" in await party.callback(str(address)), "nothing was used up"


async def test_an_id_token_for_another_request_is_refused_by_the_client(party: Party) -> None:
    await party.discover()
    with pytest.raises(node.Refused) as refused:
        await party.callback(await party.walked(), expected={"nonce": "of-another-request"})
    assert refused.value.code == "OAUTH_JWT_CLAIM_COMPARISON_FAILED"
    assert "nonce" in str(refused.value)


async def test_another_verifier_redeems_nothing_and_uses_nothing_up(party: Party) -> None:
    await party.discover()
    returned = await party.walked()
    with pytest.raises(node.Refused) as refused:
        await party.callback(returned, expected={"verifier": "v" * 43})
    assert refused.value.error == "invalid_grant"
    assert "access_token" in await party.callback(returned)


async def test_a_refusal_reaches_the_client_by_its_name(party: Party) -> None:
    await party.discover()
    with pytest.raises(node.Refused) as refused:
        await party.callback(await party.walked(scope="openid no-such-scope"))
    assert (refused.value.code, refused.value.error) == ("OAUTH_AUTHORIZATION_RESPONSE_ERROR", "invalid_scope")


async def test_after_the_signing_key_was_given_up_a_client_believes_the_next(party: Party) -> None:
    """A compromise: what was signed by the old key is worth nothing, and the new one is in the key set at once."""
    await party.discover()
    before = await party.signed_in()
    party.sitthi.server.command("keys", "rotate", "--signing", "--now")

    async def refused() -> bool:
        return bool((await party.viewer(before))["status"] == 401)

    await until_answered(refused)
    await party.discover()  # with its key set read anew
    after = await party.signed_in()
    assert key_of(after["id_token"]) == key_of(after["access_token"]) != key_of(before["id_token"])
    assert (await party.viewer(after))["status"] == 200


def key_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])
