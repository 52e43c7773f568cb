"""Reading a whole population under one decision. The gate hands its own parts in; nobody else makes one.

A run is declared once: who is in it (a predicate in words, and the people), which attributes, for which purpose, until
when the snapshot may be kept. Then it is read in batches, and after each batch it can go on in another process. Every
person in it has an entry in the access log before anything of them is read, and finds it there like any other look; so
has whoever else is read for it, a child or somebody of the house (:mod:`services.exchange.bulk.families`).

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
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

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
from services.exchange.bulk.families import FamilyReader, Member, Wanted
from services.exchange.bulk.models import BulkMember, BulkRun
from services.exchange.bulk.repository import CHILD, CHILDREN_UNKNOWN, HOUSE, BulkRepository
from services.exchange.bulk.snapshots import changed_in, facts_of, snapshot_of
from services.exchange.bulk.using import Readings
from services.exchange.catalogue import Catalogue, RegisteredPurpose
from services.exchange.facts import Asker, AskerKind, Facts, Population, Purpose
from services.exchange.grounds import Grounds, GroundsReader
from services.exchange.questions import denied, result
from services.exchange.sources import Reader

BATCH: Final = 500
PAGE: Final = 10_000
HELD: Final = timedelta(minutes=2)
"""How long a worker has a run after each batch; a batch that takes longer is one whose worker is gone."""
KEPT_MAX: Final = timedelta(days=90)
NOT_IN_BULK: Final = "NOT_IN_BULK"
"""The purpose is not for whole populations, or it does not say by which law a sensitive attribute is read for it."""


@dataclass(frozen=True, slots=True)
class _Work:
    """A run while it is read."""

    run: UUID
    asker: Asker
    entry: RegisteredPurpose
    wanted: Wanted
    catalogue: Catalogue

    @property
    def stewards(self) -> dict[str, str]:
        return {one.id: one.steward for one in self.wanted.asked(self.catalogue)}

    def verdict(self, person: UUID, grounds: Grounds) -> policy.Verdict:
        asked = self.wanted.asked(self.catalogue)
        return policy.judge(self.entry, asked, person, self.asker, grounds.of(person))


class BulkRuns(Readings):
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
        super().__init__(clock, keys, catalogue)
        self._database = database
        self._grounds, self._quotas, self._log = grounds, quotas, log
        self._families = FamilyReader(catalogue, reader, grounds, log, clock)

    async def check(self, attributes: Collection[str], *, asker: Asker, purpose: Purpose) -> frozenset[str]:
        """By which agreements such a run would be allowed now, as `<id>:<version>`.

        Raises `UnknownAttribute`, :class:`BulkRefused`.
        """
        wanted = Wanted.of(self._catalogue, sorted(set(attributes)))
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
        wanted = Wanted.of(self._catalogue, sorted(set(attributes)))
        await self._must_allow(wanted, asker, purpose)
        row = BulkRun(
            id=run or new_id(),
            purpose=purpose.id,
            asker_id=asker.id,
            agency=asker.agency or "",
            label_th=asker.label.th,
            label_en=asker.label.en,
            attributes=wanted.names,
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
            await self._must_allow(work.wanted, work.asker, work.entry.purpose)
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
        wanted = Wanted.of(self._catalogue, row.attributes)
        after: UUID | None = None
        while True:
            async with self._database.read() as session:
                members = await BulkRepository(session).members(run, BATCH, after)
            for member in members:
                yield member.person, facts_of(self._opened(member), wanted.own)
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

    async def delete_due(self) -> int:
        """Deletes the snapshots whose day has come, read to their end or not; answers of how many people."""
        async with self._database.write() as session:
            repository, gone = BulkRepository(session), 0
            for run in await repository.due(self._clock.now()):
                gone += await repository.forget(run.id)
                run.state, run.ended_at = "DELETED", self._clock.now()
            return gone

    async def _must_allow(self, asked: Wanted, asker: Asker, purpose: Purpose) -> policy.Verdict:
        entry = policy.registered(self._catalogue, purpose)
        if entry is None or not entry.bulk or asker.kind is not AskerKind.SYSTEM or asker.client is not None:
            raise BulkRefused(reason=policy.UNKNOWN_PURPOSE if entry is None else NOT_IN_BULK)
        wanted = list({one.id: one for one in (*asked.asked(self._catalogue), *asked.childs)}.values())
        if not asked.own or any(one.sensitive and one.id not in entry.sensitive for one in wanted):
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
        return _Work(run, asker, entry, Wanted.of(self._catalogue, row.attributes), self._catalogue)

    async def _read(self, work: _Work, people: Sequence[UUID]) -> None:
        """Decides, reads, concludes and keeps one batch, in this order, each in one transaction."""
        grounds = await self._grounds.read(work.asker, work.entry, people, work.stewards)
        verdicts = {person: work.verdict(person, grounds) for person in people}
        verdicts = await self._within_quota(verdicts)
        purpose, names = work.entry.purpose, self._families.names(work.wanted)
        drafts = []
        for person, verdict in verdicts.items():
            reason = next(iter(verdict.refused.values()), None)
            decision = Decision.DENIED if reason is not None else Decision.ALLOWED
            rests_on = verdict.rests_on if reason is None else frozenset()
            drafts.append(Draft(person, names, work.asker, purpose, decision, reason, agreements=rests_on))
        entries = {one.subject: one for one in await self._log.decide(drafts)}
        allowed = [person for person, verdict in verdicts.items() if not verdict.refused]
        told = await self._families.read(work.wanted, work.entry, work.asker, {one: entries[one] for one in allowed})
        still = await self._grounds.still(
            grounds, work.entry, [(person, verdicts[person]) for person in allowed], work.stewards
        )
        ended = {person: gone for person, gone in zip(allowed, still, strict=True) if gone}
        refused = {person: dict(verdict.refused) for person, verdict in verdicts.items() if verdict.refused}
        members = {**told.members, **{person: _refused(work, gone) for person, gone in {**ended, **refused}.items()}}
        stopped = {entries[person].id for person in ended}
        await self._log.conclude(
            [one for one in told.results if one.entry.id not in stopped]
            + [result(entries[person], members[person].answers) for person in ended]
        )
        await self._keep(work, members)

    async def _keep(self, work: _Work, members: Mapping[UUID, Member]) -> None:
        now = self._clock.now()
        async with self._database.write() as session:
            repository = BulkRepository(session)
            kept: list[dict[str, Any]] = []
            ties: list[dict[str, Any]] = []
            for row in await repository.of(work.run, members):  # who was erased meanwhile is not among them
                member = members[row.person]
                plain = snapshot_of(work.wanted, member)
                before = None if row.snapshot_sealed is None else self._opened(row)
                changed = changed_in(work.wanted, plain, before) | set(row.changed.split())
                place = bound_to(BulkMember.snapshot_sealed, work.run, row.person)
                snapshot = self._keys.seal(orjson.dumps(plain), bound_to=place)
                kept.append({"of": row.person, "snapshot": snapshot, "names": " ".join(sorted(changed)), "at": now})
                ties += [{"person": row.person, **tie} for tie in _ties(work.wanted, row.person, member)]
            if kept:
                await repository.enter(work.run, kept)
                await repository.untie(work.run, [one["of"] for one in kept])
                await repository.tie(work.run, ties)

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


def _refused(work: _Work, reasons: Mapping[str, str]) -> Member:
    """All or nothing: whoever lacks one attribute is read none."""
    why = next(iter(reasons.values()))
    return Member({name: denied(reasons.get(name, why)) for name in work.stewards})


def _ties(wanted: Wanted, person: UUID, member: Member) -> list[dict[str, Any]]:
    house = [{"other": one, "kind": HOUSE} for one in member.house or () if one != person]
    if not wanted.childs:
        return house
    if member.children is None:
        return [*house, {"other": person, "kind": CHILDREN_UNKNOWN}]
    return [*house, *({"other": child, "kind": CHILD} for child in member.children)]


async def _counted(repository: BulkRepository, run: UUID) -> tuple[int, bytes]:
    """How many people a run has, and the SHA-256 over their keys in order, a page at a time."""
    digest, count, after = hashlib.sha256(), 0, None
    while page := await repository.keys(run, PAGE, after):
        for one in page:
            digest.update(one.bytes)
        count, after = count + len(page), page[-1]
    return count, digest.digest()
