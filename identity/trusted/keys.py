"""The keys of another issuer: found by discovery from the pinned issuer, remembered, read anew within bounds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import httpx2
import jwt
import orjson
import structlog

from core.errors import ServiceUnavailable, SitthiError
from core.jose import usable_keys

DISCOVERY: Final = "/.well-known/openid-configuration"
FRESH_SECONDS: Final = 300.0
"""After that long the key set is read anew: a key that its issuer took back is soon no key here."""
STALE_SECONDS_MAX: Final = 3_600.0
"""For so long keys are believed whose issuer does not answer."""
AGAIN_SECONDS: Final = 5.0
"""Least time between two readings, or every forged `kid` would be a request to the issuer."""
RSA_BITS_MIN: Final = 2_048
_ANSWER_SECONDS_MAX: Final = 3.0
_ANSWER_BYTES_MAX: Final = 262_144

log = structlog.get_logger()


class IssuerNotBelieved(SitthiError):
    """Its metadata or key set is not what RFC 8414 and RFC 7517 say, or not its own. Never reaches a caller as such."""

    code = "ISSUER_NOT_BELIEVED"


class IssuerKeys:
    """Keys of one issuer for signatures of these algorithms. `monotonic` counts seconds."""

    def __init__(
        self,
        name: str,
        issuer: str,
        algorithms: Collection[str],
        http: httpx2.AsyncClient,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._issuer, self._algorithms = name, issuer, frozenset(algorithms)
        self._http, self._monotonic = http, monotonic
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._read_at = self._tried_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> jwt.PyJWK | None:
        """The issuer's key of that id, None when it has none. Raises :class:`ServiceUnavailable` when it is silent.

        A known key does not wait for a reading that is due; those who ask for an unknown one share one reading.
        """
        age = self._monotonic() - self._read_at
        known = self._keys.get(kid) if age <= STALE_SECONDS_MAX else None
        if known is not None:
            if age > FRESH_SECONDS:
                self._read_once()
            return known
        if (reading := self._read_once()) is not None:
            await asyncio.shield(reading)
        if self._monotonic() - self._read_at > STALE_SECONDS_MAX:
            raise ServiceUnavailable(self._name)
        return self._keys.get(kid)

    def current(self, kid: str) -> jwt.PyJWK | None:
        """The key as far as it is remembered; the same object until the key set changes."""
        return self._keys.get(kid)

    def _read_once(self) -> asyncio.Task[None] | None:
        """The reading under way, or a new one if it is time for one."""
        if self._reading is not None and not self._reading.done():
            return self._reading
        if self._monotonic() - self._tried_at < AGAIN_SECONDS:
            return None
        self._tried_at = self._monotonic()
        self._reading = asyncio.create_task(self._read())
        return self._reading

    async def _read(self) -> None:
        """Reads the key set. Where that fails, what was known stays, for as long as it may."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS_MAX):
                keys = await self._document(await self._address())
            found = {kid: key for kid, key in usable_keys(keys, self._algorithms).items() if _is_strong(key)}
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, TypeError, IssuerNotBelieved) as error:
            log.warning("issuer_keys_not_read", issuer=self._name, reason=type(error).__name__)
            return
        same = {kid: key for kid, key in self._keys.items() if kid in found and _same(key, found[kid])}
        self._keys, self._read_at = {**found, **same}, self._monotonic()

    async def _address(self) -> str:
        """Of its key set. It never leaves https. Raises :class:`IssuerNotBelieved`."""
        metadata = await self._document(self._issuer.rstrip("/") + DISCOVERY)
        address = metadata.get("jwks_uri")
        if metadata.get("issuer") != self._issuer or not isinstance(address, str):
            raise IssuerNotBelieved
        if not address.startswith("https://" if self._issuer.startswith("https://") else ("http://", "https://")):
            raise IssuerNotBelieved
        return address

    async def _document(self, address: str) -> dict[str, Any]:
        """A JSON object of bounded size, without following a redirect. Raises :class:`IssuerNotBelieved`."""
        body = bytearray()
        async with self._http.stream(
            "GET", address, headers={"Accept": "application/json"}, follow_redirects=False
        ) as response:
            if response.status_code != 200:
                raise IssuerNotBelieved
            async for part in response.aiter_bytes():
                body += part
                if len(body) > _ANSWER_BYTES_MAX:
                    raise IssuerNotBelieved
        document = orjson.loads(bytes(body))
        if not isinstance(document, dict):
            raise IssuerNotBelieved
        return document


def _is_strong(key: jwt.PyJWK) -> bool:
    """RFC 7518 §3.3: an RSA key has 2,048 bits or more."""
    return key.key_type != "RSA" or key.key.key_size >= RSA_BITS_MIN


def _same(one: jwt.PyJWK, other: jwt.PyJWK) -> bool:
    return bool(one.key == other.key) and one.algorithm_name == other.algorithm_name
