"""Attesting: compact JWS (RFC 7515, ES256) under keys whose public halves stay published for ever.

Tokens of the sign-in live for minutes, and their keys are forgotten with them. What is signed here (an answer to an
agency, a receipt of a consent, a tree head of the access log) may lie before a court in ten years. So these keys are
others, each new one is attested by the one before, and a private half is destroyed when its time is over
(docs/adr/0017-attestations-outlive-their-keys.md).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import ECAlgorithm
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.attestation.errors import AttestationInvalid
from core.attestation.models import AttestationKey
from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.jose import thumbprint
from core.sealed import bound_to

ALGORITHM: Final = "ES256"
KEYS_PATH: Final = "/.well-known/attestation-keys.json"
SIGNS_FOR: Final = timedelta(days=365)
SUCCESSION: Final = "sitthi-key-succession+jwt"
ATTESTATION_BYTES_MAX: Final = 4 * 1024 * 1024
"""An answer about a batch of people is long; nothing that we sign is longer."""
_CACHE_SECONDS: Final = 30.0
_SIGNS_UNSEEN_SECONDS: Final = 100.0
"""Less than `_SETTLES`: what is signed with a key read so long ago still verifies."""
_SETTLES: Final = timedelta(minutes=2)
"""A process that does not know yet of the next key may sign with the former one so long after its end: readers allow
it, and its private half is kept for as long."""


class Attestor:
    """Signs and verifies. One per process; it opens its own transactions, as the keys belong to the machine.

    `issuer` is the address of this Sitthi, without a trailing slash: who says what is signed.
    """

    def __init__(self, db: Database, keys: KeyRing, clock: Clock, issuer: str) -> None:
        self._db, self._keys, self._clock, self._issuer = db, keys, clock, issuer
        self._rows: dict[str, AttestationKey] = {}
        self._verifying: dict[str, jwt.PyJWK] = {}
        self._private: dict[str, ec.EllipticCurvePrivateKey] = {}
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")

    async def sign(self, claims: Mapping[str, Any], *, typ: str) -> str:
        """A compact JWS over the claims, with `iss` and `iat` (seconds) added. `typ` names the kind, `sitthi-…+jwt`.

        Raises whatever the database raises when no key is known yet.
        """
        return self._signed(await self._current(), claims, typ)

    async def ready(self) -> None:
        """Has the current key at hand, so that :meth:`sign_now` can sign inside a transaction. Call it outside one."""
        if time.monotonic() - self._read_at > _CACHE_SECONDS / 2 or self._signs_now() is None:
            await self._current()
            await self._read()

    def sign_now(self, claims: Mapping[str, Any], *, typ: str) -> str:
        """As :meth:`sign`, without a look at the database. Within 100 seconds after :meth:`ready`, else RuntimeError:
        by then another process may have ended the key."""
        row = self._signs_now()
        if row is None or time.monotonic() - self._read_at > _SIGNS_UNSEEN_SECONDS:
            raise RuntimeError("Attestor.ready comes before a transaction that signs")
        return self._signed(row, claims, typ)

    async def verify(self, token: str, *, typ: str) -> dict[str, Any]:
        """The claims of what was signed here, at any time. Raises :class:`AttestationInvalid`."""
        try:
            if len(token) > ATTESTATION_BYTES_MAX or not token.isascii():
                raise AttestationInvalid
            header = jwt.get_unverified_header(token)
            kid = header.get("kid")
            if header.get("typ") != typ or header.get("alg") != ALGORITHM or not isinstance(kid, str):
                raise AttestationInvalid
            if kid not in self._rows:
                await self._read()
            row, key = self._rows.get(kid), self._verifying.get(kid)
            if row is None or key is None:
                raise AttestationInvalid
            options: Any = {
                "require": ["iat", "iss"],
                **dict.fromkeys(("verify_exp", "verify_iat", "verify_nbf", "verify_aud"), False),
            }
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=[ALGORITHM], issuer=self._issuer, options=options
            )
            at = datetime.fromtimestamp(claims["iat"], UTC)
        except (jwt.PyJWTError, TypeError, ValueError, OverflowError, OSError):
            raise AttestationInvalid from None
        if not _was_its_time(row, at):
            raise AttestationInvalid
        return claims

    async def public(self) -> dict[str, Any]:
        """The key set (RFC 7517) of all keys there ever were, the first first.

        Beside the members of RFC 7517 each has `signs_from`, `ended_at` (ISO 8601) and `succession` (the former key's
        JWS over the key, of type `sitthi-key-succession+jwt`), so that a copy of the set suffices to verify for ever.
        """
        await self._current()
        await self._read()
        rows = sorted(self._rows.values(), key=lambda row: (row.signs_from, row.ended_at is None))
        return {"keys": [_published(row) for row in rows]}

    async def renew(self) -> bool:
        """The job: makes the next key when the current one has signed for a year, and destroys private halves that
        sign no more. Answers whether there is a new one. Any process may call it, all of them do."""
        now, made = self._clock.now(), False
        async with self._db.write() as session:
            rows = await self._turn(session)
            current = next((row for row in rows if row.ended_at is None), None)
            if current is not None and current.signs_from + SIGNS_FOR <= now:
                await self._succeed(session, current)
                made = True
            for row in rows:
                if row.private_sealed is not None and row.ended_at is not None and row.ended_at + _SETTLES <= now:
                    row.private_sealed = None
        await self._read()
        return made

    async def rotate(self) -> str:
        """The next key, now; answers its id. For an operator who fears for the current one."""
        await self._current()
        async with self._db.write() as session:
            rows = await self._turn(session)
            made = await self._succeed(session, next(row for row in rows if row.ended_at is None))
        await self._read()
        return made

    def _signed(self, row: AttestationKey, claims: Mapping[str, Any], typ: str) -> str:
        now = int(self._clock.now().timestamp())
        return jwt.encode(
            {**claims, "iss": self._issuer, "iat": now},
            self._key_of(row),
            algorithm=ALGORITHM,
            headers={"kid": row.id, "typ": typ},
        )

    async def _current(self) -> AttestationKey:
        if time.monotonic() - self._read_at > _CACHE_SECONDS:
            await self._read()
        found = self._signs_now()
        if found is None:
            async with self._db.write() as session:
                if not any(row.ended_at is None for row in await self._turn(session)):
                    await self._insert(session, None)
            await self._read()
            found = self._signs_now()
        assert found is not None, "one was made"
        return found

    def _signs_now(self) -> AttestationKey | None:
        return next((row for row in self._rows.values() if row.ended_at is None), None)

    def _key_of(self, row: AttestationKey) -> ec.EllipticCurvePrivateKey:
        if row.id not in self._private:
            assert row.private_sealed is not None, "it signs"
            pem = self._keys.open(row.private_sealed, bound_to=bound_to(AttestationKey.private_sealed, row.id))
            key = load_pem_private_key(pem, password=None)
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            self._private[row.id] = key
        return self._private[row.id]

    async def _read(self) -> None:
        async with self._reading, self._db.read() as session:
            rows = (await session.scalars(select(AttestationKey))).all()
            self._rows = {row.id: row for row in rows}
            self._verifying = {row.id: jwt.PyJWK(row.public_jwk) for row in rows}
            self._private = {kid: key for kid, key in self._private.items() if self._rows[kid].ended_at is None}
            self._read_at = time.monotonic()

    async def _turn(self, session: AsyncSession) -> list[AttestationKey]:
        """All keys, held from others who change them until the transaction ends. Readers go on."""
        if not self._db.is_sqlite:  # there, a write session is alone anyway
            await session.execute(text("LOCK TABLE attestation_key IN SHARE ROW EXCLUSIVE MODE"))
        return list((await session.scalars(select(AttestationKey).order_by(col(AttestationKey.signs_from)))).all())

    async def _succeed(self, session: AsyncSession, current: AttestationKey) -> str:
        former = self._key_of(current)
        current.ended_at = self._clock.now()
        await session.flush()
        return await self._insert(session, (current.id, former))

    async def _insert(self, session: AsyncSession, former: tuple[str, ec.EllipticCurvePrivateKey] | None) -> str:
        key = ec.generate_private_key(ec.SECP256R1())
        jwk = json.loads(ECAlgorithm.to_jwk(key.public_key()))
        kid, now = thumbprint(jwk), self._clock.now()
        public = {**jwk, "kid": kid, "use": "sig", "key_ops": ["verify"], "alg": ALGORITHM}
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        succession = None
        if former is not None:
            claims = {"iss": self._issuer, "iat": int(now.timestamp()), "jwk": public}
            headers = {"kid": former[0], "typ": SUCCESSION}
            succession = jwt.encode(claims, former[1], algorithm=ALGORITHM, headers=headers)
        session.add(
            AttestationKey(
                id=kid,
                algorithm=ALGORITHM,
                private_sealed=self._keys.seal(pem, bound_to=bound_to(AttestationKey.private_sealed, kid)),
                public_jwk=public,
                signs_from=now,
                succession=succession,
            )
        )
        await session.flush()
        return kid


def _was_its_time(row: AttestationKey, at: datetime) -> bool:
    begins = row.signs_from.replace(microsecond=0)  # `iat` is in whole seconds
    return begins <= at and (row.ended_at is None or at < row.ended_at + _SETTLES)


def _published(row: AttestationKey) -> dict[str, Any]:
    return {
        **row.public_jwk,
        "signs_from": row.signs_from.isoformat(),
        "ended_at": row.ended_at.isoformat() if row.ended_at is not None else None,
        "succession": row.succession,
    }
