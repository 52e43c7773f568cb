"""What each agency answers, in the agency's own words and dialect of dates. One function per path.

A registry of people (DOPA, RD, CGD) answers 404 for a person it has no record of. A register of things answers with an
empty list or null: that there is none is an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from services.sandbox.agencies.errors import malformed, no_such_person
from services.sandbox.agencies.register import Record, Register
from services.sandbox.population.degrees import UNIVERSITIES
from services.sandbox.population.places import province
from services.sandbox.population.vehicles import INSURERS

Answer = Callable[[Register, str, Mapping[str, Any]], Record]
"""The file, the national ID asked for, and the rest of the request's body."""

_PERSON: Final = (
    "SELECT pid, title_th, fname_th, mname_th, lname_th, title_en, fname_en, mname_en, lname_en, sex, "
    "birth_be, death_be, nationality, status, registered, registered_be, house_code, relation, "
    "father_pid, mother_pid FROM person "
)
_SQUARE_CENTIMETRES: Final = {"house": 4_000, "farm": 4_000, "other": 4_000, "condominium": 1_000}
"""In a tenth of the unit that the deed is written in: square wah, or square metre for a condominium."""


def _person(register: Register, pid: str) -> Record:
    found = register.one(_PERSON + "WHERE pid = ?", pid)
    if found is None:
        raise no_such_person()
    return found | {"registered": bool(found["registered"])}


def _house(register: Register, house_code: str) -> Record | None:
    house = register.one("SELECT house_code, house_no, moo, subdistrict FROM house WHERE house_code = ?", house_code)
    if house is not None:
        place = province(house["subdistrict"][:2])
        house |= {"province_th": place.name_th, "province_en": place.name_en}
    return house


def dopa_person(register: Register, pid: str, _: Mapping[str, Any]) -> Record:
    person = _person(register, pid)
    return person | {"house": _house(register, person["house_code"])}


def dopa_household(register: Register, pid: str, _: Mapping[str, Any]) -> Record:
    """Everyone living whose name stands in the same house, the person asked for among them, the head first."""
    person = _person(register, pid)
    members = register.all(
        _PERSON + "WHERE house_code = ? AND death_be IS NULL ORDER BY relation <> 'head', rowid", person["house_code"]
    )
    return {
        "house": _house(register, person["house_code"]),
        "members": [member | {"registered": bool(member["registered"])} for member in members],
    }


def dopa_children(register: Register, pid: str, _: Mapping[str, Any]) -> Record:
    """Children by birth, the eldest first, those who died among them."""
    person = _person(register, pid)
    column = "father_pid" if person["sex"] == "1" else "mother_pid"
    children = register.all(_PERSON + f"WHERE {column} = ? ORDER BY birth_be, rowid", pid)
    return {
        "children": [
            child | {"registered": bool(child["registered"]), "same_house": child["house_code"] == person["house_code"]}
            for child in children
        ]
    }


def dopa_parents(register: Register, pid: str, _: Mapping[str, Any]) -> Record:
    person = _person(register, pid)
    return {
        parent: None if person[f"{parent}_pid"] is None else _person(register, person[f"{parent}_pid"])
        for parent in ("father", "mother")
    }


def rd_income(register: Register, pid: str, _: Mapping[str, Any]) -> Record:
    """The latest tax year first; an income of null is a file that is not assessed yet."""
    sql = "SELECT tax_year_be, income_satang FROM income WHERE pid = ? ORDER BY tax_year_be DESC"
    incomes = register.all(sql, pid)
    if not incomes:
        raise no_such_person()
    return {"incomes": incomes}


def sso_insured(register: Register, pid: str, body: Mapping[str, Any]) -> Record:
    """Spells without a gap, and each month paid, from `from_month` (`YYYY-MM`) on where the request names one."""
    since = body.get("from_month", "")
    if not isinstance(since, str) or len(since) not in (0, 7):
        raise malformed()
    sql = "SELECT section, first_month, last_month, wage_satang FROM contribution WHERE pid = ? ORDER BY first_month"
    spells = register.all(sql, pid)
    months = [
        {"month": month, "section": spell["section"]}
        for spell in spells
        for month in _months(spell["first_month"], spell["last_month"])
        if month >= since
    ]
    return {"spells": spells, "months": months}


def _months(first: str, last: str) -> list[str]:
    start, end = (int(text[:4]) * 12 + int(text[5:]) - 1 for text in (first, last))
    return [f"{month // 12:04d}-{month % 12 + 1:02d}" for month in range(start, end + 1)]


