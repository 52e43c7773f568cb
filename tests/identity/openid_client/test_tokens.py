"""What becomes of tokens afterwards: refreshed, given back, asked about, and over with the session."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from tests.identity.openid_client.party import SIGNED_OUT, Client, Party, private_key
from tests.identity.waiting import until_answered
from tests.support import node


def payload(token: str) -> dict[str, Any]:
    told: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return told


async def dies(party: Party, tokens: dict[str, Any]) -> None:
    """The access token opens nothing any more, in a moment: every process hears of it within a second."""

    async def refused() -> bool:
        answer = await party.viewer(tokens)
        return bool((answer["status"], answer.get("challenge")) == (401, "bearer invalid_token"))

    await until_answered(refused)


async def test_a_refresh_token_gives_new_tokens_of_the_same_sign_in(party: Party) -> None:
    await party.discover()
    first = await party.signed_in()
    second = await party.refresh(first)
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    for name in ("sub", "auth_time", "acr"):
        assert second["claims"][name] == first["claims"][name]
    assert (await party.viewer(second))["status"] == 200


async def test_a_refresh_token_that_is_used_again_ends_all_that_came_of_it(party: Party) -> None:
    await party.discover()
    first = await party.signed_in()
    second = await party.refresh(first)
    for tokens in (first, second):
        with pytest.raises(node.Refused) as refused:
            await party.refresh(tokens)
        assert (refused.value.status, refused.value.error) == (400, "invalid_grant")
    await dies(party, second)


async def test_a_refresh_token_asks_for_less_and_never_for_more(party: Party) -> None:
    await party.discover()
    first = await party.signed_in(scope="openid citizen")
    less = await party.refresh(first, scope="citizen")
    assert less["scope"].split() == ["citizen"]
    with pytest.raises(node.Refused) as refused:
        await party.refresh(less, scope="openid citizen profile")
    assert refused.value.error == "invalid_scope"
    assert "access_token" in await party.refresh(less), "and nothing was used up"


async def test_a_refresh_token_that_is_given_back_takes_all_with_it(party: Party) -> None:
    await party.discover()
    tokens = await party.signed_in()
    assert (await party.viewer(tokens))["status"] == 200
    await party.program.ask("revoke", token=tokens["refresh_token"], extra={"token_type_hint": "refresh_token"})
    with pytest.raises(node.Refused) as refused:
        await party.refresh(tokens)
    assert refused.value.error == "invalid_grant"
    await dies(party, tokens)


async def test_an_access_token_that_is_given_back_dies(party: Party) -> None:
    await party.discover()
    tokens = await party.signed_in()
    await party.program.ask("revoke", token=tokens["access_token"])
    await dies(party, tokens)


async def test_giving_back_what_never_was_is_no_error(party: Party) -> None:
    await party.discover()
    await party.program.ask("revoke", token="never-was")


async def test_a_client_with_a_key_may_ask_about_its_own_tokens(party: Party) -> None:
    await party.discover("fapi", dpop=True)
    tokens = await party.signed_in(pushed=True)
    told = await party.program.ask("introspect", token=tokens["access_token"])
    assert told["active"] is True
    assert told["client_id"] == party.client.id
    assert told["cnf"] == {"jkt": await party.program.ask("thumbprint")}
    assert told["sub"] == tokens["claims"]["sub"]
    assert (await party.program.ask("introspect", token=tokens["refresh_token"]))["active"] is True
    await party.program.ask("revoke", token=tokens["refresh_token"])
    assert await party.program.ask("introspect", token=tokens["refresh_token"]) == {"active": False}


async def test_anothers_token_is_to_a_client_as_one_that_never_was(party: Party) -> None:
    await party.discover()
    others = await party.signed_in()
    await party.discover("fapi")
    for token in (others["access_token"], others["refresh_token"], "never-was"):
        assert await party.program.ask("introspect", token=token) == {"active": False}


async def test_a_public_client_may_not_ask(party: Party) -> None:
    await party.discover()
    tokens = await party.signed_in()
    with pytest.raises(node.Refused) as refused:
        await party.program.ask("introspect", token=tokens["access_token"])
    assert (refused.value.status, refused.value.error) == (401, "invalid_client")


async def test_a_client_signs_its_person_out_and_gets_them_back(party: Party) -> None:
    await party.discover("page")
    tokens = await party.signed_in()
    address = await party.program.ask(
        "end_session",
        parameters={
            "id_token_hint": tokens["id_token"],
            "post_logout_redirect_uri": SIGNED_OUT,
            "state": "where-we-were",
        },
    )
    returned = await party.browser.get(address)
    assert returned.headers["location"] == f"{SIGNED_OUT}?state=where-we-were"
    with pytest.raises(node.Refused) as refused:
        await party.signed_in(prompt="none")
    assert refused.value.error == "login_required"
    await dies(party, tokens)


async def test_a_system_gets_a_token_in_its_own_name_by_its_key(party: Party) -> None:
    await party.discover("machine")
    tokens = await party.program.ask("client_credentials", extra={"scope": "agency.facts"})
    assert tokens["token_type"] == "bearer"
    assert "refresh_token" not in tokens
    told = payload(tokens["access_token"])
    assert told["sub"] == told["client_id"] == party.client.id
    assert told["aud"] == f"{party.issuer}/agency"
    assert (await party.viewer(tokens))["status"] == 401


async def test_a_system_with_another_key_gets_nothing(party: Party) -> None:
    known = party.sitthi.clients["machine"]
    await party.discover(Client(known.id, key=private_key("machine")))
    with pytest.raises(node.Refused) as refused:
        await party.program.ask("client_credentials", extra={"scope": "agency.facts"})
    assert (refused.value.status, refused.value.error) == (401, "invalid_client")


async def test_a_token_is_for_the_resource_that_was_named(party: Party) -> None:
    await party.discover()
    tokens = await party.signed_in(resource=f"{party.issuer}/graphql")
    assert payload(tokens["access_token"])["aud"] == f"{party.issuer}/graphql"


async def test_a_resource_that_is_not_the_clients_is_refused(party: Party) -> None:
    await party.discover()
    with pytest.raises(node.Refused) as refused:
        await party.signed_in(resource=f"{party.issuer}/officer")
    assert refused.value.error == "invalid_target"
    returned = parse_qs(urlsplit(await party.walked(resource="https://elsewhere.example/")).query)
    assert returned["error"] == ["invalid_target"]
