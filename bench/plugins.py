"""What the runner adds to a call of an agency, in CPU of this process, beside a bare client that asks the same server.

The bare client does what no caller could leave out: it writes the body, POSTs it over a kept connection, reads the
answer and parses it. The runner adds the lane, the breaker, figures, bounds, the strict parser, the subject's check and
that of the answer against the SDL; a remote plugin adds a signature made and one verified, which are told apart. CPU
is this process's own (`process_time`), so that neighbours count little; the server is another process.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, cast

import httpx2
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from graphql import ObjectTypeDefinitionNode, parse

from bench.far import PERSON, SDL, bills_of, manifest
from core.clock import SystemClock
from core.crypto import KeyRing
from core.ids import NationalId
from services.plugins.contract import Call, Host
from services.plugins.contract.keys import SigningKey
from services.plugins.contract.signatures import sign_answer, sign_call, signature_of, verify_answer
from services.plugins.plugin import Origin, Plugin, PluginGraph
from services.plugins.runner import Credentials, HttpAgencyClient, Runner, ServiceKeys, Wire, remote_functions

BARE: Final = "bare client, the agency's question"
BARE_WIRE: Final = "bare client, the signed call"
OURS: Final = "our function, over HttpAgencyClient"
REMOTE: Final = "remote plugin, over Wire"
SIGNING: Final = "signing a call"
VERIFYING: Final = "verifying an answer"
ADDED: Final = {OURS: BARE, REMOTE: BARE_WIRE}
"""What is compared with what: the same bytes to the same server."""
_SIGNED_SECONDS: Final = 30
"""A call is fresh for a minute."""
_LOAD: Final = "/gdx/bills"


@dataclass(frozen=True, slots=True)
class PluginSize:
    rounds: int
    calls: int
    """Of each way, in each round."""


@dataclass(frozen=True, slots=True)
class Ways:
    """Each asks once. The two bare ones ask as the runner's two do: bodies of the same size, to the same server."""

    by_name: Mapping[str, Callable[[], Awaitable[object]]]
    alone: Mapping[str, Callable[[], object]]
    """Parts of a call, without the call."""


