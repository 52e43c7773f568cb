"""Ending what was granted: token families, the tokens of a session, a client, a delegation, or one access token.

Each is a statement in the caller's transaction. Once it is committed, refresh tokens are refused at once, and access
tokens in every process within a second (identity/provider/revocations.py; docs/adr/0012).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlmodel import col

from core.clock import Clock
from identity.notices.devices import forget_devices
from identity.provider.models import Client, Revocation, SignInSession, TokenFamily

ACCESS_TOKEN_SECONDS_MAX: Final = 8 * 3_600
"""No access token lives longer, whatever its client's row says: a working day. A revocation need not be kept longer."""
OTHERS_TOKEN_SECONDS_MAX: Final = 24 * 3_600
"""Nor does an access token of another issuer that we believe (identity/trusted)."""
_SLACK: Final = timedelta(minutes=1)
"""For a token that another process makes in the very moment in which its family ends, by a clock ahead of ours."""
_CLIENTS: Final = UUID("5f2f2a6e-6f0b-5d0e-9a51-1d3c1f3b8f52")
_BATCH: Final = 500


class EndReason(StrEnum):
    """Why a family ended; kept with it."""

    REVOKED = "REVOKED"
    SIGNED_OUT = "SIGNED_OUT"
    SESSION_ENDED = "SESSION_ENDED"
    CODE_REPLAYED = "CODE_REPLAYED"
    REFRESH_REUSED = "REFRESH_REUSED"
    DELEGATION_ENDED = "DELEGATION_ENDED"
    CLIENT_ENDED = "CLIENT_ENDED"


@lru_cache(maxsize=1_024)
def client_mark(client: str) -> UUID:
    """The id under which all tokens of a client are revoked: one row, however many tokens there are."""
    return uuid5(_CLIENTS, client)


class Endings:
    """For whoever ends something, inside their own transaction; `session` is a write session.

    Ending what has ended already does nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def end_family(self, session: AsyncSession, person: UUID, family: UUID, reason: EndReason) -> None:
        """Ends one token family, and what the person did under a delegation from the same sign-in and client."""
        now = self._clock.now()
        await session.run_sync(lambda sync: end_family(sync, now, person, family, reason))

    async def end_session(self, session: AsyncSession, person: UUID, sign_in: UUID, reason: EndReason) -> bool:
        """Ends a browser session of the person and every family that began in it. False when it is not theirs, or over.

        Families of a session that is over already are ended all the same.
        """
        now = self._clock.now()
        return await session.run_sync(lambda sync: end_session(sync, now, person, sign_in, reason))

    async def end_sessions(
        self, session: AsyncSession, person: UUID, reason: EndReason, *, but: UUID | None = None
    ) -> Sequence[UUID]:
        """Ends every session of the person, except `but`, with their families, and families without a session.

        Answers the sessions that it ended.
        """
        now = self._clock.now()
        return await session.run_sync(lambda sync: _end_sessions(sync, now, person, reason, but))

    async def end_client(self, session: AsyncSession, client: str) -> bool:
        """Ends a client: it gets nothing, and none of its tokens works. False when there is no such live client."""
        now = self._clock.now()
        return await session.run_sync(lambda sync: _end_client(sync, now, client))

    async def end_delegation(self, session: AsyncSession, person: UUID, delegation: UUID) -> None:
        """Ends all that was granted under a delegation; `person` is who is acted for. The delegation is its room's."""
        now = self._clock.now()
        concerned = and_(col(TokenFamily.person) == person, col(TokenFamily.delegation) == delegation)
        await session.run_sync(lambda sync: _end_families(sync, now, EndReason.DELEGATION_ENDED, concerned))

    async def part_from_number(self, session: AsyncSession, person: UUID) -> None:
        """What tokens of other issuers lead to the person is asked anew: the number they name may be another's now.

        Only a corrected national ID needs it; the tokens themselves are not ours to end.
        """
        now = self._clock.now()
        until = now + timedelta(seconds=OTHERS_TOKEN_SECONDS_MAX) + _SLACK
        await session.run_sync(lambda sync: _write(sync, [{"id": person, "at": now, "until": until}]))

    async def end_of_client_and_person(
        self, session: AsyncSession, person: UUID, client: str, reason: EndReason
    ) -> None:
        """Ends what a person granted to one client: an app they remove, the command of an officer who leaves."""
        now = self._clock.now()
        concerned = and_(
            or_(col(TokenFamily.person) == person, col(TokenFamily.actor) == person), col(TokenFamily.client) == client
        )
        await session.run_sync(lambda sync: _end_families(sync, now, reason, concerned))


