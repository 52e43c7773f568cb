"""Reading a whole population under one decision. The gate hands its own parts in; nobody else makes one.

A run is declared once: who is in it (a predicate in words, and the people), which attributes, for which purpose, until
when the snapshot may be kept. Then it is read in batches, and after each batch it can go on in another process. Every
person in it has an entry in the access log before anything of them is read, and finds it there like any other look.

A worker that is killed between the entry and the snapshot leaves an entry without an outcome; the next one enters the
person again, and only then reads: an entry too many, never one too few.

Whoever makes use of what was read does so in transactions of their own, some people at a time (`unused`, `use`): what
they write and the mark that these people are done are committed together. When a fact changed, the person is read again
(`again`, `read`), and is due once more with the names of what became another.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.errors import NotFound
from core.ids import new_id
from core.sealed import bound_to
from core.text import Text
from services.exchange import policy
from services.exchange.access_log.log import AccessLog, Decision, Draft
from services.exchange.agreements.quotas import Quotas
from services.exchange.bulk.errors import BulkBusy, BulkRefused, SnapshotGone
from services.exchange.bulk.models import BulkMember, BulkRun
from services.exchange.bulk.repository import BulkRepository
from services.exchange.bulk.snapshots import changed_in, facts_of, plain_of
from services.exchange.catalogue import Attribute, Catalogue, RegisteredPurpose
from services.exchange.facts import Asker, AskerKind, Facts, Population, Purpose, Unused
from services.exchange.grounds import Grounds, GroundsReader
from services.exchange.questions import denied, result
from services.exchange.sources import Answer, Reader

BATCH: Final = 500
PAGE: Final = 10_000
HELD: Final = timedelta(minutes=2)
"""How long a worker has a run after each batch; a batch that takes longer is one whose worker is gone."""
KEPT_MAX: Final = timedelta(days=90)
NOT_IN_BULK: Final = "NOT_IN_BULK"
"""The purpose is not for whole populations, or the attribute is derived from other people's."""


@dataclass(frozen=True, slots=True)
class _Work:
    """A run while it is read."""

    run: UUID
    asker: Asker
    entry: RegisteredPurpose
    attributes: Sequence[Attribute]

    @property
    def stewards(self) -> dict[str, str]:
        return {one.id: one.steward for one in self.attributes}

    def verdict(self, person: UUID, grounds: Grounds) -> policy.Verdict:
        return policy.judge(self.entry, self.attributes, person, self.asker, grounds.of(person))


