"""Our keys as the far side follows them: asked for when a call names one that is not known yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import httpx2

from services.plugins.contract.keys import KeyUnusable, VerifyingKey, verifying_keys
from services.plugins.strict_json import read_json

ASK_SECONDS: Final = 5.0
"""Least time between two looks, or every forged call would be one more."""
KEYS_BYTES_MAX: Final = 64 * 1024
LOOK_SECONDS_MAX: Final = 5.0


class FollowedKeys:
    """The key set at `url` (`/.well-known/service-keys.json`). Keys that left it are believed no more from the next
    look on; where a look fails, what was known stays."""

    def __init__(self, http: httpx2.AsyncClient, url: str, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._http, self._url, self._seconds = http, url, seconds
        self._keys: dict[str, VerifyingKey] = {}
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()

    def get(self, keyid: str, /) -> VerifyingKey | None:
        return self._keys.get(keyid)

    async def look(self) -> None:
        """Reads the set again, unless that was done a moment ago. Never raises for what goes wrong there."""
        async with self._looking:
            if self._seconds() - self._looked_at < ASK_SECONDS:
                return
            self._looked_at = self._seconds()
            try:
                async with asyncio.timeout(LOOK_SECONDS_MAX):
                    self._keys = verifying_keys(await self._read())
            except (httpx2.HTTPError, TimeoutError, KeyUnusable, ValueError, KeyError, TypeError):
                return

    async def _read(self) -> list[dict[str, object]]:
        taken = bytearray()
        async with self._http.stream("GET", self._url, follow_redirects=False) as reply:
            reply.raise_for_status()
            async for chunk in reply.aiter_bytes():
                taken += chunk
                if len(taken) > KEYS_BYTES_MAX:
                    raise ValueError("too large")
        keys: list[dict[str, object]] = read_json(bytes(taken))["keys"]
        return keys
