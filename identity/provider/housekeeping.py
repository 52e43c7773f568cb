"""Rows of the provider that nobody needs any more, deleted in batches a while after their end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, and_, delete, exists, not_, select, tuple_
from sqlalchemy.orm import aliased
from sqlmodel import col

from core.clock import Clock
from core.database import Database
from identity.provider.models import (
    AuthorizationCode,
    PushedRequest,
    RefreshToken,
    Revocation,
    SignInSession,
    TokenFamily,
)

KEPT_SHORT: Final = timedelta(days=1)
"""Codes, pushed requests and refresh tokens, after the end of what they could still tell."""
KEPT_LONG: Final = timedelta(days=30)
"""Token families, after their end: so long a person can be told what was done in their name, and why."""
SESSIONS_KEPT: Final = timedelta(days=90)
"""Sessions, after their end: so long the browsers they were in are known, and a sign-in from one is no news. The last
of a person stays, or a sign-in after years would pass for the first, of which nobody is told."""
REVOCATIONS_KEPT: Final = timedelta(hours=1)
"""Past the expiry of the last token they concern: for processes whose clocks differ."""
BATCH: Final = 500
"""Rows a transaction deletes: none holds the one writer of SQLite, or locks, for long."""

log = structlog.get_logger()


async def forget_ended(db: Database, clock: Clock, *, batch: int = BATCH) -> int:
    """Deletes what has ended; answers how many rows. May run in several processes at once, and be cut off anywhere.

    A used code and a used refresh token are kept as long as their family lives: they are how a theft is found out.
    """
    gone = 0
    for model, over in _over(clock):
        while deleted := await _delete(db, model, over, batch):
            gone += deleted
    if gone:
        log.info("forgot_ended_sign_ins", rows=gone)
    return gone


def _over(clock: Clock) -> Sequence[tuple[Any, ColumnElement[bool]]]:
    """By the indexed time of expiry, also of what was ended earlier: no row is looked at before it may go."""
    now = clock.now()
    short, long = now - KEPT_SHORT, now - KEPT_LONG
    tells_of_a_theft = exists(
        select(1)
        .select_from(TokenFamily)
        .where(
            col(TokenFamily.person) == col(AuthorizationCode.person),
            col(TokenFamily.id) == col(AuthorizationCode.family),
            col(TokenFamily.ended_at).is_(None),
            col(TokenFamily.expires_at) >= short,
        )
    )
    is_of_a_family = exists(select(1).select_from(TokenFamily).where(col(TokenFamily.session) == col(SignInSession.id)))
    later = aliased(SignInSession)
    is_the_last = not_(
        exists(
            select(1)
            .select_from(later)
            .where(col(later.person) == col(SignInSession.person), col(later.id) > col(SignInSession.id))
        )
    )
    unneeded = and_(not_(is_of_a_family), not_(is_the_last))
    return (
        (AuthorizationCode, and_(col(AuthorizationCode.expires_at) < short, not_(tells_of_a_theft))),
        (RefreshToken, col(RefreshToken.expires_at) < short),
        (PushedRequest, col(PushedRequest.expires_at) < short),
        (TokenFamily, col(TokenFamily.expires_at) < long),
        (SignInSession, and_(col(SignInSession.expires_at) < now - SESSIONS_KEPT, unneeded)),
        (Revocation, col(Revocation.until) < now - REVOCATIONS_KEPT),
    )


async def _delete(db: Database, model: Any, over: ColumnElement[bool], batch: int) -> int:
    keys = list(model.__table__.primary_key.columns)
    some = select(*keys).where(over).limit(batch)
    async with db.write() as session:
        rows = (await session.execute(some)).tuples().all()
        if rows:
            await session.execute(delete(model).where(tuple_(*keys).in_([tuple(row) for row in rows])))
    return len(rows)
