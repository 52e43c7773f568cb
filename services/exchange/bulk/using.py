"""Making use of what was read: some people at a time, in transactions of whoever does."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing
from core.errors import NotFound
from core.sealed import bound_to
from services.exchange.bulk.errors import SnapshotGone
from services.exchange.bulk.families import Wanted
from services.exchange.bulk.models import BulkMember
from services.exchange.bulk.repository import CHILD, CHILDREN_UNKNOWN, HOUSE, BulkRepository
from services.exchange.bulk.snapshots import children_of, facts_of, house_of
from services.exchange.catalogue import Catalogue
from services.exchange.facts import ChildOf, Unused


class Readings:
    """The part of :class:`services.exchange.bulk.runs.BulkRuns` that reads nothing new."""

    def __init__(self, clock: Clock, keys: KeyRing, catalogue: Catalogue) -> None:
        self._clock, self._keys, self._catalogue = clock, keys, catalogue

    async def concerned(self, session: AsyncSession, run: UUID, corrected: Mapping[UUID, Collection[str]]) -> set[UUID]:
        """Of whom in the run something is to be read again, after these facts of these people were corrected: of
        themselves, of those in whose house they were counted, and of those whose children they are."""
        repository = BulkRepository(session)
        row = await repository.get(run)
        if row is None or not corrected:
            return set()
        wanted = Wanted.of(self._catalogue, row.attributes)
        own, childs = {one.id for one in wanted.own}, {one.id for one in wanted.childs}
        themselves = {one for one, names in corrected.items() if set(names) & (own | wanted.summed | wanted.ties)}
        in_house = {one for one, names in corrected.items() if set(names) & (wanted.summed | wanted.ties)}
        children = {one for one, names in corrected.items() if set(names) & (childs | wanted.ties)}
        found = await repository.among(run, themselves) if themselves else set()
        found |= await repository.tied_to(run, in_house, HOUSE) if in_house else set()
        return found | (await repository.tied_to(run, children, CHILD) if children else set())

    async def unused(
        self, session: AsyncSession, run: UUID, size: int, day: date, *, houses: bool = False
    ) -> Sequence[Unused]:
        """Some of those who are due; none, when everybody's facts were made use of as of that day. With `houses` nobody
        comes without whoever else of their house is due, so that there are some more than `size`.

        In the caller's transaction, who holds a lock on what they write, so that nobody else takes the same people.
        Raises NotFound, :class:`SnapshotGone`.
        """
        repository = BulkRepository(session)
        wanted = await self._standing(repository, run)
        return [self._unused(one, wanted) for one in await repository.unused(run, size, day, houses=houses)]

    async def children(self, session: AsyncSession, run: UUID, size: int, after: ChildOf | None) -> Sequence[ChildOf]:
        """Some children, each once with all people in the run whose they are, in the order of their keys; among them
        each person of whom nobody could say whom they have. Raises NotFound, :class:`SnapshotGone`."""
        repository = BulkRepository(session)
        wanted = await self._standing(repository, run)
        last = None if after is None else (after.key, CHILD if after.is_named else CHILDREN_UNKNOWN)
        page = await repository.children(run, size, last)
        tied = await repository.parents(run, {key for key, _ in page})
        members = {one.person: one for one in await repository.of(run, {person for _, _, person in tied})}
        opened = {person: self._unused(one, wanted) for person, one in members.items()}
        parents: dict[tuple[UUID, str], list[Unused]] = {}
        for key, kind, person in tied:
            parents.setdefault((key, kind), []).append(opened[person])
        return [ChildOf(key, kind == CHILD, parents.get((key, kind), [])) for key, kind in page]

    async def use(self, session: AsyncSession, run: UUID, people: Collection[UUID], day: date) -> None:
        """Notes that what is known of them was made use of as of that day, in the caller's transaction."""
        await BulkRepository(session).use(run, people, day)

    async def _standing(self, repository: BulkRepository, run: UUID) -> Wanted:
        row = await repository.get(run)
        if row is None:
            raise NotFound
        if row.state == "DELETED" or self._clock.now() >= row.delete_at:
            raise SnapshotGone
        return Wanted.of(self._catalogue, row.attributes)

    def _unused(self, member: BulkMember, wanted: Wanted) -> Unused:
        plain = self._opened(member)
        return Unused(
            member.person,
            facts_of(plain, wanted.own),
            frozenset(member.changed.split()),
            member.used_on,
            children_of(plain, wanted),
            house_of(plain),
        )

    def _opened(self, member: BulkMember) -> Mapping[str, Any]:
        assert member.snapshot_sealed is not None, "a run that is read has read everybody"
        place = bound_to(BulkMember.snapshot_sealed, member.run, member.person)
        plain: Mapping[str, Any] = orjson.loads(self._keys.open(member.snapshot_sealed, bound_to=place))
        return plain
