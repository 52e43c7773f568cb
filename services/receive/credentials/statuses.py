"""Status lists as they are kept: places are given once, what was taken back is published, lists never go."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.sealed import bound_to
from services.receive.credentials import repository
from services.receive.credentials.errors import CredentialNotFound, CredentialRefused, Why
from services.receive.credentials.keys import IssuerKeys
from services.receive.credentials.models import StatusList, WalletCredential
from services.receive.credentials.status import (
    LIVES,
    PLACES,
    TTL,
    Status,
    drawn_place,
    nothing_valid,
    packed_list,
    sign_list,
)
from services.receive.credentials.verifying import StatusReference

PATH: Final = "/status/"
SEED_BYTES: Final = 32
NUMBER_MAX: Final = 999_999


@dataclass(frozen=True, slots=True)
class Place:
    """Where a credential's status stands."""

    list: int
    place: int


@dataclass(frozen=True, slots=True)
class Published:
    """A signed list, and when it was signed."""

    token: str
    tag: str
    """An ETag: it changes when the list is signed anew."""
    at: datetime


class StatusLists:
    """One per process. `places` is how many a new list has; tests take fewer."""

    def __init__(self, db: Database, keys: KeyRing, clock: Clock, issuers: IssuerKeys, *, places: int = PLACES) -> None:
        self._db, self._keys, self._clock, self._issuers = db, keys, clock, issuers
        self._places = places
        self._published: dict[tuple[str, int], tuple[frozenset[tuple[int, int]] | None, Published]] = {}

    def uri(self, agency: str, number: int) -> str:
        return f"{self._issuers.issuer_of(agency)}{PATH}{number}"

    async def give(self, session: AsyncSession, agency: str, wanted: int) -> list[Place]:
        """So many places, which nobody else gets, if the transaction of `session` ends well."""
        number = await repository.last_list(session, agency)
        while (found := await repository.give_places(session, agency, number, wanted)) is None:
            last = await repository.last_list(session, agency)
            if last == number:  # nobody made the next one while we waited for this
                last = number + 1
                await self._make(session, agency, last)
            number = last
        row, first = found
        seed = self._keys.open(row.seed_sealed, bound_to=bound_to(StatusList.seed_sealed, agency, row.number))
        return [Place(row.number, drawn_place(seed, count)) for count in range(first, first + wanted)]

    async def _make(self, session: AsyncSession, agency: str, number: int) -> None:
        seed = self._keys.seal(os.urandom(SEED_BYTES), bound_to=bound_to(StatusList.seed_sealed, agency, number))
        now = self._clock.now()
        row = {"agency": agency, "number": number, "places": self._places, "given": 0, "made_at": now}
        await repository.make_list(session, {**row, "seed_sealed": seed})

    async def published(self, agency: str, number: int) -> Published | None:
        """The list as it is now, for whoever asks; None where the agency issues nothing at all.

        A list that was not made is one in which nothing is valid: no credential of ours names it, and one that does is
        told apart from a list that cannot be had (docs/adr/0052-status-lists-never-go.md).
        """
        if await self._issuers.jwks(agency) is None:
            return None
        async with self._db.read() as session:
            statuses = await repository.not_valid(session, agency, number)
            is_made = number <= await repository.last_list(session, agency)
        content = frozenset(statuses.items()) if is_made else None
        now, kept = self._clock.now(), self._published.get((agency, number))
        if kept is not None and kept[0] == content and now - kept[1].at < LIVES / 2:
            return kept[1]
        uri, key = self.uri(agency, number), await self._issuers.signing(agency)
        lst = packed_list(statuses) if is_made else nothing_valid()
        token = sign_list(uri, lst, key, self._issuers.issuer_of(agency), now)
        made = Published(token, hashlib.sha256(token.encode()).hexdigest()[:32], now)
        if is_made:  # strangers may ask for a million that are not
            self._published[agency, number] = (content, made)
        return made

    async def last(self, agency: str) -> int:
        """The number of its newest list; 0 where it has none."""
        async with self._db.read() as session:
            return await repository.last_list(session, agency)

    async def status_of(self, reference: StatusReference, issuer: str) -> Status:
        """What the list of one of our issuers says of that place at this moment.

        Raises :class:`CredentialRefused` with STATUS_UNKNOWN for a list that is not that issuer's.
        """
        agency, number = issuer.removeprefix(self._issuers.base), reference.uri.rpartition("/")[2]
        is_one = number.isdecimal() and len(number) <= len(str(NUMBER_MAX)) and reference.index < PLACES
        if not is_one or self.uri(agency, int(number)) != reference.uri:
            raise CredentialRefused(Why.STATUS_UNKNOWN)
        async with self._db.read() as session:
            if int(number) > await repository.last_list(session, agency):
                return Status.INVALID  # as it is published
            return await repository.status_at(session, agency, int(number), reference.index)

    @property
    def max_age_seconds(self) -> int:
        return int(TTL.total_seconds())

    async def set_own(self, session: AsyncSession, person: UUID, credential: UUID, status: Status) -> WalletCredential:
        """For a citizen's credential, and all its copies for the same offer. Raises :class:`CredentialNotFound`."""
        row = await repository.own(session, person, credential)
        if row is None:
            raise CredentialNotFound
        for copy in await repository.of_offer(session, person, row.offer):
            await repository.set_status(session, copy, status, self._clock.now())
        return row
