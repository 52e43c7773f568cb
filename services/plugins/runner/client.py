"""The agency over HTTP, in the manner of the Government Data Exchange (GDX).

What buys a token, and how long it lives, says :mod:`services.plugins.runner.tokens`; every request names the
AgentID. Bodies are JSON and POSTed, so that a national ID never stands in a URL. No redirect is followed. Replies come
uncompressed: a small one that unpacks to a large one would pass any limit before it is counted.
"""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import httpx2
import orjson

from core.clock import Clock, SystemClock
from services.plugins.contract import AgencyRefusal
from services.plugins.runner.errors import MalformedReply, Trouble
from services.plugins.runner.replies import ACCEPTS, asked_again, body_of, code_of, is_json, seconds_of
from services.plugins.runner.tokens import TokenKeeper, Way
from services.plugins.strict_json import read_json

ANSWER_BYTES_MAX: Final = 1_000_000
_AGENT: Final = "AgentID"
_BELOW: Final = re.compile(r"(?:/(?!(?:\.|%2e){1,2}(?:[/?]|\Z))[^/?#\\\s]*)+(?:\?[^#\s]*)?", re.IGNORECASE)
"""Of a path that is put behind an address: no part of the host's name, and no step up."""


class HttpAgencyClient:
    """One agency. `http` is shared by all and bears the limits of connections; time limits are the runner's.

    `base_url` has no trailing slash. `way` is how one signs in there, or what says so at each purchase of a token; None
    where the agency asks for none. `seconds` is a clock that only moves forward.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        base_url: str,
        way: Way | Callable[[], Way | None] | None,
        *,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
        clock: Clock | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http, self._base, self._answer_bytes_max = http, base_url.rstrip("/"), answer_bytes_max
        way_of = way if callable(way) else lambda: way
        self._tokens = TokenKeeper(way_of, clock or SystemClock(), seconds)

    async def ask(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str) -> Any:
        """A read: repeated when the connection broke, and once with a fresh token when the token was refused.

        The time limit of the operation is over all attempts together: it ends them wherever they are.

        Raises :class:`AgencyRefusal` for 4xx, :class:`MalformedReply`, :class:`LeftAlone`, or an error of httpx2.
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

    async def sign_in(self) -> bool:
        """Buys a token where none is held that lives, and says whether the agency asks for one."""
        return await self._valid_token() is not None

    async def _authorised(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        if not _BELOW.fullmatch(path):  # the token would go wherever it leads; what it says may be personal
            raise ValueError("a path begins with / and stays below the agency's address")
        token = await self._valid_token()
        try:
            return await self._ask(path, body, headers, token)
        except AgencyRefusal as refusal:
            if refusal.status != HTTPStatus.UNAUTHORIZED or token is None or not self._tokens.refused(token):
                raise
        token = await self._valid_token()
        try:
            return await self._ask(path, body, headers, token)
        except AgencyRefusal as refusal:
            if refusal.status == HTTPStatus.UNAUTHORIZED:
                self._tokens.refused_again()
            raise

    async def _valid_token(self) -> str | None:
        return await self._tokens.valid(self._post, self._base)

    async def _ask(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str], token: str | None) -> Any:
        signed_in = {} if token is None else {"Authorization": f"Bearer {token}"}
        sent = {**headers, **signed_in, "Content-Type": "application/json"}
        return await self._post(f"{self._base}{path}", orjson.dumps(dict(body)), sent)

    async def _post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Any:
        async with self._http.stream("POST", url, content=content, headers={**headers, **ACCEPTS}) as reply:
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
