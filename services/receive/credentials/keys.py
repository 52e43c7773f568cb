"""The keys by which agencies' credentials are signed, and who is believed: the issuers of this Sitthi.

The host signs for an agency; each has keys of its own, so that one agency's can be ended without another's.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.attestation.service import Attestor
from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.sealed import bound_to
from core.text import Text
from services.receive.credentials import jws
from services.receive.credentials.errors import CredentialRefused, Why
from services.receive.credentials.jws import SigningKey
from services.receive.credentials.models import CredentialKey

ISSUERS: Final = "/issuers/"
TRUST_LIST: Final = "sitthi-trust-list+jwt"
SIGNS_FOR: Final = timedelta(days=365)
_CACHE_SECONDS: Final = 30.0
_SETTLES: Final = timedelta(days=1, minutes=2)
"""A credential's `iat` is the beginning of its day, and another process may sign two minutes after a key's end."""


class IssuerKeys:
    """One per process; opens its own transactions. A :class:`~.verifying.Trust` over the issuers of this Sitthi."""

    def __init__(self, db: Database, keys: KeyRing, clock: Clock, issuer: str) -> None:
        self._db, self._keys, self._clock = db, keys, clock
        self.base = issuer + ISSUERS
        self._rows: dict[str, CredentialKey] = {}
        self._public: dict[str, ec.EllipticCurvePublicKey] = {}
        self._private: dict[str, SigningKey] = {}
        self._read_at = float("-inf")

    def issuer_of(self, agency: str) -> str:
        """The identifier (`iss`) of an agency's credentials, and its address as a Credential Issuer."""
        return self.base + agency

    async def signing(self, agency: str) -> SigningKey:
        """The key by which the agency's credentials are signed now; made when there is none, or it signed for a year.
        To be called in no transaction."""
        await self._follow()
        found = self._current(agency)
        if found is None or found.signs_from + SIGNS_FOR <= self._clock.now():
            async with self._db.write() as session:
                await self._renew(session, agency)
            await self.read()
            found = self._current(agency)
        assert found is not None, "one was made"
        return self._opened(found)

    async def follow(self) -> None:
        """Has the keys at hand that were made elsewhere; before :meth:`key`."""
        await self._follow()

    def key(self, issuer: str, kid: str | None, at: datetime | None) -> ec.EllipticCurvePublicKey:
        agency = issuer.removeprefix(self.base)
        if not issuer.startswith(self.base) or all(row.agency != agency for row in self._rows.values()):
            raise CredentialRefused(Why.ISSUER_UNKNOWN)
        row = self._rows.get(kid or "")
        if row is None or row.agency != agency or at is None or not was_its_time(row.signs_from, row.ended_at, at):
            raise CredentialRefused(Why.KEY_UNKNOWN)
        return self._public[row.id]

    async def jwks(self, agency: str) -> dict[str, Any] | None:
        """The agency's public keys (RFC 7517), all there ever were; None for one that issues nothing."""
        await self._follow()
        rows = sorted((row for row in self._rows.values() if row.agency == agency), key=lambda row: row.signs_from)
        return {"keys": [row.public_jwk for row in rows]} if rows else None

    async def agencies(self) -> list[str]:
        """Those that ever issued."""
        await self._follow()
        return sorted({row.agency for row in self._rows.values()})

    async def trust_list(self, attestor: Attestor, titles: Mapping[str, Text]) -> str:
        """All issuers and their keys, with the span in which each signs, signed by the keys that attest (ADR 17).

        `version` grows with every key that is made or ended.
        """
        known = await self.known(titles)
        rows = self._rows.values()
        version = len(rows) + sum(row.ended_at is not None for row in rows)
        return await attestor.sign({"version": version, "issuers": known}, typ=TRUST_LIST)

    async def known(self, titles: Mapping[str, Text]) -> list[dict[str, Any]]:
        """All issuers and their keys, as lists for verifiers tell of them."""
        await self._follow()
        rows = sorted(self._rows.values(), key=lambda row: (row.agency, row.signs_from))
        issuers: dict[str, dict[str, Any]] = {}
        for row in rows:
            title = titles.get(row.agency)
            one = issuers.setdefault(
                row.agency,
                {
                    "issuer": self.issuer_of(row.agency),
                    "agency": row.agency,
                    "title": {} if title is None else {"th": title.th, "en": title.en},
                    "keys": [],
                },
            )
            ended = None if row.ended_at is None else row.ended_at.isoformat()
            one["keys"].append({**row.public_jwk, "signs_from": row.signs_from.isoformat(), "ended_at": ended})
        return list(issuers.values())

    async def read(self) -> None:
        async with self._db.read() as session:
            rows = (await session.scalars(select(CredentialKey))).all()
        self._rows = {row.id: row for row in rows}
        self._public = {row.id: jws.public_key(row.public_jwk) for row in rows}
        self._private = {kid: key for kid, key in self._private.items() if self._rows[kid].ended_at is None}
        self._read_at = time.monotonic()

    async def _follow(self) -> None:
        if time.monotonic() - self._read_at > _CACHE_SECONDS:
            await self.read()

    def _current(self, agency: str) -> CredentialKey | None:
        return next((row for row in self._rows.values() if row.agency == agency and row.ended_at is None), None)

    def _opened(self, row: CredentialKey) -> SigningKey:
        if row.id not in self._private:
            assert row.private_sealed is not None, "it signs"
            pem = self._keys.open(row.private_sealed, bound_to=bound_to(CredentialKey.private_sealed, row.id))
            key = load_pem_private_key(pem, password=None)
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            self._private[row.id] = SigningKey(row.id, key)
        return self._private[row.id]

    async def _renew(self, session: AsyncSession, agency: str) -> None:
        """Of two processes at once, one makes the next key: an agency has one that has no end."""
        now = self._clock.now()
        query = select(CredentialKey).where(col(CredentialKey.agency) == agency, col(CredentialKey.ended_at).is_(None))
        current = (await session.scalars(query.with_for_update())).first()
        if current is not None:
            if current.signs_from + SIGNS_FOR > now:
                return
            current.ended_at, current.private_sealed = now, None
            await session.flush()
        made = SigningKey.fresh()
        pem = made.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        insert = dialect.insert(CredentialKey).values(
            id=made.kid,
            agency=agency,
            private_sealed=self._keys.seal(pem, bound_to=bound_to(CredentialKey.private_sealed, made.kid)),
            public_jwk=made.public_jwk(),
            signs_from=now,
        )
        await session.execute(insert.on_conflict_do_nothing())


def was_its_time(signs_from: datetime, ended_at: datetime | None, at: datetime) -> bool:
    """Whether a key that signed in that span may have signed what says `at` of its time."""
    begins = signs_from.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return begins <= at and (ended_at is None or at < ended_at + _SETTLES)
