"""The FAPI 2.0 Security Profile as its client lives it: pushed requests, a key of its own, tokens bound to another."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from api.commands.code_flow import SignInFailed
from tests.identity.openid_client.party import Client, Party, private_key
from tests.support import node


async def test_a_person_signs_in_by_a_pushed_request_and_the_tokens_are_bound(party: Party) -> None:
    await party.discover("fapi", dpop=True)
    address = await party.authorize(pushed=True)
    assert set(parse_qs(urlsplit(address).query)) == {"client_id", "request_uri"}, "the browser carries nothing else"
    tokens = await party.callback(await party.walk(address))
    assert tokens["token_type"] == "dpop"
    assert tokens["claims"]["aud"] == party.client.id
    answer = await party.viewer(tokens)
    assert answer["status"] == 200
    assert answer["body"]["data"]["viewer"]["id"]
    info = await party.program.ask("userinfo", access_token=tokens["access_token"], sub=tokens["claims"]["sub"])
    assert info["name"] == tokens["claims"]["name"]


async def test_a_bound_token_opens_nothing_without_its_proof_or_with_anothers(party: Party) -> None:
    await party.discover("fapi", dpop=True)
    tokens = await party.signed_in(pushed=True)
    assert await party.viewer(tokens, bare=True) == {"status": 401, "challenge": "bearer invalid_token"}
    await party.discover("fapi", dpop=True)  # a fresh key
    assert await party.viewer(tokens) == {"status": 401, "challenge": "dpop invalid_token"}


async def test_a_bound_refresh_token_goes_on_with_a_fresh_key_of_a_client_that_has_one_of_its_own(party: Party) -> None:
    """RFC 9449 §5: the refresh token of a confidential client is bound by its client authentication."""
    await party.discover("fapi", dpop=True)
    first = await party.signed_in(pushed=True)
    second = await party.refresh(first)
    assert second["token_type"] == "dpop"
    assert (await party.viewer(second))["status"] == 200


async def test_a_request_that_was_not_pushed_is_refused(party: Party) -> None:
    await party.discover("fapi", dpop=True)
    with pytest.raises(node.Refused) as refused:
        await party.signed_in()
    assert refused.value.error == "invalid_request"


async def test_a_pushed_request_works_once(party: Party) -> None:
    await party.discover("fapi", dpop=True)
    address = await party.authorize(pushed=True)
    assert "access_token" in await party.callback(await party.walk(address))
    with pytest.raises(SignInFailed):
        await party.walk(address)


async def test_another_client_cannot_use_a_pushed_request(party: Party) -> None:
    await party.discover("fapi", dpop=True)
    address = await party.authorize(pushed=True)
    with pytest.raises(SignInFailed):
        await party.walk(address.replace(party.client.id, "demo-app"))
    assert "access_token" in await party.callback(await party.walk(address)), "and nothing was used up"


async def test_without_a_proof_a_code_buys_nothing_and_is_not_used_up(party: Party) -> None:
    await party.discover("fapi")
    with pytest.raises(node.Refused) as refused:
        await party.signed_in(pushed=True)
    assert refused.value.status == 400
    assert refused.value.error in ("invalid_request", "invalid_dpop_proof")


async def test_a_stolen_code_is_worth_nothing_without_the_clients_key(party: Party) -> None:
    known = party.sitthi.clients["fapi"]
    await party.discover(known, dpop=True)
    returned = await party.walked(pushed=True)
    await party.discover(Client(known.id, known.redirect_uri, private_key("bank")), dpop=True)
    with pytest.raises(node.Refused) as refused:
        await party.callback(returned)
    assert (refused.value.status, refused.value.error) == (401, "invalid_client")


async def test_a_request_pushed_by_another_key_is_refused(party: Party) -> None:
    known = party.sitthi.clients["fapi"]
    await party.discover(Client(known.id, known.redirect_uri, private_key("bank")), dpop=True)
    with pytest.raises(node.Refused) as refused:
        await party.authorize(pushed=True)
    assert (refused.value.status, refused.value.error) == (401, "invalid_client")


async def test_a_pushed_request_with_a_strange_address_is_refused_at_once(party: Party) -> None:
    known = party.sitthi.clients["fapi"]
    await party.discover(Client(known.id, "https://elsewhere.example/callback", known.key), dpop=True)
    with pytest.raises(node.Refused) as refused:
        await party.authorize(pushed=True)
    assert refused.value.status == 400


@pytest.mark.parametrize(("name", "value"), [("iss", "https://elsewhere.example"), ("state", "another")])
async def test_a_tampered_return_is_refused_by_the_client(party: Party, name: str, value: str) -> None:
    await party.discover("fapi", dpop=True)
    returned = await party.walked(pushed=True)
    given = parse_qs(urlsplit(returned).query)
    with pytest.raises(node.Refused) as refused:
        await party.callback(returned.replace(f"{name}={_quoted(returned, name)}", f"{name}={value}"))
    assert refused.value.code == "OAUTH_INVALID_RESPONSE"
    assert given[name] != [value]


def _quoted(address: str, name: str) -> str:
    """The value as it is written in the address."""
    return next(pair.partition("=")[2] for pair in urlsplit(address).query.split("&") if pair.startswith(f"{name}="))


# --- a public client on a device ----------------------------------------------------------------------------------


async def test_a_device_holds_tokens_that_are_bound_to_it(party: Party) -> None:
    await party.discover("device", dpop=True)
    first = await party.signed_in()
    assert first["token_type"] == "dpop"
    second = await party.refresh(first)
    assert (await party.viewer(second))["status"] == 200


async def test_a_stolen_refresh_token_of_a_device_is_worth_nothing_elsewhere(party: Party) -> None:
    await party.discover("device", dpop=True)
    tokens = await party.signed_in()
    await party.discover("device", dpop=True)  # another device
    with pytest.raises(node.Refused) as refused:
        await party.refresh(tokens)
    assert refused.value.status == 400


async def test_a_device_whose_clock_is_wrong_is_told_a_nonce_and_goes_on(party: Party) -> None:
    """RFC 9449 §8: `openid-client` repeats the request with the nonce by itself, at each endpoint."""
    await party.discover("device", dpop=True, clock_skew=-600)
    tokens = await party.signed_in()
    assert (await party.viewer(tokens))["status"] == 200
    assert (await party.refresh(tokens))["token_type"] == "dpop"
