"""The files of the agencies, each in a shape of the agency's own, and how a person becomes rows in them.

Days are DOPA's BE `YYYYMMDD` in `dopa`, `cgd`, `dla` and `dep`; ISO 8601 elsewhere. Tax years are BE. Money is integer
satang. Index statements run after the rows are in, which keeps a million citizens linear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from core.thai_dates import to_be_yyyymmdd
from services.sandbox.population.degrees import LEVELS
from services.sandbox.population.model import Household, Person

Row = tuple[Any, ...]
Rows = Iterable[Row]

NATIONALITY_CODES: Final = {"THA": "099", "MMR": "048", "LAO": "056", "KHM": "057", "CHN": "044", "XXA": "999"}
"""DOPA's numbers of nationalities: 099 is Thai; the others are unverified. 999 is here "without nationality"."""
PERSON_STATUS_CODES: Final = {"normal": "0", "monk": "2", "prisoner": "3", "institution": "4"}
"""Made up; a dead person is 1."""
DEAD: Final = "1"


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: str
    rows: Callable[[Household, Person], Rows]
    """The rows of one person."""
    indexes: tuple[str, ...]
    """Columns of each index; the first index is how the agency looks things up."""
    of_household: Callable[[Household], Rows] | None = None
    """The rows of a household as a whole, instead of `rows`."""

    @property
    def width(self) -> int:
        return self.columns.count(",") + 1

    def rows_of(self, home: Household) -> Iterator[Row]:
        if self.of_household is not None:
            return iter(self.of_household(home))
        return chain.from_iterable(self.rows(home, person) for person in home.members)


def _dopa_person(home: Household, p: Person) -> Rows:
    status = PERSON_STATUS_CODES[p.status] if p.died_on is None else DEAD
    yield (
        p.national_id, *p.name, "1" if p.gender == "male" else "2", to_be_yyyymmdd(p.born),
        None if p.died_on is None else to_be_yyyymmdd(p.died_on), NATIONALITY_CODES[p.nationality], status,
        home.address.house_code, p.relation if p.died_on is None else None, int(p.registered and p.died_on is None),
        None if p.registered_since is None else to_be_yyyymmdd(p.registered_since), p.father, p.mother,
    )  # fmt: skip


def _dopa_house(home: Household) -> Rows:
    a = home.address
    yield (a.house_code, a.house_number, a.village, a.subdistrict)


def _rd_income(_: Household, p: Person) -> Rows:
    return ((p.national_id, year + 543, income) for year, income in p.incomes)


def _sso_insured(_: Household, p: Person) -> Rows:
    return ((p.national_id, *spell) for spell in p.insured)


def _dlt_vehicle(_: Household, p: Person) -> Rows:
    for v in p.vehicles:
        yield (
            p.national_id,
            v.chassis,
            v.plate,
            v.province,
            v.kind,
            v.brand,
            f"{v.registered_on}",
            f"{v.tax_paid_until}",
        )


def _oic_policy(_: Household, p: Person) -> Rows:
    for v in p.vehicles:
        for y in v.policies:
            yield (
                y.number, p.national_id, v.chassis, v.plate, v.province, y.insurer, y.vehicle_class,
                f"{y.start}", f"{y.end}", y.status, f"{y.reported_on}",
            )  # fmt: skip


def _mhesi_degree(_: Household, p: Person) -> Rows:
    for d in p.degrees:
        award_th, award_en, _years = LEVELS[d.level]
        yield (
            d.degree_id, p.national_id, d.institution, d.student_number, d.level, award_th, award_en, d.title_th,
            d.title_en, f"{d.admitted_on}", f"{d.awarded_on}", d.gpax_hundredths,
        )  # fmt: skip


def _mhesi_course(_: Household, p: Person) -> Rows:
    return ((d.degree_id, place, *course) for d in p.degrees for place, course in enumerate(d.courses))