async def bench(size: PluginSize, *, say: Callable[[str], None]) -> dict[str, list[float]]:
    """Measures and prints; answers microseconds of CPU a call, by way, one for each round."""
    with _far() as far:
        async with _ways(far) as ways:
            for ask in ways.by_name.values():
                await _timed(ask, size.calls // 4 + 1)  # warms it up
            found: dict[str, list[float]] = {name: [] for name in (*ways.by_name, *ways.alone)}
            for number in range(size.rounds):
                say(f"plugins, round {number + 1} of {size.rounds}")
                for name, ask in ways.by_name.items():
                    found[name].append(await _timed(ask, size.calls))
                for name, do in ways.alone.items():
                    found[name].append(_timed_alone(do, size.calls))
    _print(found, size)
    return found


def _print(found: Mapping[str, list[float]], size: PluginSize) -> None:
    print(f"\na call of an agency, {size.rounds} rounds of {size.calls} each; CPU µs of this process,")
    print("median (least–most), what is added to the bare client, ×ratio to it")
    for name, rounds in found.items():
        told = f"  {name:<38}{median(rounds):>7.0f} ({min(rounds):.0f}–{max(rounds):.0f})"
        if name in ADDED:
            bare = found[ADDED[name]]
            added = median(each - floor for each, floor in zip(rounds, bare, strict=True))
            told += f"  +{added:.0f}  ×{median(rounds) / median(bare):.2f}"
        print(told)
    crypto = median(found[SIGNING]) + median(found[VERIFYING])
    print(f"  of the remote plugin's, {crypto:.0f} are signing and verifying", flush=True)


async def _timed(ask: Callable[[], Awaitable[object]], calls: int) -> float:
    gc.collect()
    began = time.process_time()
    for _ in range(calls):
        await ask()
    return (time.process_time() - began) / calls * 1e6


def _timed_alone(do: Callable[[], object], calls: int) -> float:
    began = time.process_time()
    for _ in range(calls):
        do()
    return (time.process_time() - began) / calls * 1e6


@dataclass(frozen=True)
class _Far:
    url: str
    ours: ServiceKeys
    theirs: SigningKey


@contextmanager
def _far() -> Iterator[_Far]:
    ours = ServiceKeys(KeyRing("k1", {"k1": os.urandom(32)}, os.urandom(32)))
    seed = os.urandom(32)
    theirs = SigningKey.of(Ed25519PrivateKey.from_private_bytes(seed))
    with subprocess.Popen(
        [sys.executable, "-m", "bench.far"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(orjson.dumps({"calls_by": ours.jwks["keys"], "answers_by": seed.hex()}).decode() + "\n")
            process.stdin.flush()
            yield _Far(f"http://127.0.0.1:{int(process.stdout.readline())}", ours, theirs)
        finally:
            process.terminate()


@asynccontextmanager
async def _ways(far: _Far) -> AsyncIterator[Ways]:
    clock, person, about = SystemClock(), NationalId(PERSON), {"pid": PERSON}
    graph = _graph()
    async with httpx2.AsyncClient(timeout=10, follow_redirects=False) as http:
        client = HttpAgencyClient(http, f"{far.url}/gdx", Credentials("key", "secret"))
        wire = Wire(http, f"{far.url}/wire", {far.theirs.keyid: far.theirs.verifying}, far.ours, clock)
        runner = Runner(lambda _: Host(clock, client))
        ours = Plugin(manifest(), graph, {"bills": _bills})
        # a name of its own, or the two would share a lane and its figures
        remote = Plugin(manifest(), graph, remote_functions(manifest(), wire), origin=Origin.REMOTE)
        apart = Runner(lambda _: Host(clock, client))
        signed = _Signed(far)
        body = orjson.dumps(about)
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Authorization": "Bearer t",
        }

        async def bare() -> object:
            reply = await http.post(f"{far.url}{_LOAD}", content=body, headers=headers)
            return orjson.loads(reply.content)

        async def bare_wire() -> object:
            if time.monotonic() - signed.at > _SIGNED_SECONDS:
                signed.again()
            reply = await http.post(signed.url, content=signed.body, headers=signed.headers)
            return orjson.loads(reply.content)

        async def by_function() -> object:
            return await runner.run(ours, "bills", asker="bench", person=person)

        async def by_wire() -> object:
            return await apart.run(remote, "bills", asker="bench", person=person)

        assert await by_function() == await by_wire()
        assert "answer" in cast("dict[str, Any]", await bare_wire())
        ways = {BARE: bare, OURS: by_function, BARE_WIRE: bare_wire, REMOTE: by_wire}
        yield Ways(ways, _alone(far, await by_wire()))


class _Signed:
    """The call that the runner makes, made once and sent again and again."""

    def __init__(self, far: _Far) -> None:
        self._far, self.url = far, f"{far.url}/wire/operations/bills"
        document: dict[str, Any] = {
            "contract": 1,
            "id": "0" * 32,
            "plugin": "waterworks",
            "version": "1.0.0",
            "operation": "bills",
            "kind": "query",
            "mode": "live",
            "at": "2026-11-16T03:00:00.000Z",
            "asker": "bench",
            "about": {"nationalId": PERSON},
            "arguments": {},
        }
        self.body = orjson.dumps(document)
        self.again()

    def again(self) -> None:
        told = {"content-type": "application/json", "traceparent": f"00-{'a' * 32}-{'b' * 16}-00"}
        signed = sign_call(self.url, told, self.body, self._far.ours.current, at=SystemClock().now())
        self.headers = {**signed, "Accept": "application/json", "Accept-Encoding": "identity"}
        self.at = time.monotonic()


def _alone(far: _Far, answer: Any) -> dict[str, Callable[[], object]]:
    """The two signatures of a remote call, over bodies as large as the call's."""
    at, url = SystemClock().now(), f"{far.url}/wire/operations/bills"
    body = b"x" * 330
    headers = {"content-type": "application/json", "traceparent": f"00-{'a' * 32}-{'b' * 16}-00"}
    told = b"x" * (100 * len(answer))
    call = signature_of(sign_call(url, headers, body, far.ours.current, at=at))
    signed = sign_answer(200, {"content-type": "application/json"}, told, call, far.theirs, at=at)
    fields = [(name.encode(), value.encode()) for name, value in signed.items()]
    keys = {far.theirs.keyid: far.theirs.verifying}
    return {
        SIGNING: lambda: sign_call(url, headers, body, far.ours.current, at=at),
        VERIFYING: lambda: verify_answer(200, fields, told, call, keys, now=at),
    }


async def _bills(host: Host, call: Call) -> list[dict[str, Any]]:
    told = await host.agency.ask("/bills", {"pid": call.citizen.digits}, on_behalf_of=call.asker)
    return bills_of(told["bills"])


def _graph() -> PluginGraph:
    document = parse(SDL)
    objects = {node.name.value: node for node in document.definitions if isinstance(node, ObjectTypeDefinitionNode)}
    return PluginGraph(document.definitions, objects, namespaces={"Citizen": "Water"})
