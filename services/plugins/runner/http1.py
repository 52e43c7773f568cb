"""One connection to an agency, HTTP/1.1 (RFC 9112), whose other end may be hostile.

A general client is polite: it waits through any number of interim answers, counts a million chunks of a byte one by
one, and keeps what was sent ahead for whoever asks next. Here everything is bounded while it arrives, the event loop is
never held by a single connection, and a connection is used again only when its last answer ended exactly where it said.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import Final, cast

import httptools
import httpx2

from services.plugins.runner.errors import MalformedReply, Trouble

HEAD_BYTES_MAX: Final = 32 * 1024
"""Of an answer's status line and headers, those of interim answers and trailers included."""
HEADERS_MAX: Final = 100
INTERIM_MAX: Final = 8
"""Answers of status 1xx before the one that counts."""
PIECES_MAX: Final = 1_000
"""Chunks that may be of any size; beyond, there is at most one for each :data:`PIECE_BYTES_MIN` of the body."""
PIECE_BYTES_MIN: Final = 256
UNREAD_BYTES_MAX: Final = 64 * 1024
"""What is taken in before whoever asked has read it; more stays with the sender."""
_NO_BODY: Final = frozenset({204, 304})
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")
_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_TARGET: Final = re.compile(rb"[\x21-\x7e]+")

Header = tuple[bytes, bytes]


class _Reply:
    """What has arrived of one answer; the parser calls it. Raises on the first thing that is too much."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.version = b""
        self.headers: list[Header] = []
        self.head_done = self.done = self.keeps_alive = False
        self.surplus = False
        """Whether something came that is no part of this answer."""
        self.unread: list[bytes] = []
        self.unread_bytes = 0
        self.failure: Exception | None = None
        self._interim = self._head_bytes = self._pieces = self._body_bytes = self._fed = 0

    def feed(self, data: bytes) -> bool:
        """Whether it may go on."""
        self._fed += len(data)
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if self.done:
                self.surplus = True
            elif self.failure is None:
                self.failure = MalformedReply()
        if not self.done and self._fed - self._body_bytes > HEAD_BYTES_MAX + self._body_bytes // 8:
            self.failure = self.failure or MalformedReply(Trouble.TOO_LARGE)
        return self.failure is None

    # What the parser calls

    def on_message_begin(self) -> None:
        if self.done:
            self._stop(MalformedReply())
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > HEAD_BYTES_MAX or len(self.headers) >= HEADERS_MAX:
            self._stop(MalformedReply(Trouble.TOO_LARGE))
        if not self.head_done:  # of trailers nothing is believed
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        if status < 200:
            self._interim += 1
            if self._interim > INTERIM_MAX or status < 100 or status == 101:
                self._stop(MalformedReply())
            return
        self.status, self.version = status, self.parser.get_http_version().encode()
        if self.version not in (b"1.1", b"1.0") or not self._has_an_end():
            self._stop(MalformedReply())
        self.head_done = True

    def on_body(self, body: bytes) -> None:
        if not self.head_done:  # an interim answer has no body
            self._stop(MalformedReply())
        self._pieces += 1
        self._body_bytes += len(body)
        if self._pieces > PIECES_MAX + self._body_bytes // PIECE_BYTES_MIN:
            self._stop(MalformedReply(Trouble.TOO_LARGE))
        self.unread.append(body)
        self.unread_bytes += len(body)

    def on_message_complete(self) -> None:
        if self.head_done:
            self.done, self.keeps_alive = True, self.parser.should_keep_alive()

    def _has_an_end(self) -> bool:
        """Whether the answer says where it ends: of one that ends with the connection nobody knows whether it is all.

        Both ways of saying it at once, or one of them twice, are read differently by different readers (RFC 9112 §6.3).
        """
        lengths = [value for name, value in self.headers if name.lower() == b"content-length"]
        codings = [value.lower() for name, value in self.headers if name.lower() == b"transfer-encoding"]
        if lengths:
            return len(lengths) == 1 and not codings and _LENGTH.fullmatch(lengths[0]) is not None
        return codings == [b"chunked"] if codings else self.status in _NO_BODY

    def _stop(self, failure: Exception) -> None:
        if not self.done:
            self.failure = self.failure or failure
        raise failure  # the parser wraps it, and reads no further


class Connection(asyncio.Protocol):
    """One request at a time. `expires_at` is the pool's."""

    def __init__(self) -> None:
        self.expires_at = 0.0
        self._transport: asyncio.Transport | None = None
        self._reply: _Reply | None = None
        self._closed = False
        self._paused = False
        self._news: asyncio.Future[None] | None = None

    @property
    def is_open(self) -> bool:
        return not self._closed

    @property
    def is_reusable(self) -> bool:
        """Whether the last answer ended, exactly where it said, and the other end lets the connection be."""
        reply = self._reply
        return (
            not self._closed
            and reply is not None
            and reply.done
            and reply.keeps_alive
            and not reply.surplus
            and reply.failure is None
        )

    async def ask(
        self, method: bytes, target: bytes, headers: Sequence[Header], body: bytes
    ) -> tuple[int, bytes, list[Header]]:
        """Status, version and headers of the answer; then read :meth:`body` to its end.

        Raises :class:`MalformedReply` and httpx2's `RemoteProtocolError` when the connection ended before.
        """
        self._reply = reply = _Reply()
        assert self._transport is not None
        self._transport.write(_written(method, target, headers) + body)
        while not reply.head_done:
            await self._wait(reply)
        return reply.status, reply.version, reply.headers

    async def body(self) -> AsyncIterator[bytes]:
        reply = self._reply
        assert reply is not None
        while True:
            if reply.failure is not None:
                raise reply.failure
            if reply.unread:
                taken = b"".join(reply.unread)
                reply.unread, reply.unread_bytes = [], 0
                self._resume()
                yield taken
            elif reply.done:
                return
            else:
                await self._wait(reply)

    def abort(self) -> None:
        """At once, without a word: what the other end still sends is not read."""
        self._closed = True
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods alone

    def data_received(self, data: bytes) -> None:
        reply = self._reply
        if reply is None or reply.done or reply.failure is not None:
            self.abort()  # nobody asked for it, or for more of it
            return
        if not reply.feed(data):
            self.abort()
        elif reply.unread_bytes > UNREAD_BYTES_MAX and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._tell()

    def eof_received(self) -> None:
        self._closed = True
        self._tell()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._closed = True
        self._tell()

    async def _wait(self, reply: _Reply) -> None:
        """For more of the answer; either there is some, or it raises."""
        if reply.failure is None and not self._closed:
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        if reply.failure is not None:
            raise reply.failure
        if self._closed and not (reply.head_done and (reply.done or reply.unread)):
            raise httpx2.RemoteProtocolError("the connection ended before the answer did")

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _resume(self) -> None:
        if self._paused and self._transport is not None and not self._closed:
            self._paused = False
            self._transport.resume_reading()


def _written(method: bytes, target: bytes, headers: Sequence[Header]) -> bytes:
    """The head of a request. Raises `ValueError` for what would be read as more than one header."""
    if not _NAME.fullmatch(method) or not _TARGET.fullmatch(target):
        raise ValueError("a request line that is none")
    lines = [b"%b %b HTTP/1.1\r\n" % (method, target)]
    for name, value in headers:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError("a header that is none")
        lines.append(b"%b: %b\r\n" % (name, value))
    lines.append(b"\r\n")
    return b"".join(lines)
