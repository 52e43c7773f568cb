"""Tokens at `/graphql`: bound to a key, revoked, of a machine, or of whoever acts for another."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import jwt
import pytest

from core.ids import new_id
from identity.provider.endings import Endings, EndReason
from tests.identity.provider.key_holders import KeyHolder
from tests.support.app import Served

VIEWER = "{ viewer { id } }"


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


@dataclass
class Caller:
    """The elder's app, with a key."""

    sitthi: Served
    key: KeyHolder

    @property
    def url(self) -> str:
        return f"{self.sitthi.house.settings.issuer}/graphql"

    async def token(self, **changes: Any) -> str:
        """A token as we would make it, with other claims."""
        good = claims_of(await self.sitthi.token("elder"))
        signer = await self.sitthi.house.identity.signing.signer()
        return signer.sign({**good, "jti": new_id().hex, **changes}, typ="at+jwt")

    async def bound(self) -> str:
        return await self.token(cnf={"jkt": self.key.jkt})

    def proof(self, token: str, method: str = "POST", **given: Any) -> str:
        return self.key.proof(self.sitthi.clock, method, given.pop("url", self.url), access_token=token, **given)

    async def asks(self, token: str, scheme: str = "Bearer", proof: str | None = None) -> httpx2.Response:
        headers = {"authorization": f"{scheme} {token}", **({"dpop": proof} if proof else {})}
        return await self.sitthi.http.post("/graphql", json={"query": VIEWER}, headers=headers)


@pytest.fixture
def caller(sitthi: Served) -> Caller:
    return Caller(sitthi, KeyHolder.make())


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]


async def test_a_bound_token_opens_the_graph_with_a_proof_of_its_key(caller: Caller) -> None:
    token = await caller.bound()
    answer = await caller.asks(token, "DPoP", caller.proof(token))
    assert answer.status_code == 200
    assert answer.json()["data"]["viewer"]["id"]


async def test_a_bound_token_is_no_bearer_token(caller: Caller) -> None:
    assert code_of(await caller.asks(await caller.bound())) == (401, "TOKEN_INVALID")


async def test_a_bearer_token_is_not_taken_with_a_proof(caller: Caller) -> None:
    token = await caller.token()
    answer = await caller.asks(token, "DPoP", caller.proof(token))
    assert code_of(answer) == (401, "TOKEN_INVALID")
    assert answer.headers["www-authenticate"].startswith('DPoP error="invalid_token"')


@pytest.mark.parametrize("wrong", ["none", "method", "address", "host", "token", "key", "again"])
async def test_a_proof_that_is_not_for_this_request_is_refused(caller: Caller, wrong: str) -> None:
    token = await caller.bound()
    proof: str | None = caller.proof(token)
    if wrong == "none":
        proof = None
    elif wrong == "method":
        proof = caller.proof(token, "GET")
    elif wrong == "address":
        proof = caller.proof(token, url=f"{caller.url}/other")
    elif wrong == "host":
        proof = caller.proof(token, url="https://evil.example/graphql")
    elif wrong == "token":
        proof = caller.proof(await caller.bound())
    elif wrong == "key":
        proof = Caller(caller.sitthi, KeyHolder.make()).proof(token)
    elif wrong == "again":
        await caller.asks(token, "DPoP", proof)
    status, code = code_of(await caller.asks(token, "DPoP", proof))
    assert (status, code) == (401, "TOKEN_INVALID" if wrong == "key" else "DPOP_PROOF_INVALID")


async def test_a_client_whose_clock_differs_is_given_a_nonce(caller: Caller) -> None:
    token = await caller.bound()
    late = caller.proof(token, iat=int(caller.sitthi.clock.now().timestamp()) - 3_600)
    answer = await caller.asks(token, "DPoP", late)
    assert code_of(answer) == (401, "DPOP_NONCE_NEEDED")
    assert 'error="use_dpop_nonce"' in answer.headers["www-authenticate"]
    again = caller.proof(token, iat=0, nonce=answer.headers["dpop-nonce"])
    assert (await caller.asks(token, "DPoP", again)).status_code == 200


async def test_the_token_of_a_machine_is_invalid_at_the_graph(caller: Caller) -> None:
    token = await caller.token(sub="demo-app")
    assert code_of(await caller.asks(token)) == (401, "TOKEN_INVALID")


async def test_a_token_whose_family_ended_stops_within_a_second(caller: Caller) -> None:
    token = await caller.sitthi.token("elder")
    assert (await caller.asks(token)).status_code == 200
    house = caller.sitthi.house
    family = UUID(hex=claims_of(token)["family"])
    person = (await house.identity.verifier.verify(token)).person
    async with house.db.write() as session:
        await Endings(house.clock).end_family(session, person, family, EndReason.REVOKED)
    async with asyncio.timeout(60):
        while (await caller.asks(token)).status_code == 200:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.05)
    assert code_of(await caller.asks(token)) == (401, "TOKEN_INVALID")


async def test_nobody_is_believed_while_it_cannot_be_known_what_was_revoked(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await caller.sitthi.token("elder")
    revocations = caller.sitthi.house.identity.revocations
    monkeypatch.setattr(revocations, "_look", lambda **_: asyncio.sleep(0))
    monkeypatch.setattr(revocations, "_stale_at", float("-inf"))
    assert code_of(await caller.asks(token)) == (503, "SERVICE_UNAVAILABLE")
    signed_out = await caller.sitthi.http.post("/graphql", json={"query": "{ programmes { slug } }"})
    assert signed_out.status_code == 200, "who brings no token is answered as ever"


async def test_a_token_that_has_expired_says_so_even_when_remembered(caller: Caller) -> None:
    token = await caller.sitthi.token("elder")
    assert (await caller.asks(token)).status_code == 200
    caller.sitthi.clock.advance(timedelta(hours=1))
    assert code_of(await caller.asks(token)) == (401, "TOKEN_EXPIRED")
