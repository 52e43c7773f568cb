"""Whoever acts for somebody over a socket: each operation asks whether they still may, on real servers."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from api.sockets import SocketHandler
from core.clock import FixedClock
from core.database_faults import DatabaseUnavailable
from core.text import Language
from core.viewer import Acting
from services.sandbox.population.personas import persona
from tests.api.test_subscriptions import Server, answered, asked, codes, heard, server
from tests.support.acting import ACCESS_TOKEN, DELEGATION_TYPE, EXCHANGE

__all__ = ["server"]

ME = "{ viewer { id } }"


async def mutated(server: Server, token: str, field: str, selection: str, **given: Any) -> Any:
    kind = f"{field[0].upper()}{field[1:]}Input"
    query = f"mutation($input: {kind}!) {{ {field}(input: $input) {{ {selection} problems {{ code }} }} }}"
    told = await server.graph(token, query, {"input": {"idempotencyKey": f"a-key-of-{field}", **given}})
    assert told[field]["problems"] == []
    return told[field]


async def acting_token(server: Server, delegation: str, actor: str) -> str:
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.post(
            f"{server.process.url}/oauth/token",
            data={
                "grant_type": EXCHANGE, "client_id": "demo-app", "subject_token": delegation,
                "subject_token_type": DELEGATION_TYPE, "actor_token": actor, "actor_token_type": ACCESS_TOKEN,
            },
        )  # fmt: skip
    return str(answer.json()["access_token"])


async def unanswered(socket: ClientConnection, name: str) -> None:
    """Until it closes. The end may be heard of while the operation runs: then that is broken off, without an answer."""
    while (last := await heard(socket)) == {"id": name, "type": "complete"}:
        continue
    pytest.fail(f"after the end there came {last}")


async def test_a_socket_of_a_delegate_closes_at_the_first_operation_after_the_end(server: Server) -> None:
    elder, worker = await server.token("elder"), await server.token("worker")
    given = {"kind": "CARER", "direction": "ACTS_FOR_ME", "scopes": ["VIEW"]}
    made = await mutated(
        server, elder, "proposeDelegation", "delegation { id }", nationalId=persona("worker").national_id, **given
    )
    delegation = made["delegation"]["id"]
    await mutated(server, worker, "acceptDelegation", "delegation { id }", delegation=delegation)
    async with server.socket(await acting_token(server, delegation, worker)) as socket:
        for_elder = (await answered(socket, ME, "1"))["payload"]["data"]
        assert for_elder == await server.graph(elder, ME)
        refused = await answered(socket, "subscription { changes { id } }", "2")
        assert codes(refused["payload"]) == ["NOT_DELEGATED"]
        await mutated(server, elder, "endDelegation", "delegation { id }", delegation=delegation)
        await asked(socket, ME, "3")
        with pytest.raises(ConnectionClosed) as closed:
            await unanswered(socket, "3")
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4401, "TOKEN_INVALID")
    assert (await server.graph(worker, ME))["viewer"] is not None, "the carer's own sign-in goes on"


async def test_while_nobody_can_tell_whether_they_may_an_operation_is_told_so(
    clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: Any) -> None:
        raise DatabaseUnavailable

    monkeypatch.setattr("api.sockets.still_acting", silent)
    told: list[Any] = []

    async def send(errors: list[Any]) -> None:
        told.extend(errors)

    acting = Acting(uuid4(), uuid4(), frozenset({"VIEW"}))
    viewer = SimpleNamespace(acting=acting, expires_at=clock.now() + timedelta(hours=1))
    handler: Any = object.__new__(SocketHandler)
    handler.context = SimpleNamespace(viewer=viewer, clock=clock, db=None, room=lambda _: None, language=Language.EN)
    await handler.run_operation(SimpleNamespace(send_initial_errors=send))
    assert [one.extensions["code"] for one in told] == ["SERVICE_UNAVAILABLE"]
