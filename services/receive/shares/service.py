"""Shares as their citizen prepares, sees and revokes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.assurance import Demand
from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.envelope import DataKey, SubjectKeys
from core.ids import new_id
from core.text import Text
from services.plugins.contract import Credential
from services.receive.credentials.needs import Asking
from services.receive.credentials.repository import set_status
from services.receive.credentials.service import Credentials
from services.receive.credentials.status import Status
from services.receive.credentials.statuses import Place
from services.receive.shares import repository
from services.receive.shares.choosing import Choice, choices_of
from services.receive.shares.errors import ShareNotFound, TooManyShares
from services.receive.shares.kept import About, content_of, sealed_content, secret_of
from services.receive.shares.making import Making, as_issued, offered_by
from services.receive.shares.models import Share, ShareOpening
from services.receive.shares.needs import Keepers
from services.receive.shares.states import Kind, State, state_of

PATH: Final = "/verify/s/"
PREPARED_LIVES: Final = timedelta(minutes=15)
PREPARED_MAX: Final = 5
SHOWN_FOR: Final = timedelta(days=90)
"""So long after its end its citizen sees that it was, and when it was opened."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What an agency said, for its citizen to choose from."""

    id: UUID
    title: Text
    choices: Sequence[Choice]
    expires_at: datetime
    demand: Demand
    """What the citizen's sign-in must be like to see it."""


@dataclass(frozen=True, slots=True)
class View:
    """A share as its citizen sees it."""

    row: Share
    about: About
    state: State
    url: str | None
    """While it is open."""
    openings: Sequence[ShareOpening]


class Shares:
    """One per process. `issuer` is the base of public addresses, without a trailing slash."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        credentials: Credentials,
        making: Making,
        keepers: Keepers,
        issuer: str,
    ) -> None:
        self._db, self._clock, self._subjects = db, clock, SubjectKeys(keys)
        self.credentials, self.making, self._keepers, self._issuer = credentials, making, keepers, issuer

    async def must_have_room(self, person: UUID) -> None:
        """For something more that is prepared. Raises :class:`TooManyShares`."""
        async with self._db.read() as session:
            if await repository.count(session, person, self._clock.now(), prepared=True) >= PREPARED_MAX:
                raise TooManyShares(most=PREPARED_MAX)

    async def prepare(self, session: AsyncSession, person: UUID, asking: Asking, told: Credential) -> Prepared:
        """Keeps what the agency said for a quarter of an hour. `session` is that of the mutation's transaction."""
        await self._keepers.must_be_there(session, person, asking.at)
        now, offered = self._clock.now(), asking.offered
        key = await self._subjects.for_sealing(session, person)
        row = Share(
            person=person,
            id=new_id(),
            kind=Kind.CLAIMS.value,
            agency=offered.agency,
            what=f"{offered.agency}:{offered.spec.operation}",
            assurance=offered.demand.assurance.ial.value,
            about_sealed=b"",
            created_at=now,
            expires_at=now + PREPARED_LIVES,
        )
        row.about_sealed = About(offered.spec.title.text, offered.configuration).sealed(row, key)
        row.content_sealed = sealed_content(row, key, {"claims": told.claims, "valid_until": told.valid_until})
        session.add(row)
        await session.flush()
        choices = choices_of(told.claims, offered.spec)
        return Prepared(row.id, offered.spec.title.text, choices, row.expires_at, offered.demand)

    async def prepared(self, person: UUID, share: UUID) -> Prepared | None:
        """The person's, while it can be chosen from."""
        async with self._db.read() as session:
            row = await repository.own(session, person, share)
            key = await self._subjects.find(session, person)
        if row is None or key is None or state_of(row, self._clock.now()) is not State.PREPARED:
            return None
        about, content = About.of(row, key), content_of(row, key)
        offered = offered_by(self.credentials, row.agency, about.configuration)
        if content is None or offered is None:
            return None
        choices = choices_of(content["claims"], offered.spec)
        return Prepared(row.id, about.title, choices, row.expires_at, offered.demand)

    async def revoke(self, session: AsyncSession, person: UUID, share: UUID) -> View:
        """Nobody opens it from now on, and the claims that were shown are published as taken back: also of one that is
        over, as they may be in somebody's hands. Raises :class:`ShareNotFound`."""
        row = await repository.own(session, person, share, lock=True)
        key = await self._subjects.find(session, person)
        if row is None or row.code is None or key is None:
            raise ShareNotFound
        now = self._clock.now()
        if row.revoked_at is None:
            row.revoked_at, row.content_sealed, row.secret_sealed = now, None, None
            if row.list is not None and row.place is not None:
                await set_status(session, as_issued(row, "", Place(row.list, row.place)), Status.INVALID, now)
            await session.flush()
        opened = await repository.openings(session, person, [row.id])
        return self.view(row, key, opened[row.id])

    async def made(self, session: AsyncSession, person: UUID, row: Share) -> View:
        """Of one that was made in this very transaction."""
        return self.view(row, await self._subjects.for_sealing(session, person), ())

    async def own(self, person: UUID, share: UUID) -> View | None:
        """The person's; foreign, unknown and only prepared ones are alike."""
        async with self._db.read() as session:
            row = await repository.own(session, person, share)
            key = await self._subjects.find(session, person)
            opened = await repository.openings(session, person, [share])
        return None if row is None or row.code is None or key is None else self.view(row, key, opened[share])

    async def page(self, person: UUID, limit: int, before: UUID | None) -> list[View]:
        """Newest first."""
        async with self._db.read() as session:
            rows = await repository.page(session, person, limit, before)
            key = await self._subjects.find(session, person) if rows else None
            opened = await repository.openings(session, person, [row.id for row in rows])
        return [] if key is None else [self.view(row, key, opened[row.id]) for row in rows]

    async def forget(self) -> None:
        """The job: what is over shows nothing any more, and is gone some time later, but for what a hold keeps."""
        async with self._db.write() as session:
            now, held = self._clock.now(), await self._keepers.held(session)
            await repository.close(session, now, held)
            await repository.forget(session, now - PREPARED_LIVES, now - SHOWN_FOR, held)

    def view(self, row: Share, key: DataKey, opened: Sequence[ShareOpening]) -> View:
        about, state = About.of(row, key), state_of(row, self._clock.now())
        secret = secret_of(row, key) if state is State.OPEN else None
        url = None if secret is None else f"{self._issuer}{PATH}{secret}"
        return View(row, about, state, url, opened)
