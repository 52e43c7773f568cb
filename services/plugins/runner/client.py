"""The agency over HTTP, in the manner of the Government Data Exchange (GDX).

A consumer key and secret buy a token, which lives while it is used at least every 60 minutes; every request names the
AgentID. Bodies are JSON and POSTed, so that a national ID never stands in a URL. No redirect is followed. Replies come
uncompressed: a small one that unpacks to a large one would pass any limit before it is counted.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import httpx2
import orjson

from services.plugins.contract import AgencyRefusal
from services.plugins.runner.errors import MalformedReply, Trouble
from services.plugins.runner.replies import ACCEPTS, asked_again, body_of, code_of, is_json, seconds_of
from services.plugins.strict_json import read_json

ANSWER_BYTES_MAX: Final = 1_000_000
TOKEN_IDLE_SECONDS: Final = 55 * 60
"""Given up five minutes before the agency would, so that no request meets a token that has just died."""
_AGENT: Final = "AgentID"


@dataclass(frozen=True, slots=True)
class Credentials:
    consumer_key: str
    consumer_secret: str = field(repr=False)


@dataclass(slots=True)
class _Bought:
    """The token, shared by all who ask the agency with these credentials."""

    token: str | None = None
    used_at: float = 0.0
    buying: asyncio.Lock = field(default_factory=asyncio.Lock)


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
        self._bought = _Bought()

    async def ask(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str) -> Any:
        """A read: repeated when the connection broke, and once with a fresh token when the token was refused.

        The time limit of the operation is over all attempts together: it ends them wherever they are.

        Raises :class:`AgencyRefusal` for 4xx, :class:`MalformedReply`, or an error of httpx2.
        """
        return await asked_again(lambda: self._authorised(path, body, {_AGENT: on_behalf_of}))

    async def send(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str, key: str) -> Any:
        """An effect: never repeated, except with a fresh token, when the agency has refused to look at it."""
        return await self._authorised(path, body, {_AGENT: on_behalf_of, "Idempotency-Key": key})

    def within(self, answer_bytes_max: int) -> HttpAgencyClient:
        """The same client, token and all, that reads answers of so many bytes."""
        same = copy.copy(self)
        same._answer_bytes_max = answer_bytes_max  # noqa: SLF001 - it is one of ours
        return same

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
        bought = self._bought
        async with bought.buying:  # many callers, one purchase
            if bought.token is None or self._seconds() - bought.used_at > TOKEN_IDLE_SECONDS:
                asked = {
                    "consumer_key": self._credentials.consumer_key,
                    "consumer_secret": self._credentials.consumer_secret,
                }
                answer = await self._post("/oauth/token", asked, {})
                token = answer.get("access_token") if isinstance(answer, dict) else None
                if not isinstance(token, str) or not token.isascii() or not token.isprintable():
                    raise MalformedReply(Trouble.MALFORMED)
                bought.token = token
            bought.used_at = self._seconds()
            return bought.token

    def _forget(self, token: str) -> None:
        if self._bought.token == token:  # another caller may have bought a new one by now
            self._bought.token = None

    async def _post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        content = orjson.dumps(dict(body))
        headers = {**headers, "Content-Type": "application/json", **ACCEPTS}
        async with self._http.stream("POST", f"{self._base}{path}", content=content, headers=headers) as reply:
            taken = await body_of(reply, self._answer_bytes_max)
        status = reply.status_code
        retry_after = seconds_of(reply.headers.get("retry-after")) if status >= HTTPStatus.BAD_REQUEST else None
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise AgencyRefusal(status, code_of(taken), retry_after_seconds=retry_after)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise MalformedReply(Trouble.ERROR, retry_after_seconds=retry_after)
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES or not is_json(reply.headers):
            raise MalformedReply
        try:
            return read_json(taken)
        except ValueError:
            raise MalformedReply from None
