"""An agency that means harm, over real sockets: it says what a test tells it to, down to the byte.

It speaks both ways in which agencies are asked: GDX's (`services.plugins.runner.client`), and the signed protocol of
remote plugins, where it holds a key of its own, because a liar has one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.clock import Clock
from services.plugins.contract.keys import SigningKey
from services.plugins.contract.signatures import sign_answer

TOKEN_PATH: Final = "/oauth/token"
CRLF: Final = b"\r\n"
OK: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@dataclass
class Peer:
    """One request, and the ways to answer it."""

    target: str
    headers: dict[str, str]
    body: dict[str, Any]
    hostile: Hostile
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def is_signed(self) -> bool:
        return "signature" in self.headers

    @property
    def call(self) -> str:
        """The signature of the call, to which its answer is bound."""
        return self.headers["signature"].partition("=")[2]

    def envelope(self, answer: Any, **changed: Any) -> dict[str, Any]:
        """What an honest agency says around an answer; `changed` replaces whom it is about (`about`)."""
        if self.is_signed:
            return {"about": changed.get("about", self.body["about"]), "answer": answer}
        return {"pid": changed.get("about", self.body.get("pid")), "answer": answer}

    async def say(self, answer: Any, **changed: Any) -> None:
        """An answer in form, whatever is in it."""
        await self.reply(orjson.dumps(self.envelope(answer, **changed)))

    async def say_raw(self, answer: bytes) -> None:
        """The envelope of an honest agency, around these bytes."""
        before, after = orjson.dumps(self.envelope("HERE")).split(b'"HERE"')
        await self.reply(before + answer + after)

    async def reply(self, body: bytes, status: int = 200, *headers: str) -> None:
        """Signed as an answer to this call, where calls are signed."""
        await self.send(self.head(body, status, *headers) + body)

    def head(self, body: bytes, status: int = 200, *headers: str, length: int | None = None) -> bytes:
        lines = [f"HTTP/1.1 {status} Some", *headers, f"content-length: {len(body) if length is None else length}"]
        if not any(line.lower().startswith("content-type:") for line in headers):
            lines.append("content-type: application/json")
        kind = next(line.partition(": ")[2] for line in lines if line.lower().startswith("content-type:"))
        lines += [f"{name}: {value}" for name, value in self.signature(body, status, kind).items()]
        return "\r\n".join([*lines, "", ""]).encode()

    def signature(self, body: bytes, status: int = 200, kind: str = "application/json") -> dict[str, str]:
        if not self.is_signed:
            return {}
        key, at = self.hostile.key, self.hostile.now
        signed = sign_answer(status, {"content-type": kind}, body, self.hostile.bound_to or self.call, key, at=at)
        return {name: value for name, value in signed.items() if name != "content-type"}

    async def send(self, data: bytes) -> None:
        """Raises `ConnectionError` when the other side has left."""
        for at in range(0, len(data), 65_536):
            self.writer.write(data[at : at + 65_536])
            await self.writer.drain()
            self.hostile.sent += len(data[at : at + 65_536])
        if not data:
            return

    async def silence(self) -> None:
        """Not a word, until the other side leaves."""
        while await self.reader.read(65_536):
            continue

    async def for_ever(self, data: bytes, *, pause: float = 0) -> None:
        """Until the other side leaves."""
        while True:
            await self.send(data)
            await asyncio.sleep(pause)


Attack = Callable[[Peer], Awaitable[None]]


@dataclass
class Hostile:
    """Answers every request by its `attack`; after it the connection ends, unless `keeps` says otherwise."""

    clock: Clock
    attack: Attack
    key: SigningKey = field(default_factory=lambda: SigningKey.of(Ed25519PrivateKey.generate(), "agency"))
    port: int = 0
    sent: int = 0
    asked: list[Peer] = field(default_factory=list)
    open: int = 0
    """Connections, now."""
    token_attack: Attack | None = None
    """What it does when its token is bought; honest without."""
    keeps: bool = False
    late: timedelta = timedelta()
    """By how much its signatures are older than the call."""
    bound_to: str | None = None
    """The signature of another call, to which its answers are bound."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/base"

    @property
    def now(self) -> datetime:
        return self.clock.now() - self.late

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while await self._answered(reader, writer) and self.keeps:
                continue
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self.open -= 1
            writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(CRLF + CRLF)).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = orjson.loads(await reader.readexactly(int(headers.get("content-length", "0"))) or b"{}")
        peer = Peer(first.split()[1], headers, body, self, reader, writer)
        if peer.target.endswith(TOKEN_PATH):
            if self.token_attack is not None:
                await self.token_attack(peer)
                return True
            await peer.reply(b'{"access_token": "token"}')
            return True
        self.asked.append(peer)
        await self.attack(peer)
        return True


@asynccontextmanager
async def hostile_agency(clock: Clock, attack: Attack) -> AsyncIterator[Hostile]:
    """Listens on a free port of the loopback address."""
    hostile = Hostile(clock, attack)
    listener = await asyncio.start_server(hostile.serve, "127.0.0.1", 0)
    hostile.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield hostile
