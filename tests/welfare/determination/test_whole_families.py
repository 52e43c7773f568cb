"""Every programme tried over families: who gains, who loses and what it costs, as one citizen at a time adds up to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from redis.asyncio import Redis

from core.clock import FixedClock
from core.database import Database
from tests.welfare.determination.villages import REAL, Village, village
from welfare.determination.figures import Cell, Rate
from welfare.determination.whole import Tally
from welfare.determination.years import fiscal_years
from welfare.programmes import Cadence, Determination, ForEach, Outcome, Per, Programme, ProgrammeCatalogue, Version
from welfare.programmes import evaluate as evaluated

pytestmark = pytest.mark.fakeredis_only

DATA: Final = Path(__file__).parents[3] / "welfare" / "programmes" / "data"
ON: Final = date(2026, 12, 1)
TIMES: Final = {Cadence.MONTH: 12, Cadence.QUARTER: 4, Cadence.ONCE: 1, Cadence.DAY: 1}
RATES: Final = {
    Cadence.MONTH: Rate.YEAR, Cadence.QUARTER: Rate.YEAR, Cadence.ONCE: Rate.ONCE, Cadence.DAY: Rate.DAY,
}  # fmt: skip
TRIED: Final = [one.slug for one in REAL if one.version_on(ON) is not None and not one.on_request]


def test_every_programme_that_is_in_force_can_be_tried() -> None:
    in_force = {one.slug for one in REAL if one.version_on(ON) is not None}
    assert in_force - set(TRIED) == {"aids-allowance"}


def laxer(programme: Programme) -> Programme:
    """The programme without the first condition of its law: trying the file against it, some people lose."""
    return replace(programme, versions=tuple(replace(one, conditions=one.conditions[1:]) for one in programme.versions))


@dataclass
class Row:
    """Somebody whom a rule is about."""

    person: UUID
    child: UUID | None
    house: UUID | None


class Single:
    def __init__(self, land: Village, programme: Programme, after: Version) -> None:
        self.land, self.before, self.after = land, programme, after
        law = programme.version_on(ON)
        assert law is not None
        self.laws = (law, after)
        self.rows = list(self._rows())

    def _rows(self) -> Iterator[Row]:
        houses = self.land.houses
        if self.after.for_each is ForEach.PERSON:
            yield from (Row(one, None, _house(one, houses.get(one))) for one in self.land.people)
            return
        parents: dict[tuple[UUID, bool], list[UUID]] = defaultdict(list)
        for person, child in self.land.pairs():
            parents[child or person, child is not None].append(person)
        for (key, named), people in parents.items():
            pairs = [Row(one, key if named else None, _house(one, houses.get(one))) for one in sorted(people)]
            yield max(pairs, key=lambda row: sum(_RANKS[self.answer(law, row, ON).outcome] for law in self.laws))

    def answer(self, law: Version, row: Row, on: date) -> Determination:
        if law.for_each is ForEach.PERSON:
            return evaluated(law, self.land.facts(row.person), None, on)
        childs = {} if row.child is None else self.land.facts_of_child(row.child, row.person)
        return evaluated(law, self.land.facts(row.person), childs, on)

    def sums(self, law: Version, row: Row) -> tuple[dict[Rate, int], dict[Rate, int]] | None:
        """Of a year and once, for oneself and for the house; None where something is unknown."""
        own, home, found = dict.fromkeys(Rate, 0), dict.fromkeys(Rate, 0), self.answer(law, row, ON)
        if found.outcome is Outcome.UNKNOWN:
            return None
        for benefit in found.benefits if found.outcome is Outcome.MET else ():
            if benefit.cadence is Cadence.STANDING:
                continue
            if benefit.amount is None:
                return None
            part = home if benefit.per is Per.HOUSEHOLD else own
            part[RATES[benefit.cadence]] += benefit.amount.satang * TIMES[benefit.cadence]
        return own, home

    def cell(self, row: Row) -> Cell:
        old, new = (self.sums(law, row) for law in self.laws)
        if old is None or new is None:
            return Cell.UNKNOWN
        was, now = (self.answer(law, row, ON).outcome is Outcome.MET for law in self.laws)
        if was != now:
            return Cell.NEWLY if now else Cell.NO_LONGER
        if not was:
            return Cell.NEVER
        changes = [sum(part[rate] for part in new) - sum(part[rate] for part in old) for rate in Rate]
        more, less = any(one > 0 for one in changes), any(one < 0 for one in changes)
        return Cell.MIXED if more and less else Cell.MORE if more else Cell.LESS if less else Cell.SAME

    def cost(self, side: int, rate: Rate) -> int:
        """What is for a house is paid once in it: the most that is due to one of its members."""
        total = 0
        homes: dict[UUID, int] = defaultdict(int)
        for row in self.rows:
            found = self.sums(self.laws[side], row)
            if found is None or self.cell(row) is Cell.UNKNOWN:
                continue
            own, home = found
            total += own[rate]
            if row.house is None:
                total += home[rate]
            else:
                homes[row.house] = max(homes[row.house], home[rate])
        return total + sum(homes.values())

    def year(self, months: tuple[date, ...]) -> dict[str, int]:
        old = [self._month([self.before.version_on(day)] * len(self.rows), day) for day in months]
        new = [self._month([self._to_be(day)] * len(self.rows), day) for day in months]
        sums = [(_whole(month[n] for month in old), _whole(month[n] for month in new)) for n in range(len(self.rows))]
        known = [(a, b) for a, b in sums if a is not None and b is not None]
        return {
            "before": sum(a for a, _ in known),
            "after": sum(b for _, b in known),
            "paid_before": sum(a > 0 for a, _ in known),
            "paid_after": sum(b > 0 for _, b in known),
            "otherwise": sum(a != b for a, b in known),
            "unknown": len(sums) - len(known),
        }

    def _to_be(self, day: date) -> Version | None:
        starts = self.after.starts or ON
        in_force = starts <= day and (self.after.until is None or day <= self.after.until)
        return self.after if in_force else self.before.version_on(day)

    def _month(self, laws: list[Version | None], day: date) -> list[int | None]:
        found = [self._paid(law, row, day) for law, row in zip(laws, self.rows, strict=True)]
        taken: set[UUID] = set()
        best: dict[UUID, int] = {}
        for row, paid in zip(self.rows, found, strict=True):
            if row.house is not None and paid is not None:
                best[row.house] = max(best.get(row.house, 0), paid[1])
        sums: list[int | None] = []
        for row, paid in zip(self.rows, found, strict=True):
            if paid is None:
                sums.append(None)
            elif row.house is None:
                sums.append(sum(paid))
            else:
                first = paid[1] == best[row.house] and row.house not in taken
                taken |= {row.house} if first else set()
                sums.append(paid[0] + (paid[1] if first else 0))
        return sums

    def _paid(self, law: Version | None, row: Row, day: date) -> tuple[int, int] | None:
        due = [] if law is None else [one for one in law.sums if _is_due(one.cadence, day)]
        if law is None or not due:
            return 0, 0
        found = self.answer(law, row, day)
        if found.outcome is Outcome.UNMET:
            return 0, 0
        paid = [one for one in found.benefits if one.cadence is not Cadence.STANDING and _is_due(one.cadence, day)]
        if found.outcome is Outcome.UNKNOWN or any(one.amount is None for one in paid):
            return None
        own = sum(one.amount.satang for one in paid if one.amount and one.per is not Per.HOUSEHOLD)
        return own, sum(one.amount.satang for one in paid if one.amount and one.per is Per.HOUSEHOLD)


_RANKS: Final = {Outcome.MET: 2, Outcome.UNKNOWN: 1, Outcome.UNMET: 0}


def _house(person: UUID, house: tuple[UUID, ...] | None) -> UUID | None:
    return None if house is None else min({person, *house})


def _is_due(cadence: Cadence, day: date) -> bool:
    return cadence is Cadence.MONTH or (cadence is Cadence.QUARTER and day.month in (10, 1, 4, 7))


def _whole(months: Iterator[int | None]) -> int | None:
    every = list(months)
    return None if None in every else sum(one for one in every if one is not None)


@pytest.mark.parametrize("slug", TRIED)
async def test_it_counts_and_costs_what_single_decisions_add_up_to(
    database: Database, redis: Redis, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, slug: str
) -> None:
    land = await village(database, redis, clock, houses=30)
    real = REAL[slug]
    land.programmes = ProgrammeCatalogue(tuple(laxer(one) if one.slug == slug else one for one in REAL))
    land.again()
    maker, checker = await land.officers(real.payer)
    for one in (maker.person, checker.person):
        land.houses[one] = land.kin[one] = None
    given = {"purpose": "welfare-rule-making", "programmes": [slug], "keep_days": 7, "on": ON.isoformat()}
    file = (DATA / f"{slug}.yaml").read_text("utf-8")
    proposal = await land.propose(maker, **given, file=file)
    async with land.database.write() as session:
        await land.proposals.approve(session, checker, proposal)
    kept: list[Tally] = []
    plain = Tally.plain

    def keeping(found: Tally) -> dict[str, Any]:
        kept.append(found)
        return plain(found)

    monkeypatch.setattr(Tally, "plain", keeping)
    await land.determinations.run(proposal, chunk=13)
    after = real.version_on(ON)
    assert after is not None
    single = Single(land, land.programmes[slug], after)
    whole = kept[-1].impact.whole
    cells = Counter(single.cell(row) for row in single.rows)
    assert whole.cells == {cell: cells[cell] for cell in Cell}
    assert whole.people == len(single.rows) == (await land.row(proposal)).people
    for side, cost in enumerate((whole.before, whole.after)):
        assert cost.satang == {rate: single.cost(side, rate) for rate in Rate}
    for label, months in fiscal_years(ON):
        assert kept[-1].years[label].plain() == single.year(months)
    assert (await land.row(proposal)).report is not None
