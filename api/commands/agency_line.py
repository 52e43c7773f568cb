"""An agency's system at the command line: a token by its key (RFC 7523), and one request after the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self
from uuid import uuid4

import httpx2
import jwt

from core.clock import Clock

ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SECONDS_MAX: Final = 60.0
SERVICES: Final = "/agency/v1/services"


class Refused(Exception):
    """Sitthi refused; what it says is for whoever typed the command."""

    def __init__(self, code: str, message: str, faults: list[dict[str, Any]]) -> None:
        super().__init__(message)
        self.code, self.message, self.faults = code, message, faults


class AgencyLine:
    """Asks in the name of a client. `key` is its private JWK; a token is asked for once, and lives for ten minutes."""

    def __init__(
        self, issuer: str, client: str, key: Mapping[str, Any], http: httpx2.AsyncClient, clock: Clock
    ) -> None:
        self._issuer, self._client, self._key, self._http, self._clock = issuer, client, dict(key), http, clock
        self._token: str | None = None

    @classmethod
    def reading(cls, issuer: str, client: str, key: Path, http: httpx2.AsyncClient, clock: Clock) -> Self:
        """Raises `OSError` and `ValueError` for a file that is no JWK."""
        document = json.loads(key.read_text(encoding="utf-8"))
        if not isinstance(document, dict) or "kid" not in document:
            raise ValueError("no private key with a kid (RFC 7517)")
        return cls(issuer, client, document, http, clock)

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What is answered. Raises :class:`Refused`, and errors of httpx2."""
        headers = {"authorization": f"Bearer {await self._access()}", "accept-language": "en"}
        answer = await self._http.request(method, f"{self._issuer}{SERVICES}{path}", json=body, headers=headers)
        return _told(answer)

    async def _access(self) -> str:
        if self._token is None:
            fields = {
                "grant_type": "client_credentials",
                "resource": f"{self._issuer}/agency",
                "scope": "agency.services",
                "client_assertion_type": ASSERTION,
                "client_assertion": self._assertion(),
            }
            answer = await self._http.post(f"{self._issuer}/oauth/token", data=fields)
            if answer.is_error:
                told = answer.json()
                raise Refused(str(told.get("error", answer.status_code)), str(told.get("error_description", "")), [])
            self._token = str(answer.json()["access_token"])
        return self._token

    def _assertion(self) -> str:
        key, now = jwt.PyJWK(self._key), int(self._clock.now().timestamp())
        claims = {
            "iss": self._client,
            "sub": self._client,
            "aud": self._issuer,
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + 60,
        }
        return jwt.encode(claims, key.key, algorithm=key.algorithm_name, headers={"kid": self._key["kid"]})


def _told(answer: httpx2.Response) -> Any:
    told = answer.json()
    if answer.is_error:
        [error, *_] = told["errors"]
        extensions = error["extensions"]
        raise Refused(extensions["code"], error["message"], extensions.get("faults", []))
    return told
