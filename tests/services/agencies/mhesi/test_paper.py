"""The transcript as a paper: its XML holds what the record says, and its pages say the same in right Thai."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from core.paper import font_families
from services.agencies.mhesi.choosing import chosen
from services.agencies.mhesi.papers import NAMESPACE, certificate_of, paper_of, xml_of
from services.plugins.contract import AgencyError, Paper, Relationship
from services.plugins.contract.kinds import read_answer
from services.plugins.contract.manifest import OperationKind
from services.plugins.registry import load_folder
from services.receive.papers.laying_out import laid_out
from tests.services.agencies.mhesi.made_up import record
from tests.support import programs
from tests.support.plugins import AGENCIES, HOST

INSTITUTION = {"name_th": "มหาวิทยาลัยริมสินธุ์", "name_en": "Rim Sin University"}
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)


def found(xml: str, path: str) -> list[str | None]:
    steps = "/".join(f"{{{NAMESPACE}}}{step}" for step in path.split("/"))
    root: ET.Element = fromstring(xml.encode())
    return [element.text for element in root.iterfind(steps)]


def test_the_xml_says_every_course_of_the_record() -> None:
    one = record()
    xml = xml_of([(one, INSTITUTION)])
    courses = [course for session in one["sessions"] for course in session["courses"]]
    path = "Student/AcademicRecord/AcademicSession/Course"
    assert found(xml, f"{path}/CourseCode") == [course["code"] for course in courses]
    assert found(xml, f"{path}/Title/Thai") == [course["titleTh"] for course in courses]
    assert found(xml, f"{path}/Grade") == [course["grade"] for course in courses]
    assert found(xml, "Student/AcademicRecord/AcademicSummary/GPA") == [one["gpax"]]
    assert found(xml, "Student/Source/OrganizationName/Thai") == [INSTITUTION["name_th"]]
    assert one["nationalId"] not in xml, "whoever is shown a transcript learns no national ID"


@given(NAMES, NAMES)
def test_whatever_somebody_is_called_the_xml_says_it_and_nothing_else(thai: str, english: str) -> None:
    said = {**record(), "nameTh": thai, "nameEn": english}
    xml = xml_of([(said, INSTITUTION)])
    kept = [name.replace("\ufffe", "").replace("\uffff", "") or None for name in (thai, english)]
    assert [found(xml, f"Student/Person/Name/{which}")[0] for which in ("Thai", "English")] == kept


def test_the_paper_is_an_answer_of_contract_1_with_the_xml_as_its_source() -> None:
    paper = paper_of([(record(), INSTITUTION)])
    again = read_answer(OperationKind.ISSUE, paper.model_dump(mode="json", by_alias=True))
    assert again == paper
    assert isinstance(again, Paper)
    [one] = again.attachments
    assert (one.relationship, one.content) == (Relationship.SOURCE, xml_of([(record(), INSTITUTION)]).encode())


async def test_its_pages_say_in_right_thai_what_the_record_says(tmp_path: Path) -> None:
    programs.require("pdftotext")
    fonts = font_families()
    if not fonts:
        programs.absent("no Thai font: script/setup fetches one")
    plugin = load_folder(AGENCIES / "mhesi", HOST, {"highest_degree": "mhesi", "student_enrolled": "mhesi"})
    one = record(nameTh="ผู้ใหญ่ น้ำผึ้ง ปั้นฟื้น กตัญญู")
    paper = paper_of([(one, INSTITUTION)])
    both = {"th": "กระทรวง", "en": "Ministry"}
    words: dict[str, Any] = dict.fromkeys(("issuer", "verify", "upload", "source"), "https://sitthi.example")
    host = words | {"fonts": fonts, "title": paper.title.model_dump(), "agency": both, "made": both, "qr": "<svg/>"}
    host["qr"] = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    pdf = await laid_out(plugin.templates["transcript"], paper.data, host, [], datetime(2026, 11, 16, tzinfo=UTC))
    text = squeezed(text_of(pdf))
    assert squeezed(one["nameTh"]) in text
    assert squeezed(INSTITUTION["name_th"]) in text
    for session in one["sessions"]:
        for course in session["courses"]:
            assert course["code"] in text
            assert squeezed(course["titleTh"]) in text
    assert one["gpax"] in text


async def test_a_certificate_says_what_was_awarded_and_no_grade(tmp_path: Path) -> None:
    programs.require("pdftotext")
    fonts = font_families()
    if not fonts:
        programs.absent("no Thai font: script/setup fetches one")
    plugin = load_folder(AGENCIES / "mhesi", HOST, {"highest_degree": "mhesi", "student_enrolled": "mhesi"})
    one = record()
    paper = certificate_of([(one, INSTITUTION)])
    both = {"th": "กระทรวง", "en": "Ministry"}
    words: dict[str, Any] = dict.fromkeys(("issuer", "verify", "upload", "source"), "https://sitthi.example")
    host = words | {"fonts": fonts, "title": paper.title.model_dump(), "agency": both, "made": both}
    host["qr"] = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    pdf = await laid_out(plugin.templates["certificate"], paper.data, host, [], datetime(2026, 11, 16, tzinfo=UTC))
    text = squeezed(text_of(pdf))
    for said in (one["nameTh"], one["titleTh"], INSTITUTION["name_th"], one["awardedOn"]):
        assert squeezed(said) in text
    [source] = paper.attachments
    xml = source.content.decode()
    assert one["awardedOn"] in xml
    for kept in ("GPA", "Course", "Grade"):
        assert kept not in xml
    assert one["gpax"] not in text


def text_of(pdf: bytes) -> str:
    return subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "transcript.exe"},
        {"template": "../transcript"},
        {"data": {"words": "a" * 256_000}},
        {
            "attachments": [
                {"name": "../a", "mediaType": "a/b", "relationship": "source", "title": {"th": "ก", "en": "a"}}
            ]
        },
    ],
)
def test_what_is_no_paper_is_no_answer(wrong: dict[str, Any]) -> None:
    right = paper_of([(record(), INSTITUTION)]).model_dump(mode="json", by_alias=True)
    with pytest.raises(ValueError, match=r"Paper"):
        read_answer(OperationKind.ISSUE, right | wrong)


def test_a_student_shows_one_degree_or_one_course_and_nothing_else_of_the_record() -> None:
    first, second = ({**record(), "number": f"UTP-{n}"} for n in (1, 2))
    degrees = [(first, INSTITUTION), (second, INSTITUTION)]
    assert chosen(degrees, {}) == degrees
    assert chosen(degrees, {"degree": "UTP-2"}) == [(second, INSTITUTION)]
    course = first["sessions"][0]["courses"][0]["code"]
    [(shown, _)] = chosen(degrees, {"degree": "UTP-1", "course": course})
    xml = xml_of([(shown, INSTITUTION)])
    path = "Student/AcademicRecord/AcademicSession/Course/CourseCode"
    assert set(found(xml, path)) == {course}
    assert found(xml, "Student/AcademicRecord/AcademicSummary/GPA") == [], "the average tells of all the others"
    paper = paper_of([(shown, INSTITUTION)], part=True)
    told: Any = paper.data
    assert (told["part"], told["degrees"][0]["gpax"]) == (True, "")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"degree": "UTP-9"}, "NO_SUCH_DEGREE"),
        ({"course": "XX9999"}, "NO_SUCH_COURSE"),
        ({"cuorse": "CS1101"}, "CHOICE_WRONG"),
        ({"course": ""}, "CHOICE_WRONG"),
        ({"course": None}, "CHOICE_WRONG"),
        ({"degree": 1}, "CHOICE_WRONG"),
    ],
)
def test_a_choice_that_is_mistyped_shows_nothing(arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(AgencyError) as refused:
        chosen([(record(), INSTITUTION)], arguments)
    assert refused.value.code == code
