"""Tokens that are not ours, not whole, not yet or no longer good: 401, a code, and nothing about why."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.api.asking import NAME, NUMBER, Asking

pytestmark = pytest.mark.asyncio(loop_scope="module")
VIEWER = json.dumps({"query": "{ viewer { id } }"}).encode()


async def sent(ask: Asking, authorization: str | bytes) -> tuple[int, list[str], str]:
    headers: Any = {"content-type": "application/json", "authorization": authorization}
    answer = await ask.sitthi.http.post("/graphql", content=VIEWER, headers=headers)
    return answer.status_code, ask.codes(answer.text), answer.headers.get("www-authenticate", "")


def changed(token: str, part: int, **claims: Any) -> str:
    """The token with claims of its header (0) or its body (1) changed, the signature kept."""
    parts = token.split(".")
    read = json.loads(base64.urlsafe_b64decode(parts[part] + "=="))
    parts[part] = base64.urlsafe_b64encode(json.dumps({**read, **claims}).encode()).decode().rstrip("=")
    return ".".join(parts)


def resigned(token: str, key: Any, algorithm: str, **headers: Any) -> str:
    """The same claims and headers, signed by somebody else."""
    claims = jwt.decode(token, options={"verify_signature": False})
    made = {**jwt.get_unverified_header(token), "alg": algorithm, **headers}
    return jwt.encode(claims, key, algorithm, headers=made)


@pytest.mark.parametrize(
    "authorization",
    [
        "", " ", "Bearer", "Bearer ", "bearer  ", "Basic dXNlcjpwYXNz", "Digest x", "Bearer x", "Bearer x.y.z",
        "Bearer ..", "Bearer a.b.c.d.e", "Bearer " + "x" * 20_000, "Bearer \x01", f"Bearer {NUMBER}", "eyJhbGciOi",
        "Bearer null", "Bearer undefined", NAME.encode(), f"Bearer {NAME}".encode(), b"Bearer \xff\xfe",
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
async def test_what_is_no_token_is_refused(ask: Asking, authorization: str | bytes) -> None:
    status, codes, challenge = await sent(ask, authorization)
    if authorization == "":
        assert (status, codes) == (200, []), "an empty header is none"
        return
    assert (status, codes) == (401, ["TOKEN_INVALID"])
    assert challenge == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 9_999_999_999}, {"exp": "tomorrow"}, {"exp": None}, {"sub": "x"}, {"sub": "A" * 43}, {"sub": 1},
        {"client_id": "another"}, {"aud": ["x"]}, {"iss": "https://elsewhere.example"}, {"scope": "everything"},
        {"jti": "x"}, {"acr": "2.3"},
    ],
    ids=str,
)  # fmt: skip
async def test_a_token_whose_claims_were_changed_is_refused(ask: Asking, claims: dict[str, Any]) -> None:
    token = await ask.sitthi.token("elder")
    assert (await sent(ask, f"Bearer {changed(token, 1, **claims)}"))[:2] == (401, ["TOKEN_INVALID"])


@pytest.mark.parametrize(
    "headers",
    [{"alg": "none"}, {"alg": "HS256"}, {"kid": "x"}, {"kid": "../../x"}, {"kid": 1}, {"kid": None}, {"typ": "JWT"}],
    ids=str,
)
async def test_a_token_whose_header_was_changed_is_refused(ask: Asking, headers: dict[str, Any]) -> None:
    token = await ask.sitthi.token("elder")
    assert (await sent(ask, f"Bearer {changed(token, 0, **headers)}"))[:2] == (401, ["TOKEN_INVALID"])


async def test_a_token_signed_by_another_key_is_refused(ask: Asking) -> None:
    token = await ask.sitthi.token("elder")
    forged = resigned(token, ec.generate_private_key(ec.SECP256R1()), "ES256")
    assert (await sent(ask, f"Bearer {forged}"))[:2] == (401, ["TOKEN_INVALID"])


async def test_a_token_signed_with_our_public_key_as_a_secret_is_refused(ask: Asking) -> None:
    keys = (await ask.sitthi.http.get("/.well-known/openid-configuration")).json()["jwks_uri"]
    public = (await ask.sitthi.http.get(keys)).text
    said = changed(await ask.sitthi.token("elder"), 0, alg="HS256").rpartition(".")[0]
    mac = hmac.digest(public.encode(), said.encode(), "sha256")
    forged = f"{said}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    assert (await sent(ask, f"Bearer {forged}"))[:2] == (401, ["TOKEN_INVALID"])


async def test_a_token_that_brings_its_own_key_is_refused(ask: Asking) -> None:
    own = ec.generate_private_key(ec.SECP256R1())
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(own.public_key()))
    forged = resigned(await ask.sitthi.token("elder"), own, "ES256", jwk=jwk)
    assert (await sent(ask, f"Bearer {forged}"))[:2] == (401, ["TOKEN_INVALID"])


async def test_a_token_without_a_signature_is_refused(ask: Asking) -> None:
    header, body, _ = (await ask.sitthi.token("elder")).split(".")
    assert (await sent(ask, f"Bearer {header}.{body}."))[:2] == (401, ["TOKEN_INVALID"])


async def test_a_good_token_answers_until_its_last_second(ask: Asking) -> None:
    token, clock = await ask.sitthi.token("elder"), ask.sitthi.clock
    now, ends = clock.now(), jwt.decode(token, options={"verify_signature": False})["exp"]
    left = timedelta(seconds=ends - now.timestamp())
    try:
        clock.advance(left - timedelta(seconds=1))
        assert (await sent(ask, f"Bearer {token}"))[:2] == (200, [])
        clock.advance(timedelta(seconds=1))
        assert await sent(ask, f"Bearer {token}") == (401, ["TOKEN_EXPIRED"], 'Bearer error="invalid_token"')
    finally:
        clock.set(now)


async def test_a_token_from_before_its_own_beginning_is_refused(ask: Asking) -> None:
    token, clock = await ask.sitthi.token("elder"), ask.sitthi.clock
    now = clock.now()
    try:
        clock.set(now - timedelta(days=1))
        assert (await sent(ask, f"Bearer {token}"))[:2] == (401, ["TOKEN_INVALID"])
    finally:
        clock.set(now)


async def test_a_bad_token_is_refused_where_none_is_needed_too(ask: Asking) -> None:
    """A client that believes to be signed in must learn that it is not."""
    body = json.dumps({"query": "{ programmes { slug } }"}).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {uuid4().hex}"}
    assert await ask.raw(body, headers) == (401, ["TOKEN_INVALID"])
