"""Working on a run that two officers decided: read through the gate, decide some people at a time, follow changes.

Each step can be killed at any moment and begun again by whoever comes next. What is found out of some people, the mark
that they are done, and the spells that begin or end are one transaction under a lock on the run: nobody is done twice,
nobody is left out, and no more than :data:`CHUNK` people are in the memory. The facts stay in the gate's sealed
snapshot; that is why the rules are put to them by Polars and not by SQL over a table, which would hold them open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from core.attestation.service import Attestor
from core.clock import Clock
from core.database import Database
from core.errors import NotFound, SitthiError
from services.apply.reassessing import Corrections
from services.exchange.catalogue import Catalogue
from services.exchange.facts import Bulk, ChildOf, Population, Unused
from welfare.determination import repository, spells
from welfare.determination.acts import asker_of
from welfare.determination.deciding import decide
from welfare.determination.dependencies import DependencyIndex
from welfare.determination.errors import RunGone
from welfare.determination.impact import law_in_force
from welfare.determination.models import DeterminationRun
from welfare.determination.published import TYP, digest_of
from welfare.determination.purposes import DECEASED, WHOM, Kind, Whom
from welfare.determination.report import Report
from welfare.determination.whole import Tally, Trial, tally, tally_of_children
from welfare.programmes import ForEach, Outcome, Programme, ProgrammeCatalogue, thaw

CHUNK: Final = 1_000
OVERLAP: Final = timedelta(minutes=5)
"""So far back corrections are looked for once more: longer than one takes from its hour to its commit."""
_LAST_CHILD: Final = "lastChild"
SPELLS_KEPT: Final = timedelta(days=731)

log = structlog.get_logger(__name__)


class Forgetful(Protocol):
    async def forget(self, person: UUID) -> None:
        """What was read of the person is not told again. Raises `ServiceUnavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    run: UUID
    state: str
    people: int
    decided_on: date | None
    evaluated: Mapping[str, int]
    entitled: Mapping[str, int]
    not_applied: Mapping[str, int]
    unknown: Mapping[str, int]
    report: str | None
    keep_until: datetime


class Determinations:
    """Any process may work on a run; several at once wait for each other, some people at a time."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        bulk: Bulk,
        catalogue: Catalogue,
        programmes: ProgrammeCatalogue,
        attestor: Attestor,
        corrections: Corrections,
        facts: Forgetful,
    ) -> None:
        self._db, self._clock, self._bulk = db, clock, bulk
        self._catalogue, self._programmes = catalogue, programmes
        self._attestor, self._corrections, self._facts = attestor, corrections, facts

    async def run(self, run: UUID, *, chunk: int = CHUNK) -> None:
        """Does what is left of it. Raises NotFound, :class:`RunGone`, and what the gate raises: `BulkBusy` while
        another worker reads, `BulkRefused` where the right to it has ended."""
        row = await self._standing(run)
        if row.report is not None:
            await self._bulk.delete(run)  # where it was killed after the report
            return
        if row.state != "DECIDED":
            await self._read(row)
        await self._decide(run, self._clock.today(), chunk)
        if row.kind == Kind.IMPACT:
            await self._report(run)
        async with self._db.write() as session:
            locked = await repository.locked(session, run)
            if locked is not None and locked.state == "READING":
                locked.state = "DECIDED"

    async def follow(self, *, chunk: int = CHUNK) -> int:
        """The job: in every register that stands, whoever's facts were corrected is read again and decided again, and
        what the day alone may have changed. Answers how many people were read."""
        async with self._db.read() as session:
            rows = await repository.followed(session, self._clock.now())
        read = 0
        for row in rows:
            try:
                read += await self._follow(row)
                await self._decide(row.id, self._clock.today(), chunk)
            except SitthiError as error:  # the others do not wait for this one
                log.warning("determination.not_followed", run=row.id.hex, code=error.code)
        return read

    async def delete_due(self) -> int:
        """Deletes what was found out by runs whose day has come; answers of how many answers."""
        now, gone = self._clock.now(), 0
        async with self._db.write() as session:
            for row in await repository.due(session, now):
                gone += await repository.forget(session, row.id)
                row.state, row.tally = "DELETED", None
            await repository.forget_spells(session, self._clock.today() - SPELLS_KEPT)
        return gone

    async def show(self, agency: str, run: UUID) -> Progress:
        """For officers of the agency, in figures alone. Raises NotFound."""
        async with self._db.read() as session:
            row = await repository.get(session, run)
            if row is None or row.agency != agency:
                raise NotFound
            found = await repository.counts(session, run)
            without = {
                slug: await repository.not_applied(session, run, slug, self._instead(slug)) for slug in row.programmes
            }
        slugs = row.programmes if row.kind == Kind.REGISTER else []
        return Progress(
            run=row.id,
            state=row.state,
            people=row.people,
            decided_on=row.decided_on,
            evaluated=row.evaluated,
            entitled={slug: found.get((slug, Outcome.MET.value), 0) for slug in slugs},
            not_applied=without,
            unknown={slug: found.get((slug, Outcome.UNKNOWN.value), 0) for slug in slugs},
            report=row.report,
            keep_until=row.keep_until,
        )

    async def of_agency(self, agency: str) -> Sequence[DeterminationRun]:
        async with self._db.read() as session:
            return await repository.of_agency(session, agency)

    async def _standing(self, run: UUID) -> DeterminationRun:
        async with self._db.read() as session:
            row = await repository.get(session, run)
        if row is None:
            raise NotFound
        if row.state == "DELETED" or self._clock.now() >= row.keep_until:
            raise RunGone
        return row

    async def _read(self, row: DeterminationRun) -> None:
        """Declares it at the gate under its own id, once, and reads whoever waits."""
        whom = Whom(row.population)
        people = Population(WHOM[whom].th, without=repository.left_out(whom, row.programmes))
        purpose = self._catalogue.purposes[row.purpose].purpose
        started = self._clock.now()
        await self._bulk.declare(
            people,
            row.attributes,
            asker=asker_of(row.agency),
            purpose=purpose,
            delete_at=row.keep_until,
            run=row.id,
        )
        async with self._db.write() as session:
            locked = await repository.locked(session, row.id)
            if locked is not None and locked.state == "APPROVED":
                locked.state, locked.followed_at = "READING", started
        if await self._bulk.waits(row.id):
            await self._bulk.read(row.id)

    async def _decide(self, run: UUID, on: date, chunk: int) -> None:
        while True:
            async with self._db.write() as session:
                row = await repository.locked(session, run)
                if row is None or row.state == "DELETED":
                    raise RunGone
                if row.kind == Kind.IMPACT and row.decided_on is not None:
                    on = row.decided_on  # a rule is tried on one day, however often the work was begun
                row.decided_on = on
                if row.kind == Kind.IMPACT and self._trial(row).after.for_each is ForEach.CHILD:
                    if not await self._count_children(session, row, chunk):
                        return
                    continue
                houses = row.kind == Kind.IMPACT and self._trial(row).is_of_houses
                people = await self._bulk.unused(session, run, chunk, on, houses=houses)
                if not people:
                    return
                if row.kind == Kind.IMPACT:
                    self._add_to_tally(row, people)
                else:
                    await self._enter(session, row, people, on)
                row.people += sum(one.used_on is None for one in people)
                await self._bulk.use(session, run, [one.person for one in people], on)

    async def _enter(self, session: AsyncSession, row: DeterminationRun, people: Sequence[Unused], on: date) -> None:
        programmes = self._of(row)
        index = DependencyIndex(programmes, self._catalogue)
        alive = {one.person: _alive(one) for one in people}
        evaluated = dict(row.evaluated)
        for slug, found in decide(programmes, index, people, on):
            evaluated[slug] = evaluated.get(slug, 0) + len(found.answers)
            outcomes = {
                (one.person, one.beneficiary): one.outcome.value
                for one in found.answers
                if one.outcome is not Outcome.UNMET
            }
            await repository.replace_answers(session, row.id, slug, found.people, outcomes, on)
            if row.tells:
                await spells.follow(session, row.purpose, slug, found, alive, on)
        row.evaluated = evaluated

    async def _follow(self, row: DeterminationRun) -> int:
        """Reads those again of whom a fact was corrected that one of the programmes reads, in whose house such a fact
        was, or of whose child; nobody else."""
        now = self._clock.now()
        since = (row.followed_at or row.approved_at) - OVERLAP
        index = DependencyIndex(self._of(row), self._catalogue)
        async with self._db.read() as session:
            facts = await self._corrections.corrected_since(session, since)
            corrected: dict[UUID, set[str]] = {}
            for one in facts:
                if index.reading([one.attribute]) or one.attribute == DECEASED:
                    corrected.setdefault(one.person, set()).add(one.attribute)
            within = await self._bulk.concerned(session, row.id, corrected)
        for person in corrected if within else ():  # or what the cache holds of before the correction would be read
            await self._facts.forget(person)
        if within:
            await self._bulk.again(row.id, within)
        if await self._bulk.waits(row.id):  # of an earlier attempt that was killed, too
            await self._bulk.read(row.id)
        async with self._db.write() as session:
            await repository.set_followed(session, row.id, now)
        return len(within)

    def _add_to_tally(self, row: DeterminationRun, people: Sequence[Unused]) -> None:
        found = tally(self._trial(row), people)
        row.tally = (found if row.tally is None else Tally.read(row.tally) + found).plain()
        row.evaluated = {slug: row.evaluated.get(slug, 0) + len(people) for slug in row.programmes}

    async def _count_children(self, session: AsyncSession, row: DeterminationRun, chunk: int) -> bool:
        """The next children in the order of their keys, each once; how far it is stands beside the figures. Whether
        there were any."""
        last = (row.tally or {}).get(_LAST_CHILD)
        after = None if last is None else ChildOf(UUID(hex=last[0]), is_named=last[1], parents=())
        children = await self._bulk.children(session, row.id, chunk, after)
        if not children:
            return False
        found = tally_of_children(self._trial(row), children)
        found = found if row.tally is None else Tally.read(row.tally) + found
        row.tally = {**found.plain(), _LAST_CHILD: [children[-1].key.hex, children[-1].is_named]}
        row.people += len(children)
        row.evaluated = {slug: row.evaluated.get(slug, 0) + len(children) for slug in row.programmes}
        return True

    def _instead(self, slug: str) -> list[str]:
        """What nobody may have together with it."""
        return [one.programme for one in self._programmes.exclusions(slug)]

    def _trial(self, row: DeterminationRun) -> Trial:
        assert row.candidate is not None, "a rule that is tried is in the run"
        on = date.fromisoformat(row.candidate["on"])
        return Trial(self._programmes.get(row.programmes[0]), thaw(row.candidate["version"]), on)

    async def _report(self, run: UUID) -> None:
        """Written and signed once; then the figures so far and the snapshot go."""
        await self._attestor.ready()
        async with self._db.write() as session:
            row = await repository.locked(session, run)
            if row is not None and row.report is None:
                row.report = self._attestor.sign_now(self._claims(row), typ=TYP)
                row.tally, row.state = None, "DECIDED"
        await self._bulk.delete(run)

    def _claims(self, row: DeterminationRun) -> dict[str, object]:
        assert row.candidate is not None, "a rule that is tried is in the run"
        trial = self._trial(row)
        figures = Tally({}, {}, frozenset(), {}) if row.tally is None else Tally.read(row.tally)
        programme = trial.programme
        before = law_in_force(programme, trial.on)
        report = Report(row.programmes[0], trial.on, before, trial.after, figures.impact, {})
        return {
            "rule": row.candidate["digest"],
            "replaces": None if before is None else digest_of(programme, before),
            "run": row.id.hex,
            "agency": row.agency,
            "purpose": row.purpose,
            "population": {"th": WHOM[Whom(row.population)].th, "en": WHOM[Whom(row.population)].en},
            "impact": report.written(),
            "fiscalYears": {label: cost.told() for label, cost in figures.years.items()},
        }

    def _of(self, row: DeterminationRun) -> list[Programme]:
        found = (self._programmes.get(slug) for slug in row.programmes)
        return [one for one in found if one is not None]


def _alive(one: Unused) -> bool | None:
    """None where nobody can say."""
    fact = one.facts.get(DECEASED)
    return None if fact is None or not fact.known or not isinstance(fact.value, bool) else not fact.value
