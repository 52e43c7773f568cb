"""The transcript as a paper: what its page shows, and the XML that the page was made from.

The XML has the names of the Postsecondary Electronic Standards Council's academic record (PESC; ETDA 25-2563), in the
shape in which universities send records here: it is the document, and the page shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from services.plugins.contract import Attachment, Paper, Relationship, Titles

NAMESPACE = "urn:sitthi:academic-record:1"
FILE = "academic-record.xml"
TITLE = Titles(th="ใบแสดงผลการศึกษา", en="Academic transcript")
CERTIFICATE = Titles(th="หนังสือรับรองการสำเร็จการศึกษา", en="Certificate of graduation")
Json = Mapping[str, Any]


def paper_of(degrees: Sequence[tuple[Json, Json]], *, part: bool = False) -> Paper:
    """Of records and their institutions, the earliest first; one at least. `part`: the student chose what it shows."""
    last, _ = degrees[-1]
    return Paper(
        template="transcript",
        name="transcript.pdf",
        title=TITLE,
        data={
            "name": {"th": last["nameTh"], "en": last["nameEn"]},
            "degrees": [_shown(record, institution) for record, institution in degrees],
            "part": part,
        },
        attachments=[_source(xml_of(degrees))],
    )


def certificate_of(degrees: Sequence[tuple[Json, Json]]) -> Paper:
    """That the degrees were awarded, without grades and courses. As :func:`paper_of`."""
    last, _ = degrees[-1]
    bare = [({**record, "gpax": "", "sessions": []}, institution) for record, institution in degrees]
    shown = [_shown(record, institution) for record, institution in bare]
    kept = ("institution", "title", "student", "number", "admitted", "awarded")
    return Paper(
        template="certificate",
        name="certificate.pdf",
        title=CERTIFICATE,
        data={
            "name": {"th": last["nameTh"], "en": last["nameEn"]},
            "degrees": [{name: degree[name] for name in kept} for degree in shown],
        },
        attachments=[_source(xml_of(bare))],
    )


def _source(content: str) -> Attachment:
    return Attachment(
        name=FILE,
        media_type="application/xml",
        relationship=Relationship.SOURCE,
        title=Titles(th="ข้อมูลผลการศึกษาที่เอกสารนี้แสดง", en="The academic record that this document shows"),
        content=content.encode(),
    )


def xml_of(degrees: Sequence[tuple[Json, Json]]) -> str:
    """The records as XML, always the same for the same records."""
    students = "".join(_student(record, institution) for record, institution in degrees)
    declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f'{declaration}<AcademicTranscript xmlns="{NAMESPACE}">{students}\n</AcademicTranscript>\n'


def _student(record: Json, institution: Json) -> str:
    sessions = "".join(_session(session) for session in record["sessions"])
    return f"""
<Student>
<Source><OrganizationID>{_text(record["institution"])}</OrganizationID>
<OrganizationName>{_both(institution["name_th"], institution["name_en"])}</OrganizationName></Source>
<Person><SchoolAssignedPersonID>{_text(record["studentNumber"])}</SchoolAssignedPersonID>
<Name>{_both(record["nameTh"], record["nameEn"])}</Name></Person>
<AcademicRecord><RecordID>{_text(record["number"])}</RecordID><Revision>{record["revision"]}</Revision>
<StudentLevel>{_text(record["level"])}</StudentLevel><EntryDate>{_text(record["admittedOn"])}</EntryDate>
<AcademicAward><AwardDate>{_text(record["awardedOn"])}</AwardDate>
<Award>{_both(record["awardTh"], record["awardEn"])}</Award>
<Program>{_both(record["titleTh"], record["titleEn"])}</Program></AcademicAward>
{_summary(record)}{sessions}
</AcademicRecord>
</Student>"""


def _summary(record: Json) -> str:
    average = _text(record["gpax"])
    return f"<AcademicSummary><GPA>{average}</GPA></AcademicSummary>" if average else ""


def _session(session: Json) -> str:
    return f"""
<AcademicSession><SessionDesignator>{_text(session["session"])}</SessionDesignator>{"".join(_courses(session))}
</AcademicSession>"""


def _courses(session: Json) -> Iterator[str]:
    for course in session["courses"]:
        yield f"""
<Course><CourseCode>{_text(course["code"])}</CourseCode><Title>{_both(course["titleTh"], course["titleEn"])}</Title>
<CreditHours>{course["credits"]}</CreditHours><Grade>{_text(course["grade"])}</Grade></Course>"""


def _both(thai: str, english: str) -> str:
    return f"<Thai>{_text(thai)}</Thai><English>{_text(english)}</English>"


def _text(said: str) -> str:
    """Of characters that XML may not hold (XML 1.0 §2.2) none is kept: a record with one shows nothing for it."""
    return escape("".join(sign for sign in said if sign >= " " and sign not in "\ufffe\uffff"))


def _shown(record: Json, institution: Json) -> dict[str, Any]:
    return {
        "institution": {"th": institution["name_th"], "en": institution["name_en"]},
        "title": {"th": record["titleTh"], "en": record["titleEn"]},
        "student": record["studentNumber"],
        "number": record["number"],
        "admitted": record["admittedOn"],
        "awarded": record["awardedOn"],
        "gpax": record["gpax"],
        "sessions": [
            {
                "session": session["session"],
                "courses": [
                    {
                        "code": course["code"],
                        "title": {"th": course["titleTh"], "en": course["titleEn"]},
                        "credits": str(course["credits"]),
                        "grade": course["grade"],
                    }
                    for course in session["courses"]
                ],
            }
            for session in record["sessions"]
        ],
    }