class BulkRuns:
    """One per process."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        keys: KeyRing,
        catalogue: Catalogue,
        grounds: GroundsReader,
        quotas: Quotas,
        log: AccessLog,
        reader: Reader,
    ) -> None:
        self._database, self._clock, self._keys, self._catalogue = database, clock, keys, catalogue
        self._grounds, self._quotas, self._log, self._reader = grounds, quotas, log, reader

    async def check(self, attributes: Collection[str], *, asker: Asker, purpose: Purpose) -> frozenset[str]:
        """By which agreements such a run would be allowed now, as `<id>:<version>`.

        Raises `UnknownAttribute`, :class:`BulkRefused`.
        """
        wanted = [self._catalogue.askable(name) for name in sorted(set(attributes))]
        verdict = await self._must_allow(wanted, asker, purpose)
        return verdict.rests_on

    async def declare(
        self,
        population: Population,
        attributes: Collection[str],
        *,
        asker: Asker,
        purpose: Purpose,
        delete_at: datetime,
        run: UUID | None = None,
    ) -> UUID:
        """Decides on a run, and answers its id; nothing is read yet. With the id of a run that was declared already
        it does nothing, so that whoever was killed after it can call it again.

        Raises `UnknownAttribute`, :class:`BulkRefused`, and ValueError for a population or a date that cannot be.
        """
        now = self._clock.now()
        people = None if population.people is None else sorted(set(population.people))
        if people == [] or not population.predicate.strip() or not now < delete_at <= now + KEPT_MAX:
            raise ValueError("a run has people, says who they are, and keeps its snapshot for some days")
        wanted = [self._catalogue.askable(name) for name in sorted(set(attributes))]
        await self._must_allow(wanted, asker, purpose)
        row = BulkRun(
            id=run or new_id(),
            purpose=purpose.id,
            asker_id=asker.id,
            agency=asker.agency or "",
            label_th=asker.label.th,
            label_en=asker.label.en,
            attributes=[one.id for one in wanted],
            predicate=population.predicate.strip(),
            people=0,
            population=b"",
            state="DECLARED",
            declared_at=now,
            delete_at=delete_at,
            held_until=None,
            ended_at=None,
        )
        async with self._database.write() as session:
            repository = BulkRepository(session)
            if run is not None and await repository.get(run) is not None:
                return run
            await repository.add(row, people, population.without)
            row.people, row.population = await _counted(repository, row.id)
        return row.id

    async def read(self, run: UUID, *, batch: int = BATCH) -> None:
        """Reads whoever has not been read yet. Raises NotFound, :class:`BulkBusy`, :class:`SnapshotGone`,
        :class:`BulkRefused` where the right to it has ended meanwhile."""
        held = await self._hold(run, None)
        work = await self._work(run)
        while True:
            async with self._database.read() as session:
                people = await BulkRepository(session).waiting(run, batch)
            if not people:
                break
            await self._must_allow(work.attributes, work.asker, work.entry.purpose)
            await self._read(work, people)
            held = await self._hold(run, held)
        async with self._database.write() as session:
            row = await BulkRepository(session).get(run)
            if row is not None and row.state == "DECLARED":
                row.state, row.ended_at, row.held_until = "READ", self._clock.now(), None

    async def snapshot(self, run: UUID) -> AsyncIterator[tuple[UUID, Facts]]:
        """What was read, person by person in the order of their keys. Raises NotFound, :class:`SnapshotGone`."""
        async with self._database.read() as session:
            row = await BulkRepository(session).get(run)
        if row is None:
            raise NotFound
        if row.state != "READ" or self._clock.now() >= row.delete_at:
            raise SnapshotGone
        attributes = [self._catalogue.attribute(name) for name in row.attributes]
        after: UUID | None = None
        while True:
            async with self._database.read() as session:
                members = await BulkRepository(session).members(run, BATCH, after)
            for member in members:
                yield member.person, facts_of(self._opened(member), attributes)
            if len(members) < BATCH:
                return
            after = members[-1].person

    async def again(self, run: UUID, people: Collection[UUID]) -> int:
        """These of its people are to be read anew, by the next `read`; answers how many of them are in it.

        Raises NotFound, :class:`SnapshotGone`.
        """
        async with self._database.write() as session:
            repository = BulkRepository(session)
            row = await repository.get(run)
            if row is None:
                raise NotFound
            if row.state == "DELETED" or self._clock.now() >= row.delete_at:
                raise SnapshotGone
            waiting = await repository.wait_again(run, people) if people else 0
            if waiting:
                row.state, row.ended_at = "DECLARED", None
            return waiting

    async def among(self, session: AsyncSession, run: UUID, people: Collection[UUID]) -> set[UUID]:
        """Which of them are in the run."""
        return await BulkRepository(session).among(run, people)

    async def waits(self, run: UUID) -> bool:
        """Whether somebody in it is yet to be read, or the reading has not been concluded."""
        async with self._database.read() as session:
            row = await BulkRepository(session).get(run)
        return row is not None and row.state == "DECLARED"

    async def delete(self, run: UUID) -> None:
        """Deletes the snapshot before its day: nobody has a use for it any more. Twice is as once."""
        async with self._database.write() as session:
            repository = BulkRepository(session)
            row = await repository.get(run)
            if row is not None and row.state != "DELETED":
                await repository.forget(run)
                row.state, row.ended_at = "DELETED", self._clock.now()

    async def unused(self, session: AsyncSession, run: UUID, size: int, day: date) -> Sequence[Unused]:
        """Some of those who are due; none, when everybody's facts were made use of as of that day.

        In the caller's transaction, who holds a lock on what they write, so that nobody else takes the same people.
        Raises NotFound, :class:`SnapshotGone`.
        """
        repository = BulkRepository(session)
        row = await repository.get(run)
        if row is None:
            raise NotFound
        if row.state == "DELETED" or self._clock.now() >= row.delete_at:
            raise SnapshotGone
        attributes = [self._catalogue.attribute(name) for name in row.attributes]
        members = await repository.unused(run, size, day)
        return [
            Unused(one.person, facts_of(self._opened(one), attributes), frozenset(one.changed.split()), one.used_on)
            for one in members
        ]

    async def use(self, session: AsyncSession, run: UUID, people: Collection[UUID], day: date) -> None:
        """Notes that what is known of them was made use of as of that day, in the caller's transaction."""
        await BulkRepository(session).use(run, people, day)

    async def delete_due(self) -> int:
        """Deletes the snapshots whose day has come, read to their end or not; answers of how many people."""
        async with self._database.write() as session:
            repository, gone = BulkRepository(session), 0
            for run in await repository.due(self._clock.now()):
                gone += await repository.forget(run.id)
                run.state, run.ended_at = "DELETED", self._clock.now()
            return gone

    async def _must_allow(self, wanted: Sequence[Attribute], asker: Asker, purpose: Purpose) -> policy.Verdict:
        entry = policy.registered(self._catalogue, purpose)
        if entry is None or not entry.bulk or asker.kind is not AskerKind.SYSTEM or asker.client is not None:
            raise BulkRefused(reason=policy.UNKNOWN_PURPOSE if entry is None else NOT_IN_BULK)
        if not wanted or any(one.derived is not None for one in wanted):
            raise BulkRefused(reason=NOT_IN_BULK)
        grounds = await self._grounds.read(asker, entry, [], {one.id: one.steward for one in wanted})
        verdict = policy.judge(entry, wanted, UUID(int=0), asker, grounds.of(UUID(int=0)))
        for reason in sorted(set(verdict.refused.values())):
            raise BulkRefused(reason=reason)
        return verdict

    async def _hold(self, run: UUID, held: datetime | None) -> datetime:
        now = self._clock.now()
        async with self._database.write() as session:
            repository = BulkRepository(session)
            row = await repository.get(run)
            if row is None:
                raise NotFound
            if row.state != "DECLARED" or now >= row.delete_at:
                raise SnapshotGone
            # A moment later than before in any case, so that two workers never hold the same.
            until = max(now + HELD, (row.held_until or now) + timedelta(microseconds=1))
            if not await repository.hold(run, now, until, held):
                raise BulkBusy
        return until

    async def _work(self, run: UUID) -> _Work:
        async with self._database.read() as session:
            row = await BulkRepository(session).get(run)
        entry = self._catalogue.purposes.get(row.purpose) if row is not None else None
        if row is None or entry is None:
            raise NotFound
        label = Text(th=row.label_th, en=row.label_en)
        asker = Asker(AskerKind.SYSTEM, row.asker_id, row.agency or None, label, request=run)
        return _Work(run, asker, entry, [self._catalogue.attribute(name) for name in row.attributes])

    async def _read(self, work: _Work, people: Sequence[UUID]) -> None:
        """Decides, reads, concludes and keeps one batch, in this order, each in one transaction."""
        grounds = await self._grounds.read(work.asker, work.entry, people, work.stewards)
        verdicts = {person: work.verdict(person, grounds) for person in people}
        verdicts = await self._within_quota(verdicts)
        purpose, names = work.entry.purpose, frozenset(work.stewards)
        drafts = []
        for person, verdict in verdicts.items():
            reason = next(iter(verdict.refused.values()), None)
            decision = Decision.DENIED if reason is not None else Decision.ALLOWED
            rests_on = verdict.rests_on if reason is None else frozenset()
            drafts.append(Draft(person, names, work.asker, purpose, decision, reason, agreements=rests_on))
        entries = await self._log.decide(drafts)
        allowed = [person for person, verdict in verdicts.items() if not verdict.refused]
        told = await self._reader.read_many(allowed, work.attributes)
        still = await self._grounds.still(
            grounds, work.entry, [(person, verdicts[person]) for person in allowed], work.stewards
        )
        ended = dict(zip(allowed, still, strict=True))
        answers: dict[UUID, Mapping[str, Answer]] = {}
        for person, verdict in verdicts.items():
            gone = {name: denied(reason) for name, reason in {**verdict.refused, **ended.get(person, {})}.items()}
            answers[person] = {**told.get(person, {}), **gone}
        await self._log.conclude(
            [result(entry, answers[entry.subject]) for entry in entries if not verdicts[entry.subject].refused]
        )
        now = self._clock.now()
        async with self._database.write() as session:
            repository = BulkRepository(session)
            kept = []
            for member in await repository.of(work.run, people):  # who was erased meanwhile is not among them
                plain = plain_of(work.attributes, answers[member.person])
                before = None if member.snapshot_sealed is None else self._opened(member)
                changed = changed_in(plain, before) | set(member.changed.split())
                place = bound_to(BulkMember.snapshot_sealed, work.run, member.person)
                snapshot = self._keys.seal(orjson.dumps(plain), bound_to=place)
                kept.append({"of": member.person, "snapshot": snapshot, "names": " ".join(sorted(changed)), "at": now})
            if kept:
                await repository.enter(work.run, kept)

    async def _within_quota(self, verdicts: Mapping[UUID, policy.Verdict]) -> dict[UUID, policy.Verdict]:
        """A decision over all attributes or none: whoever lacks one is refused whole."""
        counts: dict[str, int] = {}
        terms = {one.id: one for verdict in verdicts.values() for one in verdict.agreements.values()}
        for verdict in verdicts.values():
            for name in {one.id for one in verdict.agreements.values()} if not verdict.refused else ():
                counts[name] = counts.get(name, 0) + 1
        refused = {name: await self._quotas.take(terms[name], count) for name, count in sorted(counts.items())}
        reason = next((reason for reason in refused.values() if reason is not None), None)
        if reason is None:
            return dict(verdicts)
        return {person: verdict.without(verdict.allowed, reason) for person, verdict in verdicts.items()}

    def _opened(self, member: BulkMember) -> Mapping[str, Any]:
        assert member.snapshot_sealed is not None, "a run that is read has read everybody"
        place = bound_to(BulkMember.snapshot_sealed, member.run, member.person)
        plain: Mapping[str, Any] = orjson.loads(self._keys.open(member.snapshot_sealed, bound_to=place))
        return plain


async def _counted(repository: BulkRepository, run: UUID) -> tuple[int, bytes]:
    """How many people a run has, and the SHA-256 over their keys in order, a page at a time."""
    digest, count, after = hashlib.sha256(), 0, None
    while page := await repository.keys(run, PAGE, after):
        for one in page:
            digest.update(one.bytes)
        count, after = count + len(page), page[-1]
    return count, digest.digest()
