"""Browsers in which somebody is signed in."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.ids import new_id
from core.text import Text
from identity.provider.endings import Endings, EndReason
from identity.provider.models import SignInSession, TokenFamily

SESSION_SECONDS: Final = 8 * 3_600
TOUCH_AFTER: Final = timedelta(minutes=5)
_IS_LIVE: Final = (
    col(SignInSession.token_hash) == bindparam("with_hash"),
    col(SignInSession.ended_at).is_(None),
    col(SignInSession.expires_at) > bindparam("now"),
)
_FIND: Final = select(SignInSession).where(*_IS_LIVE)
_LOOK: Final = select(SignInSession.__table__).where(*_IS_LIVE)  # type: ignore[attr-defined]
_COLUMNS: Final = _LOOK.selected_columns.keys()


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
        passkey: UUID | None = None,
    ) -> str:
        """Enters a new session and answers its secret, a new one at each sign-in, so that none can be fixed before."""
        secret, key, now = secrets.token_urlsafe(32), new_id(), self._clock.now()
        session.add(
            SignInSession(
                person=person,
                id=key,
                token_hash=self._hash(secret),
                method=method,
                passkey=passkey,
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
            _FIND, {"with_hash": self._hash(secret), "now": self._clock.now()}
        )
        return found

    async def strengthen(
        self, session: AsyncSession, who: SignInSession, *, acr: str, amr: Sequence[str], for_request: str
    ) -> str | None:
        """The person has just proven anew who they are, in this session. Answers its new secret; the old is void.

        None when the session has ended meanwhile.
        """
        secret, now = secrets.token_urlsafe(32), self._clock.now()
        done = await session.execute(
            update(SignInSession)
            .where(
                col(SignInSession.person) == who.person,
                col(SignInSession.id) == who.id,
                col(SignInSession.ended_at).is_(None),
            )
            .values(
                token_hash=self._hash(secret),
                acr=acr,
                amr=list(amr),
                for_request=self.request_hash(for_request),
                authenticated_at=now,
                last_used_at=now,
            )
            .returning(col(SignInSession.id))
        )
        return secret if done.first() is not None else None

    async def touch(self, session: AsyncSession, who: SignInSession) -> None:
        """Notes that the session is in use; not more often than every few minutes (see `is_touched_lately`)."""
        await session.execute(
            update(SignInSession)
            .where(col(SignInSession.person) == who.person, col(SignInSession.id) == who.id)
            .values(last_used_at=self._clock.now())
        )

    def is_touched_lately(self, who: SignInSession) -> bool:
        return self._clock.now() - who.last_used_at < TOUCH_AFTER

    async def look(self, db: Database, secret: str | None) -> SignInSession | None:
        """As :meth:`find`, in a read of its own; what is found belongs to no session of the database."""
        if not secret or len(secret) > 100:
            return None
        found = await db.alone(_LOOK, {"with_hash": self._hash(secret), "now": self._clock.now()})
        return SignInSession(**dict(zip(_COLUMNS, found[0], strict=True))) if found else None

    def is_to_be_noted(self, who: SignInSession) -> bool:
        """Whether :meth:`answered` has something to write."""
        return bool(who.for_request) or not self.is_touched_lately(who)

    async def answered(self, session: AsyncSession, who: SignInSession) -> None:
        """The request that the person signed in for has its answer: when it comes again, it is asked about."""
        await session.execute(
            update(SignInSession)
            .where(col(SignInSession.person) == who.person, col(SignInSession.id) == who.id)
            .values(for_request=b"", last_used_at=self._clock.now())
        )

    async def end(self, session: AsyncSession, secret: str | None, reason: EndReason = EndReason.SIGNED_OUT) -> None:
        """Ends the session of a cookie, with every token that came of it."""
        if not secret or len(secret) > 100:
            return
        found = (
            await session.execute(
                select(col(SignInSession.person), col(SignInSession.id)).where(
                    col(SignInSession.token_hash) == self._hash(secret), col(SignInSession.ended_at).is_(None)
                )
            )
        ).first()
        if found is not None:
            await Endings(self._clock).end_session(session, found[0], found[1], reason)

    async def name_for_family(self, session: AsyncSession, person: UUID, family: UUID) -> Text | None:
        """The person's name, as the sign-in had it that a token family came from."""
        found = await session.execute(
            select(col(SignInSession.id), col(SignInSession.name_sealed))
            .join(
                TokenFamily,
                (col(TokenFamily.person) == col(SignInSession.person))
                & (col(TokenFamily.session) == col(SignInSession.id)),
            )
            .where(col(TokenFamily.person) == person, col(TokenFamily.id) == family)
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
