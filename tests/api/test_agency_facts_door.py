"""Who may ask `/agency/v1`: an agency's system with a token for it, and nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlmodel import select

from api import rate_limits
from core.settings import Settings
from identity.provider.registration import end_client
from services.exchange.rest.models import AgencyRequest
from tests.identity.provider.key_holders import KeyHolder
from tests.services.exchange.fakes import until
from tests.support.agency import BATCH, FACTS, AgencySystem, code_of, named, question
from tests.support.app import Served

PATHS = ("/agency/v1/agreements", "/agency/v1/purposes")


def body() -> dict[str, object]:
    return {**question("name"), "person": named("graduate")}


async def nobody_asked(sitthi: Served) -> bool:
    async with sitthi.house.db.read() as session:
        return (await session.scalars(select(AgencyRequest))).first() is None


async def test_nobody_asks_without_a_token(sitthi: Served) -> None:
    for path in PATHS:
        answer = await sitthi.http.get(path)
        assert code_of(answer) == (401, "TOKEN_INVALID")
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    for path in (FACTS, BATCH):
        assert code_of(await sitthi.http.post(path, json=body())) == (401, "TOKEN_INVALID")
    assert await nobody_asked(sitthi)


async def test_a_citizens_token_opens_nothing_here(sitthi: Served) -> None:
    headers = {"authorization": f"Bearer {await sitthi.token('graduate')}"}
    assert code_of(await sitthi.http.post(FACTS, json=body(), headers=headers)) == (401, "TOKEN_INVALID")


async def test_a_system_that_was_registered_for_services_alone_is_told_no_facts(sitthi: Served) -> None:
    other = await AgencySystem.registered(sitthi, "oic", scopes=["agency.services"])
    answer = await other.post(FACTS, body())
    assert code_of(answer) == (403, "SCOPE_MISSING")
    assert "agency.facts" in answer.json()["errors"][0]["message"]
    assert code_of(await other.get(PATHS[0])) == (403, "SCOPE_MISSING")
    assert await nobody_asked(sitthi)


async def test_a_bound_token_needs_a_proof_for_this_very_address(sitthi: Served) -> None:
    slf, holder = await AgencySystem.registered(sitthi), KeyHolder.make()
    token, issuer = await slf.token(bound_to=holder), sitthi.house.settings.issuer

    def headers(path: str) -> dict[str, str]:
        proof = holder.proof(sitthi.clock, "POST", issuer + path, access_token=token)
        return {"authorization": f"DPoP {token}", "DPoP": proof}

    good = headers(FACTS)
    assert (await sitthi.http.post(FACTS, json=body(), headers=good)).status_code == 200
    assert code_of(await sitthi.http.post(FACTS, json=body(), headers=good)) == (401, "DPOP_PROOF_INVALID")
    elsewhere = await sitthi.http.post(FACTS, json=body(), headers=headers(BATCH))
    assert code_of(elsewhere) == (401, "DPOP_PROOF_INVALID")
    assert elsewhere.headers["www-authenticate"].startswith("DPoP ")
    as_bearer = {"authorization": f"Bearer {token}"}
    assert code_of(await sitthi.http.post(FACTS, json=body(), headers=as_bearer)) == (401, "TOKEN_INVALID")


async def test_an_ended_client_asks_no_more(sitthi: Served) -> None:
    slf, house = await AgencySystem.registered(sitthi), sitthi.house
    assert (await slf.post(FACTS, body())).status_code == 200
    async with house.db.write() as session:
        await end_client(session, slf.client, agency="slf", clock=house.clock)

    async def is_refused() -> bool:
        answer = await slf.post(FACTS, body())
        return answer.status_code == 401 and code_of(answer) == (401, "TOKEN_INVALID")

    await until(is_refused)  # every process hears of it within a second


@pytest.mark.parametrize(
    ("content_type", "content", "said"),
    [
        ("text/plain", b"{}", (415, "MEDIA_TYPE_UNSUPPORTED")),
        ("application/x-www-form-urlencoded", b"nationalId=1", (415, "MEDIA_TYPE_UNSUPPORTED")),
        ("application/json", b"", (400, "BAD_INPUT")),
        ("application/json", b"{", (400, "BAD_INPUT")),
        ("application/json", b'{"requestId": "\\u0000"}', (400, "BAD_INPUT")),
        ("application/json", b"[" * 200_000, (400, "BAD_INPUT")),
        ("application/json", b" " * 300_000, (413, "BODY_TOO_LARGE")),
    ],
    ids=str,
)
async def test_what_is_no_request_is_refused(
    sitthi: Served, content_type: str, content: bytes, said: tuple[int, str]
) -> None:
    slf = await AgencySystem.registered(sitthi)
    headers = {**await slf.headers(), "content-type": content_type}
    for path in (FACTS, BATCH):
        assert code_of(await sitthi.http.post(path, content=content, headers=headers)) == said
    assert await nobody_asked(sitthi)


async def test_a_system_is_told_what_it_has_left_and_then_to_wait(
    sitthi: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "AGENCY", replace(rate_limits.AGENCY, count=3, lease=1, scaled=False))
    slf, other = await AgencySystem.registered(sitthi), await AgencySystem.registered(sitthi)
    told = [(await slf.get(PATHS[0])).headers for _ in range(3)]
    assert [one["ratelimit"].split(";")[1] for one in told] == ["r=2", "r=1", "r=0"]
    assert told[0]["ratelimit-policy"] == '"client";q=3;w=60'
    refused = await slf.post(FACTS, body())
    assert code_of(refused) == (429, "RATE_LIMITED")
    assert int(refused.headers["retry-after"]) > 0
    assert (await other.post(FACTS, body())).status_code == 200, "each client counts by itself"
