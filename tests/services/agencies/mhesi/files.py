"""The same records as NDJSON, as XML and as CSV, in the forms that the ministry's manifest declares."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

NAMESPACE: Final = "urn:sitthi:academic-record:1"
COLUMNS: Final = {
    "institution": "institution", "record": "number", "revision": "revision", "national_id": "nationalId",
    "student_number": "studentNumber", "name_th": "nameTh", "name_en": "nameEn", "level": "level", "status": "status",
    "admitted_on": "admittedOn", "awarded_on": "awardedOn", "award_th": "awardTh", "award_en": "awardEn",
    "title_th": "titleTh", "title_en": "titleEn", "gpax": "gpax", "credits_earned": "credits",
}  # fmt: skip
OF_COURSE: Final = {
    "course_code": "code", "course_th": "titleTh", "course_en": "titleEn", "course_credits": "credits", "grade": "grade"
}  # fmt: skip
HEADER: Final = [*COLUMNS, "session", "session_gpa", *OF_COURSE]


def as_ndjson(records: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in records)


def as_csv(records: Sequence[dict[str, Any]]) -> bytes:
    """A line for each course; one for a record that has none."""
    text = io.StringIO(newline="")
    sheet = csv.DictWriter(text, HEADER, restval="")
    sheet.writeheader()
    for record in records:
        whole = {column: record.get(name, "") for column, name in COLUMNS.items()}
        rows = [
            {"session": session["session"], "session_gpa": session.get("gpa", "")}
            | {column: course[name] for column, name in OF_COURSE.items()}
            for session in record["sessions"]
            for course in session["courses"]
        ]
        sheet.writerows(whole | row for row in rows or [{}])
    return text.getvalue().encode()


def as_xml(records: Sequence[dict[str, Any]]) -> bytes:
    """Of one institution, one line for each element that holds others."""
    [institution] = {one["institution"] for one in records}
    students = "".join(_student(one) for one in records)
    source = _tag("Source", _tag("OrganizationID", institution))
    destination = _tag("Destination", _tag("OrganizationID", "MHESI"))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<AcademicRecordBatch xmlns="{NAMESPACE}">\n'
        f"<TransmissionData>{source}{destination}</TransmissionData>\n{students}</AcademicRecordBatch>\n"
    ).encode()


def _student(one: dict[str, Any]) -> str:
    person = (
        _leaf("NationalID", one["nationalId"])
        + _leaf("SchoolAssignedPersonID", one["studentNumber"])
        + _both("Name", one, "name")
    )
    award = _both("Award", one, "award") + _both("Program", one, "title") + _leaf("AwardDate", one.get("awardedOn"))
    record = (
        _leaf("RecordID", one["number"])
        + _leaf("Revision", one["revision"])
        + _leaf("StudentLevel", one["level"])
        + _leaf("AcademicStatus", one["status"])
        + _leaf("EntryDate", one["admittedOn"])
        + _tag("AcademicAward", award)
        + _tag("AcademicSummary", _leaf("GPA", one.get("gpax")) + _leaf("CreditHoursEarned", one["credits"]))
        + "".join(_session(session) for session in one["sessions"])
    )
    return _tag("Student", "\n" + _tag("Person", person) + "\n" + _tag("AcademicRecord", record)) + "\n"


def _session(one: dict[str, Any]) -> str:
    courses = "".join("\n" + _course(course) for course in one["courses"])
    return "\n" + _tag(
        "AcademicSession", _leaf("SessionDesignator", one["session"]) + _leaf("GPA", one.get("gpa")) + courses
    )


def _course(one: dict[str, Any]) -> str:
    return _tag(
        "Course",
        _leaf("CourseCode", one["code"])
        + _both("Title", one, "title")
        + _leaf("CreditHours", one["credits"])
        + _leaf("Grade", one["grade"]),
    )


def _both(name: str, one: dict[str, Any], member: str) -> str:
    return _tag(name, _leaf("Thai", one[f"{member}Th"]) + _leaf("English", one[f"{member}En"]))


def _leaf(name: str, value: Any) -> str:
    return "" if value is None else _tag(name, escape(str(value)))


def _tag(name: str, inside: str) -> str:
    return f"<{name}>{inside}</{name}>"
