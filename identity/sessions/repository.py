"""Reading where a person is signed in. The person comes first: nobody reads another's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from identity.provider.models import Client, SignInSession, TokenFamily

Apps: TypeAlias = Mapping[UUID, Sequence[tuple[TokenFamily, Client]]]
"""What programs hold tokens, by the session they began in."""


class WhereSignedIn:
    def __init__(self, session: AsyncSession, person: UUID) -> None:
        self._session, self._person = session, person

    async def sessions(self, now: datetime) -> Sequence[SignInSession]:
        """Those that last, and those that have run out while apps still hold tokens of them; the latest used first."""
        held = select(col(TokenFamily.session)).where(*self._live(now))
        query = select(SignInSession).where(
            col(SignInSession.person) == self._person,
            col(SignInSession.ended_at).is_(None),
            or_(col(SignInSession.expires_at) > now, col(SignInSession.id).in_(held)),
        )
        order = (col(SignInSession.last_used_at).desc(), col(SignInSession.id).desc())
        return (await self._session.scalars(query.order_by(*order))).all()

    async def own(self, keys: Collection[UUID]) -> Sequence[SignInSession]:
        """Also those that have ended."""
        return (
            await self._session.scalars(
                select(SignInSession).where(
                    col(SignInSession.person) == self._person, col(SignInSession.id).in_(list(keys))
                )
            )
        ).all()

    async def apps(self, now: datetime) -> Sequence[tuple[TokenFamily, Client]]:
        """Token families that work, of the person themselves, with the programs that hold them; the latest first."""
        found = await self._session.execute(
            select(TokenFamily, Client)
            .join(Client, col(Client.id) == col(TokenFamily.client))
            .where(*self._live(now), col(Client.ended_at).is_(None))
            .order_by(col(TokenFamily.id).desc())
        )
        return found.tuples().all()

    async def session_of_family(self, family: UUID) -> UUID | None:
        """The session that a token of the person, or of who acts for them, came from."""
        found: UUID | None = await self._session.scalar(
            select(col(TokenFamily.session)).where(
                col(TokenFamily.person) == self._person, col(TokenFamily.id) == family
            )
        )
        return found

    async def was_ever_signed_in(self) -> bool:
        query = select(col(SignInSession.id)).where(col(SignInSession.person) == self._person).limit(1)
        return await self._session.scalar(query) is not None

    async def knows_device(self, device_hash: bytes, since: datetime) -> bool:
        """Whether the person was signed in on that device since then."""
        query = select(col(SignInSession.id)).where(
            col(SignInSession.person) == self._person,
            col(SignInSession.device_hash) == device_hash,
            col(SignInSession.last_used_at) >= since,
        )
        return await self._session.scalar(query.limit(1)) is not None

    async def latest_vouched(self, methods: Collection[str]) -> SignInSession | None:
        """The last session that began in one of these ways."""
        query = select(SignInSession).where(
            col(SignInSession.person) == self._person, col(SignInSession.method).in_(list(methods))
        )
        found: SignInSession | None = await self._session.scalar(
            query.order_by(col(SignInSession.signed_in_at).desc(), col(SignInSession.id).desc()).limit(1)
        )
        return found

    def _live(self, now: datetime) -> tuple[ColumnElement[bool], ...]:
        return (
            col(TokenFamily.person) == self._person,
            col(TokenFamily.ended_at).is_(None),
            col(TokenFamily.expires_at) > now,
            # What was granted to somebody who acts for the person is ended with the delegation.
            col(TokenFamily.actor).is_(None),
        )


def by_session(apps: Sequence[tuple[TokenFamily, Client]]) -> Apps:
    found: dict[UUID, list[tuple[TokenFamily, Client]]] = {}
    for family, client in apps:
        if family.session is not None:
            found.setdefault(family.session, []).append((family, client))
    return found
