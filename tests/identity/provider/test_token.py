"""The token endpoint: one code, one client, one proof, one use."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from sqlalchemy import select
from sqlmodel import col

from api.commands.code_flow import CodeFlow
from api.commands.walk import walk
from core.database import Database
from identity.provider.models import AuthorizationCode
from identity.provider.server import hash_of
from tests.identity.conftest import House, query_of


async def code_for(house: House, flow: CodeFlow, who: str = "elder") -> str:
    async with house.browser() as browser:
        return query_of(await walk(browser, flow, who))["code"]


def body(flow: CodeFlow, code: str, /, **changes: str | None) -> dict[str, str]:
    good: dict[str, str | None] = {
        "grant_type": "authorization_code",
        "client_id": "demo-app",
        "code": code,
        "redirect_uri": flow.redirect_uri,
        "code_verifier": flow._verifier,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


async def redeem(house: House, fields: dict[str, str]) -> tuple[int, dict[str, Any]]:
    async with house.browser() as browser:
        answer = await browser.post("/oauth/token", data=fields)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"] == "application/json"
        return answer.status_code, answer.json()


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "A" * 43}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_request"),
        ({"code_verifier": None}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1:45124/callback"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"client_id": "sitthi-cli"}, "invalid_grant"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_id": None}, "invalid_client"),
        ({"client_secret": "guess"}, "invalid_client"),
        ({"code": "wrong"}, "invalid_grant"),
        ({"code": "é\x00"}, "invalid_request"),
        ({"code": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "invalid_request"),
    ],
)
async def test_a_failed_attempt_is_refused_and_consumes_nothing(
    house: House, changes: dict[str, str | None], error: str
) -> None:
    flow = house.flow()
    code = await code_for(house, flow)
    status, answer = await redeem(house, body(flow, code, **changes))
    assert (status, answer["error"]) == (401 if error == "invalid_client" else 400, error)
    assert "access_token" not in answer
    assert (await redeem(house, body(flow, code)))[0] == 200, "the rightful client can still redeem it"


async def test_a_code_works_once_and_a_second_use_is_noted(house: House, database: Database) -> None:
    flow = house.flow()
    code = await code_for(house, flow)
    status, first = await redeem(house, body(flow, code))
    assert status == 200
    status, second = await redeem(house, body(flow, code))
    assert (status, second["error"]) == (400, "invalid_grant")
    async with database.read() as session:
        row = await session.scalar(select(AuthorizationCode).where(col(AuthorizationCode.code_hash) == hash_of(code)))
    assert row is not None
    assert row.replayed_at == house.clock.now()
    assert row.family == UUID(hex=claims_of(first["access_token"])["family"])


async def test_a_second_use_is_noted_after_the_code_has_expired_too(house: House, database: Database) -> None:
    flow = house.flow()
    code = await code_for(house, flow)
    assert (await redeem(house, body(flow, code)))[0] == 200
    house.clock.advance(timedelta(hours=1))
    assert (await redeem(house, body(flow, code)))[1]["error"] == "invalid_grant"
    async with database.read() as session:
        row = await session.scalar(select(AuthorizationCode).where(col(AuthorizationCode.code_hash) == hash_of(code)))
    assert row is not None
    assert row.replayed_at == house.clock.now()


async def test_a_code_lives_a_minute(house: House) -> None:
    flow, late = house.flow(), house.flow()
    code, late_code = await code_for(house, flow), await code_for(house, late)
    house.clock.advance(timedelta(seconds=59))
    assert (await redeem(house, body(flow, code)))[0] == 200
    house.clock.advance(timedelta(seconds=1))
    assert (await redeem(house, body(late, late_code)))[1]["error"] == "invalid_grant"


async def test_of_fifty_parallel_redemptions_of_a_code_exactly_one_wins(house: House) -> None:
    flow = house.flow()
    code = await code_for(house, flow)
    answers = await asyncio.gather(*(redeem(house, body(flow, code)) for _ in range(50)))
    outcomes = Counter((status, answer.get("error")) for status, answer in answers)
    assert outcomes == {(200, None): 1, (400, "invalid_grant"): 49}


async def test_only_the_hash_of_a_code_is_kept(house: House, database: Database) -> None:
    code = await code_for(house, house.flow())
    async with database.read() as session:
        row = await session.scalar(select(AuthorizationCode))
    assert row is not None
    assert code not in str(row.model_dump())
    assert row.code_hash == hash_of(code)


@pytest.mark.parametrize(
    ("content_type", "content", "status"),
    [
        ("application/json", b'{"grant_type": "authorization_code"}', 400),
        ("application/x-www-form-urlencoded", b"grant_type=authorization_code&grant_type=authorization_code", 400),
        ("application/x-www-form-urlencoded", b"\xff\xfe\x00", 400),
        ("application/x-www-form-urlencoded", b"", 400),
        ("application/x-www-form-urlencoded", b"code=" + b"x" * 17_000, 413),
        ("multipart/form-data; boundary=x", b"--x--", 400),
    ],
)
async def test_a_body_of_another_form_is_an_invalid_request(
    house: House, content_type: str, content: bytes, status: int
) -> None:
    async with house.browser() as browser:
        answer = await browser.post("/oauth/token", content=content, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["error"]) == (status, "invalid_request")


async def test_the_token_endpoint_takes_post_alone(house: House) -> None:
    async with house.browser() as browser:
        assert (await browser.get("/oauth/token?grant_type=authorization_code")).status_code == 405
