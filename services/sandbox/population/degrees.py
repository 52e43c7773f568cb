"""Degrees and their transcripts, from universities that do not exist."""

from __future__ import annotations

from datetime import date
from random import Random
from typing import Final, NamedTuple

from services.plugins.contract.people import Course, Degree

GRADES: Final = {"A": 400, "B+": 350, "B": 300, "C+": 250, "C": 200, "D+": 150, "D": 100}
"""Grade and its points in hundredths."""
_GRADES: Final = tuple(GRADES)


class Field(NamedTuple):
    code: str
    degree_th: str
    degree_en: str
    subjects: tuple[tuple[str, str], ...]


UNIVERSITIES: Final = ("UTP", "RMS", "NKT", "ISA", "PKT")
"""Their codes; their names are the ministry's to know (`services/agencies/mhesi/sandbox.py`)."""
GENERAL: Final = (
    ("ภาษาอังกฤษเพื่อการสื่อสาร", "English for Communication"),
    ("ภาษาไทยเพื่อการนำเสนอ", "Thai for Presentation"),
    ("การคิดเชิงวิพากษ์", "Critical Thinking"),
    ("พลเมืองกับสังคมดิจิทัล", "Citizens in a Digital Society"),
)
FIELDS: Final = (
    Field(
        "CS",
        "วิทยาการคอมพิวเตอร์",
        "Computer Science",
        (
            ("การเขียนโปรแกรม", "Programming"),
            ("โครงสร้างข้อมูล", "Data Structures"),
            ("ระบบฐานข้อมูล", "Database Systems"),
            ("เครือข่ายคอมพิวเตอร์", "Computer Networks"),
            ("ระบบปฏิบัติการ", "Operating Systems"),
            ("ความมั่นคงปลอดภัยสารสนเทศ", "Information Security"),
            ("วิศวกรรมซอฟต์แวร์", "Software Engineering"),
            ("ปัญญาประดิษฐ์", "Artificial Intelligence"),
        ),
    ),
    Field(
        "AG",
        "เกษตรศาสตร์",
        "Agriculture",
        (
            ("ปฐพีวิทยา", "Soil Science"),
            ("พืชไร่", "Field Crops"),
            ("โรคพืช", "Plant Pathology"),
            ("การจัดการน้ำ", "Water Management"),
            ("เศรษฐศาสตร์เกษตร", "Agricultural Economics"),
            ("การปรับปรุงพันธุ์พืช", "Plant Breeding"),
            ("กีฏวิทยา", "Entomology"),
            ("การส่งเสริมการเกษตร", "Agricultural Extension"),
        ),
    ),
    Field(
        "PA",
        "รัฐประศาสนศาสตร์",
        "Public Administration",
        (
            ("การบริหารงานบุคคลภาครัฐ", "Public Personnel Administration"),
            ("นโยบายสาธารณะ", "Public Policy"),
            ("การคลังสาธารณะ", "Public Finance"),
            ("กฎหมายปกครอง", "Administrative Law"),
            ("การปกครองท้องถิ่น", "Local Government"),
            ("ระเบียบวิธีวิจัย", "Research Methods"),
            ("รัฐบาลดิจิทัล", "Digital Government"),
            ("จริยธรรมภาครัฐ", "Public Ethics"),
        ),
    ),
    Field(
        "NS",
        "พยาบาลศาสตร์",
        "Nursing Science",
        (
            ("กายวิภาคศาสตร์", "Anatomy"),
            ("สรีรวิทยา", "Physiology"),
            ("การพยาบาลพื้นฐาน", "Fundamentals of Nursing"),
            ("การพยาบาลเด็ก", "Paediatric Nursing"),
            ("การพยาบาลผู้สูงอายุ", "Gerontological Nursing"),
            ("เภสัชวิทยา", "Pharmacology"),
            ("การพยาบาลชุมชน", "Community Nursing"),
            ("จิตวิทยาสุขภาพ", "Health Psychology"),
        ),
    ),
)
LEVELS: Final = {
    "bachelor": ("วิทยาศาสตรบัณฑิต", "Bachelor of Science", 4),
    "master": ("วิทยาศาสตรมหาบัณฑิต", "Master of Science", 2),
}
"""Thai and English name of the award and the years it takes."""


def draw_degree(random: Random, serial: int, graduation: int) -> Degree:
    """A bachelor's degree awarded in the CE year `graduation`, its transcript shortened to a dozen courses."""
    field = FIELDS[int(random.random() * len(FIELDS))]
    university = UNIVERSITIES[int(random.random() * len(UNIVERSITIES))]
    return degree(
        random,
        serial,
        university=university,
        level="bachelor",
        field=field,
        awarded_on=date(graduation, 5, 31),
        subjects=(*GENERAL, *field.subjects),
    )


def degree(
    random: Random,
    serial: int,
    *,
    university: str,
    level: str,
    field: Field,
    awarded_on: date,
    subjects: tuple[tuple[str, str], ...],
) -> Degree:
    """The subjects are spread over the years of the degree in their order; the average comes from the grades drawn."""
    award_th, award_en, years = LEVELS[level]
    prefix = "1" if level == "bachelor" else "5"
    ability = random.uniform(0.2, 3.2)
    courses = []
    for place, (title_th, title_en) in enumerate(subjects):
        year, half = divmod(place * years * 2 // len(subjects), 2)
        grade = _GRADES[min(len(_GRADES) - 1, int(abs(random.gauss(ability, 1.3))))]
        session = f"{half + 1}/{awarded_on.year - years + year}"
        courses.append(Course(session, f"{field.code}{prefix}{place + 101}", title_th, title_en, 2 + place % 2, grade))
    student_number = f"{(awarded_on.year - years + 543) % 100:02d}{prefix}{serial:08d}"
    return Degree(
        degree_id=f"{university}-{student_number}",
        institution=university,
        student_number=student_number,
        level=level,
        award_th=award_th,
        award_en=award_en,
        title_th=f"{award_th} ({field.degree_th})",
        title_en=f"{award_en} ({field.degree_en})",
        admitted_on=date(awarded_on.year - years, 6, 15),
        awarded_on=awarded_on,
        gpax_hundredths=average(courses),
        courses=tuple(courses),
    )


def average(courses: list[Course]) -> int:
    """Points weighed by credits, in hundredths, cut off after the second place as transcripts do (unverified)."""
    return sum(GRADES[course.grade] * course.credits for course in courses) // sum(course.credits for course in courses)
