"""Records of universities that do not exist."""

from __future__ import annotations

from typing import Any, Final

from core.ids import check_digit

POINTS: Final = {
    "A": "4.00", "B+": "3.50", "B": "3.00", "C+": "2.50", "C": "2.00", "D+": "1.50", "D": "1.00", "F": "0.00"
}  # fmt: skip
GRADING: Final[dict[str, Any]] = {
    "from": "1990-01-01",
    "points": POINTS,
    "passes": ["S"],
    "uncounted": ["U", "W"],
    "repeated": "last",
    "rounding": "down",
}
INSTITUTION: Final[dict[str, Any]] = {
    "code": "UTP",
    "revision": 1,
    "nameTh": "มหาวิทยาลัยอุทยานพฤกษ์",
    "nameEn": "Utthayan Phruek University",
    "grading": [GRADING],
}


def national_id(number: int) -> str:
    """Made up, so it begins with 0."""
    twelve = f"{number:012d}"
    return f"{twelve}{check_digit(twelve)}"


def course(code: str, grade: str, weight: int = 3) -> dict[str, Any]:
    return {"code": code, "titleTh": f"วิชา {code}", "titleEn": f"Course {code}", "credits": weight, "grade": grade}


def record(number: int = 1, **given: Any) -> dict[str, Any]:
    """A bachelor's degree of one course with an A; of `given` a None leaves the member out."""
    whole = {
        "institution": "UTP",
        "number": f"UTP-{number}",
        "revision": 1,
        "nationalId": national_id(number),
        "studentNumber": f"63{number:09d}",
        "nameTh": "ตัวอย่าง ใจดี",
        "nameEn": "Tuayang Jaidee",
        "level": "bachelor",
        "awardTh": "วิทยาศาสตรบัณฑิต",
        "awardEn": "Bachelor of Science",
        "titleTh": "วิทยาศาสตรบัณฑิต (สถิติ)",
        "titleEn": "Bachelor of Science (Statistics)",
        "status": "graduated",
        "admittedOn": "2020-06-15",
        "awardedOn": "2024-05-31",
        "gpax": "4.00",
        "credits": 3,
        "sessions": [{"session": "1/2020", "courses": [course("ST101", "A")]}],
    }
    return {name: value for name, value in (whole | given).items() if value is not None}


def many(count: int) -> list[dict[str, Any]]:
    """Records with several sessions and courses, right in all that they say of totals."""
    made = []
    for number in range(1, count + 1):
        taken = [
            (2020 + year, course(f"C{year}{n}", list(POINTS)[(number + year * n) % 5], 1 + (number + n) % 4))
            for year in range(1 + number % 3)
            for n in range(1 + (number + year) % 4)
        ]
        sessions = [
            {"session": f"1/{year}", "courses": [one for of, one in taken if of == year]}
            for year in dict.fromkeys(year for year, _ in taken)
        ]
        earned = sum(int(one["credits"]) for _, one in taken)
        worth = sum(int(POINTS[one["grade"]].replace(".", "")) * int(one["credits"]) for _, one in taken) // earned
        gpax = f"{worth // 100}.{worth % 100:02d}"
        made.append(record(number, sessions=sessions, gpax=gpax, credits=earned))
    return made
