"""The agency of a package's examples as a system of its own, which its host process asks while it is checked."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import httpx2
import orjson
import uvicorn

from services.plugins.plugin import Example, Exchange
from services.plugins.runner.subjects import ONE, PEOPLE, SEVERAL
from services.plugins.strict_json import read_json

BODY_BYTES_MAX: Final = 1_000_000
_UNKNOWN: Final = {"code": "PERSON_NOT_FOUND"}


class ReplayedAgency:
    """An ASGI application: what the examples say that the agency answers, for the same request (of two that differ, the
    first). Of whom no example tells it knows nobody, in the manner of GDX."""

    def __init__(self, examples: Iterable[Example]) -> None:
        self._exchanges: dict[tuple[str, bytes], Exchange] = {}
        for example in examples:
            for one in example.agency:
                self._exchanges.setdefault((one.path, _written(one.request)), one)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False) or len(body) > BODY_BYTES_MAX:
                break
        status, answer = self._answer(scope["path"], bytes(body))
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": orjson.dumps(answer)})

    def _answer(self, path: str, body: bytes) -> tuple[int, Any]:
        try:
            asked = read_json(body)
        except ValueError:
            return int(HTTPStatus.BAD_REQUEST), {"code": "MALFORMED"}
        if not isinstance(asked, Mapping):
            return int(HTTPStatus.BAD_REQUEST), {"code": "MALFORMED"}
        found = self._exchanges.get((path, _written(asked)))
        if found is not None:
            return found.status, found.answer
        if isinstance(asked.get(SEVERAL), list):
            return int(HTTPStatus.OK), {PEOPLE: [{ONE: number, "answer": None} for number in asked[SEVERAL]]}
        return int(HTTPStatus.NOT_FOUND), _UNKNOWN

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Its address, on this machine alone."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = uvicorn.Server(
                uvicorn.Config(self, lifespan="off", ws="none", log_config=None, access_log=False, loop="asyncio")
            )
            # In a thread of its own: beside the server that asks for it, it must not take the signals of the process.
            serving = asyncio.create_task(asyncio.to_thread(server.run, sockets=[listener]))
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True
                with contextlib.suppress(Exception):
                    await serving


def client_of(socket_path: str) -> httpx2.AsyncClient:
    """A client of what listens there, that can send half of a body, as a check does: under the length of the whole."""
    return httpx2.AsyncClient(
        transport=_Halves(httpx2.AsyncHTTPTransport(uds=socket_path, limits=httpx2.Limits(max_connections=None))),
        trust_env=False,
        timeout=None,
    )


class _Halves(httpx2.AsyncBaseTransport):
    """The protocol's own library refuses to send less than was announced; so the rest is announced to come, and does
    not."""

    def __init__(self, inner: httpx2.AsyncHTTPTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body, announced = await request.aread(), request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > len(body):
            request = httpx2.Request(request.method, request.url, headers=request.headers, content=_stalled(body))
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _stalled(body: bytes) -> AsyncIterator[bytes]:
    yield body
    await asyncio.Event().wait()


def _written(request: Mapping[str, Any]) -> bytes:
    return orjson.dumps(dict(request), option=orjson.OPT_SORT_KEYS)
