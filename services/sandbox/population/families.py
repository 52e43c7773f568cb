"""Families: who lives with whom, and whose children they are.

A family is one household, or two where the parents work elsewhere and the grandparents raise the children.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import accumulate
from random import Random
from typing import Final

from core.thai_dates import PartialDate, be_year
from services.plugins.contract.people import Gender, Household, Person, PersonStatus, Relation, Vehicle
from services.sandbox.population.degrees import draw_degree
from services.sandbox.population.livelihood import live
from services.sandbox.population.names import NO_FAMILY, Word, draw_family, draw_name
from services.sandbox.population.national_ids import RunningNumbers, national_id
from services.sandbox.population.places import Province, draw_address, draw_province
from services.sandbox.population.vehicles import draw_vehicle

REGISTERED_AT_BIRTH_SINCE: Final = date(1984, 5, 31)
"""Thais born since then have person type 1; those on a house register before have type 3."""
FIRST_HOUSE_SERIAL: Final = 1_000
"""House serials below belong to the personas."""
FOREIGN: Final = ("MMR", "MMR", "LAO", "KHM", "CHN", "XXA")
KINDS: Final = {
    "single": 13,
    "single_elder": 9,
    "couple": 8,
    "elder_couple": 13,
    "nuclear": 23,
    "lone_parent": 8,
    "three_generations": 20,
    "skipped_generation": 5,
    "siblings": 5,
}
"""Kinds of family and how common each is, made up so that a household has about three members."""
_KINDS: Final = tuple(KINDS)
_WEIGHTS: Final = list(accumulate(KINDS.values()))


class FamilyMaker:
    """Makes one family after another; keeps count of the numbers it has given away.

    Who lives with whom comes from one stream of chance that never looks at the day, what a person does from a stream of
    their own: a population made again for a later day has the same families in it.
    """

    def __init__(self, seed: int, as_of: date) -> None:
        self._seed = seed
        self._random = Random(seed)
        self._as_of = as_of
        self._numbers = RunningNumbers(seed)
        self._persons = 0
        self._ages: dict[str, int] = {}
        self._houses = FIRST_HOUSE_SERIAL
        self._vehicles = FIRST_HOUSE_SERIAL
        self._place: Province = draw_province(self._random)
        self._foreign: str | None = None
        self._makers: dict[str, Callable[[], Iterator[Household]]] = {
            "single": self._single,
            "single_elder": self._single_elder,
            "couple": self._couple,
            "elder_couple": self._elder_couple,
            "nuclear": self._nuclear,
            "lone_parent": self._lone_parent,
            "three_generations": self._three_generations,
            "skipped_generation": self._skipped_generation,
            "siblings": self._siblings,
        }

    def family(self, room: int) -> list[Household]:
        """The next family, of at most `room` people; it is a person alone where a larger one would not fit."""
        random = self._random
        self._ages.clear()
        self._place = draw_province(random)
        self._foreign = FOREIGN[int(random.random() * len(FOREIGN))] if random.random() < 0.012 else None
        kind = random.choices(_KINDS, cum_weights=_WEIGHTS)[0] if room >= 10 else "single"
        return list(self._makers[kind]())

    def _household(self) -> Household:
        self._houses += 1
        return Household(draw_address(self._random, self._place, self._houses))

    def _single(self) -> Iterator[Household]:
        home = self._household()
        draw = self._random.random()
        gender = self._gender()
        status = PersonStatus.NORMAL
        if draw < 0.04 and gender is Gender.MALE and self._foreign is None:
            status = PersonStatus.MONK
        elif draw < 0.055:
            status = PersonStatus.PRISONER
        elif draw > 0.985:
            status = PersonStatus.INSTITUTION
        self._add(home, gender, self._years(20, 59), Relation.HEAD, self._family_name(), status=status)
        yield home

    def _single_elder(self) -> Iterator[Household]:
        home, family = self._household(), self._family_name()
        elder = self._add(home, self._gender(0.35), self._years(60, 96), Relation.HEAD, family, married=True)
        if self._random.random() < 0.4:
            self._add_dead_spouse(home, elder, family)
        yield home

    def _couple(self) -> Iterator[Household]:
        home = self._household()
        self._add_couple(home, self._years(24, 59), Relation.HEAD, Relation.SPOUSE, self._family_name())
        yield home

    def _elder_couple(self) -> Iterator[Household]:
        home = self._household()
        self._add_couple(home, self._years(58, 88), Relation.HEAD, Relation.SPOUSE, self._family_name())
        yield home

    def _nuclear(self) -> Iterator[Household]:
        home, family = self._household(), self._family_name()
        father, mother = self._add_couple(home, self._years(25, 56), Relation.HEAD, Relation.SPOUSE, family)
        self._add_children(home, father, mother, Relation.CHILD, family)
        yield home

    def _lone_parent(self) -> Iterator[Household]:
        home, family = self._household(), self._family_name()
        parent = self._add(home, self._gender(0.2), self._years(22, 54), Relation.HEAD, family)
        father, mother = (parent, None) if parent.gender is Gender.MALE else (None, parent)
        self._add_children(home, father, mother, Relation.CHILD, family)
        yield home

    def _three_generations(self) -> Iterator[Household]:
        home, family = self._household(), self._family_name()
        grandfather, grandmother = self._add_elders(home, family)
        youngest = self._age_of(grandmother or grandfather)
        parent_age = self._grown_child_of(youngest)
        parent = self._add(home, self._gender(), parent_age, Relation.CHILD, family, married=True)
        parent.father, parent.mother = _id(grandfather), _id(grandmother)
        father, mother = (parent, None) if parent.gender is Gender.MALE else (None, parent)
        if self._random.random() < 0.7:
            other = Gender.FEMALE if parent.gender is Gender.MALE else Gender.MALE
            age = max(20, self._age_of(parent) + int(self._random.gauss(0, 3)))
            spouse = self._add(home, other, age, Relation.CHILD_IN_LAW, self._family_name(), married=True)
            father, mother = (parent, spouse) if parent.gender is Gender.MALE else (spouse, parent)
        self._add_children(home, father, mother, Relation.GRANDCHILD, family)
        yield home

    def _skipped_generation(self) -> Iterator[Household]:
        home, family = self._household(), self._family_name()
        grandfather, grandmother = self._add_elders(home, family)
        mother_age = self._grown_child_of(self._age_of(grandmother or grandfather))
        at_home, self._place = self._place, draw_province(self._random)
        away = self._household()
        mother = self._add(away, Gender.FEMALE, mother_age, Relation.HEAD, family)
        mother.father, mother.mother = _id(grandfather), _id(grandmother)
        self._place = at_home
        self._add_children(home, None, mother, Relation.GRANDCHILD, family)
        yield home
        yield away

    def _siblings(self) -> Iterator[Household]:
        home, family = self._household(), self._family_name()
        for place in range(2 + int(self._random.random() * 2)):
            relation = Relation.HEAD if place == 0 else Relation.SIBLING
            self._add(home, self._gender(), self._years(18, 45), relation, family)
        yield home

    def _add_elders(self, home: Household, family: Word) -> tuple[Person | None, Person | None]:
        """One or two grandparents, the dead one struck out of the house; at least one of them lives."""
        age = self._years(46, 82)
        if self._random.random() < 0.55:
            return self._add_couple(home, age, Relation.HEAD, Relation.SPOUSE, family)
        elder = self._add(home, self._gender(0.3), age, Relation.HEAD, family, married=True)
        dead = self._add_dead_spouse(home, elder, family)
        return (elder, dead) if elder.gender is Gender.MALE else (dead, elder)

    def _add_couple(
        self, home: Household, age: int, first: Relation, second: Relation, family: Word
    ) -> tuple[Person, Person]:
        """Husband and wife; the wife is up to eight years younger, never under 19."""
        husband = self._add(home, Gender.MALE, age, first, family, married=True)
        wife_age = max(19, age - min(8, int(abs(self._random.gauss(0, 4)))))
        own = self._random.random() < 0.3
        wife = self._add(home, Gender.FEMALE, wife_age, second, self._family_name() if own else family, married=True)
        return husband, wife

    def _add_dead_spouse(self, home: Household, elder: Person, family: Word) -> Person:
        """The late wife or husband: dead for at least a month, and not before the mid-forties."""
        other = Gender.FEMALE if elder.gender is Gender.MALE else Gender.MALE
        years_ago = min(self._random.random() * 15, self._age_of(elder) - 45)
        died_on = self._as_of - timedelta(days=30 + int(years_ago * 365))
        return self._add(home, other, self._age_of(elder), Relation.SPOUSE, family, married=True, died_on=died_on)

    def _add_children(
        self, home: Household, father: Person | None, mother: Person | None, relation: Relation, family: Word
    ) -> None:
        """One to three, at times twins; the parents were at least 17, the mother at most 45."""
        oldest = min(self._age_of(parent) for parent in (father, mother) if parent is not None) - 18
        draw = self._random.random()
        count = 1 if draw < 0.55 else 2 if draw < 0.92 else 3
        eldest = max(self._random.random(), self._random.random())
        youngest = 0 if mother is None else max(0, self._age_of(mother) - 44)
        age = max(youngest, int(eldest * (min(24, max(0, oldest)) + 1)))
        born: PartialDate | None = None
        for _ in range(count):
            child = self._add(home, self._gender(), age, relation, family, born=born)
            child.father, child.mother = _id(father), _id(mother)
            twin = self._random.random() < 0.01
            born = child.born if twin else None
            if not twin:
                age -= 2 + int(self._random.random() * 4)
            if age < youngest:
                return

    def _add(
        self,
        home: Household,
        gender: Gender,
        age: int,
        relation: Relation,
        family: Word,
        *,
        married: bool = False,
        status: PersonStatus = PersonStatus.NORMAL,
        died_on: date | None = None,
        born: PartialDate | None = None,
    ) -> Person:
        random = self._random
        serial = self._persons
        self._persons += 1
        own = Random(self._seed * 10_000_019 + serial)
        nationality = self._foreign or "THA"
        born = born or self._birth(age, known=died_on is not None)
        person = Person(
            national_id=national_id(
                _type_of(own, nationality, born.first), self._place.code, self._numbers.number(serial)
            ),
            name=draw_name(random, gender, age, family, married=married, foreign=self._foreign is not None),
            gender=gender,
            born=born,
            nationality=nationality,
            status=status,
            died_on=died_on,
            relation=relation,
            registered=died_on is None and (self._foreign is None or random.random() < 0.5),
            registered_since=max(born.first, self._as_of - timedelta(days=int(random.random() * 20 * 365))),
        )
        home.members.append(person)
        self._ages[person.national_id] = age
        if died_on is None:
            live(own, person, age, self._as_of, serial)
            self._equip(own, person, age, serial)
        return person

    def _equip(self, random: Random, person: Person, age: int, serial: int) -> None:
        if age < 18 or person.status is not PersonStatus.NORMAL:
            return
        if random.random() < 0.42:
            person.vehicles += (self._vehicle(random, "motorcycle"),)
        if random.random() < 0.2:
            person.vehicles += (self._vehicle(random, "car" if random.random() < 0.55 else "pickup"),)
        if 22 <= age <= 45 and random.random() < 0.25:
            graduation = person.born.first.year + 22 + int(random.random() * 2)
            if self._as_of.year - 12 < graduation < self._as_of.year:
                person.degrees = (draw_degree(random, serial, graduation),)

    def _vehicle(self, random: Random, kind: str) -> Vehicle:
        self._vehicles += 1
        return draw_vehicle(random, self._as_of, self._place.code, kind, self._vehicles)

    def _birth(self, age: int, *, known: bool) -> PartialDate:
        """A day of birth at that age; of the old, some have no known day, and some no known month either."""
        day = self._as_of - timedelta(days=int(age * 365.25 + self._random.random() * 365))
        draw = self._random.random()
        if age < 60 or draw > 0.06 or known:
            return PartialDate.of(day)
        return PartialDate(day.year, day.month) if draw > 0.04 else PartialDate(be_year(day) - 543)

    def _age_of(self, person: Person | None) -> int:
        """As drawn, not as reckoned from the day of birth, which moves with the day."""
        return 200 if person is None else self._ages[person.national_id]

    def _grown_child_of(self, age: int) -> int:
        """An age between 20 and 50 for the son or daughter of someone who was between 18 and 40 then."""
        return self._years(max(20, min(50, age - 40)), max(20, min(50, age - 18)))

    def _years(self, youngest: int, oldest: int) -> int:
        return youngest + int(self._random.random() * (oldest - youngest + 1))

    def _gender(self, male: float = 0.49) -> Gender:
        return Gender.MALE if self._random.random() < male else Gender.FEMALE

    def _family_name(self) -> Word:
        return NO_FAMILY if self._foreign else draw_family(self._random)


def _id(person: Person | None) -> str | None:
    return None if person is None else person.national_id


def _type_of(random: Random, nationality: str, born: date) -> int:
    """The first digit of the national ID, by how the person came onto the register."""
    draw = random.random()
    if nationality != "THA":
        return 7 if born >= REGISTERED_AT_BIRTH_SINCE and draw < 0.3 else 6
    if draw > 0.985:
        return 5 if draw < 0.995 else 8
    if born < REGISTERED_AT_BIRTH_SINCE:
        return 3 if draw > 0.03 else 4
    return 1 if draw > 0.02 else 2
