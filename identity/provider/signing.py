"""The keys that sign tokens, and their schedule (docs/adr/0010).

A key is published some time before it signs, because verifiers keep our key set; it signs for a while; then it is
published until no token of its can be alive. The schedule lies in the rows, made long before each instant, so that
every process switches by its clock and asks nobody. Keys are PyJWT's, pinned to ES256 (core/jose.py).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm
from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.database_faults import DatabaseUnavailable
from core.jose import thumbprint, usable_keys
from core.sealed import bound_to
from core.settings import Settings
from identity.provider.models import SigningKey

ALGORITHM: Final = "ES256"
TOKEN_SECONDS_MAX: Final = 30 * 86_400
"""No token may live longer: so long a key stays published after its last signature."""
FOLLOW_EVERY: Final = timedelta(seconds=1)
"""How long another process may not know that a key was withdrawn."""
_LEAVES_AFTER: Final = timedelta(seconds=TOKEN_SECONDS_MAX) + timedelta(hours=1)
"""The hour is for machines whose clocks differ."""
_CACHE_SECONDS: Final = 60.0
"""How long a process that does not follow may not know of a new key; it learns of one that signed when it meets it."""
_UNKNOWN_KEY_SECONDS: Final = 2.0
"""Least time between two looks for unknown keys, or every forged token would be a query."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long a key is published `ahead` of its first signature, and how long it `signs`."""

    ahead: timedelta = timedelta(hours=24)
    signs: timedelta = timedelta(days=30)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(timedelta(hours=settings.signing_key_ahead_hours), timedelta(days=settings.signing_key_days))


