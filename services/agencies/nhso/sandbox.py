"""The National Health Security Office: rights to health care. Days are `YYYYMMDD` of the Buddhist era.

The population says nothing of rights. They follow from what it says: officials and pensioners, and an official's
children under 20, have the civil servants' scheme (`OFC`); whoever pays under section 33 or 39 of social security has
that (`SSS`); every other Thai has universal coverage (`UCS`). Foreigners have what they pay for. Hospitals are made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from services.plugins.contract.sandbox import (
    Desk,
    Household,
    Person,
    Record,
    Rows,
    Sandbox,
    Table,
    drawn,
    to_be_yyyymmdd,
)

HOSPITALS: Final = (
    ("โรงพยาบาลร่มเกล้าพฤกษา", "Rom Klao Phrueksa Hospital"),
    ("โรงพยาบาลทุ่งอรุณ", "Thung Arun Hospital"),
    ("โรงพยาบาลริมธาร", "Rim Than Hospital"),
    ("โรงพยาบาลดอยงาม", "Doi Ngam Hospital"),
)
"""Thai and English names of hospitals that do not exist."""
FAMILY_AGE: Final = 20
CERTIFIED_ONE_IN: Final = 200
"""Adults with a certificate, made up."""
STATE_ROLES: Final = ("official", "pensioner")
CARED_FOR: Final = ("33", "39")
"""Sections of the Social Security Act whose insured have health care by it."""
SINCE: Final = date(2002, 11, 19)
"""The day after the National Health Security Act 2545 was published."""


def _rows(home: Household, p: Person, as_of: date) -> Rows:
    scheme = None if p.died_on is not None else _scheme(home, p, as_of)
    if scheme is not None:
        since = max(p.born.first, SINCE, as_of - timedelta(days=drawn(p, "nhso since", 4_000)))
        hospital = None if scheme == "OFC" else drawn(p, "nhso hospital", len(HOSPITALS))
        yield (p.national_id, scheme, to_be_yyyymmdd(since), hospital)


def _scheme(home: Household, p: Person, as_of: date) -> str | None:
    if p.state_role in STATE_ROLES or _is_family_of_an_official(home, p, as_of):
        return "OFC"
    last_month = (as_of.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    if any(spell.section in CARED_FOR and spell.last_month >= last_month for spell in p.insured):
        return "SSS"
    return "UCS" if p.nationality == "THA" else None


def _is_family_of_an_official(home: Household, p: Person, as_of: date) -> bool:
    officials = {member.national_id for member in home.living if member.state_role == "official"}
    return bool(officials & {p.father, p.mother}) and as_of.year - p.born.first.year < FAMILY_AGE


def right(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """The right to health care that holds, with the hospital, or null."""
    found = desk.one("SELECT scheme, since_be, hospital FROM health_right WHERE pid = ?", pid)
    if found is not None:
        place = found.pop("hospital")
        hospital_th, hospital_en = (None, None) if place is None else HOSPITALS[place]
        found |= {"hospital_th": hospital_th, "hospital_en": hospital_en}
    return {"right": found}


def _certificates(_: Household, p: Person, as_of: date) -> Rows:
    if (
        p.died_on is None
        and as_of.year - p.born.first.year >= FAMILY_AGE
        and drawn(p, "nhso aids", CERTIFIED_ONE_IN) == 0
    ):
        yield (p.national_id,)


def aids_certificate(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """Whether a physician's certificate stands on the register of care."""
    return {"certified": desk.one("SELECT pid FROM aids_certificate WHERE pid = ?", pid) is not None}


SANDBOX: Final = Sandbox(
    tables=(
        Table("health_right", "pid, scheme, since_be, hospital", ("pid",), _rows),
        Table("aids_certificate", "pid", ("pid",), _certificates),
    ),
    answers={"right": right, "aids-certificate": aids_certificate},
)
