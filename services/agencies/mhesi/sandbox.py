"""The ministry's transcript office: degrees and courses, from universities that do not exist."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from services.plugins.contract.sandbox import Desk, Household, Person, Record, Rows, Sandbox, Table, drawn

FIRST_AGE, LAST_AGE = 15, 25
UNIVERSITIES: Final = {
    "UTP": ("มหาวิทยาลัยอุทยานพฤกษ์", "Utthayan Phruek University"),
    "RMS": ("มหาวิทยาลัยริมสินธุ์", "Rim Sin University"),
    "NKT": ("มหาวิทยาลัยนครทิพย์", "Nakhon Thip University"),
    "ISA": ("มหาวิทยาลัยอีสานอรุณ", "Isan Arun University"),
    "PKT": ("สถาบันปัญญาเขตใต้", "Panya Khet Tai Institute"),
}
"""Code, Thai and English name of each."""


def _degrees(_: Household, p: Person, _day: date) -> Rows:
    for d in p.degrees:
        yield (
            d.degree_id, p.national_id, d.institution, d.student_number, d.level, d.award_th, d.award_en, d.title_th,
            d.title_en, f"{d.admitted_on}", f"{d.awarded_on}", d.gpax_hundredths,
        )  # fmt: skip


def _courses(_: Household, p: Person, _day: date) -> Rows:
    return ((d.degree_id, place, *course) for d in p.degrees for place, course in enumerate(d.courses))


def transcripts(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """Degrees with the average in hundredths, and their courses with credits and grades."""
    sql = (
        "SELECT degree_id, institution, student_number, level, award_th, award_en, title_th, title_en, admitted_on, "
        "awarded_on, gpax_hundredths FROM degree WHERE pid = ? ORDER BY awarded_on"
    )
    courses = "SELECT session, code, title_th, title_en, credits, grade FROM course WHERE degree_id = ? ORDER BY place"
    degrees = []
    for row in desk.all(sql, pid):
        institution_th, institution_en = UNIVERSITIES[row["institution"]]
        names = {"institution_th": institution_th, "institution_en": institution_en}
        degrees.append(row | names | {"courses": desk.all(courses, row["degree_id"])})
    return {"degrees": degrees}


def _students(_: Household, p: Person, as_of: date) -> Rows:
    """Of those between 15 and 24 who live, most; drawn."""
    if (
        p.died_on is None
        and FIRST_AGE <= as_of.year - p.born.first.year < LAST_AGE
        and drawn(p, "mhesi enrolled", 4) > 0
    ):
        yield (p.national_id,)


def enrolment(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """Whether somebody is a student now."""
    return {"enrolled": desk.one("SELECT pid FROM student WHERE pid = ?", pid) is not None}


SANDBOX: Final = Sandbox(
    tables=(
        Table(
            "degree",
            "degree_id, pid, institution, student_number, level, award_th, award_en, title_th, title_en, "
            "admitted_on, awarded_on, gpax_hundredths",
            ("pid, awarded_on", "degree_id"),
            _degrees,
        ),
        Table(
            "course",
            "degree_id, place, session, code, title_th, title_en, credits, grade",
            ("degree_id, place",),
            _courses,
        ),
        Table("student", "pid", ("pid",), _students),
    ),
    answers={"transcripts": transcripts, "enrolment": enrolment},
)
