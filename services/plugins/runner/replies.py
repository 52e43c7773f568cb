"""What all replies over HTTP have in common: read in bounds, uncompressed, as JSON; reads asked again."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

import httpx2
import stamina

from services.plugins.runner.errors import MalformedReply, Trouble
from services.plugins.strict_json import read_json

ATTEMPTS: Final = 3
WAIT_FIRST_SECONDS: Final = 0.05
WAIT_SECONDS_MAX: Final = 0.5
JITTER_SECONDS: Final = 0.1
"""Between attempts at a read, so that callers whose connections broke together do not come back together."""
ACCEPTS: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}
_SOME_DIGITS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)

Answer = TypeVar("Answer")


async def asked_again(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """A read: repeated when the connection broke."""
    try:
        return await ask()
    except Exception as error:
        if not _is_connection_error(error):
            raise
        broken = error
    # All that follows is for the one in thousands: its machinery costs a tenth of what a call costs.
    async for attempt in stamina.retry_context(
        on=_is_connection_error,
        attempts=ATTEMPTS,
        wait_initial=WAIT_FIRST_SECONDS,
        wait_max=WAIT_SECONDS_MAX,
        wait_jitter=JITTER_SECONDS,
    ):
        with attempt:
            if attempt.num == 1:
                raise broken
            return await ask()
    raise AssertionError("stamina ends with an answer or an error")


async def body_of(reply: httpx2.Response, bytes_max: int) -> bytes:
    """What was sent, byte by byte as it was sent. Raises :class:`MalformedReply` as soon as it is too much."""
    if reply.headers.get("content-encoding", "identity").lower() != "identity":
        raise MalformedReply
    announced = reply.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > bytes_max:
        raise MalformedReply(Trouble.TOO_LARGE)
    taken = bytearray()
    assert isinstance(reply.stream, httpx2.AsyncByteStream), "the client is asynchronous"
    async for chunk in reply.stream:  # as it came: `aiter_bytes` would look for a decoder each time
        taken += chunk
        if len(taken) > bytes_max:
            raise MalformedReply(Trouble.TOO_LARGE)
    return bytes(taken)


def is_json(headers: Mapping[str, str]) -> bool:
    """Whether it says that it is JSON, in the one encoding that JSON has (RFC 8259 §8.1)."""
    if headers.get("content-type") == "application/json":
        return True
    kind, *parameters = (part.strip().lower() for part in headers.get("content-type", "").split(";"))
    charsets = [value.strip('"') for name, _, value in (p.partition("=") for p in parameters) if name == "charset"]
    return (kind == "application/json" or kind.endswith("+json")) and set(charsets) <= {"utf-8"}


def seconds_of(retry_after: str | None) -> int | None:
    """`Retry-After` in seconds (RFC 9110 §10.2.3); its form as a date is not heeded."""
    if retry_after is None or not _SOME_DIGITS.fullmatch(retry_after.strip()):
        return None
    return int(retry_after)


def code_of(body: bytes) -> str | None:
    """The code of a refusal, if it gives one."""
    try:
        answer = read_json(body)
    except ValueError:
        return None
    code = answer.get("code") if isinstance(answer, dict) else None
    return code if isinstance(code, str) else None


def _is_connection_error(error: Exception) -> bool:
    return isinstance(error, httpx2.NetworkError | httpx2.RemoteProtocolError | httpx2.ConnectTimeout)