def _cgd_means(_: Household, p: Person) -> Rows:
    if p.died_on is None:
        yield (p.national_id, p.state_role, p.financial_assets, p.credit_cards, p.home_loan, p.car_loan)


def _cgd_card(_: Household, p: Person) -> Rows:
    if p.welfare_card is not None:
        card = p.welfare_card
        yield (p.national_id, card.number, card.round_be, to_be_yyyymmdd(card.valid_from), card.status)


def _cgd_benefit(_: Household, p: Person) -> Rows:
    return ((p.national_id, b.kind, to_be_yyyymmdd(b.since), b.amount) for b in p.state_benefits)


def _dep_card(_: Household, p: Person) -> Rows:
    if p.disability_card is not None:
        card = p.disability_card
        yield (p.national_id, card.number, card.kind, to_be_yyyymmdd(card.issued_on), to_be_yyyymmdd(card.valid_until))


def _dla_old_age(home: Household, p: Person) -> Rows:
    if p.old_age_registered_on is not None:
        yield (p.national_id, f"{home.address.subdistrict}", to_be_yyyymmdd(p.old_age_registered_on))


def _dol_land(_: Household, p: Person) -> Rows:
    return ((land.deed, p.national_id, land.kind, land.tenths, land.province) for land in p.lands)


AGENCIES: Final[dict[str, tuple[Table, ...]]] = {
    "dopa": (
        Table(
            "person",
            "pid, title_th, fname_th, mname_th, lname_th, title_en, fname_en, mname_en, lname_en, "
            "sex, birth_be, death_be, nationality, status, house_code, relation, "
            "registered, registered_be, father_pid, mother_pid",
            _dopa_person,
            ("pid", "house_code", "father_pid", "mother_pid"),
        ),
        Table(
            "house", "house_code, house_no, moo, subdistrict", _dopa_person, ("house_code",), of_household=_dopa_house
        ),
    ),
    "rd": (Table("income", "pid, tax_year_be, income_satang", _rd_income, ("pid, tax_year_be",)),),
    "sso": (
        Table(
            "contribution", "pid, section, first_month, last_month, wage_satang", _sso_insured, ("pid, first_month",)
        ),
    ),
    "dlt": (
        Table(
            "vehicle",
            "owner_pid, chassis, plate, province, kind, brand, registered_on, tax_paid_until",
            _dlt_vehicle,
            ("owner_pid", "chassis"),
        ),
    ),
    "oic": (
        Table(
            "policy",
            "number, holder_pid, chassis, plate, province, insurer, vehicle_class, start_on, end_on, status, "
            "reported_on",
            _oic_policy,
            ("holder_pid, start_on", "chassis"),
        ),
    ),
    "mhesi": (
        Table(
            "degree",
            "degree_id, pid, institution, student_number, level, award_th, award_en, title_th, title_en, "
            "admitted_on, awarded_on, gpax_hundredths",
            _mhesi_degree,
            ("pid, awarded_on", "degree_id"),
        ),
        Table(
            "course",
            "degree_id, place, session, code, title_th, title_en, credits, grade",
            _mhesi_course,
            ("degree_id, place",),
        ),
    ),
    "cgd": (
        Table(
            "means",
            "pid, state_role, assets_satang, credit_cards, home_loan_satang, car_loan_satang",
            _cgd_means,
            ("pid",),
        ),
        Table("welfare_card", "pid, number, round_be, valid_from_be, status", _cgd_card, ("pid",)),
        Table("state_benefit", "pid, kind, since_be, monthly_satang", _cgd_benefit, ("pid",)),
    ),
    "dep": (Table("card", "pid, number, kind, issued_be, valid_until_be", _dep_card, ("pid",)),),
    "dla": (Table("old_age", "pid, subdistrict, registered_be", _dla_old_age, ("pid",)),),
    "dol": (Table("land", "deed, owner_pid, kind, tenths, province", _dol_land, ("owner_pid, deed",)),),
}
"""Each agency's tables."""