def end_family(session: Session, now: datetime, person: UUID, family: UUID, reason: EndReason) -> None:
    """As :meth:`Endings.end_family`, for the synchronous grants."""
    # Held first: what an exchange under way enters beside it is there to be found once that is over.
    row = session.get(TokenFamily, (person, family), with_for_update=True, populate_existing=True)
    if row is None:
        return
    concerned = and_(col(TokenFamily.person) == person, col(TokenFamily.id) == family)
    if row.session is not None:
        acted = and_(
            col(TokenFamily.session) == row.session,
            col(TokenFamily.client) == row.client,
            col(TokenFamily.actor) == person,
        )
        concerned = or_(concerned, acted)
    _end_families(session, now, reason, concerned)


def end_session(session: Session, now: datetime, person: UUID, sign_in: UUID, reason: EndReason) -> bool:
    """As :meth:`Endings.end_session`, for the synchronous grants."""
    ended = session.execute(
        update(SignInSession)
        .where(
            col(SignInSession.person) == person, col(SignInSession.id) == sign_in, col(SignInSession.ended_at).is_(None)
        )
        .values(ended_at=now)
        .returning(col(SignInSession.id))
        .execution_options(synchronize_session=False)
    ).first()
    theirs = or_(col(TokenFamily.person) == person, col(TokenFamily.actor) == person)
    _end_families(session, now, reason, and_(col(TokenFamily.session) == sign_in, theirs))
    return ended is not None


def revoke_token(session: Session, now: datetime, token: UUID, expires_at: datetime) -> None:
    """One access token, by its `jti`."""
    _write(session, [{"id": token, "at": now, "until": expires_at + _SLACK}])


def _end_sessions(session: Session, now: datetime, person: UUID, reason: EndReason, but: UUID | None) -> Sequence[UUID]:
    spared = () if but is None else (col(SignInSession.id) != but,)
    ended = session.scalars(
        update(SignInSession)
        .where(col(SignInSession.person) == person, col(SignInSession.ended_at).is_(None), *spared)
        .values(ended_at=now)
        .returning(col(SignInSession.id))
        .execution_options(synchronize_session=False)
    ).all()
    theirs = or_(col(TokenFamily.person) == person, col(TokenFamily.actor) == person)
    # Whoever acts for the person began in a session of their own, which is not the person's to end.
    begun_by_them = or_(col(TokenFamily.actor).is_(None), col(TokenFamily.actor) == person)
    concerned = and_(theirs, begun_by_them)
    if but is not None:
        concerned = and_(concerned, or_(col(TokenFamily.session).is_(None), col(TokenFamily.session) != but))
    _end_families(session, now, reason, concerned)
    return ended


def _end_client(session: Session, now: datetime, client: str) -> bool:
    ended = session.execute(
        update(Client)
        .where(col(Client.id) == client, col(Client.ended_at).is_(None))
        .values(ended_at=now, updated_at=now)
        .returning(col(Client.id))
        .execution_options(synchronize_session=False)
    ).first()
    session.execute(
        update(TokenFamily)
        .where(col(TokenFamily.client) == client, col(TokenFamily.ended_at).is_(None))
        .values(ended_at=now, end_reason=EndReason.CLIENT_ENDED.value)
        .execution_options(synchronize_session=False)
    )
    forget_devices(session, select(col(TokenFamily.id)).where(col(TokenFamily.client) == client), now)
    until = now + timedelta(seconds=ACCESS_TOKEN_SECONDS_MAX) + _SLACK
    if ended is not None:
        _write(session, [{"id": client_mark(client), "at": now, "until": until}])
    return ended is not None


def _end_families(session: Session, now: datetime, reason: EndReason, concerned: ColumnElement[bool]) -> None:
    rows = session.execute(
        update(TokenFamily)
        .where(concerned, col(TokenFamily.ended_at).is_(None))
        .values(ended_at=now, end_reason=reason.value)
        .returning(col(TokenFamily.id), col(TokenFamily.expires_at))
        .execution_options(synchronize_session=False)
    ).all()
    latest = now + timedelta(seconds=ACCESS_TOKEN_SECONDS_MAX)
    written = [{"id": id_, "at": now, "until": min(latest, expires_at) + _SLACK} for id_, expires_at in rows]
    for start in range(0, len(written), _BATCH):
        some = written[start : start + _BATCH]
        _write(session, some)
        forget_devices(session, [one["id"] for one in some], now)


def _write(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """What is there already may be over, and not yet forgotten: it is dated anew."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    insert = dialect.insert(Revocation).values(list(rows))
    anew = {"at": insert.excluded.at, "until": insert.excluded.until}
    session.execute(insert.on_conflict_do_update(index_elements=["id"], set_=anew))


def live_session(session: Session, person: UUID, sign_in: UUID) -> bool:
    """Whether the browser session was not ended; it cannot be until this transaction is over.

    That it has expired does not matter: it kept a browser signed in, not a program.
    """
    found = session.execute(
        select(col(SignInSession.ended_at))
        .where(col(SignInSession.person) == person, col(SignInSession.id) == sign_in)
        .with_for_update(read=True)
    ).first()
    return found is not None and found[0] is None
