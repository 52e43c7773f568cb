"""Families in houses behind the exchange, with every fact that a programme reads, many beside a boundary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from random import Random  # noqa: TID251 (made-up families from a seed)
from typing import Any, Final
from uuid import UUID

from core.clock import FixedClock
from core.database import Database
from core.money import Money
from services.exchange.catalogue import Attribute
from services.exchange.catalogue.values import Kind
from tests.services.exchange.fakes import CATALOGUE, national_id
from tests.welfare.determination.populations import Land
from welfare.entitlements.room import programmes_over
from welfare.programmes import ForEach, Outcome, Programme, Version, evaluate

REAL: Final = programmes_over(CATALOGUE)
LIKELY: Final[Mapping[str, Any]] = {
    "nationality": "thai",
    "deceased": False,
    "household_registered": True,
    "state_benefit": False,
    "old_age_registered": True,
    "old_age_registered_on": date(2020, 1, 1),
    "disability_card": True,
    "state_welfare_card": True,
    "annual_income": Money.baht(60_000),
    "person_status": "normal",
    "parent_is_thai": True,
    "elder_siblings_under_six": 0,
    "elder_siblings_under_seven": 0,
    "student_loan_overdue": False,
    "has_credit_card": False,
    "student_enrolled": True,
    "state_role": "none",
    "financial_assets": Money(0),
    "home_loan": Money(0),
    "car_loan": Money(0),
    "house_land_area": 0,
    "condominium_area": 0,
    "other_land_area": 0,
    "agricultural_land_area": 0,
    "sso_job_seeker": True,
}
"""What most of them are, so that everybody is not refused for something."""


def _choices(attribute: Attribute) -> list[Any]:
    kind, kinds = attribute.type.kind, attribute.type
    if kind is Kind.BOOL:
        return [True, False]
    if kind is Kind.CODE:
        return list(kinds.codes)
    if kind is Kind.DATE:
        return [date(2026, 9, 1), date(2026, 11, 15), date(2025, 1, 1), date(2020, 1, 1)]
    least, most = kinds.minimum, kinds.maximum
    if kind is Kind.MONEY:
        return [Money(n) for n in (0, 1_500_000, 10_000_000, 10_000_001) if least <= n <= most]
    return [n for n in (0, 1, 3, 6, 12, 36, 180, 240) if least <= n <= most]


@dataclass
class Village(Land):
    """`houses` and `kin` by key: who lives with whom, and whose children are whose."""

    houses: dict[UUID, tuple[UUID, ...] | None] = field(default_factory=dict)
    kin: dict[UUID, tuple[UUID, ...] | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.programmes = REAL
        super().__post_init__()

    async def settle(self, houses: int, seed: int = 1) -> None:
        dice = Random(seed)
        sizes = [dice.choice((1, 2, 3, 3, 4, 5)) for _ in range(houses)]
        numbers = iter([national_id(20_000 + n) for n in range(sum(sizes))])
        apart: list[UUID] = []
        for size in sizes:
            adults = 1 if size < 3 else 2
            house = [await self._somebody(next(numbers), dice, is_child=n >= adults) for n in range(size)]
            parents, children = house[:adults], house[adults:]
            for one in house:
                self.settles(one, house, children if one in parents else [])
            if children and apart:  # a parent who lives elsewhere
                elsewhere = apart.pop()
                self.settles(elsewhere, self.houses[elsewhere] or (), [*(self.kin[elsewhere] or ()), children[0]])
            apart += parents[:1] if size < 3 else []
        people = list(self.people)
        self.settles(people[0], None, self.kin[people[0]])
        self.settles(people[1], self.houses[people[1]], None)

    def settles(self, person: UUID, house: Any, children: Any) -> None:
        """None: the register says nothing of it."""
        self.houses[person] = None if house is None else tuple(house)
        self.kin[person] = None if children is None else tuple(children)
        record = self.sources["dopa"].file[self.exchange.ids[person.hex]]
        for name, ties in (("household_members", house), ("children", children)):
            record.pop(name, None)
            if ties is not None:
                record[name] = [self.exchange.ids[one.hex].digits for one in ties]

    async def _somebody(self, number: Any, dice: Random, *, is_child: bool) -> UUID:
        async with self.database.write() as session:
            person: UUID = (await self.exchange.people.resolve(session, [number]))[number.digits]
        self.exchange.ids[person.hex] = number
        self.say(person, number, self._drawn(dice, is_child=is_child))
        return person

    def _drawn(self, dice: Random, *, is_child: bool) -> dict[str, Any]:
        year = dice.choice((2019, 2020, 2021, 2023, 2026) if is_child else (1930, 1950, 1966, 1970, 1985, 2000))
        facts: dict[str, Any] = {}
        for attribute in CATALOGUE.attributes.values():
            if attribute.type.kind in (Kind.NAME, Kind.ADDRESS, Kind.PEOPLE) or attribute.derived is not None:
                continue
            if attribute.steward not in self.sources or attribute.id in ("aids_certified", "without_support"):
                continue
            value = dice.choice([*_choices(attribute), None])
            facts[attribute.id] = LIKELY[attribute.id] if attribute.id in LIKELY and dice.random() < 0.94 else value
        born = date(year, dice.choice((1, 10, 11, 12)), dice.choice((1, 15, 16, 28)))
        return {**facts, "birth_date": min(born, date(2026, 11, 16)), "province": dice.choice(("th10", "th50"))}

    def facts(self, person: UUID) -> dict[str, Any]:
        """Of one person with the totals of their house."""
        known, house = dict(self.people.get(person, {})), self.houses.get(person)
        if house is None:
            return {**known, "household_income": None, "household_size": None}
        incomes = [self.people[one].get("annual_income") for one in {person, *house}]
        total = None if None in incomes else Money(sum(one.satang for one in incomes if one is not None))
        return {**known, "household_income": total, "household_size": len({person, *house})}

    def facts_of_child(self, child: UUID, parent: UUID) -> dict[str, Any]:
        house = self.houses.get(parent)
        return {**self.people[child], "lives_with_applicant": None if house is None else child in house}

    def pairs(self) -> Iterator[tuple[UUID, UUID | None]]:
        """Everybody with each child of theirs; with None, of whom nobody can say."""
        for person in self.people:
            kin = self.kin.get(person)
            yield from [(person, None)] if kin is None else [(person, child) for child in kin]

    def outcome(self, version: Version, person: UUID, child: UUID | None, on: date | None = None) -> Outcome:
        """As one citizen at a time is answered."""
        day = on or self.clock.today()
        if version.for_each is ForEach.PERSON:
            return evaluate(version, self.facts(person), None, day).outcome
        childs = {} if child is None else self.facts_of_child(child, person)
        found = evaluate(version, self.facts(person), childs, day).outcome
        return Outcome.UNKNOWN if child is None and found is Outcome.MET else found

    def every(self, programme: Programme) -> dict[tuple[UUID, str, UUID], str]:
        """Without those whom the rules say no to."""
        version = programme.version_on(self.clock.today())
        assert version is not None
        about = [(person, None) for person in self.people] if version.for_each is ForEach.PERSON else list(self.pairs())
        answers = {
            (person, programme.slug, child or person): self.outcome(version, person, child) for person, child in about
        }
        return {key: one.value for key, one in answers.items() if one is not Outcome.UNMET}


def in_bulk(agency: str, on: date) -> list[str]:
    """What the agency may have drawn up a register of."""
    return [
        one.slug
        for one in REAL
        if one.payer == agency and not one.on_request and one.channel != "NONE" and one.version_on(on) is not None
    ]


async def village(database: Database, redis: Any, clock: FixedClock, houses: int = 25, seed: int = 1) -> Village:
    made = Village(database, redis, clock)
    await made.settle(houses, seed)
    return made
