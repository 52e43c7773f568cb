"""What universities that do not exist report to the ministry: their gradings, degrees with courses, and students."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from services.plugins.contract.sandbox import Desk, Feed, Household, Person, Record, Rows, Sandbox, Table, drawn

FIRST_AGE, LAST_AGE = 15, 25
UNIVERSITIES: Final = {
    "UTP": ("มหาวิทยาลัยอุทยานพฤกษ์", "Utthayan Phruek University"),
    "RMS": ("มหาวิทยาลัยริมสินธุ์", "Rim Sin University"),
    "NKT": ("มหาวิทยาลัยนครทิพย์", "Nakhon Thip University"),
    "ISA": ("มหาวิทยาลัยอีสานอรุณ", "Isan Arun University"),
    "PKT": ("สถาบันปัญญาเขตใต้", "Panya Khet Tai Institute"),
}
"""Code, Thai and English name of each."""
GRADING: Final = {
    "from": "1990-01-01",
    "points": {
        "A": "4.00",
        "B+": "3.50",
        "B": "3.00",
        "C+": "2.50",
        "C": "2.00",
        "D+": "1.50",
        "D": "1.00",
        "F": "0.00",
    },
    "passes": ["S"],
    "uncounted": ["AU", "I", "U", "W"],
    "repeated": "last",
    "rounding": "down",
}
FIRST_OF_DEGREES: Final = 18
"""At that age one may study for a degree; who is younger studies for a vocational certificate."""
PROGRAMMES: Final = {
    "bachelor": ("ศิลปศาสตรบัณฑิต", "Bachelor of Arts"),
    "certificate": ("ประกาศนียบัตรวิชาชีพ", "Vocational Certificate"),
}


def _names(p: Person) -> tuple[str, str]:
    """In both scripts, as a student is entered."""
    th = f"{p.name.given_th} {p.name.middle_th} {p.name.family_th}"
    en = f"{p.name.given_en} {p.name.middle_en} {p.name.family_en}"
    return " ".join(th.split()), " ".join(en.split())


def _degrees(_: Household, p: Person, _day: date) -> Rows:
    for d in p.degrees:
        yield (
            d.degree_id, p.national_id, d.institution, d.student_number, d.level, d.award_th, d.award_en, d.title_th,
            d.title_en, f"{d.admitted_on}", f"{d.awarded_on}", d.gpax_hundredths, *_names(p),
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
        code = tuple(UNIVERSITIES)[drawn(p, "mhesi university", len(UNIVERSITIES))]
        level = "bachelor" if as_of.year - p.born.first.year > FIRST_OF_DEGREES else "certificate"
        yield (p.national_id, code, f"S{drawn(p, 'mhesi student', 10**12):012d}", level, *_names(p))


def enrolment(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """Whether somebody is a student now."""
    return {"enrolled": desk.one("SELECT pid FROM student WHERE pid = ?", pid) is not None}


def _institution(_: Desk, row: Record) -> Record:
    return {**row, "revision": 1, "grading": [GRADING]}


def _degree_sent(desk: Desk, row: Record) -> Record:
    """As the university sends it. What it sends of a later population is a later revision."""
    sql = "SELECT session, code, title_th, title_en, credits, grade FROM course WHERE degree_id = ? ORDER BY place"
    courses = desk.all(sql, row["degree_id"])
    taken: dict[str, list[Record]] = {}
    for course in courses:
        taken.setdefault(course["session"], []).append(_course_sent(course))
    return {
        **_sent(desk, row),
        "number": row["degree_id"],
        "awardTh": row["award_th"],
        "awardEn": row["award_en"],
        "titleTh": row["title_th"],
        "titleEn": row["title_en"],
        "status": "graduated",
        "admittedOn": row["admitted_on"],
        "awardedOn": row["awarded_on"],
        "gpax": f"{row['gpax_hundredths'] // 100}.{row['gpax_hundredths'] % 100:02d}",
        "credits": sum(course["credits"] for course in courses),
        "sessions": [{"session": session, "courses": those} for session, those in taken.items()],
    }


def _course_sent(row: Record) -> Record:
    titles = {"titleTh": row["title_th"], "titleEn": row["title_en"]}
    return {"code": row["code"], **titles, "credits": row["credits"], "grade": row["grade"]}


def _student_sent(desk: Desk, row: Record) -> Record:
    """Of somebody who studies there is nothing yet but where, and for what."""
    th, en = PROGRAMMES[row["level"]]
    return {
        **_sent(desk, row),
        "number": f"{row['institution']}-{row['student_number']}",
        "awardTh": th,
        "awardEn": en,
        "titleTh": th,
        "titleEn": en,
        "status": "studying",
        "admittedOn": f"{desk.as_of.year - 1}-06-15",
        "credits": 0,
        "sessions": [],
    }


def _sent(desk: Desk, row: Record) -> Record:
    return {
        "institution": row["institution"],
        "revision": desk.as_of.toordinal(),
        "nationalId": row["pid"],
        "studentNumber": row["student_number"],
        "nameTh": row["name_th"],
        "nameEn": row["name_en"],
        "level": row["level"],
    }


SANDBOX: Final = Sandbox(
    tables=(
        Table(
            "degree",
            "degree_id, pid, institution, student_number, level, award_th, award_en, title_th, title_en, "
            "admitted_on, awarded_on, gpax_hundredths, name_th, name_en",
            ("pid, awarded_on", "degree_id"),
            _degrees,
        ),
        Table(
            "course",
            "degree_id, place, session, code, title_th, title_en, credits, grade",
            ("degree_id, place",),
            _courses,
        ),
        Table("student", "pid, institution, student_number, level, name_th, name_en", ("pid",), _students),
    ),
    answers={"transcripts": transcripts, "enrolment": enrolment},
    feeds=(
        Feed(
            "institutions",
            _institution,
            rows=tuple({"code": code, "nameTh": th, "nameEn": en} for code, (th, en) in UNIVERSITIES.items()),
        ),
        Feed("records", _degree_sent, table="degree"),
        Feed("records", _student_sent, table="student"),
    ),
)
