"""The suite on a developer's own machine: which keys sign its calls, and where a server finds them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import orjson

from services.plugins.contract.wire import KEYS_PATH

_HEAD_BYTES_MAX: Final = 16 * 1024
_SECONDS_MAX: Final = 5.0


class KeysElsewhere(Exception):
    """Something else listens where the keys should be found, and does not publish them."""


@asynccontextmanager
async def keys_published(at: str, jwks: Mapping[str, Any]) -> AsyncIterator[None]:
    """While the block runs, the key set is found at `at`, an http address of this machine, below the usual path.

    Where a server of this machine publishes these keys already, nothing is done. Raises :class:`KeysElsewhere`.
    """
    parts = urlsplit(at)
    try:
        server = await asyncio.start_server(
            lambda reader, writer: _answer(reader, writer, orjson.dumps(jwks)),
            parts.hostname,
            parts.port or 80,
        )
    except OSError:
        if not await _are_published(at, jwks):
            raise KeysElsewhere(at) from None
        yield
        return
    async with server:
        yield


async def _are_published(at: str, jwks: Mapping[str, Any]) -> bool:
    try:
        async with httpx2.AsyncClient(timeout=_SECONDS_MAX, trust_env=False) as http:
            told = (await http.get(f"{at.rstrip('/')}{KEYS_PATH}")).json()
        return {key["kid"] for key in jwks["keys"]} <= {key["kid"] for key in told["keys"]}
    except (httpx2.HTTPError, ValueError, KeyError, TypeError):
        return False


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
    """One request on each connection (RFC 9112), and of those only one that asks for the keys."""
    try:
        async with asyncio.timeout(_SECONDS_MAX):
            head = await reader.readuntil(b"\r\n\r\n")
            found = head.split(b"\r\n", 1)[0].split(b" ")[:2] == [b"GET", KEYS_PATH.encode()]
            status, told = ("200 OK", body) if found and len(head) <= _HEAD_BYTES_MAX else ("404 Not Found", b"{}")
            lines = (f"HTTP/1.1 {status}", "content-type: application/json", f"content-length: {len(told)}")
            writer.write("\r\n".join([*lines, "connection: close", "", ""]).encode() + told)
            await writer.drain()
    except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        pass
    finally:
        writer.close()
