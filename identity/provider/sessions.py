"""Browsers in which somebody is signed in."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.crypto import KeyRing
from core.ids import new_id
from core.text import Text
from identity.provider.models import AuthorizationCode, SignInSession

SESSION_SECONDS: Final = 8 * 3_600
TOUCH_AFTER: Final = timedelta(minutes=5)


class SessionNames:
    """The name of a signed-in person, as stored in the row of the session."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def seal(self, name: Text, session: UUID) -> bytes:
        plain = json.dumps({"th": name.th, "en": name.en}, ensure_ascii=False).encode()
        return self._keys.seal(plain, bound_to=_binding(session))

    def open(self, sealed: bytes, session: UUID) -> Text:
        return Text(**json.loads(self._keys.open(sealed, bound_to=_binding(session))))


class SignInSessions:
    """The repository of sessions. `secret` is what the browser's cookie holds."""

    def __init__(self, keys: KeyRing, clock: Clock) -> None:
        self._clock = clock
        self._keys = keys
        self._names = SessionNames(keys)

    async def begin(
        self,
        session: AsyncSession,
        person: UUID,
        *,
        method: str,
        acr: str,
        amr: Sequence[str],
        name: Text,
        device: str,
        for_request: str,
        device_hash: bytes | None = None,
        assisted_by: UUID | None = None,
    ) -> str:
        """Enters a new session and answers its secret, a new one at each sign-in, so that none can be fixed before."""
        secret, key, now = secrets.token_urlsafe(32), new_id(), self._clock.now()
        session.add(
            SignInSession(
                person=person,
                id=key,
                token_hash=self._hash(secret),
                method=method,
                acr=acr,
                amr=list(amr),
                name_sealed=self._names.seal(name, key),
                for_request=self.request_hash(for_request),
                device=device,
                device_hash=device_hash,
                assisted_by=assisted_by,
                signed_in_at=now,
                authenticated_at=now,
                last_used_at=now,
                expires_at=now + timedelta(seconds=SESSION_SECONDS),
            )
        )
        await session.flush()
        return secret

    async def find(self, session: AsyncSession, secret: str | None) -> SignInSession | None:
        """The session of a cookie, while it lasts."""
        if not secret or len(secret) > 100:
            return None
        found: SignInSession | None = await session.scalar(
            select(SignInSession).where(
                col(SignInSession.token_hash) == self._hash(secret),
                col(SignInSession.ended_at).is_(None),
                col(SignInSession.expires_at) > self._clock.now(),
            )
        )
        return found

    async def strengthen(
        self, session: AsyncSession, who: SignInSession, *, acr: str, amr: Sequence[str], for_request: str
    ) -> str:
        """The person has just proven anew who they are, in this session. Answers its new secret; the old is void."""
        secret, now = secrets.token_urlsafe(32), self._clock.now()
        await session.execute(
            update(SignInSession)
            .where(col(SignInSession.person) == who.person, col(SignInSession.id) == who.id)
            .values(
                token_hash=self._hash(secret),
                acr=acr,
                amr=list(amr),
                for_request=self.request_hash(for_request),
                authenticated_at=now,
                last_used_at=now,
            )
        )
        return secret

    async def touch(self, session: AsyncSession, who: SignInSession) -> None:
        """Notes that the session is in use; not more often than every few minutes (see `is_touched_lately`)."""
        await session.execute(
            update(SignInSession)
            .where(col(SignInSession.person) == who.person, col(SignInSession.id) == who.id)
            .values(last_used_at=self._clock.now())
        )

    def is_touched_lately(self, who: SignInSession) -> bool:
        return self._clock.now() - who.last_used_at < TOUCH_AFTER

    async def answered(self, session: AsyncSession, who: SignInSession) -> None:
        """The request that the person signed in for has its answer: when it comes again, it is asked about."""
        await session.execute(
            update(SignInSession)
            .where(col(SignInSession.person) == who.person, col(SignInSession.id) == who.id)
            .values(for_request=b"", last_used_at=self._clock.now())
        )

    async def end(self, session: AsyncSession, secret: str | None) -> None:
        if secret and len(secret) <= 100:
            await session.execute(
                update(SignInSession)
                .where(col(SignInSession.token_hash) == self._hash(secret), col(SignInSession.ended_at).is_(None))
                .values(ended_at=self._clock.now())
            )

    async def name_for_token(self, session: AsyncSession, token: UUID) -> Text | None:
        """The name that belongs to the sign-in an access token came from."""
        found = await session.execute(
            select(col(SignInSession.id), col(SignInSession.name_sealed))
            .join(
                AuthorizationCode,
                (col(AuthorizationCode.person) == col(SignInSession.person))
                & (col(AuthorizationCode.session) == col(SignInSession.id)),
            )
            .where(col(AuthorizationCode.family) == token)
        )
        row = found.tuples().first()
        return None if row is None else self._names.open(row[1], row[0])

    def request_hash(self, request: str) -> bytes:
        """Keyed, because a request holds its client's `state`."""
        return self._keys.blind_index(request, domain="sign-in-request")

    def _hash(self, secret: str) -> bytes:
        return self._keys.blind_index(secret, domain="sign-in-session")


def _binding(session: UUID) -> str:
    return f"sign_in_session.name:{session.hex}"
