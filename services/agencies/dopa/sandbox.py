"""The civil registry: who people are, where their names stand, whose children they are.

Days are `YYYYMMDD` of the Buddhist era, unknown parts as 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from services.plugins.contract.sandbox import (
    Desk,
    Household,
    Person,
    Record,
    Rows,
    Sandbox,
    Table,
    no_such_person,
    to_be_yyyymmdd,
)

NATIONALITY_CODES: Final = {"THA": "099", "MMR": "048", "LAO": "056", "KHM": "057", "CHN": "044", "XXA": "999"}
"""DOPA's numbers of nationalities: 099 is Thai; the others are unverified. 999 is here "without nationality"."""
PERSON_STATUS_CODES: Final = {"normal": "0", "monk": "2", "prisoner": "3", "institution": "4"}
"""Made up; a dead person is 1."""
DEAD: Final = "1"
_PERSON: Final = (
    "SELECT pid, title_th, fname_th, mname_th, lname_th, title_en, fname_en, mname_en, lname_en, sex, "
    "birth_be, death_be, nationality, status, registered, registered_be, house_code, relation, "
    "father_pid, mother_pid FROM person "
)


def _person_rows(home: Household, p: Person, _day: date) -> Rows:
    status = PERSON_STATUS_CODES[p.status] if p.died_on is None else DEAD
    yield (
        p.national_id, *p.name, "1" if p.gender == "male" else "2", to_be_yyyymmdd(p.born),
        None if p.died_on is None else to_be_yyyymmdd(p.died_on), NATIONALITY_CODES[p.nationality], status,
        home.address.house_code, p.relation if p.died_on is None else None, int(p.registered and p.died_on is None),
        None if p.registered_since is None else to_be_yyyymmdd(p.registered_since), p.father, p.mother,
    )  # fmt: skip


def _house_rows(home: Household) -> Rows:
    a = home.address
    yield (a.house_code, a.house_number, a.village, a.subdistrict)


def person(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """Names in both scripts, sex (1 male, 2 female), birth and death, nationality (099 Thai, 999 none), status (0
    normal, 1 dead, 2 monk, 3 prisoner, 4 in an institution), registration, house with province, parents' numbers."""
    found = _person(desk, pid)
    return found | {"house": _house(desk, found["house_code"])}


def household(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """Everyone living whose name stands in the same house, the person asked for among them, the head first."""
    found = _person(desk, pid)
    members = desk.all(
        _PERSON + "WHERE house_code = ? AND death_be IS NULL ORDER BY relation <> 'head', rowid", found["house_code"]
    )
    return {
        "house": _house(desk, found["house_code"]),
        "members": [member | {"registered": bool(member["registered"])} for member in members],
    }


def children(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """Children by birth, the eldest first, those who died among them."""
    parent = _person(desk, pid)
    column = "father_pid" if parent["sex"] == "1" else "mother_pid"
    found = desk.all(_PERSON + f"WHERE {column} = ? ORDER BY birth_be, rowid", pid)
    return {
        "children": [
            child | {"registered": bool(child["registered"]), "same_house": child["house_code"] == parent["house_code"]}
            for child in found
        ]
    }


def parents(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """Father and mother, each null where unknown."""
    child = _person(desk, pid)
    return {
        parent: None if child[f"{parent}_pid"] is None else _person(desk, child[f"{parent}_pid"])
        for parent in ("father", "mother")
    }


def siblings(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """Elder children of the same mother or father, the eldest first, those who died among them; of twins the first on
    the register is the elder."""
    child = _person(desk, pid)
    found = desk.all(
        "SELECT pid, birth_be, death_be FROM person WHERE (mother_pid = ? OR father_pid = ?) AND (birth_be, rowid) < "
        "(SELECT birth_be, rowid FROM person WHERE pid = ?) ORDER BY birth_be, rowid",
        child["mother_pid"],
        child["father_pid"],
        pid,
    )
    return {"elder": found}


def _person(desk: Desk, pid: str) -> Record:
    found = desk.one(_PERSON + "WHERE pid = ?", pid)
    if found is None:
        raise no_such_person()
    return found | {"registered": bool(found["registered"])}


def _house(desk: Desk, house_code: str) -> Record | None:
    house = desk.one("SELECT house_code, house_no, moo, subdistrict FROM house WHERE house_code = ?", house_code)
    if house is not None:
        place = desk.province(house["subdistrict"][:2])
        house |= {"province_th": place.name_th, "province_en": place.name_en}
    return house


SANDBOX: Final = Sandbox(
    tables=(
        Table(
            "person",
            "pid, title_th, fname_th, mname_th, lname_th, title_en, fname_en, mname_en, lname_en, "
            "sex, birth_be, death_be, nationality, status, house_code, relation, "
            "registered, registered_be, father_pid, mother_pid",
            ("pid", "house_code", "father_pid", "mother_pid"),
            _person_rows,
        ),
        Table("house", "house_code, house_no, moo, subdistrict", ("house_code",), of_household=_house_rows),
    ),
    answers={"person": person, "household": household, "children": children, "parents": parents, "siblings": siblings},
)
