"""Tokens as requests bring them: alone, with a proof of their key, or wrongly (RFC 6750, RFC 9068 §4, RFC 9449 §7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from identity.provider.errors import TokenInvalid
from identity.provider.presented import Presenting
from identity.provider.subjects import Subjects
from identity.provider.verifier import TokenVerifier
from tests.identity.conftest import House
from tests.identity.provider.apps import App, claims_of
from tests.identity.provider.key_holders import KeyHolder

USERINFO = "/oauth/userinfo"


async def asked(app: App, token: str, scheme: str = "DPoP", proof: str | None = None) -> tuple[int, str]:
    """Of userinfo: the status and the challenge."""
    headers = {"Authorization": f"{scheme} {token}", **({"DPoP": proof} if proof else {})}
    answer = await app.browser.get(USERINFO, headers=headers)
    return answer.status_code, answer.headers.get("www-authenticate", "")


def proof(app: App, token: str, **given: Any) -> str:
    return app.proof(USERINFO, "GET", access_token=token, **given)


async def test_a_token_with_a_proof_of_its_key_is_good(app: App) -> None:
    token = (await app.tokens(bound=True))["access_token"]
    assert await asked(app, token, proof=proof(app, token)) == (200, "")


async def test_a_token_bound_to_a_key_is_no_bearer_token(app: App) -> None:
    token = (await app.tokens(bound=True))["access_token"]
    assert await asked(app, token, "Bearer") == (401, 'Bearer error="invalid_token"')
    assert await asked(app, token, "Bearer", proof(app, token)) == (401, 'Bearer error="invalid_token"')


async def test_a_bearer_token_does_not_become_a_bound_one_by_a_proof(app: App) -> None:
    token = (await app.tokens())["access_token"]
    status, challenge = await asked(app, token, proof=proof(app, token))
    assert (status, challenge.startswith('DPoP error="invalid_token"')) == (401, True)


async def test_a_bound_token_without_a_proof_is_refused(app: App) -> None:
    token = (await app.tokens(bound=True))["access_token"]
    status, challenge = await asked(app, token)
    assert (status, challenge.startswith('DPoP error="invalid_dpop_proof"')) == (401, True)


async def test_a_thief_with_a_key_of_their_own_is_refused(app: App) -> None:
    token = (await app.tokens(bound=True))["access_token"]
    app.key = KeyHolder.make()
    status, challenge = await asked(app, token, proof=proof(app, token))
    assert (status, challenge.startswith('DPoP error="invalid_token"')) == (401, True)


async def test_a_proof_works_once(app: App) -> None:
    token = (await app.tokens(bound=True))["access_token"]
    once = proof(app, token)
    assert (await asked(app, token, proof=once))[0] == 200
    assert (await asked(app, token, proof=once))[1].startswith('DPoP error="invalid_dpop_proof"')


async def test_a_proof_is_for_one_token(app: App) -> None:
    one, two = (await app.tokens(bound=True))["access_token"], (await app.tokens(bound=True))["access_token"]
    assert (await asked(app, one, proof=proof(app, two)))[1].startswith('DPoP error="invalid_dpop_proof"')


async def test_an_old_proof_is_answered_with_a_nonce_to_use(house: House, app: App) -> None:
    token = (await app.tokens(bound=True))["access_token"]
    old = proof(app, token)
    house.clock.advance(timedelta(seconds=61))
    answer = await app.browser.get(USERINFO, headers={"Authorization": f"DPoP {token}", "DPoP": old})
    assert (answer.status_code, 'error="use_dpop_nonce"' in answer.headers["www-authenticate"]) == (401, True)
    again = proof(app, token, nonce=answer.headers["dpop-nonce"], iat=0)
    assert (await asked(app, token, proof=again))[0] == 200


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer ", "DPoP", "Basic eDp5", "Bearer a b", "x"])
async def test_what_is_no_credential_is_an_invalid_token(house: House, authorization: str) -> None:
    with pytest.raises(TokenInvalid):
        await Presenting(house.identity.dpop).of({"authorization": authorization}, method="GET", url="http://x/")


async def test_a_token_in_the_address_or_the_body_is_not_looked_at(app: App) -> None:
    token = (await app.tokens())["access_token"]
    assert (await app.browser.get(USERINFO, params={"access_token": token})).status_code == 401
    assert (await app.browser.post(USERINFO, data={"access_token": token})).status_code == 401


async def test_userinfo_of_a_revoked_token_is_nobodys(app: App) -> None:
    tokens = await app.tokens()
    assert (await asked(app, tokens["access_token"], "Bearer"))[0] == 200
    await app.revoke(tokens["access_token"])
    assert await asked(app, tokens["access_token"], "Bearer") == (401, 'Bearer error="invalid_token"')


async def test_userinfo_without_the_openid_scope_says_which_is_missing(app: App) -> None:
    token = (await app.tokens(scope="citizen"))["access_token"]
    assert await asked(app, token, "Bearer") == (403, 'Bearer error="insufficient_scope"')


FORGED: dict[str, dict[str, Any]] = {
    "no family": {"family": None},
    "family of another form": {"family": "x"},
    "act that nobody understands": {"act": {"sub": "somebody"}},
    "delegation without act": {"delegation": {"id": "0" * 32, "scopes": []}},
    "bound by something else": {"cnf": {"x5t#S256": "x"}},
    "bound twice": {"cnf": {"jkt": "x", "kid": "y"}},
    "bound to nothing": {"cnf": {}},
    "audience elsewhere beside ours": {"aud": ["{issuer}/graphql", "https://elsewhere.example"]},
    "audience that begins like ours": {"aud": ["{issuer}/graphql", "{issuer}.evil.example/x"]},
    "no audience": {"aud": []},
    "scope as a list": {"scope": ["citizen"]},
    "no person": {"acr": None},
    "a client in its own name": {"sub": "shop"},
}


@pytest.mark.parametrize("how", FORGED)
async def test_what_only_we_could_sign_wrongly_is_refused_too(house: House, app: App, how: str) -> None:
    good = claims_of((await app.tokens())["access_token"])
    signer = await house.identity.signing.signer()
    assert await app.works(signer.sign(good, typ="at+jwt"))
    changes = {
        name: [one.replace("{issuer}", house.issuer) for one in value] if name == "aud" else value
        for name, value in FORGED[how].items()
    }
    changed = {name: value for name, value in {**good, **changes}.items() if value is not None}
    assert not await app.works(signer.sign(changed, typ="at+jwt"))


async def test_a_verified_token_is_remembered_until_it_is_over(house: House, app: App) -> None:
    token = (await app.tokens())["access_token"]
    verifier = house.identity.verifier_for("/graphql")
    async with house.identity.revocations.watching():
        first = await verifier.verify(token)
        assert await verifier.verify(token) is first
    house.clock.advance(timedelta(minutes=10))
    assert not await app.works(token)


async def test_the_memory_of_tokens_is_bounded_and_keeps_what_is_in_use(house: House, app: App) -> None:
    identity = house.identity
    verifier = TokenVerifier(
        house.issuer,
        [f"{house.issuer}/graphql"],
        identity.signing,
        Subjects(identity.keys),
        house.clock,
        identity.revocations,
        remembered_max=2,
    )
    used = (await app.tokens())["access_token"]
    async with identity.revocations.watching():
        first = await verifier.verify(used)
        for _ in range(6):
            await verifier.verify((await app.tokens())["access_token"])
            assert await verifier.verify(used) is first
            assert len(verifier._young) <= 2
            assert len(verifier._old) <= 2
