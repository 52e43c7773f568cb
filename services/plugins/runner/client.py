"""The agency over HTTP, in the manner of the Government Data Exchange (GDX).

A consumer key and secret buy a token, which lives while it is used at least every 60 minutes; every request names the
AgentID. Bodies are JSON and POSTed, so that a national ID never stands in a URL. No redirect is followed. Replies come
uncompressed: a small one that unpacks to a large one would pass any limit before it is counted.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import httpx2
import orjson
import stamina

from services.plugins.contract import AgencyRefusal
from services.plugins.runner.errors import MalformedReply, Trouble
from services.plugins.runner.strict_json import read_json

ANSWER_BYTES_MAX: Final = 1_000_000
TOKEN_IDLE_SECONDS: Final = 55 * 60
"""Given up five minutes before the agency would, so that no request meets a token that has just died."""
ATTEMPTS: Final = 3
WAIT_FIRST_SECONDS: Final = 0.05
WAIT_SECONDS_MAX: Final = 0.5
JITTER_SECONDS: Final = 0.1
"""Between attempts at a read, so that callers whose connections broke together do not come back together."""
_AGENT: Final = "AgentID"
_SOME_DIGITS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_ACCEPTS: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Credentials:
    consumer_key: str
    consumer_secret: str = field(repr=False)


class HttpAgencyClient:
    """One agency. `http` is shared by all and bears the limits of connections; time limits are the runner's.

    `base_url` has no trailing slash. `seconds` is a clock that only moves forward.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        base_url: str,
        credentials: Credentials,
        *,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http, self._base, self._credentials = http, base_url.rstrip("/"), credentials
        self._answer_bytes_max, self._seconds = answer_bytes_max, seconds
        self._token: str | None = None
        self._token_used_at = 0.0
        self._buying = asyncio.Lock()

    async def ask(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str) -> Any:
        """A read: repeated when the connection broke, and once with a fresh token when the token was refused.

        The time limit of the operation is over all attempts together: it ends them wherever they are.

        Raises :class:`AgencyRefusal` for 4xx, :class:`MalformedReply`, or an error of httpx2.
        """
        async for attempt in stamina.retry_context(
            on=_is_connection_error,
            attempts=ATTEMPTS,
            wait_initial=WAIT_FIRST_SECONDS,
            wait_max=WAIT_SECONDS_MAX,
            wait_jitter=JITTER_SECONDS,
        ):
            with attempt:
                return await self._authorised(path, body, {_AGENT: on_behalf_of})
        raise AssertionError("stamina ends with an answer or an error")

    async def send(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str, key: str) -> Any:
        """An effect: never repeated, except with a fresh token, when the agency has refused to look at it."""
        return await self._authorised(path, body, {_AGENT: on_behalf_of, "Idempotency-Key": key})

    async def _authorised(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        token = await self._valid_token()
        try:
            return await self._post(path, body, {**headers, "Authorization": f"Bearer {token}"})
        except AgencyRefusal as refusal:
            if refusal.status != HTTPStatus.UNAUTHORIZED:
                raise
        self._forget(token)
        token = await self._valid_token()
        return await self._post(path, body, {**headers, "Authorization": f"Bearer {token}"})

    async def _valid_token(self) -> str:
        async with self._buying:  # many callers, one purchase
            if self._token is None or self._seconds() - self._token_used_at > TOKEN_IDLE_SECONDS:
                asked = {
                    "consumer_key": self._credentials.consumer_key,
                    "consumer_secret": self._credentials.consumer_secret,
                }
                answer = await self._post("/oauth/token", asked, {})
                token = answer.get("access_token") if isinstance(answer, dict) else None
                if not isinstance(token, str) or not token.isascii() or not token.isprintable():
                    raise MalformedReply(Trouble.MALFORMED)
                self._token = token
            self._token_used_at = self._seconds()
            return self._token

    def _forget(self, token: str) -> None:
        if self._token == token:  # another caller may have bought a new one by now
            self._token = None

    async def _post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        content = orjson.dumps(dict(body))
        headers = {**headers, "Content-Type": "application/json", **_ACCEPTS}
        async with self._http.stream("POST", f"{self._base}{path}", content=content, headers=headers) as reply:
            taken = await self._body(reply)
        status, retry_after = reply.status_code, _seconds_of(reply.headers.get("retry-after"))
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise AgencyRefusal(status, _code_of(taken), retry_after_seconds=retry_after)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise MalformedReply(Trouble.ERROR, retry_after_seconds=retry_after)
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES or not _is_json(reply.headers):
            raise MalformedReply
        try:
            return read_json(taken)
        except ValueError:
            raise MalformedReply from None

    async def _body(self, reply: httpx2.Response) -> bytes:
        """What was sent, byte by byte as it was sent. Raises :class:`MalformedReply` as soon as it is too much."""
        if reply.headers.get("content-encoding", "identity").lower() != "identity":
            raise MalformedReply
        announced = reply.headers.get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > self._answer_bytes_max:
            raise MalformedReply(Trouble.TOO_LARGE)
        taken = bytearray()
        async for chunk in reply.aiter_bytes():
            taken += chunk
            if len(taken) > self._answer_bytes_max:
                raise MalformedReply(Trouble.TOO_LARGE)
        return bytes(taken)


def _is_connection_error(error: Exception) -> bool:
    return isinstance(error, httpx2.NetworkError | httpx2.RemoteProtocolError | httpx2.ConnectTimeout)


def _is_json(headers: Mapping[str, str]) -> bool:
    """Whether it says that it is JSON, in the one encoding that JSON has (RFC 8259 §8.1)."""
    kind, *parameters = (part.strip().lower() for part in headers.get("content-type", "").split(";"))
    charsets = [value.strip('"') for name, _, value in (p.partition("=") for p in parameters) if name == "charset"]
    return (kind == "application/json" or kind.endswith("+json")) and set(charsets) <= {"utf-8"}


def _seconds_of(retry_after: str | None) -> int | None:
    """`Retry-After` in seconds (RFC 9110 §10.2.3); its form as a date is not heeded."""
    if retry_after is None or not _SOME_DIGITS.fullmatch(retry_after.strip()):
        return None
    return int(retry_after)


def _code_of(body: bytes) -> str | None:
    try:
        answer = read_json(body)
    except ValueError:
        return None
    code = answer.get("code") if isinstance(answer, dict) else None
    return code if isinstance(code, str) else None
