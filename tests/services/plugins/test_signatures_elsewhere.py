"""Calls and answers are HTTP Message Signatures as others read the standard, too: a library that is not ours agrees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.plugins.contract.keys import SigningKey
from services.plugins.contract.signatures import sign_answer, sign_call, signature_of
from services.plugins.contract.wire import CALL_HEADERS
from tests.support import node

URL: Final = "https://water.example/sitthi/operations/meters"
BODY: Final = b'{"about": null}'
PROFILE: Final = ["@method", "@target-uri", "content-type", "content-digest"]
OPTIONAL: Final = {"idempotency-key": "a-key-of-ours", "traceparent": "00-aa-bb-01", "sitthi-token": "a.b.c"}
KEYS: Final = [
    SigningKey.of(Ed25519PrivateKey.generate()),
    SigningKey.of(ec.generate_private_key(ec.SECP256R1())),
]


@pytest.fixture
async def library() -> AsyncIterator[node.Program]:
    async with node.program("message_signatures.mjs") as running:
        yield running


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the library knows no other clock than the machine's


def signed_call(key: SigningKey, more: dict[str, str]) -> dict[str, Any]:
    headers = sign_call(URL, {"content-type": "application/json", **more}, BODY, key, at=now())
    return {"method": "POST", "url": URL, "headers": headers}


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.algorithm)
@pytest.mark.parametrize("more", [{}, OPTIONAL], ids=["bare", "with all headers"])
async def test_a_call_is_signed_by_the_standard(library: node.Program, key: SigningKey, more: dict[str, str]) -> None:
    call = signed_call(key, more)
    fields = [*PROFILE, *(name for name in CALL_HEADERS if name in more)]
    asked = {"keys": [key.jwk], "fields": fields, "params": ["created", "nonce", "keyid", "alg", "tag"]}
    await library.ask("call", call=call, **asked)
    for name in fields[2:]:
        altered = {**call, "headers": {**call["headers"], name: call["headers"][name] + "x"}}
        with pytest.raises(node.Refused):
            await library.ask("call", call=altered, **asked)
    with pytest.raises(node.Refused):
        await library.ask("call", call={**call, "url": f"{URL}x"}, **asked)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.algorithm)
async def test_an_answer_is_signed_by_the_standard_to_its_own_call(library: node.Program, key: SigningKey) -> None:
    call, other = signed_call(KEYS[0], {}), signed_call(KEYS[0], {})
    made = sign_answer(200, {"content-type": "application/json"}, BODY, signature_of(call["headers"]), key, at=now())
    answer = {"status": 200, "headers": made}
    asked = {"keys": [key.jwk], "fields": ["@status", "content-type", "content-digest"], "params": ["created", "tag"]}
    await library.ask("answer", answer=answer, call=call, **asked)
    for wrong in ({"call": other}, {"answer": {**answer, "status": 422}}):
        with pytest.raises(node.Refused):
            await library.ask("answer", **{"answer": answer, "call": call, **wrong}, **asked)
