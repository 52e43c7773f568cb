"""The made-up people of the sandboxes: what is true of them, before each agency writes it down in a shape of its own.

Money is integer satang; days are CE; `None` is "nobody knows", an empty tuple is "there is none".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from core.thai_dates import PartialDate


class Gender(StrEnum):
    MALE = "male"
    FEMALE = "female"


class PersonStatus(StrEnum):
    """What the civil registry knows of how a person lives; a dead person has a death date instead."""

    NORMAL = "normal"
    MONK = "monk"
    PRISONER = "prisoner"
    INSTITUTION = "institution"


class StateRole(StrEnum):
    NONE = "none"
    OFFICIAL = "official"
    PENSIONER = "pensioner"
    POLITICIAN = "politician"


class Relation(StrEnum):
    """To the head of the household, as a house registration book says it."""

    HEAD = "head"
    SPOUSE = "spouse"
    CHILD = "child"
    GRANDCHILD = "grandchild"
    PARENT = "parent"
    CHILD_IN_LAW = "child_in_law"
    SIBLING = "sibling"
    RESIDENT = "resident"


class Name(NamedTuple):
    """In both scripts; `middle` and, for some foreigners, `family` are empty."""

    title_th: str
    given_th: str
    middle_th: str
    family_th: str
    title_en: str
    given_en: str
    middle_en: str
    family_en: str


class Address(NamedTuple):
    house_code: str
    """The 11-digit code of a house: PPDD, six digits, a check digit."""
    house_number: str
    village: int
    subdistrict: str
    """PPDDSS."""


class Insured(NamedTuple):
    """Contributions to social security without a gap, from the first to the last month (`YYYY-MM`, CE), both paid."""

    section: str
    first_month: str
    last_month: str
    monthly_wage: int


class Policy(NamedTuple):
    """A compulsory motor policy. It starts and ends at 16:30 of its days."""

    number: str
    insurer: str
    vehicle_class: str
    start: date
    end: date
    status: str
    reported_on: date


class Vehicle(NamedTuple):
    chassis: str
    plate: str
    province: str
    kind: str
    brand: str
    registered_on: date
    tax_paid_until: date
    policies: tuple[Policy, ...]


class Course(NamedTuple):
    session: str
    code: str
    title_th: str
    title_en: str
    credits: int
    grade: str


class Degree(NamedTuple):
    degree_id: str
    institution: str
    student_number: str
    level: str
    award_th: str
    award_en: str
    title_th: str
    title_en: str
    admitted_on: date
    awarded_on: date
    gpax_hundredths: int
    courses: tuple[Course, ...]


class LandKind(StrEnum):
    HOUSE = "house"
    CONDOMINIUM = "condominium"
    FARM = "farm"
    OTHER = "other"


class Land(NamedTuple):
    """`tenths` are of a square wah (4,000 square centimetres); for a condominium, of a square metre (1,000)."""

    deed: str
    kind: LandKind
    tenths: int
    province: str


class DisabilityCard(NamedTuple):
    number: str
    kind: int
    issued_on: date
    valid_until: date


class WelfareCard(NamedTuple):
    number: str
    round_be: int
    valid_from: date
    status: str


class StateBenefit(NamedTuple):
    """A regular payment that the state already makes. `kind` is a short code, `amount` satang a month."""

    kind: str
    since: date
    amount: int


@dataclass(slots=True)
class Person:
    national_id: str
    name: Name
    gender: Gender
    born: PartialDate
    nationality: str
    """ISO 3166-1 alpha-3, `XXA` for a stateless person (ICAO 9303)."""
    status: PersonStatus = PersonStatus.NORMAL
    died_on: date | None = None
    relation: Relation = Relation.HEAD
    registered: bool = True
    """Whether the name stands in a house registration book (ท.ร.14)."""
    registered_since: date | None = None
    father: str | None = None
    mother: str | None = None
    incomes: tuple[tuple[int, int | None], ...] = ()
    """Tax year (CE) and income of the year; an unknown income is `None`, a year without a file is absent."""
    financial_assets: int | None = 0
    credit_cards: int = 0
    home_loan: int = 0
    car_loan: int = 0
    state_role: StateRole = StateRole.NONE
    insured: tuple[Insured, ...] = ()
    vehicles: tuple[Vehicle, ...] = ()
    degrees: tuple[Degree, ...] = ()
    lands: tuple[Land, ...] = ()
    disability_card: DisabilityCard | None = None
    welfare_card: WelfareCard | None = None
    state_benefits: tuple[StateBenefit, ...] = ()
    """Salary, pension or other regular payments of the state; not the allowances that Sitthi decides on."""
    old_age_registered_on: date | None = None
    """When the local authority put the person on its list for the old-age allowance; `None` is "not on it"."""


@dataclass(slots=True)
class Household:
    address: Address
    members: list[Person] = field(default_factory=list)
    """The head first. The dead stay on the list, struck out: they carry a death date."""

    @property
    def living(self) -> list[Person]:
        return [person for person in self.members if person.died_on is None]