@dataclass(frozen=True, slots=True)
class Signer:
    kid: str
    key: ec.EllipticCurvePrivateKey

    def sign(self, claims: dict[str, Any], *, typ: str) -> str:
        """`exp` is at most `TOKEN_SECONDS_MAX` ahead, or the key may be gone before it."""
        return jwt.encode(claims, self.key, algorithm=ALGORITHM, headers={"kid": self.kid, "typ": typ})


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key and its instants. It signs from `signs_at`, included, until `retired_at`, excluded."""

    kid: str
    published_at: datetime
    signs_at: datetime
    retired_at: datetime | None
    withdrawn_at: datetime | None

    @classmethod
    def of(cls, row: SigningKey) -> Self:
        return cls(row.id, row.created_at, row.signs_at or row.created_at, row.retired_at, row.withdrawn_at)

    @property
    def is_last(self) -> bool:
        """Nothing comes after it yet."""
        return self.retired_at is None and self.withdrawn_at is None

    def signs(self, now: datetime) -> bool:
        ended = self.withdrawn_at is not None or (self.retired_at is not None and self.retired_at <= now)
        return self.signs_at <= now and not ended

    def verifies(self, now: datetime) -> bool:
        return self.withdrawn_at is None and not self.is_past(now)

    def is_past(self, now: datetime) -> bool:
        """No token of its can be alive."""
        return self.retired_at is not None and self.retired_at + _LEAVES_AFTER <= now


class SigningKeys:
    """Keys of the provider, remembered by the process. The first is made when it is first needed, by one process.

    It opens its own transactions: a key belongs to the machine, not to the request that happened to need it.
    """

    def __init__(self, db: Database, keys: KeyRing, clock: Clock, schedule: Schedule | None = None) -> None:
        self._db, self._keys, self._clock, self._schedule = db, keys, clock, schedule or Schedule()
        self._states: dict[str, KeyState] = {}
        self._rows: dict[str, SigningKey] = {}
        self._signers: dict[str, Signer] = {}
        self._verifying: dict[str, jwt.PyJWK] = {}
        self._withdrawn: set[str] = set()
        self.version = 0
        """Grows when a key is withdrawn: whoever remembers verified tokens verifies them anew."""
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")
        self._looked_at = float("-inf")

    async def signer(self) -> Signer:
        """The key that signs now."""
        if self._age > _CACHE_SECONDS:
            await self._read()
        if (signer := self._signer_now()) is None:
            await self._read()
            if (signer := self._signer_now()) is None:
                await self._make_one_sign()
                await self._read(after_a_change=True)
                signer = self._signer_now()
        assert signer is not None, "one was made to sign"
        return signer

    async def public(self) -> dict[str, Any]:
        """The key set (RFC 7517) for those who verify: the key that signs, the next, and those with tokens alive."""
        await self.signer()
        now = self._clock.now()
        return {"keys": [self._rows[kid].public_jwk for kid, state in self._states.items() if state.verifies(now)]}

    async def verifying(self, kid: str) -> jwt.PyJWK | None:
        """The key by which a token with that `kid` is verified; None if there is none to believe."""
        if kid not in self._states:
            await self._look()
        return self._verifying[kid] if self.believes(kid) else None

    def believes(self, kid: str) -> bool:
        """Whether tokens under that key are verified now, as far as this process knows; asks nobody."""
        state = self._states.get(kid)
        return state is not None and kid in self._verifying and state.verifies(self._clock.now())

    async def all(self) -> Sequence[KeyState]:
        """Every key, in the order in which they sign."""
        await self._read(after_a_change=True)
        return sorted(self._states.values(), key=lambda state: (state.signs_at, state.published_at))

    async def follow(self) -> None:
        """The job: learns what other processes did, and does what the schedule says is due.

        Any process may do it, all of them do. A database that is away is asked again next time.
        """
        try:
            await self._read()
            if self._is_due(list(self._states.values())):
                await self._tend()
                await self._read(after_a_change=True)
        except DatabaseUnavailable:
            return
        if (last := self._last(self._states.values())) is not None:
            self._signer_of(last.kid)  # a key that does not open is better known before it is to sign

    async def rotate(self) -> KeyState:
        """Publishes the next key now, to sign as soon as verifiers may know it; answers it. Twice is once."""
        async with self._db.write() as session:
            states = await self._turn(session)
            last = self._last(states)
            if last is None:
                await self._insert(session, self._clock.now())
            elif last.signs_at > self._clock.now():
                soonest = max(last.published_at + self._schedule.ahead, self._clock.now())
                await self._switch(session, states, last, min(soonest, last.signs_at))
            else:
                await self._succeed(session, last, self._clock.now() + self._schedule.ahead)
        return await self._latest()

    async def withdraw(self) -> KeyState:
        """After a compromise: no key there is is believed any more, and a new one signs at once; answers it."""
        now = self._clock.now()
        async with self._db.write() as session:
            await self._turn(session)
            await session.execute(
                update(SigningKey).where(col(SigningKey.withdrawn_at).is_(None)).values(withdrawn_at=now)
            )
            await session.execute(update(SigningKey).where(col(SigningKey.retired_at).is_(None)).values(retired_at=now))
            await self._insert(session, now)
        return await self._latest()

    async def _look(self) -> None:
        """For a key that may be new: however lately the job read, the first who meets it asks, and the others wait."""
        if time.monotonic() - self._looked_at > _UNKNOWN_KEY_SECONDS:
            self._looked_at = time.monotonic()
            await self._read()
        elif self._reading.locked():
            await self._read()

    async def _latest(self) -> KeyState:
        return next(state for state in await self.all() if state.is_last)

    @property
    def _age(self) -> float:
        return time.monotonic() - self._read_at

    async def _read(self, *, after_a_change: bool = False) -> None:
        """Of many at once one asks, and the others take what it learns, unless it began before a change of theirs."""
        last_read = self._read_at
        async with self._reading:
            if self._read_at != last_read and not after_a_change:
                return
            began = time.monotonic()
            async with self._db.read() as session:
                rows = (await session.scalars(select(SigningKey).order_by(col(SigningKey.created_at)))).all()
            self._states = {row.id: KeyState.of(row) for row in rows}
            self._rows = {row.id: row for row in rows}
            withdrawn = {row.id for row in rows if row.withdrawn_at is not None}
            if withdrawn - self._withdrawn:
                self.version += 1
            self._withdrawn |= withdrawn
            if set(self._verifying) != set(self._rows):
                self._verifying = usable_keys({"keys": [row.public_jwk for row in rows]}, (ALGORITHM,))
                self._signers = {kid: one for kid, one in self._signers.items() if kid in self._rows}
            self._read_at = began

    def _signer_now(self) -> Signer | None:
        now = self._clock.now()
        return next((self._signer_of(kid) for kid, state in self._states.items() if state.signs(now)), None)

    def _signer_of(self, kid: str) -> Signer:
        if kid not in self._signers:
            sealed = self._rows[kid].private_sealed
            pem = self._keys.open(sealed, bound_to=bound_to(SigningKey.private_sealed, kid))
            key = load_pem_private_key(pem, password=None)
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            self._signers[kid] = Signer(kid, key)
        return self._signers[kid]

    def _is_due(self, states: Sequence[KeyState]) -> bool:
        now, last = self._clock.now(), self._last(states)
        return (last is not None and self._succession_due(last)) or any(state.is_past(now) for state in states)

    def _succession_due(self, last: KeyState) -> bool:
        return last.signs_at + self._schedule.signs - self._schedule.ahead <= self._clock.now()

    async def _tend(self) -> None:
        """What is due, looked at again when it is our turn: another process may have done it."""
        async with self._db.write() as session:
            states, now = await self._turn(session), self._clock.now()
            last = self._last(states)
            if last is not None and self._succession_due(last):
                signs_at = max(last.signs_at + self._schedule.signs, now + self._schedule.ahead)
                await self._succeed(session, last, signs_at)
            past = [state.kid for state in states if state.is_past(now)]
            await session.execute(delete(SigningKey).where(col(SigningKey.id).in_(past)))

    async def _make_one_sign(self) -> None:
        """The first key, or, where none signs although one is published, that one."""
        async with self._db.write() as session:
            states, now = await self._turn(session), self._clock.now()
            last = self._last(states)
            if last is None:
                await self._insert(session, now)
            elif not any(state.signs(now) for state in states):
                await self._switch(session, states, last, now)

    async def _turn(self, session: AsyncSession) -> Sequence[KeyState]:
        """All keys, held from others who change the schedule until the transaction ends. Readers go on."""
        if not self._db.is_sqlite:  # there, a write session is alone anyway
            await session.execute(text("LOCK TABLE signing_key IN SHARE ROW EXCLUSIVE MODE"))
        return [KeyState.of(row) for row in await session.scalars(select(SigningKey))]

    @staticmethod
    def _last(states: Iterable[KeyState]) -> KeyState | None:
        return next((state for state in states if state.is_last), None)

    async def _succeed(self, session: AsyncSession, last: KeyState, at: datetime) -> None:
        """Ends the last key at that instant and publishes its successor, which signs from then on."""
        await session.execute(update(SigningKey).where(col(SigningKey.id) == last.kid).values(retired_at=at))
        await self._insert(session, at)

    async def _switch(self, session: AsyncSession, states: Sequence[KeyState], last: KeyState, at: datetime) -> None:
        """Moves the instant at which the published key takes over."""
        before = [state.kid for state in states if state.retired_at == last.signs_at and state.withdrawn_at is None]
        await session.execute(update(SigningKey).where(col(SigningKey.id).in_(before)).values(retired_at=at))
        await session.execute(update(SigningKey).where(col(SigningKey.id) == last.kid).values(signs_at=at))

    async def _insert(self, session: AsyncSession, signs_at: datetime) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        jwk = json.loads(ECAlgorithm.to_jwk(key.public_key()))
        kid = thumbprint(jwk)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        session.add(
            SigningKey(
                id=kid,
                algorithm=ALGORITHM,
                private_sealed=self._keys.seal(pem, bound_to=bound_to(SigningKey.private_sealed, kid)),
                public_jwk={**jwk, "kid": kid, "use": "sig", "alg": ALGORITHM},
                created_at=self._clock.now(),
                signs_at=signs_at,
            )
        )
        await session.flush()
