"""The keys that sign tokens."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from identity.provider.jose import thumbprint, usable_keys
from identity.provider.models import SigningKey

ALGORITHM: Final = "ES256"
_CACHE_SECONDS: Final = 60.0
"""How long another process may not know of a new key that signs; it learns of one that verifies when it meets it."""
_UNKNOWN_KEY_SECONDS: Final = 2.0
"""Least time between two looks for unknown keys, or every forged token would be a query."""


@dataclass(frozen=True, slots=True)
class Signer:
    kid: str
    key: ec.EllipticCurvePrivateKey

    def sign(self, claims: dict[str, Any], *, typ: str) -> str:
        return jwt.encode(claims, self.key, algorithm=ALGORITHM, headers={"kid": self.kid, "typ": typ})


class SigningKeys:
    """Keys of the provider, remembered by the process. The first is made when it is first needed, by one process.

    It opens its own transactions: a key belongs to the machine, not to the request that happened to need it.
    """

    def __init__(self, db: Database, keys: KeyRing, clock: Clock) -> None:
        self._db, self._keys, self._clock = db, keys, clock
        self._signer: Signer | None = None
        self._public: dict[str, Any] = {"keys": []}
        self._verifying: dict[str, jwt.PyJWK] = {}
        self._read_at = float("-inf")

    async def signer(self) -> Signer:
        """The key that signs now."""
        if self._signer is None or self._age > _CACHE_SECONDS:
            await self._read()
        if self._signer is None:
            await self._make()
            await self._read()
        assert self._signer is not None
        return self._signer

    async def public(self) -> dict[str, Any]:
        """The key set (RFC 7517) for those who verify, always with the key that signs."""
        await self.signer()
        return self._public

    async def verifying(self, kid: str) -> jwt.PyJWK | None:
        if kid not in self._verifying and self._age > _UNKNOWN_KEY_SECONDS:
            await self._read()
        return self._verifying.get(kid)

    @property
    def _age(self) -> float:
        return time.monotonic() - self._read_at

    async def _read(self) -> None:
        async with self._db.read() as session:
            rows = (await session.scalars(select(SigningKey).order_by(col(SigningKey.created_at)))).all()
        self._public = {"keys": [row.public_jwk for row in rows]}
        self._verifying = usable_keys(self._public, (ALGORITHM,))
        self._signer = next((self._signer_of(row) for row in rows if row.retired_at is None), None)
        self._read_at = time.monotonic()

    def _signer_of(self, row: SigningKey) -> Signer:
        if self._signer is not None and self._signer.kid == row.id:
            return self._signer
        key = load_pem_private_key(self._keys.open(row.private_sealed, bound_to=_binding(row.id)), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return Signer(row.id, key)

    async def _make(self) -> None:
        """The partial unique index lets one current key in; whoever comes second uses it."""
        key = ec.generate_private_key(ec.SECP256R1())
        jwk = json.loads(ECAlgorithm.to_jwk(key.public_key()))
        kid = thumbprint(jwk)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        row = {
            "id": kid,
            "algorithm": ALGORITHM,
            "private_sealed": self._keys.seal(pem, bound_to=_binding(kid)),
            "public_jwk": {**jwk, "kid": kid, "use": "sig", "alg": ALGORITHM},
            "created_at": self._clock.now(),
        }
        dialect = sqlite if self._db.is_sqlite else postgresql
        async with self._db.write() as session:
            await session.execute(dialect.insert(SigningKey).values(row).on_conflict_do_nothing())


def _binding(kid: str) -> str:
    return f"signing_key.private:{kid}"
