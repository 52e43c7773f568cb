"""Another OpenID provider, without a socket: what it publishes, and tokens as it or a forger would sign them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from core.issuers import TrustedIssuer

ISSUER: Final = "https://id.example/realms/people"
AUDIENCE: Final = "https://sitthi.example/graphql"
CLIENT: Final = "town-app"
PRESENT: Final = {"exp": timedelta(minutes=5), "iat": timedelta(0), "auth_time": timedelta(minutes=-1)}
"""Claims that are instants, from now."""


def trusted(issuer: str = ISSUER, **changed: Any) -> TrustedIssuer:
    given = {
        "name": "town",
        "issuer": issuer,
        "audiences": [AUDIENCE],
        "national_id": "pid",
        "scopes": {"graph": ["citizen"], "names": ["profile"]},
        "acr": {"gold": "ial2.3-aal2.1"},
    }
    return TrustedIssuer.model_validate({**given, **changed})


@dataclass
class Foreign:
    """An issuer. Requests are counted by path; `answer` replaces what it publishes there."""

    issuer: str = ISSUER
    keys: dict[str, Any] = field(default_factory=lambda: {"k1": ec.generate_private_key(ec.SECP256R1())})
    about_keys: dict[str, Any] = field(default_factory=lambda: {"use": "sig"})
    answer: dict[str, Callable[[], httpx2.Response]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def client(self, *others: Foreign) -> httpx2.AsyncClient:
        """Reaches this issuer and the others, and nothing else."""
        return httpx2.AsyncClient(transport=httpx2.MockTransport(lambda request: _route((self, *others), request)))

    def published(self) -> dict[str, Any]:
        return {"keys": [self.jwk(kid) for kid in self.keys]}

    def jwk(self, kid: str) -> dict[str, Any]:
        key = self.keys[kid]
        kind = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
        document: dict[str, Any] = json.loads(kind.to_jwk(key.public_key()))
        return {**document, "kid": kid, **self.about_keys}

    def token(
        self,
        now: datetime,
        *,
        kid: str = "k1",
        key: Any = None,
        alg: str = "ES256",
        typ: str | None = "at+jwt",
        without: tuple[str, ...] = (),
        headers: Mapping[str, Any] | None = None,
        **changed: Any,
    ) -> str:
        """A good token, but for what is changed. Instants are given as a difference from `now`."""
        claims = {
            "iss": self.issuer,
            "sub": "account-7",
            "aud": AUDIENCE,
            "client_id": CLIENT,
            "scope": "graph other",
            "acr": "gold",
            **PRESENT,
            **changed,
        }
        told = {name: _seconds(now, value) for name, value in claims.items() if name not in without}
        return jwt.encode(
            told, key or self.keys[kid], algorithm=alg, headers={"kid": kid, "typ": typ, **(headers or {})}
        )

    def _respond(self, path: str) -> httpx2.Response:
        self.asked.append(path)
        if path in self.answer:
            return self.answer[path]()
        if path.endswith("/.well-known/openid-configuration"):
            return httpx2.Response(200, json={"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"})
        return httpx2.Response(200, json=self.published())


def _route(issuers: tuple[Foreign, ...], request: httpx2.Request) -> httpx2.Response:
    for one in issuers:
        if str(request.url).startswith(f"{one.issuer}/"):
            return one._respond(str(request.url).removeprefix(one.issuer))
    return httpx2.Response(404)


def _seconds(now: datetime, value: Any) -> Any:
    return int((now + value).timestamp()) if isinstance(value, timedelta) else value
