"""The command line's own listener: who else can call the port, and what that does."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

import httpx2
import pytest

from api.commands.code_flow import CodeFlow, Listener, SignInFailed

ISSUER = "http://localhost:8000"


def flow_to(listener: Listener) -> CodeFlow:
    flow = CodeFlow(ISSUER, "sitthi-cli", "openid officer", listener.redirect_uri)
    listener.expect(flow)
    return flow


async def come(listener: Listener, **given: str) -> httpx2.Response:
    async with httpx2.AsyncClient(trust_env=False) as browser:
        return await browser.get(f"{listener.redirect_uri}?{urlencode(given)}")


async def test_only_the_answer_to_the_request_ends_the_waiting() -> None:
    async with Listener.open() as listener:
        flow = flow_to(listener)
        for given in ({"code": "x"}, {"code": "x", "state": "guessed"}, {"state": ""}, {"error": "access_denied"}):
            assert (await come(listener, **given)).status_code == 404
        answer = await come(listener, code="right", state=flow.state, iss=ISSUER)
        assert (answer.status_code, answer.headers["referrer-policy"]) == (200, "no-referrer")
        assert "code=right" in await listener.callback()


async def test_a_state_that_comes_twice_is_none() -> None:
    async with Listener.open() as listener:
        flow = flow_to(listener)
        async with httpx2.AsyncClient(trust_env=False) as browser:
            twice = f"{listener.redirect_uri}?state={flow.state}&state={flow.state}&code=x"
            assert (await browser.get(twice)).status_code == 404


async def test_a_listener_that_expects_nothing_takes_nothing() -> None:
    async with Listener.open() as listener:
        assert (await come(listener, code="x", state="")).status_code == 404


async def test_a_refusal_is_not_called_a_sign_in() -> None:
    async with Listener.open() as listener:
        flow = flow_to(listener)
        page = await come(listener, error="access_denied", state=flow.state, iss=ISSUER)
        assert "You are signed in" not in page.text
        async with httpx2.AsyncClient(trust_env=False) as http:
            with pytest.raises(SignInFailed) as caught:
                await flow.redeem(http, await listener.callback())
    assert caught.value.fields == {"reason": "access_denied"}


async def test_another_issuers_answer_is_not_redeemed() -> None:
    """Mix-up (RFC 9207): the code would go to whoever is not its issuer."""
    async with Listener.open() as listener:
        flow = flow_to(listener)
        for iss in ({}, {"iss": "https://elsewhere.example"}):
            callback = f"/callback?{urlencode({'code': 'x', 'state': flow.state, **iss})}"
            async with httpx2.AsyncClient(trust_env=False) as http:
                with pytest.raises(SignInFailed):
                    await flow.redeem(http, callback)


async def test_what_is_no_request_does_not_end_the_waiting() -> None:
    async with Listener.open() as listener:
        flow = flow_to(listener)
        port = int(listener.redirect_uri.rpartition(":")[2].partition("/")[0])
        for sent in (b"\r\n", b"POST /callback?state= HTTP/1.1\r\n\r\n", b"\xff" * 100 + b"\n", b"x" * 40_000):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            writer.write_eof()
            await reader.read()
            writer.close()
        assert (await come(listener, code="right", state=flow.state)).status_code == 200


def test_the_request_asks_with_pkce_and_a_state_of_its_own() -> None:
    one, other = (CodeFlow(ISSUER, "sitthi-cli", "openid", "http://127.0.0.1:1/callback") for _ in range(2))
    assert one.state != other.state
    assert "code_challenge_method=S256" in one.address
    strong = CodeFlow(ISSUER, "sitthi-cli", "openid", "http://127.0.0.1:1/callback", acr_values="ial2.3-aal2.2")
    assert "acr_values=ial2.3-aal2.2" in strong.address