def dlt_vehicles(register: Register, pid: str, _: Mapping[str, Any]) -> Record:
    sql = (
        "SELECT chassis, plate, province, kind, brand, registered_on, tax_paid_until FROM vehicle "
        "WHERE owner_pid = ? ORDER BY registered_on, chassis"
    )
    return {"vehicles": [row | {"province_th": province(row["province"]).name_th} for row in register.all(sql, pid)]}


def oic_policies(register: Register, pid: str, _: Mapping[str, Any]) -> Record:
    """The latest start first. A policy starts and ends at 16:30 in Bangkok."""
    sql = (
        "SELECT number, chassis, plate, province, insurer, vehicle_class, start_on, end_on, status, reported_on "
        "FROM policy WHERE holder_pid = ? ORDER BY start_on DESC, number"
    )
    policies = []
    for row in register.all(sql, pid):
        insurer_th, insurer_en = INSURERS[row["insurer"]]
        start_at, end_at = (f"{row.pop(day)}T16:30:00+07:00" for day in ("start_on", "end_on"))
        place = province(row["province"])
        names = {
            "insurer_th": insurer_th,
            "insurer_en": insurer_en,
            "province_th": place.name_th,
            "province_en": place.name_en,
        }
        policies.append(row | names | {"start_at": start_at, "end_at": end_at})
    return {"policies": policies}


def mhesi_transcripts(register: Register, pid: str, _: Mapping[str, Any]) -> Record:
    sql = (
        "SELECT degree_id, institution, student_number, level, award_th, award_en, title_th, title_en, admitted_on, "
        "awarded_on, gpax_hundredths FROM degree WHERE pid = ? ORDER BY awarded_on"
    )
    courses = "SELECT session, code, title_th, title_en, credits, grade FROM course WHERE degree_id = ? ORDER BY place"
    degrees = []
    for row in register.all(sql, pid):
        institution_th, institution_en = UNIVERSITIES[row["institution"]]
        names = {"institution_th": institution_th, "institution_en": institution_en}
        degrees.append(row | names | {"courses": register.all(courses, row["degree_id"])})
    return {"degrees": degrees}


def cgd_benefits(register: Register, pid: str, _: Mapping[str, Any]) -> Record:
    means = register.one("SELECT state_role FROM means WHERE pid = ?", pid)
    if means is None:
        raise no_such_person()
    return {
        "state_role": means["state_role"],
        "state_benefits": register.all("SELECT kind, since_be, monthly_satang FROM state_benefit WHERE pid = ?", pid),
        "welfare_card": register.one(
            "SELECT number, round_be, valid_from_be, status FROM welfare_card WHERE pid = ?", pid
        ),
    }


def cgd_means(register: Register, pid: str, _: Mapping[str, Any]) -> Record:
    """What banks and lenders told CGD; null assets are not reported yet."""
    means = register.one(
        "SELECT assets_satang, credit_cards, home_loan_satang, car_loan_satang FROM means WHERE pid = ?", pid
    )
    if means is None:
        raise no_such_person()
    return means


def dep_card(register: Register, pid: str, _: Mapping[str, Any]) -> Record:
    return {"card": register.one("SELECT number, kind, issued_be, valid_until_be FROM card WHERE pid = ?", pid)}


def dla_registration(register: Register, pid: str, _: Mapping[str, Any]) -> Record:
    return {"old_age": register.one("SELECT subdistrict, registered_be FROM old_age WHERE pid = ?", pid)}


def dol_land(register: Register, pid: str, _: Mapping[str, Any]) -> Record:
    parcels = register.all("SELECT deed, kind, tenths, province FROM land WHERE owner_pid = ? ORDER BY deed", pid)
    for parcel in parcels:
        parcel["square_centimetres"] = parcel.pop("tenths") * _SQUARE_CENTIMETRES[parcel["kind"]]
    return {"parcels": parcels}


ANSWERS: Final[dict[str, dict[str, Answer]]] = {
    "dopa": {"person": dopa_person, "household": dopa_household, "children": dopa_children, "parents": dopa_parents},
    "rd": {"income": rd_income},
    "sso": {"insured": sso_insured},
    "dlt": {"vehicles": dlt_vehicles},
    "oic": {"policies": oic_policies},
    "mhesi": {"transcripts": mhesi_transcripts},
    "cgd": {"benefits": cgd_benefits, "means": cgd_means},
    "dep": {"card": dep_card},
    "dla": {"registration": dla_registration},
    "dol": {"land": dol_land},
}
"""Agency, path, answer."""
