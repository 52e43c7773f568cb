"""Clients of tests that hold keys: they sign assertions and DPoP proofs, right ones and any wrong one."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from core.clock import Clock
from core.database import Database
from identity.provider.models import Client

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LEFT_OUT: Final = object()
WITHOUT: Any = _LEFT_OUT
"""For a header or claim that is to be missing."""


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def changed(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**document, **changes}.items() if value is not _LEFT_OUT}


@dataclass(frozen=True)
class KeyHolder:
    """A private key and what is made with it."""

    private: Any
    algorithm: str
    kid: str = "one"

    @classmethod
    def make(cls, algorithm: str = "ES256", kid: str = "one") -> KeyHolder:
        private: Any
        if algorithm == "ES256":
            private = ec.generate_private_key(ec.SECP256R1())
        elif algorithm == "EdDSA":
            private = ed25519.Ed25519PrivateKey.generate()
        else:
            private = rsa.generate_private_key(65_537, 2_048)
        return cls(private, algorithm, kid)

    @property
    def jwk(self) -> dict[str, Any]:
        """The public half, with nothing but what it is."""
        document = dict(get_default_algorithms()[self.algorithm].to_jwk(self.private.public_key(), as_dict=True))
        return {name: value for name, value in document.items() if name not in ("key_ops", "use", "alg")}

    @property
    def private_jwk(self) -> dict[str, Any]:
        return dict(get_default_algorithms()[self.algorithm].to_jwk(self.private, as_dict=True))

    @property
    def registered(self) -> dict[str, Any]:
        """A key set as a client registers it."""
        return {"keys": [{**self.jwk, "kid": self.kid, "use": "sig", "alg": self.algorithm}]}

    @property
    def jkt(self) -> str:
        kinds = {"ES256": ("crv", "kty", "x", "y"), "EdDSA": ("crv", "kty", "x"), "PS256": ("e", "kty", "n")}
        canonical = "{" + ",".join(f'"{name}":"{self.jwk[name]}"' for name in kinds[self.algorithm]) + "}"
        return base64url(hashlib.sha256(canonical.encode()).digest())

    def sign(self, claims: Mapping[str, Any], headers: Mapping[str, Any]) -> str:
        return signed(headers, json.dumps(claims).encode(), self)

    def proof(
        self,
        clock: Clock,
        method: str,
        url: str,
        *,
        headers: Mapping[str, Any] | None = None,
        access_token: str | None = None,
        **claims: Any,
    ) -> str:
        """A DPoP proof (RFC 9449 §4.2), with whatever is to be other in it."""
        good = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url, "iat": int(clock.now().timestamp())}
        if access_token is not None:
            good["ath"] = base64url(hashlib.sha256(access_token.encode()).digest())
        header = {"typ": "dpop+jwt", "alg": self.algorithm, "jwk": self.jwk}
        return self.sign(changed(good, claims), changed(header, headers or {}))

    def assertion(
        self, clock: Clock, client: str, audience: str, *, headers: Mapping[str, Any] | None = None, **claims: Any
    ) -> dict[str, str]:
        """The parameters of `private_key_jwt` (RFC 7523 §2.2)."""
        now = int(clock.now().timestamp())
        good = {"iss": client, "sub": client, "aud": audience, "iat": now, "exp": now + 60}
        good["jti"] = secrets.token_urlsafe(16)
        header = {"typ": "JWT", "alg": self.algorithm, "kid": self.kid}
        token = self.sign(changed(good, claims), changed(header, headers or {}))
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}


def signed(headers: Mapping[str, Any], payload: bytes, holder: KeyHolder) -> str:
    """Of any header and any bytes, by the holder's key and algorithm, whatever the header says."""
    start = f"{base64url(json.dumps(headers).encode())}.{base64url(payload)}"
    signature = get_default_algorithms()[holder.algorithm].sign(start.encode(), holder.private)
    return f"{start}.{base64url(signature)}"


def by_secret(headers: Mapping[str, Any], claims: Mapping[str, Any], secret: bytes) -> str:
    """Signed by HMAC, as if a public key were a shared secret (RFC 8725 §2.1)."""
    start = f"{base64url(json.dumps(headers).encode())}.{base64url(json.dumps(claims).encode())}"
    return f"{start}.{base64url(get_default_algorithms()['HS256'].sign(start.encode(), secret))}"


def unsigned(token: str) -> str:
    """The same with `alg: none` and no signature."""
    _, payload, _ = token.split(".")
    header = {**jwt.get_unverified_header(token), "alg": "none"}
    return f"{base64url(json.dumps(header).encode())}.{payload}."


async def register(database: Database, clock: Clock, **fields: Any) -> Client:
    """Enters a client as an officer would have registered it: confidential and held to FAPI 2.0 if nothing else."""
    good: dict[str, Any] = {
        "id": "bank",
        "name_th": "ธนาคารทดสอบ",
        "name_en": "A bank of tests",
        "auth_method": "private_key_jwt",
        "jwks": None,
        "fapi": True,
        "dpop_bound": True,
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": ["https://bank.example/callback"],
        "post_logout_redirect_uris": [],
        "loopback": False,
        "scopes": ["openid", "profile", "citizen"],
        "resources": ["/graphql"],
        "token_seconds": 600,
        "refresh_seconds": 0,
        "created_by": "tests",
        "updated_at": clock.now(),
    }
    row = Client(**{**good, **fields})
    async with database.write() as session:
        session.add(row)
    return row
