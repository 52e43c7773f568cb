"""Tokens that are bound to a key (RFC 9449 §7), at each door of the graph: requests, event streams, sockets."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api.commands.code_flow import CodeFlow
from api.commands.walk import DEMO_SCOPE, NO_LISTENER, walk
from core.clock import SystemClock
from core.settings import Settings
from tests.conftest import run_directory
from tests.identity.conftest import query_of
from tests.identity.provider.key_holders import KeyHolder
from tests.support.databases import Databases, Kind
from tests.support.population import furnish
from tests.support.server import Process, running

VIEWER: Final = {"query": "{ viewer { id } }"}
PATIENCE_SECONDS: Final = 15
HOLDER: Final = KeyHolder.make()


class Phone:
    """An app that holds a key and a token bound to it."""

    def __init__(self, process: Process, settings: Settings) -> None:
        self.process, self.settings, self.clock = process, settings, SystemClock()
        self.token = ""

    async def sign_in(self) -> None:
        flow = CodeFlow(self.settings.issuer, "demo-app", DEMO_SCOPE, NO_LISTENER)
        async with httpx2.AsyncClient(trust_env=False) as http:
            code = query_of(await walk(http, flow, "elder"))["code"]
            fields = {
                "grant_type": "authorization_code",
                "client_id": "demo-app",
                "code": code,
                "redirect_uri": flow.redirect_uri,
                "code_verifier": flow._verifier,
            }
            address = f"{self.settings.issuer}/oauth/token"
            proof = HOLDER.proof(self.clock, "POST", address)
            answer = (await http.post(address, data=fields, headers={"DPoP": proof})).json()
        assert answer["token_type"] == "DPoP"
        self.token = str(answer["access_token"])

    def proof(self, method: str = "POST", *, holder: KeyHolder = HOLDER, **claims: Any) -> str:
        url = f"{self.settings.issuer}/graphql"
        return holder.proof(self.clock, method, url, **{"access_token": self.token, **claims})

    def headers(self, method: str = "POST", **claims: Any) -> dict[str, str]:
        return {"authorization": f"DPoP {self.token}", "dpop": self.proof(method, **claims)}

    async def post(self, headers: Mapping[str, str]) -> httpx2.Response:
        async with httpx2.AsyncClient(trust_env=False) as http:
            return await http.post(f"{self.process.url}/graphql", json=VIEWER, headers=dict(headers))

    async def said(self, payload: Mapping[str, Any], **headers: str) -> dict[str, Any]:
        """What a socket answers to `connection_init` with this payload, and then to the question."""
        address = f"ws://localhost:{self.process.port}/graphql"
        async with connect(
            address,
            subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]
            additional_headers=headers,
            proxy=None,
        ) as socket:
            await socket.send(json.dumps({"type": "connection_init", "payload": dict(payload)}))
            assert json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_SECONDS))["type"] == "connection_ack"
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": VIEWER}))
            answer: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_SECONDS))
        data: dict[str, Any] = answer["payload"]["data"]
        return data


@pytest.fixture(scope="module", params=[Kind.SQLITE, Kind.POSTGRESQL])
def phone(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Phone]:
    folder = tmp_path_factory.mktemp("bound-tokens")
    data = folder / "data"
    furnish(run_directory(request.config), data, SystemClock().today())
    with databases.clone(request.param, folder) as url, running(data, SITTHI_DATABASE_URL=url) as process:
        given: dict[str, Any] = {"data": Path(data), "database_url": url, "port": process.port}
        phone = Phone(process, Settings(**given))
        asyncio.run(phone.sign_in())
        yield phone


async def refusal(answer: httpx2.Response) -> tuple[int, str, str]:
    [error] = answer.json()["errors"]
    return answer.status_code, error["extensions"]["code"], answer.headers["www-authenticate"]


async def test_a_request_with_its_proof_is_answered(phone: Phone) -> None:
    answer = await phone.post(phone.headers())
    assert (answer.status_code, bool(answer.json()["data"]["viewer"]["id"])) == (200, True)
    async with httpx2.AsyncClient(trust_env=False) as http:
        by_get = await http.get(f"{phone.process.url}/graphql", params=VIEWER, headers=phone.headers("GET"))
    assert by_get.json()["data"] == answer.json()["data"]


async def test_a_bound_token_is_no_bearer_token(phone: Phone) -> None:
    status, code, challenge = await refusal(await phone.post({"authorization": f"Bearer {phone.token}"}))
    assert (status, code, "invalid_token" in challenge) == (401, "TOKEN_INVALID", True)
    with_proof = {**phone.headers(), "authorization": f"Bearer {phone.token}"}
    assert (await refusal(await phone.post(with_proof)))[:2] == (401, "TOKEN_INVALID")


@pytest.mark.parametrize(
    "claims",
    [
        {"holder": KeyHolder.make()},
        {"ath": "x"},
        {"access_token": "another"},
        {"method": "GET"},
        {"htu": "http://localhost/graphql"},
        {"htu": "http://evil.example/graphql"},
        {"jti": ""},
    ],
)
async def test_a_token_without_the_right_proof_opens_nothing(phone: Phone, claims: dict[str, Any]) -> None:
    headers = phone.headers(**{"method": "POST", **claims})
    status, found, challenge = await refusal(await phone.post(headers))
    assert (status, found) == (401, "TOKEN_INVALID" if "holder" in claims else "DPOP_PROOF_INVALID")
    assert challenge.startswith('DPoP error="')
    assert 'algs="ES256 EdDSA PS256"' in challenge


async def test_a_token_without_any_proof_opens_nothing(phone: Phone) -> None:
    status, code, challenge = await refusal(await phone.post({"authorization": f"DPoP {phone.token}"}))
    assert (status, code) == (401, "DPOP_PROOF_INVALID")
    assert 'DPoP error="invalid_dpop_proof"' in challenge


async def test_two_proofs_open_nothing(phone: Phone) -> None:
    headers = [("authorization", f"DPoP {phone.token}"), ("dpop", phone.proof()), ("dpop", phone.proof())]
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{phone.process.url}/graphql", json=VIEWER, headers=headers)
    assert (await refusal(answer))[:2] == (401, "DPOP_PROOF_INVALID")


async def test_a_proof_is_good_for_one_request(phone: Phone) -> None:
    headers = phone.headers()
    answers = await asyncio.gather(*(phone.post(headers) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 401: 19}


async def test_a_wrong_clock_is_asked_for_a_nonce_and_then_believed(phone: Phone) -> None:
    """RFC 9449 §9: 401 with the nonce in a header."""
    asked = await phone.post(phone.headers(iat=1))
    status, code, challenge = await refusal(asked)
    assert (status, code) == (401, "DPOP_NONCE_NEEDED")
    assert 'DPoP error="use_dpop_nonce"' in challenge
    again = await phone.post(phone.headers(iat=1, nonce=asked.headers["dpop-nonce"]))
    assert again.status_code == 200


async def test_the_host_header_steers_no_proof(phone: Phone) -> None:
    evil = phone.headers(htu="http://evil.example/graphql")
    forwarded = {"host": "evil.example", "x-forwarded-host": "evil.example", "forwarded": "host=evil.example"}
    assert (await refusal(await phone.post({**evil, **forwarded})))[:2] == (401, "DPOP_PROOF_INVALID")
    assert (await phone.post({**phone.headers(), **forwarded})).status_code == 200


async def test_an_event_stream_takes_a_proof(phone: Phone) -> None:
    headers = {**phone.headers(), "accept": "text/event-stream"}
    async with httpx2.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        answer = await http.post(f"{phone.process.url}/graphql", json=VIEWER, headers=headers)
        assert (answer.status_code, '"viewer"' in answer.text) == (200, True)
        bare = await http.post(
            f"{phone.process.url}/graphql", json=VIEWER, headers={**headers, "authorization": f"Bearer {phone.token}"}
        )
        replayed = await http.post(f"{phone.process.url}/graphql", json=VIEWER, headers=headers)
    assert (bare.status_code, replayed.status_code) == (401, 401)


async def test_a_socket_takes_a_proof_in_its_first_message(phone: Phone) -> None:
    payload = {"authorization": f"DPoP {phone.token}", "dpop": phone.proof("GET")}
    assert (await phone.said(payload))["viewer"]["id"]


async def test_a_socket_takes_a_proof_in_its_handshake(phone: Phone) -> None:
    assert (await phone.said({}, **phone.headers("GET")))["viewer"]["id"]


async def test_a_handshake_without_the_right_proof_is_401(phone: Phone) -> None:
    for headers in ({"authorization": f"DPoP {phone.token}"}, phone.headers("POST")):
        with pytest.raises(InvalidStatus) as refused:
            await phone.said({}, **headers)
        assert refused.value.response.status_code == 401
        assert 'DPoP error="invalid_dpop_proof"' in refused.value.response.headers["www-authenticate"]


@pytest.mark.parametrize("wrong", ["none", "bearer", "for another method", "replayed", "no text", "clock"])
async def test_a_socket_without_the_right_proof_is_closed_with_the_code(phone: Phone, wrong: str) -> None:
    used = phone.proof("GET")
    await phone.said({"authorization": f"DPoP {phone.token}", "dpop": used})
    payloads: dict[str, tuple[dict[str, Any], str]] = {
        "none": ({}, "DPOP_PROOF_INVALID"),
        "bearer": ({"authorization": f"Bearer {phone.token}", "dpop": phone.proof("GET")}, "TOKEN_INVALID"),
        "for another method": ({"dpop": phone.proof("POST")}, "DPOP_PROOF_INVALID"),
        "replayed": ({"dpop": used}, "DPOP_PROOF_INVALID"),
        "no text": ({"dpop": [1]}, "DPOP_PROOF_INVALID"),
        "clock": ({"dpop": phone.proof("GET", iat=1)}, "DPOP_NONCE_NEEDED"),
    }
    payload, code = payloads[wrong]
    with pytest.raises(ConnectionClosed) as closed:
        await phone.said({"authorization": f"DPoP {phone.token}", **payload})
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4403, code)


async def test_a_nonce_told_to_a_request_serves_a_socket(phone: Phone) -> None:
    """A socket that is closed has no header to tell one in: the app asks once by a request (docs/adr/0013)."""
    nonce = (await phone.post(phone.headers(iat=1))).headers["dpop-nonce"]
    payload = {"authorization": f"DPoP {phone.token}", "dpop": phone.proof("GET", iat=1, nonce=nonce)}
    assert (await phone.said(payload))["viewer"]["id"]
